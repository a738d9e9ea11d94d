/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gcrypt.h>
#include <stdio.h>

#include "../kernel/state.h"
#include "aspect.h"
#include "bringup.h"
#include "child.h"
#include "operation.h"
#include "queue.h"
#include "store.h"

#define RETRY_USEC (30 * USEC_PER_SEC)

bool aspect_is_shown(const struct relationship *q)
{
        return !q->hidden && q->dissolved;
}

uint64_t aspect_changed_bytes(const struct relationship *q, enum side side)
{
        return q->half[side].known ? q->half[side].kernel.bytes_dirty : 0;
}

char *aspect_digest(const struct relationship *q)
{
        _cleanup_free_ char *text = NULL;
        unsigned char digest[32];
        char *hex;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        fprintf(f, "%s\n%llu\n", UUID_TEXT(q->uuid), (unsigned long long)q->aspect.generation);
        for (enum side i = 0; i < N_SIDES; i++) {
                const struct group *g = relationship_group(q, i);

                for (size_t k = 0; k < g->n_members; k++)
                        fprintf(f, "%s %llu\n", UUID_TEXT(g->members[k].uuid), (unsigned long long)g->members[k].size);
        }
        if (fclose(f) != 0)
                return NULL;
        hex = malloc(2 * sizeof(digest) + 1);
        if (!hex)
                return NULL;
        /* The first call initializes the library. */
        gcry_check_version(NULL);
        gcry_md_hash_buffer(GCRY_MD_SHA256, digest, text, size);
        for (size_t i = 0; i < sizeof(digest); i++)
                sprintf(hex + 2 * i, "%02x", digest[i]);
        return hex;
}

int aspect_check_none(const struct group *g, sd_bus_error *e)
{
        const struct relationship *q = group_relationship(g);

        if (!q || !q->dissolved)
                return 0;
        return error_set(e, CODE_FAILED, "The group %s belongs to the aspect %s, which remembers when its relationship to the group %s was dissolved; delete that first (blkreplctl aspect delete %s).",
                         g->name, q->name, g == q->source ? q->target->name : q->source->name, q->name);
}

/* The point is that at which they parted, which was before if they stood apart already. */
static void learn(struct relationship *q)
{
        const struct half *h = q->half + (q->half[SIDE_SOURCE].up ? SIDE_SOURCE : SIDE_TARGET);

        q->aspect.point = h->kernel.recovery_point ?: h->kernel.when_synced ?: now_realtime();
        q->aspect.generation = h->kernel.base_generation ?: h->kernel.generation;
        q->aspect.consistent = q->kernel.consistency_state != BLKREPL_CONSISTENCY_STATE_INCONSISTENT;
}

static void switch_objects(struct relationship *q, bool dissolved, const char *name)
{
        relationship_send_event(q, "removed");
        relationship_announce(q, false);
        q->dissolved = dissolved;
        if (*name)
                copy_string(q->name, sizeof(q->name), name);
        relationship_announce(q, true);
        relationship_send_event(q, "created");
        relationship_changed(q);
        group_changed(q->source);
        group_changed(q->target);
        aspects_schedule(q->manager);
}

/* The relationship has ended. */
static int begin(struct relationship *q, uint64_t retention)
{
        uint64_t now = now_realtime();
        int r;

        learn(q);
        q->aspect.expires = !retention ? 0 : retention < INT64_MAX - now ? now + retention : INT64_MAX;
        r = store_put_aspect(q->manager->store, q);
        if (r < 0)
                return r;
        if (q->job) {
                struct job *j = q->job;

                job_relationship_ends(j);
                j->relationship = NULL;
                q->job = NULL;
        }
        relationship_fail_waiters(q);
        switch_objects(q, true, "");
        log_info("The relationship %s has ended; an aspect remembers the point in time.", q->name);
        return 0;
}

/* It is one again, under this name. */
static int end(struct relationship *q, const char *name)
{
        struct store *s = q->manager->store;
        char old[sizeof(q->name)];
        int r;

        memcpy(old, q->name, sizeof(old));
        if (*name)
                copy_string(q->name, sizeof(q->name), name);
        r = store_begin(s);
        if (r >= 0)
                r = store_put_relationship(s, q);
        if (r >= 0)
                r = store_delete_aspect(s, q->uuid);
        if (r >= 0)
                r = store_commit(s);
        memcpy(q->name, old, sizeof(old));
        if (r < 0) {
                store_rollback(s);
                return r;
        }
        switch_objects(q, false, name);
        q->aspect = (struct aspect){};
        log_info("The relationship %s is made of the aspect %s.", q->name, old);
        return 0;
}

int aspect_follow(struct relationship *q, const struct sequence_intent *i, bool done)
{
        const struct half *h = q->half + SIDE_SOURCE;

        if (i->operation == BLKREPL_OPERATION_DISSOLVE && done) {
                /* A side that was told may come up now. */
                q->source->closed = q->source->tried = q->target->closed = q->target->tried = false;
                return q->dissolved ? 0 : begin(q, i->retention);
        }
        if (i->operation == BLKREPL_OPERATION_RESYNC_REPLICA && q->dissolved && (done || (h->up && !h->kernel.dissolved)))
                return end(q, i->name);
        return 0;
}

void aspect_look(struct relationship *q)
{
        const struct half *h = q->half + q->driver;

        if (!q->dissolved || !h->up)
                return;
        if (!h->kernel.dissolved && !blkrepl_state_parted(h->kernel.copy_state)) {
                log_notice("By its log volume the relationship %s was not dissolved.", q->name);
                end(q, "");
        } else if (!q->aspect.point) {
                learn(q);
                if (store_put_aspect(q->manager->store, q) < 0)
                        log_warning("The aspect %s could not be noted in the database.", q->name);
                relationship_changed(q);
        }
}

/* Pairing again */

struct run {
        struct manager *manager;
        sd_id128_t relationship;
        sd_bus_message *message;
        struct sequence_intent intent;
};

static void run_free(struct run *run)
{
        sd_bus_message_unref(run->message);
        free(run);
}

static void refuse(struct run *run, int error, const char *sentence)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set_errno(&e, error, "%s", sentence);
        sd_bus_reply_method_error(run->message, &e);
        sd_bus_error_free(&e);
        run_free(run);
}

static void on_sequence(struct relationship *q, _unused_ const struct sequence *s, int error, const char *message, void *userdata)
{
        struct run *run = userdata;
        struct job *j;

        if (error < 0)
                refuse(run, error, message);
        else {
                j = operation_follow_copy(q, BLKREPL_OPERATION_RESYNC_REPLICA);
                create_reply(run->message, q, j);
                run_free(run);
        }
        bringup_relationship(q);
}

static int copy(struct relationship *q, struct run *run)
{
        run->intent.state = relationship_state(q);
        return sequence_start(q, &run->intent, on_sequence, run);
}

static void on_set(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;
        struct relationship *q = relationship_by_uuid(run->manager, run->relationship);
        int r;

        if (!q) {
                refuse(run, -ENOENT, "The aspect was deleted meanwhile.");
                return;
        }
        q->busy = false;
        relationship_refresh(q, true);
        if (result->error < 0) {
                refuse(run, result->error, result->fault.message);
                return;
        }
        r = copy(q, run);
        if (r < 0)
                refuse(run, r, "The copy could not be begun.");
}

/* The source's half gives them to the target's when it copies. 1: a child is at work. */
static int set(struct relationship *q, const struct options *o, struct run *run, sd_bus_error *e)
{
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID), .uuid = q->uuid, .group_uuid = q->source->uuid,
        };
        int r;

        if (!(o->present & OPTIONS_SETTINGS))
                return 0;
        r = options_to_kernel(o, &k, e);
        if (r >= 0)
                r = child_netlink(q->manager->event, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_SET, .table = &relationship_table, .object = &k }, on_set, run, NULL);
        if (r < 0)
                return r;
        q->busy = true;
        return 1;
}

struct relationship *aspect_to_pair(struct manager *m, const struct create_params *p)
{
        struct group *source = p->group_only ? NULL : create_named_group(m, p->source_group);
        struct group *target = p->group_only ? NULL : create_named_group(m, p->target_group);
        struct relationship *q = source ? group_relationship(source) : NULL;

        return q && target && aspect_is_shown(q) && group_relationship(target) == q ? q : NULL;
}

static int check_params(struct relationship *q, const struct create_params *p, sd_bus_error *e)
{
        const struct relationship *other = relationship_find(q->manager, p->name);

        if (create_named_group(q->manager, p->source_group) != q->source)
                return error_set(e, CODE_FAILED, "The aspect %s is of a relationship from the group %s to the group %s, so only that way is there less than everything to copy. For the other way delete the aspect first (blkreplctl aspect delete %s).",
                                 q->name, q->source->name, q->target->name, q->name);
        if (other && other != q)
                return error_set(e, CODE_INVALID_PARAMETER, "There is a relationship named %s already; choose another name.", p->name);
        if (p->mode != BLKREPL_MODE_SYSTEM && (p->mode != q->mode || p->rpo != q->rpo))
                return error_set(e, CODE_INVALID_PARAMETER, "The relationship that was dissolved was %s with a RecoveryPointObjective of %u, and will be so again; give Mode 0, and change it afterwards (ResetToSync, ResetToAsync, Set).",
                                 blkrepl_mode_name(q->mode), q->rpo);
        if (p->options.inactive)
                return error_set(e, CODE_INVALID_PARAMETER, "The groups have the aspect %s and are copied at once; leave Inactive out, or delete the aspect first.", q->name);
        return 0;
}

/* 1: the call waits. */
static int check_target(struct relationship *q, bool force, sd_bus_message *message, sd_bus_error *e)
{
        struct group *g = q->target;
        int r = queue_until_closed(g, message);

        if (r != 0)
                return r;
        if (g->up && g->kernel.open_count > 0)
                return error_set(e, CODE_FAILED, "A replica device of the group %s is open, and will be overwritten; umount and close it first.", g->name);
        relationship_refresh(q, true);
        if (force)
                return 0;
        if (aspect_changed_bytes(q, SIDE_TARGET) > 0)
                return error_set(e, CODE_FAILED, "The group %s was written since the relationship was dissolved: %llu bytes that only it has would be lost. Give Force to overwrite them.",
                                 g->name, (unsigned long long)aspect_changed_bytes(q, SIDE_TARGET));
        /* One that is inconsistent is closed. */
        if (!q->half[SIDE_TARGET].known && q->aspect.consistent)
                return error_set(e, CODE_FAILED, "The group %s is down, so it is not known what was written to it since the relationship was dissolved; start it, or give Force to overwrite that.", g->name);
        return 0;
}

int aspect_pair(struct relationship *q, const struct create_params *p, sd_bus_message *message, sd_bus_error *e)
{
        static const struct options none;
        struct run *run;
        int r;

        r = check_params(q, p, e);
        if (r >= 0)
                r = operation_check_ready(q, &none, message, e);
        if (r != 0)
                return r;
        if (!q->half[SIDE_SOURCE].up)
                return error_set(e, CODE_FAILED, "The group %s is down; start it first.", q->source->name);
        r = check_target(q, p->options.force, message, e);
        if (r != 0)
                return r;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        *run = (struct run){
                .manager = q->manager, .relationship = q->uuid, .message = sd_bus_message_ref(message),
                .intent = {
                        .operation = BLKREPL_OPERATION_RESYNC_REPLICA, .source = q->source->uuid, .driver = SIDE_SOURCE,
                        .force = p->options.force, .keep_snapshot = true,
                },
        };
        copy_string(run->intent.name, sizeof(run->intent.name), p->name);
        r = set(q, &p->options, run, e);
        if (r == 0)
                r = copy(q, run);
        if (r < 0)
                run_free(run);
        return r < 0 ? r : 1;
}

/* Retention */

static void schedule(struct manager *m, uint64_t not_before);

static int on_expiry(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
        struct manager *m = userdata;
        uint64_t now = now_realtime();

        for (struct relationship *q = m->relationships, *next; q; q = next) {
                next = q->next;
                if (!aspect_is_shown(q) || !q->aspect.expires || q->aspect.expires > now)
                        continue;
                log_info("The retention of the aspect %s is over.", q->name);
                operation_end_aspect(q);
        }
        /* What could not be deleted now is tried again. */
        schedule(m, now + RETRY_USEC);
        return 0;
}

static void schedule(struct manager *m, uint64_t not_before)
{
        uint64_t next = UINT64_MAX;

        for (struct relationship *q = m->relationships; q; q = q->next)
                if (q->dissolved && q->aspect.expires && q->aspect.expires < next)
                        next = q->aspect.expires;
        m->aspect_source = sd_event_source_disable_unref(m->aspect_source);
        if (next == UINT64_MAX)
                return;
        if (sd_event_add_time(m->event, &m->aspect_source, CLOCK_REALTIME, next > not_before ? next : not_before, 0, on_expiry, m) < 0)
                log_oom();
}

void aspects_schedule(struct manager *m)
{
        schedule(m, 0);
}
