// SPDX-License-Identifier: GPL-2.0
/* The log volumes of the simulator: what kernel/log.c does. */
#include <stdlib.h>

#include "sim.h"

/* Write a block to the slot that its next number belongs to. */
struct req *log_submit(struct log *l, u64 at, u16 type, u32 index, void *block, u64 tag, u64 *seq)
{
	struct req *q;

	blkrepl_block_seal(block, type, index, tag, *seq + 1);
	q = req_submit(l->disk, REQ_WRITE, at + ((*seq + 1) & 1), 1, block, true);
	if (l->remote)
		q->epoch = mod->epoch;
	/* Should it fail it may have happened all the same: the number is used. */
	*seq += 1;
	return q;
}

/**
 * log_wait - wait for @w->q
 * @w: the request; the result is in @w->r
 *
 * A request that the target does not answer is left behind at the deadline.
 */
bool log_wait(struct wait *w)
{
	TASK_BEGIN(&w->task);
	TASK_WAIT(&w->task, w->q->done || w->q->late);
	w->r = w->q->late ? -ETIMEDOUT : w->q->error;
	if (w->q->done)
		req_free(w->q);
	else
		w->q->left = true;
	w->q = NULL;
	TASK_END(&w->task);
}

bool log_write_bits(struct wait *w, u16 type, u32 member, u32 chunk,
		    struct blkrepl_disk_bits *b, u64 tag, u64 *seq)
{
	TASK_BEGIN(&w->task);
	w->q = log_submit(&mod->log, blkrepl_layout_block(&mod->log.layout, type, 0, member, chunk),
			  type, chunk, b, tag, seq);
	TASK_WAIT(&w->task, w->q->done);
	req_free(w->q);
	w->q = NULL;
	TASK_END(&w->task);
}

/* The valid block on a disk, as it is or as a power cut would leave it at worst. */
const void *log_pick(const struct disk *d, bool durable, u64 at, u16 type, u32 index, const u64 *tag)
{
	return blkrepl_block_pick((durable ? d->durable : d->now) + at * d->size, type, index, tag);
}

static void put(struct disk *d, u64 at, u16 type, u32 index, void *block, u64 tag, u64 seq)
{
	blkrepl_block_seal(block, type, index, tag, seq);
	at += seq & 1;
	memcpy(d->now + at * d->size, block, d->size);
	memcpy(d->durable + at * d->size, block, d->size);
}

void fill_link(struct blkrepl_disk_link *link, const struct blkrepl_gens *g)
{
	memset(link, 0, sizeof(*link));
	link->flags = cpu_to_le32(mod->flags | BLKREPL_LINK_USED);
	link->copy_state = cpu_to_le16(mod->state);
	link->dirty_tag = cpu_to_le64(mod->dirty_tag);
	blkrepl_gens_store(g, link);
}

/* Store @t->link. */
bool store_link(struct store_task *t, struct log *l)
{
	TASK_BEGIN(&t->task);
	t->wait.task.line = 0;
	t->wait.q = log_submit(l, BLKREPL_AT_LINKS, BLKREPL_BLOCK_LINK, 0, &t->link, l->tag,
			       &l->link_seq);
	TASK_WAIT(&t->task, log_wait(&t->wait));
	t->r = t->wait.r;
	if (t->r && l->remote)
		link_fail(-1);
	TASK_END(&t->task);
}

bool log_read_link(const struct disk *d, bool durable, struct blkrepl_disk_link *link)
{
	const struct blkrepl_disk_super *sb;
	const void *b;
	u64 tag;

	sb = log_pick(d, durable, BLKREPL_AT_SUPER, BLKREPL_BLOCK_SUPER, 0, NULL);
	if (!sb || blkrepl_super_check(sb, d->nr))
		return false;
	tag = le64_to_cpu(sb->hdr.tag);
	b = log_pick(d, durable, BLKREPL_AT_LINKS, BLKREPL_BLOCK_LINK, 0, &tag);
	if (b)
		memcpy(link, b, sizeof(*link));
	return b;
}

static void format_one(struct disk *d, enum blkrepl_role role, struct blkrepl_layout *l,
		       const struct blkrepl_disk_link *link)
{
	static struct blkrepl_disk_super sb;
	static struct blkrepl_disk_areas areas;
	static struct blkrepl_disk_link copy;
	u64 tag = rng_u64(&rng);
	int k;

	sb = (struct blkrepl_disk_super){
		.version = cpu_to_le32(BLKREPL_VERSION),
		.nr_blocks = cpu_to_le64(d->nr),
		.role = cpu_to_le32(role),
		.extent_shift = cpu_to_le32(BLKREPL_EXTENT_SHIFT),
	};
	put(d, BLKREPL_AT_SUPER, BLKREPL_BLOCK_SUPER, 0, &sb, tag, 1);
	for (k = 0; k < BLKREPL_NR_AREA_BLOCKS; k++) {
		memset(&areas, 0, sizeof(areas));
		blkrepl_layout_store(l, k, &areas);
		put(d, BLKREPL_AT_AREAS + 2 * k, BLKREPL_BLOCK_AREAS, k, &areas, tag, 1);
	}
	copy = *link;
	put(d, BLKREPL_AT_LINKS, BLKREPL_BLOCK_LINK, 0, &copy, tag, 1);
	if (role == BLKREPL_ROLE_SOURCE)
		mod->log.tag = tag;
}

/* Both log volumes of a pair of groups that have just become the same. */
void log_format(void)
{
	static struct blkrepl_disk_bits bits;
	static struct blkrepl_disk_link link;
	static struct blkrepl_layout none;
	struct blkrepl_layout *l = &mod->log.layout;
	unsigned int m, c;

	l->nr_blocks = source_log.nr;
	l->nr = 0;
	for (m = 0; m < MEMBERS; m++) {
		blkrepl_layout_provide(l, BLKREPL_BLOCK_INTENT, 0, m, 1);
		blkrepl_layout_provide(l, BLKREPL_BLOCK_DIRTY, 0, m, CHUNKS);
	}
	mod->dirty_tag = rng_u64(&rng);
	mod->gens = (struct blkrepl_gens){ .latest = fresh_generation() };
	mod->state = BLKREPL_COPY_STATE_SYNCHRONIZED;
	fill_link(&link, &mod->gens);
	format_one(&source_log, BLKREPL_ROLE_SOURCE, l, &link);
	format_one(&target_log, BLKREPL_ROLE_TARGET, &none, &link);
	for (m = 0; m < MEMBERS; m++) {
		memset(&bits, 0, sizeof(bits));
		put(&source_log, blkrepl_layout_block(l, BLKREPL_BLOCK_INTENT, 0, m, 0),
		    BLKREPL_BLOCK_INTENT, 0, &bits, mod->log.tag, 1);
		for (c = 0; c < CHUNKS; c++)
			put(&source_log, blkrepl_layout_block(l, BLKREPL_BLOCK_DIRTY, 0, m, c),
			    BLKREPL_BLOCK_DIRTY, c, &bits, mod->dirty_tag, 1);
	}
}

static int load_bitmaps(unsigned int m)
{
	struct blkrepl_layout *l = &mod->log.layout;
	const struct blkrepl_disk_bits *b;
	struct vol *v = &mod->vol[m];
	unsigned int e, c;
	u64 at;

	at = blkrepl_layout_block(l, BLKREPL_BLOCK_INTENT, 0, m, 0);
	if (!at)
		return -EUCLEAN;
	b = log_pick(&source_log, false, at, BLKREPL_BLOCK_INTENT, 0, &mod->log.tag);
	v->intent_seq = b ? blkrepl_block_seq(b) : 0;
	for (e = 0; e < EXTENTS; e++)
		if (!b || le64_to_cpu(b->word[0]) >> e & 1) {
			v->intent.word[0] |= cpu_to_le64(1ULL << e);
			v->ext[e] = EXT_HOT;
		}
	v->intent_changed = !b;
	for (c = 0; c < CHUNKS; c++) {
		at = blkrepl_layout_block(l, BLKREPL_BLOCK_DIRTY, 0, m, c);
		if (!at)
			return -EUCLEAN;
		blkrepl_dirty_load(&v->dirty, c, log_pick(&source_log, false, at, BLKREPL_BLOCK_DIRTY,
							  c, &mod->dirty_tag));
	}
	/* Blocks that this simulation has no room for are the same on both sides. */
	if (blkrepl_dirty_count(&v->dirty, 0, BIT_BASE))
		blkrepl_dirty_clear(&v->dirty, 0, BIT_BASE);
	return 0;
}

/* Take over what the source's log volume says; mod is zeroed but for its bitmaps. */
int log_load(void)
{
	const struct blkrepl_disk_super *sb;
	struct blkrepl_disk_link link;
	const void *b;
	unsigned int i;
	int r = 0;

	sb = log_pick(&source_log, false, BLKREPL_AT_SUPER, BLKREPL_BLOCK_SUPER, 0, NULL);
	if (!sb || blkrepl_super_check(sb, source_log.nr))
		return -EMEDIUMTYPE;
	mod->log = (struct log){ .disk = &source_log, .tag = le64_to_cpu(sb->hdr.tag) };
	mod->log.layout.nr_blocks = source_log.nr;
	for (i = 0; i < BLKREPL_NR_AREA_BLOCKS && !r; i++) {
		b = log_pick(&source_log, false, BLKREPL_AT_AREAS + 2 * i, BLKREPL_BLOCK_AREAS, i,
			     &mod->log.tag);
		r = b ? blkrepl_layout_load(&mod->log.layout, b) : -EUCLEAN;
	}
	if (r || !log_read_link(&source_log, false, &link))
		return -EUCLEAN;
	mod->log.link_seq = blkrepl_block_seq(&link);
	mod->flags = le32_to_cpu(link.flags) & ~BLKREPL_LINK_USED;
	mod->state = le16_to_cpu(link.copy_state);
	mod->dirty_tag = le64_to_cpu(link.dirty_tag);
	blkrepl_gens_load(&mod->gens, &link);
	for (i = 0; i < MEMBERS && !r; i++)
		r = load_bitmaps(i);
	return r;
}
