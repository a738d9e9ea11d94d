# SPDX-License-Identifier: GPL-2.0
# For the tests that run in a guest: what a test needs to give results is in
# ../kselftest/results.sh, what it needs to do to devices is here.
# shellcheck shell=bash

# shellcheck source=selftests/kselftest/results.sh
. ../kselftest/results.sh

# disk SERIAL: the device of a scratch disk (d0 to d5)
disk() {
	local file

	file=$(grep -lsx "$1" /sys/block/vd*/serial) || return
	echo "/dev/$(cut -d/ -f4 <<<"$file")"
}

sectors() { blockdev --getsz "$1"; }

# identical A B [SIZE]: compares two devices as they are on the disk
identical() { ./bdcmp "$@"; }

# stat_of DEVICE FIELD: a counter of /sys/block/*/stat. A request-based driver (virtio)
# counts an empty flush among the writes too: count written sectors instead.
stat_of() {
	local name fields

	name=$(basename "$(readlink -f "$1")")
	read -r -a fields <"/sys/class/block/$name/stat"
	case $2 in
	reads) echo "${fields[0]}" ;;
	read_sectors) echo "${fields[2]}" ;;
	writes) echo "${fields[4]}" ;;
	write_sectors) echo "${fields[6]}" ;;
	in_flight) echo "${fields[8]}" ;;
	discards) echo "${fields[11]}" ;;
	discard_sectors) echo "${fields[13]}" ;;
	flushes) echo "${fields[15]}" ;;
	*) return 1 ;;
	esac
}

# Device-mapper devices under /dev/mapper/NAME, all over one device from a sector
# (default 0) on.

# dm_make NAME TABLE
dm_make() {
	dmsetup create "$1" --table "$2" && udevadm settle
}

# dm_linear NAME DEVICE [SECTORS [START]]
dm_linear() { dm_make "$1" "0 ${3:-$(sectors "$2")} linear $2 ${4:-0}"; }

# dm_switch NAME TABLE: puts another table under a live device
dm_switch() {
	dmsetup suspend --noflush --nolockfs "$1" &&
		dmsetup load "$1" --table "$2" &&
		dmsetup resume "$1"
}

dm_size() { sectors "/dev/mapper/$1"; }

# dm_to_linear NAME DEVICE, dm_to_error NAME: every request fails
dm_to_linear() { dm_switch "$1" "0 $(dm_size "$1") linear $2 0"; }
dm_to_error() { dm_switch "$1" "0 $(dm_size "$1") error"; }

# dm_to_error_at NAME DEVICE SECTOR SECTORS: only these sectors fail
dm_to_error_at() {
	local name=$1 device=$2 at=$3 length=$4 size head=''

	size=$(dm_size "$name")
	[ "$at" = 0 ] || head="0 $at linear $device 0"$'\n'
	dm_switch "$name" "${head}$at $length error
$((at + length)) $((size - at - length)) linear $device $((at + length))"
}

# dm_to_flakey NAME DEVICE UP DOWN [FEATURE...]
dm_to_flakey() {
	local name=$1 device=$2 up=$3 down=$4

	shift 4
	dm_switch "$name" "0 $(dm_size "$name") flakey $device 0 $up $down${*:+ $# $*}"
}

# dm_to_delay NAME DEVICE READ-MS WRITE-MS
dm_to_delay() { dm_switch "$1" "0 $(dm_size "$1") delay $2 0 $3 $2 0 $4"; }

# dm_hang NAME: requests wait until dm_wake
dm_hang() { dmsetup suspend --noflush --nolockfs "$1"; }
dm_wake() { dmsetup resume "$1"; }

# dm_remove NAME...
dm_remove() {
	local name

	for name; do
		dmsetup remove --retry "$name" || return
	done
}

# fill DEVICE SEED [SIZE]: contents that tell where they belong
fill() {
	fio --name=fill --filename="$1" --rw=write --bs=1M --direct=1 --ioengine=libaio \
		--iodepth=4 --randseed="$2" --refill_buffers ${3:+--size="$3"} >/dev/null
}
