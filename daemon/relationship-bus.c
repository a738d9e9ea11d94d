/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "../kernel/state.h"
#include "aspect.h"
#include "bus.h"
#include "job.h"
#include "judge.h"
#include "operation.h"
#include "peer.h"
#include "polkit.h"

#define OBJECT struct relationship
#define PREFIX BUS_ROOT "/relationship"

char *relationship_path(const struct relationship *q)
{
        return bus_uuid_path(PREFIX, q->uuid);
}

/* Whoever looks at it sees the module's numbers of now. */
int relationship_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        _cleanup_free_ char *id = NULL;
        struct relationship *q;

        if (bus_decode(path, PREFIX, &id) <= 0)
                return 0;
        q = relationship_find(userdata, id);
        if (!q || !relationship_is_shown(q))
                return 0;
        relationship_refresh(q, false);
        *found = q;
        return 1;
}

int relationship_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        struct manager *m = userdata;
        int r = 0;

        for (struct relationship *q = m->relationships; r >= 0 && q; q = q->next)
                if (relationship_is_shown(q))
                        r = strv_consume(ret, relationship_path(q));
        return r;
}

void relationship_announce_pairs(struct relationship *q, bool added)
{
        for (size_t i = 0; i < q->target->n_members; i++) {
                _cleanup_free_ char *pair = pair_path(q->target->members[i].uuid);

                if (pair)
                        bus_announce(q->manager, pair, added);
        }
}

void relationship_announce(struct relationship *q, bool added)
{
        _cleanup_free_ char *path = q->dissolved ? aspect_path(q) : relationship_path(q);

        if (path)
                bus_announce(q->manager, path, added);
        if (!q->dissolved)
                relationship_announce_pairs(q, added);
}

/* Properties */

static const char *effective_mode(const struct relationship *q)
{
        unsigned int mode = relationship_effective_mode(q);

        return mode ? strempty(blkrepl_mode_name(mode)) : "";
}

static uint64_t catch_up(const struct relationship *q)
{
        if (relationship_state(q) != BLKREPL_COPY_STATE_UNSYNCHRONIZED) {
                if (!q->kernel.backlog_bytes)
                        return 0;
                return q->up && q->kernel.present & PRESENT(RELATIONSHIP_CATCH_UP_MS) ? q->kernel.catch_up_ms * USEC_PER_MSEC : UINT64_MAX;
        }
        if (!q->rate || q->kernel.copy_done > q->kernel.copy_total)
                return UINT64_MAX;
        return (uint64_t)((double)(q->kernel.copy_total - q->kernel.copy_done) * USEC_PER_SEC / (double)q->rate);
}

static unsigned int requested_state(const struct relationship *q)
{
        unsigned int state = relationship_state(q);

        return state == BLKREPL_COPY_STATE_UNSYNCHRONIZED ? BLKREPL_COPY_STATE_SYNCHRONIZED : state;
}

GETTER(get_uuid, "s", UUID_TEXT(o->uuid))
GETTER(get_name, "s", o->name)
GETTER(get_sync_type, "s", strempty(blkrepl_sync_type_name(o->sync_type)))
GETTER(get_mode, "s", strempty(blkrepl_mode_name(o->mode)))
GETTER(get_effective_mode, "s", effective_mode(o))
GETTER(get_copy_state, "s", strempty(blkrepl_copy_state_name(relationship_state(o))))
GETTER(get_requested_state, "s", strempty(blkrepl_copy_state_name(requested_state(o))))
GETTER(get_progress, "s", strempty(blkrepl_progress_name(relationship_progress(o))))
GETTER(get_consistency, "s", strempty(blkrepl_consistency_name(o->kernel.consistency_state)))
GETTER(get_consistency_enabled, "b", o->kernel.consistency_enabled)
GETTER(get_connected, "b", o->kernel.connected)
GETTER(get_role, "s", o->source ? "source" : "target")
GETTER(get_source_access, "s", relationship_access(o, SIDE_SOURCE))
GETTER(get_target_access, "s", relationship_access(o, SIDE_TARGET))
PATH_GETTER(get_source, group_path(o->source))
GETTER(get_source_name, "s", o->source->name)
PATH_GETTER(get_target, group_path(o->target))
GETTER(get_target_name, "s", o->target->name)
PATH_GETTER(get_peer, o ? peer_local_path() : NULL)
PATH_GETTER(get_job, o->job ? job_path(o->job) : NULL)
GETTER(get_rpo, "u", o->rpo)
GETTER(get_recovery_point, "t", relationship_recovery_point(o))
GETTER(get_age, "t", relationship_recovery_point_age(o))
GETTER(get_rpo_state, "s", strempty(blkrepl_rpo_state_name(relationship_rpo_state(o))))
GETTER(get_rpo_violated, "t", o->kernel.rpo_violated_ms * USEC_PER_MSEC)
GETTER(get_rpo_worst_age, "t", o->kernel.rpo_worst_age * USEC_PER_MSEC)
GETTER(get_percent, "d", relationship_percent(o))
GETTER(get_rate, "t", o->rate)
GETTER(get_catch_up, "t", catch_up(o))
GETTER(get_last_error, "s", o->kernel.leg_errno ? strempty(strerrorname_np(o->kernel.leg_errno)) : "")
GETTER(get_reason, "s", o->kernel.reason)
GETTER(get_leg_timeout, "t", o->kernel.leg_timeout_ms * USEC_PER_MSEC)
GETTER(get_heartbeat, "t", o->kernel.heartbeat_ms * USEC_PER_MSEC)
GETTER(get_recovery_mode, "s", RECOVERY_MODE_NAME(o->kernel.recovery_mode))
GETTER(get_hold, "b", o->kernel.hold_on_failure)

static int get_pairs(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct relationship *q = userdata;
        _cleanup_strv_ char **paths = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < q->target->n_members; i++)
                r = strv_consume(&paths, pair_path(q->target->members[i].uuid));
        return r < 0 ? r : bus_append_paths(reply, paths);
}

static int get_legal(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        _cleanup_strv_ char **legal = judge_list_legal(userdata);

        return legal ? sd_bus_message_append_strv(reply, legal) : -ENOMEM;
}

static int get_figures(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct relationship *q = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(uuuuuu)");
        for (size_t i = 0; r >= 0 && i < KERNEL_FIGURES_MAX; i++) {
                const struct kernel_rpo_figures *f = q->kernel.rpo_figures + i;

                if (f->present)
                        r = sd_bus_message_append(reply, "(uuuuuu)", f->span, f->samples, f->p50, f->p95, f->p99, f->worst);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Methods */

static int check(struct relationship *q, sd_bus_message *m, const char *action, const char *operation, bool force, sd_bus_error *e)
{
        const char *details[] = {
                "relationship", q->name, "group", q->source->name, "operation", operation, "force", force ? "true" : "false", NULL
        };

        return polkit_check(q->manager, m, action, details, e);
}

static bool is_of_pairs(unsigned int op)
{
        return op == BLKREPL_OPERATION_ADD_SYNC_PAIR || op == BLKREPL_OPERATION_REMOVE_SYNC_PAIR;
}

/* The method is named as the operation. */
METHOD(method_operation)
{
        int op = blkrepl_operation_parse(sd_bus_message_get_member(m)), r;
        _cleanup_(options_done) struct options o = {};
        _cleanup_strv_ char **pairs = NULL;
        struct relationship *q = userdata;

        if (op < 0)
                return -EINVAL;
        if (is_of_pairs(op)) {
                r = bus_read_paths(m, &pairs);
                if (r < 0)
                        return r;
        }
        r = options_read(m, operation_options(op), &o, e);
        if (r >= 0)
                r = check(q, m, operation_action(op), blkrepl_operation_name(op), o.force, e);
        if (r <= 0)
                return r < 0 ? r : 1;
        return is_of_pairs(op) ? operation_of_pairs(q, op, pairs, &o, m, e) : operation_run(q, op, &o, m, e);
}

METHOD(method_set)
{
        _cleanup_(options_done) struct options o = {};
        struct relationship *q = userdata;
        int r;

        r = options_read(m, OPTIONS_SET | OPTION_BIT(OPTION_EXPECTED_REVISION), &o, e);
        if (r >= 0)
                r = check(q, m, ACTION_CONTROL, "set", false, e);
        if (r <= 0)
                return r < 0 ? r : 1;
        return operation_set(q, &o, m, e);
}

static int reply_empty(sd_bus_message *message, struct relationship *q)
{
        return sd_bus_reply_method_return(message, NULL);
}

METHOD(method_wait_state)
{
        struct relationship *q = userdata;
        uint64_t timeout;
        uint16_t state;
        int r;

        r = sd_bus_message_read(m, "qt", &state, &timeout);
        if (r < 0)
                return r;
        if (!blkrepl_state_valid(state))
                return error_set(e, CODE_INVALID_PARAMETER, "%u is no CopyState; 4 is Synchronized.", state);
        r = relationship_wait_state(q, m, state, timeout, reply_empty);
        return r < 0 ? r : 1;
}

#define RESULT SD_BUS_RESULT("u", return_value, "o", job, "a{sv}", extended_status)
#define OPERATION(name) \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS("a{sv}", options), RESULT, method_operation, SD_BUS_VTABLE_UNPRIVILEGED)
#define PAIR_OPERATION(name) \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS("ao", sync_pairs, "a{sv}", options), RESULT, method_operation, SD_BUS_VTABLE_UNPRIVILEGED)
/* What lies in the structure as it is */
#define DIRECT(name, signature, member, flags) \
        SD_BUS_PROPERTY(name, signature, NULL, offsetof(struct relationship, kernel.member), flags)

const sd_bus_vtable relationship_vtable[] = {
        SD_BUS_VTABLE_START(0),
        OPERATION("Activate"),
        OPERATION("Deactivate"),
        OPERATION("Suspend"),
        OPERATION("Resume"),
        OPERATION("Detach"),
        OPERATION("Abort"),
        OPERATION("ActivateConsistency"),
        OPERATION("DeactivateConsistency"),
        OPERATION("Dissolve"),
        OPERATION("Failover"),
        OPERATION("Failback"),
        OPERATION("Fracture"),
        OPERATION("ResyncReplica"),
        OPERATION("RestoreFromReplica"),
        OPERATION("ResetToSync"),
        OPERATION("ResetToAsync"),
        OPERATION("ReturnToResourcePool"),
        OPERATION("ReverseRoles"),
        OPERATION("Split"),
        OPERATION("Unprepare"),
        PAIR_OPERATION("AddSyncPair"),
        PAIR_OPERATION("RemoveSyncPair"),
        SD_BUS_METHOD_WITH_ARGS("Set", SD_BUS_ARGS("a{sv}", settings), RESULT, method_set, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("WaitState", SD_BUS_ARGS("q", copy_state, "t", timeout_usec), SD_BUS_NO_RESULT, method_wait_state, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("SyncType", "s", get_sync_type, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Mode", "s", get_mode, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("EffectiveMode", "s", get_effective_mode, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("CopyState", "s", get_copy_state, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("RequestedCopyState", "s", get_requested_state, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ProgressStatus", "s", get_progress, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ConsistencyState", "s", get_consistency, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ConsistencyEnabled", "b", get_consistency_enabled, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Connected", "b", get_connected, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Role", "s", get_role, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("SourceGroup", "o", get_source, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("SourceGroupName", "s", get_source_name, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("SourceAccess", "s", get_source_access, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("TargetGroup", "o", get_target, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("TargetGroupName", "s", get_target_name, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("TargetAccess", "s", get_target_access, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("TargetReplicaPeer", "o", get_peer, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Pairs", "ao", get_pairs, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Job", "o", get_job, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("LegalOperations", "as", get_legal, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("RecoveryPointObjective", "u", get_rpo, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("RecoveryPoint", "t", get_recovery_point, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("RecoveryPointAge", "t", get_age, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("RpoState", "s", get_rpo_state, 0, PROPERTY_CHANGES),
        DIRECT("RpoViolations", "t", rpo_violations, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("RpoViolatedUSec", "t", get_rpo_violated, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("RpoWorstAge", "t", get_rpo_worst_age, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("RpoFigures", "a(uuuuuu)", get_figures, 0, PROPERTY_COUNTER),
        DIRECT("BytesTotal", "t", bytes_total, PROPERTY_CHANGES),
        DIRECT("BacklogBytes", "t", backlog_bytes, PROPERTY_COUNTER),
        DIRECT("BacklogWrites", "t", backlog_writes, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("PercentSynced", "d", get_percent, 0, PROPERTY_COUNTER),
        DIRECT("CopyTotal", "t", copy_total, PROPERTY_COUNTER),
        DIRECT("CopyDone", "t", copy_done, PROPERTY_COUNTER),
        DIRECT("CopyWritten", "t", copy_written, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("Rate", "t", get_rate, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("EstimatedCatchUp", "t", get_catch_up, 0, PROPERTY_COUNTER),
        DIRECT("BytesMirrored", "t", bytes_mirrored, PROPERTY_COUNTER),
        DIRECT("InFlight", "u", in_flight, PROPERTY_COUNTER),
        DIRECT("Orphans", "u", orphans, PROPERTY_COUNTER),
        DIRECT("Generation", "t", generation, PROPERTY_CHANGES),
        DIRECT("BaseGeneration", "t", base_generation, PROPERTY_CHANGES),
        DIRECT("WhenSynced", "t", when_synced, PROPERTY_CHANGES),
        DIRECT("WhenActivated", "t", when_activated, PROPERTY_CHANGES),
        DIRECT("WhenSuspended", "t", when_suspended, PROPERTY_CHANGES),
        DIRECT("WhenBroken", "t", when_broken, PROPERTY_CHANGES),
        DIRECT("Revision", "t", revision, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Reason", "s", get_reason, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("LastError", "s", get_last_error, 0, PROPERTY_CHANGES),
        DIRECT("RateLimit", "t", rate_limit, PROPERTY_CHANGES),
        DIRECT("YieldRate", "t", yield_rate, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("LegTimeoutUSec", "t", get_leg_timeout, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("RecoveryMode", "s", get_recovery_mode, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("FailedCopyStopsHostIO", "b", get_hold, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("HeartbeatUSec", "t", get_heartbeat, 0, PROPERTY_CHANGES),
        SD_BUS_VTABLE_END
};
