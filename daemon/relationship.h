/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A relationship from a source group to a target group. */
#pragma once

#include "group.h"

struct relationship {
        struct manager *manager;
        struct relationship *next;

        sd_id128_t uuid;
        char name[BLKREPL_NAME_MAX + 1];
        struct group *source, *target;
        uint16_t sync_type, mode;
        uint32_t rpo;

        bool up;                        /* the module has it */
        bool busy;                      /* a child is changing it */
        bool hidden;
        bool changed;
        uint64_t refreshed;             /* monotonic */
        struct kernel_relationship kernel;
        struct kernel_pair *pairs;      /* one for each member of the source */
        uint64_t rate;                  /* of the running copy, bytes per second */
        uint64_t rate_time, rate_bytes;
        struct job *job;
        struct state_waiter *waiters;
};

struct relationship *relationship_new(struct manager *m, sd_id128_t uuid, const char *name, struct group *source, struct group *target);
struct relationship *relationship_free(struct relationship *q);
struct relationship *relationship_find(struct manager *m, const char *uuid_or_name);
struct relationship *relationship_by_uuid(struct manager *m, sd_id128_t uuid);

/* 15, not applicable, while the group is down. */
unsigned int relationship_state(const struct relationship *q);
double relationship_percent(const struct relationship *q);

void relationship_changed(struct relationship *q);
void relationship_apply_kernel(struct relationship *q, const struct kernel_relationship *k);
/* Asks the module, unless that was done a moment ago. */
int relationship_refresh(struct relationship *q, bool force);
void relationship_gone(struct relationship *q);

/* Opens the target's devices if they are there; the rest is the module's affair. */
int relationship_connect(struct relationship *q);

/* WaitState: replies when the state is reached. */
int relationship_wait_state(struct relationship *q, sd_bus_message *message, unsigned int state, uint64_t timeout,
                            int (*reply)(sd_bus_message *message, struct relationship *q));
void relationship_check_waiters(struct relationship *q);

char *relationship_path(const struct relationship *q);
int relationship_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int relationship_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
void relationship_announce(struct relationship *q, bool added);
void relationship_send_event(struct relationship *q, const char *name);
extern const sd_bus_vtable relationship_vtable[];
