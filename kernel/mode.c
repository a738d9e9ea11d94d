// SPDX-License-Identifier: GPL-2.0
/*
 * The mode in which a relationship mirrors: from mirroring directly to capturing, and
 * back. Both happen while writes are held and both sides are the same.
 */
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "blkrepl.h"

#define LIMIT		(256ULL << 20)

/**
 * blkrepl_captures - whether writes are captured
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_captures(struct blkrepl_link *link)
{
	struct blkrepl_async *a = READ_ONCE(link->async);

	return a && READ_ONCE(a->open);
}

/* All pairs at once; not where the target was lost. */
static int change_modes(struct blkrepl_link *link, enum blkrepl_pair_mode from,
			enum blkrepl_pair_mode to)
{
	unsigned int i;
	int r = 0;

	spin_lock_irq(&link->lock);
	for (i = 0; i < link->nr_pairs; i++)
		if (link->pair[i].mode != from)
			r = -ENOTCONN;
	for (i = 0; i < link->nr_pairs && !r; i++)
		WRITE_ONCE(link->pair[i].mode, to);
	if (!r)
		WRITE_ONCE(link->turns, link->turns + 1);
	spin_unlock_irq(&link->lock);
	return r;
}

/* From here on writes are mirrored directly; they are held, or there are none. */
static int mirror_directly(struct blkrepl_link *link)
{
	struct blkrepl_async *a = link->async;
	struct blkrepl_capture *c;
	int r = 0;

	spin_lock_irq(&a->lock);
	if (!a->open)
		r = -ENOTCONN;
	else if (!blkrepl_capture_is_empty(a->open) || !list_empty(&a->sealed))
		r = -ENOMEM;
	spin_unlock_irq(&a->lock);
	r = r ?: change_modes(link, BLKREPL_PAIR_CAPTURE, BLKREPL_PAIR_MIRROR);
	if (r)
		return r;
	spin_lock_irq(&a->lock);
	c = a->open;
	WRITE_ONCE(a->open, NULL);
	blkrepl_capture_unpace(a);
	spin_unlock_irq(&a->lock);
	blkrepl_capture_drop(c);
	cancel_delayed_work_sync(&a->seal_work);
	cancel_work_sync(&a->send_work);
	return 0;
}

static unsigned int left_until(unsigned long end)
{
	long left = end - jiffies;

	return left > 0 ? jiffies_to_msecs(left) : 0;
}

/**
 * blkrepl_capture_stop - mirror directly
 * @link: the relationship
 * @timeout_ms: how long the target may take for what was captured, and longest hold
 *	of writes
 *
 * Context: may sleep; group->conf is held.
 * Return: 0, also where nothing was captured; -ETIMEDOUT where the target or the
 * source takes longer: then capturing goes on; -ENOTCONN where the target was lost.
 */
int blkrepl_capture_stop(struct blkrepl_link *link, unsigned int timeout_ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(timeout_ms);
	struct blkrepl_group *g = link->group;
	int r;

	lockdep_assert_held(&g->conf);
	if (!blkrepl_captures(link))
		return 0;
	/* It cannot be brought to an end before it has. */
	if (blkrepl_catchup_runs(link))
		return -EAGAIN;
	/* Most of it while writes go on. */
	r = blkrepl_capture_drain(link, timeout_ms);
	if (!r && (g->dying || g->fenced))
		return mirror_directly(link);
	r = r ?: blkrepl_group_hold(g, left_until(end));
	if (r)
		return r;
	r = blkrepl_capture_drain(link, left_until(end));
	r = r ?: mirror_directly(link);
	blkrepl_group_release(g);
	if (!r)
		blkrepl_notify_link(link, BLKREPL_EVENT_MODE);
	return r;
}

static struct blkrepl_async *async_alloc(struct blkrepl_link *link)
{
	struct blkrepl_async *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return NULL;
	a->link = link;
	spin_lock_init(&a->lock);
	INIT_LIST_HEAD(&a->sealed);
	init_waitqueue_head(&a->wait);
	INIT_DELAYED_WORK(&a->seal_work, blkrepl_seal_work);
	INIT_WORK(&a->send_work, blkrepl_send_work);
	return a;
}

/**
 * blkrepl_capture_prepare - a new journal
 * @link: the relationship; nothing is captured
 * @conn: its connection
 * @us: time of what the members have, CLOCK_REALTIME
 *
 * Context: may sleep; group->conf is held.
 * Return: 0, -ENOSPC where the log volume has no room for one, or an error.
 */
int blkrepl_capture_prepare(struct blkrepl_link *link, struct blkrepl_conn *conn, u64 us)
{
	struct blkrepl_async *a = link->async;
	struct blkrepl_point base = { .generation = link->gens.latest, .us = us };
	int r;

	lockdep_assert_held(&link->group->conf);
	if (!a) {
		a = async_alloc(link);
		if (!a)
			return -ENOMEM;
		WRITE_ONCE(link->async, a);
	}
	base.epoch = a->committed;
	r = blkrepl_ring_format(&conn->log, link->uuid, &base, &a->journal);
	if (r)
		return r;
	a->ring = (struct blkrepl_ring){ .nr_blocks = a->journal.nr_blocks };
	a->limit = min_t(u64, LIMIT, a->journal.nr_blocks * BLKREPL_BLOCK_SIZE / 2);
	a->mark_seq = 0;
	return 0;
}

/**
 * blkrepl_capture_open - the first epoch; the pairs are to follow
 * @link: the relationship, prepared; writes are held
 * @fuzzy: the target lacks something from before
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_capture_open(struct blkrepl_link *link, bool fuzzy)
{
	struct blkrepl_async *a = link->async;
	struct blkrepl_capture *c = blkrepl_capture_alloc(a->applied + 1);
	u64 age;

	if (!c)
		return -ENOMEM;
	spin_lock_irq(&link->rpo_lock);
	age = blkrepl_rpo_age(&link->rpo, ktime_get_ns());
	spin_unlock_irq(&link->rpo_lock);
	spin_lock_irq(&a->lock);
	a->halt = false;
	a->folded = false;
	a->swept = a->applied;
	a->last_part = a->applied;
	a->point_ns = ktime_get_ns() - (fuzzy ? age : 0);
	a->point_us = fuzzy ? link->recovery_point_us : blkrepl_now_us();
	WRITE_ONCE(a->fuzzy, fuzzy);
	WRITE_ONCE(a->open, c);
	spin_unlock_irq(&a->lock);
	queue_delayed_work(blkrepl_async_wq, &a->seal_work, blkrepl_capture_cycle(a));
	return 0;
}

/**
 * blkrepl_capture_close - undo blkrepl_capture_open(); no pair has followed
 * @link: the relationship
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_capture_close(struct blkrepl_link *link)
{
	struct blkrepl_async *a = link->async;
	struct blkrepl_capture *c;

	spin_lock_irq(&a->lock);
	c = a->open;
	WRITE_ONCE(a->open, NULL);
	WRITE_ONCE(a->fuzzy, false);
	spin_unlock_irq(&a->lock);
	cancel_delayed_work_sync(&a->seal_work);
	cancel_work_sync(&a->send_work);
	blkrepl_capture_drop(c);
	blkrepl_catchup_forget(link, true);
}

/**
 * blkrepl_capture_start - go from mirroring directly to capturing
 * @link: the relationship; Synchronized, and mirrored directly
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_capture_start(struct blkrepl_link *link, unsigned int timeout_ms,
			  struct netlink_ext_ack *extack)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	struct blkrepl_group *g = link->group;
	int r;

	lockdep_assert_held(&g->conf);
	if (!conn)
		return -ENOTCONN;
	r = blkrepl_capture_prepare(link, conn, blkrepl_now_us());
	if (r == -ENOSPC)
		NL_SET_ERR_MSG(extack, "the target's log volume has no room for a journal; extend it");
	/* Most of what is in the target's cache while writes go on. */
	r = r ?: blkrepl_conn_flush(link);
	r = r ?: blkrepl_group_hold(g, timeout_ms);
	if (r)
		goto out;
	if (link->state != BLKREPL_COPY_STATE_SYNCHRONIZED || !blkrepl_link_mirrors(link) ||
	    blkrepl_link_dirty_blocks(link))
		r = -EAGAIN;
	link->hold_until = (jiffies + msecs_to_jiffies(timeout_ms)) | 1;
	r = r ?: blkrepl_conn_flush(link);
	link->hold_until = 0;
	r = r ?: blkrepl_capture_open(link, false);
	if (!r) {
		r = change_modes(link, BLKREPL_PAIR_MIRROR, BLKREPL_PAIR_CAPTURE);
		if (r)
			blkrepl_capture_close(link);
		else
			link->async->directly = false;
	}
	blkrepl_group_release(g);
	if (!r)
		blkrepl_notify_link(link, BLKREPL_EVENT_MODE);
out:
	blkrepl_conn_put(conn);
	return r;
}

/**
 * blkrepl_mode_work - a relationship gets the mode that it is to have
 * @work: of the relationship
 *
 * Context: workqueue.
 */
void blkrepl_mode_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, mode_work);
	struct blkrepl_group *g = link->group;

	mutex_lock(&g->conf);
	if (!READ_ONCE(link->removing) && g->link == link) {
		if (blkrepl_link_wants_capture(link))
			blkrepl_capture_start(link, BLKREPL_HOLD_MS, NULL);
	}
	mutex_unlock(&g->conf);
}

/**
 * blkrepl_link_wants_capture - whether a relationship is to be asynchronous, and is not
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_link_wants_capture(struct blkrepl_link *link)
{
	return link->mode == BLKREPL_MODE_ASYNCHRONOUS && link->nr_pairs &&
	       READ_ONCE(link->state) == BLKREPL_COPY_STATE_SYNCHRONIZED &&
	       !(READ_ONCE(link->flags) & (BLKREPL_LINK_PENDING | BLKREPL_LINK_FAILING_BACK |
					   BLKREPL_LINK_HOLD_ON_FAILURE)) &&
	       blkrepl_link_mirrors(link) && !blkrepl_captures(link) &&
	       !blkrepl_link_dirty_blocks(link);
}

/**
 * blkrepl_capture_free - free what asynchronous mode has
 * @link: the relationship; quiet
 *
 * Context: may sleep.
 */
void blkrepl_capture_free(struct blkrepl_link *link)
{
	struct blkrepl_async *a = link->async;

	if (!a)
		return;
	link->async = NULL;
	cancel_delayed_work_sync(&a->seal_work);
	cancel_work_sync(&a->send_work);
	blkrepl_capture_drop(a->open);
	blkrepl_sender_reset(a);
	blkrepl_catchup_forget(link, true);
	kfree(a);
}

/**
 * blkrepl_capture_show - for debugfs
 * @m: where to
 * @link: the relationship
 *
 * Context: may sleep.
 */
void blkrepl_capture_show(struct seq_file *m, struct blkrepl_link *link)
{
	struct blkrepl_async *a = READ_ONCE(link->async);
	u64 nr = 0, blocks = 0;

	if (!a)
		return;
	spin_lock_irq(&a->lock);
	if (a->open) {
		nr = a->open->epoch.nr;
		blocks = a->open->epoch.nr_recs;
	}
	spin_unlock_irq(&a->lock);
	seq_printf(m, "    asynchronous epoch=%llu blocks=%llu applied=%llu bytes=%llu limit=%llu ring=%llu/%llu\n",
		   nr, blocks, a->applied, a->used, a->limit, a->ring.head - a->ring.tail,
		   a->ring.nr_blocks);
}
