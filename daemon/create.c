/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "aspect.h"
#include "bringup.h"
#include "change.h"
#include "child.h"
#include "command.h"
#include "create.h"
#include "device.h"
#include "logvol.h"
#include "probe.h"
#include "store.h"

enum step {
        STEP_PROBE,             /* foreign signatures on what is given */
        STEP_COMMIT,            /* rows and intent; from here on there is something to undo */
        STEP_CARVE,
        STEP_SOURCE_LOG,
        STEP_TARGET_LOG,
        STEP_TAG_SOURCES,
        STEP_TAG_TARGETS,
        STEP_WIPE_SOURCE_LOG,
        STEP_WIPE_TARGET_LOG,
        STEP_GROUP,
        STEP_TARGET_DOWN,       /* a target group that was there before */
        STEP_RELATIONSHIP,
        STEP_FOLLOW,
};

static void go_on(struct create *c);

static bool is_kept(const struct create *c, const struct group *g)
{
        return (g == c->source && c->keep_source) || (g == c->target && c->keep_target);
}

static const char *name_of(const struct create *c)
{
        return c->relationship ? c->relationship->name : c->source->name;
}

static int put_intent(struct create *c, enum intent_phase phase)
{
        if (!c->relationship)
                return store_put_change(c->manager->store, c->source->uuid, c->source->change);
        return store_put_intent(c->manager->store, c->relationship->uuid, phase,
                                (c->keep_source ? INTENT_KEEP_SOURCE : 0) | (c->keep_target ? INTENT_KEEP_TARGET : 0));
}

static void create_free(struct create *c)
{
        struct create **p;

        for (p = &c->manager->creations; *p != c; p = &(*p)->next)
                ;
        *p = c->next;
        lvm_forget(c->manager->lvm, c);
        if (c->job) {
                c->job->userdata = NULL;
                c->job->copied = NULL;
                c->job->cancel = NULL;
        }
        sd_bus_message_unref(c->message);
        create_params_done(&c->params);
        strv_free(c->probe);
        sd_bus_error_free(&c->error);
        free(c);
}

static void reply_error(struct create *c)
{
        if (c->message)
                sd_bus_reply_method_error(c->message, &c->error);
        if (c->handler)
                c->handler(NULL, &c->error, c->userdata);
        c->handler = NULL;
        c->message = sd_bus_message_unref(c->message);
}

static void on_target_returned(_unused_ struct group *g, void *userdata)
{
        struct create *c = userdata;

        reply_error(c);
        if (c->job)
                job_finish(c->job, c->canceled ? JOB_CANCELED : JOB_FAILED, c->canceled ? NULL : &c->error);
        create_free(c);
}

static void on_undone(_unused_ const sd_bus_error *e, void *userdata)
{
        struct create *c = userdata;

        if (c->keep_source)
                c->source->busy = false;
        if (c->keep_target) {
                c->target->role = GROUP_SOURCE;
                c->target->busy = false;
                if (store_put_group(c->manager->store, c->target) >= 0 && change_resume(c->target, on_target_returned, c) > 0)
                        return;
        }
        on_target_returned(NULL, c);
}

static void on_obstacle(const char *obstacle, void *userdata)
{
        struct create *c = userdata;

        if (!c->job)
                return;
        free(c->job->message);
        c->job->message = strdup(obstacle);
        job_set_phase(c->job, "undoing");
}

/* Takes apart what has been made; the error, if one is set, is told when that is done. */
static void undo(struct create *c)
{
        int r;

        if (c->undoing)
                return;
        c->undoing = true;
        if (!c->committed) {
                if (c->relationship)
                        relationship_free(c->relationship);
                if (c->target && !c->keep_target)
                        group_free(c->target);
                if (c->source && !c->keep_source)
                        group_free(c->source);
                reply_error(c);
                create_free(c);
                return;
        }
        log_notice("Undoing the creation of %s: %s", name_of(c), c->canceled ? "canceled" : strempty(c->error.message));
        put_intent(c, INTENT_UNDO);
        if (c->job)
                job_set_phase(c->job, "undoing");
        r = dismantle(c->manager, &(struct dismantle_plan){
                .relationship = c->relationship, .source = c->keep_source ? NULL : c->source,
                .target = c->keep_target ? NULL : c->target,
                .remove_members = true, .retry = true }, on_undone, on_obstacle, c);
        if (r < 0)
                log_oom();
}

static void fail(struct create *c, int error, const char *what, const char *message)
{
        if (!sd_bus_error_is_set(&c->error))
                error_set_errno(&c->error, error, "%s%s%s", what, *what ? ": " : "", message);
        undo(c);
}

static void next(struct create *c, enum step step)
{
        c->step = step;
        c->index = 0;
        go_on(c);
}

/* After every step that took time: whether to go on. */
static bool still_wanted(struct create *c)
{
        if (!c->canceled)
                return true;
        undo(c);
        return false;
}

/* Step: signatures */

static void on_probed(const sd_bus_error *e, void *userdata)
{
        struct create *c = userdata;

        if (e) {
                sd_bus_error_copy(&c->error, e);
                undo(c);
                return;
        }
        c->index++;
        go_on(c);
}

static int probe(struct create *c)
{
        if (c->params.options.force || !c->probe || !c->probe[c->index]) {
                c->step = STEP_COMMIT;
                return 0;
        }
        return probe_device(c->manager->event, c->probe[c->index], on_probed, c) ?: 1;
}

/* Step: commit */

static void on_copied(_unused_ struct job *j, void *userdata)
{
        struct create *c = userdata;

        if (!c)
                return;
        store_delete_intent(c->manager->store, c->relationship->uuid);
        create_free(c);
}

static int on_cancel(struct job *j, sd_bus_error *e)
{
        struct create *c = j->userdata;

        if (!c->keep_source && c->source->up) {
                group_refresh(c->source);
                if (c->source->kernel.open_count > 0)
                        return error_set(e, CODE_FAILED, "A replica device of the group %s is open; umount and close it, then cancel again, or Detach the relationship to keep the group.",
                                         c->source->name);
        }
        c->canceled = true;
        if (c->step == STEP_FOLLOW)
                undo(c);
        return 0;
}

static int attach_job(struct create *c)
{
        int r = job_new(c->manager, "create", c->relationship, &c->job);

        if (r < 0)
                return r;
        c->job->userdata = c;
        c->job->cancel = on_cancel;
        c->job->copied = on_copied;
        c->job->cancelable = true;
        return 0;
}

static void show_group(struct create *c, struct group *g)
{
        if (!g || is_kept(c, g))
                return;
        g->hidden = false;
        group_announce(g, true);
}

static void show(struct create *c)
{
        show_group(c, c->source);
        show_group(c, c->target);
        if (!c->relationship)
                return;
        c->relationship->hidden = false;
        relationship_announce(c->relationship, true);
}

/* What is changed apart from the relationship is noted with its group. */
static int note_change(struct group *g, enum change_kind kind)
{
        g->change = calloc(1, sizeof(*g->change));
        if (!g->change)
                return -ENOMEM;
        g->change->kind = kind;
        return store_put_change(g->manager->store, g->uuid, g->change);
}

static int put_rows(struct create *c)
{
        struct store *s = c->manager->store;
        int r = 0;

        if (!c->keep_source)
                r = store_put_group(s, c->source);
        if (r >= 0 && !c->relationship)
                r = note_change(c->source, CHANGE_CREATE);
        if (r < 0 || !c->relationship)
                return r;
        r = store_put_group(s, c->target);
        if (r >= 0 && c->keep_target)
                r = note_change(c->target, CHANGE_LEND);
        if (r >= 0)
                r = store_put_relationship(s, c->relationship);
        return r < 0 ? r : put_intent(c, INTENT_PREPARE);
}

static int commit(struct create *c)
{
        struct store *s = c->manager->store;
        int r;

        if (!manager_module_loaded(c->manager))
                return error_set(&c->error, CODE_NOT_ENOUGH_RESOURCES, "The kernel module is not loaded; run 'modprobe blkrepl'.");
        if (c->keep_target)
                c->target->role = GROUP_TARGET;
        r = store_begin(s);
        if (r >= 0)
                r = put_rows(c);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0) {
                store_rollback(s);
                if (c->keep_target) {
                        c->target->role = GROUP_SOURCE;
                        change_forget(c->target);
                }
                return r;
        }
        c->committed = true;
        c->source->busy = true;
        c->step = STEP_CARVE;
        if (!c->relationship) {
                log_info("Creating the group %s.", c->source->name);
                return 0;
        }
        c->relationship->busy = c->target->busy = true;
        show(c);
        r = attach_job(c);
        if (r < 0)
                return r;
        log_info("Creating the relationship %s: group %s to group %s.", c->relationship->name, c->source->name, c->target->name);
        if (!c->params.options.inactive && c->message) {
                create_reply(c->message, c->relationship, c->job);
                c->message = sd_bus_message_unref(c->message);
        }
        return 0;
}

/* Steps: volumes */

static void on_lvm(int error, const char *message, void *userdata)
{
        struct create *c = userdata;

        if (error < 0) {
                fail(c, error, "LVM", message);
                return;
        }
        if (!still_wanted(c))
                return;
        c->index++;
        go_on(c);
}

static int lvcreate(struct create *c, const struct group *g, const struct member *m)
{
        _cleanup_strv_ char **words = NULL;
        int r = create_words_make(g, m, &words);

        if (r >= 0)
                r = lvm_command(c->manager->lvm, words, on_lvm, c);
        return r < 0 ? r : 1;
}

static int carve(struct create *c)
{
        size_t n = c->target && !c->keep_target ? c->target->n_members : 0;

        while (c->index < n && !c->target->members[c->index].made)
                c->index++;
        if (c->index < n)
                return lvcreate(c, c->target, c->target->members + c->index);
        c->step = STEP_SOURCE_LOG;
        c->index = 0;
        return 0;
}

static int make_log(struct create *c, const struct group *g, enum step after)
{
        if (g && g->log_made && c->index == 0 && !is_kept(c, g))
                return lvcreate(c, g, NULL);
        c->step = after;
        c->index = 0;
        return 0;
}

/* The log volume, if it is a logical volume that was given, is tagged after the members. */
static int tag(struct create *c, const struct group *g, enum step after)
{
        while (g && c->index <= g->n_members && !is_kept(c, g)) {
                const struct member *m = c->index < g->n_members ? g->members + c->index : NULL;
                const struct lvm_lv *lv = lvm_find_lv_by_path(c->manager->lvm, m ? m->path : g->log_path);
                _cleanup_strv_ char **words = NULL;
                int r;

                if (!lv || (m ? m->made : g->log_made)) {
                        c->index++;
                        continue;
                }
                r = create_words_tag(g, m, lv, &words);
                if (r >= 0)
                        r = lvm_command(c->manager->lvm, words, on_lvm, c);
                return r < 0 ? r : 1;
        }
        c->step = after;
        c->index = 0;
        return 0;
}

/* A new log volume may lie where an old one was: its blocks must not look valid. */
static int wipe_head(void *argument)
{
        return device_wipe(argument, LOGVOL_HEAD_SIZE);
}

static void on_wiped(const struct child_result *result, void *userdata)
{
        struct create *c = userdata;

        if (result->error < 0)
                fail(c, result->error, "The new log volume cannot be written", strerror(-result->error));
        else if (still_wanted(c))
                next(c, c->step + 1);
}

static int wipe(struct create *c, struct group *g)
{
        if (!g || !g->log_made || is_kept(c, g)) {
                c->step++;
                return 0;
        }
        return child_call(c->manager->event, wipe_head, g->log_path, on_wiped, c, NULL) ?: 1;
}

/* Steps: the module */

static void on_group(const struct child_result *result, void *userdata)
{
        struct create *c = userdata;

        if (result->error < 0)
                fail(c, result->error, "", result->fault.message);
        else {
                group_refresh(c->source);
                if (still_wanted(c))
                        next(c, STEP_TARGET_DOWN);
        }
}

static int make_group(struct create *c)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        struct kernel_group k = {
                .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_NAME) | PRESENT(GROUP_LOG_PATH) | PRESENT(GROUP_CREATE) | PRESENT(GROUP_FORCE),
                .uuid = c->source->uuid, .create = true, .force = c->params.options.force,
        };

        if (c->job)
                job_set_phase(c->job, "formatting");
        if (c->keep_source) {
                c->step = STEP_TARGET_DOWN;
                return 0;
        }
        devices = group_devices(c->source);
        if (!devices)
                return -ENOMEM;
        memcpy(k.name, c->source->name, sizeof(k.name));
        memcpy(k.log_path, c->source->log_path, sizeof(k.log_path));
        return child_netlink(c->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_NEW, .table = &group_table, .object = &k,
                .devices = devices, .n_devices = c->source->n_members }, on_group, c, NULL) ?: 1;
}

static void on_target_down(const struct child_result *result, void *userdata)
{
        struct create *c = userdata;

        group_refresh(c->target);
        if (result->error < 0 && result->error != -ENOENT)
                fail(c, result->error, "", result->fault.message);
        else if (still_wanted(c))
                next(c, STEP_RELATIONSHIP);
}

static int take_target_down(struct create *c)
{
        c->step = c->relationship ? STEP_RELATIONSHIP : STEP_FOLLOW;
        if (!c->keep_target)
                return 0;
        return command_group_del(c->target, false, on_target_down, c) ?: 1;
}

static void on_relationship(const struct child_result *result, void *userdata)
{
        struct create *c = userdata;

        if (result->error < 0)
                fail(c, result->error, "", result->fault.message);
        else if (still_wanted(c))
                next(c, STEP_FOLLOW);
}

static int make_relationship(struct create *c)
{
        const struct options *o = &c->params.options;
        _cleanup_free_ struct kernel_device *devices = group_devices(c->target);
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_NAME) | PRESENT(RELATIONSHIP_GROUP_UUID) |
                           PRESENT(RELATIONSHIP_TARGET_GROUP_UUID) | PRESENT(RELATIONSHIP_TARGET_GROUP_NAME) |
                           PRESENT(RELATIONSHIP_TARGET_LOG_PATH) | PRESENT(RELATIONSHIP_FORCE) | PRESENT(RELATIONSHIP_SEEDED) |
                           PRESENT(RELATIONSHIP_INACTIVE) | PRESENT(RELATIONSHIP_SYNC_TYPE) | PRESENT(RELATIONSHIP_MODE) |
                           PRESENT(RELATIONSHIP_RECOVERY_POINT_OBJECTIVE) | PRESENT(RELATIONSHIP_CONSISTENCY_ENABLED),
                .uuid = c->relationship->uuid, .group_uuid = c->source->uuid, .target_group_uuid = c->target->uuid,
                .force = o->force, .seeded = o->seeded, .inactive = o->inactive,
                .sync_type = c->relationship->sync_type, .mode = c->relationship->mode,
                .recovery_point_objective = c->relationship->rpo, .consistency_enabled = true,
        };
        int r;

        if (!devices)
                return -ENOMEM;
        memcpy(k.name, c->relationship->name, sizeof(k.name));
        memcpy(k.target_group_name, c->target->name, sizeof(k.target_group_name));
        memcpy(k.target_log_path, c->target->log_path, sizeof(k.target_log_path));
        r = options_to_kernel(o, &k, &c->error);
        if (r < 0)
                return r;
        return child_netlink(c->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_NEW, .table = &relationship_table, .object = &k,
                .devices = devices, .n_devices = c->target->n_members }, on_relationship, c, NULL) ?: 1;
}

static int end_group(struct create *c)
{
        int r = store_delete_change(c->manager->store, c->source->uuid);

        if (r < 0)
                return r;
        change_forget(c->source);
        c->source->busy = false;
        lvm_refresh(c->manager->lvm, NULL, NULL);
        show(c);
        create_group_reply(c->message, c->source);
        create_free(c);
        return 1;
}

/* It is made. What is left is the copy, which goes on without us as well. */
static int follow(struct create *c)
{
        struct relationship *q = c->relationship;
        struct job *j = c->job;
        int r;

        if (!q)
                return end_group(c);
        if (c->keep_target) {
                r = store_delete_change(c->manager->store, c->target->uuid);
                if (r < 0)
                        return r;
                change_forget(c->target);
        }
        q->busy = c->source->busy = c->target->busy = false;
        lvm_refresh(c->manager->lvm, NULL, NULL);
        relationship_send_event(q, "created");
        if (c->params.options.inactive) {
                r = store_delete_intent(c->manager->store, q->uuid);
                if (r < 0)
                        return r;
                relationship_refresh(q, true);
                if (c->message)
                        create_reply(c->message, q, NULL);
                job_finish(j, JOB_DONE, NULL);
                if (c->handler)
                        c->handler(q, NULL, c->userdata);
                create_free(c);
                return 1;
        }
        r = put_intent(c, INTENT_COPY);
        if (r < 0)
                return r;
        relationship_refresh(q, true);
        r = job_follow_copy(j);
        return r < 0 ? r : 1;
}

/* A step gives 0 when the next is to follow at once, 1 when it goes on later or is over. */
static void go_on(struct create *c)
{
        int r = 0;

        while (r == 0)
                switch ((enum step)c->step) {
                case STEP_PROBE:
                        r = probe(c);
                        break;
                case STEP_COMMIT:
                        r = commit(c);
                        break;
                case STEP_CARVE:
                        r = carve(c);
                        break;
                case STEP_SOURCE_LOG:
                        r = make_log(c, c->source, STEP_TARGET_LOG);
                        break;
                case STEP_TARGET_LOG:
                        r = make_log(c, c->target, STEP_TAG_SOURCES);
                        break;
                case STEP_TAG_SOURCES:
                        r = tag(c, c->source, STEP_TAG_TARGETS);
                        break;
                case STEP_TAG_TARGETS:
                        r = tag(c, c->target, STEP_WIPE_SOURCE_LOG);
                        break;
                case STEP_WIPE_SOURCE_LOG:
                        r = wipe(c, c->source);
                        break;
                case STEP_WIPE_TARGET_LOG:
                        r = wipe(c, c->target);
                        break;
                case STEP_GROUP:
                        r = make_group(c);
                        break;
                case STEP_TARGET_DOWN:
                        r = take_target_down(c);
                        break;
                case STEP_RELATIONSHIP:
                        r = make_relationship(c);
                        break;
                case STEP_FOLLOW:
                        r = follow(c);
                        break;
                }
        if (r < 0)
                fail(c, r, "", "A step of the creation could not be done; see the journal of blkrepld.");
}

static void on_refreshed(int error, const char *message, void *userdata)
{
        struct create *c = userdata;
        int r;

        /* Without LVM there still are disks. */
        if (error < 0 && error != -ENOENT) {
                fail(c, error, "LVM", message);
                return;
        }
        r = create_plan(c, &c->error);
        if (r < 0)
                fail(c, r, "", "The creation cannot be planned.");
        else
                next(c, STEP_PROBE);
}

static struct create *create_new(struct manager *m)
{
        struct create *c = calloc(1, sizeof(*c));

        if (c) {
                c->manager = m;
                c->next = m->creations;
                m->creations = c;
        }
        return c;
}

static int start(struct manager *m, struct create_params *p, struct create **ret)
{
        struct create *c = create_new(m);
        int r;

        if (!c)
                return -ENOMEM;
        r = lvm_refresh(m->lvm, on_refreshed, c);
        if (r < 0) {
                create_free(c);
                return r;
        }
        c->params = *p;
        *p = (struct create_params){};
        *ret = c;
        return 0;
}

int create_start(struct manager *m, sd_bus_message *message, struct create_params *p, sd_bus_error *e)
{
        struct relationship *aspect;
        struct create *c;
        int r;

        r = create_check_model(p, e);
        aspect = r < 0 ? NULL : aspect_to_pair(m, p);
        if (aspect)
                return aspect_pair(aspect, p, message, e);
        if (r >= 0)
                r = start(m, p, &c);
        if (r >= 0)
                c->message = sd_bus_message_ref(message);
        return r;
}

int create_start_empty(struct manager *m, struct create_params *p, create_handler handler, void *userdata)
{
        struct create *c;
        int r = start(m, p, &c);

        if (r >= 0) {
                c->handler = handler;
                c->userdata = userdata;
        }
        return r;
}

/* What an earlier instance left */

static int recover(sd_id128_t uuid, enum intent_phase phase, unsigned int keep, void *userdata)
{
        struct manager *m = userdata;
        struct relationship *q = relationship_by_uuid(m, uuid);
        struct create *c;

        if (!q)
                return 0;
        c = create_new(m);
        if (!c)
                return -ENOMEM;
        c->relationship = q;
        c->source = q->source;
        c->target = q->target;
        c->keep_source = keep & INTENT_KEEP_SOURCE;
        c->keep_target = keep & INTENT_KEEP_TARGET;
        c->committed = true;
        if (phase == INTENT_COPY) {
                c->step = STEP_FOLLOW;
                return 0;
        }
        q->hidden = true;
        c->target->hidden = !c->keep_target;
        c->source->hidden = !c->keep_source;
        c->canceled = true;
        return 0;
}

static int recover_group(struct group *g)
{
        struct create *c = create_new(g->manager);

        if (!c)
                return -ENOMEM;
        c->source = g;
        g->hidden = true;
        c->committed = c->canceled = true;
        return 0;
}

int create_recover_intents(struct manager *m)
{
        int r = store_each_intent(m->store, recover, m);

        for (struct group *g = m->groups; r >= 0 && g; g = g->next)
                if (g->change && g->change->kind == CHANGE_CREATE)
                        r = recover_group(g);
        return r;
}

/* After the groups have been brought up, so that the module can forget what is half made. */
void create_undo_intents(struct manager *m)
{
        for (struct create *c = m->creations, *n; c; c = n) {
                n = c->next;
                if (c->canceled && !c->undoing && !c->job)
                        undo(c);
        }
}

/* A first copy that still goes on gets a job again. */
void create_resume_jobs(struct manager *m)
{
        for (struct create *c = m->creations, *n; c; c = n) {
                n = c->next;
                if (c->job || c->undoing || c->canceled || c->message || c->step != STEP_FOLLOW || !c->relationship->up)
                        continue;
                if (attach_job(c) < 0 || job_follow_copy(c->job) < 0)
                        log_oom();
        }
}

bool create_is_preparing(const struct manager *m)
{
        for (const struct create *c = m->creations; c; c = c->next)
                if (c->committed && !c->undoing && c->step < STEP_FOLLOW)
                        return true;
        return false;
}

/* When the daemon ends; what they have begun is gone on with by the next. */
void creations_free(struct manager *m)
{
        while (m->creations)
                create_free(m->creations);
}
