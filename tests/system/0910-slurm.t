#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0910-slurm.t - batch jobs of a real Slurm (tests/lib/slurm): what outlives its
# walltime, and how each of Slurm's ways to end a job ends
#
# Most of a job's time here is Slurm's, or sleep, so jobs run beside each other:
# all of a part are started, then something is done to them, then looked at.
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2016 # what is evaluated later is in single quotes
# shellcheck disable=SC2034,SC2154 # the parts share variables
. "${top_srcdir:-.}/tests/lib/system.sh"
. "$src/tests/lib/slurm-jobs.sh"
. "$src/tests/system/slurm/endings.sh"
. "$src/tests/system/slurm/requeues.sh"
needs mpiexec.hydra slurmctld slurmd munged sbatch scontrol sattach python3
in_a_folder
with_slurm 5 32
stopped='' holder=''
trap 'kill -KILL $stopped $holder 2>/dev/null
	"$slurm" down; rm -rf "$work"' EXIT
heat=$build/tests/programs/heat
mpiexec.hydra -n 2 "$heat" 64 1500 >native
some="64 1500 10000"  # a quarter of a minute
rest="64 1500 115000" # three minutes

# Beyond the walltime, beside all that follows.
script long "-n 2 -t 1 --requeue" "exec cairnrun -n 2 $heat $rest"
long=$(submit long)

start_endings
end_jobs
start_requeues
stop_requeues
end_restart
check_endings
start_examples
start_het
start_nowhere
check_requeues
stop_examples
check_nowhere
check_examples
check_het

ok "a job of three minutes goes through its walltime of one to the native answer" \
	within 900 answers long
ok "by being requeued" was_restarted "$long" 2
ok "its log has each line once" eval '[ -z "$(steps long)" ]'
ok "the job that was submitted again ran once only" answers again
ok "nothing is left in the queue" within 120 eval '[ -z "$(squeue -h)" ]'
done_testing
