#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A target takes over by itself, for its source cannot come up.

. ./rig.sh

put() { { printf '%s' "$3"; head -c 4096 /dev/zero; } | head -c 4096 | dd of="$(readlink -f "$1")" bs=4096 seek="$2" oflag=direct status=none; }
has() { same "$(dd if="$(readlink -f "$1")" bs=4096 skip="$2" count=1 iflag=direct status=none | head -c ${#3})" "$3"; }
state_of() { same "$(half "$1" copy_state)" "$2"; }
says() { local want=$1 out; shift; out=$("$@" 2>&1) && { echo "it was carried out"; return 1; }; [[ $out == *"$want"* ]] || { echo "$out"; return 1; }; }
take_over() { peer_up take_over=1 "$@"; }
# fail_back [--force]: the target's changes go to the source, which serves again
fail_back() {
	peer_connect inactive=1 && op_on $PEER failback "$@" && wait_half $PEER synchronized &&
		op_on $PEER failback && peer_down && group_up && connect && wait_state synchronized && all_identical
}

plan 32
RIG_MEMBERS=2 RIG_MB=32
check "a synchronized mirror" rig_up
put /dev/blkrepl/data/m0 10 before

# Not while the source is there
check "a target that is connected" says "in use" take_over --force
blkrepl-setup relationship-disconnect $LINK
check "a target whose source is up" says "the source is up" take_over --force
check "the source goes down" group_down
check "a source takes nothing over" says "it is its target" group_up take_over=1 --force
check "it needs Force" says "force" take_over
check "nothing has changed" says "closed" peer_up
check "with Force it takes over" take_over --force
check "it is Failedover" state_of $PEER Failedover
check "it has what the source had" has /dev/blkrepl/data-copy/m0 10 before
put /dev/blkrepl/data-copy/m0 11 on-the-target
check "the source does not come up beside it" says "failed over" group_up

# A restart of the one, then of the other
check "the target goes down" peer_down
check "and comes up as it was" peer_up
check "Failedover" state_of $PEER Failedover
peer_down
check "a source that was not told comes up alone" group_up
check "but not both" says "its source is up" peer_up
put /dev/blkrepl/data/m1 12 lose-me
check "the source goes down" group_down
check "the target comes up" peer_up

# They meet
check "connected" peer_connect inactive=1
check "what the source wrote is not thrown away without a word" says "force" op_on $PEER failback
check "Failback" fail_back --force
check "with what was written to the target" has /dev/mapper/s0 11 on-the-target
check "without what was not" says "" has /dev/mapper/s1 12 lose-me

# The source dies with writes in flight: that they arrived here alone is in its intents only
no_sweeps
check "the source is up, its marks stay" eval 'group_down && group_up && connect && wait_state synchronized'
put /dev/blkrepl/data/m0 20 written
check "its log volume stops" fault log-stop 1
blkrepl-setup group-del $GROUP --force
fault log-stop 0
put /dev/mapper/s0 21 in-flight
check "the target takes over" take_over --force
put /dev/blkrepl/data-copy/m1 22 target
check "Failback, to which nothing is lost that anybody was told of" fail_back
check "what was in flight is gone" says "" has /dev/mapper/s0 21 in-flight

# A target in the middle of a copy
check "changes" eval 'op suspend && write_some /dev/blkrepl/data/m0 --number_ios=200 && set_link rate_limit=1 && op resume'
check "the source goes down in the copy" group_down
check "an inconsistent target does not take over" says "inconsistent" take_over --force
group_up
set_link rate_limit=0
check "the copy ends" eval 'connect && wait_state synchronized && all_identical'
rig_down
sweeps 5000
finish
