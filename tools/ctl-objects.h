/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list and show, the same for every noun. */
#pragma once

#include "ctl.h"

int verb_list(const struct verb *verb, char **args);
int verb_show(const struct verb *verb, char **args);
