/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module's commands on groups and halves of relationships, each sent by a child. */
#pragma once

#include "child.h"
#include "relationship.h"

enum command_flags {
        COMMAND_FORCE = 1 << 0,
        COMMAND_TAKE_OVER = 1 << 1,     /* with force: a closed target becomes Failedover by itself */
};

/* Brings a group up that has metadata; -EACCES: it is closed in the present state of its relationship. */
int command_group_new(struct group *g, enum command_flags flags, child_handler handler, void *userdata);
/* With force even while its replica devices are open. */
int command_group_del(struct group *g, bool force, child_handler handler, void *userdata);

/* The half's group opens the other group's devices; inactive: the state stays. timeout_ms 0: the module's own. */
int command_connect(struct relationship *q, struct group *g, bool inactive, uint32_t timeout_ms, child_handler handler, void *userdata);
int command_disconnect(struct relationship *q, struct group *g, uint32_t timeout_ms, child_handler handler, void *userdata);

/* The path of a device of the group that is not there; NULL: all are. */
const char *command_missing_device(const struct group *g);
