/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rename and SetSettings of a group. */
#include <stdio.h>

#include "../kernel/names.h"
#include "change.h"
#include "child.h"
#include "member.h"
#include "relationship.h"
#include "status.h"
#include "store.h"

struct run {
        struct manager *manager;
        sd_id128_t group;
        sd_bus_message *message;
        char **names;                   /* of the members, old and new, as far as they change */
        size_t index;                   /* among them */
        bool undoing;
        bool force;
        sd_bus_error error;
};

static struct run *run_new(struct group *g, bool force, sd_bus_message *message)
{
        struct run *run = calloc(1, sizeof(*run));

        if (run) {
                run->manager = g->manager;
                run->group = g->uuid;
                run->force = force;
                run->message = sd_bus_message_ref(message);
        }
        return run;
}

static void run_free(struct run *run)
{
        lvm_forget(run->manager->lvm, run);
        sd_bus_message_unref(run->message);
        strv_free(run->names);
        sd_bus_error_free(&run->error);
        free(run);
}

static void reply(struct run *run)
{
        if (sd_bus_error_is_set(&run->error))
                sd_bus_reply_method_error(run->message, &run->error);
        else
                status_reply(run->message, &(struct status){});
        run_free(run);
}

/* Rename */

static void on_seen(_unused_ struct group *g, void *userdata)
{
        reply(userdata);
}

/* What has become of it is read from where the name is. */
static void on_renamed(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;
        struct group *g = group_by_uuid(run->manager, run->group);

        if (result->error < 0)
                error_set_errno(&run->error, result->error, "%s", result->fault.message);
        if (!g) {
                reply(run);
                return;
        }
        g->busy = false;
        g->change->running = false;
        if (change_resume(g, on_seen, run) <= 0)
                reply(run);
}

static int note_rename(struct group *g)
{
        int r;

        g->change = calloc(1, sizeof(*g->change));
        if (!g->change)
                return -ENOMEM;
        g->change->kind = CHANGE_RENAME;
        g->change->running = true;
        r = store_put_change(g->manager->store, g->uuid, g->change);
        if (r < 0)
                change_forget(g);
        return r;
}

int group_rename(struct group *g, const char *name, bool force, sd_bus_message *message, sd_bus_error *e)
{
        struct kernel_group k = {
                .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_NAME) | PRESENT(GROUP_FORCE), .uuid = g->uuid, .force = force,
        };
        struct group *other = group_find(g->manager, name);
        struct run *run;
        int r;

        if (!blkrepl_name_valid(name))
                return error_set(e, CODE_INVALID_PARAMETER,
                                 "'%.80s' cannot be the name of the group: use 1 to %u letters, digits and '_+.-', not beginning with '.' or '-'.",
                                 name, BLKREPL_NAME_MAX);
        if (other && other != g)
                return error_set(e, CODE_INVALID_PARAMETER, "There is a group named %s already; choose another name.", name);
        if (streq(g->name, name)) {
                r = status_reply(message, &(struct status){});
                return r < 0 ? r : 1;
        }
        r = member_check_ready(g, "rename it", e);
        if (r < 0)
                return r;
        if (g->up && g->kernel.open_count > 0 && !force)
                return error_set(e, CODE_FAILED, "A replica device of the group %s is open, and its path would change; umount and close it first, or give Force.", g->name);
        run = run_new(g, force, message);
        if (!run)
                return -ENOMEM;
        r = note_rename(g);
        memcpy(k.name, name, strlen(name) + 1);
        if (r >= 0)
                r = child_netlink(g->manager->event, &(struct netlink_request){
                        .command = BLKREPL_CMD_GROUP_RENAME, .table = &group_table, .object = &k }, on_renamed, run, NULL);
        if (r < 0) {
                if (g->change && store_delete_change(g->manager->store, g->uuid) >= 0)
                        change_forget(g);
                run_free(run);
                return r;
        }
        g->busy = true;
        return 1;
}

/* SetSettings */

static void rename_next(struct run *run);

static void on_member(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;

        if (result->error >= 0)
                run->index += run->undoing ? -2 : 2;
        else if (run->undoing)
                run->index = 0;
        else {
                /* All names change, or none. */
                error_set_errno(&run->error, result->error, "%s", result->fault.message);
                run->undoing = true;
        }
        rename_next(run);
}

static int send_name(struct run *run, struct group *g)
{
        size_t i = run->undoing ? run->index - 2 : run->index;
        const struct member *m = group_find_member(g, run->names[run->undoing ? i + 1 : i]);
        const char *to = run->names[run->undoing ? i : i + 1];
        struct kernel_member k = {
                .present = PRESENT(MEMBER_GROUP_UUID) | PRESENT(MEMBER_UUID) | PRESENT(MEMBER_NAME) | PRESENT(MEMBER_FORCE),
                .group_uuid = g->uuid, .force = run->force,
        };

        if (!m)
                return -ENOENT;
        k.uuid = m->uuid;
        memcpy(k.name, to, strlen(to) + 1);
        return child_netlink(g->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_RENAME, .table = &member_table, .object = &k }, on_member, run, NULL);
}

static void rename_next(struct run *run)
{
        struct group *g = group_by_uuid(run->manager, run->group);
        bool over = run->undoing ? run->index == 0 : !run->names || !run->names[run->index];
        int r;

        if (g)
                group_refresh(g);
        if (g && !over) {
                r = send_name(run, g);
                if (r >= 0)
                        return;
                error_set_errno(&run->error, r, "A name could not be changed.");
        }
        if (g)
                g->busy = false;
        reply(run);
}

static void on_refreshed(_unused_ int error, _unused_ const char *message, void *userdata)
{
        struct run *run = userdata;
        struct group *g = group_by_uuid(run->manager, run->group);
        const struct lvm_lv *lv = g ? lvm_find_lv_by_path(run->manager->lvm, g->log_path) : NULL;

        /* The module uses it as soon as it needs it. */
        if (lv) {
                g->log_size = lv->size;
                store_put_group(g->manager->store, g);
                group_changed(g);
        }
        rename_next(run);
}

static void on_extended(int error, const char *message, void *userdata)
{
        struct run *run = userdata;
        struct group *g = group_by_uuid(run->manager, run->group);

        if (error >= 0 && lvm_refresh(run->manager->lvm, on_refreshed, run) >= 0)
                return;
        error_set_errno(&run->error, error < 0 ? error : -ENOMEM, "The log volume could not be extended: %s.", message);
        if (g)
                g->busy = false;
        reply(run);
}

static int extend(struct run *run, const struct group *g, uint64_t size)
{
        _cleanup_strv_ char **words = NULL;
        int r;

        r = strv_extend(&words, "lvextend");
        if (r >= 0)
                r = strv_extendf(&words, "-L%llub", (unsigned long long)size);
        if (r >= 0)
                r = strv_extend(&words, g->log_path);
        return r < 0 ? r : lvm_command(run->manager->lvm, words, on_extended, run);
}

static int check_log_size(const struct group *g, uint64_t size, sd_bus_error *e)
{
        if (size < g->log_size)
                return error_set(e, CODE_INVALID_PARAMETER, "The log volume of the group %s has %llu bytes and cannot shrink to %llu; give more.",
                                 g->name, (unsigned long long)g->log_size, (unsigned long long)size);
        if (!g->log_made)
                return error_set(e, CODE_FAILED, "The log volume %s was not made by blkrepl; extend it by its own means, it is used as it grows.", g->log_path);
        return 0;
}

/* A name that is free only once another has changed comes after that one. */
static int order_names(const struct group *g, char *const *names, char ***ret, sd_bus_error *e)
{
        _cleanup_strv_ char **left = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < g->n_members; i++)
                if (!streq(g->members[i].name, names[i])) {
                        r = strv_extend(&left, g->members[i].name);
                        if (r >= 0)
                                r = strv_extend(&left, names[i]);
                }
        for (size_t n = strv_length(left); r >= 0 && n > 0;) {
                size_t i, k;

                for (i = 0; i < n; i += 2) {
                        for (k = 0; k < n; k += 2)
                                if (streq(left[k], left[i + 1]))
                                        break;
                        if (k >= n)
                                break;
                }
                if (i >= n)
                        return error_set(e, CODE_INVALID_PARAMETER, "The members %s and %s cannot change places in one call; give one of them a name of its own first.",
                                         left[0], left[1]);
                r = strv_extend(ret, left[i]);
                if (r >= 0)
                        r = strv_extend(ret, left[i + 1]);
                free(left[i]);
                free(left[i + 1]);
                memmove(left + i, left + i + 2, (n - i - 2 + 1) * sizeof(*left));
                n -= 2;
        }
        return r;
}

static int check_names(const struct group *g, char *const *names, char ***ret, sd_bus_error *e)
{
        if (strv_length(names) != g->n_members)
                return error_set(e, CODE_INVALID_PARAMETER, "The group %s has %zu members but there are %zu MemberNames; give one for each.",
                                 g->name, g->n_members, strv_length(names));
        STRV_FOREACH(s, names) {
                if (!blkrepl_name_valid(*s))
                        return error_set(e, CODE_INVALID_PARAMETER, "'%.80s' cannot be the name of a member.", *s);
                if (strv_contains(s + 1, *s))
                        return error_set(e, CODE_INVALID_PARAMETER, "%s is given twice among the MemberNames; give each once.", *s);
        }
        return order_names(g, names, ret, e);
}

int group_set(struct group *g, const struct options *settings, bool force, sd_bus_message *message, sd_bus_error *e)
{
        bool grow = (settings->present & OPTION_BIT(OPTION_LOG_SIZE)) && settings->log_size != g->log_size;
        struct run *run;
        int r = 0;

        if (grow)
                r = check_log_size(g, settings->log_size, e);
        run = r < 0 ? NULL : run_new(g, force, message);
        if (!run)
                return r < 0 ? r : -ENOMEM;
        if (settings->present & OPTION_BIT(OPTION_MEMBER_NAMES)) {
                r = check_names(g, settings->member_names, &run->names, e);
                if (r >= 0 && run->names)
                        r = member_check_ready(g, "rename its members", e);
                if (r >= 0 && run->names && !g->up)
                        r = error_set(e, CODE_FAILED, "The group %s is closed in the present state of its relationship; rename its members once it is up.", g->name);
        }
        if (r >= 0 && (g->busy || g->change))
                r = error_set(e, CODE_FAILED, "The group %s is being changed; try again in a moment.", g->name);
        if (r >= 0 && grow)
                r = extend(run, g, settings->log_size);
        if (r < 0) {
                run_free(run);
                return r;
        }
        g->busy = true;
        if (!grow)
                rename_next(run);
        return 1;
}
