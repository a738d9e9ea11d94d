/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* relationship create */
#include "ctl-act.h"
#include "ctl-bus.h"
#include "ctl-create.h"
#include "ctl-elements.h"
#include "ctl-print.h"
#include "ctl-settings.h"
#include "ctl-value.h"
#include "../kernel/names.h"
#include "../kernel/state.h"

static int check_options(const char *name, int *ret_mode)
{
        int mode;

        if (check_name(name) != STATUS_OK)
                return STATUS_USAGE;
        if (!opt.sources && !opt.source_group)
                return usage_error("what is to be protected? Give --source VOLUME, or --source-group of an existing group");
        if (opt.targets && opt.target_pools)
                return usage_error("give either --target or --target-pool, not both");
        if (!opt.targets && !opt.target_pools && !opt.target_group)
                return usage_error("where is the copy to be? Give --target VOLUME for each source, --target-pool VG, "
                                   "or --target-group of an existing group");

        /* "sync" and the like are how people say it. */
        mode = blkrepl_mode_parse(streq(opt.mode, "sync") ? "synchronous" :
                                  streq(opt.mode, "async") ? "asynchronous" :
                                  streq(opt.mode, "auto") ? "system" : opt.mode);
        if (mode < 0)
                return usage_error("\"%s\" is no mode; known are sync, async, adaptive and auto", opt.mode);
        *ret_mode = mode;
        return STATUS_OK;
}

static int append_create_options(sd_bus_message *call)
{
        static const struct {
                const char *key;
                const bool *given;
        } flags[] = {
                { "Force", &opt.force },
                { "Seeded", &opt.seeded },
                { "Inactive", &opt.inactive },
        };
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r < 0)
                return append_failed(r);
        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                if (!*flags[i].given)
                        continue;
                r = append_option(call, flags[i].key, "b", true);
                if (r < 0)
                        return append_failed(r);
        }
        r = append_settings(call, "relationship", opt.settings);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_close_container(call);
        return r < 0 ? append_failed(r) : STATUS_OK;
}

/* With sources the source group is made; without, the one of that name is taken. */
/* A group is made unless volumes for it are missing: then it is an existing one. */
static int find_group(sd_bus *bus, bool made, const char *name, char **ret)
{
        return made ? STATUS_OK : resolve(bus, "GetGroup", name, ret);
}

static int build_call(sd_bus *bus, sd_bus_message *call, const char *name, int mode)
{
        _cleanup_free_ char *source = NULL, *target = NULL;
        int r;

        r = find_group(bus, opt.sources, opt.source_group, &source);
        if (r == STATUS_OK)
                r = find_group(bus, opt.targets || opt.target_pools, opt.target_group, &target);
        if (r != STATUS_OK)
                return r;

        r = sd_bus_message_append(call, "sqqos", name, (uint16_t)BLKREPL_SYNC_MIRROR, (uint16_t)mode, "/",
                                  source ? "" : strempty(opt.source_group));
        if (r < 0)
                return append_failed(r);
        r = append_objects(bus, call, "GetVolume", opt.sources);
        if (r != STATUS_OK)
                return r;
        r = append_group_settings(call, &opt.source_place, opt.member_names);
        if (r < 0)
                return append_failed(r);
        r = sd_bus_message_append(call, "s", target ? "" : strempty(opt.target_group));
        if (r < 0)
                return append_failed(r);
        r = append_objects(bus, call, "GetVolume", opt.targets);
        if (r != STATUS_OK)
                return r;
        r = append_objects(bus, call, "GetPool", opt.target_pools);
        if (r != STATUS_OK)
                return r;
        r = append_group_settings(call, &opt.target_place, NULL);
        if (r < 0)
                return append_failed(r);
        r = sd_bus_message_append(call, "uoo", opt.rpo, source ?: "/", target ?: "/");
        if (r < 0)
                return append_failed(r);
        return append_create_options(call);
}

int verb_create(const struct verb *verb _unused_, char **args)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        const char *relationship, *source, *target, *peer, *job;
        _cleanup_json_ json_object *status = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int mode = 0, r;
        uint32_t value;

        r = check_options(args[0], &mode);
        if (r != STATUS_OK)
                return r;
        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = call_new(bus, BUS_PATH, INTERFACE("System"), "CreateReplicationRelationship", &call);
        if (r != STATUS_OK)
                return r;
        r = build_call(bus, call, args[0], mode);
        if (r != STATUS_OK)
                return r;
        r = call_act(bus, call, args[0], &reply);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_read(reply, "uooooo", &value, &relationship, &source, &target, &peer, &job);
        if (r < 0)
                return complain(args[0], NULL, r);
        r = value_read(reply, &status);
        if (r < 0)
                return complain(args[0], NULL, r);
        return act_outcome(bus, args[0], relationship, value, job, status);
}
