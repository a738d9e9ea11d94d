# SPDX-License-Identifier: GPL-2.0
# Results of a test as KTAP. A test calls plan N, then N times "check DESCRIPTION
# COMMAND..." (or pass, fail, skip), then finish.
# shellcheck shell=bash

set -u
# shellcheck source=selftests/kselftest/ktap_helpers.sh
. "$(dirname "${BASH_SOURCE[0]}")/ktap_helpers.sh"

plan() {
	ktap_print_header
	ktap_set_plan "$1"
}

pass() { ktap_test_pass "$1"; }
fail() { ktap_test_fail "$1"; }
skip() { ktap_test_skip "$1"; }
finish() { ktap_finished; }
note() { echo "# $*"; }

# skip_all REASON: the whole test does not apply here
skip_all() {
	ktap_print_header
	ktap_skip_all "$1"
	exit "$KSFT_SKIP"
}

# give_up REASON: what the test stands on is not there
give_up() { ktap_exit_fail_msg "$1"; }

# check DESCRIPTION COMMAND...: one result; what the command prints is shown when
# it fails
check() {
	local description=$1 output

	shift
	if output=$("$@" 2>&1); then
		pass "$description"
		return
	fi
	[ -z "$output" ] || printf '# %s\n' "${output//$'\n'/$'\n# '}"
	fail "$description"
	return 1
}

# refused DESCRIPTION COMMAND...: one result; the command must fail
refused() {
	local description=$1

	shift
	check "$description" not "$@"
}

not() { ! "$@"; }

# same VALUE EXPECTED
same() {
	[ "$1" = "$2" ] && return
	echo "is $1, should be $2"
	return 1
}

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep 0.1
	done
}
