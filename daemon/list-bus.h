/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The List methods of org.blkrepl1.System */
#pragma once

#include <systemd/sd-bus.h>

int list_groups(sd_bus_message *m, void *userdata, sd_bus_error *e);
int list_relationships(sd_bus_message *m, void *userdata, sd_bus_error *e);
int list_aspects(sd_bus_message *m, void *userdata, sd_bus_error *e);
int list_pairs(sd_bus_message *m, void *userdata, sd_bus_error *e);
int list_volumes(sd_bus_message *m, void *userdata, sd_bus_error *e);
int list_pools(sd_bus_message *m, void *userdata, sd_bus_error *e);
int list_peers(sd_bus_message *m, void *userdata, sd_bus_error *e);
int list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *e);
