/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking groups down cleanly: nothing will have to be compared when they come
 * up again. All go at once, since one whose target hangs takes as long as the
 * deadline of its target.
 */
#include <stdio.h>
#include <sys/wait.h>

#include "../daemon/bringup.h"
#include "unit.h"

/* The module itself gives programs that look at a device a second. */
#define OPEN_WAIT_USEC (5 * USEC_PER_SEC)
#define LOOK_USEC (200 * USEC_PER_MSEC)

struct selection {
        const char *name;               /* NULL: all */
        struct kernel_group *groups;
        size_t n;
};

static int take_group(const void *object, void *userdata)
{
        const struct kernel_group *k = object;
        struct selection *s = userdata;
        void *p;

        if (s->name && !streq(s->name, k->name))
                return 0;
        p = reallocarray(s->groups, s->n + 1, sizeof(*s->groups));
        if (!p)
                return -ENOMEM;
        s->groups = p;
        s->groups[s->n++] = *k;
        return 0;
}

static int take_down(const struct kernel_group *g)
{
        struct kernel_group want = { .present = PRESENT(GROUP_UUID), .uuid = g->uuid };
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        uint64_t deadline = now_monotonic() + OPEN_WAIT_USEC;
        struct netlink_fault fault = {};
        int r;

        r = netlink_open(&nl);
        if (r < 0)
                return unit_failure(r, "The module cannot be spoken to: %s", strerror(-r));
        /* First, or the daemon would bring it up again. */
        bringup_mark(g->uuid, false);
        for (;;) {
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_GROUP_DEL, .table = &group_table, .object = &want }, &fault);
                if (r != -EBUSY || now_monotonic() >= deadline)
                        break;
                usleep(LOOK_USEC);
        }
        if (r >= 0 || r == -ENOENT)
                return STATUS_OK;
        bringup_mark(g->uuid, true);
        return unit_failure(r, "The group %s stays up: %s", g->name, fault.message);
}

static int take_down_all(const struct selection *s)
{
        int status, worst = STATUS_OK;

        for (size_t i = 0; i < s->n; i++) {
                pid_t pid = fork();

                if (pid == 0)
                        _exit(take_down(s->groups + i));
                if (pid < 0)
                        worst = take_down(s->groups + i) ?: worst;
        }
        while (wait(&status) > 0)
                if (status != 0)
                        worst = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_ERROR;
        return worst;
}

int unit_down(const char *group)
{
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        _cleanup_(hung_freep) struct hung *hung = NULL;
        struct selection s = { .name = group };
        int r;

        if (access("/sys/module/blkrepl", F_OK) < 0)
                return STATUS_OK;
        hung = hung_new();
        r = netlink_open(&nl);
        if (r >= 0)
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_GROUP_GET, .dump = true, .table = &group_table,
                        .handler = take_group, .userdata = &s }, NULL);
        if (r >= 0)
                r = s.n == 1 ? take_down(s.groups) : take_down_all(&s);
        else
                r = unit_failure(r, "The module cannot be asked: %s", strerror(-r));
        free(s.groups);
        hung_hide(hung);
        return r;
}
