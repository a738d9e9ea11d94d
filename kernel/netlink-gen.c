// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	uapi/blkrepl.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include "../uapi/linux/blkrepl.h"

/* Common nested types */
const struct nla_policy blkrepl_device_nl_policy[BLKREPL_A_DEVICE_PATH + 1] = {
	[BLKREPL_A_DEVICE_INDEX] = { .type = NLA_U16, },
	[BLKREPL_A_DEVICE_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_DEVICE_NAME] = { .type = NLA_NUL_STRING, .len = BLKREPL_NAME_MAX, },
	[BLKREPL_A_DEVICE_PATH] = { .type = NLA_NUL_STRING, .len = BLKREPL_PATH_MAX, },
};

/* BLKREPL_CMD_GROUP_NEW - do */
const struct nla_policy blkrepl_group_new_nl_policy[BLKREPL_A_GROUP_MEMBER + 1] = {
	[BLKREPL_A_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = BLKREPL_NAME_MAX, },
	[BLKREPL_A_GROUP_LOG_PATH] = { .type = NLA_NUL_STRING, .len = BLKREPL_PATH_MAX, },
	[BLKREPL_A_GROUP_CREATE] = { .type = NLA_FLAG, },
	[BLKREPL_A_GROUP_FORCE] = { .type = NLA_FLAG, },
	[BLKREPL_A_GROUP_FORGET] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_GROUP_TAKE_OVER] = { .type = NLA_FLAG, },
	[BLKREPL_A_GROUP_MEMBER] = NLA_POLICY_NESTED(blkrepl_device_nl_policy),
};

/* BLKREPL_CMD_GROUP_DEL - do */
const struct nla_policy blkrepl_group_del_nl_policy[BLKREPL_A_GROUP_FORCE + 1] = {
	[BLKREPL_A_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_GROUP_FORCE] = { .type = NLA_FLAG, },
};

/* BLKREPL_CMD_GROUP_GET - do */
const struct nla_policy blkrepl_group_get_nl_policy[BLKREPL_A_GROUP_UUID + 1] = {
	[BLKREPL_A_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
};

/* BLKREPL_CMD_MEMBER_GET - do */
const struct nla_policy blkrepl_member_get_nl_policy[BLKREPL_A_MEMBER_INDEX + 1] = {
	[BLKREPL_A_MEMBER_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_MEMBER_INDEX] = { .type = NLA_U16, },
};

/* BLKREPL_CMD_MEMBER_RESIZE - do */
const struct nla_policy blkrepl_member_resize_nl_policy[BLKREPL_A_MEMBER_INDEX + 1] = {
	[BLKREPL_A_MEMBER_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_MEMBER_INDEX] = { .type = NLA_U16, },
};

/* BLKREPL_CMD_RELATIONSHIP_NEW - do */
const struct nla_policy blkrepl_relationship_new_nl_policy[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE + 1] = {
	[BLKREPL_A_RELATIONSHIP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_NAME] = { .type = NLA_NUL_STRING, .len = BLKREPL_NAME_MAX, },
	[BLKREPL_A_RELATIONSHIP_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = BLKREPL_NAME_MAX, },
	[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH] = { .type = NLA_NUL_STRING, .len = BLKREPL_PATH_MAX, },
	[BLKREPL_A_RELATIONSHIP_PAIR] = NLA_POLICY_NESTED(blkrepl_device_nl_policy),
	[BLKREPL_A_RELATIONSHIP_FORCE] = { .type = NLA_FLAG, },
	[BLKREPL_A_RELATIONSHIP_SEEDED] = { .type = NLA_FLAG, },
	[BLKREPL_A_RELATIONSHIP_INACTIVE] = { .type = NLA_FLAG, },
	[BLKREPL_A_RELATIONSHIP_SYNC_TYPE] = { .type = NLA_U16, },
	[BLKREPL_A_RELATIONSHIP_MODE] = { .type = NLA_U16, },
	[BLKREPL_A_RELATIONSHIP_RATE_LIMIT] = { .type = NLA_U64, },
	[BLKREPL_A_RELATIONSHIP_YIELD_RATE] = { .type = NLA_U64, },
	[BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS] = { .type = NLA_U32, },
	[BLKREPL_A_RELATIONSHIP_RECOVERY_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
	[BLKREPL_A_RELATIONSHIP_HOLD_ON_FAILURE] = { .type = NLA_U8, },
	[BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS] = { .type = NLA_U32, },
	[BLKREPL_A_RELATIONSHIP_CONSISTENCY_ENABLED] = { .type = NLA_U8, },
	[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE] = { .type = NLA_U32, },
};

/* BLKREPL_CMD_RELATIONSHIP_GET - do */
const struct nla_policy blkrepl_relationship_get_nl_policy[BLKREPL_A_RELATIONSHIP_GROUP_UUID + 1] = {
	[BLKREPL_A_RELATIONSHIP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
};

/* BLKREPL_CMD_RELATIONSHIP_SET - do */
const struct nla_policy blkrepl_relationship_set_nl_policy[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE + 1] = {
	[BLKREPL_A_RELATIONSHIP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_EXPECTED_REVISION] = { .type = NLA_U64, },
	[BLKREPL_A_RELATIONSHIP_RATE_LIMIT] = { .type = NLA_U64, },
	[BLKREPL_A_RELATIONSHIP_YIELD_RATE] = { .type = NLA_U64, },
	[BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS] = { .type = NLA_U32, },
	[BLKREPL_A_RELATIONSHIP_RECOVERY_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
	[BLKREPL_A_RELATIONSHIP_HOLD_ON_FAILURE] = { .type = NLA_U8, },
	[BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS] = { .type = NLA_U32, },
	[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE] = { .type = NLA_U32, },
};

/* BLKREPL_CMD_RELATIONSHIP_CONNECT - do */
const struct nla_policy blkrepl_relationship_connect_nl_policy[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS + 1] = {
	[BLKREPL_A_RELATIONSHIP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH] = { .type = NLA_NUL_STRING, .len = BLKREPL_PATH_MAX, },
	[BLKREPL_A_RELATIONSHIP_PAIR] = NLA_POLICY_NESTED(blkrepl_device_nl_policy),
	[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS] = { .type = NLA_U32, },
	[BLKREPL_A_RELATIONSHIP_INACTIVE] = { .type = NLA_FLAG, },
};

/* BLKREPL_CMD_RELATIONSHIP_DISCONNECT - do */
const struct nla_policy blkrepl_relationship_disconnect_nl_policy[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS + 1] = {
	[BLKREPL_A_RELATIONSHIP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS] = { .type = NLA_U32, },
};

/* BLKREPL_CMD_RELATIONSHIP_OP - do */
const struct nla_policy blkrepl_relationship_op_nl_policy[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS + 1] = {
	[BLKREPL_A_RELATIONSHIP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_RELATIONSHIP_OPERATION] = NLA_POLICY_RANGE(NLA_U16, 2, 23),
	[BLKREPL_A_RELATIONSHIP_FORCE] = { .type = NLA_FLAG, },
	[BLKREPL_A_RELATIONSHIP_EXPECTED_REVISION] = { .type = NLA_U64, },
	[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS] = { .type = NLA_U32, },
	[BLKREPL_A_RELATIONSHIP_ROLE] = NLA_POLICY_RANGE(NLA_U8, 1, 2),
	[BLKREPL_A_RELATIONSHIP_HOLD_SOURCE_IO] = { .type = NLA_FLAG, },
	[BLKREPL_A_RELATIONSHIP_PUT_BACK] = { .type = NLA_FLAG, },
};

/* BLKREPL_CMD_PAIR_GET - do */
const struct nla_policy blkrepl_pair_get_nl_policy[BLKREPL_A_PAIR_INDEX + 1] = {
	[BLKREPL_A_PAIR_RELATIONSHIP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_PAIR_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_PAIR_INDEX] = { .type = NLA_U16, },
};

/* BLKREPL_CMD_MEMBER_ADD - do */
const struct nla_policy blkrepl_member_add_nl_policy[BLKREPL_A_GROUP_MEMBER + 1] = {
	[BLKREPL_A_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_GROUP_MEMBER] = NLA_POLICY_NESTED(blkrepl_device_nl_policy),
};

/* BLKREPL_CMD_MEMBER_REMOVE - do */
const struct nla_policy blkrepl_member_remove_nl_policy[BLKREPL_A_MEMBER_UUID + 1] = {
	[BLKREPL_A_MEMBER_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_MEMBER_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
};

/* BLKREPL_CMD_GROUP_RENAME - do */
const struct nla_policy blkrepl_group_rename_nl_policy[BLKREPL_A_GROUP_FORCE + 1] = {
	[BLKREPL_A_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_GROUP_NAME] = { .type = NLA_NUL_STRING, .len = BLKREPL_NAME_MAX, },
	[BLKREPL_A_GROUP_FORCE] = { .type = NLA_FLAG, },
};

/* BLKREPL_CMD_MEMBER_RENAME - do */
const struct nla_policy blkrepl_member_rename_nl_policy[BLKREPL_A_MEMBER_FORCE + 1] = {
	[BLKREPL_A_MEMBER_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_MEMBER_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_MEMBER_NAME] = { .type = NLA_NUL_STRING, .len = BLKREPL_NAME_MAX, },
	[BLKREPL_A_MEMBER_FORCE] = { .type = NLA_FLAG, },
};

/* BLKREPL_CMD_PAIRS_MOVE - do */
const struct nla_policy blkrepl_pairs_move_nl_policy[BLKREPL_A_GROUP_TO + 1] = {
	[BLKREPL_A_GROUP_UUID] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
	[BLKREPL_A_GROUP_MEMBER] = NLA_POLICY_NESTED(blkrepl_device_nl_policy),
	[BLKREPL_A_GROUP_TO] = NLA_POLICY_EXACT_LEN(BLKREPL_UUID_LEN),
};

/* Ops table for blkrepl */
const struct genl_ops blkrepl_nl_ops[17] = {
	{
		.cmd		= BLKREPL_CMD_GROUP_NEW,
		.doit		= blkrepl_nl_group_new_doit,
		.policy		= blkrepl_group_new_nl_policy,
		.maxattr	= BLKREPL_A_GROUP_MEMBER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_GROUP_DEL,
		.doit		= blkrepl_nl_group_del_doit,
		.policy		= blkrepl_group_del_nl_policy,
		.maxattr	= BLKREPL_A_GROUP_FORCE,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_GROUP_GET,
		.doit		= blkrepl_nl_group_get_doit,
		.dumpit		= blkrepl_nl_group_get_dumpit,
		.policy		= blkrepl_group_get_nl_policy,
		.maxattr	= BLKREPL_A_GROUP_UUID,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_MEMBER_GET,
		.doit		= blkrepl_nl_member_get_doit,
		.dumpit		= blkrepl_nl_member_get_dumpit,
		.policy		= blkrepl_member_get_nl_policy,
		.maxattr	= BLKREPL_A_MEMBER_INDEX,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_MEMBER_RESIZE,
		.doit		= blkrepl_nl_member_resize_doit,
		.policy		= blkrepl_member_resize_nl_policy,
		.maxattr	= BLKREPL_A_MEMBER_INDEX,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_RELATIONSHIP_NEW,
		.doit		= blkrepl_nl_relationship_new_doit,
		.policy		= blkrepl_relationship_new_nl_policy,
		.maxattr	= BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_RELATIONSHIP_GET,
		.doit		= blkrepl_nl_relationship_get_doit,
		.dumpit		= blkrepl_nl_relationship_get_dumpit,
		.policy		= blkrepl_relationship_get_nl_policy,
		.maxattr	= BLKREPL_A_RELATIONSHIP_GROUP_UUID,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_RELATIONSHIP_SET,
		.doit		= blkrepl_nl_relationship_set_doit,
		.policy		= blkrepl_relationship_set_nl_policy,
		.maxattr	= BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_RELATIONSHIP_CONNECT,
		.doit		= blkrepl_nl_relationship_connect_doit,
		.policy		= blkrepl_relationship_connect_nl_policy,
		.maxattr	= BLKREPL_A_RELATIONSHIP_TIMEOUT_MS,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_RELATIONSHIP_DISCONNECT,
		.doit		= blkrepl_nl_relationship_disconnect_doit,
		.policy		= blkrepl_relationship_disconnect_nl_policy,
		.maxattr	= BLKREPL_A_RELATIONSHIP_TIMEOUT_MS,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_RELATIONSHIP_OP,
		.doit		= blkrepl_nl_relationship_op_doit,
		.policy		= blkrepl_relationship_op_nl_policy,
		.maxattr	= BLKREPL_A_RELATIONSHIP_TIMEOUT_MS,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_PAIR_GET,
		.doit		= blkrepl_nl_pair_get_doit,
		.dumpit		= blkrepl_nl_pair_get_dumpit,
		.policy		= blkrepl_pair_get_nl_policy,
		.maxattr	= BLKREPL_A_PAIR_INDEX,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_MEMBER_ADD,
		.doit		= blkrepl_nl_member_add_doit,
		.policy		= blkrepl_member_add_nl_policy,
		.maxattr	= BLKREPL_A_GROUP_MEMBER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_MEMBER_REMOVE,
		.doit		= blkrepl_nl_member_remove_doit,
		.policy		= blkrepl_member_remove_nl_policy,
		.maxattr	= BLKREPL_A_MEMBER_UUID,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_GROUP_RENAME,
		.doit		= blkrepl_nl_group_rename_doit,
		.policy		= blkrepl_group_rename_nl_policy,
		.maxattr	= BLKREPL_A_GROUP_FORCE,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_MEMBER_RENAME,
		.doit		= blkrepl_nl_member_rename_doit,
		.policy		= blkrepl_member_rename_nl_policy,
		.maxattr	= BLKREPL_A_MEMBER_FORCE,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= BLKREPL_CMD_PAIRS_MOVE,
		.doit		= blkrepl_nl_pairs_move_doit,
		.policy		= blkrepl_pairs_move_nl_policy,
		.maxattr	= BLKREPL_A_GROUP_TO,
		.flags		= GENL_ADMIN_PERM,
	},
};

