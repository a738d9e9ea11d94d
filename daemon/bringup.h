/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bringing groups up and connecting what should flow: at start, when the module
 * or a device comes, and again and again while something is missing.
 */
#pragma once

#include "relationship.h"

/* News of devices come in bursts. */
#define DEVICE_SETTLE_USEC (700 * USEC_PER_MSEC)

/* Looks at everything; what can be done is begun. */
void bringup_all(struct manager *m);
/* Looks at a relationship and its groups: after an operation, or when the module told something. */
void bringup_relationship(struct relationship *q);
/* The same after what had been left of an operation was completed. */
void bringup_completed(struct relationship *q);
/* The module told that it changed. */
void bringup_event(struct relationship *q, bool state_changed);
/* Soon, once for however many calls: LVM is read anew first. */
void bringup_schedule(struct manager *m, uint64_t usec);

typedef void (*bringup_handler)(struct group *g, int error, const char *message, void *userdata);
int bringup_group(struct group *g, bool force, bringup_handler handler, void *userdata);
/* What group-new answered, whoever asked. */
void bringup_result(struct group *g, int error, const char *message);

/*
 * Stop survives a restart of the daemon, not a reboot. The mark that it leaves
 * is set and removed by the units of single groups as well.
 */
int bringup_mark(sd_id128_t group, bool wanted);
int bringup_set_wanted(struct group *g, bool wanted);
void bringup_load_wanted(struct manager *m);
