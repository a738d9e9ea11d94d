/* SPDX-License-Identifier: GPL-2.0 */
/* How fast the copy engine may go. */
#ifndef BLKREPL_THROTTLE_H
#define BLKREPL_THROTTLE_H

#include "shim.h"

#define BLKREPL_NSEC_PER_SEC	1000000000ULL
#define BLKREPL_YIELD_NS	(BLKREPL_NSEC_PER_SEC / 5)

/**
 * struct blkrepl_throttle - a token bucket with two rates
 * @limit: bytes per second at the most, 0 for no limit
 * @yield: bytes per second while there is user I/O, 0 to not yield
 * @debt_ns: time at which what was taken will have been earned
 * @user_ns: time at which user I/O was seen last
 * @user_seen: value of the user I/O counter then
 */
struct blkrepl_throttle {
	u64 limit;
	u64 yield;
	u64 debt_ns;
	u64 user_ns;
	u64 user_seen;
};

u64 blkrepl_throttle_rate(struct blkrepl_throttle *t, u64 now_ns, u64 user_ios);
u64 blkrepl_throttle_take(struct blkrepl_throttle *t, u64 now_ns, u64 user_ios, u64 bytes);

#endif
