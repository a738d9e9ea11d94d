// SPDX-License-Identifier: GPL-2.0
/*
 * Catching up without losing consistency.
 *
 * What the target lacks from before is copied into one epoch, of which all that is
 * written meanwhile is a part, too. No block of it goes to the members before the
 * last one is in the journal: at that instant it is the image of the source. Until
 * then the members have the last point that they had.
 *
 * A block that is in that epoch is not dirty any more, but behind: should the epoch
 * not be committed it is dirty again.
 */
#include <linux/slab.h>

#include "blkrepl.h"

static void *chunk_alloc(void *ctx)
{
	return kzalloc(BLKREPL_BLOCK_SIZE, GFP_NOWAIT | __GFP_NOWARN);
}

static void chunk_free(void *ctx, void *block)
{
	kfree(block);
}

/**
 * blkrepl_catchup_may - whether the target can catch up in one epoch
 * @link: the relationship
 *
 * It has to have a point of its own, and nothing that it has written by itself; the
 * last attempt must not have filled the ring.
 *
 * Context: any.
 */
bool blkrepl_catchup_may(struct blkrepl_link *link)
{
	const u32 not = BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_APART | BLKREPL_LINK_FIRST_COPY |
			BLKREPL_LINK_OVERWRITE | BLKREPL_LINK_FAILING_BACK | BLKREPL_LINK_TORN |
			BLKREPL_LINK_RESTORING | BLKREPL_LINK_HOLD_ON_FAILURE;

	return link->mode == BLKREPL_MODE_ASYNCHRONOUS && !(link->flags & not) &&
	       (link->flags & BLKREPL_LINK_CONSISTENCY) && !link->target_gens.base &&
	       !(link->async && link->async->directly);
}

static int init_behind(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];
		struct blkrepl_chunk *chunk;

		if (pair->behind.chunk)
			continue;
		chunk = kvcalloc(pair->dirty.nr_chunks, sizeof(*chunk), GFP_NOIO);
		if (!chunk)
			return -ENOMEM;
		spin_lock_irq(&pair->dirty_lock);
		blkrepl_dirty_init(&pair->behind, chunk, pair->dirty.nr_bits, chunk_alloc,
				   chunk_free, NULL);
		spin_unlock_irq(&pair->dirty_lock);
	}
	return 0;
}

/**
 * blkrepl_catchup_prepare - a journal for the epoch that catches up
 * @link: the relationship
 * @conn: its connection
 *
 * Context: may sleep; group->conf is held.
 * Return: 0, -ENOSPC where it is too small, or an error.
 */
int blkrepl_catchup_prepare(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	int r = blkrepl_capture_prepare(link, conn, link->recovery_point_us);

	if (!r && blkrepl_fuzzy_judge(&link->async->ring, 0, blkrepl_link_dirty_blocks(link)) !=
		  BLKREPL_ROOM_NOW)
		r = -ENOSPC;
	r = r ?: init_behind(link);
	if (r)
		blkrepl_catchup_forget(link, true);
	return r;
}

/**
 * blkrepl_catchup_runs - whether the target is catching up in one epoch
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_catchup_runs(struct blkrepl_link *link)
{
	struct blkrepl_async *a = READ_ONCE(link->async);

	return a && READ_ONCE(a->fuzzy);
}

/**
 * blkrepl_catchup_wrote - blocks of a member are in the epoch that catches up
 * @pair: the pair
 * @sector: first sector
 * @sectors: how many
 *
 * Context: may sleep.
 */
void blkrepl_catchup_wrote(struct blkrepl_pair *pair, sector_t sector, unsigned int sectors)
{
	u64 first = sector / BLKREPL_BLOCK_SECTORS;
	u64 last = (sector + sectors - 1) / BLKREPL_BLOCK_SECTORS;

	spin_lock_irq(&pair->dirty_lock);
	if (pair->behind.chunk)
		blkrepl_dirty_set(&pair->behind, first, last - first + 1);
	spin_unlock_irq(&pair->dirty_lock);
}

static bool has_room(struct blkrepl_async *a)
{
	return READ_ONCE(a->used) < a->limit || !READ_ONCE(a->open) ||
	       READ_ONCE(a->link->copy_stop);
}

/**
 * blkrepl_catchup_copied - blocks were read from the source for that epoch
 * @io: the request; it owns the range from before they were read. The data begin at
 *	page @first, which stands for the block at the range's begin plus @first
 * @pair: the pair
 * @first: the first block that is to be sent
 * @nr: how many
 *
 * Context: may sleep.
 * Return: 0, or why they could not be captured.
 */
int blkrepl_catchup_copied(struct blkrepl_io *io, struct blkrepl_pair *pair, unsigned int first,
			   unsigned int nr)
{
	struct blkrepl_async *a = pair->link->async;
	struct blkrepl_rec *recs = NULL, *rec;
	sector_t end = io->node.last + 1;
	unsigned int i;

	wait_event(a->link->copy_wait, has_room(a));
	for (i = first; i < first + nr; i++) {
		sector_t from = io->node.start + i * BLKREPL_BLOCK_SECTORS;
		sector_t to = min_t(sector_t, from + BLKREPL_BLOCK_SECTORS, end);

		rec = blkrepl_capture_rec(pair, recs, from, to);
		if (!rec) {
			blkrepl_capture_record(NULL, recs);
			return -ENOMEM;
		}
		memcpy(rec->data, page_address(io->vecs[i].bv_page), (to - from) << SECTOR_SHIFT);
		recs = rec;
	}
	blkrepl_catchup_wrote(pair, io->node.start + first * BLKREPL_BLOCK_SECTORS,
			      min_t(sector_t, nr * BLKREPL_BLOCK_SECTORS,
				    end - io->node.start - first * BLKREPL_BLOCK_SECTORS));
	return blkrepl_capture_record(a, recs);
}

/**
 * blkrepl_catchup_end - nothing is left to be copied: the epoch ends
 * @link: the relationship
 *
 * Context: may sleep; waits for the target, each of whose requests has its deadline.
 * Return: 0 when the members have it, -ENOTCONN where the target was lost, -EAGAIN where
 * the copy engine is halted, or -ENOMEM.
 */
int blkrepl_catchup_end(struct blkrepl_link *link)
{
	struct blkrepl_async *a = link->async;
	u64 nr;
	int r = blkrepl_capture_seal_last(a, &nr);

	r = r ?: blkrepl_capture_wait(a, nr);
	if (!r)
		blkrepl_catchup_forget(link, true);
	return r;
}

/* What was on its way is dirty again. */
static void mark_again(struct blkrepl_pair *pair)
{
	u64 at = 0, run;

	while (pair->behind.chunk) {
		spin_lock_irq(&pair->dirty_lock);
		at = blkrepl_dirty_next(&pair->behind, at);
		run = at < pair->behind.nr_bits ?
		      blkrepl_dirty_run(&pair->behind, at, BLKREPL_EXTENT_BLOCKS) : 0;
		if (run)
			blkrepl_dirty_set(&pair->dirty, at, run);
		spin_unlock_irq(&pair->dirty_lock);
		if (!run)
			break;
		at += run;
	}
}

/**
 * blkrepl_catchup_forget - the epoch that catches up is history
 * @link: the relationship
 * @arrived: the members have it; else all of it becomes dirty
 *
 * Context: may sleep.
 */
void blkrepl_catchup_forget(struct blkrepl_link *link, bool arrived)
{
	struct blkrepl_dirty old;
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		if (!arrived)
			mark_again(pair);
		spin_lock_irq(&pair->dirty_lock);
		old = pair->behind;
		memset(&pair->behind, 0, sizeof(pair->behind));
		spin_unlock_irq(&pair->dirty_lock);
		if (old.chunk)
			blkrepl_dirty_release(&old);
		kvfree(old.chunk);
	}
}
