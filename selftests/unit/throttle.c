// SPDX-License-Identifier: GPL-2.0
/* The copy engine's pace: kernel/throttle.c. All times here are made up. */
#include "unit.h"
#include "../../kernel/throttle.h"

#define SEC	BLKREPL_NSEC_PER_SEC
#define MIB	(1ULL << 20)

static void no_limit(void **state)
{
	struct blkrepl_throttle t = { 0 };
	u64 i;

	for (i = 0; i < 100; i++)
		assert_int_equal(blkrepl_throttle_take(&t, i * 1000, i, 100 * MIB), 0);
}

static void keeps_the_limit(void **state)
{
	struct blkrepl_throttle t = { .limit = 10 * MIB };
	u64 now = 1000 * SEC, begin = now, i;

	/* Who waits as told to moves exactly the rate. */
	for (i = 0; i < 100; i++)
		now += blkrepl_throttle_take(&t, now, 0, MIB);
	assert_int_equal(now - begin, 10 * SEC);
}

/* Callers that do not wait for each other share one rate. */
static void shared(void **state)
{
	struct blkrepl_throttle t = { .limit = 4 * MIB };
	u64 now = 5 * SEC;

	assert_int_equal(blkrepl_throttle_take(&t, now, 0, MIB), SEC / 4);
	assert_int_equal(blkrepl_throttle_take(&t, now, 0, MIB), SEC / 2);
	assert_int_equal(blkrepl_throttle_take(&t, now + SEC / 4, 0, MIB), SEC / 2);
}

static void pause_earns_nothing(void **state)
{
	struct blkrepl_throttle t = { .limit = MIB };
	u64 now = SEC;

	assert_int_equal(blkrepl_throttle_take(&t, now, 0, MIB), SEC);
	now += 3600 * SEC;
	assert_int_equal(blkrepl_throttle_take(&t, now, 0, MIB), SEC);
	assert_int_equal(blkrepl_throttle_take(&t, now, 0, 0), SEC);
}

static void yields_to_users(void **state)
{
	struct blkrepl_throttle t = { .limit = 100 * MIB, .yield = 10 * MIB };
	u64 now = 7 * SEC;

	assert_int_equal(blkrepl_throttle_rate(&t, now, 0), 100 * MIB);
	assert_int_equal(blkrepl_throttle_rate(&t, now, 1), 10 * MIB);
	assert_int_equal(blkrepl_throttle_rate(&t, now + BLKREPL_YIELD_NS - 1, 1), 10 * MIB);
	assert_int_equal(blkrepl_throttle_rate(&t, now + BLKREPL_YIELD_NS, 1), 100 * MIB);
	/* the counter may move either way, it only has to move */
	assert_int_equal(blkrepl_throttle_rate(&t, now + SEC, 0), 10 * MIB);
	assert_int_equal(blkrepl_throttle_take(&t, now + SEC, 0, MIB), SEC / 10);
	assert_int_equal(blkrepl_throttle_take(&t, now + 2 * SEC, 0, MIB), SEC / 100);
}

static void yield_is_no_promotion(void **state)
{
	struct blkrepl_throttle t = { .limit = MIB, .yield = 5 * MIB };

	assert_int_equal(blkrepl_throttle_rate(&t, SEC, 1), MIB);
	t.limit = 0;
	assert_int_equal(blkrepl_throttle_rate(&t, SEC, 2), 5 * MIB);
	assert_int_equal(blkrepl_throttle_rate(&t, 2 * SEC, 2), 0);
	t.yield = 0;
	assert_int_equal(blkrepl_throttle_rate(&t, 2 * SEC, 3), 0);
}

/* A limit that was taken away leaves no debt; one that is changed counts from then on. */
static void changes_of_the_limit(void **state)
{
	struct blkrepl_throttle t = { .limit = 1 };
	u64 now = SEC;

	assert_int_equal(blkrepl_throttle_take(&t, now, 0, 1000), 1000 * SEC);
	t.limit = 0;
	assert_int_equal(blkrepl_throttle_take(&t, now, 0, MIB), 0);
	t.limit = MIB;
	assert_int_equal(blkrepl_throttle_take(&t, now, 0, MIB), SEC);
}

/* Any rate, any amount that the engine asks for: the mean rate is kept within rounding. */
static void random_rates(void **state)
{
	u64 seed;

	for (seed = 1; seed < 200; seed++) {
		struct rng r = { seed };
		struct blkrepl_throttle t = { .limit = 1 + (rng_u64(&r) >> rng_below(&r, 63)) };
		u64 now = rng_below(&r, SEC), begin = now, bytes = 0, i;
		double expected;

		for (i = 0; i < 50; i++) {
			u64 n = 4096 * (1 + rng_below(&r, 256));

			bytes += n;
			now += blkrepl_throttle_take(&t, now, 0, n);
		}
		expected = (double)bytes * SEC / t.limit;
		check_seed((double)(now - begin) <= expected + 1 &&
			   (double)(now - begin) >= expected * 0.999999 - 51, seed);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_limit),
		cmocka_unit_test(keeps_the_limit),
		cmocka_unit_test(shared),
		cmocka_unit_test(pause_earns_nothing),
		cmocka_unit_test(yields_to_users),
		cmocka_unit_test(yield_is_no_promotion),
		cmocka_unit_test(changes_of_the_limit),
		cmocka_unit_test(random_rates),
	};

	return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
