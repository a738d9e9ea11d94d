# SPDX-License-Identifier: GPL-2.0
# For the tests that run in a guest. A test sources this file, calls plan N, then N
# times "check DESCRIPTION COMMAND..." (or pass, fail, skip), then finish.
# shellcheck shell=bash

set -u
. ./ktap_helpers.sh

plan() {
	ktap_print_header
	ktap_set_plan "$1"
}

pass() { ktap_test_pass "$1"; }
fail() { ktap_test_fail "$1"; }
skip() { ktap_test_skip "$1"; }
finish() { ktap_finished; }
note() { echo "# $*"; }

# skip_all REASON: the whole test does not apply here
skip_all() {
	ktap_print_header
	ktap_skip_all "$1"
	exit "$KSFT_SKIP"
}

# give_up REASON: what the test stands on is not there
give_up() { ktap_exit_fail_msg "$1"; }

# check DESCRIPTION COMMAND...: one result; what the command prints is shown when
# it fails
check() {
	local description=$1 output

	shift
	if output=$("$@" 2>&1); then
		pass "$description"
		return
	fi
	[ -z "$output" ] || printf '# %s\n' "${output//$'\n'/$'\n# '}"
	fail "$description"
	return 1
}

# refused DESCRIPTION COMMAND...: one result; the command must fail
refused() {
	local description=$1

	shift
	check "$description" not "$@"
}

not() { ! "$@"; }

# same VALUE EXPECTED
same() {
	[ "$1" = "$2" ] && return
	echo "is $1, should be $2"
	return 1
}

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep 0.1
	done
}

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
