#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One round of selftests/vm/tests/10-crash.sh, in the guest: ROUND SEED FLUSHED. What
# the last round wrote with the seed before is verified, then a new one is written
# until the power is cut.
# shellcheck shell=bash

. ./rig.sh
set -e

round=$1 seed=$2 flushed=$3
RIG_MEMBERS=3 RIG_MB=32
rig_devices
if [ "$round" = 1 ]; then
	group_up --create
	relate
else
	group_up
	same "$(show group clean)" 0
	./records verify "$seed" "$flushed" /dev/blkrepl/data/m[0-2]
	connect
fi
wait_state synchronized
all_identical
if [ "$round" != 1 ]; then
	./records verify "$seed" "$flushed" /dev/mapper/t[0-2]
fi
if [ "$round" = last ]; then
	rig_down
	exit
fi
echo "writing with seed $((seed + 1))"
exec ./records write $((seed + 1)) /dev/blkrepl/data/m[0-2]
