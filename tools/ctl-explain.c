/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-bus.h"
#include "ctl-explain.h"
#include "ctl-format.h"
#include "ctl-value.h"

/* What is told in this order and these words; without words: not at all. */
static const struct {
        const char *key;
        const char *words;
} known[] = {
        { "Reason", "reason" },
        { "RecoveryPoint", "recovery point" },
        { "BacklogBytes", "not the same on both sides" },
        { "Snapshots", "snapshots kept" },
        { "LegalOperations", "legal operations" },
        { "Code", NULL },
        { "Name", NULL },
        { "Message", NULL },
        { "CopyState", NULL },
        { "Revision", NULL },
        { "RecoveryPointAge", NULL },
        { "Pairs", NULL },
};

char *explain_legal(json_object *legal)
{
        size_t n = legal ? json_object_array_length(legal) : 0;
        char *text = NULL, *longer;

        for (size_t i = 0; i < n; i++) {
                const char *word = json_object_get_string(json_object_array_get_idx(legal, i));
                size_t length = strcspn(word, "!");

                if (asprintf(&longer, "%s%s%.*s%s", strempty(text), text ? ", " : "", (int)length, word,
                             word[length] ? " --force" : "") < 0)
                        longer = NULL;
                free(text);
                text = longer;
                if (!text)
                        return NULL;
        }
        return text ?: strdup("");
}

/* "2024-05-01 12:00:00 UTC, 3min 20s old" */
static char *recovery_point(json_object *o)
{
        uint64_t point = member_u64(o, "RecoveryPoint"), age = member_u64(o, "RecoveryPointAge");
        char stamp[FORMAT_MAX], span[FORMAT_MAX], *text;

        if (point == 0 || age == USEC_INFINITY)
                return strdup("none");
        age -= age % (age < USEC_PER_SEC ? USEC_PER_MSEC : USEC_PER_SEC);
        if (asprintf(&text, "%s, %s%s", format_stamp(point, stamp), age ? format_span(age, span) : "up to date",
                     age ? " old" : "") < 0)
                return NULL;
        return text;
}

/* Empty: there is nothing to tell. */
static char *explain_value(json_object *status, const char *key, json_object *value)
{
        if (streq(key, "LegalOperations"))
                return explain_legal(value);
        if (streq(key, "RecoveryPoint"))
                return recovery_point(status);
        if (streq(key, "BacklogBytes") && json_object_get_uint64(value) == 0)
                return strdup("");
        return format_property(key, value);
}

static int explain_key(FILE *f, json_object *status, const char *key, const char *words)
{
        _cleanup_free_ char *text = NULL;
        json_object *value;

        if (!json_object_object_get_ex(status, key, &value))
                return 0;
        text = explain_value(status, key, value);
        if (!words || !text)
                return -ENOMEM;
        if (*text)
                fprintf(f, "  %s: %s\n", words, text);
        return 0;
}

static bool is_known(const char *key)
{
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i].key, key))
                        return true;
        return false;
}

int explain_status(FILE *f, json_object *status)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(known); i++)
                if (known[i].words)
                        r = explain_key(f, status, known[i].key, known[i].words);
        json_object_object_foreach(status, key, value) {
                _cleanup_free_ char *words = format_key(key, ' ');

                (void)value;
                if (r >= 0 && !is_known(key))
                        r = explain_key(f, status, key, words);
        }
        return r;
}

void explain_refusal(sd_bus *bus, const char *path)
{
        static const char *const keys[] = {
                "CopyState", "Reason", "RecoveryPoint", "RecoveryPointAge", "BacklogBytes", "LegalOperations",
        };
        _cleanup_json_ json_object *chosen = json_object_new_object(), *all = NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;

        /* It was told already that the operation failed; what cannot be read is left out. */
        if (sd_bus_call_method(bus, BUS_NAME, path, "org.freedesktop.DBus.Properties", "GetAll", NULL, &reply, "s",
                               INTERFACE("Relationship")) < 0 ||
            value_read(reply, &all) < 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                json_object *value;

                if (json_object_object_get_ex(all, keys[i], &value))
                        json_object_object_add(chosen, keys[i], json_object_get(value));
        }
        fprintf(stderr, "%s is %s\n", member_string(all, "Name"), member_string(all, "CopyState"));
        explain_status(stderr, chosen);
}
