/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	uapi/blkrepl.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_BLKREPL_GEN_H
#define _LINUX_BLKREPL_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include "../uapi/linux/blkrepl.h"

/* Common nested types */
extern const struct nla_policy blkrepl_device_nl_policy[BLKREPL_A_DEVICE_PATH + 1];

extern const struct nla_policy blkrepl_group_new_nl_policy[BLKREPL_A_GROUP_MEMBER + 1];

extern const struct nla_policy blkrepl_group_del_nl_policy[BLKREPL_A_GROUP_FORCE + 1];

extern const struct nla_policy blkrepl_group_get_nl_policy[BLKREPL_A_GROUP_UUID + 1];

extern const struct nla_policy blkrepl_member_get_nl_policy[BLKREPL_A_MEMBER_INDEX + 1];

extern const struct nla_policy blkrepl_member_resize_nl_policy[BLKREPL_A_MEMBER_INDEX + 1];

extern const struct nla_policy blkrepl_relationship_new_nl_policy[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE + 1];

extern const struct nla_policy blkrepl_relationship_get_nl_policy[BLKREPL_A_RELATIONSHIP_GROUP_UUID + 1];

extern const struct nla_policy blkrepl_relationship_set_nl_policy[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE + 1];

extern const struct nla_policy blkrepl_relationship_connect_nl_policy[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS + 1];

extern const struct nla_policy blkrepl_relationship_disconnect_nl_policy[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS + 1];

extern const struct nla_policy blkrepl_relationship_op_nl_policy[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS + 1];

extern const struct nla_policy blkrepl_pair_get_nl_policy[BLKREPL_A_PAIR_INDEX + 1];

extern const struct nla_policy blkrepl_member_add_nl_policy[BLKREPL_A_GROUP_MEMBER + 1];

extern const struct nla_policy blkrepl_member_remove_nl_policy[BLKREPL_A_MEMBER_UUID + 1];

extern const struct nla_policy blkrepl_group_rename_nl_policy[BLKREPL_A_GROUP_FORCE + 1];

extern const struct nla_policy blkrepl_member_rename_nl_policy[BLKREPL_A_MEMBER_FORCE + 1];

extern const struct nla_policy blkrepl_pairs_move_nl_policy[BLKREPL_A_GROUP_TO + 1];

/* Ops table for blkrepl */
extern const struct genl_ops blkrepl_nl_ops[17];

int blkrepl_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_group_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int blkrepl_nl_member_get_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_member_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int blkrepl_nl_member_resize_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_relationship_new_doit(struct sk_buff *skb,
				     struct genl_info *info);
int blkrepl_nl_relationship_get_doit(struct sk_buff *skb,
				     struct genl_info *info);
int blkrepl_nl_relationship_get_dumpit(struct sk_buff *skb,
				       struct netlink_callback *cb);
int blkrepl_nl_relationship_set_doit(struct sk_buff *skb,
				     struct genl_info *info);
int blkrepl_nl_relationship_connect_doit(struct sk_buff *skb,
					 struct genl_info *info);
int blkrepl_nl_relationship_disconnect_doit(struct sk_buff *skb,
					    struct genl_info *info);
int blkrepl_nl_relationship_op_doit(struct sk_buff *skb,
				    struct genl_info *info);
int blkrepl_nl_pair_get_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_pair_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int blkrepl_nl_member_add_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_member_remove_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_group_rename_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_member_rename_doit(struct sk_buff *skb, struct genl_info *info);
int blkrepl_nl_pairs_move_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	BLKREPL_NLGRP_STATE,
	BLKREPL_NLGRP_PROGRESS,
	BLKREPL_NLGRP_ALERT,
};

#endif /* _LINUX_BLKREPL_GEN_H */
