// SPDX-License-Identifier: GPL-2.0
/* A sparse bitmap of what differs between the two sides of a pair. Pure. */
#include "dirty.h"

static u32 chunk_of(u64 bit)
{
	return (u32)div_u64(bit, BLKREPL_CHUNK_BITS);
}

static u64 chunk_start(u32 chunk)
{
	return (u64)chunk * BLKREPL_CHUNK_BITS;
}

/**
 * blkrepl_dirty_chunk_bits - how many bits a chunk has; the last may have fewer
 * @d: the bitmap
 * @chunk: which
 */
u32 blkrepl_dirty_chunk_bits(const struct blkrepl_dirty *d, u32 chunk)
{
	return (u32)min_t(u64, BLKREPL_CHUNK_BITS, d->nr_bits - chunk_start(chunk));
}

static u64 word_mask(u32 first, u32 nr)
{
	u64 m = nr == 64 ? ~0ULL : (1ULL << nr) - 1;

	return m << first;
}

/* Ones among @nr bits from @first on in a chunk's words. */
static u32 words_count(const __le64 *word, u32 first, u32 nr)
{
	u32 sum = 0;

	while (nr) {
		u32 off = first % 64;
		u32 n = min_t(u32, nr, 64 - off);

		sum += hweight64(le64_to_cpu(word[first / 64]) & word_mask(off, n));
		first += n;
		nr -= n;
	}
	return sum;
}

static void words_fill(__le64 *word, u32 first, u32 nr, bool one)
{
	while (nr) {
		u32 off = first % 64;
		u32 n = min_t(u32, nr, 64 - off);
		u64 w = le64_to_cpu(word[first / 64]);

		w = one ? w | word_mask(off, n) : w & ~word_mask(off, n);
		word[first / 64] = cpu_to_le64(w);
		first += n;
		nr -= n;
	}
}

/* First bit at or after @from that is @one, below @end; @end when there is none. */
static u32 words_find(const __le64 *word, u32 from, u32 end, bool one)
{
	while (from < end) {
		u64 w = le64_to_cpu(word[from / 64]);

		if (!one)
			w = ~w;
		w &= ~0ULL << (from % 64);
		if (w)
			return min_t(u32, end, (from & ~63u) + (u32)__ffs64(w));
		from = (from & ~63u) + 64;
	}
	return end;
}

/**
 * blkrepl_dirty_init - an all-zero bitmap
 * @d: to be filled
 * @chunk: zeroed array with room for all chunks of @nr_bits
 * @nr_bits: number of bits
 * @alloc: see struct blkrepl_dirty
 * @free: see struct blkrepl_dirty
 * @ctx: see struct blkrepl_dirty
 */
void blkrepl_dirty_init(struct blkrepl_dirty *d, struct blkrepl_chunk *chunk,
			u64 nr_bits, blkrepl_alloc_fn alloc, blkrepl_free_fn free, void *ctx)
{
	*d = (struct blkrepl_dirty){
		.nr_bits = nr_bits,
		.nr_chunks = (u32)div_u64(nr_bits + BLKREPL_CHUNK_BITS - 1, BLKREPL_CHUNK_BITS),
		.chunk = chunk,
		.alloc = alloc,
		.free = free,
		.ctx = ctx,
	};
}

/* Give a uniform chunk a block of its own. */
static bool materialize(struct blkrepl_dirty *d, u32 i)
{
	struct blkrepl_chunk *c = &d->chunk[i];

	if (!c->block) {
		c->block = d->alloc(d->ctx);
		if (c->block && c->weight)
			words_fill(c->block->word, 0, blkrepl_dirty_chunk_bits(d, i), true);
	}
	return c->block;
}

/* A chunk that became uniform needs no block. */
static void compact(struct blkrepl_dirty *d, u32 i)
{
	struct blkrepl_chunk *c = &d->chunk[i];

	if (c->block && (!c->weight || c->weight == blkrepl_dirty_chunk_bits(d, i))) {
		d->free(d->ctx, c->block);
		c->block = NULL;
	}
}

/**
 * blkrepl_dirty_grow - take over a larger array and size; new bits are one
 * @d: the bitmap
 * @chunk: zeroed array into which the old one has been copied
 * @nr_bits: new number of bits, not lower than before
 */
void blkrepl_dirty_grow(struct blkrepl_dirty *d, struct blkrepl_chunk *chunk, u64 nr_bits)
{
	u64 old = d->nr_bits;
	u32 last;

	d->chunk = chunk;
	if (old % BLKREPL_CHUNK_BITS && nr_bits > old) {
		/* A full last chunk without a block would claim the new bits too. */
		last = d->nr_chunks - 1;
		if (!chunk[last].block && chunk[last].weight && !materialize(d, last)) {
			u32 n = (u32)min_t(u64, BLKREPL_CHUNK_BITS, nr_bits - chunk_start(last));

			d->weight += n - chunk[last].weight;
			chunk[last].weight = n;
			chunk[last].changed = true;
		}
	}
	d->nr_bits = nr_bits;
	d->nr_chunks = (u32)div_u64(nr_bits + BLKREPL_CHUNK_BITS - 1, BLKREPL_CHUNK_BITS);
	blkrepl_dirty_set(d, old, nr_bits - old);
}

/**
 * blkrepl_dirty_release - free all blocks; the array is the caller's
 * @d: the bitmap
 */
void blkrepl_dirty_release(struct blkrepl_dirty *d)
{
	u32 i;

	for (i = 0; i < d->nr_chunks; i++) {
		if (d->chunk[i].block)
			d->free(d->ctx, d->chunk[i].block);
		d->chunk[i].block = NULL;
	}
}

/**
 * blkrepl_dirty_set - mark bits
 * @d: the bitmap
 * @first: first bit
 * @nr: how many; more may become marked where memory is short
 */
void blkrepl_dirty_set(struct blkrepl_dirty *d, u64 first, u64 nr)
{
	while (nr) {
		u32 i = chunk_of(first), bits = blkrepl_dirty_chunk_bits(d, i);
		u32 off = (u32)(first - chunk_start(i));
		u32 n = (u32)min_t(u64, nr, bits - off);
		struct blkrepl_chunk *c = &d->chunk[i];

		if (c->weight != bits) {
			u32 add = bits - c->weight;

			if (n != bits && materialize(d, i)) {
				add = n - words_count(c->block->word, off, n);
				words_fill(c->block->word, off, n, true);
			} else if (c->block) {
				words_fill(c->block->word, 0, bits, true);
			}
			if (add)
				c->changed = true;
			c->weight += add;
			d->weight += add;
			compact(d, i);
		}
		first += n;
		nr -= n;
	}
}

/**
 * blkrepl_dirty_clear - clear bits
 * @d: the bitmap
 * @first: first bit
 * @nr: how many; fewer are cleared where memory is short
 */
void blkrepl_dirty_clear(struct blkrepl_dirty *d, u64 first, u64 nr)
{
	while (nr) {
		u32 i = chunk_of(first), bits = blkrepl_dirty_chunk_bits(d, i);
		u32 off = (u32)(first - chunk_start(i));
		u32 n = (u32)min_t(u64, nr, bits - off);
		struct blkrepl_chunk *c = &d->chunk[i];

		if (c->weight) {
			u32 sub = 0;

			if (n == bits) {
				sub = c->weight;
				if (c->block)
					words_fill(c->block->word, 0, bits, false);
			} else if (materialize(d, i)) {
				sub = words_count(c->block->word, off, n);
				words_fill(c->block->word, off, n, false);
			}
			if (sub)
				c->changed = true;
			c->weight -= sub;
			d->weight -= sub;
			compact(d, i);
		}
		first += n;
		nr -= n;
	}
}

/**
 * blkrepl_dirty_test - one bit
 * @d: the bitmap
 * @bit: which
 */
bool blkrepl_dirty_test(const struct blkrepl_dirty *d, u64 bit)
{
	u32 i = chunk_of(bit), off = (u32)(bit - chunk_start(i));
	const struct blkrepl_chunk *c = &d->chunk[i];

	if (!c->block)
		return c->weight;
	return le64_to_cpu(c->block->word[off / 64]) >> (off % 64) & 1;
}

/**
 * blkrepl_dirty_next - first marked bit at or after @from
 * @d: the bitmap
 * @from: where to begin
 *
 * Return: the bit, or d->nr_bits when there is none.
 */
u64 blkrepl_dirty_next(const struct blkrepl_dirty *d, u64 from)
{
	while (from < d->nr_bits) {
		u32 i = chunk_of(from), bits = blkrepl_dirty_chunk_bits(d, i);
		u32 off = (u32)(from - chunk_start(i));
		const struct blkrepl_chunk *c = &d->chunk[i];

		if (c->weight) {
			if (!c->block)
				return from;
			off = words_find(c->block->word, off, bits, true);
			if (off < bits)
				return chunk_start(i) + off;
		}
		from = chunk_start(i) + bits;
	}
	return d->nr_bits;
}

/**
 * blkrepl_dirty_run - length of the run of marked bits at @from
 * @d: the bitmap
 * @from: a marked bit
 * @max: longest run that is of interest
 */
u64 blkrepl_dirty_run(const struct blkrepl_dirty *d, u64 from, u64 max)
{
	u64 end = min_t(u64, d->nr_bits, from + max), at = from;

	while (at < end) {
		u32 i = chunk_of(at), bits = blkrepl_dirty_chunk_bits(d, i);
		u32 off = (u32)(at - chunk_start(i));
		const struct blkrepl_chunk *c = &d->chunk[i];

		if (!c->weight)
			break;
		if (c->block) {
			u32 z = words_find(c->block->word, off, bits, false);

			if (z < bits)
				return min_t(u64, end, chunk_start(i) + z) - from;
		}
		at = chunk_start(i) + bits;
	}
	return min_t(u64, at, end) - from;
}

/**
 * blkrepl_dirty_count - number of marked bits in a range
 * @d: the bitmap
 * @first: first bit
 * @nr: how many
 */
u64 blkrepl_dirty_count(const struct blkrepl_dirty *d, u64 first, u64 nr)
{
	u64 sum = 0;

	while (nr) {
		u32 i = chunk_of(first), bits = blkrepl_dirty_chunk_bits(d, i);
		u32 off = (u32)(first - chunk_start(i));
		u32 n = (u32)min_t(u64, nr, bits - off);
		const struct blkrepl_chunk *c = &d->chunk[i];

		if (c->block)
			sum += words_count(c->block->word, off, n);
		else if (c->weight)
			sum += n;
		first += n;
		nr -= n;
	}
	return sum;
}

/**
 * blkrepl_dirty_merge - set what another bitmap's block has set
 * @d: the bitmap
 * @chunk: which
 * @b: the block, or NULL for all bits
 */
void blkrepl_dirty_merge(struct blkrepl_dirty *d, u32 chunk, const struct blkrepl_disk_bits *b)
{
	u32 bits = blkrepl_dirty_chunk_bits(d, chunk), at = 0;
	u64 start = chunk_start(chunk);

	if (!b) {
		blkrepl_dirty_set(d, start, bits);
		return;
	}
	while ((at = words_find(b->word, at, bits, true)) < bits) {
		u32 end = words_find(b->word, at, bits, false);

		blkrepl_dirty_set(d, start + at, end - at);
		at = end;
	}
}

/**
 * blkrepl_dirty_load - take a chunk over from the log volume
 * @d: the bitmap
 * @chunk: which
 * @b: the valid block, or NULL when none was ever written: all bits are one
 */
void blkrepl_dirty_load(struct blkrepl_dirty *d, u32 chunk, const struct blkrepl_disk_bits *b)
{
	u32 bits = blkrepl_dirty_chunk_bits(d, chunk);
	struct blkrepl_chunk *c = &d->chunk[chunk];

	if (!b) {
		blkrepl_dirty_merge(d, chunk, NULL);
		c->changed = false;
		return;
	}
	blkrepl_dirty_clear(d, chunk_start(chunk), bits);
	blkrepl_dirty_merge(d, chunk, b);
	c->seq = blkrepl_block_seq(b);
	/* Where memory was short more bits are set here than are stored. */
	c->changed = c->weight != words_count(b->word, 0, bits);
}

/**
 * blkrepl_dirty_image - the payload that stores a chunk
 * @d: the bitmap
 * @chunk: which
 * @b: filled but for its head
 */
void blkrepl_dirty_image(const struct blkrepl_dirty *d, u32 chunk, struct blkrepl_disk_bits *b)
{
	const struct blkrepl_chunk *c = &d->chunk[chunk];

	memset(b, 0, sizeof(*b));
	if (c->block)
		memcpy(b->word, c->block->word, sizeof(b->word));
	else if (c->weight)
		words_fill(b->word, 0, blkrepl_dirty_chunk_bits(d, chunk), true);
}
