#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What selftests/vm/tests/30-shutdown.sh does in the guest: a mirror whose target is a
# disk that hangs once "hang" was printed; then the machine is switched off.
#   broken   made by hand on disks; it is known that the target hangs
#   held     likewise, but nobody has noticed yet, and then writes wait for the target
#   volumes  made by the daemon on logical volumes; nothing has noticed yet, and LVM is
#            reading the disk when the machine is switched off

. ./rig.sh
set -e

target_devices() { echo "0:$(target_uuid 0):m0:$(disk d1)"; }

# by_hand [KEY=VALUE...]: a mirror on disks, with a file system that is mounted
by_hand() {
	RIG_MB=128
	modprobe blkrepl
	dm_linear slog "$(disk d4)" $((RIG_LOG_MB * 2048))
	dm_linear tlog "$(disk d5)" $((RIG_LOG_MB * 2048))
	dm_linear s0 "$(disk d0)" $((RIG_MB * 2048))
	mkfs.ext4 -q /dev/mapper/s0
	group_up --create
	relate leg_timeout_ms=2000 "$@"
	wait_state synchronized
	mount /dev/blkrepl/data/m0 /mnt
}

case $1 in
broken)
	by_hand
	echo "hang"
	sleep 3
	cp /usr/bin/bash /mnt/
	sync -f /mnt
	wait_for 60 same_state Broken
	;;
held)
	by_hand hold_on_failure=1
	echo "hang"
	sleep 3
	cp /usr/bin/bash /mnt/ &
	sleep 5
	;;
volumes)
	# The guest does without what every Debian with LVM has.
	rm -f /etc/systemd/system/lvm2-monitor.service
	systemctl daemon-reload
	systemctl start lvm2-monitor blk-availability
	vgcreate -q prod "$(disk d0)"
	vgcreate -q vault "$(disk d1)"
	lvcreate -q -y -n db -L 128M prod
	mkfs.ext4 -q /dev/prod/db
	systemctl start blkrepld
	blkreplctl relationship create db --source prod/db --target-pool vault
	blkreplctl wait db synchronized
	mount /dev/blkrepl/db/db /mnt
	echo "hang"
	sleep 3
	cp /usr/bin/bash /mnt/
	udevadm trigger --action=change "$(disk d2)"
	wait_for 60 pgrep -x lvm
	;;
esac
echo "switching off"
systemctl poweroff
sleep 1000
