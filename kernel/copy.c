// SPDX-License-Identifier: GPL-2.0
/*
 * The copy engine: makes the blocks that differ the same.
 *
 * Some slots work side by side. Each takes the next run of marked blocks, owns
 * their range so that no write comes between, reads the source, writes the
 * target and unmarks them. Where the target holds most of the data already, or
 * may, it is read first and only what differs is written; so are zeroes where
 * the target has no write-zeroes, for a thin volume shall not grow by them.
 */
#include <linux/slab.h>
#include <linux/ktime.h>

#include "blkrepl.h"
#include "trace.h"

#define COPY_PAGES	(BLKREPL_COPY_BYTES >> PAGE_SHIFT)
#define COPY_BLOCKS	(BLKREPL_COPY_BYTES >> BLKREPL_BLOCK_SHIFT)

_Static_assert(PAGE_SIZE == BLKREPL_BLOCK_SIZE, "a page is a block");

/**
 * blkrepl_copy_free_pages - free the pages of a copy request
 * @io: the request
 *
 * Context: any.
 */
void blkrepl_copy_free_pages(struct blkrepl_io *io)
{
	while (io->nr_vecs)
		__free_page(io->vecs[--io->nr_vecs].bv_page);
	kfree(io->vecs);
	io->vecs = NULL;
}

/* Twice the pages: the source's data, and the target's for comparing. */
static struct blkrepl_io *alloc_copy_io(struct blkrepl_vol *vol)
{
	struct blkrepl_io *io = blkrepl_io_alloc(vol, BLKREPL_IO_COPY, GFP_NOIO);

	io->vecs = kmalloc_array(2 * COPY_PAGES, sizeof(*io->vecs), GFP_NOIO);
	while (io->vecs && io->nr_vecs < 2 * COPY_PAGES) {
		struct page *p = alloc_page(GFP_NOIO);

		if (!p)
			break;
		io->vecs[io->nr_vecs++] = (struct bio_vec){ .bv_page = p, .bv_len = PAGE_SIZE };
	}
	if (io->nr_vecs < 2 * COPY_PAGES) {
		blkrepl_io_put(io);
		return NULL;
	}
	return io;
}

static void end_sync(struct blkrepl_io *io)
{
	complete(io->waiter);
}

static void source_end_io(struct bio *bio)
{
	struct blkrepl_io *io = bio->bi_private;

	io->src_status = bio->bi_status;
	blkrepl_io_leg_done(io);
}

static void setup_bio(struct blkrepl_io *io, struct bio *bio, struct block_device *bdev,
		      blk_opf_t opf, sector_t sector, unsigned int page, unsigned int bytes)
{
	unsigned int n = (opf & REQ_OP_MASK) == REQ_OP_WRITE_ZEROES ? 0 : DIV_ROUND_UP(bytes, PAGE_SIZE);

	if (bio->bi_bdev)
		bio_uninit(bio);
	bio_init(bio, bdev, io->vecs + page, n, opf);
	bio->bi_vcnt = n;
	bio->bi_iter.bi_sector = sector;
	bio->bi_iter.bi_size = bytes;
	bio->bi_private = io;
}

static int source_io(struct blkrepl_io *io, blk_opf_t opf, sector_t sector, unsigned int bytes)
{
	DECLARE_COMPLETION_ONSTACK(end);

	setup_bio(io, &io->src, blkrepl_bdev(io->vol->source), opf, sector, 0, bytes);
	io->src.bi_end_io = source_end_io;
	io->done = end_sync;
	io->waiter = &end;
	atomic_set(&io->pending, 1);
	submit_bio(&io->src);
	wait_for_completion(&end);
	io->waiter = NULL;
	if (io->src_status)
		atomic64_inc(&io->vol->source_errors);
	return blk_status_to_errno(io->src_status);
}

/* Any request to the target; waits until it ends or is abandoned. */
static int target_io(struct blkrepl_io *io, struct blkrepl_link *link, blk_opf_t opf,
		     sector_t sector, unsigned int page, unsigned int bytes)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	DECLARE_COMPLETION_ONSTACK(end);

	if (!conn)
		return -ENOTCONN;
	setup_bio(io, &io->tgt, blkrepl_bdev(conn->leg[io->vol->index]), opf, sector, page, bytes);
	io->done = end_sync;
	io->waiter = &end;
	atomic_set(&io->pending, 1);
	blkrepl_target_submit(io, conn);
	wait_for_completion(&end);
	io->waiter = NULL;
	return blk_status_to_errno(io->tgt_status);
}

/* What the target has becomes the source's. */
static int restore(struct blkrepl_io *io, struct blkrepl_link *link, sector_t sector,
		   unsigned int bytes, unsigned int *written)
{
	int r = target_io(io, link, REQ_OP_READ, sector, 0, bytes);

	r = r ?: source_io(io, REQ_OP_WRITE, sector, bytes);
	if (!r)
		*written = bytes;
	return r;
}

static bool is_zero(struct blkrepl_io *io, unsigned int bytes)
{
	unsigned int i;

	for (i = 0; i * PAGE_SIZE < bytes; i++)
		if (memchr_inv(page_address(io->vecs[i].bv_page), 0,
			       min_t(unsigned int, PAGE_SIZE, bytes - i * PAGE_SIZE)))
			return false;
	return true;
}

static bool block_differs(struct blkrepl_io *io, unsigned int i, unsigned int bytes)
{
	return memcmp(page_address(io->vecs[i].bv_page),
		      page_address(io->vecs[COPY_PAGES + i].bv_page),
		      min_t(unsigned int, PAGE_SIZE, bytes - i * PAGE_SIZE));
}

/* Write the blocks that differ from what the target has. */
static int write_differing(struct blkrepl_io *io, struct blkrepl_link *link, sector_t sector,
			   unsigned int bytes, unsigned int *written)
{
	unsigned int n = DIV_ROUND_UP(bytes, PAGE_SIZE), i = 0, k, len;
	int r = target_io(io, link, REQ_OP_READ, sector, COPY_PAGES, bytes);

	while (!r && i < n) {
		if (!block_differs(io, i, bytes)) {
			i++;
			continue;
		}
		for (k = i + 1; k < n && block_differs(io, k, bytes); k++)
			;
		len = min_t(unsigned int, k * PAGE_SIZE, bytes) - i * PAGE_SIZE;
		r = target_io(io, link, REQ_OP_WRITE, sector + i * BLKREPL_BLOCK_SECTORS, i, len);
		if (!r)
			*written += len;
		i = k;
	}
	return r;
}

static int write_target(struct blkrepl_io *io, struct blkrepl_link *link, sector_t sector,
			unsigned int bytes, unsigned int *written)
{
	bool zero = is_zero(io, bytes);
	struct blkrepl_conn *conn;
	bool can_zero = false;
	int r;

	if (zero) {
		conn = blkrepl_conn_tryget(link);
		if (conn) {
			can_zero = bdev_write_zeroes_sectors(blkrepl_bdev(conn->leg[io->vol->index]));
			blkrepl_conn_put(conn);
		}
	}
	if ((zero && !can_zero) || (READ_ONCE(link->flags) & BLKREPL_LINK_COMPARE))
		return write_differing(io, link, sector, bytes, written);
	r = target_io(io, link, zero ? REQ_OP_WRITE_ZEROES : REQ_OP_WRITE, sector, 0, bytes);
	if (!r && !zero)
		*written += bytes;
	return r;
}

/* The blocks go into the open epoch: all, or those that the target does not have so. */
static int capture_blocks(struct blkrepl_io *io, struct blkrepl_pair *pair, sector_t sector,
			  unsigned int bytes, unsigned int *written)
{
	unsigned int n = DIV_ROUND_UP(bytes, PAGE_SIZE), i = 0, k;
	bool compare = READ_ONCE(pair->link->flags) & BLKREPL_LINK_COMPARE;
	int r = 0;

	if (compare)
		r = target_io(io, pair->link, REQ_OP_READ, sector, COPY_PAGES, bytes);
	while (!r && i < n) {
		if (compare && !block_differs(io, i, bytes)) {
			i++;
			continue;
		}
		for (k = i + 1; k < n && (!compare || block_differs(io, k, bytes)); k++)
			;
		r = blkrepl_catchup_copied(io, pair, i, k - i);
		if (!r)
			*written += (k - i) * PAGE_SIZE;
		i = k;
	}
	return r;
}

/*
 * Copy one range. Returns 0, or an error after which the slot must end; @io may
 * be with the target then.
 */
static int copy_range(struct blkrepl_io *io, struct blkrepl_pair *pair, u64 bit, unsigned int nr)
{
	struct blkrepl_link *link = pair->link;
	struct blkrepl_vol *vol = pair->vol;
	sector_t sector = bit * BLKREPL_BLOCK_SECTORS;
	unsigned int sectors = min_t(sector_t, nr * BLKREPL_BLOCK_SECTORS, vol->sectors - sector);
	unsigned int written = 0;
	bool any;
	int r = 0;

	blkrepl_range_lock_wait(io, sector, sectors);
	spin_lock_irq(&pair->dirty_lock);
	any = blkrepl_dirty_count(&pair->dirty, bit, nr);
	spin_unlock_irq(&pair->dirty_lock);
	if (!any)
		goto out;
	if (READ_ONCE(link->flags) & BLKREPL_LINK_RESTORING) {
		r = restore(io, link, sector, sectors << SECTOR_SHIFT, &written);
		atomic64_add(written, &link->copy_written);
		spin_lock_irq(&pair->dirty_lock);
		if (!r)
			blkrepl_dirty_clear(&pair->dirty, bit, nr);
		spin_unlock_irq(&pair->dirty_lock);
		goto traced;
	}
	/* What the source cannot read stays marked; others go on. */
	if (source_io(io, REQ_OP_READ, sector, sectors << SECTOR_SHIFT))
		goto out;
	if (blkrepl_captures(link)) {
		r = capture_blocks(io, pair, sector, sectors << SECTOR_SHIFT, &written);
		atomic64_add(written, &link->copy_written);
		if (!r)
			blkrepl_link_mark_clean(pair, sector, sectors);
		goto traced;
	}
	r = write_target(io, link, sector, sectors << SECTOR_SHIFT, &written);
	atomic64_add(written, &link->copy_written);
	if (!r) {
		/* First: clean blocks must be durable there, or known not to be. */
		blkrepl_intent_copied(vol, sector);
		blkrepl_link_mark_clean(pair, sector, sectors);
	}
traced:
	trace_blkrepl_copy_step(vol, sector, sectors, written);
out:
	blkrepl_range_unlock(io);
	return r;
}

/* The next run of marked blocks at the cursor; 0 when there is none. */
static unsigned int next_run(struct blkrepl_link *link, struct blkrepl_pair **pair, u64 *bit)
{
	unsigned int nr = 0;

	lockdep_assert_held(&link->copy_lock);
	while (!nr && link->copy_pair < link->nr_pairs) {
		struct blkrepl_pair *p = &link->pair[link->copy_pair];
		u64 at, room;

		spin_lock_irq(&p->dirty_lock);
		at = READ_ONCE(p->out) ? p->dirty.nr_bits :
		     blkrepl_dirty_next(&p->dirty, link->copy_bit);
		if (at < p->dirty.nr_bits) {
			/* A range lies within one extent. */
			room = BLKREPL_EXTENT_BLOCKS - (at & (BLKREPL_EXTENT_BLOCKS - 1));
			nr = blkrepl_dirty_run(&p->dirty, at, min_t(u64, COPY_BLOCKS, room));
		}
		spin_unlock_irq(&p->dirty_lock);
		if (nr) {
			*pair = p;
			*bit = at;
			link->copy_bit = at + nr;
		} else {
			link->copy_pair++;
			link->copy_bit = 0;
		}
	}
	return nr;
}

/* Waits until bytes may go; a new pace begins a new reckoning. */
static void await_turn(struct blkrepl_link *link, u64 bytes)
{
	unsigned int pace;
	u64 delay;

	do {
		mutex_lock(&link->copy_lock);
		pace = link->copy_pace;
		delay = blkrepl_throttle_take(&link->throttle, ktime_get_ns(),
					      READ_ONCE(link->user_jiffies), bytes);
		mutex_unlock(&link->copy_lock);
	} while (delay && wait_event_timeout(link->copy_wait,
					     READ_ONCE(link->copy_stop) ||
					     READ_ONCE(link->copy_pace) != pace,
					     nsecs_to_jiffies(delay) + 1) &&
		 !READ_ONCE(link->copy_stop));
}

static void slot_work(struct work_struct *work)
{
	struct blkrepl_copy_slot *slot = container_of(work, struct blkrepl_copy_slot, work);
	struct blkrepl_link *link = slot->link;
	struct blkrepl_io *io = NULL;
	struct blkrepl_pair *pair;
	unsigned int nr;
	u64 bit;
	int r = 0;

	while (!r && !READ_ONCE(link->copy_stop)) {
		mutex_lock(&link->copy_lock);
		nr = next_run(link, &pair, &bit);
		mutex_unlock(&link->copy_lock);
		if (!nr)
			break;
		await_turn(link, (u64)nr << BLKREPL_BLOCK_SHIFT);
		if (READ_ONCE(link->copy_stop))
			break;
		if (io && io->vol != pair->vol) {
			blkrepl_io_put(io);
			io = NULL;
		}
		if (!io)
			io = alloc_copy_io(pair->vol);
		r = io ? copy_range(io, pair, bit, nr) : -ENOMEM;
		if (r && io && READ_ONCE(pair->out)) {
			/* Its leg failed alone, and may have the request still. */
			blkrepl_io_put(io);
			io = NULL;
			r = 0;
		}
		cond_resched();
	}
	if (io)
		blkrepl_io_put(io);
	if (atomic_dec_and_test(&link->copy_slots))
		queue_work(blkrepl_copy_wq, &link->copy_end_work);
}

static void start_slots(struct blkrepl_link *link)
{
	unsigned int i;

	mutex_lock(&link->copy_lock);
	link->copy_pair = 0;
	link->copy_bit = 0;
	mutex_unlock(&link->copy_lock);
	atomic_set(&link->copy_slots, BLKREPL_COPY_SLOTS);
	for (i = 0; i < BLKREPL_COPY_SLOTS; i++)
		queue_work(blkrepl_copy_wq, &link->copy_slot[i].work);
}

static void end_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, copy_end_work);

	bool done = !READ_ONCE(link->copy_stop) && !blkrepl_link_dirty_blocks(link);

	if (done && !blkrepl_link_restoring(link))
		blkrepl_link_synced(link);
	mutex_lock(&link->copy_lock);
	link->copy_ended = ktime_get_ns();
	WRITE_ONCE(link->copy_running, false);
	mutex_unlock(&link->copy_lock);
	wake_up_all(&link->copy_wait);
	if (done && blkrepl_link_restoring(link))
		queue_work(blkrepl_conf_wq, &link->restored_work);
	blkrepl_link_put(link);
}

/**
 * blkrepl_copy_init - a new relationship's copy engine
 * @link: the relationship
 */
void blkrepl_copy_init(struct blkrepl_link *link)
{
	unsigned int i;

	mutex_init(&link->copy_lock);
	init_waitqueue_head(&link->copy_wait);
	INIT_WORK(&link->copy_end_work, end_work);
	for (i = 0; i < BLKREPL_COPY_SLOTS; i++) {
		link->copy_slot[i].link = link;
		INIT_WORK(&link->copy_slot[i].work, slot_work);
	}
}

/**
 * blkrepl_copy_new_pace - the throttle's settings have changed
 * @link: the relationship
 *
 * What waits for its turn by the old pace waits no longer.
 *
 * Context: may sleep.
 */
void blkrepl_copy_new_pace(struct blkrepl_link *link)
{
	mutex_lock(&link->copy_lock);
	link->throttle.debt_ns = 0;
	WRITE_ONCE(link->copy_pace, link->copy_pace + 1);
	mutex_unlock(&link->copy_lock);
	wake_up_all(&link->copy_wait);
}

/**
 * blkrepl_copy_start - copy what differs, then become Synchronized
 * @link: the relationship; writes are mirrored
 *
 * Where a copy is running already, or is just being stopped, the relationship's
 * tick starts another one if that turns out to be needed.
 *
 * Context: may sleep.
 */
void blkrepl_copy_start(struct blkrepl_link *link)
{
	mutex_lock(&link->copy_lock);
	if (link->copy_running || link->copy_forbidden) {
		mutex_unlock(&link->copy_lock);
		return;
	}
	/* For its slots, until end_work(). */
	kref_get(&link->ref);
	WRITE_ONCE(link->copy_running, true);
	WRITE_ONCE(link->copy_stop, false);
	link->copy_total = blkrepl_link_dirty_blocks(link) << BLKREPL_BLOCK_SHIFT;
	atomic64_set(&link->copy_written, 0);
	link->copy_started = ktime_get_ns();
	link->copy_ended = 0;
	mutex_unlock(&link->copy_lock);
	start_slots(link);
}

/* Whether pairs have something to copy that are not out. */
static bool beside_lost(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		if (!READ_ONCE(link->pair[i].out) && READ_ONCE(link->pair[i].dirty.weight))
			return true;
	return false;
}

/**
 * blkrepl_copy_again - see whether a copy is to be started
 * @link: the relationship
 *
 * Context: may sleep.
 */
void blkrepl_copy_again(struct blkrepl_link *link)
{
	if (!blkrepl_conn_alive(link))
		return;
	if (blkrepl_link_restoring(link)) {
		blkrepl_copy_start(link);
		return;
	}
	if (!blkrepl_link_mirrors_some(link))
		return;
	if (READ_ONCE(link->state) == BLKREPL_COPY_STATE_UNSYNCHRONIZED ||
	    (READ_ONCE(link->state) == BLKREPL_COPY_STATE_MIXED && beside_lost(link)) ||
	    blkrepl_link_differs(link))
		blkrepl_copy_start(link);
}

/**
 * blkrepl_copy_halt - stop the copy engine, and let it stay so
 * @link: the relationship
 * @timeout_ms: how long to wait for requests in flight
 *
 * Context: may sleep.
 * Return: 0, or -ETIMEDOUT when some are still in flight.
 */
int blkrepl_copy_halt(struct blkrepl_link *link, unsigned int timeout_ms)
{
	mutex_lock(&link->copy_lock);
	link->copy_forbidden = true;
	WRITE_ONCE(link->copy_stop, true);
	mutex_unlock(&link->copy_lock);
	wake_up_all(&link->copy_wait);
	return wait_event_timeout(link->copy_wait, !READ_ONCE(link->copy_running),
				  msecs_to_jiffies(timeout_ms)) ? 0 : -ETIMEDOUT;
}

/**
 * blkrepl_copy_forbid - let no copy begin; where one runs, nothing is done
 * @link: the relationship
 *
 * Context: may sleep.
 * Return: whether none runs, and none begins before blkrepl_copy_allow().
 */
bool blkrepl_copy_forbid(struct blkrepl_link *link)
{
	bool idle;

	mutex_lock(&link->copy_lock);
	idle = !link->copy_running;
	if (idle)
		link->copy_forbidden = true;
	mutex_unlock(&link->copy_lock);
	return idle;
}

/**
 * blkrepl_copy_allow - undo blkrepl_copy_halt() or _forbid(); starts nothing
 * @link: the relationship
 *
 * Context: may sleep.
 */
void blkrepl_copy_allow(struct blkrepl_link *link)
{
	mutex_lock(&link->copy_lock);
	link->copy_forbidden = false;
	mutex_unlock(&link->copy_lock);
}
