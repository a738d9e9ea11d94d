// SPDX-License-Identifier: GPL-2.0
/*
 * Where things are, by what was done: the contract on access and data in one place,
 * written down without a look at the code that keeps it.
 */
#include "matrix.h"

struct place place;

#define ST(name) BLKREPL_COPY_STATE_##name

/* Who may use the replica devices of a side. */
bool open_for_writing(enum side s)
{
	bool receives = s != copy_source() && !place.consistent;

	if (!place.related)
		return !receives;
	if (place.back)
		return s != place.source;
	if (place.restoring)
		return false;
	switch (place.state) {
	case ST(FAILEDOVER):
		return s != place.source;
	case ST(FRACTURED):
	case ST(SPLIT):
	case ST(SKEWED):
		return !receives;
	default:
		return s == place.source;
	}
}

/* From where a copy goes, when one runs. */
enum side copy_source(void)
{
	return place.back || place.restoring ? other(place.source) : place.source;
}

unsigned int copy_progress(void)
{
	if (place.back)
		return BLKREPL_PROGRESS_STATUS_FAILING_BACK;
	if (place.restoring)
		return BLKREPL_PROGRESS_STATUS_RESTORING;
	return place.first_copy ? BLKREPL_PROGRESS_STATUS_SYNCHRONIZING : BLKREPL_PROGRESS_STATUS_RESYNCING;
}

/* Whether what is written on a side reaches the other at once. */
bool mirrored_from(enum side s)
{
	return place.related && blkrepl_state_flows(place.state) && s == copy_source();
}

/* An operation has begun a copy. */
void place_copying(unsigned int op)
{
	if (op == BLKREPL_OPERATION_REVERSE_ROLES)
		place.source = other(place.source);
	place.back |= op == BLKREPL_OPERATION_FAILBACK;
	place.restoring |= op == BLKREPL_OPERATION_RESTORE_FROM_REPLICA;
	place.state = ST(UNSYNCHRONIZED);
	place.consistent = false;
	image_unsettle(other(copy_source()));
}

/* It has ended. */
void place_copied(void)
{
	image_settle(copy_source());
	place.state = ST(SYNCHRONIZED);
	place.back = place.restoring = false;
	place.consistent = true;
	place.first_copy = false;
	place.lags = false;
}

/* An operation has changed no state. */
void place_stay(unsigned int op)
{
	if (op == BLKREPL_OPERATION_ACTIVATE_CONSISTENCY)
		place.unordered = false;
	if (op == BLKREPL_OPERATION_DEACTIVATE_CONSISTENCY)
		place.unordered = true;
}

/* An operation has led to where its cell says. */
void place_arrive(unsigned int op, struct blkrepl_cell c)
{
	if (c.flags & BLKREPL_CELL_REMOVE) {
		place.related = false;
		place.dissolved = op == BLKREPL_OPERATION_DISSOLVE;
	}
	if (c.flags & BLKREPL_CELL_SWAP)
		place.source = other(place.source);
	if (!c.to)
		return;
	if (place.state == ST(UNSYNCHRONIZED) && (c.flags & BLKREPL_CELL_DRAIN))
		place_copied();
	place.state = c.to;
	if (op == BLKREPL_OPERATION_ABORT) {
		place.consistent = false;
		place.back = false;
	}
	if (op == BLKREPL_OPERATION_UNPREPARE) {
		place.consistent = false;
		place.first_copy = true;
	}
}
