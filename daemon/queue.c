/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "move.h"
#include "queue.h"
#include "relationship.h"

/* Less than what callers on the bus wait for an answer */
#define WAIT_USEC (20 * USEC_PER_SEC)

struct queued {
        struct manager *manager;
        struct queued *next;
        sd_id128_t group;
        sd_bus_message *message;
        uint64_t until;                 /* monotonic */
        sd_event_source *deadline;
        sd_event_source *expiry;        /* after the call was given back to the bus */
};

bool queue_is_busy(const struct group *g)
{
        const struct relationship *q = group_relationship(g);

        return g->busy || (q && (q->busy || q->source->busy || q->target->busy || move_of(q)));
}

static void drop(struct queued *c)
{
        struct manager *m = c->manager;
        struct queued **p;

        for (p = &m->queue; *p != c; p = &(*p)->next)
                ;
        *p = c->next;
        if (!m->queue)
                m->queue_source = sd_event_source_disable_unref(m->queue_source);
        sd_event_source_disable_unref(c->deadline);
        sd_event_source_disable_unref(c->expiry);
        sd_bus_message_unref(c->message);
        free(c);
}

void queue_free(struct manager *m)
{
        while (m->queue)
                drop(m->queue);
}

static int on_expiry(_unused_ sd_event_source *s, void *userdata)
{
        drop(userdata);
        return 0;
}

/* Whether it has to wait again is seen until the loop is idle: the bus comes before that. */
static void give_back(struct queued *c)
{
        int r;

        c->deadline = sd_event_source_disable_unref(c->deadline);
        r = sd_event_add_defer(c->manager->event, &c->expiry, on_expiry, c);
        if (r >= 0)
                r = sd_event_source_set_priority(c->expiry, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_bus_message_rewind(c->message, true);
        if (r >= 0)
                r = sd_bus_enqueue_for_read(sd_bus_message_get_bus(c->message), c->message);
        if (r < 0) {
                sd_bus_reply_method_errno(c->message, r, NULL);
                drop(c);
        }
}

/* Whatever an event has changed, those that wait for it are looked at afterwards. */
static int on_post(_unused_ sd_event_source *s, void *userdata)
{
        struct manager *m = userdata;

        for (struct queued *c = m->queue, *next; c; c = next) {
                const struct group *g = group_by_uuid(m, c->group);

                next = c->next;
                if (!c->expiry && (!g || !queue_is_busy(g)))
                        give_back(c);
        }
        return 0;
}

static int on_deadline(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        give_back(userdata);
        return 0;
}

static int wait_on(struct queued *c)
{
        int r = sd_event_add_time(c->manager->event, &c->deadline, CLOCK_MONOTONIC, c->until, 0, on_deadline, c);

        if (r >= 0 && !c->manager->queue_source)
                r = sd_event_add_post(c->manager->event, &c->manager->queue_source, on_post, c->manager);
        if (r >= 0) {
                c->expiry = sd_event_source_disable_unref(c->expiry);
                return 1;
        }
        drop(c);
        return r;
}

int queue_call(struct group *g, sd_bus_message *message)
{
        struct manager *m = g->manager;
        struct queued *c, **tail;

        for (tail = &m->queue; *tail && (*tail)->message != message; tail = &(*tail)->next)
                ;
        c = *tail;
        if (!queue_is_busy(g) || (c && now_monotonic() >= c->until))
                return 0;
        if (!c) {
                c = calloc(1, sizeof(*c));
                if (!c)
                        return -ENOMEM;
                *c = (struct queued){
                        .manager = m, .group = g->uuid, .message = sd_bus_message_ref(message), .until = now_monotonic() + WAIT_USEC,
                };
                *tail = c;
        }
        return wait_on(c);
}
