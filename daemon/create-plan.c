/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which volumes a new relationship, or group, is to consist of: the given ones
 * are checked, names and places are chosen for those that are to be made.
 */
#include <stdio.h>

#include "../kernel/layout.h"
#include "../kernel/names.h"
#include "../kernel/state.h"
#include "aspect.h"
#include "create.h"
#include "device.h"
#include "peer.h"
#include "volume.h"

/* Room for a journal, of the members' size */
#define JOURNAL_PART 32
#define JOURNAL_MIN (UINT64_C(16) << 20)
#define JOURNAL_MAX (UINT64_C(2) << 30)

/* Free space of a pool, as it is used up by the plan. */
struct share {
        const struct lvm_vg *vg;
        uint64_t free;
        size_t n_members;
};

static uint64_t round_up(uint64_t size, uint64_t unit)
{
        return unit ? (size + unit - 1) / unit * unit : size;
}

/* A given volume that must be free: the sentence tells who uses it. */
int create_check_free(const struct volume *v, const char *what, const char *remedy, sd_bus_error *e)
{
        struct device_info info;
        char holder[600];
        int r;

        r = device_get_info(v->device, &info);
        if (r < 0)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "The %s %s has no device; activate it first (lvchange -ay for a logical volume).", what, v->name);
        if (info.replica)
                return error_set(e, CODE_INVALID_PARAMETER, "The %s %s is a replica device itself; give the volume below it, or another.", what, v->name);
        if (info.read_only)
                return error_set(e, CODE_FAILED, "The %s %s is read-only; make it writable, or give another.", what, v->name);
        if (v->group)
                return error_set(e, CODE_FAILED, "The %s %s belongs to the group %s already; give another, or detach and delete that group first.",
                                 what, v->name, v->group->name);
        if (device_get_holder(v->device, info.number, holder, sizeof(holder)) > 0)
                return error_set(e, CODE_FAILED, "The %s %s %s; %s", what, v->name, holder, remedy);
        return 0;
}

int create_find_volume(struct manager *m, const char *object_path, struct volume *v, sd_bus_error *e)
{
        int r = volume_from_path(m, object_path, v);

        if (r == -ENOENT)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no volume %s; ListVolumes tells those that there are.", object_path);
        return r;
}

static int check_unique(struct manager *m, const char *name, const char *source, const char *target, sd_bus_error *e)
{
        const struct relationship *q = relationship_find(m, name);

        if (q && q->dissolved)
                return error_set(e, CODE_INVALID_PARAMETER, "There is an aspect named %s, of a relationship that was dissolved; choose another name, or delete it (blkreplctl aspect delete %s).",
                                 name, name);
        if (q)
                return error_set(e, CODE_INVALID_PARAMETER, "There is a relationship named %s already; choose another name.", name);
        if (source && group_find(m, source))
                return error_set(e, CODE_INVALID_PARAMETER, "There is a group named %s already; choose another SourceReplicationGroupFriendlyName.", source);
        if (target && (group_find(m, target) || (source && streq(source, target))))
                return error_set(e, CODE_INVALID_PARAMETER, "There is a group named %s already; choose another TargetReplicationGroupFriendlyName.", target);
        return 0;
}

static int check_member_name(const struct group *g, size_t i, const char *name, sd_bus_error *e)
{
        if (!blkrepl_name_valid(name))
                return error_set(e, CODE_INVALID_PARAMETER, "'%.80s' cannot be the name of a member; give MemberNames.", name);
        for (size_t k = 0; k < i; k++)
                if (streq(g->members[k].name, name))
                        return error_set(e, CODE_INVALID_PARAMETER, "Two members would be named %s; give MemberNames.", name);
        return 0;
}

/* LVM's path of a logical volume is stable and tells its volume group. */
int create_set_path(char *dest, size_t size, const struct volume *v)
{
        _cleanup_free_ char *stable = *v->pool ? strdup(v->device) : device_stable_path(v->device);

        return stable ? copy_string(dest, size, stable) : -ENOMEM;
}

static int plan_sources(struct create *c, sd_bus_error *e)
{
        struct group *g = c->source;
        _cleanup_free_ struct volume *v = malloc(sizeof(*v));
        int r;

        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < g->n_members; i++) {
                struct member *m = g->members + i;
                const char *name;
                char remedy[400];

                r = create_find_volume(c->manager, c->params.source_elements[i], v, e);
                if (r < 0)
                        return r;
                name = c->params.source_settings.member_names ? c->params.source_settings.member_names[i] : strrchr(v->name, '/') + 1;
                r = check_member_name(g, i, name, e);
                if (r < 0)
                        return r;
                snprintf(remedy, sizeof(remedy), "release it (umount, swapoff, …), call again, and then use /dev/blkrepl/%s/%s in its place.", g->name, name);
                r = create_check_free(v, "source", remedy, e);
                if (r < 0)
                        return r;
                if (v->size == 0)
                        return error_set(e, CODE_INVALID_PARAMETER, "The source %s is empty; give a volume with data or space for them.", v->name);
                r = sd_id128_randomize(&m->uuid);
                if (r >= 0)
                        r = copy_string(m->name, sizeof(m->name), name);
                if (r >= 0)
                        r = create_set_path(m->path, sizeof(m->path), v);
                if (r < 0)
                        return r;
                m->size = v->size;
        }
        return 0;
}

static int plan_given_targets(struct create *c, sd_bus_error *e)
{
        _cleanup_free_ struct volume *v = malloc(sizeof(*v));
        int r;

        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < c->target->n_members; i++) {
                struct member *m = c->target->members + i;

                r = create_find_volume(c->manager, c->params.target_elements[i], v, e);
                if (r >= 0)
                        r = create_check_free(v, "target", "release it, or give another target. Force does not help with a volume in use.", e);
                if (r < 0)
                        return r;
                if (v->size < c->source->members[i].size)
                        return error_set(e, CODE_INVALID_PARAMETER, "The target %s has %llu bytes, its source %s has %llu; give a target that is at least as large.",
                                         v->name, (unsigned long long)v->size, c->source->members[i].name, (unsigned long long)c->source->members[i].size);
                r = create_set_path(m->path, sizeof(m->path), v);
                if (r >= 0)
                        r = strv_extend(&c->probe, m->path);
                if (r < 0)
                        return r;
                m->size = v->size;
        }
        return 0;
}

/* Of the pools with enough space that which has got the fewest members, then the one with the most space. */
static struct share *choose_pool(struct share *shares, size_t n, uint64_t size, uint64_t extra)
{
        struct share *best = NULL;

        for (struct share *s = shares; s < shares + n; s++) {
                if (s->free < round_up(size, s->vg->extent_size) + (extra ? round_up(extra, s->vg->extent_size) : 0))
                        continue;
                if (!best || s->n_members < best->n_members || (s->n_members == best->n_members && s->free > best->free))
                        best = s;
        }
        return best;
}

static int no_space(const struct share *shares, size_t n, const char *what, uint64_t size, sd_bus_error *e)
{
        uint64_t most = 0;
        const char *name = "";

        for (size_t i = 0; i < n; i++)
                if (shares[i].free >= most) {
                        most = shares[i].free;
                        name = shares[i].vg->name;
                }
        return error_set(e, CODE_NOT_ENOUGH_RESOURCES,
                         "There is no space for %s, which needs %llu bytes; the most is left in %s, %llu bytes. Extend it with vgextend, or give another pool.",
                         what, (unsigned long long)size, name, (unsigned long long)most);
}

static int place(struct create *c, char *path, size_t path_size, const char *vg, const char *name, char ***taken)
{
        _cleanup_free_ char *lv = lvm_choose_name(lvm_get_report(c->manager->lvm), vg, c->target->name, name, *taken);
        int r;

        if (!lv)
                return -ENOMEM;
        if (snprintf(path, path_size, "/dev/%s/%s", vg, lv) >= (int)path_size)
                return -ENAMETOOLONG;
        r = strv_extend(taken, path);
        return r;
}

static int plan_carved_targets(struct create *c, uint64_t log_size, sd_bus_error *e)
{
        size_t n = strv_length(c->params.target_pools);
        _cleanup_free_ struct share *shares = calloc(n, sizeof(*shares));
        _cleanup_strv_ char **taken = NULL;
        int r;

        if (!shares)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *id = NULL;

                if (sd_bus_path_decode(c->params.target_pools[i], "/org/blkrepl1/pool", &id) > 0)
                        shares[i].vg = lvm_find_vg(c->manager->lvm, id);
                if (!shares[i].vg)
                        return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no pool %s; ListPools tells those that there are.", c->params.target_pools[i]);
                for (size_t k = 0; k < i; k++)
                        if (shares[k].vg == shares[i].vg)
                                return error_set(e, CODE_INVALID_PARAMETER, "The pool %s is given twice; give each once.", shares[i].vg->name);
                shares[i].free = shares[i].vg->free;
        }
        for (size_t i = 0; i < c->target->n_members; i++) {
                struct member *m = c->target->members + i;
                uint64_t size = c->source->members[i].size, extra = i == 0 ? log_size : 0;
                struct share *s = choose_pool(shares, n, size, extra);

                if (!s)
                        return no_space(shares, n, c->source->members[i].name, size + extra, e);
                r = place(c, m->path, sizeof(m->path), s->vg->name, m->name, &taken);
                if (r < 0)
                        return r;
                m->made = true;
                m->size = round_up(size, s->vg->extent_size);
                s->free -= m->size + (extra ? round_up(extra, s->vg->extent_size) : 0);
                s->n_members++;
        }
        return 0;
}

static uint64_t log_needed(const struct group *g)
{
        _cleanup_free_ u64 *sectors = calloc(g->n_members, sizeof(u64));

        for (size_t i = 0; sectors && i < g->n_members; i++)
                sectors[i] = g->members[i].size / 512;
        return sectors ? blkrepl_layout_min_blocks(sectors, g->n_members) * BLKREPL_BLOCK_SIZE : 0;
}

uint64_t create_journal_room(unsigned int mode, uint64_t members_size)
{
        uint64_t size = members_size / JOURNAL_PART;

        if (mode != BLKREPL_MODE_ASYNCHRONOUS)
                return 0;
        return size < JOURNAL_MIN ? JOURNAL_MIN : size > JOURNAL_MAX ? JOURNAL_MAX : size;
}

/* The volume group of a path of the form /dev/VG/LV that LVM knows, or that the plan is to make. */
static const struct lvm_vg *vg_of(struct create *c, const struct member *m)
{
        const struct lvm_lv *lv = lvm_find_lv_by_path(c->manager->lvm, m->path);
        _cleanup_free_ char *vg = NULL;

        if (lv)
                return lvm_find_vg(c->manager->lvm, lv->vg);
        if (!m->made || !strchr(m->path + 5, '/'))
                return NULL;
        vg = strndup(m->path + 5, strchr(m->path + 5, '/') - m->path - 5);
        return vg ? lvm_find_vg(c->manager->lvm, vg) : NULL;
}

/* A path of the form /dev/VG/LV */
static bool lies_in(const char *path, const struct lvm_vg *vg)
{
        size_t n = strlen(vg->name);

        return strncmp(path, "/dev/", 5) == 0 && strncmp(path + 5, vg->name, n) == 0 && path[5 + n] == '/';
}

static bool has_member(const struct group *g, dev_t number)
{
        struct device_info info;

        for (size_t i = 0; i < g->n_members; i++)
                if (device_get_info(g->members[i].path, &info) >= 0 && info.number == number)
                        return true;
        return false;
}

/* Where the log volume is to be made; the pool that was given, or that of the first member. */
static int find_log_pool(struct create *c, const struct group *g, const struct options *o, const char *which, uint64_t needed,
                         const struct lvm_vg **ret, sd_bus_error *e)
{
        _cleanup_free_ char *id = NULL;

        if (o->present & OPTION_BIT(OPTION_LOG_POOL)) {
                *ret = sd_bus_path_decode(o->log_pool, "/org/blkrepl1/pool", &id) > 0 ? lvm_find_vg(c->manager->lvm, id) : NULL;
                if (*ret)
                        return 0;
                return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no pool %s; ListPools tells those that there are.", o->log_pool);
        }
        *ret = vg_of(c, g->members);
        if (*ret)
                return 0;
        return error_set(e, CODE_INVALID_PARAMETER,
                         "The first %s %s is no logical volume, so there is no volume group to make the log volume in; give LogPool, or LogVolume, a block device of at least %llu bytes.",
                         which, g->members[0].path, (unsigned long long)needed);
}

static int plan_given_log(struct create *c, struct group *g, const char *path, uint64_t needed, sd_bus_error *e)
{
        _cleanup_free_ struct volume *v = malloc(sizeof(*v));
        struct device_info info;
        int r;

        if (!v)
                return -ENOMEM;
        r = volume_find(c->manager, path, v);
        if (r == -ENOENT)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no block device %s for the log volume; give an existing one.", path);
        if (r >= 0)
                r = create_check_free(v, "log volume", "give another.", e);
        if (r < 0)
                return r;
        if (v->size < needed)
                return error_set(e, CODE_INVALID_PARAMETER, "The log volume %s has %llu bytes, but %llu are needed; give a larger one.",
                                 v->name, (unsigned long long)v->size, (unsigned long long)needed);
        r = device_get_info(v->device, &info);
        if (r >= 0 && (has_member(c->source, info.number) || (c->target && has_member(c->target, info.number))))
                return error_set(e, CODE_INVALID_PARAMETER, "%s is both log volume and member; give another log volume.", v->name);
        if (g == c->target && device_get_info(c->source->log_path, &(struct device_info){}) >= 0 && streq(c->source->log_path, v->device))
                return error_set(e, CODE_INVALID_PARAMETER, "%s is the log volume of both groups; give each its own.", v->name);
        if (r >= 0)
                r = create_set_path(g->log_path, sizeof(g->log_path), v);
        if (r >= 0)
                r = strv_extend(&c->probe, g->log_path);
        g->log_size = v->size;
        return r;
}

static int plan_log(struct create *c, struct group *g, const struct options *o, const char *which, sd_bus_error *e)
{
        uint64_t needed = log_needed(g);
        const struct lvm_vg *vg;
        _cleanup_strv_ char **taken = NULL;
        _cleanup_free_ char *name = NULL, *log = NULL;
        size_t n_targets = c->target ? c->target->n_members : 0;
        uint64_t free_space;
        int r = 0;

        if (o->present & OPTION_BIT(OPTION_LOG_VOLUME))
                return plan_given_log(c, g, o->log_volume, needed, e);
        if (!(o->present & OPTION_BIT(OPTION_LOG_SIZE)))
                needed += create_journal_room(c->params.mode, group_size(c->source));
        if (o->log_size > needed)
                needed = o->log_size;
        r = find_log_pool(c, g, o, which, needed, &vg, e);
        if (r < 0)
                return r;
        free_space = vg->free;
        for (size_t i = 0; i < n_targets && free_space; i++)
                if (c->target->members[i].made && vg_of(c, c->target->members + i) == vg)
                        free_space -= c->target->members[i].size < free_space ? c->target->members[i].size : free_space;
        if (g == c->target && c->source->log_made && !c->keep_source && lies_in(c->source->log_path, vg))
                free_space -= c->source->log_size < free_space ? c->source->log_size : free_space;
        g->log_size = round_up(needed, vg->extent_size);
        if (free_space < g->log_size)
                return no_space(&(struct share){ .vg = vg, .free = free_space }, 1, "the log volume", g->log_size, e);

        for (size_t i = 0; r >= 0 && i < n_targets; i++)
                r = strv_extend(&taken, c->target->members[i].path);
        if (r >= 0)
                r = strv_extend(&taken, c->source->log_path);
        if (r < 0)
                return r;
        name = lvm_choose_name(lvm_get_report(c->manager->lvm), vg->name, g->name, "log", taken);
        if (!name)
                return -ENOMEM;
        g->log_made = true;
        return snprintf(g->log_path, sizeof(g->log_path), "/dev/%s/%s", vg->name, name) >= (int)sizeof(g->log_path) ? -ENAMETOOLONG : 0;
}

struct group *create_named_group(struct manager *m, const char *path)
{
        _cleanup_free_ char *id = NULL;
        struct group *g = NULL;

        if (sd_bus_path_decode(path, "/org/blkrepl1/group", &id) > 0)
                g = group_find(m, id);
        return g && !g->hidden ? g : NULL;
}

static int find_group(struct create *c, const char *path, struct group **ret, sd_bus_error *e)
{
        struct group *g = create_named_group(c->manager, path);
        int r;

        if (!g)
                return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no group %s; ListGroups tells those that there are.", path);
        r = aspect_check_none(g, e);
        if (r < 0)
                return r;
        if (group_relationship(g))
                return error_set(e, CODE_FAILED, "The group %s is in the relationship %s already; detach that first.",
                                 g->name, group_relationship(g)->name);
        if (g->busy || g->change)
                return error_set(e, CODE_FAILED, "The group %s is being changed; try again in a moment.", g->name);
        *ret = g;
        return 0;
}

static int find_source_group(struct create *c, sd_bus_error *e)
{
        struct group *g;
        int r;

        r = find_group(c, c->params.source_group, &g, e);
        if (r < 0)
                return r;
        if (!g->up)
                return error_set(e, CODE_FAILED, "The group %s has no replica devices that are up; start it first.", g->name);
        if (c->params.target_elements && strv_length(c->params.target_elements) != g->n_members)
                return error_set(e, CODE_INVALID_PARAMETER, "The group %s has %zu members but there are %zu targets; give one for each, in the same order.",
                                 g->name, g->n_members, strv_length(c->params.target_elements));
        c->source = g;
        c->keep_source = true;
        return 0;
}

/* What it has is overwritten, so it must not be in use, and what it carries is looked at like any target. */
static int find_target_group(struct create *c, sd_bus_error *e)
{
        struct group *g;
        int r;

        r = find_group(c, c->params.target_group, &g, e);
        if (r < 0)
                return r;
        group_refresh(g);
        if (g->up && g->kernel.open_count > 0)
                return error_set(e, CODE_FAILED, "A replica device of the group %s is open; umount and close it first.", g->name);
        for (size_t i = 0; r >= 0 && i < g->n_members; i++)
                r = strv_extend(&c->probe, g->members[i].path);
        if (r < 0)
                return r;
        c->target = g;
        c->keep_target = true;
        return 0;
}

/* Against the sources, which are known now */
static int check_target_group(struct create *c, sd_bus_error *e)
{
        const struct group *s = c->source, *t = c->target;

        if (t->n_members != s->n_members)
                return error_set(e, CODE_INVALID_PARAMETER, "The group %s has %zu members, its source %zu; give a group with as many.",
                                 t->name, t->n_members, s->n_members);
        for (size_t i = 0; i < s->n_members; i++)
                if (t->members[i].size < s->members[i].size)
                        return error_set(e, CODE_INVALID_PARAMETER, "The member %s of the group %s has %llu bytes, its source %s has %llu; extend it first.",
                                         t->members[i].name, t->name, (unsigned long long)t->members[i].size,
                                         s->members[i].name, (unsigned long long)s->members[i].size);
        if (t->log_size < log_needed(s))
                return error_set(e, CODE_INVALID_PARAMETER, "The log volume of the group %s has %llu bytes, but %llu are needed; extend it first.",
                                 t->name, (unsigned long long)t->log_size, (unsigned long long)log_needed(s));
        return 0;
}

static int make_objects(struct create *c, const char *source, const char *target)
{
        struct manager *m = c->manager;
        sd_id128_t id;
        int r;

        if (!c->keep_source) {
                r = sd_id128_randomize(&id);
                c->source = r < 0 ? NULL : group_new(m, id, source, GROUP_SOURCE, strv_length(c->params.source_elements));
                if (!c->source)
                        return -ENOMEM;
                c->source->hidden = true;
        }
        if (c->params.group_only)
                return 0;
        if (!c->keep_target) {
                r = sd_id128_randomize(&id);
                c->target = r < 0 ? NULL : group_new(m, id, target, GROUP_TARGET, c->source->n_members);
                if (!c->target)
                        return -ENOMEM;
                c->target->hidden = true;
        }
        r = sd_id128_randomize(&id);
        c->relationship = r < 0 ? NULL : relationship_new(m, id, c->params.name, c->source, c->target);
        if (!c->relationship)
                return -ENOMEM;
        c->relationship->hidden = true;
        c->relationship->sync_type = c->params.sync_type;
        c->relationship->mode = c->params.mode == BLKREPL_MODE_SYSTEM ? BLKREPL_MODE_SYNCHRONOUS : c->params.mode;
        c->relationship->rpo = c->params.rpo;
        return 0;
}

static int plan_group(struct create *c, sd_bus_error *e)
{
        const struct create_params *p = &c->params;
        int r;

        if (group_find(c->manager, p->name))
                return error_set(e, CODE_INVALID_PARAMETER, "There is a group named %s already; choose another name.", p->name);
        r = make_objects(c, p->name, NULL);
        if (r >= 0)
                r = plan_sources(c, e);
        return r < 0 ? r : plan_log(c, c->source, &p->source_settings, "member", e);
}

/* The name that the target group is to have; NULL is out of memory. */
static char *choose_target_name(const struct create *c)
{
        char *name = NULL;

        if (c->keep_target || *c->params.target_group_name)
                return strdup(c->keep_target ? c->target->name : c->params.target_group_name);
        return asprintf(&name, "%s-replica", c->params.name) < 0 ? NULL : name;
}

static int plan_targets(struct create *c, sd_bus_error *e)
{
        const struct create_params *p = &c->params;
        uint64_t log_size = log_needed(c->source);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->target->n_members; i++) {
                memcpy(c->target->members[i].name, c->source->members[i].name, sizeof(c->target->members[i].name));
                r = sd_id128_randomize(&c->target->members[i].uuid);
        }
        if (r < 0)
                return r;
        if (!(p->target_settings.present & OPTION_BIT(OPTION_LOG_SIZE)))
                log_size += create_journal_room(c->params.mode, group_size(c->source));
        if (p->target_settings.log_size > log_size)
                log_size = p->target_settings.log_size;
        /* Only where it is made beside the first member it takes space there. */
        if (p->target_settings.present & (OPTION_BIT(OPTION_LOG_VOLUME) | OPTION_BIT(OPTION_LOG_POOL)))
                log_size = 0;
        return p->target_elements ? plan_given_targets(c, e) : plan_carved_targets(c, log_size, e);
}

int create_plan(struct create *c, sd_bus_error *e)
{
        const struct create_params *p = &c->params;
        const char *source = isempty(p->source_group_name) ? p->name : p->source_group_name;
        _cleanup_free_ char *target = NULL;
        int r = 0;

        if (p->group_only)
                return plan_group(c, e);
        if (!peer_is_local(c->manager, p->target_system))
                return error_set(e, CODE_OBJECT_NOT_FOUND, "There is no storage system %s; this version replicates within this one: give / or /org/blkrepl1/peer/local.",
                                 p->target_system);
        if (!streq(p->source_group, "/"))
                r = find_source_group(c, e);
        if (r >= 0 && !streq(p->target_group, "/"))
                r = find_target_group(c, e);
        if (r < 0)
                return r;
        target = choose_target_name(c);
        if (!target)
                return -ENOMEM;
        if (!blkrepl_name_valid(target))
                return error_set(e, CODE_INVALID_PARAMETER, "The name %s of the target group is too long; give TargetReplicationGroupFriendlyName.", target);
        r = check_unique(c->manager, p->name, c->keep_source ? NULL : source, c->keep_target ? NULL : target, e);
        if (r >= 0)
                r = make_objects(c, source, target);
        if (r >= 0 && !c->keep_source)
                r = plan_sources(c, e);
        if (r >= 0)
                r = c->keep_target ? check_target_group(c, e) : plan_targets(c, e);
        if (r >= 0 && !c->keep_source)
                r = plan_log(c, c->source, &p->source_settings, "source", e);
        if (r >= 0 && !c->keep_target)
                r = plan_log(c, c->target, &p->target_settings, "target", e);
        return r;
}
