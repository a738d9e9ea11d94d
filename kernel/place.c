// SPDX-License-Identifier: GPL-2.0
/*
 * What a member has on a log volume: an entry in the member table, at its place,
 * and areas that go by the place.
 *
 * Who is a member is told by one block, so that a crash leaves the old members
 * or the new ones: without a relationship by the member table, where one block
 * changes; with one by the link block. There an entry counts only if it has a
 * pair. What else belongs to a member is made before that block is written and
 * taken away after it. What an interrupted change left, entries without a pair
 * and areas without an entry, is dropped when the log volume is read next. The
 * blocks of an area are zeroed before they are free: whatever gets the space
 * next must not find valid blocks in it.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "blkrepl.h"

static void renumber(struct blkrepl_group *g)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		g->vol[i]->index = i;
}

/**
 * blkrepl_place_put - let everybody see a member; the log volume knows it
 * @g: the group
 * @vol: the member, with its place
 *
 * Context: may sleep; g->conf and g->meta_lock are held.
 */
void blkrepl_place_put(struct blkrepl_group *g, struct blkrepl_vol *vol)
{
	unsigned int i;

	lockdep_assert_held(&g->conf);
	lockdep_assert_held(&g->meta_lock);
	spin_lock(&g->link_lock);
	for (i = g->nr_vols; i && g->vol[i - 1]->place > vol->place; i--)
		g->vol[i] = g->vol[i - 1];
	g->vol[i] = vol;
	g->nr_vols++;
	renumber(g);
	spin_unlock(&g->link_lock);
}

/**
 * blkrepl_place_take - undo blkrepl_place_put(); the log volume does not know it any more
 * @g: the group
 * @vol: the member
 *
 * Context: may sleep; g->conf and g->meta_lock are held.
 */
void blkrepl_place_take(struct blkrepl_group *g, struct blkrepl_vol *vol)
{
	unsigned int i;

	lockdep_assert_held(&g->conf);
	lockdep_assert_held(&g->meta_lock);
	spin_lock(&g->link_lock);
	g->nr_vols--;
	for (i = vol->index; i < g->nr_vols; i++)
		g->vol[i] = g->vol[i + 1];
	renumber(g);
	spin_unlock(&g->link_lock);
}

/**
 * blkrepl_place_zero - make the blocks of a place's areas invalid
 * @log: the log volume; nobody changes its layout meanwhile
 * @place: the place, which no member has
 *
 * Context: may sleep.
 */
int blkrepl_place_zero(struct blkrepl_log *log, unsigned int place)
{
	const struct blkrepl_layout *l = log->layout;
	int r = 0;
	u32 i;

	for (i = 0; i < l->nr && !r; i++)
		if (l->area[i].member == place)
			r = blkrepl_log_zero(log, l->area[i].start, 2 * (u64)l->area[i].nr);
	return r;
}

static int drop_areas(struct blkrepl_log *log, unsigned int place)
{
	blkrepl_layout_drop(log->layout, BLKREPL_BLOCK_INTENT, 0, place);
	blkrepl_layout_drop(log->layout, BLKREPL_BLOCK_DIRTY, 0, place);
	return blkrepl_log_write_areas(log);
}

/**
 * blkrepl_place_drop - give the areas of a place back
 * @log: the log volume; of the other side, or of a group that is not up yet
 * @place: the place, which no member has
 *
 * Context: may sleep.
 */
int blkrepl_place_drop(struct blkrepl_log *log, unsigned int place)
{
	return blkrepl_place_zero(log, place) ?: drop_areas(log, place);
}

/**
 * blkrepl_place_drop_own - the same for a group that is up
 * @g: the group
 * @place: the place, which no member has
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_place_drop_own(struct blkrepl_group *g, unsigned int place)
{
	int r;

	lockdep_assert_held(&g->conf);
	/* The layout changes under g->conf only; others may look at it meanwhile. */
	r = blkrepl_place_zero(&g->log, place);
	if (r)
		return r;
	mutex_lock(&g->meta_lock);
	r = drop_areas(&g->log, place);
	mutex_unlock(&g->meta_lock);
	return r;
}

/**
 * blkrepl_place_tidy - drop areas that no member has
 * @log: as for blkrepl_place_drop()
 * @used: the places of the members
 *
 * Context: may sleep.
 */
int blkrepl_place_tidy(struct blkrepl_log *log, const unsigned long *used)
{
	struct blkrepl_layout *l = log->layout;
	int r = 0;
	u32 i = 0;

	while (i < l->nr && !r) {
		if (l->area[i].member == BLKREPL_NO_MEMBER || test_bit(l->area[i].member, used)) {
			i++;
			continue;
		}
		r = blkrepl_place_drop(log, l->area[i].member);
		i = 0;
	}
	return r;
}

/**
 * blkrepl_place_tidy_own - the same for a group that comes up
 * @g: the group; its members have their places
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_place_tidy_own(struct blkrepl_group *g)
{
	DECLARE_BITMAP(used, BLKREPL_MAX_MEMBERS) = { };
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		__set_bit(g->vol[i]->place, used);
	return blkrepl_place_tidy(&g->log, used);
}

static void fill_same(void *ctx, unsigned int place, struct blkrepl_disk_member *m)
{
	const struct blkrepl_disk_member *table = ctx;

	*m = table[place];
}

/**
 * blkrepl_place_settle - drop entries that have no pair
 * @log: a loaded log volume; nothing is done where it holds no relationship
 *
 * Context: may sleep.
 */
int blkrepl_place_settle(struct blkrepl_log *log)
{
	struct blkrepl_disk_member *m = kvcalloc(BLKREPL_MAX_MEMBERS, sizeof(*m), GFP_NOIO);
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_NOIO);
	bool any = false;
	unsigned int i;
	int r = -ENOMEM;

	if (!m || !l)
		goto out;
	r = blkrepl_log_read_link(log, l);
	r = r ?: blkrepl_log_read_members(log, m);
	for (i = 0; i < BLKREPL_MAX_MEMBERS && !r; i++) {
		if (!(le32_to_cpu(m[i].flags) & BLKREPL_MEMBER_USED) ||
		    !blkrepl_uuid_is_null(l->pair_uuid[i]))
			continue;
		memset(&m[i], 0, sizeof(m[i]));
		any = true;
	}
	if (any && !r)
		r = blkrepl_log_write_members(log, fill_same, m);
out:
	kfree(l);
	kvfree(m);
	return r == -ENOENT ? 0 : r;
}
