/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is remembered of relationships that were dissolved. */
#include "ctl-act.h"
#include "ctl-bus.h"
#include "ctl-objects.h"

static int delete_aspect(sd_bus *bus, const struct verb *verb _unused_, const char *name)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = object_path("aspect", name, &path);
        if (r == STATUS_OK)
                r = call_new(bus, path, INTERFACE("SynchronizationAspect"), "Delete", &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && opt.force)
                r = append_option(call, "Force", "b", true);
        if (r >= 0 && opt.timeout_usec != USEC_INFINITY)
                r = append_option(call, "TimeoutUSec", "t", opt.timeout_usec);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? append_failed(r) : act(bus, call, name);
}

static int verb_delete_aspects(const struct verb *verb, char **args)
{
        return act_on_each(verb, args, delete_aspect);
}

const struct verb aspect_verbs[] = {
        { "aspect", "list", "", verb_list, 0, "Relationships that were dissolved", .paged = true },
        { "aspect", "show", "ASPECT…", verb_show, 0, "Properties of their points in time", .paged = true },
        { "aspect", "delete", "ASPECT…", verb_delete_aspects, FOR_CHANGE | FOR_FORCE,
          "Forget points in time; the groups stay" },
        {}
};
