/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of the lvm commands of a creation; the tags are described in lvm.h. */
#include "create.h"

static int add_tags(char ***words, const struct group *g, const struct member *m, bool made)
{
        int r;

        r = strv_extendf(words, "--addtag=" LVM_TAG_GROUP "%s", UUID_TEXT(g->uuid));
        if (r >= 0)
                r = strv_extendf(words, "--addtag=" LVM_TAG_ROLE "%s", g->role == GROUP_SOURCE ? "source" : "target");
        if (r >= 0)
                r = m ? strv_extendf(words, "--addtag=" LVM_TAG_MEMBER "%s", UUID_TEXT(m->uuid)) :
                        strv_extend(words, "--addtag=" LVM_TAG_LOG);
        if (r >= 0 && made)
                r = strv_extend(words, "--addtag=" LVM_TAG_MADE);
        return r;
}

int create_words_make(const struct group *g, const struct member *m, char ***words)
{
        const char *path = m ? m->path : g->log_path, *slash = strchr(path + 5, '/');
        int r;

        r = strv_extend(words, "lvcreate");
        if (r >= 0)
                r = strv_extend(words, "-y");
        if (r >= 0)
                r = strv_extend(words, "-Wy");
        if (r >= 0)
                r = strv_extendf(words, "-L%llub", (unsigned long long)(m ? m->size : g->log_size));
        if (r >= 0)
                r = strv_extendf(words, "-n%s", slash + 1);
        if (r >= 0)
                r = add_tags(words, g, m, true);
        if (r >= 0)
                r = strv_extendf(words, "%.*s", (int)(slash - path - 5), path + 5);
        return r;
}

int create_words_tag(const struct group *g, const struct member *m, const struct lvm_lv *lv, char ***words)
{
        int r;

        r = strv_extend(words, "lvchange");
        if (r >= 0)
                r = add_tags(words, g, m, false);
        if (r >= 0)
                r = strv_extendf(words, "%s/%s", lv->vg, lv->name);
        return r;
}
