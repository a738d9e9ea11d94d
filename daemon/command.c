/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "command.h"

int command_group_new(struct group *g, enum command_flags flags, child_handler handler, void *userdata)
{
        _cleanup_free_ struct kernel_device *devices = group_devices(g);
        struct kernel_group k = {
                .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_NAME) | PRESENT(GROUP_LOG_PATH) | PRESENT(GROUP_FORCE),
                .uuid = g->uuid, .force = flags != 0,
        };

        if (!devices)
                return -ENOMEM;
        if (flags & COMMAND_TAKE_OVER) {
                k.take_over = true;
                k.present |= PRESENT(GROUP_TAKE_OVER);
        }
        memcpy(k.name, g->name, sizeof(k.name));
        memcpy(k.log_path, g->log_path, sizeof(k.log_path));
        if (!sd_id128_is_null(g->forget)) {
                k.forget = g->forget;
                k.present |= PRESENT(GROUP_FORGET);
        }
        return child_netlink(g->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_NEW, .table = &group_table, .object = &k,
                .devices = devices, .n_devices = g->n_members }, handler, userdata, NULL);
}

int command_group_del(struct group *g, bool force, child_handler handler, void *userdata)
{
        struct kernel_group k = { .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_FORCE), .uuid = g->uuid, .force = force };

        return child_netlink(g->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_GROUP_DEL, .table = &group_table, .object = &k }, handler, userdata, NULL);
}

int command_connect(struct relationship *q, struct group *g, bool inactive, uint32_t timeout_ms, child_handler handler, void *userdata)
{
        const struct group *other = g == q->source ? q->target : q->source;
        _cleanup_free_ struct kernel_device *devices = group_devices(other);
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID) | PRESENT(RELATIONSHIP_TARGET_LOG_PATH) |
                           PRESENT(RELATIONSHIP_INACTIVE),
                .uuid = q->uuid, .group_uuid = g->uuid, .inactive = inactive, .timeout_ms = timeout_ms,
        };

        if (!devices)
                return -ENOMEM;
        if (timeout_ms)
                k.present |= PRESENT(RELATIONSHIP_TIMEOUT_MS);
        memcpy(k.target_log_path, other->log_path, sizeof(k.target_log_path));
        return child_netlink(q->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_CONNECT, .table = &relationship_table, .object = &k,
                .devices = devices, .n_devices = other->n_members }, handler, userdata, NULL);
}

int command_disconnect(struct relationship *q, struct group *g, uint32_t timeout_ms, child_handler handler, void *userdata)
{
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID),
                .uuid = q->uuid, .group_uuid = g->uuid, .timeout_ms = timeout_ms,
        };

        if (timeout_ms)
                k.present |= PRESENT(RELATIONSHIP_TIMEOUT_MS);
        return child_netlink(q->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_DISCONNECT, .table = &relationship_table, .object = &k }, handler, userdata, NULL);
}

static bool is_there(const char *path)
{
        struct stat st;

        return *path && stat(path, &st) >= 0 && S_ISBLK(st.st_mode);
}

const char *command_missing_device(const struct group *g)
{
        if (!is_there(g->log_path))
                return g->log_path;
        for (size_t i = 0; i < g->n_members; i++)
                if (!is_there(g->members[i].path))
                        return g->members[i].path;
        return NULL;
}
