#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Pairs move between relationships, with a stop of everything at each write of the metadata:
# the log volumes refuse it and all later ones, the daemon dies, and the groups are taken
# down. The next instance of the daemon completes the move, or it has not happened.
# kernels: 6.12
# on demand: it takes long
# timeout: 3600

. ./daemon-pairs-lib.sh

fault() { echo "$1 $2" >/sys/kernel/debug/blkrepl/fault; }
groups_down() {
	local g

	for g in $(blkrepl-setup show --json | jq -r '.groups[].uuid'); do
		blkrepl-setup group-del "$g" || return
	done
}
# crashed N COMMAND: whether the command came so far
crashed() {
	local n=$1 left

	shift
	fault log-stop "$n"
	"$@" >/dev/null 2>&1 &
	wait_for 20 stopped
	systemctl kill -s KILL blkrepld
	wait $!
	left=$(sed -n 's/^log-stop //p' /sys/kernel/debug/blkrepl/fault)
	groups_down
	fault log-stop 0
	systemctl reset-failed blkrepld
	systemctl start blkrepld
	[ "$left" = 1 ]
}
stopped() { [ "$(sed -n 's/^log-stop //p' /sys/kernel/debug/blkrepl/fault)" = 1 ]; }
one_or_the_other() { is_apart || is_together; }
# rounds BACK...: a stop at each of these writes while the pair comes back
rounds() {
	local n came=0 stayed=0

	for n; do
		is_apart || take_out >/dev/null || return
		put $own_device 30 "round $n" || return
		crashed "$n" bring_back
		wait_for 120 one_or_the_other || { blkreplctl status; return 1; }
		if is_together; then
			came=$((came + 1))
			wait_for 120 is_state Synchronized && has $replica/b 30 "round $n" && all_identical || return
		else
			stayed=$((stayed + 1))
			has $own_device 30 "round $n" || return
		fi
	done
	note "$came times it had come, $stayed times it had not"
	[ $came -gt 0 ] && [ $stayed -gt 0 ]
}

plan 2
devices_up && daemon_up || give_up "no devices"
log_devices
mkdir -p /sys/kernel/debug && { mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug; }
check "a synchronized relationship" create
udevadm settle
# shellcheck disable=SC2046 # words
check "a stop at each write" rounds $(seq 1 3 60)
is_together || bring_back >/dev/null
begin_op Detach
delete_group r && delete_group r-replica
daemon_down
dm_remove slog2 tlog2
devices_down
finish
