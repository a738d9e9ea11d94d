// SPDX-License-Identifier: GPL-2.0
/* What is told about groups and relationships, in replies, dumps and events. */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <net/genetlink.h>

#include "blkrepl.h"
#include "netlink-gen.h"

static atomic64_t event_seq;

/* Time between progress events of a relationship is the tick's second. */
static unsigned int group_of(enum blkrepl_event event)
{
	switch (event) {
	case BLKREPL_EVENT_PROGRESS:
		return BLKREPL_NLGRP_PROGRESS;
	case BLKREPL_EVENT_LEG_FAILED:
	case BLKREPL_EVENT_LEG_RETURNED:
	case BLKREPL_EVENT_LOG_FAILED:
	case BLKREPL_EVENT_READ_REPAIRED:
	case BLKREPL_EVENT_SOURCE_ERROR:
		return BLKREPL_NLGRP_ALERT;
	default:
		return BLKREPL_NLGRP_STATE;
	}
}

/**
 * blkrepl_event_seq - number of the newest event
 *
 * Context: any.
 */
u64 blkrepl_event_seq(void)
{
	return atomic64_read(&event_seq);
}

static int put_u64(struct sk_buff *skb, int attr, u64 value, int pad)
{
	return nla_put_u64_64bit(skb, attr, value, pad);
}

static unsigned int access_of(struct blkrepl_group *g)
{
	return READ_ONCE(g->fenced) ? BLKREPL_ACCESS_NONE : BLKREPL_ACCESS_READ_WRITE;
}

/**
 * blkrepl_fill_group - a group's attributes
 * @skb: message
 * @g: the group
 * @event: why, or U32_MAX
 * @seq: number of the newest event
 *
 * Context: any.
 */
int blkrepl_fill_group(struct sk_buff *skb, struct blkrepl_group *g, u32 event, u64 seq)
{
	const int pad = BLKREPL_A_GROUP_PAD;
	int r;

	spin_lock(&g->link_lock);
	r = nla_put_string(skb, BLKREPL_A_GROUP_NAME, g->name);
	spin_unlock(&g->link_lock);
	if (r || nla_put(skb, BLKREPL_A_GROUP_UUID, BLKREPL_UUID_SIZE, g->uuid) ||
	    nla_put_string(skb, BLKREPL_A_GROUP_LOG_PATH, g->log_path) ||
	    nla_put_u8(skb, BLKREPL_A_GROUP_ACCESS, access_of(g)) ||
	    nla_put_u32(skb, BLKREPL_A_GROUP_MEMBER_COUNT, g->nr_vols) ||
	    put_u64(skb, BLKREPL_A_GROUP_LOG_SIZE,
		    READ_ONCE(g->log.nr_blocks) << BLKREPL_BLOCK_SHIFT, pad) ||
	    put_u64(skb, BLKREPL_A_GROUP_LOG_USED,
		    READ_ONCE(g->log.used_blocks) << BLKREPL_BLOCK_SHIFT, pad) ||
	    nla_put_u32(skb, BLKREPL_A_GROUP_OPEN_COUNT, READ_ONCE(g->opens)) ||
	    nla_put_u8(skb, BLKREPL_A_GROUP_CLEAN, g->was_clean) ||
	    nla_put_u8(skb, BLKREPL_A_GROUP_LOG_FAILED, READ_ONCE(g->log.failed)) ||
	    put_u64(skb, BLKREPL_A_GROUP_META_WRITES, atomic64_read(&g->log.writes), pad) ||
	    put_u64(skb, BLKREPL_A_GROUP_INTENT_COMMITS, atomic64_read(&g->commits), pad) ||
	    put_u64(skb, BLKREPL_A_GROUP_INTENT_WAITS, atomic64_read(&g->waits), pad) ||
	    put_u64(skb, BLKREPL_A_GROUP_EVENT_SEQ, seq, pad))
		return -EMSGSIZE;
	if (event != U32_MAX && nla_put_u32(skb, BLKREPL_A_GROUP_EVENT, event))
		return -EMSGSIZE;
	return 0;
}

/**
 * blkrepl_fill_member - a member's attributes
 * @skb: message
 * @g: a group that is up
 * @vol: its member
 *
 * Context: any.
 */
int blkrepl_fill_member(struct sk_buff *skb, struct blkrepl_group *g, struct blkrepl_vol *vol)
{
	const int pad = BLKREPL_A_MEMBER_PAD;
	int r, minor = READ_ONCE(vol->minor);
	char disk[DISK_NAME_LEN];

	spin_lock(&g->link_lock);
	r = nla_put_string(skb, BLKREPL_A_MEMBER_NAME, vol->name);
	spin_unlock(&g->link_lock);
	if (r)
		return r;
	snprintf(disk, sizeof(disk), minor < 0 ? "" : "blkrepl%d", minor);
	if (nla_put(skb, BLKREPL_A_MEMBER_GROUP_UUID, BLKREPL_UUID_SIZE, g->uuid) ||
	    nla_put_u16(skb, BLKREPL_A_MEMBER_INDEX, vol->index) ||
	    nla_put(skb, BLKREPL_A_MEMBER_UUID, BLKREPL_UUID_SIZE, vol->uuid) ||
	    nla_put_string(skb, BLKREPL_A_MEMBER_PATH, vol->path) ||
	    put_u64(skb, BLKREPL_A_MEMBER_SIZE, (u64)vol->sectors << SECTOR_SHIFT, pad) ||
	    nla_put_string(skb, BLKREPL_A_MEMBER_DISK, disk) ||
	    nla_put_u32(skb, BLKREPL_A_MEMBER_MAJOR, MAJOR(vol->dev)) ||
	    nla_put_u32(skb, BLKREPL_A_MEMBER_MINOR, MINOR(vol->dev)) ||
	    nla_put_u32(skb, BLKREPL_A_MEMBER_SOURCE_MAJOR, MAJOR(vol->source_dev)) ||
	    nla_put_u32(skb, BLKREPL_A_MEMBER_SOURCE_MINOR, MINOR(vol->source_dev)) ||
	    nla_put_u32(skb, BLKREPL_A_MEMBER_OPEN_COUNT, READ_ONCE(vol->opens)) ||
	    nla_put_u32(skb, BLKREPL_A_MEMBER_HOT_EXTENTS, atomic_read(&vol->intent.hot)) ||
	    put_u64(skb, BLKREPL_A_MEMBER_READ_REPAIRS, atomic64_read(&vol->repairs), pad) ||
	    put_u64(skb, BLKREPL_A_MEMBER_SOURCE_ERRORS, atomic64_read(&vol->source_errors), pad))
		return -EMSGSIZE;
	return 0;
}

static unsigned int progress_of(struct blkrepl_link *link, unsigned int state)
{
	u32 flags = READ_ONCE(link->flags);

	if (flags & BLKREPL_LINK_FAILING_BACK)
		return BLKREPL_PROGRESS_STATUS_FAILING_BACK;
	if (flags & BLKREPL_LINK_RESTORING)
		return BLKREPL_PROGRESS_STATUS_RESTORING;
	switch (state) {
	case BLKREPL_COPY_STATE_UNSYNCHRONIZED:
		return flags & BLKREPL_LINK_FIRST_COPY ?
			BLKREPL_PROGRESS_STATUS_SYNCHRONIZING : BLKREPL_PROGRESS_STATUS_RESYNCING;
	case BLKREPL_COPY_STATE_SYNCHRONIZED:
		return BLKREPL_PROGRESS_STATUS_COMPLETED;
	case BLKREPL_COPY_STATE_INITIALIZED:
		return BLKREPL_PROGRESS_STATUS_INITIALIZING;
	case BLKREPL_COPY_STATE_MIXED:
		return BLKREPL_PROGRESS_STATUS_MIXED;
	default:
		return BLKREPL_PROGRESS_STATUS_DORMANT;
	}
}

static u64 copy_elapsed_ms(struct blkrepl_link *link)
{
	u64 start = READ_ONCE(link->copy_started), end = READ_ONCE(link->copy_ended);

	if (!start)
		return 0;
	return div_u64((end ?: ktime_get_ns()) - start, NSEC_PER_MSEC);
}

static u64 mirrored_bytes(struct blkrepl_link *link)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(link->mirrored, cpu);
	return sum;
}

static int fill_link_copy(struct sk_buff *skb, struct blkrepl_link *link)
{
	u64 dirty = blkrepl_link_dirty_blocks(link) << BLKREPL_BLOCK_SHIFT;
	u64 total = READ_ONCE(link->copy_total), size = 0;
	const int pad = BLKREPL_A_RELATIONSHIP_PAD;
	unsigned int i;

	for (i = 0; i < link->nr_pairs; i++)
		size += (u64)READ_ONCE(link->pair[i].vol->sectors) << SECTOR_SHIFT;
	return put_u64(skb, BLKREPL_A_RELATIONSHIP_BYTES_TOTAL, size, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_BYTES_DIRTY, dirty, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_COPY_TOTAL, total, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_COPY_DONE, total - min(total, dirty), pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_COPY_WRITTEN,
		       atomic64_read(&link->copy_written), pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_COPY_ELAPSED_MS, copy_elapsed_ms(link), pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_BYTES_MIRRORED, mirrored_bytes(link), pad);
}

static int put_path(struct sk_buff *skb, struct blkrepl_link *link, int attr, char **path)
{
	int r;

	spin_lock_irq(&link->lock);
	r = nla_put_string(skb, attr, *path ?: "");
	spin_unlock_irq(&link->lock);
	return r;
}

static int fill_link_settings(struct sk_buff *skb, struct blkrepl_link *link)
{
	const int pad = BLKREPL_A_RELATIONSHIP_PAD;
	u32 flags = READ_ONCE(link->flags);

	return put_u64(skb, BLKREPL_A_RELATIONSHIP_RATE_LIMIT, link->throttle.limit, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_YIELD_RATE, link->throttle.yield, pad) ||
	       nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_LEG_TIMEOUT_MS, link->leg_timeout_ms) ||
	       nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_HEARTBEAT_MS, link->heartbeat_ms) ||
	       nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_RECOVERY_MODE,
			  !!(flags & BLKREPL_LINK_MANUAL_RECOVERY)) ||
	       nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_HOLD_ON_FAILURE,
			  !!(flags & BLKREPL_LINK_HOLD_ON_FAILURE)) ||
	       nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_CONSISTENCY_ENABLED,
			  !!(flags & BLKREPL_LINK_CONSISTENCY));
}

static int fill_link_times(struct sk_buff *skb, struct blkrepl_link *link, unsigned int state)
{
	const int pad = BLKREPL_A_RELATIONSHIP_PAD;
	u64 point = state == BLKREPL_COPY_STATE_SYNCHRONIZED ? blkrepl_link_point(link) :
							       READ_ONCE(link->recovery_point_us);

	return put_u64(skb, BLKREPL_A_RELATIONSHIP_RECOVERY_POINT, point, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_WHEN_SYNCED, link->when_synced_us, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_WHEN_ACTIVATED, link->when_activated_us, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_WHEN_SUSPENDED, link->when_suspended_us, pad) ||
	       put_u64(skb, BLKREPL_A_RELATIONSHIP_WHEN_BROKEN, link->when_broken_us, pad);
}

/**
 * blkrepl_fill_link - a relationship's attributes
 * @skb: message
 * @link: the relationship
 * @event: why, or U32_MAX
 * @seq: number of the newest event
 *
 * Context: may sleep.
 */
int blkrepl_fill_link(struct sk_buff *skb, struct blkrepl_link *link, u32 event, u64 seq)
{
	const int pad = BLKREPL_A_RELATIONSHIP_PAD;
	unsigned int state = READ_ONCE(link->state);
	bool consistent = blkrepl_link_consistent(link);
	struct blkrepl_conn *conn;
	u32 orphans = 0;

	rcu_read_lock();
	conn = rcu_dereference(link->conn);
	if (conn)
		orphans = atomic_read(&conn->orphans);
	rcu_read_unlock();
	if (nla_put(skb, BLKREPL_A_RELATIONSHIP_UUID, BLKREPL_UUID_SIZE, link->uuid) ||
	    nla_put_string(skb, BLKREPL_A_RELATIONSHIP_NAME, link->name) ||
	    nla_put(skb, BLKREPL_A_RELATIONSHIP_GROUP_UUID, BLKREPL_UUID_SIZE,
		    link->group->uuid) ||
	    nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_ROLE,
		       READ_ONCE(link->flags) & BLKREPL_LINK_TARGET_SIDE ? BLKREPL_ROLE_TARGET :
									   BLKREPL_ROLE_SOURCE) ||
	    nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_ACCESS, access_of(link->group)) ||
	    nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_DISSOLVED,
		       !!(READ_ONCE(link->flags) & BLKREPL_LINK_DISSOLVED)) ||
	    nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_PENDING,
		       !!(READ_ONCE(link->flags) & BLKREPL_LINK_PENDING)) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_PEER_BYTES_DIRTY,
		    READ_ONCE(link->peer.dirty) << BLKREPL_BLOCK_SHIFT, pad) ||
	    nla_put(skb, BLKREPL_A_RELATIONSHIP_TARGET_GROUP_UUID, BLKREPL_UUID_SIZE,
		    link->peer_uuid) ||
	    nla_put_string(skb, BLKREPL_A_RELATIONSHIP_TARGET_GROUP_NAME, link->peer_name) ||
	    put_path(skb, link, BLKREPL_A_RELATIONSHIP_TARGET_LOG_PATH, &link->log_path) ||
	    nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_PAIR_COUNT, link->nr_pairs) ||
	    nla_put_u16(skb, BLKREPL_A_RELATIONSHIP_SYNC_TYPE, link->sync_type) ||
	    nla_put_u16(skb, BLKREPL_A_RELATIONSHIP_MODE, link->mode) ||
	    nla_put_u16(skb, BLKREPL_A_RELATIONSHIP_COPY_STATE, state) ||
	    nla_put_u16(skb, BLKREPL_A_RELATIONSHIP_PROGRESS_STATUS, progress_of(link, state)) ||
	    nla_put_u16(skb, BLKREPL_A_RELATIONSHIP_CONSISTENCY_STATE,
			!consistent ? BLKREPL_CONSISTENCY_STATE_INCONSISTENT :
			READ_ONCE(link->flags) & BLKREPL_LINK_CONSISTENCY ?
				BLKREPL_CONSISTENCY_STATE_CONSISTENT :
				BLKREPL_CONSISTENCY_STATE_NOT_APPLICABLE) ||
	    nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_CONNECTED, !!conn) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_REVISION, READ_ONCE(link->revision), pad) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_GENERATION, link->gens.latest, pad) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_BASE_GENERATION, link->gens.base, pad) ||
	    nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_IN_FLIGHT, blkrepl_conn_in_flight(link)) ||
	    nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_ORPHANS, orphans) ||
	    nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_ERRNO, READ_ONCE(link->error)) ||
	    nla_put_string(skb, BLKREPL_A_RELATIONSHIP_REASON, link->reason) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_EVENT_SEQ, seq, pad) ||
	    fill_link_settings(skb, link) || fill_link_copy(skb, link) ||
	    fill_link_times(skb, link, state) || blkrepl_objective_fill(skb, link))
		return -EMSGSIZE;
	if (event != U32_MAX && nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_EVENT, event))
		return -EMSGSIZE;
	return 0;
}

static unsigned int leg_state_of(struct blkrepl_pair *pair)
{
	struct blkrepl_link *link = pair->link;
	struct blkrepl_conn *conn;
	unsigned int s;

	rcu_read_lock();
	conn = rcu_dereference(link->conn);
	if (!conn)
		s = BLKREPL_LEG_STATE_ABSENT;
	else if (atomic_read(&conn->leg_orphans[pair->vol->index]))
		s = BLKREPL_LEG_STATE_ORPHANED;
	else if (percpu_ref_is_dying(&conn->ref) || READ_ONCE(pair->out))
		s = BLKREPL_LEG_STATE_FAILED;
	else if (READ_ONCE(pair->mode) != BLKREPL_PAIR_TRACK)
		s = BLKREPL_LEG_STATE_UP;
	else
		s = BLKREPL_LEG_STATE_STOPPED;
	rcu_read_unlock();
	return s;
}

/**
 * blkrepl_fill_pair - a pair's attributes
 * @skb: message
 * @pair: the pair
 *
 * Context: any.
 */
int blkrepl_fill_pair(struct sk_buff *skb, struct blkrepl_pair *pair)
{
	const int pad = BLKREPL_A_PAIR_PAD;
	u64 dirty = READ_ONCE(pair->dirty.weight) << BLKREPL_BLOCK_SHIFT;
	unsigned int state = READ_ONCE(pair->link->state);

	if (state == BLKREPL_COPY_STATE_MIXED)
		state = READ_ONCE(pair->out) ? BLKREPL_COPY_STATE_BROKEN :
					       BLKREPL_COPY_STATE_UNSYNCHRONIZED;
	/* One that has nothing to copy is ahead of its group. */
	if (state == BLKREPL_COPY_STATE_UNSYNCHRONIZED && !dirty)
		state = BLKREPL_COPY_STATE_SYNCHRONIZED;
	if (nla_put(skb, BLKREPL_A_PAIR_RELATIONSHIP_UUID, BLKREPL_UUID_SIZE,
		    pair->link->uuid) ||
	    nla_put(skb, BLKREPL_A_PAIR_GROUP_UUID, BLKREPL_UUID_SIZE,
		    pair->link->group->uuid) ||
	    nla_put(skb, BLKREPL_A_PAIR_UUID, BLKREPL_UUID_SIZE, pair->uuid) ||
	    nla_put_u16(skb, BLKREPL_A_PAIR_INDEX, pair->vol->index) ||
	    nla_put_string(skb, BLKREPL_A_PAIR_NAME, pair->name) ||
	    put_path(skb, pair->link, BLKREPL_A_PAIR_PATH, &pair->path) ||
	    put_u64(skb, BLKREPL_A_PAIR_SIZE, (u64)pair->sectors << SECTOR_SHIFT, pad) ||
	    nla_put_u16(skb, BLKREPL_A_PAIR_COPY_STATE, state) ||
	    nla_put_u8(skb, BLKREPL_A_PAIR_LEG_STATE, leg_state_of(pair)) ||
	    put_u64(skb, BLKREPL_A_PAIR_BYTES_DIRTY, dirty, pad) ||
	    nla_put_u32(skb, BLKREPL_A_PAIR_TARGET_MAJOR, MAJOR(pair->target_dev)) ||
	    nla_put_u32(skb, BLKREPL_A_PAIR_TARGET_MINOR, MINOR(pair->target_dev)) ||
	    put_u64(skb, BLKREPL_A_PAIR_LEG_ERRORS, atomic64_read(&pair->errors), pad))
		return -EMSGSIZE;
	return 0;
}

/* An event's message, or NULL when nobody listens or there is no memory. */
static struct sk_buff *begin_event(unsigned int mc, u8 cmd, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&blkrepl_nl_family, &init_net, mc))
		return NULL;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_NOIO);
	if (!skb)
		return NULL;
	*hdr = genlmsg_put(skb, 0, 0, &blkrepl_nl_family, 0, cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

static void send_event(struct sk_buff *skb, unsigned int mc, void *hdr, int r)
{
	if (r) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&blkrepl_nl_family, skb, 0, mc, GFP_NOIO);
}

/**
 * blkrepl_notify_group - tell who listens about a group
 * @g: the group
 * @event: what happened
 *
 * Context: may sleep.
 */
void blkrepl_notify_group(struct blkrepl_group *g, enum blkrepl_event event)
{
	u64 seq = atomic64_inc_return(&event_seq);
	unsigned int mc = group_of(event);
	struct sk_buff *skb;
	void *hdr;

	skb = begin_event(mc, BLKREPL_CMD_GROUP_NTF, &hdr);
	if (skb)
		send_event(skb, mc, hdr, blkrepl_fill_group(skb, g, event, seq));
}

/**
 * blkrepl_notify_link - tell who listens about a relationship
 * @link: the relationship
 * @event: what happened
 *
 * Context: may sleep.
 */
void blkrepl_notify_link(struct blkrepl_link *link, enum blkrepl_event event)
{
	u64 seq = atomic64_inc_return(&event_seq);
	unsigned int mc = group_of(event);
	struct sk_buff *skb;
	void *hdr;

	skb = begin_event(mc, BLKREPL_CMD_RELATIONSHIP_NTF, &hdr);
	if (skb)
		send_event(skb, mc, hdr, blkrepl_fill_link(skb, link, event, seq));
}
