// SPDX-License-Identifier: GPL-2.0
/*
 * Generations. Pure.
 *
 * A side that goes on alone takes a new @latest and remembers the old one as
 * @base. As long as one side only has done so, the other's @latest is this
 * side's @base, and the bitmaps tell the difference. Once both have, nothing
 * but the operator can say which data are wanted.
 *
 * When a copy is complete the target is told first, and then the source may
 * crash before it knows that itself. So a source that goes on alone once more
 * takes a new @latest even if it has a @base already: the target may be at any
 * @latest that the source has had since @base.
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

/* Whether @g is what became of @old, with nothing but bitmaps in between. */
static bool follows(const struct blkrepl_gens *g, const struct blkrepl_gens *old)
{
	int i;

	if (!g->base)
		return false;
	if (g->base == old->latest)
		return true;
	for (i = 0; i < BLKREPL_HISTORY && g->history[i] != g->base; i++)
		if (g->history[i] == old->latest)
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
	if (follows(mine, theirs))
		return BLKREPL_GEN_SOURCE;
	if (follows(theirs, mine))
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

/**
 * blkrepl_gens_common - whether the bitmaps of both sides tell all that differs
 * @mine: generations of this side
 * @theirs: generations of the other side
 *
 * Each side's bitmap counts from its @base on, or, where it has none, from its
 * @latest. What differs is the union where one count began on the other's line,
 * no earlier than the other's own.
 */
bool blkrepl_gens_common(const struct blkrepl_gens *mine, const struct blkrepl_gens *theirs)
{
	struct blkrepl_gens m0 = { .latest = mine->base ?: mine->latest };
	struct blkrepl_gens t0 = { .latest = theirs->base ?: theirs->latest };

	if (!m0.latest || !t0.latest)
		return false;
	return m0.latest == t0.latest || follows(mine, &t0) || follows(theirs, &m0);
}

static void remember(struct blkrepl_gens *g, u64 gen)
{
	if (!gen || g->history[0] == gen)
		return;
	memmove(&g->history[1], &g->history[0], sizeof(g->history) - sizeof(g->history[0]));
	g->history[0] = gen;
}

/**
 * blkrepl_gens_load - those that a link block has
 * @g: filled
 * @l: the block
 */
void blkrepl_gens_load(struct blkrepl_gens *g, const struct blkrepl_disk_link *l)
{
	int i;

	g->latest = le64_to_cpu(l->gen_current);
	g->base = le64_to_cpu(l->gen_base);
	for (i = 0; i < BLKREPL_HISTORY; i++)
		g->history[i] = le64_to_cpu(l->gen_history[i]);
}

/**
 * blkrepl_gens_store - put them into a link block
 * @g: the generations
 * @l: the block
 */
void blkrepl_gens_store(const struct blkrepl_gens *g, struct blkrepl_disk_link *l)
{
	int i;

	l->gen_current = cpu_to_le64(g->latest);
	l->gen_base = cpu_to_le64(g->base);
	for (i = 0; i < BLKREPL_HISTORY; i++)
		l->gen_history[i] = cpu_to_le64(g->history[i]);
}

/**
 * blkrepl_gens_fork - this side goes on alone
 * @g: its generations
 * @fresh: a random number, not 0
 *
 * Where it has been alone already the bitmaps still count from @base on.
 */
void blkrepl_gens_fork(struct blkrepl_gens *g, u64 fresh)
{
	remember(g, g->latest);
	if (!g->base)
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
