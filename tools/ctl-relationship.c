/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations and settings of relationships, and waiting for a state. */
#include <inttypes.h>

#include "ctl-act.h"
#include "ctl-bus.h"
#include "ctl-create.h"
#include "ctl-objects.h"
#include "ctl-operations.h"
#include "ctl-relationship.h"
#include "ctl-settings.h"
#include "ctl-value.h"
#include "ctl-wait.h"
#include "../kernel/names.h"
#include "../kernel/state.h"

/* A pair by its UUID, as RELATIONSHIP/MEMBER, or as MEMBER of the relationship in question. */
static const char *find_pair(json_object *all, const char *relationship, const char *word)
{
        json_object *relationships = member_array(all, "Relationships"), *pairs = member_array(all, "Pairs");
        const char *slash = strrchr(word, '/'), *member = slash ? slash + 1 : word, *path = NULL;

        for (size_t i = 0; relationships && i < json_object_array_length(relationships); i++) {
                json_object *o = json_object_array_get_idx(relationships, i);
                const char *name = member_string(o, "Name");

                if (slash ? strncmp(name, word, (size_t)(slash - word)) == 0 && !name[slash - word] :
                            streq(name, relationship) || streq(member_string(o, "UUID"), relationship))
                        path = member_string(o, "Path");
        }
        for (size_t i = 0; pairs && i < json_object_array_length(pairs); i++) {
                json_object *o = json_object_array_get_idx(pairs, i);

                if (streq(member_string(o, "UUID"), word) ||
                    (path && streq(member_string(o, "Relationship"), path) && streq(member_string(o, "Name"), member)))
                        return member_string(o, "Path");
        }
        return NULL;
}

static int append_pairs(sd_bus *bus, sd_bus_message *call, const char *relationship, char *const *words)
{
        _cleanup_json_ json_object *all = NULL;
        int r;

        r = describe(bus, &all);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_open_container(call, 'a', "o");
        STRV_FOREACH(word, words) {
                const char *path = find_pair(all, relationship, *word);

                if (!path) {
                        fprintf(stderr, "blkreplctl: there is no pair \"%s\"; see: blkreplctl pair list\n", *word);
                        return STATUS_NOT_FOUND;
                }
                if (r >= 0)
                        r = sd_bus_message_append(call, "o", path);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? append_failed(r) : STATUS_OK;
}

/*
 * The state to which an operation leads, by the table: what --wait without a
 * state waits for. 0 where the state stays or the relationship ends.
 */
static int state_ahead(sd_bus *bus, const char *path, const char *name, unsigned int operation, unsigned int *ret)
{
        _cleanup_json_ json_object *properties = NULL;
        int state, type, r;

        r = get_properties(bus, path, INTERFACE("Relationship"), name, &properties);
        if (r != STATUS_OK)
                return r;
        state = table_state(properties);
        type = blkrepl_sync_type_parse(member_string(properties, "SyncType"));
        *ret = state < 0 || type < 0 ? 0 : blkrepl_op_cell((unsigned int)type, operation, (unsigned int)state).to;
        return STATUS_OK;
}

static int append_operation_options(sd_bus_message *call, unsigned int wait_state)
{
        const struct {
                const char *key;
                const char *type;
                bool given;
                uint64_t value;
        } options[] = {
                { "Force", "b", opt.force, true },
                { "WaitForCopyState", "q", wait_state != 0, wait_state },
                { "TimeoutUSec", "t", opt.timeout_usec != USEC_INFINITY, opt.timeout_usec },
                { "ExpectedRevision", "t", opt.revision != USEC_INFINITY, opt.revision },
                { "RetentionUSec", "t", opt.retention_usec != USEC_INFINITY, opt.retention_usec },
                { "RecoveryPointObjective", "u", opt.rpo_given, opt.rpo },
                { "HoldSourceIO", "b", opt.hold_source_io, true },
                { "KeepSnapshot", "b", opt.keep_snapshot >= 0, opt.keep_snapshot > 0 },
        };
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(options); i++) {
                if (!options[i].given)
                        continue;
                if (options[i].type[0] == 't')
                        r = append_option(call, options[i].key, "t", options[i].value);
                else
                        r = append_option(call, options[i].key, options[i].type, (int)options[i].value);
        }
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Pairs is NULL for an operation on the whole relationship. */
static int operate(sd_bus *bus, const struct verb *verb, const char *name, char *const *pairs)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        unsigned int wait_state = opt.wait_state;
        _cleanup_free_ char *path = NULL;
        int r;

        r = object_path("relationship", name, &path);
        if (r == STATUS_OK && opt.wait && !wait_state)
                r = state_ahead(bus, path, name, verb->operation, &wait_state);
        if (r == STATUS_OK)
                r = call_new(bus, path, INTERFACE("Relationship"), blkrepl_operation_title(verb->operation), &call);
        if (r == STATUS_OK && pairs)
                r = append_pairs(bus, call, name, pairs);
        if (r != STATUS_OK)
                return r;
        r = append_operation_options(call, wait_state);
        return r < 0 ? append_failed(r) : act(bus, call, name);
}

static int operate_whole(sd_bus *bus, const struct verb *verb, const char *name)
{
        return operate(bus, verb, name, NULL);
}

static int verb_operation(const struct verb *verb, char **args)
{
        return act_on_each(verb, args, operate_whole);
}

/* AddSyncPair and RemoveSyncPair are about some pairs of one relationship. */
static int verb_pair_operation(const struct verb *verb, char **args)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = bus_connect(&bus);
        return r != STATUS_OK ? r : operate(bus, verb, args[0], args + 1);
}

static int verb_set(const struct verb *verb _unused_, char **args)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = object_path("relationship", args[0], &path);
        if (r != STATUS_OK)
                return r;
        r = call_new(bus, path, INTERFACE("Relationship"), "Set", &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r < 0)
                return append_failed(r);
        r = append_settings(call, "relationship", args + 1);
        if (r != STATUS_OK)
                return r;
        if (opt.revision != USEC_INFINITY) {
                r = append_option(call, "ExpectedRevision", "t", opt.revision);
                if (r < 0)
                        return append_failed(r);
        }
        r = sd_bus_message_close_container(call);
        if (r < 0)
                return append_failed(r);
        return act(bus, call, args[0]);
}

const struct verb relationship_verbs[] = {
        { "relationship", "create", "NEW-NAME", verb_create, FOR_CHANGE | FOR_CREATE, "Put volumes under protection" },
        { "relationship", "list", "", verb_list, 0, "All relationships", .paged = true },
        { "relationship", "show", "NAME…", verb_show, 0, "Properties of relationships", .paged = true },
        { "relationship", "operations", "NAME", verb_legal_operations, 0, "What it can be given now, and what follows",
          .paged = true },
        { "relationship", "set", "NAME KEY=VALUE…", verb_set, FOR_CHANGE | FOR_SET, "Change settings" },
        { "relationship", "wait", "NAME [STATE]", verb_wait_state, FOR_WAIT,
          "Wait for a state, Synchronized if none is given" },
        {}
};

/* Names and numbers come from kernel/names.c. */
static const struct {
        unsigned int operation;
        const char *help;
} operation_help[] = {
        { BLKREPL_OPERATION_ACTIVATE, "Start the data flow" },
        { BLKREPL_OPERATION_DEACTIVATE, "End the data flow and track what is written" },
        { BLKREPL_OPERATION_SUSPEND, "Stop the transfer; the target stays as it is" },
        { BLKREPL_OPERATION_RESUME, "Go on after suspend; copy what was written" },
        { BLKREPL_OPERATION_FRACTURE, "Part both sides at once" },
        { BLKREPL_OPERATION_SPLIT, "Part both sides at one instant" },
        { BLKREPL_OPERATION_RESYNC_REPLICA, "Copy to the target what differs; its changes are lost" },
        { BLKREPL_OPERATION_RESTORE_FROM_REPLICA, "Replace the source's content by the target's" },
        { BLKREPL_OPERATION_FAILOVER, "Let the target serve; the source is fenced" },
        { BLKREPL_OPERATION_FAILBACK, "Copy the target's changes back, then the source serves" },
        { BLKREPL_OPERATION_REVERSE_ROLES, "Make the target the source and the source the target" },
        { BLKREPL_OPERATION_ABORT, "Stop an unfinished copy" },
        { BLKREPL_OPERATION_UNPREPARE, "Forget all progress: everything counts as different" },
        { BLKREPL_OPERATION_DETACH, "End the relationship; the target becomes independent" },
        { BLKREPL_OPERATION_DISSOLVE, "Detach, and remember the point in time" },
        { BLKREPL_OPERATION_RESET_TO_SYNC, "Change the mode to synchronous" },
        { BLKREPL_OPERATION_RESET_TO_ASYNC, "Change the mode to asynchronous" },
        { BLKREPL_OPERATION_ACTIVATE_CONSISTENCY, "One write order over all members" },
        { BLKREPL_OPERATION_DEACTIVATE_CONSISTENCY, "A write order of its own for each member" },
        { BLKREPL_OPERATION_ADD_SYNC_PAIR, "Take pairs into the relationship" },
        { BLKREPL_OPERATION_REMOVE_SYNC_PAIR, "Take pairs out of the relationship" },
        { BLKREPL_OPERATION_RETURN_TO_RESOURCE_POOL, "Delete a snapshot's target" },
};

struct verb operation_verbs[ELEMENTSOF(operation_help) + 1];

void operation_verbs_prepare(void)
{
        for (size_t i = 0; i < ELEMENTSOF(operation_help); i++) {
                unsigned int op = operation_help[i].operation;
                bool pairs = op == BLKREPL_OPERATION_ADD_SYNC_PAIR || op == BLKREPL_OPERATION_REMOVE_SYNC_PAIR;

                operation_verbs[i] = (struct verb){
                        .noun = "relationship", .name = blkrepl_operation_name(op), .operation = op,
                        .arguments = pairs ? "NAME PAIR…" : "NAME…",
                        .run = pairs ? verb_pair_operation : verb_operation,
                        .options = FOR_CHANGE | FOR_OPERATION, .help = operation_help[i].help,
                };
        }
}
