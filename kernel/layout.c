// SPDX-License-Identifier: GPL-2.0
/*
 * The areas of a log volume. Pure.
 *
 * Space is given first fit from BLKREPL_AT_POOL on. What no area covers is
 * free: there is no other record of free space that could disagree.
 */
#include "layout.h"

/**
 * blkrepl_layout_chunks - how many logical blocks a bitmap needs
 * @type: BLKREPL_BLOCK_INTENT or BLKREPL_BLOCK_DIRTY
 * @sectors: size of the member
 */
u32 blkrepl_layout_chunks(u16 type, u64 sectors)
{
	u64 unit = type == BLKREPL_BLOCK_INTENT ? BLKREPL_EXTENT_SECTORS :
						  BLKREPL_BLOCK_SECTORS;
	u64 bits = div_u64(sectors + unit - 1, (u32)unit);

	return (u32)div_u64(bits + BLKREPL_CHUNK_BITS - 1, BLKREPL_CHUNK_BITS);
}

/**
 * blkrepl_layout_min_blocks - how large a log volume must be
 * @member_sectors: sizes of the members
 * @n: number of members
 *
 * Holds for a group with one relationship; a margin of an eighth is for growth.
 *
 * Return: number of blocks of 4 KiB.
 */
u64 blkrepl_layout_min_blocks(const u64 *member_sectors, unsigned int n)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		sum += 2 * (u64)blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, member_sectors[i]) +
		       2 * (u64)blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, member_sectors[i]);
	return BLKREPL_AT_POOL + sum + sum / 8 + 64;
}

/**
 * blkrepl_layout_used - blocks that are given to something
 * @l: the layout
 */
u64 blkrepl_layout_used(const struct blkrepl_layout *l)
{
	u64 sum = BLKREPL_AT_POOL;
	u32 i;

	for (i = 0; i < l->nr; i++)
		sum += 2 * (u64)l->area[i].nr;
	return sum;
}

static bool same(const struct blkrepl_area *a, u16 type, u16 link, u32 member)
{
	return a->type == type && a->link == link && a->member == member;
}

/**
 * blkrepl_layout_block - where a chunk of a bitmap lies
 * @l: the layout
 * @type: BLKREPL_BLOCK_INTENT or BLKREPL_BLOCK_DIRTY
 * @link: number of the relationship, 0 for the intent bitmap
 * @member: place of the member
 * @chunk: number of the logical block within the bitmap
 *
 * Return: the block of slot 0, or 0 when no area covers the chunk.
 */
u64 blkrepl_layout_block(const struct blkrepl_layout *l, u16 type, u16 link,
			 u32 member, u32 chunk)
{
	u32 i;

	for (i = 0; i < l->nr; i++) {
		const struct blkrepl_area *a = &l->area[i];

		if (same(a, type, link, member) && chunk >= a->first &&
		    chunk - a->first < a->nr)
			return a->start + 2 * (u64)(chunk - a->first);
	}
	return 0;
}

static bool is_free(const struct blkrepl_layout *l, u64 at, u64 len)
{
	u32 i;

	if (at > l->nr_blocks || l->nr_blocks - at < len)
		return false;
	for (i = 0; i < l->nr; i++)
		if (l->area[i].start < at + len && at < l->area[i].start + 2 * (u64)l->area[i].nr)
			return false;
	return true;
}

/* First fit for @len blocks; 0 when there is no such gap. */
static u64 find_gap(const struct blkrepl_layout *l, u64 len)
{
	u64 at = BLKREPL_AT_POOL;
	u32 i;

again:
	if (at > l->nr_blocks || l->nr_blocks - at < len)
		return 0;
	for (i = 0; i < l->nr; i++) {
		const struct blkrepl_area *a = &l->area[i];
		u64 end = a->start + 2 * (u64)a->nr;

		if (a->start < at + len && at < end) {
			at = end;
			goto again;
		}
	}
	return at;
}

/**
 * blkrepl_layout_provide - make sure that a bitmap has room
 * @l: the layout; changed only when 0 is returned
 * @type: BLKREPL_BLOCK_INTENT, BLKREPL_BLOCK_DIRTY or BLKREPL_BLOCK_RING
 * @link: number of the relationship
 * @member: place of the member, BLKREPL_NO_MEMBER for a ring
 * @chunks: logical blocks that the bitmap needs in all
 *
 * Return: 0, or -ENOSPC when the log volume or the area table is full.
 */
int blkrepl_layout_provide(struct blkrepl_layout *l, u16 type, u16 link,
			   u32 member, u32 chunks)
{
	struct blkrepl_area *last = NULL;
	u32 i, have = 0;
	u64 at;

	for (i = 0; i < l->nr; i++)
		if (same(&l->area[i], type, link, member)) {
			have += l->area[i].nr;
			if (!last || l->area[i].first > last->first)
				last = &l->area[i];
		}
	if (have >= chunks)
		return 0;
	if (last && is_free(l, last->start + 2 * (u64)last->nr, 2 * (u64)(chunks - have))) {
		last->nr += chunks - have;
		return 0;
	}
	if (l->nr == BLKREPL_MAX_AREAS)
		return -ENOSPC;
	at = find_gap(l, 2 * (u64)(chunks - have));
	if (!at)
		return -ENOSPC;
	l->area[l->nr++] = (struct blkrepl_area){
		.type = type, .link = link, .member = member,
		.first = have, .nr = chunks - have, .start = at,
	};
	return 0;
}

/**
 * blkrepl_layout_ring_blocks - length of a journal's ring
 * @l: the layout
 * @link: number of the relationship
 *
 * Return: number of blocks, 0 when there is no ring or a part of it is missing.
 */
u64 blkrepl_layout_ring_blocks(const struct blkrepl_layout *l, u16 link)
{
	u64 sum = 0, at = 0;
	u32 i;

	for (i = 0; i < l->nr; i++)
		if (same(&l->area[i], BLKREPL_BLOCK_RING, link, BLKREPL_NO_MEMBER))
			sum += l->area[i].nr;
	/* The parts have to follow each other, each once. */
	for (i = 0; i < l->nr && at < sum; i++) {
		const struct blkrepl_area *a = &l->area[i];

		if (!same(a, BLKREPL_BLOCK_RING, link, BLKREPL_NO_MEMBER) || a->first != at)
			continue;
		at += a->nr;
		i = ~0u;
	}
	return at == sum ? 2 * sum : 0;
}

/**
 * blkrepl_layout_ring_block - where a block of a ring lies
 * @l: the layout
 * @link: number of the relationship
 * @n: number of the block, below blkrepl_layout_ring_blocks()
 *
 * Return: the block on the log volume, or 0 when no area covers it.
 */
u64 blkrepl_layout_ring_block(const struct blkrepl_layout *l, u16 link, u64 n)
{
	u64 at = n >> 33 ? 0 : blkrepl_layout_block(l, BLKREPL_BLOCK_RING, link,
						    BLKREPL_NO_MEMBER, (u32)(n >> 1));

	return at ? at + (n & 1) : 0;
}

/**
 * blkrepl_layout_drop - give a bitmap's room back
 * @l: the layout
 * @type: as in blkrepl_layout_provide()
 * @link: as there
 * @member: as there
 */
void blkrepl_layout_drop(struct blkrepl_layout *l, u16 type, u16 link, u32 member)
{
	u32 i = 0;

	while (i < l->nr) {
		if (same(&l->area[i], type, link, member))
			l->area[i] = l->area[--l->nr];
		else
			i++;
	}
}

static bool area_is_sane(const struct blkrepl_layout *l, const struct blkrepl_area *a)
{
	u32 i;

	if (a->type == BLKREPL_BLOCK_RING ? a->member != BLKREPL_NO_MEMBER :
	    (a->type != BLKREPL_BLOCK_INTENT && a->type != BLKREPL_BLOCK_DIRTY) ||
	    a->member >= BLKREPL_MAX_MEMBERS)
		return false;
	if (a->link >= BLKREPL_MAX_LINKS || !a->nr)
		return false;
	if (a->start < BLKREPL_AT_POOL || a->start > l->nr_blocks ||
	    2 * (u64)a->nr > l->nr_blocks - a->start)
		return false;
	for (i = 0; i < l->nr; i++)
		if (l->area[i].start < a->start + 2 * (u64)a->nr &&
		    a->start < l->area[i].start + 2 * (u64)l->area[i].nr)
			return false;
	return true;
}

/*
 * The table is stored block by block from the first on, and an area that moves
 * goes to an earlier entry. So one that stands in two blocks was about to move.
 */
static bool was_moving(const struct blkrepl_layout *l, u32 nr, const struct blkrepl_area *a)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (same(&l->area[i], a->type, a->link, a->member) &&
		    l->area[i].first == a->first && l->area[i].start == a->start)
			return true;
	return false;
}

/**
 * blkrepl_layout_load - add the areas of one block of the area table
 * @l: the layout, with nr_blocks set; holds the areas of the blocks before
 * @d: a valid block
 *
 * Return: 0, or -EUCLEAN for an area that is outside the volume, overlaps
 * another or is of an unknown kind; nothing of @d is to be trusted then.
 */
int blkrepl_layout_load(struct blkrepl_layout *l, const struct blkrepl_disk_areas *d)
{
	u32 i, before = l->nr;

	for (i = 0; i < BLKREPL_AREAS_PER_BLOCK; i++) {
		const struct blkrepl_disk_area *e = &d->a[i];
		struct blkrepl_area a = {
			.type = le16_to_cpu(e->type),
			.link = le16_to_cpu(e->link),
			.member = le32_to_cpu(e->member),
			.first = le32_to_cpu(e->first),
			.nr = le32_to_cpu(e->nr),
			.start = le64_to_cpu(e->start),
		};

		if (!a.type || was_moving(l, before, &a))
			continue;
		if (l->nr == BLKREPL_MAX_AREAS || !area_is_sane(l, &a))
			return -EUCLEAN;
		l->area[l->nr++] = a;
	}
	return 0;
}

/**
 * blkrepl_layout_store - fill one block of the area table
 * @l: the layout
 * @index: which block of the table
 * @d: zeroed block; its head is left to blkrepl_block_seal()
 */
void blkrepl_layout_store(const struct blkrepl_layout *l, u32 index,
			  struct blkrepl_disk_areas *d)
{
	u32 i, base = index * BLKREPL_AREAS_PER_BLOCK;

	for (i = 0; i < BLKREPL_AREAS_PER_BLOCK && base + i < l->nr; i++) {
		const struct blkrepl_area *a = &l->area[base + i];

		d->a[i] = (struct blkrepl_disk_area){
			.type = cpu_to_le16(a->type),
			.link = cpu_to_le16(a->link),
			.member = cpu_to_le32(a->member),
			.first = cpu_to_le32(a->first),
			.nr = cpu_to_le32(a->nr),
			.start = cpu_to_le64(a->start),
		};
	}
}
