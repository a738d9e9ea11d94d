#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon is killed before, between and after the steps of every operation that has
# several; its next instance completes the operation, and no write is lost by that.
# kernels: 6.12
# on demand: it takes long, and some of its deaths are not recovered from yet
# timeout: 1500

. ./daemon-lib.sh

dead() { ! systemctl -q is-active blkrepld; }

# killed OPERATION STATE STEPS METHOD [COUNT OPTION...]: numbers as in the table
killed() {
	echo "$1 $2 $3" >$death
	shift 3
	begin_op "$@" 2>/dev/null
	wait_for 60 dead || return
	! [ -e $death ] && systemctl start blkrepld
}

# mark DEVICE: a write that must not be lost
mark() {
	date +%s.%N >$work/mark
	put "$1" 100 "$(<$work/mark)"
}
kept() { has "$1" 100 "$(<$work/mark)"; }
becomes() { wait_for 60 is_state "$@"; }
is_same() { becomes Synchronized && all_identical; }

split() {
	mark $replica/a && killed 21 4 "$1" Split && becomes Split && serve r r-replica && kept $copy/a && kept $replica/a
}
resync() {
	mark $replica/b && put $copy/b 90 lost && becomes Skewed && killed 14 13 "$1" ResyncReplica && is_same && serve r &&
		kept $replica/b && not has $replica/b 90 lost
}
fracture() { killed 12 4 "$1" Fracture && becomes Fractured && serve r r-replica; }
restore() {
	mark $copy/b && put $replica/b 90 lost && becomes Skewed && killed 15 13 "$1" RestoreFromReplica 1 KeepSnapshot b false && is_same &&
		serve r && kept $replica/b && not has $replica/b 90 lost
}
failover() { mark $replica/a && killed 10 4 "$1" Failover && becomes Failedover && serve r-replica && kept $copy/a; }
failback() { mark $copy/a && killed 11 10 "$1" Failback && is_same && serve r && kept $replica/a; }
hand_over() { mark $copy/a && killed 11 3 "$1" Failback && is_same && serve r && kept $replica/a; }
fail_apart() {
	operate Split Split && mark $replica/a && killed 10 7 "$1" Failover 1 Force b true &&
		becomes Failedover && serve r-replica && not kept $copy/a && operate Failback Synchronized 1 Force b true
}
fail_suspended() {
	operate Suspend Suspended && mark $replica/a && killed 10 9 "$1" Failover 1 Force b true &&
		becomes Failedover && serve r-replica && not kept $copy/a && operate Failback Synchronized 1 Force b true
}
# reverse STEPS SOURCE: whose source is SOURCE becomes the target
reverse() {
	local device=$replica other=r-replica

	[ "$2" = r ] || device=$copy other=r
	mark $device/a && killed 20 4 "$1" ReverseRoles && is_same && serve $other && roles $other "$2" && kept /dev/blkrepl/$other/a
}
reverse_apart() {
	operate Split Split && killed 20 7 "$1" ReverseRoles && becomes Split && wait_for 20 roles r-replica r && serve r r-replica &&
		operate ReverseRoles Split && roles r r-replica && operate ResyncReplica Synchronized && serve r
}
reverse_suspended() {
	operate Suspend Suspended && killed 20 9 "$1" ReverseRoles && becomes Suspended && serve r-replica && roles r-replica r &&
		operate ReverseRoles Suspended && roles r r-replica && serve r && operate Resume Synchronized
}
reverse_failed_over() {
	operate Failover Failedover && mark $copy/b && killed 20 10 "$1" ReverseRoles && is_same && serve r-replica &&
		roles r-replica r && kept $copy/b && operate ReverseRoles Synchronized && kept $replica/b
}
detach() {
	local side=$replica other=$copy options=(0)

	case $2 in
	7) operate Split Split ;;
	10) operate Failover Failedover && side=$copy other=$replica options=(1 Force b true) ;;
	esac && mark $side/a && killed 8 "$2" "$1" Detach "${options[@]}" && wait_for 60 ended && serve r r-replica && kept $side/a &&
		{ [ "$2" != 4 ] || kept $other/a; } && delete_group r && delete_group r-replica && create
}

plan 83
devices_up && daemon_up || give_up "no devices"
check "a synchronized relationship" create
for n in 0 1 2 3; do
	check "Split, killed after $n steps" split $n
	check "ResyncReplica, killed after $n steps" resync $n
done
check "ResyncReplica, killed after 4 steps" eval "operate Split Split && resync 4"
for n in 0 1 2 3 4 5; do
	check "Fracture, killed after $n steps" fracture $n
	check "RestoreFromReplica, killed after $n steps" restore $n
done
for n in 0 1 2 3 4; do
	check "Failover, killed after $n steps" failover $n
	check "Failback, killed after $n steps" failback $n
done
check "Failback, killed after 5 steps" eval "operate Failover Failedover && failback 5"
for n in 0 1 2 3 4 5; do
	check "the end of Failback, killed after $n steps" eval "operate Failover Failedover && hand_over $n"
done
for n in 0 1 2 3 4; do
	check "Failover of two that stand apart, killed after $n steps" fail_apart $n
done
for n in 1 2 3 4; do
	check "Failover from Suspended, killed after $n steps" fail_suspended $n
done
for n in 0 1 2 3 4 5; do
	check "ReverseRoles, killed after $n steps" reverse $n r
	check "and back" reverse $n r-replica
done
for n in 1 2 3; do
	check "ReverseRoles from Split, killed after $n steps" reverse_apart $n
done
for n in 1 2 3 4 5; do
	check "ReverseRoles from Suspended, killed after $n steps" reverse_suspended $n
done
for n in 2 3 4 5; do
	check "ReverseRoles from Failedover, killed after $n steps" reverse_failed_over $n
done
for n in 0 1 2 3 4; do
	check "Detach, killed after $n steps" detach $n 4
done
for n in 1 2; do
	check "Detach of two that stand apart, killed after $n steps" detach $n 7
done
check "Detach from Failedover, killed after 3 steps" detach 3 10
check "Detach" begin_op Detach
check "the source's group is deleted" delete_group r
check "so is the target's" delete_group r-replica
daemon_down
devices_down
finish
