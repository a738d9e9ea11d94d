/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a log volume tells about its group; see kernel/format.h. */
#pragma once

#include "../kernel/format.h"
#include "child.h"
#include "util.h"

#define LOGVOL_HEAD_SIZE ((size_t)BLKREPL_AT_POOL * BLKREPL_BLOCK_SIZE)

struct logvol_member {
        uint32_t place;         /* in the member table */
        sd_id128_t uuid;
        char name[BLKREPL_NAME_SIZE];
        uint64_t size;
};

struct logvol_link {
        bool used, target_side, dissolved;
        sd_id128_t uuid, peer_uuid;
        char name[BLKREPL_NAME_SIZE], peer_name[BLKREPL_NAME_SIZE];
        uint16_t sync_type, mode;
        uint32_t rpo;           /* seconds */
        sd_id128_t pair_uuid[BLKREPL_MAX_MEMBERS];      /* by the members' places */
};

struct logvol_info {
        sd_id128_t group_uuid;
        char group_name[BLKREPL_NAME_SIZE];
        uint32_t role;          /* enum blkrepl_role */
        uint32_t n_members;
        struct logvol_member members[BLKREPL_MAX_MEMBERS];
        struct logvol_link links[BLKREPL_MAX_LINKS];
};

/*
 * -EMEDIUMTYPE when it holds no metadata, else what blkrepl_super_check() says.
 * size is that of the whole volume.
 */
int logvol_parse(const void *head, uint64_t size, struct logvol_info *ret);

/* Reads the head in a child; the result's output is what logvol_parse() takes. */
int logvol_read(sd_event *event, const char *path, child_handler handler, void *userdata, struct child **ret);

/* In a child: wipes the metadata if they are those of this group. */
int logvol_wipe(sd_event *event, const char *path, sd_id128_t group, child_handler handler, void *userdata, struct child **ret);
