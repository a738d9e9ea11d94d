#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Members of groups in a relationship come and go with their pairs, while others are in
# use: stopped, and while both sides are kept the same.
# timeout: 1800

. ./pairs-lib.sh

go() { op resume && wait_state synchronized; }
unused() { not fuser -s "$@"; }

plan 33

RIG_MEMBERS=2 RIG_MB=8
rig_devices
for i in 2 3; do
	dm_linear s$i "$(disk d2)" $((RIG_MB * 2048)) $((i * RIG_MB * 2048))
	dm_linear t$i "$(disk d3)" $((RIG_MB * 2048)) $((i * RIG_MB * 2048))
	fill /dev/mapper/s$i $((i + 10)) 4M
	fill /dev/mapper/t$i $((i + 20)) 4M
done
group_up --create --force
relate force=1 rate_limit=0
wait_state synchronized
used_two=$(used)
fio --name=w --filename=/dev/blkrepl/data/m0 --rw=randwrite --bs=4k --direct=1 --size=4m --time_based --runtime=600 --rate_iops=50 >/dev/null 2>&1 &
writer=$!
op suspend
refused "in a relationship a member needs a target" blkrepl-setup member-add $GROUP "$(device 0 2)"
refused "a target that is too small" blkrepl-setup member-add $GROUP "$(device 0 2)" "0:$(target_uuid 2):m2:$(dm_linear tiny "$(disk d3)" 64 && echo /dev/mapper/tiny)"
refused "a target that is in use" blkrepl-setup member-add $GROUP "$(device 0 2)" "0:$(target_uuid 2):m2:/dev/mapper/t1"
dm_remove tiny
check "nothing is left of what was refused" same "$(names) $(pairs) $(used)" "m0 m1 m0:/dev/mapper/t0 m1:/dev/mapper/t1 $used_two"
check "and the volumes are unused" unused /dev/mapper/s2 /dev/mapper/t2
sum=$(sha256sum </dev/mapper/s2)
check "a member comes with its pair" add 2
check "the relationship has it" same "$(pairs)" "m0:/dev/mapper/t0 m1:/dev/mapper/t1 m2:/dev/mapper/t2"
check "its data are those of its volume" same "$(sha256sum <"$(readlink -f /dev/blkrepl/data/m2)")" "$sum"
check "the state is as before" same_state Suspended
check "but the target is not consistent any more" same "$(show relationship consistency_state)" Inconsistent
write_some /dev/blkrepl/data/m2 --number_ios=100
check "the other member was written to all the time" kill -0 $writer
kill $writer
wait $writer
group_down
up 0 1 2
meet 0 1 2
check "after going down and up it still is" same "$(show relationship consistency_state) $(names)" "Inconsistent m0 m1 m2"
copied=$(show pair bytes_dirty 2)
check "of the new pair everything differs" same "$copied" $((RIG_MB << 20))
op resume
wait_state synchronized
check "of the others little was copied" test "$(show relationship copy_total)" -lt $((2 * RIG_MB << 20))
op suspend
check "all pairs are the same" whole 0 1 2
exec 5</dev/blkrepl/data/m1
refused "a member that is open does not go" remove 1
exec 5<&-
udevadm settle
write_some /dev/blkrepl/data/m2 --number_ios=100
check "one goes with its pair" remove 1
check "the others have theirs" same "$(pairs)" "m0:/dev/mapper/t0 m2:/dev/mapper/t2"
check "its volumes are unused" unused /dev/mapper/s1 /dev/mapper/t1
check "what differs is still known" test "$(show pair bytes_dirty 1)" -gt 0
check "the others become the same" whole 0 2
write_some /dev/blkrepl/data/m2 --number_ios=100
group_down
up 0 2
meet 0 2
check "also after going down and up" whole 0 2

# While both sides are kept the same
check "both sides are the same again" go
fio --name=w --filename=/dev/blkrepl/data/m0 --rw=randwrite --bs=4k --direct=1 --size=4m --time_based --runtime=600 --rate_iops=50 >/dev/null 2>&1 &
writer=$!
check "a member comes" add 3
check "its pair is copied and the state is as before" wait_state synchronized
check "only its pair is" test "$(show relationship copy_total)" -le $((2 * RIG_MB << 20))
write_some /dev/blkrepl/data/m3 --number_ios=100
check "one goes" remove 2
check "the state is as before" same "$(state) $(names)" "Synchronized m0 m3"
kill -0 $writer && kill $writer
wait $writer
check "the others have been kept the same" identical /dev/mapper/s0 /dev/mapper/t0
check "and so has the one that came" identical /dev/mapper/s3 /dev/mapper/t3
op suspend

# The target by itself has the same members.
check "its group is renamed although it is not up" blkrepl-setup group-rename $PEER reserve
check "which this side knows" same "$(show relationship target_group_name)" reserve
blkrepl-setup relationship-op $LINK failover
blkrepl-setup group-del $GROUP
# shellcheck disable=SC2046 # words
check "the target serves with the members that are left" blkrepl-setup group-new $PEER reserve /dev/mapper/tlog $(words target 0 3)
udevadm settle
blkrepl-setup group-del $PEER
for i in 2 3; do
	dm_remove s$i t$i
done
rig_down
finish
