#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0500-mpich-suite.t - MPICH's own test programs in three beats: plain, with
# checkpoints, with kills and restarts.  Each beat has its share of time and runs
# the sample in a random order; a failure's seed is in its first line.
build=$(cd "${top_builddir:-.}" && pwd)
source=$(cd "${top_srcdir:-.}" && pwd)
suite=${CAIRN_CACHE:-}/mpich-suite

if [ -z "${CAIRN_CACHE:-}" ] || [ ! -e "$suite/configured" ]; then
	echo "1..0 # SKIP MPICH's test programs are not built in CAIRN_CACHE" \
		"(scripts/third-party CACHE mpich-suite)"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
unset CAIRN_LOG
failed=0
n=0

beat() { # MODE SECONDS
	n=$((n + 1))
	if timeout $(($2 + 120)) "$source/tests/suite/mpich-suite" \
		--suite "$suite" --cairnrun "$build/launcher/cairnrun" \
		--list "$source/tests/suite/sample" --mode "$1" --max-seconds 4 \
		--budget "$2" --jobs 2 --timeout 90 >"$work/out" 2>&1; then
		echo "ok $n - MPICH's own programs pass, $1"
	else
		failed=1
		echo "not ok $n - MPICH's own programs pass, $1"
	fi
	sed 's/^/# /' "$work/out"
}

echo 1..3
beat plain 60
beat checkpoint 80
beat kill 120
exit $failed
