// SPDX-License-Identifier: GPL-2.0
/* What the table promises for an operation at the present place. */
#include <stdio.h>

#include "../../daemon/errors.h"
#include "../../tools/operations.h"
#include "matrix.h"

static int code_of(enum blkrepl_verdict v, struct blkrepl_cell c)
{
	switch (v) {
	case BLKREPL_VERDICT_GO:
		return c.via ? CODE_JOB_STARTED : CODE_DONE;
	case BLKREPL_VERDICT_DONE:
		return CODE_DONE;
	case BLKREPL_VERDICT_NOT_SUPPORTED:
	case BLKREPL_VERDICT_NOT_BUILT:
		return CODE_NOT_SUPPORTED;
	default:
		return CODE_FAILED;
	}
}

/* The state with what the table distinguishes beside it. */
unsigned int place_state(void)
{
	return place.state | (place.back ? BLKREPL_STATE_FAILING_BACK : 0) |
		(place.restoring ? BLKREPL_STATE_RESTORING : 0);
}

/* Of what a mirror that is always synchronous does differently: nothing is to be drained. */
static struct blkrepl_cell cell_of(unsigned int op)
{
	if (op == BLKREPL_OPERATION_RESET_TO_SYNC)
		return (struct blkrepl_cell){ .flags = BLKREPL_CELL_LEGAL | BLKREPL_CELL_STAY };
	return blkrepl_op_cell(BLKREPL_SYNC_MIRROR, op, place_state());
}

static enum blkrepl_verdict judge(unsigned int op, bool force)
{
	struct blkrepl_situation situation = {
		.force = force,
		.consistent = place.consistent,
		.unfinished = !place.consistent,
		.first_copy = place.first_copy,
		.lags = place.lags || place.state == BLKREPL_COPY_STATE_BROKEN,
		.unique = place.lags,
	};

	return blkrepl_op_judge(BLKREPL_SYNC_MIRROR, op, place_state(), &situation);
}

struct expectation expect(unsigned int op, bool force)
{
	struct expectation e = { .cell = cell_of(op), .verdict = judge(op, force) };

	e.code = code_of(e.verdict, e.cell);
	/* No pairs are given: to move some takes another relationship. */
	if (e.verdict == BLKREPL_VERDICT_GO &&
	    (op == BLKREPL_OPERATION_ADD_SYNC_PAIR || op == BLKREPL_OPERATION_REMOVE_SYNC_PAIR))
		e.code = CODE_INVALID_PARAMETER;
	e.moves = e.verdict == BLKREPL_VERDICT_GO &&
		(e.cell.via || e.cell.flags & BLKREPL_CELL_REMOVE || (e.cell.to && e.cell.to != place.state) ||
		 e.cell.flags & BLKREPL_CELL_SWAP);
	return e;
}

/* As LegalOperations has them: the state's column, "!" for what always needs Force. */
void legal_operations(char *buf, size_t size)
{
	unsigned int op;
	size_t n = 0;

	*buf = 0;
	for (op = BLKREPL_OP_FIRST; op <= BLKREPL_OP_LAST && n < size; op++) {
		struct blkrepl_cell c = blkrepl_op_cell(BLKREPL_SYNC_MIRROR, op, place_state());

		if (blkrepl_op_built(BLKREPL_SYNC_MIRROR, op) && c.flags & BLKREPL_CELL_LEGAL &&
		    !(c.flags & BLKREPL_CELL_SAME))
			n += snprintf(buf + n, size - n, "%s%s%s", n ? " " : "", blkrepl_operation_name(op),
				      c.flags & BLKREPL_CELL_FORCE ? "!" : "");
	}
}

/* For scripts: number, name, whether this version has it, then state and cell in turn. */
void table_print(void)
{
	unsigned int op, i;
	char text[64];

	for (op = BLKREPL_OP_FIRST; op <= BLKREPL_OP_LAST; op++) {
		printf("%u\t%s\t%d", op, blkrepl_operation_name(op), blkrepl_op_built(BLKREPL_SYNC_MIRROR, op));
		for (i = 0; i < OPERATIONS_NR_STATES; i++) {
			operations_cell(blkrepl_op_cell(BLKREPL_SYNC_MIRROR, op, operations_state[i]), text, sizeof(text));
			printf("\t%s\t%s", blkrepl_state_title(operations_state[i]), text);
		}
		printf("\n");
	}
}
