/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure files need from their surroundings.
 *
 * The files format.c, layout.c, dirty.c, state.c, generation.c, throttle.c and
 * names.c hold logic and nothing else: no kernel call, no I/O, no lock. They
 * are compiled into the module and, over this header, into the unit tests, the
 * crash simulator, the fuzzers and the user space programs. So can journal.c,
 * replay.c, epoch.c, histogram.c, rpo.c and adaptive.c, which the module does not
 * use yet.
 */
#ifndef BLKREPL_SHIM_H
#define BLKREPL_SHIM_H

#ifdef __KERNEL__

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

static inline u32 blkrepl_crc32c(u32 crc, const void *data, size_t len)
{
	return crc32c(crc, data, len);
}

#else

#include <assert.h>
#include <stdarg.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define cpu_to_le16(x) htole16(x)
#define cpu_to_le32(x) htole32(x)
#define cpu_to_le64(x) htole64(x)
#define le16_to_cpu(x) le16toh(x)
#define le32_to_cpu(x) le32toh(x)
#define le64_to_cpu(x) le64toh(x)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d) DIV_ROUND_UP((u64)(n), (u64)(d))
#define min_t(t, a, b) ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define BIT(n) (1UL << (n))

/* As snprintf(), but the length is that of what was written. */
static inline int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!size)
		return 0;
	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n < (int)size ? n : (int)size - 1;
}

static inline u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 c)
{
	return (u64)((__uint128_t)a * b / c);
}

static inline unsigned int hweight64(u64 w)
{
	return __builtin_popcountll(w);
}

static inline unsigned long __ffs64(u64 w)
{
	return __builtin_ctzll(w);
}

u32 blkrepl_crc32c(u32 crc, const void *data, size_t len);

#endif

/**
 * typedef blkrepl_alloc_fn - gives one zeroed block of BLKREPL_BLOCK_SIZE bytes
 * or NULL; the pure files allocate by no other way
 */
typedef void *(*blkrepl_alloc_fn)(void *ctx);
typedef void (*blkrepl_free_fn)(void *ctx, void *block);

#endif
