/* SPDX-License-Identifier: GPL-2.0 */
/* A journal in memory: a ring, members, and what was emitted; for tests. */
#ifndef BLKREPL_TEST_JOURNAL_H
#define BLKREPL_TEST_JOURNAL_H

#include <stdlib.h>

#include "../../kernel/replay.h"

#define RING_MAX	64
#define MEMBER_BLOCKS	24
#define NR_MEMBERS	3
#define NR_SECTORS	(NR_MEMBERS * MEMBER_BLOCKS * BLKREPL_BLOCK_SECTORS)

/* What a sector holds, by the number of its last write; 0: zeroes. */
struct image {
	u32 sector[NR_MEMBERS][MEMBER_BLOCKS * BLKREPL_BLOCK_SECTORS];
};

struct memory_journal {
	struct blkrepl_journal j;
	u64 sectors[BLKREPL_MAX_MEMBERS];
	u8 ring[RING_MAX][BLKREPL_BLOCK_SIZE];
	struct image members;
	u64 emitted;		/* records */
	u64 outside;		/* of them, outside of a member */
	u64 reads;
	u64 fail_read;		/* the read with this number fails */
	u64 blocks;		/* descriptors that are allocated */
};

static inline void fill_sector(void *at, u32 version)
{
	u32 *word = at, i;

	for (i = 0; i < 512 / sizeof(*word); i++)
		word[i] = version;
}

/* The version that a whole sector holds, ~0 for a mixture. */
static inline u32 sector_version(const void *at)
{
	const u32 *word = at;
	u32 i;

	for (i = 1; i < 512 / sizeof(*word); i++)
		if (word[i] != word[0])
			return ~0u;
	return word[0];
}

static inline void memory_init(struct memory_journal *m, u64 ring_blocks)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	m->j = (struct blkrepl_journal){
		.tag = 0x1234567, .nr_blocks = ring_blocks,
		.base = { .epoch = 41, .generation = 5, .us = 1000 },
	};
	for (i = 0; i < NR_MEMBERS; i++)
		m->sectors[i] = MEMBER_BLOCKS * BLKREPL_BLOCK_SECTORS - i;
}

static inline int memory_read(void *ctx, u64 n, void *block)
{
	struct memory_journal *m = ctx;

	if (n >= m->j.nr_blocks)
		abort();
	if (++m->reads == m->fail_read)
		return -EIO;
	memcpy(block, m->ring[n], BLKREPL_BLOCK_SIZE);
	return 0;
}

static inline int memory_apply(void *ctx, const struct blkrepl_write *w)
{
	struct memory_journal *m = ctx;
	u64 b;
	u32 s;

	m->emitted++;
	for (b = w->block; b < w->block + w->nr; b++)
		for (s = 0; s < BLKREPL_BLOCK_SECTORS; s++) {
			u64 at = b * BLKREPL_BLOCK_SECTORS + s;

			if (!(w->sectors >> s & 1))
				continue;
			if (w->member >= NR_MEMBERS || at >= m->sectors[w->member]) {
				m->outside++;
				return -ERANGE;
			}
			m->members.sector[w->member][at] =
				w->data ? sector_version(w->data + s * 512) : 0;
		}
	return 0;
}

static inline void *memory_alloc(void *ctx)
{
	struct memory_journal *m = ctx;

	m->blocks++;
	return calloc(1, BLKREPL_BLOCK_SIZE);
}

static inline int memory_put(void *ctx, u64 pos, const void *block, bool desc)
{
	struct memory_journal *m = ctx;

	memcpy(m->ring[pos % m->j.nr_blocks], block, BLKREPL_BLOCK_SIZE);
	if (desc) {
		m->blocks--;
		free((void *)block);
	}
	return 0;
}

static const struct blkrepl_replay_ops memory_ops = {
	.read = memory_read,
	.apply = memory_apply,
};

#endif
