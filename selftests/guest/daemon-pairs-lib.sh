# SPDX-License-Identifier: LGPL-2.1-or-later
# The pair b of the relationship r gets one of its own, r-b, and comes back.
# shellcheck shell=bash disable=SC2034 # some are for those who read this file

. ./daemon-lib.sh

own=$root/relationship/r_2db
own_device=/dev/blkrepl/r-b/b
log_devices() {
	dm_linear slog2 "$(disk d2)" $((MB * 2048)) && dm_linear tlog2 "$(disk d3)" $((MB * 2048))
}
dead() { ! systemctl -q is-active blkrepld; }
count() { call $root org.blkrepl1.System "List$1" | jq '.data[0] | length'; }
members() { property "$root/group/${1//-/_2d}" Group Members 2>/dev/null | jq -r '[.[][1]] | join(" ")'; }
pair() { # RELATIONSHIP MEMBER: its path
	property "$root/relationship/$1" Relationship Pairs | jq -r '.[]' | while read -r p; do
		[ "$(property "$p" SyncPair Name)" != "$2" ] || echo "$p"
	done
}
logs=(3 Force b true LogVolume s /dev/mapper/slog2 TargetLogVolume s /dev/mapper/tlog2)
take_out() { relationship RemoveSyncPair 'aoa{sv}' 1 "$(pair r b)" "${logs[@]}"; }
bring_back() { relationship AddSyncPair 'aoa{sv}' 1 "$(pair r_2db b)" 0; }
# says WORDS COMMAND...: refused with a sentence that has the words
says() {
	local words=$1 out

	shift
	out=$("$@" 2>&1) && { echo "it was carried out"; return 1; }
	[[ $out == *$words* ]] || { echo "$out"; return 1; }
}
state_of() { property "$1" Relationship CopyState; }
apart() {
	same "$(members r) | $(members r-b)" "a | b" && same "$(members r-replica) | $(members r-replica-b)" "a | b" &&
		wait_for 60 test -b /dev/blkrepl/r-b/b && ! test -e /dev/blkrepl/r/b
}
together() {
	same "$(members r)" "a b" && same "$(members r-replica)" "a b" && same "$(count Relationships) $(count Groups) $(count Pairs)" "1 2 2" &&
		wait_for 60 test -b /dev/blkrepl/r/b && ! test -e /dev/blkrepl/r-b
}
is_together() { together >/dev/null 2>&1; }
is_apart() { apart >/dev/null 2>&1; }
both_flow() { same "$(state) $(state_of $own)" "Synchronized Synchronized"; }
whole() { wait_for 60 is_state Synchronized && all_identical; }
