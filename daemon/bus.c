/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of objects, and the connection. */
#include "aspect.h"
#include "bus.h"
#include "job.h"
#include "peer.h"
#include "volume.h"

const struct bus_class bus_classes[] = {
        { BUS_ROOT "/group", "org.blkrepl1.Group", "Groups", group_vtable, group_find_object, group_enumerate },
        { BUS_ROOT "/relationship", "org.blkrepl1.Relationship", "Relationships", relationship_vtable, relationship_find_object, relationship_enumerate },
        { BUS_ROOT "/aspect", "org.blkrepl1.SynchronizationAspect", "Aspects", aspect_vtable, aspect_find_object, aspect_enumerate },
        { BUS_ROOT "/pair", "org.blkrepl1.SyncPair", "Pairs", pair_vtable, pair_find_object, pair_enumerate },
        { BUS_ROOT "/volume", "org.blkrepl1.Volume", "Volumes", volume_vtable, volume_find_object, volume_enumerate },
        { BUS_ROOT "/pool", "org.blkrepl1.Pool", "Pools", pool_vtable, pool_find_object, pool_enumerate },
        { BUS_ROOT "/peer", "org.blkrepl1.Peer", "Peers", peer_vtable, peer_find_object, peer_enumerate },
        { BUS_ROOT "/job", "org.blkrepl1.Job", "Jobs", job_vtable, job_find_object, job_enumerate },
};
const size_t n_bus_classes = ELEMENTSOF(bus_classes);

int bus_result(int r, sd_bus_error *e)
{
        if (r < 0 && !sd_bus_error_is_set(e))
                return error_set_errno(e, r, "The request could not be carried out: %m");
        return r;
}

char *bus_uuid_path(const char *prefix, sd_id128_t uuid)
{
        char id[SD_ID128_STRING_MAX], *path = NULL;

        return sd_bus_path_encode(prefix, sd_id128_to_string(uuid, id), &path) < 0 ? NULL : path;
}

int bus_decode(const char *path, const char *prefix, char **ret)
{
        return sd_bus_path_decode(path, prefix, ret);
}

int bus_append_paths(sd_bus_message *reply, char **paths)
{
        int r = sd_bus_message_open_container(reply, 'a', "o");

        STRV_FOREACH(p, paths)
                if (r >= 0)
                        r = sd_bus_message_append(reply, "o", *p);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

void bus_announce(struct manager *m, const char *path, bool added)
{
        int r;

        if (!m->bus)
                return;
        r = added ? sd_bus_emit_object_added(m->bus, path) : sd_bus_emit_object_removed(m->bus, path);
        if (r < 0)
                log_debug("The signal for %s cannot be sent: %s", path, strerror(-r));
}

int bus_read_paths(sd_bus_message *m, char ***ret)
{
        const char *s;
        int r = sd_bus_message_enter_container(m, 'a', "o");

        while (r >= 0 && (r = sd_bus_message_read(m, "o", &s)) > 0)
                r = strv_extend(ret, s);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int bus_connect(struct manager *m)
{
        int r;

        r = sd_bus_open_system(&m->bus);
        if (r < 0)
                return log_error_errno(r, "The system bus cannot be reached: %m");
        r = sd_bus_add_object_vtable(m->bus, NULL, BUS_ROOT, "org.blkrepl1.System", system_vtable, m);
        if (r >= 0)
                r = sd_bus_add_object_manager(m->bus, NULL, BUS_ROOT);
        if (r >= 0)
                r = sd_bus_add_object_vtable(m->bus, NULL, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", log_control_vtable, m);
        for (size_t i = 0; r >= 0 && i < n_bus_classes; i++) {
                const struct bus_class *c = bus_classes + i;

                r = sd_bus_add_fallback_vtable(m->bus, NULL, c->prefix, c->interface, c->vtable, c->find, m);
                if (r >= 0)
                        r = sd_bus_add_node_enumerator(m->bus, NULL, c->prefix, c->enumerate, m);
        }
        if (r >= 0)
                r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(m->bus, true);
        if (r < 0)
                return log_error_errno(r, "The objects cannot be put on the bus: %m");
        return 0;
}

int bus_request_name(struct manager *m)
{
        int r = sd_bus_request_name(m->bus, BUS_NAME, 0);

        return r < 0 ? log_error_errno(r, "The bus name " BUS_NAME " cannot be taken: %m") : 0;
}
