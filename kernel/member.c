// SPDX-License-Identifier: GPL-2.0
/*
 * Members come and go while a group is up, and a group changes its name.
 *
 * In a relationship a member comes and goes with its pair, and its target is
 * connected: the other side's log volume must name the same pairs, at the same
 * places. There an entry is made before this side's link block names the pair, and
 * taken away after it names it no more; the other side's link block follows this
 * one's, at the latest when the two meet again. Where the relationship flows, the
 * new pair is copied beside the others.
 */
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "blkrepl.h"

/* One group at a time, so that no two take the same name. */
static DEFINE_MUTEX(naming);

/**
 * blkrepl_member_find - a member of a group
 * @g: the group
 * @uuid: the member
 *
 * Context: any; g->conf is held.
 */
struct blkrepl_vol *blkrepl_member_find(struct blkrepl_group *g, const u8 *uuid)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		if (blkrepl_uuid_equal(g->vol[i]->uuid, uuid))
			return g->vol[i];
	return NULL;
}

static bool has_place(struct blkrepl_group *g, unsigned int place)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		if (g->vol[i]->place == place)
			return true;
	return false;
}

/* Behind the last member, so that their order is that in which they came. */
static unsigned int free_place(struct blkrepl_group *g)
{
	unsigned int place = g->nr_vols ? g->vol[g->nr_vols - 1]->place + 1 : 0;

	if (place == BLKREPL_MAX_MEMBERS)
		for (place = 0; has_place(g, place); place++)
			;
	return place;
}

struct change {
	struct blkrepl_vol *vol;
	const char *name;
};

static void fill_changed(void *ctx, unsigned int place, struct blkrepl_disk_member *m)
{
	struct change *c = ctx;
	struct blkrepl_group *g = c->vol->group;
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		if (g->vol[i]->place == place)
			blkrepl_vol_fill_disk(g->vol[i], m);
	if (c->vol->place != place)
		return;
	memset(m, 0, sizeof(*m));
	blkrepl_vol_fill_disk(c->vol, m);
	strscpy_pad(m->name, c->name, BLKREPL_NAME_SIZE);
}

/* The group's members, and one that is to be one or is to have this name. */
static int write_with(struct blkrepl_vol *vol, const char *name)
{
	return blkrepl_log_write_members(&vol->group->log, fill_changed,
					 &(struct change){ vol, name });
}

/**
 * blkrepl_member_close - let nobody use a member's device, if nobody does
 * @vol: the member
 * @extack: told what is wrong
 *
 * Context: may sleep; conf of the group is held.
 */
int blkrepl_member_close(struct blkrepl_vol *vol, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = vol->group;
	bool open;

	/* Programs that look at a device when it changes have it open for a moment. */
	wait_event_timeout(g->open_wait, !READ_ONCE(vol->opens), HZ);
	spin_lock(&g->open_lock);
	open = vol->opens;
	if (!open)
		vol->going = true;
	spin_unlock(&g->open_lock);
	if (!open)
		return 0;
	NL_SET_ERR_MSG(extack, "the member's replica device is open; unmount it first");
	return -EBUSY;
}

/**
 * blkrepl_member_reopen - undo blkrepl_member_close()
 * @vol: the member
 *
 * Context: may sleep; conf of the group is held.
 */
void blkrepl_member_reopen(struct blkrepl_vol *vol)
{
	spin_lock(&vol->group->open_lock);
	vol->going = false;
	spin_unlock(&vol->group->open_lock);
}

/*
 * What a member needs on this side's log volume before it may be one. In a
 * relationship all its blocks differ: where a block of the bitmap that was never
 * written says the opposite, its intent marks say so.
 */
static int make_room(struct blkrepl_vol *vol, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = vol->group;
	struct blkrepl_layout *l = g->log.layout;
	int r;

	mutex_lock(&g->meta_lock);
	blkrepl_log_take_size(&g->log);
	r = blkrepl_layout_provide(l, BLKREPL_BLOCK_INTENT, 0, vol->place, vol->intent.nr_chunks);
	if (!r && g->link)
		r = blkrepl_layout_provide(l, BLKREPL_BLOCK_DIRTY, 0, vol->place,
					   blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY,
								 vol->sectors));
	if (r == -ENOSPC)
		NL_SET_ERR_MSG(extack, "the group's log volume is too small for another member; extend it");
	if (!r && g->link && (g->link->flags & BLKREPL_LINK_TRACKED_ZERO))
		blkrepl_intent_mark(vol, 0, vol->sectors);
	r = r ?: blkrepl_log_write_areas(&g->log);
	r = r ?: blkrepl_intent_store(vol);
	mutex_unlock(&g->meta_lock);
	return r;
}

/* A member that has been taken out; what fails here is found at the next start. */
static void bury(struct blkrepl_vol *vol)
{
	struct blkrepl_group *g = vol->group;

	blkrepl_vol_del_disk(vol);
	blkrepl_vol_close(vol);
	blkrepl_place_drop_own(g, vol->place);
	blkrepl_vol_put(vol);
}

/* The group is in no relationship. */

static int add_alone(struct blkrepl_vol *vol, bool *unsure)
{
	struct blkrepl_group *g = vol->group;
	int r;

	mutex_lock(&g->meta_lock);
	r = write_with(vol, vol->name);
	if (r)
		*unsure = blkrepl_group_write_members(g);
	else
		blkrepl_place_put(g, vol);
	mutex_unlock(&g->meta_lock);
	return r;
}

static int remove_alone(struct blkrepl_vol *vol)
{
	struct blkrepl_group *g = vol->group;
	int r;

	mutex_lock(&g->meta_lock);
	blkrepl_place_take(g, vol);
	r = blkrepl_group_write_members(g);
	if (r)
		blkrepl_place_put(g, vol);
	mutex_unlock(&g->meta_lock);
	return r;
}

/* The group is in a relationship. */

/* The members in the order of their places, with one more or without one. */
static struct blkrepl_link *link_with(struct blkrepl_group *g, struct blkrepl_vol *vol, bool with)
{
	struct blkrepl_vol **v = kcalloc(g->nr_vols + 1, sizeof(*v), GFP_KERNEL);
	struct blkrepl_link *new;
	unsigned int i, n = 0;

	if (!v)
		return NULL;
	for (i = 0; i < g->nr_vols; i++) {
		if (with && g->vol[i]->place > vol->place && (!n || v[n - 1]->place < vol->place))
			v[n++] = vol;
		if (g->vol[i] != vol)
			v[n++] = g->vol[i];
	}
	if (with && (!n || v[n - 1]->place < vol->place))
		v[n++] = vol;
	new = blkrepl_regroup_like(g->link, v, n);
	kfree(v);
	return new;
}

/**
 * blkrepl_link_may_regroup - whether pairs may come or go
 * @link: the relationship
 * @extack: told why not
 *
 * Context: any; conf of the group is held.
 */
bool blkrepl_link_may_regroup(struct blkrepl_link *link, struct netlink_ext_ack *extack)
{
	const u32 busy = BLKREPL_LINK_PENDING | BLKREPL_LINK_RESTORING |
			 BLKREPL_LINK_FAILING_BACK | BLKREPL_LINK_OVERWRITE;

	if (!blkrepl_state_parted(link->state) && link->state != BLKREPL_COPY_STATE_BROKEN &&
	    link->state != BLKREPL_COPY_STATE_MIXED && !(link->flags & busy))
		return true;
	NL_SET_ERR_MSG(extack, "the members of a relationship change only while it flows to the whole target or is stopped, and not while the two sides stand apart or changes of the target are copied over");
	return false;
}

static int tell_new(struct blkrepl_pair *pair, const struct blkrepl_device *target)
{
	memcpy(pair->uuid, target->uuid, BLKREPL_UUID_SIZE);
	strscpy(pair->name, target->name, BLKREPL_NAME_SIZE);
	pair->path = kstrdup(target->path, GFP_KERNEL);
	blkrepl_dirty_set(&pair->dirty, 0, pair->dirty.nr_bits);
	return pair->path ? 0 : -ENOMEM;
}

/* Both log volumes have room for the pair and know its members, which are none yet. */
static int prepare_pair(struct blkrepl_link *new, struct blkrepl_conn *conn,
			struct blkrepl_vol *vol, struct netlink_ext_ack *extack)
{
	int r;

	r = blkrepl_half_provide(new, conn);
	if (r == -ENOSPC)
		NL_SET_ERR_MSG(extack, "the target's log volume is too small for another member; extend it");
	r = r ?: blkrepl_half_write_members(new, conn);
	return r ?: write_with(vol, vol->name);
}

/* Undo prepare_pair(); what fails is found when the log volumes are read next. */
static void forget_pair(struct blkrepl_link *link, struct blkrepl_conn *conn, unsigned int place)
{
	blkrepl_group_write_members(link->group);
	blkrepl_half_write_members(link, conn);
	blkrepl_place_drop(&conn->log, place);
}

/* What the copy is about to do to the target's group stands there first. */
static int announce_copy(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	struct blkrepl_gens gens = link->target_gens;

	if (!blkrepl_state_flows(link->state))
		return 0;
	return blkrepl_half_write(link, conn, BLKREPL_COPY_STATE_UNSYNCHRONIZED,
				  link->flags | BLKREPL_LINK_INCONSISTENT, &gens);
}

/* The pair has a device and stands in both log volumes; the instant at which it counts. */
static int join(struct blkrepl_link *old, struct blkrepl_link *new, struct blkrepl_vol *vol,
		bool *unsure, struct netlink_ext_ack *extack)
{
	bool flows = blkrepl_state_flows(old->state);
	struct blkrepl_group *g = old->group;
	int r;

	r = blkrepl_regroup_hold(old, BLKREPL_HOLD_MS, extack);
	if (r)
		return r;
	new->flags |= BLKREPL_LINK_INCONSISTENT;
	r = blkrepl_regroup_commit(old, old, new, flows ? BLKREPL_COPY_STATE_UNSYNCHRONIZED :
						     old->state, unsure);
	if (!r) {
		/* Nobody writes to the member yet; the copy does when it begins. */
		if (flows)
			blkrepl_regroup_pair(new, vol)->mode = BLKREPL_PAIR_MIRROR;
		mutex_lock(&g->meta_lock);
		blkrepl_place_put(g, vol);
		blkrepl_regroup_switch(old, new);
		mutex_unlock(&g->meta_lock);
	}
	blkrepl_group_release(g);
	return r;
}

static int add_pair(struct blkrepl_vol *vol, const struct blkrepl_device *target, bool *unsure,
		    struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = vol->group;
	struct blkrepl_link *old = g->link, *new = link_with(g, vol, true);
	struct blkrepl_conn *conn = blkrepl_conn_tryget(old);
	struct blkrepl_pair *pair;
	int r = -ENOMEM;

	if (!conn) {
		NL_SET_ERR_MSG(extack, "the target is not connected; connect it first");
		r = -ENOTCONN;
	}
	if (!conn || !new)
		goto out;
	r = blkrepl_regroup_rest(old, BLKREPL_HOLD_MS, extack);
	if (r)
		goto out;
	pair = blkrepl_regroup_pair(new, vol);
	r = tell_new(pair, target);
	r = r ?: blkrepl_conn_add_leg(conn, pair, extack);
	if (r)
		goto resume;
	r = prepare_pair(new, conn, vol, extack);
	r = r ?: announce_copy(old, conn);
	r = r ?: join(old, new, vol, unsure, extack);
	if (!r) {
		blkrepl_regroup_end(old, new, conn);
		blkrepl_regroup_resume(new);
		new = NULL;
		goto out;
	}
	if (!*unsure)
		forget_pair(old, conn, vol->place);
	if (blkrepl_state_flows(old->state))
		blkrepl_half_tell(old, conn, old->state);
	blkrepl_conn_trim(conn, old->nr_pairs);
resume:
	blkrepl_regroup_resume(old);
out:
	if (conn)
		blkrepl_conn_put(conn);
	if (new)
		blkrepl_link_free(new);
	return r;
}

/* The instant from which on a pair does not count any more. */
static int part(struct blkrepl_link *old, struct blkrepl_link *new, struct blkrepl_vol *vol,
		struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = old->group;
	bool unsure;
	int r;

	r = blkrepl_regroup_hold(old, BLKREPL_HOLD_MS, extack);
	if (r)
		return r;
	r = blkrepl_regroup_commit(old, old, new, old->state, &unsure);
	if (!r) {
		blkrepl_conn_hide_leg(old, vol->index);
		mutex_lock(&g->meta_lock);
		vol->pair = NULL;
		blkrepl_place_take(g, vol);
		blkrepl_regroup_switch(old, new);
		mutex_unlock(&g->meta_lock);
	}
	blkrepl_group_release(g);
	return r;
}

static int remove_pair(struct blkrepl_vol *vol, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = vol->group;
	struct blkrepl_link *old = g->link, *new = link_with(g, vol, false);
	struct blkrepl_conn *conn = blkrepl_conn_tryget(old);
	int r = -ENOMEM;

	if (!conn) {
		NL_SET_ERR_MSG(extack, "the target is not connected; connect it first");
		r = -ENOTCONN;
	}
	if (!conn || !new)
		goto err;
	r = blkrepl_regroup_rest(old, BLKREPL_HOLD_MS, extack);
	if (r)
		goto err;
	r = part(old, new, vol, extack);
	if (r) {
		blkrepl_regroup_resume(old);
		goto err;
	}
	blkrepl_regroup_end(old, new, conn);
	/* From here on it is no member any more, whatever fails. */
	if (!new->peer.other_pairs) {
		blkrepl_half_write_members(new, conn);
		blkrepl_place_drop(&conn->log, vol->place);
	}
	blkrepl_group_write_members(g);
	blkrepl_conn_trim(conn, new->nr_pairs);
	blkrepl_regroup_resume(new);
	blkrepl_conn_put(conn);
	return 0;
err:
	if (conn)
		blkrepl_conn_put(conn);
	if (new)
		blkrepl_link_free(new);
	return r;
}

static int check_name(struct blkrepl_group *g, const char *name, struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		if (!strcmp(g->vol[i]->name, name)) {
			NL_SET_ERR_MSG(extack, "the group has a member of that name already");
			return -EEXIST;
		}
	return 0;
}

static int check_new(struct blkrepl_group *g, const struct blkrepl_device *d,
		     const struct blkrepl_device *target, struct netlink_ext_ack *extack)
{
	if (g->nr_vols == BLKREPL_MAX_MEMBERS) {
		NL_SET_ERR_MSG(extack, "a group has at most 128 members");
		return -ERANGE;
	}
	if (!g->link != !target) {
		blkrepl_say(extack, g->link ?
			    "the group is in a relationship; give a target for the member, too" :
			    "the group is in no relationship; give no target");
		return -EINVAL;
	}
	if (g->fenced) {
		NL_SET_ERR_MSG(extack, "the group has no replica devices at present");
		return -EBUSY;
	}
	if (g->link && !blkrepl_link_may_regroup(g->link, extack))
		return -EBUSY;
	return check_name(g, d->name, extack);
}

static struct blkrepl_vol *open_new(struct blkrepl_group *g, const struct blkrepl_device *d,
				    struct netlink_ext_ack *extack)
{
	struct blkrepl_device last = *d;
	struct blkrepl_vol *vol;
	int r;

	last.index = g->nr_vols;
	vol = blkrepl_vol_new(g, &last, extack);
	if (IS_ERR(vol))
		return vol;
	vol->place = free_place(g);
	r = blkrepl_intent_init(vol);
	if (r) {
		blkrepl_vol_put(vol);
		return ERR_PTR(r);
	}
	return vol;
}

/**
 * blkrepl_member_add - add a member to a group that is up
 * @g: the group
 * @d: the member; its index does not matter
 * @target: its target, if the group is in a relationship, else NULL
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 * Return: 0, also when it is a member already.
 */
int blkrepl_member_add(struct blkrepl_group *g, const struct blkrepl_device *d,
		       const struct blkrepl_device *target, struct netlink_ext_ack *extack)
{
	bool unsure = false;
	struct blkrepl_vol *vol;
	int r;

	lockdep_assert_held(&g->conf);
	if (blkrepl_member_find(g, d->uuid))
		return 0;
	r = check_new(g, d, target, extack);
	if (r)
		return r;
	vol = open_new(g, d, extack);
	if (IS_ERR(vol))
		return PTR_ERR(vol);
	r = make_room(vol, extack);
	if (r)
		goto err_drop;
	r = g->link ? add_pair(vol, target, &unsure, extack) : add_alone(vol, &unsure);
	/* If it may be one all the same the areas are left. */
	if (r && unsure)
		goto err_put;
	if (r)
		goto err_drop;
	r = blkrepl_vol_add_disk(vol);
	if (r) {
		blkrepl_member_remove(g, d->uuid, NULL);
		return r;
	}
	if (g->link)
		blkrepl_conn_show(g->link);
	blkrepl_notify_group(g, BLKREPL_EVENT_MEMBERS);
	return 0;

err_drop:
	blkrepl_place_drop_own(g, vol->place);
err_put:
	blkrepl_vol_put(vol);
	return r;
}

/**
 * blkrepl_member_remove - remove a member from a group that is up
 * @g: the group
 * @uuid: the member
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_member_remove(struct blkrepl_group *g, const u8 *uuid,
			  struct netlink_ext_ack *extack)
{
	struct blkrepl_vol *vol = blkrepl_member_find(g, uuid);
	int r;

	lockdep_assert_held(&g->conf);
	if (!vol) {
		NL_SET_ERR_MSG(extack, "the group has no such member");
		return -ENOENT;
	}
	if (g->nr_vols == 1) {
		NL_SET_ERR_MSG(extack, "it is the group's last member; delete the group instead");
		return -EBUSY;
	}
	if (g->link && !blkrepl_link_may_regroup(g->link, extack))
		return -EBUSY;
	r = blkrepl_member_close(vol, extack);
	if (r)
		return r;
	r = g->link ? remove_pair(vol, extack) : remove_alone(vol);
	if (r) {
		blkrepl_member_reopen(vol);
		return r;
	}
	bury(vol);
	blkrepl_notify_group(g, BLKREPL_EVENT_MEMBERS);
	return 0;
}

static void change_name(struct blkrepl_group *g, char *name, const char *to)
{
	spin_lock(&g->link_lock);
	strscpy_pad(name, to, BLKREPL_NAME_SIZE);
	spin_unlock(&g->link_lock);
}

/**
 * blkrepl_member_rename - give a member another name
 * @g: the group
 * @uuid: the member
 * @name: a valid name
 * @force: also while its replica device is open
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_member_rename(struct blkrepl_group *g, const u8 *uuid, const char *name, bool force,
			  struct netlink_ext_ack *extack)
{
	struct blkrepl_vol *vol = blkrepl_member_find(g, uuid);
	int r;

	lockdep_assert_held(&g->conf);
	if (!vol) {
		NL_SET_ERR_MSG(extack, "the group has no such member");
		return -ENOENT;
	}
	if (!strcmp(vol->name, name))
		return 0;
	r = check_name(g, name, extack);
	if (r)
		return r;
	if (!force)
		wait_event_timeout(g->open_wait, !READ_ONCE(vol->opens), HZ);
	if (!force && READ_ONCE(vol->opens)) {
		NL_SET_ERR_MSG(extack, "the member's replica device is open, and its path would change; unmount it first, or use force");
		return -EBUSY;
	}
	r = write_with(vol, name);
	if (r)
		return r;
	change_name(g, vol->name, name);
	blkrepl_vol_tell_udev(vol);
	blkrepl_notify_group(g, BLKREPL_EVENT_RENAMED);
	return 0;
}

static bool name_is_free(struct blkrepl_group *g, const char *name)
{
	struct blkrepl_group *o;

	lockdep_assert_held(&blkrepl_groups_lock);
	list_for_each_entry(o, &blkrepl_groups, node)
		if (o != g && !strcmp(o->name, name))
			return false;
	return true;
}

static int store_name(struct blkrepl_group *g, const char *name)
{
	strscpy_pad(g->log.super->group_name, name, BLKREPL_NAME_SIZE);
	return blkrepl_log_write_super(&g->log);
}

/* A new group may have taken the name meanwhile. */
static bool show_name(struct blkrepl_group *g, const char *name)
{
	bool is_free;

	mutex_lock(&blkrepl_groups_lock);
	is_free = name_is_free(g, name);
	if (is_free)
		change_name(g, g->name, name);
	mutex_unlock(&blkrepl_groups_lock);
	return is_free;
}

static int rename_group(struct blkrepl_group *g, const char *name,
			struct netlink_ext_ack *extack)
{
	bool is_free;
	int r;

	lockdep_assert_held(&naming);
	mutex_lock(&blkrepl_groups_lock);
	is_free = name_is_free(g, name);
	mutex_unlock(&blkrepl_groups_lock);
	r = is_free ? store_name(g, name) : -EEXIST;
	if (!r && !show_name(g, name))
		r = -EEXIST;
	if (r == -EEXIST)
		NL_SET_ERR_MSG(extack, "another group of that name is up");
	/* Also where the write failed: it may have happened. */
	if (r && is_free)
		store_name(g, g->name);
	return r;
}

/**
 * blkrepl_group_rename - give a group another name
 * @g: the group
 * @name: a valid name
 * @force: also while its replica devices are open
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_group_rename(struct blkrepl_group *g, const char *name, bool force,
			 struct netlink_ext_ack *extack)
{
	unsigned int i;
	int r;

	lockdep_assert_held(&g->conf);
	if (!strcmp(g->name, name))
		return 0;
	if (!force)
		wait_event_timeout(g->open_wait, !READ_ONCE(g->opens), HZ);
	if (!force && READ_ONCE(g->opens)) {
		NL_SET_ERR_MSG(extack, "a replica device of the group is open, and its path would change; unmount it first, or use force");
		return -EBUSY;
	}
	mutex_lock(&naming);
	r = rename_group(g, name, extack);
	mutex_unlock(&naming);
	if (r)
		return r;
	for (i = 0; i < g->nr_vols; i++)
		blkrepl_vol_tell_udev(g->vol[i]);
	blkrepl_notify_group(g, BLKREPL_EVENT_RENAMED);
	return 0;
}
