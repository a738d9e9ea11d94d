/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that come while a group, or its relationship, is being changed.
 *
 * What the daemon does of its own is no affair of a caller who does one thing
 * after the other. So a call waits for the end of that, and then comes in as if it
 * were new.
 */
#pragma once

#include "group.h"

/* A child is changing the group, its relationship, or the group on the other side. */
bool queue_is_busy(const struct group *g);
/* 1: the call waits. 0: there is nothing to wait for, or it has waited for too long. */
int queue_call(struct group *g, sd_bus_message *message);
/* The same for replica devices that are open: programs look at new ones for a moment. */
int queue_until_closed(struct group *g, sd_bus_message *message);
void queue_free(struct manager *m);
