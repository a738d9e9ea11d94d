#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One round of selftests/lib/crash-rounds.sh, in the guest: ROUND SEED FLUSHED whole|apart.
# What the last round wrote with the seed before is verified, then a new one is written
# until the power is cut. Apart: with consistency off, and a leg that fails.
# shellcheck shell=bash

. ./rig.sh
set -e

round=$1 seed=$2 flushed=$3 kind=$4
RIG_MEMBERS=3 RIG_MB=32
rig_devices
[ "$kind" = whole ] || sweeps 200
if [ "$round" = 1 ]; then
	group_up --create
	relate
else
	group_up
	same "$(show group clean)" 0
	./records verify "$seed" "$flushed" /dev/blkrepl/data/m[0-2]
	connect
fi
wait_state synchronized
all_identical
if [ "$round" != 1 ]; then
	./records verify "$seed" "$flushed" /dev/mapper/t[0-2]
fi
if [ "$round" = last ]; then
	rig_down
	exit
fi

leg=$((round / 3 % 3))
leg_back() { dm_switch t$leg "0 $((RIG_MB * 2048)) linear $(disk d1) $((leg * RIG_MB * 2048))"; }
if [ "$kind" = apart ]; then
	op deactivate-consistency
	case $((round % 3)) in
	0) dm_to_error t$leg ;;
	1) { sleep 0.$((RANDOM % 10)); dm_to_error t$leg; } & ;;
	2) { dm_to_error t$leg; sleep 0.$((RANDOM % 10)); leg_back; } & ;;
	esac
	exec 3< <(exec ./records write $((seed + 1)) /dev/blkrepl/data/m[0-2])
	# The power is cut when something is printed: with the pair out, about to be, or on
	# its way back.
	if [ $((round % 3)) = 0 ]; then wait_state mixed; else sleep $((round % 3 - 1)).$((RANDOM % 10)); fi
	echo "writing with seed $((seed + 1)): $(state)"
	exec cat <&3
fi
echo "writing with seed $((seed + 1))"
exec ./records write $((seed + 1)) /dev/blkrepl/data/m[0-2]
