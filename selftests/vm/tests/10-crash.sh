#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# timeout: 1200
# kernels: 6.12 6.1
# Crashes of a mirror.

# shellcheck source=selftests/lib/crash-rounds.sh
. "$(dirname "$0")/../../lib/crash-rounds.sh"

rounds=15
[ "$series" = 6.12 ] || rounds=5
crash_rounds "${BLKREPL_ROUNDS:-$rounds}" whole
