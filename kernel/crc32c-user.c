// SPDX-License-Identifier: GPL-2.0
/*
 * CRC-32C (Castagnoli, reflected 0x82f63b78) for user space, where the module
 * uses the kernel's. Same convention as the kernel's crc32c(): the caller gives
 * the start value and no final inversion is done. Eight bytes at a time.
 */
#include "shim.h"

#ifdef __SSE4_2__

u32 blkrepl_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	u64 w;

	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		crc = (u32)__builtin_ia32_crc32di(crc, w);
	}
	while (len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}

#else

static u32 table[8][256];

static void fill_table(void)
{
	for (u32 i = 0; i < 256; i++) {
		u32 c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? (c >> 1) ^ 0x82f63b78 : c >> 1;
		table[0][i] = c;
	}
	for (u32 i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			table[k][i] = table[0][table[k - 1][i] & 0xff] ^ (table[k - 1][i] >> 8);
}

u32 blkrepl_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;
	u64 w;

	if (!table[7][1])
		fill_table();
	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		w = le64_to_cpu(w) ^ crc;
		crc = table[7][w & 0xff] ^ table[6][w >> 8 & 0xff] ^
		      table[5][w >> 16 & 0xff] ^ table[4][w >> 24 & 0xff] ^
		      table[3][w >> 32 & 0xff] ^ table[2][w >> 40 & 0xff] ^
		      table[1][w >> 48 & 0xff] ^ table[0][w >> 56];
	}
	while (len--)
		crc = table[0][(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return crc;
}

#endif
