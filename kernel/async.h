/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asynchronous mode: what is captured of the writes, and its way to the target.
 *
 *	mode.c		capturing begins and ends
 *	capture.c	writes are recorded in epochs
 *	seal.c		which end, and arrive or are given up
 *	catchup.c	what the target lacks from before gets to it in one epoch
 *	transmit.c	sealed epochs go to the journal, and to the members
 *	ring.c		the journal on a log volume, and replaying it
 *	apply.c		carrying out an epoch's writes on the members
 *
 * Capturing is a way of mirroring. It begins and ends at instants at which both
 * sides are the same and writes are held, or it ends when the target is lost; then
 * what the target lacks becomes dirty. A command that would have to know of it ends
 * it first (blkrepl_capture_stop()), and the tick begins it again.
 */
#ifndef BLKREPL_ASYNC_H
#define BLKREPL_ASYNC_H

#include <linux/seq_file.h>

#include "epoch.h"
#include "replay.h"

/**
 * struct blkrepl_capture - an epoch in RAM
 * @epoch: its records
 * @node: in the list of those that were sealed
 * @bucket: the table of records
 * @bytes: what it is charged for
 * @writes: writes that belong to it and have not ended at the source
 * @dead: it was given up; who ends its last write frees it
 * @part: it is a part of the epoch that catches up
 * @last: and the last one
 * @sealed_ns: when it ended, monotonic
 * @sealed_us: when it ended, CLOCK_REALTIME
 */
struct blkrepl_capture {
	struct blkrepl_epoch epoch;
	struct list_head node;
	struct blkrepl_rec **bucket;
	u64 bytes;
	unsigned int writes;
	bool dead;
	bool part;
	bool last;
	u64 sealed_ns;
	u64 sealed_us;
};

/**
 * struct blkrepl_apply - writes on their way to the members
 * @conn: the connection whose deadline holds, or NULL
 * @member: their devices, by place
 * @sectors: their sizes, by place; 0 where there is none
 * @touched: which were written to since they were flushed
 * @buf: blocks that follow each other
 * @bytes: how many of it are in use
 * @place: whose they are
 * @sector: where they begin
 */
struct blkrepl_apply {
	struct blkrepl_conn *conn;
	struct {
		struct block_device *bdev;
		struct blkrepl_pair *pair;
	} member[BLKREPL_MAX_MEMBERS];
	u64 sectors[BLKREPL_MAX_MEMBERS];
	DECLARE_BITMAP(touched, BLKREPL_MAX_MEMBERS);
	void *buf;
	unsigned int bytes;
	unsigned int place;
	sector_t sector;
};

/**
 * struct blkrepl_sender - an epoch on its way into the journal
 * @writer: fills descriptors
 * @log: the target's log volume
 * @buf: blocks that are to be written together; NULL while no epoch is begun
 * @pos: position of the first of them
 * @nr: how many
 * @reserved: blocks of the ring that the epoch may use
 */
struct blkrepl_sender {
	struct blkrepl_writer writer;
	struct blkrepl_log *log;
	void *buf;
	u64 pos;
	unsigned int nr;
	u64 reserved;
};

/**
 * struct blkrepl_async - asynchronous mode of a relationship
 * @link: the relationship
 * @lock: protects what follows, up to @wait; an innermost one
 * @open: the epoch that writes go to; NULL while nothing is captured
 * @sealed: epochs on their way, the oldest first
 * @halt: no further epoch is sent
 * @folded: what had not arrived was given up; @point_us is what the target has
 * @fuzzy: what is captured is part of the epoch that catches up
 * @last_part: number of the last capture of that epoch
 * @used: bytes that all of them are charged for
 * @limit: from so many on writers wait
 * @applied: number of the newest epoch that the members have
 * @point_us: the recovery point, CLOCK_REALTIME
 * @point_ns: the same, monotonic
 * @swept: number of the current epoch at the last sweep
 * @wait: waits for @applied, or for the end
 * @journal: its head; changes only while nothing is captured
 * @ring: its room
 * @mark_seq: sequence number of the applied mark
 * @committed: number of the newest epoch in the journal, which counts those that catch
 *	up as one
 * @sender: the epoch that is being sent; the worker's
 * @directly: the last attempt to catch up did not fit into the ring
 * @seal_work: ends epochs
 * @send_work: sends them
 */
struct blkrepl_async {
	struct blkrepl_link *link;
	spinlock_t lock;
	struct blkrepl_capture *open;
	struct list_head sealed;
	bool halt;
	bool folded;
	bool fuzzy;
	u64 last_part;
	u64 used;
	u64 limit;
	u64 applied;
	u64 point_us;
	u64 point_ns;
	u64 swept;
	wait_queue_head_t wait;
	struct blkrepl_journal journal;
	struct blkrepl_ring ring;
	u64 mark_seq;
	u64 committed;
	struct blkrepl_sender sender;
	bool directly;
	struct delayed_work seal_work;
	struct work_struct send_work;
};

/* The open epoch is to end. */
static inline bool blkrepl_capture_is_full(const struct blkrepl_async *a,
					   const struct blkrepl_capture *c)
{
	return c->bytes >= min_t(u64, BLKREPL_EPOCH_BYTES, a->limit / 2) ||
	       c->epoch.nr_zeroes >= BLKREPL_EPOCH_RANGES;
}

static inline bool blkrepl_capture_is_empty(const struct blkrepl_capture *c)
{
	return !c->epoch.nr_recs && !c->epoch.nr_zeroes && !c->writes;
}

/* mode.c */
int blkrepl_capture_start(struct blkrepl_link *link, unsigned int timeout_ms,
			  struct netlink_ext_ack *extack);
int blkrepl_capture_stop(struct blkrepl_link *link, unsigned int timeout_ms);
bool blkrepl_captures(struct blkrepl_link *link);
int blkrepl_capture_prepare(struct blkrepl_link *link, struct blkrepl_conn *conn, u64 us);
int blkrepl_capture_open(struct blkrepl_link *link, bool fuzzy);
void blkrepl_capture_close(struct blkrepl_link *link);
void blkrepl_capture_free(struct blkrepl_link *link);
bool blkrepl_link_wants_capture(struct blkrepl_link *link);
void blkrepl_mode_work(struct work_struct *work);
void blkrepl_capture_show(struct seq_file *m, struct blkrepl_link *link);

/* capture.c */
bool blkrepl_capture_begin(struct blkrepl_io *io);
int blkrepl_capture_add(struct blkrepl_io *io);
void blkrepl_capture_end(struct blkrepl_io *io);
struct blkrepl_rec *blkrepl_capture_rec(struct blkrepl_pair *pair, struct blkrepl_rec *next,
					sector_t from, sector_t to);
int blkrepl_capture_record(struct blkrepl_async *a, struct blkrepl_rec *recs);
bool blkrepl_capture_may_sweep(struct blkrepl_link *link);
void blkrepl_capture_swept(struct blkrepl_link *link);
void blkrepl_capture_over(struct blkrepl_link *link);

/* seal.c */
extern const struct blkrepl_epoch_free blkrepl_capture_freeing;

struct blkrepl_capture *blkrepl_capture_alloc(u64 nr);
void blkrepl_capture_free_rec(void *ctx, struct blkrepl_rec *rec);
void blkrepl_capture_sort(struct blkrepl_capture *c);
void blkrepl_capture_drop(struct blkrepl_capture *c);
unsigned long blkrepl_capture_cycle(struct blkrepl_async *a);
void blkrepl_capture_unpace(struct blkrepl_async *a);
void blkrepl_seal_work(struct work_struct *work);
int blkrepl_capture_seal_last(struct blkrepl_async *a, u64 *nr);
void blkrepl_capture_sent(struct blkrepl_async *a, struct blkrepl_capture *c);
void blkrepl_capture_fold(struct blkrepl_link *link);
int blkrepl_capture_drain(struct blkrepl_link *link, unsigned int timeout_ms);
int blkrepl_capture_wait(struct blkrepl_async *a, u64 nr);

/* objective.c */
u64 blkrepl_link_point(struct blkrepl_link *link);
u64 blkrepl_capture_backlog(struct blkrepl_link *link, u64 *writes);
void blkrepl_objective_init(struct blkrepl_link *link);
void blkrepl_objective_tick(struct blkrepl_link *link);
void blkrepl_objective_set(struct blkrepl_link *link);
int blkrepl_objective_fill(struct sk_buff *skb, struct blkrepl_link *link);
unsigned int blkrepl_effective_mode(struct blkrepl_link *link);

/* catchup.c */
bool blkrepl_catchup_may(struct blkrepl_link *link);
int blkrepl_catchup_prepare(struct blkrepl_link *link, struct blkrepl_conn *conn);
bool blkrepl_catchup_runs(struct blkrepl_link *link);
int blkrepl_catchup_copied(struct blkrepl_io *io, struct blkrepl_pair *pair, unsigned int first,
			   unsigned int nr);
int blkrepl_catchup_end(struct blkrepl_link *link);
void blkrepl_catchup_wrote(struct blkrepl_pair *pair, sector_t sector, unsigned int sectors);
void blkrepl_catchup_forget(struct blkrepl_link *link, bool arrived);

/* transmit.c */
void blkrepl_sender_reset(struct blkrepl_async *a);
void blkrepl_send_work(struct work_struct *work);

/* apply.c */
struct blkrepl_apply *blkrepl_apply_alloc(struct blkrepl_conn *conn);
struct blkrepl_apply *blkrepl_apply_to_target(struct blkrepl_conn *conn);
void blkrepl_apply_free(struct blkrepl_apply *a);
int blkrepl_apply_write(struct blkrepl_apply *a, const struct blkrepl_write *w);
int blkrepl_apply_sync(struct blkrepl_apply *a);
int blkrepl_apply_end(struct blkrepl_apply *a);

/* ring.c */
int blkrepl_ring_write(struct blkrepl_log *log, const struct blkrepl_journal *j, u64 pos,
		       void *buf, unsigned int nr);
int blkrepl_ring_commit(struct blkrepl_log *log, const struct blkrepl_journal *j, u64 pos,
			const struct blkrepl_disk_commit *c);
int blkrepl_ring_mark(struct blkrepl_log *log, const struct blkrepl_journal *j,
		      const struct blkrepl_point *p, u64 *seq);
int blkrepl_ring_format(struct blkrepl_log *log, const u8 *link_uuid,
			const struct blkrepl_point *base, struct blkrepl_journal *j);
int blkrepl_ring_replay(struct blkrepl_log *log, const u8 *link_uuid,
			struct blkrepl_apply *apply, u64 *us, u64 *mark_seq);

#endif
