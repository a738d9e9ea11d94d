/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "child.h"
#include "job.h"
#include "relationship.h"

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

struct relationship *relationship_new(struct manager *m, sd_id128_t uuid, const char *name, struct group *source, struct group *target)
{
        struct relationship *q = calloc(1, sizeof(*q)), **tail;

        if (!q)
                return NULL;
        q->pairs = calloc(source->n_members + 1, sizeof(*q->pairs));
        if (!q->pairs || copy_string(q->name, sizeof(q->name), name) < 0) {
                free(q->pairs);
                free(q);
                return NULL;
        }
        q->manager = m;
        q->uuid = uuid;
        q->source = source;
        q->target = target;
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

struct relationship *relationship_free(struct relationship *q)
{
        struct relationship **p;

        if (!q)
                return NULL;
        while (q->waiters) {
                sd_bus_error e = SD_BUS_ERROR_NULL;

                error_set(&e, CODE_OBJECT_NOT_FOUND, "The relationship %s has ended.", q->name);
                sd_bus_reply_method_error(q->waiters->message, &e);
                sd_bus_error_free(&e);
                waiter_free(q->waiters);
        }
        for (p = &q->manager->relationships; *p != q; p = &(*p)->next)
                ;
        *p = q->next;
        if (q->job)
                q->job->relationship = NULL;
        free(q->pairs);
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

unsigned int relationship_state(const struct relationship *q)
{
        return q->up ? q->kernel.copy_state : BLKREPL_COPY_STATE_NOT_APPLICABLE;
}

double relationship_percent(const struct relationship *q)
{
        if (!q->up || !q->kernel.bytes_total)
                return 0;
        return 100.0 * (double)(q->kernel.bytes_total - q->kernel.bytes_dirty) / (double)q->kernel.bytes_total;
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

        if (q->kernel.copy_state != BLKREPL_COPY_STATE_UNSYNCHRONIZED) {
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

void relationship_apply_kernel(struct relationship *q, const struct kernel_relationship *k)
{
        unsigned int before = relationship_state(q);
        bool changed = !q->up || q->kernel.revision != k->revision || q->kernel.connected != k->connected ||
                       q->kernel.copy_state != k->copy_state || q->kernel.progress_status != k->progress_status ||
                       q->kernel.generation != k->generation || q->kernel.bytes_total != k->bytes_total ||
                       q->kernel.leg_errno != k->leg_errno || q->kernel.rate_limit != k->rate_limit ||
                       q->kernel.yield_rate != k->yield_rate || q->kernel.leg_timeout_ms != k->leg_timeout_ms ||
                       q->kernel.recovery_mode != k->recovery_mode || q->kernel.heartbeat_ms != k->heartbeat_ms ||
                       q->kernel.hold_on_failure != k->hold_on_failure || !streq(q->kernel.reason, k->reason);

        q->kernel = *k;
        q->up = true;
        q->refreshed = now_monotonic();
        update_rate(q);
        if (changed) {
                relationship_changed(q);
                group_changed(q->target);
        }
        if (before != k->copy_state)
                relationship_check_waiters(q);
        if (q->job)
                job_relationship_changed(q->job);
}

/* The module does not have it, or not any more. */
void relationship_gone(struct relationship *q)
{
        if (!q->up)
                return;
        q->up = false;
        q->rate = q->rate_time = 0;
        q->kernel = (struct kernel_relationship){};
        memset(q->pairs, 0, q->source->n_members * sizeof(*q->pairs));
        relationship_changed(q);
        group_changed(q->target);
        if (q->job)
                job_relationship_changed(q->job);
}

static int take_relationship(const void *object, void *userdata)
{
        relationship_apply_kernel(userdata, object);
        return 0;
}

static int take_pair(const void *object, void *userdata)
{
        const struct kernel_pair *k = object;
        struct relationship *q = userdata;

        if (k->index < q->source->n_members && sd_id128_equal(k->relationship_uuid, q->uuid)) {
                q->pairs[k->index] = *k;
                if (k->index < q->target->n_members && k->size)
                        q->target->members[k->index].size = k->size;
        }
        return 0;
}

int relationship_refresh(struct relationship *q, bool force)
{
        struct kernel_relationship want = { .present = PRESENT(RELATIONSHIP_UUID), .uuid = q->uuid };
        struct kernel_pair pairs = { .present = PRESENT(PAIR_RELATIONSHIP_UUID), .relationship_uuid = q->uuid };
        int r;

        if (!force && now_monotonic() < q->refreshed + REFRESH_INTERVAL)
                return 0;
        q->refreshed = now_monotonic();
        r = manager_ask(q->manager, &(struct netlink_request){
                .command = BLKREPL_CMD_PAIR_GET, .dump = true, .table = &pair_table, .object = &pairs,
                .handler = take_pair, .userdata = q });
        if (r >= 0)
                r = manager_ask(q->manager, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .table = &relationship_table, .object = &want,
                        .handler = take_relationship, .userdata = q });
        if (r == -ENOENT || r == -EPROTONOSUPPORT) {
                relationship_gone(q);
                return 0;
        }
        return r;
}

static bool is_there(const char *path)
{
        struct stat st;

        return *path && stat(path, &st) >= 0 && S_ISBLK(st.st_mode);
}

struct connect {
        struct manager *manager;
        sd_id128_t uuid;
};

static void on_connected(const struct child_result *result, void *userdata)
{
        _cleanup_free_ struct connect *c = userdata;
        struct relationship *q = relationship_by_uuid(c->manager, c->uuid);

        if (!q)
                return;
        q->busy = false;
        if (result->error < 0)
                group_set_reason(q->target, false, result->fault.message);
        else
                group_set_reason(q->target, false, "");
        relationship_refresh(q, true);
}

/*
 * 1: begun. 0: nothing to do, or the devices are not there. The module itself
 * takes a device back that is open and answers again.
 */
int relationship_connect(struct relationship *q)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        struct kernel_relationship want = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_TARGET_LOG_PATH),
                .uuid = q->uuid,
        };
        struct connect *c;
        int r;

        if (!q->up || q->busy || q->hidden || q->kernel.connected || !is_there(q->target->log_path))
                return 0;
        for (size_t i = 0; i < q->target->n_members; i++)
                if (!is_there(q->target->members[i].path))
                        return 0;

        devices = group_devices(q->target);
        c = malloc(sizeof(*c));
        if (!devices || !c) {
                free(c);
                return -ENOMEM;
        }
        *c = (struct connect){ .manager = q->manager, .uuid = q->uuid };
        memcpy(want.target_log_path, q->target->log_path, sizeof(want.target_log_path));
        r = child_netlink(q->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_CONNECT, .table = &relationship_table, .object = &want,
                .devices = devices, .n_devices = q->target->n_members }, on_connected, c, NULL);
        if (r < 0) {
                free(c);
                return r;
        }
        q->busy = true;
        return 1;
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
