// SPDX-License-Identifier: GPL-2.0
/* Losing a target, or a part of it: what kernel/lost.c does. */
#include "sim.h"

#define ST(name) BLKREPL_COPY_STATE_##name

bool is_mirroring(void)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		if (!mod->vol[m].mirror)
			return false;
	return true;
}

bool mirrors_some(void)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		if (mod->vol[m].mirror)
			return true;
	return false;
}

bool any_suspect(void)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		if (mod->vol[m].suspect)
			return true;
	return false;
}

/* Hot extents may differ, and so may what was copied since the target was flushed. */
void intent_suspect(unsigned int m)
{
	const u8 suspect = EXT_HOT | EXT_COPIED | EXT_FLUSHING;
	unsigned int e;

	if (bug == BUG_NO_SUSPECTS)
		return;
	for (e = 0; e < EXTENTS; e++)
		if (mod->vol[m].ext[e] & suspect) {
			mark_dirty(m, e * EXTENT, EXTENT);
			mod->flags |= BLKREPL_LINK_COMPARE;
		}
}

/* What the target acknowledged and did not flush since is marked now. */
void settle_suspects(bool flushed)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++) {
		struct vol *v = &mod->vol[m];

		if (v->suspect && (!flushed || v->out) &&
		    !(v->out && bug == BUG_APART_NO_SUSPECTS))
			intent_suspect(m);
		v->suspect = false;
	}
}

void none_out(void)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		mod->vol[m].out = false;
}

static bool stop_pairs(int only)
{
	bool was = false;
	int m;

	for (m = 0; m < MEMBERS; m++) {
		struct vol *v = &mod->vol[m];

		if (!v->mirror || (only >= 0 && only != m))
			continue;
		v->mirror = false;
		v->suspect = true;
		v->out = only >= 0;
		was = true;
	}
	if (was) {
		mod->turns++;
		mod->stale_durable = false;
	}
	return was;
}

bool stop_mirroring(void)
{
	return stop_pairs(-1);
}

/*
 * A request to the target failed, to a member's leg or, if that is negative, to its
 * log volume; whether the whole target is lost.
 */
bool link_fail(int member)
{
	bool whole = member < 0 || (!mod->vol[member].out && (mod->flags & BLKREPL_LINK_CONSISTENCY) &&
				    bug != BUG_STOP_ONE_PAIR);

	if (stop_pairs(whole ? -1 : member))
		mod->stale_work = true;
	return whole;
}

void answer_await(bool stale)
{
	struct io *io;

	mod->stale_durable = stale;
	for (io = mod->io; io < mod->io + MAX_IOS; io++)
		if (io->phase == IO_AWAIT) {
			oracle_answer(io, false);
			io->phase = IO_ENDED;
			io_put(io);
		}
}

/* Whether something is to be made durable before writes are answered. */
static bool lose(struct state_task *t)
{
	bool flowed = blkrepl_state_flows(mod->state);

	t->to = blkrepl_event_next(BLKREPL_EV_TARGET_LOST, mod->state);
	if (mirrors_some() && mod->alive) {
		if (is_mirroring())
			return false;
		settle_suspects(false);
		t->to = blkrepl_event_next(BLKREPL_EV_PAIR_LOST, mod->state);
		mod->flags |= BLKREPL_LINK_APART;
		return !mod->stale_durable || mod->state != t->to;
	}
	/* It may have been given up just when mirroring began. */
	stop_mirroring();
	if (any_suspect() || flowed) {
		mod->alive = false;
		mod->copy_stop = true;
		settle_suspects(false);
		none_out();
	}
	return flowed || !mod->stale_durable;
}

/* Make durable that the target is stale, then answer who waited for it. */
bool stale_work(struct state_task *t)
{
	TASK_BEGIN(&t->task);
	mod->stale_work = false;
	TASK_WAIT(&t->task, !mod->state_lock);
	if (lose(t)) {
		mod->state_lock = true;
		if (t->to != ST(MIXED) || bug != BUG_APART_NO_MARK)
			fork_generation();
		mod->state = t->to;
		fill_link(&t->store.link, &mod->gens);
		t->store.task.line = 0;
		TASK_WAIT(&t->task, store_link(&t->store, &mod->log));
		answer_await(true);
		mod->state_lock = false;
	}
	TASK_END(&t->task);
}
