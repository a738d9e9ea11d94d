/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a crash, or another program, left half done between the two halves of a
 * relationship, and which sequence completes it. Pure.
 */
#pragma once

#include "relationship.h"

struct remainder {
        unsigned int operation, state;  /* what sequence_plan() takes; operation 0: nothing is left to do */
        enum side source;               /* the half that is the source in that plan */
        enum side driver;
};

/*
 * closed: the groups that could not come up because their half forbids it.
 * told: what stands apart has told the other side so, as far as that is possible.
 * dissolved: of the relationship its aspect is left.
 */
struct remainder reconcile(const struct half half[N_SIDES], const bool closed[N_SIDES], bool told, bool dissolved);
/* Whether a group may be tried to be brought up, seen from the other half. */
bool reconcile_may_come_up(const struct half half[N_SIDES], enum side side);
/* The half that should be connected and is not; N_SIDES: none. */
enum side reconcile_to_connect(const struct half half[N_SIDES], enum side driver);
