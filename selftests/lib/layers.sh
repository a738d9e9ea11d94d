# SPDX-License-Identifier: GPL-2.0
# The layers of tests: what is in each, and how each is run. Running one prints KTAP.
# shellcheck shell=bash disable=SC2034 # some are for the script that reads this one

# In the order in which they are begun: the build by itself, then the longest ones; each
# test of the crash layer is a job of its own. So many run beside each other, for guests
# wait a lot.
LAYERS=(build "${SERIES[@]/#/guest-}" crash dbus sim units fuzz)
WORKERS=2
GUEST=$TOP/selftests/guest
HOST_TESTS=$TOP/selftests/vm/tests
# For what runs on the host and has no time of its own.
LIMITED=(timeout -k 30 900)

# run_layer LAYER TEST...
run_layer() {
	local layer=$1

	shift
	[ $# -gt 0 ] || { echo "not ok 1 $layer has no tests"; return; }
	case $layer in
	build) run_each build_test "$@" ;;
	units | sim | fuzz) run_each make_test "$@" ;;
	dbus) run_each python_tests "$@" ;;
	guest-*) run_guest "${layer#guest-}" "$@" ;;
	crash) run_each host_test "$@" ;;
	esac
}

layer_tests() {
	local s

	case $1 in
	build)
		printf '%s\n' programs generated scripts
		for s in "${SERIES[@]}"; do
			printf '%s\n' "module-$s" "lint-$s" "dkms-$s"
		done
		echo checkpatch
		;;
	units | sim | fuzz) echo "$1" ;;
	dbus) (cd "$TOP/selftests" && find . -mindepth 2 -maxdepth 2 -name 'test_*.py' -printf '%h\n') |
		sed 's,^\./,,' | sort -u ;;
	guest-*) guest_tests "${1#guest-}" ;;
	crash) (cd "$HOST_TESTS" && list_tests) | while read -r s; do by_itself "$HOST_TESTS/$s"; done ;;
	esac
}

# The executable scripts of the current directory are tests.
list_tests() {
	find . -maxdepth 1 -type f -perm /100 \( -name '*.sh' -o -name '*.py' \) \
		! -name demo.sh -printf '%f\n' | sort
}

# Those of a kernel: all but the ones that a line "# kernels:" gives to others. A
# line "# on demand: WHY" leaves a test to who asks for it by name.
guest_tests() {
	local test kernels

	for test in $(cd "$GUEST" && list_tests); do
		kernels=$(header "$GUEST/$test" kernels)
		[[ -n $kernels && " $kernels " != *" $1 "* ]] || by_itself "$GUEST/$test"
	done
}

by_itself() { [ -n "$(header "$1" "on demand")" ] || echo "${1##*/}"; }

# run_each FUNCTION TEST...: each is one test, which may print subtests
run_each() {
	local function=$1 number=0 test status

	shift
	echo "1..$#"
	for test; do
		number=$((number + 1))
		echo "# $test"
		status=0
		"$function" "$test" || status=$?
		if [ $status = 0 ]; then
			echo "ok $number $test"
		else
			echo "not ok $number $test # exit status $status"
		fi
	done
}

# logged COMMAND...: output goes to a log, of which the end is shown on failure
logged() {
	local log=$LOGS/$layer-$test.log status

	mkdir -p "$LOGS"
	if [ -n "$verbose" ]; then
		"$@" 2>&1 | tee "$log" | sed 's/^/# /'
		status=${PIPESTATUS[0]}
	else
		"$@" >"$log" 2>&1
		status=$?
	fi
	[ "$status" = 0 ] && return
	[ -n "$verbose" ] || tail -n 40 "$log" | sed 's/^/# /'
	echo "# whole output: $log"
	return "$status"
}

# as_subtests: KTAP on stdin becomes that of subtests; fails when there is no result or
# the plan is not kept
as_subtests() {
	awk '
		/^(not )?ok / { results++ }
		/^1\.\.[0-9]+/ { split(substr($0, 4), word, " "); plan = word[1]; planned = 1 }
		{ print "  " $0; fflush() }
		END {
			if (results && (!planned || results == plan))
				exit
			if (!planned)
				plan = "some"
			print "# " results + 0 " results where " plan " are planned"
			exit 1
		}'
}

# header FILE WORD: what a line "# WORD: ..." of a test's first comment says
header() { sed -n "/^#/!q; s/^# $2: //p" "$1"; }

# tracked PATTERN...: the repository's files, as a release has them
tracked() { git -c safe.directory="$TOP" -C "$TOP" ls-files -- "$@"; }

# build: the module and the programs, what checks their sources, DKMS

build_test() {
	local test=$1 kver

	case $test in
	programs) logged "${LIMITED[@]}" make -C "$TOP" user ;;
	generated) logged "${LIMITED[@]}" make -C "$TOP" uapi-check ;;
	scripts) logged all_executable ;;
	checkpatch) logged run_checkpatch ;;
	*)
		kver=$(kernel_version "${test#*-}") || return
		need_packages "linux-headers-$kver"
		case $test in
		module-*) logged "${LIMITED[@]}" make -C "$TOP" module KVER="$kver" ;;
		lint-*) logged run_lint "$kver" ;;
		dkms-*) logged run_dkms "$kver" ;;
		esac
		;;
	esac
}

# A script that is a program and not executable would silently be no test.
all_executable() {
	local found

	found=$(find "$GUEST" "$HOST_TESTS" -type f ! -perm /100 \
		-exec sh -c 'for f; do case $(head -c 2 "$f") in "#!") echo "$f" ;; esac; done' - {} +)
	[ -z "$found" ] || printf 'not executable: %s\n' "$found"
	[ -z "$found" ]
}

# W=1 and sparse: anything that they say is an error
run_lint() {
	local output status=0

	output=$("${LIMITED[@]}" make -C "$TOP" module-lint KVER="$1" 2>&1) || status=$?
	printf '%s\n' "$output"
	[ $status = 0 ] && ! grep -E '(warning|error):' <<<"$output"
}

run_checkpatch() {
	local source=linux-source-${SERIES[0]} directory new

	directory=$CACHE/checkpatch-$(stat -c %Y "/usr/src/$source.tar.xz") || return
	if [ ! -d "$directory" ]; then
		mkdir -p "$CACHE"
		new=$(mktemp -d "$CACHE/unpack.XXXXXX")
		tar -C "$new" -xJf "/usr/src/$source.tar.xz" --strip-components=2 --occurrence=1 \
			"$source"/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch} ||
			return
		mv -T "$new" "$directory"
	fi
	touch "$directory"
	# compat.h is about the versions of the kernel, of which checkpatch knows one.
	cd "$TOP" && tracked 'kernel/*.[ch]' 'uapi/*.h' ':!kernel/compat.h' |
		xargs perl "$directory/checkpatch.pl" --no-tree --quiet --terse \
			--show-types -f | sed '/^total: 0 errors, 0 warnings/d'
}

# As DKMS does it on a user's machine, in trees of its own.
run_dkms() {
	local kver=$1 work name version options status=0

	name=$(sed -n 's/^PACKAGE_NAME="\?\([^"]*\)"\?$/\1/p' "$TOP/dkms.conf")
	version=$(sed -n 's/^PACKAGE_VERSION="\?\([^"]*\)"\?$/\1/p' "$TOP/dkms.conf")
	work=$(mktemp -d)
	mkdir -p "$work/tree" "$work/src/$name-$version"
	options=(-m "$name" -v "$version" --dkmstree "$work/tree" --sourcetree "$work/src")
	(cd "$TOP" && tracked dkms.conf Kbuild Makefile kernel uapi |
		xargs cp --parents -t "$work/src/$name-$version") &&
		dkms add "${options[@]}" &&
		"${LIMITED[@]}" dkms build "${options[@]}" -k "$kver" &&
		same_kernel "$work/tree/$name/$version/$kver" "$name" "$kver" || status=$?
	cat "$work/tree/$name/$version/build/make.log" 2>/dev/null
	rm -rf "$work"
	return $status
}

# same_kernel DIRECTORY MODULE KVER: the built module is there, for that kernel
same_kernel() {
	local module

	module=$(find "$1" -name "$2.ko*")
	[ "$(modinfo -F vermagic "$module" | cut -d' ' -f1)" = "$3" ]
}

# units, sim, fuzz: what the Makefile's target of that name prints
make_test() {
	# libFuzzer comes with clang, which nothing else here needs.
	if [ "$1" = fuzz ]; then
		need_packages clang libclang-rt-14-dev
		[ ! -d "$TOP/build/asan" ] ||
			logged meson setup --reconfigure "$TOP/build/asan" || return
	fi
	foreign_results "$1" make -C "$TOP" "$1"
}

# dbus: the directories with tests for pytest
python_tests() {
	logged flock "$TOP/build/lock" make -C "$TOP" user || return
	foreign_results "$layer-$1" /usr/bin/python3 -m pytest -v -p no:cacheprovider \
		"$TOP/selftests/$1"
}

# foreign_results NAME COMMAND...: a test program with results of its own kind
foreign_results() {
	local log=$LOGS/$1.log status

	shift
	mkdir -p "$LOGS"
	"${LIMITED[@]}" "$@" 2>&1 | tee "$log" >(show) |
		awk -f "$TOP/selftests/lib/results.awk" | as_subtests
	status=("${PIPESTATUS[@]}")
	if [ "${status[0]}" != 0 ]; then
		tail -n 40 "$log" | sed 's/^/# /'
		echo "# whole output: $log"
	fi
	[ "${status[0]}" = 0 ] && [ "${status[-1]}" = 0 ]
}

# What would be taken for results is shown as a comment.
show() { if [ -n "$verbose" ]; then sed 's/^/# /' >&2; else cat >/dev/null; fi; }

# have_payload SERIES: makes it, once in a run
declare -A payloads
have_payload() {
	[ -n "${payloads[$1]:-}" ] || (set -e && make_payload "$1") || return
	payloads[$1]=made
}

# kernels_of LAYER TEST...: those whose payload it takes, one a line
kernels_of() {
	local layer=$1 test kernels

	shift
	case $layer in
	guest-*) echo "${layer#guest-}" ;;
	crash)
		for test; do
			kernels=$(header "$HOST_TESTS/$test" kernels)
			# shellcheck disable=SC2086 # words
			printf '%s\n' ${kernels:-${SERIES[0]}}
		done
		;;
	esac
}

# guest: the tests in selftests/guest, in one restored guest. After a test that
# ends or spoils the guest the others go on in another one.

run_guest() {
	local s=$1 output=$LOGS/$layer.log status limit longest test finished

	shift
	echo "1..$#"
	if ! have_payload "$s"; then
		printf 'not ok 1 %s # no payload\n' "$@"
		return
	fi
	while [ $# -gt 0 ]; do
		longest=180
		for test; do
			limit=$(header "$GUEST/$test" timeout)
			[ "${limit:-0}" -le "$longest" ] || longest=$limit
		done
		"$TOP/selftests/vm/run" ${verbose:+-v} -k "$s" -l guest -t $((longest * $# + 60)) \
			-I $((longest + 60)) -g "tests $*" "$(payload "$s")" |
			tee "$output" | grep --line-buffered -v -e '^KTAP version' -e '^1\.\.'
		status=${PIPESTATUS[0]}
		finished=$(grep -cE '^(not )?ok ' "$output")
		shift "$finished"
		if [ $# = 0 ]; then
			[ "$status" -le 1 ] || echo "not ok 0 $layer ended with exit status $status"
		elif [ "$finished" = 0 ] || ! grep -q '^Bail out!' "$output"; then
			echo "not ok 0 $1 # the guest's run ended with exit status $status"
			shift
		fi
	done
}

# crash: the tests in selftests/vm/tests, which drive guests themselves; on the
# newest kernel unless a line "# kernels:" names others

host_test() {
	local test=$1 kernels limit s bad=0

	kernels=$(header "$HOST_TESTS/$test" kernels)
	limit=$(header "$HOST_TESTS/$test" timeout)
	for s in ${kernels:-${SERIES[0]}}; do
		echo "# $test with $s"
		have_payload "$s" || return
		BLKREPL_SERIES=$s timeout -k 60 "${limit:-600}" "$HOST_TESTS/$test" | as_subtests ||
			bad=1
	done
	return $bad
}
