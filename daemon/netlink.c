/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libnl folds most error numbers into "unspecific failure" and knows no
 * extended acknowledgements in the version we use. Both are taken from the
 * error message itself, in a callback of our own.
 */
#include <stdio.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "netlink.h"

#define SOCKET_BUFFER (1024 * 1024)

struct netlink {
        struct nl_sock *socket;
        int family;
};

struct call {
        const struct netlink_request *request;
        struct netlink_fault *fault;
        bool done;
        int result;
};

static int errno_from_nl(int r)
{
        switch (-r) {
        case NLE_NOMEM:
                return -ENOMEM;
        case NLE_AGAIN:
                return -EAGAIN;
        case NLE_INTR:
                return -EINTR;
        case NLE_PERM:
        case NLE_NOACCESS:
                return -EPERM;
        case NLE_OBJ_NOTFOUND:
                return -ENOENT;
        case NLE_MSG_TRUNC:
        case NLE_MSGSIZE:
                return -EMSGSIZE;
        default:
                return -EIO;
        }
}

int netlink_open(struct netlink **ret)
{
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        int on = 1, r;

        nl = calloc(1, sizeof(*nl));
        if (!nl)
                return -ENOMEM;
        nl->socket = nl_socket_alloc();
        if (!nl->socket)
                return -ENOMEM;
        r = genl_connect(nl->socket);
        if (r < 0)
                return errno_from_nl(r);
        nl_socket_set_buffer_size(nl->socket, SOCKET_BUFFER, SOCKET_BUFFER);
        if (setsockopt(nl_socket_get_fd(nl->socket), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) < 0)
                return -errno;

        nl->family = genl_ctrl_resolve(nl->socket, BLKREPL_FAMILY_NAME);
        if (nl->family == -NLE_OBJ_NOTFOUND)
                return -EPROTONOSUPPORT;
        if (nl->family < 0)
                return errno_from_nl(nl->family);

        *ret = TAKE_PTR(nl);
        return 0;
}

struct netlink *netlink_close(struct netlink *nl)
{
        if (nl) {
                nl_socket_free(nl->socket);
                free(nl);
        }
        return NULL;
}

/* The sentence and the attribute, when the kernel sent them along with an error. */
static void read_extack(const struct nlmsghdr *hdr, size_t skip, const struct netlink_request *q, struct netlink_fault *fault)
{
        struct nlattr *a;
        int rest;

        if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || hdr->nlmsg_len < NLMSG_HDRLEN + skip)
                return;

        a = (struct nlattr *)((char *)NLMSG_DATA(hdr) + NLMSG_ALIGN(skip));
        rest = hdr->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(skip);
        for (; nla_ok(a, rest); a = nla_next(a, &rest))
                if (nla_type(a) == NLMSGERR_ATTR_MSG)
                        nla_strlcpy(fault->message, a, sizeof(fault->message));
                else if (nla_type(a) == NLMSGERR_ATTR_MISS_TYPE && nla_len(a) == sizeof(uint32_t) && !*fault->message) {
                        for (size_t i = 0; q->table && i < q->table->n_fields; i++)
                                if (q->table->fields[i].attribute == nla_get_u32(a))
                                        snprintf(fault->message, sizeof(fault->message),
                                                 "The attribute %s is missing.", q->table->fields[i].key);
                        fault->attribute = nla_get_u32(a);
                }
}

/* The attribute that lies at the offset which the kernel complained about. */
static void find_attribute(const struct nlmsghdr *hdr, size_t skip, const struct nlmsghdr *sent, struct netlink_fault *fault)
{
        struct nlattr *a;
        int rest;

        if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || hdr->nlmsg_len < NLMSG_HDRLEN + skip)
                return;

        a = (struct nlattr *)((char *)NLMSG_DATA(hdr) + NLMSG_ALIGN(skip));
        rest = hdr->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(skip);
        for (; nla_ok(a, rest); a = nla_next(a, &rest)) {
                uint32_t offset;

                if (nla_type(a) != NLMSGERR_ATTR_OFFS || nla_len(a) != sizeof(offset))
                        continue;
                offset = nla_get_u32(a);
                if (offset + NLA_HDRLEN <= sent->nlmsg_len)
                        fault->attribute = nla_type((const struct nlattr *)((const char *)sent + offset));
        }
}

static int on_error(_unused_ struct sockaddr_nl *who, struct nlmsgerr *e, void *userdata)
{
        struct call *call = userdata;
        const struct nlmsghdr *hdr = (const struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
        size_t skip = sizeof(*e);

        if (!(hdr->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > NLMSG_HDRLEN) {
                skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
                find_attribute(hdr, skip, &e->msg, call->fault);
        }
        read_extack(hdr, skip, call->request, call->fault);
        call->result = e->error;
        call->done = true;
        return NL_STOP;
}

static int on_ack(struct nl_msg *message, void *userdata)
{
        struct call *call = userdata;
        const struct nlmsghdr *hdr = nlmsg_hdr(message);

        /* A warning may come with success. */
        if (hdr->nlmsg_flags & NLM_F_ACK_TLVS)
                read_extack(hdr, sizeof(struct nlmsgerr), call->request, call->fault);
        call->done = true;
        return NL_STOP;
}

/* The end of a dump carries its result. */
static int on_finish(struct nl_msg *message, void *userdata)
{
        struct call *call = userdata;
        const struct nlmsghdr *hdr = nlmsg_hdr(message);

        if (nlmsg_datalen(hdr) >= (int)sizeof(int)) {
                int error;

                memcpy(&error, nlmsg_data(hdr), sizeof(error));
                if (error < 0) {
                        call->result = error;
                        read_extack(hdr, sizeof(int), call->request, call->fault);
                }
        }
        call->done = true;
        return NL_STOP;
}

static int on_object(struct nl_msg *message, void *userdata)
{
        struct call *call = userdata;
        const struct netlink_request *q = call->request;
        struct genlmsghdr *gh = nlmsg_data(nlmsg_hdr(message));
        _cleanup_free_ void *object = NULL;
        int r;

        if (!q->handler || call->result < 0)
                return NL_OK;

        object = malloc(q->table->size);
        if (!object) {
                call->result = -ENOMEM;
                return NL_OK;
        }
        r = fields_parse(q->table, genlmsg_attrdata(gh, 0), genlmsg_attrlen(gh, 0), object);
        if (r >= 0)
                r = q->handler(object, q->userdata);
        if (r < 0)
                call->result = r;
        return NL_OK;
}

static int build(const struct netlink *nl, const struct netlink_request *q, struct nl_msg **ret)
{
        struct nl_msg *m;
        int r = 0;

        m = nlmsg_alloc_size(2 * sizeof(struct kernel_relationship) + q->n_devices * (sizeof(struct kernel_device) + 64) + 256);
        if (!m)
                return -ENOMEM;
        if (!genlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, q->dump ? NLM_F_DUMP : 0, q->command, BLKREPL_FAMILY_VERSION))
                r = -EMSGSIZE;
        if (r >= 0 && q->object)
                r = fields_put(m, q->table, q->object);
        for (size_t i = 0; r >= 0 && i < q->n_devices; i++) {
                struct nlattr *nest = nla_nest_start(m, q->table->device_attribute | NLA_F_NESTED);

                r = nest ? fields_put(m, &device_table, q->devices + i) : -EMSGSIZE;
                if (r >= 0)
                        nla_nest_end(m, nest);
        }
        if (r < 0) {
                nlmsg_free(m);
                return r;
        }
        *ret = m;
        return 0;
}

static int call_once(struct netlink *nl, const struct netlink_request *q, struct netlink_fault *fault)
{
        struct call call = { .request = q, .fault = fault };
        struct nl_msg *m = NULL;
        struct nl_cb *cb;
        int r;

        *fault = (struct netlink_fault){};
        r = build(nl, q, &m);
        if (r < 0)
                return r;

        cb = nl_cb_alloc(NL_CB_DEFAULT);
        if (!cb) {
                nlmsg_free(m);
                return -ENOMEM;
        }
        nl_cb_err(cb, NL_CB_CUSTOM, on_error, &call);
        nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_object, &call);
        nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &call);
        nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &call);

        r = nl_send_auto(nl->socket, m);
        while (r >= 0 && !call.done) {
                r = nl_recvmsgs(nl->socket, cb);
                if (r == -NLE_DUMP_INTR) {
                        call.result = -EINTR;
                        r = 0;
                }
                if (call.done || r == -NLE_INTR)
                        r = 0;
        }
        nl_cb_put(cb);
        nlmsg_free(m);

        return r < 0 ? errno_from_nl(r) : call.result;
}

/*
 * A dump that the kernel calls inconsistent is answered with -EINTR: its
 * objects have been delivered already, so the caller must start over.
 */
int netlink_call(struct netlink *nl, const struct netlink_request *q, struct netlink_fault *fault)
{
        struct netlink_fault unused;

        if (!fault)
                fault = &unused;
        fault->error = call_once(nl, q, fault);
        if (fault->error < 0 && !*fault->message) {
                errno = -fault->error;
                snprintf(fault->message, sizeof(fault->message), "%m");
        }
        return fault->error;
}
