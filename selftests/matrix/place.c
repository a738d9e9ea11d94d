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
	bool is_source = s == place.source;

	if (!place.related)
		return is_source || place.consistent;
	switch (place.state) {
	case ST(FAILEDOVER):
		return !is_source;
	case ST(FRACTURED):
	case ST(SPLIT):
	case ST(SKEWED):
		return is_source || place.consistent;
	case ST(UNSYNCHRONIZED):
		if (place.progress == BLKREPL_PROGRESS_STATUS_FAILING_BACK)
			return !is_source;
		return is_source && place.progress != BLKREPL_PROGRESS_STATUS_RESTORING;
	default:
		return is_source;
	}
}

/* From where a copy goes, when one runs. */
enum side copy_source(void)
{
	return place.progress == BLKREPL_PROGRESS_STATUS_FAILING_BACK ||
		place.progress == BLKREPL_PROGRESS_STATUS_RESTORING ? other(place.source) : place.source;
}

/* Whether what is written on a side reaches the other at once. */
bool mirrored_from(enum side s)
{
	return place.related && blkrepl_state_flows(place.state) && s == copy_source();
}

/* An operation has begun a copy. */
void place_copying(unsigned int op)
{
	switch (op) {
	case BLKREPL_OPERATION_ACTIVATE:
		place.progress = place.first_copy ? BLKREPL_PROGRESS_STATUS_SYNCHRONIZING :
			BLKREPL_PROGRESS_STATUS_RESYNCING;
		break;
	case BLKREPL_OPERATION_RESTORE_FROM_REPLICA:
		place.progress = BLKREPL_PROGRESS_STATUS_RESTORING;
		break;
	case BLKREPL_OPERATION_FAILBACK:
		place.progress = BLKREPL_PROGRESS_STATUS_FAILING_BACK;
		break;
	case BLKREPL_OPERATION_REVERSE_ROLES:
		place.source = other(place.source);
		/* fall through */
	default:
		place.progress = BLKREPL_PROGRESS_STATUS_RESYNCING;
	}
	place.state = ST(UNSYNCHRONIZED);
	place.consistent = false;
	image_unsettle(other(copy_source()));
}

/* It has ended. */
void place_copied(void)
{
	image_settle(copy_source());
	place.state = ST(SYNCHRONIZED);
	place.progress = 0;
	place.consistent = true;
	place.first_copy = false;
	place.lags = false;
}

/* An operation has led to where its cell says. */
void place_arrive(struct blkrepl_cell c)
{
	if (c.flags & BLKREPL_CELL_REMOVE)
		place.related = false;
	if (c.flags & BLKREPL_CELL_SWAP)
		place.source = other(place.source);
	if (!c.to)
		return;
	/* A copy that was given up went nowhere; one that was turned round neither. */
	if (place.state == ST(UNSYNCHRONIZED) && (c.flags & BLKREPL_CELL_DRAIN))
		place_copied();
	place.state = c.to;
	place.progress = 0;
	if (c.to == ST(PREPARED) || c.to == ST(ABORTED))
		place.consistent = false;
	if (c.to == ST(PREPARED))
		place.first_copy = true;
}
