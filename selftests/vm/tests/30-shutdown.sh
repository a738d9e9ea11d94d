#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A machine is switched off while the disk of a target hangs and the replica device
# is mounted, in each of the ways of crash/shutdown.sh or those of BLKREPL_WAYS.
# kernels: 6.12
# timeout: 1500

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "$0")/../../lib/host-test.sh"

# switched_off WORD: the disk d1 hangs from the word on until systemd has nothing left
# to do (QEMU itself would wait for it in the end). How long that takes is told, not judged.
switched_off() {
	local guest status off begin

	serve_disks "$1" 4G 1 || return
	guest -v -N "1=$scratch/$1.sock:0" -t 800 -g "crash/shutdown.sh $1" \
		>"$scratch/out" 2>"$scratch/console" &
	guest=$!
	wait_for 250 grep -q '^hang' "$scratch/out" || return
	kill -STOP "$(<"$scratch/$1.pid")"
	wait_for 300 grep -q '^switching off' "$scratch/out"
	begin=$(date +%s%N)
	wait_for 300 grep -q 'systemd-shutdown.*Powering off' "$scratch/console"
	off=$?
	echo "$((($(date +%s%N) - begin) / 1000000))" >"$scratch/took"
	kill -CONT "$(<"$scratch/$1.pid")"
	wait "$guest"
	status=$?
	cat "$scratch/out"
	server_ended "$1" || return
	same "off $off, exit status $status" "off 0, exit status 120"
}

took() { note "$(<"$scratch/took") ms from the command to switching off"; }

ways=${BLKREPL_WAYS:-broken volumes held}
plan "$(wc -w <<<"$ways")"
for way in $ways; do
	check "it goes off: $way" switched_off "$way"
	took
done
finish
