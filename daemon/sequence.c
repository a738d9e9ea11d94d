/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>

#include "../kernel/names.h"
#include "../kernel/state.h"
#include "aspect.h"
#include "bringup.h"
#include "command.h"
#include "judge.h"
#include "sequence-plan.h"
#include "sequence.h"
#include "snapshot.h"
#include "store.h"

/* Less than what callers on the bus wait for an answer */
#define DRAIN_USEC (20 * USEC_PER_SEC)

/* What the other side held is closed a moment after it has let go; who only looks at a device closes it soon. */
#define IN_USE_USEC (2 * USEC_PER_SEC)
#define IN_USE_INTERVAL (50 * USEC_PER_MSEC)

struct sequence {
        struct manager *manager;
        sd_id128_t relationship;
        struct sequence_intent intent;
        struct group *group[N_SIDES];   /* as they were at the beginning */
        const struct step *steps;
        unsigned int at;
        bool running;
        bool anew;                      /* it has been broken off before */
        bool left_over;                 /* a step that may be done later */
        char **snapshots;
        char *obstacle;                 /* why there are no snapshots */
        char message[1024];
        sd_event_source *look, *deadline;       /* while it waits */
        uint64_t first_try;                     /* monotonic; of a step that meets volumes in use */
        sequence_handler handler;
        void *userdata;
};

static void go_on(struct sequence *s);

bool sequence_is_running(const struct sequence *s)
{
        return s->running;
}

const struct sequence_intent *sequence_get_intent(const struct sequence *s)
{
        return &s->intent;
}

char *const *sequence_snapshots(const struct sequence *s)
{
        return s->snapshots;
}

const char *sequence_snapshot_obstacle(const struct sequence *s)
{
        return s->obstacle;
}

bool sequence_wants_target_first(const struct sequence *s)
{
        return sequence_tells_later(s->intent.operation, s->intent.state);
}

unsigned int sequence_progress(const struct sequence *s)
{
        switch (s->running ? s->intent.operation : 0) {
        case BLKREPL_OPERATION_FRACTURE:
                return BLKREPL_PROGRESS_STATUS_FRACTURING;
        case BLKREPL_OPERATION_SPLIT:
                return BLKREPL_PROGRESS_STATUS_SPLITTING;
        case BLKREPL_OPERATION_FAILOVER:
        case BLKREPL_OPERATION_REVERSE_ROLES:
                return BLKREPL_PROGRESS_STATUS_FAILING_OVER;
        case BLKREPL_OPERATION_FAILBACK:
                return BLKREPL_PROGRESS_STATUS_FAILING_BACK;
        case BLKREPL_OPERATION_DETACH:
        case BLKREPL_OPERATION_DISSOLVE:
                return BLKREPL_PROGRESS_STATUS_DETACHING;
        case BLKREPL_OPERATION_ABORT:
                return BLKREPL_PROGRESS_STATUS_ABORTING;
        default:
                return 0;
        }
}

bool sequence_put_back(const struct sequence *s)
{
        return s->intent.operation == BLKREPL_OPERATION_ABORT && s->intent.keep_snapshot;
}

static bool removes(const struct sequence *s)
{
        return s->intent.operation == BLKREPL_OPERATION_DETACH;
}

static bool dissolves(const struct sequence *s)
{
        return s->intent.operation == BLKREPL_OPERATION_DISSOLVE;
}

struct sequence *sequence_free(struct sequence *s)
{
        if (s) {
                sd_event_source_disable_unref(s->look);
                sd_event_source_disable_unref(s->deadline);
                strv_free(s->snapshots);
                free(s->obstacle);
                free(s);
        }
        return NULL;
}

static void set_busy(struct relationship *q, bool busy)
{
        q->busy = q->source->busy = q->target->busy = busy;
        relationship_changed(q);
}

static void refresh(struct relationship *q)
{
        group_refresh(q->source);
        group_refresh(q->target);
        relationship_refresh(q, true);
}

static int fault(struct sequence *s, int error, const char *format, ...) _printf_(3, 4);
static int fault(struct sequence *s, int error, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(s->message, sizeof(s->message), format, ap);
        va_end(ap);
        return error;
}

static void end(struct sequence *s, int error)
{
        struct relationship *q = relationship_by_uuid(s->manager, s->relationship);
        bool keep;

        s->running = false;
        set_busy(q, false);
        refresh(q);
        /* What it has made of an aspect, or of the relationship, is noted before the intent goes. */
        if ((error >= 0 || s->intent.begun) && aspect_follow(q, &s->intent, error >= 0) < 0 && error >= 0)
                error = fault(s, -EIO, "The database cannot be written.");
        keep = s->left_over || (error < 0 && s->intent.begun && (removes(s) || dissolves(s) || sequence_put_back(s)));
        if (!keep) {
                if (store_delete_operation(s->manager->store, s->relationship) < 0)
                        log_warning("The intent of an operation on %s could not be deleted.", q->name);
                q->sequence = NULL;
        }
        if (s->handler)
                s->handler(q, s, error, error < 0 ? s->message : "", s->userdata);
        if (!keep)
                sequence_free(s);
}

void sequence_die_if_asked(unsigned int operation, unsigned int state, unsigned int steps)
{
        const char *path = getenv("BLKREPLD_DIE_AT");
        unsigned int at_operation, at_state, at_steps;
        FILE *f = path ? fopen(path, "re") : NULL;
        int n;

        if (!f)
                return;
        n = fscanf(f, "%u %u %u", &at_operation, &at_state, &at_steps);
        fclose(f);
        if (n == 3 && operation == at_operation && state == at_state && steps == at_steps && unlink(path) >= 0)
                raise(SIGKILL);
}

/* The point in time is kept on both sides or not at all. */
static int explain(struct sequence *s, int error)
{
        char cause[sizeof(s->message)];

        if (!dissolves(s) || s->steps[s->at].kind != STEP_ATTACH || error == -EBUSY)
                return error;
        memcpy(cause, s->message, sizeof(cause));
        return fault(s, -ENOSPC, "%.900s The point in time cannot be remembered on both sides; use Detach.", cause);
}

/* The step is over, for good or for ill. */
static int step_done(struct sequence *s, int error)
{
        unsigned int flags = s->steps[s->at].flags;
        int r;

        if (error < 0 && !(flags & (STEP_OPTIONAL | STEP_LATER)))
                return explain(s, error);
        if (error < 0 && flags & STEP_LATER)
                s->left_over = true;
        if (error < 0)
                log_info("%s goes on although a step failed: %s", blkrepl_operation_title(s->intent.operation), s->message);
        s->at++;
        s->first_try = 0;
        if (s->intent.step < s->at)
                s->intent.step = s->at;
        r = store_put_operation(s->manager->store, s->relationship, &s->intent);
        if (r < 0)
                return fault(s, r, "The database cannot be written.");
        sequence_die_if_asked(s->intent.operation, s->intent.state, s->at);
        return 0;
}

static struct group *step_group(const struct sequence *s, const struct step *step)
{
        enum side side = step->side == STEP_SOURCE ? SIDE_SOURCE : step->side == STEP_TARGET ? SIDE_TARGET :
                         step->side == STEP_DRIVER ? s->intent.driver : !s->intent.driver;

        return s->group[side];
}

static struct half *half_of(struct relationship *q, const struct group *g)
{
        return q->half + relationship_side(q, g);
}

/*
 * The operation took effect here, even if the module says that it failed: the
 * other side could not be told, perhaps.
 */
static bool took_effect(const struct sequence *s, const struct relationship *q, const struct half *h)
{
        struct blkrepl_cell c = blkrepl_op_cell(q->sync_type, s->intent.operation, s->intent.state);

        if (!h->up)
                return false;
        if (dissolves(s))
                return h->kernel.dissolved;
        if (h->kernel.pending)
                return true;
        return h->kernel.copy_state != s->intent.state && (h->kernel.copy_state == c.to || h->kernel.copy_state == c.via);
}

static int on_again(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct sequence *s = userdata;

        s->deadline = sd_event_source_disable_unref(s->deadline);
        go_on(s);
        return 0;
}

static bool try_again_soon(struct sequence *s, const struct step *step)
{
        uint64_t now = now_monotonic();

        if (step->kind == STEP_OPERATE)
                return false;
        if (!s->first_try)
                s->first_try = now;
        return now < s->first_try + IN_USE_USEC &&
               sd_event_add_time_relative(s->manager->event, &s->deadline, CLOCK_MONOTONIC, IN_USE_INTERVAL, 0, on_again, s) >= 0;
}

static void go_on_after(struct sequence *s, int error)
{
        error = step_done(s, error);
        if (error < 0)
                end(s, error);
        else
                go_on(s);
}

static void on_child(const struct child_result *result, void *userdata)
{
        struct sequence *s = userdata;
        struct relationship *q = relationship_by_uuid(s->manager, s->relationship);
        const struct step *step = s->steps + s->at;
        struct group *g = step_group(s, step);
        int error = result->error;

        refresh(q);
        if (error == -EBUSY && try_again_soon(s, step))
                return;
        if (error < 0)
                fault(s, error, "%s", result->fault.message);
        switch ((enum step_kind)step->kind) {
        case STEP_UP:
                bringup_result(g, error, s->message);
                /* Closed in the present state, which is no matter of authorization */
                error = error == -EACCES ? -EBUSY : error;
                break;
        case STEP_OPERATE:
                if (error >= 0 || took_effect(s, q, half_of(q, g)))
                        s->intent.begun = true;
                else
                        judge_explain_fault(q, s->intent.operation, s->intent.force, error, result->fault.message,
                                            s->message, sizeof(s->message));
                break;
        default:
                break;
        }
        go_on_after(s, error);
}

/* A step gives 0 when nothing is to be done, 1 when a child is at work. */

static int up(struct sequence *s, struct relationship *q, const struct step *step, struct group *g)
{
        const char *missing;

        bringup_set_wanted(g, true);
        if (g->up)
                return 0;
        missing = command_missing_device(g);
        if (missing)
                return fault(s, -ENXIO, "The volume %s of the group %s is not there.", missing, g->name);
        if (removes(s))
                g->forget = q->uuid;
        return command_group_new(g, step->flags & STEP_TAKE_OVER ? COMMAND_TAKE_OVER : 0, on_child, s) ?: 1;
}

/* The replica device that is open; NULL: none */
static const char *open_member(struct group *g)
{
        group_refresh(g);
        for (size_t i = 0; g->up && i < g->n_members; i++)
                if (g->members[i].kernel.open_count > 0)
                        return g->members[i].name;
        return NULL;
}

/* Whoever looks at a new device, such as udev, has it open for a moment. 1: try again */
static int close_first(struct sequence *s, const struct step *step, struct group *g, const char *or_else)
{
        const char *name = open_member(g);

        if (!name)
                return 0;
        if (try_again_soon(s, step))
                return 1;
        return fault(s, -EBUSY, "The replica device /dev/blkrepl/%s/%s is open; umount and close it first%s.", g->name, name, or_else);
}

static int down(struct sequence *s, const struct step *step, struct group *g, const struct half *h)
{
        bool force = step->flags & STEP_FORCE || s->intent.force;
        int r = 0;

        /* A group that has no half of it any more is none of our business. */
        if (!g->up || !h->up)
                return 0;
        if (!force)
                r = close_first(s, step, g, ", or give Force: whoever has it open gets errors then");
        return r ? r : command_group_del(g, force, on_child, s) ?: 1;
}

/* Whether a step on this half is to be left out. */
static bool left_out(const struct step *step, const struct half *h, const struct group *other)
{
        return (step->flags & STEP_IF_UP && !h->up) ||
               (step->flags & STEP_IF_PENDING && !(h->up && h->kernel.pending)) ||
               (step->flags & STEP_IF_CLOSED && !other->closed) ||
               (step->flags & STEP_IF_ALONE && (!h->up || other->up));
}

/* Broken off after the operation on this half, whether or not that was noted */
static bool was_operated(const struct sequence *s, const struct relationship *q, const struct half *h, unsigned int at)
{
        return s->anew && !h->kernel.pending && (s->intent.step > at || took_effect(s, q, h));
}

/* The step only prepares for the operation on the same half, and that was carried out. */
static bool comes_late(const struct sequence *s, const struct relationship *q, const struct group *g, const struct half *h)
{
        for (unsigned int i = s->at + 1; s->steps[i].kind != STEP_END; i++)
                if (s->steps[i].kind == STEP_OPERATE && step_group(s, s->steps + i) == g)
                        return was_operated(s, q, h, i);
        return false;
}

static int connect(struct sequence *s, const struct step *step, struct relationship *q, struct group *g, const struct half *h)
{
        const struct group *other = g == q->source ? q->target : q->source;
        bool inactive = step->kind == STEP_ATTACH;
        const char *missing;

        if (left_out(step, h, other) || (inactive && comes_late(s, q, g, h)))
                return 0;
        if (!h->up)
                return fault(s, -EBUSY, "The group %s is down; start it first.", g->name);
        /* A connection that does not flow may be one to a target that was given up. */
        if (h->kernel.connected && (inactive ? blkrepl_state_flows(h->kernel.copy_state) :
                                    h->kernel.copy_state != BLKREPL_COPY_STATE_BROKEN))
                return 0;
        missing = command_missing_device(other);
        if (missing)
                return fault(s, -ETIMEDOUT, "The volume %s of the group %s is not there.", missing, other->name);
        return command_connect(q, g, inactive, s->intent.timeout_ms, on_child, s) ?: 1;
}

static int operate(struct sequence *s, const struct step *step, struct relationship *q, struct group *g, const struct half *h)
{
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID) | PRESENT(RELATIONSHIP_OPERATION) |
                           PRESENT(RELATIONSHIP_FORCE) | PRESENT(RELATIONSHIP_HOLD_SOURCE_IO),
                .uuid = q->uuid, .group_uuid = g->uuid, .operation = s->intent.operation,
                .force = s->intent.force || step->flags & STEP_FORCE,
                .hold_source_io = s->intent.hold_source_io,
        };

        if (left_out(step, h, g == q->source ? q->target : q->source))
                return 0;
        if (!h->up && removes(s) && g->up)
                return 0;
        if (!h->up)
                return fault(s, -EBUSY, "The group %s is down; start it first.", g->name);
        if (!(step->flags & STEP_IF_CHOSEN) && was_operated(s, q, h, s->at))
                return 0;
        /* Another objective alone does not stop the flow. */
        if (sequence_mode(s->intent.operation) && h->kernel.mode == sequence_mode(s->intent.operation))
                return 0;
        if (step->flags & STEP_IF_CHOSEN) {
                k.put_back = true;
                k.present |= PRESENT(RELATIONSHIP_PUT_BACK);
        }
        if (step->flags & (STEP_TO_SOURCE | STEP_TO_TARGET)) {
                k.role = step->flags & STEP_TO_SOURCE ? BLKREPL_ROLE_SOURCE : BLKREPL_ROLE_TARGET;
                k.present |= PRESENT(RELATIONSHIP_ROLE);
        }
        if (s->intent.timeout_ms) {
                k.timeout_ms = s->intent.timeout_ms;
                k.present |= PRESENT(RELATIONSHIP_TIMEOUT_MS);
        }
        /* What comes before the operation counts as a change as well. */
        if (s->intent.expected_revision && s->at == 0) {
                k.expected_revision = s->intent.expected_revision;
                k.present |= PRESENT(RELATIONSHIP_EXPECTED_REVISION);
        }
        return child_netlink(q->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_OP, .table = &relationship_table, .object = &k }, on_child, s, NULL) ?: 1;
}

static int set_objective(struct sequence *s, const struct step *step, struct relationship *q, struct group *g, const struct half *h)
{
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID) | PRESENT(RELATIONSHIP_RECOVERY_POINT_OBJECTIVE),
                .uuid = q->uuid, .group_uuid = g->uuid, .recovery_point_objective = s->intent.objective,
        };

        if (left_out(step, h, g == q->source ? q->target : q->source))
                return 0;
        if (!h->up)
                return fault(s, -EBUSY, "The group %s is down; start it first.", g->name);
        if (h->kernel.recovery_point_objective == s->intent.objective)
                return 0;
        return child_netlink(q->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_SET, .table = &relationship_table, .object = &k }, on_child, s, NULL) ?: 1;
}

static void on_snapshots(char **names, const sd_bus_error *e, void *userdata)
{
        struct sequence *s = userdata;
        int error = 0;

        s->snapshots = names;
        STRV_FOREACH(n, names)
                log_notice("%s is kept as it was, as %s.", step_group(s, s->steps + s->at)->name, *n);
        if (e && s->intent.need_snapshot)
                error = fault(s, -ENOSPC, "%s", e->message);
        else if (e) {
                s->obstacle = strdup(e->message);
                log_notice("%s goes on without a snapshot: %s", blkrepl_operation_title(s->intent.operation), e->message);
        }
        go_on_after(s, error);
}

/*
 * What either side has written since they parted will be overwritten. Of a target that nobody
 * wants to keep its consistent state is of use until the copy is over, or fails.
 */
static int snapshot(struct sequence *s, struct relationship *q, struct group *g)
{
        bool passes = s->intent.operation == BLKREPL_OPERATION_RESYNC_REPLICA && !s->intent.need_snapshot;
        _cleanup_free_ uint64_t *expected = calloc(g->n_members + 1, sizeof(*expected));

        if (!expected)
                return -ENOMEM;
        if (!s->intent.keep_snapshot || (s->anew && s->intent.step > s->at) || blkrepl_state_flows(q->kernel.copy_state))
                return 0;
        /* What is inconsistent is worth nothing. */
        if ((passes && q->kernel.consistency_state == BLKREPL_CONSISTENCY_STATE_INCONSISTENT) || judge_half_restored(q))
                return 0;
        for (size_t i = 0; i < g->n_members; i++) {
                for (enum side k = 0; k < N_SIDES; k++)
                        expected[i] += q->half[k].known ? q->half[k].pairs[i].bytes_dirty : g->members[i].size;
                if (expected[i] > g->members[i].size)
                        expected[i] = g->members[i].size;
        }
        return snapshot_take(g, blkrepl_operation_name(s->intent.operation), expected, passes, on_snapshots, s) ?: 1;
}

static void on_chosen(bool whole, void *userdata)
{
        struct sequence *s = userdata;

        s->intent.keep_snapshot = whole;
        go_on_after(s, 0);
}

/* It is noted before the first volume is put back; what is left of them is all that is left to do then. */
static int choose(struct sequence *s, struct relationship *q, struct group *g)
{
        if (s->intent.keep_snapshot || !judge_half_restored(q))
                return 0;
        return snapshot_look(g, on_chosen, s) ?: 1;
}

static void on_put_back(int error, const char *message, void *userdata)
{
        struct sequence *s = userdata;

        if (error == -EBUSY && try_again_soon(s, s->steps + s->at))
                return;
        if (error < 0)
                fault(s, error, "%s", message);
        go_on_after(s, error);
}

static int put_back(struct sequence *s, struct group *g)
{
        return s->anew && s->intent.step > s->at ? 0 : snapshot_put_back(g, on_put_back, s) ?: 1;
}

static void drained(struct sequence *s, int error)
{
        s->look = sd_event_source_disable_unref(s->look);
        s->deadline = sd_event_source_disable_unref(s->deadline);
        go_on_after(s, error);
}

/* 1: not yet */
static int look_at_copy(struct sequence *s, const struct half *h)
{
        if (h->up && h->kernel.copy_state == BLKREPL_COPY_STATE_SYNCHRONIZED)
                return 0;
        if (h->up && h->kernel.copy_state == BLKREPL_COPY_STATE_UNSYNCHRONIZED)
                return 1;
        return fault(s, -ETIMEDOUT, "The copy did not come to its end%s%s.", *h->kernel.reason ? ": " : "", h->kernel.reason);
}

static int on_look(_unused_ sd_event_source *source, void *userdata)
{
        struct sequence *s = userdata;
        struct relationship *q = relationship_by_uuid(s->manager, s->relationship);
        int r = look_at_copy(s, half_of(q, step_group(s, s->steps + s->at)));

        if (r <= 0)
                drained(s, r);
        return 0;
}

static int on_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
        struct sequence *s = userdata;

        drained(s, fault(s, -ETIMEDOUT, "The copy did not come to its end in time; nothing was changed and it goes on."));
        return 0;
}

void sequence_poll(struct sequence *s)
{
        if (s->look)
                sd_event_source_set_enabled(s->look, SD_EVENT_ONESHOT);
}

static int drain(struct sequence *s, const struct half *h)
{
        uint64_t usec = s->intent.timeout_ms ? s->intent.timeout_ms * USEC_PER_MSEC : DRAIN_USEC;
        int r = look_at_copy(s, h);

        if (r <= 0)
                return r;
        r = sd_event_add_time_relative(s->manager->event, &s->deadline, CLOCK_MONOTONIC, usec, 0, on_deadline, s);
        if (r >= 0)
                r = sd_event_add_defer(s->manager->event, &s->look, on_look, s);
        return r < 0 ? r : 1;
}

static int run_step(struct sequence *s, struct relationship *q)
{
        const struct step *step = s->steps + s->at;
        struct group *g = step_group(s, step);
        const struct half *h = half_of(q, g);

        /* One that serves again has been put back already. */
        if (step->flags & STEP_IF_CHOSEN && (!s->intent.keep_snapshot || (h->up && !judge_half_restored(q))))
                return 0;
        switch ((enum step_kind)step->kind) {
        case STEP_UP:
                return up(s, q, step, g);
        case STEP_DOWN:
                return down(s, step, g, h);
        case STEP_CLOSE:
                return close_first(s, step, g, "");
        case STEP_ATTACH:
        case STEP_CONNECT:
                return connect(s, step, q, g, h);
        case STEP_DISCONNECT:
                if (!h->up || !h->kernel.connected || comes_late(s, q, g, h) ||
                    left_out(step, h, g == q->source ? q->target : q->source))
                        return 0;
                return command_disconnect(q, g, s->intent.timeout_ms, on_child, s) ?: 1;
        case STEP_DRAIN:
                return drain(s, h);
        case STEP_SNAPSHOT:
                return snapshot(s, q, g);
        case STEP_CHOOSE:
                return choose(s, q, g);
        case STEP_PUT_BACK:
                return put_back(s, g);
        case STEP_OPERATE:
                return operate(s, step, q, g, h);
        case STEP_OBJECTIVE:
                return set_objective(s, step, q, g, h);
        case STEP_END:
                break;
        }
        return -EINVAL;
}

static void go_on(struct sequence *s)
{
        struct relationship *q = relationship_by_uuid(s->manager, s->relationship);
        int r = 0;

        while (r == 0 && s->steps[s->at].kind != STEP_END) {
                fault(s, 0, "A step could not be begun.");
                r = run_step(s, q);
                if (r <= 0)
                        r = step_done(s, r);
        }
        if (r <= 0)
                end(s, r);
}

static struct sequence *sequence_new(struct relationship *q, const struct sequence_intent *intent)
{
        struct sequence *s = calloc(1, sizeof(*s));
        bool swapped = sd_id128_equal(intent->source, q->target->uuid);

        if (!s)
                return NULL;
        s->manager = q->manager;
        s->relationship = q->uuid;
        s->intent = *intent;
        s->group[SIDE_SOURCE] = swapped ? q->target : q->source;
        s->group[SIDE_TARGET] = swapped ? q->source : q->target;
        s->steps = sequence_plan(intent->operation, intent->state);
        return s;
}

static void run(struct sequence *s, struct relationship *q)
{
        s->running = true;
        s->left_over = false;
        s->at = 0;
        set_busy(q, true);
        sequence_die_if_asked(s->intent.operation, s->intent.state, s->at);
        go_on(s);
}

int sequence_start(struct relationship *q, const struct sequence_intent *intent, sequence_handler handler, void *userdata)
{
        struct sequence *s = sequence_new(q, intent);
        int r;

        if (!s)
                return -ENOMEM;
        r = s->steps ? store_put_operation(q->manager->store, q->uuid, intent) : -EINVAL;
        if (r < 0) {
                sequence_free(s);
                return r;
        }
        sequence_free(q->sequence);
        q->sequence = s;
        s->handler = handler;
        s->userdata = userdata;
        run(s, q);
        return 0;
}

int sequence_resume(struct relationship *q, sequence_handler handler)
{
        struct sequence *s = q->sequence;

        if (!s || s->running)
                return 0;
        s->anew = true;
        s->handler = handler;
        s->userdata = NULL;
        run(s, q);
        return 1;
}

static int recover(sd_id128_t uuid, const struct sequence_intent *intent, void *userdata)
{
        struct relationship *q = relationship_by_uuid(userdata, uuid);

        if (!q)
                return 0;
        q->sequence = sequence_new(q, intent);
        if (!q->sequence)
                return -ENOMEM;
        if (!q->sequence->steps)
                q->sequence = sequence_free(q->sequence);
        return 0;
}

int sequence_recover_intents(struct manager *m)
{
        return store_each_operation(m->store, recover, m);
}
