/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calling the daemon, and saying what went wrong when it refuses. */
#pragma once

#include "ctl.h"

/* The functions that return int return an exit status and have complained. */
int bus_connect(sd_bus **ret);

/* The path of an object under its name: "relationship", "r1". */
int object_path(const char *kind, const char *name, char **ret);

int call_new(sd_bus *bus, const char *path, const char *interface, const char *member, sd_bus_message **ret);

/* Subject is what the call is about, for the complaint: "relationship r1". */
int call_read(sd_bus *bus, sd_bus_message *call, const char *subject, sd_bus_message **ret);
/* The same for a call that changes something: --show-call prints it first. */
int call_act(sd_bus *bus, sd_bus_message *call, const char *subject, sd_bus_message **ret);

/* Get{Group,…}(id) → path */
int resolve(sd_bus *bus, const char *method, const char *id, char **ret);
int get_properties(sd_bus *bus, const char *path, const char *interface, const char *subject, json_object **ret);
int describe(sd_bus *bus, json_object **ret);

int complain(const char *subject, const sd_bus_error *error, int r);
int append_failed(int r);
/* One entry of an open a{sv}; type is a basic one. */
int append_option(sd_bus_message *m, const char *key, const char *type, ...);
/* The same for an array of strings. */
int append_option_strv(sd_bus_message *m, const char *key, char **value);
