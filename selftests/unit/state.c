// SPDX-License-Identifier: GPL-2.0
/*
 * States and operations: kernel/state.c.
 *
 * The table below is written down here a second time, in the words of the
 * specification and independent of the code, so that the two can be compared: by
 * this test cell by cell, and by eye. A cell is the resulting CopyState; a▸b
 * passes through a and ends in b; "=" nothing to do; "–" refused; F only with
 * Force; ' roles change places; del the relationship is removed; "·" the state
 * stays; † only if the target is consistent; § likewise, and with Force, for the
 * target may lag; ¶ only while a copy runs or is unfinished; * only to a
 * consistent point that was kept, of which there are none yet; drain what is in
 * flight is completed first; ‡ not before both sides were the same once; ‖ with
 * Force if one side has changes that would be lost; ◦ only when nothing is left to
 * be copied; †F with Force if the target is not consistent. B and R are the columns of
 * a copy to the source, failing back and restoring; they have a say in other states, too,
 * if it was interrupted. D is what is left after Dissolve, whatever the state. Snapshots
 * and clones never have an operation without a line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../tools/operations.h"
#include "unit.h"
#include "../../kernel/names.h"

static const char header[] =
	"|                      | 2   | 11  | 8   | 3       | 4       | 9    | 6    | 7    | 10      | 12  | 13   | 5     | 3B      | 3R      | 7D      |";

static const char *const table[] = {
	"| Activate 4           | 3▸4 | 3▸4 | 3▸4 | =       | =       | –    | –    | –    | –       | –   | –    | –     | –       | –       | –       |",
	"| Deactivate 7         | –   | 8   | =   | 8       | 8       | 8    | –    | –    | –       | –   | –    | 8     | –       | –       | –       |",
	"| Suspend 22           | –   | –   | –   | 9       | 9       | =    | –    | –    | –       | –   | –    | 9     | 9       | 9       | –       |",
	"| Resume 16            | –   | –   | –   | =       | =       | 3▸4  | –    | –    | –       | –   | –    | –     | =       | =       | –       |",
	"| Fracture 12          | –   | –   | 6   | 6 F     | 6       | 6    | =    | =    | –       | –   | =    | 6     | –       | –       | –       |",
	"| Split 21             | –   | –   | 7 † | drain▸7 ‡ | 7       | 7 †  | –    | =    | –       | –   | –    | –     | –       | –       | –       |",
	"| ResyncReplica 14     | –   | –   | –   | =       | =       | –    | 3▸4  | 3▸4  | –       | 3▸4 | 3▸4  | 3▸4   | –       | –       | 3▸4 ‖   |",
	"| RestoreFromReplica 15| –   | –   | –   | –       | –       | –    | 3▸4 †  | 3▸4 †  | –       | –   | 3▸4 †  | –     | –       | =       | –       |",
	"| Failover 10          | –   | –   | 10 §| – *     | 10      | 10 § | 10 § | 10 § | =       | –   | 10 § | 10 §  | –       | –       | –       |",
	"| Failback 11          | –   | –   | –   | –       | =       | –    | –    | –    | 3▸4 ‖   | –   | –    | –     | =       | –       | –       |",
	"| ReverseRoles 20      | –   | –   | –   | –       | 4'      | 9' † ‖ | 6' † ‖ | 7' † ‖ | 3'▸4' ‖ | –   | –    | –     | –       | –       | –       |",
	"| Abort 2              | 12  | 12  | 12  | 12      | –       | 12 ¶ | 12 ¶ | 12 ¶ | –       | =   | –    | 12    | 10      | 12      | –       |",
	"| Unprepare 23         | 11  | =   | 11  | 11 F    | –       | 11 F | –    | –    | –       | 11  | –    | 11    | –       | –       | –       |",
	"| Detach 8             | del | del | del | del F   | del     | del  | del  | del  | del F   | del | del  | del F | del F   | del F   | del     |",
	"| Dissolve 9           | –   | –   | del †F | del F   | del     | del †F | del †F | del  | del F   | –   | del  | del F | –       | –       | =       |",
	"| ResetToSync 17       | ·   | ·   | ·   | drain▸4 | drain▸4 | ·    | ·    | ·    | ·       | ·   | ·    | ·     | drain▸4 | drain▸4 | –       |",
	"| ResetToAsync 18      | ·   | ·   | ·   | ·       | ·       | ·    | ·    | ·    | ·       | ·   | ·    | ·     | ·       | ·       | –       |",
	"| ActivateConsistency 3| ·   | ·   | ·   | ·       | ·       | ·    | ·    | ·    | ·       | ·   | ·    | ·     | ·       | ·       | –       |",
	"| DeactivateConsistency 6| · | ·   | ·   | ·       | ·       | ·    | ·    | ·    | ·       | ·   | ·    | ·     | ·       | ·       | –       |",
	"| AddSyncPair 5        | ·   | ·   | ·   | –       | ·       | ·    | –    | –    | –       | ·   | –    | –     | –       | –       | –       |",
	"| RemoveSyncPair 13    | ·   | ·   | ·   | –       | ·       | ·    | –    | –    | –       | ·   | –    | –     | –       | –       | –       |",
	"| ReturnToResourcePool 19| – | –   | –   | –       | –       | –    | –    | –    | –       | –   | –    | –     | –       | –       | –       |",
};

static const char *const snapshot_table[] = {
	"| Activate 4           | 4   | 4   | 4   | =       | =       | –    | –    | –    | –       | –   | –    | –     |",
	"| Deactivate 7         | –   | –   | =   | –       | 8       | –    | –    | –    | –       | –   | 8    | –     |",
	"| Suspend 22           | –   | –   | –   | 9       | –       | =    | –    | –    | –       | –   | –    | –     |",
	"| Resume 16            | –   | –   | –   | =       | =       | 3▸4  | –    | –    | –       | –   | –    | –     |",
	"| ResyncReplica 14     | –   | –   | –   | –       | 4       | –    | –    | –    | –       | –   | 4    | –     |",
	"| RestoreFromReplica 15| –   | –   | –   | –       | 4       | –    | –    | –    | –       | –   | 4    | –     |",
	"| Detach 8             | –   | –   | –   | –       | del ◦   | –    | –    | –    | –       | –   | del ◦| –     |",
	"| Dissolve 9           | –   | –   | –   | –       | del ◦   | –    | –    | –    | –       | –   | del ◦| –     |",
	"| ReturnToResourcePool 19| del | del | del | del   | del     | del  | del  | del  | del     | del | del  | del   |",
	"| ActivateConsistency 3| ·   | ·   | ·   | ·       | ·       | ·    | ·    | ·    | ·       | ·   | ·    | ·     |",
	"| DeactivateConsistency 6| · | ·   | ·   | ·       | ·       | ·    | ·    | ·    | ·       | ·   | ·    | ·     |",
	"| AddSyncPair 5        | ·   | ·   | ·   | –       | ·       | ·    | –    | –    | –       | ·   | –    | –     |",
	"| RemoveSyncPair 13    | ·   | ·   | ·   | –       | ·       | ·    | –    | –    | –       | ·   | –    | –     |",
};

static const char *const clone_table[] = {
	"| Activate 4           | 3▸4 | 3▸4 | 3▸4 | =       | =       | –    | –    | –    | –       | –   | –    | –     |",
	"| Deactivate 7         | –   | 8   | =   | 8       | 8       | 8    | –    | –    | –       | –   | –    | 8     |",
	"| Suspend 22           | –   | –   | –   | 9       | –       | =    | –    | –    | –       | –   | –    | –     |",
	"| Resume 16            | –   | –   | –   | =       | =       | 3▸4  | –    | –    | –       | –   | –    | –     |",
	"| ResyncReplica 14     | –   | –   | –   | –       | 3▸4     | –    | –    | –    | –       | 3▸4 | 3▸4  | 3▸4   |",
	"| RestoreFromReplica 15| –   | –   | –   | –       | 3▸4     | –    | –    | –    | –       | –   | 3▸4  | –     |",
	"| Abort 2              | 12  | 12  | 12  | 12      | –       | 12   | –    | –    | –       | =   | –    | 12    |",
	"| Detach 8             | –   | –   | –   | –       | del ◦   | –    | –    | –    | –       | –   | del ◦| –     |",
	"| Dissolve 9           | –   | –   | –   | –       | del ◦   | –    | –    | –    | –       | –   | del ◦| –     |",
	"| ActivateConsistency 3| ·   | ·   | ·   | ·       | ·       | ·    | ·    | ·    | ·       | ·   | ·    | ·     |",
	"| DeactivateConsistency 6| · | ·   | ·   | ·       | ·       | ·    | ·    | ·    | ·       | ·   | ·    | ·     |",
	"| AddSyncPair 5        | ·   | ·   | ·   | –       | ·       | ·    | –    | –    | –       | ·   | –    | –     |",
	"| RemoveSyncPair 13    | ·   | ·   | ·   | –       | ·       | ·    | –    | –    | –       | ·   | –    | –     |",
};

/* What this version carries out. */
static const unsigned char built[] = {
	2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23,
};

/*
 * State by state what an event makes of it; 0: the two cannot meet.
 * lost, a pair lost, back (automatic), back (manual), copy done, grew, target written
 */
static const unsigned char events[][1 + BLKREPL_NR_EVENTS] = {
	{ 2, 2, 2, 2, 2, 0, 2, 2 },
	{ 3, 5, 14, 3, 3, 4, 3, 3 },
	{ 4, 5, 14, 4, 4, 0, 3, 4 },
	{ 5, 5, 5, 3, 9, 0, 5, 5 },
	{ 6, 6, 6, 6, 6, 0, 6, 13 },
	{ 7, 7, 7, 7, 7, 0, 7, 13 },
	{ 8, 8, 8, 8, 8, 0, 8, 8 },
	{ 9, 9, 9, 9, 9, 0, 9, 9 },
	{ 10, 10, 10, 10, 10, 0, 10, 10 },
	{ 11, 11, 11, 11, 11, 0, 11, 11 },
	{ 12, 12, 12, 12, 12, 0, 12, 12 },
	{ 13, 13, 13, 13, 13, 0, 13, 13 },
	{ 14, 5, 14, 14, 14, 0, 14, 14 },
};

enum { TYPE_FIRST = 6, MIRROR = 0, NR_TYPES = 3 };
enum {
	BACK = BLKREPL_STATE_FAILING_BACK,
	RESTORING = BLKREPL_STATE_RESTORING,
	DISSOLVED = BLKREPL_STATE_DISSOLVED,
};

static unsigned int column_state[OPERATIONS_NR_STATES];
/* by kind, operation and state; NULL where no column has the state, or no line the operation */
static char *words[NR_TYPES][32][32];
/* The last columns, by operation */
static char *beside[32][OPERATIONS_NR_BESIDE];

static unsigned int beside_column(unsigned int state)
{
	return state & BACK ? 0 : state & RESTORING ? 1 : 2;
}

/* Split a line at its bars; the cells without the blanks around them. */
static void split(const char *line, void (*cell)(void *ctx, int i, const char *s), void *ctx)
{
	char buf[64];
	int i = 0;

	for (line++; *line; line++) {
		size_t n = strcspn(line, "|"), from = 0, to = n;

		while (from < to && line[from] == ' ')
			from++;
		while (to > from && line[to - 1] == ' ')
			to--;
		snprintf(buf, sizeof(buf), "%.*s", (int)(to - from), line + from);
		cell(ctx, i++, buf);
		line += n;
	}
}

static void header_cell(void *ctx, int i, const char *s)
{
	if (i)
		column_state[i - 1] = atoi(s) | (strchr(s, 'B') ? BACK : 0) |
				      (strchr(s, 'R') ? RESTORING : 0) |
				      (strchr(s, 'D') ? DISSOLVED : 0);
}

struct parsing {
	unsigned int type, op;
};

static void table_cell(void *ctx, int i, const char *s)
{
	struct parsing *p = ctx;

	if (!i) {
		size_t n = strcspn(s, " 0123456789");

		p->op = atoi(s + n + strspn(s + n, " "));
		assert_int_equal(strlen(blkrepl_operation_title(p->op)), n);
		assert_memory_equal(s, blkrepl_operation_title(p->op), n);
		return;
	}
	assert_true(i <= OPERATIONS_NR_STATES);
	if (column_state[i - 1] >= 32) {
		beside[p->op][beside_column(column_state[i - 1])] = strdup(s);
		return;
	}
	assert_null(words[p->type][p->op][column_state[i - 1]]);
	words[p->type][p->op][column_state[i - 1]] = strdup(s);
}

static int parse_tables(void **state)
{
	static const struct {
		const char *const *line;
		unsigned int count;
	} tables[NR_TYPES] = {
		{ table, ARRAY_SIZE(table) },
		{ snapshot_table, ARRAY_SIZE(snapshot_table) },
		{ clone_table, ARRAY_SIZE(clone_table) },
	};
	struct parsing p = {};
	unsigned int i, op;

	split(header, header_cell, NULL);
	for (p.type = 0; p.type < NR_TYPES; p.type++) {
		for (i = 0; i < tables[p.type].count; i++)
			split(tables[p.type].line[i], table_cell, &p);
		/*
		 * Hosts that do not see each other, and pairs that differ, stand in
		 * the column of a broken link.
		 */
		for (op = 0; op < 32; op++)
			if (words[p.type][op][5]) {
				words[p.type][op][14] = strdup(words[p.type][op][5]);
				words[p.type][op][16] = strdup(words[p.type][op][5]);
			}
	}
	return 0;
}

static int free_tables(void **state)
{
	int t, i, k;

	for (i = 0; i < 32; i++) {
		for (t = 0; t < NR_TYPES; t++)
			for (k = 0; k < 32; k++)
				free(words[t][i][k]);
		for (k = 0; k < OPERATIONS_NR_BESIDE; k++)
			free(beside[i][k]);
	}
	return 0;
}

/* What stands in a cell, NULL where there is none */
static const char *word(unsigned int sync_type, unsigned int op, unsigned int state)
{
	unsigned int t = sync_type - TYPE_FIRST, plain = state & ~(BACK | RESTORING | DISSOLVED);
	const char *own, *column;

	if (t >= NR_TYPES || op >= 32 || plain >= 32)
		return NULL;
	own = words[t][op][plain];
	if (t != MIRROR || plain == state || !beside[op][0])
		return own;
	column = beside[op][beside_column(state)];
	if (state & DISSOLVED)
		return column[0] == '3' && (plain == 3 || plain == 4 || plain == 14) ? "=" : column;
	/* In the state of the column it is the column; elsewhere what is refused is refused. */
	if (plain == 3 || !strcmp(column, "–"))
		return column;
	if (op == (state & BACK ? BLKREPL_OPERATION_FAILBACK : BLKREPL_OPERATION_RESTORE_FROM_REPLICA))
		return plain == 4 || plain == 14 ? "=" : "3▸4";
	return op == BLKREPL_OPERATION_ABORT && (state & BACK) ? "10" : own;
}

static bool has(const char *text, const char *mark)
{
	return strstr(text, mark);
}

static bool is_built(unsigned int sync_type, unsigned int op)
{
	return sync_type == 6 && memchr(built, op, sizeof(built));
}

/* What a cell's text means for an operation that is carried out. */
static enum blkrepl_verdict meaning(const char *text, const struct blkrepl_situation *s)
{
	if (!text || !strncmp(text, "–", strlen("–")))
		return BLKREPL_VERDICT_WRONG_STATE;
	if (!strcmp(text, "="))
		return BLKREPL_VERDICT_DONE;
	if (has(text, "¶") && !s->unfinished)
		return BLKREPL_VERDICT_WRONG_STATE;
	/* Force or not, what is not consistent is not opened for writing. */
	if (((has(text, "†") && !has(text, "†F")) || has(text, "§")) && !s->consistent)
		return BLKREPL_VERDICT_INCONSISTENT;
	if (has(text, "‡") && s->first_copy)
		return BLKREPL_VERDICT_INCONSISTENT;
	if (has(text, "◦") && s->unfinished)
		return BLKREPL_VERDICT_INCONSISTENT;
	if ((has(text, " F") || (has(text, "§") && s->lags) || (has(text, "†F") && !s->consistent)) &&
	    !s->force)
		return BLKREPL_VERDICT_NEEDS_FORCE;
	if (has(text, "‖") && s->unique && !s->force)
		return BLKREPL_VERDICT_LOSES;
	return BLKREPL_VERDICT_GO;
}

static void table_is_whole(void **state)
{
	unsigned int op, i;

	for (i = 0; i < OPERATIONS_NR_STATES; i++)
		assert_int_equal(column_state[i], operations_state[i]);
	for (op = 2; op <= 23; op++)
		for (i = 0; i < OPERATIONS_NR_STATES; i++)
			assert_non_null(word(TYPE_FIRST + MIRROR, op, column_state[i]));
}

/* Whether a line of the tables above lets an operation be tried in some state */
static bool is_known(unsigned int sync_type, unsigned int op)
{
	unsigned int st;

	for (st = 0; st < 32; st++)
		if (word(sync_type, op, st) && strncmp(word(sync_type, op, st), "–", strlen("–")))
			return true;
	return false;
}

static void every_cell(void **state)
{
	unsigned int type, op, n, bits, cells = 0, verdicts = 0;
	struct blkrepl_cell c;
	char text[32];

	for (type = 0; type < 12; type++)
		for (op = 0; op < 32; op++)
			for (n = 0; n < 128; n++) {
				unsigned int st = n % 32 | (n / 32 ? BACK << (n / 32 - 1) : 0);
				const char *expected = word(type, op, st);

				c = blkrepl_op_cell(type, op, st);
				operations_cell(c, text, sizeof(text));
				if (strcmp(text, expected ?: "–"))
					fail_msg("type %u, operation %u, state %u: '%s', not '%s'",
						 type, op, st, text, expected ?: "–");
				cells += expected && n < 32;
				for (bits = 0; bits < 128; bits++) {
					struct blkrepl_situation s = {
						.force = bits & 1,
						.consistent = bits & 2,
						.unfinished = bits & 4,
						.first_copy = bits & 8,
						.lags = bits & 16,
						.unique = bits & 32,
						.unordered = bits & 64,
					};
					enum blkrepl_verdict v = meaning(expected, &s), is;

					is = blkrepl_cell_judge(c, &s);
					if (is != v)
						fail_msg("cell '%s', situation %u: %d, not %d",
							 text, bits, is, v);
					if (!is_known(type, op))
						v = BLKREPL_VERDICT_NOT_SUPPORTED;
					else if (!is_built(type, op))
						v = BLKREPL_VERDICT_NOT_BUILT;
					else if (s.unordered && !s.force && (op == 10 || op == 21) &&
						 (v == BLKREPL_VERDICT_GO || v == BLKREPL_VERDICT_LOSES))
						v = BLKREPL_VERDICT_NEEDS_FORCE;
					is = blkrepl_op_judge(type, op, st, &s);
					if (is != v)
						fail_msg("type %u, operation %u, state %u, situation %u: %d, not %d",
							 type, op, st, bits, is, v);
					verdicts++;
				}
			}
	print_message("%u cells, %u verdicts\n", cells, verdicts);
	assert_int_equal(cells, (ARRAY_SIZE(table) + ARRAY_SIZE(snapshot_table) +
				 ARRAY_SIZE(clone_table)) * 14);
}

/* Where a cell leads there is a state, and what it promises fits together. */
static void makes_sense(struct blkrepl_cell c)
{
	bool legal = c.flags & BLKREPL_CELL_LEGAL;
	bool moves = legal && !(c.flags & (BLKREPL_CELL_STAY | BLKREPL_CELL_REMOVE));

	assert_int_equal(moves, c.to != 0);
	if (c.to)
		assert_true(blkrepl_state_valid(c.to));
	if (c.via)
		assert_true(c.to && blkrepl_state_valid(c.via));
	if (!legal)
		assert_false(c.flags & ~BLKREPL_CELL_KEPT);
	if (c.flags & BLKREPL_CELL_SAME)
		assert_true(c.flags & BLKREPL_CELL_STAY);
	if (c.flags & BLKREPL_CELL_LAG)
		assert_true(c.flags & BLKREPL_CELL_CONSISTENT);
}

static void cells_make_sense(void **state)
{
	unsigned int type, op, st;

	for (type = TYPE_FIRST; type < TYPE_FIRST + NR_TYPES; type++)
		for (op = 2; op <= 23; op++) {
			for (st = 2; st <= 16; st++) {
				makes_sense(blkrepl_op_cell(type, op, st));
				makes_sense(blkrepl_op_cell(type, op, st | BACK));
				makes_sense(blkrepl_op_cell(type, op, st | RESTORING));
				makes_sense(blkrepl_op_cell(type, op, st | DISSOLVED));
			}
			assert_int_equal(blkrepl_op_known(type, op), is_known(type, op));
			/* What is carried out has a row. */
			assert_true(blkrepl_op_known(type, op) || !blkrepl_op_built(type, op));
		}
	assert_false(blkrepl_op_known(9, 4));
	assert_false(blkrepl_op_known(~0u, 4));
	assert_false(blkrepl_op_known(6, ~0u));
}

static void every_event(void **state)
{
	unsigned int st, ev, i, pairs = 0;

	for (st = 0; st < 40; st++)
		for (ev = 0; ev < BLKREPL_NR_EVENTS + 2; ev++) {
			int expected = -EINVAL;

			for (i = 0; i < ARRAY_SIZE(events); i++)
				if (events[i][0] == st && ev < BLKREPL_NR_EVENTS &&
				    events[i][1 + ev])
					expected = events[i][1 + ev];
			if (blkrepl_event_next(ev, st) != expected)
				fail_msg("event %u in state %u: %d, not %d", ev, st,
					 blkrepl_event_next(ev, st), expected);
			pairs++;
		}
	print_message("%u pairs of event and state\n", pairs);
}

static void predicates(void **state)
{
	/* none 0, not writable 1, read and write 2; source: the specification */
	static const unsigned char access[] = {
		[4] = 1, [8] = 1, [9] = 1, [6] = 2, [7] = 2, [10] = 2, [13] = 2, [39] = 0,
	};
	unsigned int n;

	for (n = 0; n < 40; n++) {
		assert_int_equal(blkrepl_state_valid(n), n >= 2 && n <= 14);
		assert_int_equal(blkrepl_state_flows(n), n == 3 || n == 4 || n == 14);
		assert_int_equal(blkrepl_op_valid(n), n >= 2 && n <= 23);
		assert_int_equal(blkrepl_state_target_access(n), access[n]);
		assert_int_equal(blkrepl_op_built(6, n), is_built(6, n));
		assert_false(blkrepl_op_built(7, n));
	}
	assert_false(blkrepl_op_built(6, ~0u));
}

static void actions(void **state)
{
	unsigned int from, to;

	for (from = 2; from <= 13; from++)
		for (to = 2; to <= 13; to++) {
			bool was = from == 3 || from == 4, is = to == 3 || to == 4;
			unsigned int act = 0;

			if (is && !was)
				act |= BLKREPL_ACT_MIRROR;
			if (was && !is)
				act |= BLKREPL_ACT_STOP | BLKREPL_ACT_STALE;
			if (to == 3)
				act |= BLKREPL_ACT_COPY;
			assert_int_equal(blkrepl_state_actions(from, to), act);
		}
}

/* The list has each operation that is carried out and changes something, no other. */
static void lists_of_legal(void **state)
{
	char list[512], entry[64], padded[520];
	unsigned int st, op;

	for (st = 0; st < 20; st++) {
		int n = blkrepl_op_list_legal(list, sizeof(list), 6, st), count = 0;

		assert_int_equal(n, strlen(list));
		snprintf(padded, sizeof(padded), ", %s,", list);
		for (op = 2; op <= 23; op++) {
			const char *w = word(6, op, st);
			bool listed = w && is_built(6, op) && *w != '=' && !has(w, "–");

			snprintf(entry, sizeof(entry), ", %s%s,", blkrepl_operation_title(op),
				 listed && has(w, " F") ? " (with Force)" : "");
			assert_int_equal(has(padded, entry), listed);
			count += listed;
		}
		if (!count)
			assert_string_equal(list, "none");
	}
	assert_int_equal(blkrepl_op_list_legal(list, sizeof(list), 7, 4), 4);
	assert_string_equal(list, "none");
}

/* Every explanation, in every size of buffer: cut, terminated, never written beyond. */
static void explanations(void **state)
{
	unsigned int type, op, st, v;
	char whole[512], cut[513];
	size_t size;

	for (type = 5; type < 11; type++)
		for (op = 0; op < 26; op++)
			for (st = 0; st < 18; st += 1 + st % 3)
				for (v = 0; v <= BLKREPL_VERDICT_NOT_BUILT; v++) {
					int n = blkrepl_op_explain(whole, sizeof(whole), type, op, st, v);

					assert_int_equal(n, strlen(whole));
					assert_true(n < 500);
					assert_int_equal(n == 0, v <= BLKREPL_VERDICT_DONE);
					for (size = 0; size < 512; size += 1 + size / 3) {
						memset(cut, 'x', sizeof(cut));
						blkrepl_op_explain(cut, size, type, op, st, v);
						if (size)
							assert_int_equal(strlen(cut),
								(size_t)n < size ? (size_t)n : size - 1);
						assert_int_equal(cut[size], 'x');
						assert_memory_equal(cut, whole, size ? strlen(cut) : 0);
					}
				}
	blkrepl_op_explain(whole, sizeof(whole), 6, 21, 3 | BACK, BLKREPL_VERDICT_WRONG_STATE);
	assert_string_equal(whole, "Split is refused in state Unsynchronized (Failing back); legal: Abort, "
			    "ActivateConsistency, DeactivateConsistency, Detach (with Force), "
			    "ResetToSync, ResetToAsync, Suspend");
	blkrepl_op_explain(whole, sizeof(whole), 6, 4, 9, BLKREPL_VERDICT_WRONG_STATE);
	assert_string_equal(whole, "Activate is refused in state Suspended; legal: Abort, "
			    "ActivateConsistency, AddSyncPair, DeactivateConsistency, Deactivate, Detach, "
			    "Dissolve, Failover, Fracture, RemoveSyncPair, Resume, ResetToSync, ResetToAsync, "
			    "ReverseRoles, Split, "
			    "Unprepare (with Force)");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_whole),
		cmocka_unit_test(every_cell),
		cmocka_unit_test(cells_make_sense),
		cmocka_unit_test(every_event),
		cmocka_unit_test(predicates),
		cmocka_unit_test(actions),
		cmocka_unit_test(lists_of_legal),
		cmocka_unit_test(explanations),
	};

	return cmocka_run_group_tests_name("state", tests, parse_tables, free_tables);
}
