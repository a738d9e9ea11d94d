/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blkid knows file systems, partition tables and the like; our own metadata we know ourselves. */
#include <stdio.h>

#include "child.h"
#include "logvol.h"
#include "probe.h"

struct probe {
        sd_event *event;
        char *path;
        probe_handler handler;
        void *userdata;
};

static void finish(struct probe *p, sd_bus_error *e)
{
        p->handler(e, p->userdata);
        if (e)
                sd_bus_error_free(e);
        free(p->path);
        free(p);
}

static void fail(struct probe *p, const char *what)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        error_set(&e, CODE_UNSPECIFIED, "It is unknown whether %s carries data: %s", p->path, what);
        finish(p, &e);
}

static void on_head(const struct child_result *result, void *userdata)
{
        struct probe *p = userdata;
        _cleanup_free_ struct logvol_info *info = malloc(sizeof(*info));
        sd_bus_error e = SD_BUS_ERROR_NULL;

        if (!info || result->error < 0 || result->output_size != LOGVOL_HEAD_SIZE ||
            logvol_parse(result->output, UINT64_MAX, info) < 0) {
                finish(p, NULL);
                return;
        }
        error_set(&e, CODE_FAILED, "%s holds the metadata of the blkrepl group %s; give another volume, or Force to overwrite it.",
                  p->path, info->group_name);
        finish(p, &e);
}

/* A line "KEY=value" of blkid's output */
static bool find_value(const char *text, const char *key, char *buf, size_t size)
{
        size_t n = strlen(key);

        for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, key, n) == 0) {
                        snprintf(buf, size, "%.*s", (int)strcspn(line + n, "\n"), line + n);
                        return true;
                }
        return false;
}

static void on_blkid(const struct child_result *result, void *userdata)
{
        struct probe *p = userdata;
        sd_bus_error e = SD_BUS_ERROR_NULL;
        char type[64];
        bool found;

        if (result->error < 0 || result->status == 127) {
                fail(p, "blkid could not be run; install util-linux, or give Force.");
                return;
        }
        found = find_value(result->output, "TYPE=", type, sizeof(type)) ||
                find_value(result->output, "PTTYPE=", type, sizeof(type));
        if (result->status == 8 || found) {
                error_set(&e, CODE_FAILED, "%s carries %s%s; its content would be lost. Wipe it (wipefs -a), give another volume, or Force.",
                          p->path, found ? "a signature: " : "several signatures", found ? type : "");
                finish(p, &e);
                return;
        }
        if (result->status != 0 && result->status != 2)
                fail(p, "blkid could not read it; look at the kernel's log.");
        else if (logvol_read(p->event, p->path, on_head, p, NULL) < 0)
                fail(p, "a child could not be started.");
}

int probe_device(sd_event *event, const char *path, probe_handler handler, void *userdata)
{
        struct probe *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        *p = (struct probe){ .event = event, .path = strdup(path), .handler = handler, .userdata = userdata };
        r = p->path ? child_exec(event, (const char *const[]){ "blkid", "-p", "-o", "export", "-c", "/dev/null", path, NULL },
                                 on_blkid, p, NULL) : -ENOMEM;
        if (r < 0) {
                free(p->path);
                free(p);
        }
        return r;
}
