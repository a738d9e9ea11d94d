#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Consistency switched off and on: legs fail alone, pairs come back alone, and what
# the promise was worth is seen by its absence. In the check it is the older kernel's, for
# that guest has less to do.
# kernels: 6.1
# timeout: 600

. ./rig.sh
. ./writer.sh

RIG_MEMBERS=4 RIG_MB=8
place() { echo "$(disk d1) $(($1 * RIG_MB * 2048))"; }
gone() { dm_to_error "t$1"; }
back() { dm_switch "t$1" "0 $((RIG_MB * 2048)) linear $(place "$1")"; }
pairs() { blkrepl-setup show --json | jq -r '[.pairs[].copy_state] | join(" ")'; }
legs() { blkrepl-setup show --json | jq -r '[.pairs[].leg_state] | join(" ")'; }
dirty() { show pair bytes_dirty "$1"; }
pairs_are() { same "$(pairs)" "$*"; }
legs_are() { same "$(legs)" "$*"; }
ordered() { same "$(show relationship consistency_enabled) $(show relationship consistency_state)" "$1 $2"; }
member() { readlink -f "/dev/blkrepl/data/m$1"; }
# put MEMBER BLOCK TEXT
put() { { printf '%s' "$3"; head -c 4096 /dev/zero; } | head -c 4096 | dd of="$(member "$1")" bs=4096 seek="$2" oflag=direct status=none; }
has() { same "$(dd if="$1" bs=4096 skip="$2" count=1 iflag=direct status=none | head -c ${#3})" "$3"; }
# target I: past the leg
target() { dd if="$(disk d1)" bs=1M skip=$(($1 * RIG_MB)) count=$RIG_MB iflag=direct status=none; }
target_has() { same "$(dd if="$(disk d1)" bs=4096 skip=$(($1 * RIG_MB * 256 + $2)) count=1 iflag=direct status=none | head -c ${#3})" "$3"; }
says() { local want=$1 out; shift; out=$("$@" 2>&1) && { echo "it was carried out"; return 1; }; [[ $out == *"$want"* ]] || { echo "$out"; return 1; }; }
revision() { show relationship revision; }
hot_and_dirty() { [ "$(dirty "$1")" -gt 0 ]; }

plan 85
# An extent stays hot: what is refused shall be refused for the target's sake only.
modprobe blkrepl && no_sweeps
check "a mirror" rig_up leg_timeout_ms=1500
set_link heartbeat_ms=0
check "consistency is on" ordered 1 Consistent

# The switch
before=$(revision)
check "switching it on does nothing" op activate-consistency
check "nothing has changed" same "$(revision)" "$before"
check "DeactivateConsistency" op deactivate-consistency
check "it is off" ordered 0 "Not applicable"
check "the state is what it was" same_state Synchronized
check "once more it does nothing" op deactivate-consistency
check "a planned Failover needs Force now" says force op failover
check "and a Split" says force op split

# One leg fails
gone 1
put 1 5 lost
check "the relationship is Mixed" wait_state mixed
check "one pair is Broken" pairs_are Synchronized Broken Synchronized Synchronized
check "its leg has failed" legs_are up failed up up
put 0 6 kept
put 3 6 kept
put 1 6 lost-too
check "the others are mirrored" target_has 0 6 kept
check "and" target_has 3 6 kept
check "this one is not" not target_has 1 6 lost-too
check "it is tracked" hot_and_dirty 1
check "nothing is tracked of the others" same "$(dirty 0) $(dirty 2) $(dirty 3)" "0 0 0"
gone 3
put 3 7 second
check "a second pair breaks" wait_for 20 pairs_are Synchronized Broken Synchronized Broken
put 0 8 still
check "the first is still mirrored" target_has 0 8 still
back 1
check "one leg comes back" wait_for 40 pairs_are Synchronized Synchronized Synchronized Broken
check "with what it lacked" target_has 1 6 lost-too
check "it is still Mixed" same_state Mixed
put 1 9 again
check "and mirrored" target_has 1 9 again
back 3
check "Synchronized when the last one is back" wait_state synchronized
check "both sides are the same" all_identical
check "nothing but differences was copied" test "$(show relationship copy_written)" -le $((1 << 20))

# P2: a member's write is not acknowledged before the pair is known to be stale
put 0 10 hot
fault log-write 1000
gone 2
check "no success while that cannot be stored" not put 2 10 unstored
check "the others are written meanwhile" put 0 10 others
fault log-write 0
check "success once it can" put 2 10 stored
check "Mixed" wait_state mixed
back 2
check "it comes back" wait_state synchronized

# A leg that hangs
dm_hang t1
check "a write goes on after the deadline" timeout 60 dd if=/dev/urandom of="$(member 1)" bs=4096 count=8 seek=20 oflag=direct status=none
check "Mixed" wait_state mixed
check "its leg has orphans" legs_are up orphaned up up
put 2 21 meanwhile
check "the others are mirrored" target_has 2 21 meanwhile
dd if=/dev/urandom of="$(member 1)" bs=4096 count=8 seek=20 oflag=direct status=none
check "a sweep of the others is no matter" timeout 60 sync -d "$(member 2)"
dm_wake t1
check "it comes back after them" wait_state synchronized
check "both sides are the same" all_identical

# All of them, one by one
for i in 0 1 2 3; do
	gone $i
	put $i 30 "gone $i"
done
check "without any pair it is Broken" wait_state broken
back 2
check "one comes back alone" wait_for 60 pairs_are Broken Broken Synchronized Broken
put 2 31 alone
check "and is mirrored" target_has 2 31 alone
back 0
back 1
back 3
check "then the others" wait_state synchronized
check "both sides are the same" all_identical

# The log volume of the target is everybody's.
dm_to_error tlog
set_link heartbeat_ms=1000
check "without its log volume the target is Broken" wait_state broken 90
set_link heartbeat_ms=0
dm_to_linear tlog "$(disk d5)"
check "it comes back" wait_state synchronized

# Operations in Mixed
gone 0
put 0 40 mixed
wait_state mixed
check "Resume is refused in Mixed" says refused op resume
check "Suspend" op suspend
check "Suspended" same_state Suspended
put 1 41 suspended
check "nothing is mirrored" not target_has 1 41 suspended
check "Resume with a dead leg" op resume
check "is Mixed again" wait_state mixed
check "the others get what they lacked" wait_for 30 target_has 1 41 suspended
back 0
check "ResyncReplica asks it at once" op resync-replica
check "Synchronized" wait_state synchronized

# The operator decides.
set_link recovery_mode=1
gone 0
put 0 45 manual
wait_state mixed
back 0
sleep 3
check "it is not taken back by itself" pairs_are Broken Synchronized Synchronized Synchronized
set_link recovery_mode=0
check "then it is" wait_state synchronized

# FailedCopyStopsHostIO
set_link hold_on_failure=1
gone 1
put 1 46 held &
writer=$!
check "Mixed" wait_state mixed
check "another member is written" put 0 46 free
sleep 1
check "the write is held" kill -0 $writer
back 1
wait $writer
check "it ends when both sides have it" same $? 0
check "Synchronized" wait_state synchronized
check "they have" target_has 1 46 held
set_link hold_on_failure=0

# Switched on while members are of different instants
gone 2
put 2 50 apart
wait_state mixed
check "ActivateConsistency in Mixed" op activate-consistency
check "it is on, and not kept yet" ordered 1 Inconsistent
check "still Mixed" same_state Mixed
put 0 51 goes-on
check "the others go on" target_has 0 51 goes-on
check "Suspend" op suspend
check "members of different instants are not opened, Force or not" says inconsistent op failover --force
check "Resume" op resume
back 2
check "Synchronized" wait_state synchronized
check "it holds" ordered 1 Consistent
gone 2
put 2 52 all
check "now all stop" wait_state broken
put 0 53 stopped
check "all of them" not target_has 0 53 stopped
check "the target is consistent" ordered 1 Consistent
back 2
check "and come back" wait_state synchronized

# It survives the group.
op deactivate-consistency
gone 3
put 3 60 away
wait_state mixed
group_down
sweeps 5000
check "the group comes up" group_up
back 3
connect
check "Synchronized" wait_state synchronized
check "consistency is still off" ordered 0 "Not applicable"
check "both sides are the same" all_identical

# What the promise is worth: two legs fail one after the other, under dependent writes.
# violations COUNT: how often the target was no prefix of the write order afterwards
views=(/dev/mapper/v{0..3})
violations() {
	local n found=0

	for ((n = 0; n < $1; n++)); do
		gone $((n % 4)) && wait_state "$2" && gone $(((n + 1) % 4)) && ask && op suspend ||
			return
		./dependent verify - "${views[@]}" >"$BLKREPL_RUN/verdict" || found=$((found + 1))
		note "$(tail -n 1 "$BLKREPL_RUN/verdict")" >&2
		back $((n % 4)) && back $(((n + 1) % 4)) && blkrepl-setup relationship-disconnect $LINK &&
			wait_for 20 connect inactive=1 2>/dev/null && op resume && wait_state synchronized || return
	done
	echo $found
}
for i in 0 1 2 3; do
	dm_make v$i "0 $((RIG_MB * 2048)) linear $(place $i)"
done
devices=("$(member 0)" "$(member 1)" "$(member 2)" "$(member 3)")
check "places for records" ./dependent format "${devices[@]}"
begin_writing "${devices[@]}"
found=$(violations 8 mixed)
check "with consistency off the checker finds violations" test "$found" -gt 0
note "$found in 8 rounds"
op activate-consistency
check "with consistency on it finds none" same "$(violations 8 broken)" 0
end_writing
check "the writer ends well" same $? 0
check "both sides are the same in the end" all_identical
dm_remove v{0..3}
rig_down
finish
