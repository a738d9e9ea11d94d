/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sync pair is found by its target member; it has no structure of its own. */
#include "bus.h"
#include "relationship.h"
#include "volume.h"

#define OBJECT struct member
#define PREFIX BUS_ROOT "/pair"

char *pair_path(sd_id128_t uuid)
{
        return bus_uuid_path(PREFIX, uuid);
}

/* The relationship and the index that belong to a target member */
static struct relationship *locate(struct manager *m, const struct member *member, size_t *ret_index)
{
        for (struct relationship *q = m->relationships; q; q = q->next)
                for (size_t i = 0; i < q->target->n_members; i++)
                        if (q->target->members + i == member) {
                                *ret_index = i;
                                return q;
                        }
        return NULL;
}

/* The getters get the member alone; there is one manager. */
static struct manager *the_manager;

int pair_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        _cleanup_free_ char *id = NULL;
        struct manager *m = userdata;
        sd_id128_t uuid;

        if (bus_decode(path, PREFIX, &id) <= 0 || uuid_from_text(id, &uuid) < 0)
                return 0;
        the_manager = m;
        for (struct relationship *q = m->relationships; q; q = q->next) {
                if (!relationship_is_shown(q))
                        continue;
                for (size_t i = 0; i < q->target->n_members; i++)
                        if (sd_id128_equal(q->target->members[i].uuid, uuid)) {
                                relationship_refresh(q, false);
                                *found = q->target->members + i;
                                return 1;
                        }
        }
        return 0;
}

int pair_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        struct manager *m = userdata;
        int r = 0;

        for (struct relationship *q = m->relationships; q; q = q->next)
                for (size_t i = 0; r >= 0 && relationship_is_shown(q) && i < q->target->n_members; i++)
                        r = strv_consume(ret, pair_path(q->target->members[i].uuid));
        return r;
}

/* One getter for what needs the relationship. */
static int get_pair(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        const struct member *target = userdata, *source;
        _cleanup_free_ char *p = NULL;
        const struct kernel_pair *k;
        struct relationship *q;
        size_t i = 0;

        q = locate(the_manager, target, &i);
        if (!q)
                return -ENOENT;
        source = q->source->members + i;
        k = q->pairs + i;
        if (streq(property, "Index"))
                return sd_bus_message_append(reply, "u", (uint32_t)i);
        if (streq(property, "Relationship"))
                return sd_bus_message_append(reply, "o", (p = relationship_path(q)) ?: "/");
        if (streq(property, "SourceVolume"))
                return sd_bus_message_append(reply, "o", (p = volume_path_of_member(source)) ?: "/");
        if (streq(property, "SourceDevice"))
                return sd_bus_message_append(reply, "s", source->path);
        if (streq(property, "ReplicaDevice"))
                return sd_bus_message_append(reply, "s", strempty(p = group_replica_path(q->source, source)));
        if (streq(property, "Size"))
                return sd_bus_message_append(reply, "t", source->size);
        if (streq(property, "CopyState"))
                return sd_bus_message_append(reply, "s", strempty(blkrepl_copy_state_name(q->up ? k->copy_state : BLKREPL_COPY_STATE_NOT_APPLICABLE)));
        if (streq(property, "LegState"))
                return sd_bus_message_append(reply, "s", strempty(blkrepl_leg_state_name(k->leg_state)));
        if (streq(property, "BacklogBytes"))
                return sd_bus_message_append(reply, "t", k->bytes_dirty);
        if (streq(property, "LegErrors"))
                return sd_bus_message_append(reply, "t", k->leg_errors);
        return sd_bus_message_append(reply, "d", q->up && source->size ?
                                     100.0 * (double)(source->size - k->bytes_dirty) / (double)source->size : 0.0);
}

GETTER(get_uuid, "s", UUID_TEXT(o->uuid))
GETTER(get_name, "s", o->name)
GETTER(get_target_device, "s", o->path)
PATH_GETTER(get_target_volume, volume_path_of_member(o))

const sd_bus_vtable pair_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Index", "u", get_pair, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Relationship", "o", get_pair, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("SourceVolume", "o", get_pair, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("TargetVolume", "o", get_target_volume, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("SourceDevice", "s", get_pair, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("TargetDevice", "s", get_target_device, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ReplicaDevice", "s", get_pair, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Size", "t", get_pair, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("CopyState", "s", get_pair, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("LegState", "s", get_pair, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("BacklogBytes", "t", get_pair, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("PercentSynced", "d", get_pair, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("LegErrors", "t", get_pair, 0, PROPERTY_COUNTER),
        SD_BUS_VTABLE_END
};
