#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Pairs move between relationships: while both sides are kept the same, and stopped;
# nothing is copied, and what is known to differ still is.
# timeout: 1800

. ./pairs-lib.sh

states() { echo "$(half $GROUP copy_state) $(half $GROUP2 copy_state)"; }
written() { awk '{ print $7 }' "/sys/block/$(basename "$(readlink -f "/dev/mapper/$1")")/stat"; }
dirty() { blkrepl-setup show --json | jq -r ".pairs[] | select(.path == \"/dev/mapper/t$1\") | .bytes_dirty"; }

plan 34

RIG_MEMBERS=2 RIG_MB=16
rig_devices
dm_linear s2 "$(disk d2)" $((RIG_MB * 2048)) && dm_linear t2 "$(disk d2)" $((RIG_MB * 2048)) $((RIG_MB * 2048))
dm_linear slog2 "$(disk d3)" $((RIG_LOG_MB * 2048)) && dm_linear tlog2 "$(disk d3)" $((RIG_LOG_MB * 2048)) $((RIG_LOG_MB * 2048))
no_sweeps
fill /dev/mapper/s2 5 8M
group_up --create --force
relate force=1 rate_limit=0
second 2
wait_state synchronized && blkrepl-setup wait $LINK2 synchronized
used=$(show group log_used)
fio --name=w --filename=/dev/blkrepl/data/m0 --rw=randwrite --bs=4k --direct=1 --size=4m --time_based --runtime=900 --rate_iops=50 >/dev/null 2>&1 &
writer=$!
write_some /dev/blkrepl/other/m2 --number_ios=200

# To a group that is in use
exec 5</dev/blkrepl/other/m2
refused "a pair that is open does not move" move $GROUP2 $GROUP 2
exec 5<&-
udevadm settle
refused "nor one that the group does not have" move $GROUP2 $GROUP 7
refused "nor to where it is" move $GROUP2 $GROUP2 2
blkrepl-setup member-rename $GROUP2 "$(member_uuid 2)" m1
refused "nor where another has its name" move $GROUP2 $GROUP 2
blkrepl-setup member-rename $GROUP2 "$(member_uuid 2)" m2
op2 suspend
refused "nor between states" move $GROUP2 $GROUP 2
op2 resume
blkrepl-setup wait $LINK2 synchronized
check "nothing has changed by that" same "$(names) | $(names $GROUP2) | $(states) | $(show group log_used)" "m0 m1 | m2 | Synchronized Synchronized | $used"
hot=$(of members $GROUP2 .hot_extents)
before=$(written t2)
check "a pair moves" move $GROUP2 $GROUP 2
check "it is a member there" same "$(names) | $(names $GROUP2)" "m0 m1 m2 | "
check "with its target" same "$(pairs)" "m0:/dev/mapper/t0 m1:/dev/mapper/t1 m2:/dev/mapper/t2"
check "the state is as before, and what has no pairs is Initialized" same "$(states)" "Synchronized Initialized"
check "nothing was copied" same "$(written t2)" "$before"
check "what was written lately is known" same "$(show member hot_extents 2)" "$hot"
check "its device has its new name" test -b /dev/blkrepl/data/m2 -a ! -e /dev/blkrepl/other/m2
check "it moves once" move $GROUP2 $GROUP 2
refused "what has no pairs cannot be activated" op2 activate
check "but detached" op2 detach
check "and its group ends" blkrepl-setup group-del $GROUP2
write_some /dev/blkrepl/data/m2 --number_ios=200
check "the other member was written to all the time" kill -0 $writer

# To one of its own
second
check "an empty group waits" same "$(states)" "Synchronized Initialized"
check "a pair goes to one of its own" move $GROUP $GROUP2 2
check "both are what it was" same "$(states) $(names) | $(names $GROUP2)" "Synchronized Synchronized m0 m1 | m2"
write_some /dev/blkrepl/other/m2 --number_ios=200
kill -0 $writer && kill $writer
wait $writer
check "which is kept the same" identical /dev/mapper/s2 /dev/mapper/t2
check "so are the others" all_identical

# Stopped
op suspend
op2 suspend
write_some /dev/blkrepl/other/m2 --number_ios=50
write_some /dev/blkrepl/data/m0 --number_ios=50
two=$(dirty 2) zero=$(dirty 0)
check "two that are stopped alike" move $GROUP2 $GROUP 2
check "what differs is known, and nothing else" same "$(dirty 2) $(dirty 0) $(half $GROUP copy_state)" "$two $zero Suspended"
check "they are of different instants" same "$(half $GROUP consistency_state)" Inconsistent
op2 detach
blkrepl-setup group-del $GROUP2
udevadm settle
blkrepl-setup group-del $GROUP
up 0 1 2
check "the target knows them, too" meet 0 1 2
check "after going down and up as well" same "$(dirty 2) $(dirty 0)" "$two $zero"
op resume
check "only that is copied" wait_state synchronized
check "not more" same "$(show relationship copy_total)" $((two + zero))
udevadm settle
op suspend
check "all are the same" identical /dev/mapper/s2 /dev/mapper/t2
check "the others, too" all_identical

# The target by itself has them.
op resume && wait_state synchronized
check "the target takes over" blkrepl-setup relationship-op $LINK failover
udevadm settle
blkrepl-setup group-del $GROUP --force
# shellcheck disable=SC2046 # words
check "and serves with all of them" blkrepl-setup group-new $PEER data-copy /dev/mapper/tlog $(words target 0 1 2)
peer_down
dm_remove s2 t2 slog2 tlog2
rig_down
finish
