#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A target that errs, hangs, comes back; a log volume that fails.

. ./rig.sh

# bounded SECONDS COMMAND...
bounded() { timeout "$@"; }


written() { show relationship copy_written; }
both_stopped() { same "$(show pair leg_state 0) $(show pair leg_state 1)" "failed failed"; }
orphans() { show relationship orphans; }
has_orphans() { [ "$(orphans)" != 0 ]; }
in_flight() { [ "$(show relationship in_flight)" != 0 ]; }
no_orphans() { [ "$(orphans)" = 0 ]; }

write_blocks() { # OFFSET-MB COUNT SEED
	fio --name=b --filename="$(readlink -f /dev/blkrepl/data/m0)" --rw=write --bs=4k --direct=1 \
		--ioengine=libaio --iodepth=4 --offset="${1}M" --size=$(($2 * 4))k --randseed="$3" \
		--refill_buffers "${@:4}"
}

# read_back OFFSET-MB COUNT SEED: on the source are the blocks that write_blocks wrote
checksum() { dd if="$1" bs=4k skip=$((256 * $2)) count="$3" iflag=direct 2>/dev/null | sha256sum; }

plan 41

RIG_MEMBERS=2
check "a mirror" rig_up leg_timeout_ms=1000
set_link heartbeat_ms=0

# An error: only what was written since is copied.
dm_to_error t0
check "writes go on after an error" write_blocks 0 100 1
check "the relationship is broken" wait_for 20 same_state Broken
check "the other member is stopped too" wait_for 20 both_stopped
write_blocks 8 50 2 >/dev/null
dm_to_linear t0 "$(disk d1)"
check "the target comes back" wait_state synchronized
# 150 blocks were written, 100 of them more than once at the most
check "only differences were copied" test "$(written)" -le $((150 * 4096 * 12 / 10))
check "both sides are the same" all_identical

# Flushes fail too.
dm_to_flakey t0 "$(disk d1)" 0 3600 error_writes
check "a flush goes on after an error" sync -d "$(readlink -f /dev/blkrepl/data/m0)"
check "and breaks the relationship" wait_for 20 same_state Broken
dm_to_linear t0 "$(disk d1)"
check "the target comes back again" wait_state synchronized

# A target that hangs.
dm_hang t0
check "writes go on after the deadline" bounded 60 fio --name=h --filename="$(readlink -f /dev/blkrepl/data/m0)" \
	--rw=write --bs=4k --direct=1 --ioengine=libaio --iodepth=8 --offset=16M --size=4M --randseed=3
check "the relationship is broken" wait_for 20 same_state Broken
check "abandoned requests are known" has_orphans
check "newer data over them" write_blocks 16 1024 4
newer=$(checksum /dev/mapper/s0 16 1024)
check "nothing is sent to the target meanwhile" same "$(show pair leg_state)" orphaned
dm_wake t0
check "the orphans end" wait_for 30 no_orphans
check "the target comes back after them" wait_state synchronized
check "nothing stale is on newer data" same "$(checksum /dev/mapper/t0 16 1024)" "$newer"
check "both sides are the same" all_identical

# Commands while it hangs.
dm_hang t0
dm_hang t1
write_blocks 20 16 5 >/dev/null &
wait_for 20 in_flight
check "suspend ends while the target hangs" bounded 60 blkrepl-setup relationship-op $LINK suspend --timeout-ms 2000
wait
check "it is suspended" same "$(state)" Suspended
check "writes go on" bounded 30 dd if=/dev/zero of=/dev/blkrepl/data/m1 bs=4k count=10 oflag=direct
check "resume is refused while orphans are in flight" not bounded 60 blkrepl-setup relationship-op $LINK resume
check "the group goes down while the target hangs" bounded 60 blkrepl-setup group-del $GROUP
check "rmmod does not hang, the orphans keep the module" not timeout 20 rmmod blkrepl
dm_wake t0
dm_wake t1
udevadm settle
gone() { [ "$(cat /sys/module/blkrepl/refcnt)" = 0 ]; }
check "the module is free when the orphans have ended" wait_for 30 gone
check "the group comes up" group_up
connect
check "still suspended" same "$(state)" Suspended
op resume
check "resumed" wait_state synchronized
check "both sides are the same" all_identical

# P2: no acknowledgement before the target is durably stale.
fault log-write 1000
dm_to_error t0
check "no success while the target's staleness cannot be stored" not write_blocks 24 1 6 --group_reporting
fault log-write 0
check "success once it can" write_blocks 24 1 7
dm_to_linear t0 "$(disk d1)"
check "it recovers" wait_state synchronized

# FailedCopyStopsHostIO
set_link hold_on_failure=1
dm_to_error t0
write_blocks 28 4 8 >/dev/null &
writer=$!
check "the relationship breaks" wait_for 20 same_state Broken
sleep 1
check "the write is held" kill -0 $writer
dm_to_linear t0 "$(disk d1)"
wait $writer
check "it ends when both sides have it" same $? 0
check "synchronized" wait_state synchronized
check "both sides are the same" all_identical
set_link hold_on_failure=0

# Detach with a dead target
dm_to_error t0
write_blocks 30 4 9 >/dev/null
check "detach needs force when broken" not op detach
check "detach with a dead target" bounded 60 blkrepl-setup relationship-op $LINK detach --force
dm_to_linear t0 "$(disk d1)"
check "it goes away" rig_down
finish
