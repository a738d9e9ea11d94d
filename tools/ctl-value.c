/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl-value.h"

static int read_basic(sd_bus_message *m, char type, json_object **ret)
{
        union {
                int b;
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                const char *s;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;

        switch (type) {
        case 'b':
                *ret = json_object_new_boolean(v.b);
                break;
        case 'y':
                *ret = json_object_new_uint64(v.y);
                break;
        case 'n':
                *ret = json_object_new_int64(v.n);
                break;
        case 'q':
                *ret = json_object_new_uint64(v.q);
                break;
        case 'i':
                *ret = json_object_new_int64(v.i);
                break;
        case 'u':
                *ret = json_object_new_uint64(v.u);
                break;
        case 'x':
                *ret = json_object_new_int64(v.x);
                break;
        case 't':
                *ret = json_object_new_uint64(v.t);
                break;
        case 'd':
                *ret = json_object_new_double(v.d);
                break;
        case 's':
        case 'o':
        case 'g':
                *ret = json_object_new_string(v.s);
                break;
        default:
                return -EBADMSG;
        }
        return *ret ? 0 : -ENOMEM;
}

static int read_dictionary(sd_bus_message *m, const char *contents, json_object **ret)
{
        _cleanup_json_ json_object *o = json_object_new_object();
        int r;

        if (!o)
                return -ENOMEM;
        r = sd_bus_message_enter_container(m, 'a', contents);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                json_object *value = NULL;
                const char *key;

                r = sd_bus_message_enter_container(m, 'e', NULL);
                if (r < 0)
                        return r;
                r = sd_bus_message_read_basic(m, contents[1], &key);
                if (r < 0)
                        return r;
                r = value_read(m, &value);
                if (r < 0)
                        return r;
                json_object_object_add(o, key, value);
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static int read_sequence(sd_bus_message *m, char type, const char *contents, json_object **ret)
{
        _cleanup_json_ json_object *o = json_object_new_array();
        int r;

        if (!o)
                return -ENOMEM;
        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                json_object *value = NULL;

                r = value_read(m, &value);
                if (r < 0)
                        return r;
                json_object_array_add(o, value);
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int value_read(sd_bus_message *m, json_object **ret)
{
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -EBADMSG;

        switch (type) {
        case 'a':
                /* Keys that are no strings do not occur in this API. */
                if (contents[0] == '{' && (contents[1] == 's' || contents[1] == 'o'))
                        return read_dictionary(m, contents, ret);
                return read_sequence(m, 'a', contents, ret);
        case 'r':
                return read_sequence(m, 'r', contents, ret);
        case 'v':
                r = sd_bus_message_enter_container(m, 'v', contents);
                if (r < 0)
                        return r;
                r = value_read(m, ret);
                if (r < 0)
                        return r;
                return sd_bus_message_exit_container(m);
        default:
                return read_basic(m, type, ret);
        }
}

static json_object *member(json_object *o, const char *key)
{
        json_object *v = NULL;

        json_object_object_get_ex(o, key, &v);
        return v;
}

const char *member_string(json_object *o, const char *key)
{
        json_object *v = member(o, key);

        return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

uint64_t member_u64(json_object *o, const char *key)
{
        json_object *v = member(o, key);

        return v ? json_object_get_uint64(v) : 0;
}

double member_double(json_object *o, const char *key)
{
        json_object *v = member(o, key);

        return v ? json_object_get_double(v) : 0;
}

bool member_bool(json_object *o, const char *key)
{
        json_object *v = member(o, key);

        return v && json_object_get_boolean(v);
}

json_object *member_array(json_object *o, const char *key)
{
        json_object *v = member(o, key);

        return json_object_is_type(v, json_type_array) ? v : NULL;
}
