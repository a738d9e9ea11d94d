/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include <systemd/sd-daemon.h>

#include "aspect.h"
#include "bus.h"
#include "job.h"
#include "signals.h"

static void send_changes(struct manager *m, char *path, const char *interface)
{
        _cleanup_free_ char *p = path;

        if (p && m->bus)
                sd_bus_emit_properties_changed_strv(m->bus, p, interface, NULL);
}

static void send_pool_changes(struct manager *m)
{
        const struct lvm_report *r = lvm_get_report(m->lvm);

        for (size_t i = 0; i < r->n_vgs; i++)
                send_changes(m, pool_path(r->vgs + i), "org.blkrepl1.Pool");
        m->pools_changed = false;
}

void signals_send_changes(struct manager *m)
{
        if (m->pools_changed)
                send_pool_changes(m);
        for (struct group *g = m->groups; g; g = g->next)
                if (g->changed && !g->hidden) {
                        g->changed = false;
                        send_changes(m, group_path(g), "org.blkrepl1.Group");
                }
        for (struct relationship *q = m->relationships; q; q = q->next)
                if (q->changed && !q->hidden) {
                        q->changed = false;
                        if (q->dissolved) {
                                send_changes(m, aspect_path(q), "org.blkrepl1.SynchronizationAspect");
                                continue;
                        }
                        send_changes(m, relationship_path(q), "org.blkrepl1.Relationship");
                        for (size_t i = 0; i < q->target->n_members; i++)
                                send_changes(m, pair_path(q->target->members[i].uuid), "org.blkrepl1.SyncPair");
                }
        for (struct job *j = m->jobs; j; j = j->next)
                if (j->changed) {
                        j->changed = false;
                        send_changes(m, job_path(j), "org.blkrepl1.Job");
                }
}

void signals_send_group_event(struct group *g, const char *name)
{
        _cleanup_free_ char *path = group_path(g);

        if (path && g->manager->bus && !g->hidden)
                sd_bus_emit_signal(g->manager->bus, BUS_ROOT, "org.blkrepl1.System", "Event", "osa{sv}", path, strempty(name),
                                   1, "Name", "s", g->name);
}

void relationship_send_event(struct relationship *q, const char *name)
{
        _cleanup_free_ char *path = q->dissolved ? aspect_path(q) : relationship_path(q);

        if (path && q->manager->bus && !q->hidden)
                sd_bus_emit_signal(q->manager->bus, BUS_ROOT, "org.blkrepl1.System", "Event", "osa{sv}", path, strempty(name), 11,
                                   "Name", "s", q->name,
                                   "CopyState", "s", strempty(blkrepl_copy_state_name(relationship_state(q))),
                                   "ProgressStatus", "s", strempty(blkrepl_progress_name(relationship_progress(q))),
                                   "ConsistencyState", "s", strempty(blkrepl_consistency_name(q->kernel.consistency_state)),
                                   "Reason", "s", q->kernel.reason,
                                   "BacklogBytes", "t", q->kernel.backlog_bytes,
                                   "RecoveryPoint", "t", relationship_recovery_point(q),
                                   "RecoveryPointAge", "t", relationship_recovery_point_age(q),
                                   "RecoveryPointObjective", "u", q->rpo,
                                   "RpoState", "s", strempty(blkrepl_rpo_state_name(relationship_rpo_state(q))),
                                   "Revision", "t", q->kernel.revision);
}

void signals_module_changed(struct manager *m)
{
        if (m->bus)
                sd_bus_emit_properties_changed(m->bus, BUS_ROOT, "org.blkrepl1.System", "ModuleLoaded", NULL);
}

void signals_log_state(const struct relationship *q)
{
        char name[96], state[48];
        const char *fields[] = { name, state };
        bool bad = q->kernel.copy_state == BLKREPL_COPY_STATE_BROKEN ||
                   q->kernel.copy_state == BLKREPL_COPY_STATE_MIXED;

        snprintf(name, sizeof(name), "BLKREPL_RELATIONSHIP=%s", q->name);
        snprintf(state, sizeof(state), "BLKREPL_COPY_STATE=%s", strempty(blkrepl_copy_state_name(q->kernel.copy_state)));
        log_fields(bad ? LOG_WARNING : LOG_INFO, fields, ELEMENTSOF(fields), "The relationship %s is %s%s%s", q->name,
                   strempty(blkrepl_copy_state_name(q->kernel.copy_state)), *q->kernel.reason ? ": " : ".", q->kernel.reason);
}

void signals_log_objective(const struct relationship *q, unsigned int event)
{
        uint64_t point = relationship_recovery_point(q), age = relationship_recovery_point_age(q);
        char name[96], what[48], objective[64], stamp[64], old[64], seconds[32] = "unknown";
        const char *fields[] = { name, what, objective, stamp, old };

        /* One that is taken away is no news. */
        if (!q->rpo)
                return;
        snprintf(name, sizeof(name), "BLKREPL_RELATIONSHIP=%s", q->name);
        snprintf(what, sizeof(what), "BLKREPL_EVENT=%s", strempty(blkrepl_event_name(event)));
        snprintf(objective, sizeof(objective), "BLKREPL_RECOVERY_POINT_OBJECTIVE=%u", q->rpo);
        snprintf(stamp, sizeof(stamp), "BLKREPL_RECOVERY_POINT=%" PRIu64, point);
        snprintf(old, sizeof(old), "BLKREPL_RECOVERY_POINT_AGE=%" PRIu64, age);
        if (age != UINT64_MAX)
                snprintf(seconds, sizeof(seconds), "%.1f s", (double)age / USEC_PER_SEC);

        switch (event) {
        case BLKREPL_EVENT_RPO_EXCEEDED:
                log_fields(LOG_WARNING, fields, ELEMENTSOF(fields), "The recovery-point objective of the relationship %s is exceeded: the age is %s, the objective %u s.",
                           q->name, seconds, q->rpo);
                break;
        case BLKREPL_EVENT_RPO_UNKNOWN:
                log_fields(LOG_WARNING, fields, ELEMENTSOF(fields), "The target of the relationship %s has no recovery point; the objective is %u s.", q->name, q->rpo);
                break;
        case BLKREPL_EVENT_RPO_MET:
                log_fields(LOG_NOTICE, fields, ELEMENTSOF(fields), "The recovery-point objective of the relationship %s is met again: the age is %s, the objective %u s.",
                           q->name, seconds, q->rpo);
                break;
        case BLKREPL_EVENT_RPO_KNOWN:
                log_fields(LOG_NOTICE, fields, ELEMENTSOF(fields), "The target of the relationship %s has a recovery point: the age is %s, the objective %u s.",
                           q->name, seconds, q->rpo);
                break;
        }
}

void signals_ready(struct manager *m)
{
        size_t groups = 0, relationships = 0;

        for (struct group *g = m->groups; g; g = g->next)
                groups++;
        for (struct relationship *q = m->relationships; q; q = q->next)
                relationships += relationship_is_shown(q);
        sd_notifyf(0, "READY=1\nSTATUS=%zu groups, %zu relationships%s", groups, relationships,
                   manager_module_loaded(m) ? "" : "; the kernel module is not loaded");
}
