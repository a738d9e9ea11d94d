// SPDX-License-Identifier: GPL-2.0
/*
 * Relationships: how their state changes.
 *
 * The state lies on the source's log volume. A change that takes a promise away
 * is durable there before anybody can see it, above all this one: after the
 * target failed, no write is acknowledged before the log volume says that the
 * target is stale. Until then writes wait in link->await.
 *
 * Whether writes are mirrored is told by the modes of the pairs. They go to
 * TRACK at any time, for all pairs at once, by blkrepl_link_fail(). They go to
 * MIRROR only while writes are held and none is in flight, for a write that is
 * merely tracked must not be overtaken by the end of a copy.
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

static u64 fresh_generation(void)
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
	unsigned long flags;

	spin_lock_irqsave(&pair->dirty_lock, flags);
	blkrepl_dirty_set(&pair->dirty, first, last - first + 1);
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
	if (READ_ONCE(pair->mode) == BLKREPL_PAIR_MIRROR)
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
	return !(READ_ONCE(link->flags) & (BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY));
}

static void fill_disk(struct blkrepl_link *link, const struct blkrepl_gens *gens,
		      struct blkrepl_disk_link *l)
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
	l->copy_state = cpu_to_le16(link->state);
	l->leg_timeout_ms = cpu_to_le32(link->leg_timeout_ms);
	l->heartbeat_ms = cpu_to_le32(link->heartbeat_ms);
	l->revision = cpu_to_le64(link->revision);
	l->rate_limit = cpu_to_le64(link->throttle.limit);
	l->yield_rate = cpu_to_le64(link->throttle.yield);
	l->dirty_tag = cpu_to_le64(link->dirty_tag);
	l->gen_current = cpu_to_le64(gens->latest);
	l->gen_base = cpu_to_le64(gens->base);
	for (i = 0; i < BLKREPL_HISTORY; i++)
		l->gen_history[i] = cpu_to_le64(gens->history[i]);
	l->recovery_point_us = cpu_to_le64(link->recovery_point_us);
	l->when_synced_us = cpu_to_le64(link->when_synced_us);
	l->when_activated_us = cpu_to_le64(link->when_activated_us);
	l->when_suspended_us = cpu_to_le64(link->when_suspended_us);
	l->when_broken_us = cpu_to_le64(link->when_broken_us);
	for (i = 0; i < link->nr_pairs; i++)
		memcpy(l->pair_uuid[i], link->pair[i].uuid, BLKREPL_UUID_SIZE);
}

/* The copy for the target's log volume. */
static void fill_target(struct blkrepl_link *link, const struct blkrepl_gens *gens,
			struct blkrepl_disk_link *l)
{
	fill_disk(link, gens, l);
	l->flags |= cpu_to_le32(BLKREPL_LINK_TARGET_SIDE);
	memcpy(l->peer_uuid, link->group->uuid, BLKREPL_UUID_SIZE);
	strscpy(l->peer_name, link->group->name, BLKREPL_NAME_SIZE);
}

/**
 * blkrepl_link_store - make the relationship durable at the source
 * @link: the relationship; link->state_lock is held
 *
 * Context: may sleep.
 */
int blkrepl_link_store(struct blkrepl_link *link)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_NOIO);
	int r;

	lockdep_assert_held(&link->state_lock);
	if (!l)
		return -ENOMEM;
	fill_disk(link, &link->gens, l);
	r = blkrepl_log_write_link(&link->group->log, l);
	kfree(l);
	if (r)
		blkrepl_notify_group(link->group, BLKREPL_EVENT_LOG_FAILED);
	return r;
}

/**
 * blkrepl_link_store_target - tell the target's log volume
 * @link: the relationship
 * @conn: its connection; waits up to the deadline
 *
 * Context: may sleep; link->state_lock is not held.
 */
int blkrepl_link_store_target(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_KERNEL);
	int r;

	if (!l)
		return -ENOMEM;
	fill_target(link, &link->target_gens, l);
	r = blkrepl_log_write_link(&conn->log, l);
	kfree(l);
	return r;
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
		link->when_broken_us = now;
		break;
	}
	WRITE_ONCE(link->state, state);
	link->revision++;
	r = blkrepl_link_store(link);
	if (r) {
		WRITE_ONCE(link->state, old);
		return r;
	}
	strscpy(link->reason, reason, sizeof(link->reason));
	trace_blkrepl_state(link, old, state);
	blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
	return 0;
}

/**
 * blkrepl_link_mirrors - whether writes go to the target
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_link_mirrors(struct blkrepl_link *link)
{
	return READ_ONCE(link->pair[0].mode) == BLKREPL_PAIR_MIRROR;
}

/*
 * What the target acknowledged since its last flush may be lost: mark it, or,
 * where a flush has succeeded since mirroring stopped, forget about it.
 */
static void settle_suspects(struct blkrepl_link *link, bool flushed)
{
	lockdep_assert_held(&link->state_lock);
	if (!flushed)
		blkrepl_intent_suspect(link);
	spin_lock_irq(&link->lock);
	link->suspect_pending = false;
	spin_unlock_irq(&link->lock);
}

/* From now on writes are tracked only; whether they were mirrored. */
static bool stop_mirroring(struct blkrepl_link *link, int error)
{
	unsigned long flags;
	bool was = false;
	unsigned int i;

	spin_lock_irqsave(&link->lock, flags);
	for (i = 0; i < link->nr_pairs; i++) {
		was |= link->pair[i].mode == BLKREPL_PAIR_MIRROR;
		WRITE_ONCE(link->pair[i].mode, BLKREPL_PAIR_TRACK);
	}
	if (was) {
		link->suspect_pending = true;
		if (error)
			link->error = -error;
	}
	spin_unlock_irqrestore(&link->lock, flags);
	return was;
}

/**
 * blkrepl_link_fail - a request to the target failed
 * @link: the relationship
 * @error: negative errno
 *
 * All pairs stop at once, so that the target group stays a prefix of the order
 * in which the source was written.
 *
 * Context: any.
 */
void blkrepl_link_fail(struct blkrepl_link *link, int error)
{
	if (!stop_mirroring(link, error))
		return;
	trace_blkrepl_leg_error(link, error);
	queue_work(blkrepl_state_wq, &link->stale_work);
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

/* Answer the writes that waited; @stale: and those to come at once. */
static void answer_await(struct blkrepl_link *link, bool stale, blk_status_t status)
{
	struct blkrepl_io *io, *next;
	LIST_HEAD(list);

	spin_lock_irq(&link->lock);
	link->stale_durable = stale;
	list_splice_init(&link->await, &list);
	spin_unlock_irq(&link->lock);
	list_for_each_entry_safe(io, next, &list, wait) {
		list_del_init(&io->wait);
		blkrepl_io_answer(io, status);
	}
}


/* The source goes on alone; link->state_lock is held. */
static void fork_generation(struct blkrepl_link *link)
{
	if (link->state == BLKREPL_COPY_STATE_SYNCHRONIZED)
		link->recovery_point_us = blkrepl_now_us();
	blkrepl_gens_fork(&link->gens, fresh_generation());
}

/*
 * Make durable that the target is stale, then let the writes go that waited for
 * it. With FailedCopyStopsHostIO they go on waiting: until the target has them
 * too, or until an operation stops the relationship.
 */
static void stale_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, stale_work);
	struct blkrepl_gens gens;
	bool flowed, hold;
	char why[64];
	int r = 0;

	mutex_lock(&link->state_lock);
	if (blkrepl_link_mirrors(link)) {
		/* It has been connected again since. */
		mutex_unlock(&link->state_lock);
		return;
	}
	flowed = blkrepl_state_flows(link->state);
	if (READ_ONCE(link->suspect_pending)) {
		blkrepl_conn_give_up(link);
		WRITE_ONCE(link->copy_stop, true);
		wake_up_all(&link->copy_wait);
		settle_suspects(link, false);
	}
	if (link->stale_durable && !flowed) {
		mutex_unlock(&link->state_lock);
		return;
	}
	hold = link->flags & BLKREPL_LINK_HOLD_ON_FAILURE;
	gens = link->gens;
	if (hold) {
		if (flowed) {
			/* Seen, but the promise stands: nothing is acknowledged. */
			if (link->state == BLKREPL_COPY_STATE_SYNCHRONIZED)
				link->recovery_point_us = blkrepl_now_us();
			link->when_broken_us = blkrepl_now_us();
			link->revision++;
			strscpy(link->reason, "the target failed; writes are held", sizeof(link->reason));
			trace_blkrepl_state(link, link->state, BLKREPL_COPY_STATE_BROKEN);
			WRITE_ONCE(link->state, BLKREPL_COPY_STATE_BROKEN);
			blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
		}
	} else {
		fork_generation(link);
		snprintf(why, sizeof(why), "the target failed with error %d", link->error);
		r = blkrepl_link_set_state(link, blkrepl_event_next(BLKREPL_EV_TARGET_LOST, link->state),
					   flowed ? why : "the source was written while the target was away");
		if (r)
			link->gens = gens;
	}
	if (!hold)
		answer_await(link, !r, r ? BLK_STS_IOERR : BLK_STS_OK);
	mutex_unlock(&link->state_lock);
	if (flowed) {
		link->probe_at = jiffies + HZ;
		blkrepl_notify_link(link, BLKREPL_EVENT_LEG_FAILED);
	}
}

/**
 * blkrepl_link_flow - go to a state, mirroring writes if it says so
 * @link: the relationship; its target is connected if @state flows
 * @state: the CopyState to go to; Unsynchronized also starts the copy
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
	struct blkrepl_conn *conn;
	struct blkrepl_gens gens;
	unsigned int i;
	bool awaited;
	int r;

	lockdep_assert_held(&g->conf);
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
	if (blkrepl_state_flows(link->state))
		state = BLKREPL_COPY_STATE_UNSYNCHRONIZED;
again:
	conn = blkrepl_conn_tryget(link);
	if (!conn) {
		NL_SET_ERR_MSG(extack, "the target is not connected; connect it first");
		return -ENOTCONN;
	}
	/* What the copy is about to do to the target stands there first. */
	if (blkrepl_link_dirty_blocks(link)) {
		mutex_lock(&link->state_lock);
		link->flags |= BLKREPL_LINK_INCONSISTENT;
		mutex_unlock(&link->state_lock);
		r = blkrepl_link_store_target(link, conn);
	} else {
		r = 0;
	}
	blkrepl_conn_put(conn);
	if (r) {
		NL_SET_ERR_MSG(extack, "the target's log volume cannot be written");
		return r;
	}

	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		return r;
	}
	if ((blkrepl_link_dirty_blocks(link) && !(link->flags & BLKREPL_LINK_INCONSISTENT)) ||
	    !blkrepl_conn_alive(link)) {
		/* A write came in between, or the target went again. */
		blkrepl_group_release(g);
		goto again;
	}
	mutex_lock(&link->state_lock);
	/* Writes may still wait for the target's staleness to be durable. */
	spin_lock_irq(&link->lock);
	awaited = !list_empty(&link->await) && !(link->flags & BLKREPL_LINK_HOLD_ON_FAILURE);
	spin_unlock_irq(&link->lock);
	gens = link->gens;
	if (awaited)
		fork_generation(link);
	r = blkrepl_link_set_state(link, state, reason);
	if (r) {
		link->gens = gens;
	} else {
		if (awaited)
			answer_await(link, false, BLK_STS_OK);
		spin_lock_irq(&link->lock);
		link->stale_durable = false;
		link->suspect_pending = false;
		link->error = 0;
		for (i = 0; i < link->nr_pairs; i++)
			WRITE_ONCE(link->pair[i].mode, BLKREPL_PAIR_MIRROR);
		spin_unlock_irq(&link->lock);
	}
	mutex_unlock(&link->state_lock);
	blkrepl_group_release(g);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
		return r;
	}
	link->probe_backoff = 1;
	blkrepl_copy_start(link);
	return 0;
}

/*
 * Stop mirroring at one instant of the write order and go to @state.
 * The target is given @timeout_ms to end what is in flight, then it is cut off.
 */
static int link_stop(struct blkrepl_link *link, unsigned int state, unsigned int timeout_ms,
		     const char *reason, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn;
	struct blkrepl_gens gens;
	bool flowed, mirrored;
	int r;

	lockdep_assert_held(&g->conf);
	if (blkrepl_copy_halt(link, timeout_ms)) {
		blkrepl_link_fail(link, -ETIMEDOUT);
		blkrepl_conn_give_up(link);
		blkrepl_conn_abandon(link, 0);
		blkrepl_copy_halt(link, timeout_ms);
	}
	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		blkrepl_link_fail(link, -ETIMEDOUT);
		blkrepl_conn_give_up(link);
		blkrepl_conn_abandon(link, 0);
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
	mirrored = stop_mirroring(link, 0);
	gens = link->gens;
	/* Also where the loss of the target had not been made durable yet. */
	if (flowed || !link->stale_durable)
		fork_generation(link);
	r = blkrepl_link_set_state(link, state, reason);
	if (r)
		link->gens = gens;
	/* The log volume failed: then the target must not seem to be up to date. */
	answer_await(link, !r, r ? BLK_STS_IOERR : BLK_STS_OK);
	mutex_unlock(&link->state_lock);
	blkrepl_group_release(g);
	if (flowed) {
		bool flushed = mirrored && !blkrepl_conn_flush(link);

		mutex_lock(&link->state_lock);
		settle_suspects(link, flushed);
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
		blkrepl_link_store_target(link, conn);
		blkrepl_conn_put(conn);
	}
	return 0;
}

/**
 * blkrepl_link_synced - the copy has nothing left to do
 * @link: the relationship
 *
 * The target is told first: where only it knows, the next meeting finds the
 * same generation on both sides and nothing to copy but what was marked.
 *
 * Context: may sleep.
 */
void blkrepl_link_synced(struct blkrepl_link *link)
{
	const u32 gone = BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY | BLKREPL_LINK_COMPARE;
	struct blkrepl_gens mine = link->gens, theirs = link->target_gens;
	struct blkrepl_disk_link *l;
	struct blkrepl_conn *conn;
	u32 flags;
	int r;

	if (blkrepl_conn_flush(link))
		return;
	conn = blkrepl_conn_tryget(link);
	if (!conn)
		return;
	blkrepl_gens_meet(&mine, &theirs);
	l = kmalloc(sizeof(*l), GFP_KERNEL);
	r = -ENOMEM;
	if (l) {
		fill_target(link, &theirs, l);
		l->flags &= cpu_to_le32(~gone);
		l->copy_state = cpu_to_le16(BLKREPL_COPY_STATE_SYNCHRONIZED);
		l->recovery_point_us = cpu_to_le64(blkrepl_now_us());
		r = blkrepl_log_write_link(&conn->log, l);
		kfree(l);
	}
	blkrepl_conn_put(conn);
	if (r)
		return;

	mutex_lock(&link->state_lock);
	if (blkrepl_link_mirrors(link) && link->state == BLKREPL_COPY_STATE_UNSYNCHRONIZED &&
	    !blkrepl_link_dirty_blocks(link)) {
		flags = link->flags;
		link->flags &= ~gone;
		swap(link->gens, mine);
		if (blkrepl_link_set_state(link, BLKREPL_COPY_STATE_SYNCHRONIZED,
					   "both sides are the same")) {
			link->flags = flags;
			swap(link->gens, mine);
		} else {
			link->target_gens = theirs;
			/* Writes that FailedCopyStopsHostIO held are on both sides now. */
			answer_await(link, false, BLK_STS_OK);
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
		r = link_stop(link, BLKREPL_COPY_STATE_BROKEN, timeout_ms,
			      "the target was disconnected", extack);
	if (!r)
		blkrepl_conn_unpublish(link);
	return r;
}

static void release_pairs(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		blkrepl_dirty_release(&pair->dirty);
		kvfree(pair->dirty.chunk);
		kfree(pair->path);
	}
	kvfree(link->pair);
}

/**
 * blkrepl_link_free - free a relationship
 * @link: quiet and not reachable any more, or half made
 *
 * Context: may sleep.
 */
void blkrepl_link_free(struct blkrepl_link *link)
{
	release_pairs(link);
	free_percpu(link->mirrored);
	kfree(link->log_path);
	mutex_destroy(&link->state_lock);
	blkrepl_group_put(link->group);
	kfree(link);
}

static void release_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, release_work);

	cancel_work_sync(&link->revive_work);
	cancel_delayed_work_sync(&link->tick_work);
	cancel_work_sync(&link->stale_work);
	blkrepl_link_free(link);
}

static void link_unused(struct kref *ref)
{
	struct blkrepl_link *link = container_of(ref, struct blkrepl_link, ref);

	queue_work(blkrepl_io_wq, &link->release_work);
}

/**
 * blkrepl_link_get - look at a group's relationship without group->conf
 * @g: the group
 *
 * Context: any.
 * Return: the relationship with a reference, or NULL.
 */
struct blkrepl_link *blkrepl_link_get(struct blkrepl_group *g)
{
	struct blkrepl_link *link;

	spin_lock(&g->link_lock);
	link = g->link;
	if (link)
		kref_get(&link->ref);
	spin_unlock(&g->link_lock);
	return link;
}

/**
 * blkrepl_link_put - drop a reference of a relationship's memory
 * @link: the relationship; quiet and not reachable any more if it is the last
 *
 * It is not freed at once: its works may wait for group->conf, which the caller
 * may hold.
 *
 * Context: any.
 */
void blkrepl_link_put(struct blkrepl_link *link)
{
	kref_put(&link->ref, link_unused);
}

static void *chunk_alloc(void *ctx)
{
	if (blkrepl_fault(BLKREPL_FAULT_NO_CHUNK))
		return NULL;
	return kzalloc(BLKREPL_BLOCK_SIZE, GFP_NOWAIT | __GFP_NOWARN);
}

static void chunk_free(void *ctx, void *block)
{
	kfree(block);
}

static int init_pair(struct blkrepl_link *link, unsigned int i)
{
	struct blkrepl_pair *pair = &link->pair[i];
	struct blkrepl_vol *vol = link->group->vol[i];
	u32 n = blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, vol->sectors);
	struct blkrepl_chunk *chunk = kvcalloc(n, sizeof(*chunk), GFP_KERNEL);

	if (!chunk)
		return -ENOMEM;
	pair->link = link;
	pair->vol = vol;
	pair->mode = BLKREPL_PAIR_TRACK;
	spin_lock_init(&pair->dirty_lock);
	blkrepl_dirty_init(&pair->dirty, chunk,
			   DIV_ROUND_UP_ULL(vol->sectors, BLKREPL_BLOCK_SECTORS),
			   chunk_alloc, chunk_free, NULL);
	return 0;
}

static struct blkrepl_link *link_alloc(struct blkrepl_group *g)
{
	struct blkrepl_link *link = kzalloc(sizeof(*link), GFP_KERNEL);
	unsigned int i;

	if (!link)
		return NULL;
	kref_init(&link->ref);
	blkrepl_group_get(g);
	link->group = g;
	spin_lock_init(&link->lock);
	mutex_init(&link->state_lock);
	INIT_LIST_HEAD(&link->await);
	INIT_WORK(&link->stale_work, stale_work);
	INIT_DELAYED_WORK(&link->deadline_work, blkrepl_deadline_work);
	INIT_DELAYED_WORK(&link->tick_work, blkrepl_tick_work);
	INIT_WORK(&link->revive_work, blkrepl_revive_work);
	INIT_WORK(&link->release_work, release_work);
	blkrepl_copy_init(link);
	link->mirrored = alloc_percpu(u64);
	link->pair = kvcalloc(g->nr_vols, sizeof(*link->pair), GFP_KERNEL);
	if (!link->mirrored || !link->pair)
		goto err;
	for (i = 0; i < g->nr_vols; i++) {
		if (init_pair(link, i))
			goto err;
		link->nr_pairs++;
	}
	return link;
err:
	blkrepl_link_free(link);
	return NULL;
}

/* Let writes see the relationship; they are held or the disks are not there yet. */
static void attach(struct blkrepl_link *link)
{
	struct blkrepl_group *g = link->group;
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		g->vol[i]->pair = &link->pair[i];
	spin_lock(&g->link_lock);
	g->link = link;
	spin_unlock(&g->link_lock);
}

/**
 * blkrepl_link_unlink - undo attach(); no write is in flight
 * @g: the group
 *
 * Context: any.
 */
void blkrepl_link_unlink(struct blkrepl_group *g)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		g->vol[i]->pair = NULL;
	spin_lock(&g->link_lock);
	g->link = NULL;
	spin_unlock(&g->link_lock);
}

static void fill_target_member(void *ctx, unsigned int i, struct blkrepl_disk_member *m)
{
	struct blkrepl_link *link = ctx;
	struct blkrepl_pair *pair = &link->pair[i];

	memcpy(m->uuid, pair->uuid, BLKREPL_UUID_SIZE);
	strscpy(m->name, pair->name, BLKREPL_NAME_SIZE);
	m->sectors = cpu_to_le64(pair->sectors);
	m->flags = cpu_to_le32(BLKREPL_MEMBER_USED);
}

/* Areas for the dirty bitmaps of all pairs; the table is not written. */
static int provide_areas(struct blkrepl_link *link)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < link->nr_pairs && !r; i++)
		r = blkrepl_layout_provide(link->group->log.layout, BLKREPL_BLOCK_DIRTY, 0, i,
					   link->pair[i].dirty.nr_chunks);
	return r;
}

static void drop_areas(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		blkrepl_layout_drop(link->group->log.layout, BLKREPL_BLOCK_DIRTY, 0, i);
}

/* Make the target's log volume that of a new target group. */
static int format_target(struct blkrepl_link *link, struct blkrepl_conn *conn, bool force,
			 struct netlink_ext_ack *extack)
{
	int r = blkrepl_log_load(&conn->log, NULL);

	if (!r && !force) {
		NL_SET_ERR_MSG(extack, "the target's log volume holds a group already; use force to overwrite it");
		return -EPERM;
	}
	if (r && r != -EMEDIUMTYPE && !force) {
		NL_SET_ERR_MSG(extack, "the target's log volume cannot be read, or holds what is not understood; use force to overwrite it");
		return r;
	}
	r = blkrepl_log_format(&conn->log, link->peer_uuid, link->peer_name,
			       BLKREPL_ROLE_TARGET, link->nr_pairs);
	r = r ?: blkrepl_log_write_members(&conn->log, link->nr_pairs, fill_target_member, link);
	r = r ?: blkrepl_log_write_areas(&conn->log);
	r = r ?: blkrepl_link_store_target(link, conn);
	if (r)
		NL_SET_ERR_MSG(extack, "the target's log volume cannot be written");
	return r;
}

static void set_params(struct blkrepl_link *link, const struct blkrepl_link_param *p)
{
	unsigned int i;

	memcpy(link->uuid, p->uuid, BLKREPL_UUID_SIZE);
	strscpy(link->name, p->name, BLKREPL_NAME_SIZE);
	memcpy(link->peer_uuid, p->peer_uuid, BLKREPL_UUID_SIZE);
	strscpy(link->peer_name, p->peer_name, BLKREPL_NAME_SIZE);
	link->sync_type = p->sync_type;
	link->mode = p->mode;
	link->state = BLKREPL_COPY_STATE_INITIALIZED;
	link->flags = BLKREPL_LINK_FIRST_COPY | BLKREPL_LINK_INCONSISTENT |
		      (p->consistency ? BLKREPL_LINK_CONSISTENCY : 0) |
		      (p->hold_on_failure ? BLKREPL_LINK_HOLD_ON_FAILURE : 0) |
		      (p->manual_recovery ? BLKREPL_LINK_MANUAL_RECOVERY : 0) |
		      (p->seeded ? BLKREPL_LINK_COMPARE : 0);
	link->leg_timeout_ms = p->leg_timeout_ms;
	link->heartbeat_ms = p->heartbeat_ms;
	link->throttle.limit = p->rate_limit;
	link->throttle.yield = p->yield_rate;
	link->dirty_tag = get_random_u64();
	link->gens.latest = fresh_generation();
	link->target_gens.latest = link->gens.latest;
	for (i = 0; i < p->nr_devs; i++) {
		struct blkrepl_pair *pair;

		if (p->dev[i].index >= link->nr_pairs)
			continue;
		pair = &link->pair[p->dev[i].index];
		memcpy(pair->uuid, p->dev[i].uuid, BLKREPL_UUID_SIZE);
		strscpy(pair->name, p->dev[i].name, BLKREPL_NAME_SIZE);
		pair->path = kstrdup(p->dev[i].path, GFP_KERNEL);
	}
	for (i = 0; i < link->nr_pairs; i++)
		blkrepl_dirty_set(&link->pair[i].dirty, 0, link->pair[i].dirty.nr_bits);
	link->log_path = kstrdup(p->log_path, GFP_KERNEL);
	strscpy(link->reason, "created", sizeof(link->reason));
}

/* Undo the durable part of a relationship; what fails here is found by its uuid. */
static int forget(struct blkrepl_link *link)
{
	struct blkrepl_disk_link *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int r = -ENOMEM;

	if (l)
		r = blkrepl_log_write_link(&link->group->log, l);
	kfree(l);
	drop_areas(link);
	return r ?: blkrepl_log_write_areas(&link->group->log);
}

/**
 * blkrepl_link_new - make a relationship
 * @g: the source group
 * @p: what it is to be
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_link_new(struct blkrepl_group *g, const struct blkrepl_link_param *p,
		     struct netlink_ext_ack *extack)
{
	struct blkrepl_conn *conn;
	struct blkrepl_link *link;
	int r;

	lockdep_assert_held(&g->conf);
	if (g->link) {
		if (blkrepl_uuid_equal(g->link->uuid, p->uuid))
			return 0;
		NL_SET_ERR_MSG(extack, "the group is in a relationship already; detach it first");
		return -EEXIST;
	}
	link = link_alloc(g);
	if (!link)
		return -ENOMEM;
	set_params(link, p);
	r = blkrepl_conn_open(link, p->log_path, p->dev, p->nr_devs, &conn, extack);
	if (r)
		goto err_free;
	r = format_target(link, conn, p->force, extack);
	if (r)
		goto err_close;
	mutex_lock(&g->meta_lock);
	r = provide_areas(link);
	if (r)
		NL_SET_ERR_MSG(extack, "the group's log volume is too small for the bitmaps; extend it");
	r = r ?: blkrepl_log_write_areas(&g->log);
	if (r)
		drop_areas(link);
	mutex_unlock(&g->meta_lock);
	if (r)
		goto err_close;
	mutex_lock(&link->state_lock);
	r = blkrepl_link_store(link);
	mutex_unlock(&link->state_lock);
	if (r)
		goto err_forget;
	r = blkrepl_group_hold(g, BLKREPL_HOLD_MS);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		goto err_forget;
	}
	link->stale_durable = true;
	attach(link);
	blkrepl_group_release(g);
	blkrepl_conn_publish(link, conn);
	blkrepl_notify_link(link, BLKREPL_EVENT_RELATIONSHIP_NEW);
	if (p->inactive)
		return 0;
	r = blkrepl_link_flow(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED, BLKREPL_HOLD_MS,
			      "the first copy was started", extack);
	if (r)
		blkrepl_link_op(g, BLKREPL_OPERATION_DETACH, true, 0, BLKREPL_HOLD_MS, NULL);
	return r;

err_forget:
	mutex_lock(&g->meta_lock);
	forget(link);
	mutex_unlock(&g->meta_lock);
err_close:
	blkrepl_conn_close(conn);
err_free:
	blkrepl_link_free(link);
	return r;
}

static int load_dirty(struct blkrepl_link *link)
{
	struct blkrepl_log *log = &link->group->log;
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	unsigned int i;
	int r = 0;
	u32 c;

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < link->nr_pairs && !r; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		for (c = 0; c < pair->dirty.nr_chunks && !r; c++) {
			u64 at = blkrepl_layout_block(log->layout, BLKREPL_BLOCK_DIRTY, 0, i, c);

			r = at ? blkrepl_log_read(log, at, 2, buf) : -EUCLEAN;
			if (!r)
				blkrepl_dirty_load(&pair->dirty, c,
						   blkrepl_block_pick(buf, BLKREPL_BLOCK_DIRTY, c,
								      &link->dirty_tag));
		}
	}
	kfree(buf);
	return r;
}

/**
 * blkrepl_link_load - bring up the relationship that a group's metadata hold
 * @g: the group; its intent bitmaps have been read
 * @extack: told what is wrong
 *
 * What was marked when the source crashed is suspect: it will be compared.
 *
 * Context: may sleep; g->conf is held, the disks are not there yet.
 */
int blkrepl_link_load(struct blkrepl_group *g, struct netlink_ext_ack *extack)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_KERNEL);
	struct blkrepl_link *link = NULL;
	unsigned int i;
	int r;

	if (!l)
		return -ENOMEM;
	r = blkrepl_log_read_link(&g->log, l);
	if (r)
		goto out;
	if (!blkrepl_state_valid(le16_to_cpu(l->copy_state)) || l->name[BLKREPL_NAME_SIZE - 1] ||
	    l->peer_name[BLKREPL_NAME_SIZE - 1]) {
		NL_SET_ERR_MSG(extack, "the relationship on the log volume is damaged");
		r = -EUCLEAN;
		goto out;
	}
	r = -ENOMEM;
	link = link_alloc(g);
	if (!link)
		goto out;
	memcpy(link->uuid, l->uuid, BLKREPL_UUID_SIZE);
	strscpy(link->name, l->name, BLKREPL_NAME_SIZE);
	memcpy(link->peer_uuid, l->peer_uuid, BLKREPL_UUID_SIZE);
	strscpy(link->peer_name, l->peer_name, BLKREPL_NAME_SIZE);
	link->flags = le32_to_cpu(l->flags);
	link->sync_type = le16_to_cpu(l->sync_type);
	link->mode = le16_to_cpu(l->mode);
	link->state = le16_to_cpu(l->copy_state);
	link->leg_timeout_ms = le32_to_cpu(l->leg_timeout_ms);
	link->heartbeat_ms = le32_to_cpu(l->heartbeat_ms);
	link->revision = le64_to_cpu(l->revision);
	link->throttle.limit = le64_to_cpu(l->rate_limit);
	link->throttle.yield = le64_to_cpu(l->yield_rate);
	link->dirty_tag = le64_to_cpu(l->dirty_tag);
	link->gens.latest = le64_to_cpu(l->gen_current);
	link->gens.base = le64_to_cpu(l->gen_base);
	for (i = 0; i < BLKREPL_HISTORY; i++)
		link->gens.history[i] = le64_to_cpu(l->gen_history[i]);
	link->recovery_point_us = le64_to_cpu(l->recovery_point_us);
	link->when_synced_us = le64_to_cpu(l->when_synced_us);
	link->when_activated_us = le64_to_cpu(l->when_activated_us);
	link->when_suspended_us = le64_to_cpu(l->when_suspended_us);
	link->when_broken_us = le64_to_cpu(l->when_broken_us);
	for (i = 0; i < link->nr_pairs; i++)
		memcpy(link->pair[i].uuid, l->pair_uuid[i], BLKREPL_UUID_SIZE);
	r = load_dirty(link);
	if (r)
		goto out;
	attach(link);
	blkrepl_intent_suspect(link);
	/*
	 * The target is not there yet. As long as nothing is written nothing is
	 * lost, and nothing need be durable: the first write sees to that.
	 */
	link->stale_durable = !blkrepl_state_flows(link->state);
	if (blkrepl_state_flows(link->state))
		link->state = BLKREPL_COPY_STATE_BROKEN;
	strscpy(link->reason, "brought up from the metadata", sizeof(link->reason));
out:
	if (r && link)
		blkrepl_link_free(link);
	kfree(l);
	return r == -ENOENT ? 0 : r;
}

/**
 * blkrepl_link_grow - room for what a member grew by; the new blocks differ
 * @pair: the member's pair
 * @sectors: new size
 *
 * Context: may sleep; writes are held.
 */
int blkrepl_link_grow(struct blkrepl_pair *pair, sector_t sectors)
{
	struct blkrepl_chunk *old = pair->dirty.chunk, *chunk;
	u32 n = blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, sectors);

	chunk = kvcalloc(n, sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	spin_lock_irq(&pair->dirty_lock);
	memcpy(chunk, old, pair->dirty.nr_chunks * sizeof(*chunk));
	/* The last block may have been a part of one. */
	if (pair->vol->sectors % BLKREPL_BLOCK_SECTORS)
		blkrepl_dirty_set(&pair->dirty, pair->dirty.nr_bits - 1, 1);
	blkrepl_dirty_grow(&pair->dirty, chunk, DIV_ROUND_UP_ULL(sectors, BLKREPL_BLOCK_SECTORS));
	spin_unlock_irq(&pair->dirty_lock);
	kvfree(old);
	return 0;
}

/**
 * blkrepl_link_quiet - cease all activity of a relationship
 * @link: the relationship; no write is in flight and none will come
 *
 * A target that answers is flushed; one that does not is not waited for beyond
 * the deadline.
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_link_quiet(struct blkrepl_link *link)
{
	bool flushed;

	/* The source answers sooner or later; the target is not waited for. */
	while (blkrepl_copy_halt(link, 1000)) {
		blkrepl_link_fail(link, -ETIMEDOUT);
		blkrepl_conn_give_up(link);
		blkrepl_conn_abandon(link, 0);
	}
	flushed = blkrepl_link_mirrors(link) && !blkrepl_conn_flush(link);
	flushed = stop_mirroring(link, 0) && flushed;
	mutex_lock(&link->state_lock);
	if (READ_ONCE(link->suspect_pending))
		settle_suspects(link, flushed);
	mutex_unlock(&link->state_lock);
	WRITE_ONCE(link->removing, true);
	cancel_delayed_work_sync(&link->tick_work);
	cancel_delayed_work_sync(&link->deadline_work);
	blkrepl_conn_unpublish(link);
	flush_work(&link->stale_work);
	answer_await(link, false, BLK_STS_IOERR);
}

/* Remove a relationship: both sides forget it. */
static int link_detach(struct blkrepl_link *link, unsigned int timeout_ms,
		       struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_disk_link *l;
	struct blkrepl_conn *conn;
	int r;

	if (blkrepl_state_flows(link->state)) {
		r = link_stop(link, BLKREPL_COPY_STATE_INACTIVE, timeout_ms, "detaching", extack);
		if (r)
			return r;
	}
	conn = blkrepl_conn_tryget(link);
	if (conn) {
		l = kzalloc(sizeof(*l), GFP_KERNEL);
		if (l)
			blkrepl_log_write_link(&conn->log, l);
		kfree(l);
		blkrepl_conn_put(conn);
	}
	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; the relationship is stopped");
		return r;
	}
	/* From here on the sweeper and the intent worker see no relationship. */
	mutex_lock(&g->meta_lock);
	blkrepl_link_unlink(g);
	r = forget(link);
	mutex_unlock(&g->meta_lock);
	blkrepl_group_release(g);
	mutex_lock(&link->state_lock);
	answer_await(link, !r, r ? BLK_STS_IOERR : BLK_STS_OK);
	mutex_unlock(&link->state_lock);
	blkrepl_link_quiet(link);
	blkrepl_notify_link(link, BLKREPL_EVENT_RELATIONSHIP_DEL);
	blkrepl_link_put(link);
	if (r)
		NL_SET_ERR_MSG(extack, "the relationship is gone, but the log volume could not be told");
	return r;
}

/* User space, which has the same table, adds the state and what is legal. */
static int refuse(enum blkrepl_verdict v, struct netlink_ext_ack *extack)
{
	switch (v) {
	case BLKREPL_VERDICT_NEEDS_FORCE:
		NL_SET_ERR_MSG(extack, "the operation needs force in the present state, for the target is not or may not be complete");
		return -EPERM;
	case BLKREPL_VERDICT_NOT_SUPPORTED:
		NL_SET_ERR_MSG(extack, "this kind of relationship never has the operation");
		return -EOPNOTSUPP;
	case BLKREPL_VERDICT_NOT_BUILT:
		NL_SET_ERR_MSG(extack, "this version does not offer the operation");
		return -EOPNOTSUPP;
	case BLKREPL_VERDICT_INCONSISTENT:
		NL_SET_ERR_MSG(extack, "the operation is refused while the target is inconsistent; let the copy finish first");
		return -EBUSY;
	default:
		NL_SET_ERR_MSG(extack, "the operation is refused in the present state");
		return -EBUSY;
	}
}

static void apply_settings(struct blkrepl_link *link, const struct blkrepl_settings *s)
{
	link->throttle.limit = s->rate_limit;
	link->throttle.yield = s->yield_rate;
	link->leg_timeout_ms = s->leg_timeout_ms;
	link->heartbeat_ms = s->heartbeat_ms;
	link->flags &= ~(BLKREPL_LINK_MANUAL_RECOVERY | BLKREPL_LINK_HOLD_ON_FAILURE);
	link->flags |= (s->manual_recovery ? BLKREPL_LINK_MANUAL_RECOVERY : 0) |
		       (s->hold_on_failure ? BLKREPL_LINK_HOLD_ON_FAILURE : 0);
}

/**
 * blkrepl_link_set - change the settings, durably
 * @link: the relationship
 * @s: all settings
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_set(struct blkrepl_link *link, const struct blkrepl_settings *s)
{
	struct blkrepl_settings old;
	int r;

	lockdep_assert_held(&link->group->conf);
	mutex_lock(&link->state_lock);
	old = (struct blkrepl_settings){
		.rate_limit = link->throttle.limit,
		.yield_rate = link->throttle.yield,
		.leg_timeout_ms = link->leg_timeout_ms,
		.heartbeat_ms = link->heartbeat_ms,
		.manual_recovery = link->flags & BLKREPL_LINK_MANUAL_RECOVERY,
		.hold_on_failure = link->flags & BLKREPL_LINK_HOLD_ON_FAILURE,
	};
	apply_settings(link, s);
	r = blkrepl_link_store(link);
	if (r)
		apply_settings(link, &old);
	mutex_unlock(&link->state_lock);
	/* Held writes may go now. */
	if (!r && old.hold_on_failure && !s->hold_on_failure)
		queue_work(blkrepl_state_wq, &link->stale_work);
	if (!r)
		blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
	return r;
}

/**
 * blkrepl_link_op - carry out an operation of the model
 * @g: the source group, which has a relationship
 * @op: the operation
 * @force: the caller takes responsibility for what the table says needs it
 * @revision: expected revision, 0 for any
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_link_op(struct blkrepl_group *g, unsigned int op, bool force, u64 revision,
		    unsigned int timeout_ms, struct netlink_ext_ack *extack)
{
	struct blkrepl_link *link = g->link;
	struct blkrepl_situation s = {
		.force = force,
		.consistent = blkrepl_link_consistent(link),
		.unfinished = blkrepl_link_dirty_blocks(link),
	};
	unsigned int state = READ_ONCE(link->state);
	struct blkrepl_cell cell;
	enum blkrepl_verdict v;
	char text[64];

	lockdep_assert_held(&g->conf);
	if (revision && revision != link->revision) {
		NL_SET_ERR_MSG(extack, "the relationship has changed since that revision; look at it again");
		return -ESTALE;
	}
	v = blkrepl_op_judge(link->sync_type, op, state, &s);
	if (v == BLKREPL_VERDICT_DONE)
		return 0;
	if (v != BLKREPL_VERDICT_GO)
		return refuse(v, extack);
	cell = blkrepl_op_cell(link->sync_type, op, state);
	if (cell.flags & BLKREPL_CELL_REMOVE)
		return link_detach(link, timeout_ms, extack);
	snprintf(text, sizeof(text), "%s was asked for", blkrepl_operation_title(op));
	if (cell.via)
		return blkrepl_link_flow(link, cell.via, timeout_ms, text, extack);
	return link_stop(link, cell.to, timeout_ms, text, extack);
}
