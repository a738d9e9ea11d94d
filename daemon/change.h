/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change of a group by itself: it is made, gets or loses a member, or gets
 * another name.
 *
 * It is noted before anything is done. What has become of it is told by the
 * module, or by the log volume while the group is not up: the instant at which a
 * member comes or goes is one write there. So a change that was broken off is
 * not done again; it is seen what it came to, and the rest is made to fit.
 */
#pragma once

#include "group.h"

enum change_kind {
        CHANGE_CREATE,
        CHANGE_ADD_MEMBER,
        CHANGE_REMOVE_MEMBER,
        CHANGE_RENAME,
        CHANGE_LEND,                    /* it is to be the target of a new relationship, which overwrites its metadata */
};

struct change {
        enum change_kind kind;
        bool running;                   /* it is being made, or looked at */
        bool remove_volumes;            /* those that were carved, once they are no members any more */
        struct member members[2];       /* the group's, and in a relationship the one on the other side */
        size_t n_members;
};

typedef void (*change_handler)(struct group *g, void *userdata);

/*
 * Sees what a change that was broken off came to. 1: the handler is called when
 * that is done. 0: there is nothing to do, or it cannot be seen yet.
 */
int change_resume(struct group *g, change_handler handler, void *userdata);
/* Its members, as the module tells them; it is up. Nothing else of info is filled but its names. */
struct logvol_info;
int change_ask_members(struct group *g, struct logvol_info *info);
/* Brings them into the order of the log volume; pairs stay together. */
void change_sort_members(struct group *g, const struct logvol_info *info);
/* The group has no change any more. */
void change_forget(struct group *g);
