// SPDX-License-Identifier: GPL-2.0
/*
 * Generations. Pure.
 *
 * A side that goes on alone takes a new @latest and remembers the old one as
 * @base. As long as one side only has done so, the other's @latest is this
 * side's @base, and the bitmaps tell the difference. Once both have, nothing
 * but the operator can say which data are wanted.
 */
#include "generation.h"

static bool knows(const struct blkrepl_gens *g, u64 gen)
{
	int i;

	if (!gen)
		return false;
	if (g->latest == gen || g->base == gen)
		return true;
	for (i = 0; i < BLKREPL_HISTORY; i++)
		if (g->history[i] == gen)
			return true;
	return false;
}

/**
 * blkrepl_gens_compare - what may follow when two sides meet
 * @mine: generations of this side
 * @theirs: generations of the other side
 */
enum blkrepl_gen_relation blkrepl_gens_compare(const struct blkrepl_gens *mine,
					       const struct blkrepl_gens *theirs)
{
	int i;

	if (!mine->latest || !theirs->latest)
		return BLKREPL_GEN_UNRELATED;
	if (mine->latest == theirs->latest)
		return BLKREPL_GEN_SAME;
	if (mine->base == theirs->latest)
		return BLKREPL_GEN_SOURCE;
	if (theirs->base == mine->latest)
		return BLKREPL_GEN_TARGET;
	if (knows(mine, theirs->latest) || knows(theirs, mine->latest))
		return BLKREPL_GEN_DIVERGED;
	if (knows(mine, theirs->base) || knows(theirs, mine->base))
		return BLKREPL_GEN_DIVERGED;
	for (i = 0; i < BLKREPL_HISTORY; i++)
		if (knows(mine, theirs->history[i]))
			return BLKREPL_GEN_DIVERGED;
	return BLKREPL_GEN_UNRELATED;
}

static void remember(struct blkrepl_gens *g, u64 gen)
{
	if (!gen || g->history[0] == gen)
		return;
	memmove(&g->history[1], &g->history[0], sizeof(g->history) - sizeof(g->history[0]));
	g->history[0] = gen;
}

/**
 * blkrepl_gens_fork - this side goes on alone
 * @g: its generations
 * @fresh: a random number, not 0
 *
 * While it has been alone already nothing changes: the other side is still
 * where @base says.
 */
void blkrepl_gens_fork(struct blkrepl_gens *g, u64 fresh)
{
	if (g->base)
		return;
	remember(g, g->latest);
	g->base = g->latest;
	g->latest = fresh;
}

/**
 * blkrepl_gens_meet - both sides are the same again
 * @source: the side whose data both have now
 * @target: the other side
 */
void blkrepl_gens_meet(struct blkrepl_gens *source, struct blkrepl_gens *target)
{
	if (target->latest != source->latest)
		remember(target, target->latest);
	target->latest = source->latest;
	target->base = 0;
	source->base = 0;
}
