/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AddMember and RemoveMember. Whatever fails on the way, the end is the same:
 * it is seen who is a member (change.c), and the volumes are made to fit.
 */
#include <stdio.h>

#include "../kernel/layout.h"
#include "../kernel/names.h"
#include "aspect.h"
#include "change.h"
#include "child.h"
#include "command.h"
#include "create.h"
#include "member.h"
#include "move.h"
#include "probe.h"
#include "relationship.h"
#include "status.h"
#include "store.h"
#include "volume.h"

enum step {
        STEP_PLAN,
        STEP_PROBE,
        STEP_NOTE,
        STEP_CARVE,
        STEP_TAG,
        STEP_TAG_TARGET,
        STEP_ATTACH,
        STEP_CHANGE,
        STEP_SETTLE,
};

struct run {
        struct manager *manager;
        sd_id128_t group;
        sd_bus_message *message;
        struct options options;
        char *element;
        struct change change;           /* what it will be */
        enum step step;
        sd_bus_error error;
};

static void go_on(struct run *run);

static struct group *group_of(const struct run *run)
{
        return group_by_uuid(run->manager, run->group);
}

static void run_free(struct run *run)
{
        lvm_forget(run->manager->lvm, run);
        sd_bus_message_unref(run->message);
        options_done(&run->options);
        free(run->element);
        sd_bus_error_free(&run->error);
        free(run);
}

static void set_busy(struct group *g, bool busy)
{
        struct relationship *q = group_relationship(g);

        g->busy = busy;
        if (q)
                q->busy = q->source->busy = q->target->busy = busy;
}

static void reply(struct run *run, struct group *g)
{
        if (sd_bus_error_is_set(&run->error))
                sd_bus_reply_method_error(run->message, &run->error);
        else
                status_reply(run->message, &(struct status){ .relationship = g ? group_relationship(g) : NULL });
        run_free(run);
}

/* Both have an order of their own; what the group has become says whether it was done. */
static void on_settled(struct group *g, void *userdata)
{
        struct run *run = userdata;
        bool is_member = g && group_find_member_by_uuid(g, run->change.members[0].uuid);

        if (is_member != (run->change.kind == CHANGE_ADD_MEMBER) && !sd_bus_error_is_set(&run->error))
                error_set(&run->error, CODE_UNSPECIFIED, "The member could not be changed.");
        if (is_member == (run->change.kind == CHANGE_ADD_MEMBER)) {
                /* It was done, whatever was said on the way. */
                sd_bus_error_free(&run->error);
                log_info("The member %s %s the group %s.", run->change.members[0].name, is_member ? "joined" : "left", g->name);
        }
        reply(run, g);
}

static void next(struct run *run, enum step step)
{
        run->step = step;
        go_on(run);
}

/* Nothing has been noted before STEP_CARVE. */
static void fail(struct run *run, int error, const char *sentence)
{
        if (!sd_bus_error_is_set(&run->error))
                error_set_errno(&run->error, error, "%s", sentence);
        if (run->step < STEP_CARVE)
                reply(run, group_of(run));
        else
                next(run, STEP_SETTLE);
}

/* Not while the sides stand apart, or the target is lost. */
static bool may_change(const struct relationship *q)
{
        switch (relationship_state(q)) {
        case BLKREPL_COPY_STATE_INITIALIZED:
        case BLKREPL_COPY_STATE_INACTIVE:
        case BLKREPL_COPY_STATE_SUSPENDED:
        case BLKREPL_COPY_STATE_PREPARED:
        case BLKREPL_COPY_STATE_ABORTED:
        case BLKREPL_COPY_STATE_UNSYNCHRONIZED:
        case BLKREPL_COPY_STATE_SYNCHRONIZED:
                return true;
        default:
                return false;
        }
}

int member_check_ready(struct group *g, const char *verb, sd_bus_error *e)
{
        struct relationship *q = group_relationship(g);
        int r = aspect_check_none(g, e);

        if (r < 0)
                return r;
        if (g->busy || g->change || (q && (q->busy || q->sequence || move_of(q))))
                return error_set(e, CODE_FAILED, "The group %s is being changed; try again in a moment.", g->name);
        if (!manager_module_loaded(g->manager))
                return error_set(e, CODE_NOT_ENOUGH_RESOURCES, "The kernel module is not loaded; run 'modprobe blkrepl'.");
        group_refresh(g);
        if (!g->up && !(q && q->target == g))
                return error_set(e, CODE_FAILED, "The group %s is down; start it first, then %s.", g->name, verb);
        return 0;
}

static int check_members(struct group *g, const char *verb, sd_bus_error *e)
{
        struct relationship *q = group_relationship(g);
        int r;

        r = member_check_ready(g, verb, e);
        if (r < 0 || !q)
                return r;
        relationship_refresh(q, true);
        if (g != q->source)
                return error_set(e, CODE_FAILED, "The group %s is the target of the relationship %s; %s of the group %s, its source.",
                                 g->name, q->name, verb, q->source->name);
        if (!may_change(q) || !g->up)
                return error_set(e, CODE_FAILED, "The relationship %s is %s; the members of a group in a relationship do not change while its two sides stand apart, or its target is lost. Let it be Synchronized, or suspended, first.",
                                 q->name, blkrepl_copy_state_name(relationship_state(q)));
        return 0;
}

/* Step: plan */

static int check_name(const struct group *g, const char *name, sd_bus_error *e)
{
        if (!blkrepl_name_valid(name))
                return error_set(e, CODE_INVALID_PARAMETER, "'%.80s' cannot be the name of a member; give MemberName.", name);
        for (size_t i = 0; i < g->n_members; i++)
                if (streq(g->members[i].name, name))
                        return error_set(e, CODE_INVALID_PARAMETER, "The group %s has a member named %s already; give another MemberName.", g->name, name);
        return 0;
}

static int plan_member(struct run *run, struct group *g, struct volume *v, sd_bus_error *e)
{
        struct member *m = run->change.members;
        const char *name;
        char remedy[400];
        int r;

        r = create_find_volume(run->manager, run->element, v, e);
        if (r < 0)
                return r;
        name = run->options.member_name ?: strrchr(v->name, '/') + 1;
        r = check_name(g, name, e);
        if (r < 0)
                return r;
        snprintf(remedy, sizeof(remedy), "release it (umount, swapoff, …), call again, and then use /dev/blkrepl/%s/%s in its place.", g->name, name);
        r = create_check_free(v, "volume", remedy, e);
        if (r >= 0 && v->size == 0)
                return error_set(e, CODE_INVALID_PARAMETER, "The volume %s is empty; give one with data or space for them.", v->name);
        if (r >= 0)
                r = sd_id128_randomize(&m->uuid);
        if (r >= 0)
                r = copy_string(m->name, sizeof(m->name), name);
        if (r >= 0)
                r = create_set_path(m->path, sizeof(m->path), v);
        m->size = v->size;
        return r;
}

static int plan_given_target(struct run *run, struct volume *v, sd_bus_error *e)
{
        const struct member *source = run->change.members;
        struct member *m = run->change.members + 1;
        int r;

        r = create_find_volume(run->manager, run->options.target_element, v, e);
        if (r >= 0)
                r = create_check_free(v, "target", "release it, or give another target. Force does not help with a volume in use.", e);
        if (r < 0)
                return r;
        if (v->size < source->size)
                return error_set(e, CODE_INVALID_PARAMETER, "The target %s has %llu bytes, its source %s has %llu; give a target that is at least as large.",
                                 v->name, (unsigned long long)v->size, source->name, (unsigned long long)source->size);
        r = create_set_path(m->path, sizeof(m->path), v);
        if (r >= 0 && streq(m->path, source->path))
                return error_set(e, CODE_INVALID_PARAMETER, "%s is both source and target; give another target.", v->name);
        m->size = v->size;
        return r;
}

static int plan_carved_target(struct run *run, const struct group *target, sd_bus_error *e)
{
        const struct member *source = run->change.members;
        struct member *m = run->change.members + 1;
        _cleanup_free_ char *id = NULL, *lv = NULL;
        const struct lvm_vg *vg = NULL;

        if (sd_bus_path_decode(run->options.target_pool, "/org/blkrepl1/pool", &id) > 0)
                vg = lvm_find_vg(run->manager->lvm, id);
        if (!vg)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no pool %s; ListPools tells those that there are.", run->options.target_pool);
        m->made = true;
        m->size = vg->extent_size ? (source->size + vg->extent_size - 1) / vg->extent_size * vg->extent_size : source->size;
        if (m->size > vg->free)
                return error_set(e, CODE_NOT_ENOUGH_RESOURCES, "There is no space for %s, which needs %llu bytes; in %s are %llu left. Extend it with vgextend, or give another pool.",
                                 source->name, (unsigned long long)m->size, vg->name, (unsigned long long)vg->free);
        lv = lvm_choose_name(lvm_get_report(run->manager->lvm), vg->name, target->name, source->name, NULL);
        if (!lv)
                return -ENOMEM;
        return snprintf(m->path, sizeof(m->path), "/dev/%s/%s", vg->name, lv) >= (int)sizeof(m->path) ? -ENAMETOOLONG : 0;
}

static int plan_target(struct run *run, const struct relationship *q, struct volume *v, sd_bus_error *e)
{
        struct member *m = run->change.members + 1;
        int r;

        run->change.n_members = 2;
        memcpy(m->name, run->change.members[0].name, sizeof(m->name));
        r = sd_id128_randomize(&m->uuid);
        if (r < 0)
                return r;
        return run->options.target_pool ? plan_carved_target(run, q->target, e) : plan_given_target(run, v, e);
}

static int check_targets(const struct run *run, const struct group *g, const struct relationship *q, sd_bus_error *e)
{
        const struct options *o = &run->options;

        if (!q && (o->target_element || o->target_pool))
                return error_set(e, CODE_INVALID_PARAMETER, "The group %s is in no relationship; leave TargetElement and TargetPool out.", g->name);
        if (q && !o->target_element && !o->target_pool)
                return error_set(e, CODE_INVALID_PARAMETER, "The group %s is in the relationship %s; give TargetElement, or TargetPool to carve the copy from.", g->name, q->name);
        if (o->target_element && o->target_pool)
                return error_set(e, CODE_INVALID_PARAMETER, "Both TargetElement and TargetPool are given; give one of them.");
        return 0;
}

static int plan(struct run *run)
{
        _cleanup_free_ struct volume *v = malloc(sizeof(*v));
        struct group *g = group_of(run);
        sd_bus_error *e = &run->error;
        struct relationship *q;
        int r;

        if (!g)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "The group was removed meanwhile.");
        q = group_relationship(g);
        run->step = STEP_NOTE;
        r = v ? check_members(g, "add it", e) : -ENOMEM;
        if (r < 0 || run->change.kind == CHANGE_REMOVE_MEMBER)
                return r;
        if (g->n_members == BLKREPL_MAX_MEMBERS)
                return error_set(e, CODE_INVALID_PARAMETER, "The group %s has %u members, and no more fit; make another group.", g->name, BLKREPL_MAX_MEMBERS);
        run->change.n_members = 1;
        r = plan_member(run, g, v, e);
        if (r >= 0 && q)
                r = plan_target(run, q, v, e);
        if (r >= 0 && q && !run->change.members[1].made && !run->options.force)
                run->step = STEP_PROBE;
        return r;
}

static void on_refreshed(int error, const char *message, void *userdata)
{
        struct run *run = userdata;
        int r;

        /* Without LVM there still are disks. */
        if (error < 0 && error != -ENOENT) {
                fail(run, error, message);
                return;
        }
        r = plan(run);
        if (r < 0)
                fail(run, r, "The change cannot be planned.");
        else
                go_on(run);
}

/* Step: signatures on the target */

static void on_probed(const sd_bus_error *e, void *userdata)
{
        struct run *run = userdata;

        if (e) {
                sd_bus_error_copy(&run->error, e);
                fail(run, -EPERM, "");
        } else
                next(run, STEP_NOTE);
}

/* Step: note it; from here on there is something to settle */

static int note(struct run *run)
{
        struct group *g = group_of(run);
        int r;

        if (!g)
                return -ENOENT;
        r = check_members(g, "change it", &run->error);
        if (r < 0)
                return r;
        g->change = malloc(sizeof(*g->change));
        if (!g->change)
                return -ENOMEM;
        *g->change = run->change;
        g->change->running = true;
        r = store_begin(g->manager->store);
        if (r >= 0)
                r = store_put_change(g->manager->store, g->uuid, g->change);
        if (r >= 0)
                r = store_commit(g->manager->store);
        if (r < 0) {
                store_rollback(g->manager->store);
                change_forget(g);
                return r;
        }
        set_busy(g, true);
        run->step = run->change.kind == CHANGE_ADD_MEMBER ? STEP_CARVE : STEP_ATTACH;
        return 0;
}

/* Steps: volumes */

static void on_lvm(int error, const char *message, void *userdata)
{
        struct run *run = userdata;

        if (error < 0)
                fail(run, error, message);
        else
                next(run, run->step + 1);
}

static struct group *target_of(const struct group *g)
{
        struct relationship *q = group_relationship(g);

        return q ? q->target : NULL;
}

static int carve(struct run *run)
{
        _cleanup_strv_ char **words = NULL;
        int r;

        if (run->change.n_members < 2 || !run->change.members[1].made) {
                run->step++;
                return 0;
        }
        r = create_words_make(target_of(group_of(run)), run->change.members + 1, &words);
        if (r >= 0)
                r = lvm_command(run->manager->lvm, words, on_lvm, run);
        return r < 0 ? r : 1;
}

static int tag(struct run *run, const struct group *g, size_t i)
{
        const struct member *m = run->change.members + i;
        const struct lvm_lv *lv = i < run->change.n_members && !m->made ? lvm_find_lv_by_path(run->manager->lvm, m->path) : NULL;
        _cleanup_strv_ char **words = NULL;
        int r;

        if (!lv) {
                run->step++;
                return 0;
        }
        r = create_words_tag(g, m, lv, &words);
        if (r >= 0)
                r = lvm_command(run->manager->lvm, words, on_lvm, run);
        return r < 0 ? r : 1;
}

/* Steps: the module */

static void on_done(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;

        if (result->error < 0)
                fail(run, result->error, result->fault.message);
        else
                next(run, run->step + 1);
}

/* The other side's log volume has to know the member as well. */
static int attach(struct run *run)
{
        struct group *g = group_of(run);
        struct relationship *q = group_relationship(g);

        if (!q || q->kernel.connected) {
                run->step++;
                return 0;
        }
        return command_connect(q, g, true, 0, on_done, run) ?: 1;
}

static struct kernel_device device(const struct member *m)
{
        struct kernel_device d = {
                .present = PRESENT(DEVICE_INDEX) | PRESENT(DEVICE_UUID) | PRESENT(DEVICE_NAME) | PRESENT(DEVICE_PATH), .uuid = m->uuid,
        };

        memcpy(d.name, m->name, sizeof(d.name));
        memcpy(d.path, m->path, sizeof(d.path));
        return d;
}

static int change_module(struct run *run)
{
        const struct kernel_device devices[] = { device(run->change.members), device(run->change.members + 1) };
        struct kernel_member m = {
                .present = PRESENT(MEMBER_GROUP_UUID) | PRESENT(MEMBER_UUID), .group_uuid = run->group, .uuid = run->change.members[0].uuid,
        };
        struct kernel_group g = { .present = PRESENT(GROUP_UUID), .uuid = run->group };

        if (run->change.kind == CHANGE_ADD_MEMBER)
                return child_netlink(run->manager->event, &(struct netlink_request){
                        .command = BLKREPL_CMD_MEMBER_ADD, .table = &group_table, .object = &g,
                        .devices = devices, .n_devices = run->change.n_members }, on_done, run, NULL) ?: 1;
        return child_netlink(run->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_REMOVE, .table = &member_table, .object = &m }, on_done, run, NULL) ?: 1;
}

static int settle(struct run *run)
{
        struct group *g = group_of(run);
        int r;

        set_busy(g, false);
        g->change->running = false;
        r = change_resume(g, on_settled, run);
        /* It is seen later, when the group is looked at next. */
        if (r <= 0)
                on_settled(g, run);
        return 1;
}

/* A step gives 0 when the next is to follow at once, 1 when it goes on later or is over. */
static void go_on(struct run *run)
{
        int r = 0;

        while (r == 0)
                switch (run->step) {
                case STEP_PLAN:
                        r = lvm_refresh(run->manager->lvm, on_refreshed, run) ?: 1;
                        break;
                case STEP_PROBE:
                        r = probe_device(run->manager->event, run->change.members[1].path, on_probed, run) ?: 1;
                        break;
                case STEP_NOTE:
                        r = note(run);
                        break;
                case STEP_CARVE:
                        r = carve(run);
                        break;
                case STEP_TAG:
                        r = tag(run, group_of(run), 0);
                        break;
                case STEP_TAG_TARGET:
                        r = tag(run, target_of(group_of(run)), 1);
                        break;
                case STEP_ATTACH:
                        r = attach(run);
                        break;
                case STEP_CHANGE:
                        r = change_module(run);
                        break;
                case STEP_SETTLE:
                        r = settle(run);
                        break;
                }
        if (r < 0)
                fail(run, r, "A step of the change could not be done; see the journal of blkrepld.");
}

static struct run *run_new(struct group *g, enum change_kind kind, struct options *o, sd_bus_message *message)
{
        struct run *run = calloc(1, sizeof(*run));

        if (!run)
                return NULL;
        run->manager = g->manager;
        run->group = g->uuid;
        run->change.kind = kind;
        run->change.remove_volumes = o->remove_volumes;
        run->message = sd_bus_message_ref(message);
        run->options = *o;
        *o = (struct options){};
        return run;
}

int member_add(struct group *g, const char *element, struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct run *run;
        int r;

        r = check_members(g, "add the member", e);
        if (r < 0)
                return r;
        run = run_new(g, CHANGE_ADD_MEMBER, o, message);
        if (!run)
                return -ENOMEM;
        r = check_targets(run, g, group_relationship(g), e);
        run->element = strdup(element);
        if (r < 0 || !run->element) {
                run_free(run);
                return r < 0 ? r : -ENOMEM;
        }
        go_on(run);
        return 1;
}

int member_remove(struct group *g, const char *id, struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct relationship *q = group_relationship(g);
        struct member *m = group_find_member(g, id);
        struct run *run;
        int r;

        if (!m)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "The group %s has no member '%.200s'; its property Members tells those that it has.", g->name, id);
        if (g->n_members == 1)
                return error_set(e, CODE_FAILED, "%s is the last member of the group %s; delete the group instead.", m->name, g->name);
        if (o->remove_volumes && !o->force)
                return error_set(e, CODE_FAILED, "RemoveVolumes destroys the data on the volume that was carved for %s; give Force as well.", m->name);
        r = check_members(g, "remove the member", e);
        if (r < 0)
                return r;
        group_refresh(g);
        if (m->kernel.open_count > 0)
                return error_set(e, CODE_FAILED, "The replica device /dev/blkrepl/%s/%s is open; umount and close it first.", g->name, m->name);
        run = run_new(g, CHANGE_REMOVE_MEMBER, o, message);
        if (!run)
                return -ENOMEM;
        run->change.members[run->change.n_members++] = *m;
        if (q)
                run->change.members[run->change.n_members++] = q->target->members[m - g->members];
        go_on(run);
        return 1;
}
