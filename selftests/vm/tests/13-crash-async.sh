#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
# kernels: 6.12
# An asynchronous mirror crashes while it is written, and while its target catches up.
# The target's disks lose what was not flushed. Where the target takes over it has an
# image of one instant: a prefix of the order in which all members were written. Where
# the source comes back both sides become the same.

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "$0")/../../lib/host-test.sh"

# round WORD DELAY: one guest, from bringing up to the crash
round() {
	local sock=$scratch/disks.sock disks=() status cut=(-K "acked@$2") want=121

	[ "$1" != last ] || cut=() want=0
	serve_disks disks 4G 2 -s "$((RANDOM + 1))" -m random || return
	disks=(-d "0=$scratch/d0" -N "1=$sock:0" -d "4=$scratch/d4" -N "5=$sock:1")
	guest "${disks[@]}" -t 600 "${cut[@]}" -g "crash/async.sh $1" >"$scratch/out"
	status=$?
	[ $status = $want ] || { cat "$scratch/out"; echo "exit status $status"; return 1; }
	server_ended disks
}

order=(first target source target middle target middle source)
rounds=${BLKREPL_ROUNDS:-${#order[@]}}
plan $((rounds + 1))
for ((n = 0; n < rounds; n++)); do
	word=${order[n]:-${order[RANDOM % 7 + 1]}}
	check "crash $((n + 1)) ($word)" round "$word" "$((RANDOM % 3)).$((RANDOM % 90 + 10))" || break
done
check "after the last crash both sides are the same" round last 0
finish
