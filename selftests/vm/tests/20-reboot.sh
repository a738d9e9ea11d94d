#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A host that reboots: a group that fstab names is up before its file system is mounted,
# all groups go down cleanly, also one that is in use until the very end, and one whose
# target hangs.
# kernels: 6.12
# timeout: 1200

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "$0")/../../lib/host-test.sh"

options=(-s "$scratch/state" -d "0=$scratch/d0" -d "1=$scratch/d1" -t 400)

leaves() { grep -q '^rebooting' "$scratch/out" || ! kill -0 "$guest" 2>/dev/null; }

# boot STATUS WORD: how long the shutdown takes is told, not judged
boot() {
	local status begin guest

	guest "${options[@]}" -g "crash/reboot.sh $2" >"$scratch/out" 2>&1 &
	guest=$!
	wait_for 400 leaves
	begin=$(date +%s%N)
	wait "$guest"
	status=$?
	cat "$scratch/out"
	echo "$((($(date +%s%N) - begin) / 1000000))" >"$scratch/took"
	same "exit status $status" "exit status $1"
}

took() { note "$1: $(<"$scratch/took") ms from the command to the end"; }

plan 4
check "groups are made, and the host reboots" boot 120 first
took "shutdown"
check "without the daemon its file system is mounted, and nothing had to be compared" boot 120 second
took "shutdown, one file system in use until all processes are ended"
check "all groups had gone down cleanly; one goes down while its target hangs" boot 120 third
took "shutdown, the target hangs"
check "the target is back, both sides are the same" boot 0 fourth
finish
