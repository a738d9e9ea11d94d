/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.blkrepl1.System */
#include "../kernel/names.h"
#include "../kernel/state.h"
#include "aspect.h"
#include "bus.h"
#include "create.h"
#include "list-bus.h"
#include "operation.h"
#include "peer.h"
#include "polkit.h"
#include "status.h"
#include "volume.h"

/* Of a relationship, or of a group: they differ in their parameters. */
static int create(struct manager *manager, const char *what, int (*read)(sd_bus_message *m, struct create_params *p, sd_bus_error *e),
                  sd_bus_message *m, sd_bus_error *e)
{
        struct create_params p = {};
        const char *details[] = { what, NULL, "operation", "create", "force", NULL, NULL };
        int r;

        r = read(m, &p, e);
        if (r >= 0) {
                details[1] = p.name;
                details[5] = p.options.force ? "true" : "false";
                r = polkit_check(manager, m, ACTION_CREATE, details, e);
        }
        if (r > 0)
                r = create_start(manager, m, &p, e);
        create_params_done(&p);
        return r < 0 ? r : 1;
}

METHOD(method_create)
{
        return create(userdata, "relationship", create_params_read, m, e);
}

/* The reply to a creation */
int create_reply(sd_bus_message *message, const struct relationship *q, const struct job *j)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *relationship = relationship_path(q), *source = group_path(q->source), *target = group_path(q->target),
                *peer = peer_local_path(), *job = j ? job_path(j) : NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "uooooo", j ? (uint32_t)CODE_JOB_STARTED : (uint32_t)CODE_DONE,
                                          relationship ?: "/", source ?: "/", target ?: "/", peer ?: "/", job ?: "/");
        if (r >= 0)
                r = status_append(reply, &(struct status){ .relationship = q, .job = j });
        return r < 0 ? r : sd_bus_message_send(reply);
}

METHOD(method_create_group)
{
        return create(userdata, "group", create_group_params_read, m, e);
}

int create_group_reply(sd_bus_message *message, const struct group *g)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *group = group_path(g);
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "uo", (uint32_t)CODE_DONE, group ?: "/");
        if (r >= 0)
                r = status_append(reply, &(struct status){});
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int append_states(sd_bus_message *reply, uint16_t sync_type, unsigned int op)
{
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (unsigned int s = BLKREPL_STATE_FIRST; r >= 0 && s <= BLKREPL_STATE_LAST; s++)
                if (blkrepl_state_valid(s) && (blkrepl_op_cell(sync_type, op, s).flags & BLKREPL_CELL_LEGAL))
                        r = sd_bus_message_append(reply, "s", blkrepl_copy_state_name(s));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

METHOD(method_supported)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint16_t sync_type, mode;
        int r;

        r = sd_bus_message_read(m, "qq", &sync_type, &mode);
        if (r < 0)
                return r;
        if (!blkrepl_sync_type_name(sync_type))
                return error_set(e, CODE_INVALID_PARAMETER, "%u is no SyncType; use 6 (Mirror).", sync_type);
        if (!blkrepl_mode_name(mode))
                return error_set(e, CODE_INVALID_PARAMETER, "%u is no Mode; use 2 (Synchronous), 3 (Asynchronous) or 0.", mode);
        if (sync_type != BLKREPL_SYNC_MIRROR)
                return error_set(e, CODE_NOT_SUPPORTED, "This version does not offer %s relationships; use 6 (Mirror).", blkrepl_sync_type_name(sync_type));
        if (mode == BLKREPL_MODE_ADAPTIVE)
                return error_set(e, CODE_NOT_SUPPORTED, "This version does not offer Mode Adaptive; use 2 (Synchronous) or 3 (Asynchronous).");
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(qsas)");
        for (unsigned int op = BLKREPL_OP_FIRST; r >= 0 && op <= BLKREPL_OP_LAST; op++) {
                if (!blkrepl_op_built(sync_type, op))
                        continue;
                r = sd_bus_message_open_container(reply, 'r', "qsas");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "qs", (uint16_t)op, blkrepl_operation_name(op));
                if (r >= 0)
                        r = append_states(reply, sync_type, op);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* GetX(s) → o */
static int reply_path(sd_bus_message *m, char *path, const char *what, const char *id, sd_bus_error *e)
{
        _cleanup_free_ char *p = path;

        if (!p)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no %s '%.200s'.", what, id);
        return sd_bus_reply_method_return(m, "o", p);
}

METHOD(method_get)
{
        struct manager *manager = userdata;
        const char *id, *member = sd_bus_message_get_member(m);
        int r = sd_bus_message_read(m, "s", &id);

        if (r < 0)
                return r;
        if (streq(member, "GetGroup")) {
                struct group *g = group_find(manager, id);

                return reply_path(m, g && !g->hidden ? group_path(g) : NULL, "group", id, e);
        }
        if (streq(member, "GetRelationship")) {
                struct relationship *q = relationship_find(manager, id);

                return reply_path(m, q && relationship_is_shown(q) ? relationship_path(q) : NULL, "relationship", id, e);
        }
        if (streq(member, "GetAspect")) {
                struct relationship *q = relationship_find(manager, id);

                return reply_path(m, q && aspect_is_shown(q) ? aspect_path(q) : NULL, "aspect", id, e);
        }
        if (streq(member, "GetVolume")) {
                _cleanup_free_ struct volume *v = malloc(sizeof(*v));

                if (!v)
                        return -ENOMEM;
                return reply_path(m, volume_find(manager, id, v) >= 0 ? volume_path(v) : NULL, "volume", id, e);
        }
        if (streq(member, "GetPool")) {
                const struct lvm_vg *vg = lvm_find_vg(manager->lvm, id);

                return reply_path(m, vg ? pool_path(vg) : NULL, "pool", id, e);
        }
        if (streq(member, "GetJob")) {
                struct job *j = job_find(manager, id);

                return reply_path(m, j ? job_path(j) : NULL, "job", id, e);
        }
        /* What is left is found by its path. */
        {
                bool peer = streq(member, "GetPeer");
                _cleanup_free_ char *path = NULL;
                void *found;

                r = sd_bus_path_encode(peer ? BUS_ROOT "/peer" : BUS_ROOT "/pair", id, &path);
                if (r < 0)
                        return r;
                r = peer ? peer_find_object(NULL, path, NULL, manager, &found, e) : pair_find_object(NULL, path, NULL, manager, &found, e);
                if (r > 0 && peer)
                        return reply_path(m, peer_local_path(), "peer", id, e);
                return reply_path(m, r > 0 ? pair_path(((struct member *)found)->uuid) : NULL, peer ? "storage system" : "pair", id, e);
        }
}

METHOD(method_describe)
{
        _cleanup_free_ char *json = NULL;
        int r = describe(userdata, &json);

        return r < 0 ? r : sd_bus_reply_method_return(m, "s", json);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        return sd_bus_message_append(reply, "s", BLKREPL_VERSION_STRING);
}

static int get_module(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        return sd_bus_message_append(reply, "b", manager_module_loaded(userdata));
}

#define LIST(name, signature, row, handler) \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_NO_ARGS, SD_BUS_RESULT(signature, row), handler, SD_BUS_VTABLE_UNPRIVILEGED)
#define GET(name, result) \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS("s", id), SD_BUS_RESULT("o", result), method_get, SD_BUS_VTABLE_UNPRIVILEGED)

const sd_bus_vtable system_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("CreateReplicationRelationship",
                                SD_BUS_ARGS("s", name, "q", sync_type, "q", mode, "o", target_system, "s", source_group_name,
                                            "ao", source_elements, "a{sv}", source_settings, "s", target_group_name,
                                            "ao", target_elements, "ao", target_pools, "a{sv}", target_settings,
                                            "u", rpo_seconds, "o", source_group, "o", target_group, "a{sv}", options),
                                SD_BUS_RESULT("u", return_value, "o", relationship, "o", source_group_out, "o", target_group_out,
                                              "o", target_replica_peer, "o", job, "a{sv}", extended_status),
                                method_create, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateReplicationGroup", SD_BUS_ARGS("s", name, "ao", elements, "a{sv}", settings, "a{sv}", options),
                                SD_BUS_RESULT("u", return_value, "o", group, "a{sv}", extended_status),
                                method_create_group, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSupportedOperations", SD_BUS_ARGS("q", sync_type, "q", mode),
                                SD_BUS_RESULT("a(qsas)", operations), method_supported, SD_BUS_VTABLE_UNPRIVILEGED),
        LIST("ListGroups", "a(ssssuto)", groups, list_groups),
        LIST("ListRelationships", "a(sssssssdto)", relationships, list_relationships),
        LIST("ListAspects", "a(sssstbttto)", aspects, list_aspects),
        LIST("ListPairs", "a(ssssssto)", pairs, list_pairs),
        LIST("ListVolumes", "a(sssssto)", volumes, list_volumes),
        LIST("ListPools", "a(ssttuo)", pools, list_pools),
        LIST("ListPeers", "a(sssbo)", peers, list_peers),
        LIST("ListJobs", "a(tssssdo)", jobs, list_jobs),
        GET("GetGroup", group),
        GET("GetRelationship", relationship),
        GET("GetAspect", aspect),
        GET("GetPair", pair),
        GET("GetVolume", volume),
        GET("GetPool", pool),
        GET("GetPeer", peer),
        GET("GetJob", job),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), method_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("t", id, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved", SD_BUS_ARGS("t", id, "o", job, "s", result, "i", code, "s", message), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("o", object, "s", name, "a{sv}", details), 0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("ModuleLoaded", "b", get_module, 0, PROPERTY_CHANGES),
        SD_BUS_VTABLE_END
};
