/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands share. */
#ifndef BLKREPL_NETLINK_H
#define BLKREPL_NETLINK_H

#include <net/genetlink.h>

#include "blkrepl.h"
#include "netlink-gen.h"

#define blkrepl_nl_missing(info, what) ({				\
	NL_SET_ERR_MSG((info)->extack, "the attribute " what " is missing");	\
	-EINVAL;							\
})

#define blkrepl_nl_wrong(info, attr, why) ({				\
	NL_SET_ERR_MSG_ATTR((info)->extack, (info)->attrs[attr], why);	\
	-ERANGE;							\
})

int blkrepl_nl_check_name(struct genl_info *info, const char *name);
int blkrepl_nl_parse_devices(struct genl_info *info, int attr, bool identity, bool none,
			     struct blkrepl_device **ret, unsigned int *nr);
struct blkrepl_group *blkrepl_nl_lock_group(struct genl_info *info, int attr, int *r);
void blkrepl_nl_unlock_group(struct blkrepl_group *g);
struct blkrepl_vol *blkrepl_nl_find_vol(struct genl_info *info, struct blkrepl_group *g,
					int attr, int *r);
struct sk_buff *blkrepl_nl_new_reply(struct genl_info *info, u8 cmd, void **hdr);
int blkrepl_nl_send_reply(struct sk_buff *skb, struct genl_info *info, void *hdr, int r);
int blkrepl_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, const u8 *only,
		    int (*one)(struct sk_buff *skb, struct blkrepl_group *g, unsigned long pos,
			       const u8 *only));
const u8 *blkrepl_nl_dump_filter(struct netlink_callback *cb, int attr);

#endif
