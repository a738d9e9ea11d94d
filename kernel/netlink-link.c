// SPDX-License-Identifier: GPL-2.0
/* The commands of uapi/blkrepl.yaml that are about relationships and pairs. */
#include <linux/slab.h>

#include "netlink.h"

#define MIN_TIMEOUT_MS	100
#define MAX_RPO_S	2592000
#define MAX_TIMEOUT_MS	600000
#define DEFAULT_LEG_MS	10000
#define DEFAULT_YIELD	(64ULL << 20)
#define DEFAULT_BEAT_MS	1000

/* The group with the half of the relationship that two attributes name, locked. */
static struct blkrepl_group *lock_half(struct genl_info *info, struct nlattr *a,
				       struct nlattr *group, int *r)
{
	struct blkrepl_group *g;

	if (!a) {
		*r = blkrepl_nl_missing(info, "uuid");
		return NULL;
	}
	g = blkrepl_group_find_link(nla_data(a), group ? nla_data(group) : NULL);
	if (IS_ERR(g)) {
		NL_SET_ERR_MSG_ATTR(info->extack, a, "both sides of the relationship are up; name the group that is meant");
		*r = PTR_ERR(g);
		return NULL;
	}
	if (g) {
		mutex_lock(&g->conf);
		if (g->up && !g->dying && g->link &&
		    blkrepl_uuid_equal(g->link->uuid, nla_data(a)))
			return g;
		blkrepl_nl_unlock_group(g);
	}
	NL_SET_ERR_MSG_ATTR(info->extack, a, "no relationship of that UUID is up");
	*r = -ENOENT;
	return NULL;
}

static struct blkrepl_group *lock_link(struct genl_info *info, int *r)
{
	return lock_half(info, info->attrs[BLKREPL_A_RELATIONSHIP_UUID],
			 info->attrs[BLKREPL_A_RELATIONSHIP_GROUP_UUID], r);
}

static int get_timeout(struct genl_info *info, unsigned int *ms)
{
	struct nlattr *a = info->attrs[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS];

	*ms = a ? nla_get_u32(a) : BLKREPL_HOLD_MS;
	if (*ms >= MIN_TIMEOUT_MS && *ms <= MAX_TIMEOUT_MS)
		return 0;
	return blkrepl_nl_wrong(info, BLKREPL_A_RELATIONSHIP_TIMEOUT_MS, "the timeout must be 100 to 600000 ms");
}

static int check_settings(struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	u32 ms;

	if (a[BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS]) {
		ms = nla_get_u32(a[BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS]);
		if (ms < MIN_TIMEOUT_MS || ms > MAX_TIMEOUT_MS)
			return blkrepl_nl_wrong(info, BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS,
				     "the deadline of a leg must be 100 to 600000 ms");
	}
	if (a[BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS]) {
		ms = nla_get_u32(a[BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS]);
		if (ms && (ms < 1000 || ms > MAX_TIMEOUT_MS))
			return blkrepl_nl_wrong(info, BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS,
				     "the heartbeat must be 1000 to 600000 ms, or 0 for none");
	}
	if (a[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE] &&
	    nla_get_u32(a[BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE]) > MAX_RPO_S)
		return blkrepl_nl_wrong(info, BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE,
			     "the recovery-point objective must be 0 (none) to 2592000 s");
	return 0;
}

static u64 get_u64(struct genl_info *info, int attr, u64 otherwise)
{
	return info->attrs[attr] ? nla_get_u64(info->attrs[attr]) : otherwise;
}

static u32 get_u32(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

static bool get_bool(struct genl_info *info, int attr, bool otherwise)
{
	return info->attrs[attr] ? nla_get_u8(info->attrs[attr]) : otherwise;
}

static int parse_link(struct genl_info *info, struct blkrepl_link_param *p)
{
	struct nlattr **a = info->attrs;
	int r;

	if (!a[BLKREPL_A_RELATIONSHIP_UUID] || !a[BLKREPL_A_RELATIONSHIP_NAME] ||
	    !a[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_UUID] ||
	    !a[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_NAME] ||
	    !a[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH])
		return blkrepl_nl_missing(info, "uuid, name, target-group-uuid, target-group-name or target-log-path");
	p->uuid = nla_data(a[BLKREPL_A_RELATIONSHIP_UUID]);
	p->name = nla_data(a[BLKREPL_A_RELATIONSHIP_NAME]);
	p->peer_uuid = nla_data(a[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_UUID]);
	p->peer_name = nla_data(a[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_NAME]);
	p->log_path = nla_data(a[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH]);
	if (blkrepl_uuid_is_null(p->uuid) || blkrepl_uuid_is_null(p->peer_uuid))
		return blkrepl_nl_missing(info, "uuid (it is all zero)");
	r = blkrepl_nl_check_name(info, p->name) ?: blkrepl_nl_check_name(info, p->peer_name);
	r = r ?: check_settings(info);
	if (r)
		return r;
	p->force = a[BLKREPL_A_RELATIONSHIP_FORCE];
	p->seeded = a[BLKREPL_A_RELATIONSHIP_SEEDED];
	p->inactive = a[BLKREPL_A_RELATIONSHIP_INACTIVE];
	p->sync_type = a[BLKREPL_A_RELATIONSHIP_SYNC_TYPE] ?
		       nla_get_u16(a[BLKREPL_A_RELATIONSHIP_SYNC_TYPE]) : BLKREPL_SYNC_MIRROR;
	p->mode = a[BLKREPL_A_RELATIONSHIP_MODE] ?
		  nla_get_u16(a[BLKREPL_A_RELATIONSHIP_MODE]) : BLKREPL_MODE_SYNCHRONOUS;
	if (p->sync_type != BLKREPL_SYNC_MIRROR ||
	    (p->mode != BLKREPL_MODE_SYNCHRONOUS && p->mode != BLKREPL_MODE_ASYNCHRONOUS)) {
		NL_SET_ERR_MSG(info->extack, "this version offers synchronous and asynchronous mirrors only");
		return -EOPNOTSUPP;
	}
	p->rate_limit = get_u64(info, BLKREPL_A_RELATIONSHIP_RATE_LIMIT, 0);
	p->yield_rate = get_u64(info, BLKREPL_A_RELATIONSHIP_YIELD_RATE, DEFAULT_YIELD);
	p->leg_timeout_ms = get_u32(info, BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS, DEFAULT_LEG_MS);
	p->rpo_s = get_u32(info, BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE, 0);
	p->heartbeat_ms = get_u32(info, BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS, DEFAULT_BEAT_MS);
	p->manual_recovery = get_bool(info, BLKREPL_A_RELATIONSHIP_RECOVERY_MODE, false);
	p->hold_on_failure = get_bool(info, BLKREPL_A_RELATIONSHIP_HOLD_ON_FAILURE, false);
	p->consistency = get_bool(info, BLKREPL_A_RELATIONSHIP_CONSISTENCY_ENABLED, true);
	return blkrepl_nl_parse_devices(info, BLKREPL_A_RELATIONSHIP_PAIR, true, true, &p->dev, &p->nr_devs);
}

int blkrepl_nl_relationship_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_link_param p = { };
	struct blkrepl_group *g;
	int r;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	r = parse_link(info, &p);
	if (r)
		return r;
	g = blkrepl_nl_lock_group(info, BLKREPL_A_RELATIONSHIP_GROUP_UUID, &r);
	if (g) {
		r = blkrepl_link_new(g, &p, info->extack);
		blkrepl_nl_unlock_group(g);
	}
	kfree(p.dev);
	return r;
}

int blkrepl_nl_relationship_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *g;
	struct sk_buff *reply;
	void *hdr;
	int r;

	g = lock_link(info, &r);
	if (!g)
		return r;
	r = -ENOMEM;
	reply = blkrepl_nl_new_reply(info, BLKREPL_CMD_RELATIONSHIP_GET, &hdr);
	if (reply)
		r = blkrepl_nl_send_reply(reply, info, hdr,
			       blkrepl_fill_link(reply, g->link, U32_MAX, blkrepl_event_seq()));
	blkrepl_nl_unlock_group(g);
	return r;
}

static int dump_link(struct sk_buff *skb, struct blkrepl_group *g, unsigned long pos,
		     const u8 *only)
{
	struct blkrepl_link *link = pos ? NULL : blkrepl_link_get(g);
	int r = -ENODATA;

	if (link) {
		r = blkrepl_fill_link(skb, link, U32_MAX, blkrepl_event_seq());
		blkrepl_link_put(link);
	}
	return r;
}

int blkrepl_nl_relationship_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return blkrepl_nl_dump(skb, cb, BLKREPL_CMD_RELATIONSHIP_GET, NULL, dump_link);
}

int blkrepl_nl_relationship_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *expected = info->attrs[BLKREPL_A_RELATIONSHIP_EXPECTED_REVISION];
	struct blkrepl_group *g;
	int r = check_settings(info);

	if (r)
		return r;
	g = lock_link(info, &r);
	if (!g)
		return r;
	if (expected && nla_get_u64(expected) != g->link->revision) {
		NL_SET_ERR_MSG(info->extack,
			       "the relationship has changed since that revision; look at it again");
		r = -ESTALE;
	} else {
		struct blkrepl_link *link = g->link;
		u32 flags = link->flags;
		struct blkrepl_settings s = {
			.rate_limit = get_u64(info, BLKREPL_A_RELATIONSHIP_RATE_LIMIT,
					      link->throttle.limit),
			.yield_rate = get_u64(info, BLKREPL_A_RELATIONSHIP_YIELD_RATE,
					      link->throttle.yield),
			.leg_timeout_ms = get_u32(info, BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS,
						  link->leg_timeout_ms),
			.heartbeat_ms = get_u32(info, BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS,
						link->heartbeat_ms),
			.rpo_s = get_u32(info, BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE,
					 link->rpo_s),
			.manual_recovery = get_bool(info, BLKREPL_A_RELATIONSHIP_RECOVERY_MODE,
						    flags & BLKREPL_LINK_MANUAL_RECOVERY),
			.hold_on_failure = get_bool(info, BLKREPL_A_RELATIONSHIP_HOLD_ON_FAILURE,
						    flags & BLKREPL_LINK_HOLD_ON_FAILURE),
		};

		r = blkrepl_link_set(link, &s);
		if (r == -ETIMEDOUT || r == -EAGAIN)
			NL_SET_ERR_MSG(info->extack, "the target did not catch up in time; nothing was changed");
		else if (r)
			NL_SET_ERR_MSG(info->extack, "the source's log volume cannot be written");
	}
	blkrepl_nl_unlock_group(g);
	return r;
}

int blkrepl_nl_relationship_connect_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_device *dev;
	struct blkrepl_group *g;
	unsigned int nr, ms;
	int r;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!info->attrs[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH])
		return blkrepl_nl_missing(info, "target-log-path");
	r = get_timeout(info, &ms);
	if (r)
		return r;
	r = blkrepl_nl_parse_devices(info, BLKREPL_A_RELATIONSHIP_PAIR, false, true, &dev, &nr);
	if (r)
		return r;
	g = lock_link(info, &r);
	if (g) {
		r = blkrepl_link_connect(g->link,
					 nla_data(info->attrs[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH]),
					 dev, nr, info->attrs[BLKREPL_A_RELATIONSHIP_INACTIVE],
					 ms, info->extack);
		blkrepl_nl_unlock_group(g);
	}
	kfree(dev);
	return r;
}

int blkrepl_nl_relationship_disconnect_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *g;
	unsigned int ms;
	int r;

	r = get_timeout(info, &ms);
	if (r)
		return r;
	g = lock_link(info, &r);
	if (g) {
		r = blkrepl_link_disconnect(g->link, ms, info->extack);
		blkrepl_nl_unlock_group(g);
	}
	return r;
}

int blkrepl_nl_relationship_op_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct blkrepl_op_param p = {
		.force = a[BLKREPL_A_RELATIONSHIP_FORCE],
		.hold_io = a[BLKREPL_A_RELATIONSHIP_HOLD_SOURCE_IO],
		.put_back = a[BLKREPL_A_RELATIONSHIP_PUT_BACK],
		.revision = get_u64(info, BLKREPL_A_RELATIONSHIP_EXPECTED_REVISION, 0),
	};
	struct blkrepl_group *g;
	int r;

	if (!a[BLKREPL_A_RELATIONSHIP_OPERATION])
		return blkrepl_nl_missing(info, "operation");
	p.op = nla_get_u16(a[BLKREPL_A_RELATIONSHIP_OPERATION]);
	if (a[BLKREPL_A_RELATIONSHIP_ROLE])
		p.role = nla_get_u8(a[BLKREPL_A_RELATIONSHIP_ROLE]);
	r = get_timeout(info, &p.timeout_ms);
	if (r)
		return r;
	g = lock_link(info, &r);
	if (g) {
		r = blkrepl_link_op(g, &p, info->extack);
		blkrepl_nl_unlock_group(g);
	}
	return r;
}

int blkrepl_nl_pair_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *a = info->attrs[BLKREPL_A_PAIR_RELATIONSHIP_UUID];
	struct blkrepl_group *g;
	struct blkrepl_vol *vol;
	struct sk_buff *reply;
	void *hdr;
	int r;

	if (!a)
		return blkrepl_nl_missing(info, "relationship-uuid");
	g = lock_half(info, a, info->attrs[BLKREPL_A_PAIR_GROUP_UUID], &r);
	if (!g)
		return r;
	vol = blkrepl_nl_find_vol(info, g, BLKREPL_A_PAIR_INDEX, &r);
	if (vol) {
		r = -ENOMEM;
		reply = blkrepl_nl_new_reply(info, BLKREPL_CMD_PAIR_GET, &hdr);
		if (reply)
			r = blkrepl_nl_send_reply(reply, info, hdr, blkrepl_fill_pair(reply, vol->pair));
	}
	blkrepl_nl_unlock_group(g);
	return r;
}

static int dump_pair(struct sk_buff *skb, struct blkrepl_group *g, unsigned long pos,
		     const u8 *only)
{
	struct blkrepl_link *link = blkrepl_link_get(g);
	int r = -ENODATA;

	if (!link)
		return r;
	if (pos < link->nr_pairs && (!only || blkrepl_uuid_equal(only, link->uuid)))
		r = blkrepl_fill_pair(skb, &link->pair[pos]);
	blkrepl_link_put(link);
	return r;
}

int blkrepl_nl_pair_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return blkrepl_nl_dump(skb, cb, BLKREPL_CMD_PAIR_GET,
		    blkrepl_nl_dump_filter(cb, BLKREPL_A_PAIR_RELATIONSHIP_UUID), dump_pair);
}
