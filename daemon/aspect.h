/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A SynchronizationAspect: the point in time of a relationship that was dissolved.
 *
 * The relationship has ended for whoever looks at it. Its halves stay on both log
 * volumes, marked as dissolved, and track what each side writes; and its structure
 * stays, so that they are brought up, told and ended by what does so for every
 * relationship. A creation between the same two groups makes it one again and
 * copies only what differs.
 */
#pragma once

#include "create.h"
#include "sequence.h"

bool aspect_is_shown(const struct relationship *q);
/* What a side has written since; of a group that is down as it was last, 0 if that is not known. */
uint64_t aspect_changed_bytes(const struct relationship *q, enum side side);
/* SHA-256 of the text of what identifies the point; NULL: no memory */
char *aspect_digest(const struct relationship *q);
/* Refuses what a group cannot have while there is an aspect of it. */
int aspect_check_none(const struct group *g, sd_bus_error *e);

/* A sequence has taken effect: the rows and objects are made to fit. done: it came to its end. */
int aspect_follow(struct relationship *q, const struct sequence_intent *intent, bool done);
/* The halves may tell what the database does not. */
void aspect_look(struct relationship *q);

/* The aspect that lies between the two groups of a creation, in whatever direction; NULL: none */
struct relationship *aspect_to_pair(struct manager *m, const struct create_params *p);
/* The creation of a relationship from its aspect; the reply comes later. */
int aspect_pair(struct relationship *q, const struct create_params *p, sd_bus_message *message, sd_bus_error *e);

/* The next end of a retention is waited for. */
void aspects_schedule(struct manager *m);

char *aspect_path(const struct relationship *q);
int aspect_find_object(sd_bus *bus, const char *path, const char *interface, void *userdata, void **found, sd_bus_error *e);
int aspect_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e);
extern const sd_bus_vtable aspect_vtable[];
