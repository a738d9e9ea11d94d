/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage systems; in this version there is one, this host. */
#pragma once

#include "manager.h"

sd_id128_t peer_local_uuid(void);
char *peer_local_path(void);
/* "/" means the local one too. */
bool peer_is_local(struct manager *m, const char *object_path);
int peer_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int peer_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
extern const sd_bus_vtable peer_vtable[];
