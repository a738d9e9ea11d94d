/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What follows on a call that changes something. */
#pragma once

#include "ctl.h"

/*
 * Makes the call, whose answer is (u return_value, o job, a{sv}
 * extended_status), follows the job unless --no-block, and prints the outcome.
 */
int act(sd_bus *bus, sd_bus_message *call, const char *subject);
/* The second half, for a call with another answer. Relationship may be NULL. */
int act_outcome(sd_bus *bus, const char *subject, const char *relationship, uint32_t return_value, const char *job,
                json_object *status);

/*
 * For a verb that does the same to each name: goes on after what failed, whose status
 * is returned then, but not after an interrupt.
 */
int act_on_each(const struct verb *verb, char **names,
                int (*function)(sd_bus *bus, const struct verb *verb, const char *name));
