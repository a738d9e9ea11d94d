/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "volumes.h"

int volumes_release(struct lvm *lvm, bool remove, volumes_match match, lvm_handler handler, void *userdata)
{
        const struct lvm_report *report = lvm_get_report(lvm);
        _cleanup_strv_ char **words = NULL, **names = NULL;
        int r;

        r = strv_extend(&words, remove ? "lvremove" : "lvchange");
        if (r >= 0)
                r = strv_extend(&words, "-y");
        for (size_t i = 0; r >= 0 && i < report->n_lvs; i++) {
                const struct lvm_lv *lv = report->lvs + i;

                if (!match(lv, userdata))
                        continue;
                if (remove)
                        log_info("Removing the logical volume %s/%s.", lv->vg, lv->name);
                STRV_FOREACH(t, lv->tags)
                        if (r >= 0 && !remove && strncmp(*t, "blkrepl.", 8) == 0)
                                r = strv_extendf(&words, "--deltag=%s", *t);
                if (r >= 0)
                        r = strv_extendf(&names, "%s/%s", lv->vg, lv->name);
        }
        if (r < 0 || !names)
                return r;
        STRV_FOREACH(n, names)
                if (r >= 0)
                        r = strv_extend(&words, *n);
        if (r >= 0)
                r = lvm_command(lvm, words, handler, userdata);
        return r < 0 ? r : 1;
}
