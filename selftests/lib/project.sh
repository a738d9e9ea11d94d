# SPDX-License-Identifier: GPL-2.0
# Shared by check, demo and the host-driven tests: building the project, and
# payloads for the guests.
# shellcheck shell=bash disable=SC2034 # variables for the scripts that read this one

# What building the project takes.
BUILD_PACKAGES=(
	build-essential pkg-config meson ninja-build kmod
	libsystemd-dev libnl-3-dev libnl-genl-3-dev libsqlite3-dev libjson-c-dev
	libsmartcols-dev libgcrypt20-dev scdoc python3 python3-yaml
)
# What testing takes besides. The kernel's source has the generator for the netlink
# interface, and checkpatch.
TEST_PACKAGES=(
	sparse dkms linux-source-6.12 python3-jsonschema libcmocka-dev
	systemd dbus polkitd e2fsprogs git perl xz-utils
	python3-dasbus python3-dbusmock python3-pytest
)

# shellcheck source=selftests/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# payload SERIES: prints the payload's directory; it is built by make_payload
payload() { echo "$TOP/build/payload-$1"; }

make_payload() {
	"$TOP/selftests/vm/payload" "$(kernel_version "$1")" "$(payload "$1")"
}
