#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# AddSyncPair and RemoveSyncPair over D-Bus: a pair gets a relationship of its own and
# comes back, while another member is in use; what is refused, and that nothing is half
# made; a daemon that dies after one step of each, by chance; "all" means after every one.
# kernels: 6.12
# timeout: 1800

. ./daemon-pairs-lib.sh

# dies OPERATION STEP COMMAND...: the daemon dies there; its next instance goes on
dies() {
	echo "$1 0 $2" >$death
	shift 2
	"$@" >/dev/null 2>&1
	wait_for 60 dead && ! [ -e $death ] && systemctl start blkrepld
}
# the outcome is seen, and undone
out_dies() { # STEP: nothing has happened up to 1, it is done from 2 on
	dies 13 "$1" take_out || return
	if [ "$1" -lt 2 ]; then
		wait_for 60 is_together && together && take_out
	else
		wait_for 60 is_apart && apart && both_flow
	fi && put $own_device 20 "out $1" && bring_back && together && has $replica/b 20 "out $1" && whole
}
back_dies() {
	take_out && put $own_device 21 "back $1" && dies 5 "$1" bring_back || return
	if [ "$1" -lt 2 ]; then
		wait_for 60 is_apart && apart && bring_back
	else
		wait_for 60 is_together
	fi && together && has $replica/b 21 "back $1" && whole
}

leaving=$((RANDOM % 4)) coming=$((RANDOM % 2 * 2 + 1))
[ "$*" != all ] || leaving="0 1 2 3" coming="1 3"
plan $((32 + $(wc -w <<<"$leaving $coming")))
devices_up && daemon_up || give_up "no devices"
log_devices
check "a synchronized relationship" create
udevadm settle
fio --name=w --filename=$replica/a --rw=randwrite --bs=4k --direct=1 --size=4m --time_based --runtime=3000 --rate_iops=20 >/dev/null 2>&1 &
writer=$!
put $replica/b 10 one

# What is refused
check "no pairs are refused" says "at least one" relationship RemoveSyncPair 'aoa{sv}' 0 0
check "one that is not there" says "no pair" relationship RemoveSyncPair 'aoa{sv}' 1 "$root/pair/x" 0
check "one that is given twice" says "twice" relationship AddSyncPair 'aoa{sv}' 2 "$(pair r b)" "$(pair r b)" 0
check "one that is open" says "close it" relationship RemoveSyncPair 'aoa{sv}' 1 "$(pair r a)" "${logs[@]}"
check "all of them" says "no pairs left" relationship RemoveSyncPair 'aoa{sv}' 2 "$(pair r a)" "$(pair r b)" "${logs[@]}"
check "without a place for log volumes" says "LogVolume" relationship RemoveSyncPair 'aoa{sv}' 1 "$(pair r b)" 0
check "with one that is in use" says "already" relationship RemoveSyncPair 'aoa{sv}' 1 "$(pair r b)" 2 LogVolume s /dev/mapper/slog TargetLogVolume s /dev/mapper/tlog2
check "an option that it does not have" says "RelationshipName" relationship RemoveSyncPair 'aoa{sv}' 1 "$(pair r b)" 1 ConsistencyExempt b true
check "a pair that is in the relationship is passed over" relationship AddSyncPair 'aoa{sv}' 1 "$(pair r b)" 0
check "nothing is left of what was refused" together

# Out and back
check "a pair gets a relationship of its own" take_out
check "with both its sides" apart
check "both are Synchronized" both_flow
check "its data are there" has $own_device 10 one
put $own_device 11 two
check "it is the same on both sides" identical /dev/mapper/s1 /dev/mapper/t1
check "once more does nothing" relationship RemoveSyncPair 'aoa{sv}' 1 "$(pair r_2db b)" "${logs[@]}"
call $own org.blkrepl1.Relationship Suspend 'a{sv}' 0 >/dev/null
check "it does not come back in another state" says "stopped alike" bring_back
call $own org.blkrepl1.Relationship Resume 'a{sv}' 1 WaitForCopyState q 4 >/dev/null
check "it comes back" call "$root/group/r" org.blkrepl1.Group SetReplicationRelationship qoaoaoaoa\{sv\} 5 / 0 0 1 "$(pair r_2db b)" 0
check "its relationship and groups are gone" together
check "the other member was written to all the time" kill -0 $writer
kill $writer
wait $writer
check "both pairs are the same" all_identical
check "and the data that were written meanwhile are there" has $replica/b 11 two

# Stopped
check "Suspend" operate Suspend Suspended
put $replica/b 12 three
check "a pair of a suspended relationship" take_out
check "is suspended, too" same "$(state_of $own)" Suspended
check "and comes back so" bring_back
check "what differs is known still" test "$(get BacklogBytes)" -gt 0
check "only that is copied" operate Resume Synchronized 1 WaitForCopyState q 4
check "both pairs are the same again" all_identical
check "the command line moves pairs, too" eval 'take_out >/dev/null && blkreplctl relationship add-sync-pair r r-b/b && together'

# The daemon dies.
for i in $leaving; do
	check "it dies while a pair leaves, after step $i" out_dies $i
done
for i in $coming; do
	check "it dies while a pair comes back, after step $i" back_dies $i
done

check "the relationship is detached" begin_op Detach
delete_group r && delete_group r-replica
daemon_down
dm_remove slog2 tlog2
devices_down
finish
