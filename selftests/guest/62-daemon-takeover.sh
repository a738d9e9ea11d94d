#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The source is lost with all its volumes: its target takes over, and gives back when they
# are found again.
# kernels: 6.12
# timeout: 300

. ./daemon-lib.sh

lose_source() { dm_to_error s0 && dm_to_error s1 && dm_to_error slog; }
source_back() {
	dm_to_linear_at s0 "$(disk d0)" 0 && dm_to_linear_at s1 "$(disk d0)" $((MB * 2048)) && dm_to_linear_at slog "$(disk d4)" 0
}
dm_to_linear_at() { dm_switch "$1" "0 $(dm_size "$1") linear $2 $3"; }
group() { call "$root/group/${1/-/_2d}" org.blkrepl1.Group "${@:2}" >/dev/null; }
stop_group() { udevadm settle && group "$1" Stop 'a{sv}' "${@:2}"; }
group_declined() {
	local words=$1 out

	out=$(call "$root/group/${2/-/_2d}" org.blkrepl1.Group "${@:3}" 2>&1) && { echo "it was carried out"; return 1; }
	[[ $out == *$words* ]] || { echo "$out"; return 1; }
}
fails() { ! "$@" 2>/dev/null; }
unit_fails() { ! STATE_DIRECTORY=/var/lib/blkrepl "$(sed -n "s,^ExecStart=\(.*\) up .*,\1,p" "$(systemctl show -P FragmentPath blkrepl@r)")" up "$1" 2>$work/said && { grep -q "failed over" $work/said || { cat $work/said; false; }; }; }
restart() { systemctl restart blkrepld; }
point_is_known() { [ "$(extended RecoveryPoint)" -gt 0 ]; }

plan 29
devices_up && daemon_up || give_up "no devices"
# Errors of the volumes that are lost on purpose
echo 'I/O error|Buffer I/O|log volume' >>"$BLKREPL_RUN/expected"
check "a synchronized relationship" create
put $replica/a 10 before

# Down, and gone
check "the source is stopped" stop_group r 0
lose_source
check "Failover needs Force" declined "Force" Failover
check "nobody serves" serve
check "Failover" operate Failover Failedover 1 Force b true
check "the target serves" serve r-replica
check "the reply tells a recovery point" point_is_known
check "it has what the source had" has $copy/a 10 before
put $copy/a 11 target
check "the daemon is started anew" restart
check "the target serves still" wait_for 30 serve r-replica
check "the state is Failedover" is_state Failedover
check "its unit does not bring the source up" unit_fails r
source_back
check "the source does not come up" group_declined "does not serve" r Start 'a{sv}' 0
check "the source learns of it when it is back" wait_for 60 eval '[ "$(blkrepl-setup show --json | jq ".relationships[0].connected")" = 1 ]'
check "Failback" operate Failback Synchronized
check "the source serves" serve r
check "with what was written to the target" has $replica/a 11 target
check "both are the same" all_identical

# Lost while it serves
lose_source
check "what is written now fails" fails put $replica/a 20 lost
check "the source cannot be told" declined "" Failover 1 Force b true
check "its group is stopped" stop_group r 0
check "Failover" operate Failover Failedover 1 Force b true
check "the target serves" serve r-replica
put $copy/b 21 served
check "a daemon that finds neither side up" eval 'systemctl stop blkrepld && blkrepl-setup group-del "$(blkrepl-setup show --json | jq -r ".groups[0].uuid")" && source_back && systemctl start blkrepld'
check "brings the target up, not the source" eval 'wait_for 60 is_state Failedover && serve r-replica'
check "Failback" eval 'wait_for 60 operate Failback Synchronized 1 Force b true'
check "the source serves" serve r
check "both are the same" all_identical

check "the relationship ends" eval 'begin_op Detach && wait_for 30 there r-replica && delete_group r && delete_group r-replica'
daemon_down
devices_down
finish
