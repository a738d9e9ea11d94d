// SPDX-License-Identifier: GPL-2.0
/* Epochs on the source: kernel/epoch.c. */
#include "unit.h"
#include "journal.h"
#include "../../kernel/epoch.h"

#define BUCKETS		16

static struct blkrepl_rec *bucket[BUCKETS];
static struct memory_journal m;
static long recs, ranges;

static struct blkrepl_rec *rec_new(u8 member, u64 block, u8 sectors, u32 version)
{
	struct blkrepl_rec *rec = calloc(1, sizeof(*rec));
	u32 s;

	*rec = (struct blkrepl_rec){ .member = member, .block = block, .sectors = sectors };
	rec->data = malloc(BLKREPL_BLOCK_SIZE);
	/* what was not written is anything */
	memset(rec->data, 0xbb, BLKREPL_BLOCK_SIZE);
	for (s = 0; s < BLKREPL_BLOCK_SECTORS; s++)
		if (sectors >> s & 1)
			fill_sector(rec->data + s * 512, version);
	recs++;
	return rec;
}

static void rec_free(void *ctx, struct blkrepl_rec *rec)
{
	if (rec) {
		free(rec->data);
		free(rec);
		recs--;
	}
}

static struct blkrepl_zeroes *zeroes_new(u8 member, u64 block, u64 nr, u8 kind)
{
	struct blkrepl_zeroes *z = calloc(1, sizeof(*z));

	*z = (struct blkrepl_zeroes){ .member = member, .block = block, .nr = nr, .kind = kind };
	ranges++;
	return z;
}

static void zeroes_free(void *ctx, struct blkrepl_zeroes *z)
{
	free(z);
	ranges--;
}

static const struct blkrepl_epoch_free frees = { .rec = rec_free, .zeroes = zeroes_free };

static void open_epoch(struct blkrepl_epoch *e)
{
	memset(bucket, 0, sizeof(bucket));
	blkrepl_epoch_open(e, 42, 0, bucket, BUCKETS);
}

static void add(struct blkrepl_epoch *e, u8 member, u64 block, u8 sectors, u32 version)
{
	rec_free(NULL, blkrepl_epoch_add(e, rec_new(member, block, sectors, version)));
}

static void zero(struct blkrepl_epoch *e, u8 member, u64 block, u64 nr, u8 kind)
{
	blkrepl_epoch_zero(e, zeroes_new(member, block, nr, kind), &frees);
}

static void close_epoch(struct blkrepl_epoch *e)
{
	blkrepl_epoch_release(e, &frees);
	assert_int_equal(recs, 0);
	assert_int_equal(ranges, 0);
	assert_int_equal(e->nr_recs, 0);
}

static void expect(struct blkrepl_epoch_iter *it, u8 member, u64 block, u32 nr, u8 kind, u8 sectors)
{
	struct blkrepl_write w;

	assert_true(blkrepl_epoch_next(it, &w));
	assert_int_equal(w.member, member);
	assert_int_equal(w.block, block);
	assert_int_equal(w.nr, nr);
	assert_int_equal(w.kind, kind);
	assert_int_equal(w.sectors, sectors);
	assert_int_equal(!!w.data, kind == BLKREPL_KIND_DATA);
}

#define DATA	BLKREPL_KIND_DATA
#define ZEROES	BLKREPL_KIND_ZEROES
#define DISCARD	BLKREPL_KIND_DISCARD
#define ALL	BLKREPL_SECTORS_ALL

static void rewrites_cost_nothing(void **state)
{
	struct blkrepl_epoch_iter it;
	struct blkrepl_epoch e;
	struct blkrepl_write w;
	u32 i;

	open_epoch(&e);
	for (i = 1; i <= 100; i++)
		add(&e, 1, 7, ALL, i);
	assert_int_equal(e.nr_recs, 1);
	assert_int_equal(e.writes, 100);
	assert_int_equal(recs, 1);
	blkrepl_epoch_sort(&e);
	blkrepl_epoch_walk(&e, &it);
	assert_true(blkrepl_epoch_next(&it, &w));
	assert_int_equal(sector_version(w.data), 100);
	assert_false(blkrepl_epoch_next(&it, &w));
	close_epoch(&e);
}

/* Sectors of a block that were written by different writes become one record. */
static void parts_of_a_block(void **state)
{
	struct blkrepl_epoch_iter it;
	struct blkrepl_epoch e;
	struct blkrepl_write w;
	struct blkrepl_rec *copy;

	open_epoch(&e);
	add(&e, 0, 3, 0x03, 1);
	add(&e, 0, 3, 0x0c, 2);
	add(&e, 0, 3, 0x06, 3);
	assert_int_equal(e.nr_recs, 1);
	copy = rec_new(0, 3, ALL, 4);
	assert_ptr_equal(blkrepl_epoch_add_copy(&e, copy), copy);
	rec_free(NULL, copy);
	assert_null(blkrepl_epoch_add_copy(&e, rec_new(0, 4, ALL, 5)));
	add(&e, 0, 4, 0x01, 6);
	/* a part of a block that was zeroed: the rest is zero */
	zero(&e, 0, 8, 2, ZEROES);
	add(&e, 0, 9, 0x80, 7);
	copy = rec_new(0, 8, ALL, 8);
	assert_ptr_equal(blkrepl_epoch_add_copy(&e, copy), copy);
	rec_free(NULL, copy);
	blkrepl_epoch_sort(&e);
	blkrepl_epoch_walk(&e, &it);
#define SECTOR(s) sector_version(w.data + (s) * 512)
	assert_true(blkrepl_epoch_next(&it, &w));
	assert_int_equal(w.sectors, ALL);
	assert_int_equal(SECTOR(0), 1);
	assert_int_equal(SECTOR(1), 3);
	assert_int_equal(SECTOR(2), 3);
	assert_int_equal(SECTOR(3), 2);
	assert_int_equal(SECTOR(4), 4);
	assert_true(blkrepl_epoch_next(&it, &w));
	assert_int_equal(SECTOR(0), 6);
	assert_int_equal(SECTOR(1), 5);
	expect(&it, 0, 8, 1, ZEROES, ALL);
	assert_true(blkrepl_epoch_next(&it, &w));
	assert_int_equal(w.block, 9);
	assert_int_equal(w.sectors, ALL);
	assert_int_equal(SECTOR(7), 7);
	assert_int_equal(SECTOR(0), 0);
	assert_false(blkrepl_epoch_next(&it, &w));
	close_epoch(&e);
}

static void zeroes_in_order(void **state)
{
	struct blkrepl_epoch_iter it;
	struct blkrepl_epoch e;
	struct blkrepl_write w;

	open_epoch(&e);
	add(&e, 1, 20, ALL, 0);		/* data that are zero */
	add(&e, 1, 21, 0x11, 0);
	add(&e, 1, 12, ALL, 1);		/* zeroed later */
	zero(&e, 1, 10, 4, ZEROES);
	zero(&e, 1, 14, 2, DISCARD);	/* adjacent, of another kind */
	zero(&e, 1, 16, 2, DISCARD);	/* and of the same */
	add(&e, 1, 11, ALL, 2);		/* cuts it in two */
	zero(&e, 0, 0, 1ULL << 33, DISCARD);
	add(&e, 0, 5, ALL, 3);
	add(&e, 2, 0, ALL, 4);
	assert_int_equal(e.nr_zeroes, 3);
	blkrepl_epoch_sort(&e);
	blkrepl_epoch_walk(&e, &it);
	expect(&it, 0, 0, 5, DISCARD, ALL);
	expect(&it, 0, 5, 1, DATA, ALL);
	expect(&it, 0, 6, ~0u, DISCARD, ALL);
	assert_true(blkrepl_epoch_next(&it, &w));
	assert_int_equal(w.block + w.nr, 1ULL << 33);
	expect(&it, 1, 10, 1, ZEROES, ALL);
	expect(&it, 1, 11, 1, DATA, ALL);
	expect(&it, 1, 12, 2, ZEROES, ALL);
	expect(&it, 1, 14, 4, DISCARD, ALL);
	expect(&it, 1, 20, 1, ZEROES, ALL);
	expect(&it, 1, 21, 1, ZEROES, 0x11);
	expect(&it, 2, 0, 1, DATA, ALL);
	assert_false(blkrepl_epoch_next(&it, &w));
	close_epoch(&e);
}

/* A range that two kinds overlap reads as zeroes; a large one takes records with it. */
static void ranges_unite(void **state)
{
	struct blkrepl_epoch_iter it;
	struct blkrepl_epoch e;
	struct blkrepl_write w;
	u64 i;

	open_epoch(&e);
	for (i = 0; i < 100; i++)
		add(&e, i & 1, i, ALL, 1);
	zero(&e, 0, 10, 10, DISCARD);
	zero(&e, 0, 40, 10, DISCARD);
	zero(&e, 0, 15, 30, ZEROES);
	assert_int_equal(e.nr_zeroes, 1);
	assert_int_equal(e.nr_recs, 80);
	zero(&e, 1, 50, 1000, ZEROES);
	assert_int_equal(e.nr_recs, 55);
	zero(&e, 1, 0, 1000, ZEROES);
	assert_int_equal(e.nr_recs, 30);
	zero(&e, 0, 0, 10, DISCARD);
	zero(&e, 0, 50, 1ULL << 40, DISCARD);
	assert_int_equal(e.nr_recs, 0);
	blkrepl_epoch_sort(&e);
	blkrepl_epoch_walk(&e, &it);
	expect(&it, 0, 0, 10, DISCARD, ALL);
	expect(&it, 0, 10, 40, ZEROES, ALL);
	for (i = 0; i < 300 && blkrepl_epoch_next(&it, &w) && !w.member; i++)
		;
	assert_int_equal(w.member, 1);
	assert_int_equal(w.nr, 1050);
	assert_false(blkrepl_epoch_next(&it, &w));
	close_epoch(&e);
}

static void *block_alloc(void *ctx)
{
	return calloc(1, BLKREPL_BLOCK_SIZE);
}

static void block_free(void *ctx, void *block)
{
	free(block);
}

/* Random writes: through the journal the members become what was written. */
static void random_epochs(void **state)
{
	static struct image want;
	static u8 desc[BLKREPL_BLOCK_SIZE] __attribute__((aligned(8))), payload[BLKREPL_BLOCK_SIZE];
	u64 seed;

	for (seed = 1; seed < 400; seed++) {
		struct rng r = { seed };
		unsigned int i, n = rng_below(&r, 60), k;
		struct blkrepl_chunk chunk[NR_MEMBERS] = { 0 };
		struct blkrepl_dirty dirty[NR_MEMBERS], *behind[NR_MEMBERS];
		struct blkrepl_disk_commit c;
		struct blkrepl_replay rp;
		struct blkrepl_writer w;
		struct blkrepl_epoch e;
		struct blkrepl_point p;
		u64 b;

		memory_init(&m, RING_MAX);
		memset(&m.members, 0xdd, sizeof(m.members));
		for (i = 0; i < NR_MEMBERS; i++)
			m.sectors[i] = MEMBER_BLOCKS * BLKREPL_BLOCK_SECTORS;
		want = m.members;
		open_epoch(&e);
		for (i = 1; i <= n; i++) {
			unsigned int member = rng_below(&r, NR_MEMBERS);
			u64 block = rng_below(&r, 16);
			u32 *s = &want.sector[member][block * BLKREPL_BLOCK_SECTORS];
			u8 sectors = rng_chance(&r, 60) ? ALL : 1 + rng_below(&r, 255);

			if (rng_chance(&r, 25)) {
				u64 nr = 1 + rng_below(&r, 16 - block);

				memset(s, 0, nr * BLKREPL_BLOCK_SECTORS * sizeof(*s));
				zero(&e, member, block, nr, ZEROES + rng_below(&r, 2));
				continue;
			}
			add(&e, member, block, sectors, i % 4 ? i : 0);
			for (k = 0; k < BLKREPL_BLOCK_SECTORS; k++)
				if (sectors >> k & 1)
					s[k] = i % 4 ? i : 0;
		}
		blkrepl_epoch_sort(&e);
		blkrepl_writer_begin(&w, &m.j, 42, 0, blkrepl_epoch_need(&e), memory_alloc,
				     memory_put, &m);
		check_seed(!blkrepl_epoch_write(&e, &w), seed);
		check_seed(w.nr_descs == 0, seed);	/* all in order, so one was enough */
		check_seed(!blkrepl_writer_commit(&w, &c, 1, 2, &p), seed);
		memory_put(&m, p.pos - 1, &c, false);
		check_seed(w.nr_descs == !!n, seed);
		blkrepl_replay_begin(&rp, &m.j, &m.j.base, m.sectors, &memory_ops, &m, desc,
				     payload);
		check_seed(blkrepl_replay_next(&rp) == 1, seed);
		check_seed(!blkrepl_replay_apply(&rp), seed);
		check_seed(!memcmp(&want, &m.members, sizeof(want)), seed);

		/* given up instead, exactly the blocks that were written are behind */
		for (i = 0; i < NR_MEMBERS; i++) {
			behind[i] = &dirty[i];
			blkrepl_dirty_init(&dirty[i], &chunk[i], MEMBER_BLOCKS, block_alloc,
					   block_free, NULL);
		}
		blkrepl_epoch_fold(&e, behind);
		for (i = 0; i < NR_MEMBERS; i++) {
			for (b = 0; b < MEMBER_BLOCKS; b++) {
				bool written = false;

				for (k = 0; k < BLKREPL_BLOCK_SECTORS; k++)
					written |= want.sector[i][b * BLKREPL_BLOCK_SECTORS + k] !=
						   0xdddddddd;
				check_seed(blkrepl_dirty_test(&dirty[i], b) == written, seed);
			}
			blkrepl_dirty_release(&dirty[i]);
		}
		close_epoch(&e);
	}
}

static void cycles(void **state)
{
	struct blkrepl_epoch e;
	u32 rpo, ms, i;

	assert_int_equal(blkrepl_cycle_ms(0), 50);
	assert_int_equal(blkrepl_cycle_ms(1), 250);
	assert_int_equal(blkrepl_cycle_ms(30), 7500);
	assert_int_equal(blkrepl_cycle_ms(~0u), 30000);
	for (rpo = 1; rpo < 1000; rpo++) {
		ms = blkrepl_cycle_ms(rpo);
		assert_true(ms >= 50 && ms <= 30000 && ms <= rpo * 250);
	}
	open_epoch(&e);
	e.opened_ns = 1000;
	assert_false(blkrepl_epoch_due(&e, 1000 + 50 * BLKREPL_NSEC_PER_MSEC - 1, 50));
	assert_true(blkrepl_epoch_due(&e, 1000 + 50 * BLKREPL_NSEC_PER_MSEC, 50));
	e.nr_recs = 16383;
	assert_false(blkrepl_epoch_due(&e, 1000, 50));
	e.nr_recs = 16384;
	assert_true(blkrepl_epoch_due(&e, 1000, 50));
	e.nr_recs = 0;
	for (i = 0; i < BLKREPL_EPOCH_RANGES; i++)
		zero(&e, 0, 2 * i, 1, ZEROES);
	assert_true(blkrepl_epoch_due(&e, 1000, 50));
	blkrepl_epoch_sort(&e);
	close_epoch(&e);
}

static void budgets(void **state)
{
	struct blkrepl_budget b = { .limit = 100, .policy = BLKREPL_OVER_BEHIND };
	u64 delay, last = 0, i;

	assert_int_equal(blkrepl_budget_charge(&b, 100, &delay), BLKREPL_CHARGE_DONE);
	assert_int_equal(delay, 0);
	assert_int_equal(blkrepl_budget_charge(&b, 1, &delay), BLKREPL_CHARGE_FOLD);
	assert_int_equal(b.used, 100);
	b.policy = BLKREPL_OVER_BLOCK;
	assert_int_equal(blkrepl_budget_charge(&b, 1, &delay), BLKREPL_CHARGE_HOLD);
	assert_int_equal(delay, 0);
	blkrepl_budget_return(&b, 1000);
	assert_int_equal(b.used, 0);
	/* one that is larger than all gets through when it is alone */
	assert_int_equal(blkrepl_budget_charge(&b, 1000, &delay), BLKREPL_CHARGE_DONE);
	assert_int_equal(blkrepl_budget_charge(&b, 1, &delay), BLKREPL_CHARGE_HOLD);
	blkrepl_budget_return(&b, 1000);
	/* throttle: nothing up to the half, then more and more, then hold */
	b.policy = BLKREPL_OVER_THROTTLE;
	for (i = 1; i <= 100; i++) {
		assert_int_equal(blkrepl_budget_charge(&b, 1, &delay), BLKREPL_CHARGE_DONE);
		assert_true(i <= 50 ? !delay : delay > last);
		last = delay;
	}
	assert_int_equal(last, BLKREPL_PACE_MAX_NS);
	assert_int_equal(blkrepl_budget_charge(&b, 1, &delay), BLKREPL_CHARGE_HOLD);
}

/* What belongs to a fuzzy epoch, against plain arrays. */
static void fuzzy_epochs(void **state)
{
	u64 seed;

	for (seed = 1; seed < 200; seed++) {
		struct rng r = { seed };
		struct blkrepl_chunk chunk[2] = { 0 };
		bool behind[100] = { false }, left[100] = { false };
		struct blkrepl_backlog b;
		unsigned int i, k;

		blkrepl_dirty_init(&b.behind, &chunk[0], 100, block_alloc, block_free, NULL);
		blkrepl_dirty_init(&b.left, &chunk[1], 100, block_alloc, block_free, NULL);
		for (i = 0; i < 300; i++) {
			u64 at = rng_below(&r, 100), nr = 1 + rng_below(&r, 100 - at);
			unsigned int what = rng_below(&r, 50);
			bool whole = rng_chance(&r, 50);

			if (nr > 5)
				nr = nr % 5 + 1;
			if (at + nr > 100)
				nr = 100 - at;
			if (what == 0) {
				blkrepl_fuzzy_begin(&b);
				memcpy(left, behind, sizeof(left));
			} else if (what == 1) {
				blkrepl_fuzzy_committed(&b);
				blkrepl_fuzzy_abandon(&b);
				memset(behind, 0, sizeof(behind));
				memset(left, 0, sizeof(left));
			} else if (what == 2) {
				blkrepl_fuzzy_abandon(&b);
				memset(left, 0, sizeof(left));
			} else if (what < 25) {
				blkrepl_fuzzy_wrote(&b, at, nr, whole);
				for (k = at; k < at + nr; k++) {
					behind[k] = true;
					left[k] &= !whole;
				}
			} else {
				blkrepl_fuzzy_copied(&b, at, nr);
				for (k = at; k < at + nr; k++)
					left[k] = false;
			}
			for (k = 0; k < 100; k++) {
				check_seed(blkrepl_dirty_test(&b.behind, k) == behind[k], seed);
				check_seed(blkrepl_dirty_test(&b.left, k) == left[k], seed);
				check_seed(behind[k] || !left[k], seed);
			}
		}
		blkrepl_dirty_release(&b.behind);
		blkrepl_dirty_release(&b.left);
	}
}

static void fuzzy_fits(void **state)
{
	struct blkrepl_ring r = { .nr_blocks = 1000, .tail = 0, .head = 500 };

	assert_int_equal(blkrepl_fuzzy_judge(&r, 0, 100), BLKREPL_ROOM_NOW);
	assert_int_equal(blkrepl_fuzzy_judge(&r, 0, 480), BLKREPL_ROOM_LATER);
	assert_int_equal(blkrepl_fuzzy_judge(&r, 0, 900), BLKREPL_ROOM_NEVER);
	assert_int_equal(blkrepl_fuzzy_judge(&r, 600, 480), BLKREPL_ROOM_NEVER);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewrites_cost_nothing),
		cmocka_unit_test(parts_of_a_block),
		cmocka_unit_test(zeroes_in_order),
		cmocka_unit_test(ranges_unite),
		cmocka_unit_test(random_epochs),
		cmocka_unit_test(cycles),
		cmocka_unit_test(budgets),
		cmocka_unit_test(fuzzy_epochs),
		cmocka_unit_test(fuzzy_fits),
	};

	return cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}
