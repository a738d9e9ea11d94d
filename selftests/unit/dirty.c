// SPDX-License-Identifier: GPL-2.0
/*
 * The sparse bitmap: kernel/dirty.c, against a plain one.
 *
 * Where the allocator fails at random the bitmap may have more bits set than
 * were asked for, never fewer; what it counts stays right in any case.
 */
#include "unit.h"
#include "../../kernel/dirty.h"

#define CHUNK		BLKREPL_CHUNK_BITS
#define MAX_CHUNKS	5
#define MAX_BITS	((u64)MAX_CHUNKS * CHUNK)

struct arena {
	struct rng rng;
	unsigned int fail;	/* per cent */
	int live;
};

static struct arena arena;
static struct blkrepl_dirty map;
static u8 plain[MAX_BITS + 64];
static u64 seed;

static void *arena_alloc(void *ctx)
{
	struct arena *a = ctx;

	if (rng_chance(&a->rng, a->fail))
		return NULL;
	a->live++;
	return calloc(1, BLKREPL_BLOCK_SIZE);
}

static void arena_free(void *ctx, void *block)
{
	struct arena *a = ctx;

	assert_non_null(block);
	a->live--;
	free(block);
}

static struct blkrepl_chunk *new_chunks(u64 nr_bits)
{
	return calloc((nr_bits + CHUNK - 1) / CHUNK, sizeof(struct blkrepl_chunk));
}

static void begin(u64 nr_bits, unsigned int fail)
{
	arena = (struct arena){ .rng.state = ~seed, .fail = fail };
	memset(plain, 0, sizeof(plain));
	blkrepl_dirty_init(&map, new_chunks(nr_bits), nr_bits, arena_alloc, arena_free, &arena);
}

static void end(void)
{
	blkrepl_dirty_release(&map);
	free(map.chunk);
	check_seed(arena.live == 0, seed);
}

/* The bitmap says what the plain one does, or, with a failing allocator, more. */
static void compare(void)
{
	u64 i, sum = 0;
	u32 c;

	for (i = 0; i < map.nr_bits; i++) {
		bool bit = blkrepl_dirty_test(&map, i);

		if (arena.fail)
			check_seed(bit || !plain[i], seed);
		else
			check_seed(bit == plain[i], seed);
		plain[i] = bit;
		sum += bit;
	}
	check_seed(map.weight == sum, seed);
	for (c = 0, sum = 0; c < map.nr_chunks; c++) {
		u32 bits = blkrepl_dirty_chunk_bits(&map, c);

		check_seed(map.chunk[c].weight ==
			   blkrepl_dirty_count(&map, (u64)c * CHUNK, bits), seed);
		check_seed(map.chunk[c].weight <= bits, seed);
		/* a chunk that is all the same needs no block */
		if (map.chunk[c].block)
			check_seed(map.chunk[c].weight && map.chunk[c].weight < bits, seed);
		sum += map.chunk[c].weight;
	}
	check_seed(map.weight == sum, seed);
}

static u64 plain_next(u64 from)
{
	while (from < map.nr_bits && !plain[from])
		from++;
	return from < map.nr_bits ? from : map.nr_bits;
}

/* next, run and count; the plain bitmap is equal here. */
static void query(struct rng *r)
{
	u64 from = rng_below(r, map.nr_bits + 1), nr, max, i, n = 0;

	check_seed(blkrepl_dirty_next(&map, from) == plain_next(from), seed);
	from = plain_next(from);
	if (from < map.nr_bits) {
		max = rng_below(r, 3 * CHUNK);
		for (nr = 0; nr < max && from + nr < map.nr_bits && plain[from + nr]; nr++)
			;
		check_seed(blkrepl_dirty_run(&map, from, max) == nr, seed);
	}
	from = rng_below(r, map.nr_bits);
	nr = rng_below(r, map.nr_bits - from + 1);
	for (i = 0; i < nr; i++)
		n += plain[from + i];
	check_seed(blkrepl_dirty_count(&map, from, nr) == n, seed);
}

/* A range that often begins or ends where chunks and words do. */
static void random_range(struct rng *r, u64 *first, u64 *nr)
{
	static const u64 steps[] = { 1, 64, CHUNK };
	u64 step = steps[rng_below(r, 3)];

	*first = rng_below(r, map.nr_bits) / step * step;
	*nr = rng_below(r, rng_chance(r, 50) ? 200 : map.nr_bits) / step * step;
	if (rng_chance(r, 10))
		*nr = map.nr_bits;
	if (*nr > map.nr_bits - *first)
		*nr = map.nr_bits - *first;
}

/* What changed is known as changed: each image taken since is still right. */
static void check_images(struct blkrepl_disk_bits *stored)
{
	static struct blkrepl_disk_bits now;
	u32 c;

	for (c = 0; c < map.nr_chunks; c++) {
		blkrepl_dirty_image(&map, c, &now);
		if (!map.chunk[c].changed)
			check_seed(!memcmp(now.word, stored[c].word, sizeof(now.word)), seed);
	}
}

static void take_images(struct blkrepl_disk_bits *stored)
{
	u32 c;

	for (c = 0; c < map.nr_chunks; c++) {
		blkrepl_dirty_image(&map, c, &stored[c]);
		map.chunk[c].changed = false;
	}
}

static void grow(struct rng *r)
{
	u64 old = map.nr_bits, nr = old + rng_below(r, MAX_BITS - old + 1);
	struct blkrepl_chunk *chunk = new_chunks(nr), *before = map.chunk;

	memcpy(chunk, before, map.nr_chunks * sizeof(*chunk));
	blkrepl_dirty_grow(&map, chunk, nr);
	free(before);
	memset(plain + old, 1, nr - old);
	check_seed(map.nr_bits == nr, seed);
	check_seed(map.nr_chunks == (nr + CHUNK - 1) / CHUNK, seed);
	check_seed(blkrepl_dirty_count(&map, old, nr - old) == nr - old, seed);
}

static void random_life(unsigned int fail, u64 rounds)
{
	static struct blkrepl_disk_bits stored[MAX_CHUNKS];

	for (seed = 1; seed <= rounds; seed++) {
		struct rng r = { seed };
		int step;

		begin(1 + rng_below(&r, rng_chance(&r, 50) ? 3 * CHUNK : MAX_BITS), fail);
		memset(stored, 0, sizeof(stored));
		for (step = 0; step < 40; step++) {
			u64 first, nr;

			random_range(&r, &first, &nr);
			switch (rng_below(&r, 8)) {
			case 0 ... 2:
				blkrepl_dirty_set(&map, first, nr);
				memset(plain + first, 1, nr);
				break;
			case 3 ... 5:
				blkrepl_dirty_clear(&map, first, nr);
				memset(plain + first, 0, nr);
				break;
			case 6:
				take_images(stored);
				break;
			case 7:
				if (rng_chance(&r, 30))
					grow(&r);
				break;
			}
			check_images(stored);
			if (step % 8 == 7 || fail)
				compare();
			if (!fail || step % 8 == 7)
				query(&r);
		}
		end();
	}
}

static void against_plain(void **state)
{
	random_life(0, 300);
}

static void without_memory(void **state)
{
	random_life(100, 30);
}

static void with_little_memory(void **state)
{
	random_life(40, 60);
}

/* Every state of the last chunk, every allocator, growth within and beyond the chunk. */
static void growth(void **state)
{
	static const u64 olds[] = { 1, 63, 64, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK };
	static const u64 more[] = { 0, 1, 64, CHUNK - 1, CHUNK, CHUNK + 1 };
	unsigned int i, k, fill, fail;

	for (i = 0; i < ARRAY_SIZE(olds); i++)
		for (k = 0; k < ARRAY_SIZE(more); k++)
			for (fill = 0; fill < 3; fill++)
				for (fail = 0; fail <= 100; fail += 100) {
					struct blkrepl_chunk *chunk, *old;
					u32 last;

					begin(olds[i], fail);
					last = map.nr_chunks - 1;
					if (fill)
						blkrepl_dirty_set(&map, 0, fill == 1 ? olds[i] : 1);
					memset(plain, 1, !fill ? 0 : fill == 1 ? olds[i] : 1);
					old = map.chunk;
					old[last].changed = false;
					chunk = new_chunks(olds[i] + more[k]);
					memcpy(chunk, old, map.nr_chunks * sizeof(*chunk));
					blkrepl_dirty_grow(&map, chunk, olds[i] + more[k]);
					free(old);
					memset(plain + olds[i], 1, more[k]);
					compare();
					/* new ones in an old chunk have to be stored */
					if (more[k] && olds[i] % CHUNK)
						assert_true(map.chunk[last].changed);
					end();
				}
}

static void images(void **state)
{
	static u8 slots[2 * BLKREPL_BLOCK_SIZE];
	struct blkrepl_disk_bits *b;
	static u8 was[MAX_BITS];
	unsigned int fail, more = 0;
	u64 tag = 7;
	u32 c;

	for (seed = 1; seed <= 60; seed++) {
		struct rng r = { seed };
		u64 first, nr, bits = 1 + rng_below(&r, MAX_BITS);
		int i;

		fail = seed % 3 * 50;
		begin(bits, 0);
		for (i = 0; i < 30; i++) {
			random_range(&r, &first, &nr);
			if (rng_chance(&r, 60)) {
				blkrepl_dirty_set(&map, first, nr);
				memset(plain + first, 1, nr);
			} else {
				blkrepl_dirty_clear(&map, first, nr);
				memset(plain + first, 0, nr);
			}
		}
		memcpy(was, plain, bits);
		/* store each chunk, load it into another bitmap that has bits of its own */
		struct blkrepl_dirty from = map;
		struct arena kept = arena;

		begin(bits, fail);
		map.ctx = &arena;
		memcpy(plain, was, bits);
		random_range(&r, &first, &nr);
		blkrepl_dirty_set(&map, first, nr);
		for (c = 0; c < map.nr_chunks; c++) {
			memset(slots, 0, sizeof(slots));
			b = (void *)(slots + BLKREPL_BLOCK_SIZE);
			blkrepl_dirty_image(&from, c, b);
			blkrepl_block_seal(b, BLKREPL_BLOCK_DIRTY, c, tag, 2 * c + 5);
			blkrepl_dirty_load(&map, c, blkrepl_block_pick(slots, BLKREPL_BLOCK_DIRTY,
								       c, &tag));
			check_seed(map.chunk[c].seq == 2 * c + 5, seed);
			/* more than is stored is known to be so, or it would be lost */
			check_seed(map.chunk[c].changed ==
				   (map.chunk[c].weight != from.chunk[c].weight), seed);
			more += map.chunk[c].changed;
		}
		compare();
		/* a chunk of which nothing valid was found is all ones */
		c = rng_below(&r, map.nr_chunks);
		blkrepl_dirty_load(&map, c, NULL);
		check_seed(map.chunk[c].weight == blkrepl_dirty_chunk_bits(&map, c), seed);
		check_seed(!map.chunk[c].changed, seed);
		end();
		arena = kept;
		map = from;
		end();
	}
	assert_true(more > 5);
}

/* Ones behind the end of the bitmap, from a block that is valid but odd, do not count. */
static void ones_behind_the_end(void **state)
{
	static struct blkrepl_disk_bits b;

	seed = 0;
	begin(100, 0);
	memset(b.word, 0xff, sizeof(b.word));
	blkrepl_dirty_load(&map, 0, &b);
	assert_int_equal(map.weight, 100);
	assert_int_equal(blkrepl_dirty_run(&map, 0, 1000), 100);
	end();
}

static void nothing_and_all(void **state)
{
	seed = 0;
	begin(MAX_BITS, 100);
	assert_int_equal(blkrepl_dirty_next(&map, 0), MAX_BITS);
	blkrepl_dirty_set(&map, 0, MAX_BITS);
	assert_int_equal(map.weight, MAX_BITS);
	assert_int_equal(blkrepl_dirty_run(&map, 0, ~0u), MAX_BITS);
	assert_int_equal(blkrepl_dirty_next(&map, MAX_BITS), MAX_BITS);
	/* whole chunks need no memory either way */
	blkrepl_dirty_clear(&map, CHUNK, CHUNK);
	assert_int_equal(map.weight, MAX_BITS - CHUNK);
	assert_int_equal(blkrepl_dirty_next(&map, CHUNK), 2 * CHUNK);
	assert_int_equal(blkrepl_dirty_run(&map, 5, MAX_BITS), CHUNK - 5);
	/* clearing a part without memory clears nothing, and nothing changed */
	map.chunk[0].changed = false;
	blkrepl_dirty_clear(&map, 0, 1);
	assert_int_equal(map.weight, MAX_BITS - CHUNK);
	assert_false(map.chunk[0].changed);
	/* marking a part without memory marks all */
	blkrepl_dirty_set(&map, CHUNK + 7, 1);
	assert_int_equal(map.weight, MAX_BITS);
	blkrepl_dirty_clear(&map, 0, MAX_BITS);
	assert_int_equal(map.weight, 0);
	end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_plain),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(with_little_memory),
		cmocka_unit_test(growth),
		cmocka_unit_test(images),
		cmocka_unit_test(ones_behind_the_end),
		cmocka_unit_test(nothing_and_all),
	};

	return cmocka_run_group_tests_name("dirty", tests, NULL, NULL);
}
