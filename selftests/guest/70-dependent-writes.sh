#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Dependent writes over four members: whatever happens to the target meanwhile, it
# is a prefix of the order in which the source was written. Round after round.
# timeout: 1500

. ./rig.sh

ROUNDS=200
RIG_MEMBERS=4 RIG_MB=2 RIG_LOG_MB=16

# Between the rounds the target is looked at past the legs that fail: v0 to v3.
views=(/dev/mapper/v{0..3})
table() { echo "0 $((RIG_MB * 2048)) linear $(disk d1) $(($1 * RIG_MB * 2048))"; }

# The table of a leg is changed without a word to udev, which is slow.
leg_set() {
	dmsetup load "t$1" --table "$2" && dmsetup resume --noudevsync --noflush --nolockfs "t$1"
}
leg_back() { leg_set "$1" "$(table "$1")"; }
leg_gone() { leg_set "$1" "0 $((RIG_MB * 2048)) error"; }

make_views() {
	local i

	for i in 0 1 2 3; do
		dm_make "v$i" "$(table $i)" || return
	done
}

replicas() {
	local i

	for ((i = 0; i < RIG_MEMBERS; i++)); do
		readlink -f "/dev/blkrepl/data/m$i"
	done
}

# The writer runs beside; what it has acknowledged is asked for, into $acked.
run=0
begin_writing() {
	mapfile -t source < <(replicas)
	coproc WRITER { exec nice -n 19 ./dependent write $((++run)) "${source[@]}"; }
	writer=$WRITER_PID
	# Moved, for bash closes its own when the writer ends.
	exec 7<&"${WRITER[0]}"- 8>&"${WRITER[1]}"-
	hear began
}
hear() { read -r -t 60 -u 7 word acked && same "$word" "$1"; }
ask() { echo >&8 && hear acked; }
end_writing() {
	exec 8>&-
	hear acked && wait "$writer"
}

sum() { echo $((${1//,/+})); }

# is_prefix: the target is one, with what had been acknowledged before; counts by
# how much it lags behind what has been acknowledged since
lag=0
is_prefix() {
	local least=$acked complete

	complete=$(./dependent verify "$least" "${views[@]}") || { echo "$complete"; return 1; }
	ask || return
	lag=$((lag + $(sum "$acked") - $(sum "${complete#complete }")))
}

# Stories, each of one round; they begin and end Synchronized.

# A leg fails; the others could go on.
leg_fails() {
	ask && leg_gone "$leg" && wait_state broken && is_prefix &&
		leg_back "$leg" && wait_state synchronized
}

# It is connected anew rather than found again.
leg_fails_and_connects() {
	ask && leg_gone "$leg" && wait_state broken && is_prefix && leg_back "$leg" &&
		blkrepl-setup relationship-disconnect $LINK && connect && wait_state synchronized
}

# It fails writes only, so it seems to be back at once; the operator decides.
leg_fails_writes() {
	set_link recovery_mode=1 && ask &&
		leg_set "$leg" "0 $((RIG_MB * 2048)) flakey $(disk d1) $((leg * RIG_MB * 2048)) 0 3600 1 error_writes" &&
		wait_state suspended && is_prefix && leg_back "$leg" && op resume &&
		wait_state synchronized && set_link recovery_mode=0
}

# One leg after the other.
legs_fail_in_turn() {
	ask && leg_gone "$leg" && leg_gone $(((leg + 1) % 4)) && wait_state broken &&
		is_prefix && leg_back "$leg" && leg_back $(((leg + 1) % 4)) &&
		blkrepl-setup relationship-disconnect $LINK && connect && wait_state synchronized
}

suspends() { ask && op suspend && is_prefix && op resume && wait_state synchronized; }

stories=(leg_fails_and_connects suspends leg_fails legs_fail_in_turn leg_fails_writes)

rounds() {
	local round story output

	for ((round = 0; round < ROUNDS; round++)); do
		leg=$((round % 4))
		story=${stories[round / 4 % ${#stories[@]}]}
		"$story" && continue
		echo "round $round, $story, leg $leg; $(state)"
		return 1
	done
}

plan 6
check "a mirror" rig_up leg_timeout_ms=3000
make_views
mapfile -t source < <(replicas)
check "places for records" ./dependent format "${source[@]}"
begin_writing
begin=$SECONDS
rounds
check "in each of $ROUNDS rounds the target was a prefix" same $? 0
note "$((SECONDS - begin)) s, $(sum "$acked") records, the target lacked $lag of them"
end_writing
check "the writer ends well" same $? 0
check "both sides are the same" all_identical
check "the target had not just everything" test "$lag" -gt 0
dm_remove v{0..3}
rig_down
finish
