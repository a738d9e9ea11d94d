# SPDX-License-Identifier: GPL-2.0
# What is compared. "up PEER" sets device, "mirrors PEER" is whether it has been a
# mirror of both legs until now, "down PEER" takes it away again.
# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # names shared with measure

PEERS=(raw linear md md-bitmap dm-mirror blkrepl nvme blkrepl-nvme drbd)

up() { "up_${1//-/_}"; }
mirrors() { "mirrors_${1//-/_}"; }
down() { "down_${1//-/_}"; }

# One RAM disk, alone and under device-mapper's thinnest target.
up_raw() { device=$A; }
mirrors_raw() { :; }
down_raw() { :; }

dm_up() { dmsetup create bench --table "$1" && udevadm settle && device=/dev/mapper/bench; }
dm_down() { dmsetup remove --retry bench; }

up_linear() { dm_up "0 $(sectors $A) linear $A 0"; }
mirrors_linear() { :; }
down_linear() { dm_down; }

# md raid1, without a bitmap and with the internal one that mdadm makes by itself.
md_up() {
	modprobe raid1 && blank $A $B && mdadm --create /dev/md0 --quiet --run --level=1 --raid-devices=2 \
		--metadata=1.2 --assume-clean --bitmap="$1" $A $B && device=/dev/md0 && settle
}
md_mirrors() { grep -q '\[UU\]' /proc/mdstat; }
md_down() { mdadm --stop --quiet /dev/md0 && blank $A $B; }

up_md() { md_up none; }
mirrors_md() { md_mirrors; }
down_md() { md_down; }
up_md_bitmap() { md_up internal; }
mirrors_md_bitmap() { md_mirrors; }
down_md_bitmap() { md_down; }

# dm-mirror with a disk log, regions of 2 MiB as LVM makes them
up_dm_mirror() {
	modprobe dm-mirror && blank $LOG_A &&
		dm_up "0 $(sectors $A) mirror disk 3 $LOG_A 4096 nosync 2 $A 0 $B 0 1 handle_errors"
}
mirrors_dm_mirror() { dmsetup status bench | grep -q ' AA '; }
down_dm_mirror() { dm_down; }

# blkrepl, synchronous; both sides have the same contents when it is measured.
GROUP=11111111-1111-4111-8111-111111111111
LINK=33333333-3333-4333-8333-333333333333

# blkrepl_up TARGET
blkrepl_up() {
	modprobe blkrepl && blank $LOG_A $LOG_B || return
	blkrepl-setup group-new $GROUP bench $LOG_A --create --force \
		0:44444444-4444-4444-8444-444444444444:leg:$A &&
		blkrepl-setup relationship-new $LINK name=copy group_uuid=$GROUP \
			target_group_uuid=22222222-2222-4222-8222-222222222222 target_group_name=bench-copy \
			target_log_path=$LOG_B heartbeat_ms=0 force=1 \
			"0:55555555-5555-4555-8555-555555555555:leg:$1" &&
		blkrepl-setup wait $LINK synchronized --timeout 120 && settle || return
	device=/dev/$(blkrepl-setup show --json | jq -r '.members[0].disk')
}
blkrepl_mirrors() {
	[ "$(blkrepl-setup show --json | jq -r '.relationships[0].copy_state')" = Synchronized ] && ../bdcmp $A $B
}
blkrepl_down() { blkrepl-setup group-del $GROUP && rmmod blkrepl; }

up_blkrepl() { blkrepl_up $B; }
mirrors_blkrepl() { blkrepl_mirrors; }
down_blkrepl() { blkrepl_down; }

# A device over NVMe/TCP alone, and as blkrepl's target.
up_nvme() { nvme_up $B && device=$nvme; }
mirrors_nvme() { :; }
down_nvme() { nvme_down; }
up_blkrepl_nvme() { nvme_up $B && blkrepl_up "$nvme"; }
mirrors_blkrepl_nvme() { blkrepl_mirrors; }
down_blkrepl_nvme() { blkrepl_down && nvme_down; }

# DRBD 8.4, protocol C: two resources of this kernel, joined over loopback. Without
# the helper the kernel would call drbdadm, which has no configuration here.
DRBD_END=(ipv4:127.0.0.1:7788 ipv4:127.0.0.1:7789)

drbd_disk() { # NUMBER DEVICE
	drbdmeta --force "$1" v08 "$2" internal create-md <<<$'yes\nyes' >/dev/null 2>&1 &&
		drbdsetup new-resource "r$1" && drbdsetup new-minor "r$1" "$1" 0 &&
		drbdsetup attach "$1" "$2" "$2" internal
}
drbd_count() { [ "$(grep -c "$1" /proc/drbd)" = 2 ]; }

up_drbd() {
	modprobe drbd minor_count=4 && grep -q '^8\.4' /sys/module/drbd/version || return
	echo /bin/true >/sys/module/drbd/parameters/usermode_helper
	ip link set lo up
	blank $A $B && drbd_disk 0 $A && drbd_disk 1 $B &&
		drbdsetup connect r0 "${DRBD_END[0]}" "${DRBD_END[1]}" --protocol=C &&
		drbdsetup connect r1 "${DRBD_END[1]}" "${DRBD_END[0]}" --protocol=C &&
		wait_for 30 drbd_count cs:Connected && drbdsetup new-current-uuid --clear-bitmap 0 &&
		wait_for 30 drbd_count ds:UpToDate/UpToDate && drbdsetup primary 0 || return
	device=/dev/drbd0
	settle
}
mirrors_drbd() { drbd_count ds:UpToDate/UpToDate; }
down_drbd() {
	drbdsetup secondary 0 && drbdsetup down r0 && drbdsetup down r1 && rmmod drbd && blank $A $B
}
