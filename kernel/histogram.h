/* SPDX-License-Identifier: GPL-2.0 */
/* Counting values of many magnitudes in little room. */
#ifndef BLKREPL_HISTOGRAM_H
#define BLKREPL_HISTOGRAM_H

#include "shim.h"

/* Eight buckets for each power of two: an eighth is the largest error. */
#define BLKREPL_HIST_OCTAVES	29
#define BLKREPL_HIST_BUCKETS	(8 * (BLKREPL_HIST_OCTAVES + 1))

/**
 * struct blkrepl_hist - how often which values were seen
 * @n: number of values
 * @max: the largest
 * @count: by bucket; stays at its end when it is full
 */
struct blkrepl_hist {
	u32 n;
	u32 max;
	u16 count[BLKREPL_HIST_BUCKETS];
};

u32 blkrepl_hist_bucket(u32 value);
u32 blkrepl_hist_upper(u32 bucket);
void blkrepl_hist_add(struct blkrepl_hist *h, u32 value);
u32 blkrepl_hist_quantile(const struct blkrepl_hist *h, u32 nr, u32 permille);

#endif
