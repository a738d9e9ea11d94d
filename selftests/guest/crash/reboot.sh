#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What selftests/vm/tests/20-reboot.sh does in the guest: first, second, third, fourth.
# The group "db" is in fstab; "db-log" is mounted by hand, so no unit knows of it.

. ./lib.sh
set -e

# of GROUP KEY: a value that the module tells of a group; of_copy: of its relationship
of() { blkrepl-setup show --json | jq -r ".groups[] | select(.name == \"$1\").$2"; }
of_copy() { blkrepl-setup show --json | jq -r ".relationships[] | select(.name == \"$1\").$2"; }
synchronized() { [ "$(of_copy "$1" copy_state)" = Synchronized ]; }

# It had been taken down cleanly, so nothing is copied or compared.
clean() {
	same "$(of "$1" clean)" 1
	wait_for 100 synchronized "$1"
	same "$(of_copy "$1" copy_total)" 0
}

# Nobody has to do anything after a boot, and no daemon is needed.
mounted() {
	same "$(findmnt -n -o SOURCE /srv/db)" "/dev/$(basename "$(readlink -f /dev/blkrepl/db/db)")"
	systemctl is-active blkrepl@db.service blkrepl-primary@db.service
	systemctl --no-pager --failed --no-legend | not grep .
}

leave() {
	echo "rebooting"
	systemctl reboot
	sleep 1000
}

case $1 in
first)
	vgcreate -q prod "$(disk d0)"
	vgcreate -q vault "$(disk d1)"
	for name in db log; do
		lvcreate -q -y -n $name -L 128M prod
		mkfs.ext4 -q /dev/prod/$name
		mkdir -p /srv/$name
	done
	blkreplctl relationship create db --source prod/db --target-pool vault
	blkreplctl relationship create db-log --source prod/log --target-pool vault
	blkreplctl wait db synchronized --timeout 100
	blkreplctl wait db-log synchronized --timeout 100
	echo '/dev/blkrepl/db/db /srv/db ext4 x-systemd.requires=blkrepl@db.service 0 2' >>/etc/fstab
	systemctl daemon-reload
	systemctl start srv-db.mount
	mount /dev/blkrepl/db-log/log /srv/log
	cp /usr/bin/bash /srv/db/first
	cp /usr/bin/bash /srv/log/first
	systemctl -q disable blkrepld
	leave
	;;
second)
	same "$(systemctl is-active blkrepld)" inactive
	mounted
	clean db
	cmp /usr/bin/bash /srv/db/first
	same "$(of db-log name)" ""
	systemctl -q enable --now blkrepld
	wait_for 100 test -b /dev/blkrepl/db-log/log
	clean db-log
	mount /dev/blkrepl/db-log/log /srv/log
	cmp /usr/bin/bash /srv/log/first
	cp /usr/bin/bash /srv/db/second
	cp /usr/bin/bash /srv/log/second
	# This keeps its file system from being unmounted until systemd ends every process.
	systemd-run -q --unit=keeper -p TimeoutStopSec=1 -p SendSIGKILL=no \
		bash -c 'trap "" TERM; exec 7>/srv/log/keeper; while :; do sleep 1; done'
	wait_for 30 test -e /srv/log/keeper
	leave
	;;
third)
	mounted
	clean db
	wait_for 100 test -b /dev/blkrepl/db-log/log
	clean db-log
	mount /dev/blkrepl/db-log/log /srv/log
	cmp /usr/bin/bash /srv/db/second
	cmp /usr/bin/bash /srv/log/second
	# From here on the target of "db" hangs. Nothing has waited for it yet.
	dmsetup suspend --noflush --nolockfs vault-db--replica.db
	cp /usr/bin/bash /srv/db/third
	leave
	;;
fourth)
	mounted
	same "$(of db clean)" 1
	cmp /usr/bin/bash /srv/db/third
	wait_for 100 synchronized db
	wait_for 100 test -b /dev/blkrepl/db-log/log
	clean db-log
	systemctl stop blkrepl@db.service
	blkreplctl group stop db-log
	same "$(findmnt -n -o SOURCE /srv/db)" ""
	identical /dev/prod/db /dev/vault/db-replica.db
	identical /dev/prod/log /dev/vault/db-log-replica.log
	;;
esac
