# SPDX-License-Identifier: GPL-2.0
# Shared by check, demo and the host-driven tests: building the project, and
# payloads for the guests.
# shellcheck shell=bash disable=SC2034 # variables for the scripts that read this one

# What building the project takes.
BUILD_PACKAGES=(
	build-essential pkg-config meson ninja-build kmod
	libsystemd-dev libnl-3-dev libnl-genl-3-dev libsqlite3-dev libjson-c-dev
	libsmartcols-dev scdoc python3 python3-yaml
)
# What testing takes besides.
TEST_PACKAGES=(
	sparse dkms libcmocka-dev systemd dbus e2fsprogs python3-dasbus python3-dbusmock
	python3-pytest polkitd git perl
)

# shellcheck source=selftests/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# payload SERIES: prints the payload's directory; it is built by make_payload
payload() { echo "$TOP/build/payload-$1"; }

make_payload() {
	"$TOP/selftests/vm/payload" "$(kernel_version "$1")" "$(payload "$1")"
}
