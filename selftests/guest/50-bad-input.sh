#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Wrong parameters at the module's interface: a clear error, and nothing half made.

. ./rig.sh

# says STATUS PATTERN COMMAND...: fails with that exit status and a sentence like that
says() {
	local status=$1 pattern=$2 text code

	shift 2
	text=$("$@" 2>&1)
	code=$?
	[[ $code =~ ^($status)$ ]] && grep -qiE "$pattern" <<<"$text" && return
	echo "exit status $code: $text"
	return 1
}

M0=0:$(member_uuid 0):m0:/dev/mapper/s0
T0=0:$(target_uuid 0):m0:/dev/mapper/t0
NULL=00000000-0000-0000-0000-000000000000
new() { blkrepl-setup group-new "$@"; }
rel() { # KEY=VALUE... over good ones
	blkrepl-setup relationship-new $LINK name=copy group_uuid=$GROUP target_group_uuid=$PEER \
		target_group_name=data-copy target_log_path=/dev/mapper/tlog "$@"
}
nothing_left() {
	same "$(blkrepl-setup show --json | jq '[.groups, .members, .relationships, .pairs] | map(length) | add')" "${1:-0}" &&
		not fuser -s /dev/mapper/s0 /dev/mapper/t0 /dev/mapper/slog /dev/mapper/tlog
}

plan 41

rig_devices
dd if=/dev/zero of=/dev/mapper/slog bs=1M count=1 oflag=direct 2>/dev/null
dd if=/dev/zero of=/dev/mapper/tlog bs=1M count=1 oflag=direct 2>/dev/null
dm_linear small "$(disk d2)" 64
dm_linear half "$(disk d2)" $((RIG_MB * 1024)) 8192

check "a group without UUID" says 2 uuid new $NULL data /dev/mapper/slog --create "$M0"
check "a bad name" says 2 name new $GROUP '.bad/name' /dev/mapper/slog --create "$M0"
check "a name that is too long" says 2 . new $GROUP "$(printf 'x%.0s' {1..64})" /dev/mapper/slog --create "$M0"
check "a log volume that is not there" says 3 "log volume" new $GROUP data /dev/mapper/nosuch --create "$M0"
check "a log volume that is not a device" says 2 "log volume" new $GROUP data /etc/passwd --create "$M0"
check "a member that is not there" says 3 "member" new $GROUP data /dev/mapper/slog --create "0:$(member_uuid 0):m0:/dev/mapper/nosuch"
check "a member as its own log volume" says 4 "in use" new $GROUP data /dev/mapper/s0 --create "$M0"
check "a device twice" says 4 "in use" new $GROUP data /dev/mapper/slog --create "$M0" "1:$(member_uuid 1):m1:/dev/mapper/s0"
check "an index out of order" says 2 "order" new $GROUP data /dev/mapper/slog --create "1:$(member_uuid 1):m1:/dev/mapper/s0"
check "a log volume that is too small" says 8 "too small" new $GROUP data /dev/mapper/small --create "$M0"
check "a log volume without metadata" says 4 "no metadata" new $GROUP data /dev/mapper/slog "$M0"
mkfs.ext4 -q /dev/mapper/s0 && mount /dev/mapper/s0 /mnt
check "a mounted member" says 4 "in use" new $GROUP data /dev/mapper/slog --create "$M0"
umount /mnt
blockdev --setro /dev/mapper/s0
check "a read-only member" says '[126]' "read-only|opened" new $GROUP data /dev/mapper/slog --create "$M0"
blockdev --setrw /dev/mapper/s0
check "nothing is left of all that" nothing_left
check "a good group" new $GROUP data /dev/mapper/slog --create "$M0"
check "the same group once more is nothing to do" new $GROUP data /dev/mapper/slog --create "$M0"
check "another group of that name" says 2 "name" new $PEER data /dev/mapper/tlog --create "0:$(member_uuid 1):m0:/dev/mapper/t0"
check "another group with its log volume" says 4 "in use" new $PEER other /dev/mapper/slog --create "0:$(member_uuid 1):m0:/dev/mapper/t0"
udevadm settle
check "down" group_down
check "going down again" says 3 "no group" group_down
check "creating over its metadata needs force" says '[46]' "force" new $GROUP data /dev/mapper/slog --create "$M0"
check "another UUID than the metadata's" says 4 "another group" new $PEER data /dev/mapper/slog "$M0"
check "another name than the metadata's" says 2 "name" new $GROUP other /dev/mapper/slog "$M0"
check "another member UUID than the metadata's" says 2 "UUID" new $GROUP data /dev/mapper/slog "0:$(member_uuid 9):m0:/dev/mapper/s0"
check "a member that became smaller" says 2 "smaller" new $GROUP data /dev/mapper/slog "0:$(member_uuid 0):m0:/dev/mapper/half"
check "nothing is left of all that" nothing_left
check "up" group_up

check "a relationship of an unknown group" says 3 "no group" rel group_uuid=$PEER "$T0"
check "a target that is smaller" says 2 "smaller" rel "0:$(target_uuid 0):m0:/dev/mapper/half"
check "a target that is not there" says 3 "target" rel "0:$(target_uuid 0):m0:/dev/mapper/nosuch"
check "a target that is the source" says 4 . rel "0:$(target_uuid 0):m0:/dev/mapper/s0"
check "too many targets" says 2 "one target" rel "$T0" "1:$(target_uuid 1):m1:/dev/mapper/half"
check "a target's log volume that is too small" says 8 "too small" rel target_log_path=/dev/mapper/small "$T0"
check "a mode that there is not" says 7 "mirrors only" rel mode=9 "$T0"
check "a deadline out of range" says 2 "deadline" rel leg_timeout_ms=1 "$T0"
check "a heartbeat out of range" says 2 "heartbeat" rel heartbeat_ms=5 "$T0"
check "nothing is left of all that" same "$(blkrepl-setup show --json | jq '.relationships | length')" 0
check "a good relationship" rel force=1 "$T0"
wait_state synchronized
check "an operation that is refused in that state" says 4 "refused" op abort
check "a stale revision" says 9 "changed" set_link expected_revision=999 rate_limit=0
check "an operation that a mirror never has" says 7 "never has" op 19
rig_down
dm_remove small half
finish
