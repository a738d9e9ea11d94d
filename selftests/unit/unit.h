/* SPDX-License-Identifier: GPL-2.0 */
/* What the unit tests of the pure files share. */
#ifndef BLKREPL_TEST_UNIT_H
#define BLKREPL_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rng.h"

/* Fails with the seed, so that the case can be run again. */
#define check_seed(condition, seed) do {					\
	if (!(condition))							\
		fail_msg("%s, seed %llu", #condition, (unsigned long long)(seed));	\
} while (0)

#endif
