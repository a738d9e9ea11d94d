/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Talking to blkrepl.ko: requests on one socket, events on another.
 *
 * A request is carried out by the kernel within the call, so it may block as
 * long as the devices that it opens do. The daemon therefore sends whatever
 * changes something from a child (see child.h) and only reads by itself.
 */
#pragma once

#include "netlink-fields.h"
#include "util.h"

struct netlink;
struct netlink_events;

struct netlink_fault {
        int error;                      /* negative, as the kernel gave it */
        uint16_t attribute;             /* the attribute at fault, 0: none */
        char message[512];              /* the kernel's sentence */
};

/* One object of a reply; a negative return value ends the request with it. */
typedef int (*netlink_object_handler)(const void *object, void *userdata);

struct netlink_request {
        uint8_t command;
        bool dump;
        const struct field_table *table;
        const void *object;             /* what is sent; NULL: nothing */
        const struct kernel_device *devices;
        size_t n_devices;
        netlink_object_handler handler;
        void *userdata;
};

/* -EPROTONOSUPPORT: the module is not loaded and could not be. */
int netlink_open(struct netlink **ret);
struct netlink *netlink_close(struct netlink *nl);
DEFINE_TRIVIAL_CLEANUP_FUNC(struct netlink *, netlink_close);

int netlink_call(struct netlink *nl, const struct netlink_request *request, struct netlink_fault *fault);

enum netlink_event_kind {
        NETLINK_EVENT_GROUP,
        NETLINK_EVENT_RELATIONSHIP,
        NETLINK_EVENT_MODULE_LOADED,
        NETLINK_EVENT_MODULE_UNLOADED,
        NETLINK_EVENT_LOST,             /* some events were missed: dump everything anew */
};

typedef void (*netlink_event_handler)(enum netlink_event_kind kind, const void *object, void *userdata);

/* Works without the module too, and reports when it comes. */
int netlink_events_open(struct netlink_events **ret, netlink_event_handler handler, void *userdata);
struct netlink_events *netlink_events_close(struct netlink_events *ev);
int netlink_events_fd(const struct netlink_events *ev);
bool netlink_events_module_loaded(const struct netlink_events *ev);
int netlink_events_dispatch(struct netlink_events *ev);
DEFINE_TRIVIAL_CLEANUP_FUNC(struct netlink_events *, netlink_events_close);
