// SPDX-License-Identifier: GPL-2.0
/*
 * The adaptive mode's controller, against traces of a target's latency:
 * kernel/adaptive.c. Time passes in steps of a millisecond.
 */
#include "unit.h"
#include "../../kernel/adaptive.h"

#define MS		1000000ULL
#define LIMIT		(20 * MS)
#define HOLD		(10000 * MS)
#define WINDOW		(1000 * MS)
#define LOW		(1ULL << 20)
#define QUEUE		4096

/* A source that writes, and a target that answers when the trace says */
static struct {
	struct blkrepl_adaptive a;
	struct rng rng;
	u64 now;
	u64 epoch;
	u64 backlog;
	u64 rate, drain;	/* bytes a millisecond, written and sent */
	bool failed;
	u64 end[QUEUE];		/* requests in flight: when they end */
	u64 begin[QUEUE];
	bool direct[QUEUE];
	unsigned int n;
	u64 worst;		/* longest wait of a writer */
	u64 to_async, to_sync;
	enum blkrepl_adaptive_reason reasons[64];
} w;

static void start(void)
{
	memset(&w, 0, sizeof(w));
	w.rng.state = 1;
	w.now = 5000 * MS;
	w.rate = 1000;
	w.drain = 10000;
	blkrepl_adaptive_init(&w.a, w.now, LIMIT, HOLD, WINDOW, LOW);
}

static void note(enum blkrepl_adaptive_state was)
{
	unsigned int k;

	if (was == BLKREPL_ADAPTIVE_SYNC) {
		w.reasons[w.to_async++ % 64] = w.a.reason;
		/* whoever waits for the target goes on without it */
		for (k = 0; k < w.n; k++)
			if (w.direct[k] && w.now - w.begin[k] > w.worst)
				w.worst = w.now - w.begin[k];
	} else if (w.a.state == BLKREPL_ADAPTIVE_SYNC) {
		w.to_sync++;
	}
}

static void decide(void)
{
	struct blkrepl_adaptive_input in = {
		.failed = w.failed, .backlog = w.backlog, .epoch = w.epoch,
		.drained = !w.backlog && w.a.state == BLKREPL_ADAPTIVE_RETURNING,
	};
	enum blkrepl_adaptive_state was = w.a.state;
	unsigned int k;

	for (k = 0; k < w.n; k++)
		if (w.direct[k] && w.now - w.begin[k] > in.oldest_ns)
			in.oldest_ns = w.now - w.begin[k];
	if (in.oldest_ns < LIMIT && w.now % (20 * MS))
		return;
	if (blkrepl_adaptive_decide(&w.a, w.now, &in)) {
		assert_true(w.a.reason != BLKREPL_ADAPTIVE_NO_REASON);
		assert_true(*blkrepl_adaptive_explain(w.a.reason));
		note(was);
	}
}

/* A millisecond in which requests take @latency on the average. */
static void tick(u64 latency)
{
	u64 jitter = latency / 2;
	unsigned int k;

	w.now += MS;
	for (k = 0; k < w.n;) {
		if (w.end[k] > w.now) {
			k++;
			continue;
		}
		blkrepl_adaptive_sample(&w.a, w.now, w.end[k] - w.begin[k]);
		if (w.direct[k] && w.a.state == BLKREPL_ADAPTIVE_SYNC &&
		    w.end[k] - w.begin[k] > w.worst)
			w.worst = w.end[k] - w.begin[k];
		w.n--;
		w.end[k] = w.end[w.n];
		w.begin[k] = w.begin[w.n];
		w.direct[k] = w.direct[w.n];
	}
	if (w.a.state != BLKREPL_ADAPTIVE_SYNC) {
		u64 rate = w.a.state == BLKREPL_ADAPTIVE_RETURNING ? 0 : w.rate;

		w.backlog += rate;
		w.backlog -= w.backlog < w.drain ? w.backlog : w.drain;
		w.epoch += w.now % (250 * MS) == 0;
	}
	if (w.n < QUEUE && rng_chance(&w.rng, 70)) {
		w.begin[w.n] = w.now;
		w.end[w.n] = w.now + latency - jitter / 2 + (jitter ? rng_below(&w.rng, jitter) : 0);
		w.direct[w.n] = w.a.state == BLKREPL_ADAPTIVE_SYNC;
		w.n++;
	}
	decide();
}

static void run(u64 ms, u64 latency)
{
	while (ms--)
		tick(latency);
}

/* 0, 5, 200, 5 ms: one switch for the step up and one for the step down. */
static void steps(void **state)
{
	start();
	run(20000, 0);
	assert_int_equal(w.a.switches, 0);
	run(60000, 5 * MS);
	assert_int_equal(w.a.switches, 0);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_SYNC);
	run(60000, 200 * MS);
	assert_int_equal(w.a.switches, 1);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_ASYNC);
	assert_int_equal(w.reasons[0], BLKREPL_ADAPTIVE_OVERDUE);
	run(9000, 5 * MS);
	assert_int_equal(w.a.switches, 1);
	run(60000, 5 * MS);
	assert_int_equal(w.a.switches, 2);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_SYNC);
	assert_int_equal(w.a.reason, BLKREPL_ADAPTIVE_DRAINED);
	/* nobody waited longer than the limit, but for the step of time */
	assert_true(w.worst <= LIMIT + MS);
}

static void slow_rise(void **state)
{
	u64 l;

	start();
	for (l = 0; l <= 40; l++)
		run(2000, l * MS);
	assert_int_equal(w.to_async, 1);
	for (; l; l--)
		run(2000, l * MS);
	run(30000, MS);
	assert_int_equal(w.a.switches, 2);
	assert_true(w.worst <= LIMIT + MS);
}

static void every_step(void **state)
{
	static const u64 levels[] = { 0, 1, 5, 7, 30, 100, 200, 1000 };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(levels); i++)
		for (k = 0; k < ARRAY_SIZE(levels); k++) {
			u64 before;

			start();
			run(30000, levels[i] * MS);
			before = w.a.switches;
			assert_true(before <= 1);
			run(30000, levels[k] * MS);
			assert_true(w.a.switches - before <= 2);
			assert_int_equal(w.a.state == BLKREPL_ADAPTIVE_SYNC, levels[k] < 10);
			assert_true(w.worst <= LIMIT + MS);
		}
}

/* A target that is fast for a while and slow for a while is tried less and less. */
static void no_flapping(void **state)
{
	u64 cycle, last = 0;

	start();
	for (cycle = 0; cycle < 60; cycle++) {
		run(15000, MS);
		run(1000, 100 * MS);
		if (cycle == 10)
			last = w.a.switches;
	}
	assert_true(w.a.switches < 8);
	assert_true(last >= 2);
	/* when it has been well for long, it is synchronous, and trusted again */
	run(400000, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_SYNC);
	run(3000000, MS);
	run(1000, 100 * MS);
	assert_int_equal(w.a.doubled, 0);
	run(15000, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_SYNC);
}

/* One write in two hundred is late: asynchronous at once, and back only when it was quiet. */
static void outliers(void **state)
{
	unsigned int i;

	start();
	for (i = 0; i < 600; i++) {
		run(200, 2 * MS);
		tick(60 * MS);
	}
	assert_true(w.a.switches < 12);
	assert_true(w.worst <= LIMIT + MS);
}

static void failed_leg(void **state)
{
	start();
	run(1000, MS);
	w.failed = true;
	run(100, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_ASYNC);
	assert_int_equal(w.reasons[0], BLKREPL_ADAPTIVE_FAILED);
	run(60000, MS);
	assert_int_equal(w.a.switches, 1);
	w.failed = false;
	run(9000, MS);
	assert_int_equal(w.a.switches, 1);
	run(3000, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_SYNC);
}

/* A backlog that does not shrink keeps it asynchronous, and one that is not drained. */
static void backlog_keeps_it_away(void **state)
{
	start();
	run(1000, MS);
	run(100, 100 * MS);
	w.backlog = 100 * LOW;
	w.drain = w.rate;
	run(60000, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_ASYNC);
	w.backlog = LOW / 2;
	run(9000, MS);
	w.drain = 0;
	w.rate = 0;
	run(5000, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_RETURNING);
	run(11000, MS);
	assert_int_equal(w.a.reason, BLKREPL_ADAPTIVE_STUCK);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_ASYNC);
	w.drain = 10000;
	run(25000, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_SYNC);
	assert_int_equal(w.a.switches, 2);
}

/* It gets slow again while what it lacks is being sent: that is no switch. */
static void return_is_called_off(void **state)
{
	start();
	run(1000, MS);
	run(100, 100 * MS);
	w.drain = 0;
	w.rate = 0;
	w.backlog = 4096;
	run(12000, MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_RETURNING);
	run(1500, 100 * MS);
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_ASYNC);
	assert_int_equal(w.a.reason, BLKREPL_ADAPTIVE_SLOW);
	assert_int_equal(w.a.switches, 1);
}

/* Of a target that is not spoken to nothing is known. */
static void silence_is_not_calm(void **state)
{
	start();
	run(1000, MS);
	run(500, 100 * MS);
	while (w.n)
		w.n--;
	w.backlog = 0;
	w.rate = 0;
	for (unsigned int i = 0; i < 60000; i++) {
		w.now += MS;
		decide();
	}
	assert_int_equal(w.a.state, BLKREPL_ADAPTIVE_ASYNC);
}

/* After the switch no epoch is committed while a direct write may still land. */
static void barrier(void **state)
{
	start();
	w.epoch = 17;
	assert_true(blkrepl_adaptive_may_commit(&w.a, 3, 0));
	run(1000, MS);
	run(100, 200 * MS);
	assert_int_equal(w.a.barrier, 17);
	assert_true(blkrepl_adaptive_may_commit(&w.a, 16, 5));
	assert_false(blkrepl_adaptive_may_commit(&w.a, 17, 5));
	assert_false(blkrepl_adaptive_may_commit(&w.a, 18, 1));
	assert_true(blkrepl_adaptive_may_commit(&w.a, 17, 0));
	assert_true(blkrepl_adaptive_may_commit(&w.a, 18, 0));
}

/* Noise of any kind: writers never wait longer, and switches stay rare. */
static void random_traces(void **state)
{
	u64 seed;

	for (seed = 1; seed < 12; seed++) {
		struct rng r = { seed };
		u64 i;

		start();
		for (i = 0; i < 120; i++)
			run(2000 + rng_below(&r, 6000), (1 + rng_below(&r, 60)) * MS);
		check_seed(w.worst <= LIMIT + MS, seed);
		/* ten minutes, hold times of 10, 20, 40, 80, ... seconds */
		check_seed(w.a.switches <= 12, seed);
	}
}

static void reasons(void **state)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		assert_non_null(blkrepl_adaptive_explain(i));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(slow_rise),
		cmocka_unit_test(every_step),
		cmocka_unit_test(no_flapping),
		cmocka_unit_test(outliers),
		cmocka_unit_test(failed_leg),
		cmocka_unit_test(backlog_keeps_it_away),
		cmocka_unit_test(return_is_called_off),
		cmocka_unit_test(silence_is_not_calm),
		cmocka_unit_test(barrier),
		cmocka_unit_test(random_traces),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests_name("adaptive", tests, NULL, NULL);
}
