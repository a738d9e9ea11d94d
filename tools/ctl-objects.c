/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list and show, the same for every noun. */
#include "ctl-bus.h"
#include "ctl-objects.h"
#include "ctl-print.h"
#include "ctl-value.h"

static const struct column group_columns[] = {
        { "UUID", NULL },
        { "Name", "NAME" },
        { "Role", "ROLE" },
        { "State", "STATE" },
        { "Members", "MEMBERS" },
        { "Size", "SIZE" },
        { "Path", NULL },
        {}
};

static const struct column relationship_columns[] = {
        { "UUID", NULL },
        { "Name", "NAME" },
        { "SourceGroupName", "SOURCE" },
        { "TargetGroupName", "TARGET" },
        { "Mode", "MODE" },
        { "CopyState", "COPYSTATE" },
        { "ConsistencyState", "CONSISTENCY" },
        { "PercentSynced", "SYNCED" },
        { "BacklogBytes", "BACKLOG" },
        { "Path", NULL },
        {}
};

static const struct column volume_columns[] = {
        { "Name", "NAME" },
        { "Device", "DEVICE" },
        { "PoolName", "POOL" },
        { "GroupName", "GROUP" },
        { "Usage", "USAGE" },
        { "Size", "SIZE" },
        { "Path", NULL },
        {}
};

static const struct column pool_columns[] = {
        { "UUID", NULL },
        { "Name", "NAME" },
        { "Size", "SIZE" },
        { "Free", "FREE" },
        { "VolumeCount", "VOLUMES" },
        { "Path", NULL },
        {}
};

static const struct column peer_columns[] = {
        { "UUID", "UUID" },
        { "Name", "NAME" },
        { "State", "STATE" },
        { "IsLocal", "LOCAL" },
        { "Path", NULL },
        {}
};

static const struct column job_columns[] = {
        { "Id", "ID" },
        { "Type", "TYPE" },
        { "Subject", "SUBJECT" },
        { "State", "STATE" },
        { "Phase", "PHASE" },
        { "Progress", "PROGRESS" },
        { "Path", NULL },
        {}
};

static const struct kind {
        const char *noun;
        const char *plural;
        const char *list;
        const char *get;
        const char *interface;
        const struct column *columns;
} kinds[] = {
        { "group", "groups", "ListGroups", "GetGroup", INTERFACE("Group"), group_columns },
        { "relationship", "relationships", "ListRelationships", "GetRelationship", INTERFACE("Relationship"),
          relationship_columns },
        { "volume", "volumes", "ListVolumes", "GetVolume", INTERFACE("Volume"), volume_columns },
        { "pool", "pools", "ListPools", "GetPool", INTERFACE("Pool"), pool_columns },
        { "peer", "peers", "ListPeers", "GetPeer", INTERFACE("Peer"), peer_columns },
        { "job", "jobs", "ListJobs", "GetJob", INTERFACE("Job"), job_columns },
};

static const struct kind *kind_of_noun(const char *noun)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].noun, noun))
                        return kinds + i;
        return NULL;
}

int verb_list(const struct verb *verb, char **args _unused_)
{
        const struct kind *kind = kind_of_noun(verb->noun);
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        _cleanup_json_ json_object *rows = NULL;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = call_new(bus, BUS_PATH, INTERFACE("System"), kind->list, &call);
        if (r != STATUS_OK)
                return r;
        r = call_read(bus, call, NULL, &reply);
        if (r != STATUS_OK)
                return r;
        r = value_read(reply, &rows);
        if (r < 0)
                return complain(kind->list, NULL, r);
        return print_list(rows, kind->columns, kind->plural);
}

/* With --json always an array, so that one and several arguments read alike. */
int verb_show(const struct verb *verb, char **args)
{
        const struct kind *kind = kind_of_noun(verb->noun);
        _cleanup_json_ json_object *all = json_object_new_array();
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        STRV_FOREACH(id, args) {
                _cleanup_free_ char *path = NULL;
                json_object *o = NULL;

                r = resolve(bus, kind->get, *id, &path);
                if (r != STATUS_OK)
                        return r;
                r = get_properties(bus, path, kind->interface, *id, &o);
                if (r != STATUS_OK)
                        return r;
                json_object_object_add(o, "Path", json_object_new_string(path));
                json_object_array_add(all, o);
        }
        if (opt.json != JSON_OFF) {
                print_json(all);
                return STATUS_OK;
        }
        for (size_t i = 0; i < json_object_array_length(all); i++) {
                if (i > 0)
                        putchar('\n');
                r = print_properties(json_object_array_get_idx(all, i));
                if (r != STATUS_OK)
                        return r;
        }
        return STATUS_OK;
}

const struct verb volume_verbs[] = {
        { "volume", "list", "", 0, 0, verb_list, "Logical volumes and members of groups" },
        { "volume", "show", "VOLUME…", 1, -1, verb_show, "Properties of volumes (VG/LV or device)" },
        { "pool", "list", "", 0, 0, verb_list, "Volume groups" },
        { "pool", "show", "POOL…", 1, -1, verb_show, "Properties of volume groups" },
        { "peer", "list", "", 0, 0, verb_list, "Storage systems" },
        { "peer", "show", "PEER…", 1, -1, verb_show, "Properties of storage systems" },
        {}
};
