/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.freedesktop.LogControl1, for systemctl service-log-level */
#include "bus.h"

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

static int get_level(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        return sd_bus_message_append(reply, "s", levels[log_max_level]);
}

static int set_level(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *value, void *userdata, sd_bus_error *e)
{
        const char *s;
        int r = sd_bus_message_read(value, "s", &s);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (streq(levels[i], s)) {
                        log_max_level = i;
                        return 0;
                }
        return error_set(e, CODE_INVALID_PARAMETER, "'%s' is no log level; use emerg, alert, crit, err, warning, notice, info or debug.", s);
}

static int get_target(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        return sd_bus_message_append(reply, "s", getenv("JOURNAL_STREAM") ? "journal" : "console");
}

static int set_target(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *value, void *userdata, sd_bus_error *e)
{
        return error_set(e, CODE_NOT_SUPPORTED, "The log target is fixed: the journal under systemd, else standard error.");
}

static int get_identifier(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        return sd_bus_message_append(reply, "s", "blkrepld");
}

const sd_bus_vtable log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, 0),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, 0),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END
};
