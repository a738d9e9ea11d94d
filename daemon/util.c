/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

#include "util.h"

int log_max_level = LOG_INFO;

char **strv_free(char **l)
{
        STRV_FOREACH(s, l)
                free(*s);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l)
{
        size_t n = 0;

        STRV_FOREACH(s, l)
                n++;
        return n;
}

/* Takes the string over, also on failure. */
int strv_consume(char ***l, char *s)
{
        size_t n = strv_length(*l);
        char **c;

        if (!s)
                return -ENOMEM;

        c = reallocarray(*l, n + 2, sizeof(char *));
        if (!c) {
                free(s);
                return -ENOMEM;
        }
        c[n] = s;
        c[n + 1] = NULL;
        *l = c;
        return 0;
}

int strv_extend(char ***l, const char *s)
{
        return strv_consume(l, strdup(s));
}

int strv_extendf(char ***l, const char *format, ...)
{
        char *s = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        return strv_consume(l, r < 0 ? NULL : s);
}

bool strv_contains(char *const *l, const char *s)
{
        STRV_FOREACH(i, l)
                if (streq(*i, s))
                        return true;
        return false;
}

int copy_string(char *dest, size_t size, const char *s)
{
        size_t n = strlen(s);

        if (n >= size)
                return -ENAMETOOLONG;
        memcpy(dest, s, n + 1);
        return 0;
}

const char *uuid_to_text(sd_id128_t id, char buf[static UUID_TEXT_MAX])
{
        return sd_id128_to_uuid_string(id, buf);
}

int uuid_from_text(const char *s, sd_id128_t *ret)
{
        return sd_id128_from_string(s, ret);
}

int parse_u64(const char *s, uint64_t *ret)
{
        unsigned long long v;
        char *end;

        if (*s < '0' || *s > '9')
                return -EINVAL;
        errno = 0;
        v = strtoull(s, &end, 0);
        if (errno)
                return -errno;
        if (*end)
                return -EINVAL;
        *ret = v;
        return 0;
}

static uint64_t now(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t now_monotonic(void)
{
        return now(CLOCK_MONOTONIC);
}

uint64_t now_realtime(void)
{
        return now(CLOCK_REALTIME);
}

/* Fields are "NAME=value". Without a journal the message goes to standard error. */
void log_fields(int priority, const char *fields[], size_t n_fields, const char *format, ...)
{
        enum { MAX_FIELDS = 8 };
        struct iovec iov[MAX_FIELDS + 3];
        char *message = NULL, prio[sizeof("PRIORITY=7")];
        static int journal = -1;
        int saved = errno, n = 0, r;
        va_list ap;

        if (priority > log_max_level)
                return;

        if (journal < 0)
                journal = getenv("JOURNAL_STREAM") != NULL;

        va_start(ap, format);
        errno = saved;
        r = vasprintf(&message, format, ap);
        va_end(ap);
        if (r < 0)
                goto out;

        if (journal) {
                char *text = NULL;

                if (asprintf(&text, "MESSAGE=%s", message) >= 0) {
                        snprintf(prio, sizeof(prio), "PRIORITY=%i", priority & 7);
                        iov[n++] = (struct iovec){ text, strlen(text) };
                        iov[n++] = (struct iovec){ prio, strlen(prio) };
                        iov[n++] = (struct iovec){ (char *)"SYSLOG_IDENTIFIER=blkrepld", 26 };
                        for (size_t i = 0; i < n_fields && i < MAX_FIELDS; i++)
                                iov[n++] = (struct iovec){ (char *)fields[i], strlen(fields[i]) };
                        sd_journal_sendv(iov, n);
                        free(text);
                }
        } else
                fprintf(stderr, "%s\n", message);
        free(message);
out:
        errno = saved;
}
