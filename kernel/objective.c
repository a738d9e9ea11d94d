// SPDX-License-Identifier: GPL-2.0
/*
 * The recovery-point objective of a relationship: what rpo.c is told, and what it
 * tells the world.
 */
#include "blkrepl.h"

/**
 * blkrepl_link_point - the recovery point of a target that is being mirrored to, or
 * was until now
 * @link: the relationship
 *
 * Context: any.
 * Return: CLOCK_REALTIME in microseconds.
 */
u64 blkrepl_link_point(struct blkrepl_link *link)
{
	struct blkrepl_async *a = READ_ONCE(link->async);
	u64 us = blkrepl_now_us();
	unsigned long flags;

	if (a) {
		spin_lock_irqsave(&a->lock, flags);
		if (a->open || a->folded)
			us = a->point_us;
		spin_unlock_irqrestore(&a->lock, flags);
	}
	return us;
}

/* The same by the monotonic clock. */
static u64 point_ns(struct blkrepl_link *link)
{
	struct blkrepl_async *a = READ_ONCE(link->async);
	u64 ns = ktime_get_ns();
	unsigned long flags;

	if (a) {
		spin_lock_irqsave(&a->lock, flags);
		if (a->open || a->folded)
			ns = a->point_ns;
		spin_unlock_irqrestore(&a->lock, flags);
	}
	return ns;
}

/**
 * blkrepl_capture_backlog - what has been captured and has not arrived
 * @link: the relationship
 * @writes: set to the number of writes; may be NULL
 *
 * Context: any.
 * Return: bytes.
 */
u64 blkrepl_capture_backlog(struct blkrepl_link *link, u64 *writes)
{
	struct blkrepl_async *a = READ_ONCE(link->async);
	struct blkrepl_capture *c;
	unsigned long flags;
	u64 bytes = 0, n = 0;

	if (a) {
		spin_lock_irqsave(&a->lock, flags);
		bytes = a->used;
		list_for_each_entry(c, &a->sealed, node)
			n += c->epoch.writes;
		if (a->open)
			n += a->open->epoch.writes;
		spin_unlock_irqrestore(&a->lock, flags);
	}
	if (writes)
		*writes = n;
	return bytes;
}

/* What the target lacks, in bytes. */
static u64 backlog(struct blkrepl_link *link)
{
	return (blkrepl_link_dirty_blocks(link) << BLKREPL_BLOCK_SHIFT) +
	       blkrepl_capture_backlog(link, NULL);
}

static void tell(struct blkrepl_link *link, unsigned int ev)
{
	static const struct {
		unsigned int ev;
		enum blkrepl_event event;
	} events[] = {
		{ BLKREPL_RPO_EV_EXCEEDED, BLKREPL_EVENT_RPO_EXCEEDED },
		{ BLKREPL_RPO_EV_MET, BLKREPL_EVENT_RPO_MET },
		{ BLKREPL_RPO_EV_UNKNOWN, BLKREPL_EVENT_RPO_UNKNOWN },
		{ BLKREPL_RPO_EV_KNOWN, BLKREPL_EVENT_RPO_KNOWN },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (ev & events[i].ev)
			blkrepl_notify_link(link, events[i].event);
}

/**
 * blkrepl_objective_init - nothing is known yet but what the log volume tells
 * @link: the relationship, which nobody else knows yet
 *
 * The age goes on as if the clocks had never been set.
 *
 * Context: any.
 */
void blkrepl_objective_init(struct blkrepl_link *link)
{
	u64 now = ktime_get_ns(), now_us = blkrepl_now_us(), age = 0;

	blkrepl_rpo_init(&link->rpo, now, link->rpo_s);
	if (!link->recovery_point_us || !blkrepl_link_consistent(link))
		return;
	if (now_us > link->recovery_point_us)
		age = min((now_us - link->recovery_point_us) * NSEC_PER_USEC, now);
	blkrepl_rpo_point(&link->rpo, now, now - age, link->recovery_point_us);
}

/**
 * blkrepl_objective_tick - once a second
 * @link: the relationship
 *
 * While a synchronous target has everything the recovery point is now; one that is
 * being copied to has none.
 *
 * Context: may sleep.
 */
void blkrepl_objective_tick(struct blkrepl_link *link)
{
	unsigned int state = READ_ONCE(link->state), ev = 0;
	u64 us = blkrepl_link_point(link), ns = point_ns(link);
	u64 lacks = backlog(link);

	spin_lock_irq(&link->rpo_lock);
	if (!blkrepl_link_consistent(link))
		ev = blkrepl_rpo_lost(&link->rpo, ktime_get_ns());
	else if (state == BLKREPL_COPY_STATE_SYNCHRONIZED)
		ev = blkrepl_rpo_point(&link->rpo, ktime_get_ns(), ns, us);
	ev |= blkrepl_rpo_tick(&link->rpo, ktime_get_ns(), lacks);
	spin_unlock_irq(&link->rpo_lock);
	tell(link, ev);
}

/**
 * blkrepl_objective_set - another objective, which is durable already
 * @link: the relationship
 *
 * Context: may sleep.
 */
void blkrepl_objective_set(struct blkrepl_link *link)
{
	unsigned int ev;

	spin_lock_irq(&link->rpo_lock);
	ev = blkrepl_rpo_set(&link->rpo, ktime_get_ns(), link->rpo_s);
	spin_unlock_irq(&link->rpo_lock);
	tell(link, ev);
}

/**
 * blkrepl_effective_mode - the mode in which writes are mirrored now
 * @link: the relationship
 *
 * Context: any.
 * Return: BLKREPL_MODE_*, 0 where they are not.
 */
unsigned int blkrepl_effective_mode(struct blkrepl_link *link)
{
	if (blkrepl_captures(link))
		return BLKREPL_MODE_ASYNCHRONOUS;
	return blkrepl_link_mirrors_some(link) ? BLKREPL_MODE_SYNCHRONOUS : 0;
}

static int fill_figures(struct sk_buff *skb, const struct blkrepl_rpo_figures *f, u32 span)
{
	struct nlattr *nest = nla_nest_start(skb, BLKREPL_A_RELATIONSHIP_RPO_FIGURES);

	if (!nest || nla_put_u32(skb, BLKREPL_A_RPO_FIGURES_SPAN, span) ||
	    nla_put_u32(skb, BLKREPL_A_RPO_FIGURES_SAMPLES, f->samples) ||
	    nla_put_u32(skb, BLKREPL_A_RPO_FIGURES_P50, f->p50) ||
	    nla_put_u32(skb, BLKREPL_A_RPO_FIGURES_P95, f->p95) ||
	    nla_put_u32(skb, BLKREPL_A_RPO_FIGURES_P99, f->p99) ||
	    nla_put_u32(skb, BLKREPL_A_RPO_FIGURES_WORST, f->max))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, BLKREPL_A_RELATIONSHIP_PAD);
}

/**
 * blkrepl_objective_fill - the objective's attributes
 * @skb: message
 * @link: the relationship
 *
 * Context: may sleep.
 */
int blkrepl_objective_fill(struct sk_buff *skb, struct blkrepl_link *link)
{
	static const u32 span[] = { 60, 3600, 86400 };
	struct blkrepl_rpo_figures figures[ARRAY_SIZE(span)];
	u64 now = ktime_get_ns(), age, violated, worst, violations, catch_up, writes;
	u64 bytes = (blkrepl_link_dirty_blocks(link) << BLKREPL_BLOCK_SHIFT) +
		    blkrepl_capture_backlog(link, &writes);
	unsigned int state, i;
	bool known;
	int r = 0;

	spin_lock_irq(&link->rpo_lock);
	state = link->rpo.state;
	known = link->rpo.known;
	age = blkrepl_rpo_age(&link->rpo, now);
	violations = link->rpo.violations;
	violated = blkrepl_rpo_violated(&link->rpo, now);
	worst = max(link->rpo.worst_ns, age);
	catch_up = blkrepl_rpo_catch_up(&link->rpo);
	for (i = 0; i < ARRAY_SIZE(span); i++)
		blkrepl_rpo_figures(&link->rpo, i, &figures[i]);
	spin_unlock_irq(&link->rpo_lock);

	if (nla_put_u16(skb, BLKREPL_A_RELATIONSHIP_EFFECTIVE_MODE, blkrepl_effective_mode(link)) ||
	    nla_put_u32(skb, BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_OBJECTIVE, link->rpo_s) ||
	    nla_put_u8(skb, BLKREPL_A_RELATIONSHIP_RPO_STATE, state) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_RPO_VIOLATIONS, violations) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_RPO_VIOLATED_MS, div_u64(violated, NSEC_PER_MSEC)) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_RPO_WORST_AGE, div_u64(worst, NSEC_PER_MSEC)) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_BACKLOG_BYTES, bytes) ||
	    put_u64(skb, BLKREPL_A_RELATIONSHIP_BACKLOG_WRITES, writes))
		return -EMSGSIZE;
	if (known)
		r = put_u64(skb, BLKREPL_A_RELATIONSHIP_RECOVERY_POINT_AGE,
			    div_u64(age, NSEC_PER_MSEC));
	if (!r && catch_up != BLKREPL_NEVER)
		r = put_u64(skb, BLKREPL_A_RELATIONSHIP_CATCH_UP_MS,
			    div_u64(catch_up, NSEC_PER_MSEC));
	for (i = 0; i < ARRAY_SIZE(span) && !r; i++)
		r = fill_figures(skb, &figures[i], span[i]);
	return r;
}
