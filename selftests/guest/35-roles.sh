#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.12 6.1
# timeout: 300
# The roles of the two sides: parting, failing over and back, changing places.

. ./rig.sh

down() { ! blkrepl-setup show --json | jq -e ".groups[] | select(.uuid == \"$1\")" >/dev/null; }
both_names() { [ -b /dev/blkrepl/data/m0 ] && [ -b /dev/blkrepl/data-copy/m0 ]; }
no_name() { udevadm settle; ! [ -e "$1" ]; }
# put DEVICE BLOCK TEXT: a mark in a block, past the page cache
put() { { printf '%s' "$3"; head -c 4096 /dev/zero; } | head -c 4096 | dd of="$(readlink -f "$1")" bs=4096 seek="$2" oflag=direct status=none; }
has() { same "$(dd if="$(readlink -f "$1")" bs=4096 skip="$2" count=1 iflag=direct status=none | head -c ${#3})" "$3"; }
state_of() { same "$(half "$1" copy_state)" "$2"; }
copied() { half "$1" copy_written; }
few_copied() { local n; n=$(copied "$1"); [ "$n" -gt 0 ] && [ "$n" -le $((1 << 20)) ] || { echo "copied $n bytes"; return 1; }; }
refused() { local want=$1 out; shift; out=$("$@" 2>&1) && { echo "it was carried out"; return 1; }; [[ $out == *"$want"* ]] || { echo "$out"; return 1; }; }

plan 86
RIG_MEMBERS=2 RIG_MB=32
check "a synchronized mirror" rig_up
put /dev/blkrepl/data/m0 10 before
check "the target's group is closed" refused "in use" peer_up

# Split: exactly one instant, both sides written
check "Split" op split
check "the target's group comes up" peer_up
check "both have names" both_names
check "the source is Split" state_of $GROUP Split
check "so is the target" state_of $PEER Split
check "both sides are the same" all_identical
put /dev/blkrepl/data-copy/m0 11 target
check "a write to the target makes it Skewed" wait_half $PEER skewed
put /dev/blkrepl/data/m1 12 source
check "the source goes on as Split" state_of $GROUP Split
check "the connection is refused while the target's group is up" refused "in use" connect group_uuid=$GROUP inactive=1
check "it goes down" peer_down
check "connecting changes nothing" connect inactive=1
check "the state is still Split" state_of $GROUP Split
check "ResyncReplica" op resync-replica
check "it ends" wait_state synchronized
check "both sides are the same again" all_identical
check "the target's change is gone" refused "" has /dev/mapper/t0 11 target
check "the source's change is there" has /dev/mapper/t1 12 source
check "only differences were copied" few_copied $GROUP

# RestoreFromReplica
check "Split again" op split
check "the target comes up" peer_up
put /dev/blkrepl/data-copy/m0 20 keep-me
put /dev/blkrepl/data/m0 20 lose-me
put /dev/blkrepl/data/m1 21 lose-me
check "the target goes down" peer_down
check "connected" connect inactive=1
exec 7<"$(readlink -f /dev/blkrepl/data/m0)"
check "RestoreFromReplica is refused while the source is open" refused "is open" op restore-from-replica
exec 7<&-
check "RestoreFromReplica" op restore-from-replica
check "it ends Synchronized" wait_state synchronized
check "the source has its devices again" wait_for 10 test -b /dev/blkrepl/data/m0
check "both sides are the same" all_identical
check "the target's data won" has /dev/blkrepl/data/m0 20 keep-me
check "the source's changes are gone" refused "" has /dev/blkrepl/data/m1 21 lose-me

# Failover, planned, with the source still open
exec 7<>"$(readlink -f /dev/blkrepl/data/m0)"
check "Failover" op failover
check "the source's devices are gone" no_name /dev/blkrepl/data/m0
check "who had one open gets errors" refused "" dd if=/dev/zero of=/proc/self/fd/7 bs=4096 count=1 conv=notrunc oflag=direct status=none
check "the group goes down with its dead device open" group_down
exec 7<&-
check "the source's group is closed" refused "failed over" group_up
check "the target's comes up" peer_up
check "it is Failedover" state_of $PEER Failedover
check "the target has what the source had" has /dev/blkrepl/data-copy/m0 20 keep-me
put /dev/blkrepl/data-copy/m0 30 on-the-target
write_some /dev/blkrepl/data-copy/m1 --number_ios=20

# Failback while the target serves
check "connected to the source" peer_connect inactive=1
check "Failback" op_on $PEER failback
put /dev/blkrepl/data-copy/m1 31 meanwhile
check "the copy ends" wait_half $PEER synchronized
check "it is still failing back" same "$(half $PEER progress_status)" "Failing back"
check "the target serves until the end" test -b /dev/blkrepl/data-copy/m0
check "other operations are refused meanwhile" refused "refused in the present state" op_on $PEER split
check "the end of Failback" op_on $PEER failback
check "the target's devices are gone" no_name /dev/blkrepl/data-copy/m0
check "its group goes down" peer_down
check "and is closed" refused "closed" peer_up
check "the source comes up" group_up
check "and connects" connect
check "Synchronized" wait_state synchronized
check "both sides are the same" all_identical
check "with what was written to the target" has /dev/blkrepl/data/m0 30 on-the-target
check "and during Failback" has /dev/blkrepl/data/m1 31 meanwhile

# ReverseRoles from Synchronized and back
check "ReverseRoles" op_on $GROUP reverse-roles role=2
check "repeated it does nothing" op_on $GROUP reverse-roles role=2
check "the group goes down" group_down
check "the other side comes up" peer_up
check "as the source" same "$(half $PEER role)" 1
check "it connects" peer_connect
check "Synchronized" wait_half $PEER synchronized
put /dev/blkrepl/data-copy/m0 40 reversed
check "both sides are the same" all_identical
check "ReverseRoles back" op_on $PEER reverse-roles role=2
peer_down
group_up
connect
check "Synchronized" wait_state synchronized
check "the write is there" has /dev/blkrepl/data/m0 40 reversed

# From Suspended with changes: Force; the changes are lost at the next Resume
check "Suspend" op suspend
put /dev/blkrepl/data/m0 50 only-here
check "Failover needs Force, for the target lags" refused "force" op failover
check "so does ReverseRoles" refused "force" op_on $GROUP reverse-roles role=2
check "with Force" op_on $GROUP reverse-roles role=2 --force
group_down
check "the other side comes up" peer_up
check "Suspended" state_of $PEER Suspended
put /dev/blkrepl/data-copy/m0 51 and-here
check "connected" peer_connect inactive=1
check "Resume" op_on $PEER resume
check "Synchronized" wait_half $PEER synchronized
check "both sides are the same" all_identical
check "the old source's change is gone" refused "" has /dev/mapper/s0 50 only-here
check "the new one's is there" has /dev/mapper/s0 51 and-here

# Failover, then ReverseRoles
check "Failover of the new source" op_on $PEER failover
peer_down
check "the old source serves" group_up
check "Failedover" state_of $GROUP Failedover
put /dev/blkrepl/data/m0 60 failed-over
check "connected" connect inactive=1
check "ReverseRoles from Failedover" op_on $GROUP reverse-roles role=1
check "Synchronized" wait_half $GROUP synchronized
check "as the source again" same "$(half $GROUP role)" 1
check "both sides are the same" all_identical
rig_down
finish
