/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that hang while the machine is being switched off.
 *
 * The module waits for no target that does not answer, but others would: LVM
 * reads every disk that it finds, and at the very end systemd flushes every
 * device-mapper device, without a limit of time. So the nodes of what hangs, and
 * of what rests on it, are taken out of /dev. Who cannot open a device passes
 * over it. They are there again at the next boot.
 *
 * Only what a target rests on is looked at. It hangs when it has requests, or
 * refuses to take any because it is suspended, and has ended none for some
 * seconds. One that does end requests is not waited for.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "unit.h"

#define BLOCK "/sys/class/block"
#define PATIENCE_USEC (3 * USEC_PER_SEC)
#define LOOK_USEC (100 * USEC_PER_MSEC)
#define DEPTH_MAX 16

struct hung {
        char **devices;         /* names in sysfs; those beneath one come after it */
};

static bool going_down(void)
{
        char word[32] = {};
        FILE *f = popen("systemctl is-system-running", "re");

        if (!f)
                return false;
        if (!fgets(word, sizeof(word), f))
                *word = 0;
        pclose(f);
        return streq(word, "stopping\n");
}

static int add(struct hung *h, const char *name)
{
        return strv_contains(h->devices, name) ? 0 : strv_extend(&h->devices, name);
}

static int add_number(struct hung *h, unsigned int major, unsigned int minor)
{
        char path[64], link[PATH_MAX];
        ssize_t n;

        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major, minor);
        n = readlink(path, link, sizeof(link) - 1);
        if (n < 0)
                return 0;
        link[n] = 0;
        return add(h, strrchr(link, '/') + 1);
}

static int take_pair(const void *object, void *userdata)
{
        const struct kernel_pair *k = object;

        return add_number(userdata, k->target_major, k->target_minor);
}

static int take_relationship(const void *object, void *userdata)
{
        const struct kernel_relationship *k = object;
        struct stat st;

        if (stat(k->target_log_path, &st) < 0)
                return 0;
        return add_number(userdata, major(st.st_rdev), minor(st.st_rdev));
}

/* The disk of a partition. */
static int disk_of(const char *name, char disk[static NAME_MAX + 1])
{
        char path[sizeof(BLOCK) + NAME_MAX + 16], real[PATH_MAX];
        char *slash;

        snprintf(path, sizeof(path), BLOCK "/%s/partition", name);
        if (access(path, F_OK) < 0)
                return 0;
        *strrchr(path, '/') = 0;
        if (!realpath(path, real))
                return 0;
        *strrchr(real, '/') = 0;
        slash = strrchr(real, '/');
        return slash && copy_string(disk, NAME_MAX + 1, slash + 1) >= 0;
}

/* Calls the function for each device that this one directly rests on, as long as it gives 0. */
static int each_below(const char *name, int (*function)(const char *below, void *userdata), void *userdata)
{
        char path[sizeof(BLOCK) + NAME_MAX + 16], disk[NAME_MAX + 1];
        struct dirent *e;
        DIR *d;
        int r = 0;

        if (disk_of(name, disk))
                return function(disk, userdata);
        snprintf(path, sizeof(path), BLOCK "/%s/slaves", name);
        d = opendir(path);
        while (d && r == 0 && (e = readdir(d)))
                if (e->d_name[0] != '.')
                        r = function(e->d_name, userdata);
        if (d)
                closedir(d);
        return r;
}

static int add_below(const char *below, void *userdata)
{
        return add(userdata, below);
}

struct hung *hung_new(void)
{
        _cleanup_(netlink_closep) struct netlink *nl = NULL;
        struct hung *h;
        int r;

        if (access("/sys/module/blkrepl", F_OK) < 0 || !going_down())
                return NULL;
        h = calloc(1, sizeof(*h));
        r = !h ? -ENOMEM : netlink_open(&nl);
        if (r >= 0)
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_PAIR_GET, .dump = true, .table = &pair_table,
                        .handler = take_pair, .userdata = h }, NULL);
        if (r >= 0)
                r = netlink_call(nl, &(struct netlink_request){
                        .command = BLKREPL_CMD_RELATIONSHIP_GET, .dump = true, .table = &relationship_table,
                        .handler = take_relationship, .userdata = h }, NULL);
        for (size_t i = 0; r >= 0 && h->devices && h->devices[i]; i++)
                r = each_below(h->devices[i], add_below, h);
        return r < 0 ? hung_free(h) : h;
}

struct hung *hung_free(struct hung *h)
{
        if (h)
                strv_free(h->devices);
        free(h);
        return NULL;
}

struct activity {
        uint64_t ended;
        bool waiting;
};

static bool is_suspended(const char *name)
{
        char path[sizeof(BLOCK) + NAME_MAX + 16];
        FILE *f;
        int c;

        snprintf(path, sizeof(path), BLOCK "/%s/dm/suspended", name);
        f = fopen(path, "re");
        if (!f)
                return false;
        c = fgetc(f);
        fclose(f);
        return c == '1';
}

/* A device that is gone waits for nothing. */
static struct activity look_at(const char *name)
{
        unsigned long long reads, writes, in_flight, discards = 0, flushes = 0;
        char path[sizeof(BLOCK) + NAME_MAX + 16];
        struct activity a = {};
        FILE *f;

        snprintf(path, sizeof(path), BLOCK "/%s/stat", name);
        f = fopen(path, "re");
        if (!f)
                return a;
        if (fscanf(f, "%llu %*u %*u %*u %llu %*u %*u %*u %llu %*u %*u %llu %*u %*u %*u %llu",
                   &reads, &writes, &in_flight, &discards, &flushes) >= 3) {
                a.ended = reads + writes + discards + flushes;
                a.waiting = in_flight > 0 || is_suspended(name);
        }
        fclose(f);
        return a;
}

/* Leaves those that hang. */
static int watch(struct hung *h)
{
        uint64_t deadline = now_monotonic() + PATIENCE_USEC;
        size_t n = strv_length(h->devices), left;
        _cleanup_free_ struct activity *first = calloc(n + 1, sizeof(*first));

        if (!first)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                first[i] = look_at(h->devices[i]);
        for (;;) {
                left = 0;
                for (size_t i = 0; i < n; i++) {
                        struct activity a = look_at(h->devices[i]);

                        if (!a.waiting || a.ended != first[i].ended)
                                first[i].waiting = false;
                        left += first[i].waiting;
                }
                if (left == 0 || now_monotonic() >= deadline)
                        break;
                usleep(LOOK_USEC);
        }
        left = 0;
        for (size_t i = 0; i < n; i++)
                if (first[i].waiting)
                        h->devices[left++] = h->devices[i];
                else
                        free(h->devices[i]);
        if (h->devices)
                h->devices[left] = NULL;
        return left > 0;
}

struct question {
        char **hung;
        unsigned int depth;
};

/* A replica device does not hang with its target. */
static int rests_on_hung(const char *name, void *userdata)
{
        struct question *q = userdata;
        int r;

        if (strncmp(name, "blkrepl", 7) == 0 || q->depth >= DEPTH_MAX)
                return 0;
        if (strv_contains(q->hung, name))
                return 1;
        q->depth++;
        r = each_below(name, rests_on_hung, q);
        q->depth--;
        return r;
}

static void remove_node(const char *name)
{
        char path[sizeof(BLOCK) + NAME_MAX + 16], line[NAME_MAX + 16], node[NAME_MAX + 16];
        FILE *f;

        snprintf(path, sizeof(path), BLOCK "/%s/uevent", name);
        f = fopen(path, "re");
        if (!f)
                return;
        while (fgets(line, sizeof(line), f)) {
                line[strcspn(line, "\n")] = 0;
                if (strncmp(line, "DEVNAME=", 8) != 0)
                        continue;
                snprintf(node, sizeof(node), "/dev/%s", line + 8);
                if (unlink(node) == 0)
                        fprintf(stderr, "%s does not answer; what has yet to end will not see it.\n", node);
        }
        fclose(f);
}

int hung_hide(struct hung *h)
{
        struct dirent *e;
        DIR *d;
        int r;

        if (!h)
                return 0;
        r = watch(h);
        if (r <= 0)
                return r;
        d = opendir(BLOCK);
        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.' && rests_on_hung(e->d_name, &(struct question){ .hung = h->devices }) > 0)
                        remove_node(e->d_name);
        if (d)
                closedir(d);
        return 0;
}

int unit_no_wait(void)
{
        _cleanup_(hung_freep) struct hung *h = hung_new();
        int r = 0;

        if (h)
                r = held_watch();
        if (hung_hide(h) < 0)
                r = -EIO;
        return r < 0 ? STATUS_ERROR : STATUS_OK;
}
