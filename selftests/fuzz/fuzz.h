/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BLKREPL_FUZZ_H
#define BLKREPL_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
