/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An operation that goes on after its call returned. */
#pragma once

#include "relationship.h"

enum job_state {
        JOB_RUNNING,
        JOB_CANCELING,
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELED,
};

struct job_waiter;

struct job {
        struct manager *manager;
        struct job *next;

        uint64_t id;
        char type[32];                  /* "create", or the operation's name */
        enum job_state state;
        const char *phase;
        struct relationship *relationship;      /* NULL when it has ended */
        struct group *group;
        char *relationship_path, *group_path;
        char relationship_name[BLKREPL_NAME_MAX + 1];
        uint64_t when_started, when_ended;      /* CLOCK_REALTIME */

        bool cancelable;
        /* Begins to cancel; the job ends when that is done. */
        int (*cancel)(struct job *j, sd_bus_error *e);
        /* The copy that the job follows is over. */
        void (*copied)(struct job *j, void *userdata);
        void *userdata;

        enum return_code code;
        char *error_name, *message;
        bool changed;
        sd_event_source *timer;         /* progress, and the removal at the end */
        struct job_waiter *waiters;
};

int job_new(struct manager *m, const char *type, struct relationship *q, struct job **ret);
struct job *job_free(struct job *j);
struct job *job_find(struct manager *m, const char *id);
bool job_is_over(const struct job *j);
const char *job_state_name(enum job_state state);

void job_set_phase(struct job *j, const char *phase);
void job_finish(struct job *j, enum job_state state, const sd_bus_error *e);
/* From now on the job is as long as the relationship's copy. */
int job_follow_copy(struct job *j);
void job_relationship_changed(struct job *j);
/* It ends during the copy. */
void job_relationship_ends(struct job *j);
/* CLOCK_MONOTONIC, 0: unknown */
uint64_t job_expected_end(const struct job *j);
double job_progress(const struct job *j);

/* The methods' calls that wait for the end */
int job_wait(struct job *j, sd_bus_message *message, uint64_t timeout);

char *job_path(const struct job *j);
int job_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int job_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
void job_announce(struct job *j, bool added);
void job_send_new(struct job *j);
void job_send_removed(struct job *j);
extern const sd_bus_vtable job_vtable[];
