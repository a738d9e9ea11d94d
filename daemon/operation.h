/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of SetReplicationRelationship, and what else changes a relationship or a group. */
#pragma once

#include "options.h"
#include "sequence.h"

/* They check, begin, and reply to the message when it is done. */
int operation_run(struct relationship *q, unsigned int operation, const struct options *o, sd_bus_message *message, sd_bus_error *e);
/* AddSyncPair and RemoveSyncPair, of pairs that object paths name */
int operation_of_pairs(struct relationship *q, unsigned int operation, char *const *pairs, const struct options *o,
                       sd_bus_message *message, sd_bus_error *e);
int operation_set(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e);
/* A side that came up gets the settings of the one that was up, if they differ. 1: they are on their way. */
int operation_set_follow(struct relationship *q, enum side side);
int operation_start(struct group *g, const struct options *o, sd_bus_message *message, sd_bus_error *e);
int operation_stop(struct group *g, sd_bus_message *message, sd_bus_error *e);
int operation_resize(struct group *g, sd_bus_message *message, sd_bus_error *e);
int operation_delete(struct group *g, const struct options *o, sd_bus_message *message, sd_bus_error *e);

/* Not busy, one half up, the expected revision. 1: the message, which may be NULL, waits until it is not busy. */
int operation_check_ready(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e);

/* For sequences that nobody waits for */
void operation_completed(struct relationship *q, const struct sequence *s, int error, const char *message, void *userdata);

/* A job for the copy that the operation began; NULL: it is over already. */
struct job *operation_follow_copy(struct relationship *q, unsigned int operation);
/* An aspect that nobody waits for. False: not now. */
bool operation_end_aspect(struct relationship *q);
/* Aborts the copy that a job follows. */
int operation_cancel_copy(struct job *j, sd_bus_error *e);

/* The options that an operation takes, and its polkit action */
uint32_t operation_options(unsigned int operation);
const char *operation_action(unsigned int operation);
