#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The harness itself: that it sees what goes wrong in a guest, and that its disks
# keep and lose what they should.

# shellcheck source=selftests/lib/host-test.sh
. "$(dirname "$0")/../../lib/host-test.sh"

export BLKREPL_LOGS=$scratch/logs
payloads=$scratch/payloads

# script NAME: makes a payload of the script on stdin
script() {
	mkdir -p "$payloads/$1"
	{
		echo '#!/bin/bash'
		# shellcheck disable=SC2016 # expands in the guest
		echo 'disk() { echo "/dev/$(grep -lsx "$1" /sys/block/vd*/serial | cut -d/ -f4)"; }'
		cat
	} >"$payloads/$1/run"
	chmod +x "$payloads/$1/run"
}

# try STATUS NAME ARGUMENT...: the payload's run must end with that status
try() {
	local status=$1 name=$2

	shift 2
	ends_with "$status" bare_guest "$@" "$payloads/$name"
}

# logged NAME PATTERN: the kept log NAME of the last failed run has such a line
logged() {
	local directory

	directory=$(find "$BLKREPL_LOGS" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' |
		sort -n | tail -n 1 | cut -d' ' -f2)
	grep -q "$2" "$directory/$1"
}

script good <<'END'
echo "words: $BLKREPL_ARGS"
echo result >"$BLKREPL_RUN/results/file"
END
passes_words_and_results() {
	same "$(bare_guest -g "one two" -o "$scratch/results" "$payloads/good")" "words: one two" &&
		same "$(<"$scratch/results/file")" result
}

script bad <<<'exit 7'

script warning <<'END'
echo "<4>WARNING: CPU: 0 PID: 1 at a test" >/dev/kmsg
END
script expected <<'END'
echo 'WARNING: .* at a test' >>"$BLKREPL_RUN/expected"
echo "<4>WARNING: CPU: 0 PID: 1 at a test" >/dev/kmsg
END

script hang <<<'sleep 1000'
collects_stacks() { try 124 hang -t 5 && logged console 'Call Trace'; }

script panic <<<'echo c >/proc/sysrq-trigger; sleep 100'
keeps_console() { try 120 panic && logged console 'Kernel panic'; }

script cut <<<'echo now; sleep 100'

script keep <<'END'
case $BLKREPL_ARGS in
first)
	echo 1 >/root/kept
	echo kept >"$(disk d1)"
	sync
	echo stored
	sleep 100
	;;
second)
	[ "$(cat /root/kept)" = 1 ] && [ "$(head -n 1 "$(disk d1)")" = kept ] &&
		systemctl reboot && sleep 100
	;;
third)
	[ "$(cat /root/kept)" = 1 ]
	;;
esac
END
keeps_state() {
	local options=(-s "$scratch/state" -d "1=$scratch/disk")

	try 121 keep "${options[@]}" -g first -K stored@0.2 &&
		try 120 keep "${options[@]}" -g second &&
		try 0 keep "${options[@]}" -g third
}

# Two disks get 64 flushed and 64 unflushed blocks each.
script write <<'END'
set -e
for d in d0 d1; do
	dd if=/dev/zero bs=4k count=128 2>/dev/null | tr '\0' 'a' |
		dd of="$(disk $d)" bs=4k iflag=fullblock oflag=direct conv=fsync status=none
	dd if=/dev/zero bs=4k count=64 2>/dev/null | tr '\0' 'b' |
		dd of="$(disk $d)" bs=4k iflag=fullblock oflag=direct status=none
	dd if="$(disk $d)" bs=4k count=64 iflag=direct status=none | tr -d b | cmp - /dev/null
done
echo written
[ "$BLKREPL_ARGS" = end ] || sleep 100
END

# blocks FILE CHARACTER: how many blocks of 4 KiB of the first 128 have it first
blocks() {
	head -c 512k "$1" | fold -b -w 4096 | grep -c "^$2"
}

# write_disks STATUS MODE ARGUMENT...
write_disks() {
	local status=$1 mode=$2 sock=$scratch/cut.sock

	shift 2
	rm -f "$scratch"/cut.[01]
	serve_disks cut 4G 2 -s 1 -m "$mode" &&
		try "$status" write -N "0=$sock:0" -N "1=$sock:1" "$@" && server_ended cut
}

loses_unflushed() {
	write_disks 121 lost -K written &&
		same "$(blocks "$scratch/cut.0" a) $(blocks "$scratch/cut.1" a)" "128 128"
}
keeps_some_unflushed() {
	local new

	write_disks 121 random -K written || return
	new=$(($(blocks "$scratch/cut.0" b) + $(blocks "$scratch/cut.1" b)))
	if [ "$new" = 0 ] || [ "$new" = 128 ]; then
		echo "$new of 128 kept"
		return 1
	fi
	same $(($(blocks "$scratch/cut.0" a) + $(blocks "$scratch/cut.1" a) + new)) 256
}
keeps_prefix() {
	local new

	write_disks 121 order -K written || return
	new=$(blocks "$scratch/cut.0" b)
	same "$(blocks "$scratch/cut.0" a)" $((128 - new)) &&
		same "$(head -c $((new * 4096)) "$scratch/cut.0" | tr -d b | wc -c)" 0
}
keeps_all_at_shutdown() {
	write_disks 0 lost -g end &&
		same "$(blocks "$scratch/cut.0" b) $(blocks "$scratch/cut.1" b)" "64 64"
}

# Tests as they may be, run as the tests in selftests/guest are.
suite=$payloads/suite
script suite <<'END'
cd tests && "$BLKREPL_HARNESS/run-tests" $BLKREPL_ARGS
END
mkdir -p "$suite/tests"

# member NAME: a test of the suite, from stdin
member() {
	{
		echo '#!/bin/sh'
		cat
	} >"$suite/tests/$1"
	chmod +x "$suite/tests/$1"
}
member good <<<'echo 1..2; echo ok 1 a; echo ok 2 b'
member skip <<<'echo "1..0 # SKIP no reason"; exit 4'
member fails <<<'echo 1..2; echo ok 1 a; echo not ok 2 b; exit 1'
member status <<<'echo 1..1; echo ok 1 a; exit 3'
member silent <<<'exit 0'
member plan <<<'echo 1..3; echo ok 1 a'
member warns <<'END'
echo '<4>BUG: this is a test' >/dev/kmsg
echo ok 1 a
END
member expects <<'END'
echo 'this is a test$' >>$BLKREPL_RUN/expected
echo '<4>BUG: this is a test' >/dev/kmsg
echo ok 1 a
END
member slow <<'END'
# timeout: 3
echo ok 1 a
sleep 1000
END
member background <<'END'
sleep 1000 &
echo ok 1 a
END
member leaves <<'END'
dmsetup create left --table "0 8 zero"
echo ok 1 a
END

# judged LINE...: the suite's results must be these
judged() {
	local results

	results=$(bare_guest -g "$(printf '%s\n' "$@" | sed -E 's/^(not )?ok [0-9]+ ([a-z]+).*/\2/' |
		paste -sd' ')" "$suite" | grep -E '^(ok|not ok) ')
	same "$results" "$(printf '%s\n' "$@")"
}

plan 16
check "tests are judged by results, plan, status, time and kernel log" judged \
	"ok 1 good" "ok 2 skip # SKIP" "not ok 3 fails" "not ok 4 status" "not ok 5 silent" \
	"not ok 6 plan" "not ok 7 warns" "ok 8 expects" "not ok 9 slow" "ok 10 background"
check "a test must take away what it made" judged "not ok 1 leaves"
check "words go in, lines and results come out" passes_words_and_results
check "the payload's status comes out" try 7 bad
check "a warning in the kernel's log fails the run" try 119 warning
check "an expected warning does not" try 0 expected
check "a payload that hangs is ended, the stacks are kept" collects_stacks
check "a panic ends the run, the console is kept" keeps_console
check "the power is cut when asked" try 121 cut -K now
check "root and disks outlive a power cut and a reboot" keeps_state
check "a booted guest has more memory when asked" try 0 good -m 2G
check "a deterministic guest runs" try 0 good -i -t 300
check "a cut disk loses what was not flushed" loses_unflushed
check "a cut disk may keep some of it" keeps_some_unflushed
check "a cut disk without reordering keeps the first of it" keeps_prefix
check "a disk that is switched off keeps everything" keeps_all_at_shutdown
finish
