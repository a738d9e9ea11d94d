# SPDX-License-Identifier: GPL-2.0
# For the tests that drive guests from the host (selftests/vm/tests): crashes,
# reboots, power cuts. The kernel series comes in BLKREPL_SERIES.
# shellcheck shell=bash

# shellcheck source=selftests/lib/project.sh
. "$(dirname "${BASH_SOURCE[0]}")/project.sh"
# shellcheck source=selftests/kselftest/results.sh
. "$TOP/selftests/kselftest/results.sh"
set +e

series=${BLKREPL_SERIES:-6.12}
scratch=$(mktemp -d /tmp/blkrepl-test.XXXXXX)
trap 'end_servers; rm -rf "$scratch"' EXIT
trap 'exit 143' TERM
[ -x "$(payload "$series")/run" ] || make_payload "$series"

# guest ARGUMENT...: vm/run with the series' kernel, the project's payload last
guest() { bare_guest "$@" "$(payload "$series")"; }

# bare_guest ARGUMENT... PAYLOAD
bare_guest() {
	local name

	name=$(basename "$0" .sh)
	"$TOP/selftests/vm/run" -k "$series" -l "$name" "$@"
}

# ends_with STATUS COMMAND...: the exit status is what it should be
ends_with() {
	local expected=$1 status

	shift
	"$@"
	status=$?
	same "exit status $status" "exit status $expected"
}

# serve_disks NAME SIZE COUNT [OPTION...]: starts a server of disks that lose what
# is not flushed; the disks are files $scratch/NAME.N, kept from call to call.
serve_disks() {
	local name=$1 size=$2 count=$3 program=$TOP/build/powercut-nbd n disks=()

	shift 3
	mkdir -p "$TOP/build"
	cc -O2 -g -Wall -Wextra -Werror -o "$program" "$TOP/selftests/vm/powercut-nbd.c" || return
	for ((n = 0; n < count; n++)); do
		disks+=("$scratch/$name.$n")
		truncate -s "$size" "$scratch/$name.$n"
	done
	rm -f "$scratch/$name.sock"
	"$program" "$@" "$scratch/$name.sock" "${disks[@]}" &
	echo $! >"$scratch/$name.pid"
	wait_for 10 test -S "$scratch/$name.sock"
}

# server_ended NAME: waits for the server to write out what survived
server_ended() {
	wait "$(<"$scratch/$1.pid")" && rm "$scratch/$1.pid"
}

end_servers() {
	local file

	for file in "$scratch"/*.pid; do
		[ ! -f "$file" ] || kill "$(<"$file")"
	done
}
