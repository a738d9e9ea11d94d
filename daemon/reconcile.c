/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reconcile.h"

static bool stands_apart(const struct half *h)
{
        return h->up && (h->kernel.copy_state == BLKREPL_COPY_STATE_FRACTURED || h->kernel.copy_state == BLKREPL_COPY_STATE_SPLIT ||
                         h->kernel.copy_state == BLKREPL_COPY_STATE_SKEWED);
}

static bool failed_over(const struct half *h)
{
        return h->up && h->kernel.copy_state == BLKREPL_COPY_STATE_FAILEDOVER;
}

struct remainder reconcile(const struct half half[N_SIDES], const bool closed[N_SIDES], bool told, bool dissolved)
{
        const struct half *source = half + SIDE_SOURCE, *target = half + SIDE_TARGET;
        struct remainder nothing = {};

        for (enum side i = 0; i < N_SIDES; i++)
                dissolved |= half[i].up && half[i].kernel.dissolved;
        /* One half knows that it was dissolved, the other does not. */
        for (enum side i = 0; dissolved && i < N_SIDES; i++)
                if (stands_apart(half + i) && (!half[i].kernel.dissolved || (closed[!i] && !half[!i].up && !told)))
                        return (struct remainder){ BLKREPL_OPERATION_DISSOLVE, half[i].kernel.copy_state, SIDE_SOURCE, i };
        if (dissolved)
                return nothing;
        /* It gave its access away: it goes, and the target serves. */
        if (failed_over(source))
                return (struct remainder){ BLKREPL_OPERATION_FAILOVER, BLKREPL_COPY_STATE_FAILEDOVER, SIDE_SOURCE, SIDE_SOURCE };
        /* It did so, and went; the target stood apart and was not told yet. */
        if (closed[SIDE_SOURCE] && !source->up && stands_apart(target))
                return (struct remainder){ BLKREPL_OPERATION_FAILOVER, target->kernel.copy_state, SIDE_SOURCE, SIDE_TARGET };
        /* All is copied back, and the source is to serve again. */
        if (target->up && target->kernel.progress_status == BLKREPL_PROGRESS_STATUS_FAILING_BACK &&
            (target->kernel.copy_state == BLKREPL_COPY_STATE_SYNCHRONIZED || target->kernel.pending))
                return (struct remainder){ BLKREPL_OPERATION_FAILBACK, BLKREPL_COPY_STATE_UNSYNCHRONIZED, SIDE_SOURCE, SIDE_TARGET };
        /* Two targets: the source gave its role away. */
        if (source->up && target->up && source->kernel.role == BLKREPL_ROLE_TARGET && target->kernel.role == BLKREPL_ROLE_TARGET) {
                if (!stands_apart(source) || !stands_apart(target))
                        return nothing;
                return (struct remainder){ BLKREPL_OPERATION_REVERSE_ROLES, BLKREPL_COPY_STATE_SPLIT, SIDE_SOURCE, SIDE_SOURCE };
        }
        for (enum side i = 0; i < N_SIDES; i++) {
                const struct half *h = half + i;

                if (!h->up || half[!i].up)
                        continue;
                if (stands_apart(h) && closed[!i] && !told)
                        return (struct remainder){ BLKREPL_OPERATION_FRACTURE, h->kernel.copy_state, SIDE_SOURCE, i };
                if (h->kernel.pending && h->kernel.role == BLKREPL_ROLE_TARGET)
                        return (struct remainder){ BLKREPL_OPERATION_REVERSE_ROLES, h->kernel.copy_state, i, i };
        }
        return nothing;
}

/*
 * Whether its own half lets it is for the module to say; here it matters that
 * the other half does not hold its volumes.
 */
bool reconcile_may_come_up(const struct half half[N_SIDES], enum side side)
{
        const struct half *other = half + !side;

        if (!other->up)
                return true;
        return stands_apart(other) && !other->kernel.connected;
}

enum side reconcile_to_connect(const struct half half[N_SIDES], enum side driver)
{
        const struct half *h = half + driver;

        if (!h->up || half[!driver].up || h->kernel.connected || h->kernel.pending || stands_apart(h) || failed_over(h))
                return N_SIDES;
        return driver;
}
