/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the head of a log volume, whole and damaged. */
#include <errno.h>
#include <string.h>

#include "../../daemon/logvol.h"
#include "daemon-unit.h"

#define TAG UINT64_C(0x1122334455667788)
#define N_MEMBERS 40
#define SIZE (1024 * (uint64_t)BLKREPL_BLOCK_SIZE)

static char *head;
static struct logvol_info *info;

static void *slot(unsigned int at, uint64_t seq)
{
        return head + (size_t)(at + (seq & 1)) * BLKREPL_BLOCK_SIZE;
}

static void put_super(uint64_t seq, const char *name)
{
        struct blkrepl_disk_super *sb = slot(BLKREPL_AT_SUPER, seq);

        *sb = (struct blkrepl_disk_super){
                .version = cpu_to_le32(BLKREPL_VERSION), .nr_blocks = cpu_to_le64(1024), .role = cpu_to_le32(BLKREPL_ROLE_SOURCE),
                .extent_shift = cpu_to_le32(BLKREPL_EXTENT_SHIFT),
        };
        memset(sb->group_uuid, 0xaa, sizeof(sb->group_uuid));
        snprintf(sb->group_name, sizeof(sb->group_name), "%s", name);
        blkrepl_block_seal(sb, BLKREPL_BLOCK_SUPER, 0, TAG, seq);
}

static void put_members(void)
{
        for (unsigned int b = 0; b < BLKREPL_NR_MEMBER_BLOCKS; b++) {
                struct blkrepl_disk_members *block = slot(BLKREPL_AT_MEMBERS + 2 * b, 2);

                memset(block, 0, sizeof(*block));
                for (unsigned int i = 0; i < BLKREPL_MEMBERS_PER_BLOCK && b * BLKREPL_MEMBERS_PER_BLOCK + i < N_MEMBERS; i++) {
                        memset(block->m[i].uuid, b * BLKREPL_MEMBERS_PER_BLOCK + i, sizeof(block->m[i].uuid));
                        snprintf(block->m[i].name, sizeof(block->m[i].name), "m%u", b * BLKREPL_MEMBERS_PER_BLOCK + i);
                        block->m[i].sectors = cpu_to_le64(8);
                        block->m[i].flags = cpu_to_le32(BLKREPL_MEMBER_USED);
                }
                blkrepl_block_seal(block, BLKREPL_BLOCK_MEMBERS, b, TAG, 2);
        }
}

static void put_link(uint32_t flags)
{
        struct blkrepl_disk_link *l = slot(BLKREPL_AT_LINKS + 2, 3);

        memset(l, 0, sizeof(*l));
        memset(l->uuid, 0x33, sizeof(l->uuid));
        memset(l->peer_uuid, 0x44, sizeof(l->peer_uuid));
        memset(l->pair_uuid[N_MEMBERS - 1], 0x55, BLKREPL_UUID_SIZE);
        snprintf(l->name, sizeof(l->name), "r");
        snprintf(l->peer_name, sizeof(l->peer_name), "r-replica");
        l->flags = cpu_to_le32(flags);
        l->sync_type = cpu_to_le16(6);
        l->mode = cpu_to_le16(2);
        blkrepl_block_seal(l, BLKREPL_BLOCK_LINK, 1, TAG, 3);
}

static int set_up(void **state)
{
        head = calloc(1, LOGVOL_HEAD_SIZE);
        info = malloc(sizeof(*info));
        put_super(4, "old");
        put_super(5, "group");
        put_members();
        put_link(BLKREPL_LINK_USED);
        return 0;
}

static int tear_down(void **state)
{
        free(head);
        free(info);
        return 0;
}

static void test_whole(void **state)
{
        assert_int_equal(logvol_parse(head, SIZE, info), 0);
        assert_string_equal(info->group_name, "group");
        assert_int_equal(info->role, BLKREPL_ROLE_SOURCE);
        assert_int_equal(info->n_members, N_MEMBERS);
        assert_string_equal(info->members[N_MEMBERS - 1].name, "m39");
        assert_int_equal(info->members[N_MEMBERS - 1].uuid.bytes[5], 39);
        assert_int_equal(info->members[0].size, 4096);
        assert_false(info->links[0].used);
        assert_true(info->links[1].used);
        assert_false(info->links[1].target_side);
        assert_string_equal(info->links[1].peer_name, "r-replica");
        assert_int_equal(info->links[1].pair_uuid[N_MEMBERS - 1].bytes[0], 0x55);
        assert_int_equal(info->links[1].mode, 2);
}

static void test_torn_superblock_leaves_the_older(void **state)
{
        ((char *)slot(BLKREPL_AT_SUPER, 5))[100] ^= 1;
        assert_int_equal(logvol_parse(head, SIZE, info), 0);
        assert_string_equal(info->group_name, "old");
}

static void test_nothing_there(void **state)
{
        memset(head, 0, LOGVOL_HEAD_SIZE);
        assert_int_equal(logvol_parse(head, SIZE, info), -EMEDIUMTYPE);
        memset(head, 0xff, LOGVOL_HEAD_SIZE);
        assert_int_equal(logvol_parse(head, SIZE, info), -EMEDIUMTYPE);
}

static void test_volume_that_shrank(void **state)
{
        assert_int_equal(logvol_parse(head, SIZE - BLKREPL_BLOCK_SIZE, info), -ERANGE);
}

static void test_damaged_members(void **state)
{
        ((char *)slot(BLKREPL_AT_MEMBERS + 2, 2))[64] ^= 1;
        assert_int_equal(logvol_parse(head, SIZE, info), -EUCLEAN);
}

/* Members are those whose entries are in use; they keep their places. */
static void test_removed_members(void **state)
{
        struct blkrepl_disk_members *block = slot(BLKREPL_AT_MEMBERS, 2);

        memset(&block->m[0], 0, sizeof(block->m[0]));
        memset(&block->m[7], 0, sizeof(block->m[7]));
        blkrepl_block_seal(block, BLKREPL_BLOCK_MEMBERS, 0, TAG, 2);
        assert_int_equal(logvol_parse(head, SIZE, info), 0);
        assert_int_equal(info->n_members, N_MEMBERS - 2);
        assert_string_equal(info->members[0].name, "m1");
        assert_string_equal(info->members[6].name, "m8");
        assert_int_equal(info->members[6].place, 8);
        assert_string_equal(info->members[N_MEMBERS - 3].name, "m39");
}

/* In a relationship only those with a pair are members. */
static void test_members_without_a_pair(void **state)
{
        struct blkrepl_disk_link *l = slot(BLKREPL_AT_LINKS, 2);

        memset(l, 0, sizeof(*l));
        l->flags = cpu_to_le32(BLKREPL_LINK_USED);
        memset(l->pair_uuid[3], 0x66, BLKREPL_UUID_SIZE);
        memset(l->pair_uuid[N_MEMBERS - 1], 0x55, BLKREPL_UUID_SIZE);
        /* That of a place without a member tells nothing. */
        memset(l->pair_uuid[N_MEMBERS], 0x77, BLKREPL_UUID_SIZE);
        blkrepl_block_seal(l, BLKREPL_BLOCK_LINK, 0, TAG, 2);
        assert_int_equal(logvol_parse(head, SIZE, info), 0);
        assert_int_equal(info->n_members, 2);
        assert_string_equal(info->members[0].name, "m3");
        assert_int_equal(info->members[1].place, N_MEMBERS - 1);
}

static void test_link_of_the_targets_side_and_of_none(void **state)
{
        put_link(BLKREPL_LINK_USED | BLKREPL_LINK_TARGET_SIDE);
        assert_int_equal(logvol_parse(head, SIZE, info), 0);
        assert_true(info->links[1].target_side);
        put_link(0);
        assert_int_equal(logvol_parse(head, SIZE, info), 0);
        assert_false(info->links[1].used);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_whole),
                TEST(test_torn_superblock_leaves_the_older),
                TEST(test_nothing_there),
                TEST(test_volume_that_shrank),
                TEST(test_damaged_members),
                TEST(test_removed_members),
                TEST(test_members_without_a_pair),
                TEST(test_link_of_the_targets_side_and_of_none),
        };

        return cmocka_run_group_tests_name("daemon-logvol", tests, NULL, NULL);
}
