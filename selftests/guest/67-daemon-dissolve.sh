#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Dissolve over D-Bus, and pairing again: what is left, how much is copied, what is
# refused; from each state; a daemon that dies, loses its database, or its module. It
# dies after one step, by chance; "all" means after each.
# kernels: 6.12
# timeout: 900

. ./daemon-lib.sh

database=/var/lib/blkrepl/blkrepl.db

aspect() { property $root/aspect/r SynchronizationAspect "$1"; }
has_aspect() { same "$(call $root org.blkrepl1.System ListAspects | jq -r '.data[0] | map(.[1]) | join(" ")')" r; }
no_aspect() { same "$(call $root org.blkrepl1.System ListAspects | jq '.data[0] | length')" 0; }
aspect_is() { same "$(aspect "$1")" "$2"; }
# changed SOURCE TARGET: blocks since the point
changed() { same "$(aspect SourceBytesChanged) $(aspect TargetBytesChanged)" "$(($1 * 4096)) $(($2 * 4096))"; }
now() { date +%s%6N; }
roles_none() { same "$(property $root/group/r Group Role) $(property $root/group/r_2dreplica Group Role)" "none none"; }

# dissolve [COUNT OPTION...]: the association is gone, the aspect there
dissolve() { begin_op Dissolve "$@" && ended && has_aspect && roles_none; }
# pair_named NAME FROM TO [COUNT OPTION...]: CreateReplicationRelationship between groups
pair_named() {
	local name=$1 from=$2 to=$3

	shift 3
	call $root org.blkrepl1.System CreateReplicationRelationship 'sqqosaoa{sv}saoaoa{sv}uooa{sv}' "$name" 6 2 / "" \
		0 0 "" 0 0 0 0 "$root/group/$from" "$root/group/$to" "${@:-0}" >$work/reply && finished $work/reply
}
pair() { pair_named r r r_2dreplica "$@" && wait_for 30 is_state Synchronized && no_aspect && serve r && all_identical; }
# copied BLOCKS: by the last copy
copied() { same "$(get CopyTotal)" "$(($1 * 4096))"; }

# refused STATUS WORDS COMMAND...: blkreplctl's exit status tells the code
refused() {
	local status=$1 words=$2 out r=0

	shift 2
	out=$(blkreplctl "$@" 2>&1) || r=$?
	[ $r = "$status" ] && [[ $out == *$words* ]] || { echo "$r: $out"; return 1; }
}
ctl() { blkreplctl --quiet "$@"; }
refused_open() {
	local r=0

	exec 9<"$(readlink -f $copy/a)"
	refused 4 "is open" relationship create x --source-group=r --target-group=r-replica --force || r=1
	exec 9<&-
	return $r
}

point_is_known() { [ "$(aspect WhenPointInTime)" -ge "$before" ] && [ "$(aspect WhenPointInTime)" -le "$(now)" ] && [ "$(aspect Generation)" != 0 ]; }
digest_is_one() { [[ $(aspect Digest) =~ ^[0-9a-f]{64}$ ]]; }
same_point() { same "$(aspect WhenPointInTime) $(aspect Generation) $(aspect Digest)" "$point"; }
reload() {
	udevadm settle
	ctl group stop r && ctl group stop r-replica && systemctl stop blkrepld && rmmod blkrepl && modprobe blkrepl && systemctl start blkrepld &&
		ctl group start r r-replica
}
lose_database() { systemctl stop blkrepld && rm -f $database* && systemctl start blkrepld; }

lose_target() { dm_to_error t0 && dm_to_error t1 && dm_to_error tlog; }
dm_to_linear_at() { dm_switch "$1" "0 $(dm_size "$1") linear $2 $3"; }
target_back() {
	dm_to_linear_at t0 "$(disk d1)" 0 && dm_to_linear_at t1 "$(disk d1)" $((MB * 2048)) && dm_to_linear_at tlog "$(disk d5)" 0
}
set_option() { call $root/relationship/r org.blkrepl1.Relationship Set 'a{sv}' 1 "$@" >/dev/null; }

dead() { ! systemctl -q is-active blkrepld; }
# dies OPERATION STATE STEP COMMAND...: the daemon dies there; its next instance goes on
dies() {
	echo "$1 $2 $3" >$death
	shift 3
	"$@" >/dev/null 2>&1
	wait_for 60 dead && ! [ -e $death ] && systemctl start blkrepld
}
dissolve_dies() {
	put $replica/a 40 "before $1" && dies 9 4 "$1" begin_op Dissolve && wait_for 60 has_aspect && ended && serve r r-replica &&
		has $copy/a 40 "before $1" && put $copy/b 41 theirs && wait_for 20 changed 0 1
}
pair_dies() { dies 14 13 "$1" pair_named r r r_2dreplica 1 Force b true && wait_for 60 is_state Synchronized && no_aspect && serve r && all_identical; }

deaths=$((RANDOM % 5))
[ "$*" != all ] || deaths=$(seq 0 4)
plan $((64 + 2 * $(wc -w <<<"$deaths")))
devices_up && daemon_up || give_up "no devices"
# Errors of the volumes that are lost on purpose
echo 'I/O error|Buffer I/O|log volume' >>"$BLKREPL_RUN/expected"
check "a synchronized relationship" create

# What is left
put $replica/a 10 before
before=$(now)
check "Dissolve" dissolve
check "both groups serve" serve r r-replica
check "the target has what the source had" has $copy/a 10 before
check "the point in time is known" point_is_known
check "so is its digest" digest_is_one
check "it is consistent" aspect_is Consistent true
check "it does not expire" aspect_is Expires 0
check "nothing has changed" changed 0 0
put $replica/a 11 mine && put $replica/b 12 mine && put $copy/a 13 theirs
check "what changes is counted" changed 2 1
check "each side has its own" eval 'has $replica/a 11 mine && has $copy/a 13 theirs && ! has $copy/a 11 mine >/dev/null'
point="$(aspect WhenPointInTime) $(aspect Generation) $(aspect Digest)"

# What is refused
check "a group is not deleted" refused 4 "aspect delete r" group delete r
check "nor renamed" refused 4 "aspect r" group rename r-replica other
check "nor resized" refused 4 "aspect r" group resize r
check "a member does not leave" refused 4 "aspect r" group remove-member r a
check "no other partner" refused 4 "aspect r" relationship create x --source-group=r --target=/dev/mapper/t0
check "the relationship is not found" refused 3 "" relationship split r
check "the other direction" refused 4 "aspect delete r" relationship create x --source-group=r-replica --target-group=r --force
check "what the target would lose is told" refused 4 "4096 bytes" relationship create x --source-group=r --target-group=r-replica
check "a target that is open" refused_open
check "the aspect is there still" eval 'has_aspect && serve r r-replica && changed 2 1'

# What it outlives
check "a daemon that is started anew" eval 'systemctl restart blkrepld && same_point && serve r r-replica && changed 2 1'
check "groups that are stopped, and the module's absence" eval 'reload && serve r r-replica && same_point && changed 2 1'
check "the loss of the database" eval 'lose_database && has_aspect && serve r r-replica && same_point && changed 2 1'

# Pairing again
check "it is paired again" pair 1 Force b true
check "and what differs is copied, no more" copied 3
check "the source's data are there" has $replica/a 11 mine
check "Dissolve, and nothing is written" dissolve
check "another name, and a setting" pair_named again r r_2dreplica 1 RateLimit t 12345678
check "it has both" eval 'no_aspect && same "$(property $root/relationship/again Relationship RateLimit)" 12345678'
check "nothing was copied" same "$(property $root/relationship/again Relationship CopyTotal)" 0
check "the command line dissolves it" blkreplctl relationship dissolve again
check "and pairs it" blkreplctl relationship create r --source-group=r --target-group=r-replica --set=rate-limit=0
check "both are the same" eval 'wait_for 30 is_state Synchronized && all_identical'

# From other states
check "Suspend" operate Suspend Suspended
put $replica/b 20 suspended
check "Dissolve while suspended" dissolve
check "the source is ahead" eval 'serve r r-replica && changed 1 0'
check "it is paired again" pair
check "Fracture" operate Fracture Fractured
check "Dissolve while fractured" dissolve
check "both serve" eval 'put $copy/a 21 theirs && serve r r-replica && changed 0 1'
check "it is paired again" pair 1 Force b true
check "Failover" operate Failover Failedover
check "Dissolve needs Force" declined Force Dissolve
put $copy/a 22 served
check "Dissolve while failed over" dissolve 1 Force b true
check "both serve" eval 'serve r r-replica && changed 0 1'
check "it is paired again" pair 1 Force b true
check "what the target served is gone" eval '! has $replica/a 22 served >/dev/null'
check "the target is lost" eval 'lose_target && put $replica/a 23 broken && wait_for 30 is_state Broken'
check "Dissolve needs Force" declined Force Dissolve
check "Dissolve without the target" dissolve 1 Force b true
check "the source serves" serve r
target_back
check "the target learns of it when it is back" eval "wait_for 60 there r-replica && serve r r-replica"
check "the aspect is there" has_aspect
check "it is paired again" pair
check "a copy that stands still" eval 'operate Suspend Suspended && put $replica/a 24 ahead && set_option RateLimit t 1 && begin_op Resume && is_state Unsynchronized'
check "Dissolve needs Force" declined Force Dissolve
check "Dissolve in the middle of a copy" dissolve 1 Force b true
check "the target is not consistent and stays closed" eval 'aspect_is Consistent false && serve r'
check "it is paired again" pair 1 RateLimit t 0

# The daemon dies.
for i in $deaths; do
	check "it dies while it dissolves, after step $i" dissolve_dies $i
	check "it dies while it pairs again, after step $i" pair_dies $i
done

# Ends
check "Dissolve for some seconds" eval 'dissolve 1 RetentionUSec t 15000000 && [ "$(aspect Expires)" -gt "$(now)" ]'
check "it is over after that" eval 'wait_for 60 no_aspect && serve r r-replica && roles_none'
check "then everything is copied" eval 'pair 1 Force b true && copied $((2 * MB * 256))'
check "Dissolve, and delete the aspect" eval 'dissolve && blkreplctl aspect delete r && no_aspect && serve r r-replica'
delete_group r && delete_group r-replica
daemon_down
devices_down
finish
