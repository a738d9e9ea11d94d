/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <math.h>
#include <strings.h>
#include <time.h>

#include "ctl-format.h"

static const struct {
        const char *suffix;
        uint64_t factor;
} sizes[] = {
        { "P", UINT64_C(1) << 50 },
        { "T", UINT64_C(1) << 40 },
        { "G", UINT64_C(1) << 30 },
        { "M", UINT64_C(1) << 20 },
        { "K", UINT64_C(1) << 10 },
        { "B", 1 },
};

static const struct {
        const char *suffix;
        uint64_t factor;
} spans[] = {
        { "d", 86400 * USEC_PER_SEC },
        { "h", 3600 * USEC_PER_SEC },
        { "min", 60 * USEC_PER_SEC },
        { "s", USEC_PER_SEC },
        { "ms", USEC_PER_MSEC },
        { "us", 1 },
};

char *format_key(const char *key, char between)
{
        char *words = malloc(2 * strlen(key) + 1), *p = words;

        for (const char *s = key; words && *s; s++) {
                bool upper = *s >= 'A' && *s <= 'Z';
                bool after_lower = s > key && s[-1] >= 'a' && s[-1] <= 'z';

                if (upper && after_lower)
                        *p++ = between;
                *p++ = upper ? (char)(*s - 'A' + 'a') : *s;
        }
        if (words)
                *p = 0;
        return words;
}

const char *format_bytes(uint64_t bytes, char buf[static FORMAT_MAX])
{
        for (size_t i = 0; i < ELEMENTSOF(sizes) - 1; i++)
                if (bytes >= sizes[i].factor) {
                        snprintf(buf, FORMAT_MAX, bytes % sizes[i].factor ? "%.1f%s" : "%.0f%s",
                                 (double)bytes / (double)sizes[i].factor, sizes[i].suffix);
                        return buf;
                }
        snprintf(buf, FORMAT_MAX, "%" PRIu64 "B", bytes);
        return buf;
}

/* The two largest units. */
const char *format_span(uint64_t usec, char buf[static FORMAT_MAX])
{
        size_t n = 0;
        int parts = 0;

        if (usec == 0)
                return "0";
        if (usec == USEC_INFINITY)
                return "unknown";
        buf[0] = 0;
        for (size_t i = 0; i < ELEMENTSOF(spans) && parts < 2; i++) {
                uint64_t q = usec / spans[i].factor;

                if (!q)
                        continue;
                n += (size_t)snprintf(buf + n, FORMAT_MAX - n, "%s%" PRIu64 "%s", parts ? " " : "", q,
                                      spans[i].suffix);
                usec %= spans[i].factor;
                parts++;
        }
        return buf;
}

const char *format_stamp(uint64_t usec, char buf[static FORMAT_MAX])
{
        time_t t = (time_t)(usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0)
                return "never";
        if (!localtime_r(&t, &tm) || strftime(buf, FORMAT_MAX, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                return "unknown";
        return buf;
}

static int scale(double v, uint64_t factor, uint64_t *ret)
{
        v *= (double)factor;
        if (v >= 0x1p64)
                return -ERANGE;
        *ret = (uint64_t)v;
        return 0;
}

/* A decimal number that is not negative; the rest is left in end. */
static int parse_number(const char *s, double *ret, char **end)
{
        if (!strchr("0123456789", *s))
                return -EINVAL;
        *ret = strtod(s, end);
        return isfinite(*ret) ? 0 : -ERANGE;
}

int parse_size(const char *s, uint64_t *ret)
{
        char *end;
        double v;
        int r;

        if (parse_u64(s, ret) >= 0)
                return 0;
        r = parse_number(s, &v, &end);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                const char *rest = end;

                if (strncasecmp(rest, sizes[i].suffix, 1) != 0)
                        continue;
                rest++;
                if (sizes[i].factor > 1) {
                        if (*rest == 'i')
                                rest++;
                        if (*rest == 'B')
                                rest++;
                }
                if (streq(rest, "/s"))
                        rest += 2;
                return *rest ? -EINVAL : scale(v, sizes[i].factor, ret);
        }
        return -EINVAL;
}

int parse_span(const char *s, uint64_t *ret)
{
        char *end;
        double v;
        int r;

        r = parse_number(s, &v, &end);
        if (r < 0)
                return r;
        if (!*end)
                return scale(v, USEC_PER_SEC, ret);
        for (size_t i = 0; i < ELEMENTSOF(spans); i++)
                if (streq(end, spans[i].suffix))
                        return scale(v, spans[i].factor, ret);
        return -EINVAL;
}

int parse_seconds(const char *s, uint32_t *ret)
{
        uint64_t usec, n;
        int r;

        r = parse_span(s, &usec);
        if (r < 0)
                return r;
        n = usec / USEC_PER_SEC + !!(usec % USEC_PER_SEC);
        if (n > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)n;
        return 0;
}

int parse_boolean(const char *s)
{
        static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off", "0" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                if (strcasecmp(s, yes[i]) == 0)
                        return 1;
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                if (strcasecmp(s, no[i]) == 0)
                        return 0;
        return -EINVAL;
}

enum kind {
        KIND_PLAIN,
        KIND_BYTES,
        KIND_RATE,
        KIND_RATE_LIMIT,
        KIND_SPAN,
        KIND_STAMP,
        KIND_PERCENT,
        KIND_FRACTION,
        KIND_SECONDS,
};

static enum kind kind_of(const char *key)
{
        static const struct {
                const char *key;
                enum kind kind;
        } map[] = {
                { "BacklogBytes", KIND_BYTES },
                { "BytesDone", KIND_BYTES },
                { "BytesMirrored", KIND_BYTES },
                { "BytesTotal", KIND_BYTES },
                { "CopyDone", KIND_BYTES },
                { "CopyTotal", KIND_BYTES },
                { "CopyWritten", KIND_BYTES },
                { "ExtentSize", KIND_BYTES },
                { "Free", KIND_BYTES },
                { "LogSize", KIND_BYTES },
                { "LogUsed", KIND_BYTES },
                { "Size", KIND_BYTES },
                { "Rate", KIND_RATE },
                { "RateLimit", KIND_RATE_LIMIT },
                { "YieldRate", KIND_RATE_LIMIT },
                { "EstimatedCatchUp", KIND_SPAN },
                { "HeartbeatUSec", KIND_SPAN },
                { "LegTimeoutUSec", KIND_SPAN },
                { "RecoveryPointAge", KIND_SPAN },
                { "RecoveryPoint", KIND_STAMP },
                { "RecoveryPointObjective", KIND_SECONDS },
                { "RpoViolatedUSec", KIND_SPAN },
                { "RpoWorstAge", KIND_SPAN },
                { "WhenActivated", KIND_STAMP },
                { "WhenBroken", KIND_STAMP },
                { "WhenEnded", KIND_STAMP },
                { "WhenStarted", KIND_STAMP },
                { "WhenSuspended", KIND_STAMP },
                { "WhenSynced", KIND_STAMP },
                { "PercentSynced", KIND_PERCENT },
                { "Progress", KIND_FRACTION },
        };

        for (size_t i = 0; i < ELEMENTSOF(map); i++)
                if (streq(map[i].key, key))
                        return map[i].kind;
        return KIND_PLAIN;
}

bool property_is_number(const char *key)
{
        static const char *const counts[] = { "BacklogWrites", "Id", "Index", "LegErrors", "Members", "Number", "RpoViolations",
                                              "VolumeCount" };
        enum kind k = kind_of(key);

        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                if (streq(counts[i], key))
                        return true;
        return k != KIND_PLAIN && k != KIND_STAMP;
}

/* Arrays of words on one line, everything else that has parts as JSON. */
static char *format_plain(json_object *value)
{
        char *s = NULL, *t;
        size_t n;

        if (json_object_is_type(value, json_type_boolean))
                return strdup(json_object_get_boolean(value) ? "yes" : "no");
        if (!json_object_is_type(value, json_type_array))
                return strdup(value ? json_object_get_string(value) : "");

        n = json_object_array_length(value);
        for (size_t i = 0; i < n; i++)
                if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string))
                        return strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE));
        for (size_t i = 0; i < n; i++) {
                if (asprintf(&t, "%s%s%s", strempty(s), s ? " " : "",
                             json_object_get_string(json_object_array_get_idx(value, i))) < 0)
                        t = NULL;
                free(s);
                s = t;
                if (!s)
                        return NULL;
        }
        return s ?: strdup("");
}

char *format_property(const char *key, json_object *value)
{
        char buf[FORMAT_MAX], *s = NULL;
        uint64_t n;

        switch (kind_of(key)) {
        case KIND_BYTES:
                return strdup(format_bytes(json_object_get_uint64(value), buf));
        case KIND_RATE:
                if (asprintf(&s, "%s/s", format_bytes(json_object_get_uint64(value), buf)) < 0)
                        return NULL;
                return s;
        case KIND_RATE_LIMIT:
                n = json_object_get_uint64(value);
                if (n == 0)
                        return strdup("none");
                if (asprintf(&s, "%s/s", format_bytes(n, buf)) < 0)
                        return NULL;
                return s;
        case KIND_SPAN:
                return strdup(format_span(json_object_get_uint64(value), buf));
        case KIND_SECONDS:
                n = json_object_get_uint64(value);
                return strdup(format_span(n * USEC_PER_SEC, buf));
        case KIND_STAMP:
                return strdup(format_stamp(json_object_get_uint64(value), buf));
        case KIND_PERCENT:
                /* 100% is said only of what is complete. */
                if (asprintf(&s, "%.1f%%", floor(json_object_get_double(value) * 10) / 10) < 0)
                        return NULL;
                return s;
        case KIND_FRACTION:
                if (asprintf(&s, "%.1f%%", floor(json_object_get_double(value) * 1000) / 10) < 0)
                        return NULL;
                return s;
        default:
                return format_plain(value);
        }
}
