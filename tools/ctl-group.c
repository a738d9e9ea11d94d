/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-act.h"
#include "ctl-bus.h"
#include "ctl-objects.h"

static const struct {
        const char *verb;
        const char *method;
} methods[] = {
        { "start", "Start" },
        { "stop", "Stop" },
        { "resize", "Resize" },
        { "delete", "Delete" },
};

static const char *method_of(const char *verb)
{
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(methods[i].verb, verb))
                        return methods[i].method;
        return NULL;
}

/* Only Delete has options. */
static int append_group_options(sd_bus_message *call, bool delete)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r < 0)
                return r;
        if (delete && opt.remove_volumes) {
                r = append_option(call, "RemoveVolumes", "b", true);
                if (r < 0)
                        return r;
        }
        if (delete && opt.force) {
                r = append_option(call, "Force", "b", true);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(call);
}

static int verb_group(const struct verb *verb, char **args)
{
        const char *method = method_of(verb->name);
        _cleanup_bus_ sd_bus *bus = NULL;
        int r, worst = STATUS_OK;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        STRV_FOREACH(name, args) {
                _cleanup_message_ sd_bus_message *call = NULL;
                _cleanup_free_ char *path = NULL;

                r = object_path("group", *name, &path);
                if (r == STATUS_OK)
                        r = call_new(bus, path, INTERFACE("Group"), method, &call);
                if (r == STATUS_OK) {
                        r = append_group_options(call, streq(method, "Delete"));
                        r = r < 0 ? append_failed(r) : act(bus, call, *name);
                }
                if (r == STATUS_INTERRUPTED)
                        return r;
                if (r != STATUS_OK)
                        worst = r;
        }
        return worst;
}

const struct verb group_verbs[] = {
        { "group", "list", "", verb_list, 0, "All groups", .paged = true },
        { "group", "show", "GROUP…", verb_show, 0, "Properties of groups", .paged = true },
        { "group", "start", "GROUP…", verb_group, FOR_CHANGE, "Bring groups up" },
        { "group", "stop", "GROUP…", verb_group, FOR_CHANGE, "Take groups down" },
        { "group", "resize", "GROUP…", verb_group, FOR_CHANGE, "Take over the size of volumes that have grown" },
        { "group", "delete", "GROUP…", verb_group, FOR_CHANGE | FOR_GROUP_DELETE, "Forget groups without a relationship" },
        {}
};
