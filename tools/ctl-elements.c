/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-bus.h"
#include "ctl-elements.h"
#include "../kernel/names.h"
#include "../uapi/linux/blkrepl.h"

int check_name(const char *name)
{
        if (blkrepl_name_valid(name))
                return STATUS_OK;
        return usage_error("\"%s\" cannot be a name: letters, digits and _+.-, not first a dot or hyphen, at most %u bytes",
                           name, BLKREPL_NAME_MAX);
}

/*
 * Volumes have many names, so the daemon is asked for their paths. Pools have
 * one, which reads better than a UUID where the call is shown.
 */
static int find_object(sd_bus *bus, const char *method, const char *name, char **ret)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = resolve(bus, method, name, &path);
        if (r == STATUS_OK && streq(method, "GetPool"))
                return object_path("pool", name, ret);
        *ret = TAKE_PTR(path);
        return r;
}

int append_objects(sd_bus *bus, sd_bus_message *call, const char *method, char *const *names)
{
        int r;

        r = sd_bus_message_open_container(call, 'a', "o");
        if (r < 0)
                return append_failed(r);
        STRV_FOREACH(n, names) {
                _cleanup_free_ char *path = NULL;

                r = find_object(bus, method, *n, &path);
                if (r != STATUS_OK)
                        return r;
                r = sd_bus_message_append(call, "o", path);
                if (r < 0)
                        return append_failed(r);
        }
        r = sd_bus_message_close_container(call);
        return r < 0 ? append_failed(r) : STATUS_OK;
}

int append_object_option(sd_bus *bus, sd_bus_message *call, const char *key, const char *method, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = find_object(bus, method, name, &path);
        if (r != STATUS_OK)
                return r;
        r = append_option(call, key, "o", path);
        return r < 0 ? append_failed(r) : STATUS_OK;
}

int append_group_settings(sd_bus_message *call, const struct log_place *place, char **member_names)
{
        _cleanup_free_ char *pool = NULL;
        int r;

        if (place->pool && object_path("pool", place->pool, &pool) != STATUS_OK)
                return -ENOMEM;
        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && place->device)
                r = append_option(call, "LogVolume", "s", place->device);
        if (r >= 0 && pool)
                r = append_option(call, "LogPool", "o", pool);
        if (r >= 0 && place->size)
                r = append_option(call, "LogSize", "t", place->size);
        if (r >= 0 && member_names)
                r = append_option_strv(call, "MemberNames", member_names);
        return r < 0 ? r : sd_bus_message_close_container(call);
}
