/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <systemd/sd-device.h>

#include "device.h"

int device_get_info(const char *path, struct device_info *ret)
{
        _cleanup_close_ int fd = -1;
        char sysfs[96];
        struct stat st;
        int ro = 0;

        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISBLK(st.st_mode))
                return -ENOTBLK;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        *ret = (struct device_info){ .number = st.st_rdev };
        if (ioctl(fd, BLKGETSIZE64, &ret->size) < 0 || ioctl(fd, BLKROGET, &ro) < 0)
                return -errno;
        ret->read_only = ro;
        snprintf(sysfs, sizeof(sysfs), "/sys/dev/block/%u:%u/blkrepl", major(st.st_rdev), minor(st.st_rdev));
        ret->replica = access(sysfs, F_OK) == 0;
        return 0;
}

static bool find_mount(dev_t number, char *buf, size_t size)
{
        _cleanup_(freep) char *line = NULL;
        size_t n = 0;
        bool found = false;
        FILE *f = fopen("/proc/self/mountinfo", "re");

        while (f && !found && getline(&line, &n, f) > 0) {
                unsigned int ma, mi;
                char where[512];

                if (sscanf(line, "%*d %*d %u:%u %*s %511s", &ma, &mi, where) == 3 && makedev(ma, mi) == number) {
                        snprintf(buf, size, "is mounted at %s", where);
                        found = true;
                }
        }
        if (f)
                fclose(f);
        return found;
}

static bool find_swap(dev_t number, char *buf, size_t size)
{
        char line[1024], path[512];
        bool found = false;
        FILE *f = fopen("/proc/swaps", "re");

        while (f && !found && fgets(line, sizeof(line), f)) {
                struct stat st;

                if (sscanf(line, "%511s", path) == 1 && *path == '/' && stat(path, &st) >= 0 &&
                    S_ISBLK(st.st_mode) && st.st_rdev == number) {
                        snprintf(buf, size, "is used as swap space");
                        found = true;
                }
        }
        if (f)
                fclose(f);
        return found;
}

static bool find_holder(dev_t number, char *buf, size_t size)
{
        char path[128], name[256] = "";
        struct dirent *e;
        bool found = false;
        DIR *d;

        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(number), minor(number));
        d = opendir(path);
        while (d && !found && (e = readdir(d))) {
                char attribute[512];
                FILE *f;

                if (*e->d_name == '.')
                        continue;
                snprintf(attribute, sizeof(attribute), "/sys/class/block/%s/dm/name", e->d_name);
                f = fopen(attribute, "re");
                if (f) {
                        if (fgets(name, sizeof(name), f))
                                name[strcspn(name, "\n")] = 0;
                        fclose(f);
                }
                if (*name)
                        snprintf(buf, size, "is held by %s (%s)", e->d_name, name);
                else
                        snprintf(buf, size, "is held by %s", e->d_name);
                found = true;
        }
        if (d)
                closedir(d);
        return found;
}

int device_get_holder(const char *path, dev_t number, char *buf, size_t size)
{
        _cleanup_close_ int fd = -1;

        *buf = 0;
        if (find_mount(number, buf, size) || find_swap(number, buf, size) || find_holder(number, buf, size))
                return 1;

        /* Whatever else claims it, such as a mounted partition of the disk. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_EXCL);
        if (fd < 0 && errno == EBUSY) {
                snprintf(buf, size, "is in use");
                return 1;
        }
        return 0;
}

char *device_stable_path(const char *path)
{
        _cleanup_(sd_device_unrefp) sd_device *d = NULL;
        struct stat st;

        if (strncmp(path, "/dev/disk/by-", 13) == 0 || stat(path, &st) < 0 ||
            sd_device_new_from_stat_rdev(&d, &st) < 0)
                return strdup(path);
        for (const char *l = sd_device_get_devlink_first(d); l; l = sd_device_get_devlink_next(d))
                if (strncmp(l, "/dev/disk/by-partuuid/", 22) == 0)
                        return strdup(l);
        for (const char *l = sd_device_get_devlink_first(d); l; l = sd_device_get_devlink_next(d))
                if (strncmp(l, "/dev/disk/by-id/", 16) == 0)
                        return strdup(l);
        return strdup(path);
}

int device_wipe(const char *path, uint64_t size)
{
        _cleanup_close_ int fd = -1;
        static const char zeroes[65536];
        uint64_t end = 0;

        fd = open(path, O_WRONLY | O_CLOEXEC | O_EXCL);
        if (fd < 0)
                return -errno;
        if (ioctl(fd, BLKGETSIZE64, &end) < 0)
                return -errno;
        if (end > size)
                end = size;
        for (uint64_t at = 0; at < end;) {
                size_t n = end - at < sizeof(zeroes) ? end - at : sizeof(zeroes);
                ssize_t k = pwrite(fd, zeroes, n, at);

                if (k < 0)
                        return -errno;
                at += k;
        }
        return fsync(fd) < 0 ? -errno : 0;
}
