/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans of operations, what two halves say together, and what a crash leaves to do. */
#include "../../daemon/reconcile.h"
#include "../../daemon/sequence-plan.h"
#include "../../kernel/role.h"
#include "../../kernel/state.h"
#include "daemon-unit.h"

#define STATE(name) BLKREPL_COPY_STATE_##name

static size_t length(const struct step *steps)
{
        size_t n = 0;

        while (steps[n].kind != STEP_END)
                assert_true(++n < SEQUENCE_STEPS_MAX);
        return n;
}

static void test_every_legal_cell_has_a_plan(void **state)
{
        for (unsigned int op = BLKREPL_OP_FIRST; op <= BLKREPL_OP_LAST; op++)
                for (unsigned int s = BLKREPL_STATE_FIRST; s <= BLKREPL_STATE_LAST; s++) {
                        struct blkrepl_cell c = blkrepl_op_cell(BLKREPL_SYNC_MIRROR, op, s);
                        const struct step *steps;
                        size_t n, operates = 0;

                        if (!(c.flags & BLKREPL_CELL_LEGAL) || c.flags & BLKREPL_CELL_SAME)
                                continue;
                        steps = sequence_plan(op, s);
                        assert_non_null(steps);
                        n = length(steps);
                        for (size_t i = 0; i < n; i++)
                                operates += steps[i].kind == STEP_OPERATE;
                        assert_true(operates > 0);
                }
        assert_null(sequence_plan(32, STATE(SYNCHRONIZED)));
        assert_null(sequence_plan(BLKREPL_OPERATION_SPLIT, 32));
}

/* Who gives access away does so before the other side gets it. */
static void test_access_is_given_before_it_is_taken(void **state)
{
        static const struct {
                unsigned int operation, state;
                enum step_side giver, taker;
        } cases[] = {
                { BLKREPL_OPERATION_FAILOVER, STATE(SYNCHRONIZED), STEP_SOURCE, STEP_TARGET },
                { BLKREPL_OPERATION_FAILOVER, STATE(SUSPENDED), STEP_SOURCE, STEP_TARGET },
                { BLKREPL_OPERATION_FAILOVER, STATE(BROKEN), STEP_SOURCE, STEP_TARGET },
                { BLKREPL_OPERATION_FAILOVER, STATE(FAILEDOVER), STEP_SOURCE, STEP_TARGET },
                { BLKREPL_OPERATION_FAILBACK, STATE(UNSYNCHRONIZED), STEP_TARGET, STEP_SOURCE },
                { BLKREPL_OPERATION_REVERSE_ROLES, STATE(SYNCHRONIZED), STEP_SOURCE, STEP_TARGET },
                { BLKREPL_OPERATION_REVERSE_ROLES, STATE(SUSPENDED), STEP_SOURCE, STEP_TARGET },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct step *steps = sequence_plan(cases[i].operation, cases[i].state);
                size_t n = length(steps), operated = n, went = n, came = n;

                for (size_t k = n; k-- > 0;) {
                        if (steps[k].kind == STEP_OPERATE && steps[k].side == cases[i].giver)
                                operated = k;
                        if (steps[k].kind == STEP_DOWN && steps[k].side == cases[i].giver)
                                went = k;
                        if (steps[k].kind == STEP_UP && steps[k].side == cases[i].taker)
                                came = k;
                }
                assert_true(operated < went);
                assert_true(went < came);
                assert_true(came < n);
        }
}

/* It is chosen when the copy has ended, and nobody can read what is half put back. */
static void test_a_source_is_put_back_while_it_is_down(void **state)
{
        static const enum step_kind kinds[] = { STEP_OPERATE, STEP_CHOOSE, STEP_DOWN, STEP_PUT_BACK, STEP_UP, STEP_OPERATE, STEP_END };

        for (unsigned int s = BLKREPL_STATE_FIRST; s <= BLKREPL_STATE_LAST; s++) {
                const struct step *steps = sequence_plan(BLKREPL_OPERATION_ABORT, s);

                for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                        assert_int_equal(steps[i].kind, kinds[i]);
                        if (i > 1 && kinds[i] != STEP_END) {
                                assert_int_equal(steps[i].side, STEP_SOURCE);
                                assert_true(steps[i].flags & STEP_IF_CHOSEN);
                        }
                }
        }
}

/* The mode comes first: an objective without it would be wrong if there is no room for a journal. */
static void test_the_objective_follows_the_mode(void **state)
{
        static const unsigned int operations[] = { BLKREPL_OPERATION_RESET_TO_SYNC, BLKREPL_OPERATION_RESET_TO_ASYNC };

        for (size_t o = 0; o < ELEMENTSOF(operations); o++)
                for (unsigned int s = BLKREPL_STATE_FIRST; s <= BLKREPL_STATE_LAST; s++) {
                        const struct step *steps = sequence_plan(operations[o], s);
                        size_t n = length(steps);

                        assert_int_equal(n, s == STATE(FRACTURED) || s == STATE(SPLIT) || s == STATE(SKEWED) ? 4 : 2);
                        for (size_t i = 0; i < n; i += 2) {
                                assert_int_equal(steps[i].kind, STEP_OPERATE);
                                assert_int_equal(steps[i + 1].kind, STEP_OBJECTIVE);
                                assert_int_equal(steps[i].side, steps[i + 1].side);
                        }
                }
        assert_int_equal(sequence_mode(BLKREPL_OPERATION_RESET_TO_SYNC), BLKREPL_MODE_SYNCHRONOUS);
        assert_int_equal(sequence_mode(BLKREPL_OPERATION_RESET_TO_ASYNC), BLKREPL_MODE_ASYNCHRONOUS);
        assert_int_equal(sequence_mode(BLKREPL_OPERATION_SUSPEND), 0);
}

static struct half half(unsigned int role, unsigned int state)
{
        return (struct half){ .up = true, .known = true, .kernel = { .role = role, .copy_state = state, .bytes_total = 100 } };
}

static const struct half down;
#define SOURCE(name) half(BLKREPL_ROLE_SOURCE, STATE(name))
#define TARGET(name) half(BLKREPL_ROLE_TARGET, STATE(name))

static void test_the_module_tells_the_roles(void **state)
{
        assert_false(halves_are_swapped((struct half[]){ SOURCE(SYNCHRONIZED), down }));
        assert_false(halves_are_swapped((struct half[]){ SOURCE(SPLIT), TARGET(SPLIT) }));
        assert_false(halves_are_swapped((struct half[]){ TARGET(SPLIT), TARGET(SPLIT) }));
        assert_false(halves_are_swapped((struct half[]){ down, TARGET(FAILEDOVER) }));
        assert_false(halves_are_swapped((struct half[]){ down, down }));
        assert_true(halves_are_swapped((struct half[]){ TARGET(SPLIT), SOURCE(SPLIT) }));
        assert_true(halves_are_swapped((struct half[]){ down, SOURCE(SYNCHRONIZED) }));
        assert_true(halves_are_swapped((struct half[]){ TARGET(SYNCHRONIZED), down }));
}

static void test_who_stands_for_both(void **state)
{
        assert_int_equal(halves_driver((struct half[]){ SOURCE(SYNCHRONIZED), down }, SIDE_TARGET), SIDE_SOURCE);
        assert_int_equal(halves_driver((struct half[]){ SOURCE(SPLIT), TARGET(SKEWED) }, SIDE_TARGET), SIDE_SOURCE);
        assert_int_equal(halves_driver((struct half[]){ SOURCE(FAILEDOVER), TARGET(FAILEDOVER) }, SIDE_SOURCE), SIDE_TARGET);
        assert_int_equal(halves_driver((struct half[]){ down, TARGET(FAILEDOVER) }, SIDE_SOURCE), SIDE_TARGET);
        assert_int_equal(halves_driver((struct half[]){ down, down }, SIDE_TARGET), SIDE_TARGET);
}

static unsigned int combined(const struct half *h, enum side driver, uint64_t *dirty)
{
        struct kernel_relationship k;

        halves_combine(h, driver, &k);
        assert_int_equal(k.backlog_bytes, k.bytes_dirty);
        if (dirty)
                *dirty = k.bytes_dirty;
        return k.copy_state;
}

static void test_both_halves_together(void **state)
{
        struct half h[N_SIDES] = { SOURCE(SPLIT), TARGET(SPLIT) };
        uint64_t dirty;

        h[SIDE_SOURCE].kernel.bytes_dirty = h[SIDE_SOURCE].kernel.backlog_bytes = 30;
        h[SIDE_TARGET].kernel.bytes_dirty = 40;
        assert_int_equal(combined(h, SIDE_SOURCE, &dirty), STATE(SPLIT));
        assert_int_equal(dirty, 70);
        h[SIDE_TARGET].kernel.copy_state = STATE(SKEWED);
        h[SIDE_TARGET].kernel.bytes_dirty = 90;
        assert_int_equal(combined(h, SIDE_SOURCE, &dirty), STATE(SKEWED));
        assert_int_equal(dirty, 100);
        /* What is down is as it was last. */
        h[SIDE_TARGET].up = false;
        assert_int_equal(combined(h, SIDE_SOURCE, NULL), STATE(SKEWED));
        h[SIDE_TARGET].known = false;
        assert_int_equal(combined(h, SIDE_SOURCE, &dirty), STATE(SPLIT));
        assert_int_equal(dirty, 30);

        /* Failing back ends when the source serves again. */
        h[SIDE_SOURCE] = down;
        h[SIDE_TARGET] = TARGET(SYNCHRONIZED);
        h[SIDE_TARGET].kernel.progress_status = BLKREPL_PROGRESS_STATUS_FAILING_BACK;
        assert_int_equal(combined(h, SIDE_TARGET, NULL), STATE(UNSYNCHRONIZED));
}

static void check_remainder(struct half source, struct half target, bool source_closed, bool target_closed,
                            unsigned int operation, unsigned int state, enum side side)
{
        struct remainder r = reconcile((struct half[]){ source, target }, (bool[]){ source_closed, target_closed }, false, false);

        assert_int_equal(r.operation, operation);
        if (!operation)
                return;
        assert_int_equal(r.state, state);
        assert_int_equal(r.source, side);
        assert_non_null(sequence_plan(r.operation, r.state));
}

static void test_what_is_left_to_do(void **state)
{
        struct half pending = TARGET(SYNCHRONIZED), back = TARGET(SYNCHRONIZED);

        pending.kernel.pending = true;
        back.kernel.progress_status = BLKREPL_PROGRESS_STATUS_FAILING_BACK;

        check_remainder(SOURCE(SYNCHRONIZED), down, false, false, 0, 0, 0);
        check_remainder(SOURCE(SPLIT), TARGET(SKEWED), false, false, 0, 0, 0);
        check_remainder(down, TARGET(FAILEDOVER), true, false, 0, 0, 0);
        check_remainder(down, down, true, true, 0, 0, 0);
        check_remainder(down, TARGET(SPLIT), false, false, 0, 0, 0);

        check_remainder(SOURCE(FAILEDOVER), down, false, false, BLKREPL_OPERATION_FAILOVER, STATE(FAILEDOVER), SIDE_SOURCE);
        check_remainder(SOURCE(FAILEDOVER), TARGET(SPLIT), false, false, BLKREPL_OPERATION_FAILOVER, STATE(FAILEDOVER), SIDE_SOURCE);
        check_remainder(down, TARGET(SKEWED), true, false, BLKREPL_OPERATION_FAILOVER, STATE(SKEWED), SIDE_SOURCE);
        check_remainder(down, back, true, false, BLKREPL_OPERATION_FAILBACK, STATE(UNSYNCHRONIZED), SIDE_SOURCE);
        check_remainder(TARGET(SPLIT), TARGET(SPLIT), false, false, BLKREPL_OPERATION_REVERSE_ROLES, STATE(SPLIT), SIDE_SOURCE);
        check_remainder(pending, down, false, false, BLKREPL_OPERATION_REVERSE_ROLES, STATE(SYNCHRONIZED), SIDE_SOURCE);
        check_remainder(down, pending, true, false, BLKREPL_OPERATION_REVERSE_ROLES, STATE(SYNCHRONIZED), SIDE_TARGET);
        check_remainder(SOURCE(FRACTURED), down, false, true, BLKREPL_OPERATION_FRACTURE, STATE(FRACTURED), SIDE_SOURCE);
        back.kernel.copy_state = STATE(UNSYNCHRONIZED);
        check_remainder(down, back, true, false, 0, 0, 0);
}

static void test_what_has_told_does_not_tell_again(void **state)
{
        const struct half h[N_SIDES] = { SOURCE(FRACTURED), down };

        assert_int_equal(reconcile(h, (bool[]){ false, true }, true, false).operation, 0);
}

/* Whoever was not told is told, and nothing else is done to what was dissolved. */
static void test_what_is_left_of_dissolving(void **state)
{
        static const bool open[N_SIDES], target_closed[N_SIDES] = { false, true };
        struct half h[N_SIDES] = { SOURCE(SPLIT), TARGET(SKEWED) };

        assert_int_equal(reconcile(h, open, false, true).operation, BLKREPL_OPERATION_DISSOLVE);
        h[SIDE_SOURCE].kernel.dissolved = true;
        assert_int_equal(reconcile(h, open, false, true).operation, BLKREPL_OPERATION_DISSOLVE);
        assert_int_equal(reconcile(h, open, false, true).driver, SIDE_TARGET);
        /* The database does not know. */
        assert_int_equal(reconcile(h, open, false, false).operation, BLKREPL_OPERATION_DISSOLVE);
        h[SIDE_TARGET].kernel.dissolved = true;
        assert_int_equal(reconcile(h, open, false, true).operation, 0);
        h[SIDE_TARGET] = down;
        assert_int_equal(reconcile(h, open, false, true).operation, 0);
        assert_int_equal(reconcile(h, target_closed, false, true).operation, BLKREPL_OPERATION_DISSOLVE);
        assert_int_equal(reconcile(h, target_closed, true, true).operation, 0);
        /* One that flows was made a relationship again. */
        h[SIDE_SOURCE] = SOURCE(UNSYNCHRONIZED);
        assert_int_equal(reconcile(h, open, false, true).operation, 0);
}

/* Both sides are to know it: only a target that is lost, or never was the same, is told later. */
static void test_dissolving_reaches_both_sides(void **state)
{
        static const unsigned int connected[] = { STATE(INACTIVE), STATE(SYNCHRONIZED), STATE(SUSPENDED), STATE(FAILEDOVER) };
        static const unsigned int apart[] = { STATE(FRACTURED), STATE(SPLIT), STATE(SKEWED) };

        for (size_t i = 0; i < ELEMENTSOF(connected); i++) {
                const struct step *s = sequence_plan(BLKREPL_OPERATION_DISSOLVE, connected[i]);

                while (s->kind != STEP_ATTACH)
                        assert_int_not_equal((s++)->kind, STEP_OPERATE);
                assert_false(s->flags & (STEP_OPTIONAL | STEP_LATER));
                assert_int_equal(s[1].kind, STEP_OPERATE);
                assert_int_equal(s[1].side, s->side);
        }
        for (size_t i = 0; i < ELEMENTSOF(apart); i++) {
                const struct step *s = sequence_plan(BLKREPL_OPERATION_DISSOLVE, apart[i]);

                for (size_t k = 0; k < N_SIDES; k++) {
                        assert_int_equal(s[k].kind, STEP_OPERATE);
                        assert_int_equal(s[k].side, k == SIDE_SOURCE ? STEP_SOURCE : STEP_TARGET);
                        assert_int_equal(s[k].flags, STEP_IF_UP);
                }
                assert_int_equal(s[2].kind, STEP_ATTACH);
                assert_int_equal(s[2].flags, STEP_IF_ALONE | STEP_OPTIONAL);
        }
        assert_ptr_equal(sequence_plan(BLKREPL_OPERATION_DISSOLVE, STATE(BROKEN)), sequence_plan(BLKREPL_OPERATION_FRACTURE, STATE(BROKEN)));
        assert_ptr_equal(sequence_plan(BLKREPL_OPERATION_DISSOLVE, STATE(UNSYNCHRONIZED)),
                         sequence_plan(BLKREPL_OPERATION_FRACTURE, STATE(UNSYNCHRONIZED)));
}

static void test_who_may_come_up(void **state)
{
        struct half h[N_SIDES] = { down, down };

        assert_true(reconcile_may_come_up(h, SIDE_SOURCE));
        assert_true(reconcile_may_come_up(h, SIDE_TARGET));
        h[SIDE_SOURCE] = SOURCE(SUSPENDED);
        assert_false(reconcile_may_come_up(h, SIDE_TARGET));
        h[SIDE_SOURCE] = SOURCE(SPLIT);
        assert_true(reconcile_may_come_up(h, SIDE_TARGET));
        h[SIDE_SOURCE].kernel.connected = true;
        assert_false(reconcile_may_come_up(h, SIDE_TARGET));
        h[SIDE_SOURCE] = down;
        h[SIDE_TARGET] = TARGET(FAILEDOVER);
        assert_false(reconcile_may_come_up(h, SIDE_SOURCE));
}

static void test_what_is_to_be_connected(void **state)
{
        struct half h[N_SIDES] = { SOURCE(BROKEN), down };

        assert_int_equal(reconcile_to_connect(h, SIDE_SOURCE), SIDE_SOURCE);
        h[SIDE_SOURCE].kernel.connected = true;
        assert_int_equal(reconcile_to_connect(h, SIDE_SOURCE), N_SIDES);
        h[SIDE_SOURCE] = SOURCE(SPLIT);
        assert_int_equal(reconcile_to_connect(h, SIDE_SOURCE), N_SIDES);
        h[SIDE_SOURCE] = down;
        h[SIDE_TARGET] = TARGET(FAILEDOVER);
        assert_int_equal(reconcile_to_connect(h, SIDE_TARGET), N_SIDES);
        h[SIDE_TARGET] = TARGET(BROKEN);
        assert_int_equal(reconcile_to_connect(h, SIDE_TARGET), SIDE_TARGET);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_legal_cell_has_a_plan),
                cmocka_unit_test(test_access_is_given_before_it_is_taken),
                cmocka_unit_test(test_a_source_is_put_back_while_it_is_down),
                cmocka_unit_test(test_the_objective_follows_the_mode),
                cmocka_unit_test(test_the_module_tells_the_roles),
                cmocka_unit_test(test_who_stands_for_both),
                cmocka_unit_test(test_both_halves_together),
                cmocka_unit_test(test_what_is_left_to_do),
                cmocka_unit_test(test_what_has_told_does_not_tell_again),
                cmocka_unit_test(test_what_is_left_of_dissolving),
                cmocka_unit_test(test_dissolving_reaches_both_sides),
                cmocka_unit_test(test_who_may_come_up),
                cmocka_unit_test(test_what_is_to_be_connected),
        };

        return cmocka_run_group_tests_name("daemon-sequence", tests, NULL, NULL);
}
