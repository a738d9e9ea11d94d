/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Multicast notifications of the module.
 *
 * The socket also listens to the generic netlink controller, so that the
 * module may be loaded, unloaded and loaded again while we run. The module
 * numbers its events; a gap, or an overrun of the socket's buffer, is reported
 * as NETLINK_EVENT_LOST, after which only a new dump tells the truth.
 */
#include <linux/genetlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "netlink.h"

struct netlink_events {
        struct nl_sock *socket;
        int family;                     /* 0: the module is not loaded */
        uint64_t sequence;              /* of the newest event; 0: none yet */
        netlink_event_handler handler;
        void *userdata;
};

static const char *const multicast_groups[] = { BLKREPL_MCGRP_STATE, BLKREPL_MCGRP_PROGRESS, BLKREPL_MCGRP_ALERT };

/* Group numbers are asked for on a socket of its own: replies must not mix with events. */
static int join(struct netlink_events *ev, const char *family, const char *const *groups, size_t n)
{
        struct nl_sock *s = nl_socket_alloc();
        int id, r;

        if (!s)
                return -ENOMEM;
        r = genl_connect(s);
        id = r < 0 ? r : genl_ctrl_resolve(s, family);
        for (size_t i = 0; id >= 0 && i < n; i++) {
                r = genl_ctrl_resolve_grp(s, family, groups[i]);
                if (r >= 0)
                        r = nl_socket_add_membership(ev->socket, r);
                if (r < 0)
                        id = r;
        }
        nl_socket_free(s);
        if (id == -NLE_OBJ_NOTFOUND)
                return -EPROTONOSUPPORT;
        return id < 0 ? -EIO : id;
}

static void module_loaded(struct netlink_events *ev)
{
        int id = join(ev, BLKREPL_FAMILY_NAME, multicast_groups, ELEMENTSOF(multicast_groups));

        if (id < 0)
                return;
        ev->family = id;
        ev->sequence = 0;
        ev->handler(NETLINK_EVENT_MODULE_LOADED, NULL, ev->userdata);
}

static void module_unloaded(struct netlink_events *ev)
{
        if (!ev->family)
                return;
        ev->family = 0;
        ev->handler(NETLINK_EVENT_MODULE_UNLOADED, NULL, ev->userdata);
}

static void controller_message(struct netlink_events *ev, struct genlmsghdr *gh)
{
        struct nlattr *name = nla_find(genlmsg_attrdata(gh, 0), genlmsg_attrlen(gh, 0), CTRL_ATTR_FAMILY_NAME);

        if (!name || nla_strcmp(name, BLKREPL_FAMILY_NAME) != 0)
                return;
        if (gh->cmd == CTRL_CMD_NEWFAMILY)
                module_loaded(ev);
        else if (gh->cmd == CTRL_CMD_DELFAMILY)
                module_unloaded(ev);
}

static void check_sequence(struct netlink_events *ev, uint64_t sequence)
{
        bool gap = ev->sequence && sequence > ev->sequence + 1;

        if (sequence > ev->sequence)
                ev->sequence = sequence;
        if (gap)
                ev->handler(NETLINK_EVENT_LOST, NULL, ev->userdata);
}

static int on_message(struct nl_msg *message, void *userdata)
{
        struct netlink_events *ev = userdata;
        struct nlmsghdr *hdr = nlmsg_hdr(message);
        struct genlmsghdr *gh = nlmsg_data(hdr);

        if (!genlmsg_valid_hdr(hdr, 0))
                return NL_OK;

        if (hdr->nlmsg_type == GENL_ID_CTRL)
                controller_message(ev, gh);
        else if (hdr->nlmsg_type == ev->family && gh->cmd == BLKREPL_CMD_GROUP_NTF) {
                struct kernel_group g;

                if (fields_parse(&group_table, genlmsg_attrdata(gh, 0), genlmsg_attrlen(gh, 0), &g) < 0)
                        return NL_OK;
                check_sequence(ev, g.event_seq);
                ev->handler(NETLINK_EVENT_GROUP, &g, ev->userdata);
        } else if (hdr->nlmsg_type == ev->family && gh->cmd == BLKREPL_CMD_RELATIONSHIP_NTF) {
                struct kernel_relationship q;

                if (fields_parse(&relationship_table, genlmsg_attrdata(gh, 0), genlmsg_attrlen(gh, 0), &q) < 0)
                        return NL_OK;
                check_sequence(ev, q.event_seq);
                ev->handler(NETLINK_EVENT_RELATIONSHIP, &q, ev->userdata);
        }
        return NL_OK;
}

int netlink_events_open(struct netlink_events **ret, netlink_event_handler handler, void *userdata)
{
        _cleanup_(netlink_events_closep) struct netlink_events *ev = NULL;
        static const char *const notify = "notify";
        int r;

        ev = calloc(1, sizeof(*ev));
        if (!ev)
                return -ENOMEM;
        ev->handler = handler;
        ev->userdata = userdata;
        ev->socket = nl_socket_alloc();
        if (!ev->socket)
                return -ENOMEM;
        nl_socket_disable_seq_check(ev->socket);
        nl_socket_modify_cb(ev->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, ev);
        r = genl_connect(ev->socket);
        if (r < 0)
                return -EIO;
        nl_socket_set_buffer_size(ev->socket, 4 * 1024 * 1024, 0);
        r = nl_socket_set_nonblocking(ev->socket);
        if (r < 0)
                return -EIO;
        r = join(ev, "nlctrl", &notify, 1);
        if (r < 0)
                return r;

        /* First the notice of it, then the look: nothing falls in between. */
        r = join(ev, BLKREPL_FAMILY_NAME, multicast_groups, ELEMENTSOF(multicast_groups));
        if (r < 0 && r != -EPROTONOSUPPORT)
                return r;
        ev->family = r < 0 ? 0 : r;

        *ret = TAKE_PTR(ev);
        return 0;
}

struct netlink_events *netlink_events_close(struct netlink_events *ev)
{
        if (ev) {
                nl_socket_free(ev->socket);
                free(ev);
        }
        return NULL;
}

int netlink_events_fd(const struct netlink_events *ev)
{
        return nl_socket_get_fd(ev->socket);
}

bool netlink_events_module_loaded(const struct netlink_events *ev)
{
        return ev->family > 0;
}

/* Reads all there is. libnl reports an overrun of the buffer as NLE_NOMEM. */
int netlink_events_dispatch(struct netlink_events *ev)
{
        for (;;) {
                int r = nl_recvmsgs_default(ev->socket);

                if (r == -NLE_AGAIN)
                        return 0;
                if (r == -NLE_NOMEM) {
                        ev->sequence = 0;
                        ev->handler(NETLINK_EVENT_LOST, NULL, ev->userdata);
                } else if (r < 0 && r != -NLE_INTR)
                        return -EIO;
        }
}
