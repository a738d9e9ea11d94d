/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Groups as objects: made, changed, started, stopped, forgotten. */
#include "ctl-act.h"
#include "ctl-bus.h"
#include "ctl-elements.h"
#include "ctl-objects.h"
#include "ctl-settings.h"
#include "ctl-value.h"

/* What the command line gives of them; which of them a verb takes is in its FOR_*. */
static int append_group_options(sd_bus *bus, sd_bus_message *call)
{
        int r;

        if (strv_length(opt.targets) > 1 || strv_length(opt.target_pools) > 1 || (opt.targets && opt.target_pools))
                return usage_error("one member has one copy: give --target or --target-pool, and once");
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && opt.remove_volumes)
                r = append_option(call, "RemoveVolumes", "b", true);
        if (r >= 0 && opt.force)
                r = append_option(call, "Force", "b", true);
        if (r < 0)
                return append_failed(r);
        if (opt.targets)
                r = append_object_option(bus, call, "TargetElement", "GetVolume", opt.targets[0]);
        else if (opt.target_pools)
                r = append_object_option(bus, call, "TargetPool", "GetPool", opt.target_pools[0]);
        else
                r = STATUS_OK;
        return r;
}

static int close_group_options(sd_bus_message *call)
{
        int r = sd_bus_message_close_container(call);

        return r < 0 ? append_failed(r) : STATUS_OK;
}

static int group_call(sd_bus *bus, const char *name, const char *method, sd_bus_message **ret)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = object_path("group", name, &path);
        return r == STATUS_OK ? call_new(bus, path, INTERFACE("Group"), method, ret) : r;
}

/* The rest of a call whose parameters are there but for the options. */
static int finish(sd_bus *bus, sd_bus_message *call, const char *subject)
{
        int r;

        r = append_group_options(bus, call);
        if (r == STATUS_OK)
                r = close_group_options(call);
        return r == STATUS_OK ? act(bus, call, subject) : r;
}

static int verb_create_group(const struct verb *verb _unused_, char **args)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *status = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        const char *group;
        uint32_t value;
        int r;

        r = check_name(args[0]);
        if (r == STATUS_OK)
                r = bus_connect(&bus);
        if (r == STATUS_OK)
                r = call_new(bus, BUS_PATH, INTERFACE("System"), "CreateReplicationGroup", &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_append(call, "s", args[0]);
        if (r < 0)
                return append_failed(r);
        r = append_objects(bus, call, "GetVolume", args + 1);
        if (r != STATUS_OK)
                return r;
        r = append_group_settings(call, &opt.source_place, opt.member_names);
        if (r < 0)
                return append_failed(r);
        r = append_group_options(bus, call);
        if (r == STATUS_OK)
                r = close_group_options(call);
        if (r == STATUS_OK)
                r = call_act(bus, call, args[0], &reply);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_read(reply, "uo", &value, &group);
        if (r >= 0)
                r = value_read(reply, &status);
        return r < 0 ? complain(args[0], NULL, r) : act_outcome(bus, args[0], NULL, value, "/", status);
}

static int verb_add_member(const struct verb *verb _unused_, char **args)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_free_ char *volume = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        if (strv_length(opt.member_names) > 1)
                return usage_error("one member has one name");
        r = bus_connect(&bus);
        if (r == STATUS_OK)
                r = group_call(bus, args[0], "AddMember", &call);
        if (r == STATUS_OK)
                r = resolve(bus, "GetVolume", args[1], &volume);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_append(call, "o", volume);
        if (r < 0)
                return append_failed(r);
        r = append_group_options(bus, call);
        if (r != STATUS_OK)
                return r;
        r = opt.member_names ? append_option(call, "MemberName", "s", opt.member_names[0]) : 0;
        if (r < 0)
                return append_failed(r);
        r = close_group_options(call);
        return r == STATUS_OK ? act(bus, call, args[0]) : r;
}

/* RemoveMember and Rename: a name, then the options */
static int verb_with_name(const struct verb *verb, char **args)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        bool rename = streq(verb->name, "rename");
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = rename ? check_name(args[1]) : STATUS_OK;
        if (r == STATUS_OK)
                r = bus_connect(&bus);
        if (r == STATUS_OK)
                r = group_call(bus, args[0], rename ? "Rename" : "RemoveMember", &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_append(call, "s", args[1]);
        return r < 0 ? append_failed(r) : finish(bus, call, args[0]);
}

static int verb_set_group(const struct verb *verb _unused_, char **args)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = bus_connect(&bus);
        if (r == STATUS_OK)
                r = group_call(bus, args[0], "SetSettings", &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r < 0)
                return append_failed(r);
        r = append_settings(call, "group", args + 1);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_close_container(call);
        return r < 0 ? append_failed(r) : finish(bus, call, args[0]);
}

static int act_on_group(sd_bus *bus, const struct verb *verb, const char *name)
{
        static const struct {
                const char *verb;
                const char *method;
        } methods[] = {
                { "start", "Start" },
                { "stop", "Stop" },
                { "resize", "Resize" },
                { "delete", "Delete" },
        };
        _cleanup_message_ sd_bus_message *call = NULL;
        const char *method = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(methods[i].verb, verb->name))
                        method = methods[i].method;
        r = group_call(bus, name, method, &call);
        return r != STATUS_OK ? r : finish(bus, call, name);
}

/* Those that take several groups, and nothing but options besides */
static int verb_groups(const struct verb *verb, char **args)
{
        return act_on_each(verb, args, act_on_group);
}

const struct verb group_verbs[] = {
        { "group", "create", "NEW-NAME VOLUME…", verb_create_group, FOR_CHANGE | FOR_GROUP_CREATE,
          "Make a group of volumes, in place" },
        { "group", "list", "", verb_list, 0, "All groups", .paged = true },
        { "group", "show", "GROUP…", verb_show, 0, "Properties of groups", .paged = true },
        { "group", "start", "GROUP…", verb_groups, FOR_CHANGE | FOR_FORCE, "Bring groups up" },
        { "group", "stop", "GROUP…", verb_groups, FOR_CHANGE, "Take groups down" },
        { "group", "add-member", "GROUP VOLUME", verb_add_member, FOR_CHANGE | FOR_MEMBER, "Add a volume to a group" },
        { "group", "remove-member", "GROUP MEMBER", verb_with_name, FOR_CHANGE | FOR_REMOVAL,
          "Take a member out of a group" },
        { "group", "rename", "GROUP NEW-NAME", verb_with_name, FOR_CHANGE | FOR_FORCE, "Give a group another name" },
        { "group", "set", "GROUP KEY=VALUE…", verb_set_group, FOR_CHANGE | FOR_FORCE, "Change settings of a group" },
        { "group", "resize", "GROUP…", verb_groups, FOR_CHANGE, "Take over the size of volumes that have grown" },
        { "group", "delete", "GROUP…", verb_groups, FOR_CHANGE | FOR_REMOVAL, "Forget groups without a relationship" },
        {}
};
