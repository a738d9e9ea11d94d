/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The crash simulator: a model of the module's protocol over simulated disks.
 *
 * disk.c	disks with a volatile cache
 * log.c	the log volumes, by kernel/format.c and layout.c
 * write.c	a write's way, the intent commit, the sweeper
 * link.c	states and generations, the copy engine, connecting
 * lost.c	losing the target, or a part of it
 * oracle.c	what the user was promised, and whether it holds
 * sim.c	the schedule: load, faults, power cuts, recovery
 *
 * What the module does in one place, sim does in a function of the same name,
 * and every wait of the module is a point where anything else may happen.
 */
#ifndef BLKREPL_SIM_H
#define BLKREPL_SIM_H

#include "disk.h"
#include "task.h"
#include "../../kernel/dirty.h"
#include "../../kernel/generation.h"
#include "../../kernel/layout.h"
#include "../../kernel/state.h"

#define MEMBERS		2
#define BLOCKS		48
#define EXTENT		8
#define EXTENTS		(BLOCKS / EXTENT)
#define LOG_BLOCKS	128
#define MAX_IOS		12
#define SLOTS		2
/* The blocks lie on both sides of the border between two chunks of the dirty bitmap. */
#define CHUNKS		2
#define BIT_BASE	(BLKREPL_CHUNK_BITS - BLOCKS / 2)
#define NR_BITS		(BIT_BASE + BLOCKS)
#define SECTORS		((u64)NR_BITS * BLKREPL_BLOCK_SECTORS)

/* Mistakes that can be planted, to see that the simulator finds them */
enum bug {
	BUG_NONE,
	BUG_SWEEP_NO_TARGET_FLUSH,
	BUG_SWEEP_NO_SOURCE_FLUSH,
	BUG_ACK_BEFORE_STALE,
	BUG_CLEAR_BEFORE_COPY,
	BUG_NO_RANGE_LOCK,
	BUG_COPY_NO_RANGE_LOCK,
	BUG_INTENT_AFTER_DATA,
	BUG_NO_SUSPECTS,
	BUG_STOP_ONE_PAIR,
	BUG_REVIVE_WITH_ORPHANS,
	BUG_SYNCED_NO_FLUSH,
	BUG_CLEAN_WHEN_STOPPED,
	BUG_FLOW_NO_HOLD,
	BUG_FORK_ONCE,
	BUG_STALE_BY_STATE,
	BUG_STOP_NO_FORK,
	BUG_COPIED_FORGOTTEN,
	BUG_FLOW_NO_RECHECK,
	BUG_SWEEP_WITH_SUSPECTS,
	BUG_NO_INCONSISTENT_MARK,
	BUG_APART_NO_MARK,
	BUG_APART_NO_SUSPECTS,
	BUG_REJOIN_EARLY,
	BUG_OUT_FOR_EVER,
	NR_BUGS,
};

extern enum bug bug;
extern struct rng rng;

/* A log volume */
struct log {
	struct disk *disk;
	struct blkrepl_layout layout;
	u64 tag;
	u64 link_seq, mark_seq;
	bool remote;			/* the target's: its failure is the target's */
};

/* One request that a task waits for */
struct wait {
	struct task task;
	struct req *q;
	int r;
};

struct flush {
	struct task task;
	struct wait wait;
	unsigned int i;
	bool counted;
	int r;
};

enum io_kind { IO_WRITE, IO_FLUSH, IO_COPY };
enum io_phase { IO_FREE, IO_HELD, IO_LOCKING, IO_INTENT, IO_LEGS, IO_AWAIT, IO_ENDED };

struct write_record;

struct io {
	enum io_kind kind;
	enum io_phase phase;
	unsigned int member, first, nr;
	u64 version;
	bool fua;
	bool locked;
	bool mirrored;
	bool src_pending, tgt_pending;
	int tgt_error;
	struct req *tgt_req;
	unsigned int refs;
	struct write_record *record;
};

#define EXT_HOT		0x01
#define EXT_TOUCHED	0x02
#define EXT_IDLE	0x04
#define EXT_CLEARING	0x08
#define EXT_COPIED	0x10
#define EXT_FLUSHING	0x20

struct vol {
	u8 ext[EXTENTS];
	struct blkrepl_disk_bits intent;
	bool intent_changed;
	u64 intent_seq;
	bool mirror, out, suspect;
	unsigned int epoch;
	struct blkrepl_dirty dirty;
	struct blkrepl_chunk chunk[CHUNKS];
};

struct image {
	bool taken;
	struct blkrepl_disk_bits bits;
};

struct commit_task {
	struct task task;
	struct wait wait;
	struct io *batch[MAX_IOS];
	unsigned int n, i;
};

struct sweep_task {
	struct task task;
	struct wait wait;
	struct flush flush;
	struct image image[MEMBERS][CHUNKS];
	unsigned int i, c, turns;
	bool mirrored, all, idle;
	int r;
};

struct store_task {
	struct task task;
	struct wait wait;
	struct blkrepl_disk_link link;
	int r;
};

struct state_task {
	struct task task;
	struct store_task store;
	unsigned int to;
};

struct copy_task {
	struct task task;
	struct wait wait;
	struct io *io;
	bool counted;
};

struct synced_task {
	struct task task;
	struct flush flush;
	struct store_task store;
	struct blkrepl_gens mine, theirs;
	unsigned int turns;
};

enum conf_op { CONF_NONE, CONF_CONNECT, CONF_REVIVE, CONF_REJOIN, CONF_SUSPEND, CONF_RESUME,
	       CONF_SWITCH, CONF_DOWN };

struct conf_task {
	struct task task, flow, stop;
	enum conf_op op;
	struct wait wait;
	struct flush flush;
	struct store_task store;
	unsigned int to;
	bool flowed, mirrored, again;
	int r;
};

/* The module's memory on the source host */
struct module {
	bool up;
	struct vol vol[MEMBERS];
	struct log log, target_log;
	u64 super_seq;
	struct io io[MAX_IOS];
	unsigned int write_refs;
	bool holding;
	bool meta_lock, state_lock;

	unsigned int state, flags;
	u64 dirty_tag;
	struct blkrepl_gens gens, target_gens;
	bool stale_durable;
	unsigned int turns;
	bool stale_work;
	bool connected, alive;
	unsigned int conn_refs;
	unsigned int epoch;
	bool beating;

	bool copy_running, copy_stop, copy_forbidden;
	unsigned int copy_slots, copy_member;
	u64 copy_bit;

	struct commit_task commit;
	struct sweep_task sweep;
	bool sweep_wanted;
	struct state_task stale;
	struct copy_task slot[SLOTS];
	struct synced_task synced;
	bool synced_wanted;
	struct conf_task conf;
};

extern struct module *mod;
extern struct disk source[MEMBERS], target[MEMBERS], source_log, target_log;

/* log.c */
struct req *log_submit(struct log *l, u64 at, u16 type, u32 index, void *block, u64 tag, u64 *seq);
bool log_wait(struct wait *w);
bool log_write_bits(struct wait *w, u16 type, u32 member, u32 chunk,
		    struct blkrepl_disk_bits *b, u64 tag, u64 *seq);
const void *log_pick(const struct disk *d, bool durable, u64 at, u16 type, u32 index, const u64 *tag);
void log_format(void);
int log_load(void);
void log_put_link(struct log *l, struct blkrepl_disk_link *link);
bool log_read_link(const struct disk *d, bool durable, struct blkrepl_disk_link *link);
void fill_link(struct blkrepl_disk_link *link, const struct blkrepl_gens *g);
bool store_link(struct store_task *t, struct log *l);

/* write.c */
struct io *io_new(enum io_kind kind, unsigned int member, unsigned int first, unsigned int nr);
void io_put(struct io *io);
bool io_step(struct io *io);
bool range_busy(unsigned int member, unsigned int first, unsigned int nr);
bool range_lock(struct io *io, bool *hot);
void target_end(struct req *q);
void abandon(unsigned int member);
void abandon_all(void);
void mark_dirty(unsigned int member, unsigned int first, unsigned int nr);
void mark_clean(unsigned int member, unsigned int first, unsigned int nr);
u64 dirty_blocks(void);
bool commit_work(struct commit_task *t);
bool sweep_work(struct sweep_task *t);
bool conn_tryget(void);
bool conn_flush(struct flush *f);
void intent_copied(struct io *io);
bool intents_cold(void);

/* link.c */
u64 fresh_generation(void);
void fork_generation(void);
bool copy_work(struct copy_task *t);
bool synced_work(struct synced_task *t);
bool conf_work(struct conf_task *t);
void copy_start(void);

/* lost.c */
bool is_mirroring(void);
bool mirrors_some(void);
bool any_suspect(void);
void intent_suspect(unsigned int m);
void settle_suspects(bool flushed);
void none_out(void);
bool stop_mirroring(void);
bool link_fail(int member);
void answer_await(bool stale);
bool stale_work(struct state_task *t);

/* oracle.c */
struct write_record {
	unsigned int member, first, nr;
	u64 version;
	bool is_flush, fua, acked, target_lost, void_;
	u64 submitted, answered;
	u64 acked_then[BLOCKS], both_then[BLOCKS];
	struct write_record *next;
};

extern const char *violation;
extern unsigned long promises, checks;

void oracle_reset(void);
struct write_record *oracle_submit(const struct io *io);
void oracle_version(struct io *io);
void oracle_answer(struct io *io, bool both);
void oracle_source_cut(void);
void oracle_target_cut(void);
void oracle_synchronized(void);
void oracle_check_cut(void);
void oracle_check_prefix(void);
void oracle_check_same(void);

#endif
