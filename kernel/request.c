// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the legs: where their memory comes from and how they end.
 *
 * A write goes to both legs from one private copy of its data. So the legs
 * cannot differ when the caller changes a buffer in flight, and a leg that does
 * not answer can be abandoned: the copy stays with it, the caller's pages do not.
 */
#include "blkrepl.h"

/**
 * blkrepl_io_alloc - a request
 * @vol: the member
 * @kind: what it will be
 * @gfp: GFP_NOIO, which does not fail, or GFP_NOWAIT
 *
 * Context: may sleep with GFP_NOIO.
 */
struct blkrepl_io *blkrepl_io_alloc(struct blkrepl_vol *vol, enum blkrepl_io_kind kind, gfp_t gfp)
{
	struct blkrepl_io *io = mempool_alloc(vol->group->ios, gfp);

	if (!io)
		return NULL;
	io->vol = vol;
	io->kind = kind;
	io->locked = false;
	io->mirrored = false;
	io->captured = false;
	io->epoch = NULL;
	io->whole = false;
	io->orig = NULL;
	INIT_LIST_HEAD(&io->wait);
	INIT_LIST_HEAD(&io->blocked);
	refcount_set(&io->refs, 1);
	atomic_set(&io->pending, 0);
	atomic_set(&io->tgt_state, BLKREPL_TGT_NONE);
	io->src_status = BLK_STS_OK;
	io->tgt_status = BLK_STS_OK;
	io->done = NULL;
	io->waiter = NULL;
	io->conn = NULL;
	io->vecs = NULL;
	io->nr_vecs = 0;
	io->src.bi_vcnt = 0;
	io->src.bi_bdev = NULL;
	io->tgt.bi_bdev = NULL;
	return io;
}

static void free_pages_of(struct blkrepl_io *io)
{
	struct blkrepl_group *g = io->vol->group;

	if (io->kind == BLKREPL_IO_COPY) {
		blkrepl_copy_free_pages(io);
		return;
	}
	while (io->nr_vecs)
		mempool_free(io->vecs[--io->nr_vecs].bv_page, g->pages);
	if (io->vecs && io->vecs != io->inline_vecs)
		mempool_free(io->vecs, g->vecs);
	io->vecs = NULL;
}

/**
 * blkrepl_io_put - drop a reference of a request's memory
 * @io: the request
 *
 * Context: any.
 */
void blkrepl_io_put(struct blkrepl_io *io)
{
	if (!refcount_dec_and_test(&io->refs))
		return;
	free_pages_of(io);
	if (io->src.bi_bdev)
		bio_uninit(&io->src);
	if (io->tgt.bi_bdev)
		bio_uninit(&io->tgt);
	mempool_free(io, io->vol->group->ios);
}

static bool try_pages(struct blkrepl_io *io, unsigned int n, gfp_t gfp)
{
	struct blkrepl_group *g = io->vol->group;

	io->vecs = n <= BLKREPL_INLINE_VECS ? io->inline_vecs : mempool_alloc(g->vecs, gfp);
	if (!io->vecs)
		return false;
	while (io->nr_vecs < n) {
		struct page *p = mempool_alloc(g->pages, gfp);

		if (!p) {
			free_pages_of(io);
			return false;
		}
		io->vecs[io->nr_vecs++] = (struct bio_vec){ .bv_page = p, .bv_len = PAGE_SIZE };
	}
	return true;
}

/**
 * blkrepl_io_pages - get a request's private pages
 * @io: the request
 * @bytes: up to BLKREPL_MAX_IO
 * @nowait: fail rather than wait
 *
 * Two requests that each held a part of the pool and waited for the rest would
 * wait for ever; so whoever has to wait does it alone, and the pool is as large
 * as the largest request.
 *
 * Context: may sleep unless @nowait.
 * Return: whether it has them; always unless @nowait.
 */
bool blkrepl_io_pages(struct blkrepl_io *io, unsigned int bytes, bool nowait)
{
	struct blkrepl_group *g = io->vol->group;
	unsigned int n = DIV_ROUND_UP(bytes, PAGE_SIZE);
	bool quick = !blkrepl_fault(BLKREPL_FAULT_NO_PAGES);

	if (quick && try_pages(io, n, GFP_NOWAIT | __GFP_NOWARN))
		return true;
	if (nowait)
		return false;
	mutex_lock(&g->pages_lock);
	try_pages(io, n, GFP_NOIO);
	mutex_unlock(&g->pages_lock);
	return true;
}

/**
 * blkrepl_io_bio - set one of a request's bios up over its private pages
 * @io: the request
 * @bio: &io->src or &io->tgt
 * @bdev: the leg
 * @opf: operation and flags
 * @sector: where
 * @bytes: how many; the pages hold as many unless the operation has no data
 *
 * Context: any.
 */
void blkrepl_io_bio(struct blkrepl_io *io, struct bio *bio, struct block_device *bdev,
		    blk_opf_t opf, sector_t sector, unsigned int bytes)
{
	bio_init(bio, bdev, io->vecs, io->nr_vecs, opf);
	bio->bi_iter.bi_sector = sector;
	bio->bi_iter.bi_size = bytes;
	bio->bi_vcnt = io->nr_vecs;
	bio->bi_private = io;
	if (io->orig) {
		bio->bi_ioprio = io->orig->bi_ioprio;
		bio_clone_blkg_association(bio, io->orig);
	}
}

/**
 * blkrepl_io_copy - copy between a caller's bio and private pages
 * @io: the request with its pages
 * @orig: the caller's bio
 * @to_orig: direction
 *
 * Context: any.
 */
void blkrepl_io_copy(struct blkrepl_io *io, struct bio *orig, bool to_orig)
{
	unsigned int at = 0;
	struct bvec_iter iter;
	struct bio_vec bv;

	/* Both are cut at page bounds, though not at the same ones. */
	bio_for_each_segment(bv, orig, iter) {
		unsigned int off = 0;

		while (off < bv.bv_len) {
			unsigned int in = offset_in_page(at);
			unsigned int n = min_t(unsigned int, bv.bv_len - off, PAGE_SIZE - in);
			void *p = page_address(io->vecs[at >> PAGE_SHIFT].bv_page) + in;
			void *q = kmap_local_page(bv.bv_page) + bv.bv_offset + off;

			if (to_orig)
				memcpy(q, p, n);
			else
				memcpy(p, q, n);
			kunmap_local(q);
			off += n;
			at += n;
		}
		if (to_orig)
			flush_dcache_page(bv.bv_page);
	}
}

/**
 * blkrepl_io_leg_done - one leg of a request has ended
 * @io: the request
 *
 * Context: any; @io may be gone afterwards.
 */
void blkrepl_io_leg_done(struct blkrepl_io *io)
{
	if (atomic_dec_and_test(&io->pending))
		io->done(io);
}

/**
 * blkrepl_target_end_io - a bio to a target leg has ended
 * @bio: &io->tgt
 *
 * When the request was abandoned before, this is the end of an orphan, and
 * nobody is interested in how it ended.
 *
 * Context: any.
 */
void blkrepl_target_end_io(struct bio *bio)
{
	struct blkrepl_io *io = bio->bi_private;
	struct blkrepl_conn *conn = io->conn;

	if (atomic_cmpxchg(&io->tgt_state, BLKREPL_TGT_PENDING, BLKREPL_TGT_DONE) ==
	    BLKREPL_TGT_PENDING) {
		io->tgt_status = bio->bi_status;
		if (bio->bi_status) {
			struct blkrepl_pair *pair = &conn->link->pair[io->vol->index];

			atomic64_inc(&pair->errors);
			blkrepl_link_fail(conn->link, pair, blk_status_to_errno(bio->bi_status));
		}
		blkrepl_io_leg_done(io);
	} else {
		blkrepl_conn_orphan(conn, io->leg, -1);
	}
	blkrepl_io_put(io);
	blkrepl_conn_put(conn);
}

/* A target without write-zeroes gets zeroes written, which takes many bios. */
static void zero_out_work(struct work_struct *work)
{
	struct blkrepl_io *io = container_of(work, struct blkrepl_io, work);
	int r = blkdev_issue_zeroout(io->tgt.bi_bdev, io->tgt.bi_iter.bi_sector,
				     bio_sectors(&io->tgt), GFP_NOIO, 0);

	io->tgt.bi_status = errno_to_blk_status(r);
	blkrepl_target_end_io(&io->tgt);
}

/**
 * blkrepl_target_submit - start the target leg
 * @io: the request; @io->tgt is set up, @io->pending counts this leg
 * @conn: the connection, with a reference that goes over to the request
 *
 * Context: may sleep.
 */
void blkrepl_target_submit(struct blkrepl_io *io, struct blkrepl_conn *conn)
{
	io->conn = conn;
	io->leg = io->vol->index;
	io->tgt.bi_end_io = blkrepl_target_end_io;
	io->tgt_jiffies = jiffies;
	refcount_inc(&io->refs);
	/* From here on the deadline may take the leg away. */
	atomic_set_release(&io->tgt_state, BLKREPL_TGT_PENDING);
	if (bio_op(&io->tgt) == REQ_OP_WRITE_ZEROES &&
	    !bdev_write_zeroes_sectors(io->tgt.bi_bdev)) {
		INIT_WORK(&io->work, zero_out_work);
		queue_work(blkrepl_zero_wq, &io->work);
	} else {
		submit_bio_noacct(&io->tgt);
	}
}

/**
 * blkrepl_target_abandon - go on without a leg that does not answer
 * @io: the request, with a reference of its memory held by the caller
 *
 * Context: any; no shard lock is held.
 */
void blkrepl_target_abandon(struct blkrepl_io *io)
{
	if (atomic_read_acquire(&io->tgt_state) != BLKREPL_TGT_PENDING)
		return;
	/* Counted first, so that the orphan's end never finds the count too low. */
	blkrepl_conn_orphan(io->conn, io->leg, 1);
	if (atomic_cmpxchg(&io->tgt_state, BLKREPL_TGT_PENDING, BLKREPL_TGT_ABANDONED) ==
	    BLKREPL_TGT_PENDING) {
		io->tgt_status = BLK_STS_TIMEOUT;
		blkrepl_io_leg_done(io);
	} else {
		blkrepl_conn_orphan(io->conn, io->leg, -1);
	}
}
