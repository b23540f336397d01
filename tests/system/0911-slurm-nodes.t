#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0911-slurm-nodes.t - batch jobs of a real Slurm on nodes that can be switched
# off (namespaces, tests/lib/cluster)
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2016,SC2317 # what is evaluated later is in single quotes
. "${top_srcdir:-.}/tests/lib/system.sh"
. "$src/tests/lib/slurm-jobs.sh"
needs mpiexec.hydra slurmctld slurmd munged sbatch scontrol unshare nsenter ip
unshare --net true 2>/dev/null || skip_all "no network namespaces without root"
in_a_folder
export CLUSTER=$work/cluster NODE_INIT=$build/tests/programs/cluster/node_init
cluster=$src/tests/lib/cluster
heat=$build/tests/programs/heat
mkdir "$CLUSTER"
"$cluster" up 3 || exit 99
export SLURM_CLUSTER=$cluster
with_slurm 3 4
trap '"$slurm" down; "$cluster" down; rm -rf "$work"' EXIT
# Slurm and cairn are used where they are understood: on the front end.  No
# programs in $PATH: jobs would find them, too.
for tool in cairn squeue sbatch scancel scontrol sinfo; do
	eval "$tool() { \"\$cluster\" on fe $tool \"\$@\"; }"
done
mpiexec.hydra -n 3 "$heat" 64 1500 >native
work_of_30_s="64 1500 20000"

committed_in() { # JOB
	committed "$(echo cairn-heat-"$1"-*)"
}

# --- a job that Slurm keeps on the nodes that are left ---
script stays "-N 3 -n 3 -t 10 --no-kill" \
	"exec cairnrun --restarts 1 --interval 2s -n 3 $heat $work_of_30_s"
stays=$(submit stays)
within 120 up_in "$stays" 3
ok "on three nodes: cairn status from the front end" eval \
	'cairn status "$(echo cairn-heat-$stays-*)" | grep -q "3 of 3 ranks"'
within 120 committed_in "$stays"
squeue -s >steps
cp steps said
ok "squeue shows the job's step" grep -q "^ *$stays\.0 " steps
"$cluster" kill n2
ok "a node is switched off: the job is restarted by itself" within 120 \
	said stays 'the job crashed; restarting it from epoch'
ok "without that node" said stays 'node n2 does not answer; the job goes on'
ok "on those that are left, to the native answer" within 300 answers stays
"$cluster" revive n2
"$cluster" on n2 slurmd -N n2
within 120 eval '[ "$(sinfo -h -N -t idle -o %N | wc -l)" = 3 ]'

# --- a job that must be requeued ---
script again "-N 3 -n 3 -t 10 --requeue" \
	"exec cairnrun --interval 2s -n 3 $heat $work_of_30_s"
again=$(submit again)
within 120 committed_in "$again"
"$cluster" kill n2
ok "a node is switched off: the job is requeued" within 120 \
	said again "job $again is requeued"
"$cluster" revive n2
"$cluster" on n2 slurmd -N n2
ok "and goes on, when the node is back, to the native answer" within 300 \
	answers again
done_testing
