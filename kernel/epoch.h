/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Epochs on the source: what was written in one, and when it ends.
 *
 * A write belongs to the epoch that is current when it is issued. An epoch that
 * ended is sealed when its last write ended; then its records go to the journal.
 * Until it is committed the target lacks it. What was captured costs RAM; an
 * epoch that is given up becomes dirty blocks, and these are caught up by one
 * fuzzy epoch: blocks copied from the source while it is being written, which
 * together with all that is captured meanwhile are the source at its end.
 *
 * Nothing here locks. Records and ranges are the caller's, who gets them back.
 */
#ifndef BLKREPL_EPOCH_H
#define BLKREPL_EPOCH_H

#include "dirty.h"
#include "journal.h"

#define BLKREPL_NSEC_PER_MSEC	1000000ULL
#define BLKREPL_CYCLE_MIN_MS	50u
#define BLKREPL_CYCLE_MAX_MS	30000u
#define BLKREPL_EPOCH_BYTES	(64ULL << 20)
#define BLKREPL_EPOCH_RANGES	1024u

/**
 * struct blkrepl_rec - a captured block
 * @next: in its bucket; when the epoch was sorted, the next one in order
 * @block: block of the member
 * @member: place of the member
 * @sectors: which of its sectors were written
 * @zero: these are zero; known when the epoch was sorted
 * @data: a block; sectors lie where they lie in the member's block, so that the
 *	others can be completed
 */
struct blkrepl_rec {
	struct blkrepl_rec *next;
	u64 block;
	u8 member;
	u8 sectors;
	bool zero;
	void *data;
};

/**
 * struct blkrepl_zeroes - whole blocks that were zeroed or discarded
 * @next: the next range; they are in order, disjoint and apart
 * @block: first block of the member
 * @nr: how many
 * @member: place of the member
 * @kind: BLKREPL_KIND_ZEROES or BLKREPL_KIND_DISCARD
 */
struct blkrepl_zeroes {
	struct blkrepl_zeroes *next;
	u64 block;
	u64 nr;
	u8 member;
	u8 kind;
};

/**
 * struct blkrepl_epoch - an epoch in memory
 * @nr: its number
 * @opened_ns: monotonic time of its begin
 * @writes: writes that were captured
 * @nr_recs: blocks; a block that was written twice counts once
 * @nr_zeroes: ranges
 * @bucket: a table of records, or NULL when they were sorted
 * @mask: number of buckets less one; that number is a power of two
 * @recs: the records in order, when they were sorted
 * @zeroes: the ranges
 */
struct blkrepl_epoch {
	u64 nr;
	u64 opened_ns;
	u64 writes;
	u64 nr_recs;
	u64 nr_zeroes;
	struct blkrepl_rec **bucket;
	u32 mask;
	struct blkrepl_rec *recs;
	struct blkrepl_zeroes *zeroes;
};

/**
 * struct blkrepl_epoch_free - takes back what an epoch no longer needs
 * @rec: a record with its data
 * @zeroes: a range
 * @ctx: for both
 */
struct blkrepl_epoch_free {
	void (*rec)(void *ctx, struct blkrepl_rec *rec);
	void (*zeroes)(void *ctx, struct blkrepl_zeroes *zeroes);
	void *ctx;
};

/**
 * struct blkrepl_epoch_iter - a walk through a sorted epoch
 * @rec: next record
 * @zeroes: next range
 * @done: blocks of it that are behind
 */
struct blkrepl_epoch_iter {
	const struct blkrepl_rec *rec;
	const struct blkrepl_zeroes *zeroes;
	u64 done;
};

void blkrepl_epoch_open(struct blkrepl_epoch *e, u64 nr, u64 now_ns,
			struct blkrepl_rec **bucket, u32 nr_buckets);
struct blkrepl_rec *blkrepl_epoch_add(struct blkrepl_epoch *e, struct blkrepl_rec *rec);
struct blkrepl_rec *blkrepl_epoch_add_copy(struct blkrepl_epoch *e, struct blkrepl_rec *rec);
void blkrepl_epoch_zero(struct blkrepl_epoch *e, struct blkrepl_zeroes *z,
			const struct blkrepl_epoch_free *f);
void blkrepl_epoch_sort(struct blkrepl_epoch *e);
void blkrepl_epoch_walk(const struct blkrepl_epoch *e, struct blkrepl_epoch_iter *it);
bool blkrepl_epoch_next(struct blkrepl_epoch_iter *it, struct blkrepl_write *w);
int blkrepl_epoch_write(const struct blkrepl_epoch *e, struct blkrepl_writer *w);
void blkrepl_epoch_fold(const struct blkrepl_epoch *e, struct blkrepl_dirty *const *behind);
void blkrepl_epoch_release(struct blkrepl_epoch *e, const struct blkrepl_epoch_free *f);

u32 blkrepl_cycle_ms(u32 rpo_s);
bool blkrepl_epoch_due(const struct blkrepl_epoch *e, u64 now_ns, u32 cycle_ms);

static inline u64 blkrepl_epoch_need(const struct blkrepl_epoch *e)
{
	return blkrepl_ring_need(e->nr_recs, e->nr_zeroes);
}

enum blkrepl_over_policy {
	BLKREPL_OVER_BEHIND,	/* give captured epochs up, catch up later */
	BLKREPL_OVER_THROTTLE,	/* slow writers down before, hold them at the limit */
	BLKREPL_OVER_BLOCK,	/* hold writers at the limit */
};

enum blkrepl_charge {
	BLKREPL_CHARGE_DONE,
	BLKREPL_CHARGE_FOLD,	/* not charged: fold, and mark this write dirty */
	BLKREPL_CHARGE_HOLD,	/* not charged: try again when something was given back */
};

/**
 * struct blkrepl_budget - RAM for captured epochs
 * @limit: bytes at the most
 * @used: bytes that are charged
 * @policy: what happens at the limit
 */
struct blkrepl_budget {
	u64 limit;
	u64 used;
	enum blkrepl_over_policy policy;
};

#define BLKREPL_PACE_MAX_NS	(100 * BLKREPL_NSEC_PER_MSEC)

enum blkrepl_charge blkrepl_budget_charge(struct blkrepl_budget *b, u64 bytes, u64 *delay_ns);
void blkrepl_budget_return(struct blkrepl_budget *b, u64 bytes);

/**
 * struct blkrepl_backlog - what a member of the target lacks
 * @behind: blocks that no committed epoch has as the source has them. Blocks of
 *	epochs that are held in RAM are not among them
 * @left: those of them that a fuzzy epoch has still to copy
 */
struct blkrepl_backlog {
	struct blkrepl_dirty behind;
	struct blkrepl_dirty left;
};

void blkrepl_fuzzy_begin(struct blkrepl_backlog *b);
void blkrepl_fuzzy_wrote(struct blkrepl_backlog *b, u64 block, u64 nr, bool whole);
void blkrepl_fuzzy_copied(struct blkrepl_backlog *b, u64 block, u64 nr);
void blkrepl_fuzzy_committed(struct blkrepl_backlog *b);
void blkrepl_fuzzy_abandon(struct blkrepl_backlog *b);
enum blkrepl_room blkrepl_fuzzy_judge(const struct blkrepl_ring *r, u64 used, u64 left);

#endif
