/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The crash simulator of asynchronous mode: a source that writes epochs to the
 * journal on the target's log volume, and an applier that copies them to the
 * target's members, over disks that lose what was not flushed.
 *
 * journal-source.c	writes, epochs, transmitting, catching up
 * journal-apply.c	the applier
 * journal.c		what was promised, power cuts, the schedule
 */
#ifndef BLKREPL_SIM_JOURNAL_H
#define BLKREPL_SIM_JOURNAL_H

#include "disk.h"
#include "task.h"
#include "../../kernel/epoch.h"
#include "../../kernel/replay.h"

#define MEMBERS		3
#define BLOCKS		10
#define SECTORS		(BLOCKS * BLKREPL_BLOCK_SECTORS)
#define MAX_WRITES	6
#define MAX_EPOCHS	5
#define BUCKETS		8
#define MAX_RING	72
#define AT_RING		4	/* behind head and mark */
#define BASE_EPOCH	100
#define NR_IMAGES	4096

/* Mistakes that can be planted, to see that the simulator finds them */
enum bug {
	BUG_NONE,
	BUG_COMMIT_NO_PREFLUSH,
	BUG_COMMIT_NO_FUA,
	BUG_COMMIT_BEFORE_PAYLOAD,
	BUG_COMMIT_OUT_OF_ORDER,
	BUG_APPLY_UNVERIFIED,
	BUG_APPLY_NO_LOG_FLUSH,
	BUG_LOG_FLUSH_BEFORE_VERIFY,
	BUG_APPLY_NO_BARRIER,
	BUG_MARK_BEFORE_FLUSH,
	BUG_MARK_NOT_DURABLE,
	BUG_OVERWRITE_UNAPPLIED,
	BUG_RESTART_AT_MARK,
	BUG_TRUST_WITHOUT_FLUSH,
	BUG_LATE_WRITES,
	BUG_UNNOTICED_RESTART,
	BUG_FUZZY_EARLY,
	BUG_FUZZY_FORGETS,
	BUG_COPY_NO_LOCK,
	BUG_INTENT_NO_FLUSH,
	BUG_NO_INTENT,
	BUG_OLD_DATA_WIN,
	NR_BUGS,
};

extern enum bug bug;
extern struct rng rng;
extern const char *violation;

/* What each sector of all members holds: the number of its last write, 0 for zeroes. */
struct image {
	u64 sector[MEMBERS][SECTORS];
};

/* Requests that someone waits for; without them the end of a request is nobody's */
struct wait {
	unsigned int n;
	bool error;
};

struct ep {
	struct ep *next;
	struct blkrepl_epoch e;
	struct blkrepl_rec *bucket[BUCKETS];
	unsigned int refs;
	bool ended, fuzzy;
	u64 us, generation;
	/* on its way */
	struct task task;
	bool written, starved;
	u64 reserved;
	struct blkrepl_writer w;
	struct blkrepl_epoch batch;
	struct blkrepl_disk_commit c;
	struct blkrepl_point p;
	struct wait puts, wait;
};

struct write {
	bool used;
	unsigned int member, first, nr;
	struct ep *ep;
};

/* The source host's memory */
struct source {
	u64 generation;
	struct blkrepl_journal j;
	struct blkrepl_ring ring;
	bool connected;
	unsigned int opened;		/* which life of the target it speaks to */
	struct ep *first, *cur;		/* NULL while writes are only tracked */
	unsigned int nr_eps;
	struct write write[MAX_WRITES];
	struct blkrepl_backlog log[MEMBERS];
	struct blkrepl_chunk chunk[MEMBERS][2];
	struct blkrepl_dirty *behind[MEMBERS];
	u64 last_epoch[MEMBERS][BLOCKS];
	u32 touched[MEMBERS][BLOCKS];
	unsigned int calm;		/* steps without new writes */

	struct {
		struct task task;
		struct wait wait;
		struct blkrepl_point mark, last;
	} connect, poll;
	struct {
		struct task task;
		struct wait wait;
		unsigned int member, block;
		bool busy;
		struct ep *ep;
		u64 data[BLKREPL_BLOCK_SECTORS];
	} copy;
	struct {
		struct task task;
		struct wait wait;
		bool chosen[MEMBERS][BLOCKS];
		u32 touched[MEMBERS][BLOCKS];
	} sweep;
};

/* The applier's */
struct action {
	struct blkrepl_write w;
	u64 data[BLKREPL_BLOCK_SECTORS];
	bool barrier;
};

struct applier {
	struct task task;
	struct wait wait;
	struct blkrepl_journal j;
	struct blkrepl_replay rp;
	struct blkrepl_point applied;
	u64 seq;
	struct action *action;
	unsigned int nr, at, more, opened;
	bool alive;
	u64 desc[BLKREPL_BLOCK_SIZE / 8], payload[BLKREPL_BLOCK_SIZE / 8];
};

extern struct source *src;
extern struct applier app;
extern bool applier_at_source;
extern struct disk source[MEMBERS], target[MEMBERS], target_log;
/* On the source's log volume: blocks that may differ, durable before they are written */
extern bool intent[MEMBERS][BLOCKS];
extern u64 sizes[BLKREPL_MAX_MEMBERS];
extern struct image model;
extern u64 clock_us;
/* Something was done that rests on what can be read from the target. */
extern bool daring;

extern struct count {
	unsigned long cuts, source_cuts, target_cuts, losses, rests, histories, steps, writes;
	unsigned long commits, fuzzy, abandoned, folded, applied, laps, checks, interrupted;
} count;

/* journal.c */
struct req *submit(struct disk *d, enum req_op op, unsigned int block, unsigned int nr,
		   const void *data, bool fua, struct wait *w, void (*end)(struct req *q));
void forget_wait(const struct wait *w);
bool busy_with(void (*end)(struct req *q));
int log_read(void *ctx, u64 n, void *block);
int read_head(struct blkrepl_journal *j, const u8 *log);
void promise(const struct blkrepl_point *p);
void oracle_epoch(const struct ep *ep);

/* journal-source.c */
void source_end(struct req *q);
void source_new(void);
void source_free(void);
void submit_write(void);
bool end_epoch(void);
void source_work(void);
void connection_lost(void);
bool source_idle(void);

/* journal-apply.c */
void applier_end(struct req *q);
bool applier_work(void);
void applier_reset(void);

#endif
