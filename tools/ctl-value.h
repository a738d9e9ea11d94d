/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* D-Bus values as JSON. */
#pragma once

#include "ctl.h"

/* The next complete value of the message; a dictionary becomes an object, a struct an array. */
int value_read(sd_bus_message *m, json_object **ret);

/* Members of an object, with a default for those that are absent. */
const char *member_string(json_object *o, const char *key);
uint64_t member_u64(json_object *o, const char *key);
double member_double(json_object *o, const char *key);
bool member_bool(json_object *o, const char *key);
json_object *member_array(json_object *o, const char *key);
