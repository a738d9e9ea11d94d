// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of a member in use.
 *
 * A write, a copy or a repair owns its range while its legs are under way. Two
 * that overlap go one after the other: otherwise the legs could see them in
 * different orders and would differ for ever. A range lies within one extent,
 * so one shard's lock covers it, and under that same lock stand the extent's
 * flags: that a write finds its extent hot and that it is seen as in flight is
 * one step for whoever wants to clear the extent.
 */
#include "blkrepl.h"

/**
 * blkrepl_shard_of - the shard that a sector belongs to
 * @vol: the member
 * @sector: the sector
 */
struct blkrepl_shard *blkrepl_shard_of(struct blkrepl_vol *vol, sector_t sector)
{
	return &vol->shard[(sector / BLKREPL_EXTENT_SECTORS) % BLKREPL_SHARDS];
}

/**
 * blkrepl_range_lock - own a range, or queue behind its owner
 * @io: the request; initialised, not locked
 * @sector: first sector
 * @sectors: how many; not beyond the extent of @sector
 * @nowait: do not queue
 * @hot: set to whether the extent's intent bit is durable; NULL when the
 *	request does not write to the source, so needs no mark
 *
 * A request that was queued is started again from the beginning when the owner
 * is through: by @io->work, or by completing @io->waiter where there is one.
 *
 * Context: any.
 * Return: 0; -EINPROGRESS when queued; -EAGAIN with @nowait when the range is
 * in use or the extent not hot.
 */
int blkrepl_range_lock(struct blkrepl_io *io, sector_t sector, unsigned int sectors,
		       bool nowait, bool *hot)
{
	struct blkrepl_vol *vol = io->vol;
	struct blkrepl_shard *shard = blkrepl_shard_of(vol, sector);
	struct interval_tree_node *other;
	unsigned long flags;
	int r = 0;
	u8 *ext;

	spin_lock_irqsave(&shard->lock, flags);
	other = interval_tree_iter_first(&shard->tree, sector, sector + sectors - 1);
	if (other) {
		r = -EAGAIN;
		if (!nowait) {
			struct blkrepl_io *owner = container_of(other, struct blkrepl_io, node);

			list_add_tail(&io->wait, &owner->blocked);
			r = -EINPROGRESS;
		}
		goto out;
	}
	if (hot) {
		ext = &vol->intent.ext[sector / BLKREPL_EXTENT_SECTORS];
		*hot = *ext & BLKREPL_EXT_HOT;
		if (!*hot && nowait) {
			r = -EAGAIN;
			goto out;
		}
		*ext |= BLKREPL_EXT_TOUCHED;
	}
	io->node.start = sector;
	io->node.last = sector + sectors - 1;
	interval_tree_insert(&io->node, &shard->tree);
	io->locked = true;
out:
	spin_unlock_irqrestore(&shard->lock, flags);
	return r;
}

/**
 * blkrepl_range_lock_wait - own a range, however long it takes
 * @io: the request
 * @sector: first sector
 * @sectors: how many; not beyond the extent of @sector
 *
 * Context: may sleep.
 */
void blkrepl_range_lock_wait(struct blkrepl_io *io, sector_t sector, unsigned int sectors)
{
	DECLARE_COMPLETION_ONSTACK(turn);

	io->waiter = &turn;
	while (blkrepl_range_lock(io, sector, sectors, false, NULL)) {
		wait_for_completion(&turn);
		reinit_completion(&turn);
	}
	io->waiter = NULL;
}

/**
 * blkrepl_range_unlock - give a range back and wake who waits for it
 * @io: the owner
 *
 * Context: any.
 */
void blkrepl_range_unlock(struct blkrepl_io *io)
{
	struct blkrepl_shard *shard = blkrepl_shard_of(io->vol, io->node.start);
	struct blkrepl_io *w, *next;
	unsigned long flags;
	LIST_HEAD(woken);

	spin_lock_irqsave(&shard->lock, flags);
	interval_tree_remove(&io->node, &shard->tree);
	io->locked = false;
	list_splice_init(&io->blocked, &woken);
	spin_unlock_irqrestore(&shard->lock, flags);

	list_for_each_entry_safe(w, next, &woken, wait) {
		list_del_init(&w->wait);
		if (w->waiter)
			complete(w->waiter);
		else
			queue_work(blkrepl_io_wq, &w->work);
	}
}

/**
 * blkrepl_range_busy - whether anything owns a part of a range
 * @shard: the shard of the range
 * @sector: first sector
 * @sectors: how many
 *
 * Context: shard->lock is held.
 */
bool blkrepl_range_busy(struct blkrepl_shard *shard, sector_t sector, sector_t sectors)
{
	lockdep_assert_held(&shard->lock);
	return interval_tree_iter_first(&shard->tree, sector, sector + sectors - 1);
}

/**
 * blkrepl_range_none - whether no range of a member is owned
 * @vol: the member
 *
 * Context: any.
 */
bool blkrepl_range_none(struct blkrepl_vol *vol)
{
	unsigned long flags;
	bool none = true;
	unsigned int i;

	for (i = 0; i < BLKREPL_SHARDS && none; i++) {
		spin_lock_irqsave(&vol->shard[i].lock, flags);
		none = RB_EMPTY_ROOT(&vol->shard[i].tree.rb_root);
		spin_unlock_irqrestore(&vol->shard[i].lock, flags);
	}
	return none;
}
