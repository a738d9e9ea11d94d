// SPDX-License-Identifier: GPL-2.0
/*
 * The write-intent bitmap, and the storing of what differs.
 *
 * An extent is hot while its bit is set on the log volume. A write goes ahead
 * only in a hot extent; the first one to a cold extent waits for a commit, and
 * all that wait at that moment share it. Three things hold for an extent that
 * is not hot:
 *  - what was written to it is durable on the source and, where the pair is
 *    mirrored, on the target;
 *  - its blocks that differ are marked in the dirty bitmap on the log volume;
 *  - no write to it is in flight.
 * So after a crash only hot extents are suspect, and likewise after a target
 * was lost, for it may have lost what it acknowledged but had not flushed.
 *
 * The sweeper makes extents cold that were not written for two of its rounds:
 * it takes images of the dirty bitmap, flushes both legs, writes the images,
 * and then, under the shard's lock, clears those that are still untouched. The
 * images are older than the flush: a block that they show clean is durable.
 */
#include <linux/slab.h>

#include "blkrepl.h"
#include "trace.h"

#define IMAGES_A_SWEEP	256

static u32 chunk_of(u32 extent)
{
	return extent / BLKREPL_CHUNK_BITS;
}

static void set_bit_of(struct blkrepl_intent *in, u32 extent, bool one)
{
	struct blkrepl_chunk *c = &in->chunk[chunk_of(extent)];
	u32 bit = extent % BLKREPL_CHUNK_BITS;
	u64 word = le64_to_cpu(c->block->word[bit / 64]), mask = 1ULL << (bit % 64);

	if (!(word & mask) == !one)
		return;
	c->block->word[bit / 64] = cpu_to_le64(one ? word | mask : word & ~mask);
	c->weight += one ? 1 : -1;
	c->changed = true;
}

static int alloc_chunks(struct blkrepl_chunk *chunk, u32 from, u32 to)
{
	for (; from < to; from++) {
		chunk[from].block = kzalloc(BLKREPL_BLOCK_SIZE, GFP_KERNEL);
		if (!chunk[from].block)
			return -ENOMEM;
	}
	return 0;
}

/**
 * blkrepl_intent_init - an empty bitmap for a member
 * @vol: the member, with its size
 *
 * Context: may sleep.
 */
int blkrepl_intent_init(struct blkrepl_vol *vol)
{
	struct blkrepl_intent *in = &vol->intent;

	in->nr_ext = DIV_ROUND_UP_ULL(vol->sectors, BLKREPL_EXTENT_SECTORS);
	in->nr_chunks = blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, vol->sectors);
	in->ext = kvzalloc(in->nr_ext, GFP_KERNEL);
	in->chunk = kvcalloc(in->nr_chunks, sizeof(*in->chunk), GFP_KERNEL);
	if (!in->ext || !in->chunk)
		return -ENOMEM;
	return alloc_chunks(in->chunk, 0, in->nr_chunks);
}

/**
 * blkrepl_intent_resize - make room for a member that grew
 * @vol: the member
 * @sectors: new size
 *
 * Context: may sleep; writes are held and group->meta_lock is held.
 */
int blkrepl_intent_resize(struct blkrepl_vol *vol, sector_t sectors)
{
	struct blkrepl_intent *in = &vol->intent;
	u32 nr_ext = DIV_ROUND_UP_ULL(sectors, BLKREPL_EXTENT_SECTORS), i;
	/* After a growth that failed there may be more chunks than it has extents for. */
	u32 nr_chunks = max(in->nr_chunks, blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, sectors));
	struct blkrepl_chunk *chunk = kvcalloc(nr_chunks, sizeof(*chunk), GFP_KERNEL);
	u8 *ext = kvzalloc(nr_ext, GFP_KERNEL);

	lockdep_assert_held(&vol->group->meta_lock);
	if (!ext || !chunk || alloc_chunks(chunk, in->nr_chunks, nr_chunks)) {
		for (i = in->nr_chunks; chunk && i < nr_chunks; i++)
			kfree(chunk[i].block);
		kvfree(chunk);
		kvfree(ext);
		return -ENOMEM;
	}
	memcpy(ext, in->ext, in->nr_ext);
	memcpy(chunk, in->chunk, in->nr_chunks * sizeof(*chunk));
	swap(in->ext, ext);
	swap(in->chunk, chunk);
	in->nr_ext = nr_ext;
	in->nr_chunks = nr_chunks;
	kvfree(ext);
	kvfree(chunk);
	return 0;
}

/**
 * blkrepl_intent_shrink - undo blkrepl_intent_resize() after a failure
 * @vol: the member
 * @nr_ext: number of extents that it had
 *
 * Context: may sleep; writes are held and group->meta_lock is held.
 */
void blkrepl_intent_shrink(struct blkrepl_vol *vol, u32 nr_ext)
{
	struct blkrepl_intent *in = &vol->intent;
	u32 e;

	lockdep_assert_held(&vol->group->meta_lock);
	for (e = nr_ext; e < in->nr_ext; e++) {
		if (in->ext[e] & BLKREPL_EXT_HOT)
			atomic_dec(&in->hot);
		in->ext[e] = 0;
	}
	in->nr_ext = nr_ext;
}

/**
 * blkrepl_intent_free - undo blkrepl_intent_init(), complete or not
 * @vol: the member
 *
 * Context: may sleep.
 */
void blkrepl_intent_free(struct blkrepl_vol *vol)
{
	struct blkrepl_intent *in = &vol->intent;
	u32 i;

	for (i = 0; in->chunk && i < in->nr_chunks; i++)
		kfree(in->chunk[i].block);
	kvfree(in->chunk);
	kvfree(in->ext);
	in->chunk = NULL;
	in->ext = NULL;
}

/* Write the changed blocks of a member; group->meta_lock is held. */
static int write_vol_intents(struct blkrepl_vol *vol)
{
	struct blkrepl_log *log = &vol->group->log;
	struct blkrepl_intent *in = &vol->intent;
	int r;
	u32 c;

	lockdep_assert_held(&vol->group->meta_lock);
	for (c = 0; c < in->nr_chunks; c++) {
		if (!in->chunk[c].changed)
			continue;
		r = blkrepl_log_write_bits(log, BLKREPL_BLOCK_INTENT, vol->place, c,
					   in->chunk[c].block, log->tag, &in->chunk[c].seq);
		if (r)
			return r;
		in->chunk[c].changed = false;
	}
	return 0;
}

static int write_intents(struct blkrepl_group *g)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < g->nr_vols && !r; i++)
		r = write_vol_intents(g->vol[i]);
	return r;
}

/**
 * blkrepl_intent_mark - make extents hot that no write has asked for
 * @vol: the member
 * @from: a sector of the first extent
 * @to: the sector after the last one
 *
 * Their bits reach the log volume with blkrepl_intent_store().
 *
 * Context: may sleep; writes are held and group->meta_lock is held.
 */
void blkrepl_intent_mark(struct blkrepl_vol *vol, sector_t from, sector_t to)
{
	struct blkrepl_intent *in = &vol->intent;
	u32 e;

	lockdep_assert_held(&vol->group->meta_lock);
	for (e = from / BLKREPL_EXTENT_SECTORS;
	     (sector_t)e * BLKREPL_EXTENT_SECTORS < to && e < in->nr_ext; e++) {
		struct blkrepl_shard *shard;

		shard = blkrepl_shard_of(vol, (sector_t)e * BLKREPL_EXTENT_SECTORS);
		set_bit_of(in, e, true);
		spin_lock_irq(&shard->lock);
		if (!(in->ext[e] & BLKREPL_EXT_HOT))
			atomic_inc(&in->hot);
		in->ext[e] |= BLKREPL_EXT_HOT | BLKREPL_EXT_TOUCHED;
		spin_unlock_irq(&shard->lock);
	}
}

/**
 * blkrepl_intent_store - write all blocks of a member's bitmap
 * @vol: the member
 *
 * Context: may sleep; group->meta_lock is held.
 */
int blkrepl_intent_store(struct blkrepl_vol *vol)
{
	u32 c;

	for (c = 0; c < vol->intent.nr_chunks; c++)
		vol->intent.chunk[c].changed = true;
	return write_vol_intents(vol);
}

/**
 * blkrepl_intent_copy_to - write what is known of a pair to another log volume
 * @vol: the member; closed
 * @pair: its pair; not copied
 * @log: the other log volume, with room
 * @place: where the pair is to have it there
 * @tag: of the other relationship's dirty bitmap
 *
 * Context: may sleep.
 */
int blkrepl_intent_copy_to(struct blkrepl_vol *vol, struct blkrepl_pair *pair,
			   struct blkrepl_log *log, unsigned int place, u64 tag)
{
	struct blkrepl_disk_bits *b = kvmalloc(sizeof(*b), GFP_KERNEL);
	struct blkrepl_group *g = vol->group;
	int r = b ? 0 : -ENOMEM;
	u32 c;

	/* The sweeper does not come between, but others need not wait for all of it. */
	for (c = 0; c < vol->intent.nr_chunks && !r; c++) {
		mutex_lock(&g->meta_lock);
		memcpy(b, vol->intent.chunk[c].block, sizeof(*b));
		r = blkrepl_log_write_bits(log, BLKREPL_BLOCK_INTENT, place, c, b, log->tag,
					   &vol->intent.chunk[c].seq);
		mutex_unlock(&g->meta_lock);
	}
	for (c = 0; c < pair->dirty.nr_chunks && !r; c++) {
		mutex_lock(&g->meta_lock);
		spin_lock_irq(&pair->dirty_lock);
		blkrepl_dirty_image(&pair->dirty, c, b);
		spin_unlock_irq(&pair->dirty_lock);
		r = blkrepl_log_write_bits(log, BLKREPL_BLOCK_DIRTY, place, c, b, tag,
					   &pair->dirty.chunk[c].seq);
		mutex_unlock(&g->meta_lock);
	}
	kvfree(b);
	return r;
}

/**
 * blkrepl_intent_wait - let a write wait until its extent is hot
 * @io: the write; it owns its range
 *
 * Context: any.
 */
void blkrepl_intent_wait(struct blkrepl_io *io)
{
	struct blkrepl_group *g = io->vol->group;
	unsigned long flags;

	spin_lock_irqsave(&g->intent_lock, flags);
	list_add_tail(&io->wait, &g->intent_wait);
	spin_unlock_irqrestore(&g->intent_lock, flags);
	atomic64_inc(&g->waits);
	queue_work(blkrepl_meta_wq, &g->intent_work);
}

static u32 extent_of(struct blkrepl_io *io)
{
	return io->node.start / BLKREPL_EXTENT_SECTORS;
}

static void write_go_work(struct work_struct *work)
{
	blkrepl_write_go(container_of(work, struct blkrepl_io, work));
}

/**
 * blkrepl_intent_work - one group commit
 * @work: of the group
 *
 * Context: workqueue.
 */
void blkrepl_intent_work(struct work_struct *work)
{
	struct blkrepl_group *g = container_of(work, struct blkrepl_group, intent_work);
	struct blkrepl_io *io, *next;
	LIST_HEAD(batch);
	int r;

	mutex_lock(&g->meta_lock);
	spin_lock_irq(&g->intent_lock);
	list_splice_init(&g->intent_wait, &batch);
	spin_unlock_irq(&g->intent_lock);
	if (list_empty(&batch)) {
		mutex_unlock(&g->meta_lock);
		return;
	}
	list_for_each_entry(io, &batch, wait)
		set_bit_of(&io->vol->intent, extent_of(io), true);
	r = write_intents(g);
	atomic64_inc(&g->commits);
	list_for_each_entry(io, &batch, wait) {
		struct blkrepl_shard *shard = blkrepl_shard_of(io->vol, io->node.start);
		u8 *ext = &io->vol->intent.ext[extent_of(io)];

		if (r)
			break;
		spin_lock_irq(&shard->lock);
		if (!(*ext & BLKREPL_EXT_HOT)) {
			*ext |= BLKREPL_EXT_HOT;
			atomic_inc(&io->vol->intent.hot);
			trace_blkrepl_intent(io->vol, extent_of(io), true);
		}
		spin_unlock_irq(&shard->lock);
	}
	mutex_unlock(&g->meta_lock);
	if (r)
		blkrepl_notify_group(g, BLKREPL_EVENT_LOG_FAILED);

	list_for_each_entry_safe(io, next, &batch, wait) {
		list_del_init(&io->wait);
		if (r) {
			blkrepl_write_abort(io, BLK_STS_IOERR);
			continue;
		}
		/* Mirroring does not begin while a write is in flight. */
		if (!io->vol->pair || READ_ONCE(io->vol->pair->mode) == BLKREPL_PAIR_TRACK) {
			blkrepl_write_go(io);
			continue;
		}
		/* Not from here: submitting may block on a target that is dead. */
		INIT_WORK(&io->work, write_go_work);
		queue_work(blkrepl_target_wq, &io->work);
	}
}

/* An image of a chunk of a dirty bitmap, on its way to the log volume. */
struct image {
	struct blkrepl_disk_bits bits;	/* first, for it is written from here */
	struct list_head list;
	struct blkrepl_pair *pair;
	u32 chunk;
};

static void free_images(struct list_head *images)
{
	struct image *im, *next;

	list_for_each_entry_safe(im, next, images, list)
		kvfree(im);
	INIT_LIST_HEAD(images);
}

/* Images of changed chunks; false where some had to be left out. */
static bool take_images(struct blkrepl_link *link, struct list_head *images, unsigned int max)
{
	unsigned int i, n = 0;
	struct image *im;
	u32 c;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		for (c = 0; c < pair->dirty.nr_chunks; c++) {
			if (!READ_ONCE(pair->dirty.chunk[c].changed))
				continue;
			if (n++ == max)
				return false;
			im = kvmalloc(sizeof(*im), GFP_NOIO);
			if (!im)
				return false;
			im->pair = pair;
			im->chunk = c;
			spin_lock_irq(&pair->dirty_lock);
			pair->dirty.chunk[c].changed = false;
			blkrepl_dirty_image(&pair->dirty, c, &im->bits);
			spin_unlock_irq(&pair->dirty_lock);
			list_add_tail(&im->list, images);
		}
	}
	return true;
}

static int write_images(struct blkrepl_group *g, struct blkrepl_link *link,
			struct list_head *images)
{
	struct image *im;
	int r = 0;

	lockdep_assert_held(&g->meta_lock);
	list_for_each_entry(im, images, list) {
		struct blkrepl_chunk *c = &im->pair->dirty.chunk[im->chunk];

		if (!r)
			r = blkrepl_log_write_bits(&g->log, BLKREPL_BLOCK_DIRTY,
						   im->pair->place, im->chunk, &im->bits,
						   link->dirty_tag, &c->seq);
		if (r)
			WRITE_ONCE(c->changed, true);
	}
	return r;
}

static void keep_images_changed(struct list_head *images)
{
	struct image *im;

	list_for_each_entry(im, images, list)
		WRITE_ONCE(im->pair->dirty.chunk[im->chunk].changed, true);
}

/* Age the hot extents of a member; how many may become cold. */
static unsigned int find_idle(struct blkrepl_vol *vol, bool all)
{
	struct blkrepl_intent *in = &vol->intent;
	unsigned int n = 0;
	u32 e;

	if (!atomic_read(&in->hot))
		return 0;
	for (e = 0; e < in->nr_ext; e++) {
		sector_t start = (sector_t)e * BLKREPL_EXTENT_SECTORS;
		struct blkrepl_shard *shard = blkrepl_shard_of(vol, start);
		u8 *ext = &in->ext[e];

		if (!(e & 4095))
			cond_resched();
		if (!(READ_ONCE(*ext) & BLKREPL_EXT_HOT))
			continue;
		spin_lock_irq(&shard->lock);
		if (all) {
			*ext &= ~BLKREPL_EXT_TOUCHED;
			*ext |= BLKREPL_EXT_IDLE;
		}
		/* A write that is under way may take its epoch yet. */
		if ((*ext & BLKREPL_EXT_TOUCHED) ||
		    blkrepl_range_busy(shard, start, BLKREPL_EXTENT_SECTORS)) {
			*ext &= ~(BLKREPL_EXT_TOUCHED | BLKREPL_EXT_IDLE);
		} else if (!(*ext & BLKREPL_EXT_IDLE)) {
			*ext |= BLKREPL_EXT_IDLE;
		} else {
			*ext |= BLKREPL_EXT_CLEARING;
			n++;
		}
		spin_unlock_irq(&shard->lock);
	}
	return n;
}

/*
 * Extents that were copied to: before the flush they are noted, after it they
 * are done with, or, where it failed, as before.
 */
static void sweep_copied(struct blkrepl_vol *vol, u8 from, u8 to)
{
	struct blkrepl_intent *in = &vol->intent;
	u32 e;

	if (!atomic_read(&in->copied))
		return;
	for (e = 0; e < in->nr_ext; e++) {
		struct blkrepl_shard *shard;

		if (!(e & 4095))
			cond_resched();
		if (!(READ_ONCE(in->ext[e]) & from))
			continue;
		shard = blkrepl_shard_of(vol, (sector_t)e * BLKREPL_EXTENT_SECTORS);
		spin_lock_irq(&shard->lock);
		in->ext[e] = (in->ext[e] & ~from) | to;
		if (!(in->ext[e] & (BLKREPL_EXT_COPIED | BLKREPL_EXT_FLUSHING)))
			atomic_dec(&in->copied);
		spin_unlock_irq(&shard->lock);
	}
}

/**
 * blkrepl_intent_copied - blocks of an extent were copied to the target
 * @vol: the member
 * @sector: in the extent; the range is owned by the caller
 *
 * Until the target is flushed they are as suspect as if they had been written.
 *
 * Context: any.
 */
void blkrepl_intent_copied(struct blkrepl_vol *vol, sector_t sector)
{
	struct blkrepl_shard *shard = blkrepl_shard_of(vol, sector);
	u8 *ext = &vol->intent.ext[sector / BLKREPL_EXTENT_SECTORS];
	unsigned long flags;

	spin_lock_irqsave(&shard->lock, flags);
	if (!(*ext & (BLKREPL_EXT_COPIED | BLKREPL_EXT_FLUSHING)))
		atomic_inc(&vol->intent.copied);
	*ext |= BLKREPL_EXT_COPIED;
	spin_unlock_irqrestore(&shard->lock, flags);
}

/* Whether the blocks of an extent that differ are marked on the log volume. */
static bool is_stored(struct blkrepl_pair *pair, u32 extent)
{
	u64 first = (u64)extent * BLKREPL_EXTENT_BLOCKS, last;
	u32 c;

	if (!pair || first >= pair->dirty.nr_bits)
		return true;
	last = min(first + BLKREPL_EXTENT_BLOCKS, pair->dirty.nr_bits) - 1;
	for (c = div_u64(first, BLKREPL_CHUNK_BITS); c <= div_u64(last, BLKREPL_CHUNK_BITS); c++)
		if (READ_ONCE(pair->dirty.chunk[c].changed) &&
		    blkrepl_dirty_count(&pair->dirty, first, last - first + 1))
			return false;
	return true;
}

/* End what find_idle() began: the marked extents become cold, or stay hot. */
static void settle(struct blkrepl_vol *vol, bool clear)
{
	struct blkrepl_intent *in = &vol->intent;
	struct blkrepl_pair *pair = vol->pair;
	u32 e;

	for (e = 0; e < in->nr_ext; e++) {
		sector_t start = (sector_t)e * BLKREPL_EXTENT_SECTORS;
		struct blkrepl_shard *shard = blkrepl_shard_of(vol, start);
		bool cold = false, stored;
		u8 *ext = &in->ext[e];

		if (!(e & 4095))
			cond_resched();
		if (!(READ_ONCE(*ext) & BLKREPL_EXT_CLEARING))
			continue;
		stored = true;
		if (pair) {
			spin_lock_irq(&pair->dirty_lock);
			stored = is_stored(pair, e);
			spin_unlock_irq(&pair->dirty_lock);
		}
		spin_lock_irq(&shard->lock);
		*ext &= ~BLKREPL_EXT_CLEARING;
		if (clear && stored && !(*ext & BLKREPL_EXT_TOUCHED) &&
		    !blkrepl_range_busy(shard, start, BLKREPL_EXTENT_SECTORS)) {
			*ext &= ~(BLKREPL_EXT_HOT | BLKREPL_EXT_IDLE);
			cold = true;
		}
		spin_unlock_irq(&shard->lock);
		if (cold) {
			atomic_dec(&in->hot);
			set_bit_of(in, e, false);
			trace_blkrepl_intent(vol, e, false);
		}
	}
}

/*
 * One round of the sweeper; @all: every extent, for nothing is written any more.
 * group->meta_lock is held.
 */
static int sweep(struct blkrepl_group *g, bool all)
{
	struct blkrepl_link *link = g->link;
	unsigned int i, idle = 0, max = all ? UINT_MAX : IMAGES_A_SWEEP;
	LIST_HEAD(images);
	u32 turns = link ? READ_ONCE(link->turns) : 0;
	bool mirrored;
	int r = 0;

	lockdep_assert_held(&g->meta_lock);
	mirrored = link && blkrepl_link_mirrors_some(link) && !blkrepl_captures(link);
	/* What the target had not flushed when it was stopped is not marked yet. */
	if (link && blkrepl_link_suspect(link))
		return -EAGAIN;
	if (link && !blkrepl_capture_may_sweep(link))
		return -EAGAIN;
	for (i = 0; i < g->nr_vols; i++)
		idle += find_idle(g->vol[i], all);
	if (link) {
		blkrepl_capture_swept(link);
		take_images(link, &images, max);
	}
	if (!idle && list_empty(&images))
		return 0;
	for (i = 0; i < g->nr_vols && mirrored; i++)
		if (READ_ONCE(g->vol[i]->pair->mode) == BLKREPL_PAIR_MIRROR)
			sweep_copied(g->vol[i], BLKREPL_EXT_COPIED, BLKREPL_EXT_FLUSHING);
	/* Cold means durable on both sides. */
	for (i = 0; i < g->nr_vols && !r; i++)
		r = blkdev_issue_flush(blkrepl_bdev(g->vol[i]->source));
	if (!r && mirrored)
		r = blkrepl_conn_flush(link);
	/*
	 * A pair that was stopped since may have suspect extents among these; one
	 * that began to be mirrored was not flushed.
	 */
	if (!r && link && READ_ONCE(link->turns) != turns)
		r = -EAGAIN;
	for (i = 0; i < g->nr_vols && mirrored; i++)
		sweep_copied(g->vol[i], BLKREPL_EXT_FLUSHING, r ? BLKREPL_EXT_COPIED : 0);
	if (r)
		keep_images_changed(&images);
	else if (link)
		r = write_images(g, link, &images);
	free_images(&images);
	for (i = 0; i < g->nr_vols && idle; i++)
		settle(g->vol[i], !r);
	return r ?: write_intents(g);
}

/**
 * blkrepl_sweep_work - a round of the sweeper
 * @work: of the group
 *
 * Context: workqueue.
 */
void blkrepl_sweep_work(struct work_struct *work)
{
	struct blkrepl_group *g = container_of(to_delayed_work(work), struct blkrepl_group,
					       sweep_work);

	mutex_lock(&g->meta_lock);
	sweep(g, false);
	mutex_unlock(&g->meta_lock);
	queue_delayed_work(blkrepl_meta_wq, &g->sweep_work,
			   msecs_to_jiffies(READ_ONCE(blkrepl_sweep_ms)));
}

/**
 * blkrepl_intent_clear_all - make every extent cold; the group is going down
 * @g: the group; nothing is written any more
 *
 * Context: may sleep.
 * Return: 0 when the metadata tell all that there is to know.
 */
int blkrepl_intent_clear_all(struct blkrepl_group *g)
{
	unsigned int i;
	int r;

	mutex_lock(&g->meta_lock);
	r = sweep(g, true);
	mutex_unlock(&g->meta_lock);
	for (i = 0; i < g->nr_vols && !r; i++)
		if (atomic_read(&g->vol[i]->intent.hot))
			r = -EAGAIN;
	return r;
}

/**
 * blkrepl_intent_suspect - hot extents may differ
 * @pair: the pair
 *
 * After a crash the legs may have ended differently; a target that was lost may
 * lack what it had not flushed. Both are found out by comparing.
 *
 * Context: may sleep; link->state_lock is held or nobody knows the link yet.
 */
void blkrepl_intent_suspect(struct blkrepl_pair *pair)
{
	const u8 suspect = BLKREPL_EXT_HOT | BLKREPL_EXT_COPIED | BLKREPL_EXT_FLUSHING;
	struct blkrepl_intent *in = &pair->vol->intent;
	u32 e;

	if (!atomic_read(&in->hot) && !atomic_read(&in->copied))
		return;
	for (e = 0; e < in->nr_ext; e++) {
		sector_t start = (sector_t)e * BLKREPL_EXTENT_SECTORS;

		if (!(READ_ONCE(in->ext[e]) & suspect) || start >= pair->vol->sectors)
			continue;
		blkrepl_link_mark_dirty(pair, start, min_t(sector_t, BLKREPL_EXTENT_SECTORS,
							   pair->vol->sectors - start));
	}
	pair->link->flags |= BLKREPL_LINK_COMPARE;
}

/**
 * blkrepl_intent_load - read the bitmap of a member
 * @vol: the member, with an empty bitmap
 *
 * All blocks are written when the group is made; one of which no slot is valid
 * has been lost, and then every extent that it stands for is suspect.
 *
 * Context: may sleep.
 */
int blkrepl_intent_load(struct blkrepl_vol *vol)
{
	struct blkrepl_log *log = &vol->group->log;
	struct blkrepl_intent *in = &vol->intent;
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	int r = 0;
	u32 c, e;

	if (!buf)
		return -ENOMEM;
	for (c = 0; c < in->nr_chunks && !r; c++) {
		u64 at = blkrepl_layout_block(log->layout, BLKREPL_BLOCK_INTENT, 0, vol->place, c);
		const struct blkrepl_disk_bits *b;

		r = at ? blkrepl_log_read(log, at, 2, buf) : -EUCLEAN;
		if (r)
			break;
		b = blkrepl_block_pick(buf, BLKREPL_BLOCK_INTENT, c, &log->tag);
		if (b)
			in->chunk[c].seq = blkrepl_block_seq(b);
		for (e = c * BLKREPL_CHUNK_BITS;
		     e < in->nr_ext && e < (c + 1) * BLKREPL_CHUNK_BITS; e++) {
			u32 bit = e % BLKREPL_CHUNK_BITS;

			if (b && !(le64_to_cpu(b->word[bit / 64]) >> (bit % 64) & 1))
				continue;
			set_bit_of(in, e, true);
			in->ext[e] |= BLKREPL_EXT_HOT;
			atomic_inc(&in->hot);
		}
		in->chunk[c].changed = !b;
	}
	kfree(buf);
	return r;
}
