// SPDX-License-Identifier: GPL-2.0
/*
 * Meeting a target: connecting it, and asking one that was given up again.
 *
 * Before anything is sent to it its log volume tells whether it is the right
 * one, and by its generations whether this side may be the source of a copy.
 */
#include <linux/slab.h>

#include "blkrepl.h"

/*
 * Whether the two generations let this side be the source of a copy. What the
 * other side changed by itself is overwritten only where an operation said so.
 */
static int judge(struct blkrepl_link *link, bool flow, struct netlink_ext_ack *extack)
{
	bool may = blkrepl_gens_common(&link->gens, &link->target_gens) &&
		   (!flow || (link->flags & BLKREPL_LINK_OVERWRITE));

	switch (link->peer.relation) {
	case BLKREPL_GEN_SAME:
	case BLKREPL_GEN_SOURCE:
		return 0;
	case BLKREPL_GEN_TARGET:
		if (may)
			return 0;
		NL_SET_ERR_MSG(extack, "the target has changes that the source lacks; the source must not be the source of a copy");
		return -EBUSY;
	case BLKREPL_GEN_DIVERGED:
		if (may)
			return 0;
		NL_SET_ERR_MSG(extack, "source and target have both been changed on their own; decide which data to keep: ResyncReplica or RestoreFromReplica");
		return -EBUSY;
	default:
		NL_SET_ERR_MSG(extack, "source and target have no common history; detach the relationship and create it anew");
		return -EBUSY;
	}
}

/*
 * Both sides are as they were left when they were the same: this side's group went
 * down and came up, or the other side handed the access or the role over. There is
 * no loss to recover from, and nothing to copy.
 */
static bool undisturbed(struct blkrepl_link *link)
{
	return link->state == BLKREPL_COPY_STATE_BROKEN && !link->gens.base &&
	       link->peer.state == BLKREPL_COPY_STATE_SYNCHRONIZED && !link->target_gens.base &&
	       link->peer.relation == BLKREPL_GEN_SAME && blkrepl_link_consistent(link) &&
	       !(link->flags & BLKREPL_LINK_FAILING_BACK) && !blkrepl_link_dirty_blocks(link);
}

/* What follows when the target is back. */
static unsigned int next_state(struct blkrepl_link *link)
{
	if (undisturbed(link))
		return BLKREPL_COPY_STATE_SYNCHRONIZED;
	return blkrepl_event_next(link->flags & BLKREPL_LINK_MANUAL_RECOVERY ?
				  BLKREPL_EV_TARGET_BACK_MANUAL : BLKREPL_EV_TARGET_BACK,
				  link->state);
}

/*
 * What was committed to the target's journal and had not reached its members. It has
 * an image of one instant before anything else is done with it.
 */
static int catch_up(struct blkrepl_link *link, struct blkrepl_conn *conn,
		    const struct blkrepl_disk_link *l, struct netlink_ext_ack *extack)
{
	struct blkrepl_apply *apply;
	u64 us, seq;
	int r;

	if (!blkrepl_half_replays(le16_to_cpu(l->copy_state), le32_to_cpu(l->flags)))
		return 0;
	apply = blkrepl_apply_to_target(conn);
	r = apply ? blkrepl_ring_replay(&conn->log, link->uuid, apply, &us, &seq) : -ENOMEM;
	blkrepl_apply_free(apply);
	if (r)
		NL_SET_ERR_MSG(extack, "the target's journal cannot be replayed");
	else if (us > link->recovery_point_us)
		link->recovery_point_us = us;
	return r;
}

/*
 * Check that the target's log volume is the one of this relationship; next becomes
 * the state that follows, unless the present one is to stay.
 */
static int check_target(struct blkrepl_link *link, struct blkrepl_conn *conn, bool still,
			unsigned int *next, struct netlink_ext_ack *extack)
{
	struct blkrepl_disk_link *l;
	int r;

	r = blkrepl_log_load(&conn->log, extack);
	if (r)
		return r;
	if (!blkrepl_uuid_equal(conn->log.super->group_uuid, link->peer_uuid)) {
		NL_SET_ERR_MSG(extack, "the target's log volume belongs to another group");
		return -EMEDIUMTYPE;
	}
	l = kmalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	r = blkrepl_log_read_link(&conn->log, l);
	if (!r && !blkrepl_uuid_equal(l->uuid, link->uuid))
		r = -ENOENT;
	if (r == -ENOENT) {
		NL_SET_ERR_MSG(extack, "the target's log volume does not know this relationship; detach it and create it anew");
		r = -EMEDIUMTYPE;
	}
	if (r)
		goto out;
	r = blkrepl_half_check_members(link, conn, false);
	if (r) {
		blkrepl_say(extack, r == -EMEDIUMTYPE ?
			    "the target's members are not those of this relationship" :
			    "the target's member table cannot be read or written");
		goto out;
	}
	r = blkrepl_half_meet(link, conn, l);
	if (r)
		NL_SET_ERR_MSG(extack, "what the target has changed by itself cannot be read");
	r = r ?: catch_up(link, conn, l, extack);
	*next = still ? link->state : next_state(link);
	r = r ?: judge(link, !still && blkrepl_state_flows(*next), extack);
out:
	kfree(l);
	return r;
}

/* One that could not be told when the two parted, or of other pairs, is told now. */
static void tell_late(struct blkrepl_link *link)
{
	bool parted = blkrepl_state_parted(link->state) &&
		      !blkrepl_half_told(link->state, link->flags, link->peer.state,
					 link->peer.flags);
	struct blkrepl_conn *conn;

	if ((link->flags & BLKREPL_LINK_PENDING) || (!parted && !link->peer.other_pairs))
		return;
	conn = blkrepl_conn_tryget(link);
	if (!conn)
		return;
	if (parted)
		blkrepl_half_tell(link, conn, link->state);
	else
		blkrepl_half_tell_pairs(link, conn);
	blkrepl_conn_put(conn);
}

/* The target was failed over by itself: this side must not go on as the source. */
static bool overtaken(struct blkrepl_link *link)
{
	return !(link->flags & (BLKREPL_LINK_TARGET_SIDE | BLKREPL_LINK_PENDING)) &&
	       link->state != BLKREPL_COPY_STATE_FAILEDOVER &&
	       (link->peer.state == BLKREPL_COPY_STATE_FAILEDOVER ||
		(link->peer.flags & BLKREPL_LINK_FAILING_BACK));
}

/* Paths are shown by who holds link->lock only. */
static void set_path(struct blkrepl_link *link, char **path, const char *value)
{
	char *copy = kstrdup(value, GFP_KERNEL);

	spin_lock_irq(&link->lock);
	swap(*path, copy);
	spin_unlock_irq(&link->lock);
	kfree(copy);
}

/* The target was given up, and nothing that it was sent is in flight. */
static bool given_up(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn;
	bool idle = false;

	rcu_read_lock();
	conn = rcu_dereference(link->conn);
	if (conn)
		idle = atomic_read(&conn->state) == (BLKREPL_CONN_KILLED | BLKREPL_CONN_IDLE);
	rcu_read_unlock();
	return idle;
}

/**
 * blkrepl_link_connect - open a relationship's target and go on
 * @link: the relationship
 * @log_path: the target's log volume
 * @dev: the target's volumes
 * @nr: how many
 * @only: let the state be
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_connect(struct blkrepl_link *link, const char *log_path,
			 const struct blkrepl_device *dev, unsigned int nr, bool only,
			 unsigned int timeout_ms, struct netlink_ext_ack *extack)
{
	/* Of a hand-over that was interrupted nothing follows but telling. */
	bool still = only || (link->flags & BLKREPL_LINK_PENDING);
	struct blkrepl_conn *conn;
	unsigned int i, next;
	int r;

	lockdep_assert_held(&link->group->conf);
	if (blkrepl_conn_alive(link))
		return 0;
	/* Whoever asks for it does not wait until one that was given up is due to be asked. */
	if (rcu_access_pointer(link->conn)) {
		if (!given_up(link)) {
			NL_SET_ERR_MSG(extack, "the target was given up, and requests to it are still in flight; try again later");
			return -ETIMEDOUT;
		}
		blkrepl_conn_unpublish(link);
	}
	r = blkrepl_conn_open(link, log_path, dev, nr, &conn, extack);
	if (r)
		return r;
	r = check_target(link, conn, still, &next, extack);
	if (r) {
		blkrepl_conn_close(conn);
		return r;
	}
	set_path(link, &link->log_path, log_path);
	for (i = 0; i < nr; i++)
		set_path(link, &link->pair[dev[i].index].path, dev[i].path);
	blkrepl_conn_publish(link, conn);
	if (overtaken(link)) {
		r = blkrepl_link_close(link, timeout_ms, "the target was failed over meanwhile", extack);
		if (!r)
			NL_SET_ERR_MSG(extack, "the target has been failed over and serves; this side is closed");
		blkrepl_conn_unpublish(link);
		return r ?: -EBUSY;
	}
	tell_late(link);
	if (still) {
		blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
		return 0;
	}
	r = blkrepl_link_flow(link, next, timeout_ms, "the target was connected", extack);
	if (r)
		blkrepl_conn_unpublish(link);
	else
		blkrepl_notify_link(link, BLKREPL_EVENT_LEG_RETURNED);
	return r;
}

/* The target was given up, has no orphans and is due to be asked again. */
static bool may_probe(struct blkrepl_link *link)
{
	return given_up(link) && time_after_eq(jiffies, link->probe_at) &&
	       !blkrepl_fault(BLKREPL_FAULT_NO_PROBE);
}

/* Whether pairs went alone, and one is due to be asked again. */
static bool may_rejoin(struct blkrepl_link *link)
{
	unsigned int i;

	if (READ_ONCE(link->state) != BLKREPL_COPY_STATE_MIXED ||
	    (READ_ONCE(link->flags) & BLKREPL_LINK_MANUAL_RECOVERY) ||
	    !time_after_eq(jiffies, link->probe_at))
		return false;
	for (i = 0; i < link->nr_pairs; i++)
		if (READ_ONCE(link->pair[i].out) && !blkrepl_conn_waits(&link->pair[i]))
			return true;
	return false;
}

static int probe_leg(struct blkrepl_conn *conn, unsigned int i, void *buf)
{
	struct block_device *bdev = blkrepl_bdev(conn->leg[i]);

	return blkrepl_conn_sync_io(conn, &conn->link->pair[i], bdev, REQ_OP_READ | REQ_SYNC, 0,
				    buf, bdev_logical_block_size(bdev));
}

/* Whether all devices of a target answer, and its log volume is what it was. */
static int probe(struct blkrepl_conn *conn)
{
	void *buf = kmalloc(2 * BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	unsigned int i, answered = 0;
	bool some;
	int r, s;

	if (!buf)
		return -ENOMEM;
	r = blkrepl_log_read(&conn->log, BLKREPL_AT_SUPER, 2, buf);
	if (!r && !blkrepl_block_pick(buf, BLKREPL_BLOCK_SUPER, 0, &conn->log.tag))
		r = -EMEDIUMTYPE;
	/* Where pairs go alone, some may come alone. */
	some = !(READ_ONCE(conn->link->flags) & BLKREPL_LINK_CONSISTENCY);
	for (i = 0; i < conn->nr_legs && !r; i++) {
		s = probe_leg(conn, i, buf);
		answered += !s;
		r = some ? 0 : s;
	}
	kfree(buf);
	return r ?: answered ? 0 : -EIO;
}

static void probe_later(struct blkrepl_link *link)
{
	link->probe_at = jiffies + msecs_to_jiffies(BLKREPL_TICK_MS * link->probe_backoff);
	link->probe_backoff = min(link->probe_backoff * 2, 32u);
}

/*
 * Ask the legs that failed alone; those that answer are mirrored again. As with a
 * whole target nobody but this waits for them.
 */
static void rejoin(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	struct blkrepl_group *g = link->group;
	void *buf = kmalloc(BLKREPL_BLOCK_SIZE, GFP_KERNEL);
	DECLARE_BITMAP(answered, BLKREPL_MAX_MEMBERS) = {};
	unsigned int i;
	int r;

	for (i = 0; i < link->nr_pairs && buf; i++)
		if (READ_ONCE(link->pair[i].out) && !blkrepl_conn_waits(&link->pair[i]) &&
		    !probe_leg(conn, i, buf))
			__set_bit(i, answered);
	kfree(buf);
	if (bitmap_empty(answered, BLKREPL_MAX_MEMBERS))
		return;
	mutex_lock(&g->conf);
	if (READ_ONCE(link->removing) || rcu_access_pointer(link->conn) != conn ||
	    READ_ONCE(link->state) != BLKREPL_COPY_STATE_MIXED)
		goto out;
	for_each_set_bit(i, answered, link->nr_pairs)
		WRITE_ONCE(link->pair[i].out, false);
	r = blkrepl_link_flow(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED, BLKREPL_HOLD_MS,
			      "a target volume is back", NULL);
	/* Unless the others have gone too meanwhile, and with them the target. */
	mutex_lock(&link->state_lock);
	for_each_set_bit(i, answered, link->nr_pairs)
		if (r && link->state == BLKREPL_COPY_STATE_MIXED &&
		    READ_ONCE(link->pair[i].mode) != BLKREPL_PAIR_MIRROR)
			WRITE_ONCE(link->pair[i].out, true);
	mutex_unlock(&link->state_lock);
	if (!r)
		blkrepl_notify_link(link, BLKREPL_EVENT_LEG_RETURNED);
out:
	mutex_unlock(&g->conf);
}

/**
 * blkrepl_revive_work - speak to a target again that had been given up
 * @work: of the relationship
 *
 * The configuration is not locked while the target is asked: it may be as dead
 * as before, and then nobody shall have waited for it but this.
 *
 * Context: workqueue.
 */
void blkrepl_revive_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(work, struct blkrepl_link, revive_work);
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn;
	unsigned int next;
	bool pending;
	int r;

	mutex_lock(&g->conf);
	conn = rcu_dereference_protected(link->conn, lockdep_is_held(&g->conf));
	if (READ_ONCE(link->removing) || !conn || (!may_probe(link) && !may_rejoin(link))) {
		mutex_unlock(&g->conf);
		return;
	}
	if (!may_probe(link)) {
		conn = blkrepl_conn_tryget(link);
		probe_later(link);
		mutex_unlock(&g->conf);
		if (conn) {
			rejoin(link, conn);
			blkrepl_conn_put(conn);
		}
		return;
	}
	/* Until both sides are the same each failure makes the next probe later. */
	probe_later(link);
	atomic_or(BLKREPL_CONN_PROBING, &conn->state);
	atomic_andnot(BLKREPL_CONN_KILLED | BLKREPL_CONN_IDLE, &conn->state);
	percpu_ref_reinit(&conn->ref);
	percpu_ref_get(&conn->ref);
	mutex_unlock(&g->conf);

	r = probe(conn);

	mutex_lock(&g->conf);
	if (READ_ONCE(link->removing) || rcu_access_pointer(link->conn) != conn) {
		atomic_andnot(BLKREPL_CONN_PROBING, &conn->state);
		goto out;
	}
	pending = link->flags & BLKREPL_LINK_PENDING;
	if (!r)
		r = check_target(link, conn, pending, &next, NULL);
	/* Until here nobody else could use it. */
	atomic_andnot(BLKREPL_CONN_PROBING, &conn->state);
	if (!r && overtaken(link)) {
		blkrepl_link_close(link, BLKREPL_HOLD_MS, "the target was failed over meanwhile", NULL);
		r = -EBUSY;
	} else if (!r && !pending) {
		tell_late(link);
		r = blkrepl_link_flow(link, next, BLKREPL_HOLD_MS, "the target is back", NULL);
	}
	if (r)
		blkrepl_conn_kill(conn);
	else
		blkrepl_notify_link(link, BLKREPL_EVENT_LEG_RETURNED);
out:
	mutex_unlock(&g->conf);
	blkrepl_conn_put(conn);
}

static void heartbeat(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn;
	struct blkrepl_disk_mark *m;

	if (!link->heartbeat_ms || !blkrepl_link_mirrors(link) ||
	    time_before(jiffies, link->beat_at))
		return;
	link->beat_at = jiffies + msecs_to_jiffies(link->heartbeat_ms);
	conn = blkrepl_conn_tryget(link);
	if (!conn)
		return;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (m) {
		memcpy(m->link_uuid, link->uuid, BLKREPL_UUID_SIZE);
		m->generation = cpu_to_le64(link->gens.latest);
		m->recovery_point_us = cpu_to_le64(blkrepl_link_point(link));
		blkrepl_log_write_mark(&conn->log, m);
		kfree(m);
	}
	blkrepl_conn_put(conn);
}

/**
 * blkrepl_tick_work - what a relationship does once a second
 * @work: of the relationship
 *
 * Context: workqueue.
 */
void blkrepl_tick_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(to_delayed_work(work), struct blkrepl_link,
						 tick_work);
	unsigned int state = READ_ONCE(link->state);

	blkrepl_objective_tick(link);
	if (state == BLKREPL_COPY_STATE_SYNCHRONIZED) {
		if (blkrepl_link_wants_capture(link))
			queue_work(blkrepl_conf_wq, &link->mode_work);
		else if (blkrepl_link_dirty_blocks(link))
			blkrepl_copy_again(link);
		if (!blkrepl_link_dirty_blocks(link))
			heartbeat(link);
	} else if (state == BLKREPL_COPY_STATE_UNSYNCHRONIZED ||
		   state == BLKREPL_COPY_STATE_MIXED) {
		if (atomic_read(&link->copy_slots))
			blkrepl_notify_link(link, BLKREPL_EVENT_PROGRESS);
		else
			blkrepl_copy_again(link);
	}
	if (may_probe(link) || may_rejoin(link))
		queue_work(blkrepl_conf_wq, &link->revive_work);
	if (!READ_ONCE(link->removing))
		queue_delayed_work(blkrepl_conf_wq, &link->tick_work, msecs_to_jiffies(BLKREPL_TICK_MS));
}
