/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --show-call: the busctl command that does the same. */
#pragma once

#include "ctl.h"

/*
 * Prints it on standard error. Reading back what is in a message needs a
 * sealed one; the call can be sent nevertheless, with the timeout given here.
 */
int show_call(sd_bus_message *call, uint64_t timeout_usec);
