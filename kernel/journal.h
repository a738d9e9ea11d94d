/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal: epochs on their way to the members of the target.
 *
 * It lies in a ring on the target's log volume. The source writes an epoch's
 * descriptors and payload, waits for them, and then writes one commit block with
 * PREFLUSH and FUA: from its end on the epoch is durable at the target. Whoever
 * applies (replay.h) copies epochs to the members, flushes these, and only then
 * moves the applied mark on, with FUA. What lies before the mark is free.
 *
 * Positions in the ring count blocks since it was formatted and never go back.
 * Position p lies in block p % nr_blocks. A block tells its position, so one of
 * an earlier lap is never taken for a new one.
 *
 * Epochs are strictly consecutive: epoch n + 1 begins where the commit block of
 * n ends, and its commit block is not written before that of n is durable.
 */
#ifndef BLKREPL_JOURNAL_H
#define BLKREPL_JOURNAL_H

#include "format.h"

#define BLKREPL_RING_MIN	8u
#define BLKREPL_POS_MAX		(1ULL << 62)
#define BLKREPL_SECTORS_ALL	0xffu

/**
 * struct blkrepl_point - an instant that the target has, or can be brought to
 * @epoch: the epoch that ended then
 * @pos: position behind its commit block
 * @generation: the source's at that time
 * @us: CLOCK_REALTIME in microseconds
 */
struct blkrepl_point {
	u64 epoch;
	u64 pos;
	u64 generation;
	u64 us;
};

/**
 * struct blkrepl_journal - the journal's head in memory
 * @link_uuid: the relationship
 * @tag: of all blocks of the ring and of the applied mark
 * @nr_blocks: length of the ring
 * @base: what the members had when it was formatted; its position is 0
 * @created_us: when that was
 */
struct blkrepl_journal {
	u8 link_uuid[BLKREPL_UUID_SIZE];
	u64 tag;
	u64 nr_blocks;
	struct blkrepl_point base;
	u64 created_us;
};

/**
 * struct blkrepl_write - what a record says
 * @block: first block of the member
 * @nr: number of blocks
 * @member: place of the member
 * @kind: enum blkrepl_kind
 * @sectors: which sectors of the block, all if @nr is not 1
 * @data: the block, if the kind is data; @nr is 1 then. Sectors lie in it where
 *	they lie in the block of the member
 */
struct blkrepl_write {
	u64 block;
	u32 nr;
	u8 member;
	u8 kind;
	u8 sectors;
	const void *data;
};

int blkrepl_journal_load(struct blkrepl_journal *j, const struct blkrepl_disk_journal *d,
			 u64 room);
void blkrepl_journal_store(const struct blkrepl_journal *j, struct blkrepl_disk_journal *d);
int blkrepl_applied_load(struct blkrepl_point *p, u64 *seq, const struct blkrepl_journal *j,
			 const void *slots);
void blkrepl_applied_store(const struct blkrepl_point *p, const struct blkrepl_journal *j,
			   u64 seq, struct blkrepl_disk_applied *d);

/**
 * struct blkrepl_ring - room in the ring, as the source counts it
 * @nr_blocks: length
 * @tail: position of the oldest block that is still needed
 * @head: position behind the newest commit block
 * @reserved: blocks from @head on that are promised to epochs
 */
struct blkrepl_ring {
	u64 nr_blocks;
	u64 tail;
	u64 head;
	u64 reserved;
};

enum blkrepl_room {
	BLKREPL_ROOM_NOW,
	BLKREPL_ROOM_LATER,	/* when epochs that are in the ring were applied */
	BLKREPL_ROOM_NEVER,	/* larger than the ring */
};

u64 blkrepl_ring_free(const struct blkrepl_ring *r);
u64 blkrepl_ring_need(u64 data_blocks, u64 zero_records);
enum blkrepl_room blkrepl_ring_judge(const struct blkrepl_ring *r, u64 need);
enum blkrepl_room blkrepl_ring_reserve(struct blkrepl_ring *r, u64 need);
void blkrepl_ring_release(struct blkrepl_ring *r, u64 blocks);
int blkrepl_ring_committed(struct blkrepl_ring *r, u64 reserved, u64 pos);
int blkrepl_ring_applied(struct blkrepl_ring *r, u64 pos);

/**
 * typedef blkrepl_put_fn - takes a block that is to be written to the ring
 * @ctx: the caller's
 * @pos: its position
 * @block: the block; must not change before it was written
 * @desc: it is a descriptor, which came from the allocation function and now is
 *	the callee's
 *
 * Return: 0, or an error, which ends the epoch.
 */
typedef int (*blkrepl_put_fn)(void *ctx, u64 pos, const void *block, bool desc);

/**
 * struct blkrepl_writer - an epoch being written to the ring
 * @j: the journal
 * @epoch: its number
 * @first: where it begins
 * @end: behind the last block that it may use
 * @pos: next position
 * @desc: descriptor that is being filled, or NULL
 * @desc_pos: its position
 * @nr_descs: descriptors that are complete
 * @nr_records: records in them
 * @nr_payload: payload blocks
 * @digest: over the CRCs of the descriptors
 * @alloc: gives a zeroed block or NULL
 * @put: takes blocks
 * @ctx: for both
 */
struct blkrepl_writer {
	const struct blkrepl_journal *j;
	u64 epoch;
	u64 first;
	u64 end;
	u64 pos;
	struct blkrepl_disk_desc *desc;
	u64 desc_pos;
	u32 nr_descs;
	u64 nr_records;
	u64 nr_payload;
	u32 digest;
	blkrepl_alloc_fn alloc;
	blkrepl_put_fn put;
	void *ctx;
};

u32 blkrepl_digest_begin(u64 epoch);
u32 blkrepl_digest_add(u32 digest, const struct blkrepl_disk_desc *d);
void blkrepl_writer_begin(struct blkrepl_writer *w, const struct blkrepl_journal *j,
			  u64 epoch, u64 first, u64 room, blkrepl_alloc_fn alloc,
			  blkrepl_put_fn put, void *ctx);
int blkrepl_writer_add(struct blkrepl_writer *w, const struct blkrepl_write *r);
int blkrepl_writer_break(struct blkrepl_writer *w);
int blkrepl_writer_commit(struct blkrepl_writer *w, struct blkrepl_disk_commit *c,
			  u64 generation, u64 us, struct blkrepl_point *p);

#endif
