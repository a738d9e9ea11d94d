// SPDX-License-Identifier: GPL-2.0
/* Compiled to find out whether clang has its fuzzing runtime. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return 0;
}
