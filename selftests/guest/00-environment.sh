#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The guest itself: what the other tests stand on.

. ./lib.sh

vg=environment

system_is_up() {
	systemctl is-system-running --wait || { systemctl --failed; return 1; }
}

bus_answers() {
	busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ListNames
}

polkit_answers() {
	pkcheck --action-id org.freedesktop.policykit.exec --process $$
}

udev_knows_disks() {
	local n

	for n in 0 1 2 3 4 5; do
		same "$(readlink -f "/dev/disk/by-id/virtio-d$n")" "$(disk "d$n")" || return
	done
}

disks_are_blank() {
	local n

	for n in 0 1 2 3 4 5; do
		cmp -n 16M "$(disk "d$n")" /dev/zero || return
	done
}

lvm_round_trip() {
	vgcreate -q $vg "$(disk d0)" "$(disk d1)" &&
		lvcreate -q -y -n a -L 64M $vg "$(disk d0)" &&
		lvcreate -q -y -n b -L 64M $vg "$(disk d1)" &&
		lvextend -q -L +64M $vg/a &&
		same "$(sectors /dev/$vg/a)" 262144 &&
		[ -b /dev/mapper/$vg-b ] &&
		lvremove -q -y $vg &&
		vgremove -q $vg &&
		not test -e /dev/$vg
}

# file_system TYPE
file_system() {
	local device mnt

	device=$(disk d2)
	mnt=$(mktemp -d)
	wipefs -q -a "$device" && "mkfs.$1" -q "$device" && mount "$device" "$mnt" &&
		dd if=/dev/urandom of="$mnt/file" bs=1M count=8 conv=fsync status=none &&
		umount "$mnt" && rmdir "$mnt"
}

modules_are_there() {
	modprobe -n -a brd null_blk loop nbd scsi_debug raid1 drbd nvme-tcp nvmet-tcp \
		sch_netem dm-delay dm-flakey dm-log-writes dm-mirror dm-snapshot dm-thin-pool \
		ext4 xfs configfs crc32c
}

comparison_sees() {
	local a b

	a=$(disk d4)
	b=$(disk d5)
	same "$(./bdcmp "$a" "$b" 128M)" "0 of 32768 blocks differ" || return
	printf x | dd of="$b" bs=1 seek=1234567 conv=notrunc,fsync status=none
	same "$(./bdcmp "$a" "$b" 128M)" "differs: block 301
1 of 32768 blocks differ"
}

flushes_are_counted() {
	local device flushes sectors

	device=$(disk d3)
	flushes=$(stat_of "$device" flushes)
	sectors=$(stat_of "$device" write_sectors)
	dd if=/dev/zero of="$device" bs=4k count=10 oflag=direct conv=fsync status=none
	same $(($(stat_of "$device" write_sectors) - sectors)) 80 &&
		same $(($(stat_of "$device" flushes) - flushes)) 1
}

write_block() {
	dd if=/dev/zero of="/dev/mapper/$1" bs=4k count=1 seek="${2:-0}" oflag=direct status=none
}

hung_device_hangs() {
	local writer

	dm_hang environment || return
	write_block environment &
	writer=$!
	sleep 1
	kill -0 $writer || return
	dm_wake environment && wait $writer
}

device_mapper_works() {
	local device

	device=$(disk d3)
	dm_linear environment "$device" 8192 && write_block environment || return
	dm_to_error environment && not write_block environment || return
	dm_to_error_at environment "$device" 4096 8 &&
		write_block environment 511 &&
		not write_block environment 512 &&
		write_block environment 513 || return
	dm_to_delay environment "$device" 0 100 && write_block environment || return
	dm_to_flakey environment "$device" 0 60 drop_writes && write_block environment || return
	dm_to_linear environment "$device" && hung_device_hangs &&
		dm_remove environment
}

module_is_installed() {
	same "$(modinfo -F vermagic blkrepl | cut -d' ' -f1)" "$(uname -r)" &&
		modprobe blkrepl && rmmod blkrepl
}

programs_are_installed() {
	command -v blkreplctl && systemctl cat blkrepld.service
}

plan 15
check "the kernel is the one that the payload is for" same "$(uname -r)" "$(<kver)"
check "systemd is up, no unit failed" system_is_up
check "D-Bus answers" bus_answers
check "polkit answers" polkit_answers
check "udev knows the disks" udev_knows_disks
check "the disks are blank" disks_are_blank
check "volume groups and volumes come and go" lvm_round_trip
check "ext4 works" file_system ext4
check "xfs works" file_system xfs
check "the kernel modules that tests need are there" modules_are_there
check "a comparison sees one changed byte" comparison_sees
check "writes and flushes are counted" flushes_are_counted
check "device-mapper devices fail, delay and hang" device_mapper_works
check "the module is installed, loads and unloads" module_is_installed
check "the programs are installed" programs_are_installed
finish
