/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What outlives the daemon: names and wishes, in SQLite. The truth about the
 * data lies on the log volumes.
 *
 * A creation writes its rows together with an intent before it acts. The
 * intent's phase tells the next instance what to do: undo a creation in phase
 * "prepare" or "undo", go on with one in phase "copy". An operation is noted
 * as an intent of its own (sequence.h). A tombstone names a relationship that
 * ended while the group could not be told. A change of a group by itself is
 * noted as well (change.h), and so are pairs that move (move.h). A relationship
 * that was dissolved keeps its row, beside which there is one of its aspect.
 */
#pragma once

#include "change.h"
#include "group.h"
#include "move.h"
#include "relationship.h"
#include "sequence.h"

/* What a creation found and keeps when it is undone */
#define INTENT_KEEP_SOURCE (1u << 0)
#define INTENT_KEEP_TARGET (1u << 1)

enum intent_phase {
        INTENT_PREPARE,
        INTENT_COPY,
        INTENT_UNDO,
};

typedef int (*store_intent_handler)(sd_id128_t relationship, enum intent_phase phase, unsigned int keep, void *userdata);

typedef int (*store_operation_handler)(sd_id128_t relationship, const struct sequence_intent *intent, void *userdata);

int store_open(const char *path, struct store **ret);
/* For who is not the daemon: -ESTALE when only the daemon can read it, after changing it. */
int store_open_readonly(const char *path, struct store **ret);
struct store *store_close(struct store *s);

int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);

int store_put_group(struct store *s, const struct group *g);
int store_delete_group(struct store *s, sd_id128_t uuid);
int store_put_relationship(struct store *s, const struct relationship *q);
int store_delete_relationship(struct store *s, sd_id128_t uuid);
/* It was dissolved; its aspect goes with the row. */
int store_put_aspect(struct store *s, const struct relationship *q);
int store_delete_aspect(struct store *s, sd_id128_t relationship);
int store_put_intent(struct store *s, sd_id128_t relationship, enum intent_phase phase, unsigned int keep);
int store_delete_intent(struct store *s, sd_id128_t relationship);

int store_put_operation(struct store *s, sd_id128_t relationship, const struct sequence_intent *intent);
int store_delete_operation(struct store *s, sd_id128_t relationship);
int store_put_tombstone(struct store *s, sd_id128_t group, sd_id128_t relationship);
int store_delete_tombstone(struct store *s, sd_id128_t group);

int store_put_change(struct store *s, sd_id128_t group, const struct change *c);
int store_delete_change(struct store *s, sd_id128_t group);

int store_put_move(struct store *s, const struct move *mv);
int store_delete_move(struct store *s, sd_id128_t to);

/* Makes the objects of all rows. */
int store_load(struct store *s, struct manager *m);
int store_each_intent(struct store *s, store_intent_handler handler, void *userdata);
int store_each_operation(struct store *s, store_operation_handler handler, void *userdata);
