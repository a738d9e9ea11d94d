/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../kernel/state.h"
#include "job.h"
#include "sequence.h"
#include "store.h"

#define REFRESH_INTERVAL (200 * USEC_PER_MSEC)
#define RATE_INTERVAL USEC_PER_SEC

struct state_waiter {
        struct relationship *relationship;
        struct state_waiter *next;
        sd_bus_message *message;
        unsigned int state;
        sd_event_source *timer;
        int (*reply)(sd_bus_message *message, struct relationship *q);
};

int relationship_fit_pairs(struct relationship *q)
{
        /* One more than there are, for one that is about to come */
        size_t n = q->source->n_members + 2;

        for (enum side i = 0; i < N_SIDES; i++) {
                struct kernel_pair *p = reallocarray(q->half[i].pairs, n, sizeof(*p));

                if (!p)
                        return -ENOMEM;
                q->half[i].pairs = p;
                memset(p, 0, n * sizeof(*p));
        }
        q->pairs = q->half[q->driver].pairs;
        return 0;
}

struct relationship *relationship_new(struct manager *m, sd_id128_t uuid, const char *name, struct group *source, struct group *target)
{
        struct relationship *q = calloc(1, sizeof(*q)), **tail;

        if (!q)
                return NULL;
        q->source = source;
        q->target = target;
        if (relationship_fit_pairs(q) < 0 || copy_string(q->name, sizeof(q->name), name) < 0) {
                free(q->half[SIDE_SOURCE].pairs);
                free(q->half[SIDE_TARGET].pairs);
                free(q);
                return NULL;
        }
        q->manager = m;
        q->uuid = uuid;
        source->role = GROUP_SOURCE;
        target->role = GROUP_TARGET;
        for (tail = &m->relationships; *tail; tail = &(*tail)->next)
                ;
        *tail = q;
        return q;
}

static void waiter_free(struct state_waiter *w)
{
        struct state_waiter **p;

        for (p = &w->relationship->waiters; *p != w; p = &(*p)->next)
                ;
        *p = w->next;
        sd_event_source_disable_unref(w->timer);
        sd_bus_message_unref(w->message);
        free(w);
}

void relationship_fail_waiters(struct relationship *q)
{
        while (q->waiters) {
                sd_bus_error e = SD_BUS_ERROR_NULL;

                error_set(&e, CODE_OBJECT_NOT_FOUND, "The relationship %s has ended.", q->name);
                sd_bus_reply_method_error(q->waiters->message, &e);
                sd_bus_error_free(&e);
                waiter_free(q->waiters);
        }
}

struct relationship *relationship_free(struct relationship *q)
{
        struct relationship **p;

        if (!q)
                return NULL;
        relationship_fail_waiters(q);
        for (p = &q->manager->relationships; *p != q; p = &(*p)->next)
                ;
        *p = q->next;
        if (q->job)
                q->job->relationship = NULL;
        sequence_free(q->sequence);
        for (enum side i = 0; i < N_SIDES; i++)
                free(q->half[i].pairs);
        free(q);
        return NULL;
}

struct relationship *relationship_by_uuid(struct manager *m, sd_id128_t uuid)
{
        for (struct relationship *q = m->relationships; q; q = q->next)
                if (sd_id128_equal(q->uuid, uuid))
                        return q;
        return NULL;
}

struct relationship *relationship_find(struct manager *m, const char *id)
{
        sd_id128_t uuid;
        struct relationship *q = uuid_from_text(id, &uuid) >= 0 ? relationship_by_uuid(m, uuid) : NULL;

        if (q)
                return q;
        for (q = m->relationships; q; q = q->next)
                if (streq(q->name, id))
                        return q;
        return NULL;
}

bool relationship_is_shown(const struct relationship *q)
{
        return !q->hidden && !q->dissolved;
}

struct group *relationship_group(const struct relationship *q, enum side side)
{
        return side == SIDE_SOURCE ? q->source : q->target;
}

enum side relationship_side(const struct relationship *q, const struct group *g)
{
        return g == q->target ? SIDE_TARGET : SIDE_SOURCE;
}

/* In the middle of an operation both halves may be down for a moment. */
unsigned int relationship_state(const struct relationship *q)
{
        if (!q->up && !(q->sequence && sequence_is_running(q->sequence) && q->kernel.copy_state))
                return BLKREPL_COPY_STATE_NOT_APPLICABLE;
        /* All is copied back, but the source does not serve yet. */
        if (q->kernel.copy_state == BLKREPL_COPY_STATE_SYNCHRONIZED && q->kernel.progress_status == BLKREPL_PROGRESS_STATUS_FAILING_BACK)
                return BLKREPL_COPY_STATE_UNSYNCHRONIZED;
        return q->kernel.copy_state;
}

unsigned int relationship_progress(const struct relationship *q)
{
        unsigned int progress = q->sequence ? sequence_progress(q->sequence) : 0;

        if (progress)
                return progress;
        return q->up ? q->kernel.progress_status : BLKREPL_PROGRESS_STATUS_DORMANT;
}

const char *relationship_access(const struct relationship *q, enum side side)
{
        const struct half *h = q->half + side;
        enum blkrepl_access access = BLKREPL_ACCESS_NONE;

        if (h->up)
                access = h->kernel.access;
        else if (side == SIDE_TARGET && q->up && blkrepl_state_target_access(relationship_state(q)) == BLKREPL_ACCESS_READ_ONLY)
                access = BLKREPL_ACCESS_READ_ONLY;
        return access == BLKREPL_ACCESS_READ_WRITE ? "read-write" : access == BLKREPL_ACCESS_READ_ONLY ? "read-only" : "none";
}

double relationship_percent(const struct relationship *q)
{
        if (!q->up || !q->kernel.bytes_total)
                return 0;
        return 100.0 * (double)(q->kernel.bytes_total - q->kernel.bytes_dirty) / (double)q->kernel.bytes_total;
}

unsigned int relationship_effective_mode(const struct relationship *q)
{
        return q->up ? q->kernel.effective_mode : 0;
}

unsigned int relationship_rpo_state(const struct relationship *q)
{
        return q->up ? q->kernel.rpo_state : BLKREPL_RPO_STATE_UNKNOWN;
}

/* A write is acknowledged when the target has it. */
static bool has_everything(const struct relationship *q)
{
        return relationship_state(q) == BLKREPL_COPY_STATE_SYNCHRONIZED &&
               relationship_effective_mode(q) != BLKREPL_MODE_ASYNCHRONOUS;
}

uint64_t relationship_recovery_point(const struct relationship *q)
{
        return has_everything(q) ? now_realtime() : q->kernel.recovery_point;
}

/* The module counts by the monotonic clock. */
uint64_t relationship_recovery_point_age(const struct relationship *q)
{
        uint64_t now = now_realtime();

        if (has_everything(q))
                return 0;
        if (q->half[q->driver].up && q->kernel.present & PRESENT(RELATIONSHIP_RECOVERY_POINT_AGE))
                return q->kernel.recovery_point_age * USEC_PER_MSEC;
        if (!q->kernel.recovery_point)
                return UINT64_MAX;
        return now > q->kernel.recovery_point ? now - q->kernel.recovery_point : 0;
}

void relationship_changed(struct relationship *q)
{
        q->changed = true;
        manager_changed(q->manager);
}

/* Smoothed over some seconds, by the monotonic clock. */
static void update_rate(struct relationship *q)
{
        uint64_t now = now_monotonic(), rate;

        if (!q->up || q->kernel.copy_state != BLKREPL_COPY_STATE_UNSYNCHRONIZED) {
                q->rate = q->rate_time = 0;
                return;
        }
        if (!q->rate_time || q->kernel.copy_done < q->rate_bytes) {
                q->rate = 0;
                q->rate_time = now;
                q->rate_bytes = q->kernel.copy_done;
                return;
        }
        if (now < q->rate_time + RATE_INTERVAL)
                return;
        rate = (uint64_t)((double)(q->kernel.copy_done - q->rate_bytes) * USEC_PER_SEC / (double)(now - q->rate_time));
        q->rate = q->rate ? (3 * q->rate + rate) / 4 : rate;
        q->rate_time = now;
        q->rate_bytes = q->kernel.copy_done;
}

static void save_roles(struct relationship *q)
{
        struct store *s = q->manager->store;
        int r;

        r = store_begin(s);
        if (r >= 0)
                r = store_put_group(s, q->source);
        if (r >= 0)
                r = store_put_group(s, q->target);
        if (r >= 0)
                r = store_put_relationship(s, q);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0) {
                store_rollback(s);
                log_warning("The roles of the relationship %s cannot be noted in the database; they are read from the module again.", q->name);
        }
}

/* Pairs are found by their target's members. Announcing looks them up, which may lead here again. */
static void swap_roles(struct relationship *q)
{
        struct group *source = q->source;
        struct half half;

        if (q->swapping)
                return;
        q->swapping = true;
        if (relationship_is_shown(q))
                relationship_announce_pairs(q, false);
        half = q->half[SIDE_SOURCE];
        q->source = q->target;
        q->target = source;
        q->source->role = GROUP_SOURCE;
        q->target->role = GROUP_TARGET;
        q->half[SIDE_SOURCE] = q->half[SIDE_TARGET];
        q->half[SIDE_TARGET] = half;
        if (relationship_is_shown(q))
                relationship_announce_pairs(q, true);
        q->swapping = false;
        save_roles(q);
        group_changed(q->source);
        group_changed(q->target);
        log_info("The group %s is the source of the relationship %s now, %s its target.", q->source->name, q->name, q->target->name);
}

static bool differs(const struct kernel_relationship *a, const struct kernel_relationship *b)
{
        return a->revision != b->revision || a->connected != b->connected || a->copy_state != b->copy_state ||
               a->progress_status != b->progress_status || a->generation != b->generation || a->bytes_total != b->bytes_total ||
               a->leg_errno != b->leg_errno || a->rate_limit != b->rate_limit || a->yield_rate != b->yield_rate ||
               a->leg_timeout_ms != b->leg_timeout_ms || a->recovery_mode != b->recovery_mode || a->heartbeat_ms != b->heartbeat_ms ||
               a->hold_on_failure != b->hold_on_failure || a->role != b->role || a->access != b->access || a->pending != b->pending ||
               a->dissolved != b->dissolved || a->mode != b->mode || a->effective_mode != b->effective_mode ||
               a->recovery_point_objective != b->recovery_point_objective || a->rpo_state != b->rpo_state ||
               !streq(a->reason, b->reason);
}

/* They are the module's; the database has them for a relationship that is down. */
static void adopt_mode(struct relationship *q)
{
        const struct kernel_relationship *k = &q->half[q->driver].kernel;

        if (!q->half[q->driver].up || !k->mode || (q->mode == k->mode && q->rpo == k->recovery_point_objective))
                return;
        q->mode = k->mode;
        q->rpo = k->recovery_point_objective;
        if (store_put_relationship(q->manager->store, q) < 0)
                log_warning("The mode of the relationship %s cannot be noted in the database; it is read from the module again.", q->name);
}

/* After a half was told about, or is gone. */
static void settle(struct relationship *q, bool changed)
{
        unsigned int before = relationship_state(q);
        struct kernel_relationship all;
        bool was_up = q->up;

        if (halves_are_swapped(q->half))
                swap_roles(q);
        q->driver = halves_driver(q->half, q->driver);
        q->up = q->half[SIDE_SOURCE].up || q->half[SIDE_TARGET].up;
        /* Who drives goes on alone: what the other side was is history. */
        if (q->half[q->driver].up && blkrepl_state_flows(q->half[q->driver].kernel.copy_state))
                q->half[!q->driver].known = q->half[!q->driver].up;
        halves_combine(q->half, q->driver, &all);
        changed |= was_up != q->up || differs(&q->kernel, &all);
        q->kernel = all;
        q->pairs = q->half[q->driver].pairs;
        adopt_mode(q);
        update_rate(q);
        if (changed) {
                relationship_changed(q);
                group_changed(q->source);
                group_changed(q->target);
        }
        if (before != relationship_state(q))
                relationship_check_waiters(q);
        if (q->sequence)
                sequence_poll(q->sequence);
        if (q->job)
                job_relationship_changed(q->job);
}

static enum side side_of(const struct relationship *q, sd_id128_t group)
{
        return sd_id128_equal(group, q->source->uuid) ? SIDE_SOURCE :
               sd_id128_equal(group, q->target->uuid) ? SIDE_TARGET : N_SIDES;
}

void relationship_apply_kernel(struct relationship *q, const struct kernel_relationship *k)
{
        enum side side = side_of(q, k->group_uuid);
        struct half *h = q->half + side;
        bool changed;

        if (side == N_SIDES)
                return;
        /* An event that was sent before the last answer tells what is past. */
        if (k->present & PRESENT(RELATIONSHIP_EVENT) && h->up && k->event_seq <= h->kernel.event_seq)
                return;
        changed = !h->up || differs(&h->kernel, k);
        h->kernel = *k;
        h->up = h->known = true;
        settle(q, changed);
}

/* The module does not have the half, or not any more. */
static void half_gone(struct relationship *q, enum side side)
{
        if (!q->half[side].up)
                return;
        q->half[side].up = false;
        settle(q, true);
}

struct refresh {
        struct relationship *relationship;
        struct half *half;
        const struct group *group;
        struct group *other;
        struct kernel_relationship kernel;
};

/* Not applied at once: the roles may change by it. */
static int take_relationship(const void *object, void *userdata)
{
        struct refresh *f = userdata;

        f->kernel = *(const struct kernel_relationship *)object;
        return 0;
}

/* The entries of a half tell about the members of the other side. */
static int take_pair(const void *object, void *userdata)
{
        const struct kernel_pair *k = object;
        struct refresh *f = userdata;

        if (k->index < f->group->n_members && sd_id128_equal(k->relationship_uuid, f->relationship->uuid) &&
            sd_id128_equal(k->group_uuid, f->group->uuid)) {
                f->half->pairs[k->index] = *k;
                if (k->index < f->other->n_members && k->size)
                        f->other->members[k->index].size = k->size;
        }
        return 0;
}

static int refresh_half(struct relationship *q, struct group *g, struct group *other)
{
        struct kernel_relationship want = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID), .uuid = q->uuid, .group_uuid = g->uuid,
        };
        struct kernel_pair pairs = {
                .present = PRESENT(PAIR_RELATIONSHIP_UUID) | PRESENT(PAIR_GROUP_UUID), .relationship_uuid = q->uuid, .group_uuid = g->uuid,
        };
        struct refresh f = { .relationship = q, .half = q->half + relationship_side(q, g), .group = g, .other = other };
        int r;

        r = manager_ask(q->manager, &(struct netlink_request){
                .command = BLKREPL_CMD_PAIR_GET, .dump = true, .table = &pair_table, .object = &pairs,
                .handler = take_pair, .userdata = &f });
        if (r >= 0)
                r = manager_ask(q->manager, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .table = &relationship_table, .object = &want,
                        .handler = take_relationship, .userdata = &f });
        if (r >= 0)
                relationship_apply_kernel(q, &f.kernel);
        else if (r == -ENOENT || r == -EPROTONOSUPPORT)
                half_gone(q, relationship_side(q, g));
        else
                return r;
        return 0;
}

int relationship_refresh(struct relationship *q, bool force)
{
        struct group *source = q->source, *target = q->target;
        int r;

        if (!force && now_monotonic() < q->refreshed + REFRESH_INTERVAL)
                return 0;
        q->refreshed = now_monotonic();
        r = refresh_half(q, source, target);
        return refresh_half(q, target, source) ?: r;
}

static int on_wait_timeout(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct state_waiter *w = userdata;
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set(&e, CODE_TIMEOUT, "The relationship %s did not become %s in time; it is %s.", w->relationship->name,
                  blkrepl_copy_state_name(w->state), blkrepl_copy_state_name(relationship_state(w->relationship)));
        sd_bus_reply_method_error(w->message, &e);
        sd_bus_error_free(&e);
        waiter_free(w);
        return 0;
}

int relationship_wait_state(struct relationship *q, sd_bus_message *message, unsigned int state, uint64_t timeout,
                            int (*reply)(sd_bus_message *message, struct relationship *q))
{
        struct state_waiter *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->relationship = q;
        w->state = state;
        w->message = sd_bus_message_ref(message);
        w->reply = reply;
        w->next = q->waiters;
        q->waiters = w;
        if (timeout > 0 && timeout < USEC_INFINITY / 2 &&
            sd_event_add_time_relative(q->manager->event, &w->timer, CLOCK_MONOTONIC, timeout, 0, on_wait_timeout, w) < 0) {
                waiter_free(w);
                return -ENOMEM;
        }
        relationship_check_waiters(q);
        return 0;
}

void relationship_check_waiters(struct relationship *q)
{
        for (struct state_waiter *w = q->waiters, *next; w; w = next) {
                next = w->next;
                if (relationship_state(q) != w->state)
                        continue;
                w->reply(w->message, q);
                waiter_free(w);
        }
}
