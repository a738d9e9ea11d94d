/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blkreplctl: options, and which verb is meant. */
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>

#include "ctl.h"
#include "ctl-format.h"
#include "ctl-pager.h"

struct options opt = {
        .legend = true,
        .pager = true,
        .ask_password = true,
        .block = true,
        .timeout_usec = USEC_INFINITY,
        .revision = USEC_INFINITY,
        .mode = "auto",
};

static const struct verb *const verb_tables[] = {
        status_verbs,
        relationship_verbs,
        group_verbs,
        volume_verbs,
        job_verbs,
};

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

static const char options_help[] =
        "Options:\n"
        "  -h --help                 Show this help\n"
        "     --version              Show the version\n"
        "  -H --host=[USER@]HOST     Operate on another host, over ssh\n"
        "     --json=pretty|short|off  Print JSON\n"
        "  -j                        --json=pretty on a terminal, else --json=short\n"
        "     --no-legend            No headings and explanations\n"
        "     --no-pager             No pager\n"
        "     --no-ask-password      Do not ask for a password\n"
        "  -q --quiet                No progress and no outcome\n"
        "  -v --show-call            Show the busctl command that does the same\n"
        "     --no-block             Do not wait for a job; print its number\n"
        "     --timeout=TIME         Wait at most so long (5s, 2min); the job goes on\n"
        "  -f --force                Consent to what would lose data\n"
        "     --revision=N           Refuse unless the relationship is at this revision\n"
        "     --now                  monitor: end after what exists\n"
        "     --remove-volumes       group delete: remove the copies that blkrepl carved\n"
        "\n"
        "Options of relationship create:\n"
        "     --source=VOLUME        A volume to protect, VG/LV or device; once for each\n"
        "     --member-name=NAME     Name of the member, in the order of the sources\n"
        "     --target-pool=VG       Where the copies are carved; several are filled in turn\n"
        "     --target=VOLUME        The volume that becomes the copy; once for each source\n"
        "     --source-group=NAME    Name of the source group; without --source an existing one\n"
        "     --target-group=NAME    Name of the target group\n"
        "     --source-log=DEVICE    Device for the source group's metadata\n"
        "     --target-log=DEVICE    Device for the target group's metadata\n"
        "     --mode=sync|auto       How writes are acknowledged\n"
        "     --rpo=SECONDS          Recovery-point objective\n"
        "     --seeded               The target has most of the data: copy what differs\n"
        "     --inactive             Do not start the first copy\n"
        "     --set=KEY=VALUE        A setting, as with relationship set\n";

static int print_help(void)
{
        puts("blkreplctl [OPTIONS…] COMMAND …\n\nReplication groups for block volumes.\n\nCommands:");
        for (size_t t = 0; t < ELEMENTSOF(verb_tables); t++)
                for (const struct verb *v = verb_tables[t]; v->name; v++) {
                        char left[128];

                        snprintf(left, sizeof(left), "%s%s%s %s", strempty(v->noun), v->noun ? " " : "", v->name,
                                 v->arguments);
                        /* The ellipsis is one column in three bytes. */
                        printf("  %-*s %s\n", 42 + (strstr(left, "…") ? 2 : 0), left, v->help);
                }
        printf("\n%s\nSee blkreplctl(1) and blkrepl(7).\n", options_help);
        return STATUS_OK;
}

enum {
        ARG_VERSION = 0x100,
        ARG_JSON,
        ARG_NO_LEGEND,
        ARG_NO_PAGER,
        ARG_NO_ASK_PASSWORD,
        ARG_NO_BLOCK,
        ARG_TIMEOUT,
        ARG_REVISION,
        ARG_NOW,
        ARG_REMOVE_VOLUMES,
        ARG_SOURCE,
        ARG_MEMBER_NAME,
        ARG_TARGET,
        ARG_TARGET_POOL,
        ARG_SOURCE_GROUP,
        ARG_TARGET_GROUP,
        ARG_SOURCE_LOG,
        ARG_TARGET_LOG,
        ARG_MODE,
        ARG_RPO,
        ARG_SEEDED,
        ARG_INACTIVE,
        ARG_SET,
};

static const struct option long_options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, ARG_VERSION },
        { "host", required_argument, NULL, 'H' },
        { "json", required_argument, NULL, ARG_JSON },
        { "no-legend", no_argument, NULL, ARG_NO_LEGEND },
        { "no-pager", no_argument, NULL, ARG_NO_PAGER },
        { "no-ask-password", no_argument, NULL, ARG_NO_ASK_PASSWORD },
        { "quiet", no_argument, NULL, 'q' },
        { "show-call", no_argument, NULL, 'v' },
        { "no-block", no_argument, NULL, ARG_NO_BLOCK },
        { "timeout", required_argument, NULL, ARG_TIMEOUT },
        { "force", no_argument, NULL, 'f' },
        { "revision", required_argument, NULL, ARG_REVISION },
        { "now", no_argument, NULL, ARG_NOW },
        { "remove-volumes", no_argument, NULL, ARG_REMOVE_VOLUMES },
        { "source", required_argument, NULL, ARG_SOURCE },
        { "member-name", required_argument, NULL, ARG_MEMBER_NAME },
        { "target", required_argument, NULL, ARG_TARGET },
        { "target-pool", required_argument, NULL, ARG_TARGET_POOL },
        { "source-group", required_argument, NULL, ARG_SOURCE_GROUP },
        { "target-group", required_argument, NULL, ARG_TARGET_GROUP },
        { "source-log", required_argument, NULL, ARG_SOURCE_LOG },
        { "target-log", required_argument, NULL, ARG_TARGET_LOG },
        { "mode", required_argument, NULL, ARG_MODE },
        { "rpo", required_argument, NULL, ARG_RPO },
        { "seeded", no_argument, NULL, ARG_SEEDED },
        { "inactive", no_argument, NULL, ARG_INACTIVE },
        { "set", required_argument, NULL, ARG_SET },
        {}
};

static int set_json(const char *s)
{
        static const struct {
                const char *name;
                enum json_mode mode;
        } modes[] = {
                { "pretty", JSON_PRETTY },
                { "short", JSON_SHORT },
                { "off", JSON_OFF },
        };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (streq(modes[i].name, s)) {
                        opt.json = modes[i].mode;
                        return STATUS_OK;
                }
        return usage_error("--json is pretty, short or off, not \"%s\"", s);
}

static int extend(char ***list, const char *s)
{
        return strv_extend(list, s) < 0 ? out_of_memory() : STATUS_OK;
}

/* Options whose argument can be wrong or that come more than once. */
static int set_option_with_argument(int c, const char *argument)
{
        switch (c) {
        case ARG_JSON:
                return set_json(argument);
        case ARG_TIMEOUT:
                if (parse_span(argument, &opt.timeout_usec) < 0)
                        return usage_error("--timeout needs a time such as 30s or 2min");
                return STATUS_OK;
        case ARG_REVISION:
                if (parse_u64(argument, &opt.revision) < 0)
                        return usage_error("--revision needs a number");
                return STATUS_OK;
        case ARG_SOURCE:
                return extend(&opt.sources, argument);
        case ARG_MEMBER_NAME:
                return extend(&opt.member_names, argument);
        case ARG_TARGET:
                return extend(&opt.targets, argument);
        case ARG_TARGET_POOL:
                return extend(&opt.target_pools, argument);
        case ARG_SET:
                return extend(&opt.settings, argument);
        default:
                return STATUS_USAGE;
        }
}

static int set_option(int c, const char *argument)
{
        static const struct {
                int c;
                bool *flag;
                bool value;
        } flags[] = {
                { ARG_NO_LEGEND, &opt.legend, false },
                { ARG_NO_PAGER, &opt.pager, false },
                { ARG_NO_ASK_PASSWORD, &opt.ask_password, false },
                { ARG_NO_BLOCK, &opt.block, false },
                { ARG_NOW, &opt.now, true },
                { ARG_REMOVE_VOLUMES, &opt.remove_volumes, true },
                { ARG_SEEDED, &opt.seeded, true },
                { ARG_INACTIVE, &opt.inactive, true },
                { 'q', &opt.quiet, true },
                { 'v', &opt.show_call, true },
                { 'f', &opt.force, true },
        };
        static const struct {
                int c;
                const char **word;
        } words[] = {
                { 'H', &opt.host },
                { ARG_SOURCE_GROUP, &opt.source_group },
                { ARG_TARGET_GROUP, &opt.target_group },
                { ARG_SOURCE_LOG, &opt.source_log },
                { ARG_TARGET_LOG, &opt.target_log },
                { ARG_MODE, &opt.mode },
                { ARG_RPO, &opt.rpo },
        };

        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (flags[i].c == c) {
                        *flags[i].flag = flags[i].value;
                        return STATUS_OK;
                }
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (words[i].c == c) {
                        *words[i].word = argument;
                        return STATUS_OK;
                }
        return set_option_with_argument(c, argument);
}

static const struct verb *find_verb(const char *noun, const char *name)
{
        for (size_t t = 0; t < ELEMENTSOF(verb_tables); t++)
                for (const struct verb *v = verb_tables[t]; v->name; v++)
                        if (streq(v->name, name) && (noun ? v->noun && streq(v->noun, noun) : !v->noun))
                                return v;
        return NULL;
}

static int unknown_verb(const char *noun)
{
        bool known = false;

        for (size_t t = 0; t < ELEMENTSOF(verb_tables); t++)
                for (const struct verb *v = verb_tables[t]; v->name; v++) {
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
        const struct verb *v = find_verb(NULL, argv[0]);
        int n = argc - 1, r;

        if (!v) {
                v = argc > 1 ? find_verb(argv[0], argv[1]) : NULL;
                n--;
        }
        if (!v)
                return unknown_verb(argv[0]);
        if (n < v->min_args || (v->max_args >= 0 && n > v->max_args))
                return usage_error("too %s arguments; it is: blkreplctl %s%s%s %s", n < v->min_args ? "few" : "many",
                                   strempty(v->noun), v->noun ? " " : "", v->name, v->arguments);

        if (opt.pager && (streq(v->name, "list") || streq(v->name, "show") || streq(v->name, "status") ||
                          streq(v->name, "operations")))
                pager_open();
        r = v->run(v, argv + argc - n);
        pager_close();
        return r;
}

int main(int argc, char **argv)
{
        int c, r;

        setlocale(LC_ALL, "");
        while ((c = getopt_long(argc, argv, "hH:jqvf", long_options, NULL)) >= 0) {
                switch (c) {
                case 'h':
                        return print_help();
                case ARG_VERSION:
                        puts("blkreplctl " BLKREPL_VERSION_STRING);
                        return STATUS_OK;
                case 'j':
                        opt.json = isatty(STDOUT_FILENO) ? JSON_PRETTY : JSON_SHORT;
                        break;
                case '?':
                        return STATUS_USAGE;
                default:
                        r = set_option(c, optarg);
                        if (r != STATUS_OK)
                                return r;
                }
        }

        /* Without a command: how things stand. */
        if (optind == argc)
                r = dispatch(1, (char *[]){ (char *)"status", NULL });
        else
                r = dispatch(argc - optind, argv + optind);

        strv_free(opt.sources);
        strv_free(opt.member_names);
        strv_free(opt.targets);
        strv_free(opt.target_pools);
        strv_free(opt.settings);
        return r;
}
