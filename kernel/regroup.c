// SPDX-License-Identifier: GPL-2.0
/*
 * A relationship gets or loses pairs.
 *
 * Pairs are found without a lock by whoever looks at a relationship, so their
 * number never changes. The relationship is replaced by one like it with other
 * pairs, while writes are held, no copy runs and its works are at rest. The new
 * one takes over the bitmaps and the connection, whose devices stay open. The
 * instant at which the log volume learns of it is the writing of the link block,
 * which names all pairs.
 */
#include <linux/slab.h>

#include "blkrepl.h"

/**
 * blkrepl_regroup_pair - the pair of a member
 * @link: the relationship
 * @vol: the member
 */
struct blkrepl_pair *blkrepl_regroup_pair(struct blkrepl_link *link, struct blkrepl_vol *vol)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		if (link->pair[i].vol == vol)
			return &link->pair[i];
	return NULL;
}

/**
 * blkrepl_regroup_like - a relationship like another one
 * @old: the other one
 * @vol: its members, in the order of their places
 * @n: how many
 *
 * Pairs that the old one has get their names, but not yet their bitmaps.
 *
 * Context: may sleep; group->conf is held.
 */
struct blkrepl_link *blkrepl_regroup_like(struct blkrepl_link *old, struct blkrepl_vol **vol,
					  unsigned int n)
{
	struct blkrepl_link *new = blkrepl_link_alloc(old->group, vol, n);
	unsigned int i;

	if (!new)
		return NULL;
	new->log_path = kstrdup(old->log_path, GFP_KERNEL);
	if (!new->log_path) {
		blkrepl_link_free(new);
		return NULL;
	}
	memcpy(new->uuid, old->uuid, BLKREPL_UUID_SIZE);
	strscpy(new->name, old->name, BLKREPL_NAME_SIZE);
	memcpy(new->peer_uuid, old->peer_uuid, BLKREPL_UUID_SIZE);
	strscpy(new->peer_name, old->peer_name, BLKREPL_NAME_SIZE);
	for (i = 0; i < n; i++) {
		struct blkrepl_pair *from = blkrepl_regroup_pair(old, vol[i]);

		if (!from)
			continue;
		memcpy(new->pair[i].uuid, from->uuid, BLKREPL_UUID_SIZE);
		strscpy(new->pair[i].name, from->name, BLKREPL_NAME_SIZE);
	}
	return new;
}

static void copy_state(struct blkrepl_link *old, struct blkrepl_link *new)
{
	new->state = old->state;
	new->flags |= old->flags;
	new->sync_type = old->sync_type;
	new->mode = old->mode;
	new->revision = old->revision;
	new->dirty_tag = old->dirty_tag;
	new->gens = old->gens;
	new->target_gens = old->target_gens;
	new->peer = old->peer;
	new->unwritten = old->unwritten;
	new->recovery_point_us = old->recovery_point_us;
	new->when_synced_us = old->when_synced_us;
	new->when_activated_us = old->when_activated_us;
	new->when_suspended_us = old->when_suspended_us;
	new->when_broken_us = old->when_broken_us;
	strscpy(new->reason, old->reason, sizeof(new->reason));
	new->leg_timeout_ms = old->leg_timeout_ms;
	new->heartbeat_ms = old->heartbeat_ms;
	new->rpo_s = old->rpo_s;
	new->rpo = old->rpo;
	new->throttle = old->throttle;
	new->copy_total = old->copy_total;
	atomic64_set(&new->copy_written, atomic64_read(&old->copy_written));
	new->copy_started = old->copy_started;
	new->copy_ended = old->copy_ended;
	new->user_jiffies = old->user_jiffies;
}

/* What belongs to the log volumes stays what it is. */
static void keep_log(struct blkrepl_link *old, struct blkrepl_link *new)
{
	unsigned int state = new->peer.state;

	new->dirty_tag = old->dirty_tag;
	new->flags &= ~BLKREPL_LINK_TRACKED_ZERO;
	new->flags |= old->flags & BLKREPL_LINK_TRACKED_ZERO;
	new->revision = old->revision;
	new->peer = old->peer;
	new->peer.state = state;
}

/**
 * blkrepl_regroup_resume - let a relationship go on that was brought to rest
 * @link: the relationship; writes are not held any more
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_regroup_resume(struct blkrepl_link *link)
{
	blkrepl_copy_allow(link);
	blkrepl_conn_start(link);
	blkrepl_copy_again(link);
	/* The target may have been lost meanwhile. */
	queue_work(blkrepl_state_wq, &link->stale_work);
}

/* Nothing of the relationship is under way that would have to be taken over. */
static bool is_calm(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	bool calm;

	if (!conn)
		return false;
	calm = !atomic_read(&conn->orphans) && list_empty_careful(&link->await) &&
	       !blkrepl_link_suspect(link) && !link->hold_io &&
	       (blkrepl_state_flows(link->state) ? blkrepl_link_mirrors(link) :
						   !blkrepl_link_mirrors_some(link));
	blkrepl_conn_put(conn);
	return calm;
}

/**
 * blkrepl_regroup_rest - let no copy run, so that both log volumes can be changed
 * @link: the relationship; connected
 * @timeout_ms: how long to wait for what is in flight
 * @extack: told what is wrong
 *
 * When it returns 0, blkrepl_regroup_hold() or blkrepl_regroup_resume() follows.
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_regroup_rest(struct blkrepl_link *link, unsigned int timeout_ms,
			 struct netlink_ext_ack *extack)
{
	int r;

	lockdep_assert_held(&link->group->conf);
	r = blkrepl_capture_stop(link, timeout_ms);
	r = r ?: blkrepl_copy_halt(link, timeout_ms);
	if (!r)
		return 0;
	NL_SET_ERR_MSG(extack, "what is in flight did not end in time; nothing was changed");
	blkrepl_regroup_resume(link);
	return r;
}

/**
 * blkrepl_regroup_hold - the instant at which a relationship is replaced
 * @link: the relationship, at rest
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * When it returns 0, writes are held until blkrepl_group_release(). When it fails
 * blkrepl_regroup_resume() follows as well.
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_regroup_hold(struct blkrepl_link *link, unsigned int timeout_ms,
			 struct netlink_ext_ack *extack)
{
	int r;

	lockdep_assert_held(&link->group->conf);
	WRITE_ONCE(link->removing, true);
	cancel_delayed_work_sync(&link->tick_work);
	cancel_delayed_work_sync(&link->deadline_work);
	flush_work(&link->stale_work);
	r = blkrepl_group_hold(link->group, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "what is in flight did not end in time; nothing was changed");
		return r;
	}
	if (is_calm(link))
		return 0;
	NL_SET_ERR_MSG(extack, "the target is not connected, or was just lost; nothing was changed");
	blkrepl_group_release(link->group);
	return -ENOTCONN;
}

/**
 * blkrepl_regroup_commit - make the new pairs those of the relationship, durably
 * @old: the relationship, at rest
 * @like: whose state it is to have: its own, or if it has no pairs that of the
 *	one which its pairs come from
 * @new: the one that replaces it
 * @state: the CopyState that it is to have
 * @unsure: set where it failed and may have happened all the same
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_regroup_commit(struct blkrepl_link *old, struct blkrepl_link *like,
			   struct blkrepl_link *new, unsigned int state, bool *unsure)
{
	int r;

	copy_state(like, new);
	if (like != old)
		keep_log(old, new);
	if (!new->nr_pairs)
		new->peer.state = state;
	if (new->state != state && state == BLKREPL_COPY_STATE_UNSYNCHRONIZED)
		new->when_activated_us = blkrepl_now_us();
	new->state = state;
	new->revision++;
	mutex_lock(&new->state_lock);
	r = blkrepl_link_store(new);
	mutex_unlock(&new->state_lock);
	if (r)
		*unsure = blkrepl_regroup_undo(old);
	return r;
}

/**
 * blkrepl_regroup_undo - make the old pairs those of the relationship again, durably
 * @old: the relationship, at rest
 *
 * Context: may sleep; group->conf is held.
 * Return: whether that failed, so that nobody knows.
 */
bool blkrepl_regroup_undo(struct blkrepl_link *old)
{
	int r;

	mutex_lock(&old->state_lock);
	r = blkrepl_link_store(old);
	mutex_unlock(&old->state_lock);
	return r;
}

/**
 * blkrepl_regroup_take_over - let a pair be what it was in another relationship
 * @old: the other relationship, at rest
 * @to: the pair
 *
 * Context: may sleep; group->conf and group->meta_lock of both are held.
 */
void blkrepl_regroup_take_over(struct blkrepl_link *old, struct blkrepl_pair *to)
{
	struct blkrepl_pair *from = blkrepl_regroup_pair(old, to->vol);

	if (!from)
		return;
	spin_lock_irq(&from->dirty_lock);
	swap(to->dirty, from->dirty);
	spin_unlock_irq(&from->dirty_lock);
	spin_lock_irq(&old->lock);
	swap(to->path, from->path);
	/* The sweeper's flush may have found the target dead a moment ago. */
	to->mode = from->mode;
	to->out = from->out;
	to->suspect = from->suspect;
	from->mode = BLKREPL_PAIR_TRACK;
	from->out = false;
	from->suspect = false;
	spin_unlock_irq(&old->lock);
	to->sectors = from->sectors;
	to->peer_sectors = from->peer_sectors;
	to->target_dev = from->target_dev;
	atomic64_set(&to->errors, atomic64_read(&from->errors));
}

/**
 * blkrepl_regroup_switch - put the new relationship in the place of the old one
 * @old: the relationship, at rest
 * @new: has been committed; its pairs are those of the group's members
 *
 * Context: may sleep; group->conf and group->meta_lock are held.
 */
void blkrepl_regroup_switch(struct blkrepl_link *old, struct blkrepl_link *new)
{
	unsigned int i;

	lockdep_assert_held(&new->group->meta_lock);
	for (i = 0; i < new->nr_pairs; i++)
		blkrepl_regroup_take_over(old, &new->pair[i]);
	spin_lock_irq(&old->lock);
	new->stale_durable = old->stale_durable;
	new->turns = old->turns + 1;
	new->error = old->error;
	for (i = 0; i < old->nr_pairs; i++)
		old->pair[i].mode = BLKREPL_PAIR_TRACK;
	spin_unlock_irq(&old->lock);
	swap(old->mirrored, new->mirrored);
	new->copy_forbidden = true;
	blkrepl_link_attach(new);
	blkrepl_conn_move(old, new);
}

/**
 * blkrepl_regroup_end - tell the other side of the new pairs
 * @old: the relationship that it replaces; it is gone
 * @new: the new one; writes are not held any more
 * @conn: its connection; waits up to the deadline
 *
 * Where it cannot be told it is when the two meet again. No copy begins before
 * blkrepl_regroup_resume().
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_regroup_end(struct blkrepl_link *old, struct blkrepl_link *new,
			 struct blkrepl_conn *conn)
{
	blkrepl_conn_start(new);
	new->peer.other_pairs = true;
	blkrepl_half_tell_pairs(new, conn);
	blkrepl_link_quiet(old);
	blkrepl_link_put(old);
	blkrepl_notify_link(new, BLKREPL_EVENT_STATE);
}
