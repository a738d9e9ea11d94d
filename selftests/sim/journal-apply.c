// SPDX-License-Identifier: GPL-2.0
/* The applier: journal to members, in the order that kernel/replay.h tells. */
#include <stdlib.h>

#include "journal.h"

#define MAX_ACTIONS	4096

void applier_end(struct req *q)
{
	struct wait *w = q->ctx;

	if (w) {
		w->n--;
		w->error |= !!q->error;
	}
}

/* Forget everything; what was sent may still arrive. */
void applier_reset(void)
{
	forget_wait(&app.wait);
	app.wait = (struct wait){ 0 };
	app.task.line = 0;
	app.alive = false;
	if (!app.action)
		app.action = calloc(MAX_ACTIONS, sizeof(*app.action));
}

static void log_flush(void)
{
	submit(&target_log, REQ_FLUSH, 0, 0, NULL, false, &app.wait, applier_end);
}

static int collect(void *ctx, const struct blkrepl_write *w)
{
	struct action *a = &app.action[app.nr];
	u32 s;

	if (app.nr == MAX_ACTIONS)
		abort();
	*a = (struct action){ .w = *w };
	for (s = 0; s < BLKREPL_BLOCK_SECTORS && w->data; s++)
		memcpy(&a->data[s], w->data + s * 512, sizeof(u64));
	app.nr++;
	return 0;
}

static int collect_barrier(void *ctx)
{
	if (app.nr && bug != BUG_APPLY_NO_BARRIER)
		app.action[app.nr - 1].barrier = true;
	return 0;
}

static const struct blkrepl_replay_ops ops = {
	.read = log_read,
	.apply = collect,
	.settle = collect_barrier,
};

/* A mistake: what a descriptor says is done though there is no commit block yet. */
static void collect_unverified(void)
{
	const struct blkrepl_disk_desc *d = (void *)app.desc;
	u64 pos = app.rp.last.pos;
	struct blkrepl_write w;
	u32 i, k;

	log_read(NULL, pos % app.j.nr_blocks, app.desc);
	if (!blkrepl_block_valid(d, BLKREPL_BLOCK_DESC, 0, &app.j.tag) ||
	    blkrepl_block_seq(d) != pos)
		return;
	for (i = 0; i < le16_to_cpu(d->nr_records); i++) {
		const struct blkrepl_disk_record *r = &d->record[i];

		for (k = 0; k < le32_to_cpu(r->nr); k++) {
			w = (struct blkrepl_write){
				.block = le64_to_cpu(r->block) + k, .nr = 1, .member = r->member,
				.kind = r->kind, .sectors = r->sectors,
			};
			if (r->kind == BLKREPL_KIND_DATA) {
				log_read(NULL, ++pos % app.j.nr_blocks, app.payload);
				w.data = app.payload;
			}
			collect(NULL, &w);
		}
	}
}

/* Send one action; sectors are the disks' blocks. */
static void send(const struct action *a)
{
	static const u64 zero[SECTORS];
	u64 first = a->w.block * BLKREPL_BLOCK_SECTORS;
	u32 s, n;

	daring = true;
	if (a->w.nr > 1 || a->w.sectors == BLKREPL_SECTORS_ALL) {
		submit(&target[a->w.member], REQ_WRITE, first, a->w.nr * BLKREPL_BLOCK_SECTORS,
		       a->w.data ? a->data : zero, false, &app.wait, applier_end);
		return;
	}
	for (s = 0; s < BLKREPL_BLOCK_SECTORS; s += n ? n : 1) {
		for (n = 0; s + n < BLKREPL_BLOCK_SECTORS && a->w.sectors >> (s + n) & 1; n++)
			;
		if (n)
			submit(&target[a->w.member], REQ_WRITE, first + s, n,
			       a->w.data ? &a->data[s] : zero, false, &app.wait, applier_end);
	}
}

static void send_mark(void)
{
	static struct blkrepl_disk_applied d;

	blkrepl_applied_store(&app.applied, &app.j, ++app.seq, &d);
	submit(&target_log, REQ_WRITE, 2 + (app.seq & 1), 1, &d, true, &app.wait, applier_end);
}

static void flush_members(void)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		submit(&target[m], REQ_FLUSH, 0, 0, NULL, false, &app.wait, applier_end);
}

static void begin_replay(void)
{
	blkrepl_replay_begin(&app.rp, &app.j, &app.applied, sizes, &ops, NULL, app.desc, app.payload);
}

/* From the end of the mark's write on, the source may know. */
static void tell_source(void)
{
	count.applied++;
	if (src && src->connected && applier_at_source)
		blkrepl_ring_applied(&src->ring, app.applied.pos);
}

bool applier_work(void)
{
	struct applier *t = &app;

	if (t->wait.error) {
		applier_reset();
		return false;
	}
	TASK_BEGIN(&t->task);
	TASK_WAIT(&t->task, !target_log.down && !busy_with(applier_end));
	t->alive = true;
	t->opened = target_log.epoch;
	if (read_head(&t->j, target_log.now) ||
	    blkrepl_applied_load(&t->applied, &t->seq, &t->j, target_log.now + 2 * BLKREPL_BLOCK_SIZE)) {
		violation = "P5: the journal cannot be read";
		return false;
	}
	for (;;) {
		begin_replay();
		if (bug == BUG_LOG_FLUSH_BEFORE_VERIFY)
			log_flush();
		TASK_WAIT(&t->task, !t->wait.n);
		t->more = rng_below(&rng, 3);
		do {
			TASK_WAIT(&t->task, rng_chance(&rng, 30));
			t->nr = 0;
			if (blkrepl_replay_next(&t->rp) != 1) {
				if (bug == BUG_APPLY_UNVERIFIED)
					collect_unverified();
				t->more = 0;
			} else {
				if (bug != BUG_APPLY_NO_LOG_FLUSH &&
				    bug != BUG_LOG_FLUSH_BEFORE_VERIFY)
					log_flush();
				TASK_WAIT(&t->task, !t->wait.n);
				if (blkrepl_replay_apply(&t->rp)) {
					violation = "P5: an epoch that was verified is gone";
					return false;
				}
			}
			for (t->at = 0; t->at < t->nr; t->at++) {
				send(&t->action[t->at]);
				if (t->action[t->at].barrier)
					TASK_WAIT(&t->task, !t->wait.n);
			}
			if (bug != BUG_APPLY_NO_BARRIER)
				TASK_WAIT(&t->task, !t->wait.n);
		} while (t->more--);
		if (t->rp.last.epoch == t->applied.epoch)
			continue;
		TASK_WAIT(&t->task, !t->wait.n);
		t->applied = t->rp.last;
		flush_members();
		if (bug != BUG_MARK_BEFORE_FLUSH)
			TASK_WAIT(&t->task, !t->wait.n);
		send_mark();
		TASK_WAIT(&t->task, !t->wait.n);
		tell_source();
	}
	TASK_END(&t->task);
}
