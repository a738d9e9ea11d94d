#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One round of selftests/vm/tests/13-crash-async.sh, in the guest. After a crash:
#	source	the source comes back and the target catches up
#	middle	the same, and the next crash comes while it does
#	target	the target takes over by itself, and fails back
# Then dependent records are written until the guest crashes again.
# shellcheck shell=bash

. ./rig.sh
set -e

# All of them may be suspect after a crash, and that fits into the journal.
RIG_MEMBERS=3 RIG_MB=4
captures() { grep -q 'asynchronous epoch=[1-9]' /sys/kernel/debug/blkrepl/groups; }
# side LETTER: the devices of a side; what is on them is a prefix of the order of writes
side() { readlink -f /dev/mapper/"$1"{0..2}; }
# shellcheck disable=SC2046 # words
is_prefix() { ./dependent verify - $(side "$1"); }

rig_devices
case $1 in
first)
	group_up --create --force
	relate mode=3 force=1
	;;
target)
	peer_up take_over=1 --force
	is_prefix t
	echo "taken over at $(half $PEER recovery_point)"
	peer_connect inactive=1
	op_on $PEER failback --force
	wait_half $PEER synchronized
	op_on $PEER failback
	peer_down
	group_up
	connect
	;;
*)
	group_up
	is_prefix s
	limit=0
	[ "$1" != middle ] || limit=300000
	set_link rate_limit=$limit
	connect
	;;
esac
if [ "$1" != middle ]; then
	wait_state synchronized
	wait_for 20 captures
fi
if [ "$1" = last ]; then
	op reset-to-sync
	all_identical
	is_prefix t
	rig_down
	exit
fi
echo "consistency: $(show relationship consistency_state)"
# shellcheck disable=SC2046 # words
exec ./dependent write "$RANDOM" $(readlink -f /dev/blkrepl/data/m{0..2}) < <(
	while echo; do sleep 0.2; done)
