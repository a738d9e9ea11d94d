/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes that are held because their target is lost (failed-copy-stops-host-io)
 * would be held for ever while the machine is switched off, and with them the
 * file system that is to be unmounted. As long as the shutdown takes a process
 * watches for that. The group is then taken from its users: writes that were
 * never acknowledged end with an error, as a loss of power would have it.
 */
#include <stdio.h>

#include "unit.h"

#define LOOK_USEC USEC_PER_SEC
#define PATIENCE_USEC (5 * USEC_PER_SEC)

struct held {
        sd_id128_t group;
        char name[BLKREPL_NAME_MAX + 1];        /* of the relationship */
        uint64_t since;                         /* 0: not lost, or dealt with */
        bool lost;
};

struct watch {
        struct held *held;
        size_t n;
};

static int take_relationship(const void *object, void *userdata)
{
        const struct kernel_relationship *k = object;
        struct watch *w = userdata;
        struct held *h;

        if (!k->hold_on_failure)
                return 0;
        for (h = w->held; h < w->held + w->n; h++)
                if (sd_id128_equal(h->group, k->group_uuid)) {
                        h->lost = k->copy_state == BLKREPL_COPY_STATE_BROKEN;
                        return 0;
                }
        h = reallocarray(w->held, w->n + 1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        w->held = h;
        h += w->n++;
        *h = (struct held){ .group = k->group_uuid, .lost = k->copy_state == BLKREPL_COPY_STATE_BROKEN };
        memcpy(h->name, k->name, sizeof(h->name));
        return 0;
}

static int look(struct watch *w)
{
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        int r;

        for (size_t i = 0; i < w->n; i++)
                w->held[i].lost = false;
        r = netlink_open(&nl);
        if (r >= 0)
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .dump = true, .table = &relationship_table,
                        .handler = take_relationship, .userdata = w }, NULL);
        return r;
}

static void take_away(const struct held *h)
{
        struct kernel_group want = { .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_FORCE), .uuid = h->group, .force = true };
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        _cleanup_(hung_freep) struct hung *hung = hung_new();
        struct netlink_fault fault;
        int r;

        fprintf(stderr, "The relationship %s holds writes, and its target is lost: its group is taken from its users.\n", h->name);
        r = netlink_open(&nl);
        if (r >= 0)
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_GROUP_DEL, .table = &group_table, .object = &want }, &fault);
        if (r < 0 && r != -ENOENT)
                fprintf(stderr, "The group of the relationship %s stays: %s\n", h->name, fault.message);
        hung_hide(hung);
}

static void watch(struct watch *w)
{
        while (look(w) >= 0 && w->n > 0) {
                for (struct held *h = w->held; h < w->held + w->n; h++) {
                        if (!h->lost)
                                h->since = 0;
                        else if (!h->since)
                                h->since = now_monotonic();
                        else if (now_monotonic() >= h->since + PATIENCE_USEC) {
                                h->since = 0;
                                if (fork() == 0) {
                                        take_away(h);
                                        _exit(STATUS_OK);
                                }
                        }
                }
                usleep(LOOK_USEC);
        }
}

int held_watch(void)
{
        struct watch w = {};
        int r;

        r = look(&w);
        if (r >= 0 && w.n > 0) {
                r = fork();
                if (r == 0) {
                        setsid();
                        watch(&w);
                        _exit(STATUS_OK);
                }
        }
        free(w.held);
        return r < 0 ? r : 0;
}
