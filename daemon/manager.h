/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon as a whole: what it knows, and the loop that it runs in. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "errors.h"
#include "lvm.h"
#include "netlink.h"
#include "util.h"

#define STATE_DIRECTORY "/var/lib/blkrepl"
#define RUNTIME_DIRECTORY "/run/blkrepl"

struct create;
struct group;
struct job;
struct move;
struct polkit_query;
struct queued;
struct relationship;
struct store;
struct sd_device_monitor;

struct manager {
        sd_event *event;
        sd_bus *bus;
        struct store *store;
        struct lvm *lvm;

        struct netlink *netlink;                /* NULL while the module is not loaded */
        struct netlink_events *events;
        sd_event_source *events_source;
        sd_event_source *retry_source;          /* bringing up what could not be */
        sd_event_source *change_source;         /* sends the signals of changed objects */
        struct sd_device_monitor *udev;

        struct group *groups;
        struct relationship *relationships;
        struct job *jobs;
        struct create *creations;
        struct move *moves;
        struct polkit_query *polkit;
        struct queued *queue;                   /* calls that wait */
        sd_event_source *queue_source;
        sd_event_source *aspect_source;         /* the next one that expires */
        uint64_t last_job;
        bool pools_changed;
};

int manager_new(struct manager **ret);
struct manager *manager_free(struct manager *m);
int manager_start(struct manager *m);
DEFINE_TRIVIAL_CLEANUP_FUNC(struct manager *, manager_free);

bool manager_module_loaded(const struct manager *m);

/* Reads from the module; -EPROTONOSUPPORT when it is not there. */
int manager_ask(struct manager *m, const struct netlink_request *request);
/* Takes over all that the module tells. */
int manager_refresh_all(struct manager *m);

/* Signals go out when the loop is idle, once for however many changes. */
void manager_changed(struct manager *m);
