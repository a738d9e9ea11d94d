// SPDX-License-Identifier: GPL-2.0
/* The volumes of both sides: device-mapper over RAM disks, so that one side can be lost. */
#include <err.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "matrix.h"

#define LOG_BLOCKS	((size_t)(16 << 20) / BLOCK)
#define VOLUMES		(MEMBERS + 1)

const char *const side_group[SIDES] = { "left", "right" };
const char *const member_name[MEMBERS] = { "a", "b" };
/* Not alike, and not all of whole extents. */
const size_t member_blocks[MEMBERS] = { (5 << 20) / BLOCK, (2 << 20) / BLOCK + 3 };

static int raw[SIDES][MEMBERS];
static bool lost[SIDES], unseen;

static void run(const char *format, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	if (system(command))
		fatal("failed: %s", command);
}

static size_t sectors(unsigned int volume)
{
	return (volume < MEMBERS ? member_blocks[volume] : LOG_BLOCKS) * (BLOCK / 512);
}

static unsigned int disk(enum side s, unsigned int volume)
{
	return s * VOLUMES + volume;
}

/* The path of a member's volume; @member MEMBERS is the log volume. */
const char *rig_volume(enum side s, unsigned int member)
{
	static char path[SIDES][VOLUMES][64];

	snprintf(path[s][member], sizeof(path[s][member]), "/dev/mapper/%s%u", side_group[s], member);
	return path[s][member];
}

const char *rig_log(enum side s)
{
	return rig_volume(s, MEMBERS);
}

/* What is on the disk, whoever holds it and whether it is lost or not. */
int rig_raw(enum side s, unsigned int member)
{
	return raw[s][member];
}

void rig_up(void)
{
	unsigned int v;
	char path[64];
	int s;

	run("modprobe brd rd_nr=%d rd_size=%zu && modprobe blkrepl", SIDES * VOLUMES,
	    LOG_BLOCKS * BLOCK / 1024);
	for (s = 0; s < SIDES; s++)
		for (v = 0; v < VOLUMES; v++) {
			run("dmsetup create %s%u --table '0 %zu linear /dev/ram%u 0'",
			    side_group[s], v, sectors(v), disk(s, v));
			if (v == MEMBERS)
				continue;
			snprintf(path, sizeof(path), "/dev/ram%u", disk(s, v));
			raw[s][v] = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
			if (raw[s][v] < 0)
				err(2, "%s", path);
		}
	run("udevadm settle");
}

void rig_down(void)
{
	unsigned int v;
	int s;

	for (s = 0; s < SIDES; s++)
		for (v = 0; v < VOLUMES; v++) {
			if (v < MEMBERS)
				close(raw[s][v]);
			run("dmsetup remove --retry %s%u", side_group[s], v);
		}
	run("udevadm settle; for i in $(seq 100); do rmmod brd && exit; sleep 0.1; done; exit 1");
}

/* Another table under all volumes of a side at one instant. */
static void switch_tables(enum side s, bool fail)
{
	char names[128] = "", loads[512] = "";
	unsigned int v;
	size_t n = 0, k = 0;

	for (v = 0; v < VOLUMES; v++) {
		n += snprintf(names + n, sizeof(names) - n, " %s%u", side_group[s], v);
		k += snprintf(loads + k, sizeof(loads) - k, "dmsetup load %s%u --table '0 %zu ",
			      side_group[s], v, sectors(v));
		k += fail ? snprintf(loads + k, sizeof(loads) - k, "error' && ") :
			snprintf(loads + k, sizeof(loads) - k, "linear /dev/ram%u 0' && ", disk(s, v));
	}
	run("%s dmsetup suspend --noflush --nolockfs %s && dmsetup resume %s", loads, names, names);
	lost[s] = fail;
}

void rig_lose(enum side s)
{
	if (!lost[s])
		switch_tables(s, true);
}

static void answers(void)
{
	int s;

	for (s = 0; s < SIDES; s++)
		if (lost[s])
			switch_tables(s, false);
}

/* What was lost answers again, but the module does not find out by itself. */
void rig_return_unseen(void)
{
	run("echo 'no-probe 1000000000' >/sys/kernel/debug/blkrepl/fault");
	unseen = true;
	answers();
}

void rig_return(void)
{
	answers();
	if (unseen)
		run("echo 'no-probe 0' >/sys/kernel/debug/blkrepl/fault");
	unseen = false;
}
