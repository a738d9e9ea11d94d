#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon with the module and LVM: creation, operations, loss of the daemon and of
# its database, and that nothing is left of a creation that failed or was canceled.
# timeout: 900

. ./lib.sh

work=/run/daemon-test
database=/var/lib/blkrepl/blkrepl.db
root=/org/blkrepl1

call() { busctl --timeout=150 call -j org.blkrepl1 "$@"; }
system() { call $root org.blkrepl1.System "$@"; }
relationship() { call "$root/relationship/r" org.blkrepl1.Relationship "$@"; }
property() { busctl get-property -j org.blkrepl1 "$1" "org.blkrepl1.$2" "$3" | jq -r .data; }
state() { property $root/relationship/r Relationship CopyState; }

# create OPTION-COUNT OPTION...: relationship r from src/a and src/b into the pool dst
create() {
	system CreateReplicationRelationship 'sqqosaoa{sv}saoaoa{sv}uooa{sv}' r 6 2 / "" \
		2 $root/volume/src_2fa $root/volume/src_2fb 0 "" 0 1 $root/pool/dst 0 0 / / "$@"
}

# job JSON: the job of a call's reply
job() { jq -r '.data[] | select(type == "string" and contains("/job/_"))' <<<"$1"; }
wait_job() { call "$1" org.blkrepl1.Job Wait t 120000000 | jq -r '.data[0]'; }

rows() {
	busctl call -j org.blkrepl1 $root org.blkrepl1.System Describe | jq -r '.data[0]' |
		jq '.Groups + .Relationships + .Pairs | length'
}

volumes() { lvs --noheadings -o vg_name,lv_name,lv_tags src dst | xargs; }
untouched() {
	same "$(volumes)" "src a src b" &&
		same "$(rows)" 0 &&
		same "$(blkrepl-setup show --json | jq '.groups + .relationships | length')" 0
}

pairs_identical() {
	local pair

	for pair in $(system ListPairs | jq -r '.data[0][] | .[2] + ":" + .[3]'); do
		identical "${pair%:*}" "${pair#*:}" || return
	done
}

write_replica() {
	dd if=/dev/urandom of="/dev/blkrepl/r/$1" bs=64k count=32 seek="$2" oflag=direct conv=fsync,notrunc status=none
}

sums() { sha256sum /dev/src/a /dev/src/b | cut -d' ' -f1 | xargs; }
restart() { systemctl restart blkrepld; }

daemon_lost() {
	local pid

	pid=$(systemctl show -P MainPID blkrepld)
	kill -9 "$pid"
	systemctl start blkrepld
	wait_for 30 test "$(systemctl show -P MainPID blkrepld)" != "$pid"
}

create_and_copy() {
	local reply

	reply=$(create 0) && same "$(jq -r '.data[0]' <<<"$reply")" 4096 &&
		same "$(wait_job "$(job "$reply")")" "done" && same "$(state)" Synchronized
}

operation() {
	local reply name=$1

	shift
	reply=$(relationship "$name" 'a{sv}' "$@") || return
	[ "$(jq -r '.data[0]' <<<"$reply")" = 0 ] || same "$(wait_job "$(job "$reply")")" "done"
}

suspended_writes() {
	operation Suspend 0 && same "$(state)" Suspended && write_replica a 100 &&
		operation Resume 0 && same "$(state)" Synchronized && pairs_identical
}

group_down_and_up() {
	udevadm settle
	call $root/group/r org.blkrepl1.Group Stop 'a{sv}' 0 &&
		same "$(property $root/group/r Group State)" down &&
		restart && same "$(property $root/group/r Group State)" down &&
		call $root/group/r org.blkrepl1.Group Start 'a{sv}' 0 &&
		wait_for 120 is_synchronized
}
is_synchronized() { [ "$(state)" = Synchronized ]; }

without_database() {
	systemctl stop blkrepld && rm $database* || return
	[ "$1" = up ] || { udevadm settle; blkrepl-setup group-del "$uuid"; } || return
	systemctl start blkrepld
	wait_for 120 is_synchronized && pairs_identical &&
		same "$(property $root/group/r Group UUID | tr -d -)" "${uuid//-/}"
}

ended() {
	udevadm settle
	operation Detach 0 && identical /dev/src/a /dev/dst/r-replica.a &&
		call $root/group/r_2dreplica org.blkrepl1.Group Delete 'a{sv}' 2 RemoveVolumes b true Force b true &&
		call $root/group/r org.blkrepl1.Group Delete 'a{sv}' 0 && untouched
}

canceled() {
	local reply

	reply=$(create 1 RateLimit t 1048576) && wait_for 120 test -b /dev/blkrepl/r/a &&
		udevadm settle && call "$(job "$reply")" org.blkrepl1.Job Cancel 'a{sv}' 0 &&
		same "$(wait_job "$(job "$reply")")" canceled && untouched
}

not_canceled_while_open() {
	local reply result=0

	reply=$(create 1 RateLimit t 1048576) && wait_for 120 test -b /dev/blkrepl/r/a && udevadm settle || return
	exec 7</dev/blkrepl/r/a
	! call "$(job "$reply")" org.blkrepl1.Job Cancel 'a{sv}' 0 2>$work/error || result=1
	exec 7<&-
	grep -q open $work/error || result=1
	udevadm settle
	call "$(job "$reply")" org.blkrepl1.Job Cancel 'a{sv}' 0
	same "$(wait_job "$(job "$reply")")" canceled && untouched && return $result
}

# lvm that fails at its Nth change
failing_lvm() {
	mkdir -p $work/bin /run/systemd/system/blkrepld.service.d
	cat >$work/bin/lvm <<-'LVM'
		#!/bin/bash
		left=/run/daemon-test/left
		case $1 in
		lvcreate | lvchange)
			n=$(<$left)
			if [ "$n" -le 0 ]; then
				echo "  out of order on purpose" >&2
				exit 5
			fi
			echo $((n - 1)) >$left
			;;
		esac
		exec /usr/sbin/lvm "$@"
	LVM
	chmod +x $work/bin/lvm
	printf '[Service]\nEnvironment=PATH=%s/bin:/usr/sbin:/usr/bin:/sbin:/bin\nReadWritePaths=%s\n' $work $work \
		>/run/systemd/system/blkrepld.service.d/test.conf
	echo 1000 >$work/left
	systemctl daemon-reload
	restart
}

# fails_at N: the creation fails at LVM's Nth change, and nothing is left
fails_at() {
	local reply state=1

	echo "$1" >$work/left
	reply=$(create 0) || return
	same "$(wait_job "$(job "$reply")")" failed || state=0
	# Undoing changes tags as well.
	echo 1000 >$work/left
	[ $state = 1 ] && untouched
}

# The name is taken as long as the creation is being undone; the pool is looked for later.
name_is_free() {
	system CreateReplicationRelationship 'sqqosaoa{sv}saoaoa{sv}uooa{sv}' r 6 2 / "" \
		1 $root/volume/src_2fa 0 "" 0 1 $root/pool/nowhere 0 0 / / 0 2>&1 | grep -q 'no pool'
}

# The daemon is killed in the middle of a creation: afterwards there is all or nothing.
killed_after() {
	local left

	create 1 RateLimit t 4194304 >/dev/null
	sleep "$1"
	daemon_lost || return
	wait_for 120 all_or_nothing || { volumes; rows; return 1; }
	# What is being undone is not shown any more.
	[ "$(rows)" != 0 ] || { wait_for 120 name_is_free && untouched; return; }
	udevadm settle
	left=$(property $root/relationship/r Relationship Job)
	[ "$left" != / ] && call "$left" org.blkrepl1.Job Cancel 'a{sv}' 0 &&
		same "$(wait_job "$left")" canceled && untouched
}
all_or_nothing() {
	[ "$(rows)" = 0 ] || { [ "$(state)" = Unsynchronized ] && [ "$(property $root/relationship/r Relationship Job)" != / ]; }
}

# Reading the directories below /dev is no harm.
lvm_keeps_off() {
	local disk

	disk=$(basename "$(readlink -f /dev/blkrepl/r/a)")
	strace -f -e trace=openat,open -o $work/strace lvs >/dev/null 2>&1 || return
	grep -q '/dev/vd' $work/strace || return
	not grep -E "\"/dev/($disk|blkrepl/r/.*|disk/.*/.*)\"" $work/strace
}

plan 27
mkdir -p $work
vgcreate -q src "$(disk d0)" && vgcreate -q dst "$(disk d2)" && lvcreate -q -y -L 64M -n a src &&
	lvcreate -q -y -L 32M -n b src && fill /dev/src/a 1 && fill /dev/src/b 2 || give_up "no volumes"
before=$(sums)

check "the service starts" systemctl start blkrepld
check "it finds the module" same "$(property $root System ModuleLoaded)" true
check "a relationship is created and copied" create_and_copy
check "no byte of the sources is changed by taking them over" same "$(sums)" "$before"
check "both sides are identical" pairs_identical
udevadm settle
check "the replica device has its name" test -b /dev/blkrepl/r/a
check "lvm does not open replica devices" lvm_keeps_off
uuid=$(property $root/group/r Group UUID)
write_replica a 3
check "writes reach both sides" pairs_identical
check "a suspended relationship catches up" suspended_writes
check "an operation that the state forbids names the legal ones" \
	grep -q Suspend <(relationship Abort 'a{sv}' 0 2>&1)
check "a daemon that is killed changes nothing for the I/O" daemon_lost
check "the relationship is as it was" same "$(state)" Synchronized
check "a group that was stopped stays down until it is started" group_down_and_up
check "the database is lost while the group is up" without_database up
check "the database is lost and the group is down" without_database down
check "detaching and deleting leaves the sources alone" ended
check "a first copy that is canceled leaves nothing" canceled
check "it is not canceled while the replica device is open" not_canceled_while_open
failing_lvm
for n in 0 1 2 3 4; do
	check "a creation that fails at LVM's change $((n + 1)) leaves nothing" fails_at $n
done
rm -r /run/systemd/system/blkrepld.service.d && systemctl daemon-reload && restart
for delay in 0 0.5 1.5 4; do
	check "killed $delay seconds after a creation began" killed_after $delay
done
systemctl stop blkrepld
vgremove -q -f src dst
rm -rf $work
finish
