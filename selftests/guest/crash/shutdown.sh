#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What selftests/vm/tests/30-shutdown.sh does in the guest: a mirror whose target is a
# disk that hangs once "hang" was printed; then the machine is switched off.

. ./rig.sh
set -e

target_devices() { echo "0:$(target_uuid 0):m0:$(disk d1)"; }

RIG_MB=128
modprobe blkrepl
dm_linear slog "$(disk d4)" $((RIG_LOG_MB * 2048))
dm_linear tlog "$(disk d5)" $((RIG_LOG_MB * 2048))
dm_linear s0 "$(disk d0)" $((RIG_MB * 2048))
mkfs.ext4 -q /dev/mapper/s0
group_up --create
relate leg_timeout_ms=2000
wait_state synchronized
mount /dev/blkrepl/data/m0 /mnt
echo "hang"
sleep 3
cp /usr/bin/bash /mnt/
sync -f /mnt
wait_for 60 same_state Broken
echo "switching off"
systemctl poweroff
sleep 1000
