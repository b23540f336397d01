#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0900-nodes.t - jobs on several nodes (namespaces, tests/lib/cluster): other
# nodes at a restart, and what is done when one of them is lost
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2016,SC2317 # what is evaluated later is in single quotes
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra unshare nsenter ip
unshare --net true 2>/dev/null || skip_all "no network namespaces without root"
in_a_folder
export CLUSTER=$work/cluster NODE_INIT=$build/tests/programs/cluster/node_init
cluster=$src/tests/lib/cluster
heat=$build/tests/programs/heat
shared=$build/tests/programs/shared
mkdir "$CLUSTER"
trap '"$cluster" down; rm -rf "$work"' EXIT
"$cluster" up 3 || exit 99
# On fe $TMPDIR exists, on the other nodes it does not: theirs is /tmp.
export TMPDIR=$CLUSTER/local/tmp
"$cluster" on fe mkdir "$TMPDIR"
# cairn runs where it can reach the job.
mkdir bin
printf '#!/bin/sh\nexec %q on fe %q "$@"\n' "$cluster" \
	"$(command -v cairn)" >bin/cairn
chmod +x bin/cairn
PATH=$work/bin:$PATH
printf 'n0:2\nn1:2\n' >two
printf 'n2:4\n' >one
printf 'n0:1\nn1:1\nn2:2\n' >three
printf 'n0:2\nn1:2\nn2:2 # to spare\n' >spare

# job HOSTS ARGUMENTS...: cairnrun on fe
job() {
	local hosts=$1
	shift
	timeout -k 5 100 "$cluster" on fe cairnrun -f "$hosts" -launcher ssh \
		-launcher-exec "$src/tests/lib/cluster-rsh" "$@" </dev/null
}

begin_job() {
	fresh
	job "$@" >out 2>err &
	job=$!
}

# nothing_runs NODE...: none of ours does there
nothing_runs() {
	local node
	for node in "$@"; do
		! "$cluster" on "$node" pgrep -x 'heat|cairnd' >/dev/null ||
			return 1
	done
}

# Other jobs of this machine may have theirs there.
agents_folders() {
	ls -d /tmp/cairn-??????/agent-* 2>/dev/null
}
folders=$(agents_folders)

no_more_folders() {
	[ -z "$(agents_folders | comm -13 <(echo "$folders") -)" ]
}

# kept DIR: a committed epoch verifies
kept() {
	timeout 60 cairn verify "$1" >said 2>&1
}

steps=1500
mpiexec.hydra -n 4 "$heat" 64 $steps >native 2>&1

# --- nodes come and go between runs ---
begin_job two --ckpt-dir moved -n 4 "$heat" 64 $steps
patiently up moved 4
ok "an epoch spans two nodes" checkpoint moved
kill -KILL "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' moved/job.json)"
wait "$job" 2>/dev/null
ok "a launcher that dies takes ranks and agents of all nodes with it" \
	patiently nothing_runs n0 n1
fresh
job one --restart moved >out 2>err
ok "restarted on one other node, through shared memory" same_answer
job three --restart moved >out 2>err
ok "restarted on three nodes" same_answer
job two --iface 10.77.0.254 --restart moved >out 2>err
ok "restarted over one interface, named by its address" same_answer
job two --iface fd77::254 --restart moved >out 2>err
ok "restarted over IPv6" same_answer
begin_job one --ckpt-dir common -n 4 "$shared" 300 5000 /common
patiently grep -q ^step out
checkpoint common
kill -KILL "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' common/job.json)"
wait "$job" 2>/dev/null
patiently nothing_runs n2
fresh
ok "ranks that shared memory are not restarted on two nodes" eval \
	'! job two --restart common >out 2>err && ! grep -q ^step out'
ok "they are named" said 'ranks [0-3] and [0-3] shared memory of their node'
job one --restart common >out 2>err
ok "they are restarted on one" grep -qx "answer 1200" out
ok "an interface that is not there is refused by name" eval \
	'! job two --iface wlan7 -n 4 true 2>err && said wlan7'
ok "no node keeps a socket's folder" patiently no_more_folders

# --- nodes are lost while the job runs ---
# lose WHAT [OPTIONS]: begin a job, have an epoch, let it happen
lose() {
	rm -rf lost
	begin_job spare --ckpt-dir lost "${@:2}" -n 4 "$heat" 64 $steps
	patiently up lost 4
	checkpoint lost
	eval "$1"
}
pkill_on() { # NODE NAME
	"$cluster" on "$1" pkill -KILL -o -x "$2"
}

lose '"$cluster" kill n1' --restarts 1
ok "a node dies: the job goes on without it" ends 0
ok "with the same answer" same_answer
ok "and says which node" said 'node n1 does not answer; the job goes on'
"$cluster" revive n1

lose '"$cluster" cut n1' --restarts 1
ok "a link is cut: noticed, and gone on without the node" ends 0
ok "with the same answer" same_answer
ok "the node that was cut off ended its ranks by itself" \
	patiently nothing_runs n1
"$cluster" heal n1

lose '"$cluster" freeze n1' --restarts 1
ok "a node freezes: taken for dead after a while" ends 0
ok "with the same answer" same_answer
"$cluster" thaw n1
ok "when it thaws, what ran there ends" patiently nothing_runs n1

lose 'pkill_on n1 cairnd' --restarts 1
ok "an agent is killed: restarted, on the same nodes" eval \
	'ends 0 && same_answer && said "node n1 has lost its agent" &&
	! said "goes on without it"'

lose 'pkill_on n1 heat' --restarts 1
ok "a rank is killed: restarted" eval 'ends 0 && same_answer'

lose '"$cluster" cut n1'
ok "without --restarts the job ends when a node is lost" ends 255
ok "names it, and says how to go on" eval \
	'said "node n1 cannot be reached" && said "cairnrun --restart lost"'
ok "its epoch is whole" kept lost
"$cluster" heal n1

lose '"$cluster" freeze n1'
ok "a frozen node without --restarts: said" patiently said \
	'node n1 has not answered'
ok "a checkpoint meanwhile is refused by the node's name" eval \
	'! checkpoint lost && grep -q "node n1" said'
"$cluster" thaw n1
ok "it answers again" patiently said 'node n1 answers again'
ok "and checkpoints go on" checkpoint lost
ok "to the native answer" eval 'ends 0 && same_answer'
done_testing
