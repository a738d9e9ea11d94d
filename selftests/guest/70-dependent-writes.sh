#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Dependent writes over four members, round after round: whatever happens to the
# relationship meanwhile, the side that took no writes is a prefix of the order in
# which the other one was written, and has all that it should. 28 rounds, each story
# from both sides, or as many as the word says.
# on demand: it takes long
# timeout: 1800

. ./rig.sh
. ./writer.sh

ROUNDS=${1:-28}
RIG_MEMBERS=4 RIG_MB=2 RIG_LOG_MB=16
declare -A uuid=([a]=$GROUP [b]=$PEER) name=([a]=data [b]=data-copy)
declare -A legs=([a]=s [b]=t) disks=([a]=d0 [b]=d1) views=([a]=v [b]=w)
# The side that is the source, and the other one.
here=a there=b

swap() { local x=$here; here=$there there=$x; }
up() { if [ "$1" = a ]; then group_up; else peer_up; fi; }
down() { blkrepl-setup group-del "${uuid[$1]}" --force; }
meet() { if [ "$1" = a ]; then connect "${@:2}"; else peer_connect "${@:2}"; fi; }
do_on() { op_on "${uuid[$1]}" "${@:2}"; }
await() { wait_half "${uuid[$1]}" "$2"; }
replicas() { readlink -f "/dev/blkrepl/${name[$1]}/m"{0..3}; }
replicas_are_there() {
	local i

	for i in 0 1 2 3; do
		[ -b "/dev/blkrepl/${name[$1]}/m$i" ] || return
	done
}
# shellcheck disable=SC2046 # words
write_to() { begin_writing $(replicas "$1"); }
# shellcheck disable=SC2046 # words
write_aside() { write_briefly $(replicas "$1"); }

# The table of a leg is changed without a word to udev, which is slow. A side is
# looked at past its legs.
place() { echo "$(disk "${disks[$1]}") $(($2 * RIG_MB * 2048))"; }
set_leg() {
	local leg=${legs[$1]}$2

	dmsetup load "$leg" --table "0 $((RIG_MB * 2048)) $3" &&
		dmsetup resume --noudevsync --noflush --nolockfs "$leg"
}
leg_back() { set_leg "$1" "$2" "linear $(place "$1" "$2")"; }
leg_gone() { set_leg "$1" "$2" error; }
leg_refuses_writes() { set_leg "$1" "$2" "flakey $(place "$1" "$2") 0 3600 1 error_writes"; }
images() { echo "/dev/mapper/${views[$1]}"{0..3}; }

make_views() {
	local side i

	for side in a b; do
		for i in 0 1 2 3; do
			dm_make "${views[$side]}$i" "0 $((RIG_MB * 2048)) linear $(place $side $i)" || return
		done
	done
}

# is_prefix SIDE: it is one, with what had been acknowledged before
# shellcheck disable=SC2046 # words
is_prefix() {
	complete=$(./dependent verify "$acked" $(images "$1")) || { echo "$complete"; return 1; }
	complete=${complete#complete }
}

# counts by how much a side lags behind what has been acknowledged since
lag=0
lags() { ask && lag=$((lag + $(sum "$acked") - $(sum "$complete"))); }

# Stories, each of one round. They begin and end Synchronized with a writer at work.

# A connection is closed a moment after the command.
meet_anew() {
	blkrepl-setup relationship-disconnect $LINK && wait_for 20 meet $here "$@" 2>/dev/null
}

reconnect() { meet_anew && await $here synchronized; }

leg_fails() {
	ask && leg_gone $there "$leg" && await $here broken && is_prefix $there && lags &&
		leg_back $there "$leg" && await $here synchronized
}

leg_fails_and_is_connected() {
	ask && leg_gone $there "$leg" && await $here broken && is_prefix $there && lags &&
		leg_back $there "$leg" && reconnect
}

# It still answers reads, so it seems to be back at once; the operator decides.
leg_fails_writes() {
	set_link recovery_mode=1 && ask && leg_refuses_writes $there "$leg" &&
		await $here suspended && is_prefix $there && lags && leg_back $there "$leg" &&
		do_on $here resume && await $here synchronized && set_link recovery_mode=0
}

legs_fail_in_turn() {
	ask && leg_gone $there "$leg" && leg_gone $there $(((leg + 1) % 4)) &&
		await $here broken && is_prefix $there && lags && leg_back $there "$leg" &&
		leg_back $there $(((leg + 1) % 4)) && reconnect
}

suspends() {
	ask && do_on $here suspend && is_prefix $there && lags && do_on $here resume &&
		await $here synchronized
}

# Both sides are written, then the target is made the same again.
splits() {
	ask && do_on $here split && is_prefix $there && up $there && write_aside $there &&
		down $there && is_prefix $there && meet $here inactive=1 &&
		do_on $here resync-replica && await $here synchronized
}

# The same, and the source becomes what the target is.
splits_and_is_restored() {
	ask && do_on $here split && is_prefix $there && up $there && write_aside $there &&
		down $there && is_prefix $there && end_writing && meet $here inactive=1 &&
		acked=$complete && do_on $here restore-from-replica && await $here synchronized &&
		is_prefix $here && wait_for 60 replicas_are_there $here && write_to $here
}

# The leg goes just when the sides are to part. They part at one instant, and then the
# target has all that was acknowledged while it was Synchronized; or not at all.
loses_leg_during() {
	local gone least

	ask || return
	least=$acked
	leg_gone $there "$leg" &
	gone=$!
	ask && do_on $here "$@" 2>/dev/null
	parted=$?
	wait $gone || return
	if [ $parted != 0 ] && [ "$(half "${uuid[$here]}" copy_state)" != Failedover ]; then
		acked=$least
		await $here broken && is_prefix $there && lags && leg_back $there "$leg" && reconnect
	fi
}

splits_as_leg_fails() {
	loses_leg_during split || return
	[ $parted != 0 ] || { is_prefix $there && leg_back $there "$leg" && meet $here inactive=1 &&
		do_on $here resync-replica && await $here synchronized; }
}

# It may have parted and not have been able to say so; then it is told to once more.
fails_over_as_leg_fails() {
	loses_leg_during failover || return
	[ "$(half "${uuid[$here]}" copy_state)" = Failedover ] || return 0
	leg_back $there "$leg" && { [ $parted = 0 ] ||
		{ meet_anew inactive=1 && do_on $here failover; }; } && gives_way && fails_back
}

# Nothing that was acknowledged is lost; the devices vanish under the writer.
gives_way() {
	end_writing && down $here && is_prefix $there && up $there && write_to $there
}

fails_back() {
	meet $there inactive=1 && do_on $there failback "$@" && await $there synchronized &&
		do_on $there failback && end_writing && down $there && is_prefix $here &&
		up $here && meet $here && await $here synchronized && write_to $here
}

fails_over() { do_on $here failover && gives_way && fails_back; }

reverses() {
	do_on $here reverse-roles role=2 && gives_way && swap && meet $here &&
		await $here synchronized
}

# A leg is lost, the source goes on, then it is lost itself.
leg_fails_then_source() {
	ask && leg_gone $there "$leg" && await $here broken && is_prefix $there && lags &&
		blkrepl-setup relationship-disconnect $LINK && leg_back $there "$leg" &&
		wait_for 20 meet $here inactive=1 && do_on $here failover --force && end_writing &&
		down $here && acked=$complete && is_prefix $there && up $there &&
		write_to $there
}

leg_fails_then_fails_over() { leg_fails_then_source && fails_back --force; }

leg_fails_then_reverses() {
	leg_fails_then_source && swap && meet $here inactive=1 &&
		do_on $here reverse-roles role=1 --force && await $here synchronized
}

stories=(leg_fails_and_is_connected splits reverses leg_fails_writes fails_over suspends
	leg_fails splits_as_leg_fails leg_fails_then_reverses legs_fail_in_turn
	fails_over_as_leg_fails
	splits_and_is_restored leg_fails_then_fails_over reverses)

rounds() {
	local round story

	for ((round = 0; round < ROUNDS; round++)); do
		# Each story comes with each leg, and from both sides.
		leg=$(((round + round / ${#stories[@]}) % 4))
		story=${stories[round % ${#stories[@]}]}
		if ! "$story"; then
			echo "round $round, $story, leg $leg from side $here: $(half "${uuid[$here]}" copy_state)"
			return 1
		fi
		[ $(((round + 1) % 25)) != 0 ] || note "$((round + 1)) rounds"
	done
}

plan 5
# What fails here answers; a busy machine is no failure.
check "a mirror" rig_up leg_timeout_ms=30000
make_views
# shellcheck disable=SC2046 # words
check "places for records" ./dependent format $(replicas a)
write_to a
begin=$SECONDS
rounds
check "$ROUNDS rounds, and each time it was a prefix" same $? 0
end_writing
note "$((SECONDS - begin)) s, $(sum "$acked") records, the target lacked $lag of those that it did not need"
check "both sides are the same in the end" all_identical
check "the target had not just everything" test "$lag" -gt 0
dm_remove v{0..3} w{0..3}
down $here
rig_down
finish
