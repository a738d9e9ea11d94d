/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The adaptive mode's controller: synchronous while the target is fast, ordered
 * asynchronous while it is not. It decides; the caller carries out.
 */
#ifndef BLKREPL_ADAPTIVE_H
#define BLKREPL_ADAPTIVE_H

#include "histogram.h"

#define BLKREPL_ADAPTIVE_SLOTS	10
#define BLKREPL_ADAPTIVE_FEWEST	16u	/* samples of which a p99 means something */
#define BLKREPL_ADAPTIVE_DOUBLE	5u	/* the hold time is doubled so often at the most */

enum blkrepl_adaptive_state {
	BLKREPL_ADAPTIVE_SYNC,
	BLKREPL_ADAPTIVE_ASYNC,
	BLKREPL_ADAPTIVE_RETURNING,	/* asynchronous; the backlog is drained to return */
};

enum blkrepl_adaptive_reason {
	BLKREPL_ADAPTIVE_NO_REASON,
	/* to asynchronous */
	BLKREPL_ADAPTIVE_OVERDUE,	/* a write has not ended at the limit */
	BLKREPL_ADAPTIVE_SLOW,		/* the window's p99 is above the limit */
	BLKREPL_ADAPTIVE_FAILED,	/* a leg failed */
	BLKREPL_ADAPTIVE_STUCK,		/* the backlog was not drained in time */
	/* to returning, and from there */
	BLKREPL_ADAPTIVE_CALM,		/* latency and backlog were low for the hold time */
	BLKREPL_ADAPTIVE_DRAINED,
};

/**
 * struct blkrepl_adaptive - the controller
 * @limit_ns: LatencyLimit
 * @hold_ns: how long latency and backlog have to be low before the return
 * @backlog_low: bytes that count as low
 * @slot_ns: a tenth of the window
 * @state: what holds
 * @reason: of the last change
 * @changed_ns: time of the last change
 * @synced_ns: when it became synchronous last
 * @calm_ns: since when everything has been low, 0 if it is not
 * @doubled: how often the hold time is doubled, since a return did not last
 * @switches: number of changes between synchronous and not
 * @barrier: epochs from this one on wait for direct writes
 * @slot: number of the youngest slot
 * @window: latencies in microseconds
 */
struct blkrepl_adaptive {
	u64 limit_ns;
	u64 hold_ns;
	u64 backlog_low;
	u64 slot_ns;
	enum blkrepl_adaptive_state state;
	enum blkrepl_adaptive_reason reason;
	u64 changed_ns;
	u64 synced_ns;
	u64 calm_ns;
	u32 doubled;
	u64 switches;
	u64 barrier;
	u64 slot;
	struct blkrepl_hist window[BLKREPL_ADAPTIVE_SLOTS];
};

/**
 * struct blkrepl_adaptive_input - what is true now
 * @failed: a leg of the target failed
 * @oldest_ns: how long the oldest direct write has been in flight, 0 for none
 * @backlog: bytes that the target lacks
 * @drained: nothing is left, and writes are held: it may be synchronous now
 * @epoch: number of the current epoch
 */
struct blkrepl_adaptive_input {
	bool failed;
	u64 oldest_ns;
	u64 backlog;
	bool drained;
	u64 epoch;
};

void blkrepl_adaptive_init(struct blkrepl_adaptive *a, u64 now_ns, u64 limit_ns, u64 hold_ns,
			   u64 window_ns, u64 backlog_low);
void blkrepl_adaptive_sample(struct blkrepl_adaptive *a, u64 now_ns, u64 latency_ns);
u64 blkrepl_adaptive_p99(struct blkrepl_adaptive *a, u64 now_ns, u32 *samples);
bool blkrepl_adaptive_decide(struct blkrepl_adaptive *a, u64 now_ns,
			     const struct blkrepl_adaptive_input *in);
bool blkrepl_adaptive_may_commit(const struct blkrepl_adaptive *a, u64 epoch,
				 u64 direct_in_flight);
const char *blkrepl_adaptive_explain(enum blkrepl_adaptive_reason reason);

#endif
