// SPDX-License-Identifier: GPL-2.0
/* The commands of uapi/blkrepl.yaml. Policies and the table are generated. */
#include <linux/slab.h>
#include <net/genetlink.h>

#include "blkrepl.h"
#include "netlink-gen.h"

#define MIN_TIMEOUT_MS	100
#define MAX_TIMEOUT_MS	600000
#define DEFAULT_LEG_MS	10000
#define DEFAULT_YIELD	(64ULL << 20)
#define DEFAULT_BEAT_MS	1000

#define missing(info, what) ({						\
	NL_SET_ERR_MSG((info)->extack, "the attribute " what " is missing");	\
	-EINVAL;							\
})

#define wrong(info, attr, why) ({					\
	NL_SET_ERR_MSG_ATTR((info)->extack, (info)->attrs[attr], why);	\
	-ERANGE;							\
})

static int check_name(struct genl_info *info, const char *name)
{
	if (blkrepl_name_valid(name))
		return 0;
	NL_SET_ERR_MSG(info->extack,
		       "a name has letters, digits and _+.- and does not begin with a dot or hyphen");
	return -EINVAL;
}

/* A device nest; everything but the index may be optional. */
static int parse_device(struct genl_info *info, const struct nlattr *nest, bool identity,
			struct blkrepl_device *d)
{
	struct nlattr *tb[BLKREPL_A_DEVICE_PATH + 1];
	int r = nla_parse_nested(tb, BLKREPL_A_DEVICE_PATH, nest, blkrepl_device_nl_policy,
				 info->extack);

	if (r)
		return r;
	if (!tb[BLKREPL_A_DEVICE_INDEX] || !tb[BLKREPL_A_DEVICE_PATH])
		return missing(info, "index or path of a device");
	d->index = nla_get_u16(tb[BLKREPL_A_DEVICE_INDEX]);
	d->path = nla_data(tb[BLKREPL_A_DEVICE_PATH]);
	if (!identity)
		return 0;
	if (!tb[BLKREPL_A_DEVICE_UUID] || !tb[BLKREPL_A_DEVICE_NAME])
		return missing(info, "uuid or name of a device");
	d->uuid = nla_data(tb[BLKREPL_A_DEVICE_UUID]);
	d->name = nla_data(tb[BLKREPL_A_DEVICE_NAME]);
	return check_name(info, d->name);
}

static int parse_devices(struct genl_info *info, int attr, bool identity,
			 struct blkrepl_device **ret, unsigned int *nr)
{
	struct blkrepl_device *dev;
	struct nlattr *a;
	unsigned int n = 0;
	int rem, r = 0;

	dev = kcalloc(BLKREPL_MAX_MEMBERS, sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	nlmsg_for_each_attr(a, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(a) != attr)
			continue;
		if (n == BLKREPL_MAX_MEMBERS) {
			NL_SET_ERR_MSG_ATTR(info->extack, a, "a group has at most 128 members");
			r = -ERANGE;
			break;
		}
		r = parse_device(info, a, identity, &dev[n++]);
		if (r)
			break;
	}
	if (!r && !n)
		r = missing(info, "for the devices");
	if (r) {
		kfree(dev);
		return r;
	}
	*ret = dev;
	*nr = n;
	return 0;
}

int blkrepl_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct blkrepl_group_param p = {
		.create = a[BLKREPL_A_GROUP_CREATE],
		.force = a[BLKREPL_A_GROUP_FORCE],
		.take_over = a[BLKREPL_A_GROUP_TAKE_OVER],
		.forget = a[BLKREPL_A_GROUP_FORGET] ? nla_data(a[BLKREPL_A_GROUP_FORGET]) : NULL,
	};
	int r;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!a[BLKREPL_A_GROUP_UUID])
		return missing(info, "uuid");
	if (!a[BLKREPL_A_GROUP_NAME])
		return missing(info, "name");
	if (!a[BLKREPL_A_GROUP_LOG_PATH])
		return missing(info, "log-path");
	p.uuid = nla_data(a[BLKREPL_A_GROUP_UUID]);
	p.name = nla_data(a[BLKREPL_A_GROUP_NAME]);
	p.log_path = nla_data(a[BLKREPL_A_GROUP_LOG_PATH]);
	if (blkrepl_uuid_is_null(p.uuid))
		return missing(info, "uuid (it is all zero)");
	r = check_name(info, p.name);
	if (r)
		return r;
	r = parse_devices(info, BLKREPL_A_GROUP_MEMBER, true, &p.dev, &p.nr_devs);
	if (r)
		return r;
	r = blkrepl_group_new(&p, info->extack);
	kfree(p.dev);
	return r;
}

/* The group that an attribute names, with a reference. */
static struct blkrepl_group *find_group(struct genl_info *info, int attr)
{
	struct blkrepl_group *g;

	if (!info->attrs[attr]) {
		missing(info, "that names the group");
		return ERR_PTR(-EINVAL);
	}
	g = blkrepl_group_find(nla_data(info->attrs[attr]));
	if (g)
		return g;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr], "no group of that UUID is up");
	return ERR_PTR(-ENOENT);
}

/* The same, locked; NULL with the error in *r when it went away meanwhile. */
static struct blkrepl_group *lock_group(struct genl_info *info, int attr, int *r)
{
	struct blkrepl_group *g = find_group(info, attr);

	if (IS_ERR(g)) {
		*r = PTR_ERR(g);
		return NULL;
	}
	mutex_lock(&g->conf);
	if (g->up && !g->dying)
		return g;
	mutex_unlock(&g->conf);
	blkrepl_group_put(g);
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr], "no group of that UUID is up");
	*r = -ENOENT;
	return NULL;
}

static void unlock_group(struct blkrepl_group *g)
{
	mutex_unlock(&g->conf);
	blkrepl_group_put(g);
}

/* The group with the half of the relationship that two attributes name, locked. */
static struct blkrepl_group *lock_half(struct genl_info *info, struct nlattr *a,
				       struct nlattr *group, int *r)
{
	struct blkrepl_group *g;

	if (!a) {
		*r = missing(info, "uuid");
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
		unlock_group(g);
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

int blkrepl_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *g = find_group(info, BLKREPL_A_GROUP_UUID);
	int r;

	if (IS_ERR(g))
		return PTR_ERR(g);
	r = blkrepl_group_del(g, info->attrs[BLKREPL_A_GROUP_FORCE], info->extack);
	blkrepl_group_put(g);
	return r;
}

static struct sk_buff *new_reply(struct genl_info *info, u8 cmd, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &blkrepl_nl_family, 0, cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

static int send_reply(struct sk_buff *skb, struct genl_info *info, void *hdr, int r)
{
	if (r) {
		nlmsg_free(skb);
		return r;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

int blkrepl_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *g;
	struct sk_buff *reply;
	void *hdr;
	int r;

	g = lock_group(info, BLKREPL_A_GROUP_UUID, &r);
	if (!g)
		return r;
	r = -ENOMEM;
	reply = new_reply(info, BLKREPL_CMD_GROUP_GET, &hdr);
	if (reply)
		r = send_reply(reply, info, hdr,
			       blkrepl_fill_group(reply, g, U32_MAX, blkrepl_event_seq()));
	unlock_group(g);
	return r;
}

/* The first group of a higher number that is up, with a reference. */
static struct blkrepl_group *next_group(u64 id)
{
	struct blkrepl_group *g, *found = NULL;

	mutex_lock(&blkrepl_groups_lock);
	list_for_each_entry(g, &blkrepl_groups, node)
		if (g->id >= id && READ_ONCE(g->up) && !READ_ONCE(g->dying)) {
			blkrepl_group_get(g);
			found = g;
			break;
		}
	mutex_unlock(&blkrepl_groups_lock);
	return found;
}

/*
 * A dump goes over all groups in the order of their numbers; @one puts what
 * there is of kind @cmd in group g at position *pos and returns -ENODATA after
 * the last. The cursor is (number of the group, position).
 */
static int dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, const u8 *only,
		int (*one)(struct sk_buff *skb, struct blkrepl_group *g, unsigned long pos,
			   const u8 *only))
{
	struct blkrepl_group *g;
	void *hdr;
	int r;

	while ((g = next_group(cb->args[0]))) {
		if (g->id != cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = g->id;
		for (r = 0; !r; ) {
			hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					  &blkrepl_nl_family, NLM_F_MULTI, cmd);
			if (!hdr) {
				r = -EMSGSIZE;
				break;
			}
			r = one(skb, g, cb->args[1], only);
			if (r) {
				genlmsg_cancel(skb, hdr);
			} else {
				genlmsg_end(skb, hdr);
				cb->args[1]++;
			}
		}
		blkrepl_group_put(g);
		if (r == -EMSGSIZE)
			break;
		cb->args[0]++;
		cb->args[1] = 0;
	}
	return skb->len;
}

static const u8 *dump_filter(struct netlink_callback *cb, int attr)
{
	const struct genl_dumpit_info *info = genl_dumpit_info(cb);
	struct nlattr **attrs = blkrepl_dump_attrs(info);

	return attrs && attrs[attr] ? nla_data(attrs[attr]) : NULL;
}

static int dump_group(struct sk_buff *skb, struct blkrepl_group *g, unsigned long pos,
		      const u8 *only)
{
	return pos ? -ENODATA : blkrepl_fill_group(skb, g, U32_MAX, blkrepl_event_seq());
}

int blkrepl_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, BLKREPL_CMD_GROUP_GET, NULL, dump_group);
}

static int dump_member(struct sk_buff *skb, struct blkrepl_group *g, unsigned long pos,
		       const u8 *only)
{
	struct blkrepl_vol *vol = NULL;
	int r = -ENODATA;

	if (!only || blkrepl_uuid_equal(only, g->uuid))
		vol = blkrepl_vol_get(g, pos);
	if (vol) {
		r = blkrepl_fill_member(skb, vol);
		blkrepl_vol_put(vol);
	}
	return r;
}

int blkrepl_nl_member_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, BLKREPL_CMD_MEMBER_GET,
		    dump_filter(cb, BLKREPL_A_MEMBER_GROUP_UUID), dump_member);
}

/* The member that attribute INDEX names. */
static struct blkrepl_vol *find_vol(struct genl_info *info, struct blkrepl_group *g, int attr,
				    int *r)
{
	if (!info->attrs[attr]) {
		*r = missing(info, "index");
		return NULL;
	}
	if (nla_get_u16(info->attrs[attr]) < g->nr_vols)
		return g->vol[nla_get_u16(info->attrs[attr])];
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr], "the group has no such member");
	*r = -ENOENT;
	return NULL;
}

int blkrepl_nl_member_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *g;
	struct blkrepl_vol *vol;
	struct sk_buff *reply;
	void *hdr;
	int r;

	g = lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	vol = find_vol(info, g, BLKREPL_A_MEMBER_INDEX, &r);
	if (vol) {
		r = -ENOMEM;
		reply = new_reply(info, BLKREPL_CMD_MEMBER_GET, &hdr);
		if (reply)
			r = send_reply(reply, info, hdr, blkrepl_fill_member(reply, vol));
	}
	unlock_group(g);
	return r;
}

int blkrepl_nl_member_resize_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *g;
	struct blkrepl_vol *vol;
	int r;

	g = lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	vol = find_vol(info, g, BLKREPL_A_MEMBER_INDEX, &r);
	if (vol)
		r = blkrepl_vol_resize(vol, info->extack);
	unlock_group(g);
	return r;
}

static int get_timeout(struct genl_info *info, unsigned int *ms)
{
	struct nlattr *a = info->attrs[BLKREPL_A_RELATIONSHIP_TIMEOUT_MS];

	*ms = a ? nla_get_u32(a) : BLKREPL_HOLD_MS;
	if (*ms >= MIN_TIMEOUT_MS && *ms <= MAX_TIMEOUT_MS)
		return 0;
	return wrong(info, BLKREPL_A_RELATIONSHIP_TIMEOUT_MS, "the timeout must be 100 to 600000 ms");
}

static int check_settings(struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	u32 ms;

	if (a[BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS]) {
		ms = nla_get_u32(a[BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS]);
		if (ms < MIN_TIMEOUT_MS || ms > MAX_TIMEOUT_MS)
			return wrong(info, BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS,
				     "the deadline of a leg must be 100 to 600000 ms");
	}
	if (a[BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS]) {
		ms = nla_get_u32(a[BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS]);
		if (ms && (ms < 1000 || ms > MAX_TIMEOUT_MS))
			return wrong(info, BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS,
				     "the heartbeat must be 1000 to 600000 ms, or 0 for none");
	}
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
		return missing(info, "uuid, name, target-group-uuid, target-group-name or target-log-path");
	p->uuid = nla_data(a[BLKREPL_A_RELATIONSHIP_UUID]);
	p->name = nla_data(a[BLKREPL_A_RELATIONSHIP_NAME]);
	p->peer_uuid = nla_data(a[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_UUID]);
	p->peer_name = nla_data(a[BLKREPL_A_RELATIONSHIP_TARGET_GROUP_NAME]);
	p->log_path = nla_data(a[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH]);
	if (blkrepl_uuid_is_null(p->uuid) || blkrepl_uuid_is_null(p->peer_uuid))
		return missing(info, "uuid (it is all zero)");
	r = check_name(info, p->name) ?: check_name(info, p->peer_name);
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
	if (p->sync_type != BLKREPL_SYNC_MIRROR || p->mode != BLKREPL_MODE_SYNCHRONOUS) {
		NL_SET_ERR_MSG(info->extack, "this version offers synchronous mirrors only");
		return -EOPNOTSUPP;
	}
	p->rate_limit = get_u64(info, BLKREPL_A_RELATIONSHIP_RATE_LIMIT, 0);
	p->yield_rate = get_u64(info, BLKREPL_A_RELATIONSHIP_YIELD_RATE, DEFAULT_YIELD);
	p->leg_timeout_ms = get_u32(info, BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS, DEFAULT_LEG_MS);
	p->heartbeat_ms = get_u32(info, BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS, DEFAULT_BEAT_MS);
	p->manual_recovery = get_bool(info, BLKREPL_A_RELATIONSHIP_RECOVERY_MODE, false);
	p->hold_on_failure = get_bool(info, BLKREPL_A_RELATIONSHIP_HOLD_ON_FAILURE, false);
	p->consistency = get_bool(info, BLKREPL_A_RELATIONSHIP_CONSISTENCY_ENABLED, true);
	return parse_devices(info, BLKREPL_A_RELATIONSHIP_PAIR, true, &p->dev, &p->nr_devs);
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
	g = lock_group(info, BLKREPL_A_RELATIONSHIP_GROUP_UUID, &r);
	if (g) {
		r = blkrepl_link_new(g, &p, info->extack);
		unlock_group(g);
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
	reply = new_reply(info, BLKREPL_CMD_RELATIONSHIP_GET, &hdr);
	if (reply)
		r = send_reply(reply, info, hdr,
			       blkrepl_fill_link(reply, g->link, U32_MAX, blkrepl_event_seq()));
	unlock_group(g);
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
	return dump(skb, cb, BLKREPL_CMD_RELATIONSHIP_GET, NULL, dump_link);
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
			.manual_recovery = get_bool(info, BLKREPL_A_RELATIONSHIP_RECOVERY_MODE,
						    flags & BLKREPL_LINK_MANUAL_RECOVERY),
			.hold_on_failure = get_bool(info, BLKREPL_A_RELATIONSHIP_HOLD_ON_FAILURE,
						    flags & BLKREPL_LINK_HOLD_ON_FAILURE),
		};

		r = blkrepl_link_set(link, &s);
		if (r)
			NL_SET_ERR_MSG(info->extack, "the source's log volume cannot be written");
	}
	unlock_group(g);
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
		return missing(info, "target-log-path");
	r = get_timeout(info, &ms);
	if (r)
		return r;
	r = parse_devices(info, BLKREPL_A_RELATIONSHIP_PAIR, false, &dev, &nr);
	if (r)
		return r;
	g = lock_link(info, &r);
	if (g) {
		r = blkrepl_link_connect(g->link,
					 nla_data(info->attrs[BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH]),
					 dev, nr, info->attrs[BLKREPL_A_RELATIONSHIP_INACTIVE],
					 ms, info->extack);
		unlock_group(g);
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
		unlock_group(g);
	}
	return r;
}

int blkrepl_nl_relationship_op_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct blkrepl_op_param p = {
		.force = a[BLKREPL_A_RELATIONSHIP_FORCE],
		.hold_io = a[BLKREPL_A_RELATIONSHIP_HOLD_SOURCE_IO],
		.revision = get_u64(info, BLKREPL_A_RELATIONSHIP_EXPECTED_REVISION, 0),
	};
	struct blkrepl_group *g;
	int r;

	if (!a[BLKREPL_A_RELATIONSHIP_OPERATION])
		return missing(info, "operation");
	p.op = nla_get_u16(a[BLKREPL_A_RELATIONSHIP_OPERATION]);
	if (a[BLKREPL_A_RELATIONSHIP_ROLE])
		p.role = nla_get_u8(a[BLKREPL_A_RELATIONSHIP_ROLE]);
	r = get_timeout(info, &p.timeout_ms);
	if (r)
		return r;
	g = lock_link(info, &r);
	if (g) {
		r = blkrepl_link_op(g, &p, info->extack);
		unlock_group(g);
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
		return missing(info, "relationship-uuid");
	g = lock_half(info, a, info->attrs[BLKREPL_A_PAIR_GROUP_UUID], &r);
	if (!g)
		return r;
	vol = find_vol(info, g, BLKREPL_A_PAIR_INDEX, &r);
	if (vol) {
		r = -ENOMEM;
		reply = new_reply(info, BLKREPL_CMD_PAIR_GET, &hdr);
		if (reply)
			r = send_reply(reply, info, hdr, blkrepl_fill_pair(reply, vol->pair));
	}
	unlock_group(g);
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
	return dump(skb, cb, BLKREPL_CMD_PAIR_GET,
		    dump_filter(cb, BLKREPL_A_PAIR_RELATIONSHIP_UUID), dump_pair);
}

int blkrepl_nl_member_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_device *dev;
	struct blkrepl_group *g;
	unsigned int nr;
	int r;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	r = parse_devices(info, BLKREPL_A_GROUP_MEMBER, true, &dev, &nr);
	if (r)
		return r;
	g = nr <= 2 ? lock_group(info, BLKREPL_A_GROUP_UUID, &r) : NULL;
	if (g) {
		r = blkrepl_member_add(g, dev, nr == 2 ? dev + 1 : NULL, info->extack);
		unlock_group(g);
	} else if (nr > 2) {
		NL_SET_ERR_MSG(info->extack, "one member at a time");
		r = -EINVAL;
	}
	kfree(dev);
	return r;
}

int blkrepl_nl_member_remove_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *a = info->attrs[BLKREPL_A_MEMBER_UUID];
	struct blkrepl_group *g;
	int r;

	if (!a)
		return missing(info, "uuid");
	g = lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	r = blkrepl_member_remove(g, nla_data(a), info->extack);
	unlock_group(g);
	return r;
}

/* The group whose relationship has connected the one that an attribute names, locked. */
static struct blkrepl_group *lock_peer(const struct nlattr *a)
{
	struct blkrepl_group *g, *found = NULL;

	mutex_lock(&blkrepl_groups_lock);
	list_for_each_entry(g, &blkrepl_groups, node) {
		spin_lock(&g->link_lock);
		if (g->link && blkrepl_uuid_equal(g->link->peer_uuid, nla_data(a)))
			found = g;
		spin_unlock(&g->link_lock);
	}
	if (found)
		blkrepl_group_get(found);
	mutex_unlock(&blkrepl_groups_lock);
	if (!found)
		return NULL;
	mutex_lock(&found->conf);
	if (found->up && !found->dying && found->link &&
	    blkrepl_uuid_equal(found->link->peer_uuid, nla_data(a)))
		return found;
	unlock_group(found);
	return NULL;
}

int blkrepl_nl_group_rename_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *a = info->attrs[BLKREPL_A_GROUP_NAME];
	struct blkrepl_group *g;
	int r;

	if (!a)
		return missing(info, "name");
	r = check_name(info, nla_data(a));
	if (r)
		return r;
	g = lock_group(info, BLKREPL_A_GROUP_UUID, &r);
	if (g) {
		r = blkrepl_group_rename(g, nla_data(a), info->attrs[BLKREPL_A_GROUP_FORCE],
					 info->extack);
		unlock_group(g);
		return r;
	}
	if (r == -ENOENT)
		g = lock_peer(info->attrs[BLKREPL_A_GROUP_UUID]);
	if (!g)
		return r;
	info->extack->_msg = NULL;
	r = blkrepl_half_rename(g->link, nla_data(a), info->extack);
	unlock_group(g);
	return r;
}

int blkrepl_nl_member_rename_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct blkrepl_group *g;
	int r;

	if (!a[BLKREPL_A_MEMBER_UUID] || !a[BLKREPL_A_MEMBER_NAME])
		return missing(info, "uuid or name");
	r = check_name(info, nla_data(a[BLKREPL_A_MEMBER_NAME]));
	if (r)
		return r;
	g = lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	r = blkrepl_member_rename(g, nla_data(a[BLKREPL_A_MEMBER_UUID]),
				  nla_data(a[BLKREPL_A_MEMBER_NAME]), a[BLKREPL_A_MEMBER_FORCE],
				  info->extack);
	unlock_group(g);
	return r;
}

/* Events name devices: they are for administrators. */
static const struct genl_multicast_group mcgrps[] = {
	[BLKREPL_NLGRP_STATE]		= { .name = BLKREPL_MCGRP_STATE,
					    .flags = GENL_MCAST_CAP_NET_ADMIN },
	[BLKREPL_NLGRP_PROGRESS]	= { .name = BLKREPL_MCGRP_PROGRESS,
					    .flags = GENL_MCAST_CAP_NET_ADMIN },
	[BLKREPL_NLGRP_ALERT]		= { .name = BLKREPL_MCGRP_ALERT,
					    .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family blkrepl_nl_family __ro_after_init = {
	.name		= BLKREPL_FAMILY_NAME,
	.version	= BLKREPL_FAMILY_VERSION,
	.netnsok	= false,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= blkrepl_nl_ops,
	.n_ops		= ARRAY_SIZE(blkrepl_nl_ops),
	.mcgrps		= mcgrps,
	.n_mcgrps	= ARRAY_SIZE(mcgrps),
};

/**
 * blkrepl_netlink_init - offer the commands
 *
 * Context: may sleep.
 */
int __init blkrepl_netlink_init(void)
{
	return genl_register_family(&blkrepl_nl_family);
}

/**
 * blkrepl_netlink_exit - take them back
 *
 * Context: may sleep.
 */
void blkrepl_netlink_exit(void)
{
	genl_unregister_family(&blkrepl_nl_family);
}
