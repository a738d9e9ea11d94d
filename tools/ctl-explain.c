/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-bus.h"
#include "ctl-explain.h"
#include "ctl-format.h"
#include "ctl-value.h"

/* What the line above has said, or is said in another form. */
static const char *const said[] = { "Code", "Name", "Message", "CopyState", "Revision", "RecoveryPointAge", "Pairs" };

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
        if (asprintf(&text, "%s, %s%s", format_stamp(point, stamp), age ? format_span(age, span) : "up to date",
                     age ? " old" : "") < 0)
                return NULL;
        return text;
}

int explain_status(FILE *f, json_object *status)
{
        json_object_object_foreach(status, key, value) {
                _cleanup_free_ char *words = format_key(key, ' '), *text = NULL;
                bool skip = false;

                for (size_t i = 0; i < ELEMENTSOF(said); i++)
                        skip |= streq(said[i], key);
                if (skip)
                        continue;
                if (streq(key, "LegalOperations"))
                        text = explain_legal(value);
                else if (streq(key, "RecoveryPoint"))
                        text = recovery_point(status);
                else
                        text = format_property(key, value);
                if (!words || !text)
                        return -ENOMEM;
                if (*text)
                        fprintf(f, "  %s: %s\n", words, text);
        }
        return 0;
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
