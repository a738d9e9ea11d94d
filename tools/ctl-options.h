/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options: one table for parsing, for the help and for the completion. */
#pragma once

#include "ctl.h"

struct option_entry {
        const char *name;               /* NULL: there is only the letter */
        char letter;
        const char *argument;           /* a word for it; NULL: there is none */
        unsigned int verbs;             /* FOR_*: who takes it */
        int (*set)(const struct option_entry *o, const char *argument);
        void *place;
        int value;                      /* for flags */
        bool optional;                  /* the argument may be left out */
        const char *words;              /* that the argument can be */
        const char *help;
};

extern const struct option_entry option_table[];

const struct option_entry *option_by_name(const char *name, size_t n);
const struct option_entry *option_by_letter(char letter);

/*
 * Reads the options and moves them in front of the other arguments. Returns an
 * exit status, or -1 to go on; *ret_first is the first other argument.
 */
int options_parse(int argc, char **argv, int (*help)(void), int *ret_first);
/* Complains about an option that means nothing to this verb. */
int options_check(const struct verb *verb);
void options_print_help(void);
void options_done(void);
