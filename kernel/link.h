/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Relationships: their pairs, and the connections to their targets.
 */
#ifndef BLKREPL_LINK_H
#define BLKREPL_LINK_H

#include "blkrepl.h"

enum blkrepl_pair_mode {
	BLKREPL_PAIR_TRACK,		/* note what changes */
	BLKREPL_PAIR_MIRROR,		/* write to both legs */
	BLKREPL_PAIR_CAPTURE,		/* write to the source, and record what is written */
};

/**
 * struct blkrepl_pair - a member and its counterpart
 * @link: the relationship
 * @vol: the source member
 * @place: the place of both members on their log volumes
 * @uuid: of the target member
 * @name: of the target member
 * @path: of the target's device, as given last
 * @sectors: size of the target's device when it was opened last
 * @peer_sectors: size of the target member in its group
 * @target_dev: its number, 0 when it is not open
 * @mode: goes to BLKREPL_PAIR_TRACK at any time, to others only while writes are held
 * @out: its target failed while others go on, and has not answered since; only
 *	in Mixed, or where that is about to be told; under link->lock
 * @suspect: mirroring has stopped, and what the target acknowledged since its
 *	last flush has neither been flushed nor marked; no extent may become cold;
 *	under link->lock
 * @dirty_lock: protects @dirty
 * @dirty: what differs
 * @behind: while the target catches up: what is on its way to it in the epoch that
 *	is not committed yet; else it has no chunks
 * @errors: failed requests to the leg
 */
struct blkrepl_pair {
	struct blkrepl_link *link;
	struct blkrepl_vol *vol;
	unsigned int place;
	u8 uuid[BLKREPL_UUID_SIZE];
	char name[BLKREPL_NAME_SIZE];
	char *path;
	sector_t sectors;
	sector_t peer_sectors;
	dev_t target_dev;
	enum blkrepl_pair_mode mode;
	bool out;
	bool suspect;
	spinlock_t dirty_lock;
	struct blkrepl_dirty dirty;
	struct blkrepl_dirty behind;
	atomic64_t errors;
};

/**
 * struct blkrepl_conn - the open devices of a target
 * @link: the relationship
 * @group: keeps the pools that its requests came from
 * @ref: one for each request in flight. Killed when the target is given up;
 *	its release means that no request is in flight any more.
 * @state: BLKREPL_CONN_*
 * @orphans: requests that were abandoned and have not ended
 * @leg_orphans: of these, those at each data device
 * @log: the target's log volume
 * @leg: data devices by index of the member
 * @holder: who each was opened by
 * @vol: the members, kept for requests in flight
 * @nr_legs: how many
 * @free_work: closes the devices once it is idle and closing
 * @rcu: the write path finds it under RCU
 */
struct blkrepl_conn {
	struct blkrepl_link *link;
	struct blkrepl_group *group;
	struct percpu_ref ref;
	atomic_t state;
	atomic_t orphans;
	atomic_t *leg_orphans;
	struct blkrepl_log log;
	blkrepl_bdev_t *leg;
	void **holder;
	struct blkrepl_vol **vol;
	unsigned int nr_legs;
	struct work_struct free_work;
	struct rcu_head rcu;
};

/* struct blkrepl_conn.state */
#define BLKREPL_CONN_KILLED	0x1	/* given up */
#define BLKREPL_CONN_IDLE	0x2	/* and nothing is in flight any more */
#define BLKREPL_CONN_CLOSING	0x4	/* nobody will use it again */
#define BLKREPL_CONN_PROBING	0x8	/* it speaks to the prober only */

/**
 * struct blkrepl_link - a relationship, on the source's side
 * @ref: of the memory
 * @group: the source group
 * @uuid: its identity
 * @name: its name
 * @peer_uuid: the target group
 * @peer_name: its name
 * @log_path: of the target's log volume, as given last
 * @pair: the pairs by index of the member
 * @nr_pairs: how many
 * @lock: protects @stale_durable, @await, the modes of the pairs and @error
 * @stale_durable: the source's log volume says that the target lacks writes,
 *	so that success may be reported without it
 * @turns: how often mirroring of a pair has begun or stopped
 * @await: writes that the target lacks and that wait for that
 * @error: errno of the last failure of a leg
 * @conn: the target's devices, under RCU; changes only under group->conf
 * @stale_work: makes the failure durable, then answers @await
 * @state_lock: protects what follows
 * @state: CopyState
 * @flags: BLKREPL_LINK_*
 * @sync_type: kind of relationship
 * @mode: Synchronous
 * @revision: counts changes of @state
 * @dirty_tag: tag of the dirty bitmap's blocks
 * @gens: the source's generations
 * @target_gens: the other side's, as read or written last
 * @peer: what the other half said when it was met last
 * @unwritten: the first write is to be noticed: it makes the target Skewed
 * @written_work: notices it
 * @hold_until: jiffies up to which the target may be waited for, 0: its deadline
 * @hold_io: Suspend holds the answers to writes
 * @hold_work: ends that
 * @recovery_point_us: when the target was the same last
 * @when_synced_us: times of changes, CLOCK_REALTIME
 * @when_activated_us: see @when_synced_us
 * @when_suspended_us: see @when_synced_us
 * @when_broken_us: see @when_synced_us
 * @reason: a sentence about the last change
 * @leg_timeout_ms: settings
 * @heartbeat_ms: settings
 * @throttle: settings and state of the copy engine's pace
 * @mirrored: bytes of user writes sent to the target
 * @deadline_work: finds requests that the target does not answer
 * @tick_work: heartbeat, progress, probing
 * @probe_at: jiffies of the next probe
 * @probe_backoff: ticks between probes
 * @beat_at: jiffies of the next heartbeat
 * @revive_work: puts a target that answers again back to use
 * @release_work: frees the relationship
 * @copy_lock: protects the engine's cursor and counters
 * @copy_slot: the workers
 * @copy_end_work: what follows when all slots have ended
 * @copy_slots: slots at work
 * @copy_running: from the start until all that follows a copy is done
 * @copy_stop: they shall end
 * @copy_forbidden: and none shall be started; under @copy_lock
 * @copy_wait: waits for that, and for a turn
 * @copy_pace: counts changes of the throttle's settings
 * @copy_pair: cursor: the pair
 * @copy_bit: cursor: the block
 * @copy_total: bytes that the copy set out with
 * @copy_written: bytes written
 * @copy_started: monotonic time, ns
 * @copy_ended: monotonic time, ns, 0 while it runs
 * @user_jiffies: when a user wrote last, for the throttle
 * @restored_work: ends a restore
 * @rpo_s: recovery-point objective in seconds, 0 for none
 * @rpo_lock: protects @rpo
 * @rpo: how the objective is kept
 * @async: asynchronous mode, once there was any
 * @mode_work: begins it
 * @removing: the relationship goes away
 */
struct blkrepl_link {
	struct kref ref;
	struct blkrepl_group *group;
	u8 uuid[BLKREPL_UUID_SIZE];
	char name[BLKREPL_NAME_SIZE];
	u8 peer_uuid[BLKREPL_UUID_SIZE];
	char peer_name[BLKREPL_NAME_SIZE];
	char *log_path;
	struct blkrepl_pair *pair;
	unsigned int nr_pairs;

	spinlock_t lock;
	bool stale_durable;
	u32 turns;
	struct list_head await;
	int error;
	struct blkrepl_conn __rcu *conn;
	struct work_struct stale_work;

	struct mutex state_lock;
	unsigned int state;
	u32 flags;
	unsigned int sync_type;
	unsigned int mode;
	u64 revision;
	u64 dirty_tag;
	struct blkrepl_gens gens;
	struct blkrepl_gens target_gens;
	struct blkrepl_peer {
		unsigned int state;
		u32 flags;
		u64 tag;
		u64 dirty;
		enum blkrepl_gen_relation relation;
		bool larger;
		bool other_pairs;
	} peer;
	bool unwritten;
	struct work_struct written_work;
	unsigned long hold_until;
	bool hold_io;
	struct delayed_work hold_work;
	u64 recovery_point_us;
	u64 when_synced_us;
	u64 when_activated_us;
	u64 when_suspended_us;
	u64 when_broken_us;
	char reason[BLKREPL_REASON_SIZE];
	u32 leg_timeout_ms;
	u32 heartbeat_ms;
	struct blkrepl_throttle throttle;

	u64 __percpu *mirrored;
	struct delayed_work deadline_work;
	struct delayed_work tick_work;
	unsigned long probe_at;
	unsigned int probe_backoff;
	unsigned long beat_at;
	struct work_struct revive_work;
	struct work_struct release_work;

	struct mutex copy_lock;
	struct blkrepl_copy_slot {
		struct work_struct work;
		struct blkrepl_link *link;
	} copy_slot[BLKREPL_COPY_SLOTS];
	struct work_struct copy_end_work;
	atomic_t copy_slots;
	bool copy_running;
	bool copy_stop;
	bool copy_forbidden;
	wait_queue_head_t copy_wait;
	unsigned int copy_pace;
	unsigned int copy_pair;
	u64 copy_bit;
	u64 copy_total;
	atomic64_t copy_written;
	u64 copy_started;
	u64 copy_ended;
	unsigned long user_jiffies;
	struct work_struct restored_work;
	u32 rpo_s;
	spinlock_t rpo_lock;
	struct blkrepl_rpo rpo;
	struct blkrepl_async *async;
	struct work_struct mode_work;
	bool removing;
};

/* regroup.c */
struct blkrepl_link *blkrepl_regroup_like(struct blkrepl_link *old, struct blkrepl_vol **vol,
					  unsigned int n);
struct blkrepl_pair *blkrepl_regroup_pair(struct blkrepl_link *link, struct blkrepl_vol *vol);
int blkrepl_regroup_rest(struct blkrepl_link *link, unsigned int timeout_ms,
			 struct netlink_ext_ack *extack);
int blkrepl_regroup_hold(struct blkrepl_link *link, unsigned int timeout_ms,
			 struct netlink_ext_ack *extack);
int blkrepl_regroup_commit(struct blkrepl_link *old, struct blkrepl_link *like,
			   struct blkrepl_link *new, unsigned int state, bool *unsure);
bool blkrepl_regroup_undo(struct blkrepl_link *old);
void blkrepl_regroup_take_over(struct blkrepl_link *old, struct blkrepl_pair *to);
void blkrepl_regroup_switch(struct blkrepl_link *old, struct blkrepl_link *new);
void blkrepl_regroup_end(struct blkrepl_link *old, struct blkrepl_link *new,
			 struct blkrepl_conn *conn);
void blkrepl_regroup_resume(struct blkrepl_link *link);

/* move.c */
int blkrepl_pairs_move(struct blkrepl_group *from, struct blkrepl_group *to,
		       const struct blkrepl_device *dev, unsigned int nr,
		       unsigned int timeout_ms, struct netlink_ext_ack *extack);

/* link-life.c */
struct blkrepl_link_param {
	const u8 *uuid;
	const char *name;
	const u8 *peer_uuid;
	const char *peer_name;
	const char *log_path;
	struct blkrepl_device *dev;
	unsigned int nr_devs;
	bool force;
	bool seeded;
	bool inactive;
	bool consistency;
	unsigned int sync_type;
	unsigned int mode;
	u64 rate_limit;
	u64 yield_rate;
	u32 leg_timeout_ms;
	u32 heartbeat_ms;
	u32 rpo_s;
	bool hold_on_failure;
	bool manual_recovery;
};

int blkrepl_link_new(struct blkrepl_group *g, const struct blkrepl_link_param *p,
		     struct netlink_ext_ack *extack);
int blkrepl_link_load(struct blkrepl_group *g, struct netlink_ext_ack *extack);
struct blkrepl_link *blkrepl_link_alloc(struct blkrepl_group *g, struct blkrepl_vol **vol,
					unsigned int n);
void blkrepl_link_attach(struct blkrepl_link *link);
void blkrepl_link_unlink(struct blkrepl_group *g);
void blkrepl_link_quiet(struct blkrepl_link *link);
void blkrepl_link_free(struct blkrepl_link *link);
struct blkrepl_link *blkrepl_link_get(struct blkrepl_group *g);
void blkrepl_link_put(struct blkrepl_link *link);
void blkrepl_link_synced(struct blkrepl_link *link);
bool blkrepl_link_differs(struct blkrepl_link *link);
int blkrepl_link_grow(struct blkrepl_pair *pair, sector_t sectors);
int blkrepl_link_detach(struct blkrepl_link *link, unsigned int timeout_ms,
			struct netlink_ext_ack *extack);

/* operation.c */
struct blkrepl_settings {
	u64 rate_limit;
	u64 yield_rate;
	u32 leg_timeout_ms;
	u32 heartbeat_ms;
	u32 rpo_s;
	bool manual_recovery;
	bool hold_on_failure;
};

int blkrepl_link_set(struct blkrepl_link *link, const struct blkrepl_settings *s);
/**
 * struct blkrepl_op_param - an operation and its options
 * @op: the operation
 * @force: the caller takes responsibility for what the table says needs it
 * @hold_io: Suspend holds the answers to writes
 * @put_back: Abort of an aborted restore: the source is what it was before
 * @role: ReverseRoles: the role that this half is to have, 0 for the other one
 * @revision: expected revision, 0 for any
 * @timeout_ms: longest hold of writes
 */
struct blkrepl_op_param {
	unsigned int op;
	bool force;
	bool hold_io;
	bool put_back;
	unsigned int role;
	u64 revision;
	unsigned int timeout_ms;
};

int blkrepl_link_op(struct blkrepl_group *g, const struct blkrepl_op_param *p,
		    struct netlink_ext_ack *extack);
int blkrepl_op_refuse(enum blkrepl_verdict v, struct netlink_ext_ack *extack);
void blkrepl_hold_work(struct work_struct *work);

/* half.c */
int blkrepl_half_admit(struct blkrepl_group *g, const struct blkrepl_group_param *p,
		       struct netlink_ext_ack *extack);
int blkrepl_half_replay(struct blkrepl_group *g, struct blkrepl_disk_link *l,
			struct netlink_ext_ack *extack);
int blkrepl_half_forget(struct blkrepl_log *log, bool torn);
int blkrepl_half_format(struct blkrepl_link *link, struct blkrepl_conn *conn, bool force,
			struct netlink_ext_ack *extack);
int blkrepl_half_write(struct blkrepl_link *link, struct blkrepl_conn *conn, unsigned int state,
		       u32 flags, const struct blkrepl_gens *gens);
int blkrepl_half_tell(struct blkrepl_link *link, struct blkrepl_conn *conn, unsigned int state);
int blkrepl_half_meet(struct blkrepl_link *link, struct blkrepl_conn *conn,
		      const struct blkrepl_disk_link *l);
int blkrepl_half_changes(struct blkrepl_link *link, struct blkrepl_conn *conn, bool take);
int blkrepl_half_settle(struct blkrepl_link *link, struct blkrepl_conn *conn);
int blkrepl_half_check_members(struct blkrepl_link *link, struct blkrepl_conn *conn, bool shrink);
int blkrepl_half_fit(struct blkrepl_link *link, bool shrink);
int blkrepl_half_provide(struct blkrepl_link *link, struct blkrepl_conn *conn);
int blkrepl_half_write_members(struct blkrepl_link *link, struct blkrepl_conn *conn);
int blkrepl_half_rename(struct blkrepl_link *link, const char *name,
			struct netlink_ext_ack *extack);
int blkrepl_half_tell_pairs(struct blkrepl_link *link, struct blkrepl_conn *conn);

/* handover.c */
int blkrepl_link_split(struct blkrepl_link *link, u32 set, unsigned int timeout_ms,
		       const char *reason, struct netlink_ext_ack *extack);
int blkrepl_link_hand_over(struct blkrepl_link *link, unsigned int state, bool swap,
			   bool force, unsigned int timeout_ms, const char *reason,
			   struct netlink_ext_ack *extack);
int blkrepl_link_complete(struct blkrepl_link *link, struct netlink_ext_ack *extack);
int blkrepl_link_close(struct blkrepl_link *link, unsigned int timeout_ms, const char *reason,
		       struct netlink_ext_ack *extack);

/* takeover.c */
int blkrepl_takeover(struct blkrepl_group *g, struct blkrepl_disk_link *l, bool force,
		     struct netlink_ext_ack *extack);
int blkrepl_takeover_excludes(struct blkrepl_group *g, const struct blkrepl_disk_link *l,
			      struct netlink_ext_ack *extack);

/* restore.c */
int blkrepl_restore_start(struct blkrepl_link *link, unsigned int timeout_ms, const char *reason,
			  struct netlink_ext_ack *extack);
int blkrepl_restore_undone(struct blkrepl_link *link, struct netlink_ext_ack *extack);
void blkrepl_restored_work(struct work_struct *work);

/* link.c */
struct blkrepl_change {
	u32 set;
	u32 clear;
	bool all_differs;
};

int blkrepl_link_disconnect(struct blkrepl_link *link, unsigned int timeout_ms,
			    struct netlink_ext_ack *extack);
u64 blkrepl_fresh_generation(void);
int blkrepl_link_stop(struct blkrepl_link *link, unsigned int state,
		      const struct blkrepl_change *change, unsigned int timeout_ms,
		      const char *reason, struct netlink_ext_ack *extack);
void blkrepl_link_fill(struct blkrepl_link *link, const struct blkrepl_gens *gens,
		       unsigned int state, struct blkrepl_disk_link *l);
void blkrepl_link_fork(struct blkrepl_link *link);
void blkrepl_link_watch(struct blkrepl_link *link);
void blkrepl_link_written(struct blkrepl_link *link);
void blkrepl_written_work(struct work_struct *work);
void blkrepl_link_unsure(struct blkrepl_link *link);
bool blkrepl_link_restoring(struct blkrepl_link *link);
int blkrepl_link_store(struct blkrepl_link *link);
int blkrepl_link_set_state(struct blkrepl_link *link, unsigned int state, const char *reason);
void blkrepl_link_mark_dirty(struct blkrepl_pair *pair, sector_t sector, unsigned int sectors);
void blkrepl_link_mark_blocks(struct blkrepl_pair *pair, u64 first, u64 nr);
void blkrepl_link_mark_clean(struct blkrepl_pair *pair, sector_t sector, unsigned int sectors);
u64 blkrepl_link_dirty_blocks(struct blkrepl_link *link);
bool blkrepl_link_consistent(struct blkrepl_link *link);
int blkrepl_link_set_consistency(struct blkrepl_link *link, bool on, unsigned int timeout_ms,
				 struct netlink_ext_ack *extack);
u64 blkrepl_now_us(void);

/* flow.c */
int blkrepl_link_flow(struct blkrepl_link *link, unsigned int state, unsigned int timeout_ms,
		      const char *reason, struct netlink_ext_ack *extack);

/* lost.c */
bool blkrepl_link_mirrors(struct blkrepl_link *link);
bool blkrepl_link_mirrors_some(struct blkrepl_link *link);
bool blkrepl_link_suspect(struct blkrepl_link *link);
void blkrepl_link_settle_suspects(struct blkrepl_link *link, bool flushed);
void blkrepl_link_none_out(struct blkrepl_link *link);
bool blkrepl_link_stop_mirroring(struct blkrepl_link *link, int error);
bool blkrepl_link_fail(struct blkrepl_link *link, struct blkrepl_pair *pair, int error);
void blkrepl_link_cut_off(struct blkrepl_link *link);
void blkrepl_link_await(struct blkrepl_io *io);
void blkrepl_link_answer(struct blkrepl_link *link, bool stale, blk_status_t status);
void blkrepl_link_answer_mirrored(struct blkrepl_link *link);
void blkrepl_stale_work(struct work_struct *work);

/* conn.c */
int blkrepl_conn_open(struct blkrepl_link *link, const char *log_path,
		      const struct blkrepl_device *dev, unsigned int nr,
		      struct blkrepl_conn **ret, struct netlink_ext_ack *extack);
void blkrepl_conn_close(struct blkrepl_conn *conn);
struct blkrepl_conn *blkrepl_conn_tryget(struct blkrepl_link *link);
void blkrepl_conn_put(struct blkrepl_conn *conn);
void blkrepl_conn_kill(struct blkrepl_conn *conn);
void blkrepl_conn_give_up(struct blkrepl_link *link);
bool blkrepl_conn_alive(struct blkrepl_link *link);
void blkrepl_conn_abandon(struct blkrepl_pair *pair);
void blkrepl_conn_orphan(struct blkrepl_conn *conn, int leg, int n);
bool blkrepl_conn_orphaned(struct blkrepl_pair *pair);
bool blkrepl_conn_waits(struct blkrepl_pair *pair);
int blkrepl_conn_flush(struct blkrepl_link *link);
int blkrepl_conn_add_leg(struct blkrepl_conn *conn, struct blkrepl_pair *pair,
			 struct netlink_ext_ack *extack);
void blkrepl_conn_trim(struct blkrepl_conn *conn, unsigned int nr);
void blkrepl_conn_move(struct blkrepl_link *from, struct blkrepl_link *to);
void blkrepl_conn_hand_on(struct blkrepl_conn *from, unsigned int nr, struct blkrepl_conn *to);
void blkrepl_conn_start(struct blkrepl_link *link);
void blkrepl_conn_hide_leg(struct blkrepl_link *link, unsigned int i);
void blkrepl_conn_show(struct blkrepl_link *link);
void blkrepl_conn_hide(struct blkrepl_link *link);
bool blkrepl_conn_covers(struct blkrepl_link *link, unsigned int index, sector_t sectors);
int blkrepl_conn_sync_io(struct blkrepl_conn *conn, struct blkrepl_pair *pair,
			 struct block_device *bdev, blk_opf_t opf, sector_t sector, void *buf,
			 unsigned int len);
unsigned int blkrepl_conn_in_flight(struct blkrepl_link *link);
void blkrepl_conn_publish(struct blkrepl_link *link, struct blkrepl_conn *conn);
void blkrepl_conn_unpublish(struct blkrepl_link *link);
void blkrepl_deadline_work(struct work_struct *work);

/* connect.c */
int blkrepl_link_connect(struct blkrepl_link *link, const char *log_path,
			 const struct blkrepl_device *dev, unsigned int nr, bool only,
			 unsigned int timeout_ms, struct netlink_ext_ack *extack);
void blkrepl_tick_work(struct work_struct *work);
void blkrepl_revive_work(struct work_struct *work);

/* copy.c */
void blkrepl_copy_init(struct blkrepl_link *link);
void blkrepl_copy_new_pace(struct blkrepl_link *link);
void blkrepl_copy_start(struct blkrepl_link *link);
void blkrepl_copy_again(struct blkrepl_link *link);
int blkrepl_copy_halt(struct blkrepl_link *link, unsigned int timeout_ms);
bool blkrepl_copy_forbid(struct blkrepl_link *link);
void blkrepl_copy_allow(struct blkrepl_link *link);
void blkrepl_copy_free_pages(struct blkrepl_io *io);

#endif
