// SPDX-License-Identifier: GPL-2.0
/*
 * The adaptive mode's controller. Pure.
 *
 * It leaves synchronous mode at once, since no write may wait longer than the
 * limit, and returns late: when latency was below half of the limit, and the
 * backlog low, for the whole hold time. A return that did not last doubles the
 * hold time of the next, so a target on the edge is not switched for ever.
 */
#include "adaptive.h"

/**
 * blkrepl_adaptive_init - begin synchronous
 * @a: to be filled
 * @now_ns: monotonic time
 * @limit_ns: see struct blkrepl_adaptive
 * @hold_ns: see there
 * @window_ns: time over which latency is looked at, shorter than @hold_ns
 * @backlog_low: see there
 */
void blkrepl_adaptive_init(struct blkrepl_adaptive *a, u64 now_ns, u64 limit_ns, u64 hold_ns,
			   u64 window_ns, u64 backlog_low)
{
	memset(a, 0, sizeof(*a));
	a->limit_ns = limit_ns;
	a->hold_ns = hold_ns;
	a->backlog_low = backlog_low;
	a->slot_ns = div_u64(window_ns, BLKREPL_ADAPTIVE_SLOTS);
	a->changed_ns = now_ns;
	a->synced_ns = now_ns;
	a->slot = div64_u64(now_ns, a->slot_ns);
}

/* Let slots go that are older than the window. */
static u32 youngest(struct blkrepl_adaptive *a, u64 now_ns)
{
	const u64 nr = BLKREPL_ADAPTIVE_SLOTS;
	u64 slot = div64_u64(now_ns, a->slot_ns);

	if (slot > a->slot + nr)
		a->slot = slot - nr;
	while (a->slot < slot) {
		a->slot++;
		memset(&a->window[a->slot - div_u64(a->slot, nr) * nr], 0, sizeof(a->window[0]));
	}
	return (u32)(a->slot - div_u64(a->slot, nr) * nr);
}

/**
 * blkrepl_adaptive_sample - a request to the target ended
 * @a: the controller
 * @now_ns: monotonic time
 * @latency_ns: how long it took; a direct write, or one to the journal
 */
void blkrepl_adaptive_sample(struct blkrepl_adaptive *a, u64 now_ns, u64 latency_ns)
{
	u32 us = (u32)min_t(u64, div_u64(latency_ns, 1000), (u32)~0u);

	blkrepl_hist_add(&a->window[youngest(a, now_ns)], us);
}

/**
 * blkrepl_adaptive_p99 - latency that one request in a hundred exceeds
 * @a: the controller
 * @now_ns: monotonic time
 * @samples: filled: requests in the window
 */
u64 blkrepl_adaptive_p99(struct blkrepl_adaptive *a, u64 now_ns, u32 *samples)
{
	u32 i;

	youngest(a, now_ns);
	*samples = 0;
	for (i = 0; i < BLKREPL_ADAPTIVE_SLOTS; i++)
		*samples += a->window[i].n;
	return 1000ULL * blkrepl_hist_quantile(a->window, BLKREPL_ADAPTIVE_SLOTS, 990);
}

static u64 hold(const struct blkrepl_adaptive *a)
{
	return a->hold_ns << a->doubled;
}

static bool to(struct blkrepl_adaptive *a, u64 now_ns, enum blkrepl_adaptive_state state,
	       enum blkrepl_adaptive_reason reason)
{
	a->switches += (a->state == BLKREPL_ADAPTIVE_SYNC) != (state == BLKREPL_ADAPTIVE_SYNC);
	a->state = state;
	a->reason = reason;
	a->changed_ns = now_ns;
	a->calm_ns = 0;
	return true;
}

/* How long synchronous mode lasted tells how long to wait before the next try. */
static bool leave_sync(struct blkrepl_adaptive *a, u64 now_ns, u64 epoch,
		       enum blkrepl_adaptive_reason reason)
{
	if (!a->switches || now_ns - a->synced_ns > 8 * hold(a))
		a->doubled = 0;
	else if (a->doubled < BLKREPL_ADAPTIVE_DOUBLE)
		a->doubled++;
	a->barrier = epoch;
	return to(a, now_ns, BLKREPL_ADAPTIVE_ASYNC, reason);
}

/* Why the target is not good enough to be synchronous with. */
static enum blkrepl_adaptive_reason trouble(const struct blkrepl_adaptive *a, u64 p99,
					    u32 samples,
					    const struct blkrepl_adaptive_input *in)
{
	if (in->failed)
		return BLKREPL_ADAPTIVE_FAILED;
	if (in->oldest_ns >= a->limit_ns)
		return BLKREPL_ADAPTIVE_OVERDUE;
	if (samples >= BLKREPL_ADAPTIVE_FEWEST && p99 > a->limit_ns)
		return BLKREPL_ADAPTIVE_SLOW;
	return BLKREPL_ADAPTIVE_NO_REASON;
}

static bool is_calm(const struct blkrepl_adaptive *a, u64 p99, u32 samples,
		    const struct blkrepl_adaptive_input *in)
{
	/* Of a target that is not spoken to nothing is known. */
	return !in->failed && samples && p99 <= a->limit_ns / 2 &&
	       in->oldest_ns <= a->limit_ns / 2 && in->backlog <= a->backlog_low;
}

/**
 * blkrepl_adaptive_decide - whether to go over to the other mode
 * @a: the controller
 * @now_ns: monotonic time
 * @in: what is true now. To be called when a direct write is as old as the
 *	limit, when a leg failed, when the backlog was drained, and every 100 ms
 *
 * Return: whether @a->state changed; @a->reason tells why.
 */
bool blkrepl_adaptive_decide(struct blkrepl_adaptive *a, u64 now_ns,
			     const struct blkrepl_adaptive_input *in)
{
	u32 samples;
	u64 p99 = blkrepl_adaptive_p99(a, now_ns, &samples);
	enum blkrepl_adaptive_reason why = trouble(a, p99, samples, in);

	switch (a->state) {
	case BLKREPL_ADAPTIVE_SYNC:
		return why && leave_sync(a, now_ns, in->epoch, why);
	case BLKREPL_ADAPTIVE_RETURNING:
		if (!why && !in->drained && now_ns - a->changed_ns > hold(a))
			why = BLKREPL_ADAPTIVE_STUCK;
		if (why)
			return to(a, now_ns, BLKREPL_ADAPTIVE_ASYNC, why);
		if (!in->drained)
			return false;
		a->synced_ns = now_ns;
		return to(a, now_ns, BLKREPL_ADAPTIVE_SYNC, BLKREPL_ADAPTIVE_DRAINED);
	default:
		if (!is_calm(a, p99, samples, in))
			a->calm_ns = 0;
		else if (!a->calm_ns)
			a->calm_ns = now_ns;
		else if (now_ns - a->calm_ns >= hold(a))
			return to(a, now_ns, BLKREPL_ADAPTIVE_RETURNING, BLKREPL_ADAPTIVE_CALM);
		return false;
	}
}

/**
 * blkrepl_adaptive_may_commit - whether an epoch may be committed now
 * @a: the controller
 * @epoch: its number
 * @direct_in_flight: writes that were sent to the target's members and did not end
 *
 * A direct write that lands late must not come on top of an epoch that was
 * applied. Until none is in flight the recovery point is the instant of the switch.
 */
bool blkrepl_adaptive_may_commit(const struct blkrepl_adaptive *a, u64 epoch,
				 u64 direct_in_flight)
{
	return !direct_in_flight || epoch < a->barrier;
}

/**
 * blkrepl_adaptive_explain - a reason in words
 * @reason: which
 */
const char *blkrepl_adaptive_explain(enum blkrepl_adaptive_reason reason)
{
	static const char *const words[] = {
		[BLKREPL_ADAPTIVE_NO_REASON] = "",
		[BLKREPL_ADAPTIVE_OVERDUE] = "a write had not ended at the target at the limit",
		[BLKREPL_ADAPTIVE_SLOW] = "the target's latency is above the limit",
		[BLKREPL_ADAPTIVE_FAILED] = "the target failed",
		[BLKREPL_ADAPTIVE_STUCK] = "what the target lacked was not sent in time",
		[BLKREPL_ADAPTIVE_CALM] = "latency and backlog have been low",
		[BLKREPL_ADAPTIVE_DRAINED] = "the target has everything",
	};

	return (unsigned int)reason < ARRAY_SIZE(words) ? words[reason] : "";
}
