// SPDX-License-Identifier: GPL-2.0
/* How fast the copy engine may go. Pure. */
#include "throttle.h"

/**
 * blkrepl_throttle_rate - the rate that holds now
 * @t: the throttle
 * @now_ns: monotonic time
 * @user_ios: a counter that moves with user I/O
 *
 * Return: bytes per second, 0 for no limit.
 */
u64 blkrepl_throttle_rate(struct blkrepl_throttle *t, u64 now_ns, u64 user_ios)
{
	if (user_ios != t->user_seen) {
		t->user_seen = user_ios;
		t->user_ns = now_ns;
	}
	if (t->yield && t->user_ns && now_ns - t->user_ns < BLKREPL_YIELD_NS &&
	    (!t->limit || t->yield < t->limit))
		return t->yield;
	return t->limit;
}

/**
 * blkrepl_throttle_take - account for bytes about to be copied
 * @t: the throttle
 * @now_ns: monotonic time
 * @user_ios: see blkrepl_throttle_rate()
 * @bytes: how many
 *
 * A pause earns nothing: there are no bursts above the rate.
 *
 * Return: nanoseconds to wait before the next bytes.
 */
u64 blkrepl_throttle_take(struct blkrepl_throttle *t, u64 now_ns, u64 user_ios, u64 bytes)
{
	u64 rate = blkrepl_throttle_rate(t, now_ns, user_ios);

	if (t->debt_ns < now_ns)
		t->debt_ns = now_ns;
	if (!rate) {
		t->debt_ns = now_ns;
		return 0;
	}
	t->debt_ns += mul_u64_u64_div_u64(bytes, BLKREPL_NSEC_PER_SEC, rate);
	return t->debt_ns - now_ns;
}
