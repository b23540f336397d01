#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# 0700-bench.t - `make bench` in small: it runs, and says something of everything
here=${top_builddir:-.}
if ! command -v python3 >/dev/null || ! command -v mpiexec >/dev/null; then
	echo "1..0 # SKIP python3 or mpiexec is not installed"
	exit 0
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
echo 1..3
if timeout 120 "${top_srcdir:-.}/tests/bench/bench" --build "$here" \
	--dir "$work" --pairs 1 --rounds 1 --milliseconds 5 --mib 16 \
	--limit 110 --json "$work/json" >"$work/out" 2>&1; then
	echo "ok 1 - all parts run"
else
	echo "not ok 1 - all parts run"
fi
sed 's/^/# /' "$work/out"
# On several nodes only where it can make some.
nodes=0
unshare --net true 2>/dev/null && nodes=1
targets=$((19 + nodes))
rows=$((23 + nodes))
lines=$(grep -c ' \(<=\|>=\) ' "$work/out")
if [ "$lines" -eq $targets ]; then
	echo "ok 2 - each target has its line"
else
	echo "not ok 2 - $lines lines with targets, not $targets"
fi
if python3 -c 'import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
assert all(r["cairn"] > 0 for r in rows) and len(rows) == int(sys.argv[2])' \
	"$work/json" $rows; then
	echo "ok 3 - the same as JSON, nothing is zero"
else
	echo "not ok 3 - the same as JSON, nothing is zero"
fi
