/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private structures of the module; those of relationships are in link.h.
 *
 * Lock order:
 *
 *	group->conf				commands, one at a time
 *	  blkrepl_groups_lock			the list of groups, and their names
 *	    link->state_lock			changes of state, until durable
 *	      group->meta_lock			bitmaps on the log volume
 *	        log->lock			fixed blocks of the log volume
 *	          spinlocks, never two at once:
 *	        link->copy_lock			(below conf only) the copy engine's cursor
 *	          shard->lock, pair->dirty_lock, link->lock, async->lock, intent_lock,
 *		  held_lock
 *
 * A spinlock is the innermost lock. Of these only group->conf, group->meta_lock
 * (by the sweeper) and the target's own log->lock are held while the target is
 * waited for, and that wait has a deadline.
 *
 * Who is where:
 *	group.c		groups: coming up, going down, holding writes
 *	member.c	groups: members come and go, names change
 *	regroup.c	relationships: pairs come and go
 *	move.c		relationships: pairs go from one to another
 *	place.c		what a member has on a log volume
 *	volume.c	members: the replica device, limits, growth
 *	io.c		what happens to a bio
 *	request.c	requests to the legs: pages, bios, how they end
 *	repair.c	reads that the source could not answer
 *	range.c		locking ranges of a member
 *	intent.c	the write-intent bitmap
 *	log.c		the log volume
 *	link.c		relationships: how their state changes
 *	flow.c		mirroring begins
 *	lost.c		losing a target, or a part of it; answering writes without it
 *	link-life.c	relationships: made, brought up, ended
 *	operation.c	the model's operations, settings
 *	conn.c		the open devices of a target
 *	conn-io.c	what is sent to it: deadline, orphans
 *	connect.c	meeting a target: connecting, probing, heartbeat
 *	half.c		the other half, on the other side's log volume
 *	handover.c	parting at one instant; giving access or role away
 *	takeover.c	a target takes over by itself
 *	restore.c	the source becomes what the target is
 *	objective.c	the recovery-point objective
 *	copy.c		the copy engine
 *	capture.c	asynchronous mode: writes are recorded in epochs; see async.h
 *	transmit.c	asynchronous mode: their way to the target
 *	ring.c		the journal on a log volume, and replaying it
 *	apply.c		carrying out an epoch's writes
 *	netlink.c, netlink-link.c, notify.c, debugfs.c, trace.h
 * and, without any kernel call in them, format.c, layout.c, dirty.c, state.c,
 * role.c, generation.c, throttle.c, names.c, journal.c, replay.c, epoch.c,
 * rpo.c, histogram.c.
 */
#ifndef BLKREPL_H
#define BLKREPL_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/interval_tree.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/percpu-refcount.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../uapi/linux/blkrepl.h"
#include "compat.h"
#include "dirty.h"
#include "format.h"
#include "generation.h"
#include "journal.h"
#include "layout.h"
#include "names.h"
#include "role.h"
#include "rpo.h"
#include "state.h"
#include "throttle.h"

#define BLKREPL_SHARDS		64
#define BLKREPL_MAX_IO		(256u << 10)	/* bytes of one write */
#define BLKREPL_IO_VECS		(BLKREPL_MAX_IO >> PAGE_SHIFT)
#define BLKREPL_INLINE_VECS	4
#define BLKREPL_COPY_BYTES	(1u << 20)
#define BLKREPL_COPY_SLOTS	4
#define BLKREPL_HOLD_MS		5000		/* longest hold of source I/O */
#define BLKREPL_TICK_MS		1000
#define BLKREPL_REASON_SIZE	160

/* Like NL_SET_ERR_MSG, but the literal may be chosen at run time. */
#define blkrepl_say(extack, text) do {					\
	struct netlink_ext_ack *__x = (extack);				\
	if (__x)							\
		__x->_msg = (text);					\
} while (0)

struct blkrepl_group;
struct blkrepl_link;
struct blkrepl_pair;
struct genl_family;
struct blkrepl_conn;
struct blkrepl_capture;
struct genl_info;

/**
 * struct blkrepl_log - an open log volume
 * @bdev: the device
 * @conn: connection whose deadline guards the I/O, NULL for the source's own
 * @super: the superblock as written last
 * @layout: which area lies where
 * @tag: tag of the format
 * @lock: serialises writes of the fixed blocks and of @super, @layout
 * @super_seq: sequence numbers of the fixed blocks
 * @members_seq: see @super_seq
 * @areas_seq: see @super_seq
 * @link_seq: see @super_seq
 * @mark_seq: see @super_seq
 * @journal_seq: see @super_seq
 * @writes: blocks written
 * @nr_blocks: size, for showing
 * @used_blocks: given to areas, for showing
 * @failed: a write failed; what is on the volume is not to be relied on
 */
struct blkrepl_log {
	blkrepl_bdev_t bdev;
	struct blkrepl_conn *conn;
	struct blkrepl_disk_super *super;
	struct blkrepl_layout *layout;
	u64 tag;
	struct mutex lock;
	u64 super_seq;
	u64 members_seq[BLKREPL_NR_MEMBER_BLOCKS];
	u64 areas_seq[BLKREPL_NR_AREA_BLOCKS];
	u64 link_seq;
	u64 mark_seq;
	u64 journal_seq;
	atomic64_t writes;
	u64 nr_blocks;
	u64 used_blocks;
	bool failed;
};

/**
 * struct blkrepl_shard - in-flight ranges of every 64th extent
 * @lock: protects the tree, the waiters of its ranges and the extents' flags
 * @tree: struct blkrepl_io by sector
 */
struct blkrepl_shard {
	spinlock_t lock;
	struct rb_root_cached tree;
} ____cacheline_aligned_in_smp;

/* Flags of an extent in memory, under its shard's lock */
#define BLKREPL_EXT_HOT		0x01	/* its intent bit is durable */
#define BLKREPL_EXT_TOUCHED	0x02	/* written to since the last sweep */
#define BLKREPL_EXT_IDLE	0x04	/* a sweep found it untouched */
#define BLKREPL_EXT_CLEARING	0x08	/* its bit is about to be cleared */
#define BLKREPL_EXT_COPIED	0x10	/* copied to since the target was flushed */
#define BLKREPL_EXT_FLUSHING	0x20	/* copied to before the flush that runs */

/**
 * struct blkrepl_intent - a member's write-intent bitmap
 * @ext: flags of each extent
 * @nr_ext: how many there are
 * @chunk: images of the blocks on the log volume; under group->meta_lock
 * @nr_chunks: how many there are
 * @hot: number of hot extents
 * @copied: number of extents that are COPIED or FLUSHING, or more
 */
struct blkrepl_intent {
	u8 *ext;
	u32 nr_ext;
	struct blkrepl_chunk *chunk;
	u32 nr_chunks;
	atomic_t hot;
	atomic_t copied;
};

/**
 * struct blkrepl_vol - a member and its replica device
 * @ref: of the memory: the group's, those of pairs and of who looks at it
 * @group: the group; changes, under RCU, while the member is closed
 * @index: its number in the group; changes when one before it is removed
 * @place: its number in the member table on the log volume, for life
 * @uuid: its identity
 * @name: its name
 * @path: of the source's device
 * @source: the source leg
 * @source_dev: its number
 * @disk: the replica device
 * @dev: its number
 * @opens: opens of @disk; under group->open_lock
 * @minor: of @disk
 * @going: no further opens; under group->open_lock
 * @sectors: capacity
 * @shard: in-flight ranges
 * @intent: the write-intent bitmap
 * @pair: its pair while the group has a relationship, else NULL; changes only
 *	while writes are held
 * @flush_lock: protects @flushes
 * @flushes: data-less flushes in flight
 * @repairs: blocks read from the target because the source could not
 * @source_errors: failed requests to the source leg
 * @target_linked: the target leg shows below the disk in sysfs
 */
struct blkrepl_vol {
	struct kref ref;
	struct blkrepl_group *group;
	unsigned int index;
	unsigned int place;
	u8 uuid[BLKREPL_UUID_SIZE];
	char name[BLKREPL_NAME_SIZE];
	char *path;
	blkrepl_bdev_t source;
	dev_t source_dev;
	struct gendisk *disk;
	unsigned int opens;
	dev_t dev;
	int minor;
	bool going;
	sector_t sectors;
	struct blkrepl_shard *shard;
	struct blkrepl_intent intent;
	struct blkrepl_pair *pair;
	spinlock_t flush_lock;
	struct list_head flushes;
	atomic64_t repairs;
	atomic64_t source_errors;
	bool target_linked;
};

enum blkrepl_io_kind {
	BLKREPL_IO_READ,
	BLKREPL_IO_WRITE,	/* also discard and write-zeroes */
	BLKREPL_IO_FLUSH,
	BLKREPL_IO_COPY,	/* the copy engine's */
	BLKREPL_IO_REPAIR,	/* a read that the target has to answer */
};

enum blkrepl_target_state {
	BLKREPL_TGT_NONE,
	BLKREPL_TGT_PENDING,
	BLKREPL_TGT_DONE,
	BLKREPL_TGT_ABANDONED,
};

/**
 * struct blkrepl_io - a request on its way through the module
 * @node: range in sectors, in its shard's tree while @locked
 * @vol: the member
 * @kind: what it is
 * @locked: it owns its range
 * @mirrored: it goes or went to the target too
 * @captured: it gets to the target with its epoch
 * @epoch: that, until its source leg has ended
 * @whole: its bounds are block bounds: the target's blocks become clean
 * @orig: the caller's bio; NULL for the copy engine
 * @start: accounting of @orig
 * @op: what is done to the legs
 * @wait: in @blocked of the request that owns the range, or in a list of
 *	requests that wait for an intent commit or for a stale mark
 * @blocked: requests that wait for this one's range; under the shard's lock
 * @refs: of the memory
 * @pending: legs that have not ended
 * @tgt_state: enum blkrepl_target_state; whoever moves it away from PENDING
 *	ends the target leg
 * @tgt_jiffies: when the target leg was started
 * @src_status: result of the source leg
 * @tgt_status: result of the target leg
 * @done: called when all legs ended, in any context
 * @waiter: for @done of synchronous requests
 * @conn: connection of the target leg, with a reference while it is pending
 * @leg: which of its devices
 * @work: for what may not be done in interrupt context
 * @vecs: private pages
 * @nr_vecs: how many
 * @inline_vecs: room for small requests
 * @src: bio to the source
 * @tgt: bio to the target
 */
struct blkrepl_io {
	struct interval_tree_node node;
	struct blkrepl_vol *vol;
	u8 kind;
	bool locked;
	bool mirrored;
	bool captured;
	bool whole;
	struct blkrepl_capture *epoch;
	struct bio *orig;
	unsigned long start;
	blk_opf_t op;
	struct list_head wait;
	struct list_head blocked;
	refcount_t refs;
	atomic_t pending;
	atomic_t tgt_state;
	unsigned long tgt_jiffies;
	blk_status_t src_status;
	blk_status_t tgt_status;
	void (*done)(struct blkrepl_io *io);
	struct completion *waiter;
	struct blkrepl_conn *conn;
	unsigned int leg;
	struct work_struct work;
	struct bio_vec *vecs;
	unsigned int nr_vecs;
	struct bio_vec inline_vecs[BLKREPL_INLINE_VECS];
	struct bio src;
	struct bio tgt;
};

/**
 * struct blkrepl_group - a replication group with its source members
 * @node: in the list of all groups
 * @ref: of the memory; holds a reference of the module
 * @uuid: its identity
 * @name: its name
 * @id: rises with each group; order of the list
 * @conf: one command at a time
 * @up: it has come up
 * @dying: it is being taken down; under @conf
 * @log: the log volume
 * @log_path: its path
 * @was_clean: it had been closed in good order
 * @vol: the members, in the order of their places; room for BLKREPL_MAX_MEMBERS.
 *	They change under @conf, @meta_lock and @link_lock
 * @nr_vols: how many
 * @link_lock: for who looks at @name, @vol or @link without @conf
 * @link: the relationship or NULL; changes only while writes are held
 * @opens: opens of the replica devices; under @open_lock
 * @going: no further opens; under @open_lock
 * @open_lock: protects them
 * @open_wait: waits for @opens to become 0
 * @write_ref: one for each write between its start and the end of its legs
 * @read_ref: one for each read
 * @fenced: no I/O passes; both references are killed and there are no disks
 * @takes_over: a target that is to come up although its source was not told
 * @hidden: it came up that way, for its half of the relationship says so
 * @held_lock: protects @held and @holding
 * @held: writes that came while writes are held
 * @holding: writes are held
 * @hold_wait: waits for @write_ref to become 0
 * @paced: more is captured than may be; writers wait
 * @pace_wait: for that to end
 * @noio: allocations by the holder must not wait for file systems
 * @ios: pool of struct blkrepl_io
 * @pages: pool of private pages
 * @vecs: pool of larger tables
 * @pages_lock: one at a time may wait for several pages
 * @splits: for discards that cross an extent
 * @intent_lock: protects @intent_wait
 * @intent_wait: writes that wait for their extent to be marked
 * @intent_work: marks
 * @meta_lock: bitmaps on the log volume
 * @sweep_work: clears intent bits
 * @rcu: a member that goes to another group may be looked at
 * @commits: intent commits
 * @waits: writes that waited for one
 */
struct blkrepl_group {
	struct list_head node;
	struct kref ref;
	u8 uuid[BLKREPL_UUID_SIZE];
	char name[BLKREPL_NAME_SIZE];
	u64 id;
	struct mutex conf;
	bool up;
	bool dying;
	struct blkrepl_log log;
	char *log_path;
	bool was_clean;
	struct blkrepl_vol **vol;
	unsigned int nr_vols;
	spinlock_t link_lock;
	struct blkrepl_link *link;

	spinlock_t open_lock;
	unsigned int opens;
	bool going;
	wait_queue_head_t open_wait;

	struct percpu_ref write_ref;
	struct percpu_ref read_ref;
	bool fenced;
	bool takes_over;
	bool hidden;
	spinlock_t held_lock;
	struct bio_list held;
	bool holding;
	unsigned int noio;
	wait_queue_head_t hold_wait;
	bool paced;
	wait_queue_head_t pace_wait;

	mempool_t *ios;
	mempool_t *pages;
	mempool_t *vecs;
	struct mutex pages_lock;
	struct bio_set splits;

	spinlock_t intent_lock;
	struct list_head intent_wait;
	struct work_struct intent_work;
	struct mutex meta_lock;
	struct delayed_work sweep_work;
	struct rcu_head rcu;
	atomic64_t commits;
	atomic64_t waits;
};

/* main.c */
extern struct workqueue_struct *blkrepl_meta_wq;	/* intent commits and sweeps */
extern struct workqueue_struct *blkrepl_state_wq;	/* stale marks */
extern struct workqueue_struct *blkrepl_io_wq;		/* resumed requests, repairs */
extern struct workqueue_struct *blkrepl_copy_wq;	/* the copy engine */
extern struct workqueue_struct *blkrepl_conf_wq;	/* ticks, probing, closing */
extern struct workqueue_struct *blkrepl_target_wq;	/* submitting to targets */
extern struct workqueue_struct *blkrepl_zero_wq;	/* zeroing targets, which waits for them */
extern struct workqueue_struct *blkrepl_async_wq;	/* sealing and sending epochs */
extern struct kmem_cache *blkrepl_io_cache;
extern struct kmem_cache *blkrepl_vec_cache;
extern int blkrepl_major;
extern unsigned int blkrepl_sweep_ms;

/* Fault points, off by default; debugfs file "fault" */
enum blkrepl_fault_point {
	BLKREPL_FAULT_LOG_WRITE,	/* the source's log volume refuses a write */
	BLKREPL_FAULT_LOG_STOP,		/* log volumes refuse the write of that number and all later */
	BLKREPL_FAULT_SOURCE_READ,	/* the source leg answers a read with an error */
	BLKREPL_FAULT_NO_PAGES,		/* the quick allocation of private pages fails */
	BLKREPL_FAULT_NO_CHUNK,		/* no memory for a block of the dirty bitmap */
	BLKREPL_FAULT_NO_PROBE,		/* a lost target is not asked whether it is back */
	BLKREPL_FAULT_NO_APPLY,		/* a committed epoch does not get to the members */
	BLKREPL_FAULT_STOP,		/* all ends after so many steps; see blkrepl_fault_step() */
	BLKREPL_NR_FAULTS,
};

bool blkrepl_fault(enum blkrepl_fault_point point);
void blkrepl_fault_step(void);
bool blkrepl_fault_from(enum blkrepl_fault_point point);

/* group.c */
struct blkrepl_device {
	unsigned int index;
	const u8 *uuid;
	const char *name;
	const char *path;
};

struct blkrepl_group_param {
	const u8 *uuid;
	const char *name;
	const char *log_path;
	const u8 *forget;
	bool create;
	bool force;
	bool take_over;
	struct blkrepl_device *dev;
	unsigned int nr_devs;
};

extern struct mutex blkrepl_groups_lock;
extern struct list_head blkrepl_groups;
int blkrepl_group_new(const struct blkrepl_group_param *p, struct netlink_ext_ack *extack);
int blkrepl_group_del(struct blkrepl_group *g, bool force, struct netlink_ext_ack *extack);
struct blkrepl_group *blkrepl_group_find(const u8 *uuid);
struct blkrepl_group *blkrepl_group_find_link(const u8 *uuid, const u8 *group);
void blkrepl_group_get(struct blkrepl_group *g);
void blkrepl_group_put(struct blkrepl_group *g);
int blkrepl_group_write_members(struct blkrepl_group *g);
int blkrepl_group_hold(struct blkrepl_group *g, unsigned int timeout_ms);
void blkrepl_group_release(struct blkrepl_group *g);
void blkrepl_group_fence(struct blkrepl_group *g);
int blkrepl_group_unfence(struct blkrepl_group *g);

/* member.c */
int blkrepl_member_add(struct blkrepl_group *g, const struct blkrepl_device *d,
		       const struct blkrepl_device *target, struct netlink_ext_ack *extack);
int blkrepl_member_remove(struct blkrepl_group *g, const u8 *uuid,
			  struct netlink_ext_ack *extack);
int blkrepl_member_rename(struct blkrepl_group *g, const u8 *uuid, const char *name, bool force,
			  struct netlink_ext_ack *extack);
int blkrepl_group_rename(struct blkrepl_group *g, const char *name, bool force,
			 struct netlink_ext_ack *extack);

struct blkrepl_vol *blkrepl_member_find(struct blkrepl_group *g, const u8 *uuid);
int blkrepl_member_close(struct blkrepl_vol *vol, struct netlink_ext_ack *extack);
void blkrepl_member_reopen(struct blkrepl_vol *vol);
bool blkrepl_link_may_regroup(struct blkrepl_link *link, struct netlink_ext_ack *extack);

/* place.c */
void blkrepl_place_put(struct blkrepl_group *g, struct blkrepl_vol *vol);
void blkrepl_place_take(struct blkrepl_group *g, struct blkrepl_vol *vol);
int blkrepl_place_zero(struct blkrepl_log *log, unsigned int place);
int blkrepl_place_drop(struct blkrepl_log *log, unsigned int place);
int blkrepl_place_drop_own(struct blkrepl_group *g, unsigned int place);
int blkrepl_place_settle(struct blkrepl_log *log);
int blkrepl_place_tidy(struct blkrepl_log *log, const unsigned long *used);
int blkrepl_place_tidy_own(struct blkrepl_group *g);

/* volume.c */
struct blkrepl_vol *blkrepl_vol_new(struct blkrepl_group *g, const struct blkrepl_device *d,
				    struct netlink_ext_ack *extack);
int blkrepl_vol_add_disk(struct blkrepl_vol *vol);
void blkrepl_vol_del_disk(struct blkrepl_vol *vol);
void blkrepl_vol_close(struct blkrepl_vol *vol);
void blkrepl_vol_tell_udev(struct blkrepl_vol *vol);
void blkrepl_vol_fill_disk(const struct blkrepl_vol *vol, struct blkrepl_disk_member *m);
struct blkrepl_vol *blkrepl_vol_get(struct blkrepl_group *g, unsigned int index);
void blkrepl_vol_put(struct blkrepl_vol *vol);
int blkrepl_vol_resize(struct blkrepl_vol *vol, struct netlink_ext_ack *extack);

/* io.c */
void blkrepl_submit_bio(struct bio *bio);
void blkrepl_submit_write(struct bio *bio);
void blkrepl_write_go(struct blkrepl_io *io);
void blkrepl_write_abort(struct blkrepl_io *io, blk_status_t status);
void blkrepl_write_retry(struct work_struct *work);
void blkrepl_io_answer(struct blkrepl_io *io, blk_status_t status);
bool blkrepl_io_pages(struct blkrepl_io *io, unsigned int bytes, bool nowait);
void blkrepl_io_bio(struct blkrepl_io *io, struct bio *bio, struct block_device *bdev,
		    blk_opf_t opf, sector_t sector, unsigned int bytes);
void blkrepl_io_copy(struct blkrepl_io *io, struct bio *orig, bool to_orig);
struct blkrepl_io *blkrepl_io_alloc(struct blkrepl_vol *vol, enum blkrepl_io_kind kind, gfp_t gfp);
void blkrepl_io_put(struct blkrepl_io *io);
void blkrepl_io_leg_done(struct blkrepl_io *io);
void blkrepl_target_end_io(struct bio *bio);
void blkrepl_target_submit(struct blkrepl_io *io, struct blkrepl_conn *conn);
void blkrepl_target_abandon(struct blkrepl_io *io);

/* repair.c */
void blkrepl_repair_read(struct blkrepl_io *io);

/* range.c */
struct blkrepl_shard *blkrepl_shard_of(struct blkrepl_vol *vol, sector_t sector);
int blkrepl_range_lock(struct blkrepl_io *io, sector_t sector, unsigned int sectors,
		       bool nowait, bool *hot);
void blkrepl_range_lock_wait(struct blkrepl_io *io, sector_t sector, unsigned int sectors);
void blkrepl_range_unlock(struct blkrepl_io *io);
bool blkrepl_range_busy(struct blkrepl_shard *shard, sector_t sector, sector_t sectors);
bool blkrepl_range_none(struct blkrepl_vol *vol);

/* intent.c */
int blkrepl_intent_init(struct blkrepl_vol *vol);
int blkrepl_intent_resize(struct blkrepl_vol *vol, sector_t sectors);
void blkrepl_intent_free(struct blkrepl_vol *vol);
void blkrepl_intent_mark(struct blkrepl_vol *vol, sector_t from, sector_t to);
void blkrepl_intent_wait(struct blkrepl_io *io);
void blkrepl_intent_work(struct work_struct *work);
void blkrepl_sweep_work(struct work_struct *work);
int blkrepl_intent_load(struct blkrepl_vol *vol);
int blkrepl_intent_clear_all(struct blkrepl_group *g);
int blkrepl_intent_store(struct blkrepl_vol *vol);
int blkrepl_intent_copy_to(struct blkrepl_vol *vol, struct blkrepl_pair *pair,
			   struct blkrepl_log *log, unsigned int place, u64 tag);
void blkrepl_intent_suspect(struct blkrepl_pair *pair);
void blkrepl_intent_copied(struct blkrepl_vol *vol, sector_t sector);
void blkrepl_intent_shrink(struct blkrepl_vol *vol, u32 nr_ext);

/* log.c */
int blkrepl_log_open(struct blkrepl_log *log, const char *path, void *holder,
		     struct netlink_ext_ack *extack);
void blkrepl_log_take_size(struct blkrepl_log *log);
void blkrepl_log_close(struct blkrepl_log *log, void *holder);
int blkrepl_log_load(struct blkrepl_log *log, struct netlink_ext_ack *extack);
int blkrepl_log_format(struct blkrepl_log *log, const u8 *uuid, const char *name,
		       enum blkrepl_role role);
int blkrepl_log_read(struct blkrepl_log *log, u64 block, unsigned int nr, void *buf);
int blkrepl_log_write(struct blkrepl_log *log, u64 block, const void *buf, blk_opf_t flags);
int blkrepl_log_write_super(struct blkrepl_log *log);
int blkrepl_log_zero(struct blkrepl_log *log, u64 block, u64 nr);
int blkrepl_log_write_members(struct blkrepl_log *log,
			      void (*fill)(void *ctx, unsigned int place,
					   struct blkrepl_disk_member *m), void *ctx);
int blkrepl_log_read_members(struct blkrepl_log *log, struct blkrepl_disk_member *m);
int blkrepl_log_write_areas(struct blkrepl_log *log);
int blkrepl_log_write_link(struct blkrepl_log *log, struct blkrepl_disk_link *l);
int blkrepl_log_read_link(struct blkrepl_log *log, struct blkrepl_disk_link *l);
int blkrepl_log_read_mark(struct blkrepl_log *log, struct blkrepl_disk_mark *m);
int blkrepl_log_write_mark(struct blkrepl_log *log, struct blkrepl_disk_mark *m);
int blkrepl_log_read_journal(struct blkrepl_log *log, struct blkrepl_journal *j);
int blkrepl_log_write_journal(struct blkrepl_log *log, struct blkrepl_disk_journal *d);
int blkrepl_log_write_bits(struct blkrepl_log *log, u16 type, unsigned int member,
			   u32 chunk, struct blkrepl_disk_bits *b, u64 tag, u64 *seq);

/* netlink.c, notify.c */
extern struct genl_family blkrepl_nl_family;
int blkrepl_netlink_init(void);
void blkrepl_netlink_exit(void);
void blkrepl_notify_group(struct blkrepl_group *g, enum blkrepl_event event);
void blkrepl_notify_link(struct blkrepl_link *link, enum blkrepl_event event);
int blkrepl_fill_group(struct sk_buff *skb, struct blkrepl_group *g, u32 event, u64 seq);
int blkrepl_fill_member(struct sk_buff *skb, struct blkrepl_group *g, struct blkrepl_vol *vol);
int blkrepl_fill_link(struct sk_buff *skb, struct blkrepl_link *link, u32 event, u64 seq);
int blkrepl_fill_pair(struct sk_buff *skb, struct blkrepl_pair *pair);
u64 blkrepl_event_seq(void);

/* debugfs.c */
void blkrepl_debugfs_init(void);
void blkrepl_debugfs_exit(void);

#include "link.h"
#include "async.h"

#endif
