/* SPDX-License-Identifier: GPL-2.0 */
/* The areas of a log volume: which bitmap lies where. */
#ifndef BLKREPL_LAYOUT_H
#define BLKREPL_LAYOUT_H

#include "format.h"

#define BLKREPL_MAX_AREAS	(BLKREPL_NR_AREA_BLOCKS * BLKREPL_AREAS_PER_BLOCK)

/**
 * struct blkrepl_area - an area in memory; see struct blkrepl_disk_area
 * @type: as there, like all others
 * @link: as there
 * @member: place of the member in the member table
 * @first: as there
 * @nr: as there
 * @start: as there
 */
struct blkrepl_area {
	u16 type;
	u16 link;
	u32 member;
	u32 first;
	u32 nr;
	u64 start;
};

/**
 * struct blkrepl_layout - all areas of one log volume
 * @nr_blocks: size of the log volume
 * @nr: entries used in @area
 * @area: in no particular order
 */
struct blkrepl_layout {
	u64 nr_blocks;
	u32 nr;
	struct blkrepl_area area[BLKREPL_MAX_AREAS];
};

u32 blkrepl_layout_chunks(u16 type, u64 sectors);
u64 blkrepl_layout_min_blocks(const u64 *member_sectors, unsigned int n);
u64 blkrepl_layout_used(const struct blkrepl_layout *l);
u64 blkrepl_layout_block(const struct blkrepl_layout *l, u16 type, u16 link,
			 u32 member, u32 chunk);
int blkrepl_layout_provide(struct blkrepl_layout *l, u16 type, u16 link,
			   u32 member, u32 chunks);
u64 blkrepl_layout_ring_blocks(const struct blkrepl_layout *l, u16 link);
u64 blkrepl_layout_ring_block(const struct blkrepl_layout *l, u16 link, u64 n);
void blkrepl_layout_drop(struct blkrepl_layout *l, u16 type, u16 link, u32 member);
int blkrepl_layout_load(struct blkrepl_layout *l, const struct blkrepl_disk_areas *d);
void blkrepl_layout_store(const struct blkrepl_layout *l, u32 index,
			  struct blkrepl_disk_areas *d);

#endif
