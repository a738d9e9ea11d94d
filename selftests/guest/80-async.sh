#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Asynchronous mode: writes go to the source and, epoch by epoch, through the journal
# to the target.
# timeout: 600

. ./rig.sh

put() { { printf '%s' "$3"; head -c 4096 /dev/zero; } | head -c 4096 | dd of="$(readlink -f "$1")" bs=4096 seek="$2" oflag=direct status=none; }
has() { same "$(dd if="$(readlink -f "$1")" bs=4096 skip="$2" count=1 iflag=direct status=none | head -c ${#3} | tr -d '\0')" "$3"; }
# async KEY: what debugfs tells of it
async() { sed -n "s/^ *asynchronous .*\b$1=\([^ ]*\).*/\1/p" /sys/kernel/debug/blkrepl/groups; }
captures() { [ "$(async epoch)" -gt 0 ] 2>/dev/null; }
direct() { [ "$(async epoch)" = 0 ]; }
# arrived: nothing is under way
arrived() { [ "$(async bytes)" = 0 ] && [ "$(async applied)" -ge $(($(async epoch) - 1)) ]; }
same_when_arrived() { wait_for 30 arrived && all_identical; }
target_blocks() { echo $(($(stat_of /dev/mapper/t0 write_sectors) / 8)); }
says() { local want=$1 out; shift; out=$("$@" 2>&1) && { echo "it was carried out"; return 1; }; [[ $out == *"$want"* ]] || { echo "$out"; return 1; }; }
m0=/dev/blkrepl/data/m0
m1=/dev/blkrepl/data/m1

plan 51
RIG_MEMBERS=2 RIG_MB=32
check "an asynchronous mirror" rig_up mode=3
check "captures by itself" wait_for 10 captures
check "it is asynchronous" same "$(show relationship mode)" 3

# What arrives
check "writes" eval "write_some $m0 && write_some $m1 --bs=512-64k --bsrange=512-64k --number_ios=400"
check "arrive" same_when_arrived
put $m0 10 first
check "discards and zeroes" eval "blkdiscard -o 1048576 -l 8388608 $m0 && fallocate -z -o 12288 -l 5000192 $(readlink -f $m1) 2>/dev/null || blkdiscard -z -o 12288 -l 5000192 $m1"
check "and writes into them" eval "put $m0 300 in-it && dd if=/dev/urandom of=$(readlink -f $m1) bs=512 seek=133 count=3 oflag=direct status=none"
check "arrive" same_when_arrived
written=$(target_blocks)
check "one block that is written again and again" \
	eval "write_some $m0 --size=4k --number_ios=3000 --iodepth=1 && same_when_arrived"
check "is sent a few times only" [ $(($(target_blocks) - written)) -lt 300 ]
before=$(show relationship recovery_point)
sleep 2
check "the recovery point goes on without writes" [ "$(show relationship recovery_point)" \> "$before" ]

# What waits
check "the target's log volume hangs" dm_hang tlog
check "writes go on" timeout 10 bash -c "$(declare -f put); put $m0 30 meanwhile && put $m1 30 meanwhile"
check "the target lacks them" eval "! has /dev/mapper/t0 30 meanwhile 2>/dev/null"
check "it is back" dm_wake tlog
check "it has them" eval "same_when_arrived && has /dev/mapper/t0 30 meanwhile"

# Operations
check "ResetToSync" op reset-to-sync
check "mirrors directly" direct
check "all is there" all_identical
put $m0 31 directly
check "at once" has /dev/mapper/t0 31 directly
check "ResetToAsync" op reset-to-async
check "captures" captures
put $m0 32 before-split
check "Split" op split
check "the target has the instant" has /dev/mapper/t0 32 before-split
check "ResyncReplica" eval "connect inactive=1 && op resync-replica && wait_state synchronized && wait_for 10 captures"
put $m0 33 before-suspend
check "Suspend" op suspend
check "the target has the instant" has /dev/mapper/t0 33 before-suspend
put $m0 34 while-suspended
check "Resume" eval "op resume && wait_state synchronized && wait_for 10 captures && same_when_arrived"

# The group goes down and comes up
put $m1 40 before-stop
check "the group goes down" group_down
check "the target has everything" all_identical
check "it comes up" eval "group_up && connect && wait_state synchronized && wait_for 10 captures"

# A target that is lost
check "the target's members fail" eval "dm_to_error t0 && put $m0 50 lost && put $m1 50 lost && wait_state broken"
check "nothing is captured" direct
check "they are back" eval "dm_to_linear t0 $(disk d1) && wait_state synchronized && all_identical && wait_for 10 captures"

# Catching up keeps the target consistent: nothing gets to the members before all is there
inconsistent() { [ "$(show relationship consistency_state)" != Consistent ]; }
check "Suspend" op suspend
put $m0 70 old && put $m1 70 old
check "changes" eval "write_some $m0 --number_ios=3000 && write_some $m1 --number_ios=3000"
before="$(dd if=/dev/mapper/t0 bs=1M iflag=direct status=none | sha256sum)"
set_link rate_limit=1
check "Resume; the copy stands" eval "op resume && same_state Unsynchronized"
check "it is consistent all the same" eval "! inconsistent"
check "writes go on" put $m0 71 in-the-epoch
sleep 2
check "no block of the target has changed" same "$(dd if=/dev/mapper/t0 bs=1M iflag=direct status=none | sha256sum)" "$before"
set_link rate_limit=0
check "it catches up" eval "wait_state synchronized && same_when_arrived"
check "and goes on capturing" captures
check "Suspend in the middle" eval "op suspend && write_some $m0 --number_ios=500 && set_link rate_limit=1 && op resume && put $m0 72 half && op suspend && set_link rate_limit=0"
check "what was on its way is dirty again" [ "$(show relationship bytes_dirty)" -gt 1000000 ]
check "Resume" eval "op resume && wait_state synchronized && same_when_arrived"

# A committed epoch that did not reach the members
fault no-probe 1000
check "an epoch is committed and not applied" eval "fault no-apply 1 && put $m0 60 committed && wait_state broken"
check "the members lack it" eval "! has /dev/mapper/t0 60 committed 2>/dev/null"
put $m0 61 too-late
check "the source goes down" group_down
check "the target takes over" peer_up take_over=1 --force
check "it has the epoch" eval "has /dev/blkrepl/data-copy/m0 60 committed"
check "and not what followed" eval "! has /dev/blkrepl/data-copy/m0 61 too-late 2>/dev/null"
fault no-probe 0
peer_down
blkrepl-setup group-del $GROUP 2>/dev/null
rig_down
finish
