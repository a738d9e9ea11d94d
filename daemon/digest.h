/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256, for a text that is short. Pure. */
#pragma once

#include <stddef.h>

#define DIGEST_HEX_SIZE 65

/* In hexadecimal digits, with a NUL behind them */
void digest_text(const char *text, size_t size, char hex[static DIGEST_HEX_SIZE]);
