// SPDX-License-Identifier: GPL-2.0
/* Whether all is as it should be at the present place. */
#include <stdio.h>
#include <string.h>

#include "../../daemon/errors.h"
#include "matrix.h"

static const char *state_name(unsigned int state)
{
	return blkrepl_copy_state_name(state) ?: "?";
}

static void check_access(void)
{
	static const char *const words[] = { "is not there", "is refused", "can be written" };
	enum access a;
	int s;

	for (s = 0; s < SIDES; s++) {
		a = device_access(s);
		if ((a == ACCESS_WRITABLE) != open_for_writing(s))
			complain("the %s (%s) %s", s == (int)place.source ? "source" : "target", side_group[s], words[a]);
		else if (!device_settled(s, a != ACCESS_GONE))
			complain("/dev/blkrepl/%s is not as the kernel's devices are", side_group[s]);
	}
}

static void check_properties(void)
{
	bool consistent;
	char legal[512];
	struct picture p;

	if (bus_aspect(&consistent) != place.dissolved)
		complain("the aspect %s", place.dissolved ? "is not there" : "is there");
	else if (place.dissolved && consistent != place.consistent)
		complain("the aspect is %s", consistent ? "consistent" : "inconsistent");
	bus_picture(&p);
	if (p.there != place.related) {
		complain("the relationship %s", p.there ? "is still there" : "is not there");
		place.known = false;
		return;
	}
	if (!p.there)
		return;
	if (p.state != place.state) {
		complain("the state is %s, should be %s (%s)", state_name(p.state), state_name(place.state), p.reason);
		place.known = false;
	}
	if (p.source != place.source)
		complain("the source is %s", side_group[p.source]);
	if (place.state == BLKREPL_COPY_STATE_UNSYNCHRONIZED && strcmp(p.progress, blkrepl_progress_name(copy_progress())))
		complain("ProgressStatus is %s, should be %s", p.progress, blkrepl_progress_name(copy_progress()));
	if (!blkrepl_state_flows(place.state) && strcmp(p.requested, state_name(place.state)))
		complain("RequestedCopyState is %s", p.requested);
	/*
	 * The word is about the target, which a restore does not change; where the group's
	 * members have no common order it has no place.
	 */
	if (strcmp(p.consistency,
		   blkrepl_consistency_name(!place.consistent && !place.restoring ? BLKREPL_CONSISTENCY_STATE_INCONSISTENT :
					    p.consistency_enabled ? BLKREPL_CONSISTENCY_STATE_CONSISTENT :
					    BLKREPL_CONSISTENCY_STATE_NOT_APPLICABLE)))
		complain("ConsistencyState is %s", p.consistency);
	legal_operations(legal, sizeof(legal));
	if (strcmp(p.legal, legal))
		complain("LegalOperations are %s; should be %s", p.legal, legal);
}

/* The table's words in the message of a refusal. */
static void check_text(const struct answer *a, const struct expectation *e, unsigned int op)
{
	char text[512];

	blkrepl_op_explain(text, sizeof(text), BLKREPL_SYNC_MIRROR, op, place_state(), e->verdict);
	if (strncmp(a->text, text, strlen(text)))
		complain("says '%s', should say '%s'", a->text, text);
	if (strcmp(a->error, error_by_code(a->code)->symbol))
		complain("the error is named %s", a->error);
}

/* What an operation answered; the place is still the one before it. */
void check_answer(const struct answer *a, const struct expectation *e, unsigned int op)
{
	if (a->code != e->code) {
		complain("returns %d, should return %d%s%s", a->code, e->code, *a->text ? ": " : "", a->text);
		place.known = false;
		return;
	}
	if (e->code != CODE_DONE && e->code != CODE_JOB_STARTED && e->verdict != BLKREPL_VERDICT_GO)
		check_text(a, e, op);
}

/* The rest of an answer that is no error; the place is the one that it tells of. */
void check_status(const struct answer *a)
{
	bool started = a->code == CODE_JOB_STARTED;
	char legal[512];

	if (started != (strcmp(a->job, "/") != 0))
		complain("the job is %s", a->job);
	if ((int)a->ext_code != a->code || strcmp(a->ext_name, started ? "JobStarted" : "Done"))
		complain("ExtendedStatus has Code %u, Name '%s'", a->ext_code, a->ext_name);
	if (!place.related)
		return;
	if (strcmp(a->ext_state, state_name(place.state)))
		complain("ExtendedStatus has CopyState %s, should be %s", a->ext_state, state_name(place.state));
	legal_operations(legal, sizeof(legal));
	if (strcmp(a->ext_legal, legal))
		complain("ExtendedStatus has LegalOperations %s; should be %s", a->ext_legal, legal);
}

/* What "blkreplctl relationship operations" offers is what is legal. */
void check_command_line(void)
{
	char command[128], line[65536], legal[512], found[512] = "";
	size_t n = 0;
	char *at;
	FILE *f;

	f = popen("blkreplctl relationship operations matrix --json=short", "re");
	if (!f || !fgets(line, sizeof(line), f))
		*line = 0;
	if (!f || pclose(f))
		complain("blkreplctl fails");
	for (at = line; (at = strstr(at, "\"Operation\":\"")); ) {
		at += strlen("\"Operation\":\"");
		snprintf(command, sizeof(command), "%.*s", (int)strcspn(at, "\""), at);
		at = strstr(at, "\"NeedsForce\":") ?: at;
		n += snprintf(found + n, sizeof(found) - n, "%s%s%s", n ? " " : "", command,
			      strncmp(at, "\"NeedsForce\":true", 17) ? "" : "!");
	}
	legal_operations(legal, sizeof(legal));
	if (strcmp(found, legal))
		complain("blkreplctl offers %s; should be %s", found, legal);
}

/*
 * A write wherever one is to be possible, except where it would be a situation of its
 * own: the target of a parted relationship becomes Skewed by it.
 */
void write_everywhere(void)
{
	int s;

	for (s = 0; s < SIDES; s++) {
		if (!open_for_writing(s) ||
		    (place.related && s != (int)place.source &&
		     (place.state == BLKREPL_COPY_STATE_FRACTURED || place.state == BLKREPL_COPY_STATE_SPLIT)))
			continue;
		if (place.quiet && !mirrored_from(s))
			continue;
		image_write(s, mirrored_from(s));
		if (s == (int)place.source && !mirrored_from(s))
			place.lags = true;
	}
}

void check_place(void)
{
	check_properties();
	if (!place.known)
		return;
	check_access();
	image_compare();
}
