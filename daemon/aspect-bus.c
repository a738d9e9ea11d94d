/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.blkrepl1.SynchronizationAspect */
#include "../kernel/names.h"
#include "aspect.h"
#include "bus.h"
#include "operation.h"
#include "polkit.h"

#define OBJECT struct relationship
#define PREFIX BUS_ROOT "/aspect"

char *aspect_path(const struct relationship *q)
{
        return bus_uuid_path(PREFIX, q->uuid);
}

int aspect_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        _cleanup_free_ char *id = NULL;
        struct relationship *q;

        if (bus_decode(path, PREFIX, &id) <= 0)
                return 0;
        q = relationship_find(userdata, id);
        if (!q || !aspect_is_shown(q))
                return 0;
        relationship_refresh(q, false);
        *found = q;
        return 1;
}

int aspect_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        struct manager *m = userdata;
        int r = 0;

        for (struct relationship *q = m->relationships; r >= 0 && q; q = q->next)
                if (aspect_is_shown(q))
                        r = strv_consume(ret, aspect_path(q));
        return r;
}

GETTER(get_uuid, "s", UUID_TEXT(o->uuid))
GETTER(get_name, "s", o->name)
PATH_GETTER(get_source, group_path(o->source))
GETTER(get_source_name, "s", o->source->name)
PATH_GETTER(get_target, group_path(o->target))
GETTER(get_target_name, "s", o->target->name)
GETTER(get_sync_type, "s", strempty(blkrepl_sync_type_name(o->sync_type)))
GETTER(get_point, "t", o->aspect.point)
GETTER(get_generation, "t", o->aspect.generation)
TEXT_GETTER(get_digest, aspect_digest(o))
GETTER(get_consistent, "b", (int)o->aspect.consistent)
GETTER(get_source_changed, "t", aspect_changed_bytes(o, SIDE_SOURCE))
GETTER(get_target_changed, "t", aspect_changed_bytes(o, SIDE_TARGET))
GETTER(get_expires, "t", o->aspect.expires)

METHOD(method_delete)
{
        _cleanup_(options_done) struct options o = {};
        struct relationship *q = userdata;
        int r = options_read(m, OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_TIMEOUT), &o, e);
        const char *details[] = {
                "relationship", q->name, "group", q->source->name, "operation", "delete-aspect", "force", o.force ? "true" : "false", NULL
        };

        if (r >= 0)
                r = polkit_check(q->manager, m, ACTION_DESTROY, details, e);
        return r <= 0 ? (r < 0 ? r : 1) : operation_run(q, BLKREPL_OPERATION_DETACH, &o, m, e);
}

const sd_bus_vtable aspect_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", return_value, "o", job, "a{sv}", extended_status), method_delete, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("SourceGroup", "o", get_source, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("SourceGroupName", "s", get_source_name, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("TargetGroup", "o", get_target, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("TargetGroupName", "s", get_target_name, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("SyncType", "s", get_sync_type, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("WhenPointInTime", "t", get_point, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Generation", "t", get_generation, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Digest", "s", get_digest, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Consistent", "b", get_consistent, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("SourceBytesChanged", "t", get_source_changed, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("TargetBytesChanged", "t", get_target_changed, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("Expires", "t", get_expires, 0, PROPERTY_CONST),
        SD_BUS_VTABLE_END
};
