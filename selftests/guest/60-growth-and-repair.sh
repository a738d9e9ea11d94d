#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Members that grow, sources that cannot read, log volumes that fail, sweeps.

. ./rig.sh

grow() { dm_switch "$1" "0 $2 linear $3 0"; }
hot() { show member hot_extents; }
is_cold() { [ "$(hot)" = 0 ]; }
repairs() { show member read_repairs; }

plan 25

RIG_MB=160
check "a mirror" rig_up
write_some /dev/blkrepl/data/m0
grow s0 $((400 * 2048)) "$(disk d0)"
refused "growing needs a larger target" blkrepl-setup member-resize $GROUP 0
check "the refusal changes nothing" same "$(sectors /dev/blkrepl/data/m0)" $((160 * 2048))
grow t0 $((400 * 2048)) "$(disk d1)"
dd if=/dev/urandom of="$(disk d0)" bs=1M seek=160 count=240 oflag=direct 2>/dev/null
check "growing" blkrepl-setup member-resize $GROUP 0
check "the replica device has the new size" same "$(sectors /dev/blkrepl/data/m0)" $((400 * 2048))
check "what was added is copied" wait_state synchronized
check "both sides are the same" all_identical
write_some /dev/blkrepl/data/m0 --offset=200M --size=100M
check "both sides are the same after writes there" all_identical
check "down and up with the new size" group_down
group_up
connect
check "synchronized again" wait_state synchronized
check "still that size" same "$(sectors /dev/blkrepl/data/m0)" $((400 * 2048))

# The source cannot read.
sum=$(dd if=/dev/mapper/t0 bs=1M count=8 iflag=direct 2>/dev/null | sha256sum)
n=$(repairs)
dm_to_error_at s0 "$(disk d0)" 4096 64
check "a read that the source cannot answer comes from the target" \
	same "$(dd if=/dev/blkrepl/data/m0 bs=1M count=8 iflag=direct 2>/dev/null | sha256sum)" "$sum"
dm_to_linear s0 "$(disk d0)"
fault source-read 1
check "one whose place can be written is repaired" \
	same "$(dd if=/dev/blkrepl/data/m0 bs=1M count=8 iflag=direct 2>/dev/null | sha256sum)" "$sum"
check "repairs are counted" test "$(repairs)" -gt "$n"
op suspend
fault source-read 1
refused "not while the target is behind" dd if=/dev/blkrepl/data/m0 of=/dev/null bs=4k count=1 iflag=direct
fault source-read 0
op resume
check "resumed" wait_state synchronized

# Memory is short: correct all the same.
fault no-pages 500
check "writes without quick memory" write_some /dev/blkrepl/data/m0
fault no-pages 0
op suspend
fault no-chunk 100
write_some /dev/blkrepl/data/m0 --number_ios=200
fault no-chunk 0
op resume
check "tracking without memory" wait_state synchronized
check "both sides are the same" all_identical

# The log volume fails: hot extents go on, a cold one cannot be marked.
group_down
sweeps 300
group_up
connect
wait_state synchronized
write_some /dev/blkrepl/data/m0
check "extents become cold when nobody writes" wait_for 30 is_cold
fault log-write 1
refused "a write to a cold extent fails when it cannot be marked" \
	dd if=/dev/zero of=/dev/blkrepl/data/m0 bs=4k count=1 oflag=direct
check "and succeeds when it can" dd if=/dev/zero of=/dev/blkrepl/data/m0 bs=4k count=1 oflag=direct

# A relationship that ends and a new one over the same log volume.
check "detach" op detach
write_some /dev/blkrepl/data/m0
relate force=1
check "a new relationship copies everything anew" wait_state synchronized
check "both sides are the same" all_identical
rig_down
finish
