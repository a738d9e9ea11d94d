#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# LVM snapshots of what an operation overwrites: when they are made, what is in them,
# which of them go by themselves, and a source that is put back to one, also by a daemon
# that is killed meanwhile: at every step with the argument "all", else not.
# kernels: 6.12
# timeout: 900

. ./daemon-lib.sh

make_volumes() {
	local name

	vgcreate -q src "$(disk d0)" && vgcreate -q dst "$(disk d1)" || return
	for name in src/a src/b dst/a dst/b; do
		lvcreate -q -y -L ${MB}M -n "${name#*/}" "${name%/*}" || return
	done
	lvcreate -q -y -L 16M -n log src && lvcreate -q -y -L 16M -n log dst
}
lv() { call $root org.blkrepl1.System GetVolume s "/dev/$1" | jq -r '.data[0]'; }
create() {
	call $root org.blkrepl1.System CreateReplicationRelationship 'sqqosaoa{sv}saoaoa{sv}uooa{sv}' r 6 2 / "" \
		2 "$(lv src/a)" "$(lv src/b)" 2 LogVolume s /dev/src/log MemberNames as 2 a b "" \
		2 "$(lv dst/a)" "$(lv dst/b)" 0 1 LogVolume s /dev/dst/log 0 / / 1 Force b true >$work/reply &&
		finished $work/reply && same "$(state)" Synchronized
}
all_identical() { identical /dev/src/a /dev/dst/a && identical /dev/src/b /dev/dst/b; }
set_option() { call $root/relationship/r org.blkrepl1.Relationship Set 'a{sv}' 1 "$@" >/dev/null; }

# differ WORD: both sides have something of their own
differ() {
	operate Split Split && serve r r-replica && put $replica/a 10 "mine-$1" && put $copy/a 10 "theirs-$1" && put $copy/b 11 "theirs-$1" &&
		dd if=/dev/urandom of="$(readlink -f $copy/a)" bs=1M seek=8 count=4 oflag=direct status=none &&
		wait_for 20 is_state Skewed
}

snapshots() { lvs --noheadings -o lv_full_name -S 'lv_name=~"[.]before-"' | xargs; }
count() { same "$(snapshots | wc -w)" "$1"; }
told() { jq -r '.data[2].Snapshots.data // [] | sort | .[]' $work/reply | xargs; }
# kept VG OPERATION: two are there, and the reply names them
kept() { count 2 && same "$(told)" "$(snapshots)" && [[ $(snapshots) == $1/a.before-$2.*\ $1/b.before-$2.* ]]; }
# in_it MEMBER BLOCK TEXT
in_it() { has "/dev/$(snapshots | tr ' ' '\n' | grep "/$1[.]before-")" "$2" "$3"; }
drop() {
	udevadm settle
	# shellcheck disable=SC2046 # words
	lvremove -q -y $(snapshots)
}
message_has() { [[ $(extended Message) == *$1* ]] || { extended Message; return 1; }; }
job_says() {
	local words=$1

	call "$(job $work/reply)" org.blkrepl1.Job Wait t 120000000 | jq -r '.data[2]' >$work/says
	grep -q "$words" $work/says || { cat $work/says; return 1; }
}
# A copy that stands still
stands() { set_option RateLimit t 1 && begin_op "$@" && same "$(state)" Unsynchronized; }
goes_on() { set_option RateLimit t 0 && finished $work/reply && is_state Synchronized; }
# halfway WORD OPERATION...: some of it has been copied
halfway() {
	local word=$1

	shift
	set_option RateLimit t 65536 && begin_op "$@" && same "$(state)" Unsynchronized &&
		wait_for 30 has /dev/src/a 10 "theirs-$word" && set_option RateLimit t 1
}
abort() { cp $work/reply $work/copy-reply && begin_op Abort && same "$(state)" Aborted && mv $work/copy-reply $work/reply; }

# killed_abort STEPS
killed_abort() {
	local word=killed-$1

	differ "$word" && halfway "$word" RestoreFromReplica && echo "2 3 $1" >$death || return
	begin_op Abort 2>/dev/null
	wait_for 60 dead && ! [ -e $death ] && systemctl start blkrepld && wait_for 60 is_state Aborted && wait_for 180 there r && serve r || return
	has $replica/a 10 "mine-$word" && count 0 && set_option RateLimit t 0 && operate ResyncReplica Synchronized && all_identical
}
dead() { ! systemctl -q is-active blkrepld; }

deaths=
[ "$*" != all ] || deaths=$(seq 0 6)
plan $((51 + $(wc -w <<<"$deaths")))
make_volumes && daemon_up lvm || give_up "no volumes"
check "a synchronized relationship" create

check "two that differ" differ 1
check "ResyncReplica with a snapshot" operate ResyncReplica Synchronized 1 KeepSnapshot b true
check "the reply names snapshots of the target" kept dst resync-replica
check "they hold what was overwritten" eval "in_it a 10 theirs-1 && in_it b 11 theirs-1"
check "both are the same" all_identical
check "and as the source" has $replica/a 10 mine-1
check "they stay" eval "systemctl restart blkrepld && wait_for 30 is_state Synchronized && count 2"
check "they are removed by hand" drop

check "two that differ" differ 2
check "ResyncReplica that stands still" stands ResyncReplica
check "a snapshot is there without being asked for" kept dst resync-replica
check "it holds what is overwritten" in_it a 10 theirs-2
check "the copy ends" goes_on
check "the snapshot has served and is gone" wait_for 30 count 0
check "both are the same" all_identical
check "two that differ" differ 3
check "ResyncReplica without a snapshot" operate ResyncReplica Synchronized 1 KeepSnapshot b false
check "there is none" count 0

check "two that differ" differ 4
check "RestoreFromReplica" operate RestoreFromReplica Synchronized
check "the reply names snapshots of the source" kept src restore-from-replica
check "they hold what was overwritten" in_it a 10 mine-4
check "the source is as the target" eval "all_identical && has $replica/a 10 theirs-4"
check "they are removed by hand" drop

check "Failover" operate Failover Failedover
put $copy/b 20 new
check "Failback with a snapshot" operate Failback Synchronized 1 KeepSnapshot b true
check "the reply names snapshots of the source" kept src failback
check "they hold what was overwritten" eval "in_it b 11 theirs-4 && not in_it b 20 new"
check "the source is as the target" eval "all_identical && has $replica/b 20 new"
check "they are removed by hand" drop

check "two that differ" differ 5
check "RestoreFromReplica that stands still" halfway 5 RestoreFromReplica
check "snapshots are there" kept src restore-from-replica
check "Abort puts the source back" abort
check "the job says so" job_says "put back to what it was"
check "the source serves what it had" eval "serve r && has $replica/a 10 mine-5 && has $replica/b 11 theirs-4"
check "the snapshots have served and are gone" count 0
set_option RateLimit t 0
check "ResyncReplica" operate ResyncReplica Synchronized
check "both are the same" eval "all_identical && has $replica/a 10 mine-5"

for n in $deaths; do
	check "Abort, killed after $n steps" killed_abort "$n"
done

check "two that differ" differ 6
check "RestoreFromReplica without a snapshot" halfway 6 RestoreFromReplica 1 KeepSnapshot b false
check "Abort leaves the source closed" eval "abort && serve"
check "the job says so" job_says "partly overwritten"
set_option RateLimit t 0
check "RestoreFromReplica completes it" operate RestoreFromReplica Synchronized
check "both are the same" eval "all_identical && has $replica/a 10 theirs-6 && count 0"

check "no space is left" lvcreate -q -y -l 100%FREE -n filler dst
check "ResyncReplica goes on without a snapshot, and says so" \
	eval "differ 7 && operate ResyncReplica Synchronized && message_has 'no space for a snapshot'"
check "it does not where one is asked for" eval "differ 8 && declined 'no space for a snapshot' ResyncReplica 1 KeepSnapshot b true &&
	same Skewed \"\$(state)\" && serve r r-replica"
check "Detach" begin_op Detach
check "the groups are deleted" eval "delete_group r && delete_group r-replica"
daemon_down
vgremove -q -f src dst
finish
