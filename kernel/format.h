/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The log volume: what is on it, byte by byte. docs/on-disk-format.md tells the
 * same in prose.
 *
 * Everything is little-endian and comes in blocks of 4 KiB. Each logical block
 * has two slots, one after the other; a write with sequence number n goes to
 * slot n & 1, so that a torn write destroys only what it was to replace. A
 * reader takes the valid slot with the higher sequence number. Valid means:
 * magic, CRC, type, index and tag are right. The tag is random per format, so
 * that what an earlier format left is never taken for valid.
 */
#ifndef BLKREPL_FORMAT_H
#define BLKREPL_FORMAT_H

#include "shim.h"
#include "../uapi/linux/blkrepl.h"

#define BLKREPL_BLOCK_SHIFT	12
#define BLKREPL_BLOCK_SIZE	(1u << BLKREPL_BLOCK_SHIFT)
#define BLKREPL_BLOCK_SECTORS	(BLKREPL_BLOCK_SIZE >> 9)
#define BLKREPL_EXTENT_SHIFT	22
#define BLKREPL_EXTENT_SECTORS	(1u << (BLKREPL_EXTENT_SHIFT - 9))
#define BLKREPL_EXTENT_BLOCKS	(1u << (BLKREPL_EXTENT_SHIFT - BLKREPL_BLOCK_SHIFT))

#define BLKREPL_MAGIC		0x4c505242u	/* "BRPL" */
#define BLKREPL_VERSION		1
#define BLKREPL_UUID_SIZE	16
#define BLKREPL_NAME_SIZE	64		/* with the terminating NUL */
#define BLKREPL_MAX_MEMBERS	128
#define BLKREPL_MAX_LINKS	4
#define BLKREPL_HISTORY		8

/* Feature words: unknown incompat bits refuse, unknown ro_compat bits inspect only. */
#define BLKREPL_COMPAT_KNOWN	0u
#define BLKREPL_RO_COMPAT_KNOWN	0u
#define BLKREPL_INCOMPAT_KNOWN	BLKREPL_INCOMPAT_JOURNAL

/*
 * There is a journal, which may hold epochs that the members lack: who does not
 * replay it must not open them.
 */
#define BLKREPL_INCOMPAT_JOURNAL BIT(0)

enum blkrepl_block_type {
	BLKREPL_BLOCK_SUPER	= 1,
	BLKREPL_BLOCK_MEMBERS	= 2,
	BLKREPL_BLOCK_AREAS	= 3,
	BLKREPL_BLOCK_LINK	= 4,
	BLKREPL_BLOCK_MARK	= 5,
	BLKREPL_BLOCK_INTENT	= 6,
	BLKREPL_BLOCK_DIRTY	= 7,
	BLKREPL_BLOCK_JOURNAL	= 8,
	BLKREPL_BLOCK_APPLIED	= 9,
	BLKREPL_BLOCK_RING	= 10,	/* an area's type; its blocks have the next two */
	BLKREPL_BLOCK_DESC	= 11,
	BLKREPL_BLOCK_COMMIT	= 12,
};

/* Where the fixed logical blocks begin; in blocks, slots counted. */
#define BLKREPL_AT_SUPER	0
#define BLKREPL_AT_MEMBERS	2
#define BLKREPL_NR_MEMBER_BLOCKS 4
#define BLKREPL_AT_AREAS	12
#define BLKREPL_NR_AREA_BLOCKS	8
#define BLKREPL_AT_LINKS	28
#define BLKREPL_AT_MARK		36
#define BLKREPL_AT_JOURNAL	44
#define BLKREPL_AT_APPLIED	52
#define BLKREPL_AT_POOL		64	/* areas are carved from here on */

/**
 * struct blkrepl_block_hdr - head of every block
 * @magic: BLKREPL_MAGIC
 * @crc: CRC-32C of the whole block with this field zero, start value ~0
 * @seq: higher is newer; its lowest bit tells the slot
 * @type: enum blkrepl_block_type
 * @pad: zero
 * @index: number of the logical block within its table or area
 * @tag: the format's random tag
 */
struct blkrepl_block_hdr {
	__le32 magic;
	__le32 crc;
	__le64 seq;
	__le16 type;
	__le16 pad;
	__le32 index;
	__le64 tag;
};

#define BLKREPL_PAYLOAD_SIZE	(BLKREPL_BLOCK_SIZE - sizeof(struct blkrepl_block_hdr))
#define BLKREPL_CHUNK_BITS	((u32)BLKREPL_PAYLOAD_SIZE * 8)
#define BLKREPL_CHUNK_WORDS	(BLKREPL_CHUNK_BITS / 64)

/* Superblock flags */
#define BLKREPL_SB_CLEAN	BIT(0)	/* closed in good order: the intent bitmap is empty */
#define BLKREPL_SB_TORN		BIT(1)	/* the members were left in the middle of a copy */

/* Superblock: type 1, index 0 */
struct blkrepl_disk_super {
	struct blkrepl_block_hdr hdr;
	__le32 version;
	__le32 compat;
	__le32 ro_compat;
	__le32 incompat;
	u8 group_uuid[BLKREPL_UUID_SIZE];
	char group_name[BLKREPL_NAME_SIZE];
	__le64 created_us;
	__le64 nr_blocks;
	__le32 role;		/* when it was formatted; the link state tells the present one */
	__le32 flags;
	__le32 rsv0;
	__le32 extent_shift;
	u8 rsv[BLKREPL_BLOCK_SIZE - 160];
};

/*
 * Member table: type 2, 32 entries a block. The group has the members whose
 * entries are in use, in their order. The number of an entry, its place, is the
 * member's for life: areas and pairs go by it. So a member is added or removed
 * by writing one block.
 */
struct blkrepl_disk_member {
	u8 uuid[BLKREPL_UUID_SIZE];
	char name[BLKREPL_NAME_SIZE];
	__le64 sectors;
	__le32 flags;		/* bit 0: the entry is in use */
	__le32 rsv[7];
};

#define BLKREPL_MEMBER_USED	BIT(0)
#define BLKREPL_MEMBERS_PER_BLOCK 32

struct blkrepl_disk_members {
	struct blkrepl_block_hdr hdr;
	struct blkrepl_disk_member m[BLKREPL_MEMBERS_PER_BLOCK];
	u8 rsv[BLKREPL_BLOCK_SIZE - 32 - 32 * 120];
};

/*
 * Area table: type 3. An area is a run of logical blocks (two slots each) that
 * holds one part of one bitmap. A bitmap that grew has several areas. A journal's
 * ring takes areas in the same way; there each slot is a block of its own.
 */
struct blkrepl_disk_area {
	__le16 type;		/* enum blkrepl_block_type, 0: unused */
	__le16 link;		/* BLKREPL_BLOCK_DIRTY: which relationship */
	__le32 member;		/* place of the member, BLKREPL_NO_MEMBER for a ring */
	__le32 first;		/* number of the first logical block in its bitmap */
	__le32 nr;		/* number of logical blocks */
	__le64 start;		/* block on the log volume */
};

#define BLKREPL_AREAS_PER_BLOCK	168
#define BLKREPL_NO_MEMBER	BLKREPL_MAX_MEMBERS

struct blkrepl_disk_areas {
	struct blkrepl_block_hdr hdr;
	struct blkrepl_disk_area a[BLKREPL_AREAS_PER_BLOCK];
	u8 rsv[BLKREPL_BLOCK_SIZE - 32 - 168 * 24];
};

/* Link flags */
#define BLKREPL_LINK_USED		BIT(0)
#define BLKREPL_LINK_INCONSISTENT	BIT(1)	/* the other side is not write-order consistent */
#define BLKREPL_LINK_CONSISTENCY	BIT(2)	/* all pairs stop when one does */
#define BLKREPL_LINK_HOLD_ON_FAILURE	BIT(3)
#define BLKREPL_LINK_MANUAL_RECOVERY	BIT(4)
#define BLKREPL_LINK_COMPARE		BIT(5)	/* read the target before writing to it */
#define BLKREPL_LINK_FIRST_COPY		BIT(6)	/* it never was synchronized */
#define BLKREPL_LINK_TARGET_SIDE	BIT(7)	/* this half has the role of the target */
#define BLKREPL_LINK_TORN		BIT(8)	/* this side is not write-order consistent */
#define BLKREPL_LINK_PENDING		BIT(9)	/* gave access or role away; was the other side told? */
#define BLKREPL_LINK_FAILING_BACK	BIT(10)	/* the target serves, and copies to the source */
#define BLKREPL_LINK_RESTORING		BIT(11)	/* the source is being copied from the target */
#define BLKREPL_LINK_OVERWRITE		BIT(12)	/* the other side's own changes are to go */
#define BLKREPL_LINK_TRACKED_ZERO	BIT(13)	/* a dirty block that was never written is all zero */
#define BLKREPL_LINK_APART		BIT(14)	/* pairs were stopped at different instants */
#define BLKREPL_LINK_DISSOLVED		BIT(15)	/* the relationship has ended, what it tracks is kept */

/*
 * Link state: type 4, index = number of the link; one on the log volume of each
 * side. A side whose group is up writes its own; the side that drives writes the
 * other's too, when the two part and when they meet.
 */
struct blkrepl_disk_link {
	struct blkrepl_block_hdr hdr;
	u8 uuid[BLKREPL_UUID_SIZE];
	char name[BLKREPL_NAME_SIZE];
	u8 peer_uuid[BLKREPL_UUID_SIZE];	/* the other group */
	char peer_name[BLKREPL_NAME_SIZE];
	__le32 flags;
	__le16 sync_type;
	__le16 mode;
	__le16 copy_state;
	__le16 pad;
	__le32 leg_timeout_ms;
	__le32 heartbeat_ms;
	__le32 rpo_s;		/* recovery-point objective, 0: none */
	__le64 revision;
	__le64 rate_limit;
	__le64 yield_rate;
	__le64 dirty_tag;	/* tag of the blocks of its dirty bitmap */
	__le64 gen_current;
	__le64 gen_base;
	__le64 gen_history[BLKREPL_HISTORY];
	__le64 recovery_point_us;
	__le64 when_synced_us;
	__le64 when_activated_us;
	__le64 when_suspended_us;
	__le64 when_broken_us;
	u8 pair_uuid[BLKREPL_MAX_MEMBERS][BLKREPL_UUID_SIZE];	/* the other side's members, by place */
	u8 rsv[BLKREPL_BLOCK_SIZE - 2416];
};

/* Heartbeat: type 5, on the target's log volume, written by the source */
struct blkrepl_disk_mark {
	struct blkrepl_block_hdr hdr;
	u8 link_uuid[BLKREPL_UUID_SIZE];
	__le64 generation;
	__le64 recovery_point_us;
	u8 rsv[BLKREPL_BLOCK_SIZE - 64];
};

/* Bits: types 6 and 7; bit i is bit i % 64 of little-endian word i / 64 */
struct blkrepl_disk_bits {
	struct blkrepl_block_hdr hdr;
	__le64 word[(BLKREPL_BLOCK_SIZE - 32) / 8];
};

/* Feature words of a journal; they mean what the superblock's mean. */
#define BLKREPL_JOURNAL_RO_COMPAT_KNOWN	0u
#define BLKREPL_JOURNAL_INCOMPAT_KNOWN	0u

/*
 * Head of the journal: type 8, index 0, on the target's log volume, written by
 * the source when it formats the ring. The point (base_*) is what the members
 * have at that moment. All blocks of the ring and the applied mark carry
 * @ring_tag, which is random per format.
 */
struct blkrepl_disk_journal {
	struct blkrepl_block_hdr hdr;
	__le32 compat;
	__le32 ro_compat;
	__le32 incompat;
	__le32 rsv0;
	u8 link_uuid[BLKREPL_UUID_SIZE];
	__le64 ring_tag;
	__le64 ring_blocks;
	__le64 base_epoch;
	__le64 base_generation;
	__le64 base_us;
	__le64 created_us;
	u8 rsv[BLKREPL_BLOCK_SIZE - 112];
};

/* Applied mark: type 9, index 0, tag of the ring; written by whoever applies */
struct blkrepl_disk_applied {
	struct blkrepl_block_hdr hdr;
	__le64 epoch;		/* newest one that is durable on the members */
	__le64 pos;		/* position behind it */
	__le64 generation;
	__le64 sealed_us;
	u8 rsv[BLKREPL_BLOCK_SIZE - 64];
};

enum blkrepl_kind {
	BLKREPL_KIND_DATA	= 1,
	BLKREPL_KIND_ZEROES	= 2,
	BLKREPL_KIND_DISCARD	= 3,	/* reads as zeroes; the room may be given back */
};

/*
 * A record: some blocks of one member. Data blocks follow the descriptor, each
 * with its CRC in there. @sectors tells which of the 8 sectors of a block are
 * meant, bit 0 the first; where they are not all, @nr is 1.
 */
struct blkrepl_disk_record {
	__le64 block;		/* first block of 4 KiB on the member */
	__le32 nr;		/* blocks */
	u8 member;
	u8 kind;		/* enum blkrepl_kind */
	u8 sectors;
	u8 rsv;
};

#define BLKREPL_DESC_BODY	(BLKREPL_BLOCK_SIZE - 48)

/*
 * Descriptor: type 11. @index counts those of an epoch, @seq is the position in
 * the ring, which never goes back: position p lies in block p % ring_blocks.
 * Records grow from the front of the body, ascending and disjoint; the CRCs of
 * the payload blocks grow from its end: the last word is the first block's.
 */
struct blkrepl_disk_desc {
	struct blkrepl_block_hdr hdr;
	__le64 epoch;
	__le16 nr_records;
	__le16 nr_payload;	/* so many payload blocks follow */
	__le32 rsv0;
	union {
		struct blkrepl_disk_record record[BLKREPL_DESC_BODY / 16];
		__le32 crc[BLKREPL_DESC_BODY / 4];
	};
};

/*
 * Commit: type 12. @index is the number of the epoch's descriptors, @seq as
 * above. It is written when all that stands before it is durable.
 */
struct blkrepl_disk_commit {
	struct blkrepl_block_hdr hdr;
	__le64 epoch;
	__le64 generation;	/* the source's, when the epoch ended */
	__le64 sealed_us;	/* when that was */
	__le64 first;		/* position of the first descriptor, or of this block */
	__le64 nr_records;
	__le64 nr_payload;
	__le32 digest;		/* CRC-32C over the CRCs of the epoch's descriptors */
	__le32 rsv0;
	u8 rsv[BLKREPL_BLOCK_SIZE - 88];
};

#define BLKREPL_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " has a fixed size")
BLKREPL_ASSERT_SIZE(blkrepl_block_hdr, 32);
BLKREPL_ASSERT_SIZE(blkrepl_disk_member, 120);
BLKREPL_ASSERT_SIZE(blkrepl_disk_area, 24);
BLKREPL_ASSERT_SIZE(blkrepl_disk_super, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_members, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_areas, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_link, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_mark, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_bits, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_record, 16);
BLKREPL_ASSERT_SIZE(blkrepl_disk_journal, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_applied, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_desc, BLKREPL_BLOCK_SIZE);
BLKREPL_ASSERT_SIZE(blkrepl_disk_commit, BLKREPL_BLOCK_SIZE);

bool blkrepl_uuid_equal(const u8 *a, const u8 *b);
bool blkrepl_uuid_is_null(const u8 *uuid);

void blkrepl_block_seal(void *block, u16 type, u32 index, u64 tag, u64 seq);
bool blkrepl_block_valid(const void *block, u16 type, u32 index, const u64 *tag);
const void *blkrepl_block_pick(const void *slots, u16 type, u32 index, const u64 *tag);
bool blkrepl_block_lost(const void *slots, u16 type, u32 index, u64 tag);
bool blkrepl_block_torn_first(const void *slots, u16 type, u32 index, u64 tag);
u64 blkrepl_block_seq(const void *block);
int blkrepl_super_check(const struct blkrepl_disk_super *sb, u64 nr_blocks);

#endif
