/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block API of older kernels in the shape of the newest. Only this file
 * looks at the kernel's version.
 */
#ifndef BLKREPL_COMPAT_H
#define BLKREPL_COMPAT_H

#include <linux/blkdev.h>
#include <linux/version.h>
#include <net/genetlink.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#error "supported are kernels 6.1 to 6.4 and 6.11 or newer"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)

typedef struct file *blkrepl_bdev_t;

static inline struct nlattr **blkrepl_dump_attrs(const struct genl_dumpit_info *info)
{
	return info->info.attrs;
}

static inline struct block_device *blkrepl_bdev(blkrepl_bdev_t b)
{
	return file_bdev(b);
}

static inline blkrepl_bdev_t blkrepl_bdev_open(const char *path, void *holder)
{
	return bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
}

static inline void blkrepl_bdev_close(blkrepl_bdev_t b, void *holder)
{
	bdev_fput(b);
}

#define BLKREPL_ASSIGN_STR(field, src)	__assign_str(field)
#define BLKREPL_OPEN_ARGS	struct gendisk *disk, blk_mode_t mode
#define BLKREPL_OPEN_DISK	disk
#define BLKREPL_RELEASE_ARGS	struct gendisk *disk

/* Stack the source's limits below what @lim asks for. */
static inline void blkrepl_stack_limits(struct queue_limits *lim, struct block_device *source)
{
	lim->features = BLK_FEAT_IO_STAT | BLK_FEAT_NOWAIT;
	queue_limits_stack_bdev(lim, source, 0, "blkrepl");
	lim->features |= BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA;
	lim->features &= ~BLK_FEAT_POLL;
	lim->max_zone_append_sectors = 0;
}

static inline void blkrepl_set_discard(struct queue_limits *lim, u32 sectors)
{
	lim->max_hw_discard_sectors = sectors;
	lim->max_user_discard_sectors = UINT_MAX;
}

static inline struct gendisk *blkrepl_alloc_disk(struct queue_limits *lim,
						 struct block_device *source)
{
	return blk_alloc_disk(lim, NUMA_NO_NODE);
}

#else

typedef struct block_device *blkrepl_bdev_t;

static inline struct nlattr **blkrepl_dump_attrs(const struct genl_dumpit_info *info)
{
	return info->attrs;
}

static inline struct block_device *blkrepl_bdev(blkrepl_bdev_t b)
{
	return b;
}

static inline blkrepl_bdev_t blkrepl_bdev_open(const char *path, void *holder)
{
	return blkdev_get_by_path(path, FMODE_READ | FMODE_WRITE | FMODE_EXCL, holder);
}

static inline void blkrepl_bdev_close(blkrepl_bdev_t b, void *holder)
{
	blkdev_put(b, FMODE_READ | FMODE_WRITE | FMODE_EXCL);
}

#define BLKREPL_ASSIGN_STR(field, src)	__assign_str(field, src)
#define BLKREPL_OPEN_ARGS	struct block_device *bdev, fmode_t mode
#define BLKREPL_OPEN_DISK	bdev->bd_disk
#define BLKREPL_RELEASE_ARGS	struct gendisk *disk, fmode_t mode

static inline void blkrepl_stack_limits(struct queue_limits *lim, struct block_device *source)
{
	blk_stack_limits(lim, &bdev_get_queue(source)->limits, get_start_sect(source));
	lim->max_zone_append_sectors = 0;
}

static inline void blkrepl_set_discard(struct queue_limits *lim, u32 sectors)
{
	lim->max_discard_sectors = sectors;
	lim->max_hw_discard_sectors = sectors;
}

static inline struct gendisk *blkrepl_alloc_disk(struct queue_limits *lim,
						 struct block_device *source)
{
	struct request_queue *sq = bdev_get_queue(source);
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	disk->queue->limits = *lim;
	blk_queue_flag_set(QUEUE_FLAG_IO_STAT, disk->queue);
	if (test_bit(QUEUE_FLAG_NOWAIT, &sq->queue_flags))
		blk_queue_flag_set(QUEUE_FLAG_NOWAIT, disk->queue);
	if (blk_queue_nonrot(sq))
		blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
	if (blk_queue_stable_writes(sq))
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, disk->queue);
	blk_queue_write_cache(disk->queue, true, true);
	return disk;
}

#endif

#endif
