// SPDX-License-Identifier: GPL-2.0
/*
 * Parting from the target at one instant, and giving access or role away.
 *
 * A split makes the target exactly the source of one instant: writes are held,
 * what is in flight ends on both sides and the target is flushed; then both go
 * on by themselves.
 *
 * A hand-over is the same, but this side ends: it stores, first, that it has
 * given access or role away (PENDING), then tells the other half, then stores
 * that this was told. From the first step on its replica devices are shut; the
 * other group comes up by its half, so after the second. A crash between leaves
 * nobody who can write, never two; the group comes up hidden then, and repeating
 * the operation tells the other half.
 */
#include <linux/random.h>

#include "blkrepl.h"

/* This side's bitmap ends; both sides are the same, so it is empty. */
static void count_anew(struct blkrepl_link *link)
{
	struct blkrepl_group *g = link->group;

	mutex_lock(&g->meta_lock);
	link->dirty_tag = get_random_u64();
	link->flags |= BLKREPL_LINK_TRACKED_ZERO;
	mutex_unlock(&g->meta_lock);
}

/* Hold writes; where they are mirrored let the target have them all, durably. */
static int hold_and_drain(struct blkrepl_link *link, unsigned int timeout_ms,
			  struct netlink_ext_ack *extack)
{
	const bool flows = blkrepl_state_flows(link->state);
	struct blkrepl_group *g = link->group;
	unsigned int i;
	int r;

	link->hold_until = (jiffies + msecs_to_jiffies(timeout_ms)) | 1;
	r = blkrepl_copy_halt(link, timeout_ms);
	r = r ?: blkrepl_group_hold(g, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "what is in flight did not end in time; nothing was changed");
		goto err;
	}
	if (!flows)
		return 0;
	/* Mirroring may have ended while what was in flight was waited for. */
	r = !blkrepl_link_mirrors(link) ? -ENOTCONN :
	    blkrepl_captures(link) ? -EAGAIN :
	    blkrepl_link_dirty_blocks(link) ? -EBUSY : blkrepl_conn_flush(link);
	/* Nor may this side lose what the other is not told to be different. */
	for (i = 0; i < g->nr_vols && !r; i++)
		r = blkdev_issue_flush(blkrepl_bdev(g->vol[i]->source));
	if (!r)
		return 0;
	if (r == -EAGAIN)
		r = -ETIMEDOUT;
	blkrepl_say(extack, r == -EBUSY ?
		    "some blocks differ that should be the same; let the copy finish" :
		    r == -ENOTCONN ? "the target failed meanwhile; nothing was changed" :
		    "the target did not make its data durable in time; nothing was changed");
	blkrepl_group_release(g);
err:
	link->hold_until = 0;
	blkrepl_copy_allow(link);
	blkrepl_copy_again(link);
	return r;
}

/* The target failed after it had been drained; link->state_lock is held, and given back. */
static bool lost_meanwhile(struct blkrepl_link *link, bool mirrored,
			   struct netlink_ext_ack *extack)
{
	if (mirrored || !blkrepl_state_flows(link->state))
		return false;
	mutex_unlock(&link->state_lock);
	NL_SET_ERR_MSG(extack, "the target failed meanwhile; nothing was changed");
	blkrepl_group_release(link->group);
	link->hold_until = 0;
	blkrepl_copy_allow(link);
	return true;
}

/**
 * blkrepl_link_split - part from the target at one instant
 * @link: the relationship; connected; flows, or its target is consistent
 * @set: flags to set with it
 * @timeout_ms: longest hold of writes
 * @reason: a sentence
 * @extack: told what is wrong
 *
 * Where the target fails after the instant was taken it is told when it is met
 * again: it has that instant.
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_split(struct blkrepl_link *link, u32 set, unsigned int timeout_ms,
		       const char *reason, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	const u32 flags = link->flags;
	struct blkrepl_gens gens;
	bool mirrored;
	int r;

	lockdep_assert_held(&g->conf);
	if (!conn) {
		NL_SET_ERR_MSG(extack, "the target is not connected; connect it first");
		return -ENOTCONN;
	}
	r = hold_and_drain(link, timeout_ms, extack);
	if (r)
		goto out;
	mutex_lock(&link->state_lock);
	mirrored = blkrepl_link_stop_mirroring(link, 0);
	if (lost_meanwhile(link, mirrored, extack)) {
		r = -ENOTCONN;
		goto out;
	}
	if (mirrored)
		blkrepl_link_settle_suspects(link, true);
	gens = link->gens;
	if (mirrored || !link->stale_durable)
		blkrepl_link_fork(link);
	link->flags |= set;
	r = blkrepl_link_set_state(link, BLKREPL_COPY_STATE_SPLIT, reason);
	if (r) {
		link->gens = gens;
		link->flags = flags;
		blkrepl_link_unsure(link);
	}
	blkrepl_link_answer(link, !r, r ? BLK_STS_IOERR : BLK_STS_OK);
	mutex_unlock(&link->state_lock);
	if (r)
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
	else
		blkrepl_half_tell(link, conn, BLKREPL_COPY_STATE_SPLIT);
	blkrepl_group_release(g);
	link->hold_until = 0;
	blkrepl_copy_allow(link);
out:
	blkrepl_conn_put(conn);
	if (!r)
		blkrepl_conn_unpublish(link);
	return r;
}

/* The state that the other half of a hand-over is to have, from this half alone. */
static int tell_other(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	struct blkrepl_gens gens = link->target_gens;
	u32 flags = link->flags & ~BLKREPL_LINK_PENDING;

	if (blkrepl_half_told(link->state, link->flags, link->peer.state, link->peer.flags))
		return 0;
	/* The other side is written from here on, apart from this one. */
	if (link->state != BLKREPL_COPY_STATE_SYNCHRONIZED && !gens.base)
		blkrepl_gens_fork(&gens, blkrepl_fresh_generation());
	return blkrepl_half_write(link, conn, link->state, flags, &gens);
}

static int confirm(struct blkrepl_link *link)
{
	int r;

	mutex_lock(&link->state_lock);
	link->flags &= ~BLKREPL_LINK_PENDING;
	r = blkrepl_link_store(link);
	if (r)
		link->flags |= BLKREPL_LINK_PENDING;
	mutex_unlock(&link->state_lock);
	return r;
}

/**
 * blkrepl_link_hand_over - give access, and the role too if asked, to the other side
 * @link: the relationship; connected; flows and is synchronized, or is stopped
 * @state: CopyState that both halves are to have
 * @swap: source and target change places
 * @force: also where this side has writes that the other lacks
 * @timeout_ms: longest hold of writes
 * @reason: a sentence
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_hand_over(struct blkrepl_link *link, unsigned int state, bool swap,
			   bool force, unsigned int timeout_ms, const char *reason,
			   struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	struct blkrepl_gens gens;
	u32 flags = link->flags;
	u64 tag = link->dirty_tag;
	bool mirrored;
	int r;

	lockdep_assert_held(&g->conf);
	if (!conn) {
		NL_SET_ERR_MSG(extack, "the other side is not connected; connect it first");
		return -ENOTCONN;
	}
	if (link->peer.flags & BLKREPL_LINK_TORN) {
		NL_SET_ERR_MSG(extack, "the other side is not consistent");
		blkrepl_conn_put(conn);
		return -EBUSY;
	}
	r = hold_and_drain(link, timeout_ms, extack);
	if (r) {
		blkrepl_conn_put(conn);
		return r;
	}
	mutex_lock(&link->state_lock);
	mirrored = blkrepl_link_stop_mirroring(link, 0);
	if (lost_meanwhile(link, mirrored, extack)) {
		blkrepl_conn_put(conn);
		return -ENOTCONN;
	}
	if (!mirrored && !force && blkrepl_link_dirty_blocks(link)) {
		mutex_unlock(&link->state_lock);
		NL_SET_ERR_MSG(extack, "the operation needs force, for the source was written and the other side lacks that");
		blkrepl_group_release(g);
		link->hold_until = 0;
		blkrepl_copy_allow(link);
		blkrepl_conn_put(conn);
		return -EPERM;
	}
	gens = link->gens;
	if (mirrored) {
		blkrepl_link_settle_suspects(link, true);
		count_anew(link);
	} else if (!gens.base) {
		/* What its bitmap has, suspects of a crash, counts from here on. */
		blkrepl_link_fork(link);
	}
	link->flags |= BLKREPL_LINK_PENDING;
	link->flags &= ~BLKREPL_LINK_FAILING_BACK;
	if (swap)
		link->flags ^= BLKREPL_LINK_TARGET_SIDE;
	r = blkrepl_link_set_state(link, state, reason);
	if (r) {
		link->flags = flags;
		link->dirty_tag = tag;
		link->gens = gens;
		blkrepl_link_unsure(link);
	}
	/* What waited for the other side to have it is on this one alone. */
	blkrepl_link_answer(link, !r && !mirrored, r || !mirrored ? BLK_STS_IOERR : BLK_STS_OK);
	mutex_unlock(&link->state_lock);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
		blkrepl_group_release(g);
		link->hold_until = 0;
		blkrepl_copy_allow(link);
		goto out;
	}
	r = tell_other(link, conn);
	if (!r)
		r = confirm(link);
	if (r)
		NL_SET_ERR_MSG(extack, "this side is closed, but the other one could not be told; repeat the operation once it answers");
	blkrepl_group_fence(g);
	link->hold_until = 0;
	blkrepl_copy_allow(link);
out:
	blkrepl_conn_put(conn);
	if (!r)
		blkrepl_conn_unpublish(link);
	return r;
}

/**
 * blkrepl_link_complete - end a hand-over that was interrupted
 * @link: the relationship of a hidden group
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_complete(struct blkrepl_link *link, struct netlink_ext_ack *extack)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	int r;

	lockdep_assert_held(&link->group->conf);
	if (blkrepl_link_mirrors(link) || READ_ONCE(link->copy_running)) {
		NL_SET_ERR_MSG(extack, "a copy is running; wait for its end");
		if (conn)
			blkrepl_conn_put(conn);
		return -EBUSY;
	}
	if (!conn) {
		NL_SET_ERR_MSG(extack, "the other side has to be told of the operation that was begun; connect it first");
		return -ENOTCONN;
	}
	r = tell_other(link, conn);
	blkrepl_conn_put(conn);
	r = r ?: confirm(link);
	if (r)
		NL_SET_ERR_MSG(extack, "the other side could not be told");
	else
		blkrepl_conn_unpublish(link);
	return r;
}

/**
 * blkrepl_link_close - this side of two that stand apart is closed
 * @link: the relationship
 * @timeout_ms: longest hold of writes
 * @reason: a sentence
 * @extack: told what is wrong
 *
 * The other side's group is up; its half is told by whoever closes this one.
 * Where it is not known to have been told even that the two parted, this one
 * stays pending, so that it can be told yet.
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_close(struct blkrepl_link *link, unsigned int timeout_ms, const char *reason,
		       struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	u32 flags;
	int r;

	lockdep_assert_held(&g->conf);
	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		return r;
	}
	mutex_lock(&link->state_lock);
	flags = link->flags;
	if (!link->peer.state || !blkrepl_half_told(link->state, flags, link->peer.state,
						    link->peer.flags))
		link->flags |= BLKREPL_LINK_PENDING;
	r = blkrepl_link_set_state(link, BLKREPL_COPY_STATE_FAILEDOVER, reason);
	if (r) {
		link->flags = flags;
		blkrepl_link_unsure(link);
	}
	mutex_unlock(&link->state_lock);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
		blkrepl_group_release(g);
		return r;
	}
	blkrepl_group_fence(g);
	return 0;
}
