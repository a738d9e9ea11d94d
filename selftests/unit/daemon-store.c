/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is stored is loaded again; transactions; a damaged file. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "../../daemon/store.h"
#include "daemon-unit.h"

static char directory[] = "/tmp/blkrepl-store-XXXXXX";
static char path[64];

struct seen {
        int n;
        enum intent_phase phase;
        unsigned int keep;
};

static void fill(struct group *g, unsigned int n)
{
        g->members[0].uuid = g->uuid;
        g->members[0].uuid.bytes[0] = n;
        snprintf(g->members[0].name, sizeof(g->members[0].name), "m%u", n);
        snprintf(g->members[0].path, sizeof(g->members[0].path), "/dev/vg/m%u", n);
        g->members[0].size = UINT64_C(1) << 40;
        g->members[0].made = n == 2;
        snprintf(g->log_path, sizeof(g->log_path), "/dev/vg/log%u", n);
        g->log_size = 4096;
        g->log_made = n == 1;
}

static void make(struct manager *m)
{
        struct group *source = group_new(m, UUID(01), "s", GROUP_SOURCE, 1), *target = group_new(m, UUID(02), "t", GROUP_TARGET, 1);
        struct relationship *q = relationship_new(m, UUID(03), "r", source, target);

        fill(source, 1);
        fill(target, 2);
        q->sync_type = 6;
        q->mode = 2;
        q->rpo = 7;
}

static void drop(struct manager *m)
{
        while (m->relationships)
                relationship_free(m->relationships);
        while (m->groups)
                group_free(m->groups);
}

static int see(sd_id128_t relationship, enum intent_phase phase, unsigned int keep, void *userdata)
{
        struct seen *s = userdata;

        assert_true(sd_id128_equal(relationship, UUID(03)));
        s->n++;
        s->phase = phase;
        s->keep = keep;
        return 0;
}

static void save(struct store *s, struct manager *m)
{
        assert_int_equal(store_put_group(s, m->groups), 0);
        assert_int_equal(store_put_group(s, m->groups->next), 0);
        assert_int_equal(store_put_relationship(s, m->relationships), 0);
        assert_int_equal(store_put_intent(s, UUID(03), INTENT_PREPARE, INTENT_KEEP_SOURCE), 0);
}

static void test_round_trip(void **state)
{
        struct manager m = {};
        struct seen seen = {};
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        assert_int_equal(store_begin(s), 0);
        save(s, &m);
        assert_int_equal(store_commit(s), 0);
        assert_int_equal(store_put_intent(s, UUID(03), INTENT_COPY, INTENT_KEEP_SOURCE | INTENT_KEEP_TARGET), 0);
        /* An update of a relationship must not take the intent with it. */
        assert_int_equal(store_put_relationship(s, m.relationships), 0);
        store_close(s);
        drop(&m);

        assert_int_equal(store_open(path, &s), 0);
        assert_int_equal(store_load(s, &m), 0);
        assert_string_equal(m.groups->name, "s");
        assert_int_equal(m.groups->role, GROUP_SOURCE);
        assert_true(m.groups->log_made);
        assert_int_equal(m.groups->log_size, 4096);
        assert_int_equal(m.groups->members[0].size, UINT64_C(1) << 40);
        assert_string_equal(m.groups->members[0].path, "/dev/vg/m1");
        assert_true(m.groups->next->members[0].made);
        assert_true(sd_id128_equal(m.relationships->uuid, UUID(03)));
        assert_ptr_equal(m.relationships->target, m.groups->next);
        assert_int_equal(m.relationships->rpo, 7);
        assert_int_equal(store_each_intent(s, see, &seen), 0);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.phase, INTENT_COPY);
        assert_int_equal(seen.keep, INTENT_KEEP_SOURCE | INTENT_KEEP_TARGET);

        assert_int_equal(store_begin(s), 0);
        assert_int_equal(store_delete_relationship(s, UUID(03)), 0);
        assert_int_equal(store_delete_group(s, UUID(01)), 0);
        assert_int_equal(store_delete_group(s, UUID(02)), 0);
        assert_int_equal(store_commit(s), 0);
        drop(&m);
        seen = (struct seen){};
        assert_int_equal(store_load(s, &m), 0);
        assert_int_equal(store_each_intent(s, see, &seen), 0);
        assert_null(m.groups);
        assert_int_equal(seen.n, 0);
        store_close(s);
}

static int see_operation(sd_id128_t relationship, const struct sequence_intent *i, void *userdata)
{
        assert_true(sd_id128_equal(relationship, UUID(03)));
        *(struct sequence_intent *)userdata = *i;
        return 0;
}

static void test_intents_of_operations(void **state)
{
        struct sequence_intent i = {
                .operation = 10, .state = 9, .source = UUID(01), .driver = SIDE_TARGET, .force = true, .keep_snapshot = true,
                .timeout_ms = UINT32_MAX, .step = 3, .begun = true, .retention = UINT64_C(1) << 62, .name = "again",
                .objective = UINT32_MAX,
        }, seen = {};
        struct manager m = {};
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        assert_int_equal(store_put_operation(s, UUID(03), &i), 0);
        assert_int_equal(store_each_operation(s, see_operation, &seen), 0);
        assert_memory_equal(&i, &seen, sizeof(i));
        assert_int_equal(store_delete_operation(s, UUID(03)), 0);
        seen = (struct sequence_intent){};
        assert_int_equal(store_each_operation(s, see_operation, &seen), 0);
        assert_int_equal(seen.operation, 0);

        /* It ends with the relationship. */
        assert_int_equal(store_put_operation(s, UUID(03), &i), 0);
        assert_int_equal(store_put_tombstone(s, UUID(02), UUID(03)), 0);
        assert_int_equal(store_delete_relationship(s, UUID(03)), 0);
        assert_int_equal(store_each_operation(s, see_operation, &seen), 0);
        assert_int_equal(seen.operation, 0);
        drop(&m);

        assert_int_equal(store_load(s, &m), 0);
        assert_true(sd_id128_is_null(m.groups->forget));
        assert_true(sd_id128_equal(m.groups->next->forget, UUID(03)));
        assert_int_equal(store_delete_tombstone(s, UUID(02)), 0);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_true(sd_id128_is_null(m.groups->next->forget));
        store_close(s);
        drop(&m);
}

static void test_changes_of_groups(void **state)
{
        struct change c = {
                .kind = CHANGE_ADD_MEMBER, .n_members = 2,
                .members = { { .uuid = UUID(0a), .name = "a", .path = "/dev/vg/a", .size = 512 },
                             { .uuid = UUID(0b), .name = "b", .path = "/dev/vg/b", .size = 1024, .made = true } },
        };
        struct manager m = {};
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        assert_int_equal(store_put_change(s, UUID(01), &c), 0);
        c.kind = CHANGE_LEND;
        c.n_members = 0;
        assert_int_equal(store_put_change(s, UUID(02), &c), 0);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_int_equal(m.groups->change->kind, CHANGE_ADD_MEMBER);
        assert_int_equal(m.groups->change->n_members, 2);
        assert_true(sd_id128_equal(m.groups->change->members[0].uuid, UUID(0a)));
        assert_string_equal(m.groups->change->members[1].path, "/dev/vg/b");
        assert_true(m.groups->change->members[1].made);
        assert_int_equal(m.groups->next->change->kind, CHANGE_LEND);
        assert_int_equal(store_delete_change(s, UUID(01)), 0);
        /* It ends with the group. */
        assert_int_equal(store_delete_relationship(s, UUID(03)), 0);
        assert_int_equal(store_delete_group(s, UUID(02)), 0);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_null(m.groups->change);
        assert_null(m.groups->next);
        store_close(s);
        drop(&m);
}

/* The members of a group are those of the last time it was stored. */
static void test_members_come_and_go(void **state)
{
        struct member more = { .uuid = UUID(0a), .name = "a", .path = "/dev/vg/a", .size = 512 };
        struct manager m = {};
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        assert_int_equal(group_add_member(m.groups, &more), 0);
        group_swap_members(m.groups, 0, m.groups->n_members - 1);
        assert_int_equal(store_put_group(s, m.groups), 0);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_string_equal(m.groups->members[0].name, "a");
        while (m.groups->n_members > 1)
                group_remove_member(m.groups, 1);
        assert_int_equal(store_put_group(s, m.groups), 0);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_int_equal(m.groups->n_members, 1);
        assert_string_equal(m.groups->members[0].path, "/dev/vg/a");
        store_close(s);
        drop(&m);
}

static void test_source_and_target_change_places(void **state)
{
        struct manager m = {};
        struct relationship *q;
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        q = m.relationships;
        q->source = m.groups->next;
        q->target = m.groups;
        assert_int_equal(store_put_relationship(s, q), 0);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_string_equal(m.relationships->source->name, "t");
        assert_int_equal(m.relationships->source->role, GROUP_SOURCE);
        assert_int_equal(m.relationships->target->role, GROUP_TARGET);
        store_close(s);
        drop(&m);
}

/* Two pairs on their way from one relationship to another, which may end meanwhile */
static void test_moves_of_pairs(void **state)
{
        struct manager m = {};
        struct move *mv;
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        mv = move_new(&m, BLKREPL_OPERATION_REMOVE_SYNC_PAIR, UUID(03), UUID(09), 2);
        assert_non_null(mv);
        for (size_t i = 0; i < 2; i++) {
                mv->source[i] = (struct member){ .uuid = UUID(10), .name = "x", .path = "/dev/vg/x", .size = 4096 };
                mv->target[i] = (struct member){ .uuid = UUID(20), .name = "y", .path = "/dev/vg/y", .size = 8192, .made = true };
        }
        mv->target[1].size = 12288;
        assert_int_equal(store_put_move(s, mv), 0);
        /* One at a time in a relationship */
        assert_int_equal(store_put_move(s, mv), -EEXIST);
        move_free(mv);
        drop(&m);

        assert_int_equal(store_load(s, &m), 0);
        assert_non_null(m.moves);
        assert_null(m.moves->next);
        assert_ptr_equal(move_of(m.relationships), m.moves);
        assert_true(sd_id128_equal(m.moves->from, UUID(09)));
        assert_int_equal(m.moves->operation, BLKREPL_OPERATION_REMOVE_SYNC_PAIR);
        assert_int_equal(m.moves->n, 2);
        assert_false(m.moves->settled);
        assert_true(move_is_unsettled(m.relationships->source));
        assert_string_equal(m.moves->source[1].path, "/dev/vg/x");
        assert_int_equal(m.moves->target[1].size, 12288);
        assert_true(m.moves->target[0].made);
        move_free(m.moves);
        assert_false(move_is_unsettled(m.relationships->source));
        drop(&m);
        assert_int_equal(store_delete_move(s, UUID(03)), 0);
        assert_int_equal(store_load(s, &m), 0);
        assert_null(m.moves);
        store_close(s);
        drop(&m);
}

/* It stays beside its relationship's row, and goes with it. */
static void test_aspects(void **state)
{
        struct manager m = {};
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        m.relationships->aspect = (struct aspect){ .point = 1, .generation = UINT64_MAX, .expires = INT64_MAX, .consistent = true };
        assert_int_equal(store_put_aspect(s, m.relationships), 0);
        assert_int_equal(store_put_relationship(s, m.relationships), 0);
        drop(&m);

        assert_int_equal(store_load(s, &m), 0);
        assert_true(m.relationships->dissolved);
        assert_false(relationship_is_shown(m.relationships));
        assert_int_equal(m.relationships->aspect.point, 1);
        assert_int_equal(m.relationships->aspect.generation, UINT64_MAX);
        assert_int_equal(m.relationships->aspect.expires, INT64_MAX);
        assert_true(m.relationships->aspect.consistent);
        assert_ptr_equal(group_relationship(m.groups), m.relationships);
        assert_null(group_association(m.groups));
        assert_string_equal(group_role_name(m.groups->next), "none");
        assert_int_equal(store_delete_aspect(s, UUID(03)), 0);
        drop(&m);

        assert_int_equal(store_load(s, &m), 0);
        assert_false(m.relationships->dissolved);
        assert_ptr_equal(group_association(m.groups), m.relationships);
        assert_int_equal(store_put_aspect(s, m.relationships), 0);
        assert_int_equal(store_delete_relationship(s, UUID(03)), 0);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_null(m.relationships);
        store_close(s);
        drop(&m);
}

/* A database of the first version, which had no operations yet */
static void test_an_older_database_is_kept_beside(void **state)
{
        _cleanup_free_ char *copy = NULL;
        struct manager m = {};
        struct store *s;
        sqlite3 *db;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        store_close(s);
        drop(&m);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "DROP TABLE operations; DROP TABLE tombstones; DROP TABLE change_members; DROP TABLE changes;"
                                      "DROP TABLE move_members; DROP TABLE moves; DROP TABLE aspects;"
                                      "PRAGMA user_version=1", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);

        assert_int_equal(store_open(path, &s), 0);
        assert_int_equal(store_load(s, &m), 0);
        assert_non_null(m.relationships);
        assert_int_equal(store_put_operation(s, UUID(03), &(struct sequence_intent){}), 0);
        assert_int_equal(store_put_change(s, UUID(01), &(struct change){}), 0);
        store_close(s);
        drop(&m);
        assert_true(asprintf(&copy, "%s.version-1", path) > 0);
        assert_int_equal(access(copy, R_OK), 0);
}

static void test_rollback_leaves_nothing(void **state)
{
        struct manager m = {};
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        assert_int_equal(store_begin(s), 0);
        save(s, &m);
        store_rollback(s);
        drop(&m);
        assert_int_equal(store_load(s, &m), 0);
        assert_null(m.groups);
        assert_null(m.relationships);
        store_close(s);
}

static void test_a_group_in_a_relationship_stays(void **state)
{
        struct manager m = {};
        struct store *s;

        make(&m);
        assert_int_equal(store_open(path, &s), 0);
        save(s, &m);
        assert_true(store_delete_group(s, UUID(01)) < 0);
        store_close(s);
        drop(&m);
}

static void test_damaged_file(void **state)
{
        struct manager m = {};
        struct store *s;
        FILE *f = fopen(path, "w");

        fputs("this is no database, whatever it may look like at first sight", f);
        fclose(f);
        assert_int_equal(store_open(path, &s), 0);
        assert_int_equal(store_load(s, &m), 0);
        assert_null(m.groups);
        store_close(s);
}

static int set_up(void **state)
{
        memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
        if (!mkdtemp(directory))
                return -1;
        snprintf(path, sizeof(path), "%s/db", directory);
        log_max_level = -1;
        return 0;
}

static int tear_down(void **state)
{
        char command[96];

        snprintf(command, sizeof(command), "rm -rf %s", directory);
        return system(command);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_round_trip),
                TEST(test_intents_of_operations),
                TEST(test_changes_of_groups),
                TEST(test_members_come_and_go),
                TEST(test_source_and_target_change_places),
                TEST(test_moves_of_pairs),
                TEST(test_aspects),
                TEST(test_an_older_database_is_kept_beside),
                TEST(test_rollback_leaves_nothing),
                TEST(test_a_group_in_a_relationship_stays),
                TEST(test_damaged_file),
        };

        return cmocka_run_group_tests_name("daemon-store", tests, NULL, NULL);
}
