# SPDX-License-Identifier: LGPL-2.1-or-later
# A relationship r made by the daemon, from s0 and s1 to t0 and t1: device-mapper devices
# with given log volumes. LVM is not asked, unless a test puts it back.
# shellcheck shell=bash disable=SC2034 # some are for those who read this file

. ./lib.sh

root=/org/blkrepl1
work=/run/daemon-operations
death=/run/blkrepl/death
conf=/run/systemd/system/blkrepld.service.d/test.conf
MB=32

call() { busctl --timeout=150 call -j org.blkrepl1 "$@"; }
relationship() { call "$root/relationship/r" org.blkrepl1.Relationship "$@"; }
property() { busctl get-property -j org.blkrepl1 "$1" "org.blkrepl1.$2" "$3" | jq -r .data; }
get() { property $root/relationship/r Relationship "$1"; }
state() { get CopyState; }
is_state() { [[ " $* " == *" $(state) "* ]]; }
ended() { same "$(call $root org.blkrepl1.System ListRelationships | jq '.data[0] | length')" 0; }
volume() { call $root org.blkrepl1.System GetVolume s "/dev/mapper/$1" | jq -r '.data[0]'; }
job() { jq -r '.data[] | select(type == "string" and contains("/job/_"))' "$1"; }
wait_job() { call "$1" org.blkrepl1.Job Wait t 120000000 | jq -r '.data[0]'; }
# extended KEY: of the last reply
extended() { jq -r ".data[2].$1.data" $work/reply; }

# begin_op NAME [COUNT OPTION...]: a call
begin_op() {
	local name=$1

	shift
	relationship "$name" 'a{sv}' "${@:-0}" >$work/reply
}

# finished FILE: the job of a reply is done, if there is one
finished() { [ "$(jq -r '.data[0]' "$1")" = 0 ] || same "$(wait_job "$(job "$1")")" "done"; }

# operate NAME STATE [COUNT OPTION...]: to the end
operate() {
	local name=$1 want=$2

	shift 2
	begin_op "$name" "$@" && finished $work/reply && same "$(state)" "$want"
}

# declined WORDS NAME [COUNT OPTION...]: it is refused with these words
declined() {
	local words=$1 name=$2 out

	shift 2
	out=$(relationship "$name" 'a{sv}' "${@:-0}" 2>&1) && { echo "it was carried out"; return 1; }
	[[ $out == *$words* ]] || { echo "$out"; return 1; }
}

daemon_up() {
	mkdir -p $work "$(dirname $conf)"
	printf '[Service]\nRestart=no\nEnvironment=BLKREPLD_DIE_AT=%s\n' $death >$conf
	# Where there is no LVM to find, no time goes into looking at it.
	[ "${1-}" = lvm ] || echo "Environment=PATH=/usr/bin" >>$conf
	systemctl daemon-reload
	systemctl start blkrepld
}

daemon_down() {
	systemctl stop blkrepld
	rm -rf $work "$(dirname $conf)"
	systemctl daemon-reload
}

devices_up() {
	local i

	modprobe blkrepl && dm_linear slog "$(disk d4)" $((MB * 2048)) && dm_linear tlog "$(disk d5)" $((MB * 2048)) || return
	for i in 0 1; do
		dm_linear s$i "$(disk d0)" $((MB * 2048)) $((i * MB * 2048)) &&
			dm_linear t$i "$(disk d1)" $((MB * 2048)) $((i * MB * 2048)) || return
	done
}

devices_down() { udevadm settle && dm_remove s0 s1 t0 t1 slog tlog; }

create() {
	call $root org.blkrepl1.System CreateReplicationRelationship 'sqqosaoa{sv}saoaoa{sv}uooa{sv}' r 6 2 / "" \
		2 "$(volume s0)" "$(volume s1)" 2 LogVolume s /dev/mapper/slog MemberNames as 2 a b "" \
		2 "$(volume t0)" "$(volume t1)" 0 1 LogVolume s /dev/mapper/tlog 0 / / 1 Force b true >$work/reply &&
		finished $work/reply && same "$(state)" Synchronized
}

delete_group() {
	udevadm settle
	call "$root/group/${1/-/_2d}" org.blkrepl1.Group Delete 'a{sv}' 0
}

there() { test -b "/dev/blkrepl/$1/a" && test -b "/dev/blkrepl/$1/b"; }
gone() { ! test -e "/dev/blkrepl/$1/a" && ! test -e "/dev/blkrepl/$1/b"; }

# serve GROUP...: these groups have replica devices, no other has
serve() {
	local g

	for g in r r-replica; do
		if [[ " $* " == *" $g "* ]]; then
			wait_for 20 there $g || return
		else
			wait_for 20 gone $g || return
		fi
	done
}

# access SOURCE TARGET: as the properties tell
access() { same "$(get SourceAccess) $(get TargetAccess)" "$1 $2"; }
roles() { same "$(get SourceGroupName) $(get TargetGroupName)" "$1 $2"; }

# put DEVICE BLOCK TEXT: a mark in a block, past the page cache
put() { { printf '%s' "$3"; head -c 4096 /dev/zero; } | head -c 4096 | dd of="$(readlink -f "$1")" bs=4096 seek="$2" oflag=direct status=none; }
has() { same "$(dd if="$(readlink -f "$1")" bs=4096 skip="$2" count=1 iflag=direct status=none | head -c ${#3} | tr -d '\0')" "$3"; }
all_identical() { identical /dev/mapper/s0 /dev/mapper/t0 && identical /dev/mapper/s1 /dev/mapper/t1; }

replica=/dev/blkrepl/r
copy=/dev/blkrepl/r-replica
