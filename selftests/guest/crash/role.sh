#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One round of selftests/vm/tests/11-crash-roles.sh, in the guest: ROUND OPERATION STEP.
# What the round before left is brought back to a synchronized mirror, and on the way
# each side that lets itself be opened has to show one of the images that are legal.
# Then the operation is begun and stopped after the step; "no such step" is said when it
# ended before.
# shellcheck shell=bash

. ./rig.sh
set -e

round=$1 operation=$2 step=$3
RIG_MEMBERS=3 RIG_MB=32
BLOCKS="3 1500 4000 8100"
mark() { printf '%s %s' "$1" "$2"; }
# put GROUP-NAME TEXT: a mark over all members
put() {
	local i b

	for ((i = 0; i < RIG_MEMBERS; i++)); do
		for b in $BLOCKS; do
			{ printf '%-64s' "$2 m$i b$b"; head -c 4032 /dev/zero; } |
				dd of="$(readlink -f "/dev/blkrepl/$1/m$i")" bs=4096 seek="$b" oflag=direct conv=notrunc status=none
		done
		blockdev --flushbufs "$(readlink -f "/dev/blkrepl/$1/m$i")"
		sync "$(readlink -f "/dev/blkrepl/$1/m$i")"
	done
}
# image GROUP-NAME: the mark, if it is the same over all members, else what there is
image() {
	local i b

	for ((i = 0; i < RIG_MEMBERS; i++)); do
		for b in $BLOCKS; do
			dd if="$(readlink -f "/dev/blkrepl/$1/m$i")" bs=4096 skip="$b" count=1 iflag=direct status=none |
				head -c 64 | sed -e "s/ m$i b$b *$//"
			echo
		done
	done | sort -u | tr '\n' '|'
}
is_up() { blkrepl-setup show --json | jq -e ".groups[] | select(.uuid == \"$1\")" >/dev/null; }
# legal GROUP-NAME IMAGE...: the side shows one of these, wholly
legal() {
	local is

	is=$(image "$1")
	for i in "${@:2}"; do
		[ "$is" != "$i|" ] || return 0
	done
	echo "the side $1 shows '$is', legal: ${*:2}" >&2
	return 1
}
role() { half "$1" role; }
progress() { half "$1" progress_status; }
copy_state() { half "$1" copy_state; }

# Take both groups up as far as they let themselves be, and complete hand-overs.
bring_up() {
	local g

	group_up || echo "the source is closed"
	peer_up || echo "the target is closed"
	if is_up $GROUP && [ "$(half $GROUP pending)" = 1 ]; then
		is_up $PEER || { connect inactive=1 && op_on $GROUP "$operation" role=2; }
		group_down
		is_up $PEER || peer_up
	elif is_up $PEER && [ "$(half $PEER pending)" = 1 ]; then
		is_up $GROUP || { peer_connect inactive=1 && op_on $PEER "$operation" role=2; }
		peer_down
		is_up $GROUP || group_up
	fi
	is_up $GROUP || is_up $PEER
}

# From whatever it is to a synchronized mirror from the first side to the second.
normalize() {
	local g

	if is_up $GROUP && is_up $PEER; then
		peer_down
		if [ "$(copy_state $GROUP)" = Failedover ]; then
			group_down
			peer_up
		else
			connect inactive=1
			op resync-replica
		fi
	fi
	if is_up $GROUP; then
		case $(copy_state $GROUP) in
		Split|Skewed) connect inactive=1; op resync-replica ;;
		Failedover) connect inactive=1; op_on $GROUP reverse-roles role=1 --force ;;
		*) connect ;;
		esac
		wait_half $GROUP synchronized
	else
		case $(copy_state $PEER) in
		Failedover) peer_connect inactive=1; op_on $PEER reverse-roles role=1 --force ;;
		Split|Skewed) peer_connect inactive=1; op_on $PEER failover --force ;;
		*) peer_connect ;;
		esac
		wait_half $PEER synchronized
		if [ "$(progress $PEER)" = "Failing back" ]; then
			op_on $PEER failback
		else
			op_on $PEER reverse-roles role=2
		fi
		peer_down
		group_up
		connect
		wait_half $GROUP synchronized
	fi
	all_identical
	[ "$(role $GROUP)" = 1 ]
}

# The operation from its precondition on; the power may go at any step of it.
prepare() {
	put data "source $round"
	case $operation in
	resync-replica|restore-from-replica)
		op split
		peer_up
		put data-copy "target $round"
		put data "source $round again"
		peer_down
		connect inactive=1
		;;
	failback)
		op failover
		group_down
		peer_up
		put data-copy "target $round"
		peer_connect inactive=1
		;;
	esac
}
run() {
	case $operation in
	split) op split ;;
	failover) op failover ;;
	reverse-roles)
		op_on $GROUP reverse-roles role=2
		group_down
		peer_up
		peer_connect
		wait_half $PEER synchronized
		;;
	failback)
		op_on $PEER failback
		wait_half $PEER synchronized
		op_on $PEER failback
		peer_down
		group_up
		connect
		wait_half $GROUP synchronized
		;;
	resync-replica) op resync-replica; wait_half $GROUP synchronized ;;
	restore-from-replica) op restore-from-replica; wait_half $GROUP synchronized ;;
	esac
}
# What the sides may show when the operation of round $1 was interrupted.
verify() {
	local s="source $1" t="target $1" a="source $1 again"

	case $operation in
	split|failover|reverse-roles)
		! [ -b /dev/blkrepl/data/m0 ] || legal data "$s"
		! [ -b /dev/blkrepl/data-copy/m0 ] || legal data-copy "$s"
		;;
	failback)
		! [ -b /dev/blkrepl/data/m0 ] || legal data "$t"
		! [ -b /dev/blkrepl/data-copy/m0 ] || legal data-copy "$t"
		;;
	resync-replica|restore-from-replica)
		! [ -b /dev/blkrepl/data/m0 ] || legal data "$a" "$t"
		! [ -b /dev/blkrepl/data-copy/m0 ] || legal data-copy "$t" "$a"
		;;
	esac
}
# And once it is a mirror again.
verify_end() {
	case $operation in
	split|failover|reverse-roles) legal data "source $1" ;;
	failback) legal data "target $1" ;;
	resync-replica|restore-from-replica) legal data "source $1 again" "target $1" ;;
	esac
}

rig_devices
if [ "$round" = 1 ]; then
	group_up --create
	relate
	wait_state synchronized
else
	operation=${4:-$operation}
	bring_up
	verify $((round - 1))
	normalize
	verify_end $((round - 1))
	operation=$2
fi
[ "$operation" != none ] || { rig_down; exit 0; }
prepare
fault stop "$step"
# Who comes to the last step stays there; this tells it to the host.
{
	while grep -q '^stop [1-9]' /sys/kernel/debug/blkrepl/fault; do sleep 0.05; done
	echo "stopped after a step"
} &
watcher=$!
run
kill $watcher
fault stop 0
echo "no such step"
for group in $GROUP $PEER; do
	! is_up "$group" || blkrepl-setup group-del "$group"
done
