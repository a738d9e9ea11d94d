// SPDX-License-Identifier: GPL-2.0
/*
 * Reads that the source could not answer.
 *
 * Where the pair is mirrored and the blocks are the same on both sides, the
 * target has the data. They are read from there, written over the bad place of
 * the source, and given to the caller.
 */
#include "blkrepl.h"
#include "trace.h"

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

static bool is_clean(struct blkrepl_pair *pair, sector_t sector, unsigned int sectors)
{
	u64 first = sector / BLKREPL_BLOCK_SECTORS;
	u64 last = (sector + sectors - 1) / BLKREPL_BLOCK_SECTORS;
	unsigned long flags;
	bool clean;

	spin_lock_irqsave(&pair->dirty_lock, flags);
	clean = !blkrepl_dirty_count(&pair->dirty, first, last - first + 1);
	spin_unlock_irqrestore(&pair->dirty_lock, flags);
	return clean;
}

/* Read the target, rewrite the source; @rio owns the range. */
static blk_status_t fetch(struct blkrepl_io *rio, struct blkrepl_conn *conn,
			  sector_t sector, unsigned int bytes)
{
	struct blkrepl_vol *vol = rio->vol;
	DECLARE_COMPLETION_ONSTACK(end);

	blkrepl_io_pages(rio, bytes, false);
	blkrepl_io_bio(rio, &rio->tgt, blkrepl_bdev(conn->leg[vol->index]), REQ_OP_READ,
		       sector, bytes);
	rio->waiter = &end;
	rio->done = end_sync;
	atomic_set(&rio->pending, 1);
	blkrepl_target_submit(rio, conn);
	wait_for_completion(&end);
	if (rio->tgt_status)
		return rio->tgt_status;

	blkrepl_io_bio(rio, &rio->src, blkrepl_bdev(vol->source), REQ_OP_WRITE | REQ_FUA,
		       sector, bytes);
	rio->src.bi_end_io = source_end_io;
	reinit_completion(&end);
	atomic_set(&rio->pending, 1);
	submit_bio_noacct(&rio->src);
	wait_for_completion(&end);
	rio->waiter = NULL;
	/* Where the source cannot be mended the data are good all the same. */
	return BLK_STS_OK;
}

static void repair_work(struct work_struct *work)
{
	struct blkrepl_io *io = container_of(work, struct blkrepl_io, work);
	struct blkrepl_vol *vol = io->vol;
	struct blkrepl_group *g = vol->group;
	struct bio *orig = io->orig;
	sector_t sector = orig->bi_iter.bi_sector;
	unsigned int sectors = bio_sectors(orig);
	blk_status_t status = io->src_status;
	struct blkrepl_conn *conn = NULL;
	struct blkrepl_io *rio = NULL;
	struct blkrepl_pair *pair;
	bool mended;

	if (!percpu_ref_tryget_live(&g->write_ref)) {
		blkrepl_io_answer(io, status);
		return;
	}
	pair = vol->pair;
	if (!pair || READ_ONCE(pair->mode) != BLKREPL_PAIR_MIRROR)
		goto out;
	rio = blkrepl_io_alloc(vol, BLKREPL_IO_REPAIR, GFP_NOIO);
	blkrepl_range_lock_wait(rio, sector, sectors);
	if (is_clean(pair, sector, sectors))
		conn = blkrepl_conn_tryget(pair->link);
	if (conn)
		status = fetch(rio, conn, sector, sectors << SECTOR_SHIFT);
	blkrepl_range_unlock(rio);
	if (!conn)
		goto out;
	if (status) {
		status = io->src_status;
		goto out;
	}
	blkrepl_io_copy(rio, orig, true);
	mended = !rio->src_status;
	trace_blkrepl_repair(vol, sector, sectors, mended);
	if (mended)
		atomic64_inc(&vol->repairs);
	blkrepl_notify_link(pair->link, mended ? BLKREPL_EVENT_READ_REPAIRED :
						 BLKREPL_EVENT_SOURCE_ERROR);
out:
	if (rio)
		blkrepl_io_put(rio);
	blkrepl_io_answer(io, status);
	percpu_ref_put(&g->write_ref);
}

/**
 * blkrepl_repair_read - answer a read in another way than from the source
 * @io: the read, with the source's error in @src_status
 *
 * Context: any.
 */
void blkrepl_repair_read(struct blkrepl_io *io)
{
	INIT_WORK(&io->work, repair_work);
	queue_work(blkrepl_io_wq, &io->work);
}
