/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of SetReplicationRelationship, and what else changes a relationship or a group. */
#pragma once

#include "options.h"
#include "relationship.h"

/* They check, begin, and reply to the message when the module has answered. */
int operation_run(struct relationship *q, unsigned int operation, const struct options *o, sd_bus_message *message, sd_bus_error *e);
int operation_set(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e);
int operation_start(struct group *g, sd_bus_message *message, sd_bus_error *e);
int operation_stop(struct group *g, sd_bus_message *message, sd_bus_error *e);
int operation_resize(struct group *g, sd_bus_message *message, sd_bus_error *e);
int operation_delete(struct group *g, const struct options *o, sd_bus_message *message, sd_bus_error *e);

/* Aborts the copy that a job follows. */
int operation_cancel_copy(struct job *j, sd_bus_error *e);

/* (u, o, a{sv}) */
int operation_reply(sd_bus_message *message, const struct relationship *q, const struct job *j);
int operation_append_status(sd_bus_message *reply, const struct relationship *q, bool started);
char **operation_list_legal(const struct relationship *q);
/* The polkit action of an operation */
const char *operation_action(unsigned int operation);
