// SPDX-License-Identifier: GPL-2.0
/* The two halves of a relationship, step by step through the operations. */
#include "unit.h"
#include "../../kernel/role.h"
#include "../../kernel/state.h"

#define T	BLKREPL_LINK_TARGET_SIDE
#define P	BLKREPL_LINK_PENDING
#define FB	BLKREPL_LINK_FAILING_BACK
#define RE	BLKREPL_LINK_RESTORING
#define TORN	BLKREPL_LINK_TORN
#define D	BLKREPL_LINK_DISSOLVED

enum { C = BLKREPL_HALF_CLOSED, H = BLKREPL_HALF_HIDDEN, O = BLKREPL_HALF_OPEN };

struct half {
	unsigned int state;
	u32 flags;
	int access;
};

/*
 * What is durable on the two sides after each step: first where both began. A
 * crash can leave any line; never may it leave both open but where they part.
 */
struct step {
	struct half a, b;
};

static const struct step split[] = {
	{ { 4, 0, O }, { 4, T, C } },
	{ { 7, 0, O }, { 4, T, C } },
	{ { 7, 0, O }, { 7, T, O } },
};

static const struct step failover[] = {
	{ { 4, 0, O }, { 4, T, C } },
	{ { 10, P, H }, { 4, T, C } },
	{ { 10, P, H }, { 10, T, O } },
	{ { 10, 0, C }, { 10, T, O } },
};

static const struct step failback[] = {
	{ { 10, 0, C }, { 10, T, O } },
	{ { 3, FB | TORN, C }, { 10, T, O } },
	{ { 3, FB | TORN, C }, { 3, T | FB, O } },
	{ { 4, FB, C }, { 3, T | FB, O } },
	{ { 4, FB, C }, { 4, T | FB, O } },
	{ { 4, FB, C }, { 4, T | P, H } },
	{ { 4, 0, O }, { 4, T | P, H } },
	{ { 4, 0, O }, { 4, T, C } },
};

static const struct step reverse[] = {
	{ { 4, 0, O }, { 4, T, C } },
	{ { 4, T | P, H }, { 4, T, C } },
	{ { 4, T | P, H }, { 4, 0, O } },
	{ { 4, T, C }, { 4, 0, O } },
};

static const struct step reverse_failed_over[] = {
	{ { 10, 0, C }, { 10, T, O } },
	{ { 3, T | TORN, C }, { 10, T, O } },
	{ { 3, T | TORN, C }, { 3, 0, O } },
	{ { 4, T, C }, { 3, 0, O } },
	{ { 4, T, C }, { 4, 0, O } },
};

static const struct step restore[] = {
	{ { 7, 0, O }, { 7, T, O } },
	{ { 7, 0, O }, { 3, T | RE, C } },
	{ { 3, RE | TORN, H }, { 3, T | RE, C } },
	{ { 3, 0, O }, { 3, T | RE, C } },
	{ { 3, 0, O }, { 3, T, C } },
	{ { 4, 0, O }, { 4, T, C } },
};

static const struct step resync[] = {
	{ { 7, 0, O }, { 13, T, O } },
	{ { 7, 0, O }, { 3, T | TORN, C } },
	{ { 3, 0, O }, { 3, T | TORN, C } },
	{ { 3, 0, O }, { 4, T, C } },
	{ { 4, 0, O }, { 4, T, C } },
};

static const struct step dissolve[] = {
	{ { 4, 0, O }, { 4, T, C } },
	{ { 7, D, O }, { 4, T, C } },
	{ { 7, D, O }, { 7, T | D, O } },
};

static const struct step dissolve_failed_over[] = {
	{ { 10, 0, C }, { 10, T, O } },
	{ { 10, 0, C }, { 13, T | D, O } },
	{ { 7, D, O }, { 13, T | D, O } },
};

static const struct step dissolve_unfinished[] = {
	{ { 3, 0, O }, { 3, T | TORN, C } },
	{ { 6, D, O }, { 3, T | TORN, C } },
	{ { 6, D, O }, { 6, T | TORN | D, C } },
};

static const struct step pair_again[] = {
	{ { 7, D, O }, { 13, T | D, O } },
	{ { 7, D, O }, { 3, T | TORN, C } },
	{ { 3, 0, O }, { 3, T | TORN, C } },
	{ { 4, 0, O }, { 4, T, C } },
};

static bool parted(const struct half *h)
{
	return h->state == 6 || h->state == 7 || h->state == 13;
}

static void walk(const struct step *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int a = blkrepl_half_access(s[i].a.state, s[i].a.flags);
		int b = blkrepl_half_access(s[i].b.state, s[i].b.flags);

		assert_int_equal(a, s[i].a.access);
		assert_int_equal(b, s[i].b.access);
		if (a == O && b == O)
			assert_true(parted(&s[i].a) && parted(&s[i].b));
	}
}

static void steps(void **state)
{
	walk(split, ARRAY_SIZE(split));
	walk(failover, ARRAY_SIZE(failover));
	walk(failback, ARRAY_SIZE(failback));
	walk(reverse, ARRAY_SIZE(reverse));
	walk(reverse_failed_over, ARRAY_SIZE(reverse_failed_over));
	walk(restore, ARRAY_SIZE(restore));
	walk(resync, ARRAY_SIZE(resync));
	walk(dissolve, ARRAY_SIZE(dissolve));
	walk(dissolve_failed_over, ARRAY_SIZE(dissolve_failed_over));
	walk(dissolve_unfinished, ARRAY_SIZE(dissolve_unfinished));
	walk(pair_again, ARRAY_SIZE(pair_again));
}

/* A side in the middle of a copy is never open, whatever else is said of it. */
static void torn_is_never_open(void **state)
{
	u32 flags, n = 0;
	unsigned int st;

	for (st = 0; st < 20; st++)
		for (flags = 0; flags < 1u << 16; flags++) {
			int access = blkrepl_half_access(st, flags);

			if (flags & (TORN | P | RE))
				assert_int_not_equal(access, O);
			if (access == C)
				assert_true(strlen(blkrepl_half_explain(st, flags)) > 20);
			n += access == O;
		}
	assert_true(n > 0);
}

/* The other half's flags follow, and followed twice they are what they were. */
static void mirrored_flags(void **state)
{
	const u32 sides = T | TORN | BLKREPL_LINK_INCONSISTENT;
	u32 flags;

	for (flags = 0; flags < 1u << 16; flags++) {
		u32 other = blkrepl_half_mirror(flags), again = blkrepl_half_mirror(other);
		bool apart = (flags & BLKREPL_LINK_CONSISTENCY) && (flags & BLKREPL_LINK_APART);
		bool inconsistent = apart ||
			(flags & (BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY));

		assert_true(!(other & T) == !!(flags & T));
		assert_true(!(other & TORN) == !inconsistent);
		assert_false(other & (P | BLKREPL_LINK_OVERWRITE | BLKREPL_LINK_TRACKED_ZERO));
		assert_int_equal(other & D, flags & D);
		if (!(flags & BLKREPL_LINK_FIRST_COPY) && !apart)
			assert_int_equal(again & sides, flags & sides);
	}
}

/* Only a target that was never written by itself nor left in the middle of a copy. */
static void replays(void **state)
{
	unsigned int s;

	for (s = 0; s < 32; s++) {
		assert_int_equal(blkrepl_half_replays(s, T), !blkrepl_state_parted(s));
		assert_false(blkrepl_half_replays(s, 0));
		assert_false(blkrepl_half_replays(s, T | TORN));
		assert_false(blkrepl_half_replays(s, T | BLKREPL_LINK_INCONSISTENT));
	}
	assert_true(blkrepl_half_replays(BLKREPL_COPY_STATE_SYNCHRONIZED, T));
	assert_true(blkrepl_half_replays(BLKREPL_COPY_STATE_UNSYNCHRONIZED, T));
	assert_false(blkrepl_half_replays(BLKREPL_COPY_STATE_FAILEDOVER, T));
	assert_false(blkrepl_half_replays(BLKREPL_COPY_STATE_SPLIT, T));
}

static void told(void **state)
{
	assert_false(blkrepl_half_told(10, P, 4, T));
	assert_true(blkrepl_half_told(10, P, 10, T));
	assert_false(blkrepl_half_told(4, T | P, 4, T));
	assert_true(blkrepl_half_told(4, T | P, 4, 0));
	assert_false(blkrepl_half_told(4, T | P, 4, FB));
	assert_false(blkrepl_half_told(7, 0, 4, T));
	assert_true(blkrepl_half_told(7, 0, 13, T));
	assert_true(blkrepl_half_told(6, 0, 10, T));
	assert_false(blkrepl_half_told(7, D, 7, T));
	assert_false(blkrepl_half_told(13, T | D, 10, 0));
	assert_true(blkrepl_half_told(7, D, 13, T | D));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(torn_is_never_open),
		cmocka_unit_test(mirrored_flags),
		cmocka_unit_test(replays),
		cmocka_unit_test(told),
	};

	return cmocka_run_group_tests_name("role", tests, NULL, NULL);
}
