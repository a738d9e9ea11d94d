// SPDX-License-Identifier: GPL-2.0
/* How each state is reached, by operations and by what happens to volumes. */
#include <stdio.h>
#include <string.h>

#include "matrix.h"

#define ST(name) BLKREPL_COPY_STATE_##name
#define OP(name) BLKREPL_OPERATION_##name

/* Everything away, whatever state it is in. */
bool relationship_end(void)
{
	struct picture p;
	struct answer a;
	char state[32];
	int s;

	rig_return();
	bus_picture(&p);
	if (p.there) {
		bus_operation(OP(DETACH), true, p.source, &a);
		if (a.code) {
			complain("cannot be taken apart: %s", a.text);
			return false;
		}
	}
	if (place.dissolved && bus_delete_aspect() < 0) {
		complain("the aspect cannot be deleted: %s", bus_last_error());
		return false;
	}
	place = (struct place){ .quiet = place.quiet };
	devices_quiet();
	for (s = 0; s < SIDES; s++)
		if (bus_group_state(side_group[s], state, sizeof(state)) && bus_delete_group(side_group[s], true) < 0) {
			complain("the group %s cannot be deleted: %s", side_group[s], bus_last_error());
			return false;
		}
	return true;
}

static bool initialized(void)
{
	if (!relationship_end())
		return false;
	if (bus_create() < 0) {
		complain("cannot be created: %s", bus_last_error());
		return false;
	}
	place = (struct place){ .known = true, .related = true, .state = ST(INITIALIZED),
				.first_copy = true, .quiet = place.quiet };
	check_place();
	write_everywhere();
	return place.known;
}

/* The target is back, and the copy begins by itself. */
static void recovered(void)
{
	if (bus_wait_state(ST(SYNCHRONIZED)) < 0) {
		complain("a target that is back is not brought up to date: %s", bus_last_error());
		place.known = false;
		return;
	}
	place_copied();
	check_place();
}

/* Synchronized with the source on the left, by the shortest way. */
static bool synchronized(void)
{
	unsigned int tries;

	for (tries = 0; tries < 8; tries++) {
		if (!place.known || !place.related) {
			if (!initialized())
				return false;
			continue;
		}
		rig_return();
		if (place.restoring && place.state == ST(ABORTED)) {
			step(OP(RESTORE_FROM_REPLICA), false);
			continue;
		}
		switch (place.state) {
		case ST(INITIALIZED):
		case ST(PREPARED):
		case ST(INACTIVE):
			step(OP(ACTIVATE), false);
			break;
		case ST(SUSPENDED):
			step(OP(RESUME), false);
			break;
		case ST(FRACTURED):
		case ST(SPLIT):
		case ST(SKEWED):
		case ST(ABORTED):
			if (!step(OP(RESYNC_REPLICA), true))
				place.known = false;
			break;
		case ST(BROKEN):
			recovered();
			break;
		case ST(FAILEDOVER):
			step(OP(FAILBACK), true);
			break;
		case ST(UNSYNCHRONIZED):
			release_copy();
			break;
		case ST(SYNCHRONIZED):
			if (place.unordered)
				step(OP(ACTIVATE_CONSISTENCY), false);
			else if (place.source == LEFT)
				return true;
			else
				step(OP(REVERSE_ROLES), false);
			break;
		}
	}
	complain("Synchronized is not reached");
	return false;
}

static bool by(unsigned int op)
{
	return synchronized() && step(op, false);
}

static bool inactive(void) { return by(OP(DEACTIVATE)); }
static bool prepared(void) { return inactive() && step(OP(UNPREPARE), false); }
static bool suspended(void) { return by(OP(SUSPEND)); }
static bool fractured(void) { return by(OP(FRACTURE)); }
static bool split(void) { return by(OP(SPLIT)); }
static bool failed_over(void) { return by(OP(FAILOVER)); }
static bool aborted(void) { return inactive() && step(OP(ABORT), false); }

/* A copy that stands still. */
static bool held(unsigned int op)
{
	return step_begin(op, true) && place.known;
}

static bool unsynchronized(void) { return suspended() && held(OP(RESUME)); }

static bool skewed(void)
{
	if (!split())
		return false;
	image_write(other(place.source), false);
	place.state = ST(SKEWED);
	if (bus_wait_state(ST(SKEWED)) < 0)
		complain("a write to the target does not skew: %s", bus_last_error());
	check_place();
	return place.known;
}

/*
 * The target's volumes fail; it is a write that finds that out. They answer again before
 * anything is asked for, for there is little to be done with a target that does not.
 */
static bool lost(void)
{
	rig_lose(other(place.source));
	place.state = ST(BROKEN);
	write_everywhere();
	if (bus_wait_state(ST(BROKEN)) < 0) {
		complain("a lost target does not break: %s", bus_last_error());
		return false;
	}
	check_place();
	rig_return_unseen();
	return place.known;
}

static bool broken(void) { return synchronized() && lost(); }

/* Beside the columns of the table: what its marks are about. */

static bool first_copy(void) { return initialized() && held(OP(ACTIVATE)); }
static bool suspended_in_copy(void) { return unsynchronized() && step(OP(SUSPEND), false); }
static bool inactive_in_copy(void) { return unsynchronized() && step(OP(DEACTIVATE), false); }
static bool fractured_in_copy(void) { return unsynchronized() && step(OP(FRACTURE), true); }
static bool failed_over_with_loss(void) { return suspended() && step(OP(FAILOVER), true); }
static bool failing_back(void) { return failed_over() && held(OP(FAILBACK)); }
static bool restoring(void) { return skewed() && held(OP(RESTORE_FROM_REPLICA)); }
static bool reversed(void) { return by(OP(REVERSE_ROLES)); }

static bool broken_in_copy(void)
{
	return unsynchronized() && lost();
}

#define ALL	(~0u)
#define LAG_OPS	(1u << OP(FAILOVER) | 1u << OP(REVERSE_ROLES) | 1u << OP(ABORT))
#define LOSE_OPS (1u << OP(FAILBACK) | 1u << OP(REVERSE_ROLES))

/* name, state, reached by, operations, beside the table, nothing is written */
const struct situation situations[] = {
	{ "Initialized", ST(INITIALIZED), initialized, ALL },
	{ "Prepared", ST(PREPARED), prepared, ALL },
	{ "Inactive", ST(INACTIVE), inactive, ALL },
	{ "Unsynchronized", ST(UNSYNCHRONIZED), unsynchronized, ALL },
	{ "Synchronized", ST(SYNCHRONIZED), synchronized, ALL },
	{ "Suspended", ST(SUSPENDED), suspended, ALL },
	{ "Fractured", ST(FRACTURED), fractured, ALL },
	{ "Split", ST(SPLIT), split, ALL },
	{ "Failedover", ST(FAILEDOVER), failed_over, ALL },
	{ "Aborted", ST(ABORTED), aborted, ALL },
	{ "Skewed", ST(SKEWED), skewed, ALL },
	{ "Broken", ST(BROKEN), broken, ALL },
	{ "first copy", ST(UNSYNCHRONIZED), first_copy, ALL, true },
	{ "Failing back", ST(UNSYNCHRONIZED), failing_back, ALL, true },
	{ "Restoring", ST(UNSYNCHRONIZED), restoring, ALL, true },
	{ "Inactive in a copy", ST(INACTIVE), inactive_in_copy, ALL, true },
	{ "Suspended in a copy", ST(SUSPENDED), suspended_in_copy, ALL, true },
	{ "Fractured in a copy", ST(FRACTURED), fractured_in_copy, ALL, true },
	{ "Broken in a copy", ST(BROKEN), broken_in_copy, ALL, true },
	{ "Synchronized, reversed", ST(SYNCHRONIZED), reversed, ALL, true },
	{ "Inactive, all equal", ST(INACTIVE), inactive, LAG_OPS, true, true },
	{ "Suspended, all equal", ST(SUSPENDED), suspended, LAG_OPS, true, true },
	{ "Fractured, all equal", ST(FRACTURED), fractured, LAG_OPS, true, true },
	{ "Split, all equal", ST(SPLIT), split, LAG_OPS, true, true },
	{ "Failedover with loss", ST(FAILEDOVER), failed_over_with_loss, LOSE_OPS, true },
};
const size_t nr_situations = ARRAY_SIZE(situations);

bool situation_reach(const struct situation *s)
{
	place.quiet = s->quiet;
	return s->reach() && place.known && place.state == s->state;
}
