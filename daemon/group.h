/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A replication group. The module has it while it is up, whatever its role is
 * in a relationship. While the other side mirrors to it, it is closed: it
 * cannot come up, for its volumes are held by the other side.
 */
#pragma once

#include "manager.h"

enum group_role {
        GROUP_SOURCE,
        GROUP_TARGET,
};

struct change;

struct member {
        sd_id128_t uuid;
        char name[BLKREPL_NAME_MAX + 1];
        char path[BLKREPL_PATH_MAX + 1];
        uint64_t size;
        bool made;                      /* blkrepl carved the volume */
        struct kernel_member kernel;    /* of a group that is up */
};

struct group {
        struct manager *manager;
        struct group *next;

        sd_id128_t uuid;
        char name[BLKREPL_NAME_MAX + 1];
        enum group_role role;           /* a group without a relationship counts as a source */
        char log_path[BLKREPL_PATH_MAX + 1];
        uint64_t log_size;
        bool log_made;
        bool wanted;                    /* Stop clears it, until Start or the next boot */
        struct change *change;          /* being made, or broken off; NULL: none */
        sd_id128_t forget;              /* a relationship that ended while the group was out of reach */
        struct member *members;
        size_t n_members;

        bool up;
        bool failed;                    /* it could not be brought up */
        bool tried;                     /* so it is not tried again at once */
        bool closed;                    /* the state of its relationship forbade it when that was tried */
        bool busy;                      /* a child is changing it */
        bool hidden;                    /* a creation that is not committed */
        bool changed;
        char reason[256];
        struct kernel_group kernel;
};

struct group *group_new(struct manager *m, sd_id128_t uuid, const char *name, enum group_role role, size_t n_members);
struct group *group_free(struct group *g);
struct group *group_find(struct manager *m, const char *uuid_or_name);
struct group *group_by_uuid(struct manager *m, sd_id128_t uuid);
struct group *group_by_device(struct manager *m, dev_t number, const struct member **ret_member);

/* NULL when it is in none. One that was dissolved counts, for its halves are there. */
struct relationship *group_relationship(const struct group *g);
/* The same without one that was dissolved, or is not made yet. */
struct relationship *group_association(const struct group *g);
const char *group_role_name(const struct group *g);
const char *group_state_name(const struct group *g);
uint64_t group_size(const struct group *g);
/* /dev/blkrepl/GROUP/MEMBER; empty unless it exists */
char *group_replica_path(const struct group *g, const struct member *member);
struct kernel_device *group_devices(const struct group *g);

/* Members come and go, on the other side of a relationship the one with the same index as well. */
struct member *group_find_member(const struct group *g, const char *uuid_or_name);
struct member *group_find_member_by_uuid(const struct group *g, sd_id128_t uuid);
int group_add_member(struct group *g, const struct member *member);
void group_remove_member(struct group *g, size_t index);
void group_swap_members(struct group *g, size_t a, size_t b);

void group_set_reason(struct group *g, bool failed, const char *reason);
void group_changed(struct group *g);
int group_refresh(struct group *g);
void group_apply_kernel(struct group *g, const struct kernel_group *k);

/* Group objects on the bus */
char *group_path(const struct group *g);
int group_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int group_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
void group_announce(struct group *g, bool added);
extern const sd_bus_vtable group_vtable[];
