/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status: what is protected, how well, and what needs attention. */
#include <inttypes.h>

#include "ctl-bus.h"
#include "ctl-explain.h"
#include "ctl-format.h"
#include "ctl-monitor.h"
#include "ctl-objective.h"
#include "ctl-operations.h"
#include "ctl-print.h"
#include "ctl-progress.h"
#include "ctl-top.h"
#include "ctl-value.h"
#include "ctl-wait.h"
#include "../kernel/names.h"
#include "../uapi/linux/blkrepl.h"

static const struct column columns[] = {
        { "Name", "RELATIONSHIP" },
        { "CopyState", "COPYSTATE" },
        { "ProgressStatus", "PROGRESS" },
        { "ConsistencyState", "TARGET-IS" },
        { "Mode", "MODE" },
        { "Age", "AGE" },
        { "PercentSynced", "SYNCED" },
        { "BacklogBytes", "BACKLOG" },
        { "Size", "SIZE" },
        { "Source", "SOURCE" },
        { "SourceAccess", "ACCESS" },
        { "Target", "TARGET" },
        { "TargetAccess", "ACCESS" },
        {}
};

static void copy_member(json_object *to, const char *key, json_object *from, const char *from_key)
{
        json_object *v = NULL;

        if (json_object_object_get_ex(from, from_key, &v))
                json_object_object_add(to, key, json_object_get(v));
}

/* What hosts may do with a side, short enough for a column */
static const char *short_access(json_object *relationship, const char *key)
{
        const char *access = member_string(relationship, key);

        return streq(access, "read-write") ? "rw" : streq(access, "read-only") ? "ro" : access;
}

static json_object *pair_row(json_object *pair)
{
        json_object *row = json_object_new_object();
        const char *leg = member_string(pair, "LegState");
        char text[64];

        snprintf(text, sizeof(text), "leg %s", leg);
        copy_member(row, "Name", pair, "Name");
        copy_member(row, "CopyState", pair, "CopyState");
        json_object_object_add(row, "ProgressStatus", json_object_new_string(isempty(leg) ? "" : text));
        copy_member(row, "PercentSynced", pair, "PercentSynced");
        copy_member(row, "BacklogBytes", pair, "BacklogBytes");
        copy_member(row, "Size", pair, "Size");
        copy_member(row, "Source", pair, "SourceDevice");
        copy_member(row, "Target", pair, "TargetDevice");
        return row;
}

static json_object *relationship_row(json_object *all, json_object *relationship)
{
        json_object *row = json_object_new_object(), *children = json_object_new_array();
        json_object *pairs = member_array(all, "Pairs");
        char mode[FORMAT_MAX], age[2 * FORMAT_MAX];

        copy_member(row, "Name", relationship, "Name");
        json_object_object_add(row, "Mode", json_object_new_string(objective_mode(relationship, mode)));
        json_object_object_add(row, "Age", json_object_new_string(objective_describe(relationship, age)));
        copy_member(row, "CopyState", relationship, "CopyState");
        copy_member(row, "ProgressStatus", relationship, "ProgressStatus");
        copy_member(row, "ConsistencyState", relationship, "ConsistencyState");
        copy_member(row, "PercentSynced", relationship, "PercentSynced");
        copy_member(row, "BacklogBytes", relationship, "BacklogBytes");
        copy_member(row, "Size", relationship, "BytesTotal");
        copy_member(row, "Source", relationship, "SourceGroupName");
        copy_member(row, "Target", relationship, "TargetGroupName");
        json_object_object_add(row, "SourceAccess", json_object_new_string(short_access(relationship, "SourceAccess")));
        json_object_object_add(row, "TargetAccess", json_object_new_string(short_access(relationship, "TargetAccess")));

        for (size_t i = 0; pairs && i < json_object_array_length(pairs); i++) {
                json_object *pair = json_object_array_get_idx(pairs, i);

                if (streq(member_string(pair, "Relationship"), member_string(relationship, "Path")))
                        json_object_array_add(children, pair_row(pair));
        }
        json_object_object_add(row, "Children", children);
        return row;
}

static void print_module(sd_bus *bus)
{
        int loaded;

        if (sd_bus_get_property_trivial(bus, BUS_NAME, BUS_PATH, INTERFACE("System"), "ModuleLoaded", NULL, 'b',
                                        &loaded) >= 0 && !loaded)
                puts("\nThe kernel module is not loaded; nothing is replicated. Load it with: modprobe blkrepl");
}

static void print_state(const char *kind, json_object *o, const char *state)
{
        const char *reason = member_string(o, "Reason"), *progress = member_string(o, "ProgressStatus");
        bool idle = isempty(progress) || streq(progress, "Completed") || streq(progress, "Dormant");

        printf("\n%s%s is %s%s%s%s%s\n", kind, member_string(o, "Name"), state, idle ? "" : ", ", idle ? "" : progress,
               isempty(reason) ? "" : ": ", reason);
}

/* The side that hosts can write is not always the source. */
static void print_sides(json_object *o)
{
        const char *source = member_string(o, "SourceAccess"), *target = member_string(o, "TargetAccess");

        if (!isempty(source) && !isempty(target))
                printf("  access: source %s %s, target %s %s\n", member_string(o, "SourceGroupName"), source,
                       member_string(o, "TargetGroupName"), target);
}

static void print_copy(json_object *o)
{
        char text[128];

        progress_describe(member_u64(o, "CopyDone"), member_u64(o, "CopyTotal"), member_u64(o, "Rate"), text, sizeof(text));
        if (streq(member_string(o, "CopyState"), "Unsynchronized") && *text)
                printf("  copied: %s\n", text);
}

static void print_objective(json_object *o)
{
        uint64_t writes = member_u64(o, "BacklogWrites"), left = member_u64(o, "EstimatedCatchUp");
        char age[2 * FORMAT_MAX], bytes[FORMAT_MAX], span[FORMAT_MAX];

        if (!objective_is_missed(o))
                return;
        printf("  age of the recovery point: %s; %s behind", objective_describe(o, age),
               format_bytes(member_u64(o, "BacklogBytes"), bytes));
        if (writes)
                printf(" in %" PRIu64 " writes", writes);
        if (left == USEC_INFINITY)
                puts(", it does not catch up");
        else if (left)
                printf(", it catches up in %s\n", objective_age(left, span));
        else
                putchar('\n');
}

/* A group that is down for the state of its relationship is told of there. */
static bool told_of(json_object *relationships, json_object *group)
{
        const char *name = member_string(group, "Name");

        if (!streq(member_string(group, "State"), "down"))
                return false;
        for (size_t i = 0; relationships && i < json_object_array_length(relationships); i++) {
                json_object *o = json_object_array_get_idx(relationships, i);

                if ((streq(member_string(o, "SourceGroupName"), name) || streq(member_string(o, "TargetGroupName"), name)) &&
                    !streq(member_string(o, "CopyState"), blkrepl_copy_state_name(BLKREPL_COPY_STATE_NOT_APPLICABLE)))
                        return true;
        }
        return false;
}

/* What is not as it should be, with what the daemon says about it and what can be done. */
static int print_attention(json_object *relationships, json_object *groups)
{
        for (size_t i = 0; relationships && i < json_object_array_length(relationships); i++) {
                json_object *o = json_object_array_get_idx(relationships, i);
                _cleanup_free_ char *legal = explain_legal(member_array(o, "LegalOperations"));

                if (!legal)
                        return out_of_memory();
                if (streq(member_string(o, "CopyState"), "Synchronized") && !objective_is_missed(o))
                        continue;
                print_state("", o, member_string(o, "CopyState"));
                print_sides(o);
                print_copy(o);
                print_objective(o);
                if (*legal)
                        printf("  what it can be given: %s\n", legal);
        }
        for (size_t i = 0; groups && i < json_object_array_length(groups); i++) {
                json_object *g = json_object_array_get_idx(groups, i);

                if (!streq(member_string(g, "State"), "up") && !told_of(relationships, g))
                        print_state("Group ", g, member_string(g, "State"));
        }
        return STATUS_OK;
}

static void print_jobs(json_object *jobs)
{
        for (size_t i = 0; jobs && i < json_object_array_length(jobs); i++) {
                json_object *j = json_object_array_get_idx(jobs, i);
                char text[128];

                if (!streq(member_string(j, "State"), "running") && !streq(member_string(j, "State"), "canceling"))
                        continue;
                progress_describe(member_u64(j, "BytesDone"), member_u64(j, "BytesTotal"), member_u64(j, "Rate"), text, sizeof(text));
                printf("\nJob %" PRIu64 " (%s %s) is %s: %.1f%%%s%s\n", member_u64(j, "Id"), member_string(j, "Type"),
                       member_string(j, "RelationshipName"), member_string(j, "Phase"), member_double(j, "Progress") * 100,
                       *text ? "  " : "", text);
        }
}

static int verb_status(const struct verb *verb _unused_, char **args)
{
        _cleanup_json_ json_object *all = NULL, *rows = json_object_new_array(), *chosen = json_object_new_array();
        _cleanup_bus_ sd_bus *bus = NULL;
        json_object *relationships;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = describe(bus, &all);
        if (r != STATUS_OK)
                return r;

        relationships = member_array(all, "Relationships");
        for (size_t i = 0; relationships && i < json_object_array_length(relationships); i++) {
                json_object *o = json_object_array_get_idx(relationships, i);

                if (args[0] && !streq(args[0], member_string(o, "Name")) && !streq(args[0], member_string(o, "UUID")))
                        continue;
                json_object_array_add(chosen, json_object_get(o));
                json_object_array_add(rows, relationship_row(all, o));
        }
        if (args[0] && json_object_array_length(chosen) == 0) {
                fprintf(stderr, "blkreplctl: there is no relationship \"%s\"; see: blkreplctl relationship list\n", args[0]);
                return STATUS_NOT_FOUND;
        }
        if (opt.json != JSON_OFF) {
                print_json(args[0] ? chosen : all);
                return STATUS_OK;
        }

        if (json_object_array_length(rows) > 0) {
                r = print_table(rows, columns);
                if (r != STATUS_OK)
                        return r;
        } else if (opt.legend)
                puts("Nothing is under protection yet. See: blkreplctl relationship create, blkrepl(7)");
        print_module(bus);
        r = print_attention(chosen, args[0] ? NULL : member_array(all, "Groups"));
        if (r != STATUS_OK)
                return r;
        if (!args[0])
                print_jobs(member_array(all, "Jobs"));
        return STATUS_OK;
}

const struct verb status_verbs[] = {
        { NULL, "status", "[NAME]", verb_status, 0, "What is protected, how well, and what needs attention",
          .paged = true },
        { NULL, "top", "", verb_top, FOR_TOP, "How far behind the targets are, once a second" },
        { NULL, "monitor", "", verb_monitor, FOR_MONITOR, "Print a line for everything that happens" },
        { NULL, "wait", "NAME [STATE]", verb_wait_state, FOR_WAIT, "Wait for a relationship's state" },
        { NULL, "operations", "[SYNCTYPE]", verb_operations, 0, "What each operation does in each state",
          .paged = true },
        {}
};
