/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../kernel/names.h"
#include "lvm.h"
#include "snapshot.h"

struct putback {
        struct manager *manager;
        sd_id128_t group;
        snapshot_look_handler looked;
        snapshot_done_handler done;
        void *userdata;
};

static bool is_of_restore(const struct lvm_lv *lv, const struct lvm_lv *origin)
{
        size_t n = strlen(origin->name);

        return streq(lv->vg, origin->vg) && strncmp(lv->name, origin->name, n) == 0 &&
               strncmp(lv->name + n, ".before-restore-from-replica.", 29) == 0;
}

/* The snapshot of a member; NULL: there is none that is good. */
static const struct lvm_lv *find(const struct group *g, const struct member *m)
{
        const struct relationship *q = group_relationship(g);
        const struct lvm_report *report = lvm_get_report(g->manager->lvm);
        const struct lvm_lv *origin = lvm_find_lv_by_path(g->manager->lvm, m->path);
        uint64_t generation;

        for (size_t i = 0; q && origin && i < report->n_lvs; i++) {
                const struct lvm_lv *lv = report->lvs + i;
                const char *text = lvm_lv_tag(lv, LVM_TAG_GENERATION);

                if (is_of_restore(lv, origin) && !lv->invalid && lvm_lv_has_tag_uuid(lv, LVM_TAG_KEPT, q->uuid) &&
                    text && parse_u64(text, &generation) >= 0 &&
                    generation == q->half[relationship_side(q, g)].kernel.generation)
                        return lv;
        }
        return NULL;
}

static void on_looked(int error, _unused_ const char *message, void *userdata)
{
        _cleanup_free_ struct putback *p = userdata;
        const struct group *g = group_by_uuid(p->manager, p->group);
        bool whole = error >= 0 && g && g->n_members > 0;

        for (size_t i = 0; whole && i < g->n_members; i++)
                whole = find(g, g->members + i);
        p->looked(whole, p->userdata);
}

static void on_merged(int error, const char *message, void *userdata)
{
        _cleanup_free_ struct putback *p = userdata;

        lvm_refresh(p->manager->lvm, NULL, NULL);
        p->done(error, message, p->userdata);
}

/* lvm itself puts a merge off for as long as the volume is open; that is not waited for here. */
static void on_ready(int error, const char *message, void *userdata)
{
        struct putback *p = userdata;
        const struct group *g = group_by_uuid(p->manager, p->group);
        _cleanup_strv_ char **words = NULL;
        size_t n = 0;
        int r = error;

        if (r >= 0)
                r = strv_extend(&words, "lvconvert");
        if (r >= 0)
                r = strv_extend(&words, "-y");
        if (r >= 0)
                r = strv_extend(&words, "--merge");
        for (size_t i = 0; r >= 0 && g && i < g->n_members; i++) {
                const struct lvm_lv *origin = lvm_find_lv_by_path(p->manager->lvm, g->members[i].path);
                const struct lvm_lv *lv = find(g, g->members + i);

                if (!lv)
                        continue;
                if (origin->open || lv->open) {
                        r = -EBUSY;
                        message = "A volume of the source is open, so it cannot be put back to what it was.";
                        break;
                }
                n++;
                r = strv_extendf(&words, "%s/%s", lv->vg, lv->name);
        }
        if (r >= 0 && n > 0) {
                r = lvm_command(p->manager->lvm, words, on_merged, p);
                if (r >= 0)
                        return;
                message = "lvm could not be run.";
        }
        p->done(r, message, p->userdata);
        free(p);
}

static struct putback *putback_new(struct group *g, snapshot_look_handler looked, snapshot_done_handler done, void *userdata)
{
        struct putback *p = malloc(sizeof(*p));

        if (p)
                *p = (struct putback){ .manager = g->manager, .group = g->uuid, .looked = looked, .done = done, .userdata = userdata };
        return p;
}

static int refresh(struct putback *p, lvm_handler handler)
{
        int r = p ? lvm_refresh(p->manager->lvm, handler, p) : -ENOMEM;

        if (r < 0)
                free(p);
        return r;
}

int snapshot_look(struct group *g, snapshot_look_handler handler, void *userdata)
{
        return refresh(putback_new(g, handler, NULL, userdata), on_looked);
}

int snapshot_put_back(struct group *g, snapshot_done_handler handler, void *userdata)
{
        return refresh(putback_new(g, NULL, handler, userdata), on_ready);
}
