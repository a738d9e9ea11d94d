/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blkrepl-unit: what the systemd units and the udev rule run. */
#pragma once

#include "../daemon/errors.h"
#include "../daemon/netlink.h"

/* Says what is wrong and gives the exit status. */
int unit_failure(int error, const char *format, ...) _printf_(2, 3);

/* unit-up.c: from the database, without the daemon */
int unit_up(const char *group);
/* unit-down.c: one group, or all with NULL */
int unit_down(const char *group);
/* unit-sync.c */
int unit_wait_sync(const char *relationship);
/* unit-primary.c */
int unit_serves(const char *group);
int unit_follow(const char *group);
/* unit-hung.c */
int unit_no_wait(void);

/*
 * The devices of targets. What of them, or of what is beneath them, has hung is
 * looked for, which takes some seconds only if something has.
 */
struct hung;
/* NULL unless the machine is going down and has groups */
struct hung *hung_new(void);
struct hung *hung_free(struct hung *h);
DEFINE_TRIVIAL_CLEANUP_FUNC(struct hung *, hung_free);
int hung_hide(struct hung *h);

/* unit-held.c: begins to watch, if there is anything to watch for. */
int held_watch(void);
