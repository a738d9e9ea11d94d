/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is stored is loaded again; transactions; a damaged file. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../daemon/store.h"
#include "daemon-unit.h"

static char directory[] = "/tmp/blkrepl-store-XXXXXX";
static char path[64];

struct seen {
        int n;
        enum intent_phase phase;
        bool keep;
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

static int see(sd_id128_t relationship, enum intent_phase phase, bool keep_source, void *userdata)
{
        struct seen *s = userdata;

        assert_true(sd_id128_equal(relationship, UUID(03)));
        s->n++;
        s->phase = phase;
        s->keep = keep_source;
        return 0;
}

static void save(struct store *s, struct manager *m)
{
        assert_int_equal(store_put_group(s, m->groups), 0);
        assert_int_equal(store_put_group(s, m->groups->next), 0);
        assert_int_equal(store_put_relationship(s, m->relationships), 0);
        assert_int_equal(store_put_intent(s, UUID(03), INTENT_PREPARE, true), 0);
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
        assert_int_equal(store_put_intent(s, UUID(03), INTENT_COPY, true), 0);
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
        assert_true(seen.keep);

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
                TEST(test_rollback_leaves_nothing),
                TEST(test_a_group_in_a_relationship_stays),
                TEST(test_damaged_file),
        };

        return cmocka_run_group_tests_name("daemon-store", tests, NULL, NULL);
}
