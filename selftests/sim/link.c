// SPDX-License-Identifier: GPL-2.0
/*
 * States, generations, the copy engine and the target's coming and going: what
 * kernel/link.c, conn.c and copy.c do.
 */
#include "sim.h"

#define ST(name) BLKREPL_COPY_STATE_##name

u64 fresh_generation(void)
{
	u64 g;

	do
		g = rng_u64(&rng);
	while (!g);
	return g;
}

static void give_up(void)
{
	mod->alive = false;
}

void fork_generation(void)
{
	if (bug == BUG_FORK_ONCE && mod->gens.base)
		return;
	blkrepl_gens_fork(&mod->gens, fresh_generation());
}

void copy_start(void)
{
	int i;

	if (mod->copy_running || mod->copy_forbidden)
		return;
	mod->copy_running = true;
	mod->copy_stop = false;
	mod->copy_member = 0;
	mod->copy_bit = 0;
	mod->copy_slots = SLOTS;
	for (i = 0; i < SLOTS; i++)
		mod->slot[i] = (struct copy_task){ .counted = true };
}

/* The next run of marked blocks, within one extent. */
static unsigned int next_run(unsigned int *member, unsigned int *first)
{
	for (; mod->copy_member < MEMBERS; mod->copy_member++, mod->copy_bit = 0) {
		struct blkrepl_dirty *d = &mod->vol[mod->copy_member].dirty;
		u64 at = blkrepl_dirty_next(d, mod->copy_bit), nr;

		if (mod->vol[mod->copy_member].out)
			continue;
		if (at < BIT_BASE) {
			/* Marked because memory was short; there is nothing to copy. */
			blkrepl_dirty_clear(d, 0, BIT_BASE);
			at = blkrepl_dirty_next(d, BIT_BASE);
		}
		if (at >= NR_BITS)
			continue;
		*member = mod->copy_member;
		*first = at - BIT_BASE;
		nr = blkrepl_dirty_run(d, at, EXTENT - *first % EXTENT);
		mod->copy_bit = at + nr;
		return nr;
	}
	return 0;
}

static bool copy_next(struct copy_task *t)
{
	unsigned int member, first, nr;

	if (mod->copy_stop)
		return false;
	t->io = io_new(IO_COPY, 0, 0, 0);
	if (!t->io)
		return false;
	t->io->phase = IO_LEGS;
	nr = next_run(&member, &first);
	if (nr) {
		t->io->member = member;
		t->io->first = first;
		t->io->nr = nr;
		return true;
	}
	io_put(t->io);
	return false;
}

static struct req *to_target(struct io *io, enum req_op op, const void *data)
{
	struct req *q = req_submit(&target[io->member], op, io->first, io->nr, data, false);

	q->epoch = mod->vol[io->member].epoch;
	return q;
}

/* One slot of the copy engine, until there is nothing left to take. */
bool copy_work(struct copy_task *t)
{
	static u64 data[EXTENT];
	bool ok = true;

	TASK_BEGIN(&t->task);
	while (ok && copy_next(t)) {
		TASK_WAIT(&t->task, range_lock(t->io, NULL));
		if (blkrepl_dirty_count(&mod->vol[t->io->member].dirty, BIT_BASE + t->io->first,
					t->io->nr)) {
			t->wait.task.line = 0;
			t->wait.q = req_submit(&source[t->io->member], REQ_READ, t->io->first,
					       t->io->nr, NULL, false);
			TASK_WAIT(&t->task, t->wait.q->done);
			memcpy(data, t->wait.q->data, t->io->nr * sizeof(u64));
			req_free(t->wait.q);
			t->wait.q = NULL;
			ok = conn_tryget();
			if (ok) {
				if (bug == BUG_CLEAR_BEFORE_COPY)
					mark_clean(t->io->member, t->io->first, t->io->nr);
				t->wait.q = to_target(t->io, REQ_WRITE, data);
				TASK_WAIT(&t->task, log_wait(&t->wait));
				mod->conn_refs--;
				ok = !t->wait.r;
				if (ok) {
					intent_copied(t->io);
					mark_clean(t->io->member, t->io->first, t->io->nr);
				} else {
					link_fail(t->io->member);
					/* Where its leg failed alone others go on. */
					ok = mod->vol[t->io->member].out;
				}
			}
		}
		t->io->locked = false;
		io_put(t->io);
	}
	t->counted = false;
	if (!--mod->copy_slots)
		mod->synced_wanted = true;
	TASK_END(&t->task);
}

static void set_synced(struct synced_task *t)
{
	const u32 gone = BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY |
			 BLKREPL_LINK_COMPARE | BLKREPL_LINK_APART;

	mod->flags &= ~gone;
	mod->gens = t->mine;
	mod->state = ST(SYNCHRONIZED);
	fill_link(&t->store.link, &mod->gens);
}

static void fill_met(struct synced_task *t)
{
	const u32 gone = BLKREPL_LINK_INCONSISTENT | BLKREPL_LINK_FIRST_COPY |
			 BLKREPL_LINK_COMPARE | BLKREPL_LINK_APART;

	blkrepl_gens_meet(&t->mine, &t->theirs);
	fill_link(&t->store.link, &t->theirs);
	t->store.link.flags &= cpu_to_le32(~gone);
	t->store.link.copy_state = cpu_to_le16(ST(SYNCHRONIZED));
}

/* All slots have ended; where nothing is left both sides are told, the target first. */
bool synced_work(struct synced_task *t)
{
	TASK_BEGIN(&t->task);
	mod->synced_wanted = false;
	t->mine = mod->gens;
	t->theirs = mod->target_gens;
	t->turns = mod->turns;
	if (!mod->copy_stop && !dirty_blocks() && is_mirroring()) {
		t->flush.task.line = 0;
		t->flush.r = 0;
		if (bug != BUG_SYNCED_NO_FLUSH)
			TASK_WAIT(&t->task, conn_flush(&t->flush));
		if (!t->flush.r && t->turns == mod->turns && conn_tryget()) {
			fill_met(t);
			t->store.task.line = 0;
			TASK_WAIT(&t->task, store_link(&t->store, &mod->target_log));
			mod->conn_refs--;
			TASK_WAIT(&t->task, t->store.r || !mod->state_lock);
			if (!t->store.r && t->turns == mod->turns &&
			    mod->state == ST(UNSYNCHRONIZED) && !dirty_blocks()) {
				mod->state_lock = true;
				set_synced(t);
				t->store.task.line = 0;
				TASK_WAIT(&t->task, store_link(&t->store, &mod->log));
				mod->target_gens = t->theirs;
				/* Should the target have gone meanwhile: what waits, it lacks. */
				if (is_mirroring())
					answer_await(false);
				mod->state_lock = false;
				oracle_synchronized();
			}
		}
	}
	mod->copy_running = false;
	TASK_END(&t->task);
}

/* Whether the target's log volume is the one that is expected. */
static int check_target(void)
{
	struct blkrepl_disk_link link;
	struct blkrepl_gens theirs;

	if (target_log.down || !log_read_link(&target_log, false, &link))
		return -EIO;
	blkrepl_gens_load(&theirs, &link);
	switch (blkrepl_gens_compare(&mod->gens, &theirs)) {
	case BLKREPL_GEN_SAME:
	case BLKREPL_GEN_SOURCE:
		break;
	default:
		violation = "the target is refused though the source alone was written";
		return -EBUSY;
	}
	mod->target_gens = theirs;
	mod->target_log.link_seq = blkrepl_block_seq(&link);
	mod->target_log.tag = le64_to_cpu(link.hdr.tag);
	return 0;
}

static bool target_quiet(void)
{
	return !mod->conn_refs && !disk_busy(&target[0]) && !disk_busy(&target[1]) &&
	       !disk_busy(&target_log);
}

static int meet_target(void)
{
	unsigned int m;
	int r;

	mod->epoch = target_log.epoch;
	for (m = 0; m < MEMBERS; m++)
		mod->vol[m].epoch = target[m].epoch;
	mod->connected = mod->alive = true;
	r = check_target();
	if (r)
		give_up();
	return r;
}

static bool is_awaited(void)
{
	struct io *io;

	for (io = mod->io; io < mod->io + MAX_IOS; io++)
		if (io->phase == IO_AWAIT)
			return true;
	return false;
}

/* Whether requests are in flight that nobody waits for any more. */
static bool orphaned(unsigned int m)
{
	struct req *q;

	for (q = all_reqs; q && bug != BUG_REVIVE_WITH_ORPHANS; q = q->next)
		if (q->disk == &target[m] && q->late && !q->done)
			return true;
	return false;
}

/* Which pairs are not to be mirrored; writes are held. */
static int leave_out(void)
{
	bool mixed = mod->state == ST(MIXED), late[MEMBERS] = {};
	unsigned int m, out = 0;

	for (m = 0; m < MEMBERS; m++) {
		struct vol *v = &mod->vol[m];

		if (v->mirror)
			continue;
		late[m] = bug != BUG_REJOIN_EARLY &&
			  (orphaned(m) || (mixed && range_busy(m, 0, BLOCKS)));
		out += late[m] || (v->out && (mixed || bug == BUG_OUT_FOR_EVER));
	}
	if (out && (out == MEMBERS || (!mixed && (mod->flags & BLKREPL_LINK_CONSISTENCY))))
		return -EBUSY;
	for (m = 0; m < MEMBERS; m++)
		if (late[m] || !mixed)
			mod->vol[m].out = late[m];
	return out ? ST(MIXED) : ST(UNSYNCHRONIZED);
}

static void begin_mirroring(void)
{
	unsigned int m;

	if (is_awaited())
		answer_await(false);
	mod->stale_durable = false;
	mod->turns++;
	for (m = 0; m < MEMBERS; m++) {
		struct vol *v = &mod->vol[m];

		if (v->out)
			continue;
		v->suspect = false;
		v->mirror = true;
	}
}

/* Of the legs that failed alone those that answer now. */
static bool legs_answer(void)
{
	bool any = false;
	unsigned int m;

	for (m = 0; m < MEMBERS; m++) {
		struct vol *v = &mod->vol[m];

		if (!v->out || target[m].fail || target[m].down || target[m].hung ||
		    (disk_busy(&target[m]) && bug != BUG_REJOIN_EARLY))
			continue;
		v->out = false;
		v->epoch = target[m].epoch;
		any = true;
	}
	return any;
}

static void still_out(void)
{
	unsigned int m;

	if (mod->state != ST(MIXED) && bug != BUG_OUT_FOR_EVER)
		return;
	for (m = 0; m < MEMBERS; m++)
		mod->vol[m].out |= !mod->vol[m].mirror;
}

/* A write came in between, or the target went again. */
static bool must_look_again(void)
{
	return (dirty_blocks() && !(mod->flags & BLKREPL_LINK_INCONSISTENT) &&
		bug != BUG_FLOW_NO_RECHECK && bug != BUG_NO_INCONSISTENT_MARK) || !mod->alive;
}

/* Go to @t->to, mirroring writes if it says so. */
static bool link_flow(struct conf_task *t)
{
	TASK_BEGIN(&t->flow);
	t->r = 0;
	if (!blkrepl_state_flows(t->to) || is_mirroring()) {
		TASK_WAIT(&t->flow, !mod->state_lock);
		if (mod->state != t->to) {
			mod->state_lock = true;
			mod->state = t->to;
			fill_link(&t->store.link, &mod->gens);
			t->store.task.line = 0;
			TASK_WAIT(&t->flow, store_link(&t->store, &mod->log));
			mod->state_lock = false;
		}
		t->flow.line = 0;
		return true;
	}
	TASK_WAIT(&t->flow, !mod->stale_work && !mod->stale.task.line);
	do {
		mod->holding = false;
		if (!conn_tryget()) {
			t->r = -ENOTCONN;
			break;
		}
		if (dirty_blocks() && bug != BUG_NO_INCONSISTENT_MARK) {
			mod->flags |= BLKREPL_LINK_INCONSISTENT;
			fill_link(&t->store.link, &mod->target_gens);
			t->store.task.line = 0;
			TASK_WAIT(&t->flow, store_link(&t->store, &mod->target_log));
			t->r = t->store.r;
		}
		mod->conn_refs--;
		if (t->r)
			break;
		mod->holding = bug != BUG_FLOW_NO_HOLD;
		TASK_WAIT(&t->flow, !mod->write_refs || !mod->holding);
	} while (must_look_again());
	if (!t->r) {
		t->r = leave_out();
		if (t->r < 0) {
			mod->holding = false;
			t->flow.line = 0;
			return true;
		}
		t->to = t->r;
		t->r = 0;
		TASK_WAIT(&t->flow, !mod->state_lock);
		mod->state_lock = true;
		if (is_awaited())
			fork_generation();
		if (t->to == ST(MIXED))
			mod->flags |= BLKREPL_LINK_APART;
		mod->state = t->to;
		fill_link(&t->store.link, &mod->gens);
		t->store.task.line = 0;
		TASK_WAIT(&t->flow, store_link(&t->store, &mod->log));
		begin_mirroring();
		mod->state_lock = false;
		mod->holding = false;
		copy_start();
	}
	TASK_END(&t->flow);
}

/* Stop mirroring at one instant of the write order and go to @t->to. */
static bool link_stop(struct conf_task *t)
{
	TASK_BEGIN(&t->stop);
	mod->copy_forbidden = true;
	mod->copy_stop = true;
	TASK_WAIT(&t->stop, !mod->copy_running);
	mod->holding = true;
	TASK_WAIT(&t->stop, !mod->write_refs);
	TASK_WAIT(&t->stop, !mod->state_lock);
	mod->state_lock = true;
	t->flowed = blkrepl_state_flows(mod->state);
	t->mirrored = stop_mirroring();
	if (t->flowed || (!mod->stale_durable && bug != BUG_STOP_NO_FORK))
		fork_generation();
	mod->state = t->to;
	fill_link(&t->store.link, &mod->gens);
	t->store.task.line = 0;
	TASK_WAIT(&t->stop, store_link(&t->store, &mod->log));
	answer_await(true);
	mod->state_lock = false;
	mod->holding = false;
	if (t->flowed) {
		t->flush.task.line = 0;
		t->flush.r = -ENOTCONN;
		if (t->mirrored)
			TASK_WAIT(&t->stop, conn_flush(&t->flush));
		TASK_WAIT(&t->stop, !mod->state_lock);
		settle_suspects(!t->flush.r);
		none_out();
	}
	mod->copy_forbidden = false;
	if (conn_tryget()) {
		fill_link(&t->store.link, &mod->target_gens);
		t->store.task.line = 0;
		TASK_WAIT(&t->stop, store_link(&t->store, &mod->target_log));
		mod->conn_refs--;
	}
	TASK_END(&t->stop);
}

/* Whether all pairs stop when one does changes while no write is in flight. */
static bool link_switch(struct conf_task *t)
{
	TASK_BEGIN(&t->stop);
	mod->holding = true;
	TASK_WAIT(&t->stop, !mod->write_refs);
	TASK_WAIT(&t->stop, !mod->state_lock);
	mod->state_lock = true;
	mod->flags ^= BLKREPL_LINK_CONSISTENCY;
	if (mirrors_some() && !is_mirroring())
		mod->flags |= BLKREPL_LINK_APART;
	fill_link(&t->store.link, &mod->gens);
	t->store.task.line = 0;
	TASK_WAIT(&t->stop, store_link(&t->store, &mod->log));
	mod->state_lock = false;
	mod->holding = false;
	TASK_END(&t->stop);
}

static bool no_user_io(void)
{
	struct io *io;

	for (io = mod->io; io < mod->io + MAX_IOS; io++)
		if (io->phase != IO_FREE && io->kind != IO_COPY && io->phase != IO_ENDED)
			return false;
	return true;
}

/* Commands, one at a time. */
bool conf_work(struct conf_task *t)
{
	enum blkrepl_state_event back = mod->flags & BLKREPL_LINK_MANUAL_RECOVERY ?
		BLKREPL_EV_TARGET_BACK_MANUAL : BLKREPL_EV_TARGET_BACK;

	TASK_BEGIN(&t->task);
	t->flow.line = t->stop.line = 0;
	switch (t->op) {
	case CONF_CONNECT:
	case CONF_REVIVE:
		if ((!target_quiet() && bug != BUG_REVIVE_WITH_ORPHANS) || mod->alive ||
		    meet_target()) {
			t->op = CONF_NONE;
			return true;
		}
		t->to = blkrepl_event_next(back, mod->state);
		break;
	case CONF_REJOIN:
		if (mod->state != ST(MIXED) || !mod->alive || !legs_answer()) {
			t->op = CONF_NONE;
			return true;
		}
		t->to = ST(UNSYNCHRONIZED);
		break;
	case CONF_SUSPEND:
		t->to = ST(SUSPENDED);
		break;
	default:
		t->to = ST(UNSYNCHRONIZED);
		break;
	}
	if (t->op == CONF_SUSPEND) {
		TASK_WAIT(&t->task, link_stop(t));
	} else if (t->op == CONF_SWITCH) {
		TASK_WAIT(&t->task, link_switch(t));
	} else if (t->op != CONF_DOWN) {
		TASK_WAIT(&t->task, link_flow(t));
		if (t->r && t->op == CONF_REJOIN)
			still_out();
		else if (t->r && (t->r != -EBUSY || t->op != CONF_RESUME))
			give_up();
	} else {
		TASK_WAIT(&t->task, no_user_io());
		mod->copy_forbidden = true;
		mod->copy_stop = true;
		TASK_WAIT(&t->task, !mod->copy_running);
		t->flush.task.line = 0;
		t->flush.r = -ENOTCONN;
		if (mirrors_some())
			TASK_WAIT(&t->task, conn_flush(&t->flush));
		t->mirrored = stop_mirroring();
		TASK_WAIT(&t->task, !mod->state_lock);
		settle_suspects(t->mirrored && !t->flush.r);
		mod->connected = false;
		TASK_WAIT(&t->task, !mod->stale_work && !mod->stale.task.line);
		TASK_WAIT(&t->task, !mod->sweep.task.line && !mod->commit.task.line);
		mod->sweep.all = true;
		mod->sweep_wanted = true;
		TASK_WAIT(&t->task, !mod->sweep_wanted && !mod->sweep.task.line);
		mod->up = false;
	}
	t->op = CONF_NONE;
	TASK_END(&t->task);
}
