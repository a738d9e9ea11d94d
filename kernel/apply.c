// SPDX-License-Identifier: GPL-2.0
/*
 * Carrying out an epoch's writes on the members: by the source, which has sent it,
 * and by whoever replays a journal.
 *
 * Blocks that follow each other go out together. Nothing is durable before
 * blkrepl_apply_end().
 */
#include <linux/slab.h>

#include "blkrepl.h"

#define ZERO_SECTORS	(32u << (20 - SECTOR_SHIFT))

/**
 * blkrepl_apply_alloc - begin to apply
 * @conn: the connection whose deadline holds, or NULL for devices of this side
 *
 * Context: may sleep.
 */
struct blkrepl_apply *blkrepl_apply_alloc(struct blkrepl_conn *conn)
{
	struct blkrepl_apply *a = kvzalloc(sizeof(*a), GFP_NOIO);

	if (!a)
		return NULL;
	a->conn = conn;
	a->buf = kvmalloc(BLKREPL_MAX_IO, GFP_NOIO);
	if (!a->buf) {
		kvfree(a);
		return NULL;
	}
	return a;
}

/**
 * blkrepl_apply_free - undo blkrepl_apply_alloc()
 * @a: may be NULL
 *
 * Context: may sleep.
 */
void blkrepl_apply_free(struct blkrepl_apply *a)
{
	if (a)
		kvfree(a->buf);
	kvfree(a);
}

/**
 * blkrepl_apply_to_target - begin to apply to the members of a target
 * @conn: its connection
 *
 * Context: may sleep.
 */
struct blkrepl_apply *blkrepl_apply_to_target(struct blkrepl_conn *conn)
{
	struct blkrepl_apply *a = blkrepl_apply_alloc(conn);
	struct blkrepl_link *link = conn->link;
	unsigned int i;

	for (i = 0; a && i < link->nr_pairs; i++) {
		struct blkrepl_pair *pair = &link->pair[i];

		a->member[pair->place].bdev = blkrepl_bdev(conn->leg[i]);
		a->member[pair->place].pair = pair;
		a->sectors[pair->place] = pair->vol->sectors;
	}
	return a;
}

static int send(struct blkrepl_apply *a, unsigned int place, blk_opf_t opf, sector_t sector,
		void *buf, unsigned int bytes)
{
	__set_bit(place, a->touched);
	return blkrepl_conn_sync_io(a->conn, a->member[place].pair, a->member[place].bdev,
				    opf | REQ_SYNC, sector, buf, bytes);
}

static int send_run(struct blkrepl_apply *a)
{
	unsigned int bytes = a->bytes;

	a->bytes = 0;
	return bytes ? send(a, a->place, REQ_OP_WRITE, a->sector, a->buf, bytes) : 0;
}

static int add_to_run(struct blkrepl_apply *a, unsigned int place, sector_t sector,
		      const void *data, unsigned int bytes)
{
	int r = 0;

	if (a->bytes && (a->place != place || a->bytes + bytes > BLKREPL_MAX_IO ||
			 a->sector + (a->bytes >> SECTOR_SHIFT) != sector))
		r = send_run(a);
	if (!a->bytes) {
		a->place = place;
		a->sector = sector;
	}
	if (data)
		memcpy(a->buf + a->bytes, data, bytes);
	else
		memset(a->buf + a->bytes, 0, bytes);
	a->bytes += bytes;
	return r;
}

/* Some sectors of one block: each run of them by itself. */
static int add_sectors(struct blkrepl_apply *a, const struct blkrepl_write *w, sector_t start)
{
	unsigned int i, n;
	int r = 0;

	for (i = 0; i < BLKREPL_BLOCK_SECTORS && !r; i += n) {
		for (n = 0; i + n < BLKREPL_BLOCK_SECTORS && (w->sectors >> (i + n) & 1); n++)
			;
		if (n)
			r = add_to_run(a, w->member, start + i,
				       w->data ? w->data + (i << SECTOR_SHIFT) : NULL,
				       n << SECTOR_SHIFT);
		else
			n = 1;
	}
	return r;
}

static int zero(struct blkrepl_apply *a, const struct blkrepl_write *w, sector_t start,
		sector_t end)
{
	blk_opf_t opf = REQ_OP_WRITE_ZEROES | (w->kind == BLKREPL_KIND_ZEROES ? REQ_NOUNMAP : 0);
	bool direct = bdev_write_zeroes_sectors(a->member[w->member].bdev);
	int r = send_run(a);

	while (start < end && !r) {
		unsigned int n = min_t(sector_t, end - start,
				       direct ? ZERO_SECTORS : BLKREPL_MAX_IO >> SECTOR_SHIFT);

		r = direct ? send(a, w->member, opf, start, NULL, n << SECTOR_SHIFT) :
			     add_to_run(a, w->member, start, NULL, n << SECTOR_SHIFT);
		start += n;
	}
	return r;
}

/**
 * blkrepl_apply_write - carry out a write of an epoch
 * @a: with the members filled in
 * @w: the write; blocks ascend between two calls of blkrepl_apply_sync()
 *
 * Context: may sleep.
 */
int blkrepl_apply_write(struct blkrepl_apply *a, const struct blkrepl_write *w)
{
	sector_t start = w->block * BLKREPL_BLOCK_SECTORS;
	sector_t end = start + (sector_t)w->nr * BLKREPL_BLOCK_SECTORS;

	if (!a->member[w->member].bdev)
		return -EUCLEAN;
	end = min_t(sector_t, end, a->sectors[w->member]);
	if (start >= end)
		return 0;
	if (w->sectors != BLKREPL_SECTORS_ALL)
		return add_sectors(a, w, start);
	if (w->kind == BLKREPL_KIND_DATA)
		return add_to_run(a, w->member, start, w->data, (end - start) << SECTOR_SHIFT);
	return zero(a, w, start, end);
}

/**
 * blkrepl_apply_sync - all writes so far have ended
 * @a: see blkrepl_apply_write()
 *
 * Context: may sleep.
 */
int blkrepl_apply_sync(struct blkrepl_apply *a)
{
	return send_run(a);
}

/**
 * blkrepl_apply_end - all writes so far are durable
 * @a: see blkrepl_apply_write()
 *
 * Context: may sleep.
 */
int blkrepl_apply_end(struct blkrepl_apply *a)
{
	int r = send_run(a);
	unsigned int i;

	for_each_set_bit(i, a->touched, BLKREPL_MAX_MEMBERS) {
		if (r)
			break;
		r = blkrepl_conn_sync_io(a->conn, a->member[i].pair, a->member[i].bdev,
					 REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC, 0, NULL, 0);
		if (!r)
			__clear_bit(i, a->touched);
	}
	return r;
}
