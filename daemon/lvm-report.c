/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports of lvm in JSON, and names for new volumes. No process is run here. */
#include <stdio.h>

#include <json-c/json.h>

#include "lvm.h"

/* The longest name of a device-mapper device, in which each hyphen of VG and LV is doubled. */
#define DM_NAME_MAX 127

static const char *get_text(json_object *o, const char *key)
{
        json_object *v;

        return json_object_object_get_ex(o, key, &v) ? strempty(json_object_get_string(v)) : "";
}

static uint64_t get_number(json_object *o, const char *key)
{
        return strtoull(get_text(o, key), NULL, 10);
}

/* {"report":[{"vg":[{…},…]}]} */
static int rows(const char *json, const char *kind, json_object **ret_root, json_object **ret_rows)
{
        json_object *root, *report, *list;

        root = json_tokener_parse(json);
        if (!root)
                return -EBADMSG;
        if (!json_object_object_get_ex(root, "report", &report) ||
            !json_object_is_type(report, json_type_array) ||
            json_object_array_length(report) < 1 ||
            !json_object_object_get_ex(json_object_array_get_idx(report, 0), kind, &list) ||
            !json_object_is_type(list, json_type_array)) {
                json_object_put(root);
                return -EBADMSG;
        }
        *ret_root = root;
        *ret_rows = list;
        return 0;
}

static void lv_done(struct lvm_lv *lv)
{
        free(lv->uuid);
        free(lv->name);
        free(lv->vg);
        free(lv->path);
        strv_free(lv->tags);
}

void lvm_report_done(struct lvm_report *r)
{
        for (size_t i = 0; i < r->n_vgs; i++) {
                free(r->vgs[i].uuid);
                free(r->vgs[i].name);
        }
        free(r->vgs);
        for (size_t i = 0; i < r->n_lvs; i++)
                lv_done(r->lvs + i);
        free(r->lvs);
        *r = (struct lvm_report){};
}

int lvm_report_parse_vgs(struct lvm_report *r, const char *json)
{
        json_object *root, *list;
        size_t n;
        int k = rows(json, "vg", &root, &list);

        if (k < 0)
                return k;
        n = json_object_array_length(list);
        r->vgs = calloc(n + 1, sizeof(*r->vgs));
        for (size_t i = 0; r->vgs && i < n; i++) {
                json_object *o = json_object_array_get_idx(list, i);
                struct lvm_vg *vg = r->vgs + r->n_vgs++;

                vg->uuid = strdup(get_text(o, "vg_uuid"));
                vg->name = strdup(get_text(o, "vg_name"));
                vg->size = get_number(o, "vg_size");
                vg->free = get_number(o, "vg_free");
                vg->extent_size = get_number(o, "vg_extent_size");
                if (!vg->uuid || !vg->name)
                        k = -ENOMEM;
        }
        json_object_put(root);
        return r->vgs ? k : -ENOMEM;
}

static int split_tags(const char *text, char ***ret)
{
        _cleanup_free_ char *copy = strdup(text);
        char *p = copy, *tag;
        int r = copy ? 0 : -ENOMEM;

        while (r >= 0 && (tag = strsep(&p, ",")))
                if (*tag)
                        r = strv_extend(ret, tag);
        return r;
}

int lvm_report_parse_lvs(struct lvm_report *r, const char *json)
{
        json_object *root, *list;
        size_t n;
        int k = rows(json, "lv", &root, &list);

        if (k < 0)
                return k;
        n = json_object_array_length(list);
        r->lvs = calloc(n + 1, sizeof(*r->lvs));
        for (size_t i = 0; r->lvs && i < n; i++) {
                json_object *o = json_object_array_get_idx(list, i);
                const char *attr = get_text(o, "lv_attr");
                struct lvm_lv *lv = r->lvs + r->n_lvs;

                /* Pools, and whatever else has no device of its own. */
                if (!*get_text(o, "lv_path"))
                        continue;
                r->n_lvs++;
                lv->uuid = strdup(get_text(o, "lv_uuid"));
                lv->name = strdup(get_text(o, "lv_name"));
                lv->vg = strdup(get_text(o, "vg_name"));
                lv->path = strdup(get_text(o, "lv_path"));
                lv->size = get_number(o, "lv_size");
                lv->active = strlen(attr) > 4 && attr[4] == 'a';
                lv->invalid = strlen(attr) > 4 && (attr[4] == 'I' || attr[4] == 'S');
                lv->open = strlen(attr) > 5 && attr[5] == 'o';
                lv->thin = *attr == 'V';
                if (!lv->uuid || !lv->name || !lv->vg || !lv->path || split_tags(get_text(o, "lv_tags"), &lv->tags) < 0)
                        k = -ENOMEM;
        }
        json_object_put(root);
        return r->lvs ? k : -ENOMEM;
}

const char *lvm_lv_tag(const struct lvm_lv *lv, const char *prefix)
{
        STRV_FOREACH(t, lv->tags)
                if (strncmp(*t, prefix, strlen(prefix)) == 0)
                        return *t + strlen(prefix);
        return NULL;
}

bool lvm_lv_has_tag_uuid(const struct lvm_lv *lv, const char *prefix, sd_id128_t id)
{
        STRV_FOREACH(t, lv->tags) {
                sd_id128_t other;

                if (strncmp(*t, prefix, strlen(prefix)) == 0 &&
                    uuid_from_text(*t + strlen(prefix), &other) >= 0 && sd_id128_equal(id, other))
                        return true;
        }
        return false;
}

/* What LVM keeps for itself. */
static bool reserved(const char *name)
{
        static const char *const parts[] = {
                "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_wcorig", "_mimage", "_mlog", "_rimage", "_rmeta",
                "_tdata", "_tmeta", "_tpool", "_vdata", "_vorigin", "_vpool", "_imeta", "_iorig", "_pmspare", "_integrity",
        };

        if (strncmp(name, "snapshot", 8) == 0 || strncmp(name, "pvmove", 6) == 0)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                if (strstr(name, parts[i]))
                        return true;
        return false;
}

static size_t dm_length(const char *vg, const char *lv)
{
        size_t n = strlen(vg) + strlen(lv) + 1;

        for (const char *p = vg; *p; p++)
                n += *p == '-';
        for (const char *p = lv; *p; p++)
                n += *p == '-';
        return n;
}

static bool is_taken(const struct lvm_report *r, const char *vg, const char *name, char *const *taken)
{
        for (size_t i = 0; i < r->n_lvs; i++)
                if (streq(r->lvs[i].vg, vg) && streq(r->lvs[i].name, name))
                        return true;
        STRV_FOREACH(t, taken)
                if (strncmp(*t, "/dev/", 5) == 0 && strncmp(*t + 5, vg, strlen(vg)) == 0 &&
                    (*t)[5 + strlen(vg)] == '/' && streq(*t + 6 + strlen(vg), name))
                        return true;
        return false;
}

/* GROUP.MEMBER, else with a number; "blkrepl" instead of a name that is reserved or too long. */
char *lvm_choose_name(const struct lvm_report *r, const char *vg, const char *group, const char *member, char *const *taken)
{
        _cleanup_free_ char *base = NULL;

        if (asprintf(&base, "%s.%s", group, member) < 0)
                return NULL;
        if (reserved(base) || dm_length(vg, base) + 8 > DM_NAME_MAX) {
                free(base);
                base = strdup("blkrepl");
        }
        for (unsigned int i = 1; base && i < 100000; i++) {
                char *name = NULL;

                if ((i == 1 ? asprintf(&name, "%s", base) : asprintf(&name, "%s.%u", base, i)) < 0)
                        return NULL;
                if (!is_taken(r, vg, name, taken))
                        return name;
                free(name);
        }
        return NULL;
}
