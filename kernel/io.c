// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a bio.
 *
 * A read goes to the source. A write takes, in this order: a reference of the
 * group (or it is held), its range (or it queues), its extent's intent mark (or
 * it waits for a commit), its private pages; then it goes to the legs. Whoever
 * waits at one step holds nothing that an earlier step needs.
 */
#include "blkrepl.h"
#include "trace.h"

#define CARRIED_FLAGS	(REQ_SYNC | REQ_META | REQ_PRIO | REQ_FUA | REQ_PREFLUSH | \
			 REQ_IDLE | REQ_BACKGROUND)

/**
 * blkrepl_io_answer - end the caller's bio and the request
 * @io: the request; not locked
 * @status: the result
 *
 * Context: any.
 */
void blkrepl_io_answer(struct blkrepl_io *io, blk_status_t status)
{
	struct blkrepl_group *g = io->vol->group;
	bool read = io->kind == BLKREPL_IO_READ;
	struct bio *orig = io->orig;
	unsigned long start = io->start;

	trace_blkrepl_io_end(io, status);
	blkrepl_io_put(io);
	bio_end_io_acct(orig, start);
	if (status)
		orig->bi_status = status;
	bio_endio(orig);
	if (read)
		percpu_ref_put(&g->read_ref);
}

static void read_end_io(struct bio *bio)
{
	struct blkrepl_io *io = bio->bi_private;
	blk_status_t status = bio->bi_status;

	if (unlikely(blkrepl_fault(BLKREPL_FAULT_SOURCE_READ)))
		status = BLK_STS_MEDIUM;
	if (unlikely(status)) {
		if (status == BLK_STS_AGAIN) {
			blkrepl_io_answer(io, status);
			return;
		}
		atomic64_inc(&io->vol->source_errors);
		io->src_status = status;
		blkrepl_repair_read(io);
		return;
	}
	blkrepl_io_answer(io, BLK_STS_OK);
}

static void submit_read(struct blkrepl_vol *vol, struct bio *bio)
{
	gfp_t gfp = bio->bi_opf & REQ_NOWAIT ? GFP_NOWAIT | __GFP_NOWARN : GFP_NOIO;
	struct blkrepl_group *g = vol->group;
	struct blkrepl_io *io;

	if (!percpu_ref_tryget_live(&g->read_ref)) {
		bio_io_error(bio);
		return;
	}
	io = blkrepl_io_alloc(vol, BLKREPL_IO_READ, gfp);
	if (!io) {
		percpu_ref_put(&g->read_ref);
		bio_wouldblock_error(bio);
		return;
	}
	io->orig = bio;
	io->op = bio->bi_opf;
	io->start = bio_start_io_acct(bio);
	trace_blkrepl_io_start(io);
	if (bio_init_clone(blkrepl_bdev(vol->source), &io->src, bio, gfp)) {
		blkrepl_io_answer(io, BLK_STS_RESOURCE);
		return;
	}
	io->src.bi_private = io;
	io->src.bi_end_io = read_end_io;
	submit_bio_noacct(&io->src);
}

static void source_end_io(struct bio *bio)
{
	struct blkrepl_io *io = bio->bi_private;

	io->src_status = bio->bi_status;
	if (unlikely(bio->bi_status))
		atomic64_inc(&io->vol->source_errors);
	blkrepl_io_leg_done(io);
}

/* The legs of a write or flush have ended, or were abandoned. */
static void write_done(struct blkrepl_io *io)
{
	struct blkrepl_vol *vol = io->vol;
	struct blkrepl_group *g = vol->group;
	struct blkrepl_pair *pair = vol->pair;
	bool both = io->mirrored && !io->tgt_status;

	if (io->kind == BLKREPL_IO_FLUSH && io->mirrored) {
		unsigned long flags;

		spin_lock_irqsave(&vol->flush_lock, flags);
		list_del_init(&io->wait);
		spin_unlock_irqrestore(&vol->flush_lock, flags);
	}
	if (io->locked) {
		sector_t sector = io->node.start;
		unsigned int sectors = io->node.last - sector + 1;

		if ((io->mirrored && (!both || io->src_status)) ||
		    (io->captured && io->src_status))
			blkrepl_link_mark_dirty(pair, sector, sectors);
		else if (both && io->whole && READ_ONCE(pair->dirty.weight))
			blkrepl_link_mark_clean(pair, sector, sectors);
		blkrepl_range_unlock(io);
	}
	if (io->epoch)
		blkrepl_capture_end(io);
	if (io->src_status)
		blkrepl_io_answer(io, io->src_status);
	else if (pair && !both && !io->captured)
		blkrepl_link_await(io);
	else
		blkrepl_io_answer(io, BLK_STS_OK);
	/* What the request belongs to may go now. */
	percpu_ref_put(&g->write_ref);
}

/**
 * blkrepl_write_abort - end a write that has not been started
 * @io: the request, which may own its range
 * @status: the result
 *
 * Context: any.
 */
void blkrepl_write_abort(struct blkrepl_io *io, blk_status_t status)
{
	struct blkrepl_group *g = io->vol->group;

	if (io->locked)
		blkrepl_range_unlock(io);
	blkrepl_io_answer(io, status);
	percpu_ref_put(&g->write_ref);
}

static void mark_user_io(struct blkrepl_link *link)
{
	unsigned long now = jiffies;

	/* The line is shared: it is written once a tick at the most. */
	if (READ_ONCE(link->user_jiffies) - now)
		WRITE_ONCE(link->user_jiffies, now);
}

/* Whether a write goes to the target itself, or with its epoch, or is tracked. */
static struct blkrepl_conn *choose_way(struct blkrepl_io *io, struct blkrepl_pair *pair,
				       unsigned int bytes)
{
	mark_user_io(pair->link);
	switch (READ_ONCE(pair->mode)) {
	case BLKREPL_PAIR_MIRROR:
		return blkrepl_conn_tryget(pair->link);
	case BLKREPL_PAIR_CAPTURE:
		io->captured = !bytes || blkrepl_capture_begin(io);
		return NULL;
	default:
		return NULL;
	}
}

static void leave_way(struct blkrepl_io *io, struct blkrepl_conn *conn)
{
	if (conn)
		blkrepl_conn_put(conn);
	if (io->epoch)
		blkrepl_capture_end(io);
}

/* What cannot be captured the target lacks: it lacks all that follows, too. */
static void capture(struct blkrepl_io *io, struct blkrepl_link *link)
{
	int r = blkrepl_capture_add(io);

	if (!r)
		return;
	if (r != -ENOTCONN)
		blkrepl_link_fail(link, NULL, r);
	blkrepl_capture_end(io);
	io->captured = false;
}

/**
 * blkrepl_write_go - send a write to the legs
 * @io: the request; it has all that it needs but its pages
 *
 * Context: may sleep.
 */
void blkrepl_write_go(struct blkrepl_io *io)
{
	struct blkrepl_vol *vol = io->vol;
	struct blkrepl_pair *pair = vol->pair;
	struct block_device *source = blkrepl_bdev(vol->source);
	struct bio *orig = io->orig;
	sector_t sector = orig->bi_iter.bi_sector;
	unsigned int bytes = orig->bi_iter.bi_size;
	struct blkrepl_conn *conn = NULL;
	bool copied = false;

	if (pair)
		conn = choose_way(io, pair, bytes);
	if ((conn || io->captured) && (io->op & REQ_OP_MASK) == REQ_OP_WRITE && bytes) {
		copied = blkrepl_io_pages(io, bytes, orig->bi_opf & REQ_NOWAIT);
		if (!copied) {
			leave_way(io, conn);
			blkrepl_write_abort(io, BLK_STS_AGAIN);
			return;
		}
		blkrepl_io_copy(io, orig, false);
		blkrepl_io_bio(io, &io->src, source, io->op, sector, bytes);
	} else {
		if (bio_init_clone(source, &io->src, orig, GFP_NOIO)) {
			leave_way(io, conn);
			blkrepl_write_abort(io, BLK_STS_RESOURCE);
			return;
		}
		io->src.bi_opf = io->op;
		io->src.bi_private = io;
	}
	if (io->epoch)
		capture(io, pair->link);
	io->src.bi_end_io = source_end_io;
	io->done = write_done;
	io->mirrored = conn;
	atomic_set(&io->pending, 1 + io->mirrored);

	if (conn) {
		blkrepl_io_bio(io, &io->tgt, blkrepl_bdev(conn->leg[vol->index]), io->op,
			       sector, bytes);
		if (io->kind == BLKREPL_IO_FLUSH) {
			unsigned long flags;

			spin_lock_irqsave(&vol->flush_lock, flags);
			list_add_tail(&io->wait, &vol->flushes);
			spin_unlock_irqrestore(&vol->flush_lock, flags);
		}
		if (copied)
			this_cpu_add(*pair->link->mirrored, bytes);
	} else if (pair && bytes && !io->captured) {
		blkrepl_link_mark_dirty(pair, sector, bytes >> SECTOR_SHIFT);
		if (unlikely(READ_ONCE(pair->link->unwritten)))
			blkrepl_link_written(pair->link);
	}
	submit_bio_noacct(&io->src);
	if (conn)
		blkrepl_target_submit(io, conn);
}

/* Second step: own the range, find the extent marked. */
static void write_lock_and_go(struct blkrepl_io *io, bool nowait)
{
	struct bio *orig = io->orig;
	bool hot;

	switch (blkrepl_range_lock(io, orig->bi_iter.bi_sector, bio_sectors(orig), nowait, &hot)) {
	case -EINPROGRESS:
		return;
	case -EAGAIN:
		blkrepl_write_abort(io, BLK_STS_AGAIN);
		return;
	}
	if (hot)
		blkrepl_write_go(io);
	else
		blkrepl_intent_wait(io);
}

/**
 * blkrepl_write_retry - a write that queued for its range has its turn
 * @work: of the request
 *
 * Context: workqueue.
 */
void blkrepl_write_retry(struct work_struct *work)
{
	write_lock_and_go(container_of(work, struct blkrepl_io, work), false);
}

/* Put a write aside while writes are held; false when they are not any more. */
static bool hold_bio(struct blkrepl_group *g, struct bio *bio)
{
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&g->held_lock, flags);
	held = g->holding;
	if (held)
		bio_list_add(&g->held, bio);
	spin_unlock_irqrestore(&g->held_lock, flags);
	return held;
}

/*
 * A discard may cross extents. The legs get write-zeroes for it: what a discard
 * leaves behind is undefined, and the legs must be the same.
 */
static struct bio *split_extent(struct blkrepl_group *g, struct bio *bio)
{
	unsigned int room = BLKREPL_EXTENT_SECTORS -
			    (bio->bi_iter.bi_sector & (BLKREPL_EXTENT_SECTORS - 1));
	struct bio *first;

	if (bio_sectors(bio) <= room)
		return bio;
	first = bio_split(bio, room, GFP_NOIO, &g->splits);
	bio_chain(first, bio);
	submit_bio_noacct(bio);
	return first;
}

/**
 * blkrepl_submit_write - a write, flush, discard or write-zeroes bio
 * @bio: within the limits
 *
 * Context: may sleep unless the bio says REQ_NOWAIT.
 */
void blkrepl_submit_write(struct bio *bio)
{
	struct blkrepl_vol *vol = bio->bi_bdev->bd_disk->private_data;
	struct blkrepl_group *g = vol->group;
	bool nowait = bio->bi_opf & REQ_NOWAIT, data = bio_sectors(bio);
	bool zero = bio_op(bio) == REQ_OP_DISCARD || bio_op(bio) == REQ_OP_WRITE_ZEROES;
	struct blkrepl_io *io;

	if (zero) {
		if (nowait) {
			bio_wouldblock_error(bio);
			return;
		}
		bio = split_extent(g, bio);
	}
	while (!percpu_ref_tryget_live(&g->write_ref)) {
		if (nowait) {
			bio_wouldblock_error(bio);
			return;
		}
		if (hold_bio(g, bio))
			return;
		if (READ_ONCE(g->fenced)) {
			bio_io_error(bio);
			return;
		}
		cpu_relax();
	}
	io = blkrepl_io_alloc(vol, data ? BLKREPL_IO_WRITE : BLKREPL_IO_FLUSH,
			      nowait ? GFP_NOWAIT | __GFP_NOWARN : GFP_NOIO);
	if (!io) {
		percpu_ref_put(&g->write_ref);
		bio_wouldblock_error(bio);
		return;
	}
	io->orig = bio;
	io->op = (zero ? REQ_OP_WRITE_ZEROES : REQ_OP_WRITE) | (bio->bi_opf & CARRIED_FLAGS);
	if (bio_op(bio) == REQ_OP_WRITE_ZEROES)
		io->op |= bio->bi_opf & REQ_NOUNMAP;
	io->whole = !((bio->bi_iter.bi_sector | bio_sectors(bio)) & (BLKREPL_BLOCK_SECTORS - 1)) ||
		    (!(bio->bi_iter.bi_sector & (BLKREPL_BLOCK_SECTORS - 1)) &&
		     bio_end_sector(bio) == vol->sectors);
	INIT_WORK(&io->work, blkrepl_write_retry);
	io->start = bio_start_io_acct(bio);
	trace_blkrepl_io_start(io);
	if (vol->pair && data)
		write_lock_and_go(io, nowait);
	else
		blkrepl_write_go(io);
}

/* More is captured than may be: writers wait, holding nothing. */
static bool await_pace(struct bio *bio)
{
	struct blkrepl_vol *vol = bio->bi_bdev->bd_disk->private_data;
	struct blkrepl_group *g = vol->group;

	if (likely(!READ_ONCE(g->paced)))
		return true;
	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return false;
	}
	wait_event(g->pace_wait, !READ_ONCE(g->paced) || READ_ONCE(g->fenced));
	return true;
}

/**
 * blkrepl_submit_bio - a bio for a replica device
 * @bio: the bio
 *
 * Context: may sleep unless the bio says REQ_NOWAIT.
 */
void blkrepl_submit_bio(struct bio *bio)
{
	bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	bio_clear_polled(bio);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		submit_read(bio->bi_bdev->bd_disk->private_data, bio);
		return;
	case REQ_OP_WRITE:
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		if (await_pace(bio))
			blkrepl_submit_write(bio);
		return;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
	}
}
