// SPDX-License-Identifier: GPL-2.0
/*
 * Generations: kernel/generation.c.
 *
 * Every short history of two sides is played and compared with what is known
 * from outside: who has gone on since the two were the same last.
 */
#include <stdio.h>

#include "unit.h"
#include "../../kernel/generation.h"

#define DEPTH	8

enum step { FORK_A, FORK_B, MEET_A, MEET_B, TOLD_A, TOLD_B, NR_STEPS };

/* What is true, as opposed to what the sides know. */
struct world {
	struct blkrepl_gens a, b;
	bool a_alone, b_alone;
	/* writes, a bit for each: what each side has, and what its bitmap tells */
	u64 a_data, b_data, a_marks, b_marks, writes;
};

static u64 next_gen;
static unsigned long compared, commons;

static enum blkrepl_gen_relation truth(const struct world *w)
{
	if (w->a_alone)
		return w->b_alone ? BLKREPL_GEN_DIVERGED : BLKREPL_GEN_SOURCE;
	return w->b_alone ? BLKREPL_GEN_TARGET : BLKREPL_GEN_SAME;
}

static enum blkrepl_gen_relation mirrored(enum blkrepl_gen_relation r)
{
	switch (r) {
	case BLKREPL_GEN_SOURCE:
		return BLKREPL_GEN_TARGET;
	case BLKREPL_GEN_TARGET:
		return BLKREPL_GEN_SOURCE;
	default:
		return r;
	}
}

/*
 * A copy that the target knows to be complete and the source does not: what the
 * target's log volume has when the source crashes in between.
 */
static void told(struct blkrepl_gens source, struct blkrepl_gens *target)
{
	blkrepl_gens_meet(&source, target);
}

/* The bit of the next write; of more than 64 since a meeting some share theirs. */
static u64 next_write(struct world *w)
{
	w->writes = w->writes << 1 ?: 1;
	return w->writes;
}

static void play(struct world *w, enum step s)
{
	switch (s) {
	case FORK_A:
		blkrepl_gens_fork(&w->a, ++next_gen);
		w->a_alone = true;
		w->a_data |= next_write(w);
		w->a_marks |= w->writes;
		break;
	case FORK_B:
		blkrepl_gens_fork(&w->b, ++next_gen);
		w->b_alone = true;
		w->b_data |= next_write(w);
		w->b_marks |= w->writes;
		break;
	case MEET_A:
		blkrepl_gens_meet(&w->a, &w->b);
		w->a_data = w->b_data = w->a_marks = w->b_marks = w->writes = 0;
		w->a_alone = w->b_alone = false;
		break;
	case MEET_B:
		blkrepl_gens_meet(&w->b, &w->a);
		w->a_data = w->b_data = w->a_marks = w->b_marks = w->writes = 0;
		w->a_alone = w->b_alone = false;
		break;
	case TOLD_A:
		told(w->a, &w->b);
		w->b_data = w->a_data;
		w->b_marks = 0;
		w->a_alone = w->b_alone = false;
		break;
	case TOLD_B:
		told(w->b, &w->a);
		w->a_data = w->b_data;
		w->a_marks = 0;
		w->a_alone = w->b_alone = false;
		break;
	case NR_STEPS:
		break;
	}
}

/* Where it is said that the bitmaps tell all that differs, they do. */
static void check_common(const struct world *w)
{
	bool common = blkrepl_gens_common(&w->a, &w->b);
	u64 missed = (w->a_data ^ w->b_data) & ~(w->a_marks | w->b_marks);

	assert_true(blkrepl_gens_common(&w->b, &w->a) == common);
	if (common && missed)
		fail_msg("writes 0x%llx differ and no bitmap tells", (unsigned long long)missed);
	commons += common;
}

static void explore(const struct world *before, enum step *path, int depth, enum step end)
{
	static const char *const words[] = { "fork A", "fork B", "meet A>B", "meet B>A",
					     "told A>B", "told B>A" };
	enum blkrepl_gen_relation r = blkrepl_gens_compare(&before->a, &before->b);
	unsigned int s;
	int i;

	compared++;
	if (r != truth(before)) {
		for (i = 0; i < depth; i++)
			print_message("%s\n", words[path[i]]);
		fail_msg("relation %d, in truth %d", r, truth(before));
	}
	assert_int_equal(blkrepl_gens_compare(&before->b, &before->a), mirrored(r));
	check_common(before);
	if (depth == DEPTH)
		return;
	for (s = 0; s < end; s++) {
		struct world w = *before;

		path[depth] = s;
		play(&w, s);
		explore(&w, path, depth + 1, end);
	}
}

static struct world new_world(void)
{
	struct world w = { .a.latest = ++next_gen };

	w.b = w.a;
	return w;
}

static void all_histories(void **state)
{
	struct world w = new_world();
	enum step path[DEPTH];

	compared = 0;
	explore(&w, path, 0, TOLD_A);
	print_message("%lu histories compared, in %lu the bitmaps tell all\n", compared, commons);
	assert_true(commons > compared / 4);
	assert_int_equal(compared, 87381);
}

/* The same with copies of which the target alone knows that they are complete. */
static void source_was_not_told(void **state)
{
	static const enum step steps[] = { FORK_A, FORK_B, MEET_A, TOLD_A };
	unsigned int n, i, count = 0, length = 7, all = 1 << (2 * 7);

	for (n = 0; n < all; n++) {
		struct world w = new_world();

		for (i = 0; i < length; i++) {
			play(&w, steps[n >> (2 * i) & 3]);
			/*
			 * A target that went on from a copy of which the source
			 * never heard is seen as that; the source is never seen
			 * as up to date when it is not, nor the other way round.
			 */
			if (blkrepl_gens_compare(&w.a, &w.b) != truth(&w))
				fail_msg("history %#x, step %u: %d, in truth %d", n, i,
					 blkrepl_gens_compare(&w.a, &w.b), truth(&w));
			count++;
		}
	}
	print_message("%u histories compared\n", count);
}

/* Longer than any history is remembered: still no wrong answer while they know each other. */
static void long_histories(void **state)
{
	u64 seed;

	for (seed = 1; seed < 2000; seed++) {
		struct world w = new_world();
		struct rng r = { seed };
		int i;

		for (i = 0; i < 100; i++) {
			bool alone = w.a_alone || w.b_alone;

			play(&w, alone && rng_chance(&r, 60) ? MEET_A + rng_below(&r, 2) :
							       rng_below(&r, 4));
			if (blkrepl_gens_compare(&w.a, &w.b) == truth(&w))
				continue;
			/* Both forked so often that the common ancestor is forgotten? */
			check_seed(truth(&w) == BLKREPL_GEN_DIVERGED, seed);
			check_seed(blkrepl_gens_compare(&w.a, &w.b) == BLKREPL_GEN_UNRELATED, seed);
		}
	}
}

static void strangers(void **state)
{
	struct blkrepl_gens none = { 0 }, a = { .latest = 1 }, b = { .latest = 2 };
	int i;

	assert_int_equal(blkrepl_gens_compare(&none, &none), BLKREPL_GEN_UNRELATED);
	assert_int_equal(blkrepl_gens_compare(&a, &none), BLKREPL_GEN_UNRELATED);
	assert_int_equal(blkrepl_gens_compare(&none, &a), BLKREPL_GEN_UNRELATED);
	assert_int_equal(blkrepl_gens_compare(&a, &b), BLKREPL_GEN_UNRELATED);
	for (i = 0; i < 12; i++) {
		blkrepl_gens_fork(&a, 100 + i);
		assert_int_equal(blkrepl_gens_compare(&a, &b), BLKREPL_GEN_UNRELATED);
		assert_int_equal(blkrepl_gens_compare(&b, &a), BLKREPL_GEN_UNRELATED);
	}
	/* a third one's data: known to both, base of neither */
	a = (struct blkrepl_gens){ .latest = 5, .history = { 3 } };
	b = (struct blkrepl_gens){ .latest = 6, .history = { 4, 3 } };
	assert_int_equal(blkrepl_gens_compare(&a, &b), BLKREPL_GEN_DIVERGED);
}

/* An older image of a side, put back, is not taken for what the bitmaps know. */
static void old_image(void **state)
{
	struct world w = new_world();
	struct blkrepl_gens old = w.b;

	play(&w, FORK_A);
	play(&w, MEET_A);
	assert_int_equal(blkrepl_gens_compare(&w.a, &old), BLKREPL_GEN_DIVERGED);
	play(&w, FORK_A);
	assert_int_equal(blkrepl_gens_compare(&w.a, &old), BLKREPL_GEN_DIVERGED);
	assert_int_equal(blkrepl_gens_compare(&w.a, &w.b), BLKREPL_GEN_SOURCE);
	play(&w, FORK_A);
	assert_int_equal(blkrepl_gens_compare(&w.a, &old), BLKREPL_GEN_DIVERGED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_histories),
		cmocka_unit_test(source_was_not_told),
		cmocka_unit_test(long_histories),
		cmocka_unit_test(strangers),
		cmocka_unit_test(old_image),
	};

	return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
