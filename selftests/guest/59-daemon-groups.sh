#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Groups as objects of their own, over D-Bus: made, changed while in use, renamed, lent to
# a relationship and returned, with a daemon that is killed at any moment: 12 times while
# a member comes and as often while it leaves, or as often as the word says.
# on demand: it takes long
# timeout: 2400

. ./lib.sh

kills=${1:-12}
work=/run/daemon-groups
root=/org/blkrepl1

call() { busctl --timeout=150 call -j org.blkrepl1 "$@"; }
system() { call $root org.blkrepl1.System "$@"; }
group() { # NAME METHOD ARGUMENT...
	local name=$1

	shift
	call "$root/group/$name" org.blkrepl1.Group "$@"
}
relationship() { call $root/relationship/r org.blkrepl1.Relationship "$@"; }
property() { busctl get-property -j org.blkrepl1 "$1" "org.blkrepl1.$2" "$3" | jq -r .data; }
names() { property "$root/group/$1" Group Members | jq -r '[.[][1]] | join(" ")'; }
state() { property $root/relationship/r Relationship CopyState; }
is_state() { [ "$(state)" = "$1" ]; }
in_state() { relationship WaitState qt "$1" 100000000; }
volume() { system GetVolume s "$1" | jq -r '.data[0]'; }
job() { jq -r '.data[] | select(type == "string" and contains("/job/_"))' <<<"$1"; }
wait_job() { call "$1" org.blkrepl1.Job Wait t 120000000 | jq -r '.data[0]'; }
kernel_names() { blkrepl-setup show --json | jq -r --arg g "$1" '(.groups[] | select(.name == $g) | .uuid) as $u | [.members[] | select(.group_uuid == $u) | .name] | join(" ")'; }
tags() { lvs --noheadings -o lv_tags "$1" | xargs; }
is_plain() { same "$(tags "$1")" "" && not fuser -s "/dev/$1"; }
sum() { sha256sum <"$1" | cut -d' ' -f1; }

# says WORDS COMMAND...: refused with a sentence that has the words
says() {
	local words=$1

	shift
	! "$@" 2>$work/error >/dev/null || return
	grep -q "$words" $work/error || { cat $work/error; return 1; }
}

pairs_identical() {
	local pair

	for pair in $(system ListPairs | jq -r '.data[0][] | .[2] + ":" + .[3]'); do
		identical "${pair%:*}" "${pair#*:}" 16777216 || return
	done
}

new_group() { # NAME SETTINGS... -- ELEMENT...
	local name=$1 settings=() elements=() one

	shift
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	for one; do
		elements+=("$(volume "$one")")
	done
	system CreateReplicationGroup 'saoa{sv}a{sv}' "$name" ${#elements[@]} "${elements[@]}" "${settings[@]:-0}" 0
}
add() { # GROUP VOLUME OPTIONS...
	local name=$1 element

	element=$(volume "$2") || return
	shift 2
	group "$name" AddMember 'oa{sv}' "$element" "${@:-0}"
}
remove() { # GROUP MEMBER OPTIONS...
	local name=$1 member=$2

	shift 2
	group "$name" RemoveMember 'sa{sv}' "$member" "${@:-0}"
}
relate() { # OPTIONS...
	system CreateReplicationRelationship 'sqqosaoa{sv}saoaoa{sv}uooa{sv}' r 6 0 / "" 0 0 "" 0 0 0 0 \
		"$(system GetGroup s base | jq -r '.data[0]')" "$(system GetGroup s copy | jq -r '.data[0]')" "${@:-0}"
}
related() {
	local reply

	reply=$(relate "$@") && same "$(wait_job "$(job "$reply")")" "done" && is_state Synchronized
}
canceled() {
	local reply one

	reply=$(relate 2 Force b true RateLimit t 65536) && one=$(job "$reply") || return
	wait_for 60 is_state Unsynchronized && call "$one" org.blkrepl1.Job Cancel 'a{sv}' 0 >/dev/null && wait_for 60 own_group
}
own_group() {
	[ "$(property $root/group/copy Group Role)" = none ] && [ "$(system ListRelationships | jq '.data[0] | length')" = 0 ]
}
bring_back() { # a group whose members were left in the middle of a copy says so
	[ "$(property $root/group/copy Group State)" = failed ] && property $root/group/copy Group Reason | grep -q "middle of a copy"
}

# What the daemon, the module and LVM say of a group is the same.
agree() {
	local members

	members=$(names "$1")
	same "$members" "$(kernel_names "$1")" || return
	case " $members " in
	*" c "*) [ -n "$(tags src/c)" ] ;;
	*) is_plain src/c ;;
	esac
}

# killed N: the daemon is killed some time after a member was asked for, or to leave
killed() {
	local n=$1 command=$2

	shift 2
	"$command" "$@" >/dev/null 2>&1 &
	sleep "0.$(printf %02d $((n * 7 % 100)))"
	systemctl kill -s KILL blkrepld
	wait $!
	[ "$lose_module" != 1 ] || blkrepl-setup group-del "$(blkrepl-setup show --json | jq -r '.groups[] | select(.name == "base") | .uuid')"
	systemctl reset-failed blkrepld
	systemctl start blkrepld && wait_for 60 agree base
}

killed_again_and_again() {
	local n came=0 left=0

	for ((n = 0; n < kills; n++)); do
		lose_module=$((n % 3 == 2))
		killed "$n" add base /dev/src/c || return
		case " $(names base) " in
		*" c "*) came=$((came + 1)) ;;
		*) add base /dev/src/c >/dev/null || return ;;
		esac
		killed "$n" remove base c || return
		case " $(names base) " in
		*" c "*) remove base c >/dev/null || return ;;
		*) left=$((left + 1)) ;;
		esac
		agree base && same "$(sum /dev/src/c)" "$sum_c" || return
	done
	note "of $n that came $came were members afterwards, of $n that left $left were none"
}

plan 46

mkdir -p $work
modprobe blkrepl
vgcreate -q src "$(disk d0)" && vgcreate -q dst "$(disk d1)"
for lv in a b c; do
	lvcreate -q -y -L 16M -n $lv src
	dd if=/dev/urandom of=/dev/src/$lv bs=1M count=8 oflag=direct status=none
done
mkfs.ext4 -q /dev/src/a
for lv in ta tb; do
	lvcreate -q -y -L 16M -n $lv dst
done
sum_b=$(sum /dev/src/b)
sum_c=$(sum /dev/src/c)
systemctl start blkrepld

# A group by itself
check "a group is made" new_group g 2 LogPool o $root/pool/dst LogSize t 8388608 -- /dev/src/a /dev/src/b
udevadm settle
check "it is up, in no relationship" same "$(property $root/group/g Group State) $(property $root/group/g Group Role)" "up none"
check "with its members" same "$(names g)" "a b"
check "and a log volume in the pool that was given" same "$(property $root/group/g Group LogVolume)" /dev/dst/g.log
check "of that size" same "$(property $root/group/g Group LogSize)" 8388608
check "data are as they were" same "$(sum /dev/blkrepl/g/b)" "$sum_b"
mount /dev/blkrepl/g/a /mnt
check "the same name is refused" says "another name" new_group g -- /dev/src/c
check "a volume that is a member is refused" says "belongs to the group g" new_group h -- /dev/src/b
check "a member is added while another is mounted" add g /dev/src/c 1 MemberName s third
udevadm settle
check "it is there" test -b /dev/blkrepl/g/third
check "with its data" same "$(sum /dev/blkrepl/g/third)" "$sum_c"
check "a name that a member has is refused" says MemberName add g "$(disk d4)" 1 MemberName s third
check "a mounted member is not removed" says "umount" remove g a
check "another one is" remove g third
check "its volume is its own, with its data" same "$(is_plain src/c && sum /dev/src/c)" "$sum_c"
check "the group is not renamed while it is in use" says "umount" group g Rename 'sa{sv}' base 0
umount /mnt
check "but then" group g Rename 'sa{sv}' base 0
udevadm settle
check "it is found under its new name" same "$(property $root/group/base Group Name)" base
check "and not under the old one" says "Unknown object" busctl get-property org.blkrepl1 $root/group/g org.blkrepl1.Group Name
check "the links follow" test -b /dev/blkrepl/base/a -a ! -e /dev/blkrepl/g
check "members are renamed" group base SetSettings 'a{sv}a{sv}' 1 MemberNames as 2 x y 0
udevadm settle
check "and their links" test -b /dev/blkrepl/base/y -a ! -e /dev/blkrepl/base/b
group base SetSettings 'a{sv}a{sv}' 1 MemberNames as 2 a b 0 >/dev/null
check "the log volume grows" group base SetSettings 'a{sv}a{sv}' 1 LogSize t 12582912 0
check "so it has" same "$(lvs --noheadings --units b --nosuffix -o lv_size dst/g.log | xargs)" 12582912
systemctl restart blkrepld
check "after a restart it is the same" same "$(names base) $(property $root/group/base Group LogSize)" "a b 12582912"
group base Stop 'a{sv}' 0 >/dev/null
group base Start 'a{sv}' 0 >/dev/null
check "and after stop and start" agree base
check "a daemon that is killed meanwhile" killed_again_and_again

# Two groups become a relationship.
new_group copy 0 -- /dev/dst/ta /dev/dst/tb >/dev/null
udevadm settle
mkfs.ext4 -q /dev/blkrepl/copy/ta
check "a group that carries data is no target" says "Force" relate
check "it is as it was" same "$(property $root/group/copy Group State) $(names copy)" "up ta tb"
wipefs -qa /dev/blkrepl/copy/ta
udevadm settle
exec 5</dev/blkrepl/copy/tb
check "nor is one that is open" says "open" relate
exec 5<&-
udevadm settle
check "a creation that is canceled returns it" canceled
check "which is seen, for it was being overwritten" wait_for 60 bring_back
check "it can be the target all the same" related 1 Force b true
check "both groups have their parts" same "$(property $root/group/base Group Role) $(property $root/group/copy Group Role)" "source target"
check "both sides are the same" pairs_identical
check "a group in a relationship is not deleted" says "detach" group copy Delete 'a{sv}' 0
check "a member comes with a copy that is carved, while it is kept the same" add base /dev/src/c 1 TargetPool o $root/pool/dst
in_state 4 >/dev/null
check "all three pairs become the same" pairs_identical
check "the target's group has it too" same "$(names copy)" "ta tb c"
relationship Suspend 'a{sv}' 0 >/dev/null
check "it goes, and the carved copy with it" remove base c 2 RemoveVolumes b true Force b true
check "nothing is left of it" same "$(lvs --noheadings -o lv_name dst | xargs) $(is_plain src/c && sum /dev/src/c)" "copy.log g.log ta tb $sum_c"
check "the target is renamed while it is closed" group copy Rename 'sa{sv}' reserve 0
relationship Resume 'a{sv}' 0 >/dev/null
in_state 4 >/dev/null
systemctl restart blkrepld
check "which outlives the daemon" same "$(property $root/group/reserve Group Name) $(names reserve)" "reserve ta tb"
relationship Detach 'a{sv}' 0 >/dev/null
check "both are deleted" eval 'group base Delete "a{sv}" 0 && group reserve Delete "a{sv}" 0'
check "the volumes stay, without a tag, and the log volumes are gone" \
	same "$(lvs --noheadings -o vg_name,lv_name,lv_tags | xargs)" "dst ta dst tb src a src b src c"
check "with their data" same "$(sum /dev/src/b) $(identical /dev/src/b /dev/dst/tb && echo same)" "$sum_b same"

systemctl stop blkrepld
vgremove -q -y src dst
rm -rf $work
finish
