// SPDX-License-Identifier: GPL-2.0
/* Blocks of the log volume: sealing and recognising them. Pure. */
#include "format.h"

bool blkrepl_uuid_equal(const u8 *a, const u8 *b)
{
	return !memcmp(a, b, BLKREPL_UUID_SIZE);
}

bool blkrepl_uuid_is_null(const u8 *uuid)
{
	static const u8 null[BLKREPL_UUID_SIZE];

	return blkrepl_uuid_equal(uuid, null);
}

static u32 block_crc(const void *block)
{
	static const __le32 zero;
	const struct blkrepl_block_hdr *h = block;
	const size_t after = offsetof(struct blkrepl_block_hdr, seq);
	u32 crc;

	crc = blkrepl_crc32c(~0u, &h->magic, sizeof(h->magic));
	crc = blkrepl_crc32c(crc, &zero, sizeof(zero));
	return blkrepl_crc32c(crc, block + after, BLKREPL_BLOCK_SIZE - after);
}

/**
 * blkrepl_block_seal - complete the head of a block before it is written
 * @block: BLKREPL_BLOCK_SIZE bytes with the payload in place
 * @type: enum blkrepl_block_type
 * @index: number of the logical block within its table or area
 * @tag: the format's tag
 * @seq: must be higher than that of any earlier write of this logical block;
 *	the block belongs to slot @seq & 1
 *
 * Context: any.
 */
void blkrepl_block_seal(void *block, u16 type, u32 index, u64 tag, u64 seq)
{
	struct blkrepl_block_hdr *h = block;

	h->magic = cpu_to_le32(BLKREPL_MAGIC);
	h->seq = cpu_to_le64(seq);
	h->type = cpu_to_le16(type);
	h->pad = 0;
	h->index = cpu_to_le32(index);
	h->tag = cpu_to_le64(tag);
	h->crc = cpu_to_le32(block_crc(block));
}

/**
 * blkrepl_block_valid - whether a block that was read is what it should be
 * @block: BLKREPL_BLOCK_SIZE bytes
 * @type: expected type
 * @index: expected index
 * @tag: expected tag, or NULL for the superblock, which tells it
 *
 * Context: any.
 */
bool blkrepl_block_valid(const void *block, u16 type, u32 index, const u64 *tag)
{
	const struct blkrepl_block_hdr *h = block;

	return le32_to_cpu(h->magic) == BLKREPL_MAGIC &&
	       le16_to_cpu(h->type) == type &&
	       le32_to_cpu(h->index) == index &&
	       (!tag || le64_to_cpu(h->tag) == *tag) &&
	       le32_to_cpu(h->crc) == block_crc(block);
}

/**
 * blkrepl_block_seq - sequence number of a valid block
 * @block: the block
 */
u64 blkrepl_block_seq(const void *block)
{
	return le64_to_cpu(((const struct blkrepl_block_hdr *)block)->seq);
}

/**
 * blkrepl_block_pick - the newer of a logical block's two slots
 * @slots: both slots, 2 * BLKREPL_BLOCK_SIZE bytes
 * @type: expected type
 * @index: expected index
 * @tag: expected tag or NULL
 *
 * A slot whose sequence number does not belong there is not valid either.
 *
 * Return: a pointer into @slots, or NULL when neither slot is valid.
 */
const void *blkrepl_block_pick(const void *slots, u16 type, u32 index, const u64 *tag)
{
	const void *best = NULL;
	int i;

	for (i = 0; i < 2; i++) {
		const void *b = slots + i * BLKREPL_BLOCK_SIZE;

		if (!blkrepl_block_valid(b, type, index, tag))
			continue;
		if ((int)(blkrepl_block_seq(b) & 1) != i)
			continue;
		if (!best || blkrepl_block_seq(b) > blkrepl_block_seq(best))
			best = b;
	}
	return best;
}

static bool seems(const struct blkrepl_block_hdr *h, u16 type, u32 index, u64 tag)
{
	return le32_to_cpu(h->magic) == BLKREPL_MAGIC && le16_to_cpu(h->type) == type &&
	       le32_to_cpu(h->index) == index && le64_to_cpu(h->tag) == tag;
}

/**
 * blkrepl_block_lost - whether a logical block was written and cannot be read
 * @slots: both slots, of which neither is valid
 * @type: expected type
 * @index: expected index
 * @tag: expected tag
 */
bool blkrepl_block_lost(const void *slots, u16 type, u32 index, u64 tag)
{
	return seems(slots, type, index, tag) ||
	       seems(slots + BLKREPL_BLOCK_SIZE, type, index, tag);
}

/**
 * blkrepl_block_torn_first - whether it was written once, and that was cut off
 * @slots: both slots, of which neither is valid
 * @type: expected type
 * @index: expected index
 * @tag: expected tag
 *
 * For blocks on which something rests only once they were written: then that is as
 * if they had never been.
 */
bool blkrepl_block_torn_first(const void *slots, u16 type, u32 index, u64 tag)
{
	return !seems(slots, type, index, tag) &&
	       seems(slots + BLKREPL_BLOCK_SIZE, type, index, tag) &&
	       blkrepl_block_seq(slots + BLKREPL_BLOCK_SIZE) == 1;
}

/**
 * blkrepl_super_check - whether this version may use a valid superblock
 * @sb: superblock from blkrepl_block_pick()
 * @nr_blocks: size of the device it was read from
 *
 * Return: 0, -EOPNOTSUPP for a version or feature that is not known here,
 * -ERANGE when the device is smaller than the metadata say, -EUCLEAN for
 * values that no version writes, -EROFS when it may be inspected only.
 */
int blkrepl_super_check(const struct blkrepl_disk_super *sb, u64 nr_blocks)
{
	u32 role = le32_to_cpu(sb->role);

	if (le32_to_cpu(sb->version) != BLKREPL_VERSION ||
	    le32_to_cpu(sb->incompat) & ~BLKREPL_INCOMPAT_KNOWN)
		return -EOPNOTSUPP;
	if (le32_to_cpu(sb->extent_shift) != BLKREPL_EXTENT_SHIFT ||
	    (role != BLKREPL_ROLE_SOURCE && role != BLKREPL_ROLE_TARGET) ||
	    sb->group_name[BLKREPL_NAME_SIZE - 1] ||
	    le64_to_cpu(sb->nr_blocks) < BLKREPL_AT_POOL)
		return -EUCLEAN;
	if (le64_to_cpu(sb->nr_blocks) > nr_blocks)
		return -ERANGE;
	if (le32_to_cpu(sb->ro_compat) & ~BLKREPL_RO_COMPAT_KNOWN)
		return -EROFS;
	return 0;
}
