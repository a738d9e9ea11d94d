// SPDX-License-Identifier: GPL-2.0
/* What each operation and each event does in each state. Pure. */
#include "state.h"
#include "names.h"

/* Short forms for the table */
#define ST(name)	BLKREPL_COPY_STATE_##name
#define L		BLKREPL_CELL_LEGAL
#define NO		{ 0, 0, 0 }
#define SAME		{ L | BLKREPL_CELL_SAME | BLKREPL_CELL_STAY, 0, 0 }
#define TO(s)		{ L, 0, ST(s) }
#define TO_F(s)		{ L | BLKREPL_CELL_FORCE, 0, ST(s) }
#define TO_C(s)		{ L | BLKREPL_CELL_CONSISTENT, 0, ST(s) }
#define TO_LAG(s)	{ L | BLKREPL_CELL_LAG | BLKREPL_CELL_CONSISTENT, 0, ST(s) }
#define TO_RUN(s)	{ L | BLKREPL_CELL_RUNNING, 0, ST(s) }
#define COPY		{ L, ST(UNSYNCHRONIZED), ST(SYNCHRONIZED) }
#define COPY_C		{ L | BLKREPL_CELL_CONSISTENT, ST(UNSYNCHRONIZED), ST(SYNCHRONIZED) }
#define COPY_U		{ L | BLKREPL_CELL_UNIQUE, ST(UNSYNCHRONIZED), ST(SYNCHRONIZED) }
#define SWAP(s)		{ L | BLKREPL_CELL_SWAP, 0, ST(s) }
#define SWAP_U(s)	{ L | BLKREPL_CELL_SWAP | BLKREPL_CELL_UNIQUE | BLKREPL_CELL_CONSISTENT, \
			  0, ST(s) }
#define SWAP_COPY_U	{ L | BLKREPL_CELL_SWAP | BLKREPL_CELL_UNIQUE, \
			  ST(UNSYNCHRONIZED), ST(SYNCHRONIZED) }
#define DRAIN(s)	{ L | BLKREPL_CELL_DRAIN, 0, ST(s) }
#define DRAIN_ONCE(s)	{ L | BLKREPL_CELL_DRAIN | BLKREPL_CELL_ONCE, 0, ST(s) }
#define KEPT		{ BLKREPL_CELL_KEPT, 0, 0 }
#define DEL		{ L | BLKREPL_CELL_REMOVE, 0, 0 }
#define DEL_F		{ L | BLKREPL_CELL_REMOVE | BLKREPL_CELL_FORCE, 0, 0 }
#define DEL_S		{ L | BLKREPL_CELL_REMOVE | BLKREPL_CELL_SOUND, 0, 0 }
#define DEL_W		{ L | BLKREPL_CELL_REMOVE | BLKREPL_CELL_WHOLE, 0, 0 }
#define STAY		{ L | BLKREPL_CELL_STAY, 0, 0 }
#define OWN		{ BLKREPL_CELL_OWN, 0, 0 }

/* The columns, in the order in which the operations document has them. */
static const u8 columns[] = {
	ST(INITIALIZED), ST(PREPARED), ST(INACTIVE), ST(UNSYNCHRONIZED), ST(SYNCHRONIZED),
	ST(SUSPENDED), ST(FRACTURED), ST(SPLIT), ST(FAILEDOVER), ST(ABORTED), ST(SKEWED),
	ST(BROKEN),
};

#define OP(name)	(BLKREPL_OPERATION_##name - BLKREPL_OP_FIRST)
#define NR_OPS		(BLKREPL_OP_LAST - BLKREPL_OP_FIRST + 1)

static const struct blkrepl_cell mirror[NR_OPS][ARRAY_SIZE(columns)] = {
	/* Initialized, Prepared, Inactive, Unsynchronized, Synchronized, Suspended,
	 * Fractured, Split, Failedover, Aborted, Skewed, Broken
	 */
	[OP(ACTIVATE)] = {
		COPY, COPY, COPY, SAME, SAME, NO,
		NO, NO, NO, NO, NO, NO },
	[OP(DEACTIVATE)] = {
		NO, TO(INACTIVE), SAME, TO(INACTIVE), TO(INACTIVE), TO(INACTIVE),
		NO, NO, NO, NO, NO, TO(INACTIVE) },
	[OP(SUSPEND)] = {
		NO, NO, NO, TO(SUSPENDED), TO(SUSPENDED), SAME,
		NO, NO, NO, NO, NO, TO(SUSPENDED) },
	[OP(RESUME)] = {
		NO, NO, NO, SAME, SAME, COPY,
		NO, NO, NO, NO, NO, NO },
	[OP(FRACTURE)] = {
		NO, NO, TO(FRACTURED), TO_F(FRACTURED), TO(FRACTURED), TO(FRACTURED),
		SAME, SAME, NO, NO, SAME, TO(FRACTURED) },
	[OP(SPLIT)] = {
		NO, NO, TO_C(SPLIT), DRAIN_ONCE(SPLIT), TO(SPLIT), TO_C(SPLIT),
		NO, SAME, NO, NO, NO, NO },
	[OP(RESYNC_REPLICA)] = {
		NO, NO, NO, SAME, SAME, NO,
		COPY, COPY, NO, COPY, COPY, COPY },
	[OP(RESTORE_FROM_REPLICA)] = {
		NO, NO, NO, NO, NO, NO,
		COPY_C, COPY_C, NO, NO, COPY_C, NO },
	[OP(FAILOVER)] = {
		NO, NO, TO_LAG(FAILEDOVER), KEPT, TO(FAILEDOVER), TO_LAG(FAILEDOVER),
		TO_LAG(FAILEDOVER), TO_LAG(FAILEDOVER), SAME, NO, TO_LAG(FAILEDOVER),
		TO_LAG(FAILEDOVER) },
	[OP(FAILBACK)] = {
		NO, NO, NO, NO, SAME, NO,
		NO, NO, COPY_U, NO, NO, NO },
	[OP(REVERSE_ROLES)] = {
		NO, NO, NO, NO, SWAP(SYNCHRONIZED), SWAP_U(SUSPENDED),
		SWAP_U(FRACTURED), SWAP_U(SPLIT), SWAP_COPY_U, NO, NO, NO },
	[OP(ABORT)] = {
		TO(ABORTED), TO(ABORTED), TO(ABORTED), TO(ABORTED), NO, TO_RUN(ABORTED),
		TO_RUN(ABORTED), TO_RUN(ABORTED), NO, SAME, NO, TO(ABORTED) },
	[OP(UNPREPARE)] = {
		TO(PREPARED), SAME, TO(PREPARED), TO_F(PREPARED), NO, TO_F(PREPARED),
		NO, NO, NO, TO(PREPARED), NO, TO(PREPARED) },
	[OP(DETACH)] = {
		DEL, DEL, DEL, DEL_F, DEL, DEL,
		DEL, DEL, DEL_F, DEL, DEL, DEL_F },
	[OP(DISSOLVE)] = {
		NO, NO, DEL_S, DEL_F, DEL, DEL_S,
		DEL_S, DEL, DEL_F, NO, DEL, DEL_F },
	[OP(RESET_TO_SYNC)] = {
		STAY, STAY, STAY, DRAIN(SYNCHRONIZED), DRAIN(SYNCHRONIZED), STAY,
		STAY, STAY, STAY, STAY, STAY, STAY },
	[OP(RESET_TO_ASYNC)] = {
		STAY, STAY, STAY, STAY, STAY, STAY,
		STAY, STAY, STAY, STAY, STAY, STAY },
	[OP(ACTIVATE_CONSISTENCY)] = {
		STAY, STAY, STAY, STAY, STAY, STAY,
		STAY, STAY, STAY, STAY, STAY, STAY },
	[OP(DEACTIVATE_CONSISTENCY)] = {
		STAY, STAY, STAY, STAY, STAY, STAY,
		STAY, STAY, STAY, STAY, STAY, STAY },
	[OP(ADD_SYNC_PAIR)] = {
		STAY, STAY, STAY, NO, STAY, STAY,
		NO, NO, NO, STAY, NO, NO },
	[OP(REMOVE_SYNC_PAIR)] = {
		STAY, STAY, STAY, NO, STAY, STAY,
		NO, NO, NO, STAY, NO, NO },
};

enum { FAILING_BACK, RESTORING, DISSOLVED, NR_BESIDE };

/*
 * What would take the source, which is half overwritten, for a good copy, or the serving
 * target for one that is closed, has to wait until that copy ends. Of a dissolved one
 * nothing is left but to pair the two again, and to forget it. What is not here is
 * refused.
 */
static const struct blkrepl_cell beside[NR_OPS][NR_BESIDE] = {
	/* Failing back, Restoring, Dissolved */
	[OP(SUSPEND)]			= { OWN, OWN },
	[OP(RESUME)]			= { OWN, OWN },
	[OP(RESYNC_REPLICA)]		= { NO, NO, COPY_U },
	[OP(RESTORE_FROM_REPLICA)]	= { NO, COPY },
	[OP(FAILBACK)]			= { COPY, NO },
	[OP(ABORT)]			= { TO(FAILEDOVER), OWN },
	[OP(DETACH)]			= { OWN, OWN, DEL },
	[OP(DISSOLVE)]			= { NO, NO, SAME },
	[OP(RESET_TO_SYNC)]		= { OWN, OWN },
	[OP(RESET_TO_ASYNC)]		= { OWN, OWN },
	[OP(ACTIVATE_CONSISTENCY)]	= { OWN, OWN },
	[OP(DEACTIVATE_CONSISTENCY)]	= { OWN, OWN },
};

/* A point in time. Copying is for those that are copied in the background. */
static const struct blkrepl_cell snapshot[NR_OPS][ARRAY_SIZE(columns)] = {
	[OP(ACTIVATE)] = {
		TO(SYNCHRONIZED), TO(SYNCHRONIZED), TO(SYNCHRONIZED), SAME, SAME, NO,
		NO, NO, NO, NO, NO, NO },
	[OP(DEACTIVATE)] = {
		NO, NO, SAME, NO, TO(INACTIVE), NO,
		NO, NO, NO, NO, TO(INACTIVE), NO },
	[OP(SUSPEND)] = {
		NO, NO, NO, TO(SUSPENDED), NO, SAME,
		NO, NO, NO, NO, NO, NO },
	[OP(RESUME)] = {
		NO, NO, NO, SAME, SAME, COPY,
		NO, NO, NO, NO, NO, NO },
	[OP(RESYNC_REPLICA)] = {
		NO, NO, NO, NO, TO(SYNCHRONIZED), NO,
		NO, NO, NO, NO, TO(SYNCHRONIZED), NO },
	[OP(RESTORE_FROM_REPLICA)] = {
		NO, NO, NO, NO, TO(SYNCHRONIZED), NO,
		NO, NO, NO, NO, TO(SYNCHRONIZED), NO },
	[OP(DETACH)] = {
		NO, NO, NO, NO, DEL_W, NO,
		NO, NO, NO, NO, DEL_W, NO },
	[OP(DISSOLVE)] = {
		NO, NO, NO, NO, DEL_W, NO,
		NO, NO, NO, NO, DEL_W, NO },
	[OP(RETURN_TO_RESOURCE_POOL)] = {
		DEL, DEL, DEL, DEL, DEL, DEL,
		DEL, DEL, DEL, DEL, DEL, DEL },
};

/* A copy of a point in time. */
static const struct blkrepl_cell clone[NR_OPS][ARRAY_SIZE(columns)] = {
	[OP(ACTIVATE)] = {
		COPY, COPY, COPY, SAME, SAME, NO,
		NO, NO, NO, NO, NO, NO },
	[OP(DEACTIVATE)] = {
		NO, TO(INACTIVE), SAME, TO(INACTIVE), TO(INACTIVE), TO(INACTIVE),
		NO, NO, NO, NO, NO, TO(INACTIVE) },
	[OP(SUSPEND)] = {
		NO, NO, NO, TO(SUSPENDED), NO, SAME,
		NO, NO, NO, NO, NO, NO },
	[OP(RESUME)] = {
		NO, NO, NO, SAME, SAME, COPY,
		NO, NO, NO, NO, NO, NO },
	[OP(ABORT)] = {
		TO(ABORTED), TO(ABORTED), TO(ABORTED), TO(ABORTED), NO, TO(ABORTED),
		NO, NO, NO, SAME, NO, TO(ABORTED) },
	[OP(RESYNC_REPLICA)] = {
		NO, NO, NO, NO, COPY, NO,
		NO, NO, NO, COPY, COPY, COPY },
	[OP(RESTORE_FROM_REPLICA)] = {
		NO, NO, NO, NO, COPY, NO,
		NO, NO, NO, NO, COPY, NO },
	[OP(DETACH)] = {
		NO, NO, NO, NO, DEL_W, NO,
		NO, NO, NO, NO, DEL_W, NO },
	[OP(DISSOLVE)] = {
		NO, NO, NO, NO, DEL_W, NO,
		NO, NO, NO, NO, DEL_W, NO },
};

static const struct blkrepl_cell (*const types[])[ARRAY_SIZE(columns)] = {
	[BLKREPL_SYNC_MIRROR]	= mirror,
	[BLKREPL_SYNC_SNAPSHOT]	= snapshot,
	[BLKREPL_SYNC_CLONE]	= clone,
};

/* What this version does; the rest is answered by the table alone. */
static const u32 mirror_built =
	1u << BLKREPL_OPERATION_ACTIVATE |
	1u << BLKREPL_OPERATION_DEACTIVATE |
	1u << BLKREPL_OPERATION_SUSPEND |
	1u << BLKREPL_OPERATION_RESUME |
	1u << BLKREPL_OPERATION_DETACH |
	1u << BLKREPL_OPERATION_DISSOLVE |
	1u << BLKREPL_OPERATION_FRACTURE |
	1u << BLKREPL_OPERATION_SPLIT |
	1u << BLKREPL_OPERATION_FAILOVER |
	1u << BLKREPL_OPERATION_FAILBACK |
	1u << BLKREPL_OPERATION_REVERSE_ROLES |
	1u << BLKREPL_OPERATION_RESYNC_REPLICA |
	1u << BLKREPL_OPERATION_RESTORE_FROM_REPLICA |
	1u << BLKREPL_OPERATION_RESET_TO_SYNC |
	1u << BLKREPL_OPERATION_RESET_TO_ASYNC |
	1u << BLKREPL_OPERATION_UNPREPARE |
	1u << BLKREPL_OPERATION_ACTIVATE_CONSISTENCY |
	1u << BLKREPL_OPERATION_DEACTIVATE_CONSISTENCY |
	1u << BLKREPL_OPERATION_ADD_SYNC_PAIR |
	1u << BLKREPL_OPERATION_REMOVE_SYNC_PAIR |
	1u << BLKREPL_OPERATION_ABORT;

/**
 * blkrepl_state_valid - whether a number is a state that a mirror can be in
 * @state: a CopyState
 */
bool blkrepl_state_valid(unsigned int state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(columns); i++)
		if (columns[i] == state)
			return true;
	return state == ST(MIXED);
}

/**
 * blkrepl_state_plain - the CopyState alone
 * @state: a CopyState with what may be added to it
 */
unsigned int blkrepl_state_plain(unsigned int state)
{
	return state & ~(BLKREPL_STATE_FAILING_BACK | BLKREPL_STATE_RESTORING |
			 BLKREPL_STATE_DISSOLVED);
}

/**
 * blkrepl_state_title - the name of a column of the table
 * @state: a CopyState with what may be added to it
 */
const char *blkrepl_state_title(unsigned int state)
{
	if (state & BLKREPL_STATE_FAILING_BACK)
		return blkrepl_progress_name(BLKREPL_PROGRESS_STATUS_FAILING_BACK);
	if (state & BLKREPL_STATE_RESTORING)
		return blkrepl_progress_name(BLKREPL_PROGRESS_STATUS_RESTORING);
	if (state & BLKREPL_STATE_DISSOLVED)
		return "Dissolved";
	return blkrepl_copy_state_name(state);
}

/**
 * blkrepl_state_flows - whether writes of the source, or some, go to the target
 * @state: a CopyState
 */
bool blkrepl_state_flows(unsigned int state)
{
	return state == ST(UNSYNCHRONIZED) || state == ST(SYNCHRONIZED) || state == ST(MIXED);
}

/**
 * blkrepl_state_parted - whether the target may be written by itself
 * @state: a CopyState
 */
bool blkrepl_state_parted(unsigned int state)
{
	return state == ST(FRACTURED) || state == ST(SPLIT) || state == ST(SKEWED) ||
	       state == ST(FAILEDOVER);
}

/**
 * blkrepl_op_valid - whether a number is an operation
 * @op: the number
 */
bool blkrepl_op_valid(unsigned int op)
{
	return op >= BLKREPL_OP_FIRST && op <= BLKREPL_OP_LAST;
}

/**
 * blkrepl_op_built - whether this version carries an operation out
 * @sync_type: kind of relationship
 * @op: the operation
 */
bool blkrepl_op_built(unsigned int sync_type, unsigned int op)
{
	return sync_type == BLKREPL_SYNC_MIRROR && op < 32 && (mirror_built >> op & 1);
}

/* What is done with the members of a group is the same for all kinds. */
static bool is_of_members(unsigned int op)
{
	return op == BLKREPL_OPERATION_ADD_SYNC_PAIR ||
	       op == BLKREPL_OPERATION_REMOVE_SYNC_PAIR ||
	       op == BLKREPL_OPERATION_ACTIVATE_CONSISTENCY ||
	       op == BLKREPL_OPERATION_DEACTIVATE_CONSISTENCY;
}

/* Partitioned and Mixed have Broken's column. */
static struct blkrepl_cell own_cell(unsigned int sync_type, unsigned int op, unsigned int state)
{
	unsigned int i;

	if (state == ST(PARTITIONED) || state == ST(MIXED))
		state = ST(BROKEN);
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		if (columns[i] == state)
			return (is_of_members(op) ? mirror : types[sync_type])[op - BLKREPL_OP_FIRST][i];
	return (struct blkrepl_cell)NO;
}

/**
 * blkrepl_op_cell - the table's cell
 * @sync_type: kind of relationship
 * @op: the operation
 * @state: the CopyState with what may be added to it
 *
 * Return: the cell; all zero where the operation is refused.
 */
struct blkrepl_cell blkrepl_op_cell(unsigned int sync_type, unsigned int op, unsigned int state)
{
	unsigned int plain = blkrepl_state_plain(state);
	struct blkrepl_cell c;

	if (sync_type >= ARRAY_SIZE(types) || !types[sync_type] || !blkrepl_op_valid(op))
		return (struct blkrepl_cell)NO;
	if (sync_type != BLKREPL_SYNC_MIRROR || state == plain)
		return own_cell(sync_type, op, plain);
	c = beside[op - BLKREPL_OP_FIRST][state & BLKREPL_STATE_FAILING_BACK ? FAILING_BACK :
					  state & BLKREPL_STATE_RESTORING ? RESTORING : DISSOLVED];
	if (c.flags & BLKREPL_CELL_OWN)
		return own_cell(sync_type, op, plain);
	return c.via && blkrepl_state_flows(plain) ? (struct blkrepl_cell)SAME : c;
}

/**
 * blkrepl_op_known - whether a kind of relationship has an operation in any state
 * @sync_type: kind of relationship
 * @op: the operation
 */
bool blkrepl_op_known(unsigned int sync_type, unsigned int op)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(columns); i++)
		if (blkrepl_op_cell(sync_type, op, columns[i]).flags & BLKREPL_CELL_LEGAL)
			return true;
	return false;
}

/**
 * blkrepl_cell_judge - whether a cell lets an operation go ahead
 * @c: the cell
 * @s: what matters beside the state
 */
enum blkrepl_verdict blkrepl_cell_judge(struct blkrepl_cell c, const struct blkrepl_situation *s)
{
	if (!(c.flags & BLKREPL_CELL_LEGAL))
		return BLKREPL_VERDICT_WRONG_STATE;
	if (c.flags & BLKREPL_CELL_SAME)
		return BLKREPL_VERDICT_DONE;
	if ((c.flags & BLKREPL_CELL_RUNNING) && !s->unfinished)
		return BLKREPL_VERDICT_WRONG_STATE;
	if ((c.flags & BLKREPL_CELL_CONSISTENT) && !s->consistent)
		return BLKREPL_VERDICT_INCONSISTENT;
	if ((c.flags & BLKREPL_CELL_ONCE) && s->first_copy)
		return BLKREPL_VERDICT_INCONSISTENT;
	if ((c.flags & BLKREPL_CELL_WHOLE) && s->unfinished)
		return BLKREPL_VERDICT_INCONSISTENT;
	if (s->force)
		return BLKREPL_VERDICT_GO;
	if ((c.flags & BLKREPL_CELL_FORCE) || ((c.flags & BLKREPL_CELL_LAG) && s->lags) ||
	    ((c.flags & BLKREPL_CELL_SOUND) && !s->consistent))
		return BLKREPL_VERDICT_NEEDS_FORCE;
	if ((c.flags & BLKREPL_CELL_UNIQUE) && s->unique)
		return BLKREPL_VERDICT_LOSES;
	return BLKREPL_VERDICT_GO;
}

/**
 * blkrepl_op_judge - whether an operation may go ahead
 * @sync_type: kind of relationship
 * @op: the operation
 * @state: the CopyState with what may be added to it
 * @s: what else matters
 */
enum blkrepl_verdict blkrepl_op_judge(unsigned int sync_type, unsigned int op,
				      unsigned int state, const struct blkrepl_situation *s)
{
	struct blkrepl_cell c;

	if (!blkrepl_op_known(sync_type, op))
		return BLKREPL_VERDICT_NOT_SUPPORTED;
	if (!blkrepl_op_built(sync_type, op))
		return BLKREPL_VERDICT_NOT_BUILT;
	c = blkrepl_op_cell(sync_type, op, state);
	if (s->unordered && (op == BLKREPL_OPERATION_FAILOVER || op == BLKREPL_OPERATION_SPLIT))
		c.flags |= BLKREPL_CELL_FORCE;
	return blkrepl_cell_judge(c, s);
}

/**
 * blkrepl_op_list_legal - the operations that are legal in a state
 * @buf: filled with titles, separated by ", "; "none" when there is none
 * @size: its size
 * @sync_type: kind of relationship
 * @state: the CopyState with what may be added to it
 *
 * Return: length of the text.
 */
int blkrepl_op_list_legal(char *buf, size_t size, unsigned int sync_type, unsigned int state)
{
	unsigned int op;
	int n = 0;

	for (op = BLKREPL_OP_FIRST; op <= BLKREPL_OP_LAST; op++) {
		struct blkrepl_cell c = blkrepl_op_cell(sync_type, op, state);

		if (!blkrepl_op_built(sync_type, op) || !(c.flags & BLKREPL_CELL_LEGAL) ||
		    (c.flags & BLKREPL_CELL_SAME))
			continue;
		n += scnprintf(buf + n, size - n, "%s%s%s", n ? ", " : "",
			    blkrepl_operation_title(op),
			    c.flags & BLKREPL_CELL_FORCE ? " (with Force)" : "");
	}
	if (!n)
		n = scnprintf(buf, size, "none");
	return n;
}

/**
 * blkrepl_op_explain - a verdict with what to do about it
 * @buf: filled
 * @size: its size; 512 is enough
 * @sync_type: kind of relationship
 * @op: the operation
 * @state: the CopyState with what may be added to it
 * @v: what blkrepl_op_judge() said
 *
 * Return: length of the text, 0 where nothing is to be explained.
 */
int blkrepl_op_explain(char *buf, size_t size, unsigned int sync_type, unsigned int op,
		       unsigned int state, enum blkrepl_verdict v)
{
	const char *title = blkrepl_operation_title(op) ?: "this operation";
	const char *plain = blkrepl_copy_state_name(blkrepl_state_plain(state)) ?: "an unknown state";
	const char *type = blkrepl_sync_type_name(sync_type) ?: "replication";
	char in[40];
	int n;

	if (state == blkrepl_state_plain(state))
		scnprintf(in, sizeof(in), "%s", plain);
	else
		scnprintf(in, sizeof(in), "%s (%s)", plain, blkrepl_state_title(state));
	switch (v) {
	case BLKREPL_VERDICT_WRONG_STATE:
		n = scnprintf(buf, size, "%s is refused in state %s; legal: ", title, in);
		return n + blkrepl_op_list_legal(buf + n, size - n, sync_type, state);
	case BLKREPL_VERDICT_NEEDS_FORCE:
		return scnprintf(buf, size,
			      "%s in state %s needs Force, for the target is not or may not be complete",
			      title, in);
	case BLKREPL_VERDICT_LOSES:
		return scnprintf(buf, size,
			      "%s in state %s needs Force, for changes that only one side has would be lost",
			      title, in);
	case BLKREPL_VERDICT_INCONSISTENT:
		return scnprintf(buf, size,
			      "%s in state %s is refused while the target is inconsistent; let the copy finish first",
			      title, in);
	case BLKREPL_VERDICT_NOT_SUPPORTED:
		return scnprintf(buf, size, "a %s relationship never has %s", type, title);
	case BLKREPL_VERDICT_NOT_BUILT:
		return scnprintf(buf, size, "this version does not offer %s for a %s relationship",
			      title, type);
	case BLKREPL_VERDICT_GO:
	case BLKREPL_VERDICT_DONE:
		break;
	}
	if (size)
		buf[0] = 0;
	return 0;
}

/**
 * blkrepl_event_next - the state after an event
 * @ev: what happened
 * @state: the CopyState
 *
 * Return: the new state, which may be the old one, or -EINVAL for a pair that
 * cannot be: whoever gets that has found a mistake.
 */
int blkrepl_event_next(enum blkrepl_state_event ev, unsigned int state)
{
	if (!blkrepl_state_valid(state))
		return -EINVAL;
	switch (ev) {
	case BLKREPL_EV_TARGET_LOST:
		return blkrepl_state_flows(state) ? ST(BROKEN) : state;
	case BLKREPL_EV_PAIR_LOST:
		return blkrepl_state_flows(state) ? ST(MIXED) : state;
	case BLKREPL_EV_TARGET_BACK:
		return state == ST(BROKEN) ? ST(UNSYNCHRONIZED) : state;
	case BLKREPL_EV_TARGET_BACK_MANUAL:
		return state == ST(BROKEN) ? ST(SUSPENDED) : state;
	case BLKREPL_EV_TARGET_WRITTEN:
		return state == ST(FRACTURED) || state == ST(SPLIT) ? ST(SKEWED) : state;
	case BLKREPL_EV_COPY_DONE:
		return state == ST(UNSYNCHRONIZED) ? ST(SYNCHRONIZED) : -EINVAL;
	case BLKREPL_EV_GREW:
		return state == ST(SYNCHRONIZED) ? ST(UNSYNCHRONIZED) : state;
	default:
		return -EINVAL;
	}
}

/**
 * blkrepl_state_actions - what a change of state asks for
 * @from: CopyState before
 * @to: CopyState after
 *
 * Return: BLKREPL_ACT_*.
 */
unsigned int blkrepl_state_actions(unsigned int from, unsigned int to)
{
	bool was = blkrepl_state_flows(from), is = blkrepl_state_flows(to);
	unsigned int act = 0;

	if (!was && is)
		act |= BLKREPL_ACT_MIRROR;
	if (was && !is)
		act |= BLKREPL_ACT_STOP | BLKREPL_ACT_STALE;
	if (is && to == ST(UNSYNCHRONIZED))
		act |= BLKREPL_ACT_COPY;
	return act;
}

/**
 * blkrepl_state_target_access - who may use the target of a mirror
 * @state: the CopyState
 */
enum blkrepl_access blkrepl_state_target_access(unsigned int state)
{
	switch (state) {
	case ST(SYNCHRONIZED):
	case ST(INACTIVE):
	case ST(SUSPENDED):
		return BLKREPL_ACCESS_READ_ONLY;
	case ST(FRACTURED):
	case ST(SPLIT):
	case ST(FAILEDOVER):
	case ST(SKEWED):
		return BLKREPL_ACCESS_READ_WRITE;
	default:
		return BLKREPL_ACCESS_NONE;
	}
}
