#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0950-scale.t - what an epoch costs does not grow faster than the nodes
#
# Also what only many nodes meet: more connections than descriptors are allowed
# at first, all at once; and hundreds of agents that are lost in one moment.
#
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2317 # functions are called by ok
. "${top_srcdir:-.}/tests/lib/system.sh"
in_a_folder

# Messages, bytes and memory a node: few and many nodes compared.  The time of
# an epoch is measured on a quiet machine (tests/scale/RESULTS.md).
linear() (
	ulimit -Sn 256
	"$src/tests/scale/scale" --build "$build" --nodes 100,1000 \
		--epochs 3 --limit 120 --check >out 2>&1
)
ok "1000 nodes cost no more a node than 100" linear

mkdir bin && ln -s "$build/tests/scale/agents" bin/mpiexec.hydra
PATH=$PWD/bin:$PATH SIM_NODES=300 SIM_REPORT=$PWD/report \
	cairnrun -n 300 --ckpt-dir ck true >said 2>err &
job=$!
up() {
	[ "$(cairn status --json ck 2>/dev/null |
		sed -n 's/.*"ranks_running": //p')" = 300 ]
}
ok "300 nodes are there" patiently up
kill -KILL "$(pgrep -P "$job")"
wait "$job"
few_words() {
	[ "$(wc -l <err)" -le 3 ]
}
ok "all of them lost at once: it is said, not 300 times" few_words
done_testing
