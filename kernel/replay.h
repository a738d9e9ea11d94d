/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the journal: which epochs are committed, and what is in them.
 *
 * The order that keeps the target whole, for whoever applies:
 *
 *	blkrepl_replay_next()	verifies a whole epoch before anything of it is used
 *	flush the log volume	what could be read may still be lost, so not before
 *	blkrepl_replay_apply()	gives its writes, in order
 *	flush the members
 *	write the applied mark	blkrepl_applied_store(), FUA
 *
 * Several epochs may be taken in turn before the members are flushed. Whatever is
 * cut off, doing it again from the durable mark gives the same image, for nothing
 * else writes to the members. Who saw the end of an epoch's commit block itself,
 * on a connection that has not been interrupted since, need not flush the log.
 */
#ifndef BLKREPL_REPLAY_H
#define BLKREPL_REPLAY_H

#include "journal.h"

/**
 * struct blkrepl_replay_ops - what the replay asks of its caller
 * @read: read block @n of the ring, below nr_blocks, to @block
 * @apply: carry out @w; @w->data is valid until it returns
 *
 * Both return 0 or an error, which ends the replay. Writes between two calls of
 * @settle are disjoint; what follows one must not overtake what is before it.
 * @settle may be NULL.
 */
struct blkrepl_replay_ops {
	int (*read)(void *ctx, u64 n, void *block);
	int (*apply)(void *ctx, const struct blkrepl_write *w);
	int (*settle)(void *ctx);
};

enum blkrepl_replay_end {
	BLKREPL_END_NONE,	/* there may be another epoch */
	BLKREPL_END_TAIL,	/* what follows was never committed */
	BLKREPL_END_DAMAGED,	/* an epoch that was committed, and is not whole */
};

/**
 * struct blkrepl_replay - a replay
 * @j: the journal
 * @sectors: sizes of the members by their places, BLKREPL_MAX_MEMBERS of them;
 *	0 where there is no member
 * @ops: see there
 * @ctx: for these
 * @desc: room for a block
 * @payload: room for a block
 * @limit: position that no block of the journal can have, nor one behind it
 * @last: newest epoch that was verified: the recovery point
 * @first: where that begins, if it can be applied
 * @nr_descs: its descriptors
 * @digest: over these
 * @pending: it was verified and not applied yet
 * @end: why there is no next one
 */
struct blkrepl_replay {
	const struct blkrepl_journal *j;
	const u64 *sectors;
	const struct blkrepl_replay_ops *ops;
	void *ctx;
	struct blkrepl_disk_desc *desc;
	void *payload;
	u64 limit;
	struct blkrepl_point last;
	u64 first;
	u32 nr_descs;
	u32 digest;
	bool pending;
	enum blkrepl_replay_end end;
};

void blkrepl_replay_begin(struct blkrepl_replay *rp, const struct blkrepl_journal *j,
			  const struct blkrepl_point *applied, const u64 *sectors,
			  const struct blkrepl_replay_ops *ops, void *ctx,
			  void *desc, void *payload);
int blkrepl_replay_next(struct blkrepl_replay *rp);
int blkrepl_replay_apply(struct blkrepl_replay *rp);
void blkrepl_replay_skip(struct blkrepl_replay *rp);

#endif
