/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-bus.h"
#include "ctl-complete.h"
#include "ctl-objects.h"
#include "ctl-options.h"
#include "ctl-settings.h"
#include "ctl-value.h"
#include "ctl-verb.h"
#include "../kernel/names.h"
#include "../kernel/state.h"

/* What is known of the words before the one that is completed. */
struct line {
        const char *word;               /* the one that is completed */
        const char *noun;
        const struct verb *verb;
        const char *first;              /* argument of the verb */
        unsigned int arguments;
        bool remote;
        const struct option_entry *option;      /* the word is its argument */
        const char *key;                /* the word is the value of this setting */
};

static void offer(const struct line *l, const char *candidate)
{
        if (strncmp(candidate, l->word, strlen(l->word)) == 0)
                puts(candidate);
}

static void offer_words(const struct line *l, const char *words)
{
        char one[64];

        while (*words) {
                size_t n = strcspn(words, " ");

                snprintf(one, sizeof(one), "%.*s", (int)n, words);
                offer(l, one);
                words += n + strspn(words + n, " ");
        }
}

/* The daemon is not asked on another host, which would want to know a password. */
static void offer_names(const struct line *l, const char *noun)
{
        _cleanup_json_ json_object *rows = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;

        if (l->remote || bus_connect(&bus) != STATUS_OK || list_objects(bus, noun, &rows) != STATUS_OK)
                return;
        for (size_t i = 0; i < json_object_array_length(rows); i++)
                offer(l, object_name(noun, json_object_array_get_idx(rows, i)));
}

/* Members of the group that is the first argument */
static void offer_members(const struct line *l)
{
        _cleanup_json_ json_object *group = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        json_object *members;

        if (l->remote || bus_connect(&bus) != STATUS_OK || resolve(bus, "GetGroup", l->first, &path) != STATUS_OK ||
            get_properties(bus, path, INTERFACE("Group"), l->first, &group) != STATUS_OK)
                return;
        members = member_array(group, "Members");
        for (size_t i = 0; members && i < json_object_array_length(members); i++)
                offer(l, json_object_get_string(json_object_array_get_idx(json_object_array_get_idx(members, i), 1)));
}

static void offer_states(const struct line *l)
{
        char lower[32];

        for (unsigned int s = BLKREPL_STATE_FIRST; s <= BLKREPL_STATE_LAST; s++) {
                const char *name = blkrepl_state_valid(s) ? blkrepl_copy_state_name(s) : NULL;
                size_t n = 0;

                for (; name && name[n] && n < sizeof(lower) - 1; n++)
                        lower[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] - 'A' + 'a') : name[n];
                lower[n] = 0;
                if (n)
                        offer(l, lower);
        }
}

static void offer_settings(const struct line *l)
{
        const char *name;

        for (size_t i = 0; (name = setting_name(l->noun, i)); i++) {
                char word[64];

                snprintf(word, sizeof(word), "%s=", name);
                offer(l, word);
        }
}

/* What an argument can be, by the word that stands for it. */
static void offer_argument(const struct line *l, const char *argument)
{
        static const struct {
                const char *argument;
                const char *noun;
        } names[] = {
                { "NAME", "relationship" },
                { "ASPECT", "aspect" },
                { "GROUP", "group" },
                { "VOLUME", "volume" },
                { "POOL", "pool" },
                { "PEER", "peer" },
                { "PAIR", "pair" },
                { "JOB", "job" },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i].argument, argument))
                        offer_names(l, names[i].noun);
        if (streq(argument, "MEMBER"))
                offer_members(l);
        else if (streq(argument, "STATE"))
                offer_states(l);
        else if (streq(argument, "KEY=VALUE"))
                offer_settings(l);
        else if (streq(argument, "DEVICE"))
                puts(":files");
        else if (streq(argument, "[USER@]HOST"))
                puts(":hosts");
        else if (streq(argument, "SYNCTYPE"))
                for (unsigned int t = BLKREPL_SYNC_MIRROR; blkrepl_sync_type_name(t); t++)
                        offer(l, blkrepl_sync_type_name(t));
}

static void offer_options(const struct line *l)
{
        char word[64];

        for (const struct option_entry *o = option_table; o->help; o++) {
                if (!(o->verbs & (FOR_ALL | (l->verb ? l->verb->options : 0))))
                        continue;
                if (o->letter) {
                        snprintf(word, sizeof(word), "-%c", o->letter);
                        offer(l, word);
                }
                if (!o->name)
                        continue;
                snprintf(word, sizeof(word), "--%s%s", o->name, o->argument && !o->optional ? "=" : "");
                offer(l, word);
        }
}

/* Nouns, the verbs that stand alone, or the verbs of a noun; each once. */
static void offer_verbs(const struct line *l)
{
        const char *last = NULL;

        FOREACH_VERB(v) {
                if (l->noun) {
                        if (v->noun && streq(v->noun, l->noun))
                                offer(l, v->name);
                } else if (!v->noun)
                        offer(l, v->name);
                else if (!last || !streq(v->noun, last)) {
                        offer(l, v->noun);
                        last = v->noun;
                }
        }
}

/* The option that a word is; *ret_has_argument when its argument stands in the same word. */
static const struct option_entry *option_of_word(const char *word, bool *ret_has_argument)
{
        size_t n;

        *ret_has_argument = false;
        if (word[0] == '-' && word[1] && word[1] != '-') {
                *ret_has_argument = word[2];
                return option_by_letter(word[1]);
        }
        if (strncmp(word, "--", 2) != 0)
                return NULL;
        word += 2;
        n = strcspn(word, "=");
        *ret_has_argument = word[n];
        return option_by_name(word, n);
}

static void take_argument(struct line *l, const char *word)
{
        if (l->verb) {
                if (l->arguments++ == 0)
                        l->first = word;
        } else if (l->noun)
                l->verb = verb_find(l->noun, word);
        else {
                l->verb = verb_find(NULL, word);
                l->noun = word;
        }
}

/* Goes over the words before the last one. */
static void read_words(struct line *l, int n, char **words)
{
        for (int i = 0; i < n - 1; i++) {
                bool has_argument, assigned = streq(words[i + 1], "=");
                const struct option_entry *o = option_of_word(words[i], &has_argument);
                int value = i + 1 + assigned;

                if (!o && words[i][0] != '-' && assigned && value >= n - 1)
                        l->key = words[i];
                else if (!o && words[i][0] != '-')
                        take_argument(l, words[i]);
                l->remote |= o && o->letter == 'H';
                if (o && o->argument && !has_argument && (assigned || !o->optional)) {
                        if (value >= n - 1)
                                l->option = o;
                } else if (!assigned || value >= n - 1)
                        continue;
                /* The value belongs to what stands before it. */
                i = value;
        }
}

int complete(int n, char **words)
{
        struct line l = { .word = n > 0 ? words[n - 1] : "" };
        char argument[VERB_WORD_MAX];

        read_words(&l, n, words);
        /* "KEY=" and the cursor: the value is empty yet. */
        if (streq(l.word, "="))
                l.word = "";

        if (l.option && l.option->words)
                offer_words(&l, l.option->words);
        else if (l.option)
                offer_argument(&l, l.option->argument);
        else if (l.key)
                offer_words(&l, setting_words(l.key));
        else if (l.word[0] == '-')
                offer_options(&l);
        else if (!l.verb)
                offer_verbs(&l);
        else if (verb_argument_word(l.verb, l.arguments, argument))
                offer_argument(&l, argument);
        return STATUS_OK;
}
