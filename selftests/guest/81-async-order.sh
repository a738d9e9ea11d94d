#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Dependent writes over four members of an asynchronous mirror, round after round: the
# way to the target fails somewhere, or the source goes; then the target takes over and
# is a prefix of the order in which the source was written. As many rounds as the word
# says, or each story once.
# timeout: 1800

. ./rig.sh
. ./writer.sh

RIG_MEMBERS=4 RIG_MB=4 RIG_LOG_MB=32
stories=(member log no-apply hang source suspend catch-up)
rounds=${1:-${#stories[@]}}
captures() { grep -q 'asynchronous epoch=[1-9]' /sys/kernel/debug/blkrepl/groups; }
side() { readlink -f /dev/mapper/"$1"{0..3}; }
# shellcheck disable=SC2046 # words
is_prefix() { ./dependent verify - $(side "$1"); }
place() { echo "$(disk d1) $(($1 * RIG_MB * 2048))"; }
legs_back() {
	local i

	for i in 0 1 2 3; do
		dm_switch t$i "0 $((RIG_MB * 2048)) linear $(place $i)" || return
	done
	dm_to_linear tlog "$(disk d5)"
}

# happens STORY: with a writer at work; the target is left behind
happens() {
	sleep 0.$((RANDOM % 10))
	case $1 in
	member) dm_to_error t$((RANDOM % 4)) && wait_state broken ;;
	log) dm_to_error tlog && wait_state broken ;;
	no-apply) fault no-apply 1 && wait_state broken ;;
	hang) dm_hang tlog && sleep 1 && dm_to_error t0 && dm_wake tlog && dm_to_error tlog && wait_state broken ;;
	source) true ;;
	suspend) op suspend && sleep 0.5 ;;
	catch-up) op suspend && sleep 0.5 && set_link rate_limit=100000 && op resume && sleep 0.$((RANDOM % 10)) ;;
	esac
}

# the source goes with what it has in memory; its target takes over, and fails back
goes_over() {
	fault log-stop 1
	blkrepl-setup group-del $GROUP --force
	fault log-stop 0
	fault no-probe 0
	legs_back && peer_up take_over=1 --force
}
comes_back() {
	set_link group_uuid=$PEER rate_limit=0 && peer_connect inactive=1 && op_on $PEER failback --force && wait_half $PEER synchronized && op_on $PEER failback &&
		peer_down && group_up && set_link rate_limit=0 && connect && wait_state synchronized && wait_for 20 captures
}

plan $((rounds * 4 + 1))
check "an asynchronous mirror" eval "rig_up mode=3 && wait_for 20 captures"
for ((n = 0; n < rounds; n++)); do
	story=${stories[n % ${#stories[@]}]}
	# shellcheck disable=SC2046 # words
	begin_writing $(readlink -f /dev/blkrepl/data/m{0..3})
	fault no-probe 1000
	check "$story" happens "$story"
	end_writing || note "the writer failed"
	check "the target takes over" goes_over
	check "it is a prefix" is_prefix t
	check "both are the same" eval "comes_back && wait_for 20 is_prefix s"
done
rig_down
finish
