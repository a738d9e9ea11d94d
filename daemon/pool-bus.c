/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools are LVM's volume groups, as of the last report. */
#include "bus.h"
#include "volume.h"

#define OBJECT const struct lvm_vg
#define PREFIX BUS_ROOT "/pool"

static struct manager *the_manager;

char *pool_path(const struct lvm_vg *vg)
{
        char *path = NULL;

        return sd_bus_path_encode(PREFIX, vg->uuid, &path) < 0 ? NULL : path;
}

int pool_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        _cleanup_free_ char *id = NULL;
        struct manager *m = userdata;
        const struct lvm_vg *vg;

        if (bus_decode(path, PREFIX, &id) <= 0)
                return 0;
        vg = lvm_find_vg(m->lvm, id);
        if (!vg)
                return 0;
        the_manager = m;
        *found = (void *)vg;
        return 1;
}

int pool_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        struct manager *m = userdata;
        const struct lvm_report *report = lvm_get_report(m->lvm);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < report->n_vgs; i++)
                r = strv_consume(ret, pool_path(report->vgs + i));
        return r;
}

static int collect_volumes(const struct lvm_vg *vg, char ***ret)
{
        const struct lvm_report *report = lvm_get_report(the_manager->lvm);
        _cleanup_free_ struct volume *v = malloc(sizeof(*v));
        int r = v ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < report->n_lvs; i++) {
                if (!streq(report->lvs[i].vg, vg->name))
                        continue;
                r = volume_find(the_manager, report->lvs[i].path, v);
                if (r >= 0)
                        r = strv_consume(ret, volume_path(v));
        }
        return r;
}

GETTER(get_uuid, "s", o->uuid)
GETTER(get_name, "s", o->name)
GETTER(get_size, "t", o->size)
GETTER(get_free, "t", o->free)
GETTER(get_extent_size, "t", o->extent_size)

static int get_volumes(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        _cleanup_strv_ char **paths = NULL;
        int r = collect_volumes(userdata, &paths);

        return r < 0 ? r : bus_append_paths(reply, paths);
}

static int get_volume_count(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        _cleanup_strv_ char **paths = NULL;
        int r = collect_volumes(userdata, &paths);

        return r < 0 ? r : sd_bus_message_append(reply, "u", (uint32_t)strv_length(paths));
}

const sd_bus_vtable pool_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Size", "t", get_size, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Free", "t", get_free, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ExtentSize", "t", get_extent_size, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Volumes", "ao", get_volumes, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("VolumeCount", "u", get_volume_count, 0, PROPERTY_CHANGES),
        SD_BUS_VTABLE_END
};
