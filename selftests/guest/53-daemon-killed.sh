#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon is killed before, between and after the steps of every operation that has
# several; its next instance completes the operation, and no write is lost by that.
# Without arguments each operation meets one death, by chance; "all" means all of them.
# kernels: 6.12
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

# What is done in a round that dies after some steps, how many results that gives, and
# after how many steps it can die
rounds=(
	"round_split 2 0 1 2 3"
	"round_resync 2 4"
	"round_fracture 2 0 1 2 3 4 5"
	"round_failover 2 0 1 2 3 4"
	"round_failback 2 0 1 2 3 4 5"
	"round_hand_over 2 0 1 2 3 4 5"
	"round_apart 1 0 1 2 3 4"
	"round_suspended 1 1 2 3 4"
	"round_reverse 2 0 1 2 3 4 5"
	"round_reverse_apart 1 1 2 3"
	"round_reverse_suspended 1 1 2 3 4 5"
	"round_reverse_failed_over 1 2 3 4 5"
	"round_detach 1 0 1 2 3 4"
	"round_detach_apart 1 1 2"
	"round_detach_failed_over 1 3"
)
round_split() {
	check "Split, killed after $1 steps" split "$1"
	check "ResyncReplica, killed after $1 steps" resync "$1"
}
round_resync() {
	check "Split" operate Split Split
	check "ResyncReplica, killed after $1 steps" resync "$1"
}
round_fracture() {
	check "Fracture, killed after $1 steps" fracture "$1"
	check "RestoreFromReplica, killed after $1 steps" restore "$1"
}
round_failover() {
	check "Failover, killed after $1 steps" failover "$1"
	check "Failback" operate Failback Synchronized
}
round_failback() {
	check "Failover" operate Failover Failedover
	check "Failback, killed after $1 steps" failback "$1"
}
round_hand_over() {
	check "Failover" operate Failover Failedover
	check "the end of Failback, killed after $1 steps" hand_over "$1"
}
round_apart() { check "Failover of two that stand apart, killed after $1 steps" fail_apart "$1"; }
round_suspended() { check "Failover from Suspended, killed after $1 steps" fail_suspended "$1"; }
round_reverse() {
	check "ReverseRoles, killed after $1 steps" reverse "$1" r
	check "and back" reverse "$1" r-replica
}
round_reverse_apart() { check "ReverseRoles from Split, killed after $1 steps" reverse_apart "$1"; }
round_reverse_suspended() { check "ReverseRoles from Suspended, killed after $1 steps" reverse_suspended "$1"; }
round_reverse_failed_over() { check "ReverseRoles from Failedover, killed after $1 steps" reverse_failed_over "$1"; }
round_detach() { check "Detach, killed after $1 steps" detach "$1" 4; }
round_detach_apart() { check "Detach of two that stand apart, killed after $1 steps" detach "$1" 7; }
round_detach_failed_over() { check "Detach from Failedover, killed after $1 steps" detach "$1" 10; }

chosen=() results=4
for words in "${rounds[@]}"; do
	read -r name n deaths <<<"$words"
	[ "$*" = all ] || deaths=$(tr ' ' '\n' <<<"$deaths" | shuf -n 1)
	for steps in $deaths; do
		chosen+=("$name $steps")
		results=$((results + n))
	done
done

plan $results
devices_up && daemon_up || give_up "no devices"
check "a synchronized relationship" create
for words in "${chosen[@]}"; do
	read -r name steps <<<"$words"
	$name "$steps"
done
check "Detach" begin_op Detach
check "the source's group is deleted" delete_group r
check "so is the target's" delete_group r-replica
daemon_down
devices_down
finish
