/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations and settings of relationships, and waiting for a state. */
#include <inttypes.h>

#include "ctl-act.h"
#include "ctl-bus.h"
#include "ctl-create.h"
#include "ctl-objects.h"
#include "ctl-operations.h"
#include "ctl-settings.h"
#include "ctl-wait.h"
#include "../kernel/names.h"

static int append_operation_options(sd_bus_message *call)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r < 0)
                return r;
        if (opt.force) {
                r = append_option(call, "Force", "b", true);
                if (r < 0)
                        return r;
        }
        if (opt.revision != USEC_INFINITY) {
                r = append_option(call, "ExpectedRevision", "t", opt.revision);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(call);
}

/* Every operation has a method of its name; those on pairs are not for whole relationships. */
static int verb_operation(const struct verb *verb, char **args)
{
        const char *method = blkrepl_operation_title((unsigned int)blkrepl_operation_parse(verb->name));
        _cleanup_bus_ sd_bus *bus = NULL;
        int r, worst = STATUS_OK;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        STRV_FOREACH(name, args) {
                _cleanup_message_ sd_bus_message *call = NULL;
                _cleanup_free_ char *path = NULL;

                r = object_path("relationship", *name, &path);
                if (r == STATUS_OK)
                        r = call_new(bus, path, INTERFACE("Relationship"), method, &call);
                if (r == STATUS_OK) {
                        r = append_operation_options(call);
                        r = r < 0 ? append_failed(r) : act(bus, call, *name);
                }
                if (r == STATUS_INTERRUPTED)
                        return r;
                if (r != STATUS_OK)
                        worst = r;
        }
        return worst;
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
        r = append_settings(call, args + 1);
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

#define OPERATION(name, help) { "relationship", name, "NAME…", 1, -1, verb_operation, help }

const struct verb relationship_verbs[] = {
        { "relationship", "create", "NAME", 1, 1, verb_create, "Put volumes under protection" },
        { "relationship", "list", "", 0, 0, verb_list, "All relationships" },
        { "relationship", "show", "NAME…", 1, -1, verb_show, "Properties of relationships" },
        { "relationship", "operations", "[NAME]", 0, 1, verb_operations, "What each operation does in each state" },
        { "relationship", "set", "NAME KEY=VALUE…", 2, -1, verb_set, "Change settings" },
        { "relationship", "wait", "NAME [STATE]", 1, 2, verb_wait_state, "Wait for a state, Synchronized if none is given" },
        OPERATION("activate", "Start the data flow"),
        OPERATION("deactivate", "End the data flow and track what is written"),
        OPERATION("suspend", "Stop the transfer; the target stays as it is"),
        OPERATION("resume", "Go on after suspend; copy what was written"),
        OPERATION("detach", "End the relationship; the target becomes independent"),
        OPERATION("abort", "Stop an unfinished copy"),
        OPERATION("activate-consistency", "One write order over all members"),
        OPERATION("deactivate-consistency", "An own write order for each member"),
        OPERATION("dissolve", "Detach, and remember the point in time"),
        OPERATION("failover", "Open the target for writing"),
        OPERATION("failback", "Copy the target's changes back"),
        OPERATION("fracture", "Part both sides at once"),
        OPERATION("resync-replica", "Copy to the target what differs"),
        OPERATION("restore-from-replica", "Replace the source's content by the target's"),
        OPERATION("reset-to-sync", "Change the mode to synchronous"),
        OPERATION("reset-to-async", "Change the mode to asynchronous"),
        OPERATION("return-to-resource-pool", "Delete a snapshot's target"),
        OPERATION("reverse-roles", "Swap source and target"),
        OPERATION("split", "Part both sides at one instant"),
        OPERATION("unprepare", "Forget all progress"),
        {}
};
