// SPDX-License-Identifier: GPL-2.0
/* The operations of the model, and the settings. */
#include "blkrepl.h"

/**
 * blkrepl_op_refuse - the error that goes with a verdict
 * @v: the verdict
 * @extack: told the reason
 *
 * User space, which has the same table, adds the state and what is legal.
 *
 * Context: any.
 */
int blkrepl_op_refuse(enum blkrepl_verdict v, struct netlink_ext_ack *extack)
{
	switch (v) {
	case BLKREPL_VERDICT_NEEDS_FORCE:
		NL_SET_ERR_MSG(extack, "the operation needs force in the present state, for the target is not or may not be complete");
		return -EPERM;
	case BLKREPL_VERDICT_LOSES:
		NL_SET_ERR_MSG(extack, "the operation needs force, for changes that only one side has would be lost");
		return -EPERM;
	case BLKREPL_VERDICT_NOT_SUPPORTED:
		NL_SET_ERR_MSG(extack, "this kind of relationship never has the operation");
		return -EOPNOTSUPP;
	case BLKREPL_VERDICT_NOT_BUILT:
		NL_SET_ERR_MSG(extack, "this version does not offer the operation");
		return -EOPNOTSUPP;
	case BLKREPL_VERDICT_INCONSISTENT:
		NL_SET_ERR_MSG(extack, "the operation is refused while the target is inconsistent; let the copy finish first");
		return -EBUSY;
	default:
		NL_SET_ERR_MSG(extack, "the operation is refused in the present state");
		return -EBUSY;
	}
}

static void apply_settings(struct blkrepl_link *link, const struct blkrepl_settings *s)
{
	link->throttle.limit = s->rate_limit;
	link->throttle.yield = s->yield_rate;
	link->leg_timeout_ms = s->leg_timeout_ms;
	link->heartbeat_ms = s->heartbeat_ms;
	WRITE_ONCE(link->rpo_s, s->rpo_s);
	link->flags &= ~(BLKREPL_LINK_MANUAL_RECOVERY | BLKREPL_LINK_HOLD_ON_FAILURE);
	link->flags |= (s->manual_recovery ? BLKREPL_LINK_MANUAL_RECOVERY : 0) |
		       (s->hold_on_failure ? BLKREPL_LINK_HOLD_ON_FAILURE : 0);
}

/* The other half has them too, for the day on which it is the one that counts. */
static void tell_settings(struct blkrepl_link *link)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	struct blkrepl_gens gens;

	if (!conn)
		return;
	/* The end of a copy writes them as well. */
	if (link->peer.state && blkrepl_copy_forbid(link)) {
		gens = link->target_gens;
		blkrepl_half_write(link, conn, link->peer.state,
				   link->flags & ~BLKREPL_LINK_PENDING, &gens);
		blkrepl_copy_allow(link);
		blkrepl_copy_again(link);
	}
	blkrepl_conn_put(conn);
}

/**
 * blkrepl_link_set - change the settings, durably
 * @link: the relationship
 * @s: all settings
 *
 * Context: may sleep; group->conf is held.
 */
int blkrepl_link_set(struct blkrepl_link *link, const struct blkrepl_settings *s)
{
	struct blkrepl_settings old;
	int r;

	lockdep_assert_held(&link->group->conf);
	/* Then nothing is acknowledged that the target lacks. */
	r = s->hold_on_failure ? blkrepl_capture_stop(link, BLKREPL_HOLD_MS) : 0;
	if (r)
		return r;
	mutex_lock(&link->state_lock);
	old = (struct blkrepl_settings){
		.rate_limit = link->throttle.limit,
		.yield_rate = link->throttle.yield,
		.leg_timeout_ms = link->leg_timeout_ms,
		.heartbeat_ms = link->heartbeat_ms,
		.rpo_s = link->rpo_s,
		.manual_recovery = link->flags & BLKREPL_LINK_MANUAL_RECOVERY,
		.hold_on_failure = link->flags & BLKREPL_LINK_HOLD_ON_FAILURE,
	};
	apply_settings(link, s);
	r = blkrepl_link_store(link);
	if (r)
		apply_settings(link, &old);
	mutex_unlock(&link->state_lock);
	if (!r)
		blkrepl_copy_new_pace(link);
	/* Held writes may go now. */
	if (!r && old.hold_on_failure && !s->hold_on_failure)
		queue_work(blkrepl_state_wq, &link->stale_work);
	if (!r) {
		blkrepl_objective_set(link);
		tell_settings(link);
	}
	if (!r)
		blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
	return r;
}

/* Suspend held answers for long enough. */
void blkrepl_hold_work(struct work_struct *work)
{
	struct blkrepl_link *link = container_of(to_delayed_work(work), struct blkrepl_link,
						 hold_work);

	WRITE_ONCE(link->hold_io, false);
	queue_work(blkrepl_state_wq, &link->stale_work);
}

static int suspend(struct blkrepl_link *link, const struct blkrepl_op_param *p, const char *text,
		   struct netlink_ext_ack *extack)
{
	int r;

	link->hold_io = p->hold_io;
	r = blkrepl_link_stop(link, BLKREPL_COPY_STATE_SUSPENDED, NULL, p->timeout_ms, text, extack);
	if (r)
		link->hold_io = false;
	else if (p->hold_io)
		mod_delayed_work(blkrepl_state_wq, &link->hold_work,
				 msecs_to_jiffies(p->timeout_ms));
	return r;
}

/* The side that receives was stopped in the middle: it keeps what has arrived. */
static int abort_copy(struct blkrepl_link *link, const struct blkrepl_op_param *p, const char *text,
		      struct netlink_ext_ack *extack)
{
	const struct blkrepl_change inconsistent = { .set = BLKREPL_LINK_INCONSISTENT };
	/* Which blocks were copied is of no use to whom puts the source back. */
	const struct blkrepl_change restored = { .all_differs = true };
	const struct blkrepl_change served = {
		.set = blkrepl_link_dirty_blocks(link) ? BLKREPL_LINK_INCONSISTENT : 0,
		.clear = BLKREPL_LINK_FAILING_BACK,
	};

	if (link->flags & BLKREPL_LINK_FAILING_BACK)
		return blkrepl_link_stop(link, BLKREPL_COPY_STATE_FAILEDOVER, &served,
					 p->timeout_ms, text, extack);
	return blkrepl_link_stop(link, BLKREPL_COPY_STATE_ABORTED,
				 link->flags & BLKREPL_LINK_RESTORING ? &restored : &inconsistent,
				 p->timeout_ms, text, extack);
}

static int set_mode(struct blkrepl_link *link, unsigned int mode, struct netlink_ext_ack *extack)
{
	unsigned int old = link->mode;
	int r;

	mutex_lock(&link->state_lock);
	link->mode = mode;
	link->revision++;
	r = blkrepl_link_store(link);
	if (r)
		link->mode = old;
	mutex_unlock(&link->state_lock);
	if (r) {
		NL_SET_ERR_MSG(extack, "the source's log volume cannot be written");
		return r;
	}
	/* What keeps it from being asynchronous now, keeps it for a while only, but for room. */
	if (blkrepl_link_wants_capture(link) &&
	    blkrepl_capture_start(link, BLKREPL_HOLD_MS, extack) == -ENOSPC) {
		if (old != mode)
			set_mode(link, old, extack);
		return -ENOSPC;
	}
	tell_settings(link);
	blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
	return 0;
}

/* Begin to copy over what the other side has changed by itself. */
static int overwrite(struct blkrepl_link *link, u32 set, u32 clear, unsigned int timeout_ms,
		     const char *text, struct netlink_ext_ack *extack)
{
	u32 old = link->flags;
	int r;

	if (!rcu_access_pointer(link->conn)) {
		NL_SET_ERR_MSG(extack, "the other side is not connected; connect it first");
		return -ENOTCONN;
	}
	if (link->peer.state == BLKREPL_COPY_STATE_FAILEDOVER &&
	    link->state != BLKREPL_COPY_STATE_FAILEDOVER) {
		NL_SET_ERR_MSG(extack, "the target has been failed over and serves; use Failback or ReverseRoles on its side");
		return -EBUSY;
	}
	if (!blkrepl_gens_common(&link->gens, &link->target_gens)) {
		NL_SET_ERR_MSG(extack, "source and target have no common history; detach the relationship and create it anew");
		return -EBUSY;
	}
	mutex_lock(&link->state_lock);
	link->flags = (link->flags & ~clear) | set | BLKREPL_LINK_OVERWRITE;
	mutex_unlock(&link->state_lock);
	r = blkrepl_link_flow(link, BLKREPL_COPY_STATE_UNSYNCHRONIZED, timeout_ms, text, extack);
	if (r) {
		mutex_lock(&link->state_lock);
		link->flags = old;
		blkrepl_link_unsure(link);
		mutex_unlock(&link->state_lock);
	}
	return r;
}

/* Of two that stand apart this half changes its role; the other's is not touched. */
static int set_role(struct blkrepl_link *link, struct netlink_ext_ack *extack)
{
	int r;

	mutex_lock(&link->state_lock);
	link->flags ^= BLKREPL_LINK_TARGET_SIDE;
	r = blkrepl_link_set_state(link, link->state, "ReverseRoles was asked for");
	if (r) {
		link->flags ^= BLKREPL_LINK_TARGET_SIDE;
		blkrepl_link_unsure(link);
	}
	mutex_unlock(&link->state_lock);
	if (r)
		NL_SET_ERR_MSG(extack, "the log volume cannot be written");
	return r;
}

static int reverse(struct blkrepl_link *link, const struct blkrepl_op_param *p, const char *text,
		   struct netlink_ext_ack *extack)
{
	switch (link->state) {
	case BLKREPL_COPY_STATE_FRACTURED:
	case BLKREPL_COPY_STATE_SPLIT:
		return set_role(link, extack);
	case BLKREPL_COPY_STATE_FAILEDOVER:
		return overwrite(link, 0, BLKREPL_LINK_TARGET_SIDE, p->timeout_ms, text, extack);
	default:
		return blkrepl_link_hand_over(link, link->state, true, p->force, p->timeout_ms,
					      text, extack);
	}
}

static int fail_over(struct blkrepl_link *link, const struct blkrepl_op_param *p, const char *text,
		     struct netlink_ext_ack *extack)
{
	int r;

	if ((link->flags & BLKREPL_LINK_TARGET_SIDE) && blkrepl_state_parted(link->state)) {
		mutex_lock(&link->state_lock);
		r = blkrepl_link_set_state(link, BLKREPL_COPY_STATE_FAILEDOVER, text);
		mutex_unlock(&link->state_lock);
		if (r)
			NL_SET_ERR_MSG(extack, "the log volume cannot be written");
		return r;
	}
	if (blkrepl_state_parted(link->state) && !rcu_access_pointer(link->conn))
		return blkrepl_link_close(link, p->timeout_ms, text, extack);
	return blkrepl_link_hand_over(link, BLKREPL_COPY_STATE_FAILEDOVER, false, p->force,
				      p->timeout_ms, text, extack);
}

/* All blocks count as different; the copy that follows compares them. */
static int unprepare(struct blkrepl_link *link, const struct blkrepl_op_param *p, const char *text,
		     struct netlink_ext_ack *extack)
{
	const struct blkrepl_change change = {
		.set = BLKREPL_LINK_FIRST_COPY | BLKREPL_LINK_INCONSISTENT |
		       BLKREPL_LINK_COMPARE | BLKREPL_LINK_OVERWRITE,
		.all_differs = true,
	};

	return blkrepl_link_stop(link, BLKREPL_COPY_STATE_PREPARED, &change, p->timeout_ms, text,
				 extack);
}

/* The state with what the table distinguishes beside it. */
static unsigned int table_state(struct blkrepl_link *link)
{
	unsigned int state = READ_ONCE(link->state);

	if (link->flags & BLKREPL_LINK_FAILING_BACK)
		return state | BLKREPL_STATE_FAILING_BACK;
	if (link->flags & (BLKREPL_LINK_RESTORING | BLKREPL_LINK_TORN))
		return state | BLKREPL_STATE_RESTORING;
	if (link->flags & BLKREPL_LINK_DISSOLVED)
		return state | BLKREPL_STATE_DISSOLVED;
	return state;
}

/* Of two that stand apart the other half has the flag, and what follows from it, too. */
static int tell_dissolved(struct blkrepl_link *link, struct netlink_ext_ack *extack)
{
	struct blkrepl_conn *conn = blkrepl_conn_tryget(link);
	int r = 0;

	if (!conn)
		return 0;
	if (!blkrepl_half_told(link->state, link->flags, link->peer.state, link->peer.flags))
		r = blkrepl_half_tell(link, conn, link->state == BLKREPL_COPY_STATE_SKEWED ?
				      BLKREPL_COPY_STATE_SPLIT : link->state);
	blkrepl_conn_put(conn);
	if (r)
		NL_SET_ERR_MSG(extack, "the other side could not be told; repeat the operation once it answers");
	return r;
}

/*
 * The relationship ends, and both sides go on to track what they change: what they were
 * the same in is remembered.
 */
static int dissolve(struct blkrepl_link *link, const struct blkrepl_op_param *p, const char *text,
		    struct netlink_ext_ack *extack)
{
	const struct blkrepl_change change = { .set = BLKREPL_LINK_DISSOLVED };
	unsigned int state = link->state;
	int r;

	if (state == BLKREPL_COPY_STATE_FAILEDOVER) {
		if (!(link->flags & BLKREPL_LINK_TARGET_SIDE)) {
			NL_SET_ERR_MSG(extack, "it is the target's side that dissolves what is failed over");
			return -EBUSY;
		}
		if (!rcu_access_pointer(link->conn)) {
			NL_SET_ERR_MSG(extack, "the source has to be told and is not connected; connect it, or detach the relationship");
			return -ENOTCONN;
		}
		state = blkrepl_link_dirty_blocks(link) ? BLKREPL_COPY_STATE_SKEWED :
							  BLKREPL_COPY_STATE_SPLIT;
	} else if (!blkrepl_state_parted(state)) {
		if (blkrepl_link_consistent(link) && state != BLKREPL_COPY_STATE_BROKEN &&
		    state != BLKREPL_COPY_STATE_UNSYNCHRONIZED)
			return blkrepl_link_split(link, change.set, p->timeout_ms, text, extack);
		return blkrepl_link_stop(link, BLKREPL_COPY_STATE_FRACTURED, &change, p->timeout_ms,
					 text, extack);
	}
	mutex_lock(&link->state_lock);
	link->flags |= change.set;
	r = blkrepl_link_set_state(link, state, text);
	if (r) {
		link->flags &= ~change.set;
		blkrepl_link_unsure(link);
	}
	mutex_unlock(&link->state_lock);
	if (r) {
		NL_SET_ERR_MSG(extack, "the log volume cannot be written");
		return r;
	}
	return tell_dissolved(link, extack);
}

/*
 * Where an operation is made of commands to both halves, a half has it given more than
 * once: to go on with what was begun, or to find that its part is done.
 */
static bool goes_on(struct blkrepl_link *link, const struct blkrepl_op_param *p, int *r,
		    struct netlink_ext_ack *extack)
{
	const bool target = link->flags & BLKREPL_LINK_TARGET_SIDE;

	if (link->flags & BLKREPL_LINK_PENDING) {
		switch (p->op) {
		case BLKREPL_OPERATION_FAILOVER:
		case BLKREPL_OPERATION_FAILBACK:
		case BLKREPL_OPERATION_REVERSE_ROLES:
			*r = blkrepl_link_complete(link, extack);
			return true;
		}
	}
	switch (p->op) {
	case BLKREPL_OPERATION_FAILBACK:
		if (link->state == BLKREPL_COPY_STATE_FAILEDOVER && !target) {
			NL_SET_ERR_MSG(extack, "it is the target's side that fails back");
			*r = -EBUSY;
			return true;
		}
		if (!(link->flags & BLKREPL_LINK_FAILING_BACK) ||
		    link->state != BLKREPL_COPY_STATE_SYNCHRONIZED)
			return false;
		*r = blkrepl_link_hand_over(link, link->state, false, false, p->timeout_ms,
					    "the target has failed back", extack);
		return true;
	case BLKREPL_OPERATION_ABORT:
		if (!p->put_back || !(link->flags & BLKREPL_LINK_RESTORING) ||
		    link->state != BLKREPL_COPY_STATE_ABORTED)
			return false;
		*r = blkrepl_restore_undone(link, extack);
		return true;
	case BLKREPL_OPERATION_DISSOLVE:
		if (!(link->flags & BLKREPL_LINK_DISSOLVED))
			return false;
		*r = tell_dissolved(link, extack);
		return true;
	case BLKREPL_OPERATION_REVERSE_ROLES:
		if (p->role == (target ? BLKREPL_ROLE_TARGET : BLKREPL_ROLE_SOURCE)) {
			*r = 0;
			return true;
		}
		/* The other half's part is done; a write to this one changes nothing. */
		if (!p->role || link->state != BLKREPL_COPY_STATE_SKEWED)
			return false;
		*r = set_role(link, extack);
		return true;
	default:
		return false;
	}
}

static int carry_out(struct blkrepl_link *link, const struct blkrepl_op_param *p,
		     struct blkrepl_cell cell, struct netlink_ext_ack *extack)
{
	char text[64];

	snprintf(text, sizeof(text), "%s was asked for", blkrepl_operation_title(p->op));
	switch (p->op) {
	case BLKREPL_OPERATION_DETACH:
		return blkrepl_link_detach(link, p->timeout_ms, extack);
	case BLKREPL_OPERATION_SUSPEND:
		return suspend(link, p, text, extack);
	case BLKREPL_OPERATION_DISSOLVE:
		return dissolve(link, p, text, extack);
	case BLKREPL_OPERATION_SPLIT:
		return blkrepl_link_split(link, 0, p->timeout_ms, text, extack);
	case BLKREPL_OPERATION_FAILOVER:
		return fail_over(link, p, text, extack);
	case BLKREPL_OPERATION_FAILBACK:
		if (link->flags & BLKREPL_LINK_FAILING_BACK)
			break;
		return overwrite(link, BLKREPL_LINK_FAILING_BACK, 0, p->timeout_ms, text, extack);
	case BLKREPL_OPERATION_REVERSE_ROLES:
		return reverse(link, p, text, extack);
	case BLKREPL_OPERATION_RESYNC_REPLICA:
		return overwrite(link, 0, BLKREPL_LINK_DISSOLVED, p->timeout_ms, text, extack);
	case BLKREPL_OPERATION_RESTORE_FROM_REPLICA:
		return blkrepl_restore_start(link, p->timeout_ms, text, extack);
	case BLKREPL_OPERATION_ABORT:
		return abort_copy(link, p, text, extack);
	case BLKREPL_OPERATION_UNPREPARE:
		return unprepare(link, p, text, extack);
	case BLKREPL_OPERATION_ACTIVATE_CONSISTENCY:
	case BLKREPL_OPERATION_DEACTIVATE_CONSISTENCY:
		return blkrepl_link_set_consistency(link,
						    p->op == BLKREPL_OPERATION_ACTIVATE_CONSISTENCY,
						    p->timeout_ms, extack);
	case BLKREPL_OPERATION_RESET_TO_SYNC:
		return set_mode(link, BLKREPL_MODE_SYNCHRONOUS, extack);
	case BLKREPL_OPERATION_RESET_TO_ASYNC:
		return set_mode(link, BLKREPL_MODE_ASYNCHRONOUS, extack);
	}
	if (cell.via)
		return blkrepl_link_flow(link, cell.via, p->timeout_ms, text, extack);
	return blkrepl_link_stop(link, cell.to, NULL, p->timeout_ms, text, extack);
}

/**
 * blkrepl_link_op - carry out an operation of the model
 * @g: a group that has a half of a relationship
 * @p: the operation and its options
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_link_op(struct blkrepl_group *g, const struct blkrepl_op_param *p,
		    struct netlink_ext_ack *extack)
{
	struct blkrepl_link *link = g->link;
	u64 own = blkrepl_link_dirty_blocks(link);
	struct blkrepl_situation s = {
		.force = p->force,
		.consistent = blkrepl_link_consistent(link),
		.unfinished = !blkrepl_link_consistent(link) || (link->flags & BLKREPL_LINK_TORN),
		.first_copy = link->flags & BLKREPL_LINK_FIRST_COPY,
		.lags = (own || link->peer.dirty) && !(link->flags & BLKREPL_LINK_TARGET_SIDE),
		.unordered = !(link->flags & BLKREPL_LINK_CONSISTENCY),
	};
	unsigned int state = table_state(link);
	struct blkrepl_cell cell;
	enum blkrepl_verdict v;
	int r;

	lockdep_assert_held(&g->conf);
	if (p->revision && p->revision != link->revision) {
		NL_SET_ERR_MSG(extack, "the relationship has changed since that revision; look at it again");
		return -ESTALE;
	}
	if (p->op == BLKREPL_OPERATION_ADD_SYNC_PAIR ||
	    p->op == BLKREPL_OPERATION_REMOVE_SYNC_PAIR) {
		NL_SET_ERR_MSG(extack, "pairs are moved by pairs-move");
		return -EOPNOTSUPP;
	}
	if (!link->nr_pairs && p->op != BLKREPL_OPERATION_DETACH) {
		NL_SET_ERR_MSG(extack, "the relationship has no pairs; add one, or detach it");
		return -EBUSY;
	}
	/* Where it is clear who overwrites whom only the other side's changes go. */
	s.unique = state == BLKREPL_COPY_STATE_FAILEDOVER || (state & BLKREPL_STATE_DISSOLVED) ?
		   link->peer.dirty : own;
	if (goes_on(link, p, &r, extack))
		return r;
	v = blkrepl_op_judge(link->sync_type, p->op, state, &s);
	if (v == BLKREPL_VERDICT_DONE)
		return 0;
	if (v != BLKREPL_VERDICT_GO)
		return blkrepl_op_refuse(v, extack);
	cell = blkrepl_op_cell(link->sync_type, p->op, state);
	if (g->fenced && !(link->flags & (BLKREPL_LINK_PENDING | BLKREPL_LINK_RESTORING)) &&
	    !(cell.flags & BLKREPL_CELL_REMOVE)) {
		NL_SET_ERR_MSG(extack, "this side is closed, the other one is in service; take its group down");
		return -EBUSY;
	}
	/* What follows from Broken takes the target as one that is stopped as a whole. */
	if (blkrepl_state_plain(state) == BLKREPL_COPY_STATE_MIXED && !(cell.flags & BLKREPL_CELL_STAY)) {
		r = blkrepl_link_stop(link, BLKREPL_COPY_STATE_BROKEN, NULL, p->timeout_ms,
				      "the pairs that went on are stopped, too", extack);
		if (r)
			return r;
	}
	/* In the middle of catching up the target has the last point before that. */
	if (p->op == BLKREPL_OPERATION_FAILOVER && blkrepl_catchup_runs(link)) {
		r = blkrepl_link_stop(link, BLKREPL_COPY_STATE_BROKEN, NULL, p->timeout_ms,
				      "catching up was stopped for a Failover", extack);
		if (r)
			return r;
	}
	/* What stops the transfer does without a target that takes too long. */
	r = blkrepl_capture_stop(link, p->timeout_ms);
	if (r && p->op == BLKREPL_OPERATION_RESET_TO_SYNC) {
		NL_SET_ERR_MSG(extack, "the target did not catch up in time; the mode is what it was");
		return r;
	}
	return carry_out(link, p, cell, extack);
}
