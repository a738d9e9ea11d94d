// SPDX-License-Identifier: GPL-2.0
/* Epochs on the source: what was written in one, and when it ends. Pure. */
#include "epoch.h"

/**
 * blkrepl_epoch_open - an empty epoch
 * @e: to be filled
 * @nr: its number
 * @now_ns: monotonic time
 * @bucket: zeroed table
 * @nr_buckets: its size, a power of two
 */
void blkrepl_epoch_open(struct blkrepl_epoch *e, u64 nr, u64 now_ns,
			struct blkrepl_rec **bucket, u32 nr_buckets)
{
	*e = (struct blkrepl_epoch){
		.nr = nr, .opened_ns = now_ns, .bucket = bucket, .mask = nr_buckets - 1,
	};
}

/* The link to the record of a block, or to where it belongs. */
static struct blkrepl_rec **find(struct blkrepl_epoch *e, u8 member, u64 block)
{
	u64 hash = (block * 128 + member) * 0x9e3779b97f4a7c15ULL;
	struct blkrepl_rec **at = &e->bucket[(hash >> 32) & e->mask];

	while (*at && ((*at)->block != block || (*at)->member != member))
		at = &(*at)->next;
	return at;
}

static bool is_zeroed(const struct blkrepl_epoch *e, u8 member, u64 block)
{
	const struct blkrepl_zeroes *z;

	for (z = e->zeroes; z; z = z->next)
		if (z->member == member && block >= z->block && block - z->block < z->nr)
			return true;
	return false;
}

/* Give @to the sectors of @from that it lacks; those of NULL are zero. */
static void complete(struct blkrepl_rec *to, const void *from, u8 sectors)
{
	u32 i;

	for (i = 0; i < BLKREPL_BLOCK_SECTORS; i++) {
		if (!(sectors & ~to->sectors & BIT(i)))
			continue;
		if (from)
			memcpy(to->data + i * 512, from + i * 512, 512);
		else
			memset(to->data + i * 512, 0, 512);
	}
	to->sectors |= sectors;
}

/**
 * blkrepl_epoch_add - a write was issued
 * @e: the current epoch
 * @rec: one block of it, or some sectors of a block. What it lacks of the block
 *	is completed from an earlier write of the same epoch; its own sectors are
 *	left as they are, for they may be on their way to the source
 *
 * Return: the record that it replaces, which may still be on its way to the
 * source, or NULL.
 */
struct blkrepl_rec *blkrepl_epoch_add(struct blkrepl_epoch *e, struct blkrepl_rec *rec)
{
	struct blkrepl_rec **at = find(e, rec->member, rec->block), *old = *at;

	e->writes++;
	if (old)
		complete(rec, old->data, old->sectors);
	else if (rec->sectors != BLKREPL_SECTORS_ALL && is_zeroed(e, rec->member, rec->block))
		complete(rec, NULL, BLKREPL_SECTORS_ALL);
	rec->zero = false;
	rec->next = old ? old->next : NULL;
	*at = rec;
	e->nr_recs += !old;
	return old;
}

/**
 * blkrepl_epoch_add_copy - a block was read from the source for a fuzzy epoch
 * @e: the current epoch, which is or belongs to the fuzzy one
 * @rec: the block. No write to it was in flight, nor was one issued, from before
 *	it was read up to now: else it could be older than one that is already in
 *	the journal
 *
 * What was captured is as new as this, or newer.
 *
 * Return: @rec if it is not needed, or NULL.
 */
struct blkrepl_rec *blkrepl_epoch_add_copy(struct blkrepl_epoch *e, struct blkrepl_rec *rec)
{
	struct blkrepl_rec **at = find(e, rec->member, rec->block);

	if (*at) {
		complete(*at, rec->data, rec->sectors);
		return rec;
	}
	if (is_zeroed(e, rec->member, rec->block))
		return rec;
	rec->zero = false;
	rec->next = NULL;
	*at = rec;
	e->nr_recs++;
	return NULL;
}

static void forget(struct blkrepl_epoch *e, struct blkrepl_rec **at,
		   const struct blkrepl_epoch_free *f)
{
	struct blkrepl_rec *rec = *at;

	*at = rec->next;
	e->nr_recs--;
	f->rec(f->ctx, rec);
}

/* Records of the range are older, so they do not count any more. */
static void forget_range(struct blkrepl_epoch *e, const struct blkrepl_zeroes *z,
			 const struct blkrepl_epoch_free *f)
{
	struct blkrepl_rec **at;
	u64 i;

	if (z->nr <= e->mask) {
		for (i = 0; i < z->nr && e->nr_recs; i++) {
			at = find(e, z->member, z->block + i);
			if (*at)
				forget(e, at, f);
		}
		return;
	}
	for (i = 0; i <= e->mask; i++) {
		at = &e->bucket[i];
		while (*at) {
			if ((*at)->member == z->member && (*at)->block >= z->block &&
			    (*at)->block - z->block < z->nr)
				forget(e, at, f);
			else
				at = &(*at)->next;
		}
	}
}

/* Whether two ranges overlap, or can be one. */
static bool joins(const struct blkrepl_zeroes *a, const struct blkrepl_zeroes *b)
{
	u64 a_end = a->block + a->nr, b_end = b->block + b->nr;

	if (a->member != b->member)
		return false;
	return (a->block < b_end && b->block < a_end) ||
	       (a->kind == b->kind && (a->block == b_end || b->block == a_end));
}

/* Make @z the union; where one is to read as zeroes and the other is, too, both are. */
static void join(struct blkrepl_zeroes *z, const struct blkrepl_zeroes *old)
{
	u64 z_end = z->block + z->nr, old_end = old->block + old->nr;
	u64 first = z->block < old->block ? z->block : old->block;

	z->nr = (z_end > old_end ? z_end : old_end) - first;
	z->block = first;
	if (z->kind != old->kind)
		z->kind = BLKREPL_KIND_ZEROES;
}

static bool before(const struct blkrepl_zeroes *a, const struct blkrepl_zeroes *b)
{
	return a->member < b->member || (a->member == b->member && a->block < b->block);
}

/**
 * blkrepl_epoch_zero - a range was zeroed or discarded
 * @e: the current epoch
 * @z: the range; whole blocks. What is not is captured as data
 * @f: gets what it covers, and ranges that it was united with
 */
void blkrepl_epoch_zero(struct blkrepl_epoch *e, struct blkrepl_zeroes *z,
			const struct blkrepl_epoch_free *f)
{
	struct blkrepl_zeroes **at = &e->zeroes, *old;
	bool joined;

	e->writes++;
	forget_range(e, z, f);
	do {
		joined = false;
		at = &e->zeroes;
		while (*at) {
			old = *at;
			if (!joins(z, old)) {
				at = &old->next;
				continue;
			}
			*at = old->next;
			join(z, old);
			e->nr_zeroes--;
			f->zeroes(f->ctx, old);
			joined = true;
		}
	} while (joined);
	for (at = &e->zeroes; *at && before(*at, z); at = &(*at)->next)
		;
	z->next = *at;
	*at = z;
	e->nr_zeroes++;
}

static bool rec_before(const struct blkrepl_rec *a, const struct blkrepl_rec *b)
{
	return a->member < b->member || (a->member == b->member && a->block < b->block);
}

static struct blkrepl_rec *merge(struct blkrepl_rec *a, struct blkrepl_rec *b)
{
	struct blkrepl_rec *head = NULL, **end = &head;

	while (a && b) {
		struct blkrepl_rec **from = rec_before(b, a) ? &b : &a;

		*end = *from;
		end = &(*end)->next;
		*from = *end;
	}
	*end = a ? a : b;
	return head;
}

static bool sectors_zero(const struct blkrepl_rec *rec)
{
	const u64 *word = rec->data;
	u32 i;

	for (i = 0; i < BLKREPL_BLOCK_SIZE / sizeof(*word); i++)
		if ((rec->sectors & BIT(i / 64)) && word[i])
			return false;
	return true;
}

/**
 * blkrepl_epoch_sort - put the records of a sealed epoch in order
 * @e: the epoch; no write can be added any more
 *
 * Finds the blocks that are zero, too. Give the table back after that.
 */
void blkrepl_epoch_sort(struct blkrepl_epoch *e)
{
	struct blkrepl_rec *part[40] = { NULL }, *rec, *next;
	u32 i, k;

	/* part[k] has 2^k sorted records or none. */
	for (i = 0; i <= e->mask; i++)
		for (rec = e->bucket[i]; rec; rec = next) {
			next = rec->next;
			rec->next = NULL;
			rec->zero = sectors_zero(rec);
			for (k = 0; part[k]; k++) {
				rec = merge(part[k], rec);
				part[k] = NULL;
			}
			part[k] = rec;
		}
	for (k = 0; k < ARRAY_SIZE(part); k++)
		e->recs = merge(part[k], e->recs);
	e->bucket = NULL;
}

/**
 * blkrepl_epoch_walk - begin to go through a sorted epoch
 * @e: the epoch
 * @it: to be filled
 */
void blkrepl_epoch_walk(const struct blkrepl_epoch *e, struct blkrepl_epoch_iter *it)
{
	*it = (struct blkrepl_epoch_iter){ .rec = e->recs, .zeroes = e->zeroes };
}

static void next_rec(struct blkrepl_epoch_iter *it, struct blkrepl_write *w)
{
	const struct blkrepl_rec *rec = it->rec;

	*w = (struct blkrepl_write){
		.block = rec->block, .nr = 1, .member = rec->member, .sectors = rec->sectors,
		.kind = rec->zero ? BLKREPL_KIND_ZEROES : BLKREPL_KIND_DATA,
		.data = rec->zero ? NULL : rec->data,
	};
	it->rec = rec->next;
}

/**
 * blkrepl_epoch_next - the next write of an epoch
 * @it: the walk
 * @w: filled: one block of data, or a range of zeroes. They ascend and are
 *	disjoint: a range of zeroes leaves out blocks that were written later
 *
 * Return: whether there was one.
 */
bool blkrepl_epoch_next(struct blkrepl_epoch_iter *it, struct blkrepl_write *w)
{
	const struct blkrepl_zeroes *z;
	u64 at, end;

	while ((z = it->zeroes)) {
		const struct blkrepl_rec *rec = it->rec;

		at = z->block + it->done;
		end = z->block + z->nr;
		if (at == end) {
			it->zeroes = z->next;
			it->done = 0;
			continue;
		}
		if (rec && (rec->member < z->member ||
			    (rec->member == z->member && rec->block <= at))) {
			if (rec->member == z->member && rec->block == at)
				it->done++;
			next_rec(it, w);
			break;
		}
		if (rec && rec->member == z->member && rec->block < end)
			end = rec->block;
		*w = (struct blkrepl_write){
			.block = at, .nr = (u32)min_t(u64, end - at, ~0u), .member = z->member,
			.kind = z->kind, .sectors = BLKREPL_SECTORS_ALL,
		};
		it->done += w->nr;
		return true;
	}
	if (z)
		return true;
	if (!it->rec)
		return false;
	next_rec(it, w);
	return true;
}

/**
 * blkrepl_epoch_write - give a sorted epoch to the journal
 * @e: the epoch
 * @w: the writer, with blkrepl_epoch_need() blocks of room
 *
 * Return: 0 or what blkrepl_writer_add() returned.
 */
int blkrepl_epoch_write(const struct blkrepl_epoch *e, struct blkrepl_writer *w)
{
	struct blkrepl_epoch_iter it;
	struct blkrepl_write r;
	int ret;

	blkrepl_epoch_walk(e, &it);
	while (blkrepl_epoch_next(&it, &r)) {
		ret = blkrepl_writer_add(w, &r);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * blkrepl_epoch_fold - give an epoch up: its blocks become dirty
 * @e: the sorted epoch, which was not committed
 * @behind: the bitmaps of the members, by place
 */
void blkrepl_epoch_fold(const struct blkrepl_epoch *e, struct blkrepl_dirty *const *behind)
{
	const struct blkrepl_zeroes *z;
	const struct blkrepl_rec *rec;

	for (rec = e->recs; rec; rec = rec->next)
		blkrepl_dirty_set(behind[rec->member], rec->block, 1);
	for (z = e->zeroes; z; z = z->next)
		blkrepl_dirty_set(behind[z->member], z->block, z->nr);
}

/**
 * blkrepl_epoch_release - give everything back
 * @e: the sorted epoch
 * @f: gets it
 */
void blkrepl_epoch_release(struct blkrepl_epoch *e, const struct blkrepl_epoch_free *f)
{
	while (e->recs) {
		struct blkrepl_rec *rec = e->recs;

		e->recs = rec->next;
		f->rec(f->ctx, rec);
	}
	while (e->zeroes) {
		struct blkrepl_zeroes *z = e->zeroes;

		e->zeroes = z->next;
		f->zeroes(f->ctx, z);
	}
	e->nr_recs = 0;
	e->nr_zeroes = 0;
}

/**
 * blkrepl_cycle_ms - how long an epoch lasts
 * @rpo_s: recovery-point objective in seconds
 *
 * An epoch's begin is as old as its cycle when it ends, and older by the time of
 * its way to the target when it is committed. A quarter leaves room for that.
 */
u32 blkrepl_cycle_ms(u32 rpo_s)
{
	u64 ms = rpo_s * 250ULL;

	if (ms < BLKREPL_CYCLE_MIN_MS)
		return BLKREPL_CYCLE_MIN_MS;
	return (u32)min_t(u64, ms, BLKREPL_CYCLE_MAX_MS);
}

/**
 * blkrepl_epoch_due - whether the current epoch is to end
 * @e: the epoch
 * @now_ns: monotonic time
 * @cycle_ms: from blkrepl_cycle_ms()
 */
bool blkrepl_epoch_due(const struct blkrepl_epoch *e, u64 now_ns, u32 cycle_ms)
{
	return now_ns - e->opened_ns >= cycle_ms * BLKREPL_NSEC_PER_MSEC ||
	       e->nr_recs >= BLKREPL_EPOCH_BYTES >> BLKREPL_BLOCK_SHIFT ||
	       e->nr_zeroes >= BLKREPL_EPOCH_RANGES;
}

/**
 * blkrepl_budget_charge - a write is about to be captured
 * @b: the budget
 * @bytes: what it takes
 * @delay_ns: how long its end is to be put off
 *
 * Return: what the caller has to do. Who is alone gets what it asks for.
 */
enum blkrepl_charge blkrepl_budget_charge(struct blkrepl_budget *b, u64 bytes, u64 *delay_ns)
{
	u64 half = b->limit / 2;

	*delay_ns = 0;
	if (b->used && (b->used >= b->limit || bytes > b->limit - b->used))
		return b->policy == BLKREPL_OVER_BEHIND ? BLKREPL_CHARGE_FOLD : BLKREPL_CHARGE_HOLD;
	b->used += bytes;
	if (b->policy == BLKREPL_OVER_THROTTLE && b->used > half && half)
		*delay_ns = min_t(u64, BLKREPL_PACE_MAX_NS,
				  mul_u64_u64_div_u64(b->used - half, BLKREPL_PACE_MAX_NS, half));
	return BLKREPL_CHARGE_DONE;
}

/**
 * blkrepl_budget_return - what was captured is not needed any more
 * @b: the budget
 * @bytes: what was charged
 */
void blkrepl_budget_return(struct blkrepl_budget *b, u64 bytes)
{
	b->used -= min_t(u64, bytes, b->used);
}

/**
 * blkrepl_fuzzy_begin - a fuzzy epoch begins: all that is behind is to be copied
 * @b: a member's backlog; its epochs in RAM are folded into it
 */
void blkrepl_fuzzy_begin(struct blkrepl_backlog *b)
{
	u64 at, nr;

	blkrepl_dirty_clear(&b->left, 0, b->left.nr_bits);
	for (at = 0; (at = blkrepl_dirty_next(&b->behind, at)) < b->behind.nr_bits; at += nr) {
		nr = blkrepl_dirty_run(&b->behind, at, b->behind.nr_bits - at);
		blkrepl_dirty_set(&b->left, at, nr);
	}
}

/**
 * blkrepl_fuzzy_wrote - a write was captured that belongs to the fuzzy epoch
 * @b: the member's backlog
 * @block: first block
 * @nr: number of blocks
 * @whole: they are written whole, so they need not be copied
 *
 * Until it is committed the target lacks it: if the fuzzy epoch is given up, it
 * is behind.
 */
void blkrepl_fuzzy_wrote(struct blkrepl_backlog *b, u64 block, u64 nr, bool whole)
{
	blkrepl_dirty_set(&b->behind, block, nr);
	if (whole)
		blkrepl_dirty_clear(&b->left, block, nr);
}

/**
 * blkrepl_fuzzy_copied - blocks were copied into the fuzzy epoch
 * @b: the member's backlog
 * @block: first block
 * @nr: number of blocks
 *
 * When nothing is left in any member, the fuzzy epoch can be sealed.
 */
void blkrepl_fuzzy_copied(struct blkrepl_backlog *b, u64 block, u64 nr)
{
	blkrepl_dirty_clear(&b->left, block, nr);
}

/**
 * blkrepl_fuzzy_committed - the fuzzy epoch is durable at the target
 * @b: a member's backlog
 *
 * What was written after its end is in the epochs that follow.
 */
void blkrepl_fuzzy_committed(struct blkrepl_backlog *b)
{
	blkrepl_dirty_clear(&b->behind, 0, b->behind.nr_bits);
}

/**
 * blkrepl_fuzzy_abandon - the fuzzy epoch is given up; all of it stays behind
 * @b: a member's backlog
 */
void blkrepl_fuzzy_abandon(struct blkrepl_backlog *b)
{
	blkrepl_dirty_clear(&b->left, 0, b->left.nr_bits);
}

/**
 * blkrepl_fuzzy_judge - whether a fuzzy epoch fits into the ring
 * @r: the ring
 * @used: blocks that it has taken so far
 * @left: blocks that are to be copied, of all members
 *
 * Leaves an eighth for what is written meanwhile.
 *
 * Return: BLKREPL_ROOM_NEVER asks for a larger ring, or for another way.
 */
enum blkrepl_room blkrepl_fuzzy_judge(const struct blkrepl_ring *r, u64 used, u64 left)
{
	u64 need = blkrepl_ring_need(left, 0), all;

	need += need / 8;
	all = used + need;
	if (all > r->nr_blocks)
		return BLKREPL_ROOM_NEVER;
	return need <= blkrepl_ring_free(r) ? BLKREPL_ROOM_NOW : BLKREPL_ROOM_LATER;
}
