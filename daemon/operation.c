/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "../kernel/names.h"
#include "bringup.h"
#include "command.h"
#include "job.h"
#include "judge.h"
#include "move.h"
#include "operation.h"
#include "polkit.h"
#include "queue.h"
#include "sequence-plan.h"
#include "status.h"
#include "store.h"

#define RETRY_USEC (30 * USEC_PER_SEC)
#define DEFAULT_OBJECTIVE 30    /* seconds */

/* A call that is being carried out */
struct run {
        sd_bus_message *message;        /* NULL for a job's cancellation */
        bool wait;
        uint16_t wait_state;
        uint64_t timeout;
        uint64_t recovery_point, recovery_point_age;    /* as it was before */
};

static void run_free(struct run *run)
{
        sd_bus_message_unref(run->message);
        free(run);
}

const char *operation_action(unsigned int operation)
{
        switch (operation) {
        case BLKREPL_OPERATION_FAILOVER:
        case BLKREPL_OPERATION_FAILBACK:
                return ACTION_FAILOVER;
        case BLKREPL_OPERATION_REVERSE_ROLES:
        case BLKREPL_OPERATION_RESTORE_FROM_REPLICA:
                return ACTION_SWITCH_ROLES;
        case BLKREPL_OPERATION_DETACH:
        case BLKREPL_OPERATION_DISSOLVE:
        case BLKREPL_OPERATION_RETURN_TO_RESOURCE_POOL:
                return ACTION_DESTROY;
        default:
                return ACTION_CONTROL;
        }
}

uint32_t operation_options(unsigned int operation)
{
        switch (operation) {
        case BLKREPL_OPERATION_RESET_TO_ASYNC:
                return OPTIONS_OPERATION | OPTION_BIT(OPTION_OBJECTIVE);
        case BLKREPL_OPERATION_SUSPEND:
                return OPTIONS_OPERATION | OPTION_BIT(OPTION_HOLD_SOURCE_IO);
        case BLKREPL_OPERATION_RESYNC_REPLICA:
        case BLKREPL_OPERATION_RESTORE_FROM_REPLICA:
        case BLKREPL_OPERATION_FAILBACK:
        case BLKREPL_OPERATION_REVERSE_ROLES:
                return OPTIONS_OPERATION | OPTION_BIT(OPTION_KEEP_SNAPSHOT);
        case BLKREPL_OPERATION_DISSOLVE:
                return OPTIONS_OPERATION | OPTION_BIT(OPTION_RETENTION);
        case BLKREPL_OPERATION_ADD_SYNC_PAIR:
                return OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_EXPECTED_REVISION);
        case BLKREPL_OPERATION_REMOVE_SYNC_PAIR:
                return OPTIONS_REMOVE_PAIR;
        default:
                return OPTIONS_OPERATION;
        }
}

static bool removes(unsigned int operation)
{
        return operation == BLKREPL_OPERATION_DETACH;
}

static int reply_after_wait(sd_bus_message *message, struct relationship *q)
{
        return status_reply(message, &(struct status){ .relationship = q, .job = q->job });
}

static void reply_fault(sd_bus_message *message, int error, const char *sentence)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set_errno(&e, error, "%s", sentence);
        sd_bus_reply_method_error(message, &e);
        sd_bus_error_free(&e);
}

/* A group that is down may hold the relationship still: it is to forget it when it comes up. */
static int forget(struct relationship *q)
{
        struct store *s = q->manager->store;
        int r;

        r = store_begin(s);
        for (enum side i = 0; r >= 0 && i < N_SIDES; i++)
                if (!relationship_group(q, i)->up)
                        r = store_put_tombstone(s, relationship_group(q, i)->uuid, q->uuid);
        if (r >= 0)
                r = store_delete_relationship(s, q->uuid);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0)
                store_rollback(s);
        return r;
}

static void on_taken_down(_unused_ const struct child_result *result, void *userdata)
{
        bringup_schedule(userdata, 0);
}

/* It was left in the middle of a copy, so it has no replica devices; starting it tells why. */
static void take_down(struct group *g)
{
        if (command_group_del(g, true, on_taken_down, g->manager) < 0)
                log_oom();
}

/* The relationship has ended; the groups stay. */
static void ended(struct relationship *q)
{
        struct group *group[N_SIDES] = { q->source, q->target };
        struct manager *m = q->manager;
        sd_id128_t uuid = q->uuid;

        if (q->job)
                job_relationship_ends(q->job);
        if (forget(q) < 0)
                log_warning("The row of the relationship %s could not be deleted.", q->name);
        relationship_send_event(q, "removed");
        relationship_announce(q, false);
        relationship_free(q);
        for (enum side i = 0; i < N_SIDES; i++) {
                group[i]->role = GROUP_SOURCE;
                group[i]->closed = group[i]->tried = false;
                if (!group[i]->up)
                        group[i]->forget = uuid;
                else if (group[i]->kernel.access == BLKREPL_ACCESS_NONE)
                        take_down(group[i]);
                store_put_group(m->store, group[i]);
                group_changed(group[i]);
        }
        bringup_schedule(m, 0);
}

/* What is in the way of completing it is told once, and not every time it is tried. */
static void log_failure(const struct relationship *q, const struct sequence_intent *i, const char *message)
{
        if (i->begun)
                log_warning("%s of the relationship %s is half done, and is completed as soon as that is possible: %s",
                            blkrepl_operation_title(i->operation), q->name, message);
        else
                log_notice("%s of the relationship %s changed nothing: %s", blkrepl_operation_title(i->operation), q->name, message);
}

struct job *operation_follow_copy(struct relationship *q, unsigned int operation)
{
        struct job *j = NULL;
        int r;

        if (relationship_state(q) != BLKREPL_COPY_STATE_UNSYNCHRONIZED || q->job)
                return NULL;
        r = job_new(q->manager, blkrepl_operation_name(operation), q, &j);
        if (r >= 0) {
                j->cancel = operation_cancel_copy;
                r = job_follow_copy(j);
        }
        if (r < 0)
                log_warning("There is no job for the copy of %s: %s", q->name, strerror(-r));
        /* It may be over already. */
        return r < 0 || job_is_over(j) ? NULL : j;
}

static void reply_done(struct run *run, struct relationship *q, const struct sequence *s, const struct job *j)
{
        const struct sequence_intent *i = sequence_get_intent(s);
        const char *obstacle = sequence_snapshot_obstacle(s);
        bool point_given = i->operation == BLKREPL_OPERATION_FAILOVER;
        char text[1024];
        const char *rest = judge_half_restored(q) ? " The source is partly overwritten and stays closed; RestoreFromReplica completes it." :
                           sequence_put_back(s) ? " The source has been put back to what it was." : "";

        if (i->operation == BLKREPL_OPERATION_DISSOLVE) {
                status_reply(run->message, &(struct status){ .message = "The relationship has ended; its groups stay, and an aspect remembers the point in time." });
                return;
        }
        if (run->wait) {
                relationship_wait_state(q, run->message, run->wait_state, run->timeout, reply_after_wait);
                return;
        }
        snprintf(text, sizeof(text), "%s %s: the relationship %s is %s.%s%s%s", blkrepl_operation_title(i->operation),
                 j ? "has begun" : "is done", q->name, blkrepl_copy_state_name(relationship_state(q)), rest,
                 obstacle ? " No snapshot was kept. " : "", strempty(obstacle));
        status_reply(run->message, &(struct status){
                .relationship = q, .job = j, .message = text, .snapshots = sequence_snapshots(s), .point_given = point_given,
                .recovery_point = run->recovery_point ?: relationship_recovery_point(q),
                .recovery_point_age = run->recovery_point ? run->recovery_point_age : relationship_recovery_point_age(q) });
}

static void on_sequence(struct relationship *q, const struct sequence *s, int error, const char *message, void *userdata)
{
        const struct sequence_intent *i = sequence_get_intent(s);
        struct manager *m = q->manager;
        struct run *run = userdata;
        struct job *j;

        if (error < 0) {
                if (!run->message || i->begun)
                        log_failure(q, i, message);
                if (run->message)
                        reply_fault(run->message, error, message);
                if (i->begun)
                        bringup_schedule(m, RETRY_USEC);
                else
                        bringup_relationship(q);
        } else if (removes(i->operation)) {
                log_info("%s of the relationship %s is done.", blkrepl_operation_title(i->operation), q->name);
                if (run->message)
                        status_reply(run->message, &(struct status){ .message = q->dissolved ? "The aspect is deleted; its groups stay." :
                                                                                 "The relationship has ended; its groups stay." });
                ended(q);
        } else {
                log_info("%s of the relationship %s is done.", blkrepl_operation_title(i->operation), q->name);
                j = operation_follow_copy(q, i->operation);
                if (run->message)
                        reply_done(run, q, s, j);
                bringup_relationship(q);
        }
        run_free(run);
}

void operation_completed(struct relationship *q, const struct sequence *s, int error, const char *message, _unused_ void *userdata)
{
        const struct sequence_intent *i = sequence_get_intent(s);
        struct manager *m = q->manager;

        if (error < 0) {
                log_failure(q, i, message);
                bringup_schedule(m, RETRY_USEC);
                return;
        }
        log_notice("%s of the relationship %s was half done and is completed.", blkrepl_operation_title(i->operation), q->name);
        if (removes(i->operation)) {
                ended(q);
                return;
        }
        operation_follow_copy(q, i->operation);
        bringup_completed(q);
}

/* 1: the call waits. */
static int check_quiet(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        int r = message ? queue_call(q->source, message) : 0;

        if (r != 0)
                return r;
        relationship_refresh(q, true);
        if (queue_is_busy(q->source) || move_of(q))
                return error_set(e, CODE_FAILED, "The relationship %s is being changed; try again in a moment.", q->name);
        if ((o->present & OPTION_BIT(OPTION_EXPECTED_REVISION)) && o->expected_revision != q->kernel.revision)
                return error_set(e, CODE_CACHE_OUT_OF_DATE, "The relationship %s has revision %llu, not %llu; read it again.", q->name,
                                 (unsigned long long)q->kernel.revision, (unsigned long long)o->expected_revision);
        return 0;
}

static int check_up(const struct relationship *q, sd_bus_error *e)
{
        return q->up ? 0 : error_set(e, CODE_FAILED, "The group %s is down; start it first.", q->source->name);
}

int operation_check_ready(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        int r = check_quiet(q, o, message, e);

        return r ?: check_up(q, e);
}

static int begin(struct relationship *q, const struct sequence_intent *intent, struct run *run)
{
        int r = sequence_start(q, intent, on_sequence, run);

        if (r < 0)
                run_free(run);
        return r < 0 ? r : 1;
}

/* Neither side can be reached: what the daemon knows ends, and each side forgets it when it comes. */
static int detach_here(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        int r;

        if (!o->force && !q->dissolved)
                return error_set(e, CODE_FAILED, "Both groups of the relationship %s are down; start one, or give Force: each then forgets it when it comes up.", q->name);
        ended(q);
        r = status_reply(message, &(struct status){ .message = "The relationship has ended; its groups forget it when they come up." });
        return r < 0 ? r : 1;
}

static void set_intent(const struct relationship *q, unsigned int op, const struct options *o, struct sequence_intent *i)
{
        uint64_t ms = o->timeout / USEC_PER_MSEC + !!(o->timeout % USEC_PER_MSEC);

        *i = (struct sequence_intent){
                .operation = op, .state = relationship_state(q), .source = q->source->uuid, .driver = q->driver,
                .force = o->force, .hold_source_io = o->hold_source_io,
                .timeout_ms = ms > UINT32_MAX ? UINT32_MAX : ms,
                .keep_snapshot = o->present & OPTION_BIT(OPTION_KEEP_SNAPSHOT) ? o->keep_snapshot :
                                 op == BLKREPL_OPERATION_RESTORE_FROM_REPLICA || op == BLKREPL_OPERATION_RESYNC_REPLICA,
                .need_snapshot = o->keep_snapshot,
                .retention = o->retention,
        };
        if (op == BLKREPL_OPERATION_RESET_TO_ASYNC)
                i->objective = o->present & OPTION_BIT(OPTION_OBJECTIVE) ? o->objective : q->rpo ?: DEFAULT_OBJECTIVE;
        if (o->present & OPTION_BIT(OPTION_EXPECTED_REVISION))
                i->expected_revision = o->expected_revision;
}

static int start(struct relationship *q, const struct sequence_intent *intent, const struct options *o, sd_bus_message *message)
{
        struct run *run = calloc(1, sizeof(*run));

        if (!run)
                return -ENOMEM;
        *run = (struct run){
                .message = sd_bus_message_ref(message), .wait = o->present & OPTION_BIT(OPTION_WAIT_STATE),
                .wait_state = o->wait_state, .timeout = o->timeout,
                .recovery_point = relationship_recovery_point(q), .recovery_point_age = relationship_recovery_point_age(q),
        };
        return begin(q, intent, run);
}

/* Neither side is up: Failover of a source that may be lost. */
static int take_over(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct sequence_intent intent;

        if (!o->force)
                return error_set(e, CODE_FAILED, "Failover needs Force: the group %s is down, so nobody knows what it wrote last. "
                                 "Start it, or give Force, and the group %s takes over with what it has.", q->source->name, q->target->name);
        set_intent(q, BLKREPL_OPERATION_FAILOVER, o, &intent);
        intent.state = BLKREPL_COPY_STATE_PARTITIONED;
        return start(q, &intent, o, message);
}

/* ResetToSync or ResetToAsync of what is so already, on each side that is up */
static bool has_mode(const struct relationship *q, const struct sequence_intent *i)
{
        unsigned int mode = sequence_mode(i->operation);

        for (enum side side = 0; side < N_SIDES; side++) {
                const struct half *h = q->half + side;

                if (h->up && (h->kernel.mode != mode || h->kernel.recovery_point_objective != i->objective))
                        return false;
        }
        return mode != 0;
}

int operation_run(struct relationship *q, unsigned int op, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct sequence_intent intent;
        enum blkrepl_verdict verdict;
        int r;

        if (!blkrepl_op_valid(op))
                return error_set(e, CODE_INVALID_PARAMETER, "%u is no operation; GetSupportedOperations tells those that there are.", op);
        if ((o->present & OPTION_BIT(OPTION_WAIT_STATE)) && !blkrepl_state_valid(o->wait_state))
                return error_set(e, CODE_INVALID_PARAMETER, "WaitForCopyState %u is no CopyState.", o->wait_state);
        if (!blkrepl_op_built(q->sync_type, op))
                return judge_refuse(q, op, judge(q, op, o->force), e);
        if (o->present & OPTION_BIT(OPTION_OBJECTIVE)) {
                r = options_check_objective(sequence_mode(op), o->objective, ", or none for the present one", e);
                if (r < 0)
                        return r;
        }
        r = check_quiet(q, o, message, e);
        if (r > 0)
                return r;
        if (r >= 0 && !q->up && removes(op))
                return detach_here(q, o, message, e);
        if (r >= 0 && !q->up && op == BLKREPL_OPERATION_FAILOVER)
                return take_over(q, o, message, e);
        if (r >= 0)
                r = check_up(q, e);
        if (r < 0)
                return r;
        verdict = judge(q, op, o->force);
        set_intent(q, op, o, &intent);
        if (verdict == BLKREPL_VERDICT_GO && has_mode(q, &intent))
                verdict = BLKREPL_VERDICT_DONE;
        if (verdict == BLKREPL_VERDICT_DONE) {
                if (o->present & OPTION_BIT(OPTION_WAIT_STATE))
                        return relationship_wait_state(q, message, o->wait_state, o->timeout, reply_after_wait) ?: 1;
                r = status_reply(message, &(struct status){ .relationship = q, .message = "Nothing is left to do." });
                return r < 0 ? r : 1;
        }
        if (verdict != BLKREPL_VERDICT_GO)
                return judge_refuse(q, op, verdict, e);
        return start(q, &intent, o, message);
}

bool operation_end_aspect(struct relationship *q)
{
        static const struct options none;
        sd_bus_error e = SD_BUS_ERROR_NULL;
        struct sequence_intent intent;
        struct run *run;
        int r;

        r = check_quiet(q, &none, NULL, &e);
        sd_bus_error_free(&e);
        if (r < 0)
                return false;
        if (!q->up) {
                ended(q);
                return true;
        }
        run = calloc(1, sizeof(*run));
        if (!run)
                return false;
        set_intent(q, BLKREPL_OPERATION_DETACH, &none, &intent);
        return begin(q, &intent, run) >= 0;
}

int operation_cancel_copy(struct job *j, sd_bus_error *e)
{
        static const struct options none;
        struct relationship *q = j->relationship;
        struct sequence_intent intent;
        struct run *run;
        int r;

        if (!q)
                return error_set(e, CODE_FAILED, "The relationship has ended; there is nothing to cancel.");
        r = operation_check_ready(q, &none, NULL, e);
        if (r < 0)
                return r;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        set_intent(q, BLKREPL_OPERATION_ABORT, &none, &intent);
        r = begin(q, &intent, run);
        return r < 0 ? r : 0;
}
