/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The recovery-point objective: how old the target is, and whether that is too
 * old. All times are given, and are monotonic but for the recovery point's own.
 */
#ifndef BLKREPL_RPO_H
#define BLKREPL_RPO_H

#include "../uapi/linux/blkrepl.h"
#include "histogram.h"
#include "throttle.h"

/* What changed; returned by what may change it */
#define BLKREPL_RPO_EV_EXCEEDED	BIT(0)
#define BLKREPL_RPO_EV_MET	BIT(1)	/* not exceeded any more */
#define BLKREPL_RPO_EV_AT_RISK	BIT(2)
#define BLKREPL_RPO_EV_SAFE	BIT(3)	/* nor at risk */
#define BLKREPL_RPO_EV_UNKNOWN	BIT(4)
#define BLKREPL_RPO_EV_KNOWN	BIT(5)

#define BLKREPL_RPO_SECONDS	60
#define BLKREPL_RPO_SLICES	12	/* of five minutes */
#define BLKREPL_RPO_HOURS	24

enum blkrepl_rpo_span {
	BLKREPL_RPO_MINUTE,
	BLKREPL_RPO_HOUR,
	BLKREPL_RPO_DAY,
};

/**
 * struct blkrepl_rpo_figures - the age in a span of time, in milliseconds
 * @samples: seconds that were seen
 * @p50: median
 * @p95: of 95 %
 * @p99: of 99 %
 * @max: the worst sample
 */
struct blkrepl_rpo_figures {
	u32 samples;
	u32 p50;
	u32 p95;
	u32 p99;
	u32 max;
};

/**
 * struct blkrepl_rpo - an objective and how it is kept
 * @objective_ns: the objective, 0 for none
 * @state: as told last
 * @known: there is a recovery point
 * @point_ns: monotonic time at which the source was as the target is
 * @point_us: the same, CLOCK_REALTIME
 * @risk_until_ns: a relationship that was at risk is so until then
 * @violations: how often the objective was exceeded
 * @violated_ns: for how long, violations that ended
 * @since_ns: begin of the violation that lasts
 * @worst_ns: highest age ever
 * @sampled_ns: time of the last sample
 * @nr_samples: samples that were taken
 * @backlog: bytes that the target lacked at the last sample
 * @drain: bytes per second by which the backlog shrinks, smoothed; may be below 0
 * @second: ages in the last minute
 * @slice: in the last hour; the youngest slice is filled
 * @hour: in the last day, likewise
 */
struct blkrepl_rpo {
	u64 objective_ns;
	enum blkrepl_rpo_state state;
	bool known;
	u64 point_ns;
	u64 point_us;
	u64 risk_until_ns;
	u64 violations;
	u64 violated_ns;
	u64 since_ns;
	u64 worst_ns;
	u64 sampled_ns;
	u64 nr_samples;
	u64 backlog;
	s64 drain;
	u32 second[BLKREPL_RPO_SECONDS];
	struct blkrepl_hist slice[BLKREPL_RPO_SLICES];
	struct blkrepl_hist hour[BLKREPL_RPO_HOURS];
};

#define BLKREPL_PACE_HOLD	(~0ULL)
#define BLKREPL_NEVER		(~0ULL)

void blkrepl_rpo_init(struct blkrepl_rpo *r, u64 now_ns, u32 objective_s);
unsigned int blkrepl_rpo_set(struct blkrepl_rpo *r, u64 now_ns, u32 objective_s);
unsigned int blkrepl_rpo_point(struct blkrepl_rpo *r, u64 now_ns, u64 point_ns, u64 point_us);
unsigned int blkrepl_rpo_lost(struct blkrepl_rpo *r, u64 now_ns);
unsigned int blkrepl_rpo_tick(struct blkrepl_rpo *r, u64 now_ns, u64 backlog);
u64 blkrepl_rpo_age(const struct blkrepl_rpo *r, u64 now_ns);
u64 blkrepl_rpo_violated(const struct blkrepl_rpo *r, u64 now_ns);
u64 blkrepl_rpo_catch_up(const struct blkrepl_rpo *r);
u64 blkrepl_rpo_pace(const struct blkrepl_rpo *r, u64 now_ns, u64 max_ns);
void blkrepl_rpo_figures(const struct blkrepl_rpo *r, enum blkrepl_rpo_span span,
			 struct blkrepl_rpo_figures *f);

#endif
