// SPDX-License-Identifier: GPL-2.0
/*
 * A target that takes over by itself: its source cannot come up, so there is nobody
 * whom an operation could be given.
 *
 * The target's own half becomes Failedover, and the source's is told when it is met.
 * Until then that says what it said last, and would let the source come up. On one
 * host the module sees to it that it does not while the target is up, and user space,
 * which keeps what is not told yet, sees to it at all other times. Of two hosts the
 * one that returns is told by the other.
 */
#include "blkrepl.h"

/*
 * Both sides are on the list before they look, so that at least one sees the other.
 * What the other's link says may not be there yet; that it is coming up is enough.
 */
static bool peer_is_up(struct blkrepl_group *g, const struct blkrepl_disk_link *l, bool *serves)
{
	struct blkrepl_group *o;
	bool up = false;

	*serves = false;
	mutex_lock(&blkrepl_groups_lock);
	list_for_each_entry(o, &blkrepl_groups, node) {
		if (o == g || !blkrepl_uuid_equal(o->uuid, l->peer_uuid))
			continue;
		up = !READ_ONCE(o->fenced);
		spin_lock(&o->link_lock);
		*serves = o->takes_over ||
			  (o->link && blkrepl_uuid_equal(o->link->uuid, l->uuid) &&
			   (READ_ONCE(o->link->flags) & BLKREPL_LINK_TARGET_SIDE) &&
			   (READ_ONCE(o->link->state) == BLKREPL_COPY_STATE_FAILEDOVER ||
			    (READ_ONCE(o->link->flags) & BLKREPL_LINK_FAILING_BACK)));
		spin_unlock(&o->link_lock);
	}
	mutex_unlock(&blkrepl_groups_lock);
	return up;
}

/**
 * blkrepl_takeover_excludes - whether the other side forbids that this one comes up
 * @g: the group, which is on the list
 * @l: its half of the relationship
 * @extack: told why
 *
 * Context: may sleep; g->conf is held.
 * Return: 0, -EACCES where the other side has taken over, -EBUSY where this side has,
 * and the other is up nevertheless.
 */
int blkrepl_takeover_excludes(struct blkrepl_group *g, const struct blkrepl_disk_link *l,
			      struct netlink_ext_ack *extack)
{
	const bool target = le32_to_cpu(l->flags) & BLKREPL_LINK_TARGET_SIDE;
	bool serves, up = peer_is_up(g, l, &serves);

	if (!target && serves) {
		NL_SET_ERR_MSG(extack, "the group is failed over: its target serves; use Failback or ReverseRoles");
		return -EACCES;
	}
	if (target && up && (le16_to_cpu(l->copy_state) == BLKREPL_COPY_STATE_FAILEDOVER ||
			     (le32_to_cpu(l->flags) & BLKREPL_LINK_FAILING_BACK))) {
		NL_SET_ERR_MSG(extack, "the group has been failed over to, but its source is up; take that down");
		return -EBUSY;
	}
	return 0;
}

/* The source said every now and then that the target had all; it may have had more since. */
static void find_recovery_point(struct blkrepl_log *log, struct blkrepl_disk_link *l)
{
	struct blkrepl_disk_mark *m = kmalloc(sizeof(*m), GFP_KERNEL);

	if (m && !blkrepl_log_read_mark(log, m) && blkrepl_uuid_equal(m->link_uuid, l->uuid) &&
	    m->generation == l->gen_current &&
	    le64_to_cpu(m->recovery_point_us) > le64_to_cpu(l->recovery_point_us))
		l->recovery_point_us = m->recovery_point_us;
	kfree(m);
}

/**
 * blkrepl_takeover - Failover, at the target alone
 * @g: the target's group, which is on the list; its log volume is open
 * @l: its half, which is closed; changed, and written
 * @force: also if the target lacks what the source has written, which nobody can tell
 * @extack: told what is wrong
 *
 * Context: may sleep; g->conf is held.
 */
int blkrepl_takeover(struct blkrepl_group *g, struct blkrepl_disk_link *l, bool force,
		     struct netlink_ext_ack *extack)
{
	const u32 flags = le32_to_cpu(l->flags);
	struct blkrepl_situation s = {
		.force = force,
		.consistent = true,
		.lags = true,
		.unordered = !(flags & BLKREPL_LINK_CONSISTENCY),
	};
	unsigned int state = le16_to_cpu(l->copy_state);
	enum blkrepl_verdict v;
	struct blkrepl_gens gens;
	bool serves;
	int r;

	if (!(flags & BLKREPL_LINK_TARGET_SIDE)) {
		NL_SET_ERR_MSG(extack, "the group is the source; it is its target that can take over");
		return -EBUSY;
	}
	if (flags & BLKREPL_LINK_TORN) {
		blkrepl_say(extack, blkrepl_half_explain(state, flags));
		return -EBUSY;
	}
	if (blkrepl_state_flows(state)) {
		find_recovery_point(&g->log, l);
		state = BLKREPL_COPY_STATE_BROKEN;
	}
	v = blkrepl_op_judge(le16_to_cpu(l->sync_type), BLKREPL_OPERATION_FAILOVER, state, &s);
	if (v != BLKREPL_VERDICT_GO)
		return blkrepl_op_refuse(v, extack);
	if (peer_is_up(g, l, &serves)) {
		NL_SET_ERR_MSG(extack, "the source is up; give Failover to it");
		return -EBUSY;
	}
	/* The half still says that it is a target, should this be cut off. */
	r = blkrepl_half_replay(g, l, extack);
	if (r)
		return r;
	blkrepl_gens_load(&gens, l);
	/* From here on it is written apart; what it may have tracked before counts on. */
	if (!gens.base) {
		l->dirty_tag = cpu_to_le64(get_random_u64());
		l->flags |= cpu_to_le32(BLKREPL_LINK_TRACKED_ZERO);
	}
	blkrepl_gens_fork(&gens, blkrepl_fresh_generation());
	blkrepl_gens_store(&gens, l);
	l->copy_state = cpu_to_le16(BLKREPL_COPY_STATE_FAILEDOVER);
	le64_add_cpu(&l->revision, 1);
	r = blkrepl_log_write_link(&g->log, l);
	if (r)
		NL_SET_ERR_MSG(extack, "the log volume cannot be written");
	return r;
}
