// SPDX-License-Identifier: GPL-2.0
/* Counting values of many magnitudes in little room. Pure. */
#include "histogram.h"

/**
 * blkrepl_hist_bucket - where a value is counted
 * @value: the value
 *
 * 0 to 15 have a bucket each; from there on a bucket has the values that agree
 * in their four highest bits.
 */
u32 blkrepl_hist_bucket(u32 value)
{
	u32 shift = 0;

	while (value >> shift >= 16)
		shift++;
	return shift * 8 + (value >> shift);
}

/**
 * blkrepl_hist_upper - the largest value of a bucket
 * @bucket: which
 */
u32 blkrepl_hist_upper(u32 bucket)
{
	u32 shift = bucket < 16 ? 0 : bucket / 8 - 1;

	return (u32)((((u64)bucket - shift * 8 + 1) << shift) - 1);
}

/**
 * blkrepl_hist_add - count a value
 * @h: the histogram
 * @value: the value
 */
void blkrepl_hist_add(struct blkrepl_hist *h, u32 value)
{
	u16 *count = &h->count[blkrepl_hist_bucket(value)];

	if (*count == (u16)~0u)
		return;
	++*count;
	h->n++;
	if (value > h->max)
		h->max = value;
}

/**
 * blkrepl_hist_quantile - the value below which a part of all lies
 * @h: histograms that are taken together
 * @nr: how many
 * @permille: the part
 *
 * Return: the upper end of the bucket, or the largest value if that is less; 0
 * when there is none.
 */
u32 blkrepl_hist_quantile(const struct blkrepl_hist *h, u32 nr, u32 permille)
{
	u64 all = 0, want, sum = 0;
	u32 i, k, max = 0;

	for (i = 0; i < nr; i++) {
		all += h[i].n;
		if (h[i].max > max)
			max = h[i].max;
	}
	want = div_u64(all * permille + 999, 1000);
	if (!want)
		want = !!all;
	for (k = 0; all && k < BLKREPL_HIST_BUCKETS; k++) {
		for (i = 0; i < nr; i++)
			sum += h[i].count[k];
		if (sum >= want)
			return min_t(u32, max, blkrepl_hist_upper(k));
	}
	return max;
}
