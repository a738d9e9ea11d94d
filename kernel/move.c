// SPDX-License-Identifier: GPL-2.0
/*
 * Pairs move from one relationship to another, both sides of them.
 *
 * No data are copied or changed, and nothing of what is known about them is lost:
 * the other relationship gets the write-intent marks and the bitmap of what
 * differs, at new places on its log volumes, before anything is changed. The
 * replica devices are closed, so that both stay as they are meanwhile.
 *
 * Then, with the writes of both groups held, the first one's link block is
 * written without the pairs, and the other one's with them. A crash in between
 * leaves the pairs in neither: two groups must not both take a volume for theirs.
 * They join the other group as new ones then, with everything counting as
 * different; whoever asked for the move has noted it and sees to that. Where the
 * second write fails, the first is taken back.
 *
 * The volumes stay open all the time, those of the targets included.
 */
#include <linux/netlink.h>
#include <linux/slab.h>

#include "blkrepl.h"

struct move {
	struct blkrepl_group *from, *to;
	struct blkrepl_vol **vol;
	unsigned int *place;		/* that each will have */
	unsigned int nr;
	struct blkrepl_link *old_from, *new_from;
	struct blkrepl_link *old_to, *new_to;
	struct blkrepl_conn *conn_from, *conn_to;
	struct netlink_ext_ack *extack;
};

/* Whether a member is among the first of those that move. */
static bool moves(const struct move *m, const struct blkrepl_vol *vol, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (m->vol[i] == vol)
			return true;
	return false;
}

static bool is_taken(const struct move *m, unsigned int place, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < m->to->nr_vols; i++)
		if (m->to->vol[i]->place == place)
			return true;
	for (i = 0; i < n; i++)
		if (m->place[i] == place)
			return true;
	return false;
}

/* Behind the last member, in the order given, as long as there are places. */
static void choose_places(struct move *m)
{
	unsigned int i, next = m->to->nr_vols ? m->to->vol[m->to->nr_vols - 1]->place + 1 : 0;

	for (i = 0; i < m->nr; i++) {
		if (next >= BLKREPL_MAX_MEMBERS)
			for (next = 0; is_taken(m, next, i); next++)
				;
		m->place[i] = next++;
	}
}

static int check_names(struct move *m)
{
	unsigned int i, k;

	for (i = 0; i < m->nr; i++)
		for (k = 0; k < m->to->nr_vols; k++)
			if (!strcmp(m->vol[i]->name, m->to->vol[k]->name)) {
				NL_SET_ERR_MSG(m->extack, "the group has a member of that name already");
				return -EEXIST;
			}
	return 0;
}

static int check(struct move *m)
{
	struct blkrepl_link *from = m->old_from, *to = m->old_to;

	if (from->sync_type != to->sync_type || from->mode != to->mode ||
	    (from->flags & BLKREPL_LINK_TARGET_SIDE) != (to->flags & BLKREPL_LINK_TARGET_SIDE)) {
		NL_SET_ERR_MSG(m->extack, "the two relationships are of different kind, mode or direction");
		return -EINVAL;
	}
	if (m->from->fenced || m->to->fenced) {
		NL_SET_ERR_MSG(m->extack, "one of the groups has no replica devices at present");
		return -EBUSY;
	}
	if (!blkrepl_link_may_regroup(from, m->extack) || !blkrepl_link_may_regroup(to, m->extack))
		return -EBUSY;
	if (from->state == BLKREPL_COPY_STATE_UNSYNCHRONIZED ||
	    (to->nr_pairs && to->state != from->state)) {
		NL_SET_ERR_MSG(m->extack, "pairs move between relationships that are both Synchronized, or both stopped alike");
		return -EBUSY;
	}
	if (m->to->nr_vols + m->nr > BLKREPL_MAX_MEMBERS) {
		NL_SET_ERR_MSG(m->extack, "a group has at most 128 members");
		return -ERANGE;
	}
	return check_names(m);
}

/* What the relationships become; their pairs are in the order of their places. */
static int plan(struct move *m)
{
	struct blkrepl_vol **v = kcalloc(BLKREPL_MAX_MEMBERS, sizeof(*v), GFP_KERNEL);
	unsigned int i, n = 0;

	if (!v)
		return -ENOMEM;
	choose_places(m);
	for (i = 0; i < m->from->nr_vols; i++)
		if (!moves(m, m->from->vol[i], m->nr))
			v[n++] = m->from->vol[i];
	m->new_from = blkrepl_regroup_like(m->old_from, v, n);
	n = 0;
	for (i = 0; i < BLKREPL_MAX_MEMBERS; i++) {
		unsigned int k;

		for (k = 0; k < m->to->nr_vols; k++)
			if (m->to->vol[k]->place == i)
				v[n++] = m->to->vol[k];
		for (k = 0; k < m->nr; k++)
			if (m->place[k] == i)
				v[n++] = m->vol[k];
	}
	m->new_to = blkrepl_regroup_like(m->old_to, v, n);
	kfree(v);
	if (!m->new_from || !m->new_to)
		return -ENOMEM;
	for (i = 0; i < m->nr; i++) {
		const struct blkrepl_pair *old = blkrepl_regroup_pair(m->old_from, m->vol[i]);
		struct blkrepl_pair *new = blkrepl_regroup_pair(m->new_to, m->vol[i]);

		new->place = m->place[i];
		new->peer_sectors = old->peer_sectors;
		memcpy(new->uuid, old->uuid, BLKREPL_UUID_SIZE);
		strscpy(new->name, old->name, BLKREPL_NAME_SIZE);
	}
	return 0;
}

static void fill_with(void *ctx, unsigned int place, struct blkrepl_disk_member *d)
{
	const struct move *m = ctx;
	unsigned int i;

	for (i = 0; i < m->to->nr_vols; i++)
		if (m->to->vol[i]->place == place)
			blkrepl_vol_fill_disk(m->to->vol[i], d);
	for (i = 0; i < m->nr; i++)
		if (m->place[i] == place)
			blkrepl_vol_fill_disk(m->vol[i], d);
}

/* What is known of a pair, at its place on this side's other log volume. */
static int write_known(struct move *m, unsigned int i)
{
	struct blkrepl_pair *pair = blkrepl_regroup_pair(m->old_from, m->vol[i]);
	struct blkrepl_layout *l = m->to->log.layout;
	int r;

	mutex_lock(&m->to->meta_lock);
	blkrepl_log_take_size(&m->to->log);
	r = blkrepl_layout_provide(l, BLKREPL_BLOCK_INTENT, 0, m->place[i],
				   m->vol[i]->intent.nr_chunks);
	r = r ?: blkrepl_layout_provide(l, BLKREPL_BLOCK_DIRTY, 0, m->place[i],
					pair->dirty.nr_chunks);
	r = r ?: blkrepl_log_write_areas(&m->to->log);
	mutex_unlock(&m->to->meta_lock);
	if (r == -ENOSPC)
		NL_SET_ERR_MSG(m->extack, "the group's log volume is too small for another member; extend it");
	if (r)
		return r;
	return blkrepl_intent_copy_to(m->vol[i], pair, &m->to->log, m->place[i],
				      m->old_to->dirty_tag);
}

/* Both log volumes of the other relationship know what is to come; nothing counts yet. */
static int prepare(struct move *m)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < m->nr && !r; i++)
		r = write_known(m, i);
	if (r)
		return r;
	r = blkrepl_half_provide(m->new_to, m->conn_to);
	if (r == -ENOSPC)
		NL_SET_ERR_MSG(m->extack, "the target's log volume is too small for another member; extend it");
	r = r ?: blkrepl_half_write_members(m->new_to, m->conn_to);
	return r ?: blkrepl_log_write_members(&m->to->log, fill_with, m);
}

/* Undo prepare(); what fails is found when the log volumes are read next. */
static void forget(struct move *m)
{
	unsigned int i;

	blkrepl_group_write_members(m->to);
	blkrepl_half_write_members(m->old_to, m->conn_to);
	for (i = 0; i < m->nr; i++) {
		blkrepl_place_drop_own(m->to, m->place[i]);
		blkrepl_place_drop(&m->conn_to->log, m->place[i]);
	}
}

static int hold(struct move *m, unsigned int timeout_ms)
{
	int r = blkrepl_regroup_hold(m->old_to, timeout_ms, m->extack);

	if (r)
		return r;
	r = blkrepl_regroup_hold(m->old_from, timeout_ms, m->extack);
	if (r)
		blkrepl_group_release(m->to);
	return r;
}

/* One without pairs is none that could flow. */
static unsigned int state_without(const struct move *m)
{
	return m->new_from->nr_pairs ? m->old_from->state : BLKREPL_COPY_STATE_INITIALIZED;
}

/* What holds of the pairs holds of those that they join. */
static void weaken(struct move *m)
{
	const u32 weak = BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY |
			 BLKREPL_LINK_COMPARE | BLKREPL_LINK_APART;
	struct blkrepl_link *from = m->old_from, *to = m->old_to;

	m->new_to->flags |= from->flags & weak;
	/* Those that were stopped at different instants are no prefix of one order. */
	if (blkrepl_link_dirty_blocks(from) || blkrepl_link_dirty_blocks(to))
		m->new_to->flags |= BLKREPL_LINK_APART;
}

static int commit(struct move *m, bool *unsure)
{
	struct blkrepl_link *like = m->old_to->nr_pairs ? m->old_to : m->old_from;
	int r;

	r = blkrepl_regroup_commit(m->old_from, m->old_from, m->new_from, state_without(m),
				   unsure);
	if (r)
		return r;
	if (like == m->old_to)
		weaken(m);
	r = blkrepl_regroup_commit(m->old_to, like, m->new_to, m->old_from->state, unsure);
	if (r && blkrepl_regroup_undo(m->old_from))
		*unsure = true;
	return r;
}

static void hand_on(struct move *m, unsigned int i)
{
	struct blkrepl_vol *vol = m->vol[i];

	blkrepl_place_take(m->from, vol);
	/* Whoever opens the device looks again once it has the lock. */
	spin_lock(&m->from->open_lock);
	WRITE_ONCE(vol->group, m->to);
	spin_unlock(&m->from->open_lock);
	vol->place = m->place[i];
	blkrepl_place_put(m->to, vol);
	blkrepl_regroup_take_over(m->old_from, blkrepl_regroup_pair(m->new_to, vol));
}

static void switch_over(struct move *m)
{
	unsigned int i;

	mutex_lock(&m->from->meta_lock);
	mutex_lock_nested(&m->to->meta_lock, SINGLE_DEPTH_NESTING);
	for (i = 0; i < m->nr; i++)
		blkrepl_conn_hide_leg(m->old_from, m->vol[i]->index);
	for (i = 0; i < m->nr; i++)
		hand_on(m, i);
	blkrepl_regroup_switch(m->old_from, m->new_from);
	blkrepl_conn_hand_on(m->conn_from, m->new_from->nr_pairs, m->conn_to);
	blkrepl_regroup_switch(m->old_to, m->new_to);
	/* One without pairs had nothing to be stale. */
	if (!m->old_to->nr_pairs)
		m->new_to->stale_durable = m->old_from->stale_durable;
	mutex_unlock(&m->to->meta_lock);
	mutex_unlock(&m->from->meta_lock);
}

/* They are gone from the first relationship; what fails here is found at the next start. */
static void clear_away(struct move *m, const unsigned int *place)
{
	unsigned int i;

	if (!m->new_from->peer.other_pairs) {
		blkrepl_half_write_members(m->new_from, m->conn_from);
		for (i = 0; i < m->nr; i++)
			blkrepl_place_drop(&m->conn_from->log, place[i]);
	}
	blkrepl_group_write_members(m->from);
	for (i = 0; i < m->nr; i++)
		blkrepl_place_drop_own(m->from, place[i]);
}

static int carry_out(struct move *m, unsigned int timeout_ms)
{
	unsigned int *place = kcalloc(m->nr, sizeof(*place), GFP_KERNEL);
	bool unsure = false;
	unsigned int i;
	int r;

	if (!place)
		return -ENOMEM;
	for (i = 0; i < m->nr; i++)
		place[i] = m->vol[i]->place;
	r = prepare(m);
	r = r ?: hold(m, timeout_ms);
	if (r) {
		forget(m);
		goto out;
	}
	r = commit(m, &unsure);
	if (!r)
		switch_over(m);
	/* In the reverse order of hold(). */
	blkrepl_group_release(m->from);
	blkrepl_group_release(m->to);
	if (r) {
		NL_SET_ERR_MSG(m->extack, "a log volume cannot be written");
		if (!unsure)
			forget(m);
		goto out;
	}
	blkrepl_regroup_end(m->old_to, m->new_to, m->conn_to);
	blkrepl_regroup_end(m->old_from, m->new_from, m->conn_from);
	clear_away(m, place);
	m->old_to = m->new_to;
	m->old_from = m->new_from;
	m->new_to = m->new_from = NULL;
out:
	kfree(place);
	return r;
}

static int run(struct move *m, unsigned int timeout_ms)
{
	int r;

	m->conn_from = blkrepl_conn_tryget(m->old_from);
	m->conn_to = blkrepl_conn_tryget(m->old_to);
	if (!m->conn_from || !m->conn_to) {
		NL_SET_ERR_MSG(m->extack, "a target is not connected; connect it first");
		r = -ENOTCONN;
		goto out;
	}
	r = plan(m);
	r = r ?: blkrepl_regroup_rest(m->old_from, timeout_ms, m->extack);
	if (r)
		goto out;
	r = blkrepl_regroup_rest(m->old_to, timeout_ms, m->extack);
	if (!r) {
		r = carry_out(m, timeout_ms);
		blkrepl_regroup_resume(m->old_to);
	}
	blkrepl_regroup_resume(m->old_from);
	if (!r)
		blkrepl_conn_show(m->old_to);
out:
	if (m->new_from)
		blkrepl_link_free(m->new_from);
	if (m->new_to)
		blkrepl_link_free(m->new_to);
	if (m->conn_from)
		blkrepl_conn_put(m->conn_from);
	if (m->conn_to)
		blkrepl_conn_put(m->conn_to);
	return r;
}

/* 1 when all are members of the other group already. */
static int find(struct move *m, const struct blkrepl_device *dev)
{
	unsigned int i, done = 0;

	for (i = 0; i < m->nr; i++) {
		m->vol[i] = blkrepl_member_find(m->from, dev[i].uuid);
		if (!m->vol[i] && blkrepl_member_find(m->to, dev[i].uuid))
			done++;
		else if (!m->vol[i] || moves(m, m->vol[i], i))
			break;
	}
	if (done && done == m->nr)
		return 1;
	if (i == m->nr && !done)
		return 0;
	NL_SET_ERR_MSG(m->extack, "the group has no such member, or it is given twice");
	return -ENOENT;
}

/**
 * blkrepl_pairs_move - move pairs to another relationship
 * @from: the group that has them
 * @to: the group that is to have them
 * @dev: the members; their indices do not matter
 * @nr: how many
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * Context: may sleep; conf of both groups is held.
 * Return: 0, also when @to has them already.
 */
int blkrepl_pairs_move(struct blkrepl_group *from, struct blkrepl_group *to,
		       const struct blkrepl_device *dev, unsigned int nr,
		       unsigned int timeout_ms, struct netlink_ext_ack *extack)
{
	struct move m = {
		.from = from, .to = to, .nr = nr, .extack = extack,
		.old_from = from->link, .old_to = to->link,
	};
	unsigned int i, closed = 0;
	int r = -ENOMEM;

	lockdep_assert_held(&from->conf);
	lockdep_assert_held(&to->conf);
	if (!from->link || !to->link) {
		NL_SET_ERR_MSG(extack, "pairs move between groups that are both in a relationship");
		return -EINVAL;
	}
	m.vol = kcalloc(nr, sizeof(*m.vol), GFP_KERNEL);
	m.place = kcalloc(nr, sizeof(*m.place), GFP_KERNEL);
	if (!m.vol || !m.place)
		goto out;
	r = find(&m, dev);
	if (r) {
		r = min(r, 0);
		goto out;
	}
	r = check(&m);
	while (!r && closed < nr) {
		r = blkrepl_member_close(m.vol[closed], extack);
		closed += !r;
	}
	r = r ?: run(&m, timeout_ms);
	for (i = 0; i < closed; i++) {
		blkrepl_member_reopen(m.vol[i]);
		if (!r)
			blkrepl_vol_tell_udev(m.vol[i]);
	}
	if (!r) {
		blkrepl_notify_group(from, BLKREPL_EVENT_MEMBERS);
		blkrepl_notify_group(to, BLKREPL_EVENT_MEMBERS);
	}
out:
	kfree(m.place);
	kfree(m.vol);
	return r;
}
