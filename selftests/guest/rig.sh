# SPDX-License-Identifier: GPL-2.0
# A group with its relationship, made with blkrepl-setup over device-mapper devices
# whose tables the tests change: s0, s1, ... (source), t0, t1, ... (target), slog, tlog.
# shellcheck shell=bash

. ./lib.sh

GROUP=11111111-1111-4111-8111-111111111111
PEER=22222222-2222-4222-8222-222222222222
LINK=33333333-3333-4333-8333-333333333333
RIG_MEMBERS=1
RIG_MB=64
RIG_LOG_MB=64

# member I, target I: identity of a member
member_uuid() { printf '44444444-4444-4444-8444-4444444444%02x' "$1"; }
target_uuid() { printf '55555555-5555-4555-8555-5555555555%02x' "$1"; }

# rig_devices: the devices alone, RIG_MEMBERS of RIG_MB each
rig_devices() {
	local i size

	size=$((RIG_MB * 2048))
	modprobe blkrepl || return
	dm_linear slog "$(disk d4)" $((RIG_LOG_MB * 2048)) && dm_linear tlog "$(disk d5)" $((RIG_LOG_MB * 2048)) || return
	for ((i = 0; i < RIG_MEMBERS; i++)); do
		dm_linear "s$i" "$(disk d0)" $size $((i * size)) &&
			dm_linear "t$i" "$(disk d1)" $size $((i * size)) || return
	done
}

source_devices() {
	local i

	for ((i = 0; i < RIG_MEMBERS; i++)); do
		echo "$i:$(member_uuid $i):m$i:/dev/mapper/s$i"
	done
}

target_devices() {
	local i

	for ((i = 0; i < RIG_MEMBERS; i++)); do
		echo "$i:$(target_uuid $i):m$i:/dev/mapper/t$i"
	done
}

# shellcheck disable=SC2046 # words
group_up() { blkrepl-setup group-new $GROUP data /dev/mapper/slog "$@" $(source_devices) && udevadm settle; }
group_down() { udevadm settle; blkrepl-setup group-del $GROUP; }

# relate [KEY=VALUE...]
# shellcheck disable=SC2046 # words
relate() {
	blkrepl-setup relationship-new $LINK name=copy group_uuid=$GROUP target_group_uuid=$PEER \
		target_group_name=data-copy target_log_path=/dev/mapper/tlog "$@" $(target_devices)
}

# shellcheck disable=SC2046 # words
connect() {
	blkrepl-setup relationship-connect $LINK target_log_path=/dev/mapper/tlog "$@" $(target_devices)
}

op() { blkrepl-setup relationship-op $LINK "$@"; }
set_link() { blkrepl-setup relationship-set $LINK "$@"; }
wait_state() { blkrepl-setup wait $LINK "$1" --timeout "${2:-60}"; }

# The other side: its group, its half, its connection to the volumes of the source
# shellcheck disable=SC2046 # words
peer_up() { blkrepl-setup group-new $PEER data-copy /dev/mapper/tlog "$@" $(target_devices) && udevadm settle; }
peer_down() { udevadm settle; blkrepl-setup group-del $PEER "$@"; }
# shellcheck disable=SC2046 # words
peer_connect() {
	blkrepl-setup relationship-connect $LINK group_uuid=$PEER target_log_path=/dev/mapper/slog "$@" $(source_devices)
}
op_on() { local g=$1; shift; blkrepl-setup relationship-op $LINK "$1" group_uuid="$g" "${@:2}"; }
wait_half() { blkrepl-setup wait $LINK "$2" group_uuid="$1" --timeout "${3:-60}"; }

# half GROUP KEY: a value of the half that a group has
half() { blkrepl-setup show --json | jq -r ".relationships[] | select(.group_uuid == \"$1\") | .$2"; }

# show KIND KEY [INDEX]: a value that the module tells; KIND is group, member,
# relationship or pair
show() { blkrepl-setup show --json | jq -r ".${1}s[${3:-0}].${2}"; }
state() { show relationship copy_state; }
same_state() { same "$(state)" "$1"; }

# replica I: the replica device of a member
replica() { echo "/dev/$(show member disk "$1")"; }

# rig_up [KEY=VALUE...]: devices, group and relationship, synchronized
rig_up() {
	rig_devices && group_up --create --force && relate force=1 "$@" && wait_state synchronized
}

rig_down() {
	local i

	udevadm settle
	blkrepl-setup group-del $GROUP || [ $? = 3 ] || return
	sweeps 5000
	for ((i = 0; i < RIG_MEMBERS; i++)); do
		dm_remove "s$i" "t$i" || return
	done
	dm_remove slog tlog
}

# all_identical: every pair is the same on both sides, read from the disks
all_identical() {
	local i

	for ((i = 0; i < RIG_MEMBERS; i++)); do
		identical "/dev/mapper/s$i" "/dev/mapper/t$i" || return
	done
}

# no_sweeps, sweeps MS: the sweeper of groups that come up from now on
sweeps() { echo "$1" >/sys/module/blkrepl/parameters/sweep_ms; }
no_sweeps() { sweeps 3600000; }

fault() { echo "$1 $2" >/sys/kernel/debug/blkrepl/fault; }

# write_some DEVICE [FIO-OPTION...]: random writes that end
write_some() {
	local device=$1

	shift
	fio --name=w --filename="$(readlink -f "$device")" --size="$(blockdev --getsize64 "$device")" --rw=randwrite --bs=4k --direct=1 --ioengine=libaio \
		--iodepth=16 --number_ios=2000 --norandommap --randrepeat=0 "$@" >/dev/null
}
