# SPDX-License-Identifier: GPL-2.0
# A writer of dependent records (dependent.c) that runs beside a test.
# shellcheck shell=bash

run=0

# begin_writing DEVICE...: what it has acknowledged is asked for, into $acked. Not to be
# called by check, for it is the shell's that calls it.
begin_writing() {
	run=$((run + 1))
	coproc WRITER { exec nice -n 19 ./dependent write $run "$@"; }
	writer=$WRITER_PID
	# Moved, for bash closes its own when the writer ends.
	exec 7<&"${WRITER[0]}"- 8>&"${WRITER[1]}"-
	hear began
}

hear() {
	local word

	read -r -t 60 -u 7 word acked && same "$word" "$1"
}

ask() { echo >&8 && hear acked; }

end_writing() {
	exec 8>&-
	hear acked && wait "$writer"
}

# write_briefly DEVICE...: another one, until it has written something
write_briefly() {
	local said

	run=$((run + 1))
	said=$(sleep 0.2 | ./dependent write $run "$@") &&
		[[ $said =~ acked\ ([0-9,]*) ]] && acked=${BASH_REMATCH[1]}
}

# sum NUMBERS
sum() { echo $((${1//,/+})); }
