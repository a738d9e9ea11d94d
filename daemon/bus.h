/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files with vtables share. */
#pragma once

#include "manager.h"

#define BUS_NAME "org.blkrepl1"
#define BUS_ROOT "/org/blkrepl1"

#define PROPERTY_CONST SD_BUS_VTABLE_PROPERTY_CONST
#define PROPERTY_CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define PROPERTY_COUNTER 0

/* The getter of a property; "o" is the object, a pointer to OBJECT. */
#define GETTER(function, signature, expression)                                                 \
        static int function(sd_bus *bus, const char *path, const char *interface,               \
                            const char *property, sd_bus_message *reply, void *userdata,        \
                            sd_bus_error *e)                                                    \
        {                                                                                       \
                OBJECT *o = userdata;                                                           \
                                                                                                \
                return sd_bus_message_append(reply, signature, expression);                     \
        }

/* The same for an expression that allocates an object path; NULL is "/". */
#define PATH_GETTER(function, expression)                                                       \
        static int function(sd_bus *bus, const char *path, const char *interface,               \
                            const char *property, sd_bus_message *reply, void *userdata,        \
                            sd_bus_error *e)                                                    \
        {                                                                                       \
                OBJECT *o = userdata;                                                           \
                _cleanup_free_ char *p = (expression);                                          \
                                                                                                \
                return sd_bus_message_append(reply, "o", p ?: "/");                             \
        }

/* And for one that allocates a string. */
#define TEXT_GETTER(function, expression)                                                       \
        static int function(sd_bus *bus, const char *path, const char *interface,               \
                            const char *property, sd_bus_message *reply, void *userdata,        \
                            sd_bus_error *e)                                                    \
        {                                                                                       \
                OBJECT *o = userdata;                                                           \
                _cleanup_free_ char *p = (expression);                                          \
                                                                                                \
                return sd_bus_message_append(reply, "s", strempty(p));                          \
        }

/* A method; whatever negative errno it gives becomes an error of our table. */
#define METHOD(function)                                                                        \
        static int function##_body(sd_bus_message *m, void *userdata, sd_bus_error *e);         \
        static int function(sd_bus_message *m, void *userdata, sd_bus_error *e)                 \
        {                                                                                       \
                return bus_result(function##_body(m, userdata, e), e);                          \
        }                                                                                       \
        static int function##_body(sd_bus_message *m, void *userdata, sd_bus_error *e)

int bus_result(int r, sd_bus_error *e);
char *bus_uuid_path(const char *prefix, sd_id128_t uuid);
/* Gives 1 and the last, unescaped part of the path below the prefix. */
int bus_decode(const char *path, const char *prefix, char **ret);
int bus_append_paths(sd_bus_message *reply, char **paths);
int bus_read_paths(sd_bus_message *m, char ***ret);
void bus_announce(struct manager *m, const char *path, bool added);

int bus_connect(struct manager *m);
int bus_request_name(struct manager *m);

extern const sd_bus_vtable system_vtable[], log_control_vtable[], pair_vtable[], pool_vtable[];
int pair_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int pair_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
int pool_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int pool_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
char *pair_path(sd_id128_t uuid);
char *pool_path(const struct lvm_vg *vg);

/* The whole state as JSON, from the properties of all objects */
int describe(struct manager *m, char **ret);

struct bus_class {
        const char *prefix, *interface, *title;
        const sd_bus_vtable *vtable;
        sd_bus_object_find_t find;
        sd_bus_node_enumerator_t enumerate;
};
extern const struct bus_class bus_classes[];
extern const size_t n_bus_classes;
