/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The recovery-point objective: what the module tells, the signal on the bus, the line in the journal. */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../daemon/signals.h"
#include "../../daemon/store.h"
#include "../../kernel/role.h"
#include "../../kernel/state.h"
#include "daemon-unit.h"

#define POINT UINT64_C(1704103200000000)

static char directory[] = "/tmp/blkrepl-objective-XXXXXX";
static char path[64];

struct world {
        struct manager manager;
        struct relationship *q;
        sd_bus *client;
        int log, stderr_fd;
};

static void bus_pair(sd_bus **server, sd_bus **client)
{
        sd_id128_t id;
        int fd[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
        assert_int_equal(sd_id128_randomize(&id), 0);
        assert_true(sd_bus_new(server) >= 0 && sd_bus_set_fd(*server, fd[0], fd[0]) >= 0 && sd_bus_set_server(*server, true, id) >= 0 &&
                    sd_bus_set_anonymous(*server, true) >= 0 && sd_bus_start(*server) >= 0);
        assert_true(sd_bus_new(client) >= 0 && sd_bus_set_fd(*client, fd[1], fd[1]) >= 0 && sd_bus_set_anonymous(*client, true) >= 0 &&
                    sd_bus_start(*client) >= 0);
}

static int set_up(void **state)
{
        struct world *w = calloc(1, sizeof(*w));
        struct group *source, *target;

        source = group_new(&w->manager, UUID(01), "s", GROUP_SOURCE, 1);
        target = group_new(&w->manager, UUID(02), "t", GROUP_TARGET, 1);
        source->members[0].uuid = source->uuid;
        target->members[0].uuid = target->uuid;
        w->q = relationship_new(&w->manager, UUID(03), "r", source, target);
        w->q->sync_type = BLKREPL_SYNC_MIRROR;
        w->q->mode = BLKREPL_MODE_SYNCHRONOUS;
        bus_pair(&w->manager.bus, &w->client);
        assert_int_equal(store_open(path, &w->manager.store), 0);
        assert_int_equal(store_put_group(w->manager.store, source), 0);
        assert_int_equal(store_put_group(w->manager.store, target), 0);
        assert_int_equal(store_put_relationship(w->manager.store, w->q), 0);
        w->log = memfd_create("log", MFD_CLOEXEC);
        w->stderr_fd = dup(STDERR_FILENO);
        *state = w;
        return 0;
}

static int tear_down(void **state)
{
        struct world *w = *state;

        relationship_free(w->q);
        while (w->manager.groups)
                group_free(w->manager.groups);
        store_close(w->manager.store);
        sd_bus_unref(w->manager.bus);
        sd_bus_unref(w->client);
        unlink(path);
        close(w->log);
        close(w->stderr_fd);
        free(w);
        return 0;
}

/* The half of the source, as the module tells about it. A negative age is none. */
static void tell(struct world *w, unsigned int mode, unsigned int effective, unsigned int copy_state, unsigned int objective,
                 unsigned int rpo_state, int64_t age_ms)
{
        struct kernel_relationship k = {
                .present = age_ms >= 0 ? PRESENT(RELATIONSHIP_RECOVERY_POINT_AGE) : 0,
                .uuid = w->q->uuid, .group_uuid = w->q->source->uuid, .role = BLKREPL_ROLE_SOURCE, .copy_state = copy_state,
                .mode = mode, .effective_mode = effective, .recovery_point_objective = objective, .rpo_state = rpo_state,
                .recovery_point_age = age_ms, .recovery_point = age_ms >= 0 ? POINT : 0, .backlog_bytes = 8192, .revision = 5,
        };

        relationship_apply_kernel(w->q, &k);
}

static void test_age_and_modes(void **state)
{
        struct world *w = *state;
        struct relationship *q = w->q;

        assert_int_equal(relationship_effective_mode(q), 0);
        assert_true(relationship_recovery_point_age(q) == UINT64_MAX);

        /* Who waits for the target is never behind. */
        tell(w, 2, 2, BLKREPL_COPY_STATE_SYNCHRONIZED, 0, BLKREPL_RPO_STATE_UNKNOWN, 900);
        assert_int_equal(relationship_effective_mode(q), 2);
        assert_true(relationship_recovery_point_age(q) == 0 && relationship_recovery_point(q) > POINT);

        tell(w, 3, 3, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_MET, 1500);
        assert_true(relationship_recovery_point_age(q) == 1500 * USEC_PER_MSEC);
        assert_true(relationship_recovery_point(q) == POINT);
        assert_int_equal(relationship_rpo_state(q), BLKREPL_RPO_STATE_MET);
        assert_int_equal(q->mode, 3);
        assert_int_equal(q->rpo, 30);

        /* Nobody counts while both sides are down. */
        q->up = q->half[SIDE_SOURCE].up = false;
        assert_int_equal(relationship_effective_mode(q), 0);
        assert_int_equal(relationship_rpo_state(q), BLKREPL_RPO_STATE_UNKNOWN);
        assert_true(relationship_recovery_point_age(q) > 365 * 86400 * USEC_PER_SEC);
}

static void test_the_database_follows_the_module(void **state)
{
        struct world *w = *state;
        struct manager other = {};

        tell(w, 3, 3, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_MET, 0);
        assert_int_equal(store_load(w->manager.store, &other), 0);
        assert_int_equal(other.relationships->mode, 3);
        assert_int_equal(other.relationships->rpo, 30);
        relationship_free(other.relationships);
        while (other.groups)
                group_free(other.groups);
}

static void test_state_is_signalled_and_counters_are_not(void **state)
{
        struct world *w = *state;

        tell(w, 3, 3, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_MET, 0);
        w->q->changed = false;
        tell(w, 3, 3, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_MET, 9000);
        assert_false(w->q->changed);
        tell(w, 3, 3, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_AT_RISK, 25000);
        assert_true(w->q->changed);
        w->q->changed = false;
        tell(w, 3, 2, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_AT_RISK, 25000);
        assert_true(w->q->changed);
        w->q->changed = false;
        tell(w, 3, 2, BLKREPL_COPY_STATE_SYNCHRONIZED, 60, BLKREPL_RPO_STATE_AT_RISK, 25000);
        assert_true(w->q->changed);
}

/* The next message that is no part of the bus's own business */
static sd_bus_message *next_signal(struct world *w)
{
        for (int i = 0; i < 1000; i++) {
                sd_bus_message *m = NULL;

                while (sd_bus_process(w->manager.bus, NULL) > 0)
                        ;
                if (sd_bus_process(w->client, &m) > 0 && m)
                        return m;
                sd_bus_wait(w->client, 10 * USEC_PER_MSEC);
        }
        return NULL;
}

static void test_event_has_the_age_and_the_objective(void **state)
{
        struct world *w = *state;
        const char *object, *name, *key, *s;
        uint64_t age = 0, point = 0;
        uint32_t objective = 0;
        bool exceeded = false;
        sd_bus_message *m;

        tell(w, 3, 3, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_EXCEEDED, 31500);
        relationship_send_event(w->q, blkrepl_event_name(BLKREPL_EVENT_RPO_EXCEEDED));
        m = next_signal(w);
        assert_non_null(m);
        assert_true(sd_bus_message_is_signal(m, "org.blkrepl1.System", "Event") > 0);
        assert_true(sd_bus_message_read(m, "os", &object, &name) >= 0);
        assert_string_equal(name, "rpo-exceeded");
        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(m, "s", &key) > 0);
                if (streq(key, "RecoveryPointAge"))
                        assert_true(sd_bus_message_read(m, "v", "t", &age) > 0);
                else if (streq(key, "RecoveryPoint"))
                        assert_true(sd_bus_message_read(m, "v", "t", &point) > 0);
                else if (streq(key, "RecoveryPointObjective"))
                        assert_true(sd_bus_message_read(m, "v", "u", &objective) > 0);
                else if (streq(key, "RpoState"))
                        exceeded = sd_bus_message_read(m, "v", "s", &s) > 0 && streq(s, "exceeded");
                else
                        assert_true(sd_bus_message_skip(m, "v") > 0);
                assert_true(sd_bus_message_exit_container(m) > 0);
        }
        assert_true(age == 31500 * USEC_PER_MSEC && point == POINT && objective == 30 && exceeded);
        sd_bus_message_unref(m);
}

static void logged(struct world *w, unsigned int event, const char *expected)
{
        char text[512];
        ssize_t n;

        assert_int_equal(ftruncate(w->log, 0), 0);
        lseek(w->log, 0, SEEK_SET);
        dup2(w->log, STDERR_FILENO);
        signals_log_objective(w->q, event);
        dup2(w->stderr_fd, STDERR_FILENO);
        n = pread(w->log, text, sizeof(text) - 1, 0);
        assert_true(n >= 0);
        text[n] = 0;
        assert_string_equal(text, expected);
}

static void test_lines_in_the_journal(void **state)
{
        struct world *w = *state;

        tell(w, 3, 3, BLKREPL_COPY_STATE_SYNCHRONIZED, 30, BLKREPL_RPO_STATE_EXCEEDED, 31500);
        logged(w, BLKREPL_EVENT_RPO_EXCEEDED, "The recovery-point objective of the relationship r is exceeded: the age is 31.5 s, the objective 30 s.\n");
        logged(w, BLKREPL_EVENT_RPO_MET, "The recovery-point objective of the relationship r is met again: the age is 31.5 s, the objective 30 s.\n");
        logged(w, BLKREPL_EVENT_STATE, "");
        tell(w, 3, 3, BLKREPL_COPY_STATE_UNSYNCHRONIZED, 30, BLKREPL_RPO_STATE_UNKNOWN, -1);
        logged(w, BLKREPL_EVENT_RPO_UNKNOWN, "The target of the relationship r has no recovery point; the objective is 30 s.\n");
        tell(w, 2, 2, BLKREPL_COPY_STATE_SYNCHRONIZED, 0, BLKREPL_RPO_STATE_UNKNOWN, 0);
        logged(w, BLKREPL_EVENT_RPO_UNKNOWN, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_age_and_modes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_the_database_follows_the_module, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_state_is_signalled_and_counters_are_not, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_event_has_the_age_and_the_objective, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_lines_in_the_journal, set_up, tear_down),
        };
        int failed;

        unsetenv("JOURNAL_STREAM");
        if (!mkdtemp(directory))
                return 1;
        snprintf(path, sizeof(path), "%s/blkrepl.db", directory);
        failed = cmocka_run_group_tests_name("daemon-objective", tests, NULL, NULL);
        rmdir(directory);
        return failed;
}
