// SPDX-License-Identifier: GPL-2.0
/*
 * Members come and go while a group is up, and a group changes its name.
 *
 * Who is a member is told by the member table alone. For one that comes or goes
 * one block of it is written, so that a crash leaves the old members or the new
 * ones. What else belongs to a member, its areas and bitmaps, is made before
 * the entry and taken away after it. Where that was interrupted there are areas
 * without a member, which are found when the group comes up. Their blocks are
 * zeroed before they are free: whatever gets the space next must not find valid
 * blocks in it.
 */
#include <linux/netlink.h>
#include <linux/sched.h>

#include "blkrepl.h"

/* One group at a time, so that no two take the same name. */
static DEFINE_MUTEX(naming);

static struct blkrepl_vol *find_member(struct blkrepl_group *g, const u8 *uuid)
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
	unsigned int place = g->vol[g->nr_vols - 1]->place + 1;

	if (place == BLKREPL_MAX_MEMBERS)
		for (place = 0; has_place(g, place); place++)
			;
	return place;
}

/* Give the areas of a place back. */
static int drop_areas(struct blkrepl_group *g, unsigned int place)
{
	struct blkrepl_layout *l = g->log.layout;
	int r = 0;
	u32 i;

	lockdep_assert_held(&g->conf);
	for (i = 0; i < l->nr && !r; i++)
		if (l->area[i].member == place)
			r = blkrepl_log_zero(&g->log, l->area[i].start, 2 * (u64)l->area[i].nr);
	if (r)
		return r;
	mutex_lock(&g->meta_lock);
	blkrepl_layout_drop(l, BLKREPL_BLOCK_INTENT, 0, place);
	blkrepl_layout_drop(l, BLKREPL_BLOCK_DIRTY, 0, place);
	r = blkrepl_log_write_areas(&g->log);
	mutex_unlock(&g->meta_lock);
	return r;
}

/**
 * blkrepl_member_tidy - take away what an interrupted change of members left
 * @g: the group, which is being brought up; its members have their places
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_member_tidy(struct blkrepl_group *g)
{
	struct blkrepl_layout *l = g->log.layout;
	int r = 0;
	u32 i = 0;

	while (i < l->nr && !r) {
		if (has_place(g, l->area[i].member)) {
			i++;
			continue;
		}
		r = drop_areas(g, l->area[i].member);
		i = 0;
	}
	return r;
}

struct change {
	struct blkrepl_group *group;
	struct blkrepl_vol *with;
	struct blkrepl_vol *without;
};

static void fill_changed(void *ctx, unsigned int place, struct blkrepl_disk_member *m)
{
	struct change *c = ctx;
	unsigned int i;

	if (c->with && c->with->place == place)
		blkrepl_vol_fill_disk(c->with, m);
	for (i = 0; i < c->group->nr_vols; i++)
		if (c->group->vol[i]->place == place && c->group->vol[i] != c->without)
			blkrepl_vol_fill_disk(c->group->vol[i], m);
}

static int write_changed(struct change *c)
{
	return blkrepl_log_write_members(&c->group->log, fill_changed, c);
}

static void renumber(struct blkrepl_group *g)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		g->vol[i]->index = i;
}

/* Let everybody see a member; its entry is durable. */
static void insert(struct blkrepl_group *g, struct blkrepl_vol *vol)
{
	unsigned int i;

	lockdep_assert_held(&g->meta_lock);
	spin_lock(&g->link_lock);
	for (i = g->nr_vols; i && g->vol[i - 1]->place > vol->place; i--)
		g->vol[i] = g->vol[i - 1];
	g->vol[i] = vol;
	g->nr_vols++;
	renumber(g);
	spin_unlock(&g->link_lock);
}

static void take_out(struct blkrepl_group *g, struct blkrepl_vol *vol)
{
	unsigned int i;

	lockdep_assert_held(&g->meta_lock);
	spin_lock(&g->link_lock);
	g->nr_vols--;
	for (i = vol->index; i < g->nr_vols; i++)
		g->vol[i] = g->vol[i + 1];
	renumber(g);
	spin_unlock(&g->link_lock);
}

/* No one uses the member's device any more, and no one will. */
static int close_to_users(struct blkrepl_vol *vol, struct netlink_ext_ack *extack)
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

static void open_to_users(struct blkrepl_vol *vol)
{
	spin_lock(&vol->group->open_lock);
	vol->going = false;
	spin_unlock(&vol->group->open_lock);
}

/* The durable part of adding; what was made before the entry goes when it fails. */
static int add_durably(struct blkrepl_vol *vol, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = vol->group;
	int r;

	mutex_lock(&g->meta_lock);
	r = blkrepl_layout_provide(g->log.layout, BLKREPL_BLOCK_INTENT, 0, vol->place,
				   vol->intent.nr_chunks);
	if (r == -ENOSPC)
		NL_SET_ERR_MSG(extack, "the group's log volume is too small for another member; extend it");
	r = r ?: blkrepl_log_write_areas(&g->log);
	r = r ?: blkrepl_intent_store(vol);
	mutex_unlock(&g->meta_lock);
	if (r) {
		drop_areas(g, vol->place);
		return r;
	}
	mutex_lock(&g->meta_lock);
	/* Should this fail it may have happened: the areas are left. */
	r = write_changed(&(struct change){ .group = g, .with = vol });
	if (!r)
		insert(g, vol);
	mutex_unlock(&g->meta_lock);
	return r;
}

static int remove_durably(struct blkrepl_vol *vol)
{
	struct blkrepl_group *g = vol->group;
	int r;

	mutex_lock(&g->meta_lock);
	r = write_changed(&(struct change){ .group = g, .without = vol });
	if (!r)
		take_out(g, vol);
	mutex_unlock(&g->meta_lock);
	return r;
}

/* A member that has been taken out; what fails here is found at the next start. */
static void bury(struct blkrepl_vol *vol)
{
	struct blkrepl_group *g = vol->group;

	blkrepl_vol_del_disk(vol);
	blkrepl_vol_close(vol);
	drop_areas(g, vol->place);
	blkrepl_vol_put(vol);
}

static int check_new(struct blkrepl_group *g, const struct blkrepl_device *d,
		     struct netlink_ext_ack *extack)
{
	unsigned int i;

	if (g->nr_vols == BLKREPL_MAX_MEMBERS) {
		NL_SET_ERR_MSG(extack, "a group has at most 128 members");
		return -ERANGE;
	}
	if (g->link) {
		NL_SET_ERR_MSG(extack, "the group is in a relationship; detach it first");
		return -EBUSY;
	}
	if (g->fenced) {
		NL_SET_ERR_MSG(extack, "the group has no replica devices at present");
		return -EBUSY;
	}
	for (i = 0; i < g->nr_vols; i++)
		if (!strcmp(g->vol[i]->name, d->name)) {
			NL_SET_ERR_MSG(extack, "the group has a member of that name already");
			return -EEXIST;
		}
	return 0;
}

/**
 * blkrepl_member_add - add a member to a group that is up
 * @g: the group
 * @d: the member; its index does not matter
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 * Return: 0, also when it is a member already.
 */
int blkrepl_member_add(struct blkrepl_group *g, const struct blkrepl_device *d,
		       struct netlink_ext_ack *extack)
{
	struct blkrepl_device last = *d;
	struct blkrepl_vol *vol;
	int r;

	lockdep_assert_held(&g->conf);
	if (find_member(g, d->uuid))
		return 0;
	r = check_new(g, d, extack);
	if (r)
		return r;
	last.index = g->nr_vols;
	vol = blkrepl_vol_new(g, &last, extack);
	if (IS_ERR(vol))
		return PTR_ERR(vol);
	vol->place = free_place(g);
	r = blkrepl_intent_init(vol);
	r = r ?: add_durably(vol, extack);
	if (r) {
		blkrepl_vol_put(vol);
		return r;
	}
	r = blkrepl_vol_add_disk(vol);
	if (r) {
		if (!remove_durably(vol))
			bury(vol);
		return r;
	}
	blkrepl_notify_group(g, BLKREPL_EVENT_MEMBERS);
	return 0;
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
	struct blkrepl_vol *vol = find_member(g, uuid);
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
	if (g->link) {
		NL_SET_ERR_MSG(extack, "the group is in a relationship; detach it first");
		return -EBUSY;
	}
	r = close_to_users(vol, extack);
	if (r)
		return r;
	r = remove_durably(vol);
	if (r) {
		open_to_users(vol);
		return r;
	}
	bury(vol);
	blkrepl_notify_group(g, BLKREPL_EVENT_MEMBERS);
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
	if (is_free) {
		spin_lock(&g->link_lock);
		strscpy_pad(g->name, name, BLKREPL_NAME_SIZE);
		spin_unlock(&g->link_lock);
	}
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
	for (i = 0; i < g->nr_vols && !g->fenced; i++)
		kobject_uevent(&disk_to_dev(g->vol[i]->disk)->kobj, KOBJ_CHANGE);
	blkrepl_notify_group(g, BLKREPL_EVENT_RENAMED);
	return 0;
}
