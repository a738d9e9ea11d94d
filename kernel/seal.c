// SPDX-License-Identifier: GPL-2.0
/*
 * The life of captured epochs: they are sealed once in a while, and sent by
 * transmit.c; then they have arrived, or they are given up.
 *
 * When the target is lost all that has not arrived becomes dirty. A write that was
 * on its way into an epoch then finds it dead and is tracked instead.
 */
#include <linux/delay.h>
#include <linux/slab.h>

#include "blkrepl.h"

#define BUCKETS		4096u
#define CYCLE_MS	500u		/* without an objective */

/**
 * blkrepl_capture_free_rec - free a record
 * @ctx: not used
 * @rec: the record, in no epoch
 *
 * Context: any.
 */
void blkrepl_capture_free_rec(void *ctx, struct blkrepl_rec *rec)
{
	free_page((unsigned long)rec->data);
	kfree(rec);
}

static void free_zeroes(void *ctx, struct blkrepl_zeroes *z)
{
	kfree(z);
}

const struct blkrepl_epoch_free blkrepl_capture_freeing = {
	.rec = blkrepl_capture_free_rec,
	.zeroes = free_zeroes,
};

/**
 * blkrepl_capture_alloc - an empty epoch
 * @nr: its number
 *
 * Context: may sleep.
 */
struct blkrepl_capture *blkrepl_capture_alloc(u64 nr)
{
	struct blkrepl_capture *c = kzalloc(sizeof(*c), GFP_NOIO);

	if (!c)
		return NULL;
	c->bucket = kvcalloc(BUCKETS, sizeof(*c->bucket), GFP_NOIO);
	if (!c->bucket) {
		kfree(c);
		return NULL;
	}
	blkrepl_epoch_open(&c->epoch, nr, ktime_get_ns(), c->bucket, BUCKETS);
	return c;
}

/**
 * blkrepl_capture_sort - put the records of a sealed epoch in order
 * @c: the epoch; nothing is added to it any more
 *
 * Context: may sleep.
 */
void blkrepl_capture_sort(struct blkrepl_capture *c)
{
	if (!c->bucket)
		return;
	blkrepl_epoch_sort(&c->epoch);
	kvfree(c->bucket);
	c->bucket = NULL;
}

/**
 * blkrepl_capture_drop - free an epoch with all that is in it
 * @c: the epoch, or NULL; nobody else knows it
 *
 * Context: may sleep.
 */
void blkrepl_capture_drop(struct blkrepl_capture *c)
{
	if (!c)
		return;
	blkrepl_capture_sort(c);
	blkrepl_epoch_release(&c->epoch, &blkrepl_capture_freeing);
	kfree(c);
}

/**
 * blkrepl_capture_cycle - how long an epoch lasts
 * @a: asynchronous mode
 *
 * Context: any.
 * Return: jiffies.
 */
unsigned long blkrepl_capture_cycle(struct blkrepl_async *a)
{
	u32 rpo = READ_ONCE(a->link->rpo_s);

	return msecs_to_jiffies(rpo ? blkrepl_cycle_ms(rpo) : CYCLE_MS);
}

/**
 * blkrepl_capture_unpace - writers go on if they may
 * @a: asynchronous mode; its lock is held
 */
void blkrepl_capture_unpace(struct blkrepl_async *a)
{
	struct blkrepl_group *g = a->link->group;

	lockdep_assert_held(&a->lock);
	if (READ_ONCE(g->paced) && (!a->open || (a->used < a->limit &&
						 a->open->epoch.nr_zeroes < BLKREPL_EPOCH_RANGES))) {
		WRITE_ONCE(g->paced, false);
		wake_up_all(&g->pace_wait);
	}
}

/* An empty epoch goes on: once all before it have arrived the target lacks nothing. */
static bool goes_on(struct blkrepl_async *a)
{
	bool empty;

	spin_lock_irq(&a->lock);
	empty = !a->open || blkrepl_capture_is_empty(a->open);
	if (empty && a->open && !a->fuzzy && !READ_ONCE(a->halt) && list_empty(&a->sealed)) {
		a->point_ns = ktime_get_ns();
		a->point_us = blkrepl_now_us();
	}
	spin_unlock_irq(&a->lock);
	return empty;
}

/* The open epoch ends, and @new takes its place. */
static void seal_as(struct blkrepl_async *a, struct blkrepl_capture *new, bool last)
{
	struct blkrepl_capture *c = a->open;

	lockdep_assert_held(&a->lock);
	new->epoch.nr = c->epoch.nr + 1;
	c->part = a->fuzzy;
	c->last = last;
	if (last)
		a->last_part = c->epoch.nr;
	c->sealed_ns = ktime_get_ns();
	c->sealed_us = blkrepl_now_us();
	list_add_tail(&c->node, &a->sealed);
	WRITE_ONCE(a->open, new);
}

/* The current epoch ends. */
static void seal(struct blkrepl_async *a)
{
	struct blkrepl_capture *new;

	if (goes_on(a))
		return;
	new = blkrepl_capture_alloc(0);
	if (!new)
		return;
	spin_lock_irq(&a->lock);
	if (a->open && !blkrepl_capture_is_empty(a->open) && !READ_ONCE(a->halt)) {
		seal_as(a, new, false);
		new = NULL;
	}
	spin_unlock_irq(&a->lock);
	blkrepl_capture_drop(new);
	queue_work(blkrepl_async_wq, &a->send_work);
}

/**
 * blkrepl_capture_seal_last - the epoch that catches up ends here
 * @a: asynchronous mode
 * @nr: set to the number of its last part; also where it has ended already
 *
 * Context: may sleep.
 * Return: 0, -ENOTCONN where nothing is captured any more, or -ENOMEM.
 */
int blkrepl_capture_seal_last(struct blkrepl_async *a, u64 *nr)
{
	struct blkrepl_capture *new = blkrepl_capture_alloc(0);
	int r = new ? 0 : -ENOMEM;

	spin_lock_irq(&a->lock);
	if (!a->open)
		r = -ENOTCONN;
	if (!r && a->fuzzy) {
		seal_as(a, new, true);
		new = NULL;
		WRITE_ONCE(a->fuzzy, false);
	}
	*nr = a->last_part;
	spin_unlock_irq(&a->lock);
	blkrepl_capture_drop(new);
	queue_work(blkrepl_async_wq, &a->send_work);
	return r;
}

static bool is_waiting(struct blkrepl_async *a)
{
	bool waiting;

	spin_lock_irq(&a->lock);
	waiting = !list_empty(&a->sealed) && !(a->open && blkrepl_capture_is_full(a, a->open));
	spin_unlock_irq(&a->lock);
	return waiting;
}

/**
 * blkrepl_seal_work - a cycle is over, or the open epoch is full
 * @work: of asynchronous mode
 *
 * Context: workqueue.
 */
void blkrepl_seal_work(struct work_struct *work)
{
	struct blkrepl_async *a = container_of(to_delayed_work(work), struct blkrepl_async,
					       seal_work);

	/* While one waits to be sent the next goes on: they do not pile up. */
	if (!is_waiting(a))
		seal(a);
	if (READ_ONCE(a->open))
		queue_delayed_work(blkrepl_async_wq, &a->seal_work, blkrepl_capture_cycle(a));
}

/**
 * blkrepl_capture_sent - the members have an epoch, durably; or the journal has a part
 * of the one that catches up
 * @a: asynchronous mode
 * @c: its oldest epoch; freed
 *
 * Context: may sleep.
 */
void blkrepl_capture_sent(struct blkrepl_async *a, struct blkrepl_capture *c)
{
	spin_lock_irq(&a->lock);
	list_del(&c->node);
	a->used -= c->bytes;
	if (!c->part || c->last) {
		a->applied = c->epoch.nr;
		a->point_ns = c->sealed_ns;
		a->point_us = c->sealed_us;
	}
	blkrepl_capture_unpace(a);
	spin_unlock_irq(&a->lock);
	blkrepl_capture_drop(c);
	wake_up_all(&a->wait);
	wake_up_all(&a->link->copy_wait);
}

/* What an epoch has becomes dirty; those of its writes that have not ended free it. */
static void fold(struct blkrepl_link *link, struct blkrepl_capture *c)
{
	struct blkrepl_async *a = link->async;
	struct blkrepl_epoch_iter it;
	struct blkrepl_write w;
	unsigned int i;
	bool idle;

	blkrepl_capture_sort(c);
	blkrepl_epoch_walk(&c->epoch, &it);
	while (blkrepl_epoch_next(&it, &w))
		for (i = 0; i < link->nr_pairs; i++)
			if (link->pair[i].place == w.member)
				blkrepl_link_mark_blocks(&link->pair[i], w.block, w.nr);
	blkrepl_epoch_release(&c->epoch, &blkrepl_capture_freeing);
	spin_lock_irq(&a->lock);
	idle = !--c->writes;
	spin_unlock_irq(&a->lock);
	if (idle)
		kfree(c);
}

/* One that takes too long with what it has begun is met anew, and that replayed. */
static void await_sender(struct blkrepl_async *a)
{
	unsigned long end = jiffies + msecs_to_jiffies(a->link->leg_timeout_ms);

	while (work_busy(&a->send_work) && time_before(jiffies, end))
		msleep(20);
	if (work_busy(&a->send_work))
		blkrepl_conn_give_up(a->link);
	cancel_work_sync(&a->send_work);
}

/**
 * blkrepl_capture_fold - give all up that has not arrived: it becomes dirty
 * @link: the relationship; its pairs were stopped
 *
 * The epoch that is being sent is waited for: so long as the target answers it has
 * a whole number of them.
 *
 * Context: may sleep; waits for the target up to its deadline.
 */
void blkrepl_capture_fold(struct blkrepl_link *link)
{
	struct blkrepl_async *a = link->async;
	struct blkrepl_capture *c, *next;
	LIST_HEAD(list);

	if (!a)
		return;
	spin_lock_irq(&a->lock);
	a->halt = true;
	c = a->open;
	if (c) {
		list_add_tail(&c->node, &a->sealed);
		a->folded = true;
	}
	/* Each is kept from being freed by its last write; one that arrives yet is gone. */
	list_for_each_entry(c, &a->sealed, node) {
		c->dead = true;
		c->writes++;
	}
	WRITE_ONCE(a->open, NULL);
	WRITE_ONCE(a->fuzzy, false);
	blkrepl_capture_unpace(a);
	spin_unlock_irq(&a->lock);
	cancel_delayed_work_sync(&a->seal_work);
	await_sender(a);
	spin_lock_irq(&a->lock);
	list_splice_init(&a->sealed, &list);
	a->used = 0;
	spin_unlock_irq(&a->lock);
	list_for_each_entry_safe(c, next, &list, node)
		fold(link, c);
	blkrepl_sender_reset(a);
	blkrepl_catchup_forget(link, false);
	wake_up_all(&a->wait);
	wake_up_all(&link->copy_wait);
}

static bool has_arrived(struct blkrepl_async *a, u64 nr)
{
	bool there;

	spin_lock_irq(&a->lock);
	there = !a->open || a->applied >= nr;
	spin_unlock_irq(&a->lock);
	return there;
}

/**
 * blkrepl_capture_drain - let the target have what was captured up to now
 * @link: the relationship
 * @timeout_ms: how long to wait
 *
 * Context: may sleep.
 * Return: 0, -ENOTCONN where the target was lost, -ETIMEDOUT.
 */
int blkrepl_capture_drain(struct blkrepl_link *link, unsigned int timeout_ms)
{
	struct blkrepl_async *a = link->async;
	u64 nr = 0;

	seal(a);
	spin_lock_irq(&a->lock);
	if (a->open)
		nr = a->open->epoch.nr - 1;
	spin_unlock_irq(&a->lock);
	if (!wait_event_timeout(a->wait, has_arrived(a, nr), msecs_to_jiffies(timeout_ms)))
		return -ETIMEDOUT;
	return blkrepl_captures(link) ? 0 : -ENOTCONN;
}

/**
 * blkrepl_capture_wait - wait until the members have an epoch
 * @a: asynchronous mode
 * @nr: its number
 *
 * Who halts the copy engine is not kept waiting.
 *
 * Context: may sleep.
 * Return: 0, -ENOTCONN where the target was lost, -EAGAIN.
 */
int blkrepl_capture_wait(struct blkrepl_async *a, u64 nr)
{
	wait_event(a->link->copy_wait, has_arrived(a, nr) || READ_ONCE(a->link->copy_stop));
	if (!READ_ONCE(a->open))
		return -ENOTCONN;
	return has_arrived(a, nr) ? 0 : -EAGAIN;
}
