/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which commands of the module an operation consists of, in which situation:
 * one table. Pure.
 *
 * Each command is atomic and durable, and does nothing where its result already
 * holds. So a sequence that was broken off is begun anew from its first step.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SEQUENCE_STEPS_MAX 8

enum step_kind {
        STEP_END,
        STEP_UP,                /* the group comes up */
        STEP_DOWN,              /* it goes down */
        STEP_CLOSE,             /* its replica devices must not be open */
        STEP_ATTACH,            /* it opens the other side's devices; the state stays */
        STEP_CONNECT,           /* the same, and what flows goes on */
        STEP_DISCONNECT,        /* it closes them */
        STEP_DRAIN,             /* its copy comes to its end */
        STEP_SNAPSHOT,          /* its volumes are kept, as far as that is asked for */
        STEP_CHOOSE,            /* whether it was left half restored, and can be put back to what was kept */
        STEP_PUT_BACK,          /* its volumes become what was kept */
        STEP_OPERATE,           /* the operation, on its half */
        STEP_OBJECTIVE,         /* its half gets the objective that goes with the mode */
};

/* As at the beginning, even when the two have changed places since. */
enum step_side {
        STEP_SOURCE,
        STEP_TARGET,
        STEP_DRIVER,            /* whose half stood for the relationship */
        STEP_OTHER,             /* the other one */
};

/* struct step.flags */
#define STEP_OPTIONAL           (1u << 0)       /* the sequence goes on when it fails */
#define STEP_FORCE              (1u << 1)       /* with force, whatever the caller gave */
#define STEP_IF_UP              (1u << 2)       /* only if the group is up */
#define STEP_IF_PENDING         (1u << 3)       /* only if the other side may not have been told */
#define STEP_IF_CLOSED          (1u << 4)       /* only if the other side's half does not let it come up: it may not know yet */
#define STEP_LATER              (1u << 5)       /* the operation is done without it, but it is tried until it is */
#define STEP_TO_SOURCE          (1u << 6)       /* ReverseRoles: the half becomes the source */
#define STEP_TO_TARGET          (1u << 7)       /* or the target */
#define STEP_IF_CHOSEN          (1u << 8)       /* only if it is put back */
#define STEP_IF_ALONE           (1u << 10)      /* only if it is up and the other side is down */
#define STEP_TAKE_OVER          (1u << 9)       /* also if its half does not let it: it becomes Failedover by itself */

struct step {
        uint8_t kind, side;
        uint16_t flags;
};

/*
 * The steps of an operation in a state, ended by STEP_END. Two pairs that the
 * table of operations does not use mean the completion of what is half done:
 * Failover in Failedover, and Failback in Unsynchronized, the hand-over. Partitioned
 * is the state of two of which neither is up.
 */
const struct step *sequence_plan(unsigned int operation, unsigned int state);
/* The mode to which ResetToSync and ResetToAsync lead; 0: another operation */
unsigned int sequence_mode(unsigned int operation);
/* The target takes access, and the source, which may be out of reach, is told when it is met. */
bool sequence_tells_later(unsigned int operation, unsigned int state);
