/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-bus.h"
#include "ctl-format.h"
#include "ctl-settings.h"

enum setting_type {
        SETTING_RATE,
        SETTING_SIZE,
        SETTING_SPAN,
        SETTING_SECONDS,
        SETTING_BOOLEAN,
        SETTING_WORD,
        SETTING_WORDS,
};

static const struct setting {
        const char *noun;
        const char *name;
        const char *property;
        enum setting_type type;
        const char *words;              /* that the value can be */
} settings_table[] = {
        { "relationship", "rate-limit", "RateLimit", SETTING_RATE },
        { "relationship", "yield-rate", "YieldRate", SETTING_RATE },
        { "relationship", "leg-timeout", "LegTimeoutUSec", SETTING_SPAN },
        { "relationship", "recovery-mode", "RecoveryMode", SETTING_WORD, "automatic manual" },
        { "relationship", "failed-copy-stops-host-io", "FailedCopyStopsHostIO", SETTING_BOOLEAN, "yes no" },
        { "relationship", "heartbeat", "HeartbeatUSec", SETTING_SPAN },
        { "relationship", "rpo", "RecoveryPointObjective", SETTING_SECONDS },
        { "group", "log-size", "LogSize", SETTING_SIZE },
        { "group", "member-names", "MemberNames", SETTING_WORDS },
};

const char *setting_name(const char *noun, size_t number)
{
        for (size_t i = 0; i < ELEMENTSOF(settings_table); i++)
                if (streq(settings_table[i].noun, noun) && number-- == 0)
                        return settings_table[i].name;
        return NULL;
}

const char *setting_words(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(settings_table); i++)
                if (streq(settings_table[i].name, name))
                        return strempty(settings_table[i].words);
        return "";
}

static const struct setting *find_setting(const char *noun, const char *name, size_t n)
{
        for (size_t i = 0; i < ELEMENTSOF(settings_table); i++) {
                const struct setting *s = settings_table + i;

                if (!streq(s->noun, noun))
                        continue;
                if ((strncmp(s->name, name, n) == 0 && !s->name[n]) ||
                    (strncmp(s->property, name, n) == 0 && !s->property[n]))
                        return s;
        }
        return NULL;
}

static int unknown_setting(const char *noun, const char *assignment)
{
        const char *name;

        fprintf(stderr, "blkreplctl: \"%s\" is no setting; write KEY=VALUE with one of these keys:", assignment);
        for (size_t i = 0; (name = setting_name(noun, i)); i++)
                fprintf(stderr, " %s", name);
        fputc('\n', stderr);
        return STATUS_USAGE;
}

/* "a,b,c" */
static int append_words(sd_bus_message *m, const char *property, const char *value)
{
        _cleanup_strv_ char **words = NULL;
        int r = 0;

        for (;;) {
                size_t n = strcspn(value, ",");

                r = strv_extendf(&words, "%.*s", (int)n, value);
                if (r < 0)
                        return r;
                if (!value[n])
                        return append_option_strv(m, property, words);
                value += n + 1;
        }
}

static int append_setting(sd_bus_message *m, const char *noun, const char *assignment)
{
        const char *value = strchr(assignment, '=');
        const struct setting *s = value ? find_setting(noun, assignment, (size_t)(value - assignment)) : NULL;
        uint32_t seconds;
        uint64_t n;
        int r;

        if (!s)
                return unknown_setting(noun, assignment);
        value++;

        switch (s->type) {
        case SETTING_SIZE:
                if (parse_size(value, &n) < 0)
                        return usage_error("%s needs a number of bytes such as 100M", s->name);
                r = append_option(m, s->property, "t", n);
                break;
        case SETTING_RATE:
                if (streq(value, "none"))
                        n = 0;
                else if (parse_size(value, &n) < 0)
                        return usage_error("%s needs a number of bytes a second such as 100M, or none", s->name);
                r = append_option(m, s->property, "t", n);
                break;
        case SETTING_SPAN:
                if (parse_span(value, &n) < 0)
                        return usage_error("%s needs a time such as 5s or 500ms", s->name);
                r = append_option(m, s->property, "t", n);
                break;
        case SETTING_SECONDS:
                if (parse_seconds(value, &seconds) < 0)
                        return usage_error("%s needs a number of seconds, or a time such as 5min", s->name);
                r = append_option(m, s->property, "u", seconds);
                break;
        case SETTING_BOOLEAN:
                r = parse_boolean(value);
                if (r < 0)
                        return usage_error("%s needs yes or no", s->name);
                r = append_option(m, s->property, "b", r);
                break;
        case SETTING_WORD:
                r = append_option(m, s->property, "s", value);
                break;
        case SETTING_WORDS:
                r = append_words(m, s->property, value);
                break;
        default:
                r = -EINVAL;
        }
        return r < 0 ? append_failed(r) : STATUS_OK;
}

int append_settings(sd_bus_message *m, const char *noun, char *const *settings)
{
        STRV_FOREACH(s, settings) {
                int r = append_setting(m, noun, *s);

                if (r != STATUS_OK)
                        return r;
        }
        return STATUS_OK;
}
