/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slow work in child processes, so that nothing blocks the event loop.
 *
 * A child may outlive the daemon: lvm must not be killed in the middle of a
 * change. Each holds a shared lock on a file; the daemon's next instance waits
 * for it before it completes or undoes what the last one began.
 */
#pragma once

#include <systemd/sd-event.h>

#include "netlink.h"
#include "util.h"

struct child;

struct child_result {
        int error;              /* negative: it did not run to its end */
        int status;             /* exit status of a program */
        char *output;           /* never NULL */
        size_t output_size;
        char *errors;           /* what a program wrote to standard error; never NULL */
        struct netlink_fault fault;     /* of a netlink child */
};

/* The result belongs to the caller of the handler. */
typedef void (*child_handler)(const struct child_result *result, void *userdata);

/*
 * Runs a program; argv[0] is looked up in PATH. When it is CHILD_SPARED and a
 * name, systemd neither kills the program at the end of a shutdown nor waits for
 * it: for what changes nothing and may be kept from ending by a dead disk.
 */
#define CHILD_SPARED "@spared/"
int child_exec(sd_event *event, const char *const *argv, child_handler handler, void *userdata, struct child **ret);

/* Sends one netlink request; its object and devices are copied. */
int child_netlink(sd_event *event, const struct netlink_request *request, child_handler handler, void *userdata, struct child **ret);

/* Runs a function: its return value, 0 or a negative errno, becomes the result's error, what it writes to standard output the output. */
int child_call(sd_event *event, int (*function)(void *argument), void *argument, child_handler handler, void *userdata, struct child **ret);

/* The handler will not be called; the child goes on. */
struct child *child_forget(struct child *c);

/* Taken by the daemon at start: waits for the children of an earlier instance. */
int children_lock(const char *path, uint64_t timeout_usec);
