/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus.h"
#include "volume.h"

#define OBJECT struct volume
#define PREFIX BUS_ROOT "/volume"

/* Valid until the next object is looked up, which is as long as sd-bus needs it. */
static struct volume current;

int volume_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        if (volume_from_path(userdata, path, &current) < 0)
                return 0;
        *found = &current;
        return 1;
}

static int add_path(const struct volume *v, void *userdata)
{
        return strv_consume(userdata, volume_path(v));
}

int volume_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        return volume_each(userdata, add_path, ret);
}

static const struct kernel_member *counters(const struct volume *v)
{
        static const struct kernel_member none;

        if (!v->member)
                return &none;
        group_refresh(v->group);
        return &v->member->kernel;
}

static char *pool_of(const struct volume *v)
{
        const struct lvm_vg *vg = *v->pool ? lvm_find_vg(v->manager->lvm, v->pool) : NULL;

        return vg ? pool_path(vg) : NULL;
}

GETTER(get_uuid, "s", o->member && !o->group->hidden ? UUID_TEXT(o->member->uuid) : "")
GETTER(get_name, "s", o->name)
GETTER(get_device, "s", o->device)
GETTER(get_size, "t", o->size)
PATH_GETTER(get_pool, pool_of(o))
PATH_GETTER(get_group, o->group && !o->group->hidden ? group_path(o->group) : NULL)
GETTER(get_usage, "s", volume_usage(o, (char[600]){}, 600))
TEXT_GETTER(get_replica, o->member ? group_replica_path(o->group, o->member) : NULL)
GETTER(get_open_count, "u", counters(o)->open_count)
GETTER(get_hot_extents, "u", counters(o)->hot_extents)
GETTER(get_read_repairs, "t", counters(o)->read_repairs)
GETTER(get_source_errors, "t", counters(o)->source_errors)

static int get_holder(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        char holder[600];

        volume_usage(userdata, holder, sizeof(holder));
        return sd_bus_message_append(reply, "s", holder);
}

const sd_bus_vtable volume_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Device", "s", get_device, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Size", "t", get_size, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Pool", "o", get_pool, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Group", "o", get_group, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Usage", "s", get_usage, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ReplicaDevice", "s", get_replica, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Holder", "s", get_holder, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("OpenCount", "u", get_open_count, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("HotExtents", "u", get_hot_extents, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("ReadRepairs", "t", get_read_repairs, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("SourceErrors", "t", get_source_errors, 0, PROPERTY_COUNTER),
        SD_BUS_VTABLE_END
};
