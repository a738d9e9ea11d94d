/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "move.h"
#include "queue.h"
#include "relationship.h"

/* Less than what callers on the bus wait for an answer */
#define WAIT_USEC (20 * USEC_PER_SEC)
/* How long a device may be open, and how often that is looked at */
#define CLOSE_USEC (3 * USEC_PER_SEC)
#define LOOK_USEC (100 * USEC_PER_MSEC)

struct queued {
        struct manager *manager;
        struct queued *next;
        sd_id128_t group;
        sd_bus_message *message;
        uint64_t until, close_until;    /* monotonic */
        sd_event_source *deadline;
        sd_event_source *look;          /* waits for devices to be closed */
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
        sd_event_source_disable_unref(c->look);
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
        c->look = sd_event_source_disable_unref(c->look);
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
                if (!c->expiry && !c->look && (!g || !queue_is_busy(g)))
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

static struct queued *find(struct manager *m, const sd_bus_message *message)
{
        struct queued *c = m->queue;

        while (c && c->message != message)
                c = c->next;
        return c;
}

static struct queued *put(struct group *g, sd_bus_message *message)
{
        struct queued *c = calloc(1, sizeof(*c)), **tail = &g->manager->queue;

        if (!c)
                return NULL;
        *c = (struct queued){
                .manager = g->manager, .group = g->uuid, .message = sd_bus_message_ref(message), .until = now_monotonic() + WAIT_USEC,
        };
        while (*tail)
                tail = &(*tail)->next;
        *tail = c;
        return c;
}

int queue_call(struct group *g, sd_bus_message *message)
{
        struct queued *c = find(g->manager, message);

        if (!queue_is_busy(g) || (c && now_monotonic() >= c->until))
                return 0;
        if (!c)
                c = put(g, message);
        return c ? wait_on(c) : -ENOMEM;
}

int queue_until_closed(struct group *g, sd_bus_message *message)
{
        struct queued *c = find(g->manager, message);
        int r;

        group_refresh(g);
        if (!g->up || g->kernel.open_count == 0 || (c && c->close_until && now_monotonic() >= c->close_until))
                return 0;
        if (!c)
                c = put(g, message);
        if (!c)
                return -ENOMEM;
        if (!c->close_until)
                c->close_until = now_monotonic() + CLOSE_USEC;
        r = sd_event_add_time_relative(c->manager->event, &c->look, CLOCK_MONOTONIC, LOOK_USEC, 0, on_deadline, c);
        if (r < 0) {
                drop(c);
                return r;
        }
        c->expiry = sd_event_source_disable_unref(c->expiry);
        return 1;
}
