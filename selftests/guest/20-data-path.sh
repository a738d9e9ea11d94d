#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a replica device does to data, and what it costs in metadata and flushes.
# timeout: 300

. ./rig.sh

# verified DEVICE FIO-OPTION...: fio writes, reads back and compares
verified() {
	local device

	device=$(readlink -f "$1")
	shift
	fio --name=v --filename="$device" --direct=1 --ioengine=libaio --iodepth=16 \
		--verify=crc32c --verify_fatal=1 --randrepeat=0 --size=48M "$@"
}

# file_system TYPE: made, filled, unmounted, checked
file_system() {
	"mkfs.$1" -q "${@:2}" /dev/blkrepl/data/m0 &&
		mount /dev/blkrepl/data/m0 /mnt &&
		cp -a /usr/bin /mnt/ && rm -rf /mnt/bin/[a-f]* && fstrim -v /mnt &&
		umount /mnt &&
		mount -o ro /dev/blkrepl/data/m0 /mnt &&
		cmp /usr/bin/openssl /mnt/bin/openssl 2>/dev/null || cmp /usr/bin/sed /mnt/bin/sed &&
		umount /mnt
}

overlapping() {
	fio --name=o --filename="$(readlink -f /dev/blkrepl/data/m0)" --rw=randwrite --bsrange=512-32k \
		--bs_unaligned=0 --blockalign=512 --direct=1 --ioengine=libaio --iodepth=64 --numjobs=2 \
		--size=2M --number_ios=3000 --norandommap --randrepeat=0
}

zeroed() {
	fill /dev/blkrepl/data/m0 7 8M && "$@" &&
		cmp -n 4M -i 2M /dev/zero <(dd if=/dev/blkrepl/data/m0 bs=1M count=8 iflag=direct 2>/dev/null | cat)
}

# Device-mapper devices do not count flushes; the disks below them do.
flushes() { echo $(($(stat_of "$(disk d0)" flushes) + $(stat_of "$(disk d1)" flushes))); }

# counts COMMAND...: metadata writes, intent commits, sectors to both log volumes and
# flushes at both legs that the command causes
counts() {
	local m c s f

	m=$(show group meta_writes) c=$(show group intent_commits)
	s=$(stat_of /dev/mapper/slog write_sectors)
	f=$(flushes)
	"$@" >/dev/null || return
	echo "$(($(show group meta_writes) - m)) $(($(show group intent_commits) - c))" \
		"$(($(stat_of /dev/mapper/slog write_sectors) - s))" \
		"$(($(flushes) - f))"
}

warm() { dd if=/dev/zero of=/dev/blkrepl/data/m0 bs=4k count=16 seek=$((1024 * $1)) oflag=direct conv=notrunc; }
hot_writes() {
	fio --name=h --filename="$(readlink -f /dev/blkrepl/data/m0)" --rw=randwrite --bs=4k --direct=1 \
		--ioengine=libaio --iodepth="$1" --size=16M --number_ios=4000 --norandommap
}

plan 22

RIG_MB=384
modprobe blkrepl && no_sweeps
check "a mirror" rig_up heartbeat_ms=0
check "sequential writes are read back" verified /dev/blkrepl/data/m0 --rw=write --bs=64k
check "random writes are read back" verified /dev/blkrepl/data/m0 --rw=randwrite --bs=4k
check "mixed sizes are read back" verified /dev/blkrepl/data/m0 --rw=randwrite --bsrange=512-256k --blockalign=512
check "writes without waiting (io_uring) are read back" \
	verified /dev/blkrepl/data/m0 --ioengine=io_uring --rw=randwrite --bs=4k
check "both sides are the same" all_identical
check "overlapping writes end" overlapping
check "and leave both sides the same" all_identical
check "discarded blocks read as zeroes" zeroed blkdiscard -o 2M -l 4M /dev/blkrepl/data/m0
check "zeroed blocks read as zeroes" zeroed fallocate -z -o 2M -l 4M "$(readlink -f /dev/blkrepl/data/m0)"
check "a discard over many extents" blkdiscard /dev/blkrepl/data/m0
check "both sides are the same after discards" all_identical
check "ext4" file_system ext4
check "xfs" file_system xfs -f
check "both sides are the same after file systems" all_identical

# The sweeper is off, so that what it does is not counted. Coming up anew makes all
# extents cold; then four are written to.
group_down && group_up && connect && wait_state synchronized
for extent in 0 1 2 3; do warm $extent 2>/dev/null; done
check "writes to hot extents, one at a time: no metadata, no flush" same "$(counts hot_writes 1)" "0 0 0 0"
check "writes to hot extents, 32 at a time: no metadata, no flush" same "$(counts hot_writes 32)" "0 0 0 0"
check "a flush is one at each leg" same "$(counts sync -d "$(readlink -f /dev/blkrepl/data/m0)")" "0 0 0 2"
check "the first write to a cold extent: one commit of one block" \
	same "$(counts warm 40)" "1 1 8 0"


check "buffers changed in flight, O_DIRECT" ./inflight direct /dev/blkrepl/data/m0 "${BLKREPL_SECONDS:-30}"
mkfs.ext4 -q -F /dev/blkrepl/data/m0 && mount /dev/blkrepl/data/m0 /mnt && fallocate -l 64M /mnt/f &&
	./inflight mmap /mnt/f "${BLKREPL_SECONDS:-30}" >/dev/null
umount /mnt
check "both sides are the same after buffers changed in flight" all_identical
check "it goes away" rig_down
finish
