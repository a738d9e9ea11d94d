/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A relationship from a source group to a target group. Each group has a half
 * of it, on its own log volume; the module knows those whose groups are up.
 */
#pragma once

#include "group.h"

enum side {
        SIDE_SOURCE,
        SIDE_TARGET,
        N_SIDES,
};

/* When it is down, kernel and pairs tell how it was last, if known. */
struct half {
        bool up;
        bool known;
        struct kernel_relationship kernel;
        struct kernel_pair *pairs;      /* one for each member */
};

/* What is remembered of a relationship that was dissolved; see aspect.h. */
struct aspect {
        uint64_t point;                 /* microseconds of CLOCK_REALTIME; 0: not known yet */
        uint64_t generation;
        uint64_t expires;               /* 0: never */
        bool consistent;
};

struct sequence;

struct relationship {
        struct manager *manager;
        struct relationship *next;

        sd_id128_t uuid;
        char name[BLKREPL_NAME_MAX + 1];
        struct group *source, *target;
        uint16_t sync_type, mode;
        uint32_t rpo;

        struct half half[N_SIDES];
        bool up;                        /* a half is */
        enum side driver;               /* the half that mirrors or copies, or stands for both */
        bool busy;                      /* a child is changing it */
        bool hidden;
        bool dissolved;                 /* it has ended; its halves track on, for the aspect */
        struct aspect aspect;
        bool swapping;
        bool dropping;                  /* snapshots that have served */
        bool told;                      /* the sides stand apart and know it, as far as they can be reached */
        bool changed;
        uint64_t refreshed;             /* monotonic */
        struct kernel_relationship kernel;      /* what the halves together say */
        struct kernel_pair *pairs;      /* of the half that drives */
        uint64_t rate;                  /* of the running copy, bytes per second */
        uint64_t rate_time, rate_bytes;
        uint64_t completed;             /* monotonic: when what was half done was completed last */
        struct sequence *sequence;      /* of an operation that is being carried out, or is to be completed */
        struct job *job;
        struct state_waiter *waiters;
};

struct relationship *relationship_new(struct manager *m, sd_id128_t uuid, const char *name, struct group *source, struct group *target);
/* Room for the pairs of members that have come */
int relationship_fit_pairs(struct relationship *q);
struct relationship *relationship_free(struct relationship *q);
struct relationship *relationship_find(struct manager *m, const char *uuid_or_name);
struct relationship *relationship_by_uuid(struct manager *m, sd_id128_t uuid);
/* To who asks for relationships: it is made, and was not dissolved. */
bool relationship_is_shown(const struct relationship *q);

struct group *relationship_group(const struct relationship *q, enum side side);
enum side relationship_side(const struct relationship *q, const struct group *g);

/* 15, not applicable, while nothing of it is up. */
unsigned int relationship_state(const struct relationship *q);
unsigned int relationship_progress(const struct relationship *q);
/* What the access of hosts to a side is: "none", "read-only", "read-write" */
const char *relationship_access(const struct relationship *q, enum side side);
double relationship_percent(const struct relationship *q);
/* The mode in which writes are mirrored now; 0 where they are not. */
unsigned int relationship_effective_mode(const struct relationship *q);
unsigned int relationship_rpo_state(const struct relationship *q);
/* Microseconds of CLOCK_REALTIME; 0, or UINT64_MAX, when the target holds none. */
uint64_t relationship_recovery_point(const struct relationship *q);
uint64_t relationship_recovery_point_age(const struct relationship *q);

void relationship_changed(struct relationship *q);
void relationship_apply_kernel(struct relationship *q, const struct kernel_relationship *k);
/* Asks the module, unless that was done a moment ago. */
int relationship_refresh(struct relationship *q, bool force);

/* WaitState: replies when the state is reached. */
int relationship_wait_state(struct relationship *q, sd_bus_message *message, unsigned int state, uint64_t timeout,
                            int (*reply)(sd_bus_message *message, struct relationship *q));
void relationship_check_waiters(struct relationship *q);
/* It has ended. */
void relationship_fail_waiters(struct relationship *q);

/* half.c: what both halves together say, and who is source and who is target. Pure. */
bool halves_are_swapped(const struct half half[N_SIDES]);
enum side halves_driver(const struct half half[N_SIDES], enum side last);
void halves_combine(const struct half half[N_SIDES], enum side driver, struct kernel_relationship *ret);

char *relationship_path(const struct relationship *q);
int relationship_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int relationship_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
void relationship_announce(struct relationship *q, bool added);
void relationship_announce_pairs(struct relationship *q, bool added);
void relationship_send_event(struct relationship *q, const char *name);
extern const sd_bus_vtable relationship_vtable[];
