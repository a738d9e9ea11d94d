// SPDX-License-Identifier: GPL-2.0
/*
 * Sealed epochs go to the target, one after the other: to the journal on its log
 * volume; then a commit block, from the end of which on the epoch is durable there;
 * then to the members, which are flushed; then the applied mark.
 *
 * Of the epoch that catches up the parts go to the journal one by one, and are applied
 * from there when the last one is committed.
 *
 * Whatever fails takes the target out, and all that has not arrived is folded.
 */
#include <linux/slab.h>

#include "blkrepl.h"

#define STAGE_BLOCKS	(BLKREPL_MAX_IO / BLKREPL_BLOCK_SIZE)

static void *new_desc(void *ctx)
{
	return kzalloc(BLKREPL_BLOCK_SIZE, GFP_NOIO);
}

static int send_staged(struct blkrepl_sender *s)
{
	unsigned int nr = s->nr;

	s->nr = 0;
	return nr ? blkrepl_ring_write(s->log, s->writer.j, s->pos, s->buf, nr) : 0;
}

/*
 * A descriptor is complete after its payload was put, and lies before it. So it finds
 * its place among the blocks that wait, or goes by itself.
 */
static int put_desc(struct blkrepl_sender *s, u64 pos, const void *block)
{
	int r = 0;

	if (s->nr && pos >= s->pos && pos < s->pos + s->nr)
		memcpy(s->buf + (pos - s->pos) * BLKREPL_BLOCK_SIZE, block, BLKREPL_BLOCK_SIZE);
	else
		r = blkrepl_ring_write(s->log, s->writer.j, pos, (void *)block, 1);
	kfree(block);
	return r;
}

static int put_block(void *ctx, u64 pos, const void *block, bool desc)
{
	struct blkrepl_sender *s = ctx;
	int r = 0;

	/* Nothing of it counts before it is committed. */
	if (READ_ONCE(container_of(s, struct blkrepl_async, sender)->halt)) {
		if (desc)
			kfree(block);
		return -ECANCELED;
	}
	if (desc)
		return put_desc(s, pos, block);
	/* One block is left out: the place of a descriptor that comes later. */
	if (s->nr && pos == s->pos + s->nr + 1 && s->nr < STAGE_BLOCKS - 1)
		s->nr++;
	else if (s->nr && (s->nr == STAGE_BLOCKS || pos != s->pos + s->nr))
		r = send_staged(s);
	if (r)
		return r;
	if (!s->nr)
		s->pos = pos;
	memcpy(s->buf + s->nr++ * BLKREPL_BLOCK_SIZE, block, BLKREPL_BLOCK_SIZE);
	return 0;
}

/**
 * blkrepl_sender_reset - no epoch is begun
 * @a: asynchronous mode; its worker does not run, or this is it
 *
 * Context: may sleep.
 */
void blkrepl_sender_reset(struct blkrepl_async *a)
{
	struct blkrepl_sender *s = &a->sender;

	if (!s->buf)
		return;
	kfree(s->writer.desc);
	kvfree(s->buf);
	memset(s, 0, sizeof(*s));
}

/* Begin an epoch, or go on with the one that catches up. */
static int begin_or_go_on(struct blkrepl_async *a, struct blkrepl_conn *conn, u64 need)
{
	struct blkrepl_sender *s = &a->sender;

	if (blkrepl_ring_reserve(&a->ring, need) != BLKREPL_ROOM_NOW)
		return -ENOSPC;
	s->reserved += need;
	if (s->buf) {
		s->writer.end += need;
		return blkrepl_writer_break(&s->writer);
	}
	s->buf = kvzalloc(BLKREPL_MAX_IO, GFP_NOIO);
	if (!s->buf)
		return -ENOMEM;
	s->log = &conn->log;
	blkrepl_writer_begin(&s->writer, &a->journal, a->committed + 1, a->ring.head, need,
			     new_desc, put_block, s);
	return 0;
}

static int commit(struct blkrepl_async *a, struct blkrepl_conn *conn, struct blkrepl_capture *c,
		  struct blkrepl_point *p)
{
	struct blkrepl_disk_commit *commit = kmalloc(sizeof(*commit), GFP_NOIO);
	struct blkrepl_sender *s = &a->sender;
	int r = commit ? 0 : -ENOMEM;

	r = r ?: blkrepl_writer_commit(&s->writer, commit, READ_ONCE(a->link->gens.latest),
				       c->sealed_us, p);
	r = r ?: send_staged(s);
	r = r ?: blkrepl_ring_commit(&conn->log, &a->journal, p->pos - 1, commit);
	r = r ?: blkrepl_ring_committed(&a->ring, s->reserved, p->pos);
	kfree(commit);
	if (r)
		return r;
	a->committed++;
	blkrepl_sender_reset(a);
	return 0;
}

static int from_memory(struct blkrepl_async *a, struct blkrepl_conn *conn,
		       struct blkrepl_apply *apply, struct blkrepl_capture *c,
		       const struct blkrepl_point *p)
{
	struct blkrepl_epoch_iter it;
	struct blkrepl_write w;
	int r = 0;

	blkrepl_epoch_walk(&c->epoch, &it);
	while (!r && blkrepl_epoch_next(&it, &w))
		r = blkrepl_apply_write(apply, &w);
	r = r ?: blkrepl_apply_end(apply);
	return r ?: blkrepl_ring_mark(&conn->log, &a->journal, p, &a->mark_seq);
}

/* The epoch is committed; what of it is not in memory any more is read again. */
static int to_members(struct blkrepl_async *a, struct blkrepl_conn *conn,
		      struct blkrepl_capture *c, const struct blkrepl_point *p)
{
	struct blkrepl_apply *apply = blkrepl_apply_to_target(conn);
	u64 us;
	int r = !apply ? -ENOMEM : blkrepl_fault(BLKREPL_FAULT_NO_APPLY) ? -EIO : 0;

	if (!r)
		r = c->part ? blkrepl_ring_replay(&conn->log, a->link->uuid, apply, &us,
						  &a->mark_seq) :
			      from_memory(a, conn, apply, c, p);
	blkrepl_apply_free(apply);
	return r ?: blkrepl_ring_applied(&a->ring, p->pos);
}

static int send(struct blkrepl_async *a, struct blkrepl_conn *conn, struct blkrepl_capture *c)
{
	struct blkrepl_point p;
	int r;

	blkrepl_capture_sort(c);
	r = begin_or_go_on(a, conn, blkrepl_epoch_need(&c->epoch));
	r = r ?: blkrepl_epoch_write(&c->epoch, &a->sender.writer);
	if (r || (c->part && !c->last))
		return r;
	r = commit(a, conn, c, &p);
	return r ?: to_members(a, conn, c, &p);
}

/* The oldest epoch, if it can be sent. */
static struct blkrepl_capture *next_epoch(struct blkrepl_async *a)
{
	struct blkrepl_capture *c;

	spin_lock_irq(&a->lock);
	c = list_first_entry_or_null(&a->sealed, struct blkrepl_capture, node);
	if (a->halt || (c && c->writes))
		c = NULL;
	spin_unlock_irq(&a->lock);
	return c;
}

/**
 * blkrepl_send_work - send what is sealed
 * @work: of asynchronous mode
 *
 * Context: workqueue; waits for the target up to its deadline.
 */
void blkrepl_send_work(struct work_struct *work)
{
	struct blkrepl_async *a = container_of(work, struct blkrepl_async, send_work);
	struct blkrepl_link *link = a->link;
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	struct blkrepl_capture *c;
	int r = conn ? 0 : -ENOTCONN;

	while (!r) {
		c = next_epoch(a);
		if (!c)
			break;
		r = send(a, conn, c);
		if (!r)
			blkrepl_capture_sent(a, c);
	}
	/* Once it was halted the loss is known, or somebody else's decision. */
	if (r && !READ_ONCE(a->halt)) {
		a->directly = r == -ENOSPC;
		blkrepl_link_fail(link, NULL, r);
	}
	/* What is committed and was not applied is replayed when it is met again. */
	if (r && r != -ECANCELED && conn)
		blkrepl_conn_kill(conn);
	if (conn)
		blkrepl_conn_put(conn);
}
