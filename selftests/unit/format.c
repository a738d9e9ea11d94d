// SPDX-License-Identifier: GPL-2.0
/* Blocks of the log volume: kernel/format.c and its CRC. */
#include "unit.h"
#include "../../kernel/format.h"

#define SIZE	BLKREPL_BLOCK_SIZE
#define TAG	0x1122334455667788ULL

static u8 slots[2 * SIZE];

static void fill(void *block, u8 with)
{
	memset((u8 *)block + sizeof(struct blkrepl_block_hdr), with,
	       SIZE - sizeof(struct blkrepl_block_hdr));
}

static void *slot(int i)
{
	return slots + i * SIZE;
}

/* Write as the module does: to the slot that the number belongs to. */
static void write_block(u64 seq, u8 with)
{
	u8 *b = slot(seq & 1);

	fill(b, with);
	blkrepl_block_seal(b, BLKREPL_BLOCK_DIRTY, 3, TAG, seq);
}

static const void *pick(void)
{
	u64 tag = TAG;

	return blkrepl_block_pick(slots, BLKREPL_BLOCK_DIRTY, 3, &tag);
}

static void crc_vectors(void **state)
{
	u8 b[32];
	int i;

	/* RFC 3720, B.4, and the check value of the catalogue */
	assert_int_equal(~blkrepl_crc32c(~0u, "123456789", 9), 0xe3069283);
	memset(b, 0, sizeof(b));
	assert_int_equal(~blkrepl_crc32c(~0u, b, sizeof(b)), 0x8a9136aa);
	memset(b, 0xff, sizeof(b));
	assert_int_equal(~blkrepl_crc32c(~0u, b, sizeof(b)), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		b[i] = i;
	assert_int_equal(~blkrepl_crc32c(~0u, b, sizeof(b)), 0x46dd794e);
	/* in two parts as in one */
	assert_int_equal(blkrepl_crc32c(blkrepl_crc32c(~0u, b, 5), b + 5, 27),
			 blkrepl_crc32c(~0u, b, 32));
}

static void uuids(void **state)
{
	u8 a[BLKREPL_UUID_SIZE] = { 0 }, b[BLKREPL_UUID_SIZE] = { 0 };
	int i;

	assert_true(blkrepl_uuid_is_null(a));
	for (i = 0; i < BLKREPL_UUID_SIZE; i++) {
		a[i] = 1;
		assert_false(blkrepl_uuid_is_null(a));
		assert_false(blkrepl_uuid_equal(a, b));
		b[i] = 1;
		assert_true(blkrepl_uuid_equal(a, b));
	}
}

static void sealed_is_valid(void **state)
{
	u64 tag = TAG, other = TAG + 1;
	struct blkrepl_block_hdr *h = slot(0);

	write_block(42, 0x5a);
	assert_int_equal(blkrepl_block_seq(slot(0)), 42);
	assert_int_equal(le32toh(h->magic), 0x4c505242);
	assert_int_equal(memcmp(slot(0), "BRPL", 4), 0);
	assert_true(blkrepl_block_valid(slot(0), BLKREPL_BLOCK_DIRTY, 3, &tag));
	assert_true(blkrepl_block_valid(slot(0), BLKREPL_BLOCK_DIRTY, 3, NULL));
	assert_false(blkrepl_block_valid(slot(0), BLKREPL_BLOCK_DIRTY, 3, &other));
	assert_false(blkrepl_block_valid(slot(0), BLKREPL_BLOCK_DIRTY, 4, &tag));
	assert_false(blkrepl_block_valid(slot(0), BLKREPL_BLOCK_INTENT, 3, &tag));
	/* sealing again gives the same block, whatever the field of the CRC had */
	h->crc = 0;
	blkrepl_block_seal(slot(0), BLKREPL_BLOCK_DIRTY, 3, TAG, 42);
	assert_true(blkrepl_block_valid(slot(0), BLKREPL_BLOCK_DIRTY, 3, &tag));
}

/* One flipped bit anywhere, head or payload, is found. */
static void every_bit_counts(void **state)
{
	u64 tag = TAG;
	u8 *b = slot(0);
	int i;

	write_block(42, 0x5a);
	for (i = 0; i < (int)SIZE * 8; i++) {
		b[i / 8] ^= 1 << i % 8;
		if (blkrepl_block_valid(b, BLKREPL_BLOCK_DIRTY, 3, &tag))
			fail_msg("bit %d does not count", i);
		b[i / 8] ^= 1 << i % 8;
	}
	assert_true(blkrepl_block_valid(b, BLKREPL_BLOCK_DIRTY, 3, &tag));
}

static void newer_slot_wins(void **state)
{
	u64 seq;

	memset(slots, 0, sizeof(slots));
	assert_null(pick());
	for (seq = 1; seq < 10; seq++) {
		write_block(seq, seq);
		assert_ptr_equal(pick(), slot(seq & 1));
		assert_int_equal(blkrepl_block_seq(pick()), seq);
	}
	/* the number may leap, and may be as high as it likes */
	write_block(1ULL << 63 | 1, 1);
	assert_ptr_equal(pick(), slot(1));
	write_block(~0ULL - 1, 2);
	assert_ptr_equal(pick(), slot(0));
}

static void slot_of_wrong_parity(void **state)
{
	write_block(8, 1);
	write_block(9, 2);
	/* a block that was put into the other slot is not valid there */
	memcpy(slot(0), slot(1), SIZE);
	assert_ptr_equal(pick(), slot(1));
	write_block(8, 1);
	memcpy(slot(1), slot(0), SIZE);
	assert_ptr_equal(pick(), slot(0));
	memset(slot(0), 0, SIZE);
	assert_null(pick());
}

/* A write that was cut off at any sector leaves what it was to replace. */
static void torn_write(void **state)
{
	static u8 fresh[SIZE];
	unsigned int part, cut;

	for (cut = 0; cut < 512; cut++) {
		memset(slots, 0, sizeof(slots));
		write_block(6, 6);
		write_block(7, 7);
		fill(fresh, 8);
		blkrepl_block_seal(fresh, BLKREPL_BLOCK_DIRTY, 3, TAG, 8);
		/* any subset of the eight sectors may have arrived */
		for (part = 0; part < 8; part++)
			if (cut >> part & 1)
				memcpy((u8 *)slot(0) + part * 512, fresh + part * 512, 512);
		if ((cut & 0xff) == 0xff)
			assert_int_equal(blkrepl_block_seq(pick()), 8);
		else
			assert_int_equal(blkrepl_block_seq(pick()), 7);
	}
}

/* The first write was cut off: as if it had never been. A later one is a loss. */
static void torn_first_write(void **state)
{
	u64 seq;

	for (seq = 1; seq < 4; seq++) {
		memset(slots, 0, sizeof(slots));
		write_block(seq, 1);
		((u8 *)slot(seq & 1))[SIZE - 1] ^= 1;
		assert_null(pick());
		assert_true(blkrepl_block_lost(slots, BLKREPL_BLOCK_DIRTY, 3, TAG));
		assert_int_equal(blkrepl_block_torn_first(slots, BLKREPL_BLOCK_DIRTY, 3, TAG),
				 seq == 1);
	}
	memset(slots, 0, sizeof(slots));
	write_block(1, 1);
	write_block(2, 1);
	((u8 *)slot(0))[SIZE - 1] ^= 1;
	((u8 *)slot(1))[SIZE - 1] ^= 1;
	assert_false(blkrepl_block_torn_first(slots, BLKREPL_BLOCK_DIRTY, 3, TAG));
}

static void earlier_format_is_gone(void **state)
{
	u64 tag = TAG;

	memset(slots, 0, sizeof(slots));
	fill(slot(1), 1);
	blkrepl_block_seal(slot(1), BLKREPL_BLOCK_DIRTY, 3, TAG - 1, 1001);
	assert_null(pick());
	write_block(2, 2);
	assert_ptr_equal(pick(), slot(0));
	fill(slot(1), 1);
	blkrepl_block_seal(slot(1), BLKREPL_BLOCK_INTENT, 3, TAG, 1001);
	assert_ptr_equal(blkrepl_block_pick(slots, BLKREPL_BLOCK_DIRTY, 3, &tag), slot(0));
	blkrepl_block_seal(slot(1), BLKREPL_BLOCK_DIRTY, 4, TAG, 1001);
	assert_ptr_equal(pick(), slot(0));
}

static struct blkrepl_disk_super good_super(void)
{
	struct blkrepl_disk_super sb = {
		.version = cpu_to_le32(BLKREPL_VERSION),
		.group_name = "db",
		.nr_blocks = cpu_to_le64(1000),
		.role = cpu_to_le32(BLKREPL_ROLE_SOURCE),
		.extent_shift = cpu_to_le32(BLKREPL_EXTENT_SHIFT),
	};

	return sb;
}

#define CHECK_SUPER(expected, change) do {				\
	struct blkrepl_disk_super sb = good_super();			\
	change;								\
	assert_int_equal(blkrepl_super_check(&sb, 1000), expected);	\
} while (0)

static void superblock(void **state)
{
	unsigned int bit;

	CHECK_SUPER(0, );
	CHECK_SUPER(0, sb.role = cpu_to_le32(BLKREPL_ROLE_TARGET));
	CHECK_SUPER(0, sb.compat = cpu_to_le32(~0u));
	CHECK_SUPER(0, sb.nr_blocks = cpu_to_le64(BLKREPL_AT_POOL));
	CHECK_SUPER(-EOPNOTSUPP, sb.version = cpu_to_le32(BLKREPL_VERSION + 1));
	CHECK_SUPER(-EOPNOTSUPP, sb.version = 0);
	for (bit = 0; bit < 32; bit++) {
		CHECK_SUPER(1u << bit & BLKREPL_INCOMPAT_KNOWN ? 0 : -EOPNOTSUPP,
			    sb.incompat = cpu_to_le32(1u << bit));
		CHECK_SUPER(-EROFS, sb.ro_compat = cpu_to_le32(1u << bit));
	}
	CHECK_SUPER(-EUCLEAN, sb.role = 0);
	CHECK_SUPER(-EUCLEAN, sb.role = cpu_to_le32(3));
	CHECK_SUPER(-EUCLEAN, sb.extent_shift = cpu_to_le32(BLKREPL_EXTENT_SHIFT + 1));
	CHECK_SUPER(-EUCLEAN, memset(sb.group_name, 'x', sizeof(sb.group_name)));
	CHECK_SUPER(-EUCLEAN, sb.nr_blocks = cpu_to_le64(BLKREPL_AT_POOL - 1));
	CHECK_SUPER(-ERANGE, sb.nr_blocks = cpu_to_le64(1001));
	/* what cannot be used comes before what can be looked at */
	CHECK_SUPER(-ERANGE, sb.nr_blocks = cpu_to_le64(1001); sb.ro_compat = cpu_to_le32(1));
	CHECK_SUPER(-EOPNOTSUPP, sb.role = 0; sb.incompat = cpu_to_le32(1u << 31));
}

/* The fixed blocks do not overlap and end before the pool. */
static void fixed_places(void **state)
{
	assert_true(BLKREPL_AT_MEMBERS >= BLKREPL_AT_SUPER + 2);
	assert_true(BLKREPL_AT_AREAS >= BLKREPL_AT_MEMBERS + 2 * BLKREPL_NR_MEMBER_BLOCKS);
	assert_true(BLKREPL_AT_LINKS >= BLKREPL_AT_AREAS + 2 * BLKREPL_NR_AREA_BLOCKS);
	assert_true(BLKREPL_AT_MARK >= BLKREPL_AT_LINKS + 2 * BLKREPL_MAX_LINKS);
	assert_true(BLKREPL_AT_JOURNAL >= BLKREPL_AT_MARK + 2 * BLKREPL_MAX_LINKS);
	assert_true(BLKREPL_AT_APPLIED >= BLKREPL_AT_JOURNAL + 2 * BLKREPL_MAX_LINKS);
	assert_true(BLKREPL_AT_POOL >= BLKREPL_AT_APPLIED + 2 * BLKREPL_MAX_LINKS);
	assert_true(BLKREPL_NR_MEMBER_BLOCKS * BLKREPL_MEMBERS_PER_BLOCK >= BLKREPL_MAX_MEMBERS);
	assert_int_equal(BLKREPL_CHUNK_BITS, (BLKREPL_BLOCK_SIZE - 32) * 8);
	assert_int_equal(offsetof(struct blkrepl_disk_super, rsv), 160);
	assert_int_equal(offsetof(struct blkrepl_disk_link, rsv), 2416);
	assert_int_equal(offsetof(struct blkrepl_disk_mark, rsv), 64);
	assert_int_equal(offsetof(struct blkrepl_disk_journal, rsv), 112);
	assert_int_equal(offsetof(struct blkrepl_disk_applied, rsv), 64);
	assert_int_equal(offsetof(struct blkrepl_disk_desc, record), 48);
	assert_int_equal(offsetof(struct blkrepl_disk_commit, rsv), 88);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_vectors),
		cmocka_unit_test(uuids),
		cmocka_unit_test(sealed_is_valid),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(newer_slot_wins),
		cmocka_unit_test(slot_of_wrong_parity),
		cmocka_unit_test(torn_write),
		cmocka_unit_test(torn_first_write),
		cmocka_unit_test(earlier_format_is_gone),
		cmocka_unit_test(superblock),
		cmocka_unit_test(fixed_places),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
