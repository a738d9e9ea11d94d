/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Simulated disks with a volatile cache.
 *
 * A request that was submitted is pending until the scheduler lets it end, in
 * any order. A write that ended is in the cache; it is durable after a flush
 * that was submitted later has ended, or at once with FUA. Others may see a write
 * that is pending: it is in the cache then, with FUA or not. A power cut keeps
 * any subset of what is not durable; of pending writes any part may have
 * happened.
 */
#ifndef BLKREPL_SIM_DISK_H
#define BLKREPL_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "../../kernel/format.h"
#include "../unit/rng.h"

enum req_op { REQ_READ, REQ_WRITE, REQ_FLUSH };

struct disk {
	const char *name;
	unsigned int nr;		/* blocks */
	size_t size;			/* bytes of a block */
	u8 *now, *durable;
	u64 *now_seq, *durable_seq;	/* per block: number of the write that it has */
	bool down;			/* every request fails */
	bool hung;			/* no request ends */
	unsigned int fail;		/* so many requests fail */
	unsigned int epoch;		/* connections from before are dead */
};

struct req {
	struct req *next, **prev;	/* all requests */
	struct disk *disk;
	enum req_op op;
	bool fua;
	unsigned int block, nr;
	u8 *data;
	u64 *seen;			/* flush: now_seq when it was submitted */
	u8 *seen_data;
	unsigned int epoch;
	u64 shown;			/* write: number of its first block in the cache, 0: not there */
	bool done;
	bool late;			/* whoever waits shall go on without it */
	bool left;			/* and has done so */
	int error;
	void (*end)(struct req *q);	/* NULL: someone waits for @done */
	void *ctx;
};

extern struct req *all_reqs;
extern u64 io_seq;

void disk_init(struct disk *d, const char *name, unsigned int nr, size_t size);
void disk_free(struct disk *d);
struct req *req_submit(struct disk *d, enum req_op op, unsigned int block, unsigned int nr,
		       const void *data, bool fua);
void req_free(struct req *q);
bool req_can_end(const struct req *q);
void req_show(struct req *q);
void req_end(struct req *q, struct rng *r);
void disk_power_cut(struct disk *d, struct rng *r);
bool disk_busy(const struct disk *d);

#endif
