/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bringing groups up and connecting their targets: at start, when the module
 * or a device comes, and again and again while something is missing.
 */
#pragma once

#include "group.h"

/* Looks at everything; what can be done is begun. */
void bringup_all(struct manager *m);
/* Soon, once for however many calls: LVM is read anew first. */
void bringup_schedule(struct manager *m, uint64_t usec);

typedef void (*bringup_handler)(struct group *g, int error, const char *message, void *userdata);
int bringup_group(struct group *g, bringup_handler handler, void *userdata);

/* Stop survives a restart of the daemon, not a reboot. */
int bringup_set_wanted(struct group *g, bool wanted);
void bringup_load_wanted(struct manager *m);
