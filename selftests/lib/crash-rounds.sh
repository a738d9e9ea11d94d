# SPDX-License-Identifier: GPL-2.0
# Rounds of crashes: the power is cut under random writes to three members, again and
# again, with disks that lose what was not flushed. Each time both sides end identical,
# and no write that was acknowledged and flushed is missing on either.
# shellcheck shell=bash

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "${BASH_SOURCE[0]}")/host-test.sh"

seed=1
flushed=0

# round WORDS NUMBER DELAY: one guest, from bringing up to the power cut
round() {
	local sock=$scratch/disks.sock disks=() n i=0 status

	serve_disks disks 4G 4 -s "$((RANDOM + 1))" -m random || return
	for n in 0 1 4 5; do
		disks+=(-N "$n=$sock:$((i++))")
	done
	if [ "$2" = last ]; then
		guest "${disks[@]}" -t 600 -g "crash/round.sh last $seed $flushed $1" >"$scratch/out"
		status=$?
		[ $status = 0 ]
	else
		guest "${disks[@]}" -t 600 -K "flushed@$3" -g "crash/round.sh $2 $seed $flushed $1" \
			>"$scratch/out"
		status=$?
		[ $status = 121 ]
	fi || { cat "$scratch/out"; echo "exit status $status"; return 1; }
	server_ended disks || return
	[ "$2" = last ] && return
	seed=$((seed + 1))
	flushed=$(sed -n 's/^flushed //p' "$scratch/out" | tail -n 1)
	[ -n "$flushed" ]
}

# crash_rounds COUNT WORDS: WORDS are further ones for crash/round.sh
crash_rounds() {
	local n

	plan $(($1 + 1))
	for ((n = 1; n <= $1; n++)); do
		# Not by check, whose subshell would keep what is to be remembered.
		if round "$2" "$n" "0.$((RANDOM % 90 + 10))" >"$scratch/round" 2>&1; then
			pass "cut $n after $flushed flushed records"
		else
			sed 's/^/# /' "$scratch/round"
			fail "cut $n"
			break
		fi
	done
	check "after the last cut both sides are complete and identical" round "$2" last 0
	finish
}
