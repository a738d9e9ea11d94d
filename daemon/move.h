/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AddSyncPair and RemoveSyncPair: pairs move from one relationship to another.
 *
 * Every pair is in a relationship. AddSyncPair brings it from the one that it is
 * in, which ends with its last pair; RemoveSyncPair brings it to one of its own,
 * which is made for that, without members at first. The move itself is one
 * command of the module (kernel/move.c).
 *
 * It is noted before. Whatever becomes of it is told by the module, or the log
 * volumes: the pairs are where they were, or where they were to go, or in the
 * middle in neither; then they join anew.
 */
#pragma once

#include "options.h"
#include "relationship.h"

struct logvol_info;

struct move {
        struct move *next;
        struct manager *manager;
        unsigned int operation;
        sd_id128_t to, from;            /* relationships */
        struct member *source, *target; /* the members of the pairs, on either side */
        size_t n;

        bool running;                   /* a child is at work on it */
        bool settled;                   /* what the groups have is known since it was broken off */
        bool loose;                     /* the pairs are in neither */
        unsigned int looked;            /* at so many groups */
        struct logvol_info *info[2];    /* of the group to move to, and from */
        size_t index;                   /* within what is done for each pair */
        bool done;
        sd_bus_message *message;        /* the call, if it is still waited for */
        sd_bus_error error;
};

struct move *move_new(struct manager *m, unsigned int operation, sd_id128_t to, sd_id128_t from, size_t n);
struct move *move_free(struct move *mv);
/* NULL: the relationship is in none. */
struct move *move_of(const struct relationship *q);
/* Takes it over when it succeeds: notes it, and begins. */
int move_start(struct move *mv);
/* What its members are is to be seen before the group may come up. */
bool move_is_unsettled(const struct group *g);
/* Goes on with what was broken off. */
void moves_resume(struct manager *m);
