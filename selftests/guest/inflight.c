// SPDX-License-Identifier: GPL-2.0
/*
 * inflight direct DEVICE SECONDS: writes random blocks of a device with O_DIRECT
 *	while other threads change the buffers
 * inflight mmap FILE SECONDS: changes a mapped file while it is written back
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define BUFFER (16 * BLOCK)
#define WRITERS 4

static volatile int stop;
static unsigned char *buffer[WRITERS];
static uint64_t nr_blocks;
static unsigned long writes;
static int fd;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *scribble(void *arg)
{
	uint64_t *p = arg, n = (uintptr_t)arg;
	size_t i;

	while (!stop)
		for (i = 0; i < BUFFER / sizeof(*p); i++)
			p[i] = n += 0x9e3779b97f4a7c15ULL;
	return NULL;
}

static void *write_direct(void *arg)
{
	unsigned char *p = arg;
	unsigned int seed = (uintptr_t)arg;

	while (!stop) {
		uint64_t block = rand_r(&seed) % (nr_blocks - 16);
		size_t len = (1 + rand_r(&seed) % 16) * BLOCK;

		if (pwrite(fd, p, len, block * BLOCK) != (ssize_t)len)
			die("write");
		__atomic_add_fetch(&writes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void direct(const char *path, int seconds)
{
	pthread_t t[2 * WRITERS];
	uint64_t size;
	int i;

	fd = open(path, O_RDWR | O_DIRECT);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		die(path);
	nr_blocks = size / BLOCK;
	for (i = 0; i < WRITERS; i++) {
		if (posix_memalign((void **)&buffer[i], BLOCK, BUFFER))
			die("memory");
		pthread_create(&t[2 * i], NULL, scribble, buffer[i]);
		pthread_create(&t[2 * i + 1], NULL, write_direct, buffer[i]);
	}
	sleep(seconds);
	stop = 1;
	for (i = 0; i < 2 * WRITERS; i++)
		pthread_join(t[i], NULL);
}

static void mapped(const char *path, int seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned int seed = 1;
	struct stat st;
	unsigned char *p;
	size_t at;

	fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st))
		die(path);
	p = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	while (time(NULL) < end) {
		for (at = 0; at < (size_t)st.st_size; at += 512 + rand_r(&seed) % 2048)
			p[at]++;
		if (sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE))
			die("sync_file_range");
		writes++;
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	if (!strcmp(argv[1], "direct"))
		direct(argv[2], atoi(argv[3]));
	else if (!strcmp(argv[1], "mmap"))
		mapped(argv[2], atoi(argv[3]));
	else
		return 2;
	printf("%lu rounds\n", writes);
	return fsync(fd) || !writes;
}
