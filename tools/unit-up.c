/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bringing one group up without the daemon. Where its devices are is in the
 * daemon's database, which is only read here; everything else the module finds
 * on the log volume, and it decides whether the group may come up.
 *
 * The other side is connected before the first write can arrive: otherwise each
 * boot would begin with a target that is a few blocks behind. But what is not
 * there, or hangs, keeps nobody waiting for long; the daemon will connect it.
 */
#include <signal.h>
#include <stdio.h>

#include "../daemon/bringup.h"
#include "../daemon/command.h"
#include "../daemon/sequence-plan.h"
#include "../daemon/sequence.h"
#include "../daemon/store.h"
#include "../kernel/state.h"
#include "unit.h"

#define LOOK_USEC (100 * USEC_PER_MSEC)
#define TARGET_WAIT_USEC (5 * USEC_PER_SEC)
#define CONNECT_WAIT_USEC (15 * USEC_PER_SEC)

struct up {
        struct manager manager;
        sd_event_source *timer;
        struct group *group, *other;
        bool superseded;                /* its target took over, and it was not told */
        struct relationship *relationship;
        uint64_t deadline;              /* for the other side */
};

static int finish(struct up *u, int status)
{
        return sd_event_exit(u->manager.event, status);
}

/* The group is up. */
static int not_connected(struct up *u, const char *why)
{
        fprintf(stderr, "The relationship %s is not connected yet: %s\n", u->relationship->name, why);
        return finish(u, STATUS_OK);
}

static void on_connected(const struct child_result *result, void *userdata)
{
        struct up *u = userdata;

        if (result->error < 0)
                not_connected(u, result->fault.message);
        else
                finish(u, STATUS_OK);
}

static int take_half(const void *object, void *userdata)
{
        const struct kernel_relationship *k = object;
        struct up *u = userdata;

        /* One that was stopped on purpose, or stands apart, is the daemon's. */
        if (sd_id128_equal(k->group_uuid, u->group->uuid) && !k->connected && !k->pending &&
            k->copy_state == BLKREPL_COPY_STATE_BROKEN)
                u->relationship = relationship_by_uuid(&u->manager, k->uuid);
        return 0;
}

static int find_relationship(struct up *u)
{
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        int r;

        r = netlink_open(&nl);
        if (r >= 0)
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .dump = true, .table = &relationship_table,
                        .handler = take_half, .userdata = u }, NULL);
        return r < 0 ? r : u->relationship != NULL;
}

static int set_timer(struct up *u, uint64_t usec)
{
        int r = sd_event_source_set_time_relative(u->timer, usec);

        return r < 0 ? r : sd_event_source_set_enabled(u->timer, SD_EVENT_ONESHOT);
}

static void on_group(const struct child_result *result, void *userdata)
{
        struct up *u = userdata;

        if (result->error < 0) {
                finish(u, unit_failure(result->error, "The group %s cannot come up: %s", u->group->name, result->fault.message));
                return;
        }
        if (find_relationship(u) <= 0) {
                finish(u, STATUS_OK);
                return;
        }
        u->other = u->relationship->source == u->group ? u->relationship->target : u->relationship->source;
        u->deadline = now_monotonic() + TARGET_WAIT_USEC;
        set_timer(u, 0);
}

/* First the group's devices are waited for, then those of the other side, then that this is connected. */
static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct up *u = userdata;
        const char *missing = command_missing_device(u->other ?: u->group);
        char why[BLKREPL_PATH_MAX + 64];
        int r;

        if (!u->other) {
                if (missing)
                        return set_timer(u, LOOK_USEC);
                bringup_mark(u->group->uuid, true);
                r = command_group_new(u->group, 0, on_group, u);
                return r < 0 ? finish(u, unit_failure(r, "The group %s cannot come up: %s", u->group->name, strerror(-r))) : 0;
        }
        if (u->deadline == USEC_INFINITY)
                return not_connected(u, "the other side does not answer.");
        if (missing) {
                if (now_monotonic() < u->deadline)
                        return set_timer(u, LOOK_USEC);
                snprintf(why, sizeof(why), "the volume %s is not there.", missing);
                return not_connected(u, why);
        }
        u->deadline = USEC_INFINITY;
        r = command_connect(u->relationship, u->group, false, 0, on_connected, u);
        return r < 0 ? not_connected(u, strerror(-r)) : set_timer(u, CONNECT_WAIT_USEC);
}

/* systemd has waited long enough. */
static int on_term(_unused_ sd_event_source *s, _unused_ const struct signalfd_siginfo *si, void *userdata)
{
        struct up *u = userdata;
        const char *missing = u->other ? NULL : command_missing_device(u->group);

        if (missing)
                return finish(u, unit_failure(-ENODEV, "The group %s cannot come up: the volume %s is not there.", u->group->name, missing));
        return finish(u, unit_failure(-ETIMEDOUT, "The group %s did not come up in time.", u->group->name));
}

/*
 * A source that was out of reach when its target took over does not know it: its
 * log volume would let it come up, and both sides would be written.
 */
static int take_operation(_unused_ sd_id128_t relationship, const struct sequence_intent *intent, void *userdata)
{
        struct up *u = userdata;

        if (sequence_tells_later(intent->operation, intent->state) &&
            sd_id128_equal(intent->source, u->group->uuid))
                u->superseded = true;
        return 0;
}

static int load(struct manager *m)
{
        _cleanup_free_ char *path = NULL;
        int r;

        if (asprintf(&path, "%s/blkrepl.db", getenv("STATE_DIRECTORY") ?: STATE_DIRECTORY) < 0)
                return -ENOMEM;
        r = store_open_readonly(path, &m->store);
        return r < 0 ? r : store_load(m->store, m);
}

static int run(struct up *u, const char *name)
{
        struct manager *m = &u->manager;
        sigset_t mask;
        int r;

        r = load(m);
        if (r < 0)
                return unit_failure(r, "The database that tells where the volumes of %s are cannot be read: %s", name, strerror(-r));
        u->group = group_find(m, name);
        if (!u->group)
                return unit_failure(-ENOENT, "There is no group %s.", name);
        r = store_each_operation(m->store, take_operation, u);
        if (r < 0)
                return unit_failure(r, "What is to be completed with %s cannot be read: %s", name, strerror(-r));
        if (u->superseded)
                return unit_failure(-EACCES, "The group %s is failed over and was not told yet, blkrepld does that; its target serves.", name);

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        r = sd_event_new(&m->event);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGTERM, on_term, u);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &u->timer, CLOCK_MONOTONIC, 0, 0, on_timer, u);
        if (r >= 0)
                r = sd_event_loop(m->event);
        return r < 0 ? unit_failure(r, "The group %s cannot be waited for: %s", name, strerror(-r)) : r;
}

int unit_up(const char *group)
{
        struct up u = {};
        int status = run(&u, group);

        while (u.manager.relationships)
                relationship_free(u.manager.relationships);
        while (u.manager.groups)
                group_free(u.manager.groups);
        sd_event_source_disable_unref(u.timer);
        sd_event_unref(u.manager.event);
        store_close(u.manager.store);
        return status;
}
