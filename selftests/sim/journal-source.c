// SPDX-License-Identifier: GPL-2.0
/* The source: writes, epochs, transmitting, catching up. */
#include <stdlib.h>

#include "journal.h"

/* ---- memory ---- */

static void *block_alloc(void *ctx)
{
	return calloc(1, BLKREPL_BLOCK_SIZE);
}

static void block_free(void *ctx, void *block)
{
	free(block);
}

static void rec_free(void *ctx, struct blkrepl_rec *rec)
{
	if (rec)
		free(rec->data);
	free(rec);
}

static void zeroes_free(void *ctx, struct blkrepl_zeroes *z)
{
	free(z);
}

static const struct blkrepl_epoch_free frees = { .rec = rec_free, .zeroes = zeroes_free };

void source_new(void)
{
	static u64 generation;
	unsigned int m, b;

	src = calloc(1, sizeof(*src));
	src->generation = ++generation;
	for (m = 0; m < MEMBERS; m++) {
		blkrepl_dirty_init(&src->log[m].behind, &src->chunk[m][0], BLOCKS, block_alloc,
				   block_free, NULL);
		blkrepl_dirty_init(&src->log[m].left, &src->chunk[m][1], BLOCKS, block_alloc,
				   block_free, NULL);
		src->behind[m] = &src->log[m].behind;
		for (b = 0; b < BLOCKS; b++)
			if (intent[m][b])
				blkrepl_dirty_set(src->behind[m], b, 1);
	}
}

static void release(struct blkrepl_epoch *e)
{
	if (e->bucket)
		blkrepl_epoch_sort(e);
	blkrepl_epoch_release(e, &frees);
}

/* Stop what is on its way; it may still arrive. */
static void ep_stop(struct ep *ep)
{
	forget_wait(&ep->puts);
	forget_wait(&ep->wait);
	ep->puts = (struct wait){ 0 };
	ep->wait = (struct wait){ 0 };
	ep->task.line = 0;
	ep->written = false;
	ep->starved = false;
	free(ep->w.desc);
	ep->w.desc = NULL;
	blkrepl_ring_release(&src->ring, ep->reserved);
	ep->reserved = 0;
}

static void ep_free(struct ep *ep)
{
	unsigned int i;

	ep_stop(ep);
	release(&ep->e);
	release(&ep->batch);
	for (i = 0; i < MAX_WRITES; i++)
		if (src->write[i].ep == ep)
			src->write[i].ep = NULL;
	free(ep);
	src->nr_eps--;
}

static void pop_first(void)
{
	struct ep *ep = src->first;

	src->first = ep->next;
	ep_free(ep);
}

void source_free(void)
{
	unsigned int m;

	if (!src)
		return;
	src->cur = NULL;
	while (src->first)
		pop_first();
	for (m = 0; m < MEMBERS; m++) {
		blkrepl_dirty_release(&src->log[m].behind);
		blkrepl_dirty_release(&src->log[m].left);
	}
	free(src);
	src = NULL;
}

static struct ep *ep_new(u64 nr)
{
	struct ep *ep = calloc(1, sizeof(*ep)), **at = &src->first;

	blkrepl_epoch_open(&ep->e, nr, 0, ep->bucket, BUCKETS);
	while (*at)
		at = &(*at)->next;
	*at = ep;
	src->cur = ep;
	src->nr_eps++;
	return ep;
}

/* ---- writes ---- */

static bool overlaps(unsigned int member, unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < MAX_WRITES; i++) {
		const struct write *w = &src->write[i];

		if (w->used && w->member == member && first < w->first + w->nr &&
		    w->first < first + nr)
			return true;
	}
	return false;
}

static bool is_copied(unsigned int member, unsigned int first, unsigned int nr)
{
	unsigned int at = src->copy.block * BLKREPL_BLOCK_SECTORS;

	return src->copy.busy && bug != BUG_COPY_NO_LOCK && src->copy.member == member &&
	       first < at + BLKREPL_BLOCK_SECTORS && at < first + nr;
}

static void write_end(struct req *q)
{
	struct write *w = q->ctx;

	if (w->ep)
		w->ep->refs--;
	w->used = false;
	w->ep = NULL;
}

static u8 sectors_in(unsigned int block, unsigned int first, unsigned int nr)
{
	u8 mask = 0;
	unsigned int s;

	for (s = 0; s < BLKREPL_BLOCK_SECTORS; s++) {
		unsigned int at = block * BLKREPL_BLOCK_SECTORS + s;

		if (at >= first && at < first + nr)
			mask |= BIT(s);
	}
	return mask;
}

/* The payload: the number of the write at the begin of each sector. */
static struct blkrepl_rec *rec_new(unsigned int member, unsigned int block, u8 sectors,
				   const u64 *value)
{
	struct blkrepl_rec *rec = calloc(1, sizeof(*rec));
	unsigned int s;

	*rec = (struct blkrepl_rec){ .member = member, .block = block, .sectors = sectors };
	rec->data = calloc(1, BLKREPL_BLOCK_SIZE);
	for (s = 0; s < BLKREPL_BLOCK_SECTORS; s++)
		if (sectors & BIT(s))
			memcpy(rec->data + s * 512, &value[s], sizeof(u64));
	return rec;
}

static void capture_zeroes(struct ep *ep, unsigned int member, unsigned int block, unsigned int nr)
{
	struct blkrepl_zeroes *z = calloc(1, sizeof(*z));

	*z = (struct blkrepl_zeroes){ .member = member, .block = block, .nr = nr,
				      .kind = BLKREPL_KIND_ZEROES + rng_below(&rng, 2) };
	blkrepl_epoch_zero(&ep->e, z, &frees);
}

/* Put a write into the current epoch, block by block. */
static void capture(const struct write *w)
{
	unsigned int b = w->first / BLKREPL_BLOCK_SECTORS, from = 0, nr = 0;
	const u64 *value = model.sector[w->member];

	for (; b * BLKREPL_BLOCK_SECTORS < w->first + w->nr; b++) {
		u8 sectors = sectors_in(b, w->first, w->nr);
		bool whole = sectors == BLKREPL_SECTORS_ALL;

		src->last_epoch[w->member][b] = src->cur->e.nr;
		if (src->cur->fuzzy && bug != BUG_FUZZY_FORGETS)
			blkrepl_fuzzy_wrote(&src->log[w->member], b, 1, whole);
		else if (src->cur->fuzzy && whole)
			blkrepl_fuzzy_copied(&src->log[w->member], b, 1);
		if (whole && !value[w->first]) {
			from = nr++ ? from : b;
			continue;
		}
		if (bug == BUG_OLD_DATA_WIN) {
			rec_free(NULL, blkrepl_epoch_add_copy(&src->cur->e,
				rec_new(w->member, b, sectors, value + b * BLKREPL_BLOCK_SECTORS)));
			continue;
		}
		rec_free(NULL, blkrepl_epoch_add(&src->cur->e,
			rec_new(w->member, b, sectors, value + b * BLKREPL_BLOCK_SECTORS)));
	}
	if (nr)
		capture_zeroes(src->cur, w->member, from, nr);
}

static bool held(void)
{
	return src->nr_eps >= MAX_EPOCHS - 1;
}

void submit_write(void)
{
	static u64 version;
	struct write *w = src->write, n = { .used = true };
	unsigned int i, b;
	u64 value;

	while (w < src->write + MAX_WRITES && w->used)
		w++;
	if (w == src->write + MAX_WRITES || held() || src->calm)
		return;
	n.member = rng_below(&rng, MEMBERS);
	if (rng_chance(&rng, 60)) {
		n.first = rng_below(&rng, BLOCKS) * BLKREPL_BLOCK_SECTORS;
		n.nr = (1 + rng_below(&rng, 3)) * BLKREPL_BLOCK_SECTORS;
	} else {
		n.first = rng_below(&rng, SECTORS);
		n.nr = 1 + rng_below(&rng, 20);
	}
	n.nr = min_t(unsigned int, n.nr, SECTORS - n.first);
	if (overlaps(n.member, n.first, n.nr) || is_copied(n.member, n.first, n.nr))
		return;
	value = rng_chance(&rng, 20) ? 0 : ++version;
	for (i = n.first; i < n.first + n.nr; i++)
		model.sector[n.member][i] = value;
	for (b = n.first / BLKREPL_BLOCK_SECTORS; b * BLKREPL_BLOCK_SECTORS < n.first + n.nr; b++) {
		src->touched[n.member][b]++;
		if (bug != BUG_NO_INTENT)
			intent[n.member][b] = true;
		if (!src->cur)
			blkrepl_dirty_set(src->behind[n.member], b, 1);
	}
	*w = n;
	if (src->cur) {
		w->ep = src->cur;
		src->cur->refs++;
		src->cur->e.writes++;
		capture(w);
	}
	submit(&source[n.member], REQ_WRITE, n.first, n.nr, model.sector[n.member] + n.first, false,
	       NULL, write_end)->ctx = w;
	count.writes++;
}

/* ---- epochs ---- */

static bool nothing_left(void)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		if (src->log[m].left.weight)
			return false;
	return true;
}

/* End the current epoch, and begin the next. */
bool end_epoch(void)
{
	struct ep *ep = src->cur;

	if (!ep || src->nr_eps >= MAX_EPOCHS)
		return false;
	if (ep->fuzzy && (src->copy.busy || !nothing_left()) && bug != BUG_FUZZY_EARLY)
		return false;
	ep->us = ++clock_us;
	ep->generation = src->generation;
	ep->ended = true;
	oracle_epoch(ep);
	ep_new(ep->e.nr + 1);
	return true;
}

/* Give all up that is not committed: it is caught up later. */
static void fold(void)
{
	unsigned int m;

	src->cur = NULL;
	while (src->first) {
		struct ep *ep = src->first;

		if (ep->fuzzy)
			count.abandoned++;
		if (ep->e.bucket)
			blkrepl_epoch_sort(&ep->e);
		blkrepl_epoch_fold(&ep->e, src->behind);
		if (bug != BUG_FUZZY_FORGETS)
			blkrepl_epoch_fold(&ep->batch, src->behind);
		pop_first();
	}
	for (m = 0; m < MEMBERS; m++)
		blkrepl_fuzzy_abandon(&src->log[m]);
	src->copy.ep = NULL;
	count.folded++;
}

/* ---- transmitting ---- */

void source_end(struct req *q)
{
	struct wait *w = q->ctx;

	if (w) {
		w->n--;
		w->error |= !!q->error;
	}
}

static int put(void *ctx, u64 pos, const void *block, bool desc)
{
	struct ep *ep = ctx;

	submit(&target_log, REQ_WRITE, AT_RING + pos % src->j.nr_blocks, 1, block, false, &ep->puts,
	       source_end);
	if (desc)
		free((void *)block);
	return 0;
}

static bool ep_reserve(struct ep *ep, u64 need)
{
	ep->starved = blkrepl_ring_reserve(&src->ring, need) != BLKREPL_ROOM_NOW;
	if (ep->starved)
		return false;
	ep->reserved += need;
	ep->w.end += need;
	return true;
}

/* Take what a fuzzy epoch has captured and copied so far. */
static void take_batch(struct ep *ep)
{
	u64 nr = ep->e.nr;

	ep->batch = ep->e;
	blkrepl_epoch_sort(&ep->batch);
	memset(ep->bucket, 0, sizeof(ep->bucket));
	blkrepl_epoch_open(&ep->e, nr, 0, ep->bucket, BUCKETS);
}

static bool has_batch(const struct ep *ep)
{
	return ep->e.nr_recs + ep->e.nr_zeroes >= 6;
}

static bool is_sealed(const struct ep *ep)
{
	return ep->ended && !ep->refs;
}

static struct ep *before(const struct ep *ep)
{
	struct ep *p = src->first;

	if (p == ep)
		return NULL;
	while (p->next != ep)
		p = p->next;
	return p;
}

static void committed(struct ep *ep)
{
	unsigned int m;

	count.commits++;
	if (blkrepl_ring_committed(&src->ring, ep->reserved, ep->p.pos))
		violation = "an epoch took more than it had";
	ep->reserved = 0;
	if (bug == BUG_OVERWRITE_UNAPPLIED)
		blkrepl_ring_applied(&src->ring, src->ring.head);
	promise(&ep->p);
	if (ep->fuzzy) {
		count.fuzzy++;
		for (m = 0; m < MEMBERS; m++)
			blkrepl_fuzzy_committed(&src->log[m]);
	}
	pop_first();
}

static bool write_epoch(struct ep *ep, const struct blkrepl_epoch *e)
{
	if (blkrepl_epoch_write(e, &ep->w))
		violation = "an epoch needs more than it was said to";
	return !violation;
}

static bool ep_work(struct ep *ep)
{
	struct ep *b;

	TASK_BEGIN(&ep->task);
	TASK_WAIT(&ep->task, !before(ep) || before(ep)->written);
	b = before(ep);
	blkrepl_writer_begin(&ep->w, &src->j, ep->e.nr, b ? b->p.pos : src->ring.head, 0, block_alloc,
			     put, ep);
	do {
		TASK_WAIT(&ep->task, is_sealed(ep) || (ep->fuzzy && has_batch(ep)));
		if (!ep->fuzzy) {
			if (ep->e.bucket)
				blkrepl_epoch_sort(&ep->e);
			TASK_WAIT(&ep->task, ep_reserve(ep, blkrepl_epoch_need(&ep->e)));
			if (!write_epoch(ep, &ep->e))
				return false;
			break;
		}
		take_batch(ep);
		TASK_WAIT(&ep->task, ep_reserve(ep, blkrepl_epoch_need(&ep->batch)));
		if (!write_epoch(ep, &ep->batch) || blkrepl_writer_break(&ep->w))
			return false;
		release(&ep->batch);
	} while (!is_sealed(ep) || ep->e.nr_recs + ep->e.nr_zeroes);
	if (blkrepl_writer_commit(&ep->w, &ep->c, ep->generation, ep->us, &ep->p))
		return false;
	ep->written = true;
	if (bug != BUG_COMMIT_BEFORE_PAYLOAD)
		TASK_WAIT(&ep->task, !ep->puts.n);
	if (bug != BUG_COMMIT_OUT_OF_ORDER)
		TASK_WAIT(&ep->task, src->first == ep);
	if (bug != BUG_COMMIT_NO_PREFLUSH)
		submit(&target_log, REQ_FLUSH, 0, 0, NULL, false, &ep->wait, source_end);
	TASK_WAIT(&ep->task, !ep->wait.n);
	submit(&target_log, REQ_WRITE, AT_RING + (ep->p.pos - 1) % src->j.nr_blocks, 1, &ep->c,
	       bug != BUG_COMMIT_NO_FUA, &ep->wait, source_end);
	TASK_WAIT(&ep->task, !ep->wait.n);
	if (ep->wait.error)
		return false;
	if (bug == BUG_COMMIT_OUT_OF_ORDER)
		promise(&ep->p);
	TASK_WAIT(&ep->task, src->first == ep);
	committed(ep);
	return true;
	TASK_END(&ep->task);
}

/* A fuzzy epoch for which there is no room even though all before it is applied */
static bool is_stuck(const struct ep *ep)
{
	return ep->fuzzy && ep->starved && src->ring.tail == ep->w.first;
}

static void transmit(void)
{
	struct ep *ep, *next;

	for (ep = src->first; ep; ep = next) {
		next = ep->next;
		if (ep->puts.error || ep->wait.error) {
			connection_lost();
			return;
		}
		if (is_stuck(ep)) {
			src->calm = 3000;
			connection_lost();
			return;
		}
		if (rng_chance(&rng, 60))
			ep_work(ep);
	}
}

/* ---- the connection ---- */

void connection_lost(void)
{
	struct ep *ep;

	if (!src->connected)
		return;
	src->connected = false;
	forget_wait(&src->poll.wait);
	src->poll.wait = (struct wait){ 0 };
	src->poll.task.line = 0;
	src->connect.task.line = 0;
	for (ep = src->first; ep; ep = ep->next)
		ep_stop(ep);
	/* What a fuzzy epoch has sent is not in memory any more. */
	if (src->first && (src->first->fuzzy || rng_chance(&rng, 40)))
		fold();
}

static const struct blkrepl_replay_ops scan_ops = { .read = log_read };

/* What the log volume says: the mark, and the last committed epoch. */
static bool look_at_log(void)
{
	static u64 desc[BLKREPL_BLOCK_SIZE / 8], payload[BLKREPL_BLOCK_SIZE / 8];
	struct blkrepl_replay rp;
	u64 seq;

	if (read_head(&src->j, target_log.now) ||
	    blkrepl_applied_load(&src->connect.mark, &seq, &src->j,
				 target_log.now + 2 * BLKREPL_BLOCK_SIZE)) {
		violation = "P5: the journal cannot be read";
		return false;
	}
	blkrepl_replay_begin(&rp, &src->j, &src->connect.mark, sizes, &scan_ops, NULL, desc, payload);
	while (blkrepl_replay_next(&rp) == 1)
		blkrepl_replay_skip(&rp);
	src->connect.last = bug == BUG_RESTART_AT_MARK ? src->connect.mark : rp.last;
	return true;
}

/* What was committed although nobody told; what is left goes on from there. */
static void go_on(void)
{
	const struct blkrepl_point *last = &src->connect.last;
	unsigned int m;

	while (src->first && src->first->e.nr <= last->epoch && src->first->ended)
		pop_first();
	promise(last);
	daring = true;
	src->ring = (struct blkrepl_ring){ .nr_blocks = src->j.nr_blocks, .head = last->pos,
					   .tail = src->connect.mark.pos };
	src->connected = true;
	if (src->first) {
		if (src->first->e.nr != last->epoch + 1)
			violation = "P5: epochs are not consecutive";
		return;
	}
	ep_new(last->epoch + 1)->fuzzy = true;
	for (m = 0; m < MEMBERS; m++)
		blkrepl_fuzzy_begin(&src->log[m]);
}

static bool connect_work(void)
{
	TASK_BEGIN(&src->connect.task);
	TASK_WAIT(&src->connect.task, !target_log.down &&
		  (bug == BUG_LATE_WRITES || !busy_with(source_end)) && rng_chance(&rng, 30));
	src->connect.wait.error = false;
	src->opened = target_log.epoch;
	if (!look_at_log())
		return false;
	if (bug != BUG_TRUST_WITHOUT_FLUSH)
		submit(&target_log, REQ_FLUSH, 0, 0, NULL, false, &src->connect.wait, source_end);
	TASK_WAIT(&src->connect.task, !src->connect.wait.n);
	if (src->connect.wait.error) {
		src->connect.task.line = 0;
		return false;
	}
	go_on();
	TASK_END(&src->connect.task);
}

/* Read the applied mark, which another host writes. */
static bool poll_work(void)
{
	u64 seq;

	TASK_BEGIN(&src->poll.task);
	TASK_WAIT(&src->poll.task, rng_chance(&rng, 5));
	if (blkrepl_applied_load(&src->poll.mark, &seq, &src->j,
				 target_log.now + 2 * BLKREPL_BLOCK_SIZE))
		return false;
	if (bug != BUG_MARK_NOT_DURABLE)
		submit(&target_log, REQ_FLUSH, 0, 0, NULL, false, &src->poll.wait, source_end);
	TASK_WAIT(&src->poll.task, !src->poll.wait.n);
	if (src->poll.wait.error) {
		connection_lost();
		return false;
	}
	/* It may have applied what is committed and not answered yet. */
	daring = src->poll.mark.pos != src->ring.tail;
	blkrepl_ring_applied(&src->ring, src->poll.mark.pos);
	TASK_END(&src->poll.task);
}

/* ---- catching up ---- */

static bool next_copy(void)
{
	unsigned int tries;

	for (tries = 0; tries < MEMBERS * BLOCKS; tries++) {
		unsigned int m = rng_below(&rng, MEMBERS), b = rng_below(&rng, BLOCKS);

		if (!blkrepl_dirty_test(&src->log[m].left, b) ||
		    (bug != BUG_COPY_NO_LOCK && overlaps(m, b * BLKREPL_BLOCK_SECTORS,
							 BLKREPL_BLOCK_SECTORS)))
			continue;
		src->copy.member = m;
		src->copy.block = b;
		return true;
	}
	return false;
}

static void copy_end(struct req *q)
{
	memcpy(src->copy.data, q->data, sizeof(src->copy.data));
	src->copy.wait.n = 0;
}

static bool copy_work(void)
{
	TASK_BEGIN(&src->copy.task);
	TASK_WAIT(&src->copy.task, src->cur && src->cur->fuzzy && next_copy());
	src->copy.busy = true;
	src->copy.ep = src->cur;
	src->copy.wait.n = 1;
	submit(&source[src->copy.member], REQ_READ, src->copy.block * BLKREPL_BLOCK_SECTORS,
	       BLKREPL_BLOCK_SECTORS, NULL, false, NULL, copy_end);
	TASK_WAIT(&src->copy.task, !src->copy.wait.n);
	TASK_WAIT(&src->copy.task, rng_chance(&rng, 70));
	src->copy.busy = false;
	if (src->copy.ep && src->copy.ep == src->cur && src->cur->fuzzy) {
		rec_free(NULL, blkrepl_epoch_add_copy(&src->cur->e,
			rec_new(src->copy.member, src->copy.block, BLKREPL_SECTORS_ALL,
				src->copy.data)));
		blkrepl_fuzzy_copied(&src->log[src->copy.member], src->copy.block, 1);
	}
	TASK_END(&src->copy.task);
}

/* Blocks that are equal on both sides, durably, are no longer suspect after a crash. */
static bool is_cold(unsigned int m, unsigned int b)
{
	u64 oldest = src->first ? src->first->e.nr : 0;

	return src->connected && src->cur && intent[m][b] &&
	       src->last_epoch[m][b] < oldest && !blkrepl_dirty_test(src->behind[m], b) &&
	       !overlaps(m, b * BLKREPL_BLOCK_SECTORS, BLKREPL_BLOCK_SECTORS);
}

static bool sweep_work(void)
{
	unsigned int m, b;

	TASK_BEGIN(&src->sweep.task);
	TASK_WAIT(&src->sweep.task, src->connected && rng_chance(&rng, 10));
	memcpy(src->sweep.touched, src->touched, sizeof(src->touched));
	for (m = 0; m < MEMBERS; m++)
		for (b = 0; b < BLOCKS; b++)
			src->sweep.chosen[m][b] = is_cold(m, b);
	for (m = 0; m < MEMBERS && bug != BUG_INTENT_NO_FLUSH; m++)
		submit(&source[m], REQ_FLUSH, 0, 0, NULL, false, &src->sweep.wait, source_end);
	TASK_WAIT(&src->sweep.task, !src->sweep.wait.n);
	for (m = 0; m < MEMBERS; m++)
		for (b = 0; b < BLOCKS; b++)
			if (src->sweep.chosen[m][b] && is_cold(m, b) &&
			    src->sweep.touched[m][b] == src->touched[m][b])
				intent[m][b] = false;
	TASK_END(&src->sweep.task);
}

void source_work(void)
{
	src->calm -= !!src->calm;
	if (src->cur && src->cur->fuzzy)
		copy_work();
	switch (rng_below(&rng, 8)) {
	case 0:
	case 1:
	case 6:
		if (src->connected)
			transmit();
		else
			connect_work();
		break;
	case 2:
		if (src->connected)
			poll_work();
		break;
	case 3:
	case 7:
		copy_work();
		break;
	case 4:
		sweep_work();
		break;
	default:
		if (rng_chance(&rng, 15))
			end_epoch();
	}
}

/* Nothing is on its way, and nothing is missing. */
bool source_idle(void)
{
	unsigned int i, m;

	if (!src->connected || !src->cur || src->cur != src->first || src->cur->fuzzy ||
	    src->cur->e.nr_recs || src->cur->e.nr_zeroes || src->copy.busy)
		return false;
	for (i = 0; i < MAX_WRITES; i++)
		if (src->write[i].used)
			return false;
	for (m = 0; m < MEMBERS; m++)
		if (src->log[m].behind.weight)
			return false;
	return true;
}
