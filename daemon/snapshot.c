/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <time.h>

#include "lvm.h"
#include "snapshot.h"

/* Beside what is known to be overwritten: metadata, and what is written soon after. */
#define SPARE_BYTES (UINT64_C(64) << 20)

struct snapshot {
        struct manager *manager;
        sd_id128_t group, relationship;
        uint64_t generation;
        char suffix[64];
        uint64_t *expected;
        bool passing;
        size_t index;
        char *name;                     /* of the one that is being made */
        char **names;                   /* of those that are made */
        sd_bus_error error;
        snapshot_handler handler;
        void *userdata;
};

static void take_next(struct snapshot *s);

static void finish(struct snapshot *s)
{
        /* So that those that pass are known. */
        if (s->names)
                lvm_refresh(s->manager->lvm, NULL, NULL);
        s->handler(s->names, sd_bus_error_is_set(&s->error) ? &s->error : NULL, s->userdata);
        sd_bus_error_free(&s->error);
        free(s->expected);
        free(s->name);
        free(s);
}

static void on_undone(int error, const char *message, void *userdata)
{
        struct snapshot *s = userdata;

        if (error < 0)
                STRV_FOREACH(n, s->names)
                        log_warning("The snapshot %s of a set that is not complete could not be removed: %s", *n, message);
        s->names = strv_free(s->names);
        finish(s);
}

/* Some alone are of no use. */
static void undo(struct snapshot *s)
{
        _cleanup_strv_ char **words = NULL;
        int r = 0;

        if (!s->names) {
                finish(s);
                return;
        }
        r = strv_extend(&words, "lvremove");
        if (r >= 0)
                r = strv_extend(&words, "-y");
        STRV_FOREACH(n, s->names)
                if (r >= 0)
                        r = strv_extend(&words, *n);
        if (r >= 0)
                r = lvm_command(s->manager->lvm, words, on_undone, s);
        if (r < 0)
                on_undone(r, "lvm could not be run.", s);
}

static void on_taken(int error, const char *message, void *userdata)
{
        struct snapshot *s = userdata;

        if (error >= 0) {
                error = strv_consume(&s->names, TAKE_PTR(s->name));
                s->index++;
        }
        if (error < 0) {
                error_set(&s->error, CODE_NOT_ENOUGH_RESOURCES, "A snapshot could not be made: %s", message);
                undo(s);
        } else
                take_next(s);
}

static int take(struct snapshot *s, const struct lvm_lv *lv, const struct lvm_vg *vg)
{
        const uint64_t mib = UINT64_C(1) << 20;         /* lvm wants whole sectors */
        uint64_t size = (s->expected[s->index] + s->expected[s->index] / 64 + SPARE_BYTES + mib - 1) & ~(mib - 1);
        _cleanup_strv_ char **words = NULL;
        int r;

        r = strv_extend(&words, "lvcreate");
        if (r >= 0)
                r = strv_extend(&words, "-y");
        if (r >= 0)
                r = strv_extend(&words, "-s");
        if (r >= 0)
                r = strv_extendf(&words, "-n%s%s", lv->name, s->suffix);
        if (r >= 0)
                r = strv_extendf(&words, "--addtag=%s%s", s->passing ? LVM_TAG_PASSING : LVM_TAG_KEPT, UUID_TEXT(s->relationship));
        if (r >= 0)
                r = strv_extendf(&words, "--addtag=" LVM_TAG_GENERATION "%llu", (unsigned long long)s->generation);
        if (r >= 0 && !lv->thin) {
                /* lvm makes it no larger than can be used. */
                if (vg->free < size)
                        return error_set(&s->error, CODE_NOT_ENOUGH_RESOURCES,
                                         "There is no space for a snapshot of %s/%s: it needs %llu bytes, the pool has %llu; vgextend it, or give KeepSnapshot=false.",
                                         lv->vg, lv->name, (unsigned long long)size, (unsigned long long)vg->free);
                r = strv_extendf(&words, "-L%llub", (unsigned long long)size);
        }
        if (r >= 0)
                r = strv_extendf(&words, "%s/%s", lv->vg, lv->name);
        free(s->name);
        if (asprintf(&s->name, "%s/%s%s", lv->vg, lv->name, s->suffix) < 0) {
                s->name = NULL;
                r = -ENOMEM;
        }
        return r < 0 ? r : lvm_command(s->manager->lvm, words, on_taken, s);
}

static void take_next(struct snapshot *s)
{
        const struct group *g = group_by_uuid(s->manager, s->group);
        const struct lvm_lv *lv;
        const struct lvm_vg *vg;
        int r;

        if (!g || s->index >= g->n_members) {
                finish(s);
                return;
        }
        lv = lvm_find_lv_by_path(s->manager->lvm, g->members[s->index].path);
        vg = lv ? lvm_find_vg(s->manager->lvm, lv->vg) : NULL;
        if (!vg)
                r = error_set(&s->error, CODE_NOT_ENOUGH_RESOURCES, "%s is no logical volume, so there can be no snapshot of it; give KeepSnapshot=false.",
                              g->members[s->index].path);
        else
                r = take(s, lv, vg);
        if (r < 0) {
                if (!sd_bus_error_is_set(&s->error))
                        error_set_errno(&s->error, r, "A snapshot could not be made: %m");
                undo(s);
        }
}

static void on_refreshed(int error, const char *message, void *userdata)
{
        struct snapshot *s = userdata;

        if (error < 0) {
                error_set(&s->error, CODE_NOT_ENOUGH_RESOURCES, "There can be no snapshots: %s", message);
                finish(s);
        } else
                take_next(s);
}

int snapshot_take(struct group *g, const char *operation, const uint64_t *expected, bool passing, snapshot_handler handler, void *userdata)
{
        const struct relationship *q = group_relationship(g);
        struct snapshot *s = calloc(1, sizeof(*s));
        time_t now = now_realtime() / USEC_PER_SEC;
        struct tm tm;
        char stamp[32];
        int r;

        if (!s)
                return -ENOMEM;
        *s = (struct snapshot){ .manager = g->manager, .group = g->uuid, .passing = passing, .handler = handler, .userdata = userdata };
        if (q) {
                s->relationship = q->uuid;
                s->generation = q->half[relationship_side(q, g)].kernel.generation;
        }
        s->expected = calloc(g->n_members + 1, sizeof(*s->expected));
        r = s->expected && gmtime_r(&now, &tm) ? 0 : -ENOMEM;
        if (r >= 0) {
                memcpy(s->expected, expected, g->n_members * sizeof(*expected));
                strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
                snprintf(s->suffix, sizeof(s->suffix), ".before-%s.%s", operation, stamp);
                r = lvm_refresh(g->manager->lvm, on_refreshed, s);
        }
        if (r < 0) {
                free(s->expected);
                free(s);
        }
        return r;
}

struct drop {
        struct manager *manager;
        sd_id128_t relationship;
        char **words;
};

static void on_dropped(int error, const char *message, void *userdata)
{
        struct drop *d = userdata;
        struct relationship *q = relationship_by_uuid(d->manager, d->relationship);

        if (q)
                q->dropping = false;
        if (error < 0)
                log_warning("Snapshots that have served could not be removed: %s", message);
        else {
                STRV_FOREACH(w, d->words + 2)
                        log_info("The snapshot %s has served and is removed.", *w);
                lvm_refresh(d->manager->lvm, NULL, NULL);
        }
        strv_free(d->words);
        free(d);
}

void snapshot_drop_passing(struct relationship *q)
{
        const struct lvm_report *report = lvm_get_report(q->manager->lvm);
        struct drop *d;
        int r;

        if (q->dropping || relationship_state(q) != BLKREPL_COPY_STATE_SYNCHRONIZED ||
            !lvm_find_lv_by_tag(q->manager->lvm, LVM_TAG_PASSING, q->uuid))
                return;
        d = calloc(1, sizeof(*d));
        if (!d) {
                log_oom();
                return;
        }
        d->manager = q->manager;
        d->relationship = q->uuid;
        r = strv_extend(&d->words, "lvremove");
        if (r >= 0)
                r = strv_extend(&d->words, "-y");
        for (size_t i = 0; r >= 0 && i < report->n_lvs; i++)
                if (lvm_lv_has_tag_uuid(report->lvs + i, LVM_TAG_PASSING, q->uuid))
                        r = strv_extendf(&d->words, "%s/%s", report->lvs[i].vg, report->lvs[i].name);
        if (r >= 0)
                r = lvm_command(q->manager->lvm, d->words, on_dropped, d);
        if (r >= 0) {
                q->dropping = true;
                return;
        }
        log_warning("Snapshots that have served could not be removed: %s", strerror(-r));
        strv_free(d->words);
        free(d);
}
