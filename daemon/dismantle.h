/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking groups and their relationship apart: out of the module, then the
 * logical volumes that were made for them, tags, metadata, and last the rows.
 * Every step is one that may be repeated, so that it can begin anew at any time.
 */
#pragma once

#include "relationship.h"

struct dismantle_plan {
        struct relationship *relationship;      /* NULL: none */
        struct group *source, *target;          /* each may be NULL */
        bool remove_members;                    /* also the volumes that were carved as members */
        bool retry;                             /* until it is done, instead of failing */
};

/* When it is done the objects are gone. On failure they stay and e tells why. */
typedef void (*dismantle_handler)(const sd_bus_error *e, void *userdata);
/* While it is retried, what is in the way. */
typedef void (*dismantle_notice)(const char *obstacle, void *userdata);

int dismantle(struct manager *m, const struct dismantle_plan *plan, dismantle_handler handler, dismantle_notice notice, void *userdata);
