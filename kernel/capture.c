// SPDX-License-Identifier: GPL-2.0
/*
 * Capturing writes.
 *
 * A write goes to the source only, and a copy of its data into the current epoch of
 * its group. It takes the epoch when it is issued, so a write that depends on
 * another one is in the same epoch or a later one, whichever members they are to.
 * Once in a while a new epoch takes the place of the current one, which is sealed
 * when its last write has ended at the source.
 *
 * Writers wait, holding nothing, while more is captured than may be.
 */
#include <linux/slab.h>

#include "blkrepl.h"

#define REC_GFP		(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN)

/**
 * blkrepl_capture_begin - a write takes its epoch
 * @io: the write; it owns its range. On return @io->epoch is set
 *
 * Context: any.
 * Return: whether it did; not once the target was lost.
 */
bool blkrepl_capture_begin(struct blkrepl_io *io)
{
	struct blkrepl_async *a = io->vol->pair->link->async;
	unsigned long flags;

	spin_lock_irqsave(&a->lock, flags);
	io->epoch = a->open;
	if (io->epoch)
		io->epoch->writes++;
	spin_unlock_irqrestore(&a->lock, flags);
	return io->epoch;
}

/* Records of a write, not in the epoch yet. */
struct records {
	struct blkrepl_rec *recs;
	struct blkrepl_zeroes *zeroes;
	u64 bytes;
};

static void free_records(struct records *n)
{
	while (n->recs) {
		struct blkrepl_rec *rec = n->recs;

		n->recs = rec->next;
		blkrepl_capture_free_rec(NULL, rec);
	}
	kfree(n->zeroes);
}

/* Data of a request's private pages, from its @at-th byte on. */
static void copy_out(struct blkrepl_io *io, unsigned int at, void *to, unsigned int bytes)
{
	while (bytes) {
		unsigned int in = offset_in_page(at);
		unsigned int n = min_t(unsigned int, bytes, PAGE_SIZE - in);

		memcpy(to, page_address(io->vecs[at >> PAGE_SHIFT].bv_page) + in, n);
		at += n;
		to += n;
		bytes -= n;
	}
}

/**
 * blkrepl_capture_rec - a record for what lies in one block
 * @pair: whose block
 * @next: the records so far
 * @from: first sector
 * @to: sector behind the last
 *
 * Context: may sleep.
 * Return: the record, its data zero, or NULL.
 */
struct blkrepl_rec *blkrepl_capture_rec(struct blkrepl_pair *pair, struct blkrepl_rec *next,
					sector_t from, sector_t to)
{
	unsigned int in = from & (BLKREPL_BLOCK_SECTORS - 1), nr = to - from;
	struct blkrepl_rec *rec = kmalloc(sizeof(*rec), REC_GFP);
	void *data = rec ? (void *)__get_free_page(REC_GFP | __GFP_ZERO) : NULL;

	if (!data) {
		kfree(rec);
		return NULL;
	}
	*rec = (struct blkrepl_rec){
		.next = next,
		.block = from / BLKREPL_BLOCK_SECTORS,
		.member = pair->place,
		.sectors = (0xffu >> (BLKREPL_BLOCK_SECTORS - nr)) << in,
		.data = data,
	};
	return rec;
}

/* With the data of the request's pages; zeroes where there are none. */
static int one_record(struct blkrepl_io *io, struct records *n, sector_t from, sector_t to)
{
	unsigned int in = from & (BLKREPL_BLOCK_SECTORS - 1);
	struct blkrepl_rec *rec = blkrepl_capture_rec(io->vol->pair, n->recs, from, to);

	if (!rec)
		return -ENOMEM;
	if (io->vecs)
		copy_out(io, (from - io->node.start) << SECTOR_SHIFT,
			 rec->data + (in << SECTOR_SHIFT), (to - from) << SECTOR_SHIFT);
	n->recs = rec;
	n->bytes += PAGE_SIZE;
	return 0;
}

/* Whole blocks of zeroes are one range, what is left of others are data. */
static int make_records(struct blkrepl_io *io, struct records *n)
{
	sector_t at = io->node.start, end = io->node.last + 1;
	const sector_t mask = BLKREPL_BLOCK_SECTORS - 1;
	sector_t first = (at + mask) & ~mask, last = end & ~mask;
	bool zeroes = !io->vecs && first < last;
	int r = 0;

	if (zeroes) {
		n->zeroes = kmalloc(sizeof(*n->zeroes), REC_GFP);
		if (!n->zeroes)
			return -ENOMEM;
		n->bytes += PAGE_SIZE;
		*n->zeroes = (struct blkrepl_zeroes){
			.block = first / BLKREPL_BLOCK_SECTORS,
			.nr = (last - first) / BLKREPL_BLOCK_SECTORS,
			.member = io->vol->pair->place,
			.kind = io->op & REQ_NOUNMAP ? BLKREPL_KIND_ZEROES :
						       BLKREPL_KIND_DISCARD,
		};
	}
	while (at < end && !r) {
		sector_t to = min((at | mask) + 1, end);

		if (zeroes && at == first) {
			at = last;
			continue;
		}
		r = one_record(io, n, at, to);
		at = to;
	}
	return r;
}

/**
 * blkrepl_capture_add - the data of a write go into its epoch
 * @io: the write, with its private pages if it has data; not submitted yet
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; -ENOTCONN where the epoch was given up. Then the target lacks
 * the write.
 */
int blkrepl_capture_add(struct blkrepl_io *io)
{
	struct blkrepl_link *link = io->vol->pair->link;
	struct blkrepl_async *a = link->async;
	struct blkrepl_capture *c = io->epoch;
	struct records n = {};
	bool full = false;
	int r;

	r = make_records(io, &n);
	blkrepl_catchup_wrote(io->vol->pair, io->node.start, io->node.last - io->node.start + 1);
	spin_lock_irq(&a->lock);
	if (!r && c->dead)
		r = -ENOTCONN;
	if (!r) {
		c->bytes += n.bytes;
		a->used += n.bytes;
		if (n.zeroes)
			blkrepl_epoch_zero(&c->epoch, n.zeroes, &blkrepl_capture_freeing);
		n.zeroes = NULL;
		while (n.recs) {
			struct blkrepl_rec *rec = n.recs;

			n.recs = rec->next;
			rec = blkrepl_epoch_add(&c->epoch, rec);
			if (rec) {
				c->bytes -= PAGE_SIZE;
				a->used -= PAGE_SIZE;
				blkrepl_capture_free_rec(NULL, rec);
			}
		}
		full = blkrepl_capture_is_full(a, c);
		if (a->used >= a->limit || c->epoch.nr_zeroes >= 4 * BLKREPL_EPOCH_RANGES)
			WRITE_ONCE(link->group->paced, true);
	}
	spin_unlock_irq(&a->lock);
	free_records(&n);
	if (full)
		mod_delayed_work(blkrepl_async_wq, &a->seal_work, 0);
	return r;
}

/**
 * blkrepl_capture_record - blocks that were copied from the source go into the open epoch
 * @a: asynchronous mode; NULL: free the records
 * @recs: the records
 *
 * Nobody writes to the blocks from before they were read up to now.
 *
 * Context: may sleep.
 * Return: 0, or -ENOTCONN where nothing is captured any more.
 */
int blkrepl_capture_record(struct blkrepl_async *a, struct blkrepl_rec *recs)
{
	struct records n = { .recs = recs };
	struct blkrepl_capture *c = NULL;
	struct blkrepl_rec *rec;
	bool full = false;

	if (!a) {
		free_records(&n);
		return 0;
	}
	spin_lock_irq(&a->lock);
	c = a->open;
	while (c && n.recs) {
		rec = n.recs;
		n.recs = rec->next;
		rec = blkrepl_epoch_add_copy(&c->epoch, rec);
		if (rec) {
			blkrepl_capture_free_rec(NULL, rec);
			continue;
		}
		c->bytes += PAGE_SIZE;
		a->used += PAGE_SIZE;
	}
	/* Not dirty any more, but not there yet. */
	if (c)
		a->swept = max(a->swept, c->epoch.nr);
	full = c && blkrepl_capture_is_full(a, c);
	spin_unlock_irq(&a->lock);
	free_records(&n);
	if (full)
		mod_delayed_work(blkrepl_async_wq, &a->seal_work, 0);
	return c ? 0 : -ENOTCONN;
}

/**
 * blkrepl_capture_end - a write that took an epoch has ended at the source
 * @io: the write, or one that is not captured after all
 *
 * Context: any.
 */
void blkrepl_capture_end(struct blkrepl_io *io)
{
	struct blkrepl_async *a = io->vol->pair->link->async;
	struct blkrepl_capture *c = io->epoch;
	unsigned long flags;
	bool last, dead;

	io->epoch = NULL;
	spin_lock_irqsave(&a->lock, flags);
	last = !--c->writes;
	dead = c->dead;
	if (last && !dead && c != a->open)
		queue_work(blkrepl_async_wq, &a->send_work);
	spin_unlock_irqrestore(&a->lock, flags);
	if (last && dead)
		kfree(c);
}

/**
 * blkrepl_capture_may_sweep - whether an extent that was idle may become cold
 * @link: the relationship
 *
 * It must not before the members have what was written to it up to the last sweep, nor
 * may the dirty bitmap be stored before they have what was copied.
 *
 * Context: any.
 */
bool blkrepl_capture_may_sweep(struct blkrepl_link *link)
{
	struct blkrepl_async *a = READ_ONCE(link->async);
	bool may = true;

	if (a) {
		spin_lock_irq(&a->lock);
		may = !a->open || (!a->fuzzy && a->applied >= max(a->swept, a->last_part));
		spin_unlock_irq(&a->lock);
	}
	return may;
}

/**
 * blkrepl_capture_swept - the extents' ages have been looked at
 * @link: the relationship
 *
 * Context: any.
 */
void blkrepl_capture_swept(struct blkrepl_link *link)
{
	struct blkrepl_async *a = READ_ONCE(link->async);

	if (!a)
		return;
	spin_lock_irq(&a->lock);
	/* All before an empty one have been sent, or are waited for by its number. */
	if (a->open)
		a->swept = a->open->epoch.nr - blkrepl_capture_is_empty(a->open);
	spin_unlock_irq(&a->lock);
}

/**
 * blkrepl_capture_over - what was given up earlier is of no matter any more
 * @link: the relationship, which begins to mirror directly
 *
 * Context: any.
 */
void blkrepl_capture_over(struct blkrepl_link *link)
{
	if (link->async)
		link->async->folded = false;
}
