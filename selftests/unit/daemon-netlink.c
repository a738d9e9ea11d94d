/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields of netlink objects: what is put into a message comes out of it again. */
#include <errno.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "../../daemon/netlink-fields.h"
#include "../../daemon/util.h"
#include "daemon-unit.h"

static const struct field_table *const tables[] = { &device_table, &group_table, &member_table, &relationship_table, &pair_table,
                                                 &rpo_figures_table };

static void sample(const struct field *f, char *buf, size_t size)
{
        if (f->kind == FIELD_UUID)
                uuid_to_text(UUID(7f), buf);
        else if (f->kind == FIELD_STRING)
                snprintf(buf, size, "some-%u", f->attribute);
        else
                snprintf(buf, size, "%u", f->kind == FIELD_FLAG ? 1 : 2 + f->attribute % 2);
}

static void test_every_field_survives_a_message(void **state)
{
        for (size_t t = 0; t < ELEMENTSOF(tables); t++) {
                const struct field_table *table = tables[t];
                void *sent = calloc(1, table->size), *got = malloc(table->size);
                struct nl_msg *m = nlmsg_alloc_size(16384);
                struct nlmsghdr *h = nlmsg_put(m, 0, 0, 100, 0, 0);

                for (size_t i = 0; i < table->n_fields; i++) {
                        char text[64];

                        sample(table->fields + i, text, sizeof(text));
                        assert_int_equal(field_set(table->fields + i, sent, text), 0);
                }
                assert_int_equal(fields_put(m, table, sent), 0);
                assert_int_equal(fields_parse(table, nlmsg_attrdata(h, 0), nlmsg_attrlen(h, 0), got), 0);
                assert_memory_equal(sent, got, table->size);
                for (size_t i = 0; i < table->n_fields; i++) {
                        char a[64], b[64];

                        assert_string_equal(field_text(table->fields + i, sent, a, sizeof(a)), field_text(table->fields + i, got, b, sizeof(b)));
                }
                nlmsg_free(m);
                free(sent);
                free(got);
        }
}

static void test_only_what_is_present_is_sent(void **state)
{
        struct kernel_group g = { .present = PRESENT(GROUP_NAME), .name = "g", .log_size = 5, .force = true }, got;
        struct nl_msg *m = nlmsg_alloc();
        struct nlmsghdr *h = nlmsg_put(m, 0, 0, 100, 0, 0);

        assert_int_equal(fields_put(m, &group_table, &g), 0);
        assert_int_equal(fields_parse(&group_table, nlmsg_attrdata(h, 0), nlmsg_attrlen(h, 0), &got), 0);
        assert_int_equal(got.present, PRESENT(GROUP_NAME));
        assert_string_equal(got.name, "g");
        assert_int_equal(got.log_size, 0);
        nlmsg_free(m);
}

static void test_unknown_and_wrong_attributes(void **state)
{
        struct nl_msg *m = nlmsg_alloc();
        struct nlmsghdr *h = nlmsg_put(m, 0, 0, 100, 0, 0);
        struct kernel_group g;

        nla_put_u32(m, BLKREPL_A_GROUP_MAX + 1, 1);
        nla_put_string(m, BLKREPL_A_GROUP_NAME, "g");
        assert_int_equal(fields_parse(&group_table, nlmsg_attrdata(h, 0), nlmsg_attrlen(h, 0), &g), 0);
        assert_string_equal(g.name, "g");
        nla_put_u16(m, BLKREPL_A_GROUP_LOG_SIZE, 1);
        assert_int_equal(fields_parse(&group_table, nlmsg_attrdata(h, 0), nlmsg_attrlen(h, 0), &g), -EBADMSG);
        nlmsg_free(m);
}

static void test_nested_figures(void **state)
{
        struct nl_msg *m = nlmsg_alloc();
        struct nlmsghdr *h = nlmsg_put(m, 0, 0, 100, 0, 0);
        struct kernel_rpo_figures f = { .present = PRESENT(RPO_FIGURES_SPAN) | PRESENT(RPO_FIGURES_P50) };
        struct kernel_relationship q;

        nla_put_u64(m, BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_AGE, 1500);
        /* One more than there is room for: a newer module's */
        for (f.span = 1; f.span <= KERNEL_FIGURES_MAX + 1; f.span++) {
                struct nlattr *nest = nla_nest_start(m, BLKREPL_A_RELATIONSHIP_RPO_FIGURES);

                f.p50 = 100 * f.span;
                assert_int_equal(fields_put(m, &rpo_figures_table, &f), 0);
                nla_nest_end(m, nest);
        }
        assert_int_equal(fields_parse(&relationship_table, nlmsg_attrdata(h, 0), nlmsg_attrlen(h, 0), &q), 0);
        assert_true(q.present == PRESENT(RELATIONSHIP_RECOVERY_POINT_AGE));
        assert_int_equal(q.recovery_point_age, 1500);
        for (size_t i = 0; i < KERNEL_FIGURES_MAX; i++) {
                assert_int_equal(q.rpo_figures[i].span, i + 1);
                assert_int_equal(q.rpo_figures[i].p50, 100 * (i + 1));
                assert_int_equal(q.rpo_figures[i].worst, 0);
        }
        nlmsg_free(m);
}

static void test_values_as_text(void **state)
{
        const struct field *st = field_find(&relationship_table, "copy_state"), *mode = field_find(&relationship_table, "recovery_mode"),
                *name = field_find(&relationship_table, "name"), *uuid = field_find(&relationship_table, "uuid");
        char buf[64], too_long[BLKREPL_NAME_MAX + 2];
        struct kernel_relationship q = {};

        assert_int_equal(field_set(st, &q, "synchronized"), 0);
        assert_int_equal(q.copy_state, BLKREPL_COPY_STATE_SYNCHRONIZED);
        assert_string_equal(field_text(st, &q, buf, sizeof(buf)), "Synchronized");
        assert_int_equal(field_set(st, &q, "9"), 0);
        assert_int_equal(q.copy_state, BLKREPL_COPY_STATE_SUSPENDED);
        assert_int_equal(field_set(st, &q, "happy"), -EINVAL);
        assert_int_equal(field_set(st, &q, "65536"), -ERANGE);
        assert_int_equal(field_set(st, &q, "-1"), -EINVAL);
        assert_int_equal(field_set(mode, &q, "256"), -ERANGE);
        memset(too_long, 'x', sizeof(too_long) - 1);
        too_long[sizeof(too_long) - 1] = 0;
        assert_int_equal(field_set(name, &q, too_long), -ENAMETOOLONG);
        assert_int_equal(field_set(name, &q, too_long + 1), 0);
        assert_true(field_set(uuid, &q, "no-uuid") < 0);
        assert_null(field_find(&relationship_table, "nothing"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_field_survives_a_message),
                cmocka_unit_test(test_only_what_is_present_is_sent),
                cmocka_unit_test(test_unknown_and_wrong_attributes),
                cmocka_unit_test(test_nested_figures),
                cmocka_unit_test(test_values_as_text),
        };

        return cmocka_run_group_tests_name("daemon-netlink", tests, NULL, NULL);
}
