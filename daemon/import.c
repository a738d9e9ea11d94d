/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "bringup.h"
#include "child.h"
#include "import.h"
#include "logvol.h"
#include "relationship.h"
#include "store.h"

/* A log volume that is being read, and those that told nothing. */
static struct {
        bool running;
        char path[BLKREPL_PATH_MAX + 1];
        uint64_t size;
        char **useless;
} reading;

static int save(struct group *g, struct relationship *q)
{
        struct store *s = g->manager->store;
        int r;

        r = store_begin(s);
        if (r >= 0)
                r = store_put_group(s, g);
        if (r >= 0 && q)
                r = store_put_group(s, g == q->source ? q->target : q->source);
        if (r >= 0 && q)
                r = store_put_relationship(s, q);
        if (r >= 0 && q && q->dissolved)
                r = store_put_aspect(s, q);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0)
                store_rollback(s);
        return r;
}

/* What the tags add to what the module or the log volume says. */
static void take_tags(struct group *g)
{
        const struct lvm_lv *lv;

        for (size_t i = 0; i < g->n_members; i++) {
                lv = lvm_find_lv_by_tag(g->manager->lvm, LVM_TAG_MEMBER, g->members[i].uuid);
                if (lv)
                        g->members[i].made = strv_contains(lv->tags, LVM_TAG_MADE);
        }
        lv = lvm_find_lv_by_path(g->manager->lvm, g->log_path);
        if (lv)
                g->log_made = strv_contains(lv->tags, LVM_TAG_MADE);
}

static void announce(struct group *g, struct relationship *q)
{
        take_tags(g);
        if (q)
                take_tags(g == q->source ? q->target : q->source);
        if (save(g, q) < 0)
                log_warning("The group %s was found, but cannot be noted in the database.", g->name);
        log_notice("The group %s was found%s%s.", g->name, !q ? "" : q->dissolved ? " with the aspect " : " with its relationship ", q ? q->name : "");
}

/* From the module */

struct collected {
        struct manager *manager;
        struct kernel_group *groups;
        struct kernel_relationship *relationships;
        size_t n_groups, n_relationships;
        struct group *group;
};

static int collect_group(const void *object, void *userdata)
{
        struct collected *c = userdata;
        void *p;

        if (group_by_uuid(c->manager, ((const struct kernel_group *)object)->uuid))
                return 0;
        p = reallocarray(c->groups, c->n_groups + 1, sizeof(*c->groups));
        if (!p)
                return -ENOMEM;
        c->groups = p;
        c->groups[c->n_groups++] = *(const struct kernel_group *)object;
        return 0;
}

static int collect_relationship(const void *object, void *userdata)
{
        struct collected *c = userdata;
        void *p;

        if (relationship_by_uuid(c->manager, ((const struct kernel_relationship *)object)->uuid))
                return 0;
        p = reallocarray(c->relationships, c->n_relationships + 1, sizeof(*c->relationships));
        if (!p)
                return -ENOMEM;
        c->relationships = p;
        c->relationships[c->n_relationships++] = *(const struct kernel_relationship *)object;
        return 0;
}

static int take_member(const void *object, void *userdata)
{
        const struct kernel_member *k = object;
        struct group *g = ((struct collected *)userdata)->group;

        if (k->index < g->n_members) {
                struct member *m = g->members + k->index;

                m->uuid = k->uuid;
                m->size = k->size;
                memcpy(m->name, k->name, sizeof(m->name));
                memcpy(m->path, k->path, sizeof(m->path));
        }
        return 0;
}

static int take_pair(const void *object, void *userdata)
{
        const struct kernel_pair *k = object;
        struct group *g = ((struct collected *)userdata)->group;

        if (k->index < g->n_members) {
                struct member *m = g->members + k->index;

                m->uuid = k->uuid;
                m->size = k->size;
                memcpy(m->name, k->name, sizeof(m->name));
                memcpy(m->path, k->path, sizeof(m->path));
        }
        return 0;
}

static void adopt_group(struct collected *c, const struct kernel_group *k)
{
        struct kernel_member want = { .present = PRESENT(MEMBER_GROUP_UUID), .group_uuid = k->uuid };
        struct group *g = group_new(c->manager, k->uuid, k->name, GROUP_SOURCE, k->member_count);

        if (!g)
                return;
        memcpy(g->log_path, k->log_path, sizeof(g->log_path));
        c->group = g;
        manager_ask(c->manager, &(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_GET, .dump = true, .table = &member_table, .object = &want,
                .handler = take_member, .userdata = c });
        group_apply_kernel(g, k);
        announce(g, NULL);
        group_announce(g, true);
}

static void adopt_relationship(struct collected *c, const struct kernel_relationship *k)
{
        struct kernel_pair want = {
                .present = PRESENT(PAIR_RELATIONSHIP_UUID) | PRESENT(PAIR_GROUP_UUID), .relationship_uuid = k->uuid, .group_uuid = k->group_uuid,
        };
        struct group *own = group_by_uuid(c->manager, k->group_uuid), *other = group_by_uuid(c->manager, k->target_group_uuid);
        bool fresh = !other, is_source = k->role != BLKREPL_ROLE_TARGET;
        struct relationship *q;

        if (!own || group_relationship(own))
                return;
        if (!other) {
                other = group_new(c->manager, k->target_group_uuid, k->target_group_name, GROUP_TARGET, own->n_members);
                if (!other)
                        return;
                memcpy(other->log_path, k->target_log_path, sizeof(other->log_path));
                c->group = other;
                manager_ask(c->manager, &(struct netlink_request){
                        .command = BLKREPL_CMD_PAIR_GET, .dump = true, .table = &pair_table, .object = &want,
                        .handler = take_pair, .userdata = c });
        }
        q = relationship_new(c->manager, k->uuid, k->name, is_source ? own : other, is_source ? other : own);
        if (!q)
                return;
        q->sync_type = k->sync_type;
        q->mode = k->mode;
        q->rpo = k->recovery_point_objective;
        q->dissolved = k->dissolved;
        relationship_apply_kernel(q, k);
        announce(own, q);
        if (fresh)
                group_announce(other, true);
        relationship_announce(q, true);
}

void import_from_module(struct manager *m)
{
        struct collected c = { .manager = m };

        manager_ask(m, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_GET, .dump = true, .table = &group_table, .handler = collect_group, .userdata = &c });
        for (size_t i = 0; i < c.n_groups; i++)
                adopt_group(&c, c.groups + i);
        manager_ask(m, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_GET, .dump = true, .table = &relationship_table, .handler = collect_relationship, .userdata = &c });
        for (size_t i = 0; i < c.n_relationships; i++)
                adopt_relationship(&c, c.relationships + i);
        free(c.groups);
        free(c.relationships);
}

/* From the log volumes */

static int set_member(struct group *g, size_t i, sd_id128_t uuid, const char *name, uint64_t size)
{
        const struct lvm_lv *lv = lvm_find_lv_by_tag(g->manager->lvm, LVM_TAG_MEMBER, uuid);
        struct member *m = g->members + i;

        if (!lv)
                return -ENOENT;
        m->uuid = uuid;
        m->size = size;
        if (copy_string(m->name, sizeof(m->name), name) < 0 || copy_string(m->path, sizeof(m->path), lv->path) < 0)
                return -ENAMETOOLONG;
        return 0;
}

static const struct lvm_lv *find_log(struct manager *m, sd_id128_t group)
{
        const struct lvm_report *r = lvm_get_report(m->lvm);

        for (size_t i = 0; i < r->n_lvs; i++)
                if (strv_contains(r->lvs[i].tags, LVM_TAG_LOG) && lvm_lv_has_tag_uuid(r->lvs + i, LVM_TAG_GROUP, group))
                        return r->lvs + i;
        return NULL;
}

/* The other group of a link */
static struct group *peer_from_link(struct manager *m, const struct group *own, const struct logvol_info *info, const struct logvol_link *l)
{
        const struct lvm_lv *log = find_log(m, l->peer_uuid);
        struct group *g = group_by_uuid(m, l->peer_uuid);
        int r = 0;

        if (g || !log)
                return g;
        g = group_new(m, l->peer_uuid, l->peer_name, GROUP_TARGET, own->n_members);
        if (!g)
                return NULL;
        for (size_t i = 0; r >= 0 && i < g->n_members; i++)
                r = set_member(g, i, l->pair_uuid[info->members[i].place], own->members[i].name, own->members[i].size);
        if (r >= 0)
                r = copy_string(g->log_path, sizeof(g->log_path), log->path);
        return r < 0 ? group_free(g) : g;
}

static int import_group(struct manager *m, const struct logvol_info *info, const char *log_path)
{
        struct relationship *q = NULL;
        struct group *g, *peer;
        int r = 0;

        if (group_by_uuid(m, info->group_uuid))
                return 0;
        if (group_find(m, info->group_name)) {
                log_warning("The log volume %s is of another group with the name %s; delete or rename one of them.", log_path, info->group_name);
                return -EEXIST;
        }
        g = group_new(m, info->group_uuid, info->group_name, GROUP_SOURCE, info->n_members);
        if (!g)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < g->n_members; i++)
                r = set_member(g, i, info->members[i].uuid, info->members[i].name, info->members[i].size);
        if (r >= 0)
                r = copy_string(g->log_path, sizeof(g->log_path), log_path);
        if (r < 0) {
                log_warning("The log volume %s is of the group %s, of which not all members carry tags; bring it up with blkrepl-setup.", log_path, info->group_name);
                group_free(g);
                return r;
        }
        for (size_t i = 0; i < BLKREPL_MAX_LINKS; i++) {
                const struct logvol_link *l = info->links + i;

                if (!l->used || q || group_relationship(g))
                        continue;
                peer = peer_from_link(m, g, info, l);
                q = peer && !group_relationship(peer) ? relationship_new(m, l->uuid, l->name, l->target_side ? peer : g, l->target_side ? g : peer) : NULL;
                if (!q) {
                        log_warning("The other group of the relationship %s is not on this host; it is not connected.", l->name);
                        continue;
                }
                q->sync_type = l->sync_type;
                q->mode = l->mode;
                q->rpo = l->rpo;
                q->dissolved = l->dissolved;
        }
        announce(g, q);
        group_announce(g, true);
        if (q) {
                group_announce(g == q->source ? q->target : q->source, true);
                relationship_announce(q, true);
        }
        return 1;
}

static bool read_next(struct manager *m);

static void on_head(const struct child_result *result, void *userdata)
{
        _cleanup_free_ struct logvol_info *info = malloc(sizeof(*info));
        struct manager *m = userdata;
        int r = result->error;

        reading.running = false;
        if (r >= 0 && info)
                r = result->output_size == LOGVOL_HEAD_SIZE ? logvol_parse(result->output, reading.size, info) : -EIO;
        if (r >= 0 && info)
                r = import_group(m, info, reading.path);
        if (r < 0)
                strv_extend(&reading.useless, reading.path);
        if (!read_next(m))
                bringup_all(m);
}

static const struct lvm_lv *find_unknown(struct manager *m, const char *role)
{
        const struct lvm_report *r = lvm_get_report(m->lvm);

        for (size_t i = 0; i < r->n_lvs; i++) {
                const struct lvm_lv *lv = r->lvs + i;
                const char *group = lvm_lv_tag(lv, LVM_TAG_GROUP), *is = lvm_lv_tag(lv, LVM_TAG_ROLE);

                if (group && is && streq(is, role) && lv->active && strv_contains(lv->tags, LVM_TAG_LOG) &&
                    !strv_contains(reading.useless, lv->path) && !group_find(m, group))
                        return lv;
        }
        return NULL;
}

/* Each link tells about the group on its other side as well. */
static bool read_next(struct manager *m)
{
        const struct lvm_lv *lv = find_unknown(m, "source") ?: find_unknown(m, "target");

        if (!lv || copy_string(reading.path, sizeof(reading.path), lv->path) < 0)
                return false;
        reading.size = lv->size;
        if (logvol_read(m->event, reading.path, on_head, m, NULL) < 0)
                return false;
        reading.running = true;
        return true;
}

void import_all(struct manager *m)
{
        if (reading.running)
                return;
        import_from_module(m);
        reading.useless = strv_free(reading.useless);
        read_next(m);
}
