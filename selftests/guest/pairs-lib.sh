# SPDX-License-Identifier: GPL-2.0
# Members 0, 1, ... of the rig that are in one of two groups with their pairs.
# shellcheck shell=bash disable=SC2034 # some are for those who read this file

. ./rig.sh

GROUP2=61111111-1111-4111-8111-111111111111
PEER2=62222222-2222-4222-8222-222222222222
LINK2=63333333-3333-4333-8333-333333333333

device() { echo "$1:$(member_uuid "$2"):m$2:/dev/mapper/s$2"; } # INDEX MEMBER
target() { echo "$1:$(target_uuid "$2"):m$2:/dev/mapper/t$2"; }
of() { blkrepl-setup show --json | jq -r ".$1[] | select(.group_uuid == \"$2\") | $3"; } # KIND GROUP FILTER
names() { of members "${1-$GROUP}" .name | paste -sd ' '; }
pairs() { of pairs "${1-$GROUP}" '.name + ":" + .path' | paste -sd ' '; }
op2() { blkrepl-setup relationship-op $LINK2 "$@"; }
used() { show group log_used; }

# words KIND MEMBER...: the devices of these members in their order
words() {
	local kind=$1 n=0

	shift
	for i; do
		"$kind" $((n++)) "$i"
	done
}

# up MEMBER..., meet MEMBER...: the group comes up with these, and meets its target
# shellcheck disable=SC2046 # words
up() { blkrepl-setup group-new $GROUP data /dev/mapper/slog $(words device "$@") && udevadm settle; }
# shellcheck disable=SC2046 # words
meet() {
	blkrepl-setup relationship-connect $LINK target_log_path=/dev/mapper/tlog inactive=1 $(words target "$@")
}
# The same for the second group
# shellcheck disable=SC2046 # words
up2() { blkrepl-setup group-new $GROUP2 other /dev/mapper/slog2 $(words device "$@") && udevadm settle; }
# shellcheck disable=SC2046 # words
meet2() {
	blkrepl-setup relationship-connect $LINK2 target_log_path=/dev/mapper/tlog2 inactive=1 $(words target "$@")
}

# second MEMBER...: the second group is made, with its relationship; without members it waits for pairs
# shellcheck disable=SC2046 # words
second() {
	local option=rate_limit=0

	[ $# -gt 0 ] || option=inactive=1
	blkrepl-setup group-new $GROUP2 other /dev/mapper/slog2 --create --force $(words device "$@") &&
		blkrepl-setup relationship-new $LINK2 name=other group_uuid=$GROUP2 target_group_uuid=$PEER2 \
			target_group_name=other-copy target_log_path=/dev/mapper/tlog2 force=1 $option \
			$(words target "$@") && udevadm settle
}

add() { blkrepl-setup member-add $GROUP "$(device 0 "$1")" "$(target 0 "$1")" && udevadm settle; }
remove() { blkrepl-setup member-remove $GROUP "$(member_uuid "$1")" && udevadm settle; }
move() { blkrepl-setup pairs-move "$1" "$2" "$(device 0 "$3")" && udevadm settle; } # FROM TO MEMBER

# whole MEMBER...: these are the pairs, and each is the same on both sides
whole() {
	local i

	op resume && wait_state synchronized && same "$(names)" "$(printf 'm%s ' "$@" | sed 's/ $//')" || return
	for i; do
		identical "/dev/mapper/s$i" "/dev/mapper/t$i" || return
	done
	op suspend
}
