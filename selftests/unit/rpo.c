// SPDX-License-Identifier: GPL-2.0
/* Recovery-point objectives: kernel/rpo.c, histogram.c. All times here are made up. */
#include "unit.h"
#include "../../kernel/rpo.h"

#define SEC	BLKREPL_NSEC_PER_SEC
#define MS	1000000ULL

static struct blkrepl_rpo r;

static void buckets(void **state)
{
	u64 v;
	u32 last = 0, b;

	for (v = 0; v <= 0xffffffff; v += v < 100000 ? 1 : v / 1000) {
		b = blkrepl_hist_bucket((u32)v);
		assert_true(b < BLKREPL_HIST_BUCKETS && b >= last);
		assert_true(blkrepl_hist_upper(b) >= v);
		assert_true(!b || blkrepl_hist_upper(b - 1) < v);
		assert_true(blkrepl_hist_upper(b) - v <= v / 8);
		last = b;
	}
	assert_int_equal(blkrepl_hist_bucket(~0u), BLKREPL_HIST_BUCKETS - 1);
	assert_int_equal(blkrepl_hist_upper(BLKREPL_HIST_BUCKETS - 1), ~0u);
}

static int by_value(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

/* Quantiles of random values, against sorting them. */
static void quantiles(void **state)
{
	static struct blkrepl_hist h[3];
	static u32 all[500];
	u64 seed;

	memset(h, 0, sizeof(h));
	assert_int_equal(blkrepl_hist_quantile(h, 3, 500), 0);
	for (seed = 1; seed < 300; seed++) {
		struct rng rng = { seed };
		u32 n = 1 + rng_below(&rng, 500), i, p, exact, got;

		memset(h, 0, sizeof(h));
		for (i = 0; i < n; i++) {
			all[i] = rng_u64(&rng) >> (32 + rng_below(&rng, 32));
			blkrepl_hist_add(&h[rng_below(&rng, 3)], all[i]);
		}
		qsort(all, n, sizeof(all[0]), by_value);
		for (p = 0; p <= 1000; p += 10) {
			i = (n * p + 999) / 1000;
			exact = all[i ? i - 1 : 0];
			got = blkrepl_hist_quantile(h, 3, p);
			check_seed(got >= exact && got - exact <= exact / 8, seed);
		}
		check_seed(blkrepl_hist_quantile(h, 3, 1000) == all[n - 1], seed);
	}
}

static void full_bucket(void **state)
{
	static struct blkrepl_hist h;
	u32 i;

	memset(&h, 0, sizeof(h));
	for (i = 0; i < 70000; i++)
		blkrepl_hist_add(&h, 3);
	assert_int_equal(h.n, 65535);
	assert_int_equal(blkrepl_hist_quantile(&h, 1, 500), 3);
}

static void life_of_an_objective(void **state)
{
	u64 t = 1000 * SEC;

	blkrepl_rpo_init(&r, t, 8);
	assert_int_equal(r.state, BLKREPL_RPO_STATE_UNKNOWN);
	assert_int_equal(blkrepl_rpo_tick(&r, t + SEC, 0), 0);
	assert_int_equal(blkrepl_rpo_age(&r, t + SEC), 0);
	t += 2 * SEC;
	assert_int_equal(blkrepl_rpo_point(&r, t, t - SEC, 77), BLKREPL_RPO_EV_KNOWN);
	assert_int_equal(r.state, BLKREPL_RPO_STATE_MET);
	assert_int_equal(r.point_us, 77);
	assert_int_equal(blkrepl_rpo_age(&r, t), SEC);
	t -= SEC;	/* the time of the recovery point */
	assert_int_equal(blkrepl_rpo_tick(&r, t + 6 * SEC, 0), 0);
	assert_int_equal(blkrepl_rpo_tick(&r, t + 6 * SEC + 1, 0), BLKREPL_RPO_EV_AT_RISK);
	assert_int_equal(blkrepl_rpo_tick(&r, t + 8 * SEC, 0), 0);
	assert_int_equal(blkrepl_rpo_tick(&r, t + 8 * SEC + 1, 0), BLKREPL_RPO_EV_EXCEEDED);
	assert_int_equal(r.violations, 1);
	assert_int_equal(blkrepl_rpo_violated(&r, t + 11 * SEC), 3 * SEC);
	/* an older recovery point changes nothing */
	assert_int_equal(blkrepl_rpo_point(&r, t + 11 * SEC, t - 1, 5), 0);
	assert_int_equal(r.point_us, 77);
	/* one that is still too old */
	assert_int_equal(blkrepl_rpo_point(&r, t + 11 * SEC, t + 1, 78), 0);
	/* the violation ends, and it stays at risk for as long as the objective */
	assert_int_equal(blkrepl_rpo_point(&r, t + 12 * SEC, t + 11 * SEC, 79),
			 BLKREPL_RPO_EV_MET | BLKREPL_RPO_EV_AT_RISK);
	assert_int_equal(r.violated_ns, 4 * SEC);
	assert_int_equal(blkrepl_rpo_violated(&r, t + 30 * SEC), 4 * SEC);
	assert_int_equal(r.worst_ns, 12 * SEC - 1);
	assert_int_equal(blkrepl_rpo_point(&r, t + 15 * SEC, t + 15 * SEC, 80), 0);
	assert_int_equal(blkrepl_rpo_tick(&r, t + 20 * SEC - 1, 0), 0);
	assert_int_equal(blkrepl_rpo_tick(&r, t + 20 * SEC, 0), BLKREPL_RPO_EV_SAFE);
	assert_int_equal(r.state, BLKREPL_RPO_STATE_MET);
	assert_int_equal(blkrepl_rpo_point(&r, t + 20 * SEC, t + 19 * SEC, 80), 0);
	/* nobody looked for a long time: the violation began all the same when it began */
	assert_int_equal(blkrepl_rpo_tick(&r, t + 119 * SEC, 0), BLKREPL_RPO_EV_EXCEEDED);
	assert_int_equal(blkrepl_rpo_violated(&r, t + 119 * SEC), 4 * SEC + 92 * SEC);
	assert_int_equal(r.violations, 2);
	assert_int_equal(r.worst_ns, 100 * SEC);
	/* the target is inconsistent */
	assert_int_equal(blkrepl_rpo_lost(&r, t + 120 * SEC), BLKREPL_RPO_EV_UNKNOWN);
	assert_int_equal(r.violated_ns, 4 * SEC + 93 * SEC);
	assert_int_equal(blkrepl_rpo_violated(&r, t + 200 * SEC), r.violated_ns);
	assert_int_equal(blkrepl_rpo_point(&r, t + 200 * SEC, t + 200 * SEC, 81),
			 BLKREPL_RPO_EV_KNOWN);
}

/* A violation that nobody saw, for the next recovery point ended it. */
static void unseen_violation(void **state)
{
	blkrepl_rpo_init(&r, 0, 4);
	blkrepl_rpo_point(&r, 0, 0, 1);
	assert_int_equal(blkrepl_rpo_point(&r, 10 * SEC, 10 * SEC, 2),
			 BLKREPL_RPO_EV_EXCEEDED | BLKREPL_RPO_EV_MET | BLKREPL_RPO_EV_AT_RISK);
	assert_int_equal(r.violations, 1);
	assert_int_equal(r.violated_ns, 6 * SEC);
}

static void other_objectives(void **state)
{
	blkrepl_rpo_init(&r, 0, 0);
	assert_int_equal(blkrepl_rpo_point(&r, 0, 0, 1), 0);
	assert_int_equal(r.state, BLKREPL_RPO_STATE_UNKNOWN);
	assert_int_equal(blkrepl_rpo_set(&r, 5 * SEC, 10), BLKREPL_RPO_EV_KNOWN);
	assert_int_equal(r.state, BLKREPL_RPO_STATE_MET);
	/* a violation is not dated back before the objective was set */
	assert_int_equal(blkrepl_rpo_set(&r, 6 * SEC, 2), BLKREPL_RPO_EV_EXCEEDED);
	assert_int_equal(r.violations, 1);
	assert_int_equal(blkrepl_rpo_violated(&r, 7 * SEC), SEC);
	/* still violated by another one: it is the same violation */
	assert_int_equal(blkrepl_rpo_set(&r, 8 * SEC, 3), 0);
	assert_int_equal(r.violations, 1);
	assert_int_equal(blkrepl_rpo_violated(&r, 9 * SEC), 3 * SEC);
	assert_int_equal(blkrepl_rpo_set(&r, 9 * SEC, 100), BLKREPL_RPO_EV_MET);
	assert_int_equal(r.violated_ns, 3 * SEC);
	assert_int_equal(blkrepl_rpo_set(&r, 9 * SEC, 0), BLKREPL_RPO_EV_UNKNOWN);
}

static void paces(void **state)
{
	u64 last = 0, d, ms;

	blkrepl_rpo_init(&r, 0, 4);
	assert_int_equal(blkrepl_rpo_pace(&r, 100 * SEC, SEC), 0);
	blkrepl_rpo_point(&r, 0, 0, 1);
	for (ms = 0; ms < 5000; ms++) {
		d = blkrepl_rpo_pace(&r, ms * MS, SEC);
		assert_true(d >= last);
		assert_true(ms <= 3000 ? !d : ms >= 4000 ? d == BLKREPL_PACE_HOLD : d < SEC);
		last = d;
	}
	r.objective_ns = 0;
	assert_int_equal(blkrepl_rpo_pace(&r, 100 * SEC, SEC), 0);
}

static void catching_up(void **state)
{
	u64 t, backlog = 100 << 20;

	blkrepl_rpo_init(&r, 0, 4);
	assert_int_equal(blkrepl_rpo_catch_up(&r), 0);
	blkrepl_rpo_tick(&r, SEC, backlog);
	assert_int_equal(blkrepl_rpo_catch_up(&r), BLKREPL_NEVER);
	for (t = 2; t < 60; t++) {
		backlog -= 1 << 20;
		blkrepl_rpo_tick(&r, t * SEC, backlog);
	}
	/* one MiB a second, 42 of them */
	assert_in_range(blkrepl_rpo_catch_up(&r), 41 * SEC, 44 * SEC);
	for (; t < 90; t++)
		blkrepl_rpo_tick(&r, t * SEC, backlog += 4096);
	assert_int_equal(blkrepl_rpo_catch_up(&r), BLKREPL_NEVER);
	blkrepl_rpo_tick(&r, t * SEC, 0);
	assert_int_equal(blkrepl_rpo_catch_up(&r), 0);
	blkrepl_rpo_tick(&r, (t + 1) * SEC, ~0ULL >> 1);
	blkrepl_rpo_tick(&r, (t + 2) * SEC, (~0ULL >> 1) - 100);
	blkrepl_rpo_catch_up(&r);
}

#define DAY_MAX 90000
static u32 ages[DAY_MAX];

static u32 exact(u32 n, u32 span, u32 permille)
{
	static u32 sorted[DAY_MAX];
	u32 k = n < span ? n : span, i;

	memcpy(sorted, ages + n - k, k * sizeof(u32));
	qsort(sorted, k, sizeof(u32), by_value);
	i = (k * permille + 999) / 1000;
	return sorted[i ? i - 1 : 0];
}

static bool near(u32 got, u32 want)
{
	return got >= want && got - want <= want / 8;
}

/* A day and more of saw teeth with disturbances, sampled each second. */
static void figures(void **state)
{
	struct blkrepl_rpo_figures f;
	struct rng rng = { 5 };
	u64 t, point = 0;
	u32 n, span;

	blkrepl_rpo_init(&r, 0, 8);
	blkrepl_rpo_figures(&r, BLKREPL_RPO_DAY, &f);
	assert_int_equal(f.samples + f.max + f.p50, 0);
	blkrepl_rpo_point(&r, 0, 0, 1);
	for (n = 1; n < DAY_MAX; n++) {
		t = n * SEC;
		if (!rng_chance(&rng, n % 7000 < 300 ? 97 : 40)) {
			point = t - rng_below(&rng, 900) * MS;
			blkrepl_rpo_point(&r, t, point, n);
		}
		blkrepl_rpo_tick(&r, t, 0);
		ages[n - 1] = (t - r.point_ns) / MS;
		if (n != 30 && n != 1000 && n != 3600 && n != 20000 && n % 44444)
			continue;
		blkrepl_rpo_figures(&r, BLKREPL_RPO_MINUTE, &f);
		assert_int_equal(f.samples, n < 60 ? n : 60);
		assert_int_equal(f.p50, exact(n, 60, 500));
		assert_int_equal(f.p95, exact(n, 60, 950));
		assert_int_equal(f.p99, exact(n, 60, 990));
		assert_int_equal(f.max, exact(n, 60, 1000));
		blkrepl_rpo_figures(&r, BLKREPL_RPO_HOUR, &f);
		span = f.samples;
		assert_true(span == n || (span > 3300 && span <= 3600));
		assert_true(near(f.p50, exact(n, span, 500)));
		assert_true(near(f.p95, exact(n, span, 950)));
		assert_true(near(f.p99, exact(n, span, 990)));
		assert_int_equal(f.max, exact(n, span, 1000));
		blkrepl_rpo_figures(&r, BLKREPL_RPO_DAY, &f);
		span = f.samples;
		assert_true(span == n || (span > 23 * 3600 && span <= 24 * 3600));
		assert_true(near(f.p50, exact(n, span, 500)));
		assert_true(near(f.p99, exact(n, span, 990)));
		assert_int_equal(f.max, exact(n, span, 1000));
	}
	/* a tick that comes late stands for what it missed */
	blkrepl_rpo_tick(&r, t + 100 * SEC, 0);
	blkrepl_rpo_figures(&r, BLKREPL_RPO_MINUTE, &f);
	assert_int_equal(f.max, (t + 100 * SEC - r.point_ns) / MS);
	assert_int_equal(f.max - f.p50, 30000);
	blkrepl_rpo_tick(&r, t + 1000000 * SEC, 0);
	assert_int_equal(r.nr_samples, n - 1 + 100 + 86400);
}

/* Random points and ticks, against a violation kept by hand. */
static void random_times(void **state)
{
	u64 seed;

	for (seed = 1; seed < 300; seed++) {
		struct rng rng = { seed };
		u64 t = 0, point = 0, violated = 0, violations = 0, objective, i;

		objective = 1 + rng_below(&rng, 5);
		blkrepl_rpo_init(&r, 0, objective);
		blkrepl_rpo_point(&r, 0, 0, 0);
		for (i = 0; i < 200; i++) {
			t += rng_below(&rng, 3 * SEC);
			if (rng_chance(&rng, 50)) {
				blkrepl_rpo_tick(&r, t, rng_below(&rng, 1000));
				continue;
			}
			if (t - point > objective * SEC)
				violated += t - point - objective * SEC;
			violations += t - point > objective * SEC;
			point = t;
			blkrepl_rpo_point(&r, t, point, i);
			check_seed(r.violated_ns == violated && r.violations == violations, seed);
			check_seed(r.state != BLKREPL_RPO_STATE_EXCEEDED, seed);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(full_bucket),
		cmocka_unit_test(life_of_an_objective),
		cmocka_unit_test(unseen_violation),
		cmocka_unit_test(other_objectives),
		cmocka_unit_test(paces),
		cmocka_unit_test(catching_up),
		cmocka_unit_test(figures),
		cmocka_unit_test(random_times),
	};

	return cmocka_run_group_tests_name("rpo", tests, NULL, NULL);
}
