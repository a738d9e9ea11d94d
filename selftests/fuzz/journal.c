// SPDX-License-Identifier: GPL-2.0
/*
 * A journal, given to the replay. The input makes a few epochs, then changes the
 * ring; blocks that were changed are left as they are, or sealed again as if the
 * CRC had not protected them. In any case nothing is written outside of a member,
 * and no epoch by halves. Where no block was sealed again, what comes out is an
 * epoch that went in.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "../unit/journal.h"

#define RING		24
#define MAX_EPOCHS	6

static struct memory_journal m;
static struct image image[MAX_EPOCHS + 1];
static u8 old[RING][BLKREPL_BLOCK_SIZE];
static u8 desc[BLKREPL_BLOCK_SIZE] __attribute__((aligned(8))), payload[BLKREPL_BLOCK_SIZE];
static u8 data[BLKREPL_BLOCK_SIZE];

static void must(bool condition)
{
	if (!condition)
		abort();
}

struct input {
	const uint8_t *data;
	size_t size;
};

static unsigned int byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static void add(struct blkrepl_writer *w, struct input *in, u32 version)
{
	struct blkrepl_write r = { .nr = 1, .member = byte(in) % NR_MEMBERS,
				   .block = byte(in) % (MEMBER_BLOCKS - 3), .data = data,
				   .sectors = BLKREPL_SECTORS_ALL, .kind = BLKREPL_KIND_DATA };
	unsigned int how = byte(in), s;

	if (how % 4 == 0) {
		r.kind = BLKREPL_KIND_ZEROES + how / 4 % 2;
		r.nr = 1 + how / 8 % 3;
		r.data = NULL;
	} else if (how % 4 == 1 && how / 4) {
		r.sectors = how / 4;
	}
	for (s = 0; s < BLKREPL_BLOCK_SECTORS; s++)
		fill_sector(data + s * 512, version);
	must(blkrepl_writer_add(w, &r) != -ENOMEM);
}

/* Replay; the number of epochs, each whole. */
static unsigned int replay(const struct blkrepl_point *from)
{
	struct blkrepl_replay rp;
	unsigned int n = 0;
	int r;

	blkrepl_replay_begin(&rp, &m.j, from, m.sectors, &memory_ops, &m, desc, payload);
	while ((r = blkrepl_replay_next(&rp)) == 1) {
		must(!blkrepl_replay_apply(&rp));
		must(!m.outside);
		must(rp.last.epoch == from->epoch + ++n);
		must(rp.last.pos - from->pos <= m.j.nr_blocks);
	}
	must(r == 0 && rp.end != BLKREPL_END_NONE);
	return n;
}

static void reseal(unsigned int block)
{
	struct blkrepl_block_hdr *h = (void *)m.ring[block];

	blkrepl_block_seal(h, le16_to_cpu(h->type), le32_to_cpu(h->index), m.j.tag,
			   le64_to_cpu(h->seq));
}

/* A commit block made to fit descriptors that were sealed again. */
static void fit_commits(const struct blkrepl_point *from)
{
	u32 digest = blkrepl_digest_begin(from->epoch + 1);
	unsigned int i;

	for (i = 0; i < RING; i++) {
		unsigned int n = (from->pos + i) % RING;
		struct blkrepl_disk_desc *d = (void *)m.ring[n];
		struct blkrepl_disk_commit *c = (void *)d;

		if (le16_to_cpu(d->hdr.type) == BLKREPL_BLOCK_DESC)
			digest = blkrepl_digest_add(digest, d);
		if (le16_to_cpu(d->hdr.type) != BLKREPL_BLOCK_COMMIT)
			continue;
		c->digest = cpu_to_le32(digest);
		reseal(n);
		digest = blkrepl_digest_begin(le64_to_cpu(c->epoch) + 1);
	}
}

/* An attempt at the first epoch that was interrupted; the next one writes over it. */
static void first_attempt(struct input *in, const struct blkrepl_point *from)
{
	struct blkrepl_writer w;
	unsigned int n;

	blkrepl_writer_begin(&w, &m.j, from->epoch + 1, from->pos, 8, memory_alloc, memory_put, &m);
	for (n = byte(in) % 4; n; n--)
		add(&w, in, 1000 + n);
	must(!blkrepl_writer_break(&w));
	memcpy(old, m.ring, sizeof(old));
}

/* The @n-th descriptor in the ring, or any block. */
static unsigned int some_desc(unsigned int n)
{
	unsigned int i, k, found = n % RING;

	for (i = 0, k = n % 8; i < RING; i++) {
		const struct blkrepl_block_hdr *h = (void *)m.ring[i];

		if (le16_to_cpu(h->type) != BLKREPL_BLOCK_DESC)
			continue;
		found = i;
		if (!k--)
			break;
	}
	return found;
}

/* Change something; whether a block was sealed again. */
static bool change(struct input *in, const struct blkrepl_point *from)
{
	unsigned int how = byte(in), n = byte(in), at, i;

	switch (how % 8) {
	case 0:		/* what the interrupted attempt left */
		for (i = 0; i <= n / 8 % 8; i++) {
			at = (from->pos + n % 8 + i) % RING;
			memcpy(m.ring[at], old[at], BLKREPL_BLOCK_SIZE);
		}
		return false;
	case 1:
		memmove(m.ring[n % RING], m.ring[byte(in) % RING], BLKREPL_BLOCK_SIZE);
		return false;
	case 2:		/* a field of a record, or of the descriptor */
	case 3:
		at = byte(in) % 64;
		n = some_desc(n);
		m.ring[n][32 + at] = byte(in);
		reseal(n);
		return true;
	default:
		n %= RING;
		at = how / 8 % 4 == 3 ? byte(in) * 16 : byte(in) % 96;
		m.ring[n][at] = byte(in);
		if (how / 8 % 4 == 0)
			reseal(n);
		return how / 8 % 4 == 0;
	}
}

static void try_head(struct input in)
{
	struct blkrepl_disk_journal d;
	struct blkrepl_disk_applied slots[2];
	struct blkrepl_journal j;
	struct blkrepl_point p;
	unsigned int i;
	u64 seq;
	int r;

	blkrepl_journal_store(&m.j, &d);
	for (i = byte(&in) % 16; i; i--)
		((u8 *)&d)[byte(&in) % 128] = byte(&in);
	r = blkrepl_journal_load(&j, &d, RING);
	must(r == 0 || r == -EOPNOTSUPP || r == -EUCLEAN || r == -ERANGE || r == -EROFS);
	if (r && r != -EROFS)
		return;
	must(j.tag && j.nr_blocks >= BLKREPL_RING_MIN && j.nr_blocks <= RING);
	memset(slots, 0, sizeof(slots));
	p = (struct blkrepl_point){ .epoch = byte(&in), .pos = byte(&in) };
	blkrepl_applied_store(&p, &j, 1, &slots[1]);
	for (i = byte(&in) % 8; i; i--)
		((u8 *)&slots[1])[32 + byte(&in) % 40] = byte(&in);
	blkrepl_block_seal(&slots[1], BLKREPL_BLOCK_APPLIED, 0, j.tag, 1);
	if (blkrepl_applied_load(&p, &seq, &j, slots))
		return;
	must(p.pos <= BLKREPL_POS_MAX && p.epoch <= BLKREPL_POS_MAX && p.epoch >= j.base.epoch);
	m.j = j;
	replay(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct input in = { bytes, size };
	struct blkrepl_disk_commit c;
	struct blkrepl_point from, p;
	unsigned int epochs, i, n, k, changes;
	bool sealed = false;

	memory_init(&m, RING);
	from = m.j.base;
	from.pos = byte(&in);	/* anywhere in the ring */
	p = from;
	epochs = 1 + byte(&in) % MAX_EPOCHS;
	first_attempt(&in, &from);
	memset(&image[0], 0, sizeof(image[0]));
	for (i = 0, k = 1; i < epochs; i++) {
		struct blkrepl_writer w;

		if (p.pos - from.pos + 8 > RING)
			break;
		blkrepl_writer_begin(&w, &m.j, p.epoch + 1, p.pos, 8, memory_alloc, memory_put, &m);
		for (n = byte(&in) % 5; n; n--)
			add(&w, &in, k++);
		if (blkrepl_writer_commit(&w, &c, i, i, &p))
			abort();
		memory_put(&m, p.pos - 1, &c, false);
		memset(&m.members, 0, sizeof(m.members));
		must(replay(&from) == i + 1);
		image[i + 1] = m.members;
	}
	epochs = i;

	changes = byte(&in) % 12;
	for (i = 0; i < changes && in.size; i++)
		sealed |= change(&in, &from);
	if (sealed && byte(&in) % 2)
		fit_commits(&from);
	memset(&m.members, 0, sizeof(m.members));
	n = replay(&from);
	if (!sealed) {
		must(n <= epochs);
		must(!memcmp(&m.members, &image[n], sizeof(image[n])));
	}
	try_head(in);
	must(!m.blocks);
	return 0;
}
