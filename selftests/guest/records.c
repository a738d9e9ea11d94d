// SPDX-License-Identifier: GPL-2.0
/*
 * records write SEED DEVICE...
 *	Writes numbered records to random blocks of the devices for ever, batches
 *	of them at once; after each batch it flushes and then prints "flushed N":
 *	all records up to N have been acknowledged and flushed.
 * records verify SEED N DEVICE...
 *	Each block holds a record of the last batch up to N that wrote to it, or a
 *	later one.
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
#include <unistd.h>

#define BLOCK 4096
#define THREADS 8
#define BATCH 96
#define MAGIC 0x64726f636572ULL

struct record {
	uint64_t magic, seed, number, block;
	uint64_t fill[BLOCK / 8 - 4];
};

static int fds[64], nr_devices;
static uint64_t per_device, seed, first;
static pthread_barrier_t barrier;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t hash(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* Few blocks, so that they are often rewritten, spread over the whole device. */
static uint64_t block_of(uint64_t number)
{
	uint64_t h = hash(seed ^ number);

	return h % 2 ? (h >> 1) % (per_device * nr_devices) :
		       (h >> 1) % 512 * (per_device * nr_devices / 512);
}

static uint64_t batch_of(uint64_t number)
{
	return (number - 1) / BATCH;
}

static void fill(struct record *r, uint64_t number)
{
	size_t i;

	*r = (struct record){ MAGIC, seed, number, block_of(number), { 0 } };
	for (i = 0; i < sizeof(r->fill) / 8; i++)
		r->fill[i] = hash(number + i);
}

static void *writer(void *arg)
{
	uint64_t self = (uintptr_t)arg, n;
	struct record *r;

	if (posix_memalign((void **)&r, BLOCK, BLOCK))
		die("memory");
	for (;;) {
		pthread_barrier_wait(&barrier);
		for (n = first + self; n < first + BATCH; n += THREADS) {
			uint64_t b = block_of(n);

			fill(r, n);
			if (pwrite(fds[b / per_device], r, BLOCK, b % per_device * BLOCK) != BLOCK)
				die("write");
		}
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void write_records(void)
{
	pthread_t t;
	int i;

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++)
		pthread_create(&t, NULL, writer, (void *)(uintptr_t)i);
	for (first = 1;; first += BATCH) {
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (i = 0; i < nr_devices; i++)
			if (fdatasync(fds[i]))
				die("flush");
		printf("flushed %llu\n", (unsigned long long)(first + BATCH - 1));
		fflush(stdout);
	}
}

static int verify_records(uint64_t last)
{
	uint64_t *newest = calloc(per_device * nr_devices, sizeof(*newest)), n, b, bad = 0;
	struct record *r, want;

	if (!newest || posix_memalign((void **)&r, BLOCK, BLOCK))
		die("memory");
	/* Those of one batch were written at once, in no particular order. */
	for (n = 1; n <= last; n++)
		if (!newest[block_of(n)] || batch_of(newest[block_of(n)]) != batch_of(n))
			newest[block_of(n)] = n;
	for (b = 0; b < per_device * nr_devices; b++) {
		if (!newest[b])
			continue;
		if (pread(fds[b / per_device], r, BLOCK, b % per_device * BLOCK) != BLOCK)
			die("read");
		fill(&want, r->number);
		want.block = b;
		if (r->number >= newest[b] && block_of(r->number) == b && !memcmp(r, &want, BLOCK))
			continue;
		printf("block %llu: record %llu of seed %llu, at least %llu of seed %llu is due\n",
		       (unsigned long long)b, (unsigned long long)r->number,
		       (unsigned long long)r->seed, (unsigned long long)newest[b],
		       (unsigned long long)seed);
		bad++;
	}
	printf("%llu records, %llu blocks wrong\n", (unsigned long long)last, (unsigned long long)bad);
	return bad != 0;
}

int main(int argc, char **argv)
{
	int verify = argc > 1 && !strcmp(argv[1], "verify"), i = verify ? 4 : 3;
	uint64_t size;

	if (argc <= i || argc - i > 64)
		return 2;
	seed = strtoull(argv[2], NULL, 10);
	for (; i < argc; i++) {
		int fd = open(argv[i], (verify ? O_RDONLY : O_RDWR) | O_DIRECT);

		if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
			die(argv[i]);
		fds[nr_devices++] = fd;
		per_device = size / BLOCK;
	}
	if (verify)
		return verify_records(strtoull(argv[3], NULL, 10));
	write_records();
	return 0;
}
