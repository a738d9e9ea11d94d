/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of errors: return codes of the model, D-Bus error names, error
 * numbers of the kernel, and exit statuses of the command line.
 */
#pragma once

#include <stddef.h>

#include <systemd/sd-bus.h>

#define ERROR_PREFIX "org.blkrepl1.Error."

enum return_code {
        CODE_DONE = 0,
        CODE_NOT_SUPPORTED = 1,
        CODE_UNSPECIFIED = 2,
        CODE_TIMEOUT = 3,
        CODE_FAILED = 4,
        CODE_INVALID_PARAMETER = 5,
        CODE_OBJECT_NOT_FOUND = 8,
        CODE_JOB_STARTED = 4096,
        CODE_ACCESS_DENIED = 40001,
        CODE_NOT_ENOUGH_RESOURCES = 40002,
        CODE_CACHE_OUT_OF_DATE = 40003,
};

/* One for each code, so that a script needs no more than $?. */
enum exit_status {
        STATUS_OK = 0,
        STATUS_ERROR = 1,
        STATUS_USAGE = 2,
        STATUS_NOT_FOUND = 3,
        STATUS_WRONG_STATE = 4,
        STATUS_TIMEOUT = 5,
        STATUS_DENIED = 6,
        STATUS_NOT_SUPPORTED = 7,
        STATUS_NO_RESOURCES = 8,
        STATUS_OUT_OF_DATE = 9,
};

struct error_entry {
        enum return_code code;
        const char *symbol;             /* "Failed" */
        const char *name;               /* "org.blkrepl1.Error.Failed" */
        enum exit_status status;
        const char *meaning;
};

extern const struct error_entry error_table[];
extern const size_t n_error_table;

/* These never give NULL: what is unknown is Unspecified. */
const struct error_entry *error_by_code(enum return_code code);
const struct error_entry *error_by_name(const char *dbus_name);
const struct error_entry *error_by_errno(int error);

/* Sets the error and gives back the negative errno that stands for its code. */
int error_set(sd_bus_error *e, enum return_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int error_set_errno(sd_bus_error *e, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
