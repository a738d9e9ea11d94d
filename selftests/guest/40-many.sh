#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Many groups, many members; taking them down and up; unloading and loading under load.
# timeout: 300

. ./rig.sh

NR_GROUPS=5 NR_MEMBERS=6 MB=4

uuid() { printf '%08x-0000-4000-8000-%012x' "$1" "$2"; }

many_devices() {
	local g m at=0

	for ((g = 0; g < NR_GROUPS; g++)); do
		dmsetup create "log$g" --table "0 8192 linear $(disk d4) $((g * 8192))" &&
			dmsetup create "tlog$g" --table "0 8192 linear $(disk d5) $((g * 8192))" || return
		for ((m = 0; m < NR_MEMBERS; m++)); do
			dmsetup create "a$g.$m" --table "0 $((MB * 2048)) linear $(disk d0) $at" &&
				dmsetup create "b$g.$m" --table "0 $((MB * 2048)) linear $(disk d1) $at" || return
			at=$((at + MB * 2048))
		done
	done
	udevadm settle
}

many_devices_gone() {
	local g m

	for ((g = 0; g < NR_GROUPS; g++)); do
		for ((m = 0; m < NR_MEMBERS; m++)); do
			dm_remove "a$g.$m" "b$g.$m" || return
		done
		dm_remove "log$g" "tlog$g" || return
	done
}

members() { # GROUP KIND DEVICE-LETTER
	local m

	for ((m = 0; m < NR_MEMBERS; m++)); do
		echo "$m:$(uuid "$2" $(($1 * 256 + m))):m$m:/dev/mapper/$3$1.$m"
	done
}

# shellcheck disable=SC2046 # words
many_up() {
	local g

	for ((g = 0; g < NR_GROUPS; g++)); do
		blkrepl-setup group-new "$(uuid 1 "$g")" "g$g" "/dev/mapper/log$g" "$@" $(members "$g" 2 a) || return
	done
	udevadm settle
}

# shellcheck disable=SC2046 # words
many_relate() {
	local g

	for ((g = 0; g < NR_GROUPS; g++)); do
		blkrepl-setup relationship-new "$(uuid 3 "$g")" name="r$g" group_uuid="$(uuid 1 "$g")" \
			target_group_uuid="$(uuid 4 "$g")" target_group_name="t$g" force=1 \
			target_log_path="/dev/mapper/tlog$g" $(members "$g" 5 b) || return
	done
}

# shellcheck disable=SC2046 # words
many_connect() {
	local g

	for ((g = 0; g < NR_GROUPS; g++)); do
		blkrepl-setup relationship-connect "$(uuid 3 "$g")" target_log_path="/dev/mapper/tlog$g" \
			$(members "$g" 5 b) || return
	done
}

many_synchronized() {
	local g

	for ((g = 0; g < NR_GROUPS; g++)); do
		blkrepl-setup wait "$(uuid 3 "$g")" synchronized --timeout 60 || return
	done
}

many_down() {
	local g

	udevadm settle
	for ((g = 0; g < NR_GROUPS; g++)); do
		blkrepl-setup group-del "$(uuid 1 "$g")" || return
	done
}

many_identical() {
	identical "$(disk d0)" "$(disk d1)" $((NR_GROUPS * NR_MEMBERS * MB))M
}

load() {
	local g

	for ((g = 0; g < NR_GROUPS; g++)); do
		fio --name="l$g" --filename="$(readlink -f "/dev/blkrepl/g$g/m$((g % NR_MEMBERS))")" --rw=randwrite \
			--bs=4k --size=${MB}M --direct=1 --ioengine=libaio --iodepth=4 --number_ios=300 \
			--norandommap --randrepeat=0 >/dev/null &
	done
	wait
}

count() { blkrepl-setup show --json | jq ".$1 | length"; }
unloaded() { rmmod blkrepl; }

plan 16

modprobe blkrepl
fill "$(disk d0)" 4 $((NR_GROUPS * NR_MEMBERS * MB))M
check "devices are there" many_devices
check "$NR_GROUPS groups of $NR_MEMBERS members come up" many_up --create --force
check "and are mirrored" many_relate
check "their first copies end" many_synchronized
check "dumps tell all groups" same "$(count groups)" $NR_GROUPS
check "dumps tell all members" same "$(count members)" $((NR_GROUPS * NR_MEMBERS))
check "dumps tell all pairs" same "$(count pairs)" $((NR_GROUPS * NR_MEMBERS))
check "load on all groups" load
check "both sides are the same" many_identical

exec 7<"/dev/blkrepl/g3/m1"
refused "a group with an open device stays up" blkrepl-setup group-del "$(uuid 1 3)"
refused "the module stays while groups are up" unloaded
exec 7<&-
check "all groups go down" many_down
check "the module is unloaded" unloaded
modprobe blkrepl
many_up && many_connect
check "and loaded again, the groups come up synchronized" many_synchronized

# One group is in use while the others go and come.
fio --name=busy --filename="$(readlink -f /dev/blkrepl/g0/m0)" --rw=randwrite --bs=4k --size=${MB}M \
	--direct=1 --ioengine=libaio --iodepth=4 --time_based --runtime=8 >/dev/null &
busy=$!
sleep 1
rounds() {
	local g i

	for i in 1 2; do
		for ((g = 1; g < NR_GROUPS; g++)); do
			blkrepl-setup group-del "$(uuid 1 "$g")" || return
		done
		many_up && many_connect || return
	done
}
check "groups go and come while another one is under load" rounds
wait $busy
many_synchronized
check "both sides are the same" many_identical
many_down
many_devices_gone
rmmod blkrepl
finish
