// SPDX-License-Identifier: GPL-2.0
/*
 * RestoreFromReplica: the source becomes what the target is.
 *
 * The source's replica devices are taken away and the copy engine runs the other
 * way round, over what either side has changed since both were the same. The
 * flags say so durably before the first block, so that a crash finds the source
 * closed and the copy goes on. Roles never change: at the end the source's
 * devices come back and writes are mirrored to the target again.
 */
#include "blkrepl.h"

/* No one may have the source open, and nobody gets it from here on. */
static int close_source(struct blkrepl_group *g, unsigned int timeout_ms,
			struct netlink_ext_ack *extack)
{
	bool open;
	int r;

	if (g->fenced)
		return 0;
	wait_event_timeout(g->open_wait, !READ_ONCE(g->opens), HZ);
	spin_lock(&g->open_lock);
	open = g->opens;
	g->going = !open;
	spin_unlock(&g->open_lock);
	if (open) {
		NL_SET_ERR_MSG(extack, "a replica device of the source is open; unmount it first");
		return -EBUSY;
	}
	r = blkrepl_group_hold(g, timeout_ms);
	if (!r)
		return 0;
	spin_lock(&g->open_lock);
	g->going = false;
	spin_unlock(&g->open_lock);
	NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
	return r;
}

/**
 * blkrepl_restore_start - begin to copy the target to the source, or go on with it
 * @link: the relationship of a source; connected
 * @timeout_ms: longest hold of writes
 * @reason: a sentence
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_restore_start(struct blkrepl_link *link, unsigned int timeout_ms, const char *reason,
			  struct netlink_ext_ack *extack)
{
	const u32 set = BLKREPL_LINK_RESTORING | BLKREPL_LINK_OVERWRITE | BLKREPL_LINK_TORN;
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	u32 flags = link->flags;
	bool was_fenced = g->fenced;
	int r;

	lockdep_assert_held(&g->conf);
	if (!conn) {
		NL_SET_ERR_MSG(extack, "the target is not connected; connect it first");
		return -ENOTCONN;
	}
	if (link->flags & (BLKREPL_LINK_TARGET_SIDE | BLKREPL_LINK_PENDING)) {
		NL_SET_ERR_MSG(extack, "only the source can be restored");
		r = -EBUSY;
		goto out;
	}
	if (link->peer.larger) {
		NL_SET_ERR_MSG(extack, "a member of the target has grown; extend the source's first");
		r = -ERANGE;
		goto out;
	}
	if ((link->peer.flags & BLKREPL_LINK_TORN) ||
	    !blkrepl_gens_common(&link->gens, &link->target_gens)) {
		NL_SET_ERR_MSG(extack, "the target is not consistent, or has no common history with the source");
		r = -EBUSY;
		goto out;
	}
	flush_work(&link->stale_work);
	r = close_source(g, timeout_ms, extack);
	if (r)
		goto out;
	r = blkrepl_half_changes(link, conn, true);
	if (!r) {
		/* The target is closed first: afterwards it must not change. */
		mutex_lock(&link->state_lock);
		link->flags |= set;
		mutex_unlock(&link->state_lock);
		r = blkrepl_half_tell(link, conn, BLKREPL_COPY_STATE_UNSYNCHRONIZED);
	}
	if (!r) {
		mutex_lock(&link->state_lock);
		r = blkrepl_link_set_state(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED, reason);
		mutex_unlock(&link->state_lock);
	}
	if (r) {
		NL_SET_ERR_MSG(extack, "the log volumes cannot be read or written");
		mutex_lock(&link->state_lock);
		link->flags = flags;
		blkrepl_link_unsure(link);
		mutex_unlock(&link->state_lock);
		blkrepl_half_tell(link, conn, link->state);
		if (!was_fenced) {
			g->going = false;
			blkrepl_group_release(g);
		}
		goto out;
	}
	if (!was_fenced)
		blkrepl_group_fence(g);
	blkrepl_copy_start(link);
out:
	blkrepl_conn_put(conn);
	return r;
}

/**
 * blkrepl_restore_undone - the source is what it was before a restore that was aborted
 * @link: the relationship of a source that was put back by others
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_restore_undone(struct blkrepl_link *link, struct netlink_ext_ack *extack)
{
	const u32 gone = BLKREPL_LINK_RESTORING | BLKREPL_LINK_OVERWRITE | BLKREPL_LINK_TORN;
	u32 flags = link->flags;
	int r;

	lockdep_assert_held(&link->group->conf);
	mutex_lock(&link->state_lock);
	link->flags &= ~gone;
	r = blkrepl_link_set_state(link, BLKREPL_COPY_STATE_ABORTED,
				   "the source was put back to what it was");
	if (r) {
		link->flags = flags;
		blkrepl_link_unsure(link);
	}
	mutex_unlock(&link->state_lock);
	if (!r)
		return blkrepl_group_unfence(link->group);
	NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
	return r;
}

/**
 * blkrepl_restored_work - the source is what the target is
 * @work: of the relationship
 *
 * Context: workqueue.
 */
void blkrepl_restored_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, restored_work);
	const u32 gone = BLKREPL_LINK_RESTORING | BLKREPL_LINK_OVERWRITE | BLKREPL_LINK_TORN |
			 BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_COMPARE;
	struct blkrepl_group *g = link->group;
	struct blkrepl_gens mine, theirs, old;
	struct blkrepl_conn *conn;
	unsigned int i;
	u32 flags;
	int r = 0;

	mutex_lock(&g->conf);
	if (READ_ONCE(link->removing) || !blkrepl_link_restoring(link) || link->copy_running ||
	    blkrepl_link_dirty_blocks(link))
		goto out;
	for (i = 0; i < g->nr_vols && !r; i++)
		r = blkdev_issue_flush(blkrepl_bdev(g->vol[i]->source));
	if (r)
		goto out;
	mutex_lock(&link->state_lock);
	old = mine = link->gens;
	theirs = link->target_gens;
	flags = link->flags;
	blkrepl_gens_meet(&theirs, &mine);
	link->gens = mine;
	link->flags &= ~gone;
	r = blkrepl_link_set_state(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED, "the source was restored");
	if (r) {
		link->gens = old;
		link->flags = flags;
	}
	/* The first write that the target does not get is to say so. */
	spin_lock_irq(&link->lock);
	if (!r)
		link->stale_durable = false;
	spin_unlock_irq(&link->lock);
	mutex_unlock(&link->state_lock);
	if (r)
		goto out;
	conn = blkrepl_conn_tryget(link);
	if (conn) {
		/* The target has no changes of its own any more. */
		if (!blkrepl_half_settle(link, conn))
			blkrepl_half_write(link, conn, BLKREPL_COPY_STATE_UNSYNCHRONIZED,
					   link->flags, &theirs);
		blkrepl_conn_put(conn);
	}
	r = blkrepl_group_unfence(g);
	r = r ?: blkrepl_link_flow(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED, BLKREPL_HOLD_MS,
				   "the source was restored", NULL);
	if (r)
		blkrepl_conn_give_up(link);
out:
	mutex_unlock(&g->conf);
}
