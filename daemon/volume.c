/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>

#include "device.h"
#include "relationship.h"
#include "volume.h"

/* Everything about the volume whose device is known. */
static int fill(struct manager *m, const char *device, const struct lvm_lv *lv, struct volume *v)
{
        struct device_info info;

        *v = (struct volume){ .manager = m };
        if (copy_string(v->device, sizeof(v->device), device) < 0)
                return -ENAMETOOLONG;
        if (!lv)
                lv = lvm_find_lv_by_path(m->lvm, device);
        if (lv) {
                snprintf(v->name, sizeof(v->name), "%s/%s", lv->vg, lv->name);
                snprintf(v->pool, sizeof(v->pool), "%s", lv->vg);
                v->size = lv->size;
        } else
                memcpy(v->name, v->device, sizeof(v->name));
        if (device_get_info(device, &info) >= 0) {
                v->number = info.number;
                v->size = info.size;
                v->group = group_by_device(m, info.number, &v->member);
        }
        return 0;
}

int volume_find(struct manager *m, const char *id, struct volume *ret)
{
        const struct lvm_lv *lv = NULL;
        const char *slash = strchr(id, '/');
        struct stat st;
        sd_id128_t uuid;

        if (*id == '/') {
                if (strncmp(id, "/dev/", 5) != 0)
                        return -ENOENT;
                if (lvm_find_lv_by_path(m->lvm, id))
                        return fill(m, id, NULL, ret);
                if (stat(id, &st) < 0 || !S_ISBLK(st.st_mode))
                        return -ENOENT;
                /* The same logical volume by another of its names */
                for (size_t i = 0; i < lvm_get_report(m->lvm)->n_lvs; i++) {
                        const struct lvm_lv *l = lvm_get_report(m->lvm)->lvs + i;
                        struct stat other;

                        if (stat(l->path, &other) >= 0 && other.st_rdev == st.st_rdev)
                                return fill(m, l->path, l, ret);
                }
                return fill(m, id, NULL, ret);
        }
        if (slash) {
                _cleanup_free_ char *vg = strndup(id, slash - id);

                if (!vg)
                        return -ENOMEM;
                lv = lvm_find_lv(m->lvm, vg, slash + 1);
                return lv ? fill(m, lv->path, lv, ret) : -ENOENT;
        }
        if (uuid_from_text(id, &uuid) < 0)
                return -ENOENT;
        for (struct group *g = m->groups; g; g = g->next)
                for (size_t i = 0; i < g->n_members; i++)
                        if (sd_id128_equal(g->members[i].uuid, uuid)) {
                                int r = fill(m, g->members[i].path, NULL, ret);

                                if (r < 0)
                                        return r;
                                if (!ret->size)
                                        ret->size = g->members[i].size;
                                ret->group = g;
                                ret->member = g->members + i;
                                return 0;
                        }
        return -ENOENT;
}

int volume_from_path(struct manager *m, const char *object_path, struct volume *ret)
{
        _cleanup_free_ char *id = NULL;
        int r = sd_bus_path_decode(object_path, "/org/blkrepl1/volume", &id);

        if (r < 0)
                return r;
        return r == 0 ? -ENOENT : volume_find(m, id, ret);
}

char *volume_path_of_member(const struct member *member)
{
        char id[SD_ID128_STRING_MAX], *path = NULL;

        return sd_bus_path_encode("/org/blkrepl1/volume", sd_id128_to_string(member->uuid, id), &path) < 0 ? NULL : path;
}

char *volume_path(const struct volume *v)
{
        char *path = NULL;

        if (v->member && !v->group->hidden)
                return volume_path_of_member(v->member);
        return sd_bus_path_encode("/org/blkrepl1/volume", v->name, &path) < 0 ? NULL : path;
}

const char *volume_usage(const struct volume *v, char *holder, size_t size)
{
        *holder = 0;
        if (v->group && !v->group->hidden) {
                if (!v->member)
                        return "log";
                return v->group->role == GROUP_SOURCE ? "source" : "target";
        }
        if (v->number && device_get_holder(v->device, v->number, holder, size) > 0)
                return "in-use";
        return "free";
}

/* Logical volumes, then those members that are none. */
int volume_each(struct manager *m, volume_handler handler, void *userdata)
{
        const struct lvm_report *report = lvm_get_report(m->lvm);
        struct volume *v = malloc(sizeof(*v));
        int r = v ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < report->n_lvs; i++) {
                r = fill(m, report->lvs[i].path, report->lvs + i, v);
                if (r >= 0)
                        r = handler(v, userdata);
        }
        for (struct group *g = m->groups; r >= 0 && g; g = g->next) {
                if (g->hidden)
                        continue;
                for (size_t i = 0; r >= 0 && i < g->n_members; i++) {
                        if (lvm_find_lv_by_path(m->lvm, g->members[i].path))
                                continue;
                        r = fill(m, g->members[i].path, NULL, v);
                        v->group = g;
                        v->member = g->members + i;
                        if (!v->size)
                                v->size = g->members[i].size;
                        if (r >= 0)
                                r = handler(v, userdata);
                }
        }
        free(v);
        return r;
}
