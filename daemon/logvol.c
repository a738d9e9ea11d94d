/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "device.h"
#include "logvol.h"

static sd_id128_t uuid_at(const u8 *p)
{
        sd_id128_t id;

        memcpy(id.bytes, p, sizeof(id.bytes));
        return id;
}

static int parse_members(const char *head, uint64_t tag, struct logvol_info *info)
{
        info->n_members = 0;
        for (uint32_t i = 0; i < BLKREPL_MAX_MEMBERS; i++) {
                uint32_t index = i / BLKREPL_MEMBERS_PER_BLOCK;
                struct logvol_member *to = info->members + info->n_members;
                const struct blkrepl_disk_members *block = blkrepl_block_pick(
                        head + (size_t)(BLKREPL_AT_MEMBERS + 2 * index) * BLKREPL_BLOCK_SIZE, BLKREPL_BLOCK_MEMBERS, index, &tag);
                const struct blkrepl_disk_member *m;

                if (!block)
                        return -EUCLEAN;
                m = block->m + i % BLKREPL_MEMBERS_PER_BLOCK;
                if (!(le32_to_cpu(m->flags) & BLKREPL_MEMBER_USED))
                        continue;
                if (m->name[BLKREPL_NAME_SIZE - 1])
                        return -EUCLEAN;
                to->place = i;
                to->uuid = uuid_at(m->uuid);
                memcpy(to->name, m->name, BLKREPL_NAME_SIZE);
                to->size = le64_to_cpu(m->sectors) * 512;
                info->n_members++;
        }
        return 0;
}

static void parse_links(const char *head, uint64_t tag, struct logvol_info *info)
{
        for (uint32_t i = 0; i < BLKREPL_MAX_LINKS; i++) {
                const struct blkrepl_disk_link *d = blkrepl_block_pick(
                        head + (size_t)(BLKREPL_AT_LINKS + 2 * i) * BLKREPL_BLOCK_SIZE, BLKREPL_BLOCK_LINK, i, &tag);
                struct logvol_link *l = info->links + i;

                if (!d || !(le32_to_cpu(d->flags) & BLKREPL_LINK_USED) ||
                    d->name[BLKREPL_NAME_SIZE - 1] || d->peer_name[BLKREPL_NAME_SIZE - 1])
                        continue;
                l->used = true;
                l->target_side = le32_to_cpu(d->flags) & BLKREPL_LINK_TARGET_SIDE;
                l->dissolved = le32_to_cpu(d->flags) & BLKREPL_LINK_DISSOLVED;
                l->uuid = uuid_at(d->uuid);
                l->peer_uuid = uuid_at(d->peer_uuid);
                memcpy(l->name, d->name, BLKREPL_NAME_SIZE);
                memcpy(l->peer_name, d->peer_name, BLKREPL_NAME_SIZE);
                l->sync_type = le16_to_cpu(d->sync_type);
                l->mode = le16_to_cpu(d->mode);
                l->rpo = le32_to_cpu(d->rpo_s);
                for (uint32_t k = 0; k < BLKREPL_MAX_MEMBERS; k++)
                        l->pair_uuid[k] = uuid_at(d->pair_uuid[k]);
        }
}

/* In a relationship one without a pair is to come, or has left. */
static void drop_unpaired(struct logvol_info *info)
{
        const struct logvol_link *l = info->links;
        uint32_t n = 0;

        if (!l->used)
                return;
        for (uint32_t i = 0; i < info->n_members; i++)
                if (!sd_id128_is_null(l->pair_uuid[info->members[i].place]))
                        info->members[n++] = info->members[i];
        info->n_members = n;
}

int logvol_parse(const void *head, uint64_t size, struct logvol_info *ret)
{
        const struct blkrepl_disk_super *sb;
        uint64_t tag;
        int r;

        sb = blkrepl_block_pick((const char *)head + BLKREPL_AT_SUPER * BLKREPL_BLOCK_SIZE, BLKREPL_BLOCK_SUPER, 0, NULL);
        if (!sb)
                return -EMEDIUMTYPE;
        r = blkrepl_super_check(sb, size / BLKREPL_BLOCK_SIZE);
        if (r < 0 && r != -EROFS)
                return r;
        *ret = (struct logvol_info){
                .group_uuid = uuid_at(sb->group_uuid),
                .role = le32_to_cpu(sb->role),
        };
        memcpy(ret->group_name, sb->group_name, BLKREPL_NAME_SIZE);
        tag = le64_to_cpu(sb->hdr.tag);
        r = parse_members(head, tag, ret);
        if (r < 0)
                return r;
        parse_links(head, tag, ret);
        drop_unpaired(ret);
        return 0;
}

/* Around the page cache, in which old blocks may linger: the module writes past it. */
static int read_head(const char *path, void **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
        void *head = NULL;
        ssize_t n;

        if (fd < 0)
                return -errno;
        if (posix_memalign(&head, BLKREPL_BLOCK_SIZE, LOGVOL_HEAD_SIZE) != 0)
                return -ENOMEM;
        n = pread(fd, head, LOGVOL_HEAD_SIZE, 0);
        if (n != (ssize_t)LOGVOL_HEAD_SIZE) {
                n = n < 0 ? -errno : -EMEDIUMTYPE;
                free(head);
                return n;
        }
        *ret = head;
        return 0;
}

static int print_head(void *argument)
{
        _cleanup_free_ char *head = NULL;
        int r = read_head(argument, (void **)&head);

        for (size_t at = 0; r >= 0 && at < LOGVOL_HEAD_SIZE;) {
                ssize_t n = write(STDOUT_FILENO, head + at, LOGVOL_HEAD_SIZE - at);

                if (n < 0)
                        return -errno;
                at += n;
        }
        return r;
}

struct wipe {
        const char *path;
        sd_id128_t group;
};

static int wipe_own(void *argument)
{
        struct wipe *w = argument;
        _cleanup_free_ struct logvol_info *info = malloc(sizeof(*info));
        _cleanup_free_ void *head = NULL;
        int r;

        if (!info)
                return -ENOMEM;
        r = read_head(w->path, &head);
        if (r >= 0)
                r = logvol_parse(head, UINT64_MAX, info);
        if (r < 0)
                return r == -ENOENT || r == -EMEDIUMTYPE ? 0 : r;
        return sd_id128_equal(info->group_uuid, w->group) ? device_wipe(w->path, LOGVOL_HEAD_SIZE) : 0;
}

int logvol_read(sd_event *event, const char *path, child_handler handler, void *userdata, struct child **ret)
{
        return child_call(event, print_head, (void *)path, handler, userdata, ret);
}

int logvol_wipe(sd_event *event, const char *path, sd_id128_t group, child_handler handler, void *userdata, struct child **ret)
{
        return child_call(event, wipe_own, &(struct wipe){ path, group }, handler, userdata, ret);
}
