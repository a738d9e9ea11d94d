#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A host that reboots: its groups come up by themselves. A target that hangs does not
# keep them from going down.

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "$0")/../../lib/host-test.sh"

options=(-s "$scratch/state" -d "0=$scratch/d0" -d "1=$scratch/d1" -t 240)

# boot STATUS WORD
boot() { ends_with "$1" guest "${options[@]}" -g "crash/reboot.sh $2"; }

plan 3
check "a group is made, and the host reboots" boot 120 first
check "the group is up again, synchronized; it goes down while the target hangs" boot 120 second
check "the target is back, both sides are the same" boot 0 third
finish
