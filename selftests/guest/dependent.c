// SPDX-License-Identifier: GPL-2.0
/*
 * dependent format DEVICE...
 *	Blanks the places of all records.
 * dependent write RUN DEVICE...
 *	Writes records from where the devices are, all chains at once, and other
 *	data beside them, until its standard input ends. RUN rises from one writer
 *	to the next. It prints "began NUMBERS" and, for each line of its input and
 *	at its end, "acked NUMBERS": of each chain the last record that was
 *	acknowledged. A write that fails ends all writing; then, in the end,
 *	"failed ERRNO" follows.
 * dependent verify NUMBERS DEVICE...
 *	Whether the devices are a prefix of the write order that has at least the
 *	records up to these NUMBERS ("-": none). Prints "complete NUMBERS", and the
 *	first violation.
 *
 * The devices are the members in their order; their page caches are not used.
 * NUMBERS are one for each chain, separated by commas.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <unistd.h>

#include "dependent.h"

#define LOADS		2		/* threads that write other data */
#define LOAD_BYTES	(16 * 1024)

static int fds[DEP_MAX_MEMBERS];
static unsigned int members;
static struct dep_check found;
static uint64_t run, load_blocks;
static uint64_t acked[DEP_CHAINS];
static int stop, failed;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void *alloc_blocks(size_t bytes)
{
	void *p;

	if (posix_memalign(&p, DEP_BLOCK, bytes))
		die("memory");
	memset(p, 0, bytes);
	return p;
}

static void print_numbers(const char *word, const uint64_t *number)
{
	unsigned int i;

	printf("%s ", word);
	for (i = 0; i < DEP_CHAINS; i++)
		printf("%s%" PRIu64, i ? "," : "", number[i]);
	printf("\n");
	fflush(stdout);
}

static void print_acked(void)
{
	uint64_t number[DEP_CHAINS];
	unsigned int i;

	for (i = 0; i < DEP_CHAINS; i++)
		number[i] = __atomic_load_n(&acked[i], __ATOMIC_ACQUIRE);
	print_numbers("acked", number);
}

static bool read_images(void)
{
	unsigned int m;

	found.members = members;
	for (m = 0; m < members; m++) {
		struct dep_image *image = alloc_blocks(sizeof(*image));

		if (pread(fds[m], image, sizeof(*image), 0) != sizeof(*image))
			die("read");
		found.image[m] = image;
	}
	return dep_check(&found);
}

static bool write_at(int fd, const void *data, size_t bytes, off_t at)
{
	ssize_t n = pwrite(fd, data, bytes, at);

	if (n == (ssize_t)bytes)
		return true;
	__atomic_store_n(&failed, n < 0 ? errno : EIO, __ATOMIC_RELAXED);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	return false;
}

static void *write_chain(void *arg)
{
	struct dep_record *r = alloc_blocks(sizeof(*r));
	uint64_t chain = (uintptr_t)arg;

	dep_begin(&found, chain, run, r);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		dep_next(r, acked);
		if (!write_at(fds[dep_member(members, chain, r->number)], r, DEP_BLOCK,
			      (off_t)dep_place(members, chain, r->number) * DEP_BLOCK))
			break;
		__atomic_store_n(&acked[chain], r->number, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *write_load(void *arg)
{
	unsigned int seed = run * LOADS + (uintptr_t)arg;
	unsigned char *data = alloc_blocks(LOAD_BYTES);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		memset(data, rand_r(&seed), LOAD_BYTES);
		if (!write_at(fds[rand_r(&seed) % members], data, LOAD_BYTES, DEP_BYTES +
			      (off_t)(rand_r(&seed) % load_blocks) * LOAD_BYTES))
			break;
	}
	return NULL;
}

static int write_records(void)
{
	pthread_t t[DEP_CHAINS + LOADS];
	char line[64];
	uintptr_t i;

	if (!read_images()) {
		printf("%s\n", found.why);
		return 1;
	}
	memcpy(acked, found.newest, sizeof(acked));
	print_numbers("began", acked);
	for (i = 0; i < DEP_CHAINS + LOADS; i++)
		if (pthread_create(&t[i], NULL, i < DEP_CHAINS ? write_chain : write_load,
				   (void *)i))
			die("thread");
	while (fgets(line, sizeof(line), stdin))
		print_acked();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < DEP_CHAINS + LOADS; i++)
		pthread_join(t[i], NULL);
	print_acked();
	if (failed)
		printf("failed %d\n", failed);
	return 0;
}

static int verify_records(const char *least)
{
	bool good = read_images();
	unsigned int i;
	uint64_t n;

	print_numbers("complete", found.complete);
	if (!good)
		printf("%s\n", found.why);
	for (i = 0; i < DEP_CHAINS && strcmp(least, "-"); i++) {
		n = strtoull(least, (char **)&least, 10);
		if (*least == ',')
			least++;
		if (found.complete[i] >= n)
			continue;
		printf("chain %u: record %" PRIu64 " was acknowledged and is not there\n", i, n);
		good = false;
	}
	return !good;
}

static int format_places(void)
{
	void *blank = alloc_blocks(DEP_BYTES);
	unsigned int m;

	for (m = 0; m < members; m++)
		if (pwrite(fds[m], blank, DEP_BYTES, 0) != DEP_BYTES)
			die("write");
	return 0;
}

static void open_devices(char **path, int flags)
{
	uint64_t size;

	for (; *path; path++) {
		int fd = open(*path, flags | O_DIRECT);

		if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
			die(*path);
		if (members == DEP_MAX_MEMBERS || size < DEP_BYTES + LOAD_BYTES) {
			fprintf(stderr, "%s: too many or too small\n", *path);
			exit(2);
		}
		size = (size - DEP_BYTES) / LOAD_BYTES;
		if (!load_blocks || size < load_blocks)
			load_blocks = size;
		fds[members++] = fd;
	}
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "format")) {
		open_devices(argv + 2, O_RDWR);
		return format_places();
	}
	if (argc > 3 && !strcmp(argv[1], "write")) {
		open_devices(argv + 3, O_RDWR);
		run = strtoull(argv[2], NULL, 10);
		return write_records();
	}
	if (argc > 3 && !strcmp(argv[1], "verify")) {
		open_devices(argv + 3, O_RDONLY);
		return verify_records(argv[2]);
	}
	fprintf(stderr, "usage: dependent format|write RUN|verify NUMBERS DEVICE...\n");
	return 2;
}
