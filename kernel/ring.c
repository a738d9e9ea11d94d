// SPDX-License-Identifier: GPL-2.0
/*
 * The journal on a log volume: its room, its head, the applied mark; and replaying
 * what is in it. How epochs get into it is in transmit.c.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "blkrepl.h"

#define RING_LEAST	1024u		/* blocks: writes in flight have to fit, too */
#define RING_MOST	(1u << 18)	/* 1 GiB */
#define WINDOW		32u		/* blocks that are read together */

static u64 place_of(struct blkrepl_log *log, u64 n)
{
	return blkrepl_layout_ring_block(log->layout, 0, n);
}

/* How many blocks from the @n-th on lie side by side, up to @max. */
static unsigned int side_by_side(struct blkrepl_log *log, u64 nr_blocks, u64 n, unsigned int max)
{
	u64 at = place_of(log, n);
	unsigned int k = 1;

	while (k < max && n + k < nr_blocks && place_of(log, n + k) == at + k)
		k++;
	return k;
}

/**
 * blkrepl_ring_write - write blocks of a ring, not durably
 * @log: the log volume
 * @j: its journal
 * @pos: position of the first
 * @buf: the blocks
 * @nr: how many
 *
 * Context: may sleep.
 */
int blkrepl_ring_write(struct blkrepl_log *log, const struct blkrepl_journal *j, u64 pos,
		       void *buf, unsigned int nr)
{
	while (nr) {
		u64 lap = div64_u64(pos, j->nr_blocks), n = pos - lap * j->nr_blocks;
		unsigned int k = side_by_side(log, j->nr_blocks, n, nr);
		u64 at = place_of(log, n);
		int r;

		if (!at)
			return -EUCLEAN;
		r = blkrepl_conn_sync_io(log->conn, NULL, blkrepl_bdev(log->bdev),
					 REQ_OP_WRITE | REQ_SYNC, at * BLKREPL_BLOCK_SECTORS, buf,
					 k * BLKREPL_BLOCK_SIZE);
		if (r)
			return r;
		pos += k;
		buf += k * BLKREPL_BLOCK_SIZE;
		nr -= k;
	}
	return 0;
}

/**
 * blkrepl_ring_commit - write an epoch's commit block, after all that is before it
 * @log: the log volume
 * @j: its journal
 * @pos: its position
 * @c: the block
 *
 * Context: may sleep.
 */
int blkrepl_ring_commit(struct blkrepl_log *log, const struct blkrepl_journal *j, u64 pos,
			const struct blkrepl_disk_commit *c)
{
	u64 lap = div64_u64(pos, j->nr_blocks);
	u64 at = place_of(log, pos - lap * j->nr_blocks);

	return at ? blkrepl_log_write(log, at, c, REQ_PREFLUSH | REQ_FUA) : -EUCLEAN;
}

/**
 * blkrepl_ring_mark - store what the members have, durably
 * @log: the log volume
 * @j: its journal
 * @p: the point
 * @seq: sequence number of the last mark; advanced
 *
 * Context: may sleep.
 */
int blkrepl_ring_mark(struct blkrepl_log *log, const struct blkrepl_journal *j,
		      const struct blkrepl_point *p, u64 *seq)
{
	struct blkrepl_disk_applied *d = kmalloc(sizeof(*d), GFP_NOIO);
	int r;

	if (!d)
		return -ENOMEM;
	blkrepl_applied_store(p, j, *seq + 1, d);
	r = blkrepl_log_write(log, BLKREPL_AT_APPLIED + ((*seq + 1) & 1), d, REQ_FUA);
	/* A write that failed may have happened: its number is not used again. */
	*seq += r ? 2 : 1;
	kfree(d);
	return r;
}

/* Room for a ring: half of what is free, for bitmaps grow too. */
static int provide(struct blkrepl_log *log)
{
	struct blkrepl_layout *l = log->layout;
	int r = -ENOSPC;
	u32 n;

	if (blkrepl_layout_ring_blocks(l, 0))
		return 0;
	blkrepl_log_take_size(log);
	n = min_t(u64, (l->nr_blocks - blkrepl_layout_used(l)) / 2, RING_MOST);
	for (; n >= RING_LEAST && r == -ENOSPC; n /= 2)
		r = blkrepl_layout_provide(l, BLKREPL_BLOCK_RING, 0, BLKREPL_NO_MEMBER, n / 2);
	if (r)
		return r;
	/* Whoever does not know what a ring is must not come across one. */
	log->super->incompat |= cpu_to_le32(BLKREPL_INCOMPAT_JOURNAL);
	r = blkrepl_log_write_super(log);
	r = r ?: blkrepl_log_write_areas(log);
	if (r)
		blkrepl_layout_drop(l, BLKREPL_BLOCK_RING, 0, BLKREPL_NO_MEMBER);
	return r;
}

/**
 * blkrepl_ring_format - begin a new journal; nothing in the old one is needed
 * @log: the log volume
 * @link_uuid: the relationship
 * @base: what the members have, durably
 * @j: filled
 *
 * Context: may sleep.
 * Return: 0, -ENOSPC where the log volume has no room for one, or an error.
 */
int blkrepl_ring_format(struct blkrepl_log *log, const u8 *link_uuid,
			const struct blkrepl_point *base, struct blkrepl_journal *j)
{
	struct blkrepl_disk_journal *d;
	int r = provide(log);

	if (r)
		return r;
	*j = (struct blkrepl_journal){
		.nr_blocks = blkrepl_layout_ring_blocks(log->layout, 0),
		.base = *base,
		.created_us = blkrepl_now_us(),
	};
	memcpy(j->link_uuid, link_uuid, BLKREPL_UUID_SIZE);
	do
		j->tag = get_random_u64();
	while (!j->tag);
	d = kmalloc(sizeof(*d), GFP_NOIO);
	if (!d)
		return -ENOMEM;
	blkrepl_journal_store(j, d);
	r = blkrepl_log_write_journal(log, d);
	kfree(d);
	return r;
}

/* A replay: where its writes go, and a window of the ring. */
struct replay {
	struct blkrepl_log *log;
	struct blkrepl_journal journal;
	struct blkrepl_apply *apply;
	void *window;
	u64 first;
	unsigned int nr;
};

static int replay_read(void *ctx, u64 n, void *block)
{
	struct replay *rp = ctx;

	if (n < rp->first || n - rp->first >= rp->nr) {
		unsigned int k = side_by_side(rp->log, rp->journal.nr_blocks, n, WINDOW);
		u64 at = place_of(rp->log, n);
		int r;

		rp->nr = 0;
		if (!at)
			return -EUCLEAN;
		r = blkrepl_log_read(rp->log, at, k, rp->window);
		if (r)
			return r;
		rp->first = n;
		rp->nr = k;
	}
	memcpy(block, rp->window + (n - rp->first) * BLKREPL_BLOCK_SIZE, BLKREPL_BLOCK_SIZE);
	return 0;
}

static int replay_apply(void *ctx, const struct blkrepl_write *w)
{
	struct replay *rp = ctx;

	return blkrepl_apply_write(rp->apply, w);
}

static int replay_barrier(void *ctx)
{
	struct replay *rp = ctx;

	return blkrepl_apply_sync(rp->apply);
}

static const struct blkrepl_replay_ops replay_ops = {
	.read = replay_read,
	.apply = replay_apply,
	.settle = replay_barrier,
};

static int flush_log(struct blkrepl_log *log)
{
	return blkrepl_conn_sync_io(log->conn, NULL, blkrepl_bdev(log->bdev),
				    REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC, 0, NULL, 0);
}

/* Epoch by epoch, each verified as a whole and durable in the ring before it is applied. */
static int replay_all(struct replay *rp, struct blkrepl_replay *pure, u64 *seq)
{
	struct blkrepl_point before = pure->last;
	int r;

	for (;;) {
		r = blkrepl_replay_next(pure);
		if (r <= 0)
			break;
		r = flush_log(rp->log);
		r = r ?: blkrepl_replay_apply(pure);
		r = r ?: blkrepl_apply_end(rp->apply);
		r = r ?: blkrepl_ring_mark(rp->log, &rp->journal, &pure->last, seq);
		if (r)
			return r;
		before = pure->last;
	}
	pure->last = before;
	if (!r && pure->end == BLKREPL_END_DAMAGED)
		r = -EUCLEAN;
	return r;
}

/**
 * blkrepl_ring_replay - bring the members to the end of the last committed epoch
 * @log: the log volume
 * @link_uuid: the relationship whose journal it has to be
 * @apply: the members by place; nobody else writes to them
 * @us: set to the time of that epoch, or to 0 where there is no journal
 * @mark_seq: set to the sequence number of the applied mark
 *
 * Context: may sleep.
 * Return: 0, also where there is nothing to do; -EUCLEAN for a journal that is
 * damaged, or an error.
 */
int blkrepl_ring_replay(struct blkrepl_log *log, const u8 *link_uuid,
			struct blkrepl_apply *apply, u64 *us, u64 *mark_seq)
{
	struct replay rp = { .log = log, .apply = apply };
	struct blkrepl_replay *pure = NULL;
	struct blkrepl_point applied;
	void *buf = NULL;
	u64 seq;
	int r;

	*us = 0;
	*mark_seq = 0;
	r = blkrepl_log_read_journal(log, &rp.journal);
	if (r == -ENOENT || (!r && !blkrepl_uuid_equal(rp.journal.link_uuid, link_uuid)))
		return 0;
	if (r)
		return r;
	buf = kvmalloc((2 + WINDOW) * BLKREPL_BLOCK_SIZE, GFP_NOIO);
	pure = kmalloc(sizeof(*pure), GFP_NOIO);
	r = buf && pure ? blkrepl_log_read(log, BLKREPL_AT_APPLIED, 2, buf) : -ENOMEM;
	/* What could be read of the mark has to be durable before what follows rests on it. */
	r = r ?: flush_log(log);
	r = r ?: blkrepl_applied_load(&applied, &seq, &rp.journal, buf);
	if (!r) {
		rp.window = buf + 2 * BLKREPL_BLOCK_SIZE;
		blkrepl_replay_begin(pure, &rp.journal, &applied, apply->sectors, &replay_ops, &rp,
				     buf, buf + BLKREPL_BLOCK_SIZE);
		r = replay_all(&rp, pure, &seq);
		*us = pure->last.us;
		*mark_seq = seq;
	}
	kvfree(buf);
	kfree(pure);
	return r;
}
