/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Start, Stop, Resize and Delete of a group. */
#include <stdio.h>

#include "aspect.h"
#include "bringup.h"
#include "child.h"
#include "command.h"
#include "device.h"
#include "dismantle.h"
#include "operation.h"
#include "queue.h"
#include "reconcile.h"
#include "status.h"
#include "store.h"

struct run {
        struct manager *manager;
        sd_id128_t group;
        size_t index;                   /* of the member that is resized */
        bool resized;
        sd_bus_message *message;
};

static struct run *run_new(struct group *g, sd_bus_message *message)
{
        struct run *run = calloc(1, sizeof(*run));

        if (run) {
                run->manager = g->manager;
                run->group = g->uuid;
                run->message = sd_bus_message_ref(message);
        }
        return run;
}

static void run_free(struct run *run)
{
        sd_bus_message_unref(run->message);
        free(run);
}

static void finish(struct run *run, int error, const char *sentence)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        if (error < 0) {
                error_set_errno(&e, error, "%s", sentence);
                sd_bus_reply_method_error(run->message, &e);
                sd_bus_error_free(&e);
        } else
                status_reply(run->message, &(struct status){});
        run_free(run);
}

/* 1: the call waits. */
static int check_quiet(struct group *g, sd_bus_message *message, sd_bus_error *e)
{
        int r = queue_call(g, message);

        if (r != 0)
                return r;
        if (queue_is_busy(g))
                return error_set(e, CODE_FAILED, "The group %s is being changed; try again in a moment.", g->name);
        return 0;
}

/* 1: the call waits. */
static int check_source(struct group *g, const char *verb, sd_bus_message *message, sd_bus_error *e)
{
        const struct relationship *q = group_relationship(g);
        int r = check_quiet(g, message, e);

        if (r != 0)
                return r;
        if (!q || g->up || reconcile_may_come_up(q->half, relationship_side(q, g)))
                return 0;
        if (g->role == GROUP_TARGET)
                return error_set(e, CODE_FAILED, "The group %s is a target and follows its source; %s the group %s instead.", g->name, verb, q->source->name);
        return error_set(e, CODE_FAILED, "The group %s does not serve in state %s, its target %s does; use Failback or ReverseRoles.",
                         g->name, blkrepl_copy_state_name(relationship_state(q)), q->target->name);
}

static void on_started(_unused_ struct group *g, int error, const char *message, void *userdata)
{
        /* Closed in the present state, which is no matter of authorization */
        finish(userdata, error == -EACCES ? -EBUSY : error, message);
}

int operation_start(struct group *g, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct run *run;
        int r;

        r = check_source(g, "start", message, e);
        if (r != 0)
                return r;
        group_refresh(g);
        bringup_set_wanted(g, true);
        if (g->up) {
                r = status_reply(message, &(struct status){});
                return r < 0 ? r : 1;
        }
        run = run_new(g, message);
        if (!run)
                return -ENOMEM;
        r = bringup_group(g, o->force, on_started, run);
        if (r < 0) {
                run_free(run);
                return r;
        }
        return 1;
}

static void on_stopped(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;
        struct group *g = group_by_uuid(run->manager, run->group);

        if (g) {
                g->busy = false;
                if (result->error >= 0)
                        group_set_reason(g, false, "Stopped on request.");
                else
                        bringup_set_wanted(g, true);
                group_refresh(g);
                if (group_relationship(g))
                        relationship_refresh(group_relationship(g), true);
        }
        finish(run, result->error, result->fault.message);
}

int operation_stop(struct group *g, sd_bus_message *message, sd_bus_error *e)
{
        struct run *run;
        int r;

        r = check_source(g, "stop", message, e);
        if (r != 0)
                return r;
        r = queue_until_closed(g, message);
        if (r != 0)
                return r;
        if (!g->up) {
                bringup_set_wanted(g, false);
                r = status_reply(message, &(struct status){});
                return r < 0 ? r : 1;
        }
        for (size_t i = 0; i < g->n_members; i++)
                if (g->members[i].kernel.open_count > 0)
                        return error_set(e, CODE_FAILED, "The replica device /dev/blkrepl/%s/%s is open; umount and close it first.",
                                         g->name, g->members[i].name);
        run = run_new(g, message);
        if (!run)
                return -ENOMEM;
        bringup_set_wanted(g, false);
        r = command_group_del(g, false, on_stopped, run);
        if (r < 0) {
                run_free(run);
                return r;
        }
        g->busy = true;
        return 1;
}

static int resize_next(struct run *run, struct group *g);

static void on_resized(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;
        struct group *g = group_by_uuid(run->manager, run->group);

        if (!g) {
                finish(run, -ENOENT, "The group was removed meanwhile.");
                return;
        }
        g->busy = false;
        if (result->error >= 0) {
                run->index++;
                if (resize_next(run, g) > 0)
                        return;
        }
        group_refresh(g);
        if (group_relationship(g))
                relationship_refresh(group_relationship(g), true);
        store_put_group(g->manager->store, g);
        finish(run, result->error, result->fault.message);
}

/* 1: a child is at work. 0: there is none left to grow. */
static int resize_next(struct run *run, struct group *g)
{
        for (; run->index < g->n_members; run->index++) {
                struct kernel_member k = {
                        .present = PRESENT(MEMBER_GROUP_UUID) | PRESENT(MEMBER_INDEX),
                        .group_uuid = g->uuid, .index = run->index,
                };
                struct device_info info;
                int r;

                if (device_get_info(g->members[run->index].path, &info) >= 0 && info.size == g->members[run->index].size)
                        continue;
                r = child_netlink(g->manager->event, &(struct netlink_request){
                        .command = BLKREPL_CMD_MEMBER_RESIZE, .table = &member_table, .object = &k }, on_resized, run, NULL);
                if (r < 0)
                        return r;
                g->busy = true;
                return 1;
        }
        return 0;
}

int operation_resize(struct group *g, sd_bus_message *message, sd_bus_error *e)
{
        struct run *run;
        int r;

        r = check_source(g, "resize", message, e) ?: aspect_check_none(g, e);
        if (r != 0)
                return r;
        group_refresh(g);
        if (!g->up)
                return error_set(e, CODE_FAILED, "The group %s is down; start it first.", g->name);
        run = run_new(g, message);
        if (!run)
                return -ENOMEM;
        r = resize_next(run, g);
        if (r == 0) {
                finish(run, 0, NULL);
                return 1;
        }
        if (r < 0)
                run_free(run);
        return r;
}

static void on_deleted(const sd_bus_error *e, void *userdata)
{
        struct run *run = userdata;

        if (e)
                sd_bus_reply_method_error(run->message, e);
        else
                status_reply(run->message, &(struct status){});
        run_free(run);
}

int operation_delete(struct group *g, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        const struct relationship *q = group_relationship(g);
        struct run *run;
        int r;

        r = check_quiet(g, message, e);
        if (r != 0)
                return r;
        r = aspect_check_none(g, e);
        if (r < 0)
                return r;
        if (q)
                return error_set(e, CODE_FAILED, "The group %s is in the relationship %s; detach that first.", g->name, q->name);
        if (o->remove_volumes && !o->force)
                return error_set(e, CODE_FAILED, "RemoveVolumes destroys the data on the volumes of %s; give Force as well.", g->name);
        r = queue_until_closed(g, message);
        if (r != 0)
                return r;
        if (g->up && g->kernel.open_count > 0)
                return error_set(e, CODE_FAILED, "A replica device of the group %s is open; umount and close it first.", g->name);
        run = run_new(g, message);
        if (!run)
                return -ENOMEM;
        r = dismantle(g->manager, &(struct dismantle_plan){
                .source = g->role == GROUP_SOURCE ? g : NULL,
                .target = g->role == GROUP_TARGET ? g : NULL,
                .remove_members = o->remove_volumes }, on_deleted, NULL, run);
        if (r < 0) {
                run_free(run);
                return r;
        }
        return 1;
}
