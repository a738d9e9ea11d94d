// SPDX-License-Identifier: GPL-2.0
/*
 * The other half of a relationship, on the other side's log volume.
 *
 * While a side's group is up nobody but it writes its half. While it is not, the
 * side that has connected it does: what the other side may do, from which
 * generation on it counts its own changes, and, once both are the same, that
 * there are none. What the other side has changed by itself is read here too.
 */
#include <linux/bitmap.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "blkrepl.h"

/**
 * blkrepl_half_forget - remove a relationship from a log volume
 * @log: this side's or the other's
 * @torn: mark the members: they were left in the middle of a copy
 *
 * Context: may sleep; for this side's log volume group->meta_lock is held.
 */
int blkrepl_half_forget(struct blkrepl_log *log, bool torn)
{
	struct blkrepl_disk_link *l = kzalloc(sizeof(*l), GFP_NOIO);
	unsigned int i;
	int r = 0;

	if (!l)
		return -ENOMEM;
	/* Without the pairs every entry counts. */
	r = blkrepl_place_settle(log);
	if (!r && torn) {
		log->super->flags |= cpu_to_le32(BLKREPL_SB_TORN);
		r = blkrepl_log_write_super(log);
	}
	r = r ?: blkrepl_log_write_link(log, l);
	kfree(l);
	if (r)
		return r;
	for (i = 0; i < BLKREPL_MAX_MEMBERS; i++)
		blkrepl_layout_drop(log->layout, BLKREPL_BLOCK_DIRTY, 0, i);
	blkrepl_layout_drop(log->layout, BLKREPL_BLOCK_RING, 0, BLKREPL_NO_MEMBER);
	return blkrepl_log_write_areas(log);
}

/**
 * blkrepl_half_replay - bring a group's members to the end of what its journal has
 * @g: the group, which is on the list; nothing is written to it yet
 * @l: its half of the relationship; its recovery point is brought up to date
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_half_replay(struct blkrepl_group *g, struct blkrepl_disk_link *l,
			struct netlink_ext_ack *extack)
{
	struct blkrepl_disk_member *m;
	struct blkrepl_apply *apply;
	unsigned int i, k;
	u64 us = 0, seq;
	int r;

	if (!blkrepl_half_replays(le16_to_cpu(l->copy_state), le32_to_cpu(l->flags)))
		return 0;
	m = kvcalloc(BLKREPL_MAX_MEMBERS, sizeof(*m), GFP_KERNEL);
	apply = blkrepl_apply_alloc(NULL);
	r = m && apply ? blkrepl_log_read_members(&g->log, m) : -ENOMEM;
	for (i = 0; i < BLKREPL_MAX_MEMBERS && !r; i++) {
		if (!(le32_to_cpu(m[i].flags) & BLKREPL_MEMBER_USED))
			continue;
		for (k = 0; k < g->nr_vols; k++) {
			if (!blkrepl_uuid_equal(m[i].uuid, g->vol[k]->uuid))
				continue;
			apply->member[i].bdev = blkrepl_bdev(g->vol[k]->source);
			apply->sectors[i] = min_t(u64, le64_to_cpu(m[i].sectors),
						  g->vol[k]->sectors);
		}
	}
	r = r ?: blkrepl_ring_replay(&g->log, l->uuid, apply, &us, &seq);
	if (r)
		NL_SET_ERR_MSG(extack, "the journal on the log volume cannot be replayed, and the members lack what is in it");
	else if (us > le64_to_cpu(l->recovery_point_us))
		l->recovery_point_us = cpu_to_le64(us);
	blkrepl_apply_free(apply);
	kvfree(m);
	return r;
}

static int admit_plain(struct blkrepl_group *g, bool force, struct netlink_ext_ack *extack)
{
	if (!(le32_to_cpu(g->log.super->flags) & BLKREPL_SB_TORN))
		return 0;
	if (!force) {
		NL_SET_ERR_MSG(extack, "the members were left in the middle of a copy and are not consistent; use force to take them as they are");
		return -EUCLEAN;
	}
	g->log.super->flags &= ~cpu_to_le32(BLKREPL_SB_TORN);
	return 0;
}

/**
 * blkrepl_half_admit - whether a group may come up
 * @g: the group; its superblock has been read
 * @p: what the caller asked for
 * @extack: told why not
 *
 * Context: may sleep; g->conf is held.
 * Return: 0, -EACCES where its half of a relationship says that it is closed,
 * -EUCLEAN where it is in none but was left inconsistent, or another error.
 */
int blkrepl_half_admit(struct blkrepl_group *g, const struct blkrepl_group_param *p,
		       struct netlink_ext_ack *extack)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_KERNEL);
	enum blkrepl_half access;
	unsigned int state;
	u32 flags;
	int r;

	if (!l)
		return -ENOMEM;
	r = blkrepl_log_read_link(&g->log, l);
	if (!r && p->forget && blkrepl_uuid_equal(l->uuid, p->forget)) {
		r = blkrepl_half_replay(g, l, extack);
		if (r)
			goto out;
		r = blkrepl_half_forget(&g->log, le32_to_cpu(l->flags) & BLKREPL_LINK_TORN);
		r = r ?: -ENOENT;
	}
	if (r == -ENOENT) {
		r = admit_plain(g, p->force, extack);
		goto out;
	}
	if (r) {
		NL_SET_ERR_MSG(extack, "the relationship on the log volume is damaged");
		goto out;
	}
	state = le16_to_cpu(l->copy_state);
	flags = le32_to_cpu(l->flags);
	access = blkrepl_half_access(state, flags);
	g->hidden = access == BLKREPL_HALF_HIDDEN;
	if (p->take_over && (access == BLKREPL_HALF_CLOSED ||
			     !(flags & BLKREPL_LINK_TARGET_SIDE))) {
		r = blkrepl_takeover(g, l, p->force, extack);
	} else if (access == BLKREPL_HALF_CLOSED) {
		blkrepl_say(extack, blkrepl_half_explain(state, flags));
		r = -EACCES;
	} else {
		r = blkrepl_takeover_excludes(g, l, extack);
	}
out:
	kfree(l);
	return r;
}

static void fill_other(struct blkrepl_link *link, const struct blkrepl_gens *gens,
		       unsigned int state, u32 flags, u64 tag, struct blkrepl_disk_link *l)
{
	unsigned int i;

	blkrepl_link_fill(link, gens, state, l);
	memcpy(l->peer_uuid, link->group->uuid, BLKREPL_UUID_SIZE);
	strscpy(l->peer_name, link->group->name, BLKREPL_NAME_SIZE);
	l->flags = cpu_to_le32(flags);
	l->dirty_tag = cpu_to_le64(tag);
	for (i = 0; i < link->nr_pairs; i++)
		memcpy(l->pair_uuid[link->pair[i].place], link->pair[i].vol->uuid,
		       BLKREPL_UUID_SIZE);
}

/**
 * blkrepl_half_write - write the other half
 * @link: the relationship
 * @conn: its connection; waits up to the deadline
 * @state: CopyState that it is to have
 * @flags: BLKREPL_LINK_* as of this side; the other's follow from them
 * @gens: the other side's generations
 *
 * Where the other side has no changes of its own it begins to count anew.
 *
 * Context: may sleep; link->state_lock is not held.
 */
int blkrepl_half_write(struct blkrepl_link *link, struct blkrepl_conn *conn, unsigned int state,
		       u32 flags, const struct blkrepl_gens *gens)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_KERNEL);
	u32 theirs = blkrepl_half_mirror(flags) | BLKREPL_LINK_USED;
	u64 tag = link->peer.tag;
	int r;

	if (!l)
		return -ENOMEM;
	if (!link->target_gens.base || !gens->base) {
		tag = get_random_u64();
		theirs |= BLKREPL_LINK_TRACKED_ZERO;
	} else {
		theirs |= link->peer.flags & BLKREPL_LINK_TRACKED_ZERO;
	}
	fill_other(link, gens, state, theirs, tag, l);
	if (state == BLKREPL_COPY_STATE_SYNCHRONIZED)
		l->recovery_point_us = cpu_to_le64(blkrepl_link_point(link));
	r = blkrepl_log_write_link(&conn->log, l);
	kfree(l);
	if (r)
		return r;
	link->target_gens = *gens;
	link->peer.state = state;
	link->peer.flags = theirs;
	link->peer.tag = tag;
	return 0;
}

/**
 * blkrepl_half_tell - tell the other side what has become of this one
 * @link: the relationship
 * @conn: its connection; waits up to the deadline
 * @state: CopyState that the other half is to have
 *
 * Where the two part the other side goes on by itself from here.
 *
 * Context: may sleep; link->state_lock is not held.
 */
int blkrepl_half_tell(struct blkrepl_link *link, struct blkrepl_conn *conn, unsigned int state)
{
	u32 theirs = blkrepl_half_mirror(link->flags & ~BLKREPL_LINK_PENDING);
	struct blkrepl_gens gens = link->target_gens;

	/* Which pairs are out is this side's business. */
	if (state == BLKREPL_COPY_STATE_MIXED)
		state = BLKREPL_COPY_STATE_UNSYNCHRONIZED;
	if (blkrepl_state_parted(state) && !gens.base &&
	    blkrepl_half_access(state, theirs) == BLKREPL_HALF_OPEN)
		blkrepl_gens_fork(&gens, blkrepl_fresh_generation());
	return blkrepl_half_write(link, conn, state, link->flags & ~BLKREPL_LINK_PENDING, &gens);
}

/* Visits what the other side tracked: what it has changed, or may have. */
struct visit {
	struct blkrepl_link *link;
	bool take;		/* mark it here; else only count */
	u64 blocks;
};

static void visit_hot(struct visit *v, struct blkrepl_pair *pair, u32 extent)
{
	sector_t start = (sector_t)extent * BLKREPL_EXTENT_SECTORS;

	if (start >= pair->vol->sectors)
		return;
	/*
	 * Without a generation of its own it has acknowledged nothing that this side
	 * lacks, unless it was asynchronous.
	 */
	if (v->link->target_gens.base || v->link->mode == BLKREPL_MODE_ASYNCHRONOUS)
		v->blocks += BLKREPL_EXTENT_BLOCKS;
	if (v->take)
		blkrepl_link_mark_dirty(pair, start, min_t(sector_t, BLKREPL_EXTENT_SECTORS,
							   pair->vol->sectors - start));
}

static void visit_intents(struct visit *v, struct blkrepl_pair *pair, u32 chunk,
			  const struct blkrepl_disk_bits *b)
{
	u32 bit;

	for (bit = 0; bit < BLKREPL_CHUNK_BITS; bit++)
		if (!b || le64_to_cpu(b->word[bit / 64]) >> (bit % 64) & 1)
			visit_hot(v, pair, chunk * BLKREPL_CHUNK_BITS + bit);
}

static void visit_dirty(struct visit *v, struct blkrepl_pair *pair, u32 chunk,
			const struct blkrepl_disk_bits *b)
{
	unsigned int i;

	if (!b)
		v->blocks += blkrepl_dirty_chunk_bits(&pair->dirty, chunk);
	for (i = 0; b && i < BLKREPL_CHUNK_WORDS; i++)
		v->blocks += hweight64((__force u64)b->word[i]);
	if (!v->take)
		return;
	spin_lock_irq(&pair->dirty_lock);
	blkrepl_dirty_merge(&pair->dirty, chunk, b);
	spin_unlock_irq(&pair->dirty_lock);
}

static int visit_pair(struct visit *v, struct blkrepl_conn *conn, struct blkrepl_pair *pair,
		      void *buf)
{
	const bool zero = v->link->peer.flags & BLKREPL_LINK_TRACKED_ZERO;
	const u64 tag = v->link->peer.tag;
	struct blkrepl_log *log = &conn->log;
	u32 i = pair->place, c;
	const void *b;
	u64 at;
	int r;

	for (c = 0; c < pair->vol->intent.nr_chunks; c++) {
		at = blkrepl_layout_block(log->layout, BLKREPL_BLOCK_INTENT, 0, i, c);
		r = at ? blkrepl_log_read(log, at, 2, buf) : -EUCLEAN;
		if (r)
			return r;
		visit_intents(v, pair, c, blkrepl_block_pick(buf, BLKREPL_BLOCK_INTENT, c,
							     &log->tag));
	}
	for (c = 0; v->link->target_gens.base && c < pair->dirty.nr_chunks; c++) {
		at = blkrepl_layout_block(log->layout, BLKREPL_BLOCK_DIRTY, 0, i, c);
		r = at ? blkrepl_log_read(log, at, 2, buf) : -EUCLEAN;
		if (r)
			return r;
		b = blkrepl_block_pick(buf, BLKREPL_BLOCK_DIRTY, c, &tag);
		if (b || !zero || blkrepl_block_lost(buf, BLKREPL_BLOCK_DIRTY, c, tag))
			visit_dirty(v, pair, c, b);
	}
	return 0;
}

/**
 * blkrepl_half_changes - what the other side has changed by itself
 * @link: the relationship; the other half has been met
 * @conn: its connection
 * @take: mark it as differing
 *
 * link->peer.dirty tells how many blocks; an upper bound. One that has no generation
 * of its own may have crashed in the middle of writes, which counts for nothing but
 * may be different all the same.
 *
 * Context: may sleep.
 */
int blkrepl_half_changes(struct blkrepl_link *link, struct blkrepl_conn *conn, bool take)
{
	struct visit v = { .link = link, .take = take };
	unsigned int i;
	void *buf;
	int r = 0;

	buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	for (i = 0; i < link->nr_pairs && !r; i++)
		r = visit_pair(&v, conn, &link->pair[i], buf);
	kfree(buf);
	link->peer.dirty = v.blocks;
	return r;
}

/* Write empty intent blocks: where there are none yet, or all. */
static int empty_intents(struct blkrepl_log *log, u32 place, u32 nr, bool all, void *buf)
{
	const struct blkrepl_disk_bits *b;
	u64 at, seq;
	int r = 0;
	u32 c;

	for (c = 0; c < nr && !r; c++) {
		at = blkrepl_layout_block(log->layout, BLKREPL_BLOCK_INTENT, 0, place, c);
		r = at ? blkrepl_log_read(log, at, 2, buf) : -EUCLEAN;
		if (r)
			return r;
		b = blkrepl_block_pick(buf, BLKREPL_BLOCK_INTENT, c, &log->tag);
		if (b && (!all || !memchr_inv(b->word, 0, sizeof(b->word))))
			continue;
		if (!all && blkrepl_block_lost(buf, BLKREPL_BLOCK_INTENT, c, log->tag))
			continue;
		seq = b ? blkrepl_block_seq(b) : 0;
		memset(buf, 0, BLKREPL_BLOCK_SIZE);
		r = blkrepl_log_write_bits(log, BLKREPL_BLOCK_INTENT, place, c, buf, log->tag, &seq);
	}
	return r;
}

/**
 * blkrepl_half_settle - the other side's own changes are gone
 * @link: the relationship
 * @conn: its connection
 *
 * Its intent marks are taken away; its bitmap ends with the next
 * blkrepl_half_write() that says that it has no generation of its own.
 *
 * Context: may sleep.
 */
int blkrepl_half_settle(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	unsigned int i;
	void *buf;
	int r = 0;

	buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	for (i = 0; i < link->nr_pairs && !r; i++)
		r = empty_intents(&conn->log, link->pair[i].place,
				  link->pair[i].vol->intent.nr_chunks, true, buf);
	kfree(buf);
	return r;
}

/**
 * blkrepl_half_provide - room on the other side's log volume for its members
 * @link: the relationship
 * @conn: its connection
 *
 * Afterwards its group has what it needs to come up.
 *
 * Context: may sleep.
 */
int blkrepl_half_provide(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	struct blkrepl_log *log = &conn->log;
	int r = buf ? 0 : -ENOMEM;
	unsigned int i;

	blkrepl_log_take_size(log);
	for (i = 0; i < link->nr_pairs && !r; i++) {
		unsigned int place = link->pair[i].place;
		sector_t sectors = link->pair[i].vol->sectors;

		r = blkrepl_layout_provide(log->layout, BLKREPL_BLOCK_INTENT, 0, place,
					   blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, sectors));
		r = r ?: blkrepl_layout_provide(log->layout, BLKREPL_BLOCK_DIRTY, 0, place,
						blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, sectors));
	}
	r = r ?: blkrepl_log_write_areas(log);
	for (i = 0; i < link->nr_pairs && !r; i++)
		r = empty_intents(log, link->pair[i].place,
				  link->pair[i].vol->intent.nr_chunks, false, buf);
	kfree(buf);
	return r;
}

/* The two members of a pair have the same place, each in its group. */
static void fill_member(void *ctx, unsigned int place, struct blkrepl_disk_member *m)
{
	const struct blkrepl_link *link = ctx;
	const struct blkrepl_pair *pair;
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++) {
		pair = &link->pair[i];
		if (pair->place != place)
			continue;
		/* As large as this side: it may have to serve for it, and be copied back. */
		memcpy(m->uuid, pair->uuid, BLKREPL_UUID_SIZE);
		strscpy(m->name, pair->name, BLKREPL_NAME_SIZE);
		m->sectors = cpu_to_le64(max(pair->vol->sectors, pair->peer_sectors));
		m->flags = cpu_to_le32(BLKREPL_MEMBER_USED);
	}
}

/**
 * blkrepl_half_write_members - write the other side's member table
 * @link: the relationship
 * @conn: its connection
 *
 * Context: may sleep.
 */
int blkrepl_half_write_members(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	return blkrepl_log_write_members(&conn->log, fill_member, link);
}

/* The log volume is that of the very group that is to be the target, in no relationship. */
static bool is_free_group(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_KERNEL);
	bool is_free = l && blkrepl_uuid_equal(conn->log.super->group_uuid, link->peer_uuid) &&
		       blkrepl_log_read_link(&conn->log, l) == -ENOENT;

	kfree(l);
	return is_free;
}

/**
 * blkrepl_half_format - make the other side's log volume that of a new group
 * @link: the relationship
 * @conn: its connection
 * @force: overwrite metadata
 * @extack: told what is wrong
 *
 * Context: may sleep.
 */
int blkrepl_half_format(struct blkrepl_link *link, struct blkrepl_conn *conn, bool force,
			struct netlink_ext_ack *extack)
{
	int r = blkrepl_log_load(&conn->log, NULL);

	if (!r && !force && !is_free_group(link, conn)) {
		NL_SET_ERR_MSG(extack, "the target's log volume holds a group already; use force to overwrite it");
		return -EPERM;
	}
	if (r && r != -EMEDIUMTYPE && !force) {
		NL_SET_ERR_MSG(extack, "the target's log volume cannot be read, or holds what is not understood; use force to overwrite it");
		return r;
	}
	r = blkrepl_log_format(&conn->log, link->peer_uuid, link->peer_name,
			       BLKREPL_ROLE_TARGET);
	r = r ?: blkrepl_half_write_members(link, conn);
	r = r ?: blkrepl_half_provide(link, conn);
	r = r ?: blkrepl_half_tell(link, conn, link->state);
	if (r)
		blkrepl_say(extack, r == -ENOSPC ?
			    "the target's log volume is too small for the members; extend it" :
			    "the target's log volume cannot be written");
	return r;
}

/**
 * blkrepl_half_fit - let the other side's members have the sizes of this one's
 * @link: the relationship; nothing is done where it is not connected
 * @shrink: also where they are larger: what is there will be copied over
 *
 * Context: may sleep; group->conf is held.
 * Return: 0, -EMEDIUMTYPE where they are not the members of this relationship.
 */
int blkrepl_half_fit(struct blkrepl_link *link, bool shrink)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	int r;

	if (!conn)
		return 0;
	r = blkrepl_half_check_members(link, conn, shrink);
	blkrepl_conn_put(conn);
	return r;
}

/**
 * blkrepl_half_check_members - the same on a connection that is not used yet
 * @link: the relationship
 * @conn: the connection
 * @shrink: as there
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_half_check_members(struct blkrepl_link *link, struct blkrepl_conn *conn, bool shrink)
{
	struct blkrepl_disk_member *m = kvcalloc(BLKREPL_MAX_MEMBERS, sizeof(*m), GFP_KERNEL);
	DECLARE_BITMAP(used, BLKREPL_MAX_MEMBERS) = { };
	bool fits = true, larger = false;
	unsigned int i;
	int r = -ENOMEM;

	if (!m)
		return r;
	r = blkrepl_log_read_members(&conn->log, m);
	for (i = 0; i < link->nr_pairs && !r; i++) {
		struct blkrepl_pair *pair = &link->pair[i];
		const struct blkrepl_disk_member *other = &m[pair->place];

		if (!blkrepl_uuid_equal(other->uuid, pair->uuid))
			r = -EMEDIUMTYPE;
		pair->peer_sectors = le64_to_cpu(other->sectors);
		larger = larger || pair->peer_sectors > pair->vol->sectors;
		fits = fits && (pair->peer_sectors == pair->vol->sectors ||
				(!shrink && pair->peer_sectors > pair->vol->sectors));
		if (shrink)
			pair->peer_sectors = 0;
		if (!pair->name[0])
			strscpy(pair->name, other->name, BLKREPL_NAME_SIZE);
		__set_bit(pair->place, used);
	}
	link->peer.larger = larger && !shrink;
	/* Others were to come when that was interrupted, or to go. */
	for (i = 0; i < BLKREPL_MAX_MEMBERS; i++)
		if (le32_to_cpu(m[i].flags) & BLKREPL_MEMBER_USED && !test_bit(i, used))
			fits = false;
	if (!r && !fits) {
		r = blkrepl_half_provide(link, conn);
		r = r ?: blkrepl_half_write_members(link, conn);
	}
	r = r ?: blkrepl_place_tidy(&conn->log, used);
	kvfree(m);
	return r;
}

/**
 * blkrepl_half_rename - give the other side's group another name
 * @link: the relationship
 * @name: a valid name
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_half_rename(struct blkrepl_link *link, const char *name, struct netlink_ext_ack *extack)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	int r;

	if (!conn) {
		NL_SET_ERR_MSG(extack, "the group is neither up nor connected; connect it first");
		return -ENOTCONN;
	}
	strscpy_pad(conn->log.super->group_name, name, BLKREPL_NAME_SIZE);
	r = blkrepl_log_write_super(&conn->log);
	if (r) {
		strscpy_pad(conn->log.super->group_name, link->peer_name, BLKREPL_NAME_SIZE);
	} else {
		mutex_lock(&link->state_lock);
		strscpy_pad(link->peer_name, name, BLKREPL_NAME_SIZE);
		/* Its own log volume says it; here it is for those who look. */
		blkrepl_link_store(link);
		mutex_unlock(&link->state_lock);
	}
	blkrepl_conn_put(conn);
	return r;
}

/* Whether the other half names other pairs. */
static bool other_pairs(struct blkrepl_link *link, const struct blkrepl_disk_link *l)
{
	unsigned int i, n = 0;

	for (i = 0; i < BLKREPL_MAX_MEMBERS; i++)
		n += !blkrepl_uuid_is_null(l->pair_uuid[i]);
	for (i = 0; i < link->nr_pairs; i++)
		if (!blkrepl_uuid_equal(l->pair_uuid[link->pair[i].place],
					link->pair[i].vol->uuid))
			return true;
	return n != link->nr_pairs;
}

/**
 * blkrepl_half_tell_pairs - let the other half have the pairs of this one
 * @link: the relationship
 * @conn: its connection; waits up to the deadline
 *
 * Context: may sleep; link->state_lock is not held.
 */
int blkrepl_half_tell_pairs(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	struct blkrepl_gens gens = link->target_gens;
	int r = blkrepl_half_write(link, conn, link->peer.state,
				   link->flags & ~BLKREPL_LINK_PENDING, &gens);

	link->peer.other_pairs = r;
	return r;
}

/**
 * blkrepl_half_meet - take note of what the other half says
 * @link: the relationship
 * @conn: its connection
 * @l: the other half
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_half_meet(struct blkrepl_link *link, struct blkrepl_conn *conn,
		      const struct blkrepl_disk_link *l)
{
	struct blkrepl_gens *theirs = &link->target_gens;

	blkrepl_gens_load(theirs, l);
	link->peer.state = le16_to_cpu(l->copy_state);
	link->peer.flags = le32_to_cpu(l->flags);
	link->peer.tag = le64_to_cpu(l->dirty_tag);
	link->peer.relation = blkrepl_gens_compare(&link->gens, theirs);
	link->peer.other_pairs = other_pairs(link, l);
	strscpy(link->peer_name, conn->log.super->group_name, BLKREPL_NAME_SIZE);
	return blkrepl_half_changes(link, conn, false);
}
