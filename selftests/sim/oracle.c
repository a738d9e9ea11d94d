// SPDX-License-Identifier: GPL-2.0
/*
 * What the user of the replica devices was promised, and whether it holds.
 *
 * Every write has a number, which is also the data that it writes. A write to a
 * block is promised once it was acknowledged and flushed afterwards: then the
 * block holds that write or a later one, whatever happens.
 */
#include <stdlib.h>

#include "sim.h"

const char *violation;
unsigned long promises, checks;

static struct write_record *records;
static u64 clock_now, next_version;
/* newest write that was acknowledged, and promised; on the source, on both sides */
static u64 acked[MEMBERS][BLOCKS], both[MEMBERS][BLOCKS];
static u64 promised[MEMBERS][BLOCKS], promised_both[MEMBERS][BLOCKS];
/* the target lost writes since it was the same as the source last */
static bool target_torn;

static void fail(const char *what)
{
	if (!violation)
		violation = what;
}

void oracle_reset(void)
{
	while (records) {
		struct write_record *next = records->next;

		free(records);
		records = next;
	}
	memset(acked, 0, sizeof(acked));
	memset(both, 0, sizeof(both));
	memset(promised, 0, sizeof(promised));
	memset(promised_both, 0, sizeof(promised_both));
	next_version = clock_now = 0;
	target_torn = false;
	violation = NULL;
}

struct write_record *oracle_submit(const struct io *io)
{
	struct write_record *w = calloc(1, sizeof(*w));

	*w = (struct write_record){ .member = io->member, .first = io->first, .nr = io->nr,
				    .is_flush = io->kind == IO_FLUSH, .fua = io->fua,
				    .submitted = ++clock_now, .next = records };
	if (w->is_flush) {
		memcpy(w->acked_then, acked[w->member], sizeof(w->acked_then));
		memcpy(w->both_then, both[w->member], sizeof(w->both_then));
	}
	records = w;
	return w;
}

/* The write's turn has come: from here on its place in the order is known. */
void oracle_version(struct io *io)
{
	io->version = io->record->version = ++next_version;
}

static void raise_to(u64 *a, u64 v)
{
	if (*a < v)
		*a = v;
}

void oracle_answer(struct io *io, bool on_both)
{
	struct write_record *w = io->record;
	unsigned int m = w->member, b;

	on_both &= !w->target_lost;
	w->acked = true;
	w->answered = ++clock_now;
	if (w->is_flush) {
		for (b = 0; b < BLOCKS; b++) {
			promises += promised[m][b] < w->acked_then[b];
			raise_to(&promised[m][b], w->acked_then[b]);
			if (on_both)
				raise_to(&promised_both[m][b], w->both_then[b]);
		}
		return;
	}
	for (b = w->first; b < w->first + w->nr; b++) {
		raise_to(&acked[m][b], w->version);
		if (on_both)
			raise_to(&both[m][b], w->version);
		if (w->fua) {
			promises++;
			raise_to(&promised[m][b], w->version);
			if (on_both)
				raise_to(&promised_both[m][b], w->version);
		}
	}
}

/* The source lost its memory and what was not durable. */
void oracle_source_cut(void)
{
	struct write_record *w;
	unsigned int b;

	for (w = records; w; w = w->next)
		for (b = w->first; b < w->first + w->nr; b++)
			if (!w->acked || w->version > promised[w->member][b])
				w->void_ = true;
	memcpy(acked, promised, sizeof(acked));
	memcpy(both, promised_both, sizeof(both));
}

void oracle_target_cut(void)
{
	struct write_record *w;

	memcpy(both, promised_both, sizeof(both));
	/* Whatever the target has done for requests under way may be lost with it. */
	for (w = records; w; w = w->next)
		w->target_lost |= !w->acked;
	target_torn = true;
}

void oracle_synchronized(void)
{
	target_torn = false;
}

static u64 block_of(const struct disk *d, unsigned int b, bool durable)
{
	u64 v;

	memcpy(&v, (durable ? d->durable : d->now) + b * sizeof(v), sizeof(v));
	return v;
}

static bool lacks(const struct disk *d, u64 floor[MEMBERS][BLOCKS], bool durable)
{
	unsigned int m, b;

	for (m = 0; m < MEMBERS; m++)
		for (b = 0; b < BLOCKS; b++)
			if (block_of(&d[m], b, durable) < floor[m][b])
				return true;
	return false;
}

/*
 * What would be found if the power of both hosts went now, and nothing was kept
 * that need not be.
 */
void oracle_check_cut(void)
{
	struct blkrepl_disk_link mine, theirs;
	struct blkrepl_gens a, b;

	checks++;
	if (lacks(source, promised, true))
		fail("P1: the source lacks a write that was acknowledged and flushed");
	if (lacks(target, promised_both, true))
		fail("P1: the target lacks a write that was flushed while both had it");
	if (!log_read_link(&source_log, true, &mine)) {
		fail("the source's log volume does not hold its relationship any more");
		return;
	}
	if (!log_read_link(&target_log, true, &theirs)) {
		fail("the target's log volume does not hold its relationship any more");
		return;
	}
	blkrepl_gens_load(&a, &mine);
	blkrepl_gens_load(&b, &theirs);
	if (blkrepl_gens_compare(&a, &b) == BLKREPL_GEN_SAME &&
	    !(le32_to_cpu(theirs.flags) & (BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY)) &&
	    lacks(target, promised, true))
		fail("P2: the target seems to be up to date and lacks a write that was flushed");
}

/*
 * While the target is consistent its members are one prefix of the order in
 * which writes depended on each other: whatever was acknowledged before the
 * newest write that is there was submitted, is there too.
 */
void oracle_check_prefix(void)
{
	struct write_record *w;
	u64 newest = 0;
	unsigned int b;

	if (target_torn || target[0].down)
		return;
	checks++;
	for (w = records; w; w = w->next)
		for (b = w->first; w->version && b < w->first + w->nr; b++)
			if (block_of(&target[w->member], b, false) == w->version &&
			    w->submitted > newest)
				newest = w->submitted;
	for (w = records; w; w = w->next)
		if (w->acked && !w->void_ && !w->is_flush && w->answered < newest)
			for (b = w->first; b < w->first + w->nr; b++)
				if (block_of(&target[w->member], b, false) < w->version)
					fail("P3: the target group is no prefix of the write order");
}

/* Synchronized, and nothing is under way: then both sides are the same. */
void oracle_check_same(void)
{
	unsigned int m, b;

	checks++;
	for (m = 0; m < MEMBERS; m++)
		for (b = 0; b < BLOCKS; b++)
			if (block_of(&source[m], b, false) != block_of(&target[m], b, false))
				fail("P4: the sides differ though the pair is synchronized");
}
