#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A machine is switched off while the disk of a target hangs and the replica device
# is mounted.

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "$0")/../../lib/host-test.sh"

# switched_off: the disk d1 hangs from the word on until systemd has nothing left to do
# (QEMU itself would wait for it in the end)
switched_off() {
	local guest status off

	serve_disks disk 4G 1 || return
	guest -v -N "1=$scratch/disk.sock:0" -t 200 -g crash/shutdown.sh \
		>"$scratch/out" 2>"$scratch/console" &
	guest=$!
	wait_for 150 grep -q '^hang' "$scratch/out" || return
	kill -STOP "$(<"$scratch/disk.pid")"
	wait_for 120 grep -q 'systemd-shutdown.*Powering off' "$scratch/console"
	off=$?
	kill -CONT "$(<"$scratch/disk.pid")"
	wait "$guest"
	status=$?
	cat "$scratch/out"
	server_ended disk || return
	same "off $off, exit status $status" "off 0, exit status 120"
}

plan 1
check "it goes off" switched_off
finish
