// SPDX-License-Identifier: GPL-2.0
/* Relationships: how they are made, brought up, and how they end. */
#include <linux/random.h>
#include <linux/slab.h>

#include "blkrepl.h"

static void release_pairs(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		blkrepl_dirty_release(&pair->dirty);
		kvfree(pair->dirty.chunk);
		kfree(pair->path);
		blkrepl_vol_put(pair->vol);
	}
	kvfree(link->pair);
}

/**
 * blkrepl_link_free - free a relationship
 * @link: quiet and not reachable any more, or half made
 *
 * Context: may sleep.
 */
void blkrepl_link_free(struct blkrepl_link *link)
{
	blkrepl_capture_free(link);
	release_pairs(link);
	free_percpu(link->mirrored);
	kfree(link->log_path);
	mutex_destroy(&link->state_lock);
	blkrepl_group_put(link->group);
	kfree(link);
}

static void release_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, release_work);

	cancel_work_sync(&link->revive_work);
	cancel_work_sync(&link->restored_work);
	cancel_work_sync(&link->mode_work);
	cancel_work_sync(&link->written_work);
	cancel_delayed_work_sync(&link->hold_work);
	cancel_delayed_work_sync(&link->tick_work);
	cancel_work_sync(&link->stale_work);
	blkrepl_link_free(link);
}

static void link_unused(struct kref *ref)
{
	struct blkrepl_link *link = container_of(ref, struct blkrepl_link, ref);

	queue_work(blkrepl_io_wq, &link->release_work);
}

/**
 * blkrepl_link_get - look at a group's relationship without group->conf
 * @g: the group
 *
 * Context: any.
 * Return: the relationship with a reference, or NULL.
 */
struct blkrepl_link *blkrepl_link_get(struct blkrepl_group *g)
{
	struct blkrepl_link *link;

	spin_lock(&g->link_lock);
	link = g->link;
	if (link)
		kref_get(&link->ref);
	spin_unlock(&g->link_lock);
	return link;
}

/**
 * blkrepl_link_put - drop a reference of a relationship's memory
 * @link: the relationship; quiet and not reachable any more if it is the last
 *
 * It is not freed at once: its works may wait for group->conf, which the caller
 * may hold.
 *
 * Context: any.
 */
void blkrepl_link_put(struct blkrepl_link *link)
{
	kref_put(&link->ref, link_unused);
}

static void *chunk_alloc(void *ctx)
{
	if (blkrepl_fault(BLKREPL_FAULT_NO_CHUNK))
		return NULL;
	return kzalloc(BLKREPL_BLOCK_SIZE, GFP_NOWAIT | __GFP_NOWARN);
}

static void chunk_free(void *ctx, void *block)
{
	kfree(block);
}

static int init_pair(struct blkrepl_link *link, struct blkrepl_pair *pair,
		     struct blkrepl_vol *vol)
{
	u32 n = blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, vol->sectors);
	struct blkrepl_chunk *chunk = kvcalloc(n, sizeof(*chunk), GFP_KERNEL);

	if (!chunk)
		return -ENOMEM;
	pair->link = link;
	pair->vol = vol;
	pair->place = vol->place;
	kref_get(&vol->ref);
	pair->mode = BLKREPL_PAIR_TRACK;
	spin_lock_init(&pair->dirty_lock);
	blkrepl_dirty_init(&pair->dirty, chunk,
			   DIV_ROUND_UP_ULL(vol->sectors, BLKREPL_BLOCK_SECTORS),
			   chunk_alloc, chunk_free, NULL);
	return 0;
}

/**
 * blkrepl_link_alloc - an empty relationship
 * @g: the group
 * @vol: the members that have a pair
 * @n: how many
 *
 * Context: may sleep.
 */
struct blkrepl_link *blkrepl_link_alloc(struct blkrepl_group *g, struct blkrepl_vol **vol,
					unsigned int n)
{
	struct blkrepl_link *link = kzalloc(sizeof(*link), GFP_KERNEL);
	unsigned int i;

	if (!link)
		return NULL;
	kref_init(&link->ref);
	blkrepl_group_get(g);
	link->group = g;
	spin_lock_init(&link->lock);
	spin_lock_init(&link->rpo_lock);
	mutex_init(&link->state_lock);
	INIT_LIST_HEAD(&link->await);
	INIT_WORK(&link->stale_work, blkrepl_stale_work);
	INIT_DELAYED_WORK(&link->deadline_work, blkrepl_deadline_work);
	INIT_DELAYED_WORK(&link->tick_work, blkrepl_tick_work);
	INIT_WORK(&link->revive_work, blkrepl_revive_work);
	INIT_WORK(&link->written_work, blkrepl_written_work);
	INIT_WORK(&link->restored_work, blkrepl_restored_work);
	INIT_WORK(&link->mode_work, blkrepl_mode_work);
	INIT_DELAYED_WORK(&link->hold_work, blkrepl_hold_work);
	INIT_WORK(&link->release_work, release_work);
	blkrepl_copy_init(link);
	link->mirrored = alloc_percpu(u64);
	link->pair = kvcalloc(n, sizeof(*link->pair), GFP_KERNEL);
	if (!link->mirrored || !link->pair)
		goto err;
	for (i = 0; i < n; i++) {
		if (init_pair(link, &link->pair[i], vol[i]))
			goto err;
		link->nr_pairs++;
	}
	return link;
err:
	blkrepl_link_free(link);
	return NULL;
}

/**
 * blkrepl_link_attach - let writes see a relationship
 * @link: the relationship; its pairs are in the order of the members
 *
 * Context: any; writes are held or the disks are not there yet.
 */
void blkrepl_link_attach(struct blkrepl_link *link)
{
	struct blkrepl_group *g = link->group;
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		g->vol[i]->pair = &link->pair[i];
	spin_lock(&g->link_lock);
	g->link = link;
	spin_unlock(&g->link_lock);
}

/**
 * blkrepl_link_unlink - undo blkrepl_link_attach(); no write is in flight
 * @g: the group
 *
 * Context: any.
 */
void blkrepl_link_unlink(struct blkrepl_group *g)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		g->vol[i]->pair = NULL;
	spin_lock(&g->link_lock);
	g->link = NULL;
	spin_unlock(&g->link_lock);
}

/* Areas for the dirty bitmaps of all pairs; the table is not written. */
static int provide_areas(struct blkrepl_link *link)
{
	unsigned int i;
	int r = 0;

	blkrepl_log_take_size(&link->group->log);
	for (i = 0; i < link->nr_pairs && !r; i++)
		r = blkrepl_layout_provide(link->group->log.layout, BLKREPL_BLOCK_DIRTY, 0,
					   link->pair[i].place,
					   link->pair[i].dirty.nr_chunks);
	return r;
}

static void drop_areas(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		blkrepl_layout_drop(link->group->log.layout, BLKREPL_BLOCK_DIRTY, 0,
				    link->pair[i].place);
}

static void set_params(struct blkrepl_link *link, const struct blkrepl_link_param *p)
{
	unsigned int i;

	memcpy(link->uuid, p->uuid, BLKREPL_UUID_SIZE);
	strscpy(link->name, p->name, BLKREPL_NAME_SIZE);
	memcpy(link->peer_uuid, p->peer_uuid, BLKREPL_UUID_SIZE);
	strscpy(link->peer_name, p->peer_name, BLKREPL_NAME_SIZE);
	link->sync_type = p->sync_type;
	link->mode = p->mode;
	link->state = BLKREPL_COPY_STATE_INITIALIZED;
	link->flags = BLKREPL_LINK_FIRST_COPY | BLKREPL_LINK_INCONSISTENT |
		      (p->consistency ? BLKREPL_LINK_CONSISTENCY : 0) |
		      (p->hold_on_failure ? BLKREPL_LINK_HOLD_ON_FAILURE : 0) |
		      (p->manual_recovery ? BLKREPL_LINK_MANUAL_RECOVERY : 0) |
		      (p->seeded ? BLKREPL_LINK_COMPARE : 0);
	link->leg_timeout_ms = p->leg_timeout_ms;
	link->heartbeat_ms = p->heartbeat_ms;
	link->rpo_s = p->rpo_s;
	link->throttle.limit = p->rate_limit;
	link->throttle.yield = p->yield_rate;
	link->dirty_tag = get_random_u64();
	link->gens.latest = blkrepl_fresh_generation();
	link->target_gens.latest = link->gens.latest;
	for (i = 0; i < p->nr_devs; i++) {
		struct blkrepl_pair *pair;

		if (p->dev[i].index >= link->nr_pairs)
			continue;
		pair = &link->pair[p->dev[i].index];
		memcpy(pair->uuid, p->dev[i].uuid, BLKREPL_UUID_SIZE);
		strscpy(pair->name, p->dev[i].name, BLKREPL_NAME_SIZE);
		pair->path = kstrdup(p->dev[i].path, GFP_KERNEL);
	}
	for (i = 0; i < link->nr_pairs; i++)
		blkrepl_dirty_set(&link->pair[i].dirty, 0, link->pair[i].dirty.nr_bits);
	link->log_path = kstrdup(p->log_path, GFP_KERNEL);
	strscpy(link->reason, "created", sizeof(link->reason));
}

/* Undo the durable part of a relationship; what fails here is found by its uuid. */
static int forget(struct blkrepl_link *link)
{
	struct blkrepl_group *g = link->group;

	return blkrepl_half_forget(&g->log, link->flags & BLKREPL_LINK_TORN);
}

/**
 * blkrepl_link_new - make a relationship
 * @g: the source group
 * @p: what it is to be
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_link_new(struct blkrepl_group *g, const struct blkrepl_link_param *p,
		     struct netlink_ext_ack *extack)
{
	struct blkrepl_conn *conn;
	struct blkrepl_link *link;
	int r;

	lockdep_assert_held(&g->conf);
	if (g->link) {
		if (blkrepl_uuid_equal(g->link->uuid, p->uuid))
			return 0;
		NL_SET_ERR_MSG(extack, "the group is in a relationship already; detach it first");
		return -EEXIST;
	}
	link = blkrepl_link_alloc(g, g->vol, g->nr_vols);
	if (!link)
		return -ENOMEM;
	set_params(link, p);
	blkrepl_objective_init(link);
	r = blkrepl_conn_open(link, p->log_path, p->dev, p->nr_devs, &conn, extack);
	if (r)
		goto err_free;
	r = blkrepl_half_format(link, conn, p->force, extack);
	if (r)
		goto err_close;
	mutex_lock(&g->meta_lock);
	r = provide_areas(link);
	if (r)
		NL_SET_ERR_MSG(extack, "the group's log volume is too small for the bitmaps; extend it");
	r = r ?: blkrepl_log_write_areas(&g->log);
	if (r)
		drop_areas(link);
	mutex_unlock(&g->meta_lock);
	if (r)
		goto err_close;
	mutex_lock(&link->state_lock);
	r = blkrepl_link_store(link);
	mutex_unlock(&link->state_lock);
	if (r)
		goto err_forget;
	r = blkrepl_group_hold(g, BLKREPL_HOLD_MS);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		goto err_forget;
	}
	link->stale_durable = true;
	blkrepl_link_attach(link);
	blkrepl_group_release(g);
	blkrepl_conn_publish(link, conn);
	blkrepl_notify_link(link, BLKREPL_EVENT_RELATIONSHIP_NEW);
	if (p->inactive)
		return 0;
	r = blkrepl_link_flow(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED, BLKREPL_HOLD_MS,
			      "the first copy was started", extack);
	if (r)
		blkrepl_link_detach(link, BLKREPL_HOLD_MS, NULL);
	return r;

err_forget:
	mutex_lock(&g->meta_lock);
	forget(link);
	mutex_unlock(&g->meta_lock);
err_close:
	blkrepl_conn_close(conn);
err_free:
	blkrepl_link_free(link);
	return r;
}

static int load_dirty(struct blkrepl_link *link)
{
	struct blkrepl_log *log = &link->group->log;
	const bool zero = link->flags & BLKREPL_LINK_TRACKED_ZERO;
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	const void *b;
	unsigned int i;
	int r = 0;
	u32 c;

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < link->nr_pairs && !r; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		for (c = 0; c < pair->dirty.nr_chunks && !r; c++) {
			u64 at = blkrepl_layout_block(log->layout, BLKREPL_BLOCK_DIRTY, 0,
						       pair->place, c);

			r = at ? blkrepl_log_read(log, at, 2, buf) : -EUCLEAN;
			if (r)
				break;
			b = blkrepl_block_pick(buf, BLKREPL_BLOCK_DIRTY, c, &link->dirty_tag);
			if (b || !zero ||
			    blkrepl_block_lost(buf, BLKREPL_BLOCK_DIRTY, c, link->dirty_tag))
				blkrepl_dirty_load(&pair->dirty, c, b);
		}
	}
	kfree(buf);
	return r;
}

/**
 * blkrepl_link_load - bring up the relationship that a group's metadata hold
 * @g: the group; its intent bitmaps have been read
 * @extack: told what is wrong
 *
 * What was marked when the source crashed is suspect: it will be compared.
 *
 * Context: may sleep; g->conf is held, the disks are not there yet.
 */
int blkrepl_link_load(struct blkrepl_group *g, struct netlink_ext_ack *extack)
{
	struct blkrepl_disk_link *l = kmalloc(sizeof(*l), GFP_KERNEL);
	struct blkrepl_link *link = NULL;
	unsigned int i;
	int r;

	if (!l)
		return -ENOMEM;
	r = blkrepl_log_read_link(&g->log, l);
	if (r)
		goto out;
	if (!blkrepl_state_valid(le16_to_cpu(l->copy_state)) || l->name[BLKREPL_NAME_SIZE - 1] ||
	    l->peer_name[BLKREPL_NAME_SIZE - 1]) {
		NL_SET_ERR_MSG(extack, "the relationship on the log volume is damaged");
		r = -EUCLEAN;
		goto out;
	}
	r = -ENOMEM;
	link = blkrepl_link_alloc(g, g->vol, g->nr_vols);
	if (!link)
		goto out;
	memcpy(link->uuid, l->uuid, BLKREPL_UUID_SIZE);
	strscpy(link->name, l->name, BLKREPL_NAME_SIZE);
	memcpy(link->peer_uuid, l->peer_uuid, BLKREPL_UUID_SIZE);
	strscpy(link->peer_name, l->peer_name, BLKREPL_NAME_SIZE);
	link->flags = le32_to_cpu(l->flags);
	link->sync_type = le16_to_cpu(l->sync_type);
	link->mode = le16_to_cpu(l->mode);
	link->state = le16_to_cpu(l->copy_state);
	link->leg_timeout_ms = le32_to_cpu(l->leg_timeout_ms);
	link->heartbeat_ms = le32_to_cpu(l->heartbeat_ms);
	link->rpo_s = le32_to_cpu(l->rpo_s);
	link->revision = le64_to_cpu(l->revision);
	link->throttle.limit = le64_to_cpu(l->rate_limit);
	link->throttle.yield = le64_to_cpu(l->yield_rate);
	link->dirty_tag = le64_to_cpu(l->dirty_tag);
	blkrepl_gens_load(&link->gens, l);
	link->recovery_point_us = le64_to_cpu(l->recovery_point_us);
	link->when_synced_us = le64_to_cpu(l->when_synced_us);
	link->when_activated_us = le64_to_cpu(l->when_activated_us);
	link->when_suspended_us = le64_to_cpu(l->when_suspended_us);
	link->when_broken_us = le64_to_cpu(l->when_broken_us);
	for (i = 0; i < link->nr_pairs; i++)
		memcpy(link->pair[i].uuid, l->pair_uuid[link->pair[i].place],
		       BLKREPL_UUID_SIZE);
	r = load_dirty(link);
	if (r)
		goto out;
	blkrepl_objective_init(link);
	blkrepl_link_attach(link);
	for (i = 0; i < link->nr_pairs; i++)
		blkrepl_intent_suspect(&link->pair[i]);
	/*
	 * The target is not there yet. As long as nothing is written nothing is
	 * lost, and nothing need be durable: the first write sees to that. The
	 * state alone does not tell that the source has gone on by itself.
	 */
	link->stale_durable = !blkrepl_state_flows(link->state) && link->gens.base;
	if (blkrepl_state_flows(link->state))
		link->state = BLKREPL_COPY_STATE_BROKEN;
	if ((link->flags & BLKREPL_LINK_TARGET_SIDE) && blkrepl_link_dirty_blocks(link))
		link->state = blkrepl_event_next(BLKREPL_EV_TARGET_WRITTEN, link->state);
	blkrepl_link_watch(link);
	strscpy(link->reason, "brought up from the metadata", sizeof(link->reason));
out:
	if (r && link)
		blkrepl_link_free(link);
	kfree(l);
	return r == -ENOENT ? 0 : r;
}

/**
 * blkrepl_link_grow - room for what a member grew by; the new blocks differ
 * @pair: the member's pair
 * @sectors: new size
 *
 * Context: may sleep; writes are held.
 */
int blkrepl_link_grow(struct blkrepl_pair *pair, sector_t sectors)
{
	struct blkrepl_chunk *old = pair->dirty.chunk, *chunk;
	u32 n = blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, sectors);

	chunk = kvcalloc(n, sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	spin_lock_irq(&pair->dirty_lock);
	memcpy(chunk, old, pair->dirty.nr_chunks * sizeof(*chunk));
	/* The last block may have been a part of one. */
	if (pair->vol->sectors % BLKREPL_BLOCK_SECTORS)
		blkrepl_dirty_set(&pair->dirty, pair->dirty.nr_bits - 1, 1);
	blkrepl_dirty_grow(&pair->dirty, chunk, DIV_ROUND_UP_ULL(sectors, BLKREPL_BLOCK_SECTORS));
	spin_unlock_irq(&pair->dirty_lock);
	kvfree(old);
	return 0;
}

/**
 * blkrepl_link_quiet - cease all activity of a relationship
 * @link: the relationship; no write is in flight and none will come
 *
 * A target that answers is flushed; one that does not is not waited for beyond
 * the deadline.
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_link_quiet(struct blkrepl_link *link)
{
	bool flushed;

	/* What the target lacks then is dirty, and it is known to lag. */
	if (blkrepl_capture_stop(link, link->leg_timeout_ms) && blkrepl_captures(link)) {
		blkrepl_link_cut_off(link);
		flush_work(&link->stale_work);
	}
	/* The source answers sooner or later; the target is not waited for. */
	while (blkrepl_copy_halt(link, 1000))
		blkrepl_link_cut_off(link);
	flushed = blkrepl_link_mirrors_some(link) && !blkrepl_conn_flush(link);
	flushed = blkrepl_link_stop_mirroring(link, 0) && flushed;
	cancel_delayed_work_sync(&link->hold_work);
	mutex_lock(&link->state_lock);
	blkrepl_link_settle_suspects(link, flushed);
	mutex_unlock(&link->state_lock);
	WRITE_ONCE(link->removing, true);
	cancel_delayed_work_sync(&link->tick_work);
	cancel_delayed_work_sync(&link->deadline_work);
	blkrepl_conn_unpublish(link);
	flush_work(&link->stale_work);
	flush_work(&link->written_work);
	blkrepl_link_answer(link, false, BLK_STS_IOERR);
}

/**
 * blkrepl_link_detach - remove a relationship: both sides forget it
 * @link: the relationship
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_detach(struct blkrepl_link *link, unsigned int timeout_ms,
		       struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn;
	bool torn;
	int r;

	if (blkrepl_state_flows(link->state)) {
		r = blkrepl_link_stop(link, BLKREPL_COPY_STATE_INACTIVE, NULL, timeout_ms,
				      "detaching", extack);
		if (r)
			return r;
	}
	conn = blkrepl_conn_tryget(link);
	if (conn) {
		/* Where this fails the other side is told when it comes up. */
		blkrepl_half_forget(&conn->log, !blkrepl_link_consistent(link));
		blkrepl_conn_put(conn);
	}
	r = blkrepl_group_hold(g, timeout_ms);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; the relationship is stopped");
		return r;
	}
	/* From here on the sweeper and the intent worker see no relationship. */
	mutex_lock(&link->state_lock);
	mutex_lock(&g->meta_lock);
	torn = link->flags & BLKREPL_LINK_TORN;
	blkrepl_link_unlink(g);
	r = forget(link);
	mutex_unlock(&g->meta_lock);
	/* Nothing may write the relationship's block any more. */
	WRITE_ONCE(link->removing, true);
	blkrepl_link_answer(link, !r, r ? BLK_STS_IOERR : BLK_STS_OK);
	mutex_unlock(&link->state_lock);
	blkrepl_group_release(g);
	blkrepl_link_quiet(link);
	if (!r && !torn)
		r = blkrepl_group_unfence(g);
	blkrepl_notify_link(link, BLKREPL_EVENT_RELATIONSHIP_DEL);
	blkrepl_link_put(link);
	if (r)
		NL_SET_ERR_MSG(extack, "the relationship is gone, but the log volume could not be told");
	return r;
}
