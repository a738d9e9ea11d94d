/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of errors agrees with itself, and with what the kernel's interface promises. */
#include <errno.h>
#include <string.h>

#include "../../daemon/errors.h"
#include "daemon-unit.h"

static void test_codes_names_and_statuses_are_unique(void **state)
{
        unsigned int seen = 1u << STATUS_OK;

        for (size_t i = 0; i < n_error_table; i++) {
                assert_ptr_equal(error_by_code(error_table[i].code), error_table + i);
                assert_ptr_equal(error_by_name(error_table[i].name), error_table + i);
                assert_int_equal(strncmp(error_table[i].name, ERROR_PREFIX, strlen(ERROR_PREFIX)), 0);
                assert_string_equal(error_table[i].name + strlen(ERROR_PREFIX), error_table[i].symbol);
                assert_true(error_table[i].status < 32);
                assert_false(seen & 1u << error_table[i].status);
                seen |= 1u << error_table[i].status;
        }
}

static void test_set_gives_an_errno_of_the_same_code(void **state)
{
        for (size_t i = 0; i < n_error_table; i++) {
                sd_bus_error e = SD_BUS_ERROR_NULL;
                int r = error_set(&e, error_table[i].code, "%s", "because");

                assert_true(r < 0);
                assert_ptr_equal(error_by_errno(r), error_table + i);
                assert_string_equal(e.name, error_table[i].name);
                assert_string_equal(e.message, "because");
                sd_bus_error_free(&e);
        }
}

static void test_kernel_errors(void **state)
{
        static const struct {
                int error;
                enum return_code code;
                enum exit_status status;
        } expected[] = {
                { EINVAL, CODE_INVALID_PARAMETER, STATUS_USAGE },
                { ERANGE, CODE_INVALID_PARAMETER, STATUS_USAGE },
                { ENOENT, CODE_OBJECT_NOT_FOUND, STATUS_NOT_FOUND },
                { EEXIST, CODE_INVALID_PARAMETER, STATUS_USAGE },
                { EBUSY, CODE_FAILED, STATUS_WRONG_STATE },
                { EPERM, CODE_FAILED, STATUS_WRONG_STATE },
                { ESTALE, CODE_CACHE_OUT_OF_DATE, STATUS_OUT_OF_DATE },
                { ENOSPC, CODE_NOT_ENOUGH_RESOURCES, STATUS_NO_RESOURCES },
                { ENOMEM, CODE_NOT_ENOUGH_RESOURCES, STATUS_NO_RESOURCES },
                { ETIMEDOUT, CODE_TIMEOUT, STATUS_TIMEOUT },
                { EOPNOTSUPP, CODE_NOT_SUPPORTED, STATUS_NOT_SUPPORTED },
                { EMEDIUMTYPE, CODE_FAILED, STATUS_WRONG_STATE },
                { EIO, CODE_UNSPECIFIED, STATUS_ERROR },
                { EACCES, CODE_ACCESS_DENIED, STATUS_DENIED },
                { EXFULL, CODE_UNSPECIFIED, STATUS_ERROR },
        };

        for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
                assert_int_equal(error_by_errno(-expected[i].error)->code, expected[i].code);
                assert_int_equal(error_by_errno(expected[i].error)->status, expected[i].status);
        }
}

static void test_foreign_names(void **state)
{
        assert_int_equal(error_by_name(SD_BUS_ERROR_ACCESS_DENIED)->code, CODE_ACCESS_DENIED);
        assert_int_equal(error_by_name(SD_BUS_ERROR_NO_REPLY)->code, CODE_TIMEOUT);
        assert_int_equal(error_by_name("com.example.Error")->code, CODE_UNSPECIFIED);
        assert_int_equal(error_by_name(NULL)->code, CODE_UNSPECIFIED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_codes_names_and_statuses_are_unique),
                cmocka_unit_test(test_set_gives_an_errno_of_the_same_code),
                cmocka_unit_test(test_kernel_errors),
                cmocka_unit_test(test_foreign_names),
        };

        return cmocka_run_group_tests_name("daemon-errors", tests, NULL, NULL);
}
