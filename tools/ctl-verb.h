/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which verb is meant, and what its arguments are. */
#pragma once

#include "ctl.h"

/* All verbs, one table after the other; each ends with an entry without a name. */
extern const struct verb *const verb_tables[];
extern const size_t n_verb_tables;

#define FOREACH_VERB(v)                                         \
        for (size_t _t = 0; _t < n_verb_tables; _t++)           \
                for (const struct verb *v = verb_tables[_t]; v->name; v++)

/* Noun is NULL for a verb that stands alone. An operation is also found by its number. */
const struct verb *verb_find(const char *noun, const char *name);

/* How many arguments a verb needs and takes; *ret_max is -1 for any number. */
void verb_count_arguments(const struct verb *verb, int *ret_min, int *ret_max);

/*
 * The word for the argument with this number, from 0, as "GROUP" or "STATE",
 * into buf; false when there is none.
 */
#define VERB_WORD_MAX 32
bool verb_argument_word(const struct verb *verb, unsigned int number, char buf[static VERB_WORD_MAX]);
