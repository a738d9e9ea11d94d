// SPDX-License-Identifier: GPL-2.0
/*
 * A write's way, the intent commit and the sweeper: what kernel/io.c, range.c,
 * request.c and intent.c do.
 */
#include "sim.h"

static u64 bit_of(unsigned int block)
{
	return BIT_BASE + block;
}

void mark_dirty(unsigned int member, unsigned int first, unsigned int nr)
{
	blkrepl_dirty_set(&mod->vol[member].dirty, bit_of(first), nr);
}

void mark_clean(unsigned int member, unsigned int first, unsigned int nr)
{
	if (mod->vol[member].mirror || bug == BUG_CLEAN_WHEN_STOPPED)
		blkrepl_dirty_clear(&mod->vol[member].dirty, bit_of(first), nr);
}

u64 dirty_blocks(void)
{
	u64 n = 0;
	int m;

	for (m = 0; m < MEMBERS; m++)
		n += mod->vol[m].dirty.weight;
	return n;
}

struct io *io_new(enum io_kind kind, unsigned int member, unsigned int first, unsigned int nr)
{
	struct io *io = mod->io;

	while (io < mod->io + MAX_IOS && io->phase != IO_FREE)
		io++;
	if (io == mod->io + MAX_IOS)
		return NULL;
	*io = (struct io){ .kind = kind, .member = member, .first = first, .nr = nr, .refs = 1,
			   .phase = IO_HELD };
	return io;
}

void io_put(struct io *io)
{
	if (!--io->refs)
		io->phase = IO_FREE;
}

bool conn_tryget(void)
{
	if (!mod->connected || !mod->alive)
		return false;
	mod->conn_refs++;
	return true;
}

bool range_busy(unsigned int member, unsigned int first, unsigned int nr)
{
	struct io *io;

	for (io = mod->io; io < mod->io + MAX_IOS; io++)
		if (io->phase != IO_FREE && io->locked && io->member == member &&
		    io->first < first + nr && first < io->first + io->nr)
			return true;
	return false;
}

/* @hot: told whether the extent's bit is durable; NULL for the copy engine */
bool range_lock(struct io *io, bool *hot)
{
	u8 *ext = &mod->vol[io->member].ext[io->first / EXTENT];

	if (range_busy(io->member, io->first, io->nr) && bug != BUG_NO_RANGE_LOCK &&
	    !(bug == BUG_COPY_NO_RANGE_LOCK && io->kind == IO_COPY))
		return false;
	if (hot) {
		*hot = *ext & EXT_HOT;
		*ext |= EXT_TOUCHED;
	}
	io->locked = true;
	return true;
}

static void answer(struct io *io, bool both)
{
	oracle_answer(io, both);
	io->phase = IO_ENDED;
	io_put(io);
}

/* All legs have ended, or were abandoned. */
static void write_done(struct io *io)
{
	bool both = io->mirrored && !io->tgt_error;

	if (io->kind == IO_COPY)
		return;
	if (io->locked) {
		if (io->mirrored && !both)
			mark_dirty(io->member, io->first, io->nr);
		else if (both && mod->vol[io->member].dirty.weight)
			mark_clean(io->member, io->first, io->nr);
		io->locked = false;
	}
	mod->write_refs--;
	if (both || mod->stale_durable || bug == BUG_ACK_BEFORE_STALE) {
		if (!both && !mod->stale_durable)
			mod->stale_work = true;
		answer(io, both);
		return;
	}
	io->phase = IO_AWAIT;
	mod->stale_work = true;
}

static void leg_done(struct io *io)
{
	if (!io->src_pending && !io->tgt_pending)
		write_done(io);
}

static void source_end(struct req *q)
{
	struct io *io = q->ctx;

	io->src_pending = false;
	leg_done(io);
}

/* A request to the target's data has ended; an orphan interests nobody. */
void target_end(struct req *q)
{
	struct io *io = q->ctx;

	mod->conn_refs--;
	if (!q->late) {
		io->tgt_req = NULL;
		io->tgt_pending = false;
		io->tgt_error = q->error;
		if (q->error)
			link_fail(io->member);
		leg_done(io);
	}
	io_put(io);
}

/* The deadline: go on without what a leg does not answer. */
void abandon(unsigned int member)
{
	struct req *q;
	struct io *io;

	for (q = all_reqs; q; q = q->next)
		if (q->disk == &target[member] && !q->done)
			q->late = true;
	for (io = mod->io; io < mod->io + MAX_IOS; io++) {
		if (io->phase == IO_FREE || !io->tgt_pending || io->member != member)
			continue;
		io->tgt_pending = false;
		io->tgt_req = NULL;
		io->tgt_error = -ETIMEDOUT;
		leg_done(io);
	}
}

/* The same with the whole target. */
void abandon_all(void)
{
	struct req *q;
	unsigned int m;

	for (q = all_reqs; q; q = q->next)
		if (q->disk == &target_log && !q->done)
			q->late = true;
	for (m = 0; m < MEMBERS; m++)
		abandon(m);
}

/* Send a write to the legs. */
static void write_go(struct io *io)
{
	enum req_op op = io->kind == IO_FLUSH ? REQ_FLUSH : REQ_WRITE;
	struct vol *v = &mod->vol[io->member];
	u64 data[EXTENT];
	struct req *q;
	unsigned int i;

	io->mirrored = v->mirror && conn_tryget();
	for (i = 0; i < io->nr; i++)
		data[i] = io->version;
	if (!io->mirrored && io->nr)
		mark_dirty(io->member, io->first, io->nr);
	io->phase = IO_LEGS;
	io->src_pending = true;
	io->tgt_pending = io->mirrored;
	q = req_submit(&source[io->member], op, io->first, io->nr, data, io->fua);
	q->end = source_end;
	q->ctx = io;
	if (io->mirrored) {
		q = req_submit(&target[io->member], op, io->first, io->nr, data, io->fua);
		q->epoch = v->epoch;
		q->end = target_end;
		q->ctx = io;
		io->tgt_req = q;
		io->refs++;
	}
}

/* The next thing to do for a write; false when there is nothing for now. */
bool io_step(struct io *io)
{
	bool hot;

	switch (io->phase) {
	case IO_HELD:
		if (mod->holding)
			return false;
		mod->write_refs++;
		if (io->kind == IO_FLUSH) {
			write_go(io);
			return true;
		}
		io->phase = IO_LOCKING;
		return true;
	case IO_LOCKING:
		if (!range_lock(io, &hot))
			return false;
		oracle_version(io);
		if (hot || bug == BUG_INTENT_AFTER_DATA) {
			if (!hot)
				mod->vol[io->member].ext[io->first / EXTENT] |= EXT_HOT;
			write_go(io);
		} else {
			io->phase = IO_INTENT;
		}
		return true;
	default:
		return false;
	}
}

static void set_intent(unsigned int member, unsigned int extent, bool one)
{
	struct vol *v = &mod->vol[member];
	u64 w = le64_to_cpu(v->intent.word[0]), mask = 1ULL << extent;

	if (!(w & mask) == !one)
		return;
	v->intent.word[0] = cpu_to_le64(one ? w | mask : w & ~mask);
	v->intent_changed = true;
}

/* One group commit. */
bool commit_work(struct commit_task *t)
{
	struct io *io;

	TASK_BEGIN(&t->task);
	TASK_WAIT(&t->task, !mod->meta_lock);
	mod->meta_lock = true;
	t->n = 0;
	for (io = mod->io; io < mod->io + MAX_IOS; io++)
		if (io->phase == IO_INTENT) {
			t->batch[t->n++] = io;
			set_intent(io->member, io->first / EXTENT, true);
		}
	for (t->i = 0; t->i < MEMBERS; t->i++) {
		if (!mod->vol[t->i].intent_changed)
			continue;
		t->wait.task.line = 0;
		TASK_WAIT(&t->task, log_write_bits(&t->wait, BLKREPL_BLOCK_INTENT, t->i, 0,
						   &mod->vol[t->i].intent, mod->log.tag,
						   &mod->vol[t->i].intent_seq));
		mod->vol[t->i].intent_changed = false;
	}
	for (t->i = 0; t->i < t->n; t->i++)
		mod->vol[t->batch[t->i]->member].ext[t->batch[t->i]->first / EXTENT] |= EXT_HOT;
	mod->meta_lock = false;
	for (t->i = 0; t->i < t->n; t->i++)
		write_go(t->batch[t->i]);
	TASK_END(&t->task);
}

/* Flush the target's data, member by member. */
bool conn_flush(struct flush *f)
{
	TASK_BEGIN(&f->task);
	f->r = -ENOTCONN;
	if (conn_tryget()) {
		f->r = 0;
		for (f->i = 0; f->i < MEMBERS && !f->r; f->i++) {
			if (mod->vol[f->i].out)
				continue;
			f->wait.task.line = 0;
			f->wait.q = req_submit(&target[f->i], REQ_FLUSH, 0, 0, NULL, false);
			f->wait.q->epoch = mod->vol[f->i].epoch;
			TASK_WAIT(&f->task, log_wait(&f->wait));
			f->r = f->wait.r;
			if (f->r)
				link_fail(f->i);
		}
		mod->conn_refs--;
	}
	TASK_END(&f->task);
}

static unsigned int find_idle(unsigned int m, bool all)
{
	unsigned int e, n = 0;

	for (e = 0; e < EXTENTS; e++) {
		u8 *ext = &mod->vol[m].ext[e];

		if (!(*ext & EXT_HOT))
			continue;
		if (all) {
			*ext &= ~EXT_TOUCHED;
			*ext |= EXT_IDLE;
		}
		if (*ext & EXT_TOUCHED) {
			*ext &= ~(EXT_TOUCHED | EXT_IDLE);
		} else if (!(*ext & EXT_IDLE)) {
			*ext |= EXT_IDLE;
		} else if (!range_busy(m, e * EXTENT, EXTENT)) {
			*ext |= EXT_CLEARING;
			n++;
		}
	}
	return n;
}

static bool take_images(struct sweep_task *t)
{
	bool any = false;
	int m, c;

	for (m = 0; m < MEMBERS; m++)
		for (c = 0; c < CHUNKS; c++) {
			struct blkrepl_dirty *d = &mod->vol[m].dirty;

			t->image[m][c].taken = d->chunk[c].changed;
			if (!d->chunk[c].changed)
				continue;
			d->chunk[c].changed = false;
			blkrepl_dirty_image(d, c, &t->image[m][c].bits);
			any = true;
		}
	return any;
}

static void keep_images_changed(struct sweep_task *t)
{
	int m, c;

	for (m = 0; m < MEMBERS; m++)
		for (c = 0; c < CHUNKS; c++)
			mod->vol[m].chunk[c].changed |= t->image[m][c].taken;
}

static bool is_stored(unsigned int m, unsigned int extent)
{
	struct blkrepl_dirty *d = &mod->vol[m].dirty;
	u64 first = bit_of(extent * EXTENT), last = first + EXTENT - 1, c;

	for (c = first / BLKREPL_CHUNK_BITS; c <= last / BLKREPL_CHUNK_BITS; c++)
		if (d->chunk[c].changed && blkrepl_dirty_count(d, first, EXTENT))
			return false;
	return true;
}

static void settle(unsigned int m, bool clear)
{
	unsigned int e;

	for (e = 0; e < EXTENTS; e++) {
		u8 *ext = &mod->vol[m].ext[e];

		if (!(*ext & EXT_CLEARING))
			continue;
		*ext &= ~EXT_CLEARING;
		if (!clear || (*ext & EXT_TOUCHED) || !is_stored(m, e) ||
		    range_busy(m, e * EXTENT, EXTENT))
			continue;
		*ext &= ~(EXT_HOT | EXT_IDLE);
		set_intent(m, e, false);
	}
}

/* What was copied to the target is suspect until the target was flushed. */
void intent_copied(struct io *io)
{
	if (bug != BUG_COPIED_FORGOTTEN)
		mod->vol[io->member].ext[io->first / EXTENT] |= EXT_COPIED;
}

static void sweep_copied(u8 from, u8 to)
{
	unsigned int m, e;

	for (m = 0; m < MEMBERS; m++)
		for (e = 0; e < EXTENTS && (mod->vol[m].mirror || from == EXT_FLUSHING); e++)
			if (mod->vol[m].ext[e] & from)
				mod->vol[m].ext[e] = (mod->vol[m].ext[e] & ~from) | to;
}

/* Whether there is something to do, and nothing against it. */
static bool sweep_begins(struct sweep_task *t)
{
	unsigned int m, idle = 0;

	t->mirrored = mirrors_some();
	t->turns = mod->turns;
	if (any_suspect() && bug != BUG_SWEEP_WITH_SUSPECTS)
		return false;
	for (m = 0; m < MEMBERS; m++)
		idle += find_idle(m, t->all);
	t->idle = idle;
	t->r = 0;
	return take_images(t) || idle;
}

/* One round of the sweeper. */
bool sweep_work(struct sweep_task *t)
{
	unsigned int m;

	TASK_BEGIN(&t->task);
	TASK_WAIT(&t->task, !mod->meta_lock);
	mod->meta_lock = true;
	if (sweep_begins(t)) {
		if (t->mirrored)
			sweep_copied(EXT_COPIED, EXT_FLUSHING);
		for (t->i = 0; t->i < MEMBERS && bug != BUG_SWEEP_NO_SOURCE_FLUSH; t->i++) {
			t->wait.task.line = 0;
			t->wait.q = req_submit(&source[t->i], REQ_FLUSH, 0, 0, NULL, false);
			TASK_WAIT(&t->task, log_wait(&t->wait));
		}
		if (t->mirrored && bug != BUG_SWEEP_NO_TARGET_FLUSH) {
			t->flush.task.line = 0;
			TASK_WAIT(&t->task, conn_flush(&t->flush));
			t->r = t->flush.r;
		}
		if (!t->r && t->turns != mod->turns)
			t->r = -EAGAIN;
		if (t->mirrored)
			sweep_copied(EXT_FLUSHING, t->r ? EXT_COPIED : 0);
		if (t->r)
			keep_images_changed(t);
		for (t->i = 0; t->i < MEMBERS && !t->r; t->i++)
			for (t->c = 0; t->c < CHUNKS; t->c++) {
				if (!t->image[t->i][t->c].taken)
					continue;
				t->wait.task.line = 0;
				TASK_WAIT(&t->task, log_write_bits(&t->wait, BLKREPL_BLOCK_DIRTY, t->i,
					t->c, &t->image[t->i][t->c].bits, mod->dirty_tag,
					&mod->vol[t->i].chunk[t->c].seq));
			}
		for (m = 0; m < MEMBERS && t->idle; m++)
			settle(m, !t->r);
		for (t->i = 0; t->i < MEMBERS; t->i++) {
			if (!mod->vol[t->i].intent_changed)
				continue;
			t->wait.task.line = 0;
			TASK_WAIT(&t->task, log_write_bits(&t->wait, BLKREPL_BLOCK_INTENT, t->i, 0,
				&mod->vol[t->i].intent, mod->log.tag, &mod->vol[t->i].intent_seq));
			mod->vol[t->i].intent_changed = false;
		}
	}
	mod->meta_lock = false;
	TASK_END(&t->task);
}

bool intents_cold(void)
{
	unsigned int m, e;

	for (m = 0; m < MEMBERS; m++)
		for (e = 0; e < EXTENTS; e++)
			if (mod->vol[m].ext[e] & EXT_HOT)
				return false;
	return true;
}
