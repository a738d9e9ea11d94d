// SPDX-License-Identifier: GPL-2.0
/*
 * The open devices of a target.
 *
 * Every request to the target holds a reference of the connection. When the
 * target is given up the reference is killed: nothing new goes out. Requests
 * that the target does not answer are abandoned at the deadline; they become
 * orphans, which keep their own pages, the devices and the module. Only when
 * the last of them has ended, which the reference's release tells, is the
 * target spoken to again: a late write must never land on newer data.
 */
#include <linux/slab.h>
#include <linux/netlink.h>

#include "blkrepl.h"

static void conn_idle(struct percpu_ref *ref)
{
	struct blkrepl_conn *conn = container_of(ref, struct blkrepl_conn, ref);

	if (atomic_fetch_or(BLKREPL_CONN_IDLE, &conn->state) & BLKREPL_CONN_CLOSING)
		queue_work(blkrepl_conf_wq, &conn->free_work);
}

static void close_leg(struct blkrepl_conn *conn, unsigned int i)
{
	if (conn->leg[i])
		blkrepl_bdev_close(conn->leg[i], conn->holder[i]);
	conn->leg[i] = NULL;
	kfree(conn->holder[i]);
	conn->holder[i] = NULL;
}

static void close_devices(struct blkrepl_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->nr_legs; i++) {
		close_leg(conn, i);
		blkrepl_vol_put(conn->vol[i]);
	}
	blkrepl_log_close(&conn->log, conn);
	kfree(conn->holder);
	kfree(conn->leg);
	kfree(conn->vol);
	kfree(conn->leg_orphans);
}

static void conn_free_work(struct work_struct *work)
{
	struct blkrepl_conn *conn = container_of(work, struct blkrepl_conn, free_work);
	struct blkrepl_group *g = conn->group;

	close_devices(conn);
	percpu_ref_exit(&conn->ref);
	kfree_rcu(conn, rcu);
	blkrepl_group_put(g);
}

/**
 * blkrepl_conn_kill - let no further request begin
 * @conn: the connection; the caller keeps it from being freed
 *
 * Context: may sleep.
 */
void blkrepl_conn_kill(struct blkrepl_conn *conn)
{
	if (!(atomic_fetch_or(BLKREPL_CONN_KILLED, &conn->state) & BLKREPL_CONN_KILLED))
		percpu_ref_kill(&conn->ref);
}

/**
 * blkrepl_conn_close - nobody will use the connection again
 * @conn: not reachable from its link any more, or never was
 *
 * The devices are closed when the last request has ended, which need not be now. Of
 * one that is idle they are closed on return.
 *
 * Context: may sleep.
 */
void blkrepl_conn_close(struct blkrepl_conn *conn)
{
	/* In one step: once it is idle and closing it may be gone. */
	int old = atomic_fetch_or(BLKREPL_CONN_CLOSING | BLKREPL_CONN_KILLED, &conn->state);

	if (old & BLKREPL_CONN_IDLE)
		conn_free_work(&conn->free_work);
	else if (!(old & BLKREPL_CONN_KILLED))
		percpu_ref_kill(&conn->ref);
}

/**
 * blkrepl_conn_tryget - a reference for one request
 * @link: the relationship
 *
 * Context: any.
 * Return: the connection, or NULL when there is none or it was given up.
 */
struct blkrepl_conn *blkrepl_conn_tryget(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn;

	rcu_read_lock();
	conn = rcu_dereference(link->conn);
	if (conn && !percpu_ref_tryget_live(&conn->ref))
		conn = NULL;
	/* Looked at with the reference: it is set before the reference lives again. */
	if (conn && (atomic_read(&conn->state) & BLKREPL_CONN_PROBING)) {
		percpu_ref_put(&conn->ref);
		conn = NULL;
	}
	rcu_read_unlock();
	return conn;
}

/**
 * blkrepl_conn_put - drop a request's reference
 * @conn: the connection
 *
 * Context: any.
 */
void blkrepl_conn_put(struct blkrepl_conn *conn)
{
	percpu_ref_put(&conn->ref);
}

/**
 * blkrepl_conn_give_up - send nothing more to the target
 * @link: the relationship
 *
 * Context: may sleep.
 */
void blkrepl_conn_give_up(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);

	if (conn) {
		blkrepl_conn_kill(conn);
		blkrepl_conn_put(conn);
	}
}

/**
 * blkrepl_conn_alive - whether the target is connected and not given up
 * @link: the relationship
 *
 * Context: any.
 */
bool blkrepl_conn_alive(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);

	if (conn)
		blkrepl_conn_put(conn);
	return conn;
}

/**
 * blkrepl_conn_orphan - count a request that was abandoned, or has ended after that
 * @conn: the connection
 * @leg: index of the member; negative for the log volume
 * @n: 1 or -1
 *
 * Context: any.
 */
void blkrepl_conn_orphan(struct blkrepl_conn *conn, int leg, int n)
{
	atomic_add(n, &conn->orphans);
	if (leg >= 0)
		atomic_add(n, &conn->leg_orphans[leg]);
}

/**
 * blkrepl_conn_orphaned - whether abandoned requests are in flight at a pair's leg
 * @pair: the pair
 *
 * Context: any.
 */
bool blkrepl_conn_orphaned(struct blkrepl_pair *pair)
{
	struct blkrepl_conn *conn;
	bool orphaned;

	rcu_read_lock();
	conn = rcu_dereference(pair->link->conn);
	orphaned = conn && atomic_read(&conn->leg_orphans[pair->vol->index]);
	rcu_read_unlock();
	return orphaned;
}

static bool has_device(struct blkrepl_conn *conn, unsigned int but, dev_t dev)
{
	unsigned int i;

	for (i = 0; i < BLKREPL_MAX_MEMBERS; i++)
		if (i != but && conn->leg[i] && blkrepl_bdev(conn->leg[i])->bd_dev == dev)
			return true;
	return blkrepl_bdev(conn->log.bdev)->bd_dev == dev;
}

static int open_leg(struct blkrepl_conn *conn, unsigned int i, struct blkrepl_pair *pair,
		    const char *path, struct netlink_ext_ack *extack)
{
	void *holder = kmalloc(1, GFP_KERNEL);
	struct blkrepl_vol *vol = pair->vol;
	struct block_device *bdev;
	blkrepl_bdev_t leg;

	if (!holder)
		return -ENOMEM;
	/* Its own, for the open device may go over to another connection. */
	leg = blkrepl_bdev_open(path, holder);
	if (IS_ERR(leg)) {
		kfree(holder);
		blkrepl_say(extack, PTR_ERR(leg) == -EBUSY ?
			       "a target volume is in use; unmount it or detach what holds it" :
			       "a target volume cannot be opened; check its path");
		return PTR_ERR(leg);
	}
	conn->leg[i] = leg;
	conn->holder[i] = holder;
	bdev = blkrepl_bdev(leg);
	if (bdev == blkrepl_bdev(vol->source)) {
		NL_SET_ERR_MSG(extack, "source and target are the same device");
		return -EINVAL;
	}
	if (has_device(conn, i, bdev->bd_dev)) {
		NL_SET_ERR_MSG(extack, "a target volume is given twice, or is the target's log volume; give each its own");
		return -EBUSY;
	}
	if (bdev_nr_sectors(bdev) < vol->sectors) {
		NL_SET_ERR_MSG(extack, "a target volume is smaller than its source; extend it");
		return -ERANGE;
	}
	if (bdev_logical_block_size(bdev) > bdev_logical_block_size(blkrepl_bdev(vol->source))) {
		NL_SET_ERR_MSG(extack, "a target volume has larger logical blocks than its source");
		return -EINVAL;
	}
	if (bdev_is_zoned(bdev) || bdev_read_only(bdev)) {
		NL_SET_ERR_MSG(extack, "a target volume is zoned or read-only");
		return -EINVAL;
	}
	pair->sectors = bdev_nr_sectors(bdev);
	pair->target_dev = bdev->bd_dev;
	return 0;
}

/**
 * blkrepl_conn_open - open a target's devices; its log volume is not read
 * @link: the relationship
 * @log_path: the target's log volume
 * @dev: one device for each member of the source group
 * @nr: how many
 * @ret: the connection
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_conn_open(struct blkrepl_link *link, const char *log_path,
		      const struct blkrepl_device *dev, unsigned int nr,
		      struct blkrepl_conn **ret, struct netlink_ext_ack *extack)
{
	struct blkrepl_group *g = link->group;
	struct blkrepl_conn *conn;
	unsigned int i;
	int r = -ENOMEM;

	lockdep_assert_held(&g->conf);
	if (nr != g->nr_vols) {
		NL_SET_ERR_MSG(extack, "there must be one target volume for each member");
		return -EINVAL;
	}
	conn = kzalloc(sizeof(*conn), GFP_KERNEL);
	if (!conn)
		return -ENOMEM;
	conn->link = link;
	conn->group = g;
	INIT_WORK(&conn->free_work, conn_free_work);
	conn->leg = kcalloc(BLKREPL_MAX_MEMBERS, sizeof(*conn->leg), GFP_KERNEL);
	conn->holder = kcalloc(BLKREPL_MAX_MEMBERS, sizeof(*conn->holder), GFP_KERNEL);
	conn->vol = kcalloc(BLKREPL_MAX_MEMBERS, sizeof(*conn->vol), GFP_KERNEL);
	conn->leg_orphans = kcalloc(BLKREPL_MAX_MEMBERS, sizeof(*conn->leg_orphans), GFP_KERNEL);
	if (!conn->leg || !conn->holder || !conn->vol || !conn->leg_orphans)
		goto err_free;
	r = percpu_ref_init(&conn->ref, conn_idle, PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
	if (r)
		goto err_free;
	blkrepl_group_get(g);
	while (conn->nr_legs < g->nr_vols) {
		conn->vol[conn->nr_legs] = g->vol[conn->nr_legs];
		kref_get(&g->vol[conn->nr_legs++]->ref);
	}
	conn->log.conn = conn;
	r = blkrepl_log_open(&conn->log, log_path, conn, extack);
	for (i = 0; i < nr && !r; i++) {
		if (dev[i].index >= g->nr_vols || conn->leg[dev[i].index]) {
			NL_SET_ERR_MSG(extack, "the index of a target volume is wrong or given twice");
			r = -EINVAL;
			break;
		}
		r = open_leg(conn, dev[i].index, &link->pair[dev[i].index], dev[i].path, extack);
	}
	if (r) {
		blkrepl_conn_close(conn);
		return r;
	}
	*ret = conn;
	return 0;

err_free:
	kfree(conn->leg_orphans);
	kfree(conn->holder);
	kfree(conn->leg);
	kfree(conn->vol);
	kfree(conn);
	return r;
}

/**
 * blkrepl_conn_add_leg - open the device of one more pair
 * @conn: the connection; the device comes last until blkrepl_conn_move()
 * @pair: the pair, with its path; of a relationship that is not known yet
 * @extack: told what is wrong
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_conn_add_leg(struct blkrepl_conn *conn, struct blkrepl_pair *pair,
			 struct netlink_ext_ack *extack)
{
	unsigned int i = conn->nr_legs;
	int r;

	if (i == BLKREPL_MAX_MEMBERS)
		return -ERANGE;
	r = open_leg(conn, i, pair, pair->path, extack);
	if (r) {
		close_leg(conn, i);
		return r;
	}
	conn->vol[i] = pair->vol;
	kref_get(&pair->vol->ref);
	WRITE_ONCE(conn->nr_legs, i + 1);
	return 0;
}

/**
 * blkrepl_conn_trim - close the last devices of a connection
 * @conn: the connection
 * @nr: how many it keeps; the others have no pair
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_conn_trim(struct blkrepl_conn *conn, unsigned int nr)
{
	while (conn->nr_legs > nr) {
		unsigned int i = conn->nr_legs - 1;

		WRITE_ONCE(conn->nr_legs, i);
		close_leg(conn, i);
		blkrepl_vol_put(conn->vol[i]);
		conn->vol[i] = NULL;
	}
}

static struct blkrepl_conn *conn_of(struct blkrepl_link *link)
{
	return rcu_dereference_protected(link->conn, lockdep_is_held(&link->group->conf));
}

/**
 * blkrepl_conn_show - let the target's devices show below the replica devices
 * @link: the relationship
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_conn_show(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn = conn_of(link);
	unsigned int i;

	if (!conn)
		return;

	for (i = 0; i < link->nr_pairs; i++) {
		struct blkrepl_vol *vol = link->pair[i].vol;

		if (vol->disk && !vol->target_linked)
			vol->target_linked = !bd_link_disk_holder(blkrepl_bdev(conn->leg[i]),
								  vol->disk);
	}
}

/**
 * blkrepl_conn_hide_leg - undo blkrepl_conn_show() for one pair
 * @link: the relationship
 * @i: which
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_conn_hide_leg(struct blkrepl_link *link, unsigned int i)
{
	struct blkrepl_vol *vol = link->pair[i].vol;

	if (vol->target_linked)
		bd_unlink_disk_holder(blkrepl_bdev(conn_of(link)->leg[i]), vol->disk);
	vol->target_linked = false;
}

/**
 * blkrepl_conn_hide - undo blkrepl_conn_show()
 * @link: the relationship
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_conn_hide(struct blkrepl_link *link)
{
	unsigned int i;

	for (i = 0; i < link->nr_pairs && conn_of(link); i++)
		blkrepl_conn_hide_leg(link, i);
}

/**
 * blkrepl_conn_publish - let a relationship use a connection
 * @link: the relationship, without one
 * @conn: the connection
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_conn_publish(struct blkrepl_link *link, struct blkrepl_conn *conn)
{
	rcu_assign_pointer(link->conn, conn);
	blkrepl_conn_show(link);
	blkrepl_conn_start(link);
}

/**
 * blkrepl_conn_start - begin with what a relationship does from time to time
 * @link: the relationship, with a connection
 *
 * Context: any.
 */
void blkrepl_conn_start(struct blkrepl_link *link)
{
	link->probe_backoff = 1;
	link->probe_at = jiffies;
	link->beat_at = jiffies;
	WRITE_ONCE(link->removing, false);
	queue_delayed_work(blkrepl_conf_wq, &link->deadline_work, 1);
	queue_delayed_work(blkrepl_conf_wq, &link->tick_work, msecs_to_jiffies(BLKREPL_TICK_MS));
}

/**
 * blkrepl_conn_move - give a connection to another relationship
 * @from: has it, and is at rest
 * @to: gets it; devices without a pair here come last
 *
 * Context: may sleep; group->conf and group->meta_lock are held.
 */
void blkrepl_conn_move(struct blkrepl_link *from, struct blkrepl_link *to)
{
	struct blkrepl_conn *conn = conn_of(from);
	unsigned int i, k;

	for (i = 0; i < to->nr_pairs; i++) {
		for (k = i; k < conn->nr_legs && conn->vol[k] != to->pair[i].vol; k++)
			;
		if (WARN_ON_ONCE(k == conn->nr_legs))
			continue;
		/* No request is in flight, nor has any been abandoned. */
		swap(conn->leg[i], conn->leg[k]);
		swap(conn->holder[i], conn->holder[k]);
		swap(conn->vol[i], conn->vol[k]);
	}
	WRITE_ONCE(conn->link, to);
	rcu_assign_pointer(to->conn, conn);
	rcu_assign_pointer(from->conn, NULL);
	synchronize_rcu();
}

/**
 * blkrepl_conn_hand_on - give the last devices of a connection to another one
 * @from: the connection, at rest
 * @nr: how many it keeps; the others have no pair
 * @to: gets them, at rest as well; they come last until blkrepl_conn_move()
 *
 * Context: may sleep; conf and meta_lock of both groups are held.
 */
void blkrepl_conn_hand_on(struct blkrepl_conn *from, unsigned int nr, struct blkrepl_conn *to)
{
	unsigned int i, k = to->nr_legs;

	for (i = nr; i < from->nr_legs; i++, k++) {
		swap(from->leg[i], to->leg[k]);
		swap(from->holder[i], to->holder[k]);
		swap(from->vol[i], to->vol[k]);
	}
	WRITE_ONCE(to->nr_legs, k);
	WRITE_ONCE(from->nr_legs, nr);
}

/**
 * blkrepl_conn_unpublish - take a relationship's connection away and close it
 * @link: the relationship; no write is mirrored and no copy runs
 *
 * Context: may sleep; group->conf is held.
 */
void blkrepl_conn_unpublish(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn = conn_of(link);
	unsigned int i;

	lockdep_assert_held(&link->group->conf);
	if (!conn)
		return;
	blkrepl_conn_hide(link);
	rcu_assign_pointer(link->conn, NULL);
	synchronize_rcu();
	for (i = 0; i < link->nr_pairs; i++)
		link->pair[i].target_dev = 0;
	blkrepl_conn_close(conn);
}

/**
 * blkrepl_conn_covers - whether a target volume is large enough
 * @link: the relationship
 * @index: of the member
 * @sectors: size that it has to have
 *
 * Context: may sleep; group->conf is held.
 * Return: true also while the target is not connected: it is checked then.
 */
bool blkrepl_conn_covers(struct blkrepl_link *link, unsigned int index, sector_t sectors)
{
	struct blkrepl_conn *conn = conn_of(link);

	return !conn || bdev_nr_sectors(blkrepl_bdev(conn->leg[index])) >= sectors;
}
