/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list and show, the same for every noun. */
#pragma once

#include "ctl.h"

/* What the daemon lists under a noun: an array of arrays. */
int list_objects(sd_bus *bus, const char *noun, json_object **ret);
/* What a row of it is called on the command line. */
const char *object_name(const char *noun, json_object *row);

int verb_list(const struct verb *verb, char **args);
int verb_show(const struct verb *verb, char **args);
