// SPDX-License-Identifier: GPL-2.0
/* The journal: its head, the applied mark, room in the ring, writing epochs. Pure. */
#include "journal.h"

/**
 * blkrepl_journal_load - take the head of a journal over from the log volume
 * @j: to be filled
 * @d: block from blkrepl_block_pick()
 * @room: blocks that the log volume has for the ring
 *
 * Return: 0, -EOPNOTSUPP for a feature that is not known here, -EUCLEAN for
 * values that no version writes, -ERANGE when there is less room than it says,
 * -EROFS when it may be inspected only; @j is filled then, too.
 */
int blkrepl_journal_load(struct blkrepl_journal *j, const struct blkrepl_disk_journal *d,
			 u64 room)
{
	if (le32_to_cpu(d->incompat) & ~BLKREPL_JOURNAL_INCOMPAT_KNOWN)
		return -EOPNOTSUPP;
	*j = (struct blkrepl_journal){
		.tag = le64_to_cpu(d->ring_tag),
		.nr_blocks = le64_to_cpu(d->ring_blocks),
		.base.epoch = le64_to_cpu(d->base_epoch),
		.base.generation = le64_to_cpu(d->base_generation),
		.base.us = le64_to_cpu(d->base_us),
		.created_us = le64_to_cpu(d->created_us),
	};
	memcpy(j->link_uuid, d->link_uuid, sizeof(j->link_uuid));
	if (!j->tag || j->nr_blocks < BLKREPL_RING_MIN || j->nr_blocks > BLKREPL_POS_MAX ||
	    j->base.epoch > BLKREPL_POS_MAX)
		return -EUCLEAN;
	if (j->nr_blocks > room)
		return -ERANGE;
	if (le32_to_cpu(d->ro_compat) & ~BLKREPL_JOURNAL_RO_COMPAT_KNOWN)
		return -EROFS;
	return 0;
}

/**
 * blkrepl_journal_store - fill the head of a journal
 * @j: the journal; a new format needs a new random tag, and nothing in the ring
 *	that is not applied
 * @d: filled but for its head, which blkrepl_block_seal() makes with the tag of
 *	the log volume
 */
void blkrepl_journal_store(const struct blkrepl_journal *j, struct blkrepl_disk_journal *d)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->link_uuid, j->link_uuid, sizeof(d->link_uuid));
	d->ring_tag = cpu_to_le64(j->tag);
	d->ring_blocks = cpu_to_le64(j->nr_blocks);
	d->base_epoch = cpu_to_le64(j->base.epoch);
	d->base_generation = cpu_to_le64(j->base.generation);
	d->base_us = cpu_to_le64(j->base.us);
	d->created_us = cpu_to_le64(j->created_us);
}

/**
 * blkrepl_applied_load - what the members have, by the applied mark
 * @p: to be filled; the journal's base if no mark was written since its format
 * @seq: the mark's sequence number, 0 if there is none
 * @j: the journal
 * @slots: both slots of the mark
 *
 * Return: 0, or -EUCLEAN when the mark is lost: then it is not known where the
 * replay has to begin.
 */
int blkrepl_applied_load(struct blkrepl_point *p, u64 *seq, const struct blkrepl_journal *j,
			 const void *slots)
{
	const struct blkrepl_disk_applied *d;

	*p = j->base;
	*seq = 0;
	d = blkrepl_block_pick(slots, BLKREPL_BLOCK_APPLIED, 0, &j->tag);
	if (!d)
		return blkrepl_block_lost(slots, BLKREPL_BLOCK_APPLIED, 0, j->tag) &&
		       !blkrepl_block_torn_first(slots, BLKREPL_BLOCK_APPLIED, 0, j->tag) ?
		       -EUCLEAN : 0;
	*seq = blkrepl_block_seq(d);
	*p = (struct blkrepl_point){
		.epoch = le64_to_cpu(d->epoch),
		.pos = le64_to_cpu(d->pos),
		.generation = le64_to_cpu(d->generation),
		.us = le64_to_cpu(d->sealed_us),
	};
	if (p->epoch < j->base.epoch || p->epoch > BLKREPL_POS_MAX || p->pos > BLKREPL_POS_MAX ||
	    p->pos < p->epoch - j->base.epoch)
		return -EUCLEAN;
	return 0;
}

/**
 * blkrepl_applied_store - fill and seal the applied mark
 * @p: what is durable on all members
 * @j: the journal
 * @seq: sequence number, higher by one than the last that was written; by two
 *	after a write that failed
 * @d: goes to slot @seq & 1
 */
void blkrepl_applied_store(const struct blkrepl_point *p, const struct blkrepl_journal *j,
			   u64 seq, struct blkrepl_disk_applied *d)
{
	memset(d, 0, sizeof(*d));
	d->epoch = cpu_to_le64(p->epoch);
	d->pos = cpu_to_le64(p->pos);
	d->generation = cpu_to_le64(p->generation);
	d->sealed_us = cpu_to_le64(p->us);
	blkrepl_block_seal(d, BLKREPL_BLOCK_APPLIED, 0, j->tag, seq);
}

/**
 * blkrepl_ring_free - blocks that nobody needs and that nobody was promised
 * @r: the ring
 */
u64 blkrepl_ring_free(const struct blkrepl_ring *r)
{
	u64 used = r->head - r->tail + r->reserved;

	return used < r->nr_blocks ? r->nr_blocks - used : 0;
}

/**
 * blkrepl_ring_need - blocks that an epoch takes at the most
 * @data_blocks: blocks of data in it, rewritten ones counted once
 * @zero_records: ranges of zeroes, whole or in pieces
 *
 * A block of data may cut a range of zeroes in two.
 */
u64 blkrepl_ring_need(u64 data_blocks, u64 zero_records)
{
	const u32 record = sizeof(struct blkrepl_disk_record);
	const u32 largest = record + sizeof(__le32);
	u64 body = data_blocks * (largest + record) + zero_records * record;

	return data_blocks + DIV_ROUND_UP_ULL(body, BLKREPL_DESC_BODY - largest) + 1;
}

/**
 * blkrepl_ring_judge - whether an epoch has room; the decision on back-pressure
 * @r: the ring
 * @need: blocks, from blkrepl_ring_need()
 */
enum blkrepl_room blkrepl_ring_judge(const struct blkrepl_ring *r, u64 need)
{
	if (need <= blkrepl_ring_free(r))
		return BLKREPL_ROOM_NOW;
	return need <= r->nr_blocks ? BLKREPL_ROOM_LATER : BLKREPL_ROOM_NEVER;
}

/**
 * blkrepl_ring_reserve - promise room to an epoch before its first block
 * @r: the ring
 * @need: blocks
 *
 * An epoch that has its room can always be committed, however long the epochs
 * before it take to be applied.
 */
enum blkrepl_room blkrepl_ring_reserve(struct blkrepl_ring *r, u64 need)
{
	enum blkrepl_room room = blkrepl_ring_judge(r, need);

	if (room == BLKREPL_ROOM_NOW)
		r->reserved += need;
	return room;
}

/**
 * blkrepl_ring_release - take a promise, or a part of it, back
 * @r: the ring
 * @blocks: how many
 */
void blkrepl_ring_release(struct blkrepl_ring *r, u64 blocks)
{
	r->reserved -= min_t(u64, blocks, r->reserved);
}

/**
 * blkrepl_ring_committed - the commit block of the oldest epoch is durable
 * @r: the ring
 * @reserved: what was reserved for it
 * @pos: position behind it
 *
 * Return: 0, or -EUCLEAN for an epoch that took more than it had.
 */
int blkrepl_ring_committed(struct blkrepl_ring *r, u64 reserved, u64 pos)
{
	if (pos <= r->head || pos - r->head > reserved || reserved > r->reserved)
		return -EUCLEAN;
	r->reserved -= reserved;
	r->head = pos;
	return 0;
}

/**
 * blkrepl_ring_applied - an applied mark is durable
 * @r: the ring
 * @pos: its position
 *
 * The caller has to know that it is durable: it wrote the mark itself and saw
 * its end, or flushed the log volume between reading the mark and this.
 *
 * Return: 0, also for an older mark than the last; -EUCLEAN for one that is
 * ahead of what was committed.
 */
int blkrepl_ring_applied(struct blkrepl_ring *r, u64 pos)
{
	if (pos > r->head)
		return -EUCLEAN;
	if (pos > r->tail)
		r->tail = pos;
	return 0;
}

/**
 * blkrepl_digest_begin - start value of the digest over an epoch's descriptors
 * @epoch: its number
 */
u32 blkrepl_digest_begin(u64 epoch)
{
	__le64 n = cpu_to_le64(epoch);

	return blkrepl_crc32c(~0u, &n, sizeof(n));
}

/**
 * blkrepl_digest_add - take one descriptor into it
 * @digest: so far
 * @d: the sealed descriptor
 */
u32 blkrepl_digest_add(u32 digest, const struct blkrepl_disk_desc *d)
{
	return blkrepl_crc32c(digest, &d->hdr.crc, sizeof(d->hdr.crc));
}

/**
 * blkrepl_writer_begin - begin an epoch
 * @w: to be filled
 * @j: the journal
 * @epoch: higher by one than that of the epoch before
 * @first: position behind the commit block of that
 * @room: blocks that are reserved
 * @alloc: see struct blkrepl_writer
 * @put: see there
 * @ctx: see there
 */
void blkrepl_writer_begin(struct blkrepl_writer *w, const struct blkrepl_journal *j,
			  u64 epoch, u64 first, u64 room, blkrepl_alloc_fn alloc,
			  blkrepl_put_fn put, void *ctx)
{
	*w = (struct blkrepl_writer){
		.j = j, .epoch = epoch, .first = first, .end = first + room, .pos = first,
		.digest = blkrepl_digest_begin(epoch), .alloc = alloc, .put = put, .ctx = ctx,
	};
}

/* Bytes of a descriptor's body that are in use. */
static u32 body_used(const struct blkrepl_disk_desc *d)
{
	return le16_to_cpu(d->nr_records) * (u32)sizeof(d->record[0]) +
	       le16_to_cpu(d->nr_payload) * (u32)sizeof(d->crc[0]);
}

/* The last record, if @r continues it; it may then grow by @r->nr blocks. */
static struct blkrepl_disk_record *continued(struct blkrepl_disk_desc *d,
					     const struct blkrepl_write *r)
{
	u32 n = le16_to_cpu(d->nr_records);
	struct blkrepl_disk_record *last = &d->record[n - 1];

	if (!n || last->member != r->member || last->kind != r->kind ||
	    last->sectors != BLKREPL_SECTORS_ALL || r->sectors != BLKREPL_SECTORS_ALL ||
	    le64_to_cpu(last->block) + le32_to_cpu(last->nr) != r->block ||
	    (u32)~0u - le32_to_cpu(last->nr) < r->nr)
		return NULL;
	return last;
}

/* Whether records stay in order if @r is the next. */
static bool in_order(const struct blkrepl_disk_desc *d, const struct blkrepl_write *r)
{
	u32 n = le16_to_cpu(d->nr_records);
	const struct blkrepl_disk_record *last = &d->record[n - 1];

	return !n || last->member < r->member ||
	       (last->member == r->member &&
		le64_to_cpu(last->block) + le32_to_cpu(last->nr) <= r->block);
}

static void append(struct blkrepl_disk_desc *d, struct blkrepl_disk_record *last,
		   const struct blkrepl_write *r)
{
	u32 n = le16_to_cpu(d->nr_records);

	if (last) {
		last->nr = cpu_to_le32(le32_to_cpu(last->nr) + r->nr);
		return;
	}
	d->record[n] = (struct blkrepl_disk_record){
		.block = cpu_to_le64(r->block), .nr = cpu_to_le32(r->nr),
		.member = r->member, .kind = r->kind, .sectors = r->sectors,
	};
	d->nr_records = cpu_to_le16((u16)(n + 1));
}

/**
 * blkrepl_writer_break - complete the descriptor that is being filled
 * @w: the writer
 *
 * What is added after it may lie anywhere, and is newer.
 *
 * Return: 0 or what @put returned.
 */
int blkrepl_writer_break(struct blkrepl_writer *w)
{
	struct blkrepl_disk_desc *d = w->desc;

	if (!d)
		return 0;
	w->desc = NULL;
	w->nr_records += le16_to_cpu(d->nr_records);
	w->nr_payload += le16_to_cpu(d->nr_payload);
	blkrepl_block_seal(d, BLKREPL_BLOCK_DESC, w->nr_descs++, w->j->tag, w->desc_pos);
	w->digest = blkrepl_digest_add(w->digest, d);
	return w->put(w->ctx, w->desc_pos, d, true);
}

/**
 * blkrepl_writer_add - add a record, or continue the last one
 * @w: the writer
 * @r: one block of data, or any number of zero blocks. Where it lies before the
 *	end of the last record it gets into a descriptor of its own: records of
 *	one descriptor are disjoint, so that they can be applied in any order
 *
 * Return: 0, -ENOMEM, -ENOSPC when the reserved room is used up, or what @put
 * returned. After an error the epoch cannot be committed, and @w->desc, if there
 * is one, is the caller's to free.
 */
int blkrepl_writer_add(struct blkrepl_writer *w, const struct blkrepl_write *r)
{
	bool data = r->kind == BLKREPL_KIND_DATA;
	struct blkrepl_disk_record *last = NULL;
	u32 need, n;
	int ret;

	if (w->desc) {
		last = continued(w->desc, r);
		need = (last ? 0 : sizeof(*last)) + (data ? sizeof(__le32) : 0);
		if (BLKREPL_DESC_BODY - body_used(w->desc) < need || !in_order(w->desc, r)) {
			ret = blkrepl_writer_break(w);
			if (ret)
				return ret;
			last = NULL;
		}
	}
	/* The commit block needs one, too. */
	if (w->end - w->pos < 1u + !w->desc + data)
		return -ENOSPC;
	if (!w->desc) {
		w->desc = w->alloc(w->ctx);
		if (!w->desc)
			return -ENOMEM;
		w->desc->epoch = cpu_to_le64(w->epoch);
		w->desc_pos = w->pos++;
	}
	append(w->desc, last, r);
	if (!data)
		return 0;
	n = le16_to_cpu(w->desc->nr_payload);
	w->desc->crc[ARRAY_SIZE(w->desc->crc) - 1 - n] =
		cpu_to_le32(blkrepl_crc32c(~0u, r->data, BLKREPL_BLOCK_SIZE));
	w->desc->nr_payload = cpu_to_le16((u16)(n + 1));
	return w->put(w->ctx, w->pos++, r->data, false);
}

/**
 * blkrepl_writer_commit - make the commit block
 * @w: the writer; all that it has put may still be on its way
 * @c: filled and sealed. To be written with PREFLUSH and FUA when all blocks
 *	that were put were written, and the epoch before is committed
 * @generation: of the source
 * @us: when the epoch was sealed, CLOCK_REALTIME
 * @p: filled: the recovery point from when @c was written on. @c goes to the
 *	position before @p->pos
 *
 * Return: 0 or what @put returned for the last descriptor.
 */
int blkrepl_writer_commit(struct blkrepl_writer *w, struct blkrepl_disk_commit *c,
			  u64 generation, u64 us, struct blkrepl_point *p)
{
	int r = blkrepl_writer_break(w);

	if (r)
		return r;
	memset(c, 0, sizeof(*c));
	c->epoch = cpu_to_le64(w->epoch);
	c->generation = cpu_to_le64(generation);
	c->sealed_us = cpu_to_le64(us);
	c->first = cpu_to_le64(w->first);
	c->nr_records = cpu_to_le64(w->nr_records);
	c->nr_payload = cpu_to_le64(w->nr_payload);
	c->digest = cpu_to_le32(w->digest);
	blkrepl_block_seal(c, BLKREPL_BLOCK_COMMIT, w->nr_descs, w->j->tag, w->pos);
	*p = (struct blkrepl_point){
		.epoch = w->epoch, .pos = w->pos + 1, .generation = generation, .us = us,
	};
	return 0;
}
