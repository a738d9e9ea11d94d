// SPDX-License-Identifier: GPL-2.0
/* One operation: what it answers, where it leads, what becomes of access and data. */
#include <stdio.h>
#include <string.h>

#include "../../daemon/errors.h"
#include "matrix.h"

/* So slow that a copy stands still. */
#define STANDSTILL 1
/* So slow that a copy of a few blocks outlasts a call, and ends before its deadline. */
#define SLOW (16 << 10)

/* How the job of a copy ends; whoever leaves the copy has ended it. */
static void check_job(const char *job, bool done)
{
	char result[512];

	if (bus_job_result(job, result, sizeof(result)) < 0)
		complain("the job cannot be waited for: %s", bus_last_error());
	else if (!strcmp(result, "done") != done)
		complain("the job ends as %s", result);
}

/* A copy that is held goes on to its end. */
void release_copy(void)
{
	if (bus_set_rate(0) < 0)
		complain("the copy cannot be released: %s", bus_last_error());
	check_job(place.job, true);
	if (bus_wait_state(BLKREPL_COPY_STATE_SYNCHRONIZED) < 0) {
		complain("the copy does not end: %s", bus_last_error());
		place.known = false;
		return;
	}
	place_copied();
}

/* Two sides that are the same may be taken for a copy that has ended already. */
static bool nothing_to_copy(const struct expectation *e)
{
	return e->moves && e->cell.via && image_equal();
}

static void at_once(unsigned int op, const struct answer *a)
{
	place_copying(op);
	if (a->code == CODE_JOB_STARTED)
		check_job(a->job, true);
	if (bus_wait_state(BLKREPL_COPY_STATE_SYNCHRONIZED) < 0) {
		complain("two sides that are the same do not become Synchronized: %s", bus_last_error());
		place.known = false;
		return;
	}
	place_copied();
}

static bool hold_copy(struct blkrepl_cell c)
{
	if (!c.via && !(c.flags & BLKREPL_CELL_DRAIN))
		return true;
	if (bus_set_rate(c.via ? STANDSTILL : SLOW) >= 0)
		return true;
	complain("the copy cannot be held: %s", bus_last_error());
	return false;
}

/* Asks for it, and looks at the answer and at what is so by then. */
static struct expectation begin(unsigned int op, bool force)
{
	struct expectation e = expect(op, force);
	bool copying = place.state == BLKREPL_COPY_STATE_UNSYNCHRONIZED;
	bool nothing = nothing_to_copy(&e);
	char job[sizeof(place.job)];
	struct answer a;

	if (e.moves && !nothing && !hold_copy(e.cell))
		return e;
	bus_operation(op, force, place.source, &a);
	if (nothing && a.code == CODE_DONE)
		e.code = CODE_DONE;
	check_answer(&a, &e, op);
	if (!place.known)
		return e;
	if (!e.moves) {
		if (e.verdict == BLKREPL_VERDICT_GO)
			place_stay(op);
		if (e.code == CODE_DONE)
			check_status(&a);
		return e;
	}
	if (nothing) {
		at_once(op, &a);
		return e;
	}
	memcpy(job, place.job, sizeof(job));
	if (e.cell.via) {
		place_copying(op);
		memcpy(place.job, a.job, sizeof(place.job));
	} else {
		place_arrive(op, e.cell);
	}
	check_status(&a);
	if (copying)
		check_job(job, e.cell.flags & BLKREPL_CELL_DRAIN);
	return e;
}

/* Begins a copy that stands still. */
bool step_begin(unsigned int op, bool force)
{
	struct expectation e = begin(op, force);

	if (place.known)
		check_place();
	return place.known && e.moves && place.state == BLKREPL_COPY_STATE_UNSYNCHRONIZED;
}

/* Carries an operation out, and checks everything; whether it did what the table says. */
bool step(unsigned int op, bool force)
{
	struct picture before, after;
	struct expectation e;

	bus_picture(&before);
	e = begin(op, force);
	if (place.known && e.moves && e.cell.via && place.state == BLKREPL_COPY_STATE_UNSYNCHRONIZED) {
		check_place();
		if (!place.known)
			return false;
		write_everywhere();
		image_compare();
		release_copy();
	}
	if (!place.known)
		return false;
	check_place();
	if (!place.known)
		return false;
	if (e.verdict != BLKREPL_VERDICT_GO) {
		bus_picture(&after);
		if (after.revision != before.revision)
			complain("the revision was %ju, is %ju", (uintmax_t)before.revision, (uintmax_t)after.revision);
	}
	write_everywhere();
	image_compare();
	return e.verdict == BLKREPL_VERDICT_GO || e.verdict == BLKREPL_VERDICT_DONE;
}
