/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying an operation out: its steps, one after the other, each in a child.
 *
 * An intent is in the database before the first step and goes after the last;
 * at its next start the daemon begins anew what it finds there. A sequence that
 * fails is over. If the operation had taken effect on one side, what is left to
 * do is seen from the halves (reconcile.h) and done as soon as that is possible.
 * What they do not tell stays an intent: the end of a relationship on one side,
 * Dissolve, and a source that does not know yet that its target serves.
 */
#pragma once

#include "relationship.h"

/* What is remembered of a sequence */
struct sequence_intent {
        unsigned int operation, state;
        sd_id128_t source;              /* the group that was the source at the beginning */
        enum side driver;               /* the half that stood for the relationship then */
        bool force, hold_source_io;
        bool keep_snapshot;             /* of what will be overwritten. Abort: the source is put back to one */
        bool need_snapshot;             /* and fail when that cannot be */
        uint32_t timeout_ms;            /* 0: the module's own */
        uint64_t retention;             /* Dissolve: microseconds that the aspect is kept; 0: for ever */
        uint32_t objective;             /* ResetToSync, ResetToAsync: seconds */
        char name[BLKREPL_NAME_MAX + 1];        /* ResyncReplica: that an aspect has as a relationship again; empty: it is none */
        unsigned int step;              /* so many have been done */
        bool begun;                     /* the operation has taken effect somewhere */

        uint64_t expected_revision;     /* 0: any; it is not stored */
};

/* error < 0: message tells what is wrong. The handler may end the relationship. */
typedef void (*sequence_handler)(struct relationship *q, const struct sequence *s, int error, const char *message, void *userdata);

/* The handler may be called before this returns, but not when it fails. */
int sequence_start(struct relationship *q, const struct sequence_intent *intent, sequence_handler handler, void *userdata);
/* The source must not come up before the target has: it may not know that it is failed over. */
bool sequence_wants_target_first(const struct sequence *s);
/* Begins the relationship's sequence anew, if there is one that waits for that. 1: begun. */
int sequence_resume(struct relationship *q, sequence_handler handler);
struct sequence *sequence_free(struct sequence *s);

bool sequence_is_running(const struct sequence *s);
/* The relationship changed: one that waits for the end of a copy looks again. */
void sequence_poll(struct sequence *s);
/* ProgressStatus while it runs; 0: the module's word is good */
unsigned int sequence_progress(const struct sequence *s);
const struct sequence_intent *sequence_get_intent(const struct sequence *s);
/* VG/LV of the snapshots that it made, and why there is none although they were wanted; each may be NULL */
char *const *sequence_snapshots(const struct sequence *s);
const char *sequence_snapshot_obstacle(const struct sequence *s);
/* The source has been put back to what it was before a restore. */
bool sequence_put_back(const struct sequence *s);

/* A test has the daemon die here, once; see docs/testing.md. */
void sequence_die_if_asked(unsigned int operation, unsigned int state, unsigned int steps);
/* Those that the last instance of the daemon left wait to be begun anew. */
int sequence_recover_intents(struct manager *m);
