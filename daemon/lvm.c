/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running lvm. Filters and the devices file are the administrator's and are
 * left alone: LVM by itself never scans a replica device, whose driver is not
 * among the types of devices that it knows.
 */
#include <stdio.h>

#include "child.h"
#include "lvm.h"

/* A report that reads a disk which never answers cannot be ended by anyone. */
#define REPORT(command) CHILD_SPARED "lvm", command, "--reportformat", "json", "--units", "b", "--nosuffix"

struct waiter {
        lvm_handler handler;
        void *userdata;
        struct waiter *next;
};

struct command {
        struct lvm *lvm;
        lvm_handler handler;
        void *userdata;
        struct command *next;
};

struct lvm {
        sd_event *event;
        struct lvm_report report, coming;
        struct child *child;
        struct waiter *current, *later;
        struct command *commands;
        void (*changed)(void *userdata);
        void *changed_userdata;
};

static int refresh_start(struct lvm *l);

int lvm_new(sd_event *event, struct lvm **ret)
{
        struct lvm *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->event = sd_event_ref(event);
        *ret = l;
        return 0;
}

static void waiters_free(struct waiter *w)
{
        while (w) {
                struct waiter *next = w->next;

                free(w);
                w = next;
        }
}

struct lvm *lvm_free(struct lvm *l)
{
        if (!l)
                return NULL;
        child_forget(l->child);
        waiters_free(l->current);
        waiters_free(l->later);
        lvm_report_done(&l->report);
        lvm_report_done(&l->coming);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}

const struct lvm_report *lvm_get_report(const struct lvm *l)
{
        return &l->report;
}

void lvm_set_changed_handler(struct lvm *l, void (*handler)(void *userdata), void *userdata)
{
        l->changed = handler;
        l->changed_userdata = userdata;
}

static bool same_report(const struct lvm_report *a, const struct lvm_report *b)
{
        if (a->n_vgs != b->n_vgs || a->n_lvs != b->n_lvs)
                return false;
        for (size_t i = 0; i < a->n_vgs; i++)
                if (!streq(a->vgs[i].uuid, b->vgs[i].uuid) || a->vgs[i].size != b->vgs[i].size || a->vgs[i].free != b->vgs[i].free)
                        return false;
        for (size_t i = 0; i < a->n_lvs; i++)
                if (!streq(a->lvs[i].uuid, b->lvs[i].uuid) || a->lvs[i].size != b->lvs[i].size)
                        return false;
        return true;
}

static void refresh_done(struct lvm *l, int error, const char *message)
{
        struct waiter *list = TAKE_PTR(l->current);

        l->child = NULL;
        if (error >= 0) {
                bool changed = !same_report(&l->report, &l->coming);

                lvm_report_done(&l->report);
                l->report = l->coming;
                l->coming = (struct lvm_report){};
                if (changed && l->changed)
                        l->changed(l->changed_userdata);
        } else {
                log_warning("Cannot read LVM's state: %s", message);
                lvm_report_done(&l->coming);
        }
        if (l->later) {
                l->current = TAKE_PTR(l->later);
                refresh_start(l);
        }
        while (list) {
                struct waiter *w = list;

                list = w->next;
                if (w->handler)
                        w->handler(error, message, w->userdata);
                free(w);
        }
}

/* The one that says what is wrong, not the one on where to read about the command. */
static void last_line(const char *text, char *buf, size_t size)
{
        const char *end = text + strlen(text), *begin = end;

        do {
                end = begin;
                while (end > text && end[-1] == '\n')
                        end--;
                begin = end;
                while (begin > text && begin[-1] != '\n')
                        begin--;
        } while (begin > text && strncmp(begin + strspn(begin, " "), "Run `", 5) == 0);
        while (begin < end && *begin == ' ')
                begin++;
        snprintf(buf, size, "%.*s", (int)(end - begin), begin);
}

static int result_error(const struct child_result *result, char *buf, size_t size)
{
        *buf = 0;
        if (result->error < 0) {
                snprintf(buf, size, "The lvm command did not end well.");
                return result->error;
        }
        if (result->status != 0) {
                last_line(result->errors, buf, size);
                if (strstr(result->errors, "insufficient free space") || strstr(result->errors, "Insufficient"))
                        return -ENOSPC;
                return result->status == 127 ? -ENOENT : -EIO;
        }
        return 0;
}

static void on_lvs(const struct child_result *result, void *userdata)
{
        struct lvm *l = userdata;
        char message[512];
        int r = result_error(result, message, sizeof(message));

        if (r >= 0) {
                r = lvm_report_parse_lvs(&l->coming, result->output);
                if (r < 0)
                        snprintf(message, sizeof(message), "The report of lvs is not understood.");
        }
        refresh_done(l, r, message);
}

static void on_vgs(const struct child_result *result, void *userdata)
{
        static const char *const argv[] = {
                REPORT("lvs"),
                "-o", "lv_uuid,lv_name,vg_name,lv_path,lv_size,lv_attr,lv_tags", NULL
        };
        struct lvm *l = userdata;
        char message[512];
        int r = result_error(result, message, sizeof(message));

        if (r >= 0) {
                r = lvm_report_parse_vgs(&l->coming, result->output);
                if (r < 0)
                        snprintf(message, sizeof(message), "The report of vgs is not understood.");
        }
        if (r >= 0) {
                r = child_exec(l->event, argv, on_lvs, l, &l->child);
                if (r < 0)
                        snprintf(message, sizeof(message), "lvm cannot be run.");
        }
        if (r < 0)
                refresh_done(l, r, message);
}

static int refresh_start(struct lvm *l)
{
        static const char *const argv[] = {
                REPORT("vgs"),
                "-o", "vg_uuid,vg_name,vg_size,vg_free,vg_extent_size", NULL
        };

        return child_exec(l->event, argv, on_vgs, l, &l->child);
}

int lvm_refresh(struct lvm *l, lvm_handler handler, void *userdata)
{
        struct waiter *w = calloc(1, sizeof(*w)), **tail;
        int r;

        if (!w)
                return -ENOMEM;
        *w = (struct waiter){ .handler = handler, .userdata = userdata };

        tail = l->child ? &l->later : &l->current;
        while (*tail)
                tail = &(*tail)->next;
        *tail = w;
        if (l->child)
                return 0;

        r = refresh_start(l);
        if (r < 0) {
                waiters_free(l->current);
                l->current = NULL;
        }
        return r;
}

void lvm_forget(struct lvm *l, const void *userdata)
{
        for (struct waiter *w = l->current; w; w = w->next)
                if (w->userdata == userdata)
                        w->handler = NULL;
        for (struct waiter *w = l->later; w; w = w->next)
                if (w->userdata == userdata)
                        w->handler = NULL;
        for (struct command *c = l->commands; c; c = c->next)
                if (c->userdata == userdata)
                        c->handler = NULL;
}

static void command_free(struct command *c)
{
        struct command **p = &c->lvm->commands;

        while (*p != c)
                p = &(*p)->next;
        *p = c->next;
        free(c);
}

static void on_command(const struct child_result *result, void *userdata)
{
        struct command *c = userdata;
        char message[512];
        int r = result_error(result, message, sizeof(message));

        if (c->handler)
                c->handler(r, message, c->userdata);
        command_free(c);
}

int lvm_command(struct lvm *l, char **words, lvm_handler handler, void *userdata)
{
        _cleanup_free_ const char **argv = NULL;
        struct command *c;
        size_t n = 0;
        int r;

        argv = calloc(strv_length(words) + 2, sizeof(char *));
        c = calloc(1, sizeof(*c));
        if (!argv || !c) {
                free(c);
                return -ENOMEM;
        }
        argv[n++] = "lvm";
        STRV_FOREACH(w, words)
                argv[n++] = *w;
        *c = (struct command){ .lvm = l, .handler = handler, .userdata = userdata, .next = l->commands };

        r = child_exec(l->event, argv, on_command, c, NULL);
        if (r < 0) {
                free(c);
                return r;
        }
        l->commands = c;
        return 0;
}

const struct lvm_vg *lvm_find_vg(const struct lvm *l, const char *id)
{
        for (size_t i = 0; i < l->report.n_vgs; i++)
                if (streq(l->report.vgs[i].name, id) || streq(l->report.vgs[i].uuid, id))
                        return l->report.vgs + i;
        return NULL;
}

const struct lvm_lv *lvm_find_lv(const struct lvm *l, const char *vg, const char *name)
{
        for (size_t i = 0; i < l->report.n_lvs; i++)
                if (streq(l->report.lvs[i].vg, vg) && streq(l->report.lvs[i].name, name))
                        return l->report.lvs + i;
        return NULL;
}

const struct lvm_lv *lvm_find_lv_by_path(const struct lvm *l, const char *path)
{
        for (size_t i = 0; i < l->report.n_lvs; i++)
                if (streq(l->report.lvs[i].path, path))
                        return l->report.lvs + i;
        return NULL;
}

const struct lvm_lv *lvm_find_lv_by_tag(const struct lvm *l, const char *prefix, sd_id128_t id)
{
        for (size_t i = 0; i < l->report.n_lvs; i++)
                if (lvm_lv_has_tag_uuid(l->report.lvs + i, prefix, id))
                        return l->report.lvs + i;
        return NULL;
}
