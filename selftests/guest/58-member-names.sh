#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Members get other names, in use or not, and a log volume that has grown is used.
# timeout: 900

. ./rig.sh

names() { blkrepl-setup show --json | jq -r '[.members[].name] | join(" ")'; }
words() { echo "0:$(member_uuid 0):m0:/dev/mapper/s0 1:$(member_uuid 2):m2:/dev/mapper/s2"; }
# shellcheck disable=SC2046 # words
up() { blkrepl-setup group-new $GROUP data /dev/mapper/slog "$@" $(words) && udevadm settle; }

plan 10

RIG_MEMBERS=4 RIG_MB=32
rig_devices
up --create --force
n0=$(member_uuid 0)
refused "a member does not get the name of another" blkrepl-setup member-rename $GROUP "$n0" m2
exec 5<"$(replica 0)"
refused "nor another one while it is open" blkrepl-setup member-rename $GROUP "$n0" base
check "unless it is forced" blkrepl-setup member-rename $GROUP "$n0" base --force
exec 5<&-
udevadm settle
check "its link follows" test -b /dev/blkrepl/data/base -a ! -e /dev/blkrepl/data/m0
check "so does what others see" same "$(names)" "base m2"
blkrepl-setup group-del $GROUP
up
check "the metadata tell the names of the members" same "$(names)" "base m2"

# A log volume that is too small grows.
small=88888888-8888-4888-8888-888888888888
dm_linear small "$(disk d3)" $((67 * 8))
blkrepl-setup group-new $small small /dev/mapper/small --create --force "0:$(member_uuid 201):m1:/dev/mapper/s1"
add_small() { blkrepl-setup member-add $small "0:$(member_uuid 203):m3:/dev/mapper/s3"; }
refused "a log volume without room refuses another member" add_small
dm_switch small "0 $((80 * 8)) linear $(disk d3) 0"
check "one that has grown takes it" add_small
udevadm settle
check "it is taken down" blkrepl-setup group-del $small
check "and comes up with the new size" blkrepl-setup group-new $small small /dev/mapper/small \
	"0:$(member_uuid 201):m1:/dev/mapper/s1" "1:$(member_uuid 203):m3:/dev/mapper/s3"
udevadm settle
blkrepl-setup group-del $small
dm_remove small
rig_down
finish
