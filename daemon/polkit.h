/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking polkit without blocking the loop. */
#pragma once

#include "manager.h"

#define ACTION_CREATE "org.blkrepl1.create"
#define ACTION_CONTROL "org.blkrepl1.control"
#define ACTION_SWITCH_ROLES "org.blkrepl1.switch-roles"
#define ACTION_FAILOVER "org.blkrepl1.failover"
#define ACTION_DESTROY "org.blkrepl1.destroy"
#define ACTION_CANCEL_JOB "org.blkrepl1.cancel-job"

/*
 * 1: go ahead. 0: the answer will come; return 1 from the method, whose message
 * is then dispatched anew, so that everything is checked and looked up again.
 * details: pairs of key and value, NULL at the end.
 */
int polkit_check(struct manager *m, sd_bus_message *call, const char *action, const char *const *details, sd_bus_error *e);
void polkit_done(struct manager *m);
