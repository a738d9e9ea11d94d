/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LVM snapshots of volumes that are going to be overwritten. They are named
 * VOLUME.before-OPERATION.TIME, and all or none are made. Those that were not asked
 * for and are of use only until the copy is over go then; nothing but the
 * administrator removes the others.
 */
#pragma once

#include "relationship.h"

/* names is NULL-terminated, VG/LV; the handler takes them over. e: why there are none. */
typedef void (*snapshot_handler)(char **names, const sd_bus_error *e, void *userdata);

/* expected: bytes of each member that will be overwritten. passing: they go when both sides are the same. */
int snapshot_take(struct group *g, const char *operation, const uint64_t *expected, bool passing, snapshot_handler handler, void *userdata);
/* Removes those that have served, as far as the last report of LVM knows them. */
void snapshot_drop_passing(struct relationship *q);

/*
 * putback.c: a source that was left half restored becomes what it was. Which snapshots
 * are of that restore its group's generation tells: it is another one after each that ended.
 */
typedef void (*snapshot_look_handler)(bool whole, void *userdata);
typedef void (*snapshot_done_handler)(int error, const char *message, void *userdata);

/* whole: there is a good one of every member. */
int snapshot_look(struct group *g, snapshot_look_handler handler, void *userdata);
/* The group is down. Those that are there are merged; -EBUSY: a volume is still open. */
int snapshot_put_back(struct group *g, snapshot_done_handler handler, void *userdata);
