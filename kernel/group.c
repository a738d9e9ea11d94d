// SPDX-License-Identifier: GPL-2.0
/* Groups: coming up, going down, holding writes. */
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "blkrepl.h"

DEFINE_MUTEX(blkrepl_groups_lock);
LIST_HEAD(blkrepl_groups);

/**
 * blkrepl_group_get - another reference of a group's memory
 * @g: the group
 *
 * Context: any.
 */
void blkrepl_group_get(struct blkrepl_group *g)
{
	kref_get(&g->ref);
}

static void group_free(struct kref *ref)
{
	struct blkrepl_group *g = container_of(ref, struct blkrepl_group, ref);
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		blkrepl_vol_put(g->vol[i]);
	kfree(g->vol);
	blkrepl_log_close(&g->log, g);
	kfree(g->log_path);
	mempool_destroy(g->ios);
	mempool_destroy(g->pages);
	mempool_destroy(g->vecs);
	bioset_exit(&g->splits);
	percpu_ref_exit(&g->write_ref);
	percpu_ref_exit(&g->read_ref);
	kfree_rcu(g, rcu);
	module_put(THIS_MODULE);
}

/**
 * blkrepl_group_put - drop a reference of a group's memory
 * @g: the group
 *
 * Context: may sleep.
 */
void blkrepl_group_put(struct blkrepl_group *g)
{
	kref_put(&g->ref, group_free);
}

/**
 * blkrepl_group_find - look a group up
 * @uuid: its identity
 *
 * Context: may sleep.
 * Return: the group with a reference, or NULL.
 */
struct blkrepl_group *blkrepl_group_find(const u8 *uuid)
{
	struct blkrepl_group *g, *found = NULL;

	mutex_lock(&blkrepl_groups_lock);
	list_for_each_entry(g, &blkrepl_groups, node)
		if (blkrepl_uuid_equal(g->uuid, uuid)) {
			blkrepl_group_get(g);
			found = g;
			break;
		}
	mutex_unlock(&blkrepl_groups_lock);
	return found;
}

/**
 * blkrepl_group_find_link - look a half of a relationship up
 * @uuid: identity of the relationship
 * @group: identity of the group that has the half, or NULL for any
 *
 * Context: may sleep.
 * Return: the group with a reference, NULL, or -ENOTUNIQ where both halves are
 * up. Whether the group still has the relationship is known once group->conf is
 * held.
 */
struct blkrepl_group *blkrepl_group_find_link(const u8 *uuid, const u8 *group)
{
	struct blkrepl_group *g, *found = NULL;

	mutex_lock(&blkrepl_groups_lock);
	list_for_each_entry(g, &blkrepl_groups, node) {
		bool has;

		if (group && !blkrepl_uuid_equal(g->uuid, group))
			continue;
		spin_lock(&g->link_lock);
		has = g->link && blkrepl_uuid_equal(g->link->uuid, uuid);
		spin_unlock(&g->link_lock);
		if (!has)
			continue;
		if (found) {
			found = ERR_PTR(-ENOTUNIQ);
			break;
		}
		found = g;
	}
	if (!IS_ERR_OR_NULL(found))
		blkrepl_group_get(found);
	mutex_unlock(&blkrepl_groups_lock);
	return found;
}

static void writes_drained(struct percpu_ref *ref)
{
	struct blkrepl_group *g = container_of(ref, struct blkrepl_group, write_ref);

	wake_up_all(&g->hold_wait);
}

static void reads_drained(struct percpu_ref *ref)
{
	struct blkrepl_group *g = container_of(ref, struct blkrepl_group, read_ref);

	wake_up_all(&g->hold_wait);
}

/**
 * blkrepl_group_hold - hold the writes of all members
 * @g: the group
 * @timeout_ms: how long to wait for those in flight
 *
 * When it returns 0 no write is in flight, and none begins before
 * blkrepl_group_release(). When it fails writes go on as if nothing had been.
 *
 * Context: may sleep; g->conf is held.
 * Return: 0 or -ETIMEDOUT.
 */
int blkrepl_group_hold(struct blkrepl_group *g, unsigned int timeout_ms)
{
	lockdep_assert_held(&g->conf);
	/* Memory must not be waited for that a held write would free. */
	g->noio = memalloc_noio_save();
	if (g->fenced)
		return 0;
	spin_lock_irq(&g->held_lock);
	g->holding = true;
	spin_unlock_irq(&g->held_lock);
	percpu_ref_kill(&g->write_ref);
	if (wait_event_timeout(g->hold_wait, percpu_ref_is_zero(&g->write_ref),
			       msecs_to_jiffies(timeout_ms)))
		return 0;
	blkrepl_group_release(g);
	return -ETIMEDOUT;
}

static void take_held(struct blkrepl_group *g, struct bio_list *held)
{
	bio_list_init(held);
	spin_lock_irq(&g->held_lock);
	g->holding = false;
	bio_list_merge(held, &g->held);
	bio_list_init(&g->held);
	spin_unlock_irq(&g->held_lock);
}

/**
 * blkrepl_group_release - let held writes go, in the order in which they came
 * @g: the group
 *
 * Context: may sleep; g->conf is held.
 */
void blkrepl_group_release(struct blkrepl_group *g)
{
	struct bio_list held;
	struct blk_plug plug;
	struct bio *bio;

	lockdep_assert_held(&g->conf);
	memalloc_noio_restore(g->noio);
	if (g->fenced)
		return;
	percpu_ref_resurrect(&g->write_ref);
	take_held(g, &held);
	blk_start_plug(&plug);
	while ((bio = bio_list_pop(&held)))
		blkrepl_submit_write(bio);
	blk_finish_plug(&plug);
}

static int add_disks(struct blkrepl_group *g)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < g->nr_vols && !r; i++)
		r = blkrepl_vol_add_disk(g->vol[i]);
	return r;
}

static void del_disks(struct blkrepl_group *g)
{
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		blkrepl_vol_del_disk(g->vol[i]);
}

/* No I/O passes any more, and none is in flight; no write is. */
static void shut(struct blkrepl_group *g)
{
	percpu_ref_kill(&g->read_ref);
	wait_event(g->hold_wait, percpu_ref_is_zero(&g->read_ref));
	/* The last one's release may still be waking us. */
	synchronize_rcu();
	WRITE_ONCE(g->fenced, true);
	wake_up_all(&g->pace_wait);
}

/**
 * blkrepl_group_fence - take the replica devices away, open or not
 * @g: the group, whose writes are held; they are no longer when this returns
 *
 * Held writes and all that comes end with an error. Metadata and the other side
 * can be worked with as before.
 *
 * Context: may sleep; g->conf is held.
 */
void blkrepl_group_fence(struct blkrepl_group *g)
{
	struct bio_list held;
	struct bio *bio;

	lockdep_assert_held(&g->conf);
	memalloc_noio_restore(g->noio);
	if (g->fenced)
		return;
	shut(g);
	take_held(g, &held);
	while ((bio = bio_list_pop(&held)))
		bio_io_error(bio);
	if (g->link) {
		/* So do writes that wait for the target: the disk's user waits for them. */
		blkrepl_link_answer(g->link, READ_ONCE(g->link->stale_durable), BLK_STS_IOERR);
		blkrepl_conn_hide(g->link);
	}
	del_disks(g);
	blkrepl_notify_group(g, BLKREPL_EVENT_STATE);
}

/**
 * blkrepl_group_unfence - make the replica devices anew
 * @g: the group
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_group_unfence(struct blkrepl_group *g)
{
	int r;

	lockdep_assert_held(&g->conf);
	if (!g->fenced)
		return 0;
	percpu_ref_resurrect(&g->write_ref);
	percpu_ref_resurrect(&g->read_ref);
	WRITE_ONCE(g->fenced, false);
	spin_lock(&g->open_lock);
	g->going = false;
	spin_unlock(&g->open_lock);
	r = add_disks(g);
	if (r) {
		if (!blkrepl_group_hold(g, BLKREPL_HOLD_MS))
			blkrepl_group_fence(g);
		return r;
	}
	if (g->link)
		blkrepl_conn_show(g->link);
	blkrepl_notify_group(g, BLKREPL_EVENT_STATE);
	return 0;
}

static int init_pools(struct blkrepl_group *g)
{
	int r;

	g->ios = mempool_create_slab_pool(16, blkrepl_io_cache);
	g->pages = mempool_create_page_pool(BLKREPL_IO_VECS, 0);
	g->vecs = mempool_create_slab_pool(2, blkrepl_vec_cache);
	if (!g->ios || !g->pages || !g->vecs)
		return -ENOMEM;
	r = bioset_init(&g->splits, 4, 0, 0);
	r = r ?: percpu_ref_init(&g->read_ref, reads_drained, PERCPU_REF_ALLOW_REINIT,
				 GFP_KERNEL);
	return r ?: percpu_ref_init(&g->write_ref, writes_drained, PERCPU_REF_ALLOW_REINIT,
				    GFP_KERNEL);
}

static struct blkrepl_group *group_alloc(const struct blkrepl_group_param *p)
{
	struct blkrepl_group *g;

	if (!try_module_get(THIS_MODULE))
		return NULL;
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g) {
		module_put(THIS_MODULE);
		return NULL;
	}
	kref_init(&g->ref);
	memcpy(g->uuid, p->uuid, BLKREPL_UUID_SIZE);
	mutex_init(&g->conf);
	g->takes_over = p->take_over;
	spin_lock_init(&g->link_lock);
	strscpy(g->name, p->name, BLKREPL_NAME_SIZE);
	spin_lock_init(&g->open_lock);
	init_waitqueue_head(&g->open_wait);
	spin_lock_init(&g->held_lock);
	bio_list_init(&g->held);
	init_waitqueue_head(&g->hold_wait);
	init_waitqueue_head(&g->pace_wait);
	mutex_init(&g->pages_lock);
	spin_lock_init(&g->intent_lock);
	INIT_LIST_HEAD(&g->intent_wait);
	INIT_WORK(&g->intent_work, blkrepl_intent_work);
	mutex_init(&g->meta_lock);
	INIT_DELAYED_WORK(&g->sweep_work, blkrepl_sweep_work);
	g->log_path = kstrdup(p->log_path, GFP_KERNEL);
	g->vol = kcalloc(BLKREPL_MAX_MEMBERS, sizeof(*g->vol), GFP_KERNEL);
	if (!g->log_path || !g->vol || init_pools(g)) {
		blkrepl_group_put(g);
		return NULL;
	}
	return g;
}

static void fill_member(void *ctx, unsigned int place, struct blkrepl_disk_member *m)
{
	struct blkrepl_group *g = ctx;
	unsigned int i;

	for (i = 0; i < g->nr_vols; i++)
		if (g->vol[i]->place == place)
			blkrepl_vol_fill_disk(g->vol[i], m);
}

/**
 * blkrepl_group_write_members - write the group's member table
 * @g: the group
 *
 * Context: may sleep.
 */
int blkrepl_group_write_members(struct blkrepl_group *g)
{
	return blkrepl_log_write_members(&g->log, fill_member, g);
}

static int create_metadata(struct blkrepl_group *g, const struct blkrepl_group_param *p,
			   struct netlink_ext_ack *extack)
{
	unsigned int i;
	int r = blkrepl_log_load(&g->log, NULL);

	if (!r && !p->force) {
		NL_SET_ERR_MSG(extack, "the log volume holds a group already; use force to overwrite it");
		return -EPERM;
	}
	if (r && r != -EMEDIUMTYPE && !p->force) {
		NL_SET_ERR_MSG(extack, "the log volume cannot be read, or holds what is not understood; use force to overwrite it");
		return r;
	}
	r = blkrepl_log_format(&g->log, p->uuid, p->name, BLKREPL_ROLE_SOURCE);
	for (i = 0; i < g->nr_vols && !r; i++)
		r = blkrepl_layout_provide(g->log.layout, BLKREPL_BLOCK_INTENT, 0,
					   g->vol[i]->place, g->vol[i]->intent.nr_chunks);
	if (r == -ENOSPC)
		NL_SET_ERR_MSG(extack, "the log volume is too small for the members; extend it");
	r = r ?: blkrepl_group_write_members(g);
	r = r ?: blkrepl_log_write_areas(&g->log);
	mutex_lock(&g->meta_lock);
	for (i = 0; i < g->nr_vols && !r; i++)
		r = blkrepl_intent_store(g->vol[i]);
	mutex_unlock(&g->meta_lock);
	return r;
}

/* Whether the given members are those of the metadata; each gets its place. */
static int check_members(struct blkrepl_group *g, struct netlink_ext_ack *extack)
{
	struct blkrepl_disk_member *m = kvcalloc(BLKREPL_MAX_MEMBERS, sizeof(*m), GFP_KERNEL);
	unsigned int i, n = 0;
	int r;

	if (!m)
		return -ENOMEM;
	r = blkrepl_log_read_members(&g->log, m);
	for (i = 0; i < BLKREPL_MAX_MEMBERS && !r; i++) {
		struct blkrepl_vol *vol;

		if (!(le32_to_cpu(m[i].flags) & BLKREPL_MEMBER_USED))
			continue;
		if (n == g->nr_vols) {
			NL_SET_ERR_MSG(extack, "the metadata know more members");
			r = -EINVAL;
			break;
		}
		vol = g->vol[n++];
		vol->place = i;
		if (!blkrepl_uuid_equal(m[i].uuid, vol->uuid)) {
			NL_SET_ERR_MSG(extack, "the metadata know a member by another UUID");
			r = -EINVAL;
		} else if (le64_to_cpu(m[i].sectors) > vol->sectors) {
			NL_SET_ERR_MSG(extack, "a member is smaller than it was; restore its size");
			r = -ERANGE;
		} else if (m[i].name[BLKREPL_NAME_SIZE - 1] || !blkrepl_name_valid(m[i].name)) {
			NL_SET_ERR_MSG(extack, "the name of a member in the metadata is damaged");
			r = -EUCLEAN;
		} else {
			strscpy_pad(vol->name, m[i].name, BLKREPL_NAME_SIZE);
			/* What it grew by is taken over by member-resize. */
			vol->sectors = le64_to_cpu(m[i].sectors);
		}
	}
	if (!r && n < g->nr_vols) {
		NL_SET_ERR_MSG(extack, "the metadata know fewer members");
		r = -EINVAL;
	}
	kvfree(m);
	return r;
}

static int load_metadata(struct blkrepl_group *g, const struct blkrepl_group_param *p,
			 struct netlink_ext_ack *extack)
{
	unsigned int i;
	int r = blkrepl_log_load(&g->log, extack);

	if (r)
		return r;
	if (!blkrepl_uuid_equal(g->log.super->group_uuid, p->uuid)) {
		NL_SET_ERR_MSG(extack, "the log volume belongs to another group");
		return -EMEDIUMTYPE;
	}
	if (strcmp(g->log.super->group_name, g->name)) {
		NL_SET_ERR_MSG(extack, "the metadata give the group another name");
		return -EINVAL;
	}
	g->was_clean = le32_to_cpu(g->log.super->flags) & BLKREPL_SB_CLEAN;
	r = blkrepl_place_settle(&g->log);
	if (r == -EUCLEAN)
		NL_SET_ERR_MSG(extack, "the metadata on the log volume are damaged");
	r = r ?: blkrepl_half_admit(g, p, extack);
	r = r ?: check_members(g, extack);
	r = r ?: blkrepl_place_tidy_own(g);
	for (i = 0; i < g->nr_vols && !r; i++) {
		r = blkrepl_intent_init(g->vol[i]);
		r = r ?: blkrepl_intent_load(g->vol[i]);
	}
	return r ?: blkrepl_link_load(g, extack);
}

static int set_clean(struct blkrepl_group *g, bool clean)
{
	u32 torn = le32_to_cpu(g->log.super->flags) & BLKREPL_SB_TORN;

	g->log.super->flags = cpu_to_le32(torn | (clean ? BLKREPL_SB_CLEAN : 0));
	return blkrepl_log_write_super(&g->log);
}

/* Enter a group into the list; 1 when it is there already. */
static int enlist(struct blkrepl_group *g, struct netlink_ext_ack *extack)
{
	static u64 last_id;
	struct blkrepl_group *o;
	int r = 0;

	mutex_lock(&blkrepl_groups_lock);
	list_for_each_entry(o, &blkrepl_groups, node) {
		if (blkrepl_uuid_equal(o->uuid, g->uuid)) {
			r = 1;
			break;
		}
		if (!strcmp(o->name, g->name)) {
			NL_SET_ERR_MSG(extack, "another group of that name is up");
			r = -EEXIST;
			break;
		}
	}
	if (!r) {
		g->id = ++last_id;
		list_add_tail(&g->node, &blkrepl_groups);
	}
	mutex_unlock(&blkrepl_groups_lock);
	return r;
}

static void delist(struct blkrepl_group *g)
{
	mutex_lock(&blkrepl_groups_lock);
	list_del(&g->node);
	mutex_unlock(&blkrepl_groups_lock);
}

static int bring_up(struct blkrepl_group *g, const struct blkrepl_group_param *p,
		    struct netlink_ext_ack *extack)
{
	unsigned int i;
	int r;

	r = blkrepl_log_open(&g->log, p->log_path, g, extack);
	for (i = 0; i < p->nr_devs && !r; i++) {
		struct blkrepl_vol *vol = blkrepl_vol_new(g, &p->dev[i], extack);

		r = PTR_ERR_OR_ZERO(vol);
		if (r)
			break;
		vol->place = vol->index;
		g->vol[g->nr_vols++] = vol;
		if (p->create)
			r = blkrepl_intent_init(vol);
	}
	if (!r)
		r = p->create ? create_metadata(g, p, extack) : load_metadata(g, p, extack);
	r = r ?: set_clean(g, false);
	if (r || !g->hidden)
		return r ?: add_disks(g);
	percpu_ref_kill(&g->write_ref);
	wait_event(g->hold_wait, percpu_ref_is_zero(&g->write_ref));
	shut(g);
	return 0;
}

/* End what a group's devices do; its disks are closed for good. */
static void take_down(struct blkrepl_group *g)
{
	struct blkrepl_link *link = g->link;
	unsigned int i;

	lockdep_assert_held(&g->conf);
	/* One of its disks may have been seen, and opened, already. */
	if (!g->up)
		del_disks(g);
	cancel_delayed_work_sync(&g->sweep_work);
	if (!g->fenced) {
		/* With no one to write to them the devices hold no write. */
		percpu_ref_kill(&g->write_ref);
		wait_event(g->hold_wait, percpu_ref_is_zero(&g->write_ref));
		shut(g);
	}
	flush_work(&g->intent_work);
	if (link)
		blkrepl_link_quiet(link);
	if (g->up && !blkrepl_intent_clear_all(g))
		set_clean(g, true);
	del_disks(g);
	if (link) {
		blkrepl_link_unlink(g);
		blkrepl_link_put(link);
	}
	for (i = 0; i < g->nr_vols; i++)
		blkrepl_vol_close(g->vol[i]);
	blkrepl_log_close(&g->log, g);
}

/**
 * blkrepl_group_new - bring a group up
 * @p: what it is
 * @extack: told what is wrong
 *
 * Context: may sleep.
 * Return: 0, also when it is up already.
 */
int blkrepl_group_new(const struct blkrepl_group_param *p, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = group_alloc(p);
	int r;

	if (!g)
		return -ENOMEM;
	mutex_lock(&g->conf);
	r = enlist(g, extack);
	if (r) {
		mutex_unlock(&g->conf);
		blkrepl_group_put(g);
		return min(r, 0);
	}
	r = bring_up(g, p, extack);
	if (r) {
		spin_lock(&g->open_lock);
		g->going = true;
		spin_unlock(&g->open_lock);
		g->dying = true;
		take_down(g);
		mutex_unlock(&g->conf);
		delist(g);
		blkrepl_group_put(g);
		return r;
	}
	queue_delayed_work(blkrepl_meta_wq, &g->sweep_work,
			   msecs_to_jiffies(READ_ONCE(blkrepl_sweep_ms)));
	WRITE_ONCE(g->up, true);
	mutex_unlock(&g->conf);
	blkrepl_notify_group(g, BLKREPL_EVENT_GROUP_NEW);
	return 0;
}

/* Hold writes; those that a dead target keeps go on without it. */
static int hold_without_target(struct blkrepl_group *g)
{
	if (!blkrepl_group_hold(g, BLKREPL_HOLD_MS))
		return 0;
	if (g->link)
		blkrepl_link_cut_off(g->link);
	return blkrepl_group_hold(g, BLKREPL_HOLD_MS);
}

/**
 * blkrepl_group_del - take a group down
 * @g: the group
 * @force: also where replica devices are open: they are taken from their users
 * @extack: told what is wrong
 *
 * Programs that look at a device when it changes have it open for a moment;
 * they are given three seconds.
 *
 * Context: may sleep.
 */
int blkrepl_group_del(struct blkrepl_group *g, bool force, struct netlink_ext_ack *extack)
{
	bool open;

	if (!force)
		wait_event_timeout(g->open_wait, !READ_ONCE(g->opens), 3 * HZ);
	mutex_lock(&g->conf);
	if (g->dying) {
		mutex_unlock(&g->conf);
		return -ENOENT;
	}
	spin_lock(&g->open_lock);
	open = g->opens;
	if (!open || force)
		g->going = true;
	spin_unlock(&g->open_lock);
	if (open && !force) {
		mutex_unlock(&g->conf);
		NL_SET_ERR_MSG(extack, "a replica device of the group is open; unmount it first");
		return -EBUSY;
	}
	if (open) {
		if (hold_without_target(g)) {
			g->going = false;
			mutex_unlock(&g->conf);
			NL_SET_ERR_MSG(extack, "the members did not finish their writes in time; nothing was changed");
			return -ETIMEDOUT;
		}
		blkrepl_group_fence(g);
	}
	g->dying = true;
	blkrepl_notify_group(g, BLKREPL_EVENT_GROUP_DEL);
	take_down(g);
	mutex_unlock(&g->conf);
	delist(g);
	/* For the list, which had the first reference. */
	blkrepl_group_put(g);
	return 0;
}
