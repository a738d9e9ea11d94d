/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small things that every file uses: scope-bound cleanup, ownership transfer,
 * logging with structured journal fields.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _sentinel_ __attribute__((sentinel))
#define _unused_ __attribute__((unused))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define TAKE_PTR(p) ({ typeof(p) _p = (p); (p) = NULL; _p; })
#define TAKE_FD(fd) ({ int _fd = (fd); (fd) = -1; _fd; })
#define DEFINE_TRIVIAL_CLEANUP_FUNC(type, func)         \
        static inline void func##p(type *p)             \
        {                                               \
                if (*p)                                 \
                        func(*p);                       \
        }

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_INFINITY UINT64_MAX

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_strv_ _cleanup_(strv_freep)

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

static inline bool isempty(const char *s)
{
        return !s || !*s;
}

static inline const char *strempty(const char *s)
{
        return s ?: "";
}

/* NULL-terminated arrays of strings */
char **strv_free(char **l);
size_t strv_length(char *const *l);
int strv_consume(char ***l, char *s);
int strv_extend(char ***l, const char *s);
int strv_extendf(char ***l, const char *format, ...) _printf_(2, 3);
bool strv_contains(char *const *l, const char *s);
DEFINE_TRIVIAL_CLEANUP_FUNC(char **, strv_free);

#define STRV_FOREACH(s, l) for (char *const *s = (l); s && *s; s++)

int copy_string(char *dest, size_t size, const char *s);

/* UUIDs are written in the hyphenated form everywhere outside of the kernel. */
#define UUID_TEXT_MAX 37
const char *uuid_to_text(sd_id128_t id, char buf[static UUID_TEXT_MAX]);
#define UUID_TEXT(id) uuid_to_text((id), (char[UUID_TEXT_MAX]){})
int uuid_from_text(const char *s, sd_id128_t *ret);

int parse_u64(const char *s, uint64_t *ret);
uint64_t now_monotonic(void);
uint64_t now_realtime(void);

/* The highest priority that is logged; LogControl1 sets it. */
extern int log_max_level;
void log_fields(int priority, const char *fields[], size_t n_fields, const char *format, ...) _printf_(4, 5);

#define log_full(priority, ...) log_fields(priority, NULL, 0, __VA_ARGS__)
#define log_debug(...) log_full(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_full(LOG_ERR, __VA_ARGS__)
/* For "%m"; gives the error back. */
#define log_error_errno(e, ...)                         \
        ({                                              \
                int _e = (e);                           \
                errno = _e < 0 ? -_e : _e;              \
                log_full(LOG_ERR, __VA_ARGS__);         \
                _e < 0 ? _e : -_e;                      \
        })
#define log_oom() log_error_errno(-ENOMEM, "Out of memory")
