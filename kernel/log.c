// SPDX-License-Identifier: GPL-2.0
/*
 * The log volume.
 *
 * The same code serves the source's own log volume, for which I/O is waited for
 * as long as it takes, and the target's, for which the connection's deadline
 * holds (log->conn is set). A block is durable when its write returns.
 */
#include <linux/slab.h>
#include <linux/random.h>
#include <linux/netlink.h>

#include "blkrepl.h"

#define BATCH	64	/* blocks */

static int sync_io(struct blkrepl_log *log, blk_opf_t opf, u64 block, void *buf, unsigned int len)
{
	if (op_is_write(opf) && blkrepl_fault_from(BLKREPL_FAULT_LOG_STOP))
		return -EIO;
	return blkrepl_conn_sync_io(log->conn, NULL, blkrepl_bdev(log->bdev), opf,
				    block * BLKREPL_BLOCK_SECTORS, buf, len);
}

/**
 * blkrepl_log_read - read blocks
 * @log: the log volume
 * @block: the first
 * @nr: how many
 * @buf: for @nr blocks, from kmalloc() or vmalloc()
 *
 * Context: may sleep.
 */
int blkrepl_log_read(struct blkrepl_log *log, u64 block, unsigned int nr, void *buf)
{
	while (nr) {
		unsigned int n = min_t(unsigned int, nr, BATCH);
		int r = sync_io(log, REQ_OP_READ | REQ_META | REQ_SYNC, block, buf,
				n * BLKREPL_BLOCK_SIZE);

		if (r)
			return r;
		block += n;
		nr -= n;
		buf += n * BLKREPL_BLOCK_SIZE;
	}
	return 0;
}

/**
 * blkrepl_log_write - write one block, durably
 * @log: the log volume
 * @block: where
 * @buf: BLKREPL_BLOCK_SIZE bytes
 * @flags: REQ_FUA and, where earlier writes must be durable too, REQ_PREFLUSH
 *
 * Context: may sleep.
 */
int blkrepl_log_write(struct blkrepl_log *log, u64 block, const void *buf, blk_opf_t flags)
{
	int r;

	if (!log->conn && blkrepl_fault(BLKREPL_FAULT_LOG_WRITE))
		r = -EIO;
	else
		r = sync_io(log, REQ_OP_WRITE | REQ_META | REQ_SYNC | flags, block, (void *)buf,
			    BLKREPL_BLOCK_SIZE);
	if (r)
		log->failed = true;
	else
		atomic64_inc(&log->writes);
	return r;
}

/**
 * blkrepl_log_zero - overwrite blocks with zeroes, durably
 * @log: the log volume
 * @block: the first
 * @nr: how many
 *
 * Context: may sleep.
 */
int blkrepl_log_zero(struct blkrepl_log *log, u64 block, u64 nr)
{
	void *buf = kvzalloc(BATCH * BLKREPL_BLOCK_SIZE, GFP_NOIO);
	int r = buf ? 0 : -ENOMEM;

	while (nr && !r) {
		unsigned int n = min_t(u64, nr, BATCH);

		r = sync_io(log, REQ_OP_WRITE | REQ_META | REQ_SYNC | REQ_FUA, block, buf,
			    n * BLKREPL_BLOCK_SIZE);
		block += n;
		nr -= n;
	}
	if (r && buf)
		log->failed = true;
	kvfree(buf);
	return r;
}

/* Seal a block and write it to the slot that its next number belongs to. */
static int write_tagged(struct blkrepl_log *log, u64 at, u16 type, u32 index, void *block,
			u64 tag, u64 *seq)
{
	int r;

	blkrepl_block_seal(block, type, index, tag, *seq + 1);
	r = blkrepl_log_write(log, at + ((*seq + 1) & 1), block, REQ_FUA);
	/* A write that failed may have happened: its number is not used again. */
	*seq += r ? 2 : 1;
	return r;
}

static int write_slot(struct blkrepl_log *log, u64 at, u16 type, u32 index, void *block, u64 *seq)
{
	return write_tagged(log, at, type, index, block, log->tag, seq);
}

static const void *read_slots(struct blkrepl_log *log, u64 at, u16 type, u32 index, void *buf,
			      u64 *seq, int *r)
{
	const void *b;

	*r = blkrepl_log_read(log, at, 2, buf);
	if (*r)
		return NULL;
	b = blkrepl_block_pick(buf, type, index, type == BLKREPL_BLOCK_SUPER ? NULL : &log->tag);
	*seq = b ? blkrepl_block_seq(b) : 0;
	return b;
}

/**
 * blkrepl_log_open - open a log volume; nothing is read
 * @log: zeroed, but for @conn
 * @path: the device
 * @holder: for exclusive use
 * @extack: told what is wrong
 *
 * Context: may sleep.
 */
int blkrepl_log_open(struct blkrepl_log *log, const char *path, void *holder,
		     struct netlink_ext_ack *extack)
{
	blkrepl_bdev_t bdev;

	mutex_init(&log->lock);
	log->super = kzalloc(BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	log->layout = kvzalloc(sizeof(*log->layout), GFP_KERNEL);
	if (!log->super || !log->layout)
		return -ENOMEM;
	bdev = blkrepl_bdev_open(path, holder);
	if (IS_ERR(bdev)) {
		blkrepl_say(extack, PTR_ERR(bdev) == -EBUSY ?
			       "the log volume is in use; unmount it or detach what holds it" :
			       "the log volume cannot be opened; check its path");
		return PTR_ERR(bdev);
	}
	log->bdev = bdev;
	log->layout->nr_blocks = bdev_nr_sectors(blkrepl_bdev(bdev)) / BLKREPL_BLOCK_SECTORS;
	log->nr_blocks = log->layout->nr_blocks;
	return 0;
}

/**
 * blkrepl_log_take_size - use what a log volume has grown by
 * @log: the log volume
 *
 * Context: any; for this side's log volume group->meta_lock is held.
 */
void blkrepl_log_take_size(struct blkrepl_log *log)
{
	u64 nr = bdev_nr_sectors(blkrepl_bdev(log->bdev)) / BLKREPL_BLOCK_SECTORS;

	if (nr <= log->layout->nr_blocks)
		return;
	log->layout->nr_blocks = nr;
	WRITE_ONCE(log->nr_blocks, nr);
}

/**
 * blkrepl_log_close - undo blkrepl_log_open(), whether it succeeded or not
 * @log: the log volume
 * @holder: as given when it was opened
 *
 * Context: may sleep.
 */
void blkrepl_log_close(struct blkrepl_log *log, void *holder)
{
	if (log->bdev)
		blkrepl_bdev_close(log->bdev, holder);
	log->bdev = NULL;
	kfree(log->super);
	kvfree(log->layout);
	log->super = NULL;
	log->layout = NULL;
}

/**
 * blkrepl_log_load - read superblock and area table
 * @log: an open log volume
 * @extack: told what is wrong
 *
 * Context: may sleep.
 * Return: 0, -EMEDIUMTYPE where there are no metadata, or what is wrong.
 */
int blkrepl_log_load(struct blkrepl_log *log, struct netlink_ext_ack *extack)
{
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	const struct blkrepl_disk_super *sb;
	const void *b;
	int i, r;

	if (!buf)
		return -ENOMEM;
	sb = read_slots(log, BLKREPL_AT_SUPER, BLKREPL_BLOCK_SUPER, 0, buf, &log->super_seq, &r);
	if (!sb) {
		if (!r) {
			NL_SET_ERR_MSG(extack, "the log volume holds no metadata of blkrepl");
			r = -EMEDIUMTYPE;
		}
		goto out;
	}
	r = blkrepl_super_check(sb, log->layout->nr_blocks);
	if (r) {
		blkrepl_say(extack,
			    r == -EOPNOTSUPP || r == -EROFS ?
			       "the log volume was written by a newer version; upgrade this one" :
			       r == -ERANGE ?
			       "the log volume is smaller than it was; restore its size" :
			       "the superblock of the log volume is damaged");
		goto out;
	}
	memcpy(log->super, sb, BLKREPL_BLOCK_SIZE);
	log->tag = le64_to_cpu(sb->hdr.tag);
	log->layout->nr = 0;
	for (i = 0; i < BLKREPL_NR_AREA_BLOCKS; i++) {
		b = read_slots(log, BLKREPL_AT_AREAS + 2 * i, BLKREPL_BLOCK_AREAS, i, buf,
			       &log->areas_seq[i], &r);
		if (!r && b)
			r = blkrepl_layout_load(log->layout, b);
		if (r) {
			NL_SET_ERR_MSG(extack, "the area table of the log volume is damaged");
			goto out;
		}
	}
	log->used_blocks = blkrepl_layout_used(log->layout);
	/* Only their sequence numbers, so that the next write goes to the right slot. */
	for (i = 0; i < BLKREPL_NR_MEMBER_BLOCKS && !r; i++)
		read_slots(log, BLKREPL_AT_MEMBERS + 2 * i, BLKREPL_BLOCK_MEMBERS, i, buf,
			   &log->members_seq[i], &r);
	if (!r)
		read_slots(log, BLKREPL_AT_LINKS, BLKREPL_BLOCK_LINK, 0, buf, &log->link_seq, &r);
	if (!r)
		read_slots(log, BLKREPL_AT_MARK, BLKREPL_BLOCK_MARK, 0, buf, &log->mark_seq, &r);
	if (!r)
		read_slots(log, BLKREPL_AT_JOURNAL, BLKREPL_BLOCK_JOURNAL, 0, buf,
			   &log->journal_seq, &r);
out:
	kfree(buf);
	return r;
}

/**
 * blkrepl_log_write_super - write log->super
 * @log: the log volume; log->lock is taken
 *
 * Context: may sleep.
 */
int blkrepl_log_write_super(struct blkrepl_log *log)
{
	int r;

	mutex_lock(&log->lock);
	r = write_slot(log, BLKREPL_AT_SUPER, BLKREPL_BLOCK_SUPER, 0, log->super, &log->super_seq);
	mutex_unlock(&log->lock);
	return r;
}

/**
 * blkrepl_log_format - begin new metadata
 * @log: an open log volume
 * @uuid: of the group
 * @name: of the group
 * @role: of the group
 *
 * Both slots of the superblock are written: with its tag nothing of the old
 * metadata is valid any more. A block that says that there is no relationship
 * follows, so that one that is lost is not taken for none; members and areas
 * are the caller's to write.
 *
 * Context: may sleep.
 */
int blkrepl_log_format(struct blkrepl_log *log, const u8 *uuid, const char *name,
		       enum blkrepl_role role)
{
	struct blkrepl_disk_super *sb = log->super;
	struct blkrepl_disk_link *none;
	int r;

	if (log->layout->nr_blocks < BLKREPL_AT_POOL)
		return -ENOSPC;
	memset(sb, 0, sizeof(*sb));
	sb->version = cpu_to_le32(BLKREPL_VERSION);
	memcpy(sb->group_uuid, uuid, BLKREPL_UUID_SIZE);
	strscpy(sb->group_name, name, BLKREPL_NAME_SIZE);
	sb->created_us = cpu_to_le64(blkrepl_now_us());
	sb->nr_blocks = cpu_to_le64(log->layout->nr_blocks);
	sb->role = cpu_to_le32(role);
	sb->extent_shift = cpu_to_le32(BLKREPL_EXTENT_SHIFT);
	log->tag = get_random_u64();
	log->layout->nr = 0;
	log->super_seq = 0;
	memset(log->members_seq, 0, sizeof(log->members_seq));
	memset(log->areas_seq, 0, sizeof(log->areas_seq));
	log->link_seq = 0;
	log->mark_seq = 0;
	log->journal_seq = 0;
	log->failed = false;
	none = kzalloc(sizeof(*none), GFP_KERNEL);
	if (!none)
		return -ENOMEM;
	r = blkrepl_log_write_super(log);
	r = r ?: blkrepl_log_write_super(log);
	r = r ?: blkrepl_log_write_link(log, none);
	kfree(none);
	return r;
}

/**
 * blkrepl_log_write_members - write the member table
 * @log: the log volume
 * @fill: fills the entry at @place, if there is a member
 * @ctx: for @fill
 *
 * Context: may sleep.
 */
int blkrepl_log_write_members(struct blkrepl_log *log,
			      void (*fill)(void *ctx, unsigned int place,
					   struct blkrepl_disk_member *m), void *ctx)
{
	struct blkrepl_disk_members *b = kmalloc(sizeof(*b), GFP_NOIO);
	unsigned int i, k;
	int r = 0;

	if (!b)
		return -ENOMEM;
	mutex_lock(&log->lock);
	for (k = 0; k < BLKREPL_NR_MEMBER_BLOCKS && !r; k++) {
		memset(b, 0, sizeof(*b));
		for (i = 0; i < BLKREPL_MEMBERS_PER_BLOCK; i++)
			fill(ctx, k * BLKREPL_MEMBERS_PER_BLOCK + i, &b->m[i]);
		r = write_slot(log, BLKREPL_AT_MEMBERS + 2 * k, BLKREPL_BLOCK_MEMBERS, k, b,
			       &log->members_seq[k]);
	}
	mutex_unlock(&log->lock);
	kfree(b);
	return r;
}

/**
 * blkrepl_log_read_members - read the member table
 * @log: a loaded log volume
 * @m: for BLKREPL_MAX_MEMBERS entries
 *
 * Context: may sleep.
 */
int blkrepl_log_read_members(struct blkrepl_log *log, struct blkrepl_disk_member *m)
{
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	unsigned int k;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	for (k = 0; k < BLKREPL_NR_MEMBER_BLOCKS && !r; k++) {
		const struct blkrepl_disk_members *b =
			read_slots(log, BLKREPL_AT_MEMBERS + 2 * k, BLKREPL_BLOCK_MEMBERS, k, buf,
				   &log->members_seq[k], &r);

		if (!r && !b)
			r = -EUCLEAN;
		if (!r)
			memcpy(m + k * BLKREPL_MEMBERS_PER_BLOCK, b->m, sizeof(b->m));
	}
	kfree(buf);
	return r;
}

/**
 * blkrepl_log_write_areas - write the area table
 * @log: the log volume
 *
 * Context: may sleep.
 */
int blkrepl_log_write_areas(struct blkrepl_log *log)
{
	struct blkrepl_disk_areas *b = kmalloc(sizeof(*b), GFP_NOIO);
	unsigned int k;
	int r = 0;

	if (!b)
		return -ENOMEM;
	mutex_lock(&log->lock);
	for (k = 0; k < BLKREPL_NR_AREA_BLOCKS && !r; k++) {
		memset(b, 0, sizeof(*b));
		blkrepl_layout_store(log->layout, k, b);
		r = write_slot(log, BLKREPL_AT_AREAS + 2 * k, BLKREPL_BLOCK_AREAS, k, b,
			       &log->areas_seq[k]);
	}
	log->used_blocks = blkrepl_layout_used(log->layout);
	mutex_unlock(&log->lock);
	kfree(b);
	return r;
}

/**
 * blkrepl_log_write_link - write the state of the relationship
 * @log: the log volume
 * @l: the block; sealed here
 *
 * Context: may sleep.
 */
int blkrepl_log_write_link(struct blkrepl_log *log, struct blkrepl_disk_link *l)
{
	int r;

	mutex_lock(&log->lock);
	r = write_slot(log, BLKREPL_AT_LINKS, BLKREPL_BLOCK_LINK, 0, l, &log->link_seq);
	mutex_unlock(&log->lock);
	blkrepl_fault_step();
	return r;
}

/**
 * blkrepl_log_read_link - read the state of the relationship
 * @log: a loaded log volume
 * @l: filled
 *
 * Context: may sleep.
 * Return: 0, -ENOENT where there is none, -EUCLEAN where the block is lost, or
 * an error of the device.
 */
int blkrepl_log_read_link(struct blkrepl_log *log, struct blkrepl_disk_link *l)
{
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	const struct blkrepl_disk_link *b;
	int r;

	if (!buf)
		return -ENOMEM;
	b = read_slots(log, BLKREPL_AT_LINKS, BLKREPL_BLOCK_LINK, 0, buf, &log->link_seq, &r);
	if (!r && !b)
		r = -EUCLEAN;
	if (!r && !(le32_to_cpu(b->flags) & BLKREPL_LINK_USED))
		r = -ENOENT;
	if (!r)
		memcpy(l, b, sizeof(*l));
	kfree(buf);
	return r;
}

/**
 * blkrepl_log_read_mark - read the heartbeat
 * @log: the target's log volume
 * @m: filled
 *
 * Context: may sleep.
 * Return: 0, -ENOENT where there is none, or an error.
 */
int blkrepl_log_read_mark(struct blkrepl_log *log, struct blkrepl_disk_mark *m)
{
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	const struct blkrepl_disk_mark *b;
	int r;

	if (!buf)
		return -ENOMEM;
	b = read_slots(log, BLKREPL_AT_MARK, BLKREPL_BLOCK_MARK, 0, buf, &log->mark_seq, &r);
	if (!r && !b)
		r = -ENOENT;
	if (!r)
		memcpy(m, b, sizeof(*m));
	kfree(buf);
	return r;
}

/**
 * blkrepl_log_write_mark - write the heartbeat; it need not be durable at once
 * @log: the target's log volume
 * @m: the block; sealed here
 *
 * Context: may sleep.
 */
int blkrepl_log_write_mark(struct blkrepl_log *log, struct blkrepl_disk_mark *m)
{
	u64 seq;
	int r;

	mutex_lock(&log->lock);
	seq = ++log->mark_seq;
	blkrepl_block_seal(m, BLKREPL_BLOCK_MARK, 0, log->tag, seq);
	r = sync_io(log, REQ_OP_WRITE | REQ_SYNC, BLKREPL_AT_MARK + (seq & 1), m,
		    BLKREPL_BLOCK_SIZE);
	mutex_unlock(&log->lock);
	return r;
}

/**
 * blkrepl_log_read_journal - read the head of the journal
 * @log: a loaded log volume
 * @j: filled
 *
 * Context: may sleep.
 * Return: 0, -ENOENT where there is none, -EUCLEAN where it is lost, what
 * blkrepl_journal_load() says of it, or an error of the device.
 */
int blkrepl_log_read_journal(struct blkrepl_log *log, struct blkrepl_journal *j)
{
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_NOIO);
	const struct blkrepl_disk_journal *d;
	int r;

	if (!buf)
		return -ENOMEM;
	d = read_slots(log, BLKREPL_AT_JOURNAL, BLKREPL_BLOCK_JOURNAL, 0, buf,
		       &log->journal_seq, &r);
	if (!r && !d)
		r = blkrepl_block_lost(buf, BLKREPL_BLOCK_JOURNAL, 0, log->tag) &&
		    !blkrepl_block_torn_first(buf, BLKREPL_BLOCK_JOURNAL, 0, log->tag) ?
		    -EUCLEAN : -ENOENT;
	r = r ?: blkrepl_journal_load(j, d, blkrepl_layout_ring_blocks(log->layout, 0));
	kfree(buf);
	return r;
}

/**
 * blkrepl_log_write_journal - write the head of the journal, durably
 * @log: the log volume
 * @d: the block; sealed here
 *
 * Context: may sleep.
 */
int blkrepl_log_write_journal(struct blkrepl_log *log, struct blkrepl_disk_journal *d)
{
	int r;

	mutex_lock(&log->lock);
	r = write_slot(log, BLKREPL_AT_JOURNAL, BLKREPL_BLOCK_JOURNAL, 0, d, &log->journal_seq);
	mutex_unlock(&log->lock);
	return r;
}

/**
 * blkrepl_log_write_bits - write one block of a bitmap, durably
 * @log: the log volume
 * @type: BLKREPL_BLOCK_INTENT or BLKREPL_BLOCK_DIRTY
 * @member: place of the member
 * @chunk: number of the block
 * @b: the block; sealed here
 * @tag: log->tag for intents, the relationship's own for what differs: its area
 *	may have been an earlier relationship's
 * @seq: its last sequence number; advanced
 *
 * Context: may sleep; group->meta_lock is held, for @seq.
 */
int blkrepl_log_write_bits(struct blkrepl_log *log, u16 type, unsigned int member,
			   u32 chunk, struct blkrepl_disk_bits *b, u64 tag, u64 *seq)
{
	u64 at = blkrepl_layout_block(log->layout, type, 0, member, chunk);

	if (WARN_ON_ONCE(!at))
		return -EUCLEAN;
	return write_tagged(log, at, type, chunk, b, tag, seq);
}
