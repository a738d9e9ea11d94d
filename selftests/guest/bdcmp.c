// SPDX-License-Identifier: GPL-2.0
/*
 * bdcmp A B [SIZE[M]]: compares two block devices or files, as they are on the disk:
 * by O_DIRECT, past the page cache, in which either may be stale.
 *
 * Prints the number of differing blocks of 4 KiB and the first of their positions.
 * Exit status 0: the same, 1: different, 2: trouble.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK		4096
#define CHUNK		(1 << 20)
#define POSITIONS	16

struct side {
	const char *name;
	int fd;
	off_t size;
	unsigned char *data;
};

static void side_open(struct side *side, const char *name)
{
	side->name = name;
	side->fd = open(name, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (side->fd < 0)
		err(2, "%s", name);
	side->size = lseek(side->fd, 0, SEEK_END);
	if (side->size < 0)
		err(2, "%s", name);
	side->data = aligned_alloc(BLOCK, CHUNK);
	if (!side->data)
		err(2, "memory");
}

static void side_read(struct side *side, off_t pos, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(side->fd, side->data + done, CHUNK - done, pos + done);

		if (n < 0)
			err(2, "%s: at %jd", side->name, (intmax_t)(pos + done));
		if (n == 0)
			errx(2, "%s: ends at %jd", side->name, (intmax_t)(pos + done));
		done += n;
	}
}

static uint64_t compare_blocks(const struct side *a, const struct side *b, off_t pos,
			       size_t len, uint64_t differing)
{
	for (size_t at = 0; at < len; at += BLOCK) {
		size_t n = len - at < BLOCK ? len - at : BLOCK;

		if (!memcmp(a->data + at, b->data + at, n))
			continue;
		if (differing++ < POSITIONS)
			printf("differs: block %jd\n", (intmax_t)((pos + at) / BLOCK));
	}
	return differing;
}

static off_t parse_size(const char *word)
{
	char *end;
	off_t size = strtoll(word, &end, 0);

	if (*end == 'M') {
		size <<= 20;
		end++;
	}
	if (end == word || *end)
		errx(2, "not a size: %s", word);
	return size;
}

int main(int argc, char **argv)
{
	struct side a, b;
	uint64_t differing = 0;
	off_t size;

	if (argc < 3 || argc > 4)
		errx(2, "usage: bdcmp A B [SIZE[M]]");
	side_open(&a, argv[1]);
	side_open(&b, argv[2]);
	if (argc == 4) {
		size = parse_size(argv[3]);
	} else {
		if (a.size != b.size)
			errx(2, "sizes differ: %jd and %jd", (intmax_t)a.size, (intmax_t)b.size);
		size = a.size;
	}
	if (size <= 0 || size > a.size || size > b.size)
		errx(2, "cannot compare %jd bytes", (intmax_t)size);

	for (off_t pos = 0; pos < size; pos += CHUNK) {
		size_t len = size - pos < CHUNK ? size - pos : CHUNK;

		side_read(&a, pos, len);
		side_read(&b, pos, len);
		if (memcmp(a.data, b.data, len))
			differing = compare_blocks(&a, &b, pos, len, differing);
	}
	printf("%ju of %jd blocks differ\n", (uintmax_t)differing,
	       (intmax_t)((size + BLOCK - 1) / BLOCK));
	return differing ? 1 : 0;
}
