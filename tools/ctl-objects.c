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

static const struct column aspect_columns[] = {
        { "UUID", NULL },
        { "Name", "NAME" },
        { "SourceGroupName", "SOURCE" },
        { "TargetGroupName", "TARGET" },
        { "WhenPointInTime", "POINT-IN-TIME" },
        { "Consistent", "CONSISTENT" },
        { "SourceBytesChanged", "SOURCE-CHANGED" },
        { "TargetBytesChanged", "TARGET-CHANGED" },
        { "Expires", "EXPIRES" },
        { "Path", NULL },
        {}
};

static const struct column pair_columns[] = {
        { "UUID", "UUID" },
        { "RelationshipName", "RELATIONSHIP" },
        { "SourceDevice", "SOURCE" },
        { "TargetDevice", "TARGET" },
        { "CopyState", "COPYSTATE" },
        { "LegState", "LEG" },
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
        const char *name;               /* the column that names it on the command line */
} kinds[] = {
        { "group", "groups", "ListGroups", "GetGroup", INTERFACE("Group"), group_columns, "Name" },
        { "relationship", "relationships", "ListRelationships", "GetRelationship", INTERFACE("Relationship"),
          relationship_columns, "Name" },
        { "aspect", "aspects", "ListAspects", "GetAspect", INTERFACE("SynchronizationAspect"), aspect_columns, "Name" },
        { "pair", "pairs", "ListPairs", "GetPair", INTERFACE("SyncPair"), pair_columns, "UUID" },
        { "volume", "volumes", "ListVolumes", "GetVolume", INTERFACE("Volume"), volume_columns, "Name" },
        { "pool", "pools", "ListPools", "GetPool", INTERFACE("Pool"), pool_columns, "Name" },
        { "peer", "peers", "ListPeers", "GetPeer", INTERFACE("Peer"), peer_columns, "Name" },
        { "job", "jobs", "ListJobs", "GetJob", INTERFACE("Job"), job_columns, "Id" },
};

static const struct kind *kind_of_noun(const char *noun)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].noun, noun))
                        return kinds + i;
        return NULL;
}

int list_objects(sd_bus *bus, const char *noun, json_object **ret)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        const struct kind *kind = kind_of_noun(noun);
        int r;

        r = call_new(bus, BUS_PATH, INTERFACE("System"), kind->list, &call);
        if (r != STATUS_OK)
                return r;
        r = call_read(bus, call, NULL, &reply);
        if (r != STATUS_OK)
                return r;
        r = value_read(reply, ret);
        return r < 0 ? complain(kind->list, NULL, r) : STATUS_OK;
}

const char *object_name(const char *noun, json_object *row)
{
        const struct kind *kind = kind_of_noun(noun);

        for (size_t i = 0; kind->columns[i].key; i++)
                if (streq(kind->columns[i].key, kind->name))
                        return json_object_get_string(json_object_array_get_idx(row, i));
        return "";
}

int verb_list(const struct verb *verb, char **args _unused_)
{
        const struct kind *kind = kind_of_noun(verb->noun);
        _cleanup_json_ json_object *rows = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        r = list_objects(bus, verb->noun, &rows);
        if (r != STATUS_OK)
                return r;
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
        { "pair", "list", "", verb_list, 0, "All pairs of a member and its copy", .paged = true },
        { "pair", "show", "PAIR…", verb_show, 0, "Properties of pairs", .paged = true },
        { "volume", "list", "", verb_list, 0, "Logical volumes and members of groups", .paged = true },
        { "volume", "show", "VOLUME…", verb_show, 0, "Properties of volumes (VG/LV or device)", .paged = true },
        { "pool", "list", "", verb_list, 0, "Volume groups", .paged = true },
        { "pool", "show", "POOL…", verb_show, 0, "Properties of volume groups", .paged = true },
        { "peer", "list", "", verb_list, 0, "Storage systems", .paged = true },
        { "peer", "show", "PEER…", verb_show, 0, "Properties of storage systems", .paged = true },
        {}
};
