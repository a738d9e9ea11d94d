#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.12 6.1
# timeout: 300
# Dissolve: the relationship ends, and what was the same is remembered on both sides.

. ./rig.sh

put() { { printf '%s' "$3"; head -c 4096 /dev/zero; } | head -c 4096 | dd of="$(readlink -f "$1")" bs=4096 seek="$2" oflag=direct status=none; }
has() { same "$(dd if="$(readlink -f "$1")" bs=4096 skip="$2" count=1 iflag=direct status=none | head -c ${#3})" "$3"; }
state_of() { same "$(half "$1" copy_state)" "$2"; }
dissolved() { same "$(half "$1" dissolved)" "${2:-1}"; }
refused() { local want=$1 out; shift; out=$("$@" 2>&1) && { echo "it was carried out"; return 1; }; [[ $out == *"$want"* ]] || { echo "$out"; return 1; }; }
# Between 1 byte and 1 MiB of 64 MiB
few_copied() { local n; n=$(half $GROUP copy_written); [ "$n" -gt 0 ] && [ "$n" -le $((1 << 20)) ] || { echo "copied $n bytes"; return 1; }; }
away() { peer_down && connect inactive=1; }
# Of all operations but these two, and Dissolve itself
all_refused() {
	local o

	for o in activate deactivate suspend resume fracture split restore-from-replica failover failback \
		reverse-roles abort unprepare reset-to-sync reset-to-async activate-consistency; do
		refused "refused in the present state" op "$o" group_uuid="$1" --force || { echo "$o"; return 1; }
	done
}
pair_again() {
	op resync-replica "$@" && wait_state synchronized && all_identical && dissolved $GROUP 0
}

plan 65
RIG_MEMBERS=2 RIG_MB=32
check "a synchronized mirror" rig_up

# From Synchronized, with the source written all the while
check "Dissolve" op dissolve
check "the source's half is dissolved" dissolved $GROUP
check "in Split" state_of $GROUP Split
check "both sides are the same" all_identical
check "the target's group comes up" peer_up
check "its half is dissolved, too" dissolved $PEER
check "repeated it does nothing" op dissolve group_uuid=$GROUP
check "nor on the target's half" op dissolve group_uuid=$PEER
check "everything else is refused at the source" all_refused $GROUP
check "and at the target" all_refused $PEER
put /dev/blkrepl/data/m0 10 source
put /dev/blkrepl/data-copy/m0 11 target
put /dev/blkrepl/data-copy/m1 12 target

# Groups that go down and come up keep it
check "the source's group goes down" group_down
check "and the target's" peer_down
check "the source's comes up" group_up
check "its half is still dissolved" dissolved $GROUP
check "the target's comes up" peer_up
check "its half is still dissolved" dissolved $PEER
check "it is written" state_of $PEER Skewed

# Paired again: the target's changes are at stake
check "the target's group goes down, and its volumes are met" away
check "meeting it changes nothing" dissolved $GROUP
check "pairing again needs force, for the target was written" refused "force" op resync-replica
check "with force it copies what differs" pair_again --force
check "and nothing else" few_copied
check "the target's change is gone" refused "" has /dev/mapper/t0 11 target
check "the source's is there" has /dev/mapper/t0 10 source
check "Suspend is an operation again" op suspend
put /dev/blkrepl/data/m0 13 behind

# From Suspended: the target's instant is older
check "Dissolve from Suspended" op dissolve
check "the target has its older instant" refused "" has /dev/mapper/t0 13 behind
check "its group comes up" peer_up
check "its half is dissolved" dissolved $PEER
check "it goes down and is met" away
check "without changes of the target no force is needed" pair_again
check "the source's change is there" has /dev/mapper/t0 13 behind

# From Split, where both are up, and Failedover
check "Split" op split
check "the target's group comes up" peer_up
check "Dissolve at the source" op dissolve group_uuid=$GROUP
check "and at the target" op dissolve group_uuid=$PEER
check "dissolved" dissolved $PEER
check "it goes down and is met" away
check "paired again" pair_again
check "Failover" op failover
group_down
check "the target serves" peer_up
put /dev/blkrepl/data-copy/m0 20 serving
check "Dissolve needs force" refused "force" op dissolve
check "and the source" refused "not connected" op dissolve --force
check "the source's volumes are met" peer_connect inactive=1
check "Dissolve with force" op dissolve --force
check "the source's are let go of" blkrepl-setup relationship-disconnect $LINK
check "its group comes up" group_up
check "its half is dissolved" dissolved $GROUP
check "it has what it had" refused "" has /dev/mapper/s0 20 serving
check "the target's has what it served" has /dev/mapper/t0 20 serving
check "the target is met" away
check "paired again, with force" pair_again --force

# Broken: the target is told when it is met, and is not consistent
dm_to_error tlog; dm_to_error t0; dm_to_error t1
put /dev/blkrepl/data/m0 30 alone
check "Broken" wait_state broken
check "Dissolve needs force" refused "force" op dissolve
check "with force it does not wait for the target" op dissolve --force
check "Fractured" state_of $GROUP Fractured
dm_to_linear tlog "$(disk d5)"; dm_to_linear t0 "$(disk d1)"; dm_switch t1 "0 $(dm_size t1) linear $(disk d1) $((RIG_MB * 2048))"
check "the target is met, and told" connect inactive=1
blkrepl-setup relationship-disconnect $LINK
check "it comes up as it was" peer_up
check "dissolved" dissolved $PEER
check "it goes down" peer_down

# Forgotten on both sides
check "met once more" connect inactive=1
check "Detach forgets it" op detach
check "the target's group is in nothing" peer_up
check "nor is the source's" same "$(half $GROUP dissolved)" ""
peer_down
rig_down
finish
