#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0920-faults.t - jobs on four nodes meet a fault in each phase of an epoch and
# of a restart: this list, with new seeds, which are printed (tests/soak)
# shellcheck source-path=SCRIPTDIR/../..
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra unshare nsenter ip python3
unshare --net true 2>/dev/null || skip_all "no network namespaces without root"

# Those that wait longest come first; the number: so many are drawn.
faults="cut+never@launcher-start freeze+never@agent-release
	cut+never@agent-fill cut+never@agent-drain off@agent-rebuilt
	cut+soon@agent-durable freeze+soon@agent-capture off@agent-finish
	rank@agent-frontier agent@agent-counts proxy@agent-drain
	mpiexec@agent-captured launcher@agent-read launcher@commit-synced
	launcher@commit-renamed agent@agent-committed rank@agent-restorer
	agent@agent-filled launcher@agent-back 1"
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
# shellcheck disable=SC2086 # words
"$src/tests/soak/run" --jobs 4 --seconds 420 $faults >"$out" 2>&1
while read -r seed fault rest; do
	if [[ $fault = *@* ]]; then
		ok "$fault, seed $seed" [ "${rest##* }" = good ]
		echo "# $rest"
	else # the table's head and foot, and what went wrong
		echo "# $seed $fault $rest"
	fi
done <"$out"
ok "all 20 have happened" [ $n = 20 ]
done_testing
