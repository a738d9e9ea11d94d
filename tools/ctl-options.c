/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>

#include "ctl-format.h"
#include "ctl-options.h"
#include "../kernel/names.h"
#include "../kernel/state.h"

/* Above every letter */
#define NUMBER(i) (0x100 + (int)(i))

struct options opt = {
        .legend = true,
        .pager = true,
        .ask_password = true,
        .block = true,
        .keep_snapshot = -1,
        .timeout_usec = USEC_INFINITY,
        .retention_usec = USEC_INFINITY,
        .revision = USEC_INFINITY,
        .mode = "auto",
};

static int set_flag(const struct option_entry *o, const char *argument _unused_)
{
        *(bool *)o->place = o->value;
        return STATUS_OK;
}

static int set_word(const struct option_entry *o, const char *argument)
{
        *(const char **)o->place = argument;
        return STATUS_OK;
}

static int add_word(const struct option_entry *o, const char *argument)
{
        return strv_extend(o->place, argument) < 0 ? out_of_memory() : STATUS_OK;
}

static int set_span(const struct option_entry *o, const char *argument)
{
        if (parse_span(argument, o->place) < 0)
                return usage_error("--%s needs a time such as 30s or 2min", o->name);
        return STATUS_OK;
}

static int set_size(const struct option_entry *o, const char *argument)
{
        if (parse_size(argument, o->place) < 0)
                return usage_error("--%s needs a number of bytes such as 100M", o->name);
        return STATUS_OK;
}

static int set_number(const struct option_entry *o, const char *argument)
{
        if (parse_u64(argument, o->place) < 0)
                return usage_error("--%s needs a number", o->name);
        return STATUS_OK;
}

static int set_rpo(const struct option_entry *o, const char *argument)
{
        if (parse_seconds(argument, o->place) < 0)
                return usage_error("--%s needs a number of seconds, or a time such as 5min", o->name);
        opt.rpo_given = true;
        return STATUS_OK;
}

/* Without an argument: yes. */
static int set_choice(const struct option_entry *o, const char *argument)
{
        int r = argument ? parse_boolean(argument) : 1;

        if (r < 0)
                return usage_error("--%s is yes or no, not \"%s\"", o->name, argument);
        *(int *)o->place = r;
        return STATUS_OK;
}

static int set_wait(const struct option_entry *o _unused_, const char *argument)
{
        int state = argument ? blkrepl_copy_state_parse(argument) : 0;

        if (state < 0 || (argument && !blkrepl_state_valid((unsigned int)state)))
                return usage_error("\"%s\" is no state that a mirror can be in", argument);
        opt.wait = true;
        opt.wait_state = (unsigned int)state;
        return STATUS_OK;
}

static int set_json(const struct option_entry *o, const char *argument)
{
        static const struct {
                const char *name;
                enum json_mode mode;
        } modes[] = {
                { "pretty", JSON_PRETTY },
                { "short", JSON_SHORT },
                { "off", JSON_OFF },
        };

        if (!o->name) {
                opt.json = isatty(STDOUT_FILENO) ? JSON_PRETTY : JSON_SHORT;
                return STATUS_OK;
        }
        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (streq(modes[i].name, argument)) {
                        opt.json = modes[i].mode;
                        return STATUS_OK;
                }
        return usage_error("--json is pretty, short or off, not \"%s\"", argument);
}

/* --help and --version have no function: they end the program. */
const struct option_entry option_table[] = {
        { "help", 'h', NULL, FOR_ALL, .help = "Show this help" },
        { "version", 0, NULL, FOR_ALL, .help = "Show the version" },
        { "host", 'H', "[USER@]HOST", FOR_ALL, set_word, &opt.host, .help = "Operate on another host, over ssh" },
        { "json", 0, "MODE", FOR_ALL, set_json, .words = "pretty short off", .help = "Print JSON: pretty, short or off" },
        { NULL, 'j', NULL, FOR_ALL, set_json, .help = "--json=pretty on a terminal, else --json=short" },
        { "no-legend", 0, NULL, FOR_ALL, set_flag, &opt.legend, false, .help = "No headings and explanations" },
        { "no-pager", 0, NULL, FOR_ALL, set_flag, &opt.pager, false, .help = "No pager" },
        { "no-ask-password", 0, NULL, FOR_ALL, set_flag, &opt.ask_password, false,
          .help = "Do not ask for a password" },
        { "quiet", 'q', NULL, FOR_ALL, set_flag, &opt.quiet, true, .help = "No progress and no outcome" },
        { "show-call", 'v', NULL, FOR_CHANGE, set_flag, &opt.show_call, true,
          .help = "Show the busctl command that does the same" },
        { "no-block", 0, NULL, FOR_CHANGE, set_flag, &opt.block, false,
          .help = "Do not wait for a job; print its number" },
        { "timeout", 0, "TIME", FOR_CHANGE | FOR_JOB | FOR_WAIT, set_span, &opt.timeout_usec,
          .help = "Wait at most so long (5s, 2min); a job goes on" },
        { "force", 'f', NULL, FOR_OPERATION | FOR_CREATE | FOR_GROUP_CREATE | FOR_MEMBER | FOR_REMOVAL | FOR_FORCE,
          set_flag, &opt.force, true, .help = "Consent to what would lose data" },
        { "revision", 0, "N", FOR_OPERATION | FOR_SET, set_number, &opt.revision,
          .help = "Refuse unless the relationship is at this revision" },
        { "wait", 0, "STATE", FOR_OPERATION, set_wait, .optional = true,
          .help = "Answer when this state is reached; without one: that to which the operation leads" },
        { "hold-source-io", 0, NULL, FOR_OPERATION, set_flag, &opt.hold_source_io, true,
          .help = "suspend: hold the source's writes until resume" },
        { "keep-snapshot", 0, "no", FOR_OPERATION, set_choice, &opt.keep_snapshot, .optional = true,
          .words = "yes no",
          .help = "Keep a snapshot of what will be overwritten, or do not" },
        { "retention", 0, "TIME", FOR_OPERATION, set_span, &opt.retention_usec,
          .help = "dissolve: how long the point in time is remembered" },
        { "now", 0, NULL, FOR_MONITOR, set_flag, &opt.now, true, .help = "monitor: end after what exists" },
        { "once", 0, NULL, FOR_TOP, set_flag, &opt.once, true, .help = "top: end after one look" },
        { "remove-volumes", 0, NULL, FOR_REMOVAL, set_flag, &opt.remove_volumes, true,
          .help = "group delete, remove-member: remove the copies that blkrepl carved" },
        { "source", 0, "VOLUME", FOR_CREATE, add_word, &opt.sources,
          .help = "A volume to protect, VG/LV or device; once for each" },
        { "member-name", 0, "NAME", FOR_CREATE | FOR_GROUP_CREATE | FOR_MEMBER, add_word, &opt.member_names,
          .help = "Name of the member, in the order of the volumes" },
        { "target-pool", 0, "POOL", FOR_CREATE | FOR_MEMBER, add_word, &opt.target_pools,
          .help = "Volume group where the copies are carved; several are filled in turn" },
        { "target", 0, "VOLUME", FOR_CREATE | FOR_MEMBER, add_word, &opt.targets,
          .help = "The volume that becomes the copy; once for each source" },
        { "source-group", 0, "GROUP", FOR_CREATE, set_word, &opt.source_group,
          .help = "Name of the source group; without --source an existing one" },
        { "target-group", 0, "GROUP", FOR_CREATE, set_word, &opt.target_group,
          .help = "Name of the target group; without --target and --target-pool an existing one" },
        { "source-log", 0, "DEVICE", FOR_CREATE, set_word, &opt.source_place.device,
          .help = "Device for the source group's metadata" },
        { "source-log-pool", 0, "POOL", FOR_CREATE, set_word, &opt.source_place.pool,
          .help = "Volume group where a volume for them is made" },
        { "target-log", 0, "DEVICE", FOR_CREATE, set_word, &opt.target_place.device,
          .help = "Device for the target group's metadata" },
        { "target-log-pool", 0, "POOL", FOR_CREATE, set_word, &opt.target_place.pool,
          .help = "Volume group where a volume for them is made" },
        { "log", 0, "DEVICE", FOR_GROUP_CREATE, set_word, &opt.source_place.device,
          .help = "group create: device for the metadata" },
        { "log-pool", 0, "POOL", FOR_GROUP_CREATE, set_word, &opt.source_place.pool,
          .help = "group create: volume group where a volume for them is made" },
        { "log-size", 0, "BYTES", FOR_GROUP_CREATE, set_size, &opt.source_place.size,
          .help = "group create: its size, when more than needed is wanted" },
        { "mode", 0, "MODE", FOR_CREATE, set_word, &opt.mode, .words = "sync async auto",
          .help = "How writes are acknowledged: sync, async or auto" },
        { "rpo", 0, "SECONDS", FOR_CREATE | FOR_OPERATION, set_rpo, &opt.rpo,
          .help = "create, reset-to-async: how old the recovery point may become" },
        { "seeded", 0, NULL, FOR_CREATE, set_flag, &opt.seeded, true,
          .help = "The target has most of the data: copy what differs" },
        { "inactive", 0, NULL, FOR_CREATE, set_flag, &opt.inactive, true, .help = "Do not start the first copy" },
        { "set", 0, "KEY=VALUE", FOR_CREATE, add_word, &opt.settings,
          .help = "A setting, as with relationship set" },
        {}
};

static bool given[ELEMENTSOF(option_table)];

const struct option_entry *option_by_name(const char *name, size_t n)
{
        for (const struct option_entry *o = option_table; o->help; o++)
                if (o->name && strncmp(o->name, name, n) == 0 && !o->name[n])
                        return o;
        return NULL;
}

const struct option_entry *option_by_letter(char letter)
{
        for (const struct option_entry *o = option_table; o->help; o++)
                if (letter && o->letter == letter)
                        return o;
        return NULL;
}

static void prepare(struct option *l, char *letters)
{
        for (const struct option_entry *o = option_table; o->help; o++) {
                int has = !o->argument ? no_argument :
                          o->optional ? optional_argument : required_argument;

                if (o->name)
                        *l++ = (struct option){ o->name, has, NULL, NUMBER(o - option_table) };
                if (o->letter) {
                        *letters++ = o->letter;
                        if (has != no_argument)
                                *letters++ = ':';
                }
        }
        *l = (struct option){};
        *letters = 0;
}

int options_parse(int argc, char **argv, int (*help)(void), int *ret_first)
{
        struct option long_options[ELEMENTSOF(option_table)];
        char letters[2 * ELEMENTSOF(option_table)];
        int c, r;

        prepare(long_options, letters);
        while ((c = getopt_long(argc, argv, letters, long_options, NULL)) >= 0) {
                const struct option_entry *o;

                if (c == '?')
                        return STATUS_USAGE;
                o = c >= NUMBER(0) ? option_table + (c - NUMBER(0)) : option_by_letter((char)c);
                if (o->letter == 'h')
                        return help();
                if (!o->set) {
                        puts("blkreplctl " BLKREPL_VERSION_STRING);
                        return STATUS_OK;
                }
                r = o->set(o, optarg);
                if (r != STATUS_OK)
                        return r;
                given[o - option_table] = true;
        }
        *ret_first = optind;
        return -1;
}

int options_check(const struct verb *verb)
{
        for (const struct option_entry *o = option_table; o->help; o++)
                if (given[o - option_table] && !(o->verbs & (verb->options | FOR_ALL)))
                        return usage_error("--%s means nothing to: blkreplctl %s%s%s", o->name, strempty(verb->noun),
                                           verb->noun ? " " : "", verb->name);
        return STATUS_OK;
}

enum section {
        SECTION_ALL,
        SECTION_CHANGES,
        SECTION_CREATES,
};

static enum section section_of(const struct option_entry *o)
{
        if (o->verbs & FOR_ALL)
                return SECTION_ALL;
        return o->verbs & ~(FOR_CREATE | FOR_GROUP_CREATE | FOR_MEMBER) ? SECTION_CHANGES : SECTION_CREATES;
}

static void print_section(const char *heading, enum section section)
{
        printf("\n%s:\n", heading);
        for (const struct option_entry *o = option_table; o->help; o++) {
                char left[64], letter[8] = "  ";

                if (section_of(o) != section)
                        continue;
                if (o->letter)
                        snprintf(letter, sizeof(letter), "-%c", o->letter);
                snprintf(left, sizeof(left), "%s %s%s%s%s%s%s", letter, o->name ? "--" : "", strempty(o->name),
                         o->optional ? "[" : "", o->argument ? "=" : "", strempty(o->argument), o->optional ? "]" : "");
                printf("  %-27s %s\n", left, o->help);
        }
}

void options_print_help(void)
{
        print_section("Options", SECTION_ALL);
        print_section("Options of what changes something", SECTION_CHANGES);
        print_section("Options of creating", SECTION_CREATES);
}

void options_done(void)
{
        for (const struct option_entry *o = option_table; o->help; o++)
                if (o->set == add_word)
                        *(char ***)o->place = strv_free(*(char ***)o->place);
}
