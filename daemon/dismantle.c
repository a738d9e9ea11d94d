/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "child.h"
#include "dismantle.h"
#include "job.h"
#include "logvol.h"
#include "store.h"
#include "volumes.h"

#define RETRY_USEC (5 * USEC_PER_SEC)

enum step {
        STEP_DETACH,
        STEP_GROUP_DEL,
        STEP_REFRESH,
        STEP_REMOVE,
        STEP_UNTAG,
        STEP_WIPE_SOURCE,
        STEP_WIPE_TARGET,
        STEP_FORGET,
};

struct dismantling {
        struct manager *manager;
        struct dismantle_plan plan;
        enum step step;
        dismantle_handler handler;
        dismantle_notice notice;
        void *userdata;
        sd_event_source *timer;
};

static void go_on(struct dismantling *d);

static void finish(struct dismantling *d, const sd_bus_error *e)
{
        if (d->plan.source)
                d->plan.source->busy = false;
        if (d->plan.target)
                d->plan.target->busy = false;
        if (d->plan.relationship)
                d->plan.relationship->busy = false;
        d->handler(e, d->userdata);
        sd_event_source_disable_unref(d->timer);
        free(d);
}

static int on_retry(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct dismantling *d = userdata;

        d->timer = sd_event_source_disable_unref(d->timer);
        go_on(d);
        return 0;
}

static void fail(struct dismantling *d, int error, const char *message)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set_errno(&e, error, "%s", message);
        if (d->plan.retry) {
                log_warning("Undoing goes on in a moment: %s", message);
                if (d->notice)
                        d->notice(message, d->userdata);
                if (sd_event_add_time_relative(d->manager->event, &d->timer, CLOCK_MONOTONIC, RETRY_USEC, 0, on_retry, d) >= 0) {
                        sd_bus_error_free(&e);
                        return;
                }
        }
        finish(d, &e);
        sd_bus_error_free(&e);
}

static void next(struct dismantling *d, enum step step)
{
        d->step = step;
        go_on(d);
}

static void on_detached(const struct child_result *result, void *userdata)
{
        struct dismantling *d = userdata;

        if (result->error < 0 && result->error != -ENOENT && result->error != -EPROTONOSUPPORT)
                fail(d, result->error, result->fault.message);
        else
                next(d, STEP_GROUP_DEL);
}

static int detach(struct dismantling *d)
{
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_OPERATION) | PRESENT(RELATIONSHIP_FORCE),
                .operation = BLKREPL_OPERATION_DETACH,
                .force = true,
        };

        if (!d->plan.relationship) {
                d->step = STEP_GROUP_DEL;
                return 0;
        }
        k.uuid = d->plan.relationship->uuid;
        return child_netlink(d->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_OP, .table = &relationship_table, .object = &k }, on_detached, d, NULL) ?: 1;
}

static void on_group_deleted(const struct child_result *result, void *userdata)
{
        struct dismantling *d = userdata;

        if (result->error < 0 && result->error != -ENOENT && result->error != -EPROTONOSUPPORT)
                fail(d, result->error, result->fault.message);
        else
                next(d, STEP_REFRESH);
}

static int group_del(struct dismantling *d)
{
        struct kernel_group k = { .present = PRESENT(GROUP_UUID) };

        if (!d->plan.source) {
                d->step = STEP_REFRESH;
                return 0;
        }
        k.uuid = d->plan.source->uuid;
        return child_netlink(d->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_DEL, .table = &group_table, .object = &k }, on_group_deleted, d, NULL) ?: 1;
}

static bool belongs(const struct dismantling *d, const struct lvm_lv *lv)
{
        return (d->plan.source && lvm_lv_has_tag_uuid(lv, LVM_TAG_GROUP, d->plan.source->uuid)) ||
               (d->plan.target && lvm_lv_has_tag_uuid(lv, LVM_TAG_GROUP, d->plan.target->uuid));
}

static bool to_be_removed(const struct dismantling *d, const struct lvm_lv *lv)
{
        return strv_contains(lv->tags, LVM_TAG_MADE) && (strv_contains(lv->tags, LVM_TAG_LOG) || d->plan.remove_members);
}

/* What the last command has left is in the next report. */
static void on_lvm(int error, const char *message, void *userdata)
{
        struct dismantling *d = userdata;

        if (error < 0)
                fail(d, error, message);
        else
                next(d, STEP_REFRESH);
}

/* Where there is no LVM there is no volume to look for. */
static void on_refreshed(int error, const char *message, void *userdata)
{
        struct dismantling *d = userdata;

        if (error < 0 && error != -ENOENT)
                fail(d, error, message);
        else
                next(d, STEP_REMOVE);
}

static bool is_removed(const struct lvm_lv *lv, void *userdata)
{
        return belongs(userdata, lv) && to_be_removed(userdata, lv);
}

static bool is_untagged(const struct lvm_lv *lv, void *userdata)
{
        return belongs(userdata, lv) && !to_be_removed(userdata, lv);
}

static void on_wiped(const struct child_result *result, void *userdata)
{
        struct dismantling *d = userdata;
        char message[1300];

        if (result->error >= 0) {
                next(d, d->step == STEP_WIPE_SOURCE ? STEP_WIPE_TARGET : STEP_FORGET);
                return;
        }
        errno = -result->error;
        snprintf(message, sizeof(message), "The metadata on %s cannot be wiped: %m",
                 d->step == STEP_WIPE_SOURCE ? d->plan.source->log_path : d->plan.target->log_path);
        fail(d, result->error, message);
}

/* A log volume that is not ours to remove; it may be one that never was formatted. */
static int wipe(struct dismantling *d, const struct group *g, enum step after)
{
        if (!g || g->log_made || !*g->log_path) {
                d->step = after;
                return 0;
        }
        return logvol_wipe(d->manager->event, g->log_path, g->uuid, on_wiped, d, NULL) ?: 1;
}

static void forget_group(struct group *g)
{
        if (!g)
                return;
        if (!g->hidden)
                group_announce(g, false);
        group_free(g);
}

static int forget(struct dismantling *d)
{
        struct store *s = d->manager->store;
        struct relationship *q = d->plan.relationship;
        int r;

        r = store_begin(s);
        if (r >= 0 && q)
                r = store_delete_relationship(s, q->uuid);
        if (r >= 0 && d->plan.source)
                r = store_delete_group(s, d->plan.source->uuid);
        if (r >= 0 && d->plan.target)
                r = store_delete_group(s, d->plan.target->uuid);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0) {
                store_rollback(s);
                return r;
        }
        if (q) {
                if (!q->hidden)
                        relationship_announce(q, false);
                if (q->job)
                        q->job->relationship = NULL;
                relationship_free(q);
        }
        forget_group(d->plan.target);
        forget_group(d->plan.source);
        d->plan.relationship = NULL;
        d->plan.source = d->plan.target = NULL;
        finish(d, NULL);
        return 1;
}

/* A step gives 0 when the next is to follow at once, 1 when it goes on later. */
static void go_on(struct dismantling *d)
{
        int r = 0;

        while (r == 0)
                switch (d->step) {
                case STEP_DETACH:
                        r = detach(d);
                        break;
                case STEP_GROUP_DEL:
                        r = group_del(d);
                        break;
                case STEP_REFRESH:
                        r = lvm_refresh(d->manager->lvm, on_refreshed, d);
                        r = r < 0 ? r : 1;
                        break;
                case STEP_REMOVE:
                        r = volumes_release(d->manager->lvm, true, is_removed, on_lvm, d);
                        if (r == 0)
                                d->step = STEP_UNTAG;
                        break;
                case STEP_UNTAG:
                        r = volumes_release(d->manager->lvm, false, is_untagged, on_lvm, d);
                        if (r == 0)
                                d->step = STEP_WIPE_SOURCE;
                        break;
                case STEP_WIPE_SOURCE:
                        r = wipe(d, d->plan.source, STEP_WIPE_TARGET);
                        break;
                case STEP_WIPE_TARGET:
                        r = wipe(d, d->plan.target, STEP_FORGET);
                        break;
                case STEP_FORGET:
                        r = forget(d);
                        break;
                }
        if (r < 0)
                fail(d, r, "A step of undoing could not be begun.");
}

int dismantle(struct manager *m, const struct dismantle_plan *plan, dismantle_handler handler, dismantle_notice notice, void *userdata)
{
        struct dismantling *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        *d = (struct dismantling){
                .manager = m, .plan = *plan, .handler = handler, .notice = notice, .userdata = userdata,
        };
        if (plan->source)
                plan->source->busy = true;
        if (plan->target)
                plan->target->busy = true;
        if (plan->relationship)
                plan->relationship->busy = true;
        go_on(d);
        return 0;
}
