/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "../kernel/names.h"
#include "../kernel/state.h"
#include "child.h"
#include "job.h"
#include "operation.h"
#include "polkit.h"
#include "store.h"

struct run {
        struct manager *manager;
        sd_id128_t relationship;
        unsigned int operation;         /* 0: settings */
        bool wait;
        uint16_t wait_state;
        uint64_t timeout;
        sd_bus_message *message;        /* NULL for a job's cancellation */
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

/* Those that do something now; an operation that needs Force ends in "!". */
char **operation_list_legal(const struct relationship *q)
{
        char **l = calloc(1, sizeof(char *));

        for (unsigned int op = BLKREPL_OP_FIRST; l && q->up && op <= BLKREPL_OP_LAST; op++) {
                struct blkrepl_cell c = blkrepl_op_cell(q->sync_type, op, relationship_state(q));

                if (!blkrepl_op_built(q->sync_type, op) || !(c.flags & BLKREPL_CELL_LEGAL) || (c.flags & BLKREPL_CELL_SAME))
                        continue;
                if (strv_extendf(&l, "%s%s", blkrepl_operation_name(op), c.flags & BLKREPL_CELL_FORCE ? "!" : "") < 0)
                        return strv_free(l);
        }
        return l;
}

int operation_append_status(sd_bus_message *reply, const struct relationship *q, bool started)
{
        _cleanup_strv_ char **legal = q ? operation_list_legal(q) : NULL;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "Code", "u", started ? (uint32_t)CODE_JOB_STARTED : (uint32_t)CODE_DONE);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "Name", "s", started ? "JobStarted" : "Done");
        if (r >= 0 && q) {
                r = sd_bus_message_append(reply, "{sv}{sv}", "CopyState", "s", blkrepl_copy_state_name(relationship_state(q)),
                                          "Revision", "t", q->kernel.revision);
                if (r >= 0)
                        r = sd_bus_message_open_container(reply, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "s", "LegalOperations");
                if (r >= 0)
                        r = sd_bus_message_open_container(reply, 'v', "as");
                if (r >= 0)
                        r = sd_bus_message_append_strv(reply, legal);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int operation_reply(sd_bus_message *message, const struct relationship *q, const struct job *j)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = j ? job_path(j) : strdup("/");
        int r;

        if (!path)
                return -ENOMEM;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "uo", j ? (uint32_t)CODE_JOB_STARTED : (uint32_t)CODE_DONE, path);
        if (r >= 0)
                r = operation_append_status(reply, q, j);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int reply_after_wait(sd_bus_message *message, struct relationship *q)
{
        return operation_reply(message, q, q->job);
}

static void reply_fault(sd_bus_message *message, int error, const char *sentence)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set_errno(&e, error, "%s", sentence);
        sd_bus_reply_method_error(message, &e);
        sd_bus_error_free(&e);
}

/* The relationship has ended; the groups stay. */
static void ended(struct relationship *q)
{
        struct group *source = q->source, *target = q->target;
        sd_bus_error e = SD_BUS_ERROR_NULL;
        struct job *j = q->job;

        if (j) {
                error_set(&e, CODE_FAILED, "The relationship %s was detached during the copy.", q->name);
                if (j->copied)
                        j->copied(j, j->userdata);
                job_finish(j, JOB_FAILED, &e);
                sd_bus_error_free(&e);
        }
        if (store_delete_relationship(q->manager->store, q->uuid) < 0)
                log_warning("The row of the relationship %s could not be deleted.", q->name);
        relationship_send_event(q, "removed");
        relationship_announce(q, false);
        relationship_free(q);
        group_changed(source);
        group_changed(target);
}

static void on_result(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;
        struct relationship *q = relationship_by_uuid(run->manager, run->relationship);
        struct job *j = NULL;
        int r;

        if (!q) {
                if (run->message)
                        reply_fault(run->message, -ENOENT, "The relationship has ended meanwhile.");
                run_free(run);
                return;
        }
        q->busy = false;
        if (result->error < 0) {
                relationship_refresh(q, true);
                if (run->message)
                        reply_fault(run->message, result->error, result->fault.message);
                else
                        log_warning("The copy of %s cannot be aborted: %s", q->name, result->fault.message);
                run_free(run);
                return;
        }
        if (run->operation)
                log_info("%s of the relationship %s is done.", blkrepl_operation_title(run->operation), q->name);
        if (run->operation == BLKREPL_OPERATION_DETACH) {
                ended(q);
                if (run->message)
                        operation_reply(run->message, NULL, NULL);
                run_free(run);
                return;
        }
        relationship_refresh(q, true);
        if (relationship_state(q) == BLKREPL_COPY_STATE_UNSYNCHRONIZED && run->operation && !q->job) {
                r = job_new(q->manager, blkrepl_operation_name(run->operation), q, &j);
                if (r >= 0) {
                        j->cancel = operation_cancel_copy;
                        r = job_follow_copy(j);
                }
                if (r < 0)
                        log_warning("There is no job for the copy of %s: %s", q->name, strerror(-r));
        }
        if (run->message) {
                if (run->wait)
                        relationship_wait_state(q, run->message, run->wait_state, run->timeout, reply_after_wait);
                else
                        operation_reply(run->message, q, j);
        }
        run_free(run);
}

static int send(struct relationship *q, uint8_t command, const struct kernel_relationship *k, struct run *run)
{
        int r;

        r = child_netlink(q->manager->event, &(struct netlink_request){
                .command = command, .table = &relationship_table, .object = k }, on_result, run, NULL);
        if (r < 0) {
                run_free(run);
                return r;
        }
        q->busy = true;
        return 1;
}

static int check_ready(struct relationship *q, const struct options *o, sd_bus_error *e)
{
        relationship_refresh(q, true);
        if (!q->up)
                return error_set(e, CODE_FAILED, "The group %s is down; start it first.", q->source->name);
        if (q->busy)
                return error_set(e, CODE_FAILED, "The relationship %s is being changed; try again in a moment.", q->name);
        if ((o->present & OPTION_BIT(OPTION_EXPECTED_REVISION)) && o->expected_revision != q->kernel.revision)
                return error_set(e, CODE_CACHE_OUT_OF_DATE, "The relationship %s has revision %llu, not %llu; read it again.", q->name,
                                 (unsigned long long)q->kernel.revision, (unsigned long long)o->expected_revision);
        return 0;
}

static int refuse(struct relationship *q, unsigned int op, enum blkrepl_verdict v, sd_bus_error *e)
{
        char sentence[512];

        blkrepl_op_explain(sentence, sizeof(sentence), q->sync_type, op, relationship_state(q), v);
        return error_set(e, v == BLKREPL_VERDICT_NOT_SUPPORTED || v == BLKREPL_VERDICT_NOT_BUILT ? CODE_NOT_SUPPORTED : CODE_FAILED,
                         "%s.", sentence);
}

int operation_run(struct relationship *q, unsigned int op, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_OPERATION) | PRESENT(RELATIONSHIP_FORCE),
                .uuid = q->uuid, .operation = op, .force = o->force,
        };
        /* Whether a copy is unfinished is for the module to say. */
        struct blkrepl_situation situation = { .force = o->force, .unfinished = true };
        enum blkrepl_verdict verdict;
        struct run *run;
        int r;

        if (!blkrepl_op_valid(op))
                return error_set(e, CODE_INVALID_PARAMETER, "%u is no operation; GetSupportedOperations tells those that there are.", op);
        if ((o->present & OPTION_BIT(OPTION_WAIT_STATE)) && !blkrepl_state_valid(o->wait_state))
                return error_set(e, CODE_INVALID_PARAMETER, "WaitForCopyState %u is no CopyState.", o->wait_state);
        if (!blkrepl_op_built(q->sync_type, op))
                return refuse(q, op, blkrepl_op_judge(q->sync_type, op, relationship_state(q), &situation), e);
        r = check_ready(q, o, e);
        if (r < 0)
                return r;
        situation.consistent = q->kernel.consistency_state == BLKREPL_CONSISTENCY_STATE_CONSISTENT;
        verdict = blkrepl_op_judge(q->sync_type, op, relationship_state(q), &situation);
        if (verdict == BLKREPL_VERDICT_DONE) {
                if (o->present & OPTION_BIT(OPTION_WAIT_STATE))
                        return relationship_wait_state(q, message, o->wait_state, o->timeout, reply_after_wait) ?: 1;
                r = operation_reply(message, q, NULL);
                return r < 0 ? r : 1;
        }
        if (verdict != BLKREPL_VERDICT_GO)
                return refuse(q, op, verdict, e);
        r = options_to_kernel(o, &k, e);
        if (r < 0)
                return r;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        *run = (struct run){
                .manager = q->manager, .relationship = q->uuid, .operation = op, .message = sd_bus_message_ref(message),
                .wait = o->present & OPTION_BIT(OPTION_WAIT_STATE), .wait_state = o->wait_state, .timeout = o->timeout,
        };
        return send(q, BLKREPL_CMD_RELATIONSHIP_OP, &k, run);
}

int operation_set(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct kernel_relationship k = { .present = PRESENT(RELATIONSHIP_UUID), .uuid = q->uuid };
        struct run *run;
        int r;

        if (!(o->present & OPTIONS_SETTINGS))
                return error_set(e, CODE_INVALID_PARAMETER, "No setting is given; give at least one.");
        r = options_to_kernel(o, &k, e);
        if (r >= 0)
                r = check_ready(q, o, e);
        if (r < 0)
                return r;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        *run = (struct run){ .manager = q->manager, .relationship = q->uuid, .message = sd_bus_message_ref(message) };
        return send(q, BLKREPL_CMD_RELATIONSHIP_SET, &k, run);
}

int operation_cancel_copy(struct job *j, sd_bus_error *e)
{
        struct relationship *q = j->relationship;
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_OPERATION),
                .operation = BLKREPL_OPERATION_ABORT,
        };
        struct run *run;
        int r;

        if (!q)
                return error_set(e, CODE_FAILED, "The relationship has ended; there is nothing to cancel.");
        r = check_ready(q, &(struct options){}, e);
        if (r < 0)
                return r;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        k.uuid = q->uuid;
        *run = (struct run){ .manager = q->manager, .relationship = q->uuid, .operation = BLKREPL_OPERATION_ABORT };
        r = send(q, BLKREPL_CMD_RELATIONSHIP_OP, &k, run);
        return r < 0 ? r : 0;
}
