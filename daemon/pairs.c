/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AddSyncPair and RemoveSyncPair: what is refused, and what is to be moved. */
#include <stdio.h>

#include "../kernel/layout.h"
#include "../kernel/names.h"
#include "bringup.h"
#include "bus.h"
#include "create.h"
#include "judge.h"
#include "move.h"
#include "operation.h"
#include "status.h"

/* Pairs of one relationship, by index */
struct selection {
        struct relationship *relationship;
        size_t index[BLKREPL_MAX_MEMBERS];
        size_t n;
};

static struct relationship *find_pair(struct manager *m, const char *path, size_t *ret)
{
        for (struct relationship *q = m->relationships; q; q = q->next)
                for (size_t i = 0; relationship_is_shown(q) && i < q->target->n_members; i++) {
                        _cleanup_free_ char *p = pair_path(q->target->members[i].uuid);

                        if (p && streq(p, path)) {
                                *ret = i;
                                return q;
                        }
                }
        return NULL;
}

static int check_given(char *const *pairs, sd_bus_error *e)
{
        if (strv_length(pairs) == 0)
                return error_set(e, CODE_INVALID_PARAMETER, "No sync pair is given; give at least one.");
        STRV_FOREACH(s, pairs)
                if (strv_contains(s + 1, *s))
                        return error_set(e, CODE_INVALID_PARAMETER, "The pair %s is given twice; give each once.", *s);
        return 0;
}

/* Those that are in another relationship than q, or, with inside, in q itself. */
static int select_pairs(struct relationship *q, char *const *pairs, bool inside, struct selection *s, sd_bus_error *e)
{
        int r = check_given(pairs, e);

        if (r < 0)
                return r;
        STRV_FOREACH(path, pairs) {
                size_t i = 0;
                struct relationship *has = find_pair(q->manager, *path, &i);

                if (!has)
                        return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no pair %s; the property Pairs of a relationship tells those that it has.", *path);
                if ((has == q) != inside)
                        continue;
                if (s->relationship && s->relationship != has)
                        return error_set(e, CODE_INVALID_PARAMETER, "The pairs are in the relationships %s and %s; give those of one relationship at a time.",
                                         s->relationship->name, has->name);
                s->relationship = has;
                s->index[s->n++] = i;
        }
        return 0;
}

/* In its state, whatever the pairs are. 1: the call waits. */
static int check_state(struct relationship *q, unsigned int operation, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        enum blkrepl_verdict v;
        int r = operation_check_ready(q, o, message, e);

        if (r != 0)
                return r;
        v = judge(q, operation, o->force);
        /* One that fails back, or is being restored, has stopped half way. */
        if (v == BLKREPL_VERDICT_GO && (q->driver == SIDE_TARGET || q->kernel.access == BLKREPL_ACCESS_NONE))
                v = BLKREPL_VERDICT_WRONG_STATE;
        return v == BLKREPL_VERDICT_GO ? 0 : judge_refuse(q, operation, v, e);
}

static int nothing_to_do(struct relationship *q, sd_bus_message *message)
{
        int r = status_reply(message, &(struct status){ .relationship = q, .message = "Nothing is left to do." });

        return r < 0 ? r : 1;
}

static int check_closed(const struct selection *s, sd_bus_error *e)
{
        struct group *g = s->relationship->source;

        group_refresh(g);
        for (size_t i = 0; i < s->n; i++)
                if (g->members[s->index[i]].kernel.open_count > 0)
                        return error_set(e, CODE_FAILED, "The replica device /dev/blkrepl/%s/%s is open, and will have another name; umount and close it first.",
                                         g->name, g->members[s->index[i]].name);
        return 0;
}

static struct move *move_selection(const struct selection *s, unsigned int operation, struct relationship *to, sd_bus_message *message)
{
        const struct relationship *from = s->relationship;
        struct move *mv = move_new(from->manager, operation, to->uuid, from->uuid, s->n);

        for (size_t i = 0; mv && i < s->n; i++) {
                mv->source[i] = from->source->members[s->index[i]];
                mv->target[i] = from->target->members[s->index[i]];
        }
        if (mv)
                mv->message = sd_bus_message_ref(message);
        return mv;
}

static int start(struct move *mv)
{
        int r = mv ? move_start(mv) : -ENOMEM;

        if (mv && r < 0)
                move_free(mv);
        return r < 0 ? r : 1;
}

/* AddSyncPair */

static int check_mates(struct relationship *q, const struct selection *s, sd_bus_error *e)
{
        const struct relationship *from = s->relationship;

        if (from->sync_type != q->sync_type || from->mode != q->mode)
                return error_set(e, CODE_INVALID_PARAMETER, "The relationships %s and %s are of different SyncType or Mode.", from->name, q->name);
        if (relationship_state(from) != relationship_state(q))
                return error_set(e, CODE_FAILED, "The pair's relationship %s is %s, the relationship %s is %s; both must be Synchronized, or stopped alike.",
                                 from->name, blkrepl_copy_state_name(relationship_state(from)),
                                 q->name, blkrepl_copy_state_name(relationship_state(q)));
        if (q->source->n_members + s->n > BLKREPL_MAX_MEMBERS)
                return error_set(e, CODE_INVALID_PARAMETER, "The group %s would have more than %u members.", q->source->name, BLKREPL_MAX_MEMBERS);
        for (size_t i = 0; i < s->n; i++)
                if (group_find_member(q->source, from->source->members[s->index[i]].name))
                        return error_set(e, CODE_INVALID_PARAMETER, "The group %s has a member named %s already; rename one of the two first.",
                                         q->source->name, from->source->members[s->index[i]].name);
        return 0;
}

static int add(struct relationship *q, char *const *pairs, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct selection s = {};
        int r;

        r = check_state(q, BLKREPL_OPERATION_ADD_SYNC_PAIR, o, message, e);
        if (r == 0)
                r = select_pairs(q, pairs, false, &s, e);
        if (r != 0)
                return r;
        if (s.n == 0)
                return nothing_to_do(q, message);
        r = operation_check_ready(s.relationship, &(struct options){}, message, e);
        if (r > 0)
                return r;
        if (r >= 0)
                r = check_mates(q, &s, e);
        if (r >= 0)
                r = check_closed(&s, e);
        return r < 0 ? r : start(move_selection(&s, BLKREPL_OPERATION_ADD_SYNC_PAIR, q, message));
}

/* RemoveSyncPair */

struct removal {
        struct manager *manager;
        sd_id128_t from;
        char **pairs;
        sd_bus_message *message;
};

static void removal_free(struct removal *a)
{
        strv_free(a->pairs);
        sd_bus_message_unref(a->message);
        free(a);
}

/* There is a relationship without pairs now, unless that failed. */
static void on_made(struct relationship *to, const sd_bus_error *error, void *userdata)
{
        struct removal *a = userdata;
        struct relationship *from = relationship_by_uuid(a->manager, a->from);
        sd_bus_error e = SD_BUS_ERROR_NULL;
        struct selection s = {};
        int r = 0;

        sequence_die_if_asked(BLKREPL_OPERATION_REMOVE_SYNC_PAIR, 0, 0);
        if (error)
                sd_bus_error_copy(&e, error);
        else if (!from)
                r = error_set(&e, CODE_OBJECT_NOT_FOUND, "The relationship has ended meanwhile.");
        if (!error && r >= 0)
                r = select_pairs(from, a->pairs, true, &s, &e);
        if (!error && r >= 0)
                r = s.n == strv_length(a->pairs) ? start(move_selection(&s, BLKREPL_OPERATION_REMOVE_SYNC_PAIR, to, a->message)) :
                    error_set(&e, CODE_FAILED, "The pairs have changed meanwhile.");
        if (r < 0 && !sd_bus_error_is_set(&e))
                error_set_errno(&e, r, "The pairs cannot be moved.");
        /* What was made for them is without pairs, and ends when that is seen (move.c). */
        if (sd_bus_error_is_set(&e)) {
                sd_bus_reply_method_error(a->message, &e);
                bringup_schedule(a->manager, 0);
        }
        sd_bus_error_free(&e);
        removal_free(a);
}

/* PREFIX-MEMBER, shortened where it has to be, with a number where it is taken */
static char *choose_name(struct manager *m, const char *prefix, const char *member, bool of_group)
{
        for (unsigned int n = 1; n < 1000; n++) {
                char number[16] = "", *name = NULL;
                int k = strlen(member) < 24 ? strlen(member) : 24;

                if (n > 1)
                        snprintf(number, sizeof(number), "-%u", n);
                if (asprintf(&name, "%.*s-%.*s%s", BLKREPL_NAME_MAX - 1 - k - (int)strlen(number), prefix, k, member, number) < 0)
                        return NULL;
                if (of_group ? !group_find(m, name) : !relationship_find(m, name))
                        return name;
                free(name);
        }
        return NULL;
}

/* Where the log volume of a group of its own is: given, or beside the volume. */
static int plan_log(struct manager *m, const struct group *g, const struct selection *s, const char *volume, const char *pool,
                    struct options *settings, sd_bus_error *e)
{
        const struct member *first = g->members + s->index[0];
        const struct lvm_lv *lv = lvm_find_lv_by_path(m->lvm, first->path);
        _cleanup_free_ u64 *sectors = calloc(s->n, sizeof(*sectors));
        uint64_t size = 0;

        if (!sectors)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++) {
                size += g->members[s->index[i]].size;
                sectors[i] = g->members[s->index[i]].size / 512;
        }
        settings->log_size = blkrepl_layout_min_blocks(sectors, s->n) * BLKREPL_BLOCK_SIZE +
                             create_journal_room(s->relationship->mode, size);
        settings->present |= OPTION_BIT(OPTION_LOG_SIZE);
        if (volume) {
                settings->log_volume = strdup(volume);
                settings->present |= OPTION_BIT(OPTION_LOG_VOLUME);
                return settings->log_volume ? 0 : -ENOMEM;
        }
        if (!pool && !lv)
                return error_set(e, CODE_INVALID_PARAMETER, "%s is no logical volume, so there is no volume group to make a log volume in; give %s.",
                                 first->path, g->role == GROUP_SOURCE ? "LogPool or LogVolume" : "TargetLogPool or TargetLogVolume");
        if (pool)
                settings->log_pool = strdup(pool);
        else if (sd_bus_path_encode("/org/blkrepl1/pool", lv->vg, &settings->log_pool) < 0)
                return -ENOMEM;
        settings->present |= OPTION_BIT(OPTION_LOG_POOL);
        return settings->log_pool ? 0 : -ENOMEM;
}

static int plan_own(const struct selection *s, const struct options *o, struct create_params *p, sd_bus_error *e)
{
        const struct relationship *q = s->relationship;
        const char *member = q->source->members[s->index[0]].name;
        struct manager *m = q->manager;
        int r;

        p->sync_type = q->sync_type;
        p->mode = q->mode;
        p->rpo = q->rpo;
        p->name = o->relationship_name ? strdup(o->relationship_name) : choose_name(m, q->name, member, false);
        p->source_group_name = choose_name(m, q->source->name, member, true);
        p->target_group_name = choose_name(m, q->target->name, member, true);
        p->target_system = strdup("/");
        p->source_group = strdup("/");
        p->target_group = strdup("/");
        p->options.inactive = true;
        p->options.force = o->force;
        if (!p->name || !p->source_group_name || !p->target_group_name || !p->target_system || !p->source_group || !p->target_group)
                return -ENOMEM;
        if (!blkrepl_name_valid(p->name))
                return error_set(e, CODE_INVALID_PARAMETER, "'%.80s' cannot be the name of a relationship.", p->name);
        r = plan_log(m, q->source, s, o->log_volume, o->log_pool, &p->source_settings, e);
        return r < 0 ? r : plan_log(m, q->target, s, o->target_log_volume, o->target_log_pool, &p->target_settings, e);
}

static int make_own(const struct selection *s, char *const *pairs, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct removal *a = calloc(1, sizeof(*a));
        struct create_params p = {};
        int r = a ? 0 : -ENOMEM;

        if (r >= 0) {
                a->manager = s->relationship->manager;
                a->from = s->relationship->uuid;
                a->message = sd_bus_message_ref(message);
        }
        STRV_FOREACH(path, pairs)
                if (r >= 0)
                        r = strv_extend(&a->pairs, *path);
        if (r >= 0)
                r = plan_own(s, o, &p, e);
        if (r >= 0)
                r = create_start_empty(a->manager, &p, on_made, a);
        create_params_done(&p);
        if (r < 0 && a)
                removal_free(a);
        return r < 0 ? r : 1;
}

static int take_out(struct relationship *q, char *const *pairs, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct selection s = {};
        int r;

        r = check_state(q, BLKREPL_OPERATION_REMOVE_SYNC_PAIR, o, message, e);
        if (r == 0)
                r = select_pairs(q, pairs, true, &s, e);
        if (r != 0)
                return r;
        if (s.n == 0)
                return nothing_to_do(q, message);
        if (s.n < strv_length(pairs))
                return error_set(e, CODE_OBJECT_NOT_FOUND, "Some of the pairs are not in the relationship %s; its property Pairs tells those that it has.", q->name);
        if (s.n == q->source->n_members)
                return error_set(e, CODE_FAILED, "The relationship %s would have no pairs left; leave one in it, or detach it.", q->name);
        r = check_closed(&s, e);
        return r < 0 ? r : make_own(&s, pairs, o, message, e);
}

int operation_of_pairs(struct relationship *q, unsigned int operation, char *const *pairs, const struct options *o,
                       sd_bus_message *message, sd_bus_error *e)
{
        if (!blkrepl_op_built(q->sync_type, operation))
                return judge_refuse(q, operation, judge(q, operation, false), e);
        return operation == BLKREPL_OPERATION_ADD_SYNC_PAIR ? add(q, pairs, o, message, e) : take_out(q, pairs, o, message, e);
}
