/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the two halves of a relationship say together.
 *
 * At most one half drives, that is, mirrors or copies; it holds the other
 * side's volumes, so that group is down. Where both are up they stand apart,
 * each tracking its own writes. See docs/daemon.md.
 */
#include "../kernel/role.h"
#include "relationship.h"

static bool stands_apart(unsigned int state)
{
        return state == BLKREPL_COPY_STATE_FRACTURED || state == BLKREPL_COPY_STATE_SPLIT || state == BLKREPL_COPY_STATE_SKEWED;
}

/*
 * The log volumes tell the roles, not the database. Two halves that have the
 * same role are in the middle of changing places: that is not decided yet.
 */
bool halves_are_swapped(const struct half half[N_SIDES])
{
        const struct half *source = half + SIDE_SOURCE, *target = half + SIDE_TARGET;

        if (source->up && target->up)
                return source->kernel.role == BLKREPL_ROLE_TARGET && target->kernel.role == BLKREPL_ROLE_SOURCE;
        if (source->up)
                return source->kernel.role == BLKREPL_ROLE_TARGET;
        return target->up && target->kernel.role == BLKREPL_ROLE_SOURCE;
}

enum side halves_driver(const struct half half[N_SIDES], enum side last)
{
        const struct half *source = half + SIDE_SOURCE, *target = half + SIDE_TARGET;

        if (source->up && target->up)
                return source->kernel.copy_state == BLKREPL_COPY_STATE_FAILEDOVER ? SIDE_TARGET : SIDE_SOURCE;
        if (!source->up && !target->up)
                return last;
        return source->up ? SIDE_SOURCE : SIDE_TARGET;
}

void halves_combine(const struct half half[N_SIDES], enum side driver, struct kernel_relationship *ret)
{
        const struct half *source = half + SIDE_SOURCE, *target = half + SIDE_TARGET;

        *ret = half[driver].kernel;
        if (!half[driver].up)
                ret->connected = false;

        /* The target's own half notices that it was written. */
        if (driver == SIDE_SOURCE && stands_apart(source->kernel.copy_state) && target->known && stands_apart(target->kernel.copy_state)) {
                if (target->kernel.copy_state == BLKREPL_COPY_STATE_SKEWED)
                        ret->copy_state = BLKREPL_COPY_STATE_SKEWED;
                ret->bytes_dirty += target->kernel.bytes_dirty;
                if (ret->bytes_dirty > ret->bytes_total)
                        ret->bytes_dirty = ret->bytes_total;
                ret->backlog_bytes = ret->bytes_dirty;
        }
        /* All is copied back, but the source does not serve yet. */
        if (ret->progress_status == BLKREPL_PROGRESS_STATUS_FAILING_BACK && ret->copy_state == BLKREPL_COPY_STATE_SYNCHRONIZED)
                ret->copy_state = BLKREPL_COPY_STATE_UNSYNCHRONIZED;
}
