/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/utsname.h>

#include "bus.h"
#include "peer.h"

#define PREFIX BUS_ROOT "/peer"
#define APPLICATION_ID SD_ID128_MAKE(5b,0f,52,2d,7a,44,4d,0e,9d,3c,66,b8,2e,16,70,a1)

sd_id128_t peer_local_uuid(void)
{
        sd_id128_t id = SD_ID128_NULL;

        sd_id128_get_machine_app_specific(APPLICATION_ID, &id);
        return id;
}

char *peer_local_path(void)
{
        return bus_uuid_path(PREFIX, peer_local_uuid());
}

static bool is_local(const char *id)
{
        struct utsname u;
        sd_id128_t uuid;

        if (streq(id, "local"))
                return true;
        if (uuid_from_text(id, &uuid) >= 0)
                return sd_id128_equal(uuid, peer_local_uuid());
        return uname(&u) >= 0 && streq(u.nodename, id);
}

bool peer_is_local(struct manager *m, const char *object_path)
{
        _cleanup_free_ char *id = NULL;

        return streq(object_path, "/") || (bus_decode(object_path, PREFIX, &id) > 0 && is_local(id));
}

int peer_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e)
{
        _cleanup_free_ char *id = NULL;

        if (bus_decode(path, PREFIX, &id) <= 0 || !is_local(id))
                return 0;
        *found = userdata;
        return 1;
}

int peer_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        return strv_consume(ret, peer_local_path());
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        struct utsname u;

        if (streq(property, "UUID"))
                return sd_bus_message_append(reply, "s", UUID_TEXT(peer_local_uuid()));
        if (streq(property, "Name"))
                return sd_bus_message_append(reply, "s", uname(&u) < 0 ? "local" : u.nodename);
        if (streq(property, "State"))
                return sd_bus_message_append(reply, "s", "online");
        return sd_bus_message_append(reply, "b", 1);
}

const sd_bus_vtable peer_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("UUID", "s", get_property, 0, PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_property, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("State", "s", get_property, 0, PROPERTY_CHANGES),
        SD_BUS_PROPERTY("IsLocal", "b", get_property, 0, PROPERTY_CONST),
        SD_BUS_VTABLE_END
};
