// SPDX-License-Identifier: GPL-2.0
/*
 * Mirroring begins.
 *
 * Pairs go to MIRROR only while writes are held and none is in flight, for a write
 * that is merely tracked must not be overtaken by the end of a copy. What a copy
 * is about to do to the target stands on its log volume before. Two sides that are
 * the same need no copy and stay Synchronized.
 */
#include "blkrepl.h"

/*
 * Which pairs are not to be mirrored: those that went alone, and one where a write
 * may still come late. Writes are held; what owns a range is a copy that was begun
 * before the pair went out and does not know that yet. What was out before all were
 * stopped is of no matter any more. Where mirroring cannot begin nothing changes.
 */
static int leave_out(struct blkrepl_link *link, struct netlink_ext_ack *extack)
{
	const bool mixed = READ_ONCE(link->state) == BLKREPL_COPY_STATE_MIXED;
	DECLARE_BITMAP(stopped, BLKREPL_MAX_MEMBERS) = {};
	DECLARE_BITMAP(late, BLKREPL_MAX_MEMBERS) = {};
	unsigned int i, out = 0;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		if (READ_ONCE(pair->mode) == BLKREPL_PAIR_MIRROR)
			continue;
		__set_bit(i, stopped);
		if (blkrepl_conn_orphaned(pair) || (mixed && !blkrepl_range_none(pair->vol)))
			__set_bit(i, late);
		out += test_bit(i, late) || (mixed && READ_ONCE(pair->out));
	}
	if (out && (out == link->nr_pairs ||
		    (!mixed && (link->flags & BLKREPL_LINK_CONSISTENCY)))) {
		NL_SET_ERR_MSG(extack, "requests that the target did not answer are still in flight");
		return -EBUSY;
	}
	spin_lock_irq(&link->lock);
	for_each_set_bit(i, stopped, link->nr_pairs)
		if (!mixed || test_bit(i, late))
			WRITE_ONCE(link->pair[i].out, test_bit(i, late));
	spin_unlock_irq(&link->lock);
	return out > 0;
}

static void begin_mirroring(struct blkrepl_link *link, enum blkrepl_pair_mode mode)
{
	unsigned int i;

	if (mode == BLKREPL_PAIR_MIRROR)
		blkrepl_capture_over(link);
	spin_lock_irq(&link->lock);
	link->stale_durable = false;
	link->hold_io = false;
	link->error = 0;
	WRITE_ONCE(link->turns, link->turns + 1);
	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		if (pair->out)
			continue;
		WRITE_ONCE(pair->suspect, false);
		WRITE_ONCE(pair->mode, mode);
	}
	spin_unlock_irq(&link->lock);
}

/* The source copies to the target; the target to the source while it fails back. */
static bool may_drive(struct blkrepl_link *link)
{
	const u32 target = BLKREPL_LINK_TARGET_SIDE | BLKREPL_LINK_FAILING_BACK;

	return !(link->flags & (BLKREPL_LINK_PENDING | BLKREPL_LINK_TORN)) &&
	       (link->flags & target) != BLKREPL_LINK_TARGET_SIDE;
}

/**
 * blkrepl_link_flow - go to a state, mirroring writes if it says so
 * @link: the relationship; its target is connected if @state flows
 * @state: the CopyState to go to. One that flows becomes Unsynchronized and
 *	starts the copy, or Mixed where a pair has to be left out. Synchronized is for
 *	two sides that are the same: it stays where no write comes in between.
 * @timeout_ms: longest hold of writes
 * @reason: a sentence
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_flow(struct blkrepl_link *link, unsigned int state, unsigned int timeout_ms,
		      const char *reason, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	bool awaited, fuzzy = false, same = state == BLKREPL_COPY_STATE_SYNCHRONIZED;
	const u32 was = link->flags;
	struct blkrepl_conn *conn;
	struct blkrepl_gens gens;
	int r;

	lockdep_assert_held(&g->conf);
	if (blkrepl_state_flows(state) && (link->flags & BLKREPL_LINK_RESTORING))
		return blkrepl_restore_start(link, timeout_ms, reason, extack);
	if (blkrepl_state_flows(state) && !may_drive(link)) {
		NL_SET_ERR_MSG(extack, "this side is not the one that the other is copied from");
		return -EBUSY;
	}
	if (!blkrepl_state_flows(state) || blkrepl_link_mirrors(link)) {
		r = 0;
		mutex_lock(&link->state_lock);
		if (link->state != state)
			r = blkrepl_link_set_state(link, state, reason);
		mutex_unlock(&link->state_lock);
		return r;
	}

	/* One that seems to flow but was stopped has not been told of its loss yet. */
	flush_work(&link->stale_work);
	conn = blkrepl_conn_tryget(link);
	if (!conn) {
		NL_SET_ERR_MSG(extack, "the target is not connected; connect it first");
		return -ENOTCONN;
	}
	r = blkrepl_half_changes(link, conn, true);
	r = r ?: blkrepl_half_fit(link, true);
	blkrepl_conn_put(conn);
	if (r) {
		NL_SET_ERR_MSG(extack, "what the target has changed by itself cannot be read");
		return r;
	}
again:
	conn = blkrepl_conn_tryget(link);
	if (!conn) {
		NL_SET_ERR_MSG(extack, "the target is not connected; connect it first");
		r = -ENOTCONN;
		goto untouched;
	}
	/* What the copy is about to do to the target stands there first. */
	if (blkrepl_link_dirty_blocks(link)) {
		fuzzy = fuzzy || (blkrepl_catchup_may(link) && !blkrepl_catchup_prepare(link, conn));
		mutex_lock(&link->state_lock);
		if (!fuzzy)
			link->flags |= BLKREPL_LINK_INCONSISTENT;
		mutex_unlock(&link->state_lock);
		same = false;
	}
	r = blkrepl_half_tell(link, conn, same ? BLKREPL_COPY_STATE_SYNCHRONIZED :
						 BLKREPL_COPY_STATE_UNSYNCHRONIZED);
	blkrepl_conn_put(conn);
	if (r) {
		NL_SET_ERR_MSG(extack, "the target's log volume cannot be written");
		goto untouched;
	}

	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		goto untouched;
	}
	if ((blkrepl_link_dirty_blocks(link) && !fuzzy &&
	     !(link->flags & BLKREPL_LINK_INCONSISTENT)) ||
	    !blkrepl_conn_alive(link)) {
		/* A write came in between, or the target went again. */
		blkrepl_group_release(g);
		goto again;
	}
	r = leave_out(link, extack);
	if (r < 0) {
		blkrepl_group_release(g);
		goto untouched;
	}
	same = same && !r;
	r = fuzzy ? blkrepl_capture_open(link, true) : r;
	if (r < 0) {
		NL_SET_ERR_MSG(extack, "there is no memory to capture writes");
		blkrepl_group_release(g);
		goto untouched;
	}
	state = r ? BLKREPL_COPY_STATE_MIXED : same ? BLKREPL_COPY_STATE_SYNCHRONIZED :
						      BLKREPL_COPY_STATE_UNSYNCHRONIZED;
	mutex_lock(&link->state_lock);
	/* Writes may still wait for the target's staleness to be durable. */
	spin_lock_irq(&link->lock);
	awaited = !list_empty(&link->await) && !link->hold_io &&
		  !(link->flags & BLKREPL_LINK_HOLD_ON_FAILURE);
	spin_unlock_irq(&link->lock);
	gens = link->gens;
	/* Begun once it goes on by itself, whatever the generations say meanwhile. */
	if (link->target_gens.base)
		link->flags |= BLKREPL_LINK_OVERWRITE;
	if (awaited)
		blkrepl_link_fork(link);
	if (state == BLKREPL_COPY_STATE_MIXED)
		link->flags |= BLKREPL_LINK_APART;
	r = blkrepl_link_set_state(link, state, reason);
	if (r) {
		link->gens = gens;
		if (fuzzy)
			blkrepl_capture_close(link);
	} else {
		if (awaited)
			blkrepl_link_answer(link, false, BLK_STS_OK);
		if (same)
			link->probe_backoff = 1;
		begin_mirroring(link, fuzzy ? BLKREPL_PAIR_CAPTURE : BLKREPL_PAIR_MIRROR);
	}
	mutex_unlock(&link->state_lock);
	blkrepl_group_release(g);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
		goto untouched;
	}
	if (!same)
		blkrepl_copy_start(link);
	return 0;

untouched:
	if (fuzzy)
		blkrepl_catchup_forget(link, true);
	/* Nothing was sent: what the target has is as good as it was. */
	mutex_lock(&link->state_lock);
	link->flags = was;
	if (r != -ENOTCONN)
		blkrepl_link_unsure(link);
	state = link->state;
	mutex_unlock(&link->state_lock);
	conn = blkrepl_conn_tryget(link);
	if (conn) {
		blkrepl_half_tell(link, conn, state);
		blkrepl_conn_put(conn);
	}
	return r;
}
