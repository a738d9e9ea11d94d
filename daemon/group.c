/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>

#include "group.h"
#include "relationship.h"
#include "store.h"

struct group *group_new(struct manager *m, sd_id128_t uuid, const char *name, enum group_role role, size_t n_members)
{
        struct group *g = calloc(1, sizeof(*g)), **tail;

        if (!g)
                return NULL;
        g->members = calloc(n_members + 1, sizeof(*g->members));
        if (!g->members || copy_string(g->name, sizeof(g->name), name) < 0) {
                free(g->members);
                free(g);
                return NULL;
        }
        g->manager = m;
        g->uuid = uuid;
        g->role = role;
        g->n_members = n_members;
        g->wanted = true;
        for (tail = &m->groups; *tail; tail = &(*tail)->next)
                ;
        *tail = g;
        return g;
}

struct group *group_free(struct group *g)
{
        struct group **p;

        if (!g)
                return NULL;
        for (p = &g->manager->groups; *p != g; p = &(*p)->next)
                ;
        *p = g->next;
        free(g->members);
        free(g->change);
        free(g);
        return NULL;
}

struct group *group_by_uuid(struct manager *m, sd_id128_t uuid)
{
        for (struct group *g = m->groups; g; g = g->next)
                if (sd_id128_equal(g->uuid, uuid))
                        return g;
        return NULL;
}

struct group *group_find(struct manager *m, const char *id)
{
        sd_id128_t uuid;
        struct group *g = uuid_from_text(id, &uuid) >= 0 ? group_by_uuid(m, uuid) : NULL;

        if (g)
                return g;
        for (g = m->groups; g; g = g->next)
                if (streq(g->name, id))
                        return g;
        return NULL;
}

static bool is_device(const char *path, dev_t number)
{
        struct stat st;

        return *path && stat(path, &st) >= 0 && S_ISBLK(st.st_mode) && st.st_rdev == number;
}

/* The group that the device belongs to; no member is given back for a log volume. */
struct group *group_by_device(struct manager *m, dev_t number, const struct member **ret_member)
{
        for (struct group *g = m->groups; g; g = g->next) {
                for (size_t i = 0; i < g->n_members; i++)
                        if (is_device(g->members[i].path, number)) {
                                if (ret_member)
                                        *ret_member = g->members + i;
                                return g;
                        }
                if (is_device(g->log_path, number)) {
                        if (ret_member)
                                *ret_member = NULL;
                        return g;
                }
        }
        return NULL;
}

struct relationship *group_relationship(const struct group *g)
{
        for (struct relationship *q = g->manager->relationships; q; q = q->next)
                if (q->source == g || q->target == g)
                        return q;
        return NULL;
}

struct relationship *group_association(const struct group *g)
{
        struct relationship *q = group_relationship(g);

        return q && relationship_is_shown(q) ? q : NULL;
}

const char *group_role_name(const struct group *g)
{
        const struct relationship *q = group_relationship(g);

        if (!q || q->dissolved)
                return "none";
        return g->role == GROUP_SOURCE ? "source" : "target";
}

const char *group_state_name(const struct group *g)
{
        const struct relationship *q;

        if (g->failed || g->kernel.log_failed)
                return "failed";
        if (g->up)
                return "up";
        /* As a target it is in use while the other side holds its volumes. */
        q = group_relationship(g);
        return q && q->up && q->kernel.connected ? "up" : "down";
}

uint64_t group_size(const struct group *g)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < g->n_members; i++)
                sum += g->members[i].size;
        return sum;
}

char *group_replica_path(const struct group *g, const struct member *member)
{
        char *s = NULL;

        if (!g->up || g->kernel.access == BLKREPL_ACCESS_NONE)
                return strdup("");
        return asprintf(&s, "/dev/blkrepl/%s/%s", g->name, member->name) < 0 ? NULL : s;
}

/* The members as the module wants them. */
struct kernel_device *group_devices(const struct group *g)
{
        struct kernel_device *d = calloc(g->n_members + 1, sizeof(*d));

        for (size_t i = 0; d && i < g->n_members; i++) {
                d[i].present = PRESENT(DEVICE_INDEX) | PRESENT(DEVICE_UUID) | PRESENT(DEVICE_NAME) | PRESENT(DEVICE_PATH);
                d[i].index = i;
                d[i].uuid = g->members[i].uuid;
                memcpy(d[i].name, g->members[i].name, sizeof(d[i].name));
                memcpy(d[i].path, g->members[i].path, sizeof(d[i].path));
        }
        return d;
}

struct member *group_find_member_by_uuid(const struct group *g, sd_id128_t uuid)
{
        for (size_t i = 0; i < g->n_members; i++)
                if (sd_id128_equal(g->members[i].uuid, uuid))
                        return g->members + i;
        return NULL;
}

struct member *group_find_member(const struct group *g, const char *id)
{
        sd_id128_t uuid;
        struct member *m = uuid_from_text(id, &uuid) >= 0 ? group_find_member_by_uuid(g, uuid) : NULL;

        for (size_t i = 0; !m && i < g->n_members; i++)
                if (streq(g->members[i].name, id))
                        m = g->members + i;
        return m;
}

int group_add_member(struct group *g, const struct member *member)
{
        struct member *p = reallocarray(g->members, g->n_members + 2, sizeof(*p));

        if (!p)
                return -ENOMEM;
        g->members = p;
        g->members[g->n_members++] = *member;
        group_changed(g);
        return 0;
}

void group_remove_member(struct group *g, size_t index)
{
        memmove(g->members + index, g->members + index + 1, (g->n_members - index - 1) * sizeof(*g->members));
        g->n_members--;
        group_changed(g);
}

void group_swap_members(struct group *g, size_t a, size_t b)
{
        struct member m = g->members[a];

        g->members[a] = g->members[b];
        g->members[b] = m;
        group_changed(g);
}

void group_set_reason(struct group *g, bool failed, const char *reason)
{
        if (g->failed == failed && streq(g->reason, reason))
                return;
        g->failed = failed;
        snprintf(g->reason, sizeof(g->reason), "%s", reason);
        group_changed(g);
}

void group_changed(struct group *g)
{
        g->changed = true;
        manager_changed(g->manager);
}

/* What is on the log volume, and in the module, is its name. */
static void take_name(struct group *g, const char *name)
{
        if (streq(g->name, name) || !*name)
                return;
        log_notice("The group %s has the name %s now.", g->name, name);
        copy_string(g->name, sizeof(g->name), name);
        if (store_put_group(g->manager->store, g) < 0)
                log_warning("The name of the group %s could not be noted in the database.", g->name);
        group_changed(g);
}

/* The signal goes out only when something changed that is not a mere counter. */
void group_apply_kernel(struct group *g, const struct kernel_group *k)
{
        bool changed = !g->up || g->kernel.log_failed != k->log_failed || g->kernel.log_size != k->log_size ||
                       g->kernel.clean != k->clean || g->kernel.access != k->access;

        take_name(g, k->name);
        g->kernel = *k;
        g->up = true;
        g->closed = g->tried = false;
        /* The module uses what the volume has grown by when it needs it. */
        if (g->log_size < k->log_size)
                g->log_size = k->log_size;
        if (changed)
                group_set_reason(g, false, k->log_failed ? "Writing to the log volume failed." : "");
        if (changed)
                group_changed(g);
}

struct refresh {
        struct group *group;
        bool found;
};

static int take_group(const void *object, void *userdata)
{
        struct refresh *f = userdata;

        f->found = true;
        group_apply_kernel(f->group, object);
        return 0;
}

static int take_member(const void *object, void *userdata)
{
        const struct kernel_member *k = object;
        struct group *g = userdata;

        if (k->index < g->n_members && sd_id128_equal(k->uuid, g->members[k->index].uuid)) {
                struct member *m = g->members + k->index;
                bool renamed = !streq(m->name, k->name), changed = renamed || m->size != k->size;

                m->kernel = *k;
                m->size = k->size;
                memcpy(m->name, k->name, sizeof(m->name));
                if (renamed && store_put_group(g->manager->store, g) < 0)
                        log_warning("The names of the members of the group %s could not be noted in the database.", g->name);
                if (changed)
                        group_changed(g);
        }
        return 0;
}

/* Asks the module for the group and its members. */
int group_refresh(struct group *g)
{
        struct kernel_group want = { .present = PRESENT(GROUP_UUID), .uuid = g->uuid };
        struct kernel_member members = { .present = PRESENT(MEMBER_GROUP_UUID), .group_uuid = g->uuid };
        struct refresh f = { .group = g };
        int r;

        r = manager_ask(g->manager, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_GET, .table = &group_table, .object = &want,
                .handler = take_group, .userdata = &f });
        if (r == -ENOENT || r == -EPROTONOSUPPORT) {
                if (g->up) {
                        g->up = false;
                        g->kernel = (struct kernel_group){};
                        for (size_t i = 0; i < g->n_members; i++)
                                g->members[i].kernel = (struct kernel_member){};
                        group_changed(g);
                }
                return 0;
        }
        if (r < 0)
                return r;
        return manager_ask(g->manager, &(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_GET, .dump = true, .table = &member_table, .object = &members,
                .handler = take_member, .userdata = g });
}
