// SPDX-License-Identifier: GPL-2.0
/* The recovery-point objective: how old the target is, and whether too old. Pure. */
#include "rpo.h"

static u64 at_risk_ns(const struct blkrepl_rpo *r)
{
	return r->objective_ns - r->objective_ns / 4;
}

/**
 * blkrepl_rpo_init - nothing is known yet
 * @r: to be filled
 * @now_ns: monotonic time
 * @objective_s: the objective in seconds, 0 for none
 */
void blkrepl_rpo_init(struct blkrepl_rpo *r, u64 now_ns, u32 objective_s)
{
	memset(r, 0, sizeof(*r));
	r->objective_ns = objective_s * BLKREPL_NSEC_PER_SEC;
	r->sampled_ns = now_ns;
}

/**
 * blkrepl_rpo_age - how old the recovery point is
 * @r: the objective
 * @now_ns: monotonic time
 *
 * Return: nanoseconds, 0 when there is none.
 */
u64 blkrepl_rpo_age(const struct blkrepl_rpo *r, u64 now_ns)
{
	return r->known && now_ns > r->point_ns ? now_ns - r->point_ns : 0;
}

static enum blkrepl_rpo_state judge(const struct blkrepl_rpo *r, u64 now_ns, u64 age)
{
	if (!r->known || !r->objective_ns)
		return BLKREPL_RPO_STATE_UNKNOWN;
	if (age > r->objective_ns)
		return BLKREPL_RPO_STATE_EXCEEDED;
	if (age > at_risk_ns(r) || now_ns < r->risk_until_ns)
		return BLKREPL_RPO_STATE_AT_RISK;
	return BLKREPL_RPO_STATE_MET;
}

static unsigned int change(struct blkrepl_rpo *r, enum blkrepl_rpo_state to)
{
	enum blkrepl_rpo_state from = r->state;

	r->state = to;
	if (from == to)
		return 0;
	if (to == BLKREPL_RPO_STATE_UNKNOWN)
		return BLKREPL_RPO_EV_UNKNOWN;
	return (from == BLKREPL_RPO_STATE_UNKNOWN ? BLKREPL_RPO_EV_KNOWN : 0) |
	       (from == BLKREPL_RPO_STATE_EXCEEDED ? BLKREPL_RPO_EV_MET : 0) |
	       (from == BLKREPL_RPO_STATE_AT_RISK && to == BLKREPL_RPO_STATE_MET ? BLKREPL_RPO_EV_SAFE : 0) |
	       (to == BLKREPL_RPO_STATE_EXCEEDED ? BLKREPL_RPO_EV_EXCEEDED : 0) |
	       (to == BLKREPL_RPO_STATE_AT_RISK ? BLKREPL_RPO_EV_AT_RISK : 0);
}

/*
 * Bring everything up to now. The age only grows between two recovery points, so
 * a violation began exactly when the age was the objective, whenever it is seen.
 */
static unsigned int update(struct blkrepl_rpo *r, u64 now_ns)
{
	u64 age = blkrepl_rpo_age(r, now_ns);
	enum blkrepl_rpo_state to;

	if (age > r->worst_ns)
		r->worst_ns = age;
	if (r->known && r->objective_ns && age > at_risk_ns(r))
		r->risk_until_ns = now_ns + r->objective_ns;
	to = judge(r, now_ns, age);
	if (r->state == BLKREPL_RPO_STATE_EXCEEDED && to != BLKREPL_RPO_STATE_EXCEEDED) {
		r->violated_ns += now_ns - r->since_ns;
	} else if (r->state != BLKREPL_RPO_STATE_EXCEEDED && to == BLKREPL_RPO_STATE_EXCEEDED) {
		r->violations++;
		r->since_ns = r->point_ns + r->objective_ns;
	}
	return change(r, to);
}

/**
 * blkrepl_rpo_set - another objective
 * @r: the objective
 * @now_ns: monotonic time
 * @objective_s: in seconds, 0 for none
 *
 * Return: BLKREPL_RPO_EV_*.
 */
unsigned int blkrepl_rpo_set(struct blkrepl_rpo *r, u64 now_ns, u32 objective_s)
{
	unsigned int ev = update(r, now_ns);
	bool was = r->state == BLKREPL_RPO_STATE_EXCEEDED;

	/* From now on it is judged anew; a violation that goes on is still the same. */
	if (was)
		r->violated_ns += now_ns - r->since_ns;
	r->objective_ns = objective_s * BLKREPL_NSEC_PER_SEC;
	r->risk_until_ns = 0;
	ev |= change(r, judge(r, now_ns, blkrepl_rpo_age(r, now_ns)));
	if (r->state == BLKREPL_RPO_STATE_EXCEEDED) {
		r->violations += !was;
		r->since_ns = now_ns;
	}
	return ev;
}

/**
 * blkrepl_rpo_point - the target has a newer recovery point
 * @r: the objective
 * @now_ns: monotonic time: now it is durable
 * @point_ns: monotonic time of the recovery point
 * @point_us: CLOCK_REALTIME of the recovery point
 *
 * Return: BLKREPL_RPO_EV_*.
 */
unsigned int blkrepl_rpo_point(struct blkrepl_rpo *r, u64 now_ns, u64 point_ns, u64 point_us)
{
	unsigned int ev = update(r, now_ns);

	if (r->known && point_ns < r->point_ns)
		return ev;
	r->known = true;
	r->point_ns = point_ns;
	r->point_us = point_us;
	return ev | update(r, now_ns);
}

/**
 * blkrepl_rpo_lost - the target has no recovery point: it is inconsistent
 * @r: the objective
 * @now_ns: monotonic time
 *
 * Return: BLKREPL_RPO_EV_*.
 */
unsigned int blkrepl_rpo_lost(struct blkrepl_rpo *r, u64 now_ns)
{
	unsigned int ev = update(r, now_ns);

	r->known = false;
	return ev | update(r, now_ns);
}

/* Clear what the ring of histograms still has from its last lap. */
static struct blkrepl_hist *at_second(struct blkrepl_hist *h, u32 nr, u64 second, u32 length)
{
	u64 n = div_u64(second, length);

	h += n - div_u64(n, nr) * nr;
	if (second == n * length)
		memset(h, 0, sizeof(*h));
	return h;
}

static void sample(struct blkrepl_rpo *r, u64 age_ns)
{
	u32 ms = (u32)min_t(u64, div_u64(age_ns, 1000000), (u32)~0u);
	u64 n = r->nr_samples++;

	r->second[n - div_u64(n, BLKREPL_RPO_SECONDS) * BLKREPL_RPO_SECONDS] = ms;
	blkrepl_hist_add(at_second(r->slice, BLKREPL_RPO_SLICES, n, 300), ms);
	blkrepl_hist_add(at_second(r->hour, BLKREPL_RPO_HOURS, n, 3600), ms);
}

static s64 divided(s64 a, u64 b)
{
	return a < 0 ? -(s64)div64_u64(-a, b) : (s64)div64_u64(a, b);
}

/**
 * blkrepl_rpo_tick - to be called each second, or more often
 * @r: the objective
 * @now_ns: monotonic time
 * @backlog: bytes that the target lacks
 *
 * A tick that comes late stands for the seconds that it missed, a day at the
 * most.
 *
 * Return: BLKREPL_RPO_EV_*.
 */
unsigned int blkrepl_rpo_tick(struct blkrepl_rpo *r, u64 now_ns, u64 backlog)
{
	unsigned int ev = update(r, now_ns);
	u64 seconds = div64_u64(now_ns - r->sampled_ns, BLKREPL_NSEC_PER_SEC), i;
	s64 rate;

	if (!seconds)
		return ev;
	backlog = min_t(u64, backlog, 1ULL << 60);
	rate = divided((s64)(r->backlog - backlog), seconds);
	r->drain += divided(rate - r->drain, 4);
	r->backlog = backlog;
	if (seconds > 86400) {
		r->sampled_ns += (seconds - 86400) * BLKREPL_NSEC_PER_SEC;
		seconds = 86400;
	}
	for (i = 0; i < seconds; i++) {
		r->sampled_ns += BLKREPL_NSEC_PER_SEC;
		if (r->known)
			sample(r, blkrepl_rpo_age(r, r->sampled_ns));
	}
	return ev;
}

/**
 * blkrepl_rpo_violated - how long the objective was exceeded, in all
 * @r: the objective
 * @now_ns: monotonic time
 */
u64 blkrepl_rpo_violated(const struct blkrepl_rpo *r, u64 now_ns)
{
	bool now = r->state == BLKREPL_RPO_STATE_EXCEEDED;

	return r->violated_ns + (now ? now_ns - r->since_ns : 0);
}

/**
 * blkrepl_rpo_catch_up - when the target will lack nothing, as it goes now
 * @r: the objective
 *
 * Return: nanoseconds, BLKREPL_NEVER when the backlog does not shrink.
 */
u64 blkrepl_rpo_catch_up(const struct blkrepl_rpo *r)
{
	if (!r->backlog)
		return 0;
	if (r->drain <= 0 ||
	    div64_u64(r->backlog, r->drain) >= BLKREPL_NEVER / BLKREPL_NSEC_PER_SEC)
		return BLKREPL_NEVER;
	return mul_u64_u64_div_u64(r->backlog, BLKREPL_NSEC_PER_SEC, r->drain);
}

/**
 * blkrepl_rpo_pace - how long the end of a write is put off so that the objective holds
 * @r: the objective
 * @now_ns: monotonic time
 * @max_ns: the longest delay
 *
 * Return: nanoseconds; 0 below three quarters of the objective, growing up to
 * @max_ns; BLKREPL_PACE_HOLD at the objective: until the recovery point moved.
 */
u64 blkrepl_rpo_pace(const struct blkrepl_rpo *r, u64 now_ns, u64 max_ns)
{
	u64 age = blkrepl_rpo_age(r, now_ns), from = at_risk_ns(r);

	if (!r->known || !r->objective_ns || age <= from)
		return 0;
	if (age >= r->objective_ns)
		return BLKREPL_PACE_HOLD;
	return mul_u64_u64_div_u64(age - from, max_ns, r->objective_ns - from);
}

/* The value that @permille of the last minute's ages do not exceed; by counting. */
static u32 of_minute(const struct blkrepl_rpo *r, u32 n, u32 permille)
{
	u32 want = (n * permille + 999) / 1000, i, k, below, same;

	for (i = 0; i < n; i++) {
		below = 0;
		same = 0;
		for (k = 0; k < n; k++) {
			below += r->second[k] < r->second[i];
			same += r->second[k] == r->second[i];
		}
		if (below < want && want <= below + same)
			return r->second[i];
	}
	return 0;
}

/**
 * blkrepl_rpo_figures - the age in the last minute, hour or day
 * @r: the objective
 * @span: which
 * @f: filled. The minute's figures are exact; others are up to an eighth higher
 *	but for the worst, and their span begins with a slice of five minutes, or
 *	an hour
 */
void blkrepl_rpo_figures(const struct blkrepl_rpo *r, enum blkrepl_rpo_span span,
			 struct blkrepl_rpo_figures *f)
{
	const struct blkrepl_hist *h = span == BLKREPL_RPO_HOUR ? r->slice : r->hour;
	u32 nr = span == BLKREPL_RPO_HOUR ? BLKREPL_RPO_SLICES : BLKREPL_RPO_HOURS, i;

	memset(f, 0, sizeof(*f));
	if (span == BLKREPL_RPO_MINUTE) {
		f->samples = (u32)min_t(u64, r->nr_samples, BLKREPL_RPO_SECONDS);
		f->p50 = of_minute(r, f->samples, 500);
		f->p95 = of_minute(r, f->samples, 950);
		f->p99 = of_minute(r, f->samples, 990);
		f->max = of_minute(r, f->samples, 1000);
		return;
	}
	for (i = 0; i < nr; i++) {
		f->samples += h[i].n;
		if (h[i].max > f->max)
			f->max = h[i].max;
	}
	f->p50 = blkrepl_hist_quantile(h, nr, 500);
	f->p95 = blkrepl_hist_quantile(h, nr, 950);
	f->p99 = blkrepl_hist_quantile(h, nr, 990);
}
