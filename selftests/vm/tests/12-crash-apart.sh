#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on demand: it takes long
# timeout: 2400
# kernels: 6.12
# Crashes of a mirror with consistency off, while one of its legs has failed, fails, or
# is being taken back.

# shellcheck source=selftests/lib/crash-rounds.sh
. "$(dirname "$0")/../../lib/crash-rounds.sh"

crash_rounds "${BLKREPL_ROUNDS:-12}" apart
