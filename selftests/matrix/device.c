// SPDX-License-Identifier: GPL-2.0
/* What can be done with the replica devices of a group, by the kernel's own account. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "matrix.h"

static bool attribute_is(const char *disk, const char *name, const char *value)
{
	char path[128], line[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/blkrepl/%s", disk, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = 0;
	fclose(f);
	return !strcmp(line, value);
}

/* The device node of a member of a group; false when the kernel has none. */
static bool find(const char *group, const char *member, char *path, size_t size)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *e;
	bool found = false;

	if (!dir)
		fatal("/sys/block: %m");
	while (!found && (e = readdir(dir)))
		if (!strncmp(e->d_name, "blkrepl", 7) && attribute_is(e->d_name, "group", group) &&
		    attribute_is(e->d_name, "member", member)) {
			snprintf(path, size, "/dev/%.32s", e->d_name);
			found = true;
		}
	closedir(dir);
	return found;
}

static enum access member_access(enum side s, unsigned int member)
{
	char path[64];
	int fd;

	if (!find(side_group[s], member_name[member], path, sizeof(path)))
		return ACCESS_GONE;
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return ACCESS_REFUSED;
	close(fd);
	return ACCESS_WRITABLE;
}

enum access device_access(enum side s)
{
	enum access a = member_access(s, 0);
	unsigned int i;

	for (i = 1; i < MEMBERS; i++)
		if (member_access(s, i) != a)
			complain("the members of %s are not alike: some can be used, some cannot",
				 side_group[s]);
	return a;
}

/* Whether the names that udev gives come and go with the devices. */
bool device_settled(enum side s, bool there)
{
	time_t end = time(NULL) + WAIT_SECONDS;
	struct timespec moment = { .tv_nsec = 5000000 };
	unsigned int i, n;
	char link[128];

	do {
		for (i = 0, n = 0; i < MEMBERS; i++) {
			snprintf(link, sizeof(link), "/dev/blkrepl/%s/%s", side_group[s], member_name[i]);
			n += (access(link, F_OK) == 0) == there;
		}
		if (n == MEMBERS)
			return true;
		nanosleep(&moment, NULL);
	} while (time(NULL) < end);
	return false;
}

int device_write(enum side s, unsigned int member, size_t block, const void *data)
{
	char path[64];
	int fd, r = 0;

	if (!find(side_group[s], member_name[member], path, sizeof(path)))
		return -ENODEV;
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pwrite(fd, data, BLOCK, (off_t)block * BLOCK) != BLOCK)
		r = errno ? -errno : -EIO;
	close(fd);
	return r;
}

/* udev looks into each new device, and has it open while it does. */
void devices_quiet(void)
{
	if (system("udevadm settle"))
		fatal("udev does not settle");
}
