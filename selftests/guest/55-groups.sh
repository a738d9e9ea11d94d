#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Groups as objects of their own: members that come and go while others are in use,
# names that change, and a stop after each write of the metadata.
# kernels: 6.12
# on demand: it takes long
# timeout: 600

. ./rig.sh

MAX=128
used() { show group log_used; }
names() { blkrepl-setup show --json | jq -r '[.members[].name] | join(" ")'; }
is_plain() { same "$(blkrepl-setup show --json | jq --arg d "$1" '[.members[] | select(.path == $d)] | length')" 0 && not fuser -s "$1"; }
add() { blkrepl-setup member-add $GROUP "$1:$(member_uuid "$1"):m$1:/dev/mapper/s$1" && udevadm settle; }
remove() { blkrepl-setup member-remove $GROUP "$(member_uuid "$1")" && udevadm settle; }
# up INDEX...: brings the group up with these members of the rig
up() {
	local i n=0 words=()

	for i; do
		words+=("$((n++)):$(member_uuid "$i"):m$i:/dev/mapper/s$i")
	done
	blkrepl-setup group-new $GROUP "$(name_now)" /dev/mapper/slog "${words[@]}" && udevadm settle
}
name_now() { cat name 2>/dev/null || echo data; }
# stop_at N COMMAND...: log volumes refuse the N-th write and all later ones; succeeds if the command did
stop_at() {
	local n=$1 status

	shift
	fault log-stop "$n"
	"$@" 2>/dev/null
	status=$?
	blkrepl-setup group-del $GROUP || return 2
	fault log-stop 0
	return $status
}

# interrupted BEFORE AFTER COMMAND...: a stop after every single write that the command makes
# leaves the members BEFORE or AFTER; the reverse is done by the caller's function "undo"
interrupted() {
	local before=$1 after=$2 n old=0 new=0 space

	shift 2
	space=$(used)
	for ((n = 1; n < 100; n++)); do
		if stop_at "$n" "$@"; then
			# shellcheck disable=SC2086 # words
			up $after || return
			break
		fi
		# shellcheck disable=SC2086 # words
		if up $before 2>/dev/null; then
			old=$((old + 1))
			same "$(used)" "$space" || return
			continue
		fi
		# shellcheck disable=SC2086 # words
		up $after || return
		new=$((new + 1))
		undo || return
		same "$(used)" "$space" || return
	done
	echo "# stopped at $((n - 1)) writes: $old times the old members, $new times the new ones"
	[ $n -lt 100 ] && [ $old -gt 0 ] && [ $new -gt 0 ]
}

plan 47

RIG_MEMBERS=4 RIG_MB=32
rig_devices
for i in 0 1 2 3; do
	fill /dev/mapper/s$i $((i + 1)) 8M
done
blkrepl-setup group-new $GROUP data /dev/mapper/slog --create --force "0:$(member_uuid 0):m0:/dev/mapper/s0"
udevadm settle
one=$(used)
before=$(sha256sum /dev/mapper/s1)
fio --name=w --filename=/dev/blkrepl/data/m0 --rw=randwrite --bs=4k --direct=1 --size=8m --time_based --runtime=600 >/dev/null 2>&1 &
writer=$!
check "a member is added while another is written to" add 1
check "it is the second one" same "$(names)" "m0 m1"
check "it has a replica device" test -b /dev/blkrepl/data/m1
check "with the data of its volume" same "$(sha256sum <"$(readlink -f /dev/blkrepl/data/m1)")" "$(sha256sum </dev/mapper/s1)"
check "of which nothing was changed" same "$(sha256sum /dev/mapper/s1)" "$before"
two=$(used)
check "its bitmap has space" test "$two" -gt "$one"
check "adding it once more is nothing to do" add 1
refused "another volume of the same name is refused" blkrepl-setup member-add $GROUP "0:$(member_uuid 9):m1:/dev/mapper/s2"
refused "a volume that is in use is refused" blkrepl-setup member-add $GROUP "0:$(member_uuid 9):m9:/dev/mapper/s1"
check "nothing is left of what was refused" same "$(names) $(used)" "m0 m1 $two"
mkfs.ext4 -q /dev/blkrepl/data/m1 && mount /dev/blkrepl/data/m1 /mnt
refused "a member that is mounted is not removed" remove 1
umount /mnt
check "one that is not is" remove 1
check "its replica device and link are gone" not test -e /dev/blkrepl/data/m1
check "the volume is its own again" is_plain /dev/mapper/s1
check "with its data" mount /dev/mapper/s1 /mnt
umount /mnt
check "the space of its bitmap was given back" same "$(used)" "$one"
check "the other was written to all the time" kill -0 $writer
kill $writer
wait $writer
refused "the last member is not removed" remove 0
refused "nor one that there is not" remove 7

# The table of members when the group goes down and up
add 1
add 2
add 3
remove 1
check "members in the order in which they came" same "$(names)" "m0 m2 m3"
add 1
check "one that comes back is the last" same "$(names)" "m0 m2 m3 m1"
write_some /dev/blkrepl/data/m3 --number_ios=200
group_down
refused "other members than the metadata name are refused" up 0 1 2 3
check "the group comes up with its members" up 0 2 3 1
check "each with its volume" same "$(show member path 3)" /dev/mapper/s1

# A relationship made of members with gaps between their places
RIG_MEMBERS=4
targets() {
	echo "0:$(target_uuid 0):t0:/dev/mapper/t0 1:$(target_uuid 1):t1:/dev/mapper/t1 2:$(target_uuid 2):t2:/dev/mapper/t2 3:$(target_uuid 3):t3:/dev/mapper/t3"
}
is_pair() { identical "/dev/mapper/$1" "/dev/mapper/$2"; }
target_devices() { targets | tr ' ' '\n'; }
check "a relationship over all four" relate
check "is synchronized" wait_state synchronized
write_some /dev/blkrepl/data/m1 --number_ios=200
check "each member with its own pair" is_pair s2 t1
check "and the one that came back" is_pair s1 t3
group_down
up 0 2 3 1
connect
wait_state synchronized
check "also after the next start" is_pair s1 t3
write_some /dev/blkrepl/data/m3 --number_ios=200
op detach
check "the relationship ends" same "$(blkrepl-setup show --json | jq '.relationships | length')" 0

# A stop after every write
remove 1
remove 3
undo() { remove 3; }
check "adding a member: the old members or the new ones" interrupted "0 2" "0 2 3" add 3
undo() { add 3; }
check "removing one: likewise" interrupted "0 2 3" "0 2" remove 3

# All places
many() { # CHANGE FROM TO: members on small devices of their own
	local i

	for ((i = $2; i < $3; i++)); do
		"$1" "$i" || return
	done
}
add_tiny() { blkrepl-setup member-add $GROUP "0:$(member_uuid "$1"):x$1:/dev/ram$1"; }
remove_tiny() { blkrepl-setup member-remove $GROUP "$(member_uuid "$1")"; }
modprobe brd rd_nr=$((MAX + 10)) rd_size=1024
udevadm settle
check "a group is filled up" many add_tiny 10 $((MAX + 8))
check "with as many members as there can be" same "$(show group member_count)" $MAX
refused "one more is refused" add_tiny $((MAX + 8))
remove_tiny 20
check "a gap is filled when all places behind the last are used" add_tiny $((MAX + 8))
full=$(names)
udevadm settle
blkrepl-setup group-del $GROUP
device_of() { case $1 in m*) echo "/dev/mapper/s${1:1}" ;; x*) echo "/dev/ram${1:1}" ;; esac; }
words=()
for name in $full; do
	words+=("${#words[@]}:$(member_uuid "${name:1}"):$name:$(device_of "$name")")
done
check "the full group comes up" blkrepl-setup group-new $GROUP data /dev/mapper/slog "${words[@]}"
check "with its members in the same order" same "$(names)" "$full"
udevadm settle
emptied() { many remove_tiny 10 20 && many remove_tiny 21 $((MAX + 9)); }
udevadm settle
check "it is emptied again" emptied

# Names
blkrepl-setup group-new 99999999-9999-4999-8999-999999999999 other /dev/mapper/tlog --create --force "0:$(member_uuid 250):m:/dev/mapper/t0"
udevadm settle
refused "a name that another group has is refused" blkrepl-setup group-rename $GROUP other
exec 5</dev/blkrepl/data/m0
refused "a group whose device is open keeps its name" blkrepl-setup group-rename $GROUP base
check "unless it is forced" blkrepl-setup group-rename $GROUP base --force
exec 5<&-
udevadm settle
check "the links follow" test -b /dev/blkrepl/base/m0 -a ! -e /dev/blkrepl/data
check "the device below stays the same" same "$(cat "/sys/block/$(show member disk)/blkrepl/group")" base
blkrepl-setup group-del $GROUP
refused "the group comes up under its new name only" up 0 2
echo base >name
check "under which it does" up 0 2
same_name() { up 0 2 2>/dev/null || { echo "$1" >name; up 0 2; }; }
renamed() {
	local n

	for ((n = 1; n < 20; n++)); do
		if stop_at "$n" blkrepl-setup group-rename $GROUP "$1"; then
			echo "$1" >name
			up 0 2
			return
		fi
		same_name "$1" || return
		blkrepl-setup group-rename $GROUP "$2" || return
		echo "$2" >name
	done
	return 1
}
check "a stop after any write leaves one name" renamed final base
rm name
blkrepl-setup group-del 99999999-9999-4999-8999-999999999999
modprobe -r brd
rig_down
finish
