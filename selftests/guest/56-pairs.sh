#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Members of groups in a relationship come and go with their pairs, while others are in
# use, and with a stop after each write of the metadata on either side.
# on demand: it passed before pairs could be lost one by one, and has not been run since
# timeout: 600

. ./rig.sh

device() { echo "$1:$(member_uuid "$2"):m$2:/dev/mapper/s$2"; } # INDEX MEMBER
target() { echo "$1:$(target_uuid "$2"):m$2:/dev/mapper/t$2"; }
names() { blkrepl-setup show --json | jq -r '[.members[].name] | join(" ")'; }
pairs() { blkrepl-setup show --json | jq -r '[.pairs[] | .name + ":" + .path] | join(" ")'; }
add() { blkrepl-setup member-add $GROUP "$(device 0 "$1")" "$(target 0 "$1")" && udevadm settle; }
remove() { blkrepl-setup member-remove $GROUP "$(member_uuid "$1")" && udevadm settle; }
# words KIND MEMBER...: the devices of these members in their order
words() {
	local kind=$1 n=0

	shift
	for i; do
		"$kind" $((n++)) "$i"
	done
}
# shellcheck disable=SC2046 # words
up() { blkrepl-setup group-new $GROUP data /dev/mapper/slog $(words device "$@") && udevadm settle; }
# shellcheck disable=SC2046 # words
meet() {
	blkrepl-setup relationship-connect $LINK target_log_path=/dev/mapper/tlog inactive=1 $(words target "$@")
}
# whole MEMBER...: these are the pairs, and each is the same on both sides
whole() {
	local i

	op resume && wait_state synchronized && same "$(names)" "$(printf 'm%s ' "$@" | sed 's/ $//')" || return
	for i; do
		identical "/dev/mapper/s$i" "/dev/mapper/t$i" || return
	done
	op suspend
}
used() { show group log_used; }
unused() { not fuser -s "$@"; }
# refused_at N COMMAND...: log volumes refuse the N-th write and all later ones; fails
# where the command has fewer. Then the group is taken down as a crash would.
refused_at() {
	local n=$1 left

	shift
	fault log-stop "$n"
	"$@" 2>/dev/null
	left=$(sed -n 's/^log-stop //p' /sys/kernel/debug/blkrepl/fault)
	blkrepl-setup group-del $GROUP || return
	fault log-stop 0
	[ "$left" = 1 ]
}

# interrupted BEFORE AFTER COMMAND...: after a stop at each write of the command the group
# has the members BEFORE or AFTER; "undo" does the reverse
interrupted() {
	local before=$1 after=$2 n old=0 new=0 space

	shift 2
	space=$(used)
	for ((n = 1; n < 100; n++)); do
		refused_at "$n" "$@" || break
		# shellcheck disable=SC2086 # words
		if up $before 2>/dev/null; then
			old=$((old + 1))
			# shellcheck disable=SC2086 # words
			meet $before || return
			# shellcheck disable=SC2086 # words
			[ $((n % 4)) != 0 ] || whole $before || return
		else
			new=$((new + 1))
			# shellcheck disable=SC2086 # words
			up $after && meet $after && whole $after && undo && whole $before || return
		fi
		same "$(used)" "$space" || return
	done
	note "stopped at $((n - 1)) writes: $old times the old members, $new times the new ones"
	# shellcheck disable=SC2086 # words
	up $after && meet $after && whole $after && [ $n -lt 100 ] && [ $old -gt 0 ] && [ $new -gt 0 ]
}

plan 28

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
refused "no member comes while both sides are kept the same" add 2
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

# A stop after every write
undo() { remove 3; }
check "adding a pair: the old members or the new ones" interrupted "0 2" "0 2 3" add 3
undo() { add 3; }
check "removing one: likewise" interrupted "0 2 3" "0 2" remove 3

# The target by itself has the same members.
check "its group is renamed although it is not up" blkrepl-setup group-rename $PEER reserve
check "which this side knows" same "$(show relationship target_group_name)" reserve
blkrepl-setup relationship-op $LINK failover
blkrepl-setup group-del $GROUP
# shellcheck disable=SC2046 # words
check "the target serves with the members that are left" blkrepl-setup group-new $PEER reserve /dev/mapper/tlog $(words target 0 2)
udevadm settle
blkrepl-setup group-del $PEER
for i in 2 3; do
	dm_remove s$i t$i
done
rig_down
finish
