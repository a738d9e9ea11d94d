# SPDX-License-Identifier: GPL-2.0
# The devices that peers are made of, all in memory: legs A and B, logs LOG_A and
# LOG_B; B behind NVMe/TCP over loopback.
# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # names shared with measure

LEG_MB=256
LOG_MB=32
A=/dev/ram0 B=/dev/ram1 LOG_A=/dev/ram2 LOG_B=/dev/ram3

sectors() { blockdev --getsz "$1"; }

# wait_for SECONDS COMMAND...
wait_for() {
	local tries=$(($1 * 20))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $((tries -= 1)) -gt 0 ] || { echo "waited in vain for: $*" >&2; return 1; }
		sleep 0.05
	done
}

# Every page is touched once, so that no measure pays for making it.
fill() { dd if=/dev/urandom of="$1" bs=1M count="$2" oflag=direct status=none; }

make_legs() {
	modprobe brd rd_nr=4 rd_size=$((LEG_MB * 1024)) max_part=0 || return
	fill $A $LEG_MB && fill $B $LEG_MB && fill $LOG_A $LOG_MB && fill $LOG_B $LOG_MB && settle
}

# blank DEVICE...: where any kind of metadata may be
blank() {
	local device

	for device; do
		dd if=/dev/zero of="$device" bs=1M count=1 oflag=direct status=none &&
			dd if=/dev/zero of="$device" bs=1M count=1 oflag=direct status=none \
				seek=$(($(blockdev --getsize64 "$device") / 1048576 - 1)) || return
	done
}

# A guest that has just booted works for itself for some seconds, and udev does after
# every close of a device.
busy_share() {
	local -a a b

	read -r -a a </proc/stat
	sleep 1
	read -r -a b </proc/stat
	awk -v a="${a[*]:1}" -v b="${b[*]:1}" 'BEGIN {
		n = split(a, x, " "); split(b, y, " ")
		for (i = 1; i <= n; i++)
			all += y[i] - x[i]
		print int(100 * (all - (y[4] - x[4])) / all)
	}'
}

settle() { udevadm settle; sleep 0.2; }

quiet_system() {
	local quiet=0 tries=0

	mkdir -p /run/udev/rules.d
	ln -sf /dev/null /run/udev/rules.d/64-md-raid-assembly.rules
	ln -sf /dev/null /run/udev/rules.d/69-lvm.rules
	udevadm control --reload
	udevadm settle
	while [ $quiet -lt 3 ] && [ $((tries += 1)) -le 30 ]; do
		[ "$(busy_share)" -lt 10 ] && quiet=$((quiet + 1)) || quiet=0
	done
	echo "# quiet after $tries s"
}

NVMET=/sys/kernel/config/nvmet
SUBSYSTEM=$NVMET/subsystems/bench
PORT=$NVMET/ports/1

# nvme_up DEVICE: sets nvme to the device by which it is reached over NVMe/TCP
nvme_up() {
	modprobe nvmet && modprobe nvmet-tcp && modprobe nvme-tcp || return
	mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config || return
	mkdir $SUBSYSTEM $SUBSYSTEM/namespaces/1 $PORT || return
	echo 1 >$SUBSYSTEM/attr_allow_any_host
	echo "$1" >$SUBSYSTEM/namespaces/1/device_path
	echo 1 >$SUBSYSTEM/namespaces/1/enable
	echo ipv4 >$PORT/addr_adrfam
	echo tcp >$PORT/addr_trtype
	echo 127.0.0.1 >$PORT/addr_traddr
	echo 4420 >$PORT/addr_trsvcid
	ip link set lo up
	ln -s $SUBSYSTEM $PORT/subsystems/bench
	nvme connect -t tcp -a 127.0.0.1 -s 4420 -n bench >/dev/null || return
	wait_for 20 find_nvme && settle
}

find_nvme() {
	nvme=$(find /dev -name 'nvme*n1' | head -n 1)
	[ -b "$nvme" ]
}

nvme_down() {
	nvme disconnect -n bench >/dev/null || return
	rm $PORT/subsystems/bench
	rmdir $PORT
	echo 0 >$SUBSYSTEM/namespaces/1/enable
	rmdir $SUBSYSTEM/namespaces/1 $SUBSYSTEM
}
