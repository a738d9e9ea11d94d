/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blkreplctl: which verb is meant, and the help. */
#include <locale.h>
#include <stdarg.h>

#include "ctl-complete.h"
#include "ctl-options.h"
#include "ctl-pager.h"
#include "ctl-relationship.h"
#include "ctl-verb.h"

int usage_error(const char *format, ...)
{
        va_list ap;

        fputs("blkreplctl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return STATUS_USAGE;
}

int out_of_memory(void)
{
        fputs("blkreplctl: out of memory\n", stderr);
        return STATUS_ERROR;
}

static int print_help(void)
{
        puts("blkreplctl [OPTIONS…] COMMAND …\n\nReplication groups for block volumes.\n\nCommands:");
        FOREACH_VERB(v) {
                char left[128];

                snprintf(left, sizeof(left), "%s%s%s %s", strempty(v->noun), v->noun ? " " : "", v->name, v->arguments);
                /* The ellipsis is one column in three bytes. */
                printf("  %-*s %s\n", 43 + (strstr(left, "…") ? 2 : 0), left, v->help);
        }
        options_print_help();
        puts("\nSee blkreplctl(1) and blkrepl(7).");
        return STATUS_OK;
}

static int unknown_verb(const char *noun)
{
        bool known = false;

        FOREACH_VERB(v) {
                if (!v->noun || !streq(v->noun, noun))
                        continue;
                fprintf(stderr, "%s %s", known ? "," : "blkreplctl: what is to be done? Known are", v->name);
                known = true;
        }
        if (!known)
                return usage_error("\"%s\" is no command; see: blkreplctl --help", noun);
        fputc('\n', stderr);
        return STATUS_USAGE;
}

static int dispatch(int argc, char **argv)
{
        const struct verb *v = verb_find(NULL, argv[0]);
        int n = argc - 1, min, max, r;

        if (!v) {
                v = argc > 1 ? verb_find(argv[0], argv[1]) : NULL;
                n--;
        }
        if (!v)
                return unknown_verb(argv[0]);
        verb_count_arguments(v, &min, &max);
        if (n < min || (max >= 0 && n > max))
                return usage_error("too %s arguments; it is: blkreplctl %s%s%s %s", n < min ? "few" : "many",
                                   strempty(v->noun), v->noun ? " " : "", v->name, v->arguments);
        r = options_check(v);
        if (r != STATUS_OK)
                return r;

        if (opt.pager && v->paged)
                pager_open();
        r = v->run(v, argv + argc - n);
        pager_close();
        return r;
}

int main(int argc, char **argv)
{
        int first, r;

        setlocale(LC_ALL, "");
        operation_verbs_prepare();
        if (argc > 1 && streq(argv[1], "complete"))
                return complete(argc - 2, argv + 2);

        r = options_parse(argc, argv, print_help, &first);
        if (r < 0) {
                /* Without a command: how things stand. */
                if (first == argc)
                        r = dispatch(1, (char *[]){ (char *)"status", NULL });
                else
                        r = dispatch(argc - first, argv + first);
        }
        options_done();
        return r;
}
