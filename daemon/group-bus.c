/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "aspect.h"
#include "bus.h"
#include "job.h"
#include "member.h"
#include "operation.h"
#include "peer.h"
#include "polkit.h"
#include "volume.h"

#define OBJECT struct group
#define PREFIX BUS_ROOT "/group"

char *group_path(const struct group *g)
{
        return bus_uuid_path(PREFIX, g->uuid);
}

int group_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        _cleanup_free_ char *id = NULL;
        struct group *g;

        if (bus_decode(path, PREFIX, &id) <= 0)
                return 0;
        g = group_find(userdata, id);
        if (!g || g->hidden)
                return 0;
        *found = g;
        return 1;
}

int group_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        struct manager *m = userdata;
        int r = 0;

        for (struct group *g = m->groups; r >= 0 && g; g = g->next)
                if (!g->hidden)
                        r = strv_consume(ret, group_path(g));
        return r;
}

void group_announce(struct group *g, bool added)
{
        _cleanup_free_ char *path = group_path(g);

        if (path)
                bus_announce(g->manager, path, added);
}

/* Properties */

GETTER(get_uuid, "s", UUID_TEXT(o->uuid))
GETTER(get_name, "s", o->name)
GETTER(get_role, "s", group_role_name(o))
GETTER(get_state, "s", group_state_name(o))
GETTER(get_reason, "s", o->reason)
PATH_GETTER(get_peer, o ? peer_local_path() : NULL)
GETTER(get_log_volume, "s", o->log_path)
GETTER(get_log_size, "t", o->log_size)
GETTER(get_log_failed, "b", o->kernel.log_failed)
GETTER(get_clean, "b", o->kernel.clean)
GETTER(get_size, "t", group_size(o))

static int get_members(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct group *g = userdata;
        int r = sd_bus_message_open_container(reply, 'a', "(usssto)");

        for (size_t i = 0; r >= 0 && i < g->n_members; i++) {
                const struct member *m = g->members + i;
                _cleanup_free_ char *replica = group_replica_path(g, m), *volume = volume_path_of_member(m);

                r = sd_bus_message_append(reply, "(usssto)", (uint32_t)i, m->name, m->path, strempty(replica), m->size, volume ?: "/");
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_relationships(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct relationship *q = group_association(userdata);
        _cleanup_strv_ char **paths = NULL;

        if (q && strv_consume(&paths, relationship_path(q)) < 0)
                return -ENOMEM;
        return bus_append_paths(reply, paths);
}

static int get_aspects(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct relationship *q = group_relationship(userdata);
        _cleanup_strv_ char **paths = NULL;

        if (q && aspect_is_shown(q) && strv_consume(&paths, aspect_path(q)) < 0)
                return -ENOMEM;
        return bus_append_paths(reply, paths);
}

static int get_consistency(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct relationship *q = group_association(userdata);

        return sd_bus_message_append(reply, "b", q && q->up && q->kernel.consistency_enabled);
}

/* Counters are asked for when they are read. */
static int get_counter(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct group *g = userdata;

        group_refresh(g);
        if (streq(property, "OpenCount"))
                return sd_bus_message_append(reply, "u", g->kernel.open_count);
        return sd_bus_message_append(reply, "t",
                                     streq(property, "LogUsed") ? g->kernel.log_used :
                                     streq(property, "MetadataWrites") ? g->kernel.meta_writes :
                                     streq(property, "IntentCommits") ? g->kernel.intent_commits : g->kernel.intent_waits);
}

/* Methods */

static int check(struct group *g, sd_bus_message *m, const char *action, const char *operation, bool force, sd_bus_error *e)
{
        const char *details[] = { "group", g->name, "operation", operation, "force", force ? "true" : "false", NULL };

        return polkit_check(g->manager, m, action, details, e);
}

/* Empty, or every one of the objects in any order. */
static int check_all(const char *what, char **given, char **all, sd_bus_error *e)
{
        bool same = strv_length(given) == strv_length(all);

        if (strv_length(given) == 0)
                return 0;
        STRV_FOREACH(s, given)
                same = same && strv_contains(all, *s);
        if (same)
                return 0;
        return error_set(e, CODE_INVALID_PARAMETER, "An operation applies to the whole group: give no %s, or all of them.", what);
}

static int check_objects(struct relationship *q, char **sources, char **targets, char **pairs, sd_bus_error *e)
{
        _cleanup_strv_ char **s = NULL, **t = NULL, **p = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < q->source->n_members; i++) {
                r = strv_consume(&s, volume_path_of_member(q->source->members + i));
                if (r >= 0)
                        r = strv_consume(&t, volume_path_of_member(q->target->members + i));
                if (r >= 0)
                        r = strv_consume(&p, pair_path(q->target->members[i].uuid));
        }
        if (r >= 0)
                r = check_all("source objects", sources, s, e);
        if (r >= 0)
                r = check_all("target objects", targets, t, e);
        return r < 0 ? r : check_all("sync pairs", pairs, p, e);
}

METHOD(method_set_relationship)
{
        struct group *g = userdata;
        struct relationship *q = group_association(g);
        _cleanup_(options_done) struct options o = {};
        _cleanup_strv_ char **sources = NULL, **targets = NULL, **pairs = NULL;
        _cleanup_free_ char *target = q ? group_path(q->target) : NULL;
        const char *target_group;
        uint16_t op;
        int r;

        if ((r = sd_bus_message_read(m, "qo", &op, &target_group)) < 0 ||
            (r = bus_read_paths(m, &sources)) < 0 ||
            (r = bus_read_paths(m, &targets)) < 0 ||
            (r = bus_read_paths(m, &pairs)) < 0 ||
            (r = options_read(m, operation_options(op), &o, e)) < 0)
                return r;
        r = check(g, m, operation_action(op), blkrepl_operation_name(op) ?: "unknown", o.force, e);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (!q)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "The group %s is in no relationship; create one first.", g->name);
        if (!streq(target_group, "/") && !streq(target_group, target)) {
                struct group *other = NULL;
                void *found = NULL;

                if (group_find_object(sd_bus_message_get_bus(m), target_group, NULL, g->manager, &found, e) > 0)
                        other = found;
                if (other != q->target)
                        return error_set(e, CODE_OBJECT_NOT_FOUND, "The group %s has no relationship to %s; its target is the group %s.",
                                         g->name, target_group, q->target->name);
        }
        if (op == BLKREPL_OPERATION_ADD_SYNC_PAIR || op == BLKREPL_OPERATION_REMOVE_SYNC_PAIR)
                return operation_of_pairs(q, op, pairs, &o, m, e);
        r = check_objects(q, sources, targets, pairs, e);
        return r < 0 ? r : operation_run(q, op, &o, m, e);
}

static int read_options(struct group *g, sd_bus_message *m, uint32_t allowed, struct options *o, const char *action, const char *name, sd_bus_error *e)
{
        int r = options_read(m, allowed, o, e);

        return r < 0 ? r : check(g, m, action, name, o->force, e);
}

METHOD(method_start)
{
        _cleanup_(options_done) struct options o = {};
        int r = read_options(userdata, m, OPTION_BIT(OPTION_FORCE), &o, ACTION_CONTROL, "start", e);

        return r <= 0 ? (r < 0 ? r : 1) : operation_start(userdata, &o, m, e);
}

METHOD(method_stop)
{
        _cleanup_(options_done) struct options o = {};
        int r = read_options(userdata, m, 0, &o, ACTION_CONTROL, "stop", e);

        return r <= 0 ? (r < 0 ? r : 1) : operation_stop(userdata, m, e);
}

METHOD(method_delete)
{
        _cleanup_(options_done) struct options o = {};
        int r = read_options(userdata, m, OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_REMOVE_VOLUMES), &o, ACTION_DESTROY, "delete", e);

        return r <= 0 ? (r < 0 ? r : 1) : operation_delete(userdata, &o, m, e);
}

METHOD(method_resize)
{
        _cleanup_(options_done) struct options o = {};
        int r = read_options(userdata, m, 0, &o, ACTION_CONTROL, "resize", e);

        return r <= 0 ? (r < 0 ? r : 1) : operation_resize(userdata, m, e);
}

METHOD(method_add_member)
{
        _cleanup_(options_done) struct options o = {};
        const char *element;
        int r = sd_bus_message_read(m, "o", &element);

        if (r >= 0)
                r = read_options(userdata, m, OPTIONS_ADD_MEMBER, &o, ACTION_CREATE, "add-member", e);
        return r <= 0 ? (r < 0 ? r : 1) : member_add(userdata, element, &o, m, e);
}

METHOD(method_remove_member)
{
        _cleanup_(options_done) struct options o = {};
        const char *id;
        int r = sd_bus_message_read(m, "s", &id);

        if (r >= 0)
                r = read_options(userdata, m, OPTIONS_REMOVE_MEMBER, &o, ACTION_DESTROY, "remove-member", e);
        return r <= 0 ? (r < 0 ? r : 1) : member_remove(userdata, id, &o, m, e);
}

METHOD(method_rename)
{
        _cleanup_(options_done) struct options o = {};
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r >= 0)
                r = read_options(userdata, m, OPTION_BIT(OPTION_FORCE), &o, ACTION_CONTROL, "rename", e);
        return r <= 0 ? (r < 0 ? r : 1) : group_rename(userdata, name, o.force, m, e);
}

METHOD(method_set_settings)
{
        _cleanup_(options_done) struct options settings = {}, o = {};
        int r = options_read(m, OPTIONS_GROUP_SETTINGS, &settings, e);

        if (r >= 0)
                r = read_options(userdata, m, OPTION_BIT(OPTION_FORCE), &o, ACTION_CONTROL, "set-settings", e);
        return r <= 0 ? (r < 0 ? r : 1) : group_set(userdata, &settings, o.force, m, e);
}

#define RESULT SD_BUS_RESULT("u", return_value, "o", job, "a{sv}", extended_status)

const sd_bus_vtable group_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("SetReplicationRelationship",
                                SD_BUS_ARGS("q", operation, "o", target_group, "ao", source_objects, "ao", target_objects,
                                            "ao", sync_pairs, "a{sv}", options),
                                RESULT, method_set_relationship, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Start", SD_BUS_ARGS("a{sv}", options), RESULT, method_start, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("a{sv}", options), RESULT, method_stop, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("a{sv}", options), RESULT, method_delete, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Resize", SD_BUS_ARGS("a{sv}", options), RESULT, method_resize, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AddMember", SD_BUS_ARGS("o", element, "a{sv}", options), RESULT, method_add_member, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RemoveMember", SD_BUS_ARGS("s", member, "a{sv}", options), RESULT, method_remove_member, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "a{sv}", options), RESULT, method_rename, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetSettings", SD_BUS_ARGS("a{sv}", settings, "a{sv}", options), RESULT, method_set_settings, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("UUID", "s", get_uuid, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Role", "s", get_role, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("State", "s", get_state, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Reason", "s", get_reason, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Peer", "o", get_peer, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("LogVolume", "s", get_log_volume, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("LogSize", "t", get_log_size, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("LogUsed", "t", get_counter, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("LogFailed", "b", get_log_failed, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Clean", "b", get_clean, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Members", "a(usssto)", get_members, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Size", "t", get_size, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Relationships", "ao", get_relationships, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("Aspects", "ao", get_aspects, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("ConsistencyEnabled", "b", get_consistency, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("OpenCount", "u", get_counter, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("MetadataWrites", "t", get_counter, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("IntentCommits", "t", get_counter, 0, PROPERTY_COUNTER),
        SD_BUS_PROPERTY("IntentWaits", "t", get_counter, 0, PROPERTY_COUNTER),
        SD_BUS_VTABLE_END
};
