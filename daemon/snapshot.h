/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LVM snapshots of volumes that are going to be overwritten. They are named
 * VOLUME.before-OPERATION.TIME, all or none are made, and nothing removes them
 * but the administrator.
 */
#pragma once

#include "relationship.h"

/* names is NULL-terminated, VG/LV; the handler takes them over. e: why there are none. */
typedef void (*snapshot_handler)(char **names, const sd_bus_error *e, void *userdata);

/* expected: bytes of each member that will be overwritten */
int snapshot_take(struct group *g, const char *operation, const uint64_t *expected, snapshot_handler handler, void *userdata);
