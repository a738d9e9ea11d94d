// SPDX-License-Identifier: GPL-2.0
/*
 * Drives the target where there is no libFuzzer: random blocks, a few bytes of
 * which are changed again and again.
 *
 *	fuzz-mutate [RUNS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "../unit/rng.h"

#define SIZE 8194

int main(int argc, char *argv[])
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000, i;
	struct rng r = { argc > 2 ? strtoull(argv[2], NULL, 0) : 1 };
	static uint8_t data[SIZE];
	unsigned int k, n;

	for (i = 0; i < runs; i++) {
		if (i % 64 == 0) {
			memset(data, 0, sizeof(data));
			for (k = 0; rng_chance(&r, 50) && k < SIZE; k++)
				data[k] = rng_u64(&r);
		}
		data[0] = i;
		data[1] = rng_u64(&r);
		for (n = 1 + rng_below(&r, 16); n; n--) {
			/* Heads and the first entries of tables more than the rest */
			k = 2 + rng_below(&r, rng_chance(&r, 60) ? 256 : SIZE - 2);
			if (rng_chance(&r, 50))
				data[k] = rng_u64(&r);
			else
				data[k] = rng_chance(&r, 50) ? 0 : rng_below(&r, 16);
		}
		LLVMFuzzerTestOneInput(data, rng_chance(&r, 10) ? rng_below(&r, SIZE) : SIZE);
	}
	printf("%lu runs\n", runs);
	return 0;
}
