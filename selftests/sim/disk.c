// SPDX-License-Identifier: GPL-2.0
/* Simulated disks with a volatile cache. */
#include <stdlib.h>

#include "disk.h"

#define SECTOR	512

struct req *all_reqs;
u64 io_seq;

void disk_init(struct disk *d, const char *name, unsigned int nr, size_t size)
{
	*d = (struct disk){ .name = name, .nr = nr, .size = size };
	d->now = calloc(nr, size);
	d->durable = calloc(nr, size);
	d->now_seq = calloc(nr, sizeof(u64));
	d->durable_seq = calloc(nr, sizeof(u64));
}

void disk_free(struct disk *d)
{
	free(d->now);
	free(d->durable);
	free(d->now_seq);
	free(d->durable_seq);
}

struct req *req_submit(struct disk *d, enum req_op op, unsigned int block, unsigned int nr,
		       const void *data, bool fua)
{
	struct req *q = calloc(1, sizeof(*q));

	*q = (struct req){ .disk = d, .op = op, .block = block, .nr = nr, .fua = fua,
			   .epoch = d->epoch, .next = all_reqs, .prev = &all_reqs };
	if (q->next)
		q->next->prev = &q->next;
	all_reqs = q;
	if (op != REQ_FLUSH)
		q->data = malloc(nr * d->size);
	if (op == REQ_WRITE)
		memcpy(q->data, data, nr * d->size);
	if (op == REQ_FLUSH) {
		unsigned int i;

		q->seen = malloc(d->nr * sizeof(u64));
		memcpy(q->seen, d->now_seq, d->nr * sizeof(u64));
		q->seen_data = malloc(d->nr * d->size);
		/* The others are durable already. */
		for (i = 0; i < d->nr; i++)
			if (d->now_seq[i] != d->durable_seq[i])
				memcpy(q->seen_data + i * d->size, d->now + i * d->size, d->size);
	}
	return q;
}

void req_free(struct req *q)
{
	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	free(q->data);
	free(q->seen);
	free(q->seen_data);
	free(q);
}

bool req_can_end(const struct req *q)
{
	return !q->done && !q->disk->hung;
}

static void make_durable(struct disk *d, unsigned int b, const u8 *data, u64 seq)
{
	if (seq <= d->durable_seq[b])
		return;
	memcpy(d->durable + b * d->size, data, d->size);
	d->durable_seq[b] = seq;
}

static void cache(struct req *q)
{
	struct disk *d = q->disk;
	unsigned int i;

	memcpy(d->now + q->block * d->size, q->data, q->nr * d->size);
	q->shown = io_seq + 1;
	for (i = q->block; i < q->block + q->nr; i++)
		d->now_seq[i] = ++io_seq;
}

/**
 * req_show - a pending write gets into the cache, where it can be read
 * @q: the request; nothing happens if it is none, or too late
 */
void req_show(struct req *q)
{
	if (q->op == REQ_WRITE && !q->shown && req_can_end(q) && !q->disk->down &&
	    q->epoch == q->disk->epoch)
		cache(q);
}

static void apply(struct req *q)
{
	struct disk *d = q->disk;
	unsigned int i;

	switch (q->op) {
	case REQ_READ:
		memcpy(q->data, d->now + q->block * d->size, q->nr * d->size);
		break;
	case REQ_WRITE:
		if (!q->shown)
			cache(q);
		for (i = 0; q->fua && i < q->nr; i++)
			make_durable(d, q->block + i, q->data + i * d->size, q->shown + i);
		break;
	case REQ_FLUSH:
		for (i = 0; i < d->nr; i++)
			make_durable(d, i, q->seen_data + i * d->size, q->seen[i]);
		break;
	}
}

/* A pending write that the cut met: block by block, a metadata block sector by sector. */
static void apply_part(struct req *q, struct rng *r)
{
	struct disk *d = q->disk;
	unsigned int i;
	size_t at;

	for (i = 0; i < q->nr; i++) {
		u8 *to = d->now + (q->block + i) * d->size;

		if (rng_chance(r, 40))
			continue;
		if (d->size <= SECTOR || rng_chance(r, 60)) {
			memcpy(to, q->data + i * d->size, d->size);
		} else {
			for (at = 0; at < d->size; at += SECTOR)
				if (rng_chance(r, 50))
					memcpy(to + at, q->data + i * d->size + at, SECTOR);
		}
		d->now_seq[q->block + i] = ++io_seq;
	}
}

/**
 * req_end - let a pending request end
 * @q: the request; freed when an @end takes care of it
 * @r: whether a write that fails has happened all the same
 */
void req_end(struct req *q, struct rng *r)
{
	struct disk *d = q->disk;

	if (d->down || q->epoch != d->epoch) {
		q->error = -EIO;
	} else if (d->fail) {
		d->fail--;
		q->error = -EIO;
		if (q->op == REQ_WRITE && rng_chance(r, 50))
			apply(q);
	} else {
		apply(q);
	}
	q->done = true;
	if (q->end) {
		q->end(q);
		req_free(q);
	} else if (q->left) {
		req_free(q);
	}
}

/**
 * disk_power_cut - the power goes
 * @d: the disk
 * @r: decides what is kept
 *
 * Pending requests stay pending; they fail when they end.
 */
void disk_power_cut(struct disk *d, struct rng *r)
{
	struct req *q;
	unsigned int i;

	for (q = all_reqs; q; q = q->next)
		if (q->disk == d && !q->done && q->op == REQ_WRITE && q->epoch == d->epoch &&
		    !d->down && !q->shown)
			apply_part(q, r);
	for (i = 0; i < d->nr; i++) {
		if (rng_chance(r, 50))
			make_durable(d, i, d->now + i * d->size, d->now_seq[i]);
		if (d->now_seq[i] == d->durable_seq[i])
			continue;
		memcpy(d->now + i * d->size, d->durable + i * d->size, d->size);
		d->now_seq[i] = d->durable_seq[i];
	}
	d->epoch++;
	d->fail = 0;
	d->hung = false;
}

/* Whether a request is pending. */
bool disk_busy(const struct disk *d)
{
	struct req *q;

	for (q = all_reqs; q; q = q->next)
		if (q->disk == d && !q->done)
			return true;
	return false;
}
