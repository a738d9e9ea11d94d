#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 1200
# kernels: 6.12
# The power is cut after each durable step of each operation that changes roles or
# copies over changes, with disks that lose what was not flushed: each time every side
# that can be opened shows a legal image, and the mirror can be brought back.
# Two steps of each, by chance, unless BLKREPL_ROUNDS says how often to go through all.

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "$0")/../../lib/host-test.sh"

operations="split failover failback reverse-roles resync-replica restore-from-replica"
passes=${BLKREPL_ROUNDS:-1}
MOST=12
declare -A most=([split]=2 [failover]=3 [reverse-roles]=6 [failback]=9 [resync-replica]=4 [restore-from-replica]=7)
number=0 before=none cuts=0

# round OPERATION STEP: 0 cut, 1 failed, 2 there is no such step
round() {
	local sock=$scratch/disks.sock disks=() n i=0 status

	number=$((number + 1))
	serve_disks disks 4G 4 -s "$((RANDOM + 1))" -m random || return 1
	for n in 0 1 4 5; do
		disks+=(-N "$n=$sock:$((i++))")
	done
	guest "${disks[@]}" -t 180 -K "stopped after a step@0.1" \
		-g "crash/role.sh $number $1 $2 $before" >"$scratch/out"
	status=$?
	server_ended disks || return 1
	before=$1
	case $status in
	121) return 0 ;;
	0) grep -q '^no such step' "$scratch/out" && return 2; [ "$1" = none ] && return 0 ;;
	esac
	cat "$scratch/out"
	echo "exit status $status"
	return 1
}

# steps OPERATION: cuts the power after each step that it has
steps() {
	local step

	for ((step = 1; step <= MOST; step++)); do
		round "$1" "$step"
		case $? in
		0) cuts=$((cuts + 1)) ;;
		2) echo "$1 has $((step - 1)) steps" >"$scratch/steps"; [ $step -gt 1 ]; return ;;
		*) echo "$1, step $step"; return 1 ;;
		esac
	done
	echo "$1 has more than $MOST steps"
	return 1
}

# some OPERATION: cuts the power after two steps, by chance
some() {
	local i step

	for i in 1 2; do
		step=$((RANDOM % ${most[$1]} + 1))
		echo "$1, step $step" >>"$scratch/steps"
		round "$1" $step
		case $? in
		0) cuts=$((cuts + 1)) ;;
		2) ;;
		*) echo "$1, step $step"; return 1 ;;
		esac
	done
}
[ -n "${BLKREPL_ROUNDS:-}" ] && how=steps || how=some

plan $((passes * 6 + 1))
for ((pass = 1; pass <= passes; pass++)); do
	for operation in $operations; do
		# Not by check, whose subshell would keep what is to be remembered.
		rm -f "$scratch/steps"
		if $how "$operation" >"$scratch/round" 2>&1; then
			pass "the power cut after steps: $(tr '\n' ' ' <"$scratch/steps")"
		else
			sed 's/^/# /' "$scratch/round"
			fail "the power cut after a step of $operation"
			break 2
		fi
	done
done
round none 0 >"$scratch/round" 2>&1 || { sed 's/^/# /' "$scratch/round"; fail "the last round"; finish; }
[ $cuts -gt 0 ] && pass "after $cuts cuts everything is there" || fail "no step was met"
finish
