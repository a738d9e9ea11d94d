/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM blkrepl

#if !defined(BLKREPL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BLKREPL_TRACE_H

#include <linux/tracepoint.h>

#include "blkrepl.h"

TRACE_EVENT(blkrepl_io_start,
	TP_PROTO(struct blkrepl_io *io),
	TP_ARGS(io),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u32, op)
		__field(u64, sector)
		__field(u32, sectors)
	),
	TP_fast_assign(
		__entry->dev = io->vol->dev;
		__entry->op = (__force u32)io->op;
		__entry->sector = io->orig->bi_iter.bi_sector;
		__entry->sectors = bio_sectors(io->orig);
	),
	TP_printk("%d,%d op=0x%x sector=%llu+%u", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->op, __entry->sector, __entry->sectors)
);

TRACE_EVENT(blkrepl_io_end,
	TP_PROTO(struct blkrepl_io *io, blk_status_t status),
	TP_ARGS(io, status),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u32, op)
		__field(u64, sector)
		__field(bool, mirrored)
		__field(u8, status)
	),
	TP_fast_assign(
		__entry->dev = io->vol->dev;
		__entry->op = (__force u32)io->op;
		__entry->sector = io->orig->bi_iter.bi_sector;
		__entry->mirrored = io->mirrored;
		__entry->status = (__force u8)status;
	),
	TP_printk("%d,%d op=0x%x sector=%llu mirrored=%d status=%u", MAJOR(__entry->dev),
		  MINOR(__entry->dev), __entry->op, __entry->sector, __entry->mirrored,
		  __entry->status)
);

TRACE_EVENT(blkrepl_intent,
	TP_PROTO(struct blkrepl_vol *vol, u32 extent, bool mark),
	TP_ARGS(vol, extent, mark),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u32, extent)
		__field(bool, mark)
	),
	TP_fast_assign(
		__entry->dev = vol->dev;
		__entry->extent = extent;
		__entry->mark = mark;
	),
	TP_printk("%d,%d extent=%u %s", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->extent, __entry->mark ? "mark" : "clear")
);

TRACE_EVENT(blkrepl_state,
	TP_PROTO(struct blkrepl_link *link, unsigned int from, unsigned int to),
	TP_ARGS(link, from, to),
	TP_STRUCT__entry(
		__string(name, link->name)
		__field(unsigned int, from)
		__field(unsigned int, to)
	),
	TP_fast_assign(
		BLKREPL_ASSIGN_STR(name, link->name);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s %u -> %u", __get_str(name), __entry->from, __entry->to)
);

TRACE_EVENT(blkrepl_leg_error,
	TP_PROTO(struct blkrepl_link *link, int error),
	TP_ARGS(link, error),
	TP_STRUCT__entry(
		__string(name, link->name)
		__field(int, error)
	),
	TP_fast_assign(
		BLKREPL_ASSIGN_STR(name, link->name);
		__entry->error = error;
	),
	TP_printk("%s error=%d", __get_str(name), __entry->error)
);

TRACE_EVENT(blkrepl_copy_step,
	TP_PROTO(struct blkrepl_vol *vol, u64 sector, u32 sectors, u32 written),
	TP_ARGS(vol, sector, sectors, written),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, sector)
		__field(u32, sectors)
		__field(u32, written)
	),
	TP_fast_assign(
		__entry->dev = vol->dev;
		__entry->sector = sector;
		__entry->sectors = sectors;
		__entry->written = written;
	),
	TP_printk("%d,%d sector=%llu+%u written=%u", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->sector, __entry->sectors, __entry->written)
);

TRACE_EVENT(blkrepl_repair,
	TP_PROTO(struct blkrepl_vol *vol, u64 sector, u32 sectors, bool mended),
	TP_ARGS(vol, sector, sectors, mended),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, sector)
		__field(u32, sectors)
		__field(bool, mended)
	),
	TP_fast_assign(
		__entry->dev = vol->dev;
		__entry->sector = sector;
		__entry->sectors = sectors;
		__entry->mended = mended;
	),
	TP_printk("%d,%d sector=%llu+%u mended=%d", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->sector, __entry->sectors, __entry->mended)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
