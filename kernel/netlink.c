// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of uapi/blkrepl.yaml that are about groups and members, and what
 * all commands share. Policies and the table are generated.
 */
#include <linux/slab.h>

#include "netlink.h"

/**
 * blkrepl_nl_check_name - whether a name may be that of an object
 * @info: the request, which is told
 * @name: the name
 *
 * Context: any.
 */
int blkrepl_nl_check_name(struct genl_info *info, const char *name)
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
		return blkrepl_nl_missing(info, "index or path of a device");
	d->index = nla_get_u16(tb[BLKREPL_A_DEVICE_INDEX]);
	d->path = nla_data(tb[BLKREPL_A_DEVICE_PATH]);
	if (!identity)
		return 0;
	if (!tb[BLKREPL_A_DEVICE_UUID] || !tb[BLKREPL_A_DEVICE_NAME])
		return blkrepl_nl_missing(info, "uuid or name of a device");
	d->uuid = nla_data(tb[BLKREPL_A_DEVICE_UUID]);
	d->name = nla_data(tb[BLKREPL_A_DEVICE_NAME]);
	return blkrepl_nl_check_name(info, d->name);
}

/**
 * blkrepl_nl_parse_devices - the devices of a request
 * @info: the request
 * @attr: number of their attribute
 * @identity: each has a UUID and a name
 * @none: there may be none
 * @ret: they; to be freed
 * @nr: how many
 *
 * Context: may sleep.
 */
int blkrepl_nl_parse_devices(struct genl_info *info, int attr, bool identity, bool none,
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
	if (!r && !n && !none)
		r = blkrepl_nl_missing(info, "for the devices");
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
		return blkrepl_nl_missing(info, "uuid");
	if (!a[BLKREPL_A_GROUP_NAME])
		return blkrepl_nl_missing(info, "name");
	if (!a[BLKREPL_A_GROUP_LOG_PATH])
		return blkrepl_nl_missing(info, "log-path");
	p.uuid = nla_data(a[BLKREPL_A_GROUP_UUID]);
	p.name = nla_data(a[BLKREPL_A_GROUP_NAME]);
	p.log_path = nla_data(a[BLKREPL_A_GROUP_LOG_PATH]);
	if (blkrepl_uuid_is_null(p.uuid))
		return blkrepl_nl_missing(info, "uuid (it is all zero)");
	r = blkrepl_nl_check_name(info, p.name);
	if (r)
		return r;
	r = blkrepl_nl_parse_devices(info, BLKREPL_A_GROUP_MEMBER, true, true, &p.dev, &p.nr_devs);
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
		blkrepl_nl_missing(info, "that names the group");
		return ERR_PTR(-EINVAL);
	}
	g = blkrepl_group_find(nla_data(info->attrs[attr]));
	if (g)
		return g;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr], "no group of that UUID is up");
	return ERR_PTR(-ENOENT);
}

/**
 * blkrepl_nl_lock_group - the group that an attribute names, locked
 * @info: the request
 * @attr: number of the attribute
 * @r: the error when there is none, or not any more
 *
 * Context: may sleep.
 */
struct blkrepl_group *blkrepl_nl_lock_group(struct genl_info *info, int attr, int *r)
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

/**
 * blkrepl_nl_unlock_group - undo blkrepl_nl_lock_group()
 * @g: the group
 *
 * Context: may sleep.
 */
void blkrepl_nl_unlock_group(struct blkrepl_group *g)
{
	mutex_unlock(&g->conf);
	blkrepl_group_put(g);
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

/**
 * blkrepl_nl_new_reply - begin a reply
 * @info: the request
 * @cmd: the command
 * @hdr: for blkrepl_nl_send_reply()
 *
 * Context: may sleep.
 */
struct sk_buff *blkrepl_nl_new_reply(struct genl_info *info, u8 cmd, void **hdr)
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

/**
 * blkrepl_nl_send_reply - end a reply
 * @skb: the reply
 * @info: the request
 * @hdr: from blkrepl_nl_new_reply()
 * @r: 0, or an error: then it is not sent
 *
 * Context: may sleep.
 */
int blkrepl_nl_send_reply(struct sk_buff *skb, struct genl_info *info, void *hdr, int r)
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

	g = blkrepl_nl_lock_group(info, BLKREPL_A_GROUP_UUID, &r);
	if (!g)
		return r;
	r = -ENOMEM;
	reply = blkrepl_nl_new_reply(info, BLKREPL_CMD_GROUP_GET, &hdr);
	if (reply)
		r = blkrepl_nl_send_reply(reply, info, hdr,
			       blkrepl_fill_group(reply, g, U32_MAX, blkrepl_event_seq()));
	blkrepl_nl_unlock_group(g);
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

/**
 * blkrepl_nl_dump - go on with a dump
 * @skb: to be filled
 * @cb: the dump
 * @cmd: the kind of what is dumped
 * @only: handed to @one
 * @one: puts what there is of the kind in a group at a position; returns -ENODATA
 *	after the last
 *
 * It goes over all groups in the order of their numbers. The cursor is (number
 * of the group, position).
 *
 * Context: may sleep.
 */
int blkrepl_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, const u8 *only,
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

/**
 * blkrepl_nl_dump_filter - the UUID that a dump is to be limited to
 * @cb: the dump
 * @attr: number of the attribute
 *
 * Context: any.
 * Return: the UUID or NULL.
 */
const u8 *blkrepl_nl_dump_filter(struct netlink_callback *cb, int attr)
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
	return blkrepl_nl_dump(skb, cb, BLKREPL_CMD_GROUP_GET, NULL, dump_group);
}

static int dump_member(struct sk_buff *skb, struct blkrepl_group *g, unsigned long pos,
		       const u8 *only)
{
	struct blkrepl_vol *vol = NULL;
	int r = -ENODATA;

	if (!only || blkrepl_uuid_equal(only, g->uuid))
		vol = blkrepl_vol_get(g, pos);
	if (vol) {
		r = blkrepl_fill_member(skb, g, vol);
		blkrepl_vol_put(vol);
	}
	return r;
}

int blkrepl_nl_member_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return blkrepl_nl_dump(skb, cb, BLKREPL_CMD_MEMBER_GET,
		    blkrepl_nl_dump_filter(cb, BLKREPL_A_MEMBER_GROUP_UUID), dump_member);
}

/**
 * blkrepl_nl_find_vol - the member that an attribute numbers
 * @info: the request
 * @g: its group, locked
 * @attr: number of the attribute
 * @r: the error when there is none
 *
 * Context: any.
 */
struct blkrepl_vol *blkrepl_nl_find_vol(struct genl_info *info, struct blkrepl_group *g, int attr,
				    int *r)
{
	if (!info->attrs[attr]) {
		*r = blkrepl_nl_missing(info, "index");
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

	g = blkrepl_nl_lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	vol = blkrepl_nl_find_vol(info, g, BLKREPL_A_MEMBER_INDEX, &r);
	if (vol) {
		r = -ENOMEM;
		reply = blkrepl_nl_new_reply(info, BLKREPL_CMD_MEMBER_GET, &hdr);
		if (reply)
			r = blkrepl_nl_send_reply(reply, info, hdr, blkrepl_fill_member(reply, g, vol));
	}
	blkrepl_nl_unlock_group(g);
	return r;
}

int blkrepl_nl_member_resize_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *g;
	struct blkrepl_vol *vol;
	int r;

	g = blkrepl_nl_lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	vol = blkrepl_nl_find_vol(info, g, BLKREPL_A_MEMBER_INDEX, &r);
	if (vol)
		r = blkrepl_vol_resize(vol, info->extack);
	blkrepl_nl_unlock_group(g);
	return r;
}

int blkrepl_nl_member_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_device *dev;
	struct blkrepl_group *g;
	unsigned int nr;
	int r;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	r = blkrepl_nl_parse_devices(info, BLKREPL_A_GROUP_MEMBER, true, false, &dev, &nr);
	if (r)
		return r;
	g = nr <= 2 ? blkrepl_nl_lock_group(info, BLKREPL_A_GROUP_UUID, &r) : NULL;
	if (g) {
		r = blkrepl_member_add(g, dev, nr == 2 ? dev + 1 : NULL, info->extack);
		blkrepl_nl_unlock_group(g);
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
		return blkrepl_nl_missing(info, "uuid");
	g = blkrepl_nl_lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	r = blkrepl_member_remove(g, nla_data(a), info->extack);
	blkrepl_nl_unlock_group(g);
	return r;
}

/* Two groups, locked in the order of their numbers. */
static int lock_both(struct genl_info *info, struct blkrepl_group **a, struct blkrepl_group **b)
{
	struct blkrepl_group *first, *second;

	*a = find_group(info, BLKREPL_A_GROUP_UUID);
	if (IS_ERR(*a))
		return PTR_ERR(*a);
	*b = find_group(info, BLKREPL_A_GROUP_TO);
	if (IS_ERR(*b)) {
		blkrepl_group_put(*a);
		return PTR_ERR(*b);
	}
	first = (*a)->id < (*b)->id ? *a : *b;
	second = first == *a ? *b : *a;
	mutex_lock(&first->conf);
	if (first != second)
		mutex_lock_nested(&second->conf, SINGLE_DEPTH_NESTING);
	return 0;
}

static void unlock_both(struct blkrepl_group *a, struct blkrepl_group *b)
{
	mutex_unlock(&a->conf);
	if (a != b)
		mutex_unlock(&b->conf);
	blkrepl_group_put(a);
	blkrepl_group_put(b);
}

int blkrepl_nl_pairs_move_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct blkrepl_group *from, *to;
	struct blkrepl_device *dev;
	unsigned int nr;
	int r;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	r = blkrepl_nl_parse_devices(info, BLKREPL_A_GROUP_MEMBER, true, false, &dev, &nr);
	if (r)
		return r;
	r = lock_both(info, &from, &to);
	if (r)
		goto out;
	if (!from->up || from->dying || !to->up || to->dying) {
		NL_SET_ERR_MSG(info->extack, "one of the groups is not up");
		r = -ENOENT;
	} else if (from == to) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[BLKREPL_A_GROUP_TO],
				    "it is the group that has the pairs");
		r = -EINVAL;
	} else {
		r = blkrepl_pairs_move(from, to, dev, nr, BLKREPL_HOLD_MS, info->extack);
	}
	unlock_both(from, to);
out:
	kfree(dev);
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
	blkrepl_nl_unlock_group(found);
	return NULL;
}

int blkrepl_nl_group_rename_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *a = info->attrs[BLKREPL_A_GROUP_NAME];
	struct blkrepl_group *g;
	int r;

	if (!a)
		return blkrepl_nl_missing(info, "name");
	r = blkrepl_nl_check_name(info, nla_data(a));
	if (r)
		return r;
	g = blkrepl_nl_lock_group(info, BLKREPL_A_GROUP_UUID, &r);
	if (g) {
		r = blkrepl_group_rename(g, nla_data(a), info->attrs[BLKREPL_A_GROUP_FORCE],
					 info->extack);
		blkrepl_nl_unlock_group(g);
		return r;
	}
	if (r == -ENOENT)
		g = lock_peer(info->attrs[BLKREPL_A_GROUP_UUID]);
	if (!g)
		return r;
	info->extack->_msg = NULL;
	r = blkrepl_half_rename(g->link, nla_data(a), info->extack);
	blkrepl_nl_unlock_group(g);
	return r;
}

int blkrepl_nl_member_rename_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **a = info->attrs;
	struct blkrepl_group *g;
	int r;

	if (!a[BLKREPL_A_MEMBER_UUID] || !a[BLKREPL_A_MEMBER_NAME])
		return blkrepl_nl_missing(info, "uuid or name");
	r = blkrepl_nl_check_name(info, nla_data(a[BLKREPL_A_MEMBER_NAME]));
	if (r)
		return r;
	g = blkrepl_nl_lock_group(info, BLKREPL_A_MEMBER_GROUP_UUID, &r);
	if (!g)
		return r;
	r = blkrepl_member_rename(g, nla_data(a[BLKREPL_A_MEMBER_UUID]),
				  nla_data(a[BLKREPL_A_MEMBER_NAME]), a[BLKREPL_A_MEMBER_FORCE],
				  info->extack);
	blkrepl_nl_unlock_group(g);
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
