// SPDX-License-Identifier: GPL-2.0
/* The operations of the model, and the settings. */
#include "blkrepl.h"

/* User space, which has the same table, adds the state and what is legal. */
static int refuse(enum blkrepl_verdict v, struct netlink_ext_ack *extack)
{
	switch (v) {
	case BLKREPL_VERDICT_NEEDS_FORCE:
		NL_SET_ERR_MSG(extack, "the operation needs force in the present state, for the target is not or may not be complete");
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
	link->flags &= ~(BLKREPL_LINK_MANUAL_RECOVERY | BLKREPL_LINK_HOLD_ON_FAILURE);
	link->flags |= (s->manual_recovery ? BLKREPL_LINK_MANUAL_RECOVERY : 0) |
		       (s->hold_on_failure ? BLKREPL_LINK_HOLD_ON_FAILURE : 0);
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
	mutex_lock(&link->state_lock);
	old = (struct blkrepl_settings){
		.rate_limit = link->throttle.limit,
		.yield_rate = link->throttle.yield,
		.leg_timeout_ms = link->leg_timeout_ms,
		.heartbeat_ms = link->heartbeat_ms,
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
	if (!r)
		blkrepl_notify_link(link, BLKREPL_EVENT_STATE);
	return r;
}

/**
 * blkrepl_link_op - carry out an operation of the model
 * @g: the source group, which has a relationship
 * @op: the operation
 * @force: the caller takes responsibility for what the table says needs it
 * @revision: expected revision, 0 for any
 * @timeout_ms: longest hold of writes
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_link_op(struct blkrepl_group *g, unsigned int op, bool force, u64 revision,
		    unsigned int timeout_ms, struct netlink_ext_ack *extack)
{
	struct blkrepl_link *link = g->link;
	struct blkrepl_situation s = {
		.force = force,
		.consistent = blkrepl_link_consistent(link),
		.unfinished = blkrepl_link_dirty_blocks(link),
	};
	unsigned int state = READ_ONCE(link->state);
	struct blkrepl_cell cell;
	enum blkrepl_verdict v;
	char text[64];

	lockdep_assert_held(&g->conf);
	if (revision && revision != link->revision) {
		NL_SET_ERR_MSG(extack, "the relationship has changed since that revision; look at it again");
		return -ESTALE;
	}
	v = blkrepl_op_judge(link->sync_type, op, state, &s);
	if (v == BLKREPL_VERDICT_DONE)
		return 0;
	if (v != BLKREPL_VERDICT_GO)
		return refuse(v, extack);
	cell = blkrepl_op_cell(link->sync_type, op, state);
	if (cell.flags & BLKREPL_CELL_REMOVE)
		return blkrepl_link_detach(link, timeout_ms, extack);
	snprintf(text, sizeof(text), "%s was asked for", blkrepl_operation_title(op));
	if (cell.via)
		return blkrepl_link_flow(link, cell.via, timeout_ms, text, extack);
	return blkrepl_link_stop(link, cell.to, timeout_ms, text, extack);
}
