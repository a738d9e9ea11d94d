// SPDX-License-Identifier: GPL-2.0
/*
 * What is sent to a target, and for how long it is waited for: requests of our
 * own, and the deadline of those of others.
 */
#include <linux/slab.h>

#include "blkrepl.h"
#include "trace.h"

#define ABANDON_BATCH	32

/* A request of our own to the target, waited for up to the deadline. */
struct sync_req {
	struct completion end;
	refcount_t refs;
	atomic_t state;
	struct blkrepl_conn *conn;
	int leg;
	struct work_struct work;
	struct bio bio;
	unsigned int nr;
	struct bio_vec vec[];
};

/* Submitting may block on a target that does not answer, so nobody waits for it. */
static void sync_req_submit(struct work_struct *work)
{
	struct sync_req *req = container_of(work, struct sync_req, work);

	submit_bio(&req->bio);
}

static void sync_req_put(struct sync_req *req)
{
	if (!refcount_dec_and_test(&req->refs))
		return;
	while (req->nr)
		__free_page(req->vec[--req->nr].bv_page);
	bio_uninit(&req->bio);
	kfree(req);
}

static void sync_req_end_io(struct bio *bio)
{
	struct sync_req *req = bio->bi_private;
	struct blkrepl_conn *conn = req->conn;

	if (atomic_cmpxchg(&req->state, BLKREPL_TGT_PENDING, BLKREPL_TGT_DONE) ==
	    BLKREPL_TGT_ABANDONED)
		blkrepl_conn_orphan(conn, req->leg, -1);
	complete(&req->end);
	sync_req_put(req);
	blkrepl_conn_put(conn);
}

/* Up to the deadline, or until others have found the target dead. */
static bool wait_for_end(struct sync_req *req)
{
	unsigned long end = jiffies + msecs_to_jiffies(req->conn->link->leg_timeout_ms);

	while (!wait_for_completion_timeout(&req->end, HZ / 10 + 1))
		if (time_after_eq(jiffies, end) || percpu_ref_is_dying(&req->conn->ref))
			return completion_done(&req->end);
	return true;
}

/*
 * While writes are held for a flush it is waited for no longer than they may be.
 * It goes on by itself then, and the target is none the worse for that.
 */
static bool outlasts_hold(struct sync_req *req)
{
	unsigned long until = READ_ONCE(req->conn->link->hold_until);

	if (req->nr || req->bio.bi_iter.bi_size || !until)
		return false;
	while (!wait_for_completion_timeout(&req->end, HZ / 10 + 1)) {
		if (percpu_ref_is_dying(&req->conn->ref))
			return false;
		if (time_after_eq(jiffies, until))
			return true;
	}
	complete(&req->end);
	return false;
}

static int plain_io(struct block_device *bdev, blk_opf_t opf, sector_t sector, void *buf,
		    unsigned int len)
{
	struct bio *bio = bio_alloc(bdev, DIV_ROUND_UP(len, PAGE_SIZE) + 1, opf, GFP_NOIO);
	int r;

	bio->bi_iter.bi_sector = sector;
	while (len) {
		unsigned int n = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(buf));
		struct page *p = is_vmalloc_addr(buf) ? vmalloc_to_page(buf) : virt_to_page(buf);

		__bio_add_page(bio, p, n, offset_in_page(buf));
		buf += n;
		len -= n;
	}
	r = submit_bio_wait(bio);
	bio_put(bio);
	return r;
}

static void copy_pages(struct sync_req *req, void *buf, unsigned int len, bool to_buf)
{
	unsigned int i;

	for (i = 0; i < req->nr; i++) {
		unsigned int n = min_t(unsigned int, len, PAGE_SIZE);

		if (to_buf)
			memcpy(buf, page_address(req->vec[i].bv_page), n);
		else
			memcpy(page_address(req->vec[i].bv_page), buf, n);
		buf += n;
		len -= n;
	}
}

/**
 * blkrepl_conn_sync_io - read or write and wait
 * @conn: the connection whose deadline holds, or NULL to wait without one
 * @pair: whose leg it is, or NULL for the log volume
 * @bdev: the device
 * @opf: operation and flags
 * @sector: where
 * @buf: data, NULL for zeroes
 * @len: bytes; 0 for a flush
 *
 * With a connection the data are copied, so that @buf is the caller's again
 * even when the target keeps the request.
 *
 * Context: may sleep.
 * Return: 0, -ENOTCONN when the target was given up, -EAGAIN for a flush that
 * takes longer than writes may be held, -ETIMEDOUT, or the device's error; the
 * last two give the target up, or the leg.
 */
int blkrepl_conn_sync_io(struct blkrepl_conn *conn, struct blkrepl_pair *pair,
			 struct block_device *bdev, blk_opf_t opf, sector_t sector, void *buf,
			 unsigned int len)
{
	const bool zero = (opf & REQ_OP_MASK) == REQ_OP_WRITE_ZEROES;
	unsigned int n = zero ? 0 : DIV_ROUND_UP(len, PAGE_SIZE);
	struct sync_req *req;
	int r;

	if (!conn && zero)
		return blkdev_issue_zeroout(bdev, sector, len >> SECTOR_SHIFT, GFP_NOIO,
					    opf & REQ_NOUNMAP ? BLKDEV_ZERO_NOUNMAP : 0);
	if (!conn)
		return plain_io(bdev, opf, sector, buf, len);
	/* One reference for this function, another one for the request. */
	if (!percpu_ref_tryget_live(&conn->ref))
		return -ENOTCONN;
	req = kzalloc(struct_size(req, vec, n), GFP_NOIO);
	if (!req)
		goto no_memory;
	refcount_set(&req->refs, 2);
	init_completion(&req->end);
	req->conn = conn;
	req->leg = pair ? (int)pair->vol->index : -1;
	while (req->nr < n) {
		struct page *p = alloc_page(GFP_NOIO);

		if (!p) {
			refcount_set(&req->refs, 1);
			bio_init(&req->bio, bdev, NULL, 0, opf);
			sync_req_put(req);
			goto no_memory;
		}
		req->vec[req->nr++] = (struct bio_vec){ .bv_page = p, .bv_len = PAGE_SIZE };
	}
	if (op_is_write(opf))
		copy_pages(req, buf, len, false);
	bio_init(&req->bio, bdev, req->vec, n, opf);
	req->bio.bi_vcnt = n;
	req->bio.bi_iter.bi_sector = sector;
	req->bio.bi_iter.bi_size = len;
	req->bio.bi_end_io = sync_req_end_io;
	req->bio.bi_private = req;
	atomic_set(&req->state, BLKREPL_TGT_PENDING);
	percpu_ref_get(&conn->ref);
	INIT_WORK(&req->work, sync_req_submit);
	queue_work(blkrepl_target_wq, &req->work);

	if (outlasts_hold(req)) {
		sync_req_put(req);
		blkrepl_conn_put(conn);
		return -EAGAIN;
	}
	if (!wait_for_end(req)) {
		blkrepl_conn_orphan(conn, req->leg, 1);
		if (atomic_cmpxchg(&req->state, BLKREPL_TGT_PENDING, BLKREPL_TGT_ABANDONED) ==
		    BLKREPL_TGT_PENDING) {
			r = -ETIMEDOUT;
			goto out;
		}
		blkrepl_conn_orphan(conn, req->leg, -1);
		wait_for_completion(&req->end);
	}
	r = blk_status_to_errno(req->bio.bi_status);
	if (!r && !op_is_write(opf))
		copy_pages(req, buf, len, true);
out:
	sync_req_put(req);
	if (r && blkrepl_link_fail(conn->link, pair, r))
		blkrepl_conn_kill(conn);
	blkrepl_conn_put(conn);
	return r;

no_memory:
	blkrepl_conn_put(conn);
	return -ENOMEM;
}

/**
 * blkrepl_conn_flush - make what the target's data volumes have durable
 * @link: the relationship
 *
 * Pairs that are out have been settled, or will be.
 *
 * Context: may sleep.
 */
int blkrepl_conn_flush(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	unsigned int i;
	int r = 0;

	if (!conn)
		return -ENOTCONN;
	/* A device without a pair comes last: one that is about to join or has left. */
	for (i = 0; i < link->nr_pairs && !r; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		if (!READ_ONCE(pair->out))
			r = blkrepl_conn_sync_io(conn, pair, blkrepl_bdev(conn->leg[i]),
						 REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC, 0, NULL, 0);
	}
	blkrepl_conn_put(conn);
	return r;
}

static bool is_late(struct blkrepl_io *io, unsigned long limit)
{
	return atomic_read_acquire(&io->tgt_state) == BLKREPL_TGT_PENDING &&
	       time_before_eq(io->tgt_jiffies, jiffies - limit);
}

/* Some late requests of a member, each with a reference of its memory. */
static unsigned int find_late(struct blkrepl_vol *vol, unsigned long limit,
			      struct blkrepl_io **found, unsigned int max)
{
	unsigned int i, n = 0;
	struct blkrepl_io *io;
	unsigned long flags;

	for (i = 0; i < BLKREPL_SHARDS && n < max; i++) {
		struct blkrepl_shard *shard = &vol->shard[i];
		struct rb_node *rb;

		spin_lock_irqsave(&shard->lock, flags);
		for (rb = rb_first_cached(&shard->tree); rb && n < max; rb = rb_next(rb)) {
			io = rb_entry(rb, struct blkrepl_io, node.rb);
			if (is_late(io, limit) && refcount_inc_not_zero(&io->refs))
				found[n++] = io;
		}
		spin_unlock_irqrestore(&shard->lock, flags);
	}
	spin_lock_irqsave(&vol->flush_lock, flags);
	list_for_each_entry(io, &vol->flushes, wait)
		if (n < max && is_late(io, limit) && refcount_inc_not_zero(&io->refs))
			found[n++] = io;
	spin_unlock_irqrestore(&vol->flush_lock, flags);
	return n;
}

/**
 * blkrepl_conn_waits - whether requests are in flight at a pair's leg, orphans
 * among them
 * @pair: the pair
 *
 * Context: may sleep.
 */
bool blkrepl_conn_waits(struct blkrepl_pair *pair)
{
	struct blkrepl_io *io;

	if (blkrepl_conn_orphaned(pair))
		return true;
	if (!find_late(pair->vol, 0, &io, 1))
		return false;
	blkrepl_io_put(io);
	return true;
}

/**
 * blkrepl_conn_abandon - go on without requests that a leg does not answer
 * @pair: whose leg it is; stopped before
 *
 * Context: may sleep.
 */
void blkrepl_conn_abandon(struct blkrepl_pair *pair)
{
	struct blkrepl_io *found[ABANDON_BATCH];
	unsigned int i, n;

	do {
		n = find_late(pair->vol, 0, found, ABANDON_BATCH);
		for (i = 0; i < n; i++) {
			blkrepl_target_abandon(found[i]);
			blkrepl_io_put(found[i]);
		}
	} while (n == ABANDON_BATCH);
}

/**
 * blkrepl_conn_in_flight - requests at the target, orphans among them
 * @link: the relationship
 *
 * Context: may sleep.
 */
unsigned int blkrepl_conn_in_flight(struct blkrepl_link *link)
{
	unsigned int i, k, n = 0;
	struct blkrepl_conn *conn;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_vol *vol = link->pair[i].vol;

		for (k = 0; k < BLKREPL_SHARDS; k++) {
			struct blkrepl_shard *shard = &vol->shard[k];
			struct rb_node *rb;
			unsigned long flags;

			spin_lock_irqsave(&shard->lock, flags);
			for (rb = rb_first_cached(&shard->tree); rb; rb = rb_next(rb))
				n += is_late(rb_entry(rb, struct blkrepl_io, node.rb), 0);
			spin_unlock_irqrestore(&shard->lock, flags);
		}
	}
	rcu_read_lock();
	conn = rcu_dereference(link->conn);
	if (conn)
		n += atomic_read(&conn->orphans);
	rcu_read_unlock();
	return n;
}

/**
 * blkrepl_deadline_work - find requests that the target does not answer
 * @work: of the relationship
 *
 * The oldest request past the deadline takes the target out, or its leg where
 * that goes alone, and with it go all others: they would only be late one after
 * another.
 *
 * Context: workqueue.
 */
void blkrepl_deadline_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(to_delayed_work(work), struct blkrepl_link,
						 deadline_work);
	unsigned long limit = msecs_to_jiffies(link->leg_timeout_ms);
	struct blkrepl_io *io;
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		if (!find_late(pair->vol, limit, &io, 1))
			continue;
		blkrepl_io_put(io);
		if (blkrepl_link_fail(link, pair, -ETIMEDOUT)) {
			blkrepl_link_cut_off(link);
			break;
		}
		blkrepl_conn_abandon(pair);
	}
	if (!READ_ONCE(link->removing))
		queue_delayed_work(blkrepl_conf_wq, &link->deadline_work, max(limit / 4, 2UL));
}
