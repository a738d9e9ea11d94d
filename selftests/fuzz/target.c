// SPDX-License-Identifier: GPL-2.0
/*
 * What a log volume may hold, given to the code that reads it. The first byte
 * chooses the kind of block; what follows is its beginning. Blocks are tried as
 * they are and sealed, as if the CRC had not protected them.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "../../kernel/dirty.h"
#include "../../kernel/generation.h"
#include "../../kernel/layout.h"
#include "../../kernel/names.h"
#include "../../kernel/state.h"

#define TAG	1

static u8 slots[2 * BLKREPL_BLOCK_SIZE];

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void *block_alloc(void *ctx)
{
	return calloc(1, BLKREPL_BLOCK_SIZE);
}

static void block_free(void *ctx, void *block)
{
	free(block);
}

static void try_super(const void *block)
{
	const struct blkrepl_disk_super *sb = block;
	int r = blkrepl_super_check(sb, 1 << 20);

	must(r == 0 || r == -EOPNOTSUPP || r == -EUCLEAN || r == -ERANGE || r == -EROFS);
	if (r)
		return;
	must(strnlen(sb->group_name, sizeof(sb->group_name)) < sizeof(sb->group_name));
	blkrepl_name_valid(sb->group_name);
}

static void try_members(const void *block)
{
	const struct blkrepl_disk_members *m = block;
	char name[BLKREPL_NAME_SIZE + 1];
	unsigned int i;

	for (i = 0; i < BLKREPL_MEMBERS_PER_BLOCK; i++) {
		snprintf(name, sizeof(name), "%.*s", BLKREPL_NAME_SIZE, m->m[i].name);
		if (blkrepl_name_valid(name))
			must(*name && !strchr(name, '/'));
		must(blkrepl_uuid_equal(m->m[i].uuid, m->m[i].uuid));
		/* A size is a number of sectors, so it has 55 bits. */
		blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, le64_to_cpu(m->m[i].sectors) >> 9);
	}
}

static void try_areas(const void *block)
{
	static struct blkrepl_layout l;
	static struct blkrepl_disk_areas out;
	u32 i, k, old;

	l.nr = 0;
	l.nr_blocks = 1 << 16;
	if (blkrepl_layout_load(&l, block))
		return;
	must(blkrepl_layout_used(&l) <= l.nr_blocks);
	for (i = 0; i < l.nr; i++) {
		const struct blkrepl_area *a = &l.area[i];

		must(a->start >= BLKREPL_AT_POOL && a->start + 2 * (u64)a->nr <= l.nr_blocks);
		for (k = 0; k < i; k++)
			must(a->start + 2 * (u64)a->nr <= l.area[k].start ||
			     l.area[k].start + 2 * (u64)l.area[k].nr <= a->start);
		blkrepl_layout_block(&l, a->type, a->link, a->member, a->first);
	}
	old = l.nr;
	if (!blkrepl_layout_provide(&l, BLKREPL_BLOCK_DIRTY, 0, 1, 7))
		must(blkrepl_layout_used(&l) <= l.nr_blocks);
	else
		must(l.nr == old);
	memset(&out, 0, sizeof(out));
	blkrepl_layout_store(&l, 0, &out);
	blkrepl_layout_drop(&l, BLKREPL_BLOCK_DIRTY, 0, 1);
	l.nr = 0;
	must(!blkrepl_layout_load(&l, &out));
}

static void try_link(const void *block)
{
	const struct blkrepl_disk_link *d = block;
	unsigned int state = le16_to_cpu(d->copy_state), ev;
	struct blkrepl_gens a = { 0 }, b = { .latest = 1 };
	enum blkrepl_gen_relation r;
	char text[512];
	int i;

	blkrepl_gens_load(&a, d);
	r = blkrepl_gens_compare(&a, &b);
	must(r <= BLKREPL_GEN_UNRELATED);
	blkrepl_gens_meet(&a, &b);
	must(!a.latest || blkrepl_gens_compare(&a, &b) == BLKREPL_GEN_SAME);
	blkrepl_gens_fork(&a, 77);
	for (ev = 0; ev < BLKREPL_NR_EVENTS; ev++) {
		i = blkrepl_event_next(ev, state);
		must(i == -EINVAL || blkrepl_state_valid(i));
		must(blkrepl_state_valid(state) || i == -EINVAL);
	}
	blkrepl_op_explain(text, sizeof(text), le16_to_cpu(d->sync_type), 2 + state % 22, state,
			   BLKREPL_VERDICT_WRONG_STATE);
	must(strlen(text) < sizeof(text));
}

static void try_bits(const void *block)
{
	const u32 bits = BLKREPL_CHUNK_BITS / 2 + 5;
	struct blkrepl_chunk chunk = { 0 };
	struct blkrepl_disk_bits image;
	struct blkrepl_dirty d;
	u64 at, n, sum = 0;

	blkrepl_dirty_init(&d, &chunk, bits, block_alloc, block_free, NULL);
	blkrepl_dirty_load(&d, 0, block);
	for (at = 0; (at = blkrepl_dirty_next(&d, at)) < bits; at += n) {
		n = blkrepl_dirty_run(&d, at, bits);
		must(n && at + n <= bits);
		sum += n;
	}
	must(sum == d.weight && sum == blkrepl_dirty_count(&d, 0, bits));
	blkrepl_dirty_image(&d, 0, &image);
	blkrepl_dirty_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(const void *block) = {
		[BLKREPL_BLOCK_SUPER] = try_super,
		[BLKREPL_BLOCK_MEMBERS] = try_members,
		[BLKREPL_BLOCK_AREAS] = try_areas,
		[BLKREPL_BLOCK_LINK] = try_link,
		[BLKREPL_BLOCK_INTENT] = try_bits,
		[BLKREPL_BLOCK_DIRTY] = try_bits,
	};
	unsigned int type, seq;
	const void *picked;
	u64 tag = TAG;

	if (size < 2)
		return 0;
	type = data[0] % ARRAY_SIZE(tries);
	seq = data[1];
	memset(slots, 0, sizeof(slots));
	memcpy(slots, data + 2, size - 2 < sizeof(slots) ? size - 2 : sizeof(slots));
	picked = blkrepl_block_pick(slots, type, 0, NULL);
	must(!picked || picked == slots || picked == slots + BLKREPL_BLOCK_SIZE);
	blkrepl_block_seal(slots + (seq & 1) * BLKREPL_BLOCK_SIZE, type, 0, TAG, seq);
	picked = blkrepl_block_pick(slots, type, 0, &tag);
	must(picked);
	if (tries[type])
		tries[type](picked);
	return 0;
}
