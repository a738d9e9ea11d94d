/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports of lvm, and names for new volumes. */
#include <errno.h>
#include <string.h>

#include "../../daemon/lvm.h"
#include "daemon-unit.h"

static const char lvs[] =
        "{\"report\": [{\"lv\": ["
        "{\"lv_uuid\":\"U1\",\"lv_name\":\"data\",\"vg_name\":\"vg\",\"lv_path\":\"/dev/vg/data\",\"lv_size\":\"8589934592\","
        "\"lv_attr\":\"-wi-ao----\",\"lv_tags\":\"mine,blkrepl.group=10000000-0000-4000-8000-000000000001,blkrepl.log\"},"
        "{\"lv_uuid\":\"U2\",\"lv_name\":\"pool\",\"vg_name\":\"vg\",\"lv_path\":\"\",\"lv_size\":\"1\",\"lv_attr\":\"twi-a-tz--\",\"lv_tags\":\"\"},"
        "{\"lv_uuid\":\"U3\",\"lv_name\":\"g.m\",\"vg_name\":\"vg\",\"lv_path\":\"/dev/vg/g.m\",\"lv_size\":\"4096\",\"lv_attr\":\"-wi-------\",\"lv_tags\":\"\"}"
        "]}]}";

static void test_volumes(void **state)
{
        struct lvm_report r = {};

        assert_int_equal(lvm_report_parse_lvs(&r, lvs), 0);
        assert_int_equal(r.n_lvs, 2);
        assert_string_equal(r.lvs[0].path, "/dev/vg/data");
        assert_int_equal(r.lvs[0].size, UINT64_C(8589934592));
        assert_true(r.lvs[0].active);
        assert_false(r.lvs[1].active);
        assert_true(r.lvs[0].open && !r.lvs[0].invalid);
        assert_false(r.lvs[1].open);
        assert_int_equal(strv_length(r.lvs[0].tags), 3);
        assert_true(lvm_lv_has_tag_uuid(r.lvs, LVM_TAG_GROUP, UUID(01)));
        assert_false(lvm_lv_has_tag_uuid(r.lvs, LVM_TAG_GROUP, UUID(02)));
        assert_false(lvm_lv_has_tag_uuid(r.lvs + 1, LVM_TAG_GROUP, UUID(01)));
        assert_string_equal(lvm_lv_tag(r.lvs, LVM_TAG_LOG), "");
        assert_null(lvm_lv_tag(r.lvs, LVM_TAG_ROLE));
        lvm_report_done(&r);
}

static void test_groups(void **state)
{
        struct lvm_report r = {};

        assert_int_equal(lvm_report_parse_vgs(&r, "{\"report\":[{\"vg\":[{\"vg_uuid\":\"V\",\"vg_name\":\"vg\",\"vg_size\":\"10\","
                                                  "\"vg_free\":\"4\",\"vg_extent_size\":\"2\"}]}]}"), 0);
        assert_int_equal(r.n_vgs, 1);
        assert_int_equal(r.vgs[0].size, 10);
        assert_int_equal(r.vgs[0].free, 4);
        assert_int_equal(r.vgs[0].extent_size, 2);
        lvm_report_done(&r);
}

static void test_what_is_no_report(void **state)
{
        static const char *const wrong[] = {
                "", "{", "[]", "{}", "{\"report\":{}}", "{\"report\":[]}", "{\"report\":[{}]}", "{\"report\":[{\"lv\":1}]}", "null",
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                struct lvm_report r = {};

                assert_int_equal(lvm_report_parse_lvs(&r, wrong[i]), -EBADMSG);
                lvm_report_done(&r);
        }
}

static void check_name(const struct lvm_report *r, const char *vg, const char *group, const char *member, char *const *taken, const char *expected)
{
        char *name = lvm_choose_name(r, vg, group, member, taken);

        assert_string_equal(name, expected);
        free(name);
}

static void test_names(void **state)
{
        char *taken[] = { (char *)"/dev/vg/g.n", (char *)"/dev/other/g.o", (char *)"/dev/vg/blkrepl", NULL };
        char group[64], member[64];
        struct lvm_report r = {};

        assert_int_equal(lvm_report_parse_lvs(&r, lvs), 0);
        check_name(&r, "vg", "g", "a", NULL, "g.a");
        check_name(&r, "vg", "g", "m", NULL, "g.m.2");
        check_name(&r, "vg", "g", "n", taken, "g.n.2");
        check_name(&r, "vg", "g", "o", taken, "g.o");
        check_name(&r, "vg", "g", "a_tmeta", NULL, "blkrepl");
        check_name(&r, "vg", "snapshot1", "a", taken, "blkrepl.2");
        memset(group, '-', 63);
        group[0] = 'g';
        group[63] = 0;
        memset(member, 'm', 63);
        member[63] = 0;
        check_name(&r, "vg", group, member, NULL, "blkrepl");
        lvm_report_done(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_volumes),
                cmocka_unit_test(test_groups),
                cmocka_unit_test(test_what_is_no_report),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests_name("daemon-lvm", tests, NULL, NULL);
}
