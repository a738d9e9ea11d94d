/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "job.h"
#include "judge.h"
#include "sequence.h"

#define JOBS_MAX 256
#define KEEP_USEC (5 * 60 * USEC_PER_SEC)
#define POLL_USEC USEC_PER_SEC

struct job_waiter {
        struct job *job;
        struct job_waiter *next;
        sd_bus_message *message;
        sd_event_source *timer;
};

static const char *const state_names[] = {
        [JOB_RUNNING] = "running",
        [JOB_CANCELING] = "canceling",
        [JOB_DONE] = "done",
        [JOB_FAILED] = "failed",
        [JOB_CANCELED] = "canceled",
};

const char *job_state_name(enum job_state state)
{
        return state_names[state];
}

bool job_is_over(const struct job *j)
{
        return j->state >= JOB_DONE;
}

int job_new(struct manager *m, const char *type, struct relationship *q, struct job **ret)
{
        struct job *j, **tail;
        size_t n = 0;

        for (tail = &m->jobs; *tail; tail = &(*tail)->next)
                n += !job_is_over(*tail);
        if (n >= JOBS_MAX)
                return -ENOSPC;

        j = calloc(1, sizeof(*j));
        if (!j)
                return -ENOMEM;
        j->relationship_path = relationship_path(q);
        j->group_path = group_path(q->source);
        if (!j->relationship_path || !j->group_path) {
                free(j->relationship_path);
                free(j->group_path);
                free(j);
                return -ENOMEM;
        }
        j->manager = m;
        j->id = ++m->last_job;
        snprintf(j->type, sizeof(j->type), "%s", type);
        j->phase = "carving";
        j->relationship = q;
        memcpy(j->relationship_name, q->name, sizeof(j->relationship_name));
        j->when_started = now_realtime();
        *tail = j;
        q->job = j;
        relationship_changed(q);
        job_announce(j, true);
        job_send_new(j);
        *ret = j;
        return 0;
}

static void waiter_free(struct job_waiter *w)
{
        struct job_waiter **p;

        for (p = &w->job->waiters; *p != w; p = &(*p)->next)
                ;
        *p = w->next;
        sd_event_source_disable_unref(w->timer);
        sd_bus_message_unref(w->message);
        free(w);
}

struct job *job_free(struct job *j)
{
        struct job **p;

        if (!j)
                return NULL;
        while (j->waiters)
                waiter_free(j->waiters);
        for (p = &j->manager->jobs; *p != j; p = &(*p)->next)
                ;
        *p = j->next;
        if (j->relationship && j->relationship->job == j)
                j->relationship->job = NULL;
        sd_event_source_disable_unref(j->timer);
        free(j->relationship_path);
        free(j->group_path);
        free(j->error_name);
        free(j->message);
        free(j);
        return NULL;
}

struct job *job_find(struct manager *m, const char *id)
{
        uint64_t n;

        if (*id == '_')
                id++;
        if (parse_u64(id, &n) < 0)
                return NULL;
        for (struct job *j = m->jobs; j; j = j->next)
                if (j->id == n)
                        return j;
        return NULL;
}

static void job_changed(struct job *j)
{
        j->changed = true;
        manager_changed(j->manager);
}

void job_set_phase(struct job *j, const char *phase)
{
        j->phase = phase;
        job_changed(j);
}

static int on_expired(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct job *j = userdata;

        job_announce(j, false);
        job_free(j);
        return 0;
}

static int reply_result(struct job *j, sd_bus_message *message)
{
        return sd_bus_reply_method_return(message, "sis", job_state_name(j->state), (int)j->code, strempty(j->message));
}

void job_finish(struct job *j, enum job_state state, const sd_bus_error *e)
{
        struct relationship *q = j->relationship;

        if (job_is_over(j))
                return;
        j->state = state;
        j->phase = "finished";
        j->cancelable = false;
        j->when_ended = now_realtime();
        if (e && sd_bus_error_is_set(e)) {
                j->code = error_by_name(e->name)->code;
                j->error_name = strdup(error_by_name(e->name)->name);
                j->message = strdup(strempty(e->message));
        } else if (state == JOB_CANCELED) {
                j->code = CODE_FAILED;
                j->error_name = strdup(error_by_code(CODE_FAILED)->name);
                j->message = strdup("The job was canceled.");
        }
        log_info("Job %llu (%s %s) is over: %s%s%s", (unsigned long long)j->id, j->type, j->relationship_name,
                 job_state_name(state), j->message ? ": " : "", strempty(j->message));
        if (q && q->job == j) {
                q->job = NULL;
                relationship_changed(q);
        }
        while (j->waiters) {
                reply_result(j, j->waiters->message);
                waiter_free(j->waiters);
        }
        job_changed(j);
        job_send_removed(j);
        j->timer = sd_event_source_disable_unref(j->timer);
        sd_event_add_time_relative(j->manager->event, &j->timer, CLOCK_MONOTONIC, KEEP_USEC, 0, on_expired, j);
}

static int on_poll(sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct job *j = userdata;

        sd_event_source_set_time_relative(s, POLL_USEC);
        sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        if (j->relationship)
                relationship_refresh(j->relationship, false);
        return 0;
}

int job_follow_copy(struct job *j)
{
        int r;

        r = sd_event_add_time_relative(j->manager->event, &j->timer, CLOCK_MONOTONIC, POLL_USEC, 0, on_poll, j);
        if (r < 0)
                return r;
        job_set_phase(j, "copying");
        j->cancelable = true;
        if (j->relationship)
                job_relationship_changed(j);
        return 0;
}

static void copy_over(struct job *j, enum job_state state, const sd_bus_error *e)
{
        if (j->copied)
                j->copied(j, j->userdata);
        job_finish(j, state, e);
}

static const char *after_abort(const struct relationship *q)
{
        return judge_half_restored(q) ? "the source is partly overwritten and stays closed; RestoreFromReplica completes it" :
               q->kernel.reason;
}

void job_relationship_ends(struct job *j)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set(&e, CODE_FAILED, "The relationship %s was ended during the copy.", j->relationship_name);
        copy_over(j, JOB_FAILED, &e);
        sd_bus_error_free(&e);
}

void job_relationship_changed(struct job *j)
{
        struct relationship *q = j->relationship;
        sd_bus_error e = SD_BUS_ERROR_NULL;
        unsigned int state;

        /* While it is being undone, what happens to the relationship is our own doing. */
        if (!streq(j->phase, "copying") || job_is_over(j) || (j->state == JOB_CANCELING && j->copied))
                return;
        /* In the middle of an operation, too. */
        if (q && q->sequence && sequence_is_running(q->sequence))
                return;

        state = q ? relationship_state(q) : BLKREPL_COPY_STATE_NOT_APPLICABLE;
        if (state == BLKREPL_COPY_STATE_UNSYNCHRONIZED)
                return;
        /* An operation that waited for the end of the copy may have gone on already. */
        if (state == BLKREPL_COPY_STATE_SYNCHRONIZED ||
            (state != BLKREPL_COPY_STATE_NOT_APPLICABLE && q->kernel.when_synced >= j->when_started)) {
                copy_over(j, JOB_DONE, NULL);
                return;
        }
        if (j->state == JOB_CANCELING && (state == BLKREPL_COPY_STATE_ABORTED || state == BLKREPL_COPY_STATE_FAILEDOVER)) {
                error_set(&e, CODE_FAILED, "The job was canceled: %s.", after_abort(q));
                copy_over(j, JOB_CANCELED, &e);
                sd_bus_error_free(&e);
                return;
        }
        if (state == BLKREPL_COPY_STATE_ABORTED)
                error_set(&e, CODE_FAILED, "The copy was aborted: %s.", after_abort(q));
        else if (state == BLKREPL_COPY_STATE_BROKEN)
                error_set(&e, CODE_UNSPECIFIED, "The target was lost during the copy%s%s; the copy goes on when the target is back.",
                          *q->kernel.reason ? ": " : "", q->kernel.reason);
        else if (state == BLKREPL_COPY_STATE_NOT_APPLICABLE)
                error_set(&e, CODE_FAILED, "The group was taken down during the copy; start it to go on.");
        else
                error_set(&e, CODE_FAILED, "The copy was ended: the relationship is %s.", blkrepl_copy_state_name(state));
        copy_over(j, JOB_FAILED, &e);
        sd_bus_error_free(&e);
}

double job_progress(const struct job *j)
{
        const struct relationship *q = j->relationship;

        if (job_is_over(j))
                return j->state == JOB_DONE ? 1 : 0;
        if (!q || !streq(j->phase, "copying") || !q->kernel.copy_total)
                return 0;
        if (q->kernel.copy_done >= q->kernel.copy_total)
                return 1;
        return (double)q->kernel.copy_done / (double)q->kernel.copy_total;
}

uint64_t job_expected_end(const struct job *j)
{
        const struct relationship *q = j->relationship;

        if (job_is_over(j) || !q || !q->rate || q->kernel.copy_total < q->kernel.copy_done)
                return 0;
        return now_monotonic() + (uint64_t)((double)(q->kernel.copy_total - q->kernel.copy_done) * USEC_PER_SEC / (double)q->rate);
}

static int on_wait_timeout(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct job_waiter *w = userdata;
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set(&e, CODE_TIMEOUT, "Job %llu is not over yet; it goes on.", (unsigned long long)w->job->id);
        sd_bus_reply_method_error(w->message, &e);
        sd_bus_error_free(&e);
        waiter_free(w);
        return 0;
}

int job_wait(struct job *j, sd_bus_message *message, uint64_t timeout)
{
        struct job_waiter *w;

        if (job_is_over(j))
                return reply_result(j, message);
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->job = j;
        w->message = sd_bus_message_ref(message);
        w->next = j->waiters;
        j->waiters = w;
        if (timeout > 0 && timeout < USEC_INFINITY / 2 &&
            sd_event_add_time_relative(j->manager->event, &w->timer, CLOCK_MONOTONIC, timeout, 0, on_wait_timeout, w) < 0) {
                waiter_free(w);
                return -ENOMEM;
        }
        return 1;
}
