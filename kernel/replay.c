// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the journal. Pure.
 *
 * Nothing that is read is trusted: a block counts if it is the one that belongs
 * to its position (magic, CRC, type, index, tag, position, epoch), a record if
 * it lies inside of its member, an epoch if all of its blocks are there and are
 * those that the commit block was made for.
 */
#include "replay.h"

/**
 * blkrepl_replay_begin - begin behind the applied mark
 * @rp: to be filled
 * @j: the journal
 * @applied: from blkrepl_applied_load()
 * @sectors: see struct blkrepl_replay
 * @ops: see there
 * @ctx: see there
 * @desc: room for a block, aligned to 8 bytes
 * @payload: room for a block
 */
void blkrepl_replay_begin(struct blkrepl_replay *rp, const struct blkrepl_journal *j,
			  const struct blkrepl_point *applied, const u64 *sectors,
			  const struct blkrepl_replay_ops *ops, void *ctx,
			  void *desc, void *payload)
{
	*rp = (struct blkrepl_replay){
		.j = j, .sectors = sectors, .ops = ops, .ctx = ctx,
		.desc = desc, .payload = payload,
		.limit = applied->pos + j->nr_blocks, .last = *applied,
	};
}

static int ring_read(struct blkrepl_replay *rp, u64 pos, void *block)
{
	u64 lap = div64_u64(pos, rp->j->nr_blocks);

	return rp->ops->read(rp->ctx, pos - lap * rp->j->nr_blocks, block);
}

/* Whether what was read is an epoch's descriptor or commit block at that position. */
static bool belongs(const struct blkrepl_replay *rp, u64 epoch, u16 type, u32 index, u64 pos)
{
	/* Both kinds have the epoch at the same place. */
	const struct blkrepl_disk_commit *c = (void *)rp->desc;

	return le16_to_cpu(c->hdr.type) == type && blkrepl_block_seq(c) == pos &&
	       le64_to_cpu(c->epoch) == epoch &&
	       blkrepl_block_valid(c, type, index, &rp->j->tag);
}

/* Sectors from the block's first up to the last one of the mask. */
static u32 mask_end(u8 sectors)
{
	u32 n = 0;

	while (sectors >> n)
		n++;
	return n;
}

static bool record_sane(const struct blkrepl_replay *rp, const struct blkrepl_disk_record *r)
{
	u64 block = le64_to_cpu(r->block), whole, last;
	u32 nr = le32_to_cpu(r->nr);

	if (r->member >= BLKREPL_MAX_MEMBERS || !nr || !r->sectors ||
	    (nr > 1 && r->sectors != BLKREPL_SECTORS_ALL) ||
	    r->kind < BLKREPL_KIND_DATA || r->kind > BLKREPL_KIND_DISCARD)
		return false;
	whole = rp->sectors[r->member] / BLKREPL_BLOCK_SECTORS;
	if (block > whole)
		return false;
	last = block + nr - 1;
	return last < whole || (last == whole && mask_end(r->sectors) <=
				rp->sectors[r->member] % BLKREPL_BLOCK_SECTORS);
}

/* Whether the content of a valid descriptor makes sense. */
static bool desc_sane(const struct blkrepl_replay *rp, const struct blkrepl_disk_desc *d)
{
	u32 n = le16_to_cpu(d->nr_records), i;
	u64 payload = 0;

	if (!n || n * sizeof(d->record[0]) + le16_to_cpu(d->nr_payload) * sizeof(d->crc[0]) >
		  BLKREPL_DESC_BODY)
		return false;
	for (i = 0; i < n; i++) {
		const struct blkrepl_disk_record *r = &d->record[i], *before = r - 1;

		if (!record_sane(rp, r))
			return false;
		if (i && (before->member > r->member ||
			  (before->member == r->member && le64_to_cpu(before->block) +
			   le32_to_cpu(before->nr) > le64_to_cpu(r->block))))
			return false;
		if (r->kind == BLKREPL_KIND_DATA)
			payload += le32_to_cpu(r->nr);
	}
	return payload == le16_to_cpu(d->nr_payload);
}

static bool payload_right(const struct blkrepl_disk_desc *d, u32 i, const void *payload)
{
	return blkrepl_crc32c(~0u, payload, BLKREPL_BLOCK_SIZE) ==
	       le32_to_cpu(d->crc[ARRAY_SIZE(d->crc) - 1 - i]);
}

/* What was counted while an epoch is gone through. */
struct count {
	u64 pos;
	u32 descs;
	u32 digest;
	u64 records, payload;
	bool whole;
};

static bool commit_matches(const struct blkrepl_replay *rp, const struct blkrepl_disk_commit *c,
			   const struct count *n)
{
	return n->whole && le64_to_cpu(c->first) == rp->last.pos &&
	       le64_to_cpu(c->nr_records) == n->records &&
	       le64_to_cpu(c->nr_payload) == n->payload && le32_to_cpu(c->digest) == n->digest;
}

/* A descriptor's payload; a wrong one matters only if there is a commit block. */
static int verify_desc(struct blkrepl_replay *rp, struct count *n)
{
	const struct blkrepl_disk_desc *d = rp->desc;
	u32 i, nr = le16_to_cpu(d->nr_payload);
	int r;

	n->whole = n->whole && desc_sane(rp, d);
	n->digest = blkrepl_digest_add(n->digest, d);
	n->records += le16_to_cpu(d->nr_records);
	n->payload += nr;
	n->descs++;
	n->pos++;
	for (i = 0; i < nr && n->pos < rp->limit; i++, n->pos++) {
		if (!n->whole)
			continue;
		r = ring_read(rp, n->pos, rp->payload);
		if (r)
			return r;
		n->whole = payload_right(d, i, rp->payload);
	}
	return 0;
}

/**
 * blkrepl_replay_next - find and verify the next epoch
 * @rp: the replay
 *
 * Return: 1 when the next epoch is committed and whole: @rp->last is its end,
 * and it has to be applied or skipped. 0 when there is none, @rp->end tells why.
 * -EINVAL when the last one was neither. Or what the reading returned; then it
 * is not known whether there is one.
 */
int blkrepl_replay_next(struct blkrepl_replay *rp)
{
	const struct blkrepl_disk_commit *c = (void *)rp->desc;
	struct count n = {
		.pos = rp->last.pos, .whole = true,
		.digest = blkrepl_digest_begin(rp->last.epoch + 1),
	};
	u64 epoch = rp->last.epoch + 1;
	int r;

	if (rp->pending)
		return -EINVAL;
	if (rp->end)
		return 0;
	while (n.pos < rp->limit) {
		r = ring_read(rp, n.pos, rp->desc);
		if (r)
			return r;
		if (belongs(rp, epoch, BLKREPL_BLOCK_COMMIT, n.descs, n.pos)) {
			if (!commit_matches(rp, c, &n)) {
				rp->end = BLKREPL_END_DAMAGED;
				return 0;
			}
			rp->first = rp->last.pos;
			rp->nr_descs = n.descs;
			rp->digest = n.digest;
			rp->last = (struct blkrepl_point){
				.epoch = epoch,
				.pos = n.pos + 1,
				.generation = le64_to_cpu(c->generation),
				.us = le64_to_cpu(c->sealed_us),
			};
			rp->pending = true;
			return 1;
		}
		if (!belongs(rp, epoch, BLKREPL_BLOCK_DESC, n.descs, n.pos))
			break;
		r = verify_desc(rp, &n);
		if (r)
			return r;
	}
	rp->end = BLKREPL_END_TAIL;
	return 0;
}

/* Give the writes of the descriptor in @rp->desc; its payload begins at @pos. */
static int apply_desc(struct blkrepl_replay *rp, u64 pos)
{
	const struct blkrepl_disk_desc *d = rp->desc;
	u32 i, k, payload = 0;
	int r;

	for (i = 0; i < le16_to_cpu(d->nr_records); i++) {
		const struct blkrepl_disk_record *rec = &d->record[i];
		struct blkrepl_write w = {
			.block = le64_to_cpu(rec->block), .nr = le32_to_cpu(rec->nr),
			.member = rec->member, .kind = rec->kind, .sectors = rec->sectors,
		};

		if (w.kind != BLKREPL_KIND_DATA) {
			r = rp->ops->apply(rp->ctx, &w);
			if (r)
				return r;
			continue;
		}
		w.nr = 1;
		w.data = rp->payload;
		for (k = 0; k < le32_to_cpu(rec->nr); k++, w.block++, payload++) {
			r = ring_read(rp, pos + payload, rp->payload);
			if (!r && !payload_right(d, payload, rp->payload))
				r = -EIO;
			if (!r)
				r = rp->ops->apply(rp->ctx, &w);
			if (r)
				return r;
		}
	}
	return 0;
}

/**
 * blkrepl_replay_apply - give the writes of the epoch that was verified last
 * @rp: the replay, after blkrepl_replay_next() returned 1
 *
 * What is read this time has to be what was verified.
 *
 * Return: 0, -EINVAL when there is none, -EIO when the ring gives other content
 * than before, or what @ops returned. After any but -EINVAL the members may have
 * a part of the epoch; they have to be brought to its end by a new replay.
 */
int blkrepl_replay_apply(struct blkrepl_replay *rp)
{
	u32 i, digest = blkrepl_digest_begin(rp->last.epoch);
	u64 pos = rp->first;
	int r = 0;

	if (!rp->pending)
		return -EINVAL;
	rp->pending = false;
	for (i = 0; i < rp->nr_descs && !r; i++) {
		r = ring_read(rp, pos, rp->desc);
		if (!r && (!belongs(rp, rp->last.epoch, BLKREPL_BLOCK_DESC, i, pos) ||
			   !desc_sane(rp, rp->desc)))
			r = -EIO;
		if (r)
			break;
		digest = blkrepl_digest_add(digest, rp->desc);
		if (i + 1 == rp->nr_descs && digest != rp->digest)
			r = -EIO;
		if (!r)
			r = apply_desc(rp, pos + 1);
		if (!r && rp->ops->settle)
			r = rp->ops->settle(rp->ctx);
		pos += 1 + le16_to_cpu(rp->desc->nr_payload);
	}
	return r;
}

/**
 * blkrepl_replay_skip - leave an epoch that was verified as it is
 * @rp: the replay
 *
 * For who wants to know the recovery point, or where the ring goes on.
 */
void blkrepl_replay_skip(struct blkrepl_replay *rp)
{
	rp->pending = false;
}
