/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "ctl-agent.h"
#include "ctl-bus.h"
#include "ctl-show-call.h"
#include "ctl-value.h"

/* The daemon answers when it has checked a request; lvm and blkid take their time. */
#define CALL_TIMEOUT_USEC (120 * USEC_PER_SEC)

int bus_connect(sd_bus **ret)
{
        int r;

        if (opt.host)
                r = sd_bus_open_system_remote(ret, opt.host);
        else
                r = sd_bus_open_system(ret);
        if (r < 0) {
                fprintf(stderr, "blkreplctl: cannot reach the system bus%s%s: %s\n",
                        opt.host ? " of " : "", strempty(opt.host), strerror(-r));
                return r == -EACCES ? STATUS_DENIED : STATUS_ERROR;
        }
        sd_bus_set_allow_interactive_authorization(*ret, opt.ask_password);
        return STATUS_OK;
}

static bool daemon_is_missing(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
               strncmp(error->name, "org.freedesktop.DBus.Error.Spawn.", 33) == 0 ||
               strncmp(error->name, "org.freedesktop.systemd1.", 25) == 0;
}

/* sd-bus says "Unknown object '/org/blkrepl1/relationship/r1'." */
static void complain_unknown(const char *subject, const char *message)
{
        const char *kind = strstr(strempty(message), BUS_PATH "/");
        int n;

        kind = kind ? kind + strlen(BUS_PATH "/") : "object";
        n = (int)strcspn(kind, "/");
        fprintf(stderr, "blkreplctl: there is no %.*s \"%s\"; see: blkreplctl %.*s list", n, kind, subject, n, kind);
}

int complain(const char *subject, const sd_bus_error *error, int r)
{
        const char *separator = subject ? ": " : "";
        const struct error_entry *entry;

        subject = strempty(subject);
        if (!sd_bus_error_is_set(error)) {
                fprintf(stderr, "blkreplctl: %s%s%s\n", subject, separator, strerror(-r));
                return error_by_errno(r)->status;
        }
        if (daemon_is_missing(error)) {
                fprintf(stderr, "blkreplctl: the daemon does not answer (%s). Start it with: systemctl start blkrepld\n",
                        strempty(error->message));
                return STATUS_ERROR;
        }

        entry = error_by_name(error->name);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                complain_unknown(subject, error->message);
        else
                fprintf(stderr, "blkreplctl: %s%s%s", subject, separator, strempty(error->message));
        if (entry->code != CODE_UNSPECIFIED)
                fprintf(stderr, " (%s, code %u)\n", entry->symbol, entry->code);
        else
                fprintf(stderr, " (%s)\n", error->name);
        return entry->status;
}

int append_failed(int r)
{
        fprintf(stderr, "blkreplctl: cannot build the request: %s\n", strerror(-r));
        return STATUS_ERROR;
}

int object_path(const char *kind, const char *name, char **ret)
{
        char prefix[64];
        int r;

        snprintf(prefix, sizeof(prefix), BUS_PATH "/%s", kind);
        r = sd_bus_path_encode(prefix, name, ret);
        return r < 0 ? out_of_memory() : STATUS_OK;
}

int call_new(sd_bus *bus, const char *path, const char *interface, const char *member, sd_bus_message **ret)
{
        int r = sd_bus_message_new_method_call(bus, ret, BUS_NAME, path, interface, member);

        return r < 0 ? append_failed(r) : STATUS_OK;
}

static int call_within(sd_bus *bus, sd_bus_message *call, uint64_t timeout, const char *subject, sd_bus_message **ret)
{
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call(bus, call, timeout, &error, ret);

        return r < 0 ? complain(subject, &error, r) : STATUS_OK;
}

int call_read(sd_bus *bus, sd_bus_message *call, const char *subject, sd_bus_message **ret)
{
        return call_within(bus, call, CALL_TIMEOUT_USEC, subject, ret);
}

int call_act(sd_bus *bus, sd_bus_message *call, const char *subject, sd_bus_message **ret)
{
        uint64_t timeout = CALL_TIMEOUT_USEC;
        int r;

        /* The daemon watches the clock where it may take longer. */
        if (opt.timeout_usec < USEC_INFINITY - CALL_TIMEOUT_USEC)
                timeout += opt.timeout_usec;
        else if (opt.wait)
                timeout = USEC_INFINITY;

        if (opt.ask_password)
                agent_open();
        if (opt.show_call) {
                r = show_call(call, timeout);
                if (r < 0)
                        return append_failed(r);
        }
        r = call_within(bus, call, timeout, subject, ret);
        agent_close();
        return r;
}

int resolve(sd_bus *bus, const char *method, const char *id, char **ret)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        const char *path;
        int r;

        r = call_new(bus, BUS_PATH, INTERFACE("System"), method, &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_append(call, "s", id);
        if (r < 0)
                return append_failed(r);
        r = call_read(bus, call, id, &reply);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return complain(id, NULL, r);
        *ret = strdup(path);
        return *ret ? STATUS_OK : out_of_memory();
}

int get_properties(sd_bus *bus, const char *path, const char *interface, const char *subject, json_object **ret)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = call_new(bus, path, "org.freedesktop.DBus.Properties", "GetAll", &call);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_append(call, "s", interface);
        if (r < 0)
                return append_failed(r);
        r = call_read(bus, call, subject, &reply);
        if (r != STATUS_OK)
                return r;
        r = value_read(reply, ret);
        return r < 0 ? complain(subject, NULL, r) : STATUS_OK;
}

int describe(sd_bus *bus, json_object **ret)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        const char *text;
        int r;

        r = call_new(bus, BUS_PATH, INTERFACE("System"), "Describe", &call);
        if (r != STATUS_OK)
                return r;
        r = call_read(bus, call, NULL, &reply);
        if (r != STATUS_OK)
                return r;
        r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return complain(NULL, NULL, r);
        *ret = json_tokener_parse(text);
        if (!json_object_is_type(*ret, json_type_object)) {
                fprintf(stderr, "blkreplctl: the daemon's description is not a JSON object\n");
                return STATUS_ERROR;
        }
        return STATUS_OK;
}

int append_option(sd_bus_message *m, const char *key, const char *type, ...)
{
        va_list ap;
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', key);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', type);
        if (r < 0)
                return r;
        va_start(ap, type);
        r = sd_bus_message_appendv(m, type, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

int append_option_strv(sd_bus_message *m, const char *key, char **value)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, value);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
