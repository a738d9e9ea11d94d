/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Settings: each half keeps its own. Set gives them to those that are up; the half of a
 * side that is copied to gets them from the module, one that stands apart when it comes up.
 */
#include "bringup.h"
#include "child.h"
#include "operation.h"
#include "status.h"

struct run {
        struct manager *manager;
        sd_id128_t relationship;
        enum side side;                 /* that is next */
        struct kernel_relationship settings;
        sd_bus_message *message;
};

static int set_next(struct run *run, struct relationship *q);

static void finish(struct run *run, struct relationship *q, int error, const char *sentence)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        if (q) {
                q->busy = false;
                relationship_refresh(q, true);
        }
        if (error < 0) {
                error_set_errno(&e, error, "%s", sentence);
                sd_bus_reply_method_error(run->message, &e);
                sd_bus_error_free(&e);
        } else
                status_reply(run->message, &(struct status){ .relationship = q });
        sd_bus_message_unref(run->message);
        free(run);
        /* What happened meanwhile was left for now; it may end the relationship. */
        if (q)
                bringup_event(q, false);
}

static void on_set(const struct child_result *result, void *userdata)
{
        struct run *run = userdata;
        struct relationship *q = relationship_by_uuid(run->manager, run->relationship);
        int r;

        if (!q || result->error < 0) {
                finish(run, q, q ? result->error : -ENOENT, q ? result->fault.message : "The relationship has ended meanwhile.");
                return;
        }
        r = set_next(run, q);
        if (r <= 0)
                finish(run, q, r, "A child could not be started.");
}

/* 1: a child is at work. 0: all have got them. */
static int set_next(struct run *run, struct relationship *q)
{
        while (run->side < N_SIDES) {
                enum side side = run->side++;
                int r;

                if (!q->half[side].up)
                        continue;
                run->settings.group_uuid = relationship_group(q, side)->uuid;
                r = child_netlink(q->manager->event, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_SET, .table = &relationship_table, .object = &run->settings }, on_set, run, NULL);
                return r < 0 ? r : 1;
        }
        return 0;
}

int operation_set(struct relationship *q, const struct options *o, sd_bus_message *message, sd_bus_error *e)
{
        struct run *run;
        int r;

        if (!(o->present & OPTIONS_SET))
                return error_set(e, CODE_INVALID_PARAMETER, "No setting is given; give at least one.");
        if (o->present & OPTION_BIT(OPTION_OBJECTIVE)) {
                r = options_check_objective(q->mode, o->objective, ", or change the mode by ResetToSync or ResetToAsync", e);
                if (r < 0)
                        return r;
        }
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        run->manager = q->manager;
        run->relationship = q->uuid;
        run->settings.uuid = q->uuid;
        run->settings.present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID);
        r = options_to_kernel(o, &run->settings, e);
        if (r >= 0)
                r = operation_check_ready(q, o, message, e);
        if (r != 0) {
                free(run);
                return r;
        }
        run->settings.present &= ~PRESENT(RELATIONSHIP_EXPECTED_REVISION);
        r = set_next(run, q);
        if (r < 0) {
                free(run);
                return r;
        }
        run->message = sd_bus_message_ref(message);
        q->busy = true;
        return 1;
}

static bool same_settings(const struct kernel_relationship *a, const struct kernel_relationship *b)
{
        return a->rate_limit == b->rate_limit && a->yield_rate == b->yield_rate && a->leg_timeout_ms == b->leg_timeout_ms &&
               a->recovery_point_objective == b->recovery_point_objective &&
               a->recovery_mode == b->recovery_mode && a->heartbeat_ms == b->heartbeat_ms && a->hold_on_failure == b->hold_on_failure;
}

struct follow {
        struct manager *manager;
        sd_id128_t relationship;
};

static void on_followed(const struct child_result *result, void *userdata)
{
        _cleanup_free_ struct follow *f = userdata;
        struct relationship *q = relationship_by_uuid(f->manager, f->relationship);

        if (!q)
                return;
        q->busy = false;
        relationship_refresh(q, true);
        if (result->error < 0)
                log_warning("The sides of the relationship %s have other settings each: %s", q->name, result->fault.message);
        else
                bringup_relationship(q);
}

int operation_set_follow(struct relationship *q, enum side side)
{
        struct kernel_relationship k = q->half[!side].kernel;
        struct follow *f;
        int r;

        if (q->busy || !q->half[side].up || !q->half[!side].up || same_settings(&k, &q->half[side].kernel))
                return 0;
        f = malloc(sizeof(*f));
        if (!f)
                return -ENOMEM;
        *f = (struct follow){ .manager = q->manager, .relationship = q->uuid };
        k.group_uuid = relationship_group(q, side)->uuid;
        k.present = PRESENT(RELATIONSHIP_UUID) | PRESENT(RELATIONSHIP_GROUP_UUID) | PRESENT(RELATIONSHIP_RATE_LIMIT) |
                    PRESENT(RELATIONSHIP_YIELD_RATE) | PRESENT(RELATIONSHIP_LEG_TIMEOUT_MS) | PRESENT(RELATIONSHIP_RECOVERY_MODE) |
                    PRESENT(RELATIONSHIP_HEARTBEAT_MS) | PRESENT(RELATIONSHIP_HOLD_ON_FAILURE) |
                    PRESENT(RELATIONSHIP_RECOVERY_POINT_OBJECTIVE);
        r = child_netlink(q->manager->event, &(struct netlink_request){
                .command = BLKREPL_CMD_RELATIONSHIP_SET, .table = &relationship_table, .object = &k }, on_followed, f, NULL);
        if (r < 0) {
                free(f);
                return r;
        }
        q->busy = true;
        return 1;
}
