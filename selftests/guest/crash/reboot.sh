#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What selftests/vm/tests/20-reboot.sh does in the guest: first, second, third.

. ./lib.sh
set -e

copy=vault-db--replica.db
replica=/dev/blkrepl/db/db
state() { busctl get-property org.blkrepl1 /org/blkrepl1/relationship/db org.blkrepl1.Relationship CopyState; }
is() { [ "$(state)" = "s \"$1\"" ]; }

case $1 in
first)
	vgcreate -q prod "$(disk d0)"
	vgcreate -q vault "$(disk d1)"
	lvcreate -q -y -n db -L 128M prod
	mkfs.ext4 -q /dev/prod/db
	blkreplctl relationship create db --source prod/db --target-pool vault
	;;
second)
	;;
third)
	;;
esac

# After a boot nobody has to do anything.
wait_for 100 test -b $replica
blkreplctl wait db synchronized --timeout 100
mount $replica /mnt
[ "$1" = first ] || cmp /usr/bin/bash /mnt/first
[ "$1" != third ] || cmp /usr/bin/bash /mnt/second
cp /usr/bin/bash "/mnt/$1"
sync

if [ "$1" = second ]; then
	# All that shutting down has to do with blkrepl ends while the target hangs. (Not
	# the shutdown itself: systemd flushes every device-mapper device in the end, and
	# would wait for the one that was made to hang.)
	dmsetup suspend --noflush --nolockfs $copy
	cp /usr/bin/bash /mnt/hung
	timeout 60 sync -f /mnt
	wait_for 60 is Broken
	timeout 60 umount /mnt
	timeout 60 systemctl stop blkrepld
	timeout 60 blkrepl-setup group-del "$(blkrepl-setup show --json | jq -r '.groups[0].uuid')"
	dmsetup resume $copy
fi
if [ "$1" != third ]; then
	echo "rebooting"
	systemctl reboot
	sleep 1000
fi
umount /mnt
blkreplctl group stop db
vgchange -q -a y prod vault
identical /dev/prod/db /dev/vault/db-replica.db
