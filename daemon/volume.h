/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Volumes are not kept: each is looked up when it is asked for, among the
 * members of groups, the logical volumes and the block devices of the host.
 */
#pragma once

#include "group.h"

struct volume {
        struct manager *manager;
        char name[BLKREPL_PATH_MAX + 1];        /* VG/LV, or the device */
        char device[BLKREPL_PATH_MAX + 1];
        char pool[128];                         /* name of the volume group */
        uint64_t size;
        dev_t number;                           /* 0: the device is not there */
        struct group *group;
        const struct member *member;            /* NULL in a group: its log volume */
};

/* By a member's UUID, VG/LV, or a path below /dev. -ENOENT. */
int volume_find(struct manager *m, const char *id, struct volume *ret);
int volume_from_path(struct manager *m, const char *object_path, struct volume *ret);
char *volume_path(const struct volume *v);
char *volume_path_of_member(const struct member *member);
/* "free", "source", "target", "log" or "in-use"; then the holder is told */
const char *volume_usage(const struct volume *v, char *holder, size_t size);

typedef int (*volume_handler)(const struct volume *v, void *userdata);
int volume_each(struct manager *m, volume_handler handler, void *userdata);

int volume_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int volume_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
extern const sd_bus_vtable volume_vtable[];
