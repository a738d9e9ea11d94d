#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Operations while a side cannot be reached, and groups that are stopped and started by
# hand: who learns of it later, and who is never let in.
# kernels: 6.12
# timeout: 600

. ./daemon-lib.sh

lose_target() { dm_to_error t0 && dm_to_error t1 && dm_to_error tlog; }
target_back() {
	dm_to_linear_at t0 "$(disk d1)" 0 && dm_to_linear_at t1 "$(disk d1)" $((MB * 2048)) && dm_to_linear_at tlog "$(disk d5)" 0
}
dm_to_linear_at() { dm_switch "$1" "0 $(dm_size "$1") linear $2 $3"; }

# broken: a write finds out that the target is lost
broken() { lose_target && put $replica/a 70 broken && wait_for 30 is_state Broken; }
group() { call "$root/group/${1/-/_2d}" org.blkrepl1.Group "${@:2}"; }
group_is() { same "$(property "$root/group/${1/-/_2d}" Group State)" "$2"; }
reason_has() { [[ $(property "$root/group/${1/-/_2d}" Group Reason) == *$2* ]]; }
group_declined() {
	local words=$1 out

	out=$(group "${@:2}" 2>&1) && { echo "it was carried out"; return 1; }
	[[ $out == *$words* ]] || { echo "$out"; return 1; }
}
stop_group() { udevadm settle && group "$1" Stop 'a{sv}' 0 >/dev/null; }
start_group() { group "$1" Start 'a{sv}' "${@:2}" >/dev/null; }
set_option() { call $root/relationship/r org.blkrepl1.Relationship Set 'a{sv}' 1 "$@" >/dev/null; }
restart() { systemctl restart blkrepld; }
roles_none() { same "$(property $root/group/r Group Role) $(property $root/group/r_2dreplica Group Role)" "none none"; }
is_up() { group_is "$1" up; }

plan 63
devices_up && daemon_up || give_up "no devices"
# Errors of the volumes that are lost on purpose
echo 'Buffer I/O error' >>"$BLKREPL_RUN/expected"
check "a synchronized relationship" create

check "the target is lost" broken
check "Failover is refused" declined "" Failover 1 Force b true
check "and the source still serves" serve r
check "Fracture without the target" operate Fracture Fractured
check "the source alone serves" serve r
target_back
check "the target learns of it when it is back" wait_for 60 there r-replica
check "both serve" serve r r-replica
check "it is still Fractured" is_state Fractured
check "ResyncReplica" operate ResyncReplica Synchronized
check "both are the same" all_identical

check "the target is lost" broken
check "Detach needs Force" declined "Force" Detach
check "Detach" begin_op Detach 1 Force b true
check "the relationship has ended" ended
check "the groups are in none" roles_none
check "the source serves" serve r
check "the daemon is started anew" restart
target_back
check "the target forgets the relationship when it is back" wait_for 60 there r-replica
check "both serve" serve r r-replica
check "the groups are deleted" eval "delete_group r && delete_group r-replica"

check "a relationship" create
check "Suspend" operate Suspend Suspended
put $replica/a 71 ahead
check "a copy that stands still" set_option RateLimit t 1
check "Resume" begin_op Resume
check "the copy runs" is_state Unsynchronized
check "Detach needs Force" declined "lacks" Detach
check "Detach" begin_op Detach 1 Force b true
check "the source serves, the target is in the middle of a copy" serve r
check "its group has failed" wait_for 30 group_is r-replica failed
check "the reason says why" reason_has r-replica "middle of a copy"
check "Start is refused" group_declined "use force" r-replica Start 'a{sv}' 0
check "Start with Force" start_group r-replica 1 Force b true
check "both serve" serve r r-replica
check "the groups are deleted" eval "delete_group r && delete_group r-replica"

check "a relationship" create
check "Split" operate Split Split
check "the target's group is stopped" stop_group r-replica
check "the source alone serves" serve r
check "the state is still Split" is_state Split
check "a setting that it does not get" set_option RateLimit t 87654321
check "a daemon that is started anew leaves it stopped" eval "restart && serve r && group_is r-replica down"
check "the target's group is started" start_group r-replica 0
check "both serve" serve r r-replica
put $replica/a 72 alone
check "the source's group is stopped" stop_group r
check "the target has got the setting" eval 'same "$(get RateLimit)" 87654321'
check "Failover needs Force, for nobody knows what the source wrote" declined "is down" Failover
check "Failover with Force, at the target alone" operate Failover Failedover 1 Force b true
check "the target serves" serve r-replica
check "the source is not let in" group_declined "" r Start 'a{sv}' 0
check "nor by a daemon that is started anew" eval "restart && wait_for 30 is_state Failedover && serve r-replica"
check "Failback needs Force, for a write would be lost" declined "4096 bytes that only the group r has" Failback
check "Failback" operate Failback Synchronized 1 Force b true
check "the source serves" serve r
check "both are the same" all_identical
check "the target's group cannot be started" group_declined "follows its source" r-replica Start 'a{sv}' 0

check "the source's group is stopped" stop_group r
check "nobody serves" serve
check "the state is not known" is_state "Not applicable"
check "it is started" start_group r 0
check "it is Synchronized" wait_for 60 is_state Synchronized
check "Detach" begin_op Detach
check "the groups are deleted" eval "wait_for 30 is_up r-replica && delete_group r && delete_group r-replica"
daemon_down
devices_down
finish
