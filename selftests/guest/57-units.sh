#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The systemd units: groups come up and go down without the daemon and with it, what is
# bound to the side that serves follows it, the watchdog.
# kernels: 6.12
# timeout: 900

. ./lib.sh

units=/run/systemd/system
names=(blkrepl.target blkrepl@r.service blkrepl-down.service blkrepl-no-wait.service
	blkrepl-primary@r.service blkrepl-wait-sync@r.service blkrepld.service)

active() { systemctl -q is-active "$1"; }
inactive() { same "$(systemctl is-active "$1")" inactive; }
is_inactive() { [ "$(systemctl is-active "$1")" = inactive ]; }
is_state() { [ "$(show relationship copy_state)" = "$1" ]; }

# show KIND KEY: a value that the module tells
show() { blkrepl-setup show --json | jq -r ".${1}s[0].$2"; }
groups_up() { blkrepl-setup show --json | jq -r '.groups | map(.name) | sort | join(" ")'; }
job_done() { blkreplctl wait "$1" synchronized --timeout 120; }

verified() {
	local output

	output=$(systemd-analyze verify --man=no "${names[@]}" 2>&1) || { echo "$output"; return 1; }
	same "$output" ""
}

# What the device pulls in is there a moment later.
pulled_in() {
	wait_for 60 active blkrepl-down.service && wait_for 60 active blkrepl-no-wait.service &&
		wait_for 60 active blkrepl-primary@r.service
}

stopped() {
	udevadm settle
	systemctl stop blkrepl@r && same "$(groups_up)" "" &&
		wait_for 60 is_inactive blkrepl-primary@r.service
}

# The daemon looks at everything when a device changes.
stays_down() {
	systemctl start blkrepld && blkreplctl volume list >/dev/null &&
		udevadm trigger --action=change --settle "$(disk d0)" && systemctl restart blkrepld &&
		same "$(groups_up)" ""
}

# Whoever was down cleanly has nothing to compare.
started() {
	systemctl start blkrepl@r && same "$(groups_up)" r && same "$(show group clean)" 1 &&
		wait_for 60 is_state Synchronized && same "$(show relationship copy_total)" 0
}

without_daemon() {
	systemctl stop blkrepld && stopped && started && inactive blkrepld.service
}

idempotent() {
	/usr/lib/blkrepl/blkrepl-unit up r && /usr/lib/blkrepl/blkrepl-unit up r && same "$(groups_up)" r
}

in_use() {
	local result=0

	exec 7</dev/blkrepl/r/a
	systemctl stop blkrepl@r
	exec 7<&-
	same "$(systemctl is-failed blkrepl@r)" failed || result=1
	same "$(groups_up)" r || result=1
	journalctl -q -u blkrepl@r.service -o cat | grep -q 'r stays up.*open' || result=1
	# A stop that failed does not tell the daemon to keep it down.
	[ -z "$(find /run/blkrepl -name 'stopped-*')" ] || result=1
	systemctl reset-failed blkrepl@r
	udevadm settle
	systemctl start blkrepl@r
	return $result
}

unknown_group() {
	not systemctl start blkrepl@nothing && journalctl -q -u blkrepl@nothing -o cat | grep -q 'There is no group nothing'
	systemctl reset-failed blkrepl@nothing
}

# Of which the volumes are not there: it says which, when systemd has waited enough
volume_missing() {
	local result=0

	stopped || return
	mkdir -p $units/blkrepl@r.service.d
	printf '[Service]\nTimeoutStartSec=5\n' >$units/blkrepl@r.service.d/test.conf
	systemctl daemon-reload
	lvchange -q -a n src/a
	not systemctl start blkrepl@r || result=1
	journalctl -q -u blkrepl@r -o cat | grep -q 'r cannot come up: the volume /dev/src/a is not there' || result=1
	rm -r $units/blkrepl@r.service.d
	systemctl daemon-reload
	# It is waited for.
	systemctl start --no-block blkrepl@r
	same "$(groups_up)" "" || result=1
	lvchange -q -a y src/a
	wait_for 60 active blkrepl@r || result=1
	same "$(groups_up)" r && return $result
}

# A target that is not there keeps the group from nothing.
target_missing() {
	stopped && lvchange -q -a n dst && started_alone && lvchange -q -a y dst && systemctl start blkrepld &&
		wait_for 120 is_state Synchronized
}
started_alone() {
	systemctl start blkrepl@r && same "$(show relationship copy_state)" Broken
}

# One that hangs is not waited for beyond its deadline.
target_hangs() {
	local result=0 copy c

	stopped || return
	copy=$(dmsetup ls | awk '/^dst-r/ { print $1 }')
	for c in $copy; do
		dm_hang "$c"
	done
	started_alone || result=1
	for c in $copy; do
		dm_wake "$c"
	done
	wait_for 120 is_state Synchronized && return $result
}

# app NAME DEPENDENCY GROUP: a service that follows the side that serves
app() {
	mkdir -p "$units/blkrepl-primary@$3.service.wants"
	cat >"$units/$1" <<-APP
		[Unit]
		$2=blkrepl-primary@$3.service
		After=blkrepl-primary@$3.service
		[Service]
		ExecStart=sleep infinity
	APP
	ln -sf "../$1" "$units/blkrepl-primary@$3.service.wants/$1"
}

apps() {
	app app-bound.service BindsTo r
	app app-part.service PartOf r
	app app-other.service BindsTo r-replica
	systemctl daemon-reload
}

both() { "$1" app-bound.service && "$1" app-part.service; }

apps_follow() {
	udevadm settle
	blkreplctl group stop r && wait_for 60 both is_inactive && inactive app-other.service &&
		blkreplctl group start r && wait_for 60 both active
}

# Stopping the group by its unit stops first what uses it.
apps_end_first() {
	both active && systemctl stop blkrepl@r && both inactive && same "$(groups_up)" "" &&
		systemctl start blkrepl@r && wait_for 60 both active
}

# What is mounted from the side that serves is unmounted before it goes down.
mounted() {
	cat >$units/mnt.mount <<-MOUNT
		[Unit]
		Requires=blkrepl@r.service
		After=blkrepl@r.service
		[Mount]
		What=/dev/blkrepl/r/a
		Where=/mnt
	MOUNT
	systemctl daemon-reload
	systemctl start mnt.mount && findmnt /mnt >/dev/null && systemctl stop blkrepl@r &&
		inactive mnt.mount && same "$(groups_up)" "" && systemctl start mnt.mount &&
		same "$(show group clean)" 1 && findmnt -n -o SOURCE /mnt && systemctl stop mnt.mount
}

waits_for_sync() {
	blkreplctl relationship suspend r && systemctl start --no-block blkrepl-wait-sync@r &&
		wait_for 60 says_suspended && same "$(systemctl is-active blkrepl-wait-sync@r)" activating &&
		blkreplctl relationship resume r && wait_for 60 active blkrepl-wait-sync@r
}
says_suspended() { systemctl show -P StatusText blkrepl-wait-sync@r | grep -q 'is Suspended'; }

# Names with a hyphen, and with what units cannot have in theirs
none_up() { same "$(groups_up)" ""; }

odd_name() {
	lvcreate -q -y -n c -L 16M src && wait_for 60 blkreplctl volume show src/c &&
		blkreplctl relationship create x-1+y --source src/c --target-pool dst &&
		job_done x-1+y && wait_for 60 active 'blkrepl-primary@x-1\x2by.service' && udevadm settle &&
		systemctl start 'blkrepl@x-1+y' && active 'blkrepl@x-1\x2by.service' && systemctl stop 'blkrepl@x-1\x2by' &&
		same "$(groups_up)" r && systemctl start 'blkrepl@x-1+y' && same "$(groups_up)" "r x-1+y" && udevadm settle &&
		systemctl start blkrepl.target && systemctl stop blkrepl.target && wait_for 60 none_up
}

# The other side serves: what belongs to it is started, and the first side is closed.
failed_over() {
	systemctl start blkrepl@r && wait_for 120 is_state Synchronized && wait_for 60 both active &&
		blkreplctl relationship failover r && wait_for 60 active app-other.service &&
		wait_for 60 both is_inactive && same "$(groups_up)" r-replica
}

closed() {
	local result=0

	systemctl stop blkrepl@r
	not systemctl start blkrepl@r && journalctl -q -u blkrepl@r -o cat | grep -q 'r cannot come up: .*failed over' &&
		same "$(groups_up)" r-replica || result=1
	systemctl reset-failed blkrepl@r
	return $result
}

# Also after a boot, when there is no daemon yet
other_side_alone() {
	systemctl stop blkrepld && systemctl start blkrepl@r-replica && systemctl stop blkrepl@r-replica &&
		same "$(groups_up)" "" && inactive app-other.service &&
		systemctl start blkrepl@r-replica && wait_for 60 active app-other.service &&
		same "$(groups_up)" r-replica && systemctl start blkrepld
}

failed_back() {
	blkreplctl relationship failback r && wait_for 120 is_state Synchronized &&
		wait_for 60 both active && wait_for 60 is_inactive app-other.service && same "$(groups_up)" r
}

# A daemon that does not answer any more is replaced, and the groups stay as they are.
watched() {
	local pid

	mkdir -p $units/blkrepld.service.d
	printf '[Service]\nWatchdogSec=20\n' >$units/blkrepld.service.d/test.conf
	systemctl daemon-reload
	systemctl restart blkrepld
	pid=$(systemctl show -P MainPID blkrepld)
	kill -STOP "$pid"
	wait_for 200 replaced "$pid" && same "$(groups_up)" r
	rm -r $units/blkrepld.service.d
	systemctl daemon-reload
}
replaced() { [ "$(systemctl show -P ActiveState,MainPID blkrepld | xargs)" != "active $1" ] && active blkrepld; }

plan 25
vgcreate -q src "$(disk d0)" && vgcreate -q dst "$(disk d2)" && lvcreate -q -y -L 64M -n a src &&
	mkfs.ext4 -q /dev/src/a && systemctl start blkrepld &&
	blkreplctl relationship create r --source src/a --target-pool dst && job_done r || give_up "no relationship"

check "systemd finds nothing wrong with the units" verified
check "the daemon is confined" systemd-analyze security --no-pager --threshold=30 blkrepld.service
check "a replica device pulls in what takes the group down" pulled_in
check "the unit takes up a group that is up" systemctl start blkrepl@r
check "it takes the group down" stopped
check "and the daemon leaves it there" stays_down
check "it brings the group up, and nothing has to be compared" started
check "so it does without the daemon" without_daemon
check "a group that is up is brought up again" idempotent
check "a group in use stays up, and it is said why" in_use
check "a group that is unknown does not come up" unknown_group
check "one of which a volume is missing neither, until that is there" volume_missing
check "a target that is missing is connected later" target_missing
check "one that hangs as well" target_hangs
apps
check "services stop and start with the side that serves" apps_follow
check "they stop before the group goes down" apps_end_first
check "a mount brings the group up, and is unmounted before it goes down" mounted
systemctl start blkrepl@r
check "a service waits until the relationship is Synchronized" waits_for_sync
check "names may have hyphens and other characters; the target is all groups" odd_name
check "after a failover the services of the other side run" failed_over
check "the side that is closed does not come up, and it is said why" closed
check "the side that serves comes up without the daemon" other_side_alone
check "after a failback the services are where they were" failed_back
check "a daemon that hangs is replaced" watched
systemctl start blkrepl@r
udevadm settle
systemctl stop blkrepld blkrepl@r app-bound.service app-part.service
check "the groups are down" same "$(groups_up)" ""
rm -rf $units/app-*.service $units/mnt.mount $units/blkrepl-primary@*.wants /var/lib/blkrepl/blkrepl.db* /run/blkrepl/stopped-*
systemctl daemon-reload
systemctl reset-failed
vgremove -q -f src dst
finish
