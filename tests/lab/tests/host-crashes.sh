#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host-crash.sh, five times each, and then a run that goes on.
export ROUNDS=5 GOES_ON=1
# shellcheck source=host-crash.sh
. "$(dirname "$0")/host-crash.sh"
