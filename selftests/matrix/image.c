// SPDX-License-Identifier: GPL-2.0
/*
 * What is to be on each side. Every block ever written is different from every
 * other, so a comparison tells whose data survived.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "matrix.h"

#define CHUNK	(1 << 20)

static uint8_t *image[SIDES][MEMBERS], *buffer;
/* While this side is being copied to, a block of it may be the old one or the new one. */
static bool unsettled[SIDES];
static uint64_t serial;

static uint8_t *block_of(enum side s, unsigned int member, size_t block)
{
	return image[s][member] + block * BLOCK;
}

static void make_block(void *data)
{
	uint64_t *words = data;
	size_t i;

	serial++;
	for (i = 0; i < BLOCK / sizeof(*words); i++)
		words[i] = serial << 16 | i;
}

static void *allocate(size_t size)
{
	void *p;

	if (posix_memalign(&p, BLOCK, size))
		fatal("no memory");
	return p;
}

/* Fills the volumes; they are in nobody's use yet. */
void image_start(void)
{
	unsigned int m;
	size_t b;
	int s;

	buffer = allocate(CHUNK);
	for (s = 0; s < SIDES; s++)
		for (m = 0; m < MEMBERS; m++) {
			image[s][m] = allocate(member_blocks[m] * BLOCK);
			for (b = 0; b < member_blocks[m]; b++)
				make_block(block_of(s, m, b));
			if (pwrite(rig_raw(s, m), image[s][m], member_blocks[m] * BLOCK, 0) !=
			    (ssize_t)(member_blocks[m] * BLOCK))
				fatal("%s cannot be filled: %m", rig_volume(s, m));
		}
}

/*
 * One block of each member is written anew. Where both sides are written, it is the
 * same block every other time: then the sides contradict each other.
 */
void image_write(enum side s, bool reaches_other)
{
	static unsigned int round[SIDES];
	static uint8_t data[BLOCK] __attribute__((aligned(BLOCK)));
	unsigned int m;
	size_t b;
	int r;

	round[s]++;
	for (m = 0; m < MEMBERS; m++) {
		b = (round[s] % 2 ? round[s] * 37 : round[s] * 37 + 11 * s) % member_blocks[m];
		make_block(data);
		r = device_write(s, m, b, data);
		if (r < 0) {
			complain("a write to %s/%s fails: %s", side_group[s], member_name[m], strerror(-r));
			continue;
		}
		memcpy(block_of(s, m, b), data, BLOCK);
		if (reaches_other)
			memcpy(block_of(other(s), m, b), data, BLOCK);
	}
}

void image_copy(enum side from)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		memcpy(image[other(from)][m], image[from][m], member_blocks[m] * BLOCK);
}

void image_unsettle(enum side s)
{
	unsettled[s] = true;
}

/* A copy has ended. */
void image_settle(enum side from)
{
	unsettled[LEFT] = unsettled[RIGHT] = false;
	image_copy(from);
}

/* What was found is what is there from now on, if it may be there. */
static bool compare_block(enum side s, unsigned int m, size_t b, const uint8_t *found)
{
	if (!memcmp(found, block_of(s, m, b), BLOCK))
		return true;
	if (!unsettled[s] || memcmp(found, block_of(other(s), m, b), BLOCK))
		return false;
	memcpy(block_of(s, m, b), found, BLOCK);
	return true;
}

static size_t compare_member(enum side s, unsigned int m)
{
	size_t at, n, i, size = member_blocks[m] * BLOCK, wrong = 0;

	for (at = 0; at < size; at += n) {
		n = size - at < CHUNK ? size - at : CHUNK;
		if (pread(rig_raw(s, m), buffer, n, at) != (ssize_t)n)
			fatal("%s cannot be read: %m", rig_volume(s, m));
		if (!memcmp(buffer, image[s][m] + at, n))
			continue;
		for (i = 0; i < n; i += BLOCK) {
			if (compare_block(s, m, (at + i) / BLOCK, buffer + i))
				continue;
			if (!wrong++)
				complain("%s/%s: block %zu is not what it should be%s", side_group[s],
					 member_name[m], (at + i) / BLOCK,
					 memcmp(buffer + i, block_of(other(s), m, (at + i) / BLOCK), BLOCK) ?
					 "" : ", but what the other side has");
			/* Complained of once. */
			memcpy(block_of(s, m, (at + i) / BLOCK), buffer + i, BLOCK);
		}
	}
	if (wrong > 1)
		complain("%s/%s: %zu blocks are wrong in all", side_group[s], member_name[m], wrong);
	return wrong;
}

/* Both sides as they are on the disks, past every cache. */
bool image_compare(void)
{
	size_t wrong = 0;
	unsigned int m;
	int s;

	for (s = 0; s < SIDES; s++)
		for (m = 0; m < MEMBERS; m++)
			wrong += compare_member(s, m);
	return !wrong;
}

/* Whether both sides are to have the same. */
bool image_equal(void)
{
	unsigned int m;

	for (m = 0; m < MEMBERS; m++)
		if (memcmp(image[LEFT][m], image[RIGHT][m], member_blocks[m] * BLOCK))
			return false;
	return !unsettled[LEFT] && !unsettled[RIGHT];
}
