/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * monitor: a line for everything that happens, for people, scripts and tests.
 *
 *   exists relationship name:r1 copy-state:Synchronized …
 *   exists -
 *   change relationship name:r1 copy-state:Broken
 *
 * First comes what is there, up to the line with the hyphen; the signals were
 * subscribed to before it was read, so nothing is missed in between.
 */
#include <signal.h>

#include <systemd/sd-event.h>

#include "ctl-bus.h"
#include "ctl-format.h"
#include "ctl-monitor.h"
#include "ctl-print.h"
#include "ctl-value.h"

static const struct {
        const char *kind;
        const char *interface;
        const char *list;               /* member of what Describe gives; NULL: said when it changes only */
} kinds[] = {
        { "group", INTERFACE("Group"), "Groups" },
        { "relationship", INTERFACE("Relationship"), "Relationships" },
        { "aspect", INTERFACE("SynchronizationAspect"), "Aspects" },
        { "pair", INTERFACE("SyncPair"), "Pairs" },
        { "job", INTERFACE("Job"), "Jobs" },
        { "pool", INTERFACE("Pool"), NULL },
        { "peer", INTERFACE("Peer"), NULL },
        { "volume", INTERFACE("Volume"), NULL },
        { "system", INTERFACE("System"), NULL },
};

/* Bytes that would end a word or a line are written as in C. */
static void print_value(json_object *value)
{
        const char *s;

        if (json_object_is_type(value, json_type_boolean)) {
                fputs(json_object_get_boolean(value) ? "yes" : "no", stdout);
                return;
        }
        s = value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE) : "";
        if (json_object_is_type(value, json_type_string))
                s = json_object_get_string(value);
        for (; *s; s++)
                if (*s == ' ' || *s == '\\' || *s == '\n' || *s == '\t')
                        printf("\\x%02x", *s);
                else
                        putchar(*s);
}

static void print_words(const char *what, const char *kind, const char *path, json_object *properties)
{
        printf("%s %s", what, kind);
        if (path)
                printf(" path:%s", path);
        if (properties) {
                json_object_object_foreach(properties, key, value) {
                        _cleanup_free_ char *words = format_key(key, '-');

                        if (path && streq(key, "Path"))
                                continue;
                        printf(" %s:", strempty(words));
                        print_value(value);
                }
        }
        putchar('\n');
}

static void add_string(json_object *o, const char *key, const char *value)
{
        if (value)
                json_object_object_add(o, key, json_object_new_string(value));
}

/* A line each, also with --json=pretty. */
static void print_json_line(const char *what, const char *kind, const char *name, const char *path, json_object *properties)
{
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "Time", json_object_new_uint64(now_realtime()));
        add_string(o, "Event", what);
        add_string(o, "Kind", kind);
        add_string(o, "Name", name);
        add_string(o, "Path", path);
        json_object_object_add(o, "Properties", json_object_get(properties));
        puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Takes the properties over. Name is that of an event; then it stands where the kind does. */
static void print_event(const char *what, const char *kind, const char *name, const char *path, json_object *properties)
{
        _cleanup_json_ json_object *p = properties;

        if (opt.json != JSON_OFF)
                print_json_line(what, kind, name, path, p);
        else
                print_words(what, name ?: kind, path, p);
        fflush(stdout);
}

/* "/org/blkrepl1/relationship/…" → "relationship" */
static const char *kind_of_path(const char *path)
{
        size_t n = strlen(BUS_PATH "/");

        if (strncmp(path, BUS_PATH "/", n) == 0)
                for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                        size_t k = strlen(kinds[i].kind);

                        if (strncmp(path + n, kinds[i].kind, k) == 0 && path[n + k] == '/')
                                return kinds[i].kind;
                }
        return NULL;
}

static const char *kind_of_interface(const char *interface)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].interface, interface))
                        return kinds[i].kind;
        return NULL;
}

static int on_changed(sd_bus_message *m, void *userdata _unused_, sd_bus_error *e _unused_)
{
        const char *path = sd_bus_message_get_path(m), *interface, *kind;
        json_object *properties = NULL;
        int r;

        r = sd_bus_message_read(m, "s", &interface);
        if (r < 0)
                return 0;
        kind = kind_of_interface(interface);
        if (!kind || value_read(m, &properties) < 0)
                return 0;
        print_event("change", kind, NULL, path, properties);
        return 0;
}

static int on_added(sd_bus_message *m, void *userdata _unused_, sd_bus_error *e _unused_)
{
        _cleanup_json_ json_object *interfaces = NULL;
        const char *path;

        if (sd_bus_message_read(m, "o", &path) < 0 || value_read(m, &interfaces) < 0)
                return 0;
        json_object_object_foreach(interfaces, interface, properties) {
                const char *kind = kind_of_interface(interface);

                if (kind)
                        print_event("create", kind, NULL, path, json_object_get(properties));
        }
        return 0;
}

static int on_removed(sd_bus_message *m, void *userdata _unused_, sd_bus_error *e _unused_)
{
        const char *path, *kind;

        if (sd_bus_message_read(m, "o", &path) < 0)
                return 0;
        kind = kind_of_path(path);
        if (kind)
                print_event("destroy", kind, NULL, path, NULL);
        return 0;
}

static int on_event(sd_bus_message *m, void *userdata _unused_, sd_bus_error *e _unused_)
{
        const char *path, *name;
        json_object *details = NULL;

        if (sd_bus_message_read(m, "os", &path, &name) < 0 || value_read(m, &details) < 0)
                return 0;
        print_event("event", kind_of_path(path) ?: "system", name, path, details);
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata _unused_, sd_bus_error *e _unused_)
{
        const char *path, *result, *message;
        json_object *o;
        uint64_t id;
        int32_t code;

        if (sd_bus_message_read(m, "tosis", &id, &path, &result, &code, &message) < 0)
                return 0;
        o = json_object_new_object();
        json_object_object_add(o, "Id", json_object_new_uint64(id));
        json_object_object_add(o, "Result", json_object_new_string(result));
        json_object_object_add(o, "Code", json_object_new_int(code));
        json_object_object_add(o, "Message", json_object_new_string(message));
        print_event("end", "job", NULL, path, o);
        return 0;
}

/* A daemon that came back may have found things otherwise; so say everything again. */
static int print_all(sd_bus *bus)
{
        _cleanup_json_ json_object *all = NULL;
        int r;

        r = describe(bus, &all);
        if (r != STATUS_OK)
                return r;
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                json_object *list = kinds[k].list ? member_array(all, kinds[k].list) : NULL;

                for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                        json_object *o = json_object_array_get_idx(list, i);

                        print_event("exists", kinds[k].kind, NULL, member_string(o, "Path"), json_object_get(o));
                }
        }
        print_event("exists", "-", NULL, NULL, NULL);
        return STATUS_OK;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        const char *name, *old, *new;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0)
                return 0;
        if (isempty(new))
                print_event("gone", "daemon", NULL, NULL, NULL);
        else if (print_all(userdata) != STATUS_OK)
                return sd_event_exit(sd_bus_get_event(userdata), STATUS_ERROR);
        return 0;
}

static int subscribe(sd_bus *bus)
{
        static const struct {
                const char *interface;
                const char *member;
                sd_bus_message_handler_t handler;
        } signals[] = {
                { "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed },
                { "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", on_added },
                { "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", on_removed },
                { INTERFACE("System"), "Event", on_event },
                { INTERFACE("System"), "JobRemoved", on_job_removed },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_bus_match_signal(bus, NULL, BUS_NAME, NULL, signals[i].interface, signals[i].member,
                                        signals[i].handler, bus);
                if (r < 0)
                        return r;
        }
        return sd_bus_add_match(bus, NULL,
                                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" BUS_NAME "'",
                                on_owner, bus);
}

int verb_monitor(const struct verb *verb _unused_, char **args _unused_)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        sigset_t set;
        int r;

        r = bus_connect(&bus);
        if (r != STATUS_OK)
                return r;
        if (!opt.now) {
                r = subscribe(bus);
                if (r < 0)
                        return complain("monitor", NULL, r);
        }
        r = print_all(bus);
        if (r != STATUS_OK || opt.now)
                return r;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        r = sd_event_new(&event);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(bus, true);
        if (r >= 0)
                r = sd_event_loop(event);
        return r < 0 ? complain("monitor", NULL, r) : r;
}
