/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bringup.h"
#include "change.h"
#include "child.h"
#include "logvol.h"
#include "relationship.h"
#include "store.h"
#include "volumes.h"

struct settling {
        struct manager *manager;
        sd_id128_t group;
        bool is_member;
        change_handler handler;
        void *userdata;
};

void change_forget(struct group *g)
{
        free(g->change);
        g->change = NULL;
}

static void end(struct settling *s, struct group *g)
{
        change_handler handler = s->handler;
        void *userdata = s->userdata;

        free(s);
        if (g && g->change)
                g->change->running = false;
        if (handler)
                handler(g, userdata);
        else if (g)
                bringup_schedule(g->manager, 0);
}

/* The change is over; what the group has become is in the database. */
static void finish(struct settling *s, struct group *g)
{
        if (store_delete_change(s->manager->store, g->uuid) < 0)
                log_warning("The change of the group %s could not be deleted from the database.", g->name);
        change_forget(g);
        end(s, g);
}

static struct group *other_of(const struct group *g)
{
        struct relationship *q = group_relationship(g);

        return !q ? NULL : g == q->source ? q->target : q->source;
}

static int save(struct group *g)
{
        struct group *other = other_of(g);
        struct store *s = g->manager->store;
        int r;

        r = store_begin(s);
        if (r >= 0)
                r = store_put_group(s, g);
        if (r >= 0 && other)
                r = store_put_group(s, other);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0) {
                store_rollback(s);
                log_warning("The members of the group %s could not be noted in the database.", g->name);
        }
        return r;
}

/* The volumes of a member that is none */

static bool is_ours(const struct settling *s, const struct lvm_lv *lv)
{
        const struct group *g = group_by_uuid(s->manager, s->group);

        for (size_t i = 0; i < g->change->n_members; i++)
                if (lvm_lv_has_tag_uuid(lv, LVM_TAG_MEMBER, g->change->members[i].uuid))
                        return true;
        return false;
}

/* One that was carved for a member which never came goes again. */
static bool to_be_removed(const struct settling *s, const struct lvm_lv *lv)
{
        const struct change *c = group_by_uuid(s->manager, s->group)->change;

        return strv_contains(lv->tags, LVM_TAG_MADE) && (c->remove_volumes || c->kind == CHANGE_ADD_MEMBER);
}

static bool is_removed(const struct lvm_lv *lv, void *userdata)
{
        return is_ours(userdata, lv) && to_be_removed(userdata, lv);
}

static bool is_untagged(const struct lvm_lv *lv, void *userdata)
{
        return is_ours(userdata, lv) && !to_be_removed(userdata, lv);
}

static void release(struct settling *s);

static void on_released(int error, const char *message, void *userdata);

static void on_refreshed(int error, const char *message, void *userdata)
{
        struct settling *s = userdata;

        if (error < 0 && error != -ENOENT) {
                on_released(error, message, s);
                return;
        }
        release(s);
}

/* It is tried again when the group is looked at next. */
static void on_released(int error, const char *message, void *userdata)
{
        struct settling *s = userdata;
        struct group *g = group_by_uuid(s->manager, s->group);

        if (error < 0) {
                log_warning("The volumes of a member that left the group %s could not be released: %s", g->name, message);
                end(s, g);
        } else if (lvm_refresh(s->manager->lvm, on_refreshed, s) < 0) {
                log_oom();
                end(s, g);
        }
}

static void release(struct settling *s)
{
        int r = volumes_release(s->manager->lvm, true, is_removed, on_released, s);

        if (r == 0)
                r = volumes_release(s->manager->lvm, false, is_untagged, on_released, s);
        if (r < 0)
                on_released(r, "lvm could not be run.", s);
        else if (r == 0)
                finish(s, group_by_uuid(s->manager, s->group));
}

/* What the group has become */

static int come(struct group *g, const struct change *c)
{
        struct group *other = other_of(g);
        int r;

        if (group_find_member_by_uuid(g, c->members[0].uuid))
                return 0;
        r = group_add_member(g, c->members);
        if (r >= 0 && other && c->n_members > 1)
                r = group_add_member(other, c->members + 1);
        return r;
}

static void leave(struct group *g, const struct change *c)
{
        struct member *m = group_find_member_by_uuid(g, c->members[0].uuid);
        struct group *other = other_of(g);

        if (!m)
                return;
        if (other && other->n_members == g->n_members)
                group_remove_member(other, m - g->members);
        group_remove_member(g, m - g->members);
}

void change_sort_members(struct group *g, const struct logvol_info *info)
{
        struct group *other = other_of(g);

        for (size_t i = 0; i < info->n_members && i < g->n_members; i++) {
                struct member *m = group_find_member_by_uuid(g, info->members[i].uuid);

                if (!m || m == g->members + i)
                        continue;
                if (other && other->n_members == g->n_members)
                        group_swap_members(other, m - g->members, i);
                group_swap_members(g, m - g->members, i);
        }
}

static void take_members(struct settling *s, struct group *g, const struct logvol_info *info)
{
        struct relationship *q = group_relationship(g);
        const struct change *c = g->change;
        int r = 0;

        s->is_member = false;
        for (size_t i = 0; i < info->n_members; i++)
                s->is_member |= sd_id128_equal(info->members[i].uuid, c->members[0].uuid);
        if (q) {
                relationship_announce_pairs(q, false);
                r = relationship_fit_pairs(q);
        }
        if (!s->is_member)
                leave(g, c);
        else if (r >= 0)
                r = come(g, c);
        change_sort_members(g, info);
        if (q) {
                relationship_fit_pairs(q);
                relationship_announce_pairs(q, true);
        }
        if (r < 0 || save(g) < 0) {
                end(s, g);
                return;
        }
        group_refresh(g);
        if (q) {
                group_refresh(other_of(g));
                relationship_refresh(q, true);
        }
        if (s->is_member)
                finish(s, g);
        else if (lvm_refresh(s->manager->lvm, on_refreshed, s) < 0)
                end(s, g);
}

static void on_made_anew(const struct child_result *result, void *userdata)
{
        struct settling *s = userdata;
        struct group *g = group_by_uuid(s->manager, s->group);

        g->busy = false;
        bringup_result(g, result->error, result->fault.message);
        group_refresh(g);
        finish(s, g);
}

/* It was to be a target, and is none. Nothing has been written to its members, if its metadata are lost. */
static void return_lent(struct settling *s, struct group *g, bool readable)
{
        _cleanup_free_ struct kernel_device *devices = NULL;
        struct kernel_group k = {
                .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_NAME) | PRESENT(GROUP_LOG_PATH) | PRESENT(GROUP_CREATE) | PRESENT(GROUP_FORCE),
                .uuid = g->uuid, .create = true, .force = true,
        };

        if (readable || g->up) {
                finish(s, g);
                return;
        }
        devices = group_devices(g);
        memcpy(k.name, g->name, sizeof(k.name));
        memcpy(k.log_path, g->log_path, sizeof(k.log_path));
        if (!devices || child_netlink(g->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_NEW, .table = &group_table, .object = &k,
                .devices = devices, .n_devices = g->n_members }, on_made_anew, s, NULL) < 0) {
                log_oom();
                end(s, g);
                return;
        }
        g->busy = true;
}

/* info is NULL where the log volume tells nothing. */
static void take(struct settling *s, struct group *g, const struct logvol_info *info)
{
        switch (g->change->kind) {
        case CHANGE_LEND:
                return_lent(s, g, info);
                return;
        case CHANGE_ADD_MEMBER:
        case CHANGE_REMOVE_MEMBER:
                if (info)
                        take_members(s, g, info);
                else
                        end(s, g);
                return;
        default:
                if (!info) {
                        end(s, g);
                        return;
                }
                if (!streq(g->name, info->group_name)) {
                        memcpy(g->name, info->group_name, sizeof(g->name));
                        group_changed(g);
                        if (save(g) < 0) {
                                end(s, g);
                                return;
                        }
                }
                finish(s, g);
        }
}

static void on_head(const struct child_result *result, void *userdata)
{
        struct settling *s = userdata;
        struct group *g = group_by_uuid(s->manager, s->group);
        _cleanup_free_ struct logvol_info *info = malloc(sizeof(*info));
        int r = info ? result->error : -ENOMEM;

        if (r >= 0)
                r = result->output_size == LOGVOL_HEAD_SIZE ? logvol_parse(result->output, UINT64_MAX, info) : -EIO;
        if (r >= 0 && !sd_id128_equal(info->group_uuid, g->uuid))
                r = -EMEDIUMTYPE;
        /* One that could not be read at all is read another time. */
        if (r == -EMEDIUMTYPE || r == -EUCLEAN)
                take(s, g, NULL);
        else if (r < 0)
                end(s, g);
        else
                take(s, g, info);
}

static int take_member(const void *object, void *userdata)
{
        const struct kernel_member *k = object;
        struct logvol_info *info = userdata;

        if (info->n_members < ELEMENTSOF(info->members))
                info->members[info->n_members++].uuid = k->uuid;
        return 0;
}

int change_ask_members(struct group *g, struct logvol_info *info)
{
        struct kernel_member want = { .present = PRESENT(MEMBER_GROUP_UUID), .group_uuid = g->uuid };

        info->n_members = 0;
        info->group_uuid = g->uuid;
        memcpy(info->group_name, g->name, sizeof(info->group_name));
        return manager_ask(g->manager, &(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_GET, .dump = true, .table = &member_table, .object = &want,
                .handler = take_member, .userdata = info });
}

int change_resume(struct group *g, change_handler handler, void *userdata)
{
        struct settling *s;
        int r;

        if (!g->change || g->change->running || g->busy || g->change->kind == CHANGE_CREATE ||
            (g->change->kind == CHANGE_LEND && group_relationship(g)))
                return 0;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct settling){ .manager = g->manager, .group = g->uuid, .handler = handler, .userdata = userdata };
        g->change->running = true;
        group_refresh(g);
        if (g->up) {
                _cleanup_free_ struct logvol_info *info = malloc(sizeof(*info));

                r = info ? change_ask_members(g, info) : -ENOMEM;
                if (r >= 0) {
                        take(s, g, info);
                        return 1;
                }
        } else
                r = logvol_read(g->manager->event, g->log_path, on_head, s, NULL);
        if (r < 0) {
                g->change->running = false;
                free(s);
        }
        return r < 0 ? r : 1;
}
