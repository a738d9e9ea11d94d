// SPDX-License-Identifier: GPL-2.0
/* Members: the replica device, its limits, its growth. */
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>

#include "blkrepl.h"

static DEFINE_IDA(minors);

/* Closed members go from one group to another, under the first one's lock. */
static int try_open(struct blkrepl_group *g, struct blkrepl_vol *vol, struct gendisk *opened)
{
	int r = 0;

	spin_lock(&g->open_lock);
	if (g != READ_ONCE(vol->group)) {
		r = -EAGAIN;
	} else if (g->going || vol->going || opened != vol->disk) {
		r = -ENXIO;
	} else {
		g->opens++;
		vol->opens++;
		/* A disk that is removed under its user outlives group and member. */
		blkrepl_group_get(g);
		kref_get(&vol->ref);
	}
	spin_unlock(&g->open_lock);
	return r;
}

static int vol_open(BLKREPL_OPEN_ARGS)
{
	struct gendisk *opened = BLKREPL_OPEN_DISK;
	struct blkrepl_vol *vol = opened->private_data;
	int r;

	do {
		rcu_read_lock();
		r = try_open(READ_ONCE(vol->group), vol, opened);
		rcu_read_unlock();
	} while (r == -EAGAIN);
	return r;
}

static void vol_release(BLKREPL_RELEASE_ARGS)
{
	struct blkrepl_vol *vol = disk->private_data;
	struct blkrepl_group *g = vol->group;

	/* Under the lock: who waits for the last one may free the group. */
	spin_lock(&g->open_lock);
	if (disk == vol->disk) {
		g->opens--;
		vol->opens--;
		wake_up(&g->open_wait);
	}
	spin_unlock(&g->open_lock);
	blkrepl_vol_put(vol);
	blkrepl_group_put(g);
}

/* Only once the last user is gone may its number be another disk's. */
static void vol_free_disk(struct gendisk *disk)
{
	ida_free(&minors, disk->first_minor);
}

static const struct block_device_operations vol_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= blkrepl_submit_bio,
	.open		= vol_open,
	.release	= vol_release,
	.free_disk	= vol_free_disk,
};

static struct blkrepl_vol *dev_to_vol(struct device *dev)
{
	return dev_to_disk(dev)->private_data;
}

static ssize_t group_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct blkrepl_group *g;
	int n;

	rcu_read_lock();
	g = READ_ONCE(dev_to_vol(dev)->group);
	spin_lock(&g->link_lock);
	n = sysfs_emit(buf, "%s\n", g->name);
	spin_unlock(&g->link_lock);
	rcu_read_unlock();
	return n;
}

static ssize_t group_uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	int n;

	rcu_read_lock();
	n = sysfs_emit(buf, "%pUb\n", READ_ONCE(dev_to_vol(dev)->group)->uuid);
	rcu_read_unlock();
	return n;
}

static ssize_t member_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct blkrepl_vol *vol = dev_to_vol(dev);
	struct blkrepl_group *g;
	int n;

	rcu_read_lock();
	g = READ_ONCE(vol->group);
	spin_lock(&g->link_lock);
	n = sysfs_emit(buf, "%s\n", vol->name);
	spin_unlock(&g->link_lock);
	rcu_read_unlock();
	return n;
}

static ssize_t member_uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%pUb\n", dev_to_vol(dev)->uuid);
}

static DEVICE_ATTR_RO(group);
static DEVICE_ATTR_RO(group_uuid);
static DEVICE_ATTR_RO(member);
static DEVICE_ATTR_RO(member_uuid);

static struct attribute *vol_attrs[] = {
	&dev_attr_group.attr,
	&dev_attr_group_uuid.attr,
	&dev_attr_member.attr,
	&dev_attr_member_uuid.attr,
	NULL,
};

static const struct attribute_group vol_attr_group = {
	.name = "blkrepl",
	.attrs = vol_attrs,
};

static const struct attribute_group *vol_attr_groups[] = {
	&vol_attr_group,
	NULL,
};

/**
 * blkrepl_vol_new - open a member's device
 * @g: the group
 * @d: which device it is
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
struct blkrepl_vol *blkrepl_vol_new(struct blkrepl_group *g, const struct blkrepl_device *d,
				    struct netlink_ext_ack *extack)
{
	struct blkrepl_vol *vol;
	struct block_device *bdev;
	unsigned int i;
	int r = -ENOMEM;

	if (d->index != g->nr_vols) {
		NL_SET_ERR_MSG(extack, "members must be given in the order of their index, from 0 on");
		return ERR_PTR(-EINVAL);
	}
	vol = kzalloc(sizeof(*vol), GFP_KERNEL);
	if (!vol)
		return ERR_PTR(-ENOMEM);
	kref_init(&vol->ref);
	vol->group = g;
	vol->index = d->index;
	vol->minor = -1;
	memcpy(vol->uuid, d->uuid, BLKREPL_UUID_SIZE);
	strscpy(vol->name, d->name, BLKREPL_NAME_SIZE);
	spin_lock_init(&vol->flush_lock);
	INIT_LIST_HEAD(&vol->flushes);
	vol->path = kstrdup(d->path, GFP_KERNEL);
	vol->shard = kcalloc(BLKREPL_SHARDS, sizeof(*vol->shard), GFP_KERNEL);
	if (!vol->path || !vol->shard)
		goto err;
	for (i = 0; i < BLKREPL_SHARDS; i++) {
		spin_lock_init(&vol->shard[i].lock);
		vol->shard[i].tree = RB_ROOT_CACHED;
	}
	vol->source = blkrepl_bdev_open(d->path, vol);
	if (IS_ERR(vol->source)) {
		r = PTR_ERR(vol->source);
		vol->source = NULL;
		blkrepl_say(extack, r == -EBUSY ?
			       "a member's device is in use; unmount it or detach what holds it" :
			       "a member's device cannot be opened; check its path");
		goto err;
	}
	bdev = blkrepl_bdev(vol->source);
	vol->source_dev = bdev->bd_dev;
	vol->sectors = bdev_nr_sectors(bdev);
	r = -EINVAL;
	if (bdev_is_zoned(bdev) || bdev_read_only(bdev)) {
		NL_SET_ERR_MSG(extack, "a member's device is zoned or read-only");
		goto err;
	}
	if (!vol->sectors) {
		NL_SET_ERR_MSG(extack, "a member's device has no size");
		goto err;
	}
	return vol;
err:
	blkrepl_vol_put(vol);
	return ERR_PTR(r);
}

/**
 * blkrepl_vol_fill_disk - a member's entry in the member table
 * @vol: the member
 * @m: zeroed
 */
void blkrepl_vol_fill_disk(const struct blkrepl_vol *vol, struct blkrepl_disk_member *m)
{
	memcpy(m->uuid, vol->uuid, BLKREPL_UUID_SIZE);
	strscpy(m->name, vol->name, BLKREPL_NAME_SIZE);
	m->sectors = cpu_to_le64(vol->sectors);
	m->flags = cpu_to_le32(BLKREPL_MEMBER_USED);
}

/* From here on nobody opens the disk, and who has it open does not count; whether one has. */
static bool disown_disk(struct blkrepl_vol *vol)
{
	struct blkrepl_group *g = vol->group;
	bool open;

	spin_lock(&g->open_lock);
	open = vol->opens;
	g->opens -= vol->opens;
	vol->opens = 0;
	vol->disk = NULL;
	wake_up(&g->open_wait);
	spin_unlock(&g->open_lock);
	return open;
}

/**
 * blkrepl_vol_add_disk - make the replica device
 * @vol: the member
 *
 * Context: may sleep.
 */
int blkrepl_vol_add_disk(struct blkrepl_vol *vol)
{
	struct block_device *source = blkrepl_bdev(vol->source);
	bool zeroes = bdev_write_zeroes_sectors(source);
	struct queue_limits lim;
	struct gendisk *disk;
	int r;

	blk_set_stacking_limits(&lim);
	lim.chunk_sectors = BLKREPL_EXTENT_SECTORS;
	lim.max_hw_sectors = BLKREPL_MAX_IO >> SECTOR_SHIFT;
	lim.max_sectors = BLKREPL_MAX_IO >> SECTOR_SHIFT;
	lim.max_write_zeroes_sectors = BLKREPL_EXTENT_SECTORS;
	blkrepl_stack_limits(&lim, source);
	/* A discard is answered with zeroes, so it needs what makes zeroes cheap. */
	if (zeroes)
		lim.max_write_zeroes_sectors = BLKREPL_EXTENT_SECTORS;
	blkrepl_set_discard(&lim, zeroes ? BLKREPL_EXTENT_SECTORS : 0);
	lim.discard_granularity = zeroes ? BLKREPL_BLOCK_SIZE : 0;
	lim.discard_alignment = 0;
	lim.max_secure_erase_sectors = 0;

	vol->minor = ida_alloc_max(&minors, MINORMASK, GFP_KERNEL);
	if (vol->minor < 0)
		return vol->minor;
	disk = blkrepl_alloc_disk(&lim, source);
	if (IS_ERR(disk)) {
		r = PTR_ERR(disk);
		goto err_ida;
	}
	snprintf(disk->disk_name, sizeof(disk->disk_name), "blkrepl%d", vol->minor);
	disk->major = blkrepl_major;
	disk->first_minor = vol->minor;
	disk->minors = 1;
	disk->fops = &vol_fops;
	disk->private_data = vol;
	set_capacity(disk, vol->sectors);
	vol->disk = disk;
	r = device_add_disk(NULL, disk, vol_attr_groups);
	if (r)
		goto err_disk;
	vol->dev = disk_devt(disk);
	r = bd_link_disk_holder(source, disk);
	if (r)
		goto err_del;
	return 0;

err_del:
	disown_disk(vol);
	del_gendisk(disk);
	put_disk(disk);
	vol->minor = -1;
	return r;
err_disk:
	put_disk(disk);
	vol->disk = NULL;
err_ida:
	ida_free(&minors, vol->minor);
	vol->minor = -1;
	return r;
}

/**
 * blkrepl_vol_del_disk - remove the replica device
 * @vol: the member; if the device is open, no I/O gets through any more
 *
 * Whoever has it open keeps a dead device, whatever becomes of the member.
 *
 * Context: may sleep.
 */
void blkrepl_vol_del_disk(struct blkrepl_vol *vol)
{
	struct gendisk *disk = vol->disk;
	bool open;

	if (!disk)
		return;
	bd_unlink_disk_holder(blkrepl_bdev(vol->source), disk);
	open = disown_disk(vol);
	if (open)
		blk_mark_disk_dead(disk);
	del_gendisk(disk);
	put_disk(disk);
	vol->minor = -1;
}

/**
 * blkrepl_vol_tell_udev - let udev look at the device's names again
 * @vol: the member
 *
 * Context: may sleep.
 */
void blkrepl_vol_tell_udev(struct blkrepl_vol *vol)
{
	if (vol->disk)
		kobject_uevent(&disk_to_dev(vol->disk)->kobj, KOBJ_CHANGE);
}

/**
 * blkrepl_vol_close - close a member's device
 * @vol: the member, without replica device
 *
 * Context: may sleep.
 */
void blkrepl_vol_close(struct blkrepl_vol *vol)
{
	if (vol->source)
		blkrepl_bdev_close(vol->source, vol);
	vol->source = NULL;
}

/**
 * blkrepl_vol_get - look at a member without group->conf
 * @g: the group
 * @index: which
 *
 * Context: any.
 * Return: the member with a reference, or NULL.
 */
struct blkrepl_vol *blkrepl_vol_get(struct blkrepl_group *g, unsigned int index)
{
	struct blkrepl_vol *vol = NULL;

	spin_lock(&g->link_lock);
	if (index < g->nr_vols) {
		vol = g->vol[index];
		kref_get(&vol->ref);
	}
	spin_unlock(&g->link_lock);
	return vol;
}

static void vol_free(struct kref *ref)
{
	struct blkrepl_vol *vol = container_of(ref, struct blkrepl_vol, ref);

	blkrepl_vol_close(vol);
	blkrepl_intent_free(vol);
	kfree(vol->shard);
	kfree(vol->path);
	kfree(vol);
}

/**
 * blkrepl_vol_put - drop a reference of a member's memory
 * @vol: the member
 *
 * Context: may sleep.
 */
void blkrepl_vol_put(struct blkrepl_vol *vol)
{
	kref_put(&vol->ref, vol_free);
}

/* The durable part of growing; writes are held, group->meta_lock is held. */
static int grow_metadata(struct blkrepl_vol *vol, sector_t sectors)
{
	struct blkrepl_group *g = vol->group;
	u32 old_ext = vol->intent.nr_ext;
	sector_t old = vol->sectors;
	int r;

	lockdep_assert_held(&g->meta_lock);
	blkrepl_log_take_size(&g->log);
	r = blkrepl_layout_provide(g->log.layout, BLKREPL_BLOCK_INTENT, 0, vol->place,
				   blkrepl_layout_chunks(BLKREPL_BLOCK_INTENT, sectors));
	if (!r && vol->pair)
		r = blkrepl_layout_provide(g->log.layout, BLKREPL_BLOCK_DIRTY, 0, vol->place,
					   blkrepl_layout_chunks(BLKREPL_BLOCK_DIRTY, sectors));
	r = r ?: blkrepl_log_write_areas(&g->log);
	r = r ?: blkrepl_intent_resize(vol, sectors);
	if (r)
		return r;
	/*
	 * The new blocks differ. Whole new blocks of the dirty bitmap say so by
	 * never having been written, unless that means the opposite; the rest is
	 * covered by its extents being hot until the sweeper stores it.
	 */
	if (vol->pair)
		blkrepl_intent_mark(vol, old, vol->pair->link->flags & BLKREPL_LINK_TRACKED_ZERO ?
				    sectors :
				    min_t(sector_t, sectors,
					  roundup(old, BLKREPL_BLOCK_SECTORS *
						       (sector_t)BLKREPL_CHUNK_BITS)));
	r = blkrepl_intent_store(vol);
	if (!r && vol->pair)
		r = blkrepl_link_grow(vol->pair, sectors);
	if (r) {
		blkrepl_intent_shrink(vol, old_ext);
		return r;
	}
	/* Should this fail the device has its size, and after the next start its old one. */
	vol->sectors = sectors;
	return blkrepl_group_write_members(g);
}

/**
 * blkrepl_vol_resize - take over the present size of a member's device
 * @vol: the member
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_vol_resize(struct blkrepl_vol *vol, struct netlink_ext_ack *extack)
{
	sector_t sectors = bdev_nr_sectors(blkrepl_bdev(vol->source));
	struct blkrepl_group *g = vol->group;
	struct blkrepl_link *link = g->link;
	int r;

	lockdep_assert_held(&g->conf);
	if (sectors == vol->sectors)
		return 0;
	if (sectors < vol->sectors) {
		NL_SET_ERR_MSG(extack, "the device has become smaller; shrinking is not possible");
		return -ERANGE;
	}
	if (link && !blkrepl_conn_covers(link, vol->index, sectors)) {
		NL_SET_ERR_MSG(extack, "the target volume is smaller; extend it first");
		return -ERANGE;
	}
	/* The copy engine uses the tables too. */
	r = link ? blkrepl_capture_stop(link, BLKREPL_HOLD_MS) ?:
		   blkrepl_copy_halt(link, BLKREPL_HOLD_MS) : 0;
	r = r ?: blkrepl_group_hold(g, BLKREPL_HOLD_MS);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source did not finish its writes in time; nothing was changed");
		goto out;
	}
	/* Suspects must not be looked for in a table that is being replaced. */
	if (link)
		mutex_lock(&link->state_lock);
	mutex_lock(&g->meta_lock);
	r = grow_metadata(vol, sectors);
	mutex_unlock(&g->meta_lock);
	if (link)
		mutex_unlock(&link->state_lock);
	blkrepl_group_release(g);
	if (r)
		blkrepl_say(extack, r == -ENOSPC ?
			    "the log volume is too small for the new size; extend it" :
			    "the new size could not be made durable");
	if (vol->sectors == sectors) {
		if (vol->disk)
			set_capacity_and_notify(vol->disk, sectors);
		if (link)
			blkrepl_half_fit(link, false);
		blkrepl_notify_group(g, BLKREPL_EVENT_RESIZE);
	}
out:
	if (link) {
		blkrepl_copy_allow(link);
		blkrepl_copy_again(link);
	}
	return r;
}
