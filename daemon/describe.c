/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole state as JSON: every property of every object, through the getters of the vtables. */
#include <json-c/json.h>

#include "bus.h"

static json_object *value_to_json(sd_bus_message *m, char type, const char *contents);

static json_object *basic_to_json(sd_bus_message *m, char type)
{
        union {
                uint8_t y;
                int b;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;

        if (sd_bus_message_read_basic(m, type, &v) < 0)
                return NULL;
        switch (type) {
        case 'y':
                return json_object_new_int(v.y);
        case 'b':
                return json_object_new_boolean(v.b);
        case 'n':
                return json_object_new_int(v.n);
        case 'q':
                return json_object_new_int(v.q);
        case 'i':
                return json_object_new_int(v.i);
        case 'u':
                return json_object_new_int64(v.u);
        case 'x':
                return json_object_new_int64(v.x);
        case 't':
                return json_object_new_uint64(v.t);
        case 'd':
                return json_object_new_double(v.d);
        default:
                return json_object_new_string(v.s);
        }
}

/* Arrays and structures become arrays. */
static json_object *container_to_json(sd_bus_message *m, char type, const char *contents)
{
        json_object *list = json_object_new_array();
        const char *inner;
        char t;

        if (sd_bus_message_enter_container(m, type, contents) < 0)
                return list;
        while (sd_bus_message_peek_type(m, &t, &inner) > 0)
                json_object_array_add(list, value_to_json(m, t, inner));
        sd_bus_message_exit_container(m);
        return list;
}

static json_object *value_to_json(sd_bus_message *m, char type, const char *contents)
{
        return type == 'a' || type == 'r' ? container_to_json(m, type, contents) : basic_to_json(m, type);
}

static int append_direct(sd_bus_message *m, const char *signature, const void *p)
{
        return sd_bus_message_append_basic(m, *signature, p);
}

static int property_to_json(struct manager *m, const struct bus_class *c, const sd_bus_vtable *v, const char *path, void *object, json_object *o)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        void *p = (char *)object + v->x.property.offset;
        sd_bus_error e = SD_BUS_ERROR_NULL;
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_new(m->bus, &message, SD_BUS_MESSAGE_METHOD_CALL);
        if (r < 0)
                return r;
        r = v->x.property.get ?
                v->x.property.get(m->bus, path, c->interface, v->x.property.member, message, p, &e) :
                append_direct(message, v->x.property.signature, p);
        sd_bus_error_free(&e);
        if (r >= 0)
                r = sd_bus_message_seal(message, 1, 0);
        if (r >= 0)
                r = sd_bus_message_rewind(message, true);
        if (r >= 0)
                r = sd_bus_message_peek_type(message, &type, &contents);
        if (r >= 0)
                json_object_object_add(o, v->x.property.member, value_to_json(message, type, contents));
        return r;
}

static int class_to_json(struct manager *m, const struct bus_class *c, json_object *list)
{
        _cleanup_strv_ char **paths = NULL;
        int r;

        r = c->enumerate(m->bus, c->prefix, m, &paths, NULL);
        STRV_FOREACH(p, paths) {
                void *object = NULL;
                json_object *o;

                if (r < 0 || c->find(m->bus, *p, c->interface, m, &object, NULL) <= 0)
                        continue;
                o = json_object_new_object();
                json_object_object_add(o, "Path", json_object_new_string(*p));
                for (const sd_bus_vtable *v = c->vtable; r >= 0 && v->type != _SD_BUS_VTABLE_END; v++)
                        if (v->type == _SD_BUS_VTABLE_PROPERTY)
                                r = property_to_json(m, c, v, *p, object, o);
                json_object_array_add(list, o);
        }
        return r;
}

int describe(struct manager *m, char **ret)
{
        json_object *root = json_object_new_object();
        int r = 0;

        json_object_object_add(root, "Version", json_object_new_string(BLKREPL_VERSION_STRING));
        for (size_t i = 0; r >= 0 && i < n_bus_classes; i++) {
                json_object *list = json_object_new_array();

                json_object_object_add(root, bus_classes[i].title, list);
                r = class_to_json(m, bus_classes + i, list);
        }
        if (r >= 0) {
                *ret = strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
                if (!*ret)
                        r = -ENOMEM;
        }
        json_object_put(root);
        return r;
}
