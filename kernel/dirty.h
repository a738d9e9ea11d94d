/* SPDX-License-Identifier: GPL-2.0 */
/* A sparse bitmap of what differs between the two sides of a pair. */
#ifndef BLKREPL_DIRTY_H
#define BLKREPL_DIRTY_H

#include "format.h"

/**
 * struct blkrepl_chunk - BLKREPL_CHUNK_BITS bits, the payload of one block
 * @block: a struct blkrepl_disk_bits, or NULL: then all bits are the same,
 *	one where @weight says so, else zero
 * @weight: number of ones
 * @changed: differs from what was stored last
 * @seq: sequence number of the last store
 */
struct blkrepl_chunk {
	struct blkrepl_disk_bits *block;
	u32 weight;
	bool changed;
	u64 seq;
};

/**
 * struct blkrepl_dirty - the bitmap, one bit for each 4 KiB
 * @nr_bits: number of bits
 * @weight: number of ones
 * @nr_chunks: number of chunks
 * @chunk: the chunks, owned by the caller
 * @alloc: gives a zeroed block or NULL; may be called with the caller's lock held
 * @free: takes it back
 * @ctx: for both
 *
 * Nothing here locks or fails: where no block can be had, the whole chunk
 * becomes dirty, which costs copying and never data.
 */
struct blkrepl_dirty {
	u64 nr_bits;
	u64 weight;
	u32 nr_chunks;
	struct blkrepl_chunk *chunk;
	blkrepl_alloc_fn alloc;
	blkrepl_free_fn free;
	void *ctx;
};

void blkrepl_dirty_init(struct blkrepl_dirty *d, struct blkrepl_chunk *chunk,
			u64 nr_bits, blkrepl_alloc_fn alloc, blkrepl_free_fn free, void *ctx);
void blkrepl_dirty_grow(struct blkrepl_dirty *d, struct blkrepl_chunk *chunk, u64 nr_bits);
void blkrepl_dirty_release(struct blkrepl_dirty *d);
void blkrepl_dirty_set(struct blkrepl_dirty *d, u64 first, u64 nr);
void blkrepl_dirty_clear(struct blkrepl_dirty *d, u64 first, u64 nr);
bool blkrepl_dirty_test(const struct blkrepl_dirty *d, u64 bit);
u64 blkrepl_dirty_next(const struct blkrepl_dirty *d, u64 from);
u64 blkrepl_dirty_run(const struct blkrepl_dirty *d, u64 from, u64 max);
u64 blkrepl_dirty_count(const struct blkrepl_dirty *d, u64 first, u64 nr);
void blkrepl_dirty_merge(struct blkrepl_dirty *d, u32 chunk, const struct blkrepl_disk_bits *b);
void blkrepl_dirty_load(struct blkrepl_dirty *d, u32 chunk, const struct blkrepl_disk_bits *b);
void blkrepl_dirty_image(const struct blkrepl_dirty *d, u32 chunk, struct blkrepl_disk_bits *b);
u32 blkrepl_dirty_chunk_bits(const struct blkrepl_dirty *d, u32 chunk);

#endif
