/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What groups are made of, as parameters of calls: names, volumes, pools, log volumes. */
#pragma once

#include "ctl.h"

/* These return an exit status and have complained. */
int check_name(const char *name);
int append_objects(sd_bus *bus, sd_bus_message *call, const char *method, char *const *names);
int append_object_option(sd_bus *bus, sd_bus_message *call, const char *key, const char *method, const char *name);

/* The a{sv} of a group's settings; negative on failure. Member_names may be NULL. */
int append_group_settings(sd_bus_message *call, const struct log_place *place, char **member_names);
