/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-verb.h"
#include "../kernel/names.h"
#include "../kernel/state.h"

#define ELLIPSIS "…"

const struct verb *const verb_tables[] = {
        status_verbs,
        relationship_verbs,
        operation_verbs,
        aspect_verbs,
        group_verbs,
        volume_verbs,
        job_verbs,
};
const size_t n_verb_tables = ELEMENTSOF(verb_tables);

const struct verb *verb_find(const char *noun, const char *name)
{
        int operation = noun && streq(noun, "relationship") ? blkrepl_operation_parse(name) : -EINVAL;

        FOREACH_VERB(v) {
                if (noun ? !v->noun || !streq(v->noun, noun) : v->noun != NULL)
                        continue;
                if (streq(v->name, name) || (operation >= 0 && v->operation == (unsigned int)operation))
                        return v;
        }
        return NULL;
}

void verb_count_arguments(const struct verb *verb, int *ret_min, int *ret_max)
{
        const char *s = verb->arguments;

        *ret_min = *ret_max = 0;
        while (*s) {
                size_t n = strcspn(s, " ");

                *ret_min += *s != '[';
                if (*ret_max >= 0)
                        *ret_max = strstr(s, ELLIPSIS) && strstr(s, ELLIPSIS) < s + n ? -1 : *ret_max + 1;
                s += n + strspn(s + n, " ");
        }
}

bool verb_argument_word(const struct verb *verb, unsigned int number, char buf[static VERB_WORD_MAX])
{
        const char *s = verb->arguments, *last = NULL;

        for (; *s; number--) {
                last = s;
                if (number == 0)
                        break;
                s += strcspn(s, " ");
                s += strspn(s, " ");
        }
        /* Beyond the end there is what the last one repeats. */
        if (!last || (!*s && !strstr(last, ELLIPSIS)))
                return false;
        last += *last == '[';
        snprintf(buf, VERB_WORD_MAX, "%.*s", (int)strcspn(last, " ]\xe2"), last);
        return true;
}
