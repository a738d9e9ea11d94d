/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The List methods of org.blkrepl1.System: tables for busctl. */
#include <sys/utsname.h>

#include "aspect.h"
#include "bus.h"
#include "job.h"
#include "list-bus.h"
#include "peer.h"
#include "volume.h"

static int begin(sd_bus_message *m, const char *row, sd_bus_message **ret)
{
        int r = sd_bus_message_new_method_return(m, ret);

        return r < 0 ? r : sd_bus_message_open_container(*ret, 'a', row);
}

static int end(sd_bus_message *reply, int r)
{
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

int list_groups(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = begin(m, "(ssssuto)", &reply);

        for (struct group *g = ((struct manager *)userdata)->groups; r >= 0 && g; g = g->next) {
                _cleanup_free_ char *path = group_path(g);

                if (!g->hidden && path)
                        r = sd_bus_message_append(reply, "(ssssuto)", UUID_TEXT(g->uuid), g->name, group_role_name(g),
                                                  group_state_name(g), (uint32_t)g->n_members, group_size(g), path);
        }
        return end(reply, r);
}

int list_relationships(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = begin(m, "(sssssssdto)", &reply);

        for (struct relationship *q = ((struct manager *)userdata)->relationships; r >= 0 && q; q = q->next) {
                _cleanup_free_ char *path = relationship_path(q);

                if (!relationship_is_shown(q) || !path)
                        continue;
                relationship_refresh(q, false);
                r = sd_bus_message_append(reply, "(sssssssdto)", UUID_TEXT(q->uuid), q->name, q->source->name, q->target->name,
                                          strempty(blkrepl_mode_name(q->mode)),
                                          strempty(blkrepl_copy_state_name(relationship_state(q))),
                                          strempty(blkrepl_consistency_name(q->kernel.consistency_state)),
                                          relationship_percent(q), q->kernel.backlog_bytes, path);
        }
        return end(reply, r);
}

int list_aspects(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = begin(m, "(sssstbttto)", &reply);

        for (struct relationship *q = ((struct manager *)userdata)->relationships; r >= 0 && q; q = q->next) {
                _cleanup_free_ char *path = aspect_path(q);

                if (!aspect_is_shown(q) || !path)
                        continue;
                relationship_refresh(q, false);
                r = sd_bus_message_append(reply, "(sssstbttto)", UUID_TEXT(q->uuid), q->name, q->source->name, q->target->name,
                                          q->aspect.point, (int)q->aspect.consistent, aspect_changed_bytes(q, SIDE_SOURCE),
                                          aspect_changed_bytes(q, SIDE_TARGET), q->aspect.expires, path);
        }
        return end(reply, r);
}

int list_pairs(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = begin(m, "(ssssssto)", &reply);

        for (struct relationship *q = ((struct manager *)userdata)->relationships; q; q = q->next) {
                if (!relationship_is_shown(q))
                        continue;
                relationship_refresh(q, false);
                for (size_t i = 0; r >= 0 && i < q->target->n_members; i++) {
                        const struct member *t = q->target->members + i;
                        const struct kernel_pair *k = q->pairs + i;
                        _cleanup_free_ char *path = pair_path(t->uuid);

                        r = sd_bus_message_append(reply, "(ssssssto)", UUID_TEXT(t->uuid), q->name, q->source->members[i].path, t->path,
                                                  strempty(blkrepl_copy_state_name(q->up ? k->copy_state : BLKREPL_COPY_STATE_NOT_APPLICABLE)),
                                                  strempty(blkrepl_leg_state_name(k->leg_state)), k->bytes_dirty, path ?: "/");
                }
        }
        return end(reply, r);
}

static int append_volume(const struct volume *v, void *userdata)
{
        _cleanup_free_ char *path = volume_path(v);
        char holder[600];

        return sd_bus_message_append(userdata, "(sssssto)", v->name, v->device, v->pool,
                                     v->group && !v->group->hidden ? v->group->name : "",
                                     volume_usage(v, holder, sizeof(holder)), v->size, path ?: "/");
}

int list_volumes(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = begin(m, "(sssssto)", &reply);

        if (r >= 0)
                r = volume_each(userdata, append_volume, reply);
        return end(reply, r);
}

int list_pools(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const struct lvm_report *report = lvm_get_report(((struct manager *)userdata)->lvm);
        int r = begin(m, "(ssttuo)", &reply);

        for (size_t i = 0; r >= 0 && i < report->n_vgs; i++) {
                const struct lvm_vg *vg = report->vgs + i;
                _cleanup_free_ char *path = pool_path(vg);
                uint32_t n = 0;

                for (size_t k = 0; k < report->n_lvs; k++)
                        n += streq(report->lvs[k].vg, vg->name);
                r = sd_bus_message_append(reply, "(ssttuo)", vg->uuid, vg->name, vg->size, vg->free, n, path ?: "/");
        }
        return end(reply, r);
}

int list_peers(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = peer_local_path();
        struct utsname u;
        int r = begin(m, "(sssbo)", &reply);

        if (r >= 0)
                r = sd_bus_message_append(reply, "(sssbo)", UUID_TEXT(peer_local_uuid()), uname(&u) < 0 ? "local" : u.nodename, "online", 1, path ?: "/");
        return end(reply, r);
}

int list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = begin(m, "(tssssdo)", &reply);

        for (struct job *j = ((struct manager *)userdata)->jobs; r >= 0 && j; j = j->next) {
                _cleanup_free_ char *path = job_path(j);

                if (j->relationship && !job_is_over(j))
                        relationship_refresh(j->relationship, false);
                r = sd_bus_message_append(reply, "(tssssdo)", j->id, j->type, j->relationship_name, job_state_name(j->state), j->phase, job_progress(j), path ?: "/");
        }
        return end(reply, r);
}
