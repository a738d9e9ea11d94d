/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../kernel/state.h"
#include "sequence-plan.h"
#include "util.h"

#define STATE(name) (1u << BLKREPL_COPY_STATE_##name)
#define OPERATION(name) (1u << BLKREPL_OPERATION_##name)
#define APART (STATE(FRACTURED) | STATE(SPLIT) | STATE(SKEWED))
#define LOST (STATE(BROKEN) | STATE(PARTITIONED))
#define ANY (~0u)

#define DO(kind, side, flags...) { STEP_##kind, STEP_##side, flags }

/* The first row that fits is taken. */
static const struct {
        uint32_t operations, states;
        struct step steps[SEQUENCE_STEPS_MAX];
} sequences[] = {
        { OPERATION(ACTIVATE) | OPERATION(RESUME), ANY, {
                DO(ATTACH, DRIVER),
                DO(OPERATE, DRIVER),
        } },
        { OPERATION(DISSOLVE), APART, {
                DO(OPERATE, SOURCE, STEP_IF_UP),
                DO(OPERATE, TARGET, STEP_IF_UP),
                DO(ATTACH, DRIVER, STEP_IF_ALONE | STEP_OPTIONAL),
                DO(DISCONNECT, DRIVER, STEP_IF_ALONE | STEP_OPTIONAL),
        } },
        /* Both sides remember it, and both are to come up. */
        { OPERATION(DISSOLVE), STATE(FAILEDOVER), {
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
                DO(ATTACH, TARGET),
                DO(OPERATE, TARGET),
                DO(DISCONNECT, TARGET, STEP_OPTIONAL),
                DO(UP, SOURCE, STEP_OPTIONAL),
        } },
        { OPERATION(SPLIT) | OPERATION(DISSOLVE), STATE(INACTIVE) | STATE(SYNCHRONIZED) | STATE(SUSPENDED), {
                DO(ATTACH, SOURCE),
                DO(OPERATE, SOURCE),
                DO(DISCONNECT, SOURCE, STEP_OPTIONAL),
                DO(UP, TARGET, STEP_OPTIONAL),
        } },
        /* It must not wait for a target that does not answer: that is told afterwards. */
        { OPERATION(FRACTURE) | OPERATION(DISSOLVE), ANY, {
                DO(OPERATE, DRIVER),
                DO(DISCONNECT, DRIVER, STEP_OPTIONAL),
                DO(UP, OTHER, STEP_OPTIONAL),
                DO(ATTACH, DRIVER, STEP_IF_CLOSED | STEP_OPTIONAL),
                DO(DISCONNECT, DRIVER, STEP_OPTIONAL),
                DO(UP, OTHER, STEP_OPTIONAL),
        } },
        { OPERATION(SPLIT), STATE(UNSYNCHRONIZED), {
                DO(DRAIN, SOURCE),
                DO(OPERATE, SOURCE),
                DO(UP, TARGET, STEP_OPTIONAL),
        } },
        /*
         * The source gives its access away before the target gets it. One that
         * is out of reach is told before it can come up again.
         */
        { OPERATION(FAILOVER), APART, {
                DO(UP, TARGET),
                DO(OPERATE, SOURCE, STEP_IF_UP),
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(OPERATE, TARGET, STEP_FORCE),
                DO(ATTACH, TARGET, STEP_LATER),
        } },
        { OPERATION(FAILOVER), STATE(FAILEDOVER), {
                DO(ATTACH, SOURCE, STEP_IF_PENDING),
                DO(OPERATE, SOURCE, STEP_IF_PENDING),
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
                DO(OPERATE, TARGET, STEP_FORCE),
        } },
        /*
         * Neither is up. A source that can come up gives its access away as ever;
         * one that cannot is not asked. A target that has taken over already comes
         * up first, for then the module lets no source.
         */
        { OPERATION(FAILOVER), STATE(PARTITIONED), {
                DO(UP, TARGET, STEP_OPTIONAL),
                DO(UP, SOURCE, STEP_OPTIONAL),
                DO(ATTACH, SOURCE, STEP_IF_UP),
                DO(OPERATE, SOURCE, STEP_IF_UP),
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET, STEP_TAKE_OVER),
                DO(ATTACH, TARGET, STEP_LATER),
        } },
        { OPERATION(FAILOVER), LOST, {
                DO(DISCONNECT, SOURCE, STEP_OPTIONAL | STEP_IF_UP),
                DO(ATTACH, SOURCE, STEP_IF_UP),
                DO(OPERATE, SOURCE, STEP_IF_UP),
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
        } },
        { OPERATION(FAILOVER), ANY, {
                DO(ATTACH, SOURCE, STEP_IF_UP),
                DO(OPERATE, SOURCE, STEP_IF_UP),
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
        } },
        { OPERATION(FAILBACK), STATE(FAILEDOVER), {
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
                DO(SNAPSHOT, SOURCE),
                DO(ATTACH, TARGET),
                DO(OPERATE, TARGET),
        } },
        /* Either copy to the source was interrupted. */
        { OPERATION(FAILBACK), STATE(SUSPENDED) | LOST, {
                DO(DISCONNECT, TARGET, STEP_OPTIONAL),
                DO(ATTACH, TARGET),
                DO(OPERATE, TARGET),
        } },
        { OPERATION(RESTORE_FROM_REPLICA), STATE(SUSPENDED) | LOST, {
                DO(DISCONNECT, SOURCE, STEP_OPTIONAL),
                DO(ATTACH, SOURCE),
                DO(OPERATE, SOURCE),
        } },
        { OPERATION(FAILBACK), STATE(UNSYNCHRONIZED), {
                DO(ATTACH, TARGET, STEP_IF_UP),
                DO(OPERATE, TARGET, STEP_IF_UP),
                DO(DOWN, TARGET, STEP_FORCE),
                DO(UP, SOURCE),
                DO(CONNECT, SOURCE),
        } },
        { OPERATION(REVERSE_ROLES), STATE(FRACTURED) | STATE(SPLIT), {
                DO(UP, TARGET),
                DO(OPERATE, SOURCE, STEP_TO_TARGET),
                DO(OPERATE, TARGET, STEP_TO_SOURCE),
        } },
        { OPERATION(REVERSE_ROLES), STATE(FAILEDOVER), {
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
                DO(SNAPSHOT, SOURCE),
                DO(ATTACH, TARGET),
                DO(OPERATE, TARGET, STEP_TO_SOURCE),
        } },
        { OPERATION(REVERSE_ROLES), STATE(SUSPENDED), {
                DO(ATTACH, SOURCE, STEP_IF_UP),
                DO(OPERATE, SOURCE, STEP_TO_TARGET | STEP_IF_UP),
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
                DO(ATTACH, TARGET, STEP_OPTIONAL),
        } },
        { OPERATION(REVERSE_ROLES), ANY, {
                DO(ATTACH, SOURCE, STEP_IF_UP),
                DO(OPERATE, SOURCE, STEP_TO_TARGET | STEP_IF_UP),
                DO(DOWN, SOURCE, STEP_FORCE),
                DO(UP, TARGET),
                DO(CONNECT, TARGET),
        } },
        { OPERATION(RESYNC_REPLICA), LOST, {
                DO(DISCONNECT, SOURCE, STEP_OPTIONAL),
                DO(SNAPSHOT, TARGET),
                DO(ATTACH, SOURCE),
                DO(OPERATE, SOURCE),
        } },
        { OPERATION(RESYNC_REPLICA), ANY, {
                DO(DOWN, TARGET),
                DO(SNAPSHOT, TARGET),
                DO(ATTACH, SOURCE),
                DO(OPERATE, SOURCE),
        } },
        { OPERATION(RESTORE_FROM_REPLICA), ANY, {
                DO(CLOSE, SOURCE),
                DO(DOWN, TARGET),
                DO(SNAPSHOT, SOURCE),
                DO(ATTACH, SOURCE),
                DO(OPERATE, SOURCE),
        } },
        /* A restore leaves the source closed, unless there is something to put it back to. */
        { OPERATION(ABORT), ANY, {
                DO(OPERATE, DRIVER),
                DO(CHOOSE, SOURCE),
                DO(DOWN, SOURCE, STEP_FORCE | STEP_IF_CHOSEN),
                DO(PUT_BACK, SOURCE, STEP_IF_CHOSEN),
                DO(UP, SOURCE, STEP_IF_CHOSEN),
                DO(OPERATE, SOURCE, STEP_IF_CHOSEN),
        } },
        { OPERATION(RESET_TO_SYNC) | OPERATION(RESET_TO_ASYNC), APART, {
                DO(OPERATE, SOURCE, STEP_IF_UP),
                DO(OBJECTIVE, SOURCE, STEP_IF_UP),
                DO(OPERATE, TARGET, STEP_IF_UP),
                DO(OBJECTIVE, TARGET, STEP_IF_UP),
        } },
        { OPERATION(RESET_TO_SYNC) | OPERATION(RESET_TO_ASYNC), ANY, {
                DO(OPERATE, DRIVER),
                DO(OBJECTIVE, DRIVER),
        } },
        { OPERATION(DETACH), APART, {
                DO(OPERATE, SOURCE, STEP_IF_UP),
                DO(OPERATE, TARGET, STEP_IF_UP),
        } },
        { OPERATION(DETACH), ANY, {
                DO(DOWN, OTHER, STEP_FORCE),
                DO(ATTACH, DRIVER, STEP_OPTIONAL),
                DO(OPERATE, DRIVER),
                DO(UP, OTHER, STEP_OPTIONAL),
        } },
        { ANY, ANY, {
                DO(OPERATE, DRIVER),
        } },
};

bool sequence_tells_later(unsigned int operation, unsigned int state)
{
        return operation == BLKREPL_OPERATION_FAILOVER && state < 32 && ((APART | STATE(PARTITIONED)) >> state & 1);
}

unsigned int sequence_mode(unsigned int operation)
{
        return operation == BLKREPL_OPERATION_RESET_TO_SYNC ? BLKREPL_MODE_SYNCHRONOUS :
               operation == BLKREPL_OPERATION_RESET_TO_ASYNC ? BLKREPL_MODE_ASYNCHRONOUS : 0;
}

const struct step *sequence_plan(unsigned int operation, unsigned int state)
{
        for (size_t i = 0; operation < 32 && state < 32 && i < ELEMENTSOF(sequences); i++)
                if ((sequences[i].operations >> operation & 1) && (sequences[i].states >> state & 1))
                        return sequences[i].steps;
        return NULL;
}
