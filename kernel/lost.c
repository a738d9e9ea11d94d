// SPDX-License-Identifier: GPL-2.0
/*
 * A target is lost, or a part of it.
 *
 * After a request to the target failed no write is acknowledged before the
 * source's log volume says that the target is stale. Until then writes wait in
 * link->await.
 *
 * With consistency on, all pairs go to TRACK at once, before the request that
 * failed is counted as ended. A write that depends on one which the target lacks
 * was issued after that one was answered, so it finds mirroring stopped: the
 * target group stays a prefix of the write order. The connection is given up and
 * the relationship is Broken.
 *
 * With consistency off only the pair whose leg failed does, and is out; the
 * connection stays. The same mark is made for it: a new generation, for the
 * target group lacks writes from here on; and APART, for its members are of
 * different instants until all are the same again. What is tracked tells which
 * blocks, as always: writes to a member that is out find their extent hot, or
 * make it so first. The relationship is Mixed. The leg is asked again by itself,
 * and when it answers, and none of its requests is in flight any more, its pair
 * is mirrored and copied beside the others. When the last pair goes, or the
 * target's log volume, the whole target is lost.
 *
 * Which of the two it is, is looked up and done in one step under link->lock,
 * and the promise is switched under the same lock: of two failures one before
 * and one after the switch, the second one finds the other rule in force and
 * the first one's pair out already.
 */
#include "blkrepl.h"
#include "trace.h"

/**
 * blkrepl_link_mirrors - whether writes go to the target, of all pairs; directly, or
 * with their epochs
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_link_mirrors(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		if (READ_ONCE(link->pair[i].mode) == BLKREPL_PAIR_TRACK)
			return false;
	return true;
}

/**
 * blkrepl_link_mirrors_some - whether writes go to the target, of some pairs
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_link_mirrors_some(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		if (READ_ONCE(link->pair[i].mode) != BLKREPL_PAIR_TRACK)
			return true;
	return false;
}

/**
 * blkrepl_link_suspect - whether what the target had not flushed when a pair
 * was stopped is yet to be marked
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_link_suspect(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		if (READ_ONCE(link->pair[i].suspect))
			return true;
	return false;
}

/**
 * blkrepl_link_settle_suspects - what the target acknowledged since its last
 * flush may be lost: mark it
 * @link: the relationship; link->state_lock is held
 * @flushed: a flush of the pairs that were not out has succeeded since they were
 *	stopped, so nothing of them is lost
 *
 * Context: may sleep.
 */
void blkrepl_link_settle_suspects(struct blkrepl_link *link, bool flushed)
{
	unsigned int i;

	lockdep_assert_held(&link->state_lock);
	/* What was captured is durable there when it has arrived. */
	if (blkrepl_captures(link)) {
		blkrepl_capture_fold(link);
		flushed = true;
	}
	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		if (!READ_ONCE(pair->suspect))
			continue;
		if (!flushed || READ_ONCE(pair->out))
			blkrepl_intent_suspect(pair);
		spin_lock_irq(&link->lock);
		pair->suspect = false;
		spin_unlock_irq(&link->lock);
	}
}

/**
 * blkrepl_link_none_out - what follows is for all pairs alike
 * @link: the relationship, stopped and settled; link->state_lock is held
 *
 * Context: may sleep.
 */
void blkrepl_link_none_out(struct blkrepl_link *link)
{
	unsigned int i;

	lockdep_assert_held(&link->state_lock);
	spin_lock_irq(&link->lock);
	for (i = 0; i < link->nr_pairs; i++)
		WRITE_ONCE(link->pair[i].out, false);
	spin_unlock_irq(&link->lock);
}

/* Stop one pair, or all; whether there was any to be stopped. */
static bool stop_pairs(struct blkrepl_link *link, struct blkrepl_pair *only, int error)
{
	bool was = false;
	unsigned int i;

	lockdep_assert_held(&link->lock);
	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		if (pair->mode == BLKREPL_PAIR_TRACK || (only && only != pair))
			continue;
		/* Tracked writes come now: no epoch ends after this. */
		if (pair->mode == BLKREPL_PAIR_CAPTURE)
			WRITE_ONCE(link->async->halt, true);
		WRITE_ONCE(pair->mode, BLKREPL_PAIR_TRACK);
		WRITE_ONCE(pair->suspect, true);
		WRITE_ONCE(pair->out, only);
		was = true;
	}
	if (was) {
		WRITE_ONCE(link->turns, link->turns + 1);
		link->stale_durable = false;
		if (error)
			link->error = -error;
	}
	return was;
}

/**
 * blkrepl_link_stop_mirroring - from now on writes are tracked only
 * @link: the relationship
 * @error: why, a negative errno, or 0
 *
 * Context: any.
 * Return: whether any had been mirrored.
 */
bool blkrepl_link_stop_mirroring(struct blkrepl_link *link, int error)
{
	unsigned long flags;
	bool was;

	spin_lock_irqsave(&link->lock, flags);
	was = stop_pairs(link, NULL, error);
	spin_unlock_irqrestore(&link->lock, flags);
	return was;
}

/**
 * blkrepl_link_fail - a request to the target failed
 * @link: the relationship
 * @pair: whose leg it is; NULL for the target's log volume, or for all
 * @error: negative errno
 *
 * A pair that is out already is no loss.
 *
 * Context: any.
 * Return: whether the whole target is lost, and not this leg alone.
 */
bool blkrepl_link_fail(struct blkrepl_link *link, struct blkrepl_pair *pair, int error)
{
	unsigned long flags;
	bool whole, was;

	spin_lock_irqsave(&link->lock, flags);
	whole = !pair || (!pair->out && ((link->flags & BLKREPL_LINK_CONSISTENCY) ||
					 pair->mode == BLKREPL_PAIR_CAPTURE ||
					 blkrepl_link_restoring(link)));
	was = stop_pairs(link, whole ? NULL : pair, error);
	if (!was && whole && blkrepl_link_restoring(link)) {
		link->error = -error;
		was = true;
	}
	spin_unlock_irqrestore(&link->lock, flags);
	if (was) {
		trace_blkrepl_leg_error(link, error);
		queue_work(blkrepl_state_wq, &link->stale_work);
	}
	return whole;
}

/**
 * blkrepl_link_cut_off - go on without a target that does not answer
 * @link: the relationship
 *
 * Context: may sleep.
 */
void blkrepl_link_cut_off(struct blkrepl_link *link)
{
	unsigned int i;

	blkrepl_link_fail(link, NULL, -ETIMEDOUT);
	blkrepl_conn_give_up(link);
	for (i = 0; i < link->nr_pairs; i++)
		blkrepl_conn_abandon(&link->pair[i]);
}

/**
 * blkrepl_link_await - answer a write that the target lacks, as soon as allowed
 * @io: the write; all its legs have ended
 *
 * Context: any.
 */
void blkrepl_link_await(struct blkrepl_io *io)
{
	struct blkrepl_link *link = io->vol->pair->link;
	unsigned long flags;
	bool now;

	spin_lock_irqsave(&link->lock, flags);
	now = link->stale_durable;
	if (!now)
		list_add_tail(&io->wait, &link->await);
	spin_unlock_irqrestore(&link->lock, flags);
	if (now)
		blkrepl_io_answer(io, BLK_STS_OK);
	else
		queue_work(blkrepl_state_wq, &link->stale_work);
}

static void end_writes(struct list_head *list, blk_status_t status)
{
	struct blkrepl_io *io, *next;

	list_for_each_entry_safe(io, next, list, wait) {
		list_del_init(&io->wait);
		blkrepl_io_answer(io, status);
	}
}

/**
 * blkrepl_link_answer - answer the writes that wait in link->await
 * @link: the relationship
 * @stale: the target's staleness is durable: answer those to come at once
 * @status: the result
 *
 * Context: may sleep.
 */
void blkrepl_link_answer(struct blkrepl_link *link, bool stale, blk_status_t status)
{
	LIST_HEAD(list);

	spin_lock_irq(&link->lock);
	link->stale_durable = stale;
	list_splice_init(&link->await, &list);
	spin_unlock_irq(&link->lock);
	end_writes(&list, status);
}

/**
 * blkrepl_link_answer_mirrored - the same for writes that FailedCopyStopsHostIO
 * held and that are on both sides now
 * @link: the relationship
 *
 * Not for those that have come since because the target failed once more.
 *
 * Context: may sleep.
 */
void blkrepl_link_answer_mirrored(struct blkrepl_link *link)
{
	LIST_HEAD(list);

	spin_lock_irq(&link->lock);
	if (blkrepl_link_mirrors(link))
		list_splice_init(&link->await, &list);
	spin_unlock_irq(&link->lock);
	end_writes(&list, BLK_STS_OK);
}

/*
 * The target has been connected again since writes began to wait. Where they
 * need not wait until it has them, they go once it is known to lag.
 */
static void release_held(struct blkrepl_link *link)
{
	struct blkrepl_gens gens = link->gens;

	if ((link->flags & BLKREPL_LINK_HOLD_ON_FAILURE) || list_empty_careful(&link->await))
		return;
	blkrepl_link_fork(link);
	if (blkrepl_link_set_state(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED,
				   "writes are no longer held for the target"))
		link->gens = gens;
	else
		blkrepl_link_answer(link, false, BLK_STS_OK);
}

/*
 * Make it durable that the target lacks writes, and let go those that wait for
 * that. Where they wait until the target has them nothing need be durable, for
 * nothing is acknowledged: the state is merely seen.
 */
static void go_on_without(struct blkrepl_link *link, unsigned int state, const char *reason)
{
	struct blkrepl_gens gens = link->gens;
	u32 flags = link->flags;
	int r;

	if (READ_ONCE(link->hold_io) || ((flags & BLKREPL_LINK_HOLD_ON_FAILURE) &&
					 !blkrepl_state_parted(link->state))) {
		if (!blkrepl_state_flows(link->state) || link->state == state)
			return;
		if (link->state == BLKREPL_COPY_STATE_SYNCHRONIZED)
			link->recovery_point_us = blkrepl_link_point(link);
		link->when_broken_us = blkrepl_now_us();
		link->revision++;
		strscpy(link->reason, "the target failed; writes are held", sizeof(link->reason));
		trace_blkrepl_state(link, link->state, state);
		WRITE_ONCE(link->state, state);
		blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
		return;
	}
	blkrepl_link_fork(link);
	if (state == BLKREPL_COPY_STATE_MIXED)
		link->flags |= BLKREPL_LINK_APART;
	r = blkrepl_link_set_state(link, state, reason);
	if (r) {
		link->gens = gens;
		link->flags = flags;
	}
	blkrepl_link_answer(link, !r, r ? BLK_STS_IOERR : BLK_STS_OK);
}

/* Some pairs go on without the others; whether that is new. */
static bool lose_pairs(struct blkrepl_link *link)
{
	bool was = link->state == BLKREPL_COPY_STATE_MIXED;
	bool lost = blkrepl_link_suspect(link);
	char why[64];

	blkrepl_link_settle_suspects(link, false);
	if (was && READ_ONCE(link->stale_durable))
		return false;
	snprintf(why, sizeof(why), "a target volume failed with error %d", link->error);
	go_on_without(link, blkrepl_event_next(BLKREPL_EV_PAIR_LOST, link->state),
		      lost ? why : "a member was written while its target was away");
	return lost;
}

/* The whole target is lost; whether that is new. */
static bool lose_target(struct blkrepl_link *link)
{
	bool flowed = blkrepl_state_flows(link->state);
	char why[64];

	if (blkrepl_link_suspect(link) || flowed) {
		blkrepl_conn_give_up(link);
		WRITE_ONCE(link->copy_stop, true);
		wake_up_all(&link->copy_wait);
		blkrepl_link_settle_suspects(link, false);
		blkrepl_link_none_out(link);
	}
	if (link->stale_durable && !flowed)
		return false;
	snprintf(why, sizeof(why), "the target failed with error %d", link->error);
	go_on_without(link, blkrepl_event_next(BLKREPL_EV_TARGET_LOST, link->state),
		      flowed ? why : "the source was written while the target was away");
	return flowed;
}

/* A copy to the source has nothing to go on with. */
static void lose_restore(struct blkrepl_link *link)
{
	blkrepl_conn_give_up(link);
	WRITE_ONCE(link->copy_stop, true);
	wake_up_all(&link->copy_wait);
	blkrepl_link_set_state(link, BLKREPL_COPY_STATE_BROKEN,
			       "the target failed while the source was being restored");
}

/**
 * blkrepl_stale_work - make durable that the target is stale
 * @work: of the relationship
 *
 * Then the writes go that waited for it. With FailedCopyStopsHostIO they go on
 * waiting: until the target has them too, or until an operation stops the
 * relationship.
 *
 * Context: workqueue.
 */
void blkrepl_stale_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, stale_work);
	bool lost = false;

	mutex_lock(&link->state_lock);
	if (READ_ONCE(link->removing)) {
		mutex_unlock(&link->state_lock);
		return;
	}
	if (blkrepl_link_restoring(link)) {
		lose_restore(link);
		lost = true;
	} else if (blkrepl_link_mirrors_some(link) && blkrepl_conn_alive(link)) {
		if (blkrepl_link_mirrors(link))
			release_held(link);
		else
			lost = lose_pairs(link);
	} else {
		/* It may have been given up just when mirroring began. */
		blkrepl_link_stop_mirroring(link, -ENOTCONN);
		lost = lose_target(link);
	}
	mutex_unlock(&link->state_lock);
	if (lost)
		blkrepl_notify_link(link, BLKREPL_EVENT_LEG_FAILED);
}
