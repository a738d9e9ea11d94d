#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The operations as the daemon carries them out between two groups on one host: state,
# access, data, messages, options.
# kernels: 6.12
# timeout: 900

. ./daemon-lib.sh

names_the_bytes() { local g=$1; shift; declined "4096 bytes that only the group $g has" "$@"; }
only_few_copied() { local n; n=$(get CopyWritten); [ "$n" -le $((8 << 20)) ] || { echo "copied $n bytes"; return 1; }; }
legal_has() { [[ " $(get LegalOperations | jq -r '.[]' | xargs) " == *" $1 "* ]]; }
open_and() {
	local result=0

	exec 7<>"$(readlink -f "$1")"
	shift
	"$@" || result=1
	exec 7<&-
	return $result
}
recovery_point_told() {
	[ "$(extended RecoveryPoint)" -gt 0 ] && [ "$(extended RecoveryPointAge)" -ge 0 ] &&
		same "$(extended CopyState)" Failedover && same "$(jq -r '.data[2].Pairs.data | length' $work/reply)" 2
}
stale_revision() { declined "read it again" Suspend 1 ExpectedRevision t $(($(get Revision) + 1)); }
right_revision() { operate Suspend Suspended 1 ExpectedRevision t "$(get Revision)"; }
waits_for_state() { begin_op Resume 2 WaitForCopyState q 4 TimeoutUSec t 60000000 && same "$(state)" Synchronized; }
failback_is_cancelled() {
	call $root/relationship/r org.blkrepl1.Relationship Set 'a{sv}' 1 RateLimit t 1 >/dev/null || return
	begin_op Failback || return
	same "$(state)" Unsynchronized && same "$(get ProgressStatus)" "Failing back" && access none read-write || return
	call "$(job $work/reply)" org.blkrepl1.Job Cancel 'a{sv}' 0 >/dev/null &&
		same "$(wait_job "$(job $work/reply)")" canceled && same "$(state)" Failedover &&
		call $root/relationship/r org.blkrepl1.Relationship Set 'a{sv}' 1 RateLimit t 0 >/dev/null
}
set_option() { call $root/relationship/r org.blkrepl1.Relationship Set 'a{sv}' 1 "$@" >/dev/null; }
# without_copy OPERATION STATE: Unsynchronized is not passed through
without_copy() {
	local before

	before=$(get WhenActivated)
	operate "$@" && same "$(get WhenActivated)" "$before"
}
# held_until COMMAND...: a write has no answer before
held_until() {
	local pid

	put $replica/a 42 held &
	pid=$!
	wait_for 20 waits_for_answer && is_state Suspended && not has /dev/mapper/t0 42 held || return
	kill -0 $pid && "$@" && wait $pid
}
waits_for_answer() { [ "$(stat_of $replica/a in_flight)" -gt 0 ]; }
limit_is() { same "$(get RateLimit)" "$1"; }
# together N COMMAND...: all at once; each ends well
together() {
	local n=$1 pids='' pid result=0

	shift
	while ((n--)); do
		"$@" &
		pids+=" $!"
	done
	for pid in $pids; do
		wait "$pid" || result=1
	done
	return $result
}
resumed_meanwhile() {
	set_option RateLimit t 0 &
	operate Resume Synchronized && wait $!
}
# The answer comes when all is done.
up_when_answered() {
	operate Split Split && same "$(property $root/group/r_2dreplica Group State)" up && operate ResyncReplica Synchronized
}
supported() {
	call $root org.blkrepl1.System GetSupportedOperations qq 6 2 | jq -r '.data[0][][1]' | grep -qx "$1"
}

plan 123
devices_up && daemon_up || give_up "no devices"
check "a synchronized relationship" create
check "the source can be written, the target cannot" access read-write read-only
check "the source alone has replica devices" serve r
put $replica/a 10 one

check "Split" operate Split Split
check "both have replica devices" serve r r-replica
check "both can be written" access read-write read-write
check "both are the same" all_identical
check "Split again does nothing" operate Split Split
put $copy/a 11 target
check "a write to the target makes it Skewed" wait_for 20 is_state Skewed
put $replica/b 12 source
check "ResyncReplica is refused while the target is open" open_and $copy/a declined "open" ResyncReplica
check "the target still serves" serve r r-replica
check "ResyncReplica" operate ResyncReplica Synchronized
check "the source alone has replica devices" serve r
check "both are the same" all_identical
check "the target's change is gone" not has /dev/mapper/t0 11 target
check "the source's is there" has /dev/mapper/t1 12 source
check "only what differed was copied" only_few_copied
check "Split" operate Split Split
check "with Force the target is taken from who has it open" open_and $copy/a operate ResyncReplica Synchronized 1 Force b true
check "both are the same" all_identical

check "Split" operate Split Split
put $copy/a 20 keep
put $replica/a 20 lose
check "RestoreFromReplica is refused while the source is open" open_and $replica/a declined "open" RestoreFromReplica
check "nothing has changed" serve r r-replica
check "a snapshot that is impossible is an error when it is asked for" declined "no snapshot" RestoreFromReplica 1 KeepSnapshot b true
check "both sides still serve" serve r r-replica
check "RestoreFromReplica" operate RestoreFromReplica Synchronized
check "the message says that there is no snapshot" eval '[[ $(extended Message) == *"No snapshot was kept"* ]]'
check "the source has its replica devices again" serve r
check "both are the same" all_identical
check "the target's data won" has $replica/a 20 keep

check "Fracture" operate Fracture Fractured
check "both have replica devices" serve r r-replica
check "ReverseRoles of two that are the same" operate ReverseRoles Fractured
check "they have changed places" roles r-replica r
check "both have replica devices" serve r r-replica
put $copy/a 25 new-source
check "it needs Force when one has changes" names_the_bytes r-replica ReverseRoles
check "with Force it is done" operate ReverseRoles Fractured 1 Force b true
check "they have changed places" roles r r-replica
check "ResyncReplica" operate ResyncReplica Synchronized
check "the change of what is the target now is gone" not has /dev/mapper/t0 25 new-source
check "both are the same" all_identical

check "Failover" open_and $replica/a operate Failover Failedover
check "the target alone has replica devices" serve r-replica
check "the properties say so" access none read-write
check "the recovery point is told" recovery_point_told
check "Failback is legal" legal_has failback
put $copy/a 30 on-the-target
check "Failback can be cancelled" failback_is_cancelled
check "the target alone has replica devices" serve r-replica
check "Failback" operate Failback Synchronized
check "the source alone has replica devices" serve r
check "both are the same" all_identical
check "with what the target had got" has $replica/a 30 on-the-target

check "Failover" operate Failover Failedover
put $copy/b 31 new-source
check "ReverseRoles from Failedover" operate ReverseRoles Synchronized
check "they have changed places" roles r-replica r
check "the new source alone has replica devices" serve r-replica
check "both are the same" all_identical
check "ReverseRoles from Synchronized" operate ReverseRoles Synchronized
check "they have changed places" roles r r-replica
check "the source alone has replica devices" serve r
check "with what was written on the other side" has $replica/b 31 new-source

check "an expected revision that has passed is refused" stale_revision
check "the right one is not" right_revision
put $replica/a 40 lost
check "Failover of a target that lags needs Force" declined "lacks 4096 bytes; its recovery point is" Failover
check "the source still serves" serve r
check "Failover with Force" operate Failover Failedover 1 Force b true
put $copy/a 41 won
check "Failback needs Force, for a write would be lost" names_the_bytes r Failback
check "the target still serves" serve r-replica
check "Failback with Force" operate Failback Synchronized 1 Force b true
check "both are the same" all_identical
check "the write is gone" not has $replica/a 40 lost

check "Suspend" operate Suspend Suspended
check "Resume replies when the state is reached" waits_for_state
check "Suspend that holds writes" operate Suspend Suspended 2 HoldSourceIO b true TimeoutUSec t 120000000
check "a write is answered after Resume" held_until operate Resume Synchronized
check "both sides have it" eval "has /dev/mapper/t0 42 held && has $replica/a 42 held"
check "Suspend that holds writes for a moment" operate Suspend Suspended 2 HoldSourceIO b true TimeoutUSec t 1000000
check "a write is answered when that is over" put $replica/a 43 late
check "the source alone has it" eval "has /dev/mapper/s0 43 late && not has /dev/mapper/t0 43 late && is_state Suspended"
check "Resume" operate Resume Synchronized
check "both are the same" all_identical
check "Deactivate" operate Deactivate Inactive
check "Activate" operate Activate Synchronized
check "with recovery by hand" set_option RecoveryMode s manual
check "ReverseRoles copies nothing" without_copy ReverseRoles Synchronized
check "they have changed places" roles r-replica r
check "so it does back" without_copy ReverseRoles Synchronized
check "Suspend" operate Suspend Suspended
check "ReverseRoles from Suspended" operate ReverseRoles Suspended
check "and back" operate ReverseRoles Suspended
check "they have the places that they had" roles r r-replica
check "Resume" operate Resume Synchronized
check "Failover" operate Failover Failedover
put $copy/a 45 by-hand
check "a setting is given to the side that serves" set_option RateLimit t 123456789
check "Failback flows" operate Failback Synchronized
check "with what the target had got" has $replica/a 45 by-hand
check "the side that was down has the setting" limit_is 123456789
check "both are the same" all_identical
check "automatic recovery" set_option RecoveryMode s automatic
for n in 1 2 3; do
	check "the target serves when Split is answered" up_when_answered
done
check "settings given at the same time" together 8 set_option RateLimit t 0
check "operations given at the same time" together 4 begin_op Suspend
check "Resume while something else is being done" resumed_meanwhile

check "an option that the operation does not have" declined "Unknown option" Failover 1 KeepSnapshot b true
for name in split fracture failover failback reverse-roles resync-replica restore-from-replica unprepare; do
	check "$name is among the supported operations" supported $name
done
check "Split" operate Split Split
put $copy/a 50 at-the-end
check "Failover of two that stand apart" operate Failover Failedover 1 Force b true
check "the target alone has replica devices" serve r-replica
check "Detach needs Force" declined "Force" Detach
check "Detach" begin_op Detach 1 Force b true
check "both groups come up as groups of their own" serve r r-replica
check "the former target has its data" has $copy/a 50 at-the-end
check "the source's group is deleted" delete_group r
check "so is the target's" delete_group r-replica
daemon_down
devices_down
finish
