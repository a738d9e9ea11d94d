// SPDX-License-Identifier: GPL-2.0
/*
 * Relationships: how their state changes.
 *
 * The state lies on the source's log volume. A change that takes a promise away
 * is durable there before anybody can see it.
 *
 * Whether writes are mirrored is told by the modes of the pairs. They go to
 * TRACK at any time; see lost.c. How they go to MIRROR is in flow.c.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/ktime.h>

#include "blkrepl.h"
#include "trace.h"

/**
 * blkrepl_now_us - the time, as it is stored and shown
 *
 * Return: microseconds of CLOCK_REALTIME.
 */
u64 blkrepl_now_us(void)
{
	return ktime_get_real_ns() / NSEC_PER_USEC;
}

/**
 * blkrepl_fresh_generation - a number that no side has had
 *
 * Context: any.
 */
u64 blkrepl_fresh_generation(void)
{
	u64 g;

	do
		g = get_random_u64();
	while (!g);
	return g;
}

/**
 * blkrepl_link_mark_dirty - a range differs, or may differ
 * @pair: the pair
 * @sector: first sector
 * @sectors: how many
 *
 * Context: any.
 */
void blkrepl_link_mark_dirty(struct blkrepl_pair *pair, sector_t sector, unsigned int sectors)
{
	u64 first = sector / BLKREPL_BLOCK_SECTORS;
	u64 last = (sector + sectors - 1) / BLKREPL_BLOCK_SECTORS;

	blkrepl_link_mark_blocks(pair, first, last - first + 1);
}

/**
 * blkrepl_link_mark_blocks - blocks differ, or may differ
 * @pair: the pair
 * @first: the first one
 * @nr: how many
 *
 * Context: any.
 */
void blkrepl_link_mark_blocks(struct blkrepl_pair *pair, u64 first, u64 nr)
{
	unsigned long flags;

	spin_lock_irqsave(&pair->dirty_lock, flags);
	blkrepl_dirty_set(&pair->dirty, first, nr);
	spin_unlock_irqrestore(&pair->dirty_lock, flags);
}

/**
 * blkrepl_link_mark_clean - whole blocks have been written to both sides
 * @pair: the pair
 * @sector: first sector; the bounds are those of blocks
 * @sectors: how many
 *
 * Not once the pair was stopped: what its target acknowledged since the last
 * flush is then suspect, and this write may have been marked for that already.
 *
 * Context: any.
 */
void blkrepl_link_mark_clean(struct blkrepl_pair *pair, sector_t sector, unsigned int sectors)
{
	unsigned long flags;

	spin_lock_irqsave(&pair->dirty_lock, flags);
	if (READ_ONCE(pair->mode) != BLKREPL_PAIR_TRACK)
		blkrepl_dirty_clear(&pair->dirty, sector / BLKREPL_BLOCK_SECTORS,
				    DIV_ROUND_UP(sectors, BLKREPL_BLOCK_SECTORS));
	spin_unlock_irqrestore(&pair->dirty_lock, flags);
}

/**
 * blkrepl_link_dirty_blocks - how many blocks differ, over all pairs
 * @link: the relationship
 *
 * Context: any.
 */
u64 blkrepl_link_dirty_blocks(struct blkrepl_link *link)
{
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < link->nr_pairs; i++)
		n += READ_ONCE(link->pair[i].dirty.weight);
	return n;
}

/**
 * blkrepl_link_consistent - whether the target is write-order consistent
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_link_consistent(struct blkrepl_link *link)
{
	return blkrepl_half_ordered(READ_ONCE(link->flags));
}

/**
 * blkrepl_link_fill - a half as it is stored
 * @link: the relationship
 * @gens: generations
 * @state: CopyState
 * @l: filled
 *
 * Context: any.
 */
void blkrepl_link_fill(struct blkrepl_link *link, const struct blkrepl_gens *gens,
		       unsigned int state, struct blkrepl_disk_link *l)
{
	unsigned int i;

	memset(l, 0, sizeof(*l));
	memcpy(l->uuid, link->uuid, BLKREPL_UUID_SIZE);
	strscpy(l->name, link->name, BLKREPL_NAME_SIZE);
	memcpy(l->peer_uuid, link->peer_uuid, BLKREPL_UUID_SIZE);
	strscpy(l->peer_name, link->peer_name, BLKREPL_NAME_SIZE);
	l->flags = cpu_to_le32(link->flags | BLKREPL_LINK_USED);
	l->sync_type = cpu_to_le16(link->sync_type);
	l->mode = cpu_to_le16(link->mode);
	l->copy_state = cpu_to_le16(state);
	l->leg_timeout_ms = cpu_to_le32(link->leg_timeout_ms);
	l->heartbeat_ms = cpu_to_le32(link->heartbeat_ms);
	l->rpo_s = cpu_to_le32(link->rpo_s);
	l->revision = cpu_to_le64(link->revision);
	l->rate_limit = cpu_to_le64(link->throttle.limit);
	l->yield_rate = cpu_to_le64(link->throttle.yield);
	l->dirty_tag = cpu_to_le64(link->dirty_tag);
	blkrepl_gens_store(gens, l);
	l->recovery_point_us = cpu_to_le64(link->recovery_point_us);
	l->when_synced_us = cpu_to_le64(link->when_synced_us);
	l->when_activated_us = cpu_to_le64(link->when_activated_us);
	l->when_suspended_us = cpu_to_le64(link->when_suspended_us);
	l->when_broken_us = cpu_to_le64(link->when_broken_us);
	for (i = 0; i < link->nr_pairs; i++)
		memcpy(l->pair_uuid[link->pair[i].place], link->pair[i].uuid,
		       BLKREPL_UUID_SIZE);
}

static int store_as(struct blkrepl_link *link, unsigned int state)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_NOIO);
	int r;

	lockdep_assert_held(&link->state_lock);
	if (!l)
		return -ENOMEM;
	blkrepl_link_fill(link, &link->gens, state, l);
	r = blkrepl_log_write_link(&link->group->log, l);
	kfree(l);
	if (r)
		blkrepl_notify_group(link->group, BLKREPL_EVENT_LOG_FAILED);
	return r;
}

/**
 * blkrepl_link_store - make the relationship durable at the source
 * @link: the relationship; link->state_lock is held
 *
 * Context: may sleep.
 */
int blkrepl_link_store(struct blkrepl_link *link)
{
	return store_as(link, link->state);
}

/**
 * blkrepl_link_watch - see whether the next write makes the target Skewed
 * @link: the relationship
 *
 * Context: any.
 */
void blkrepl_link_watch(struct blkrepl_link *link)
{
	WRITE_ONCE(link->unwritten,
		   (link->flags & BLKREPL_LINK_TARGET_SIDE) &&
		   blkrepl_event_next(BLKREPL_EV_TARGET_WRITTEN, link->state) != (int)link->state);
}

/**
 * blkrepl_link_written - the target was written while it stood apart
 * @link: the relationship
 *
 * Its bitmap tells what; the state follows it.
 *
 * Context: any.
 */
void blkrepl_link_written(struct blkrepl_link *link)
{
	WRITE_ONCE(link->unwritten, false);
	queue_work(blkrepl_state_wq, &link->written_work);
}

/**
 * blkrepl_written_work - the target becomes Skewed
 * @work: of the relationship
 *
 * Context: workqueue.
 */
void blkrepl_written_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, written_work);
	int next;

	mutex_lock(&link->state_lock);
	next = blkrepl_event_next(BLKREPL_EV_TARGET_WRITTEN, link->state);
	if (!READ_ONCE(link->removing) && (link->flags & BLKREPL_LINK_TARGET_SIDE) &&
	    next != (int)link->state &&
	    blkrepl_link_set_state(link, next, "the target was written"))
		blkrepl_link_watch(link);
	mutex_unlock(&link->state_lock);
}

/**
 * blkrepl_link_set_state - a new state, durable before it is visible
 * @link: the relationship; link->state_lock is held
 * @state: the new CopyState
 * @reason: a sentence
 *
 * Context: may sleep.
 */
int blkrepl_link_set_state(struct blkrepl_link *link, unsigned int state, const char *reason)
{
	unsigned int old = link->state;
	u64 now = blkrepl_now_us();
	int r;

	lockdep_assert_held(&link->state_lock);
	switch (state) {
	case BLKREPL_COPY_STATE_SYNCHRONIZED:
		link->when_synced_us = now;
		break;
	case BLKREPL_COPY_STATE_UNSYNCHRONIZED:
		link->when_activated_us = now;
		break;
	case BLKREPL_COPY_STATE_SUSPENDED:
		link->when_suspended_us = now;
		break;
	case BLKREPL_COPY_STATE_BROKEN:
	case BLKREPL_COPY_STATE_MIXED:
		link->when_broken_us = now;
		break;
	}
	link->revision++;
	r = store_as(link, state);
	if (r)
		return r;
	WRITE_ONCE(link->state, state);
	blkrepl_link_watch(link);
	strscpy(link->reason, reason, sizeof(link->reason));
	trace_blkrepl_state(link, old, state);
	blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
	return 0;
}

/**
 * blkrepl_link_restoring - whether the target is being copied to the source
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_link_restoring(struct blkrepl_link *link)
{
	return (READ_ONCE(link->flags) & BLKREPL_LINK_RESTORING) &&
	       READ_ONCE(link->state) == BLKREPL_COPY_STATE_UNSYNCHRONIZED;
}

/**
 * blkrepl_link_unsure - a change of state failed, and may be on the log volume
 * @link: the relationship, as it was before
 *
 * What is true is written over it; where that fails too, before the next write
 * is answered.
 *
 * Context: may sleep; link->state_lock is held.
 */
void blkrepl_link_unsure(struct blkrepl_link *link)
{
	blkrepl_link_watch(link);
	if (!blkrepl_link_store(link))
		return;
	spin_lock_irq(&link->lock);
	link->stale_durable = false;
	spin_unlock_irq(&link->lock);
}

/**
 * blkrepl_link_fork - this side goes on alone
 * @link: the relationship
 *
 * Not while it is being restored: then nobody writes to it.
 *
 * Context: link->state_lock is held.
 */
void blkrepl_link_fork(struct blkrepl_link *link)
{
	lockdep_assert_held(&link->state_lock);
	if (link->flags & BLKREPL_LINK_RESTORING)
		return;
	if (link->state == BLKREPL_COPY_STATE_SYNCHRONIZED)
		link->recovery_point_us = blkrepl_link_point(link);
	blkrepl_gens_fork(&link->gens, blkrepl_fresh_generation());
}

/* Nothing of the bitmap counts any more: all blocks are different. */
static void all_differs(struct blkrepl_link *link)
{
	struct blkrepl_group *g = link->group;
	unsigned int i;

	/* No image of the old one may get the new tag. */
	mutex_lock(&g->meta_lock);
	link->dirty_tag = get_random_u64();
	link->flags &= ~BLKREPL_LINK_TRACKED_ZERO;
	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		spin_lock_irq(&pair->dirty_lock);
		blkrepl_dirty_set(&pair->dirty, 0, pair->dirty.nr_bits);
		spin_unlock_irq(&pair->dirty_lock);
	}
	mutex_unlock(&g->meta_lock);
}

static void apply_change(struct blkrepl_link *link, const struct blkrepl_change *change)
{
	link->flags = (link->flags & ~change->clear) | change->set;
	if (change->all_differs)
		all_differs(link);
}

/**
 * blkrepl_link_stop - stop mirroring at one instant of the write order
 * @link: the relationship
 * @state: the CopyState to go to
 * @change: flags to set and to clear with it, and whether everything is to count
 *	as different; or NULL
 * @timeout_ms: how long the target may take to end what is in flight; then it
 *	is cut off
 * @reason: a sentence
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_stop(struct blkrepl_link *link, unsigned int state,
		      const struct blkrepl_change *change, unsigned int timeout_ms,
		      const char *reason, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn;
	bool flowed, mirrored;
	struct blkrepl_gens gens;
	u64 tag = link->dirty_tag;
	u32 flags;
	int r;

	lockdep_assert_held(&g->conf);
	if (blkrepl_copy_halt(link, timeout_ms)) {
		blkrepl_link_cut_off(link);
		blkrepl_copy_halt(link, timeout_ms);
	}
	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		blkrepl_link_cut_off(link);
		r = blkrepl_group_hold(g, timeout_ms);
	}
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		blkrepl_copy_allow(link);
		blkrepl_copy_again(link);
		return r;
	}
	mutex_lock(&link->state_lock);
	flowed = blkrepl_state_flows(link->state);
	mirrored = blkrepl_link_stop_mirroring(link, 0);
	gens = link->gens;
	flags = link->flags;
	if (change)
		apply_change(link, change);
	/* Also where the loss of the target had not been made durable yet. */
	if (flowed || !link->stale_durable)
		blkrepl_link_fork(link);
	r = blkrepl_link_set_state(link, state, reason);
	if (r) {
		link->gens = gens;
		link->flags = flags;
		link->dirty_tag = tag;
	}
	/* The log volume failed: then the target must not seem to be up to date. */
	if (r || !link->hold_io)
		blkrepl_link_answer(link, !r, r ? BLK_STS_IOERR : BLK_STS_OK);
	mutex_unlock(&link->state_lock);
	blkrepl_group_release(g);
	if (flowed) {
		bool flushed = mirrored && !blkrepl_conn_flush(link);

		mutex_lock(&link->state_lock);
		blkrepl_link_settle_suspects(link, flushed);
		blkrepl_link_none_out(link);
		mutex_unlock(&link->state_lock);
	}
	blkrepl_copy_allow(link);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
		return r;
	}
	conn = blkrepl_conn_tryget(link);
	if (conn) {
		/* Where this fails the target is told when it is met next. */
		blkrepl_half_tell(link, conn, state);
		blkrepl_conn_put(conn);
	}
	return 0;
}

/**
 * blkrepl_link_synced - the copy has nothing left to do
 * @link: the relationship
 *
 * The target is told first: where only it knows, the next meeting finds the
 * same generation on both sides and nothing to copy but what was marked. What it
 * is told is the generation that the source had before the flush: should a pair
 * go out meanwhile, which the connection survives, the source has another one.
 *
 * Context: may sleep.
 */
void blkrepl_link_synced(struct blkrepl_link *link)
{
	const u32 gone = BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY |
			 BLKREPL_LINK_COMPARE | BLKREPL_LINK_OVERWRITE | BLKREPL_LINK_APART;
	struct blkrepl_gens mine, theirs;
	struct blkrepl_conn *conn;
	u32 flags, turns;
	int r;

	if (blkrepl_captures(link) && blkrepl_catchup_end(link))
		return;
	mutex_lock(&link->state_lock);
	mine = link->gens;
	theirs = link->target_gens;
	turns = READ_ONCE(link->turns);
	mutex_unlock(&link->state_lock);
	if (!blkrepl_link_mirrors(link) || blkrepl_conn_flush(link))
		return;
	conn = blkrepl_conn_tryget(link);
	if (!conn)
		return;
	if (READ_ONCE(link->turns) != turns) {
		blkrepl_conn_put(conn);
		return;
	}
	blkrepl_gens_meet(&mine, &theirs);
	r = blkrepl_half_settle(link, conn);
	r = r ?: blkrepl_half_write(link, conn, BLKREPL_COPY_STATE_SYNCHRONIZED,
				    link->flags & ~gone, &theirs);
	blkrepl_conn_put(conn);
	if (r)
		return;

	mutex_lock(&link->state_lock);
	if (READ_ONCE(link->turns) == turns && link->state == BLKREPL_COPY_STATE_UNSYNCHRONIZED &&
	    !blkrepl_link_dirty_blocks(link)) {
		flags = link->flags;
		link->flags &= ~gone;
		swap(link->gens, mine);
		if (blkrepl_link_set_state(link, BLKREPL_COPY_STATE_SYNCHRONIZED,
					   "both sides are the same")) {
			link->flags = flags;
			swap(link->gens, mine);
		} else {
			link->probe_backoff = 1;
			blkrepl_link_answer_mirrored(link);
		}
	}
	mutex_unlock(&link->state_lock);
}

/**
 * blkrepl_link_differs - blocks of a synchronized relationship differ after all
 * @link: the relationship
 *
 * A write that failed at the source leaves them so, or a member that grew.
 *
 * Context: may sleep.
 * Return: whether a copy is to be started.
 */
bool blkrepl_link_differs(struct blkrepl_link *link)
{
	int next, r = -EINVAL;

	mutex_lock(&link->state_lock);
	next = blkrepl_event_next(BLKREPL_EV_GREW, link->state);
	if (blkrepl_link_mirrors(link) && blkrepl_link_dirty_blocks(link))
		r = next == (int)link->state ? 0 :
		    blkrepl_link_set_state(link, next, "blocks were found to differ");
	mutex_unlock(&link->state_lock);
	return !r;
}

static int switch_consistency(struct blkrepl_link *link, bool on)
{
	u32 old = link->flags, flags = old & ~BLKREPL_LINK_CONSISTENCY;
	u64 point = link->recovery_point_us;
	int r;

	lockdep_assert_held(&link->state_lock);
	if (on)
		flags |= BLKREPL_LINK_CONSISTENCY;
	else if (link->state == BLKREPL_COPY_STATE_SYNCHRONIZED)
		link->recovery_point_us = blkrepl_link_point(link);
	/* Whoever finds a leg failed looks at it under this lock. */
	spin_lock_irq(&link->lock);
	WRITE_ONCE(link->flags, flags);
	/* One that went alone before may not have been noted yet. */
	if (blkrepl_link_mirrors_some(link) && !blkrepl_link_mirrors(link))
		link->flags |= BLKREPL_LINK_APART;
	spin_unlock_irq(&link->lock);
	link->revision++;
	r = blkrepl_link_store(link);
	if (!r)
		return 0;
	spin_lock_irq(&link->lock);
	WRITE_ONCE(link->flags, old);
	spin_unlock_irq(&link->lock);
	link->recovery_point_us = point;
	blkrepl_link_unsure(link);
	return r;
}

/**
 * blkrepl_link_set_consistency - whether all pairs stop when one does
 * @link: the relationship
 * @on: whether they do
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * It changes at an instant without writes in flight. The other half is told of a
 * promise before, when it ends, and after, when it begins, so that it never
 * believes in one that does not hold.
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_set_consistency(struct blkrepl_link *link, bool on, unsigned int timeout_ms,
				 struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn;
	int r;

	lockdep_assert_held(&g->conf);
	if (on == !!(link->flags & BLKREPL_LINK_CONSISTENCY))
		return 0;
	conn = blkrepl_conn_tryget(link);
	/* Where this fails the target is lost, and told before it is mirrored to again. */
	if (conn && !on)
		blkrepl_half_write(link, conn, link->peer.state,
				       link->flags & ~BLKREPL_LINK_CONSISTENCY, &link->target_gens);
	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		goto out;
	}
	mutex_lock(&link->state_lock);
	r = switch_consistency(link, on);
	mutex_unlock(&link->state_lock);
	blkrepl_group_release(g);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
		goto out;
	}
	if (conn && on)
		blkrepl_half_write(link, conn, link->peer.state, link->flags, &link->target_gens);
	blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
out:
	if (conn)
		blkrepl_conn_put(conn);
	return r;
}

/**
 * blkrepl_link_disconnect - close the target's devices
 * @link: the relationship
 * @timeout_ms: how long the target may take to end what is in flight
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_disconnect(struct blkrepl_link *link, unsigned int timeout_ms,
			    struct netlink_ext_ack *extack)
{
	int r = 0;

	if (!rcu_access_pointer(link->conn))
		return 0;
	if (blkrepl_state_flows(link->state))
		r = blkrepl_link_stop(link, BLKREPL_COPY_STATE_BROKEN, NULL, timeout_ms,
				      "the target was disconnected", extack);
	if (!r)
		blkrepl_conn_unpublish(link);
	return r;
}
