/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "aspect.h"
#include "bringup.h"
#include "change.h"
#include "command.h"
#include "create.h"
#include "import.h"
#include "move.h"
#include "operation.h"
#include "reconcile.h"
#include "sequence.h"
#include "snapshot.h"
#include "store.h"

#define RETRY_USEC (30 * USEC_PER_SEC)
#define COMPLETE_INTERVAL (2 * USEC_PER_SEC)

struct attempt {
        struct manager *manager;
        sd_id128_t group;
        bringup_handler handler;
        void *userdata;
};

void bringup_result(struct group *g, int error, const char *message)
{
        g->tried = error < 0;
        g->closed = error == -EACCES;
        if (error < 0) {
                group_set_reason(g, !g->closed, message);
                return;
        }
        log_info("The group %s is up.", g->name);
        if (!sd_id128_is_null(g->forget) && store_delete_tombstone(g->manager->store, g->uuid) >= 0)
                g->forget = SD_ID128_NULL;
}

static void on_group(const struct child_result *result, void *userdata)
{
        _cleanup_free_ struct attempt *a = userdata;
        struct group *g = group_by_uuid(a->manager, a->group);
        struct relationship *q;

        if (g) {
                g->busy = false;
                bringup_result(g, result->error, result->fault.message);
                group_refresh(g);
                q = group_relationship(g);
                if (q) {
                        relationship_refresh(q, true);
                        if (result->error < 0 || operation_set_follow(q, relationship_side(q, g)) <= 0)
                                bringup_relationship(q);
                }
                if (result->error >= 0) {
                        create_resume_jobs(a->manager);
                        moves_resume(a->manager);
                }
        }
        if (a->handler)
                a->handler(g, result->error, result->fault.message, a->userdata);
}

int bringup_group(struct group *g, bool force, bringup_handler handler, void *userdata)
{
        struct attempt *a = malloc(sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        *a = (struct attempt){ .manager = g->manager, .group = g->uuid, .handler = handler, .userdata = userdata };
        r = command_group_new(g, force ? COMMAND_FORCE : 0, on_group, a);
        if (r < 0) {
                free(a);
                return r;
        }
        g->busy = true;
        return 0;
}

static void try_group(struct group *g)
{
        const char *missing;
        char reason[1200];

        if (g->change) {
                change_resume(g, NULL, NULL);
                return;
        }
        if (g->up || g->tried || !g->wanted || g->busy || g->hidden || move_is_unsettled(g))
                return;
        missing = command_missing_device(g);
        if (missing) {
                snprintf(reason, sizeof(reason), "The volume %.200s is not there.", missing);
                group_set_reason(g, true, reason);
                return;
        }
        if (bringup_group(g, false, NULL, NULL) < 0)
                log_oom();
}

struct connect {
        struct manager *manager;
        sd_id128_t uuid;
};

static void on_connected(const struct child_result *result, void *userdata)
{
        _cleanup_free_ struct connect *c = userdata;
        struct relationship *q = relationship_by_uuid(c->manager, c->uuid);

        if (!q)
                return;
        q->busy = false;
        group_set_reason(relationship_group(q, !q->driver), false, result->error < 0 ? result->fault.message : "");
        relationship_refresh(q, true);
}

static void on_let_go(const struct child_result *result, void *userdata)
{
        struct connect *c = userdata;
        struct relationship *q = relationship_by_uuid(c->manager, c->uuid);

        free(c);
        if (!q)
                return;
        q->busy = false;
        relationship_refresh(q, true);
        if (result->error >= 0)
                bringup_relationship(q);
}

/* The module itself takes a device back that is open and answers again. */
static int connect_what_flows(struct relationship *q)
{
        enum side side = reconcile_to_connect(q->half, q->driver);
        struct group *g, *other;
        struct connect *c;
        int r;

        if (side == N_SIDES)
                return 0;
        g = relationship_group(q, side);
        other = relationship_group(q, !side);
        if (g->busy || other->busy || command_missing_device(other))
                return 0;
        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct connect){ .manager = q->manager, .uuid = q->uuid };
        r = command_connect(q, g, false, 0, on_connected, c);
        if (r < 0) {
                free(c);
                return r;
        }
        q->busy = true;
        return 1;
}

/* What is left of a re-pairing that failed: the source of an aspect has no use for the target's volumes. */
static int let_go(struct relationship *q)
{
        const struct half *h = q->half + q->driver;
        struct connect *c;
        int r;

        if (!q->dissolved || !h->up || !h->kernel.connected || !h->kernel.dissolved)
                return 0;
        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct connect){ .manager = q->manager, .uuid = q->uuid };
        r = command_disconnect(q, relationship_group(q, q->driver), 0, on_let_go, c);
        if (r < 0) {
                free(c);
                return r;
        }
        q->busy = true;
        return 1;
}

static struct remainder left_to_do(const struct relationship *q)
{
        const bool closed[N_SIDES] = { [SIDE_SOURCE] = q->source->closed, [SIDE_TARGET] = q->target->closed };

        return reconcile(q->half, closed, q->told, q->dissolved);
}

static int complete(struct relationship *q)
{
        struct remainder r = left_to_do(q);
        struct sequence_intent intent = {
                .operation = r.operation, .state = r.state, .driver = r.driver, .source = relationship_group(q, r.source)->uuid,
        };

        if (!r.operation)
                return 0;
        /* What did not help a moment ago is tried again, but not all the time. */
        if (q->completed && now_monotonic() < q->completed + COMPLETE_INTERVAL) {
                bringup_schedule(q->manager, COMPLETE_INTERVAL);
                return 0;
        }
        q->completed = now_monotonic();
        if (r.operation == BLKREPL_OPERATION_FRACTURE || r.operation == BLKREPL_OPERATION_DISSOLVE)
                q->told = true;
        return sequence_start(q, &intent, operation_completed, NULL) < 0 ? 0 : 1;
}

/* Each step ends here again when it is done, until nothing is left to do. */
void bringup_relationship(struct relationship *q)
{
        if (q->hidden || q->busy || q->source->busy || q->target->busy || !manager_module_loaded(q->manager))
                return;
        /*
         * The source first: only a target that it does not drive can come up.
         * Where an operation is to be completed one side is enough, that does
         * the rest.
         */
        for (enum side i = 0; i < N_SIDES; i++) {
                enum side side = q->sequence && sequence_wants_target_first(q->sequence) ? !i : i;

                if (!reconcile_may_come_up(q->half, side) || (q->sequence && q->half[!side].up))
                        continue;
                try_group(relationship_group(q, side));
                if (relationship_group(q, side)->busy)
                        return;
        }
        if (sequence_resume(q, operation_completed))
                return;
        aspect_look(q);
        if (complete(q) || let_go(q))
                return;
        connect_what_flows(q);
}

/* What a half did not let come up before may now. */
static void try_groups_again(struct relationship *q)
{
        q->source->closed = q->target->closed = q->source->tried = q->target->tried = false;
}

static void try_again(struct relationship *q)
{
        q->told = false;
        try_groups_again(q);
}

void bringup_event(struct relationship *q, bool state_changed)
{
        if (q->busy)
                return;
        if (state_changed) {
                try_again(q);
                bringup_relationship(q);
        } else if (left_to_do(q).operation)
                bringup_relationship(q);
        else if (reconcile_to_connect(q->half, q->driver) != N_SIDES)
                bringup_schedule(q->manager, DEVICE_SETTLE_USEC);
}

/* A side that stands apart is to serve, too. */
static bool is_to_come_up(const struct relationship *q, enum side side)
{
        const struct group *g = relationship_group(q, side);

        return g->wanted && !g->up && !g->hidden && !g->closed && q->half[!side].up && reconcile_may_come_up(q->half, side);
}

static bool is_incomplete(const struct relationship *q)
{
        if (q->hidden)
                return false;
        for (enum side i = 0; i < N_SIDES; i++)
                if (is_to_come_up(q, i))
                        return true;
        return (q->sequence && !sequence_is_running(q->sequence)) || left_to_do(q).operation || (!q->up && (q->source->wanted || q->target->wanted)) ||
               reconcile_to_connect(q->half, q->driver) != N_SIDES;
}

void bringup_completed(struct relationship *q)
{
        const sd_id128_t uuid = q->uuid;
        struct manager *m = q->manager;

        try_groups_again(q);
        bringup_relationship(q);
        /* It may have ended by that. */
        if (relationship_by_uuid(m, uuid) == q && is_incomplete(q))
                bringup_schedule(m, RETRY_USEC);
}

void bringup_all(struct manager *m)
{
        bool incomplete = false;

        if (!manager_module_loaded(m))
                return;
        manager_refresh_all(m);
        bringup_load_wanted(m);
        moves_resume(m);
        for (struct group *g = m->groups; g; g = g->next)
                if (!group_relationship(g)) {
                        g->tried = false;
                        try_group(g);
                        incomplete |= g->wanted && !g->up && !g->hidden;
                }
        for (struct relationship *q = m->relationships, *next; q; q = next) {
                const sd_id128_t uuid = q->uuid;

                next = q->next;
                try_again(q);
                bringup_relationship(q);
                /* It may have ended by that. */
                if (relationship_by_uuid(m, uuid) != q)
                        continue;
                snapshot_drop_passing(q);
                incomplete |= is_incomplete(q);
        }
        create_resume_jobs(m);
        if (incomplete)
                bringup_schedule(m, RETRY_USEC);
}

static void on_report(_unused_ int error, _unused_ const char *message, void *userdata)
{
        struct manager *m = userdata;

        import_all(m);
        bringup_all(m);
}

static int on_timer(sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct manager *m = userdata;

        sd_event_source_set_enabled(s, SD_EVENT_OFF);
        if (create_is_preparing(m)) {
                bringup_schedule(m, USEC_PER_SEC);
                return 0;
        }
        if (lvm_refresh(m->lvm, on_report, m) < 0)
                log_warning("LVM's state cannot be read.");
        return 0;
}

/* An earlier time wins. */
void bringup_schedule(struct manager *m, uint64_t usec)
{
        uint64_t at = now_monotonic() + usec, planned;
        int enabled = 0;

        if (!m->retry_source) {
                if (sd_event_add_time(m->event, &m->retry_source, CLOCK_MONOTONIC, at, 0, on_timer, m) < 0)
                        log_oom();
                return;
        }
        sd_event_source_get_enabled(m->retry_source, &enabled);
        if (enabled && sd_event_source_get_time(m->retry_source, &planned) >= 0 && planned <= at)
                return;
        sd_event_source_set_time(m->retry_source, at);
        sd_event_source_set_enabled(m->retry_source, SD_EVENT_ONESHOT);
}

static char *mark_path(sd_id128_t group)
{
        char *path = NULL;

        return asprintf(&path, "%s/stopped-%s", getenv("RUNTIME_DIRECTORY") ?: RUNTIME_DIRECTORY, UUID_TEXT(group)) < 0 ? NULL : path;
}

int bringup_mark(sd_id128_t group, bool wanted)
{
        _cleanup_free_ char *path = mark_path(group);
        _cleanup_close_ int fd = -1;

        if (!path)
                return -ENOMEM;
        if (wanted)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : 0;
}

int bringup_set_wanted(struct group *g, bool wanted)
{
        g->wanted = wanted;
        return bringup_mark(g->uuid, wanted);
}

void bringup_load_wanted(struct manager *m)
{
        for (struct group *g = m->groups; g; g = g->next) {
                _cleanup_free_ char *path = mark_path(g->uuid);

                g->wanted = !path || access(path, F_OK) < 0;
        }
}
