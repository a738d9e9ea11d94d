/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"

#define ENTRY(c, s, x, m) { .code = c, .symbol = s, .name = ERROR_PREFIX s, .status = x, .meaning = m }

const struct error_entry error_table[] = {
        ENTRY(CODE_UNSPECIFIED, "Unspecified", STATUS_ERROR,
              "An error that has no code of its own, such as an input/output error."),
        ENTRY(CODE_INVALID_PARAMETER, "InvalidParameter", STATUS_USAGE,
              "A parameter or an option is wrong, or contradicts another."),
        ENTRY(CODE_OBJECT_NOT_FOUND, "ObjectNotFound", STATUS_NOT_FOUND,
              "An object that was named is not there."),
        ENTRY(CODE_FAILED, "Failed", STATUS_WRONG_STATE,
              "The state forbids it, or data would be lost and Force is needed."),
        ENTRY(CODE_TIMEOUT, "Timeout", STATUS_TIMEOUT,
              "The deadline passed; nothing was changed."),
        ENTRY(CODE_ACCESS_DENIED, "AccessDenied", STATUS_DENIED,
              "The caller is not authorized."),
        ENTRY(CODE_NOT_SUPPORTED, "NotSupported", STATUS_NOT_SUPPORTED,
              "This SyncType or Mode never has the operation, or this version does not offer it."),
        ENTRY(CODE_NOT_ENOUGH_RESOURCES, "NotEnoughResources", STATUS_NO_RESOURCES,
              "Space, memory or another resource is exhausted."),
        ENTRY(CODE_CACHE_OUT_OF_DATE, "CacheOutOfDate", STATUS_OUT_OF_DATE,
              "The expected revision has passed; read the object again."),
};

const size_t n_error_table = sizeof(error_table) / sizeof(error_table[0]);

/* Several error numbers have the same meaning; the first of a code stands for it. */
static const struct {
        int error;
        enum return_code code;
} error_numbers[] = {
        { EIO, CODE_UNSPECIFIED },
        { EOPNOTSUPP, CODE_NOT_SUPPORTED },
        { EPROTONOSUPPORT, CODE_NOT_ENOUGH_RESOURCES },
        { ETIMEDOUT, CODE_TIMEOUT },
        { ENOTCONN, CODE_TIMEOUT },
        { EBUSY, CODE_FAILED },
        { EPERM, CODE_FAILED },
        { EMEDIUMTYPE, CODE_FAILED },
        { EUCLEAN, CODE_FAILED },
        { EINVAL, CODE_INVALID_PARAMETER },
        { ERANGE, CODE_INVALID_PARAMETER },
        { ENAMETOOLONG, CODE_INVALID_PARAMETER },
        { EEXIST, CODE_INVALID_PARAMETER },
        { ENOTBLK, CODE_INVALID_PARAMETER },
        { ENOENT, CODE_OBJECT_NOT_FOUND },
        { ENODEV, CODE_OBJECT_NOT_FOUND },
        { ENXIO, CODE_OBJECT_NOT_FOUND },
        { EACCES, CODE_ACCESS_DENIED },
        { ENOSPC, CODE_NOT_ENOUGH_RESOURCES },
        { ENOMEM, CODE_NOT_ENOUGH_RESOURCES },
        { ESTALE, CODE_CACHE_OUT_OF_DATE },
};

const struct error_entry *error_by_code(enum return_code code)
{
        for (size_t i = 0; i < n_error_table; i++)
                if (error_table[i].code == code)
                        return error_table + i;
        return error_table;
}

const struct error_entry *error_by_name(const char *dbus_name)
{
        for (size_t i = 0; dbus_name && i < n_error_table; i++)
                if (strcmp(error_table[i].name, dbus_name) == 0)
                        return error_table + i;

        /* What the bus itself or sd-bus says in its own words. */
        if (dbus_name && (strcmp(dbus_name, SD_BUS_ERROR_ACCESS_DENIED) == 0 ||
                          strcmp(dbus_name, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) == 0))
                return error_by_code(CODE_ACCESS_DENIED);
        if (dbus_name && strcmp(dbus_name, SD_BUS_ERROR_UNKNOWN_OBJECT) == 0)
                return error_by_code(CODE_OBJECT_NOT_FOUND);
        if (dbus_name && (strcmp(dbus_name, SD_BUS_ERROR_INVALID_ARGS) == 0 ||
                          strcmp(dbus_name, SD_BUS_ERROR_INVALID_SIGNATURE) == 0))
                return error_by_code(CODE_INVALID_PARAMETER);
        if (dbus_name && (strcmp(dbus_name, SD_BUS_ERROR_NO_REPLY) == 0 ||
                          strcmp(dbus_name, SD_BUS_ERROR_TIMEOUT) == 0))
                return error_by_code(CODE_TIMEOUT);
        return error_table;
}

const struct error_entry *error_by_errno(int error)
{
        int e = error < 0 ? -error : error;

        for (size_t i = 0; i < sizeof(error_numbers) / sizeof(error_numbers[0]); i++)
                if (error_numbers[i].error == e)
                        return error_by_code(error_numbers[i].code);
        return error_table;
}

static int errno_of_code(enum return_code code)
{
        for (size_t i = 0; i < sizeof(error_numbers) / sizeof(error_numbers[0]); i++)
                if (error_numbers[i].code == code)
                        return -error_numbers[i].error;
        return -EIO;
}

static int error_setv(sd_bus_error *e, const struct error_entry *entry, const char *format, va_list ap)
{
        char *message = NULL;

        if (vasprintf(&message, format, ap) < 0)
                message = NULL;
        sd_bus_error_free(e);
        sd_bus_error_set(e, entry->name, message);
        free(message);
        return errno_of_code(entry->code);
}

int error_set(sd_bus_error *e, enum return_code code, const char *format, ...)
{
        va_list ap;
        int r;

        va_start(ap, format);
        r = error_setv(e, error_by_code(code), format, ap);
        va_end(ap);
        return r;
}

int error_set_errno(sd_bus_error *e, int error, const char *format, ...)
{
        va_list ap;
        int r;

        va_start(ap, format);
        errno = error < 0 ? -error : error;
        r = error_setv(e, error_by_errno(error), format, ap);
        va_end(ap);
        return r;
}
