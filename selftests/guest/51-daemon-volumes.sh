#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which volumes a relationship may consist of: given targets and log volumes, several
# pools, an existing group; a target that comes later; volumes that grow.
# kernels: 6.12
# timeout: 600

. ./lib.sh

root=/org/blkrepl1
work=/run/daemon-volumes

call() { busctl --timeout=150 call -j org.blkrepl1 "$@"; }
system() { call $root org.blkrepl1.System "$@"; }
property() { busctl get-property -j org.blkrepl1 "$1" "org.blkrepl1.$2" "$3" | jq -r .data; }
is_state() { [ "$(property $root/relationship/r Relationship CopyState)" = "$1" ]; }
volume() { system GetVolume s "$1" | jq -r '.data[0]'; }
job() { jq -r '.data[] | select(type == "string" and contains("/job/_"))' <<<"$1"; }
wait_job() { call "$1" org.blkrepl1.Job Wait t 120000000 | jq -r '.data[0]'; }

# create WORD...: the parameters from the sources on
create() {
	system CreateReplicationRelationship 'sqqosaoa{sv}saoaoa{sv}uooa{sv}' "${name:-r}" 6 0 / "" "$@"
}

copied() {
	local reply

	reply=$("$@") && same "$(wait_job "$(job "$reply")")" "done" && is_state Synchronized && pairs_identical
}

pairs_identical() {
	local pair

	for pair in $(system ListPairs | jq -r '.data[0][] | .[2] + ":" + .[3]'); do
		identical "${pair%:*}" "${pair#*:}" 33554432 || return
	done
}

dissolve() {
	udevadm settle
	call $root/relationship/r org.blkrepl1.Relationship Detach 'a{sv}' 0 &&
		call $root/group/r_2dreplica org.blkrepl1.Group Delete 'a{sv}' 2 RemoveVolumes b true Force b true &&
		{ [ $# = 0 ] || call $root/group/r org.blkrepl1.Group Delete 'a{sv}' 0; }
}

untagged() { same "$(lvs --noheadings -o lv_tags src dst dst2 | xargs)" ""; }

given() {
	create 1 "$(volume /dev/src/a)" 0 "" 1 "$(volume /dev/dst/t)" 0 0 0 / / "$@"
}

given_disks() {
	create 1 "$(volume "$(disk d4)")" 1 LogVolume s /dev/src/log "" \
		1 "$(volume "$(disk d5)")" 0 1 LogVolume s /dev/dst/log 0 / / 0
}

two_pools() {
	create 2 "$(volume /dev/src/a)" "$(volume /dev/src/b)" 0 "" 0 2 $root/pool/dst $root/pool/dst2 0 0 / / 0
}

spread() { same "$(lvs --noheadings -o vg_name -S 'lv_name=~^r-replica.[ab]$' | xargs)" "dst dst2"; }

existing_group() {
	create 0 0 "" 0 1 $root/pool/dst 0 0 $root/group/r / 0
}

blank_log() { cmp -n 262144 "$1" /dev/zero; }

refused_with() {
	local words=$1

	shift
	! "$@" 2>$work/error || return
	grep -q "$words" $work/error || { cat $work/error; return 1; }
}

target_comes_later() {
	udevadm settle
	call $root/group/r org.blkrepl1.Group Stop 'a{sv}' 0 && vgchange -q -an dst dst2 &&
		call $root/group/r org.blkrepl1.Group Start 'a{sv}' 0 || return
	same "$(property $root/relationship/r Relationship Connected)" false || return
	dd if=/dev/urandom of=/dev/blkrepl/r/a bs=1M count=4 seek=3 oflag=direct status=none || return
	vgchange -q -ay dst dst2
	wait_for 90 is_state Synchronized && pairs_identical
}

grown() {
	local size

	lvextend -q -L +16M /dev/dst/r-replica.a || lvextend -q -L +16M /dev/dst2/r-replica.a
	lvextend -q -L +16M /dev/src/a && call $root/group/r org.blkrepl1.Group Resize 'a{sv}' 0 || return
	size=$(blockdev --getsize64 /dev/blkrepl/r/a)
	same "$size" "$(blockdev --getsize64 /dev/src/a)" && wait_for 60 is_state Synchronized
}

plan 18
mkdir -p $work
vgcreate -q src "$(disk d0)" && vgcreate -q dst "$(disk d2)" && vgcreate -q dst2 "$(disk d3)" &&
	lvcreate -q -y -L 32M -n a src && lvcreate -q -y -L 32M -n b src && lvcreate -q -y -L 16M -n log src &&
	lvcreate -q -y -L 16M -n log dst && lvcreate -q -y -L 36M -n t dst && lvcreate -q -y -L 16M -n small dst &&
	fill /dev/src/a 1 && fill /dev/src/b 2 && systemctl start blkrepld || give_up "no volumes"

mkfs.ext4 -q /dev/dst/t
check "a target with a file system is refused" refused_with "carries a signature: ext4" given 0
check "nothing is left of that" untagged
check "with Force it is taken" copied given 1 Force b true
name=other check "a member of a group is not taken a second time" refused_with "belongs to the group" \
	create 1 "$(volume /dev/src/a)" 0 "" 0 1 $root/pool/dst2 0 0 / / 0
udevadm settle
check "the relationship is detached, the target group deleted" \
	call $root/relationship/r org.blkrepl1.Relationship Detach 'a{sv}' 0
check "a target that was given stays when its group is deleted" eval \
	"call $root/group/r_2dreplica org.blkrepl1.Group Delete 'a{sv}' 2 RemoveVolumes b true Force b true && test -b /dev/dst/t"
check "an existing group gets a new target" copied existing_group
check "group and all are deleted" dissolve all
check "no tag is left" untagged
check "disks with given log volumes" copied given_disks
check "they are deleted" dissolve all
check "metadata on given log volumes are wiped" eval "blank_log /dev/src/log && blank_log /dev/dst/log && untagged"
check "a target that is too small is refused" refused_with "at least as large" \
	create 1 "$(volume /dev/src/a)" 0 "" 1 "$(volume /dev/dst/small)" 0 0 0 / / 0
check "two pools" copied two_pools
check "the members are spread over them" spread
check "a target that is missing at the start is connected when it comes" target_comes_later
check "volumes grow" grown
check "all is deleted" dissolve all

systemctl stop blkrepld
vgremove -q -f src dst dst2
rm -rf $work
finish
