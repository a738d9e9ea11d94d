/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving pairs, from the note to what follows in either group. */
#include "bringup.h"
#include "change.h"
#include "child.h"
#include "command.h"
#include "create.h"
#include "dismantle.h"
#include "logvol.h"
#include "move.h"
#include "sequence.h"
#include "status.h"
#include "store.h"

#define RETRY_USEC (30 * USEC_PER_SEC)

/* Where a test has the daemon die */
enum {
        STEP_NOTED = 1,
        STEP_MOVED,
        STEP_SETTLED,
        STEP_ENDED,
};

static void look(struct move *mv);
static void go_on(struct move *mv);

struct move *move_new(struct manager *m, unsigned int operation, sd_id128_t to, sd_id128_t from, size_t n)
{
        struct move *mv = calloc(1, sizeof(*mv));

        if (!mv)
                return NULL;
        mv->source = calloc(n, sizeof(*mv->source));
        mv->target = calloc(n, sizeof(*mv->target));
        for (size_t i = 0; i < ELEMENTSOF(mv->info); i++)
                mv->info[i] = calloc(1, sizeof(*mv->info[i]));
        mv->manager = m;
        mv->operation = operation;
        mv->to = to;
        mv->from = from;
        mv->n = n;
        mv->next = m->moves;
        m->moves = mv;
        if (!mv->source || !mv->target || !mv->info[0] || !mv->info[1])
                return move_free(mv);
        return mv;
}

struct move *move_free(struct move *mv)
{
        struct move **p;

        for (p = &mv->manager->moves; *p != mv; p = &(*p)->next)
                ;
        *p = mv->next;
        if (mv->manager->lvm)
                lvm_forget(mv->manager->lvm, mv);
        for (size_t i = 0; i < ELEMENTSOF(mv->info); i++)
                free(mv->info[i]);
        free(mv->source);
        free(mv->target);
        sd_bus_message_unref(mv->message);
        sd_bus_error_free(&mv->error);
        free(mv);
        return NULL;
}

struct move *move_of(const struct relationship *q)
{
        for (struct move *mv = q->manager->moves; mv; mv = mv->next)
                if (sd_id128_equal(mv->to, q->uuid) || sd_id128_equal(mv->from, q->uuid))
                        return mv;
        return NULL;
}

static struct relationship *to_of(const struct move *mv)
{
        return relationship_by_uuid(mv->manager, mv->to);
}

static struct relationship *from_of(const struct move *mv)
{
        return relationship_by_uuid(mv->manager, mv->from);
}

static void set_busy(struct relationship *q, bool busy)
{
        if (q)
                q->busy = q->source->busy = q->target->busy = busy;
}

static void begin(struct move *mv)
{
        mv->running = true;
        set_busy(to_of(mv), true);
        set_busy(from_of(mv), true);
}

/* Nothing can be done now; it is gone on with when the groups are looked at next. */
static void postpone(struct move *mv)
{
        mv->running = false;
        set_busy(to_of(mv), false);
        set_busy(from_of(mv), false);
        bringup_schedule(mv->manager, RETRY_USEC);
}

static void reply(struct move *mv)
{
        if (!mv->message)
                return;
        if (mv->done)
                status_reply(mv->message, &(struct status){ .relationship = to_of(mv), .message = "The pairs have moved." });
        else
                sd_bus_reply_method_error(mv->message, &mv->error);
        mv->message = sd_bus_message_unref(mv->message);
}

static void finish(struct move *mv)
{
        struct manager *m = mv->manager;

        sequence_die_if_asked(mv->operation, 0, STEP_ENDED);
        if (store_delete_move(m->store, mv->to) < 0)
                log_warning("A move of pairs that is over could not be deleted from the database.");
        if (to_of(mv))
                relationship_refresh(to_of(mv), true);
        reply(mv);
        postpone(mv);
        move_free(mv);
        bringup_schedule(m, 0);
}

/* A relationship without pairs ends, with its groups. */

static void on_dismantled(const sd_bus_error *e, void *userdata)
{
        struct move *mv = userdata;

        if (!e) {
                finish(mv);
                return;
        }
        log_warning("A relationship without pairs could not be ended: %s", e->message);
        reply(mv);
        postpone(mv);
}

static void end_empty(struct move *mv, struct relationship *q)
{
        if (!q || q->source->n_members > 0) {
                finish(mv);
                return;
        }
        if (dismantle(mv->manager, &(struct dismantle_plan){
                .relationship = q, .source = q->source, .target = q->target }, on_dismantled, NULL, mv) < 0) {
                log_oom();
                postpone(mv);
        }
}

/* The volumes are those of other groups now. */

static void retag(struct move *mv);

static void on_report(_unused_ int error, _unused_ const char *message, void *userdata)
{
        retag(userdata);
}

static void on_retagged(int error, const char *message, void *userdata)
{
        struct move *mv = userdata;

        if (error < 0)
                log_warning("The tags of a volume that moved to another group could not be changed: %s", message);
        mv->index++;
        if (lvm_refresh(mv->manager->lvm, on_report, mv) < 0)
                retag(mv);
}

static int retag_words(const struct lvm_lv *lv, const struct group *g, const struct member *m, char ***words)
{
        int r = create_words_tag(g, m, lv, words);

        STRV_FOREACH(t, lv->tags)
                if (r >= 0 && strncmp(*t, LVM_TAG_GROUP, strlen(LVM_TAG_GROUP)) == 0)
                        r = strv_extendf(words, "--deltag=%s", *t);
        return r;
}

static void retag(struct move *mv)
{
        struct relationship *q = to_of(mv);

        for (; mv->index < 2 * mv->n; mv->index++) {
                bool is_target = mv->index >= mv->n;
                const struct member *m = is_target ? mv->target + mv->index - mv->n : mv->source + mv->index;
                const struct group *g = is_target ? q->target : q->source;
                const struct lvm_lv *lv = lvm_find_lv_by_path(mv->manager->lvm, m->path);
                _cleanup_strv_ char **words = NULL;

                if (!lv || lvm_lv_has_tag_uuid(lv, LVM_TAG_GROUP, g->uuid))
                        continue;
                if (retag_words(lv, g, m, &words) >= 0 && lvm_command(mv->manager->lvm, words, on_retagged, mv) >= 0)
                        return;
                log_oom();
        }
        end_empty(mv, from_of(mv));
}

/* The pairs are in neither relationship. */

static struct kernel_device device_of(const struct member *m)
{
        struct kernel_device d = {
                .present = PRESENT(DEVICE_INDEX) | PRESENT(DEVICE_UUID) | PRESENT(DEVICE_NAME) | PRESENT(DEVICE_PATH), .uuid = m->uuid,
        };

        memcpy(d.name, m->name, sizeof(d.name));
        memcpy(d.path, m->path, sizeof(d.path));
        return d;
}

static void look_again(struct move *mv)
{
        mv->looked = 0;
        mv->loose = mv->settled = false;
        look(mv);
}

static void on_activated(const struct child_result *result, void *userdata)
{
        if (result->error < 0)
                log_warning("A relationship that pairs have joined anew is not activated: %s", result->fault.message);
        look_again(userdata);
}

/* One of its own has the CopyState of its pairs, which flowed. */
static int activate(struct move *mv)
{
        struct kernel_relationship k = {
                .present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_OPERATION), .uuid = mv->to,
                .operation = BLKREPL_OPERATION_ACTIVATE,
        };

        return child_netlink(mv->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_OP, .table = &relationship_table, .object = &k }, on_activated, mv, NULL);
}

static void join_next(struct move *mv);

static void on_joined(const struct child_result *result, void *userdata)
{
        struct move *mv = userdata;

        if (result->error < 0) {
                log_warning("A pair that left one relationship could not join the other yet: %s", result->fault.message);
                postpone(mv);
                return;
        }
        mv->index++;
        join_next(mv);
}

static void join_next(struct move *mv)
{
        struct relationship *q = to_of(mv);
        struct kernel_group k = { .present = PRESENT(GROUP_UUID), .uuid = q->source->uuid };
        struct kernel_device devices[2];
        int r;

        if (mv->index == mv->n) {
                relationship_refresh(q, true);
                if (relationship_state(q) != BLKREPL_COPY_STATE_INITIALIZED)
                        look_again(mv);
                else if (activate(mv) < 0)
                        postpone(mv);
                return;
        }
        devices[0] = device_of(mv->source + mv->index);
        devices[1] = device_of(mv->target + mv->index);
        r = child_netlink(mv->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_MEMBER_ADD, .table = &group_table, .object = &k,
                .devices = devices, .n_devices = ELEMENTSOF(devices) }, on_joined, mv, NULL);
        if (r < 0)
                postpone(mv);
}

static void on_connected(const struct child_result *result, void *userdata)
{
        struct move *mv = userdata;

        if (result->error < 0)
                postpone(mv);
        else
                join_next(mv);
}

static void join_anew(struct move *mv)
{
        struct relationship *q = to_of(mv);

        mv->index = 0;
        relationship_refresh(q, true);
        if (!q->source->up)
                postpone(mv);
        else if (q->kernel.connected)
                join_next(mv);
        else if (command_connect(q, q->source, true, 0, on_connected, mv) < 0)
                postpone(mv);
}

/* What the groups have become */

static bool has(const struct logvol_info *info, const struct member *m)
{
        for (size_t i = 0; i < info->n_members; i++)
                if (sd_id128_equal(info->members[i].uuid, m->uuid))
                        return true;
        return false;
}

static void leave(struct relationship *q, const struct member *source)
{
        struct member *m = q ? group_find_member_by_uuid(q->source, source->uuid) : NULL;

        if (!m)
                return;
        if (q->target->n_members == q->source->n_members)
                group_remove_member(q->target, m - q->source->members);
        group_remove_member(q->source, m - q->source->members);
}

static int come(struct relationship *q, const struct member *source, const struct member *target)
{
        int r;

        if (group_find_member_by_uuid(q->source, source->uuid))
                return 0;
        r = group_add_member(q->source, source);
        return r < 0 ? r : group_add_member(q->target, target);
}

static int save(struct move *mv)
{
        struct relationship *q[] = { from_of(mv), to_of(mv) };
        struct store *s = mv->manager->store;
        int r = store_begin(s);

        /* First who loses them: each member is in one group. */
        for (size_t i = 0; i < ELEMENTSOF(q); i++) {
                if (r >= 0 && q[i])
                        r = store_put_group(s, q[i]->source);
                if (r >= 0 && q[i])
                        r = store_put_group(s, q[i]->target);
        }
        if (r >= 0)
                r = store_commit(s);
        if (r < 0)
                store_rollback(s);
        return r;
}

static void show(struct relationship *q, const struct logvol_info *info)
{
        if (!q)
                return;
        if (info->n_members > 0)
                change_sort_members(q->source, info);
        relationship_fit_pairs(q);
        relationship_announce_pairs(q, true);
        group_refresh(q->source);
        group_refresh(q->target);
        relationship_refresh(q, true);
        group_changed(q->source);
        group_changed(q->target);
        relationship_changed(q);
}

static int take_over(struct move *mv, bool joined)
{
        struct relationship *to = to_of(mv), *from = from_of(mv);
        int r = 0;

        relationship_announce_pairs(to, false);
        if (from)
                relationship_announce_pairs(from, false);
        for (size_t i = 0; r >= 0 && i < mv->n; i++) {
                leave(from, mv->source + i);
                if (joined)
                        r = come(to, mv->source + i, mv->target + i);
        }
        show(to, mv->info[0]);
        show(from, mv->info[1]);
        return r < 0 ? r : save(mv);
}

static void decide(struct move *mv)
{
        bool joined = has(mv->info[0], mv->source), stayed = has(mv->info[1], mv->source);

        mv->done = joined;
        if ((joined || !stayed) && take_over(mv, joined) < 0) {
                log_warning("What pairs have moved could not be noted in the database.");
                postpone(mv);
                return;
        }
        sequence_die_if_asked(mv->operation, 0, STEP_SETTLED);
        mv->settled = true;
        mv->loose = !joined && !stayed;
        go_on(mv);
}

/* What is known of it is done. */
static void go_on(struct move *mv)
{
        if (mv->loose) {
                join_anew(mv);
                return;
        }
        mv->index = 0;
        if (mv->done) {
                log_info("%zu pairs have moved to the relationship %s.", mv->n, to_of(mv)->name);
                retag(mv);
        } else if (mv->operation == BLKREPL_OPERATION_REMOVE_SYNC_PAIR)
                end_empty(mv, to_of(mv));
        else
                finish(mv);
}

static void on_head(const struct child_result *result, void *userdata)
{
        struct move *mv = userdata;
        int r = result->error;

        if (r >= 0)
                r = result->output_size == LOGVOL_HEAD_SIZE ? logvol_parse(result->output, UINT64_MAX, mv->info[mv->looked]) : -EIO;
        if (r < 0) {
                postpone(mv);
                return;
        }
        mv->looked++;
        look(mv);
}

static void look(struct move *mv)
{
        struct relationship *q[] = { to_of(mv), from_of(mv) };

        if (!q[0]) {
                finish(mv);
                return;
        }
        while (mv->looked < ELEMENTSOF(q)) {
                struct group *g = q[mv->looked] ? q[mv->looked]->source : NULL;

                *mv->info[mv->looked] = (struct logvol_info){};
                if (g && !(g->up && change_ask_members(g, mv->info[mv->looked]) >= 0)) {
                        if (logvol_read(mv->manager->event, g->log_path, on_head, mv, NULL) < 0)
                                postpone(mv);
                        return;
                }
                mv->looked++;
        }
        decide(mv);
}

/* The move itself */

static void on_moved(const struct child_result *result, void *userdata)
{
        struct move *mv = userdata;

        if (result->error < 0)
                error_set_errno(&mv->error, result->error, "%s", result->fault.message);
        else
                error_set(&mv->error, CODE_UNSPECIFIED, "The pairs could not be moved.");
        sequence_die_if_asked(mv->operation, 0, STEP_MOVED);
        look_again(mv);
}

static void connect_and_move(struct move *mv);

static void on_met(const struct child_result *result, void *userdata)
{
        struct move *mv = userdata;

        if (result->error < 0) {
                error_set_errno(&mv->error, result->error, "%s", result->fault.message);
                look_again(mv);
                return;
        }
        relationship_refresh(to_of(mv), true);
        relationship_refresh(from_of(mv), true);
        connect_and_move(mv);
}

static void connect_and_move(struct move *mv)
{
        struct relationship *to = to_of(mv), *from = from_of(mv);
        struct relationship *apart = !to->kernel.connected ? to : !from->kernel.connected ? from : NULL;
        struct kernel_group k = {
                .present = PRESENT(GROUP_UUID) | PRESENT(GROUP_TO), .uuid = from->source->uuid, .to = to->source->uuid,
        };
        _cleanup_free_ struct kernel_device *devices = calloc(mv->n, sizeof(*devices));
        int r = devices ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < mv->n; i++)
                devices[i] = device_of(mv->source + i);
        if (r >= 0 && apart)
                r = command_connect(apart, apart->source, true, 0, on_met, mv);
        else if (r >= 0)
                r = child_netlink(mv->manager->event, &(struct netlink_request){
                        .command = BLKREPL_CMD_PAIRS_MOVE, .table = &group_table, .object = &k,
                        .devices = devices, .n_devices = mv->n }, on_moved, mv, NULL);
        if (r < 0) {
                error_set_errno(&mv->error, r, "A child could not be started.");
                look_again(mv);
        }
}

int move_start(struct move *mv)
{
        struct store *s = mv->manager->store;
        int r;

        r = store_begin(s);
        if (r >= 0)
                r = store_put_move(s, mv);
        if (r >= 0)
                r = store_commit(s);
        if (r < 0) {
                store_rollback(s);
                return r;
        }
        sequence_die_if_asked(mv->operation, 0, STEP_NOTED);
        begin(mv);
        connect_and_move(mv);
        return 0;
}

/* What was broken off */

bool move_is_unsettled(const struct group *g)
{
        const struct relationship *q = group_relationship(g);
        const struct move *mv = q ? move_of(q) : NULL;

        return mv && !mv->settled;
}

/* Made for a pair that never came */
static void on_ended(const sd_bus_error *e, _unused_ void *userdata)
{
        if (e)
                log_warning("A relationship without pairs could not be ended: %s", e->message);
}

static bool is_forgotten(const struct relationship *q)
{
        return q->source->n_members == 0 && !q->hidden && !q->busy && !q->source->busy && !q->target->busy && !q->sequence && !move_of(q);
}

void moves_resume(struct manager *m)
{
        for (struct move *mv = m->moves, *n; mv; mv = n) {
                n = mv->next;
                if (mv->running)
                        continue;
                begin(mv);
                if (mv->settled)
                        go_on(mv);
                else
                        look_again(mv);
        }
        for (struct relationship *q = m->relationships; q; q = q->next) {
                if (!is_forgotten(q))
                        continue;
                if (dismantle(m, &(struct dismantle_plan){
                        .relationship = q, .source = q->source, .target = q->target }, on_ended, NULL, NULL) < 0)
                        log_oom();
                break;
        }
}
