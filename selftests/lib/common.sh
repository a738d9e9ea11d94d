# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts that run on the host: messages, packages, kernels.
# shellcheck shell=bash

set -euo pipefail

export HOME=${HOME:-/root} TERM=${TERM:-dumb} LC_ALL=C.UTF-8
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export DEBIAN_FRONTEND=noninteractive

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${BLKREPL_CACHE:-/var/cache/blkrepl}
LOGS=${BLKREPL_LOGS:-$TOP/build/logs}
# shellcheck disable=SC2034 # for the scripts that read this one
SERIES=(6.12 6.1)
export BLKREPL_CACHE=$CACHE BLKREPL_LOGS=$LOGS

# Progress goes to stderr: stdout belongs to what a script prints as its result.
say() { printf '%s\n' "$*" >&2; }

die() {
	say "${0##*/}: $*"
	exit 1
}

# usage: prints the header comment of the running script
usage() { sed -n '3,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# timed TEXT COMMAND...: runs the command, says how long it took
timed() {
	local text=$1 begin=$SECONDS

	shift
	"$@"
	say "$text: $((SECONDS - begin)) s"
}

# quietly LOG COMMAND...: output goes to LOG, whose end is shown on failure
quietly() {
	local log=$1

	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 && return
	tail -n 40 "$log" >&2
	die "failed: $* (whole output: $log)"
}

need_debian() {
	[ "$(id -u)" = 0 ] || die "must run as root"
	[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
		die "needs Debian on amd64"
}

apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o APT::Install-Recommends=false "$@"; }

update_lists() {
	timed "apt-get update" quietly "$LOGS/apt-update.log" apt update
	mkdir -p "$CACHE"
	touch "$CACHE/lists-updated"
}

# Debian's archive forgets superseded versions: before anything is fetched, lists
# that are older than a day are brought up to date.
need_fresh_lists() {
	[ -n "$(find "$CACHE/lists-updated" -mtime -1 2>/dev/null)" ] || update_lists
}

# need_packages PACKAGE...: installs by apt what is not installed
need_packages() {
	local package missing=()

	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	say "installing: ${missing[*]}"
	need_fresh_lists
	timed "apt-get install" quietly "$LOGS/apt-install.log" apt install "${missing[@]}"
}

# kernel_version SERIES: the newest stock kernel of a series, by its metapackage. The
# answer holds until packages or their lists change.
kernel_version() {
	local meta version known=$CACHE/kver-$1

	if [ "$known" -nt /var/lib/apt/lists ] && [ "$known" -nt /var/lib/dpkg/status ]; then
		cat "$known"
		return
	fi
	case $1 in
	6.1) meta=linux-headers-amd64 ;;
	*) meta=linux-headers-$1-amd64 ;;
	esac
	apt-cache show "$meta" >/dev/null 2>&1 || update_lists
	version=$(apt-cache depends --important "$meta" |
		sed -n 's/^ *Depends: linux-headers-\([0-9].*\)/\1/p' | head -n 1)
	[[ $version == "$1".* ]] || die "no stock kernel of series $1 ($meta: ${version:-none})"
	mkdir -p "$CACHE"
	echo "$version" >"$known.$$"
	mv "$known.$$" "$known"
	echo "$version"
}
