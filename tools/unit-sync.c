/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting until a relationship is Synchronized, by what the module tells. */
#include <poll.h>

#include <systemd/sd-daemon.h>

#include "unit.h"

struct search {
        const char *name;
        bool found;
        struct kernel_relationship relationship;
};

static int take_relationship(const void *object, void *userdata)
{
        const struct kernel_relationship *k = object;
        struct search *s = userdata;

        if (streq(k->name, s->name)) {
                s->relationship = *k;
                s->found = true;
        }
        return 0;
}

static int look(struct search *s)
{
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        int r;

        s->found = false;
        r = netlink_open(&nl);
        if (r >= 0)
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .dump = true, .table = &relationship_table,
                        .handler = take_relationship, .userdata = s }, NULL);
        /* The module may be loaded yet. */
        return r == -EPROTONOSUPPORT ? 0 : r;
}

static void ignore_event(_unused_ enum netlink_event_kind kind, _unused_ const void *object, _unused_ void *userdata)
{
}

/* Events only tell when to look again, so none that is lost can make us wait for ever. */
int unit_wait_sync(const char *relationship)
{
        _cleanup_(netlink_events_closep) struct netlink_events *events = NULL;
        struct search s = { .name = relationship };
        int r;

        r = netlink_events_open(&events, ignore_event, NULL);
        for (;;) {
                struct pollfd p = { .fd = r < 0 ? -1 : netlink_events_fd(events), .events = POLLIN };

                if (r >= 0)
                        r = look(&s);
                if (r < 0)
                        return unit_failure(r, "The module cannot be asked: %s", strerror(-r));
                if (s.found && s.relationship.copy_state == BLKREPL_COPY_STATE_SYNCHRONIZED)
                        return STATUS_OK;
                sd_notifyf(0, "STATUS=The relationship %s is %s.", relationship,
                           s.found ? blkrepl_copy_state_name(s.relationship.copy_state) : "not there");
                if (poll(&p, 1, 1000) < 0)
                        r = errno == EINTR ? 0 : -errno;
                else if (p.revents)
                        r = netlink_events_dispatch(events);
        }
}
