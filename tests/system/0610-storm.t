#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0610-storm.t - storms that are checkpointed, killed and restarted at random:
# a fixed list of seeds, then new ones, which are printed, while the time lasts
here=$(cd "${top_srcdir:-.}" && pwd)/tests/system
if ! command -v mpiexec.hydra >/dev/null; then
	echo "1..0 # SKIP mpiexec.hydra is not installed"
	exit 0
fi
unset CAIRN_LOG

# The runner says what failed, and leaves its folder if STORM_KEEP names one.
timeout 600 python3 "$here/storm-runner" --seconds 100 --fresh 1000 \
	${STORM_KEEP:+--keep "$STORM_KEEP"} \
	58781721 808046094 1039074341 218447742 414158978 |
	sed 's/^/# /'
code=${PIPESTATUS[0]}
[ "$code" = 0 ] || printf 'not '
echo "ok 1 - every storm ends with its native answer"
echo "1..1"
exit "$code"
