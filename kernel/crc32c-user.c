// SPDX-License-Identifier: GPL-2.0
/*
 * CRC-32C (Castagnoli, reflected 0x82f63b78) for user space, where the module
 * uses the kernel's. Same convention as the kernel's crc32c(): the caller gives
 * the start value and no final inversion is done.
 */
#include "shim.h"

static u32 table[256];

static void fill_table(void)
{
	for (u32 i = 0; i < 256; i++) {
		u32 c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? (c >> 1) ^ 0x82f63b78 : c >> 1;
		table[i] = c;
	}
}

u32 blkrepl_crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	if (!table[1])
		fill_table();
	while (len--)
		crc = table[(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return crc;
}
