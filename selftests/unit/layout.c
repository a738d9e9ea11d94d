// SPDX-License-Identifier: GPL-2.0
/* The areas of a log volume: kernel/layout.c. */
#include "unit.h"
#include "../../kernel/layout.h"

#define ROUNDS	300
#define STEPS	200

static struct blkrepl_layout layout, other;
static struct blkrepl_disk_areas disk;

/* Areas lie in the pool, inside the volume, and do not overlap; bitmaps have no holes. */
static void check_sane(const struct blkrepl_layout *l, u64 seed)
{
	u64 used = BLKREPL_AT_POOL;
	u32 i, k;

	for (i = 0; i < l->nr; i++) {
		const struct blkrepl_area *a = &l->area[i];

		check_seed(a->start >= BLKREPL_AT_POOL && a->nr, seed);
		check_seed(a->start + 2 * (u64)a->nr <= l->nr_blocks, seed);
		used += 2 * (u64)a->nr;
		for (k = 0; k < i; k++) {
			const struct blkrepl_area *b = &l->area[k];

			check_seed(a->start + 2 * (u64)a->nr <= b->start ||
				   b->start + 2 * (u64)b->nr <= a->start, seed);
		}
	}
	check_seed(blkrepl_layout_used(l) == used, seed);
}

static void chunks_of_sizes(void **state)
{
	const u64 chunk = (u64)BLKREPL_CHUNK_BITS * BLKREPL_BLOCK_SECTORS;
	const u64 ichunk = (u64)BLKREPL_CHUNK_BITS * BLKREPL_EXTENT_SECTORS;

	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, 0), 0);
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, 1), 1);
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, chunk), 1);
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, chunk + 1), 2);
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, 1), 1);
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, ichunk), 1);
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, ichunk + 1), 2);
	/* 64 TiB, the largest volume: one bit for 4 KiB, 32512 bits a block */
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, 1ULL << 37), 528417);
	assert_int_equal(blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, 1ULL << 37), 517);
}

/* What min_blocks() promises is enough for a group with one relationship. */
static void least_size_suffices(void **state)
{
	struct rng r = { 1 };
	u64 sectors[BLKREPL_MAX_MEMBERS];
	unsigned int round, i, n;

	for (round = 0; round < 100; round++) {
		n = 1 + rng_below(&r, BLKREPL_MAX_MEMBERS);
		for (i = 0; i < n; i++)
			sectors[i] = 1 + (rng_u64(&r) >> (27 + rng_below(&r, 30)));
		layout.nr = 0;
		layout.nr_blocks = blkrepl_layout_min_blocks(sectors, n);
		for (i = 0; i < n; i++)
			assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_INTENT, 0, i,
				blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, sectors[i])), 0);
		for (i = 0; i < n; i++)
			assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, i,
				blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, sectors[i])), 0);
		check_sane(&layout, round);
	}
}

static void provide_is_idempotent(void **state)
{
	u64 at;

	layout.nr = 0;
	layout.nr_blocks = 200;
	assert_int_equal(blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 0), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 0), 0);
	assert_int_equal(layout.nr, 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 5), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 5), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 3), 0);
	assert_int_equal(layout.nr, 1);
	at = blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 4);
	assert_int_equal(at, BLKREPL_AT_POOL + 8);
	assert_int_equal(blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 5), 0);
	/* growth leaves in place what is there */
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_INTENT, 0, 0, 1), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 9), 0);
	assert_int_equal(blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 4), at);
	assert_int_equal(blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 5),
			 BLKREPL_AT_POOL + 12);
	assert_int_equal(blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 1, 0, 4), 0);
	assert_int_equal(blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 0, 1, 4), 0);
	check_sane(&layout, 0);
}

static void no_space(void **state)
{
	u32 i;

	layout.nr = 0;
	layout.nr_blocks = BLKREPL_AT_POOL + 10;
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 6), -ENOSPC);
	assert_int_equal(layout.nr, 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 5), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 1, 1), -ENOSPC);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 6), -ENOSPC);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, ~0u), -ENOSPC);
	assert_int_equal(blkrepl_layout_block(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 5), 0);
	/* a volume that is smaller than the fixed blocks */
	layout.nr = 0;
	layout.nr_blocks = 10;
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 1), -ENOSPC);
	/* the table is full */
	layout.nr_blocks = 1 << 20;
	for (i = 0; i < BLKREPL_MAX_AREAS; i++)
		assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY,
							i % BLKREPL_MAX_LINKS,
							i / BLKREPL_MAX_LINKS % 64,
							1 + i / (64 * BLKREPL_MAX_LINKS)), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_INTENT, 0, 0, 1), -ENOSPC);
	assert_int_equal(layout.nr, BLKREPL_MAX_AREAS);
	check_sane(&layout, 0);
	blkrepl_layout_drop(&layout, BLKREPL_BLOCK_DIRTY, 0, 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_INTENT, 0, 0, 1), 0);
}

static void store_all(const struct blkrepl_layout *l, struct blkrepl_layout *into)
{
	u32 k;

	into->nr = 0;
	into->nr_blocks = l->nr_blocks;
	for (k = 0; k < BLKREPL_NR_AREA_BLOCKS; k++) {
		memset(&disk, 0, sizeof(disk));
		blkrepl_layout_store(l, k, &disk);
		assert_int_equal(blkrepl_layout_load(into, &disk), 0);
	}
}

/* Random growth, removal, storing and loading: nobody's blocks are given twice. */
static void random_life(void **state)
{
	u64 seed;

	for (seed = 1; seed <= ROUNDS; seed++) {
		u32 have[2][BLKREPL_MAX_LINKS][8] = { 0 };
		struct rng r = { seed };
		unsigned int step, full = 0;

		layout.nr = 0;
		layout.nr_blocks = BLKREPL_AT_POOL + rng_below(&r, 2000);
		for (step = 0; step < STEPS; step++) {
			u16 type = BLKREPL_BLOCK_INTENT + rng_below(&r, 2);
			u16 link = rng_below(&r, BLKREPL_MAX_LINKS);
			u32 member = rng_below(&r, 8);
			u32 *n = &have[type - BLKREPL_BLOCK_INTENT][link][member];
			u32 want = *n + rng_below(&r, 30), old = layout.nr;
			int result;

			if (rng_chance(&r, 20)) {
				blkrepl_layout_drop(&layout, type, link, member);
				*n = 0;
				check_seed(!blkrepl_layout_block(&layout, type, link, member, 0),
					   seed);
			} else {
				result = blkrepl_layout_provide(&layout, type, link, member, want);
				check_seed(!result || result == -ENOSPC, seed);
				if (!result)
					*n = want > *n ? want : *n;
				else
					check_seed(layout.nr == old, seed);
				full += result != 0;
			}
			if (rng_chance(&r, 10)) {
				store_all(&layout, &other);
				check_seed(other.nr == layout.nr, seed);
				check_seed(!memcmp(other.area, layout.area,
						   layout.nr * sizeof(*layout.area)), seed);
			}
			check_sane(&layout, seed);
			check_seed((*n == 0) ==
				   !blkrepl_layout_block(&layout, type, link, member, 0), seed);
			if (*n)
				check_seed(blkrepl_layout_block(&layout, type, link, member, *n - 1),
					   seed);
			check_seed(!blkrepl_layout_block(&layout, type, link, member, *n), seed);
		}
		check_seed(seed < 10 || full || layout.nr_blocks > 500, seed);
	}
}

/* A ring that grew in parts, its second before its first in the table. */
static void rings(void **state)
{
	const u16 ring = BLKREPL_BLOCK_RING;
	u64 n;

	layout.nr = 0;
	layout.nr_blocks = BLKREPL_AT_POOL + 64;
	assert_int_equal(blkrepl_layout_ring_blocks(&layout, 0), 0);
	assert_int_equal(blkrepl_layout_ring_block(&layout, 0, 0), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, ring, 0, BLKREPL_NO_MEMBER, 10), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, 0, 3), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, ring, 0, BLKREPL_NO_MEMBER, 15), 0);
	assert_int_equal(blkrepl_layout_provide(&layout, ring, 1, BLKREPL_NO_MEMBER, 2), 0);
	assert_int_equal(layout.nr, 4);
	assert_int_equal(blkrepl_layout_ring_blocks(&layout, 0), 30);
	assert_int_equal(blkrepl_layout_ring_blocks(&layout, 1), 4);
	for (n = 0; n < 30; n++)
		assert_int_equal(blkrepl_layout_ring_block(&layout, 0, n),
				 BLKREPL_AT_POOL + n + (n < 20 ? 0 : 6));
	assert_int_equal(blkrepl_layout_ring_block(&layout, 0, 30), 0);
	assert_int_equal(blkrepl_layout_ring_block(&layout, 0, 1ULL << 33), 0);
	/* a table with it can be read again, in any order */
	memset(&disk, 0, sizeof(disk));
	blkrepl_layout_store(&layout, 0, &disk);
	disk.a[5] = disk.a[0];
	memset(&disk.a[0], 0, sizeof(disk.a[0]));
	other.nr = 0;
	other.nr_blocks = layout.nr_blocks;
	assert_int_equal(blkrepl_layout_load(&other, &disk), 0);
	for (n = 0; n < 30; n++)
		assert_int_equal(blkrepl_layout_ring_block(&other, 0, n),
				 blkrepl_layout_ring_block(&layout, 0, n));
	assert_int_equal(blkrepl_layout_ring_blocks(&other, 0), 30);
	/* a part is missing, or there twice */
	layout.area[2].first++;
	assert_int_equal(blkrepl_layout_ring_blocks(&layout, 0), 0);
	layout.area[2].first -= 2;
	assert_int_equal(blkrepl_layout_ring_blocks(&layout, 0), 0);
	layout.area[2].first = 0;
	assert_int_equal(blkrepl_layout_ring_blocks(&layout, 0), 0);
}

#define REFUSED(change) do {							\
	struct blkrepl_disk_area *a = disk.a;					\
	memset(&disk, 0, sizeof(disk));						\
	a[0] = (struct blkrepl_disk_area){ .type = cpu_to_le16(BLKREPL_BLOCK_DIRTY),	\
		.nr = cpu_to_le32(10), .start = cpu_to_le64(100) };		\
	a[1] = (struct blkrepl_disk_area){ .type = cpu_to_le16(BLKREPL_BLOCK_INTENT),	\
		.nr = cpu_to_le32(10), .start = cpu_to_le64(120) };		\
	layout.nr = 0;								\
	layout.nr_blocks = 140;							\
	assert_int_equal(blkrepl_layout_load(&layout, &disk), 0);		\
	layout.nr = 0;								\
	change;									\
	assert_int_equal(blkrepl_layout_load(&layout, &disk), -EUCLEAN);	\
} while (0)

/* A table with room for one more area. */
static void fill_table(void)
{
	layout.nr_blocks = 1 << 20;
	for (layout.nr = 0; layout.nr < BLKREPL_MAX_AREAS - 1; layout.nr++)
		layout.area[layout.nr] = (struct blkrepl_area){
			.type = BLKREPL_BLOCK_DIRTY, .nr = 1, .start = 1000 + 2 * layout.nr };
}

static void damaged_tables(void **state)
{
	REFUSED(a[0].type = cpu_to_le16(BLKREPL_BLOCK_SUPER));
	REFUSED(a[0].type = cpu_to_le16(BLKREPL_BLOCK_JOURNAL));
	REFUSED(a[0].type = cpu_to_le16(BLKREPL_BLOCK_RING));
	REFUSED(a[0].type = cpu_to_le16(BLKREPL_BLOCK_RING); a[0].member = cpu_to_le32(~0u));
	REFUSED(a[0].type = cpu_to_le16(BLKREPL_BLOCK_DESC));
	REFUSED(a[0].link = cpu_to_le16(BLKREPL_MAX_LINKS));
	REFUSED(a[0].member = cpu_to_le32(BLKREPL_MAX_MEMBERS));
	REFUSED(a[0].nr = 0);
	REFUSED(a[0].start = cpu_to_le64(BLKREPL_AT_POOL - 1));
	REFUSED(a[0].start = cpu_to_le64(101));
	REFUSED(a[0].nr = cpu_to_le32(11));
	REFUSED(a[0].start = a[1].start);
	REFUSED(a[1].nr = cpu_to_le32(11));
	REFUSED(a[1].nr = cpu_to_le32(~0u));
	REFUSED(a[1].start = cpu_to_le64(141));
	REFUSED(a[1].start = cpu_to_le64(~0ULL));
	REFUSED(a[1].start = cpu_to_le64(~0ULL - 10));
	REFUSED(a[167] = a[1]);
	REFUSED(layout.nr_blocks = 139);
	/* more areas than the table has room for */
	REFUSED(fill_table());
}

static bool same_areas(const struct blkrepl_layout *a, const struct blkrepl_layout *b)
{
	u32 i, k;

	for (i = 0; i < a->nr; i++) {
		for (k = 0; k < b->nr; k++)
			if (!memcmp(&a->area[i], &b->area[k], sizeof(a->area[i])))
				break;
		if (k == b->nr)
			return false;
	}
	return a->nr == b->nr;
}

static void store_blocks(const struct blkrepl_layout *l, struct blkrepl_disk_areas *table, u32 n)
{
	u32 k;

	for (k = 0; k < n; k++) {
		memset(&table[k], 0, sizeof(table[k]));
		blkrepl_layout_store(l, k, &table[k]);
	}
}

/*
 * The table is stored block by block. Whatever number of blocks a crash lets
 * through, every bitmap that stays is where it was.
 */
static void interrupted_drop(void **state)
{
	static struct blkrepl_disk_areas table[BLKREPL_NR_AREA_BLOCKS];
	struct rng r = { 3 };
	unsigned int round;
	u32 i, k, done;

	for (round = 0; round < ROUNDS / 5; round++) {
		u32 gone = rng_below(&r, BLKREPL_MAX_MEMBERS);

		layout.nr = 0;
		layout.nr_blocks = 1 << 20;
		for (i = 0; i < BLKREPL_MAX_MEMBERS; i++) {
			blkrepl_layout_provide(&layout, BLKREPL_BLOCK_INTENT, 0, i, 1);
			blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, i, 1 + rng_below(&r, 3));
		}
		for (i = 0; i < BLKREPL_MAX_MEMBERS; i++)
			blkrepl_layout_provide(&layout, BLKREPL_BLOCK_DIRTY, 0, i, 2 + rng_below(&r, 9));
		store_blocks(&layout, table, BLKREPL_NR_AREA_BLOCKS);
		blkrepl_layout_drop(&layout, BLKREPL_BLOCK_INTENT, 0, gone);
		blkrepl_layout_drop(&layout, BLKREPL_BLOCK_DIRTY, 0, gone);
		done = rng_below(&r, BLKREPL_NR_AREA_BLOCKS + 1);
		store_blocks(&layout, table, done);

		other.nr = 0;
		other.nr_blocks = layout.nr_blocks;
		for (k = 0; k < BLKREPL_NR_AREA_BLOCKS; k++)
			check_seed(!blkrepl_layout_load(&other, &table[k]), round);
		check_sane(&other, round);
		blkrepl_layout_drop(&other, BLKREPL_BLOCK_INTENT, 0, gone);
		blkrepl_layout_drop(&other, BLKREPL_BLOCK_DIRTY, 0, gone);
		check_seed(same_areas(&layout, &other), round);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_of_sizes),
		cmocka_unit_test(least_size_suffices),
		cmocka_unit_test(provide_is_idempotent),
		cmocka_unit_test(no_space),
		cmocka_unit_test(random_life),
		cmocka_unit_test(rings),
		cmocka_unit_test(damaged_tables),
		cmocka_unit_test(interrupted_drop),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
