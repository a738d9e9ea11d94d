#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Members of groups in a relationship come and go with their pairs, or move to another one,
# with a stop after each write of the metadata on either side.
# on demand: it takes long
# timeout: 1800

. ./pairs-lib.sh

# refused_at N COMMAND...: log volumes refuse the N-th write and all later ones; fails
# where the command has fewer. Then the group is taken down as a crash would.
refused_at() {
	local n=$1 left

	shift
	fault log-stop "$n"
	"$@" 2>/dev/null
	left=$(sed -n 's/^log-stop //p' /sys/kernel/debug/blkrepl/fault)
	blkrepl-setup group-del $GROUP || return
	! blkrepl-setup show --json | grep -q $GROUP2 || blkrepl-setup group-del $GROUP2 || return
	fault log-stop 0
	[ "$left" = 1 ]
}

# interrupted BEFORE AFTER COMMAND...: after a stop at each write of the command the group
# has the members BEFORE or AFTER; "undo" does the reverse
interrupted() {
	local before=$1 after=$2 n old=0 new=0 space

	shift 2
	space=$(used)
	for ((n = 1; n < 100; n++)); do
		refused_at "$n" "$@" || break
		# shellcheck disable=SC2086 # words
		if up $before 2>/dev/null; then
			old=$((old + 1))
			# shellcheck disable=SC2086 # words
			meet $before || return
			# shellcheck disable=SC2086 # words
			[ $((n % 4)) != 0 ] || whole $before || return
		else
			new=$((new + 1))
			# shellcheck disable=SC2086 # words
			up $after && meet $after && whole $after && undo && whole $before || return
		fi
		same "$(used)" "$space" || return
	done
	note "stopped at $((n - 1)) writes: $old times the old members, $new times the new ones"
	# shellcheck disable=SC2086 # words
	up $after && meet $after && whole $after && [ $n -lt 100 ] && [ $old -gt 0 ] && [ $new -gt 0 ]
}

# A move leaves the pair where it was, where it was to go, or in neither; never in both.
# back: undoes it
back() {
	case $(names $GROUP2) in
	*m3*) move $GROUP2 $GROUP 3 ;;
	*) add 3 ;;
	esac
}
move_interrupted() {
	local n old=0 new=0 neither=0

	for ((n = 1; n < 150; n += 1 + n % 2)); do
		refused_at "$n" move $GROUP $GROUP2 3 || break
		if up 0 2 3 2>/dev/null; then
			old=$((old + 1))
			up2 1 && meet 0 2 3 && meet2 1 || return
		elif up2 1 3 2>/dev/null; then
			new=$((new + 1))
			up 0 2 && meet 0 2 && meet2 1 3 && back || return
		else
			neither=$((neither + 1))
			up 0 2 && up2 1 && meet 0 2 && meet2 1 && back || return
		fi
		same "$(names) | $(names $GROUP2)" "m0 m2 m3 | m1" || return
		[ $((n % 8)) -gt 1 ] || whole 0 2 3 || return
	done
	note "stopped $((old + new + neither)) times: $old times it had not moved, $new times it had, $neither times it was in neither"
	[ $n -lt 150 ] && [ $old -gt 0 ] && [ $new -gt 0 ]
}

plan 4

RIG_MEMBERS=2 RIG_MB=8
rig_devices
for i in 2 3; do
	dm_linear s$i "$(disk d2)" $((RIG_MB * 2048)) $((i * RIG_MB * 2048))
	dm_linear t$i "$(disk d3)" $((RIG_MB * 2048)) $((i * RIG_MB * 2048))
	fill /dev/mapper/s$i $((i + 10)) 4M
	fill /dev/mapper/t$i $((i + 20)) 4M
done
group_up --create --force
relate force=1 rate_limit=0
wait_state synchronized
op suspend
add 2
remove 1
undo() { remove 3; }
check "adding a pair: the old members or the new ones" interrupted "0 2" "0 2 3" add 3
undo() { add 3; }
check "removing one: likewise" interrupted "0 2 3" "0 2" remove 3

dm_linear slog2 "$(disk d2)" $((RIG_LOG_MB * 2048)) $((8 * RIG_MB * 2048))
dm_linear tlog2 "$(disk d3)" $((RIG_LOG_MB * 2048)) $((8 * RIG_MB * 2048))
add 3
second 1
blkrepl-setup wait $LINK2 synchronized
op2 suspend
check "moving one: it is in one relationship, or in none" move_interrupted
check "and each is the same on both sides" whole 0 2 3
blkrepl-setup group-del $GROUP2
dm_remove slog2 tlog2
blkrepl-setup group-del $GROUP
for i in 2 3; do
	dm_remove s$i t$i
done
rig_down
finish
