#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0910-slurm.t - batch jobs of a real Slurm (tests/lib/slurm): what outlives its
# walltime, and how each of Slurm's ways to end a job ends
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2016,SC2317 # what is evaluated later is in single quotes
. "${top_srcdir:-.}/tests/lib/system.sh"
PATH=$PATH:/usr/sbin:/sbin
needs mpiexec.hydra slurmctld slurmd munged sbatch scontrol
in_a_folder
export SLURM_TEST=$work/slurm SLURM_CONF=$work/slurm/slurm.conf
slurm=$src/tests/lib/slurm
heat=$build/tests/programs/heat
chmod 711 "$work" # munge wants its socket to be found by all
mkdir "$SLURM_TEST"
trap '"$slurm" down; rm -rf "$work"' EXIT
# Jobs that end so are requeued; cairnrun's 85 is not among them, so that it has
# to see to the next run itself.  A requeued job waits until its old credential
# has expired: whoever hurries it (StartTime=now) sees "Job credential revoked".
export SLURM_REQUEUE_EXIT=99
"$slurm" up 2 8 || exit 99

# within SECONDS COMMAND...: patiently, for longer
within() {
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" && return 0
		moment
	done
	return 1
}

# script NAME SBATCH-OPTIONS COMMAND...: a batch script, with one log
script() {
	local name=$1 options=$2
	shift 2
	{
		echo "#!/bin/bash"
		echo "#SBATCH -J $name -o $work/$name.log --open-mode=append"
		[ -z "$options" ] || echo "#SBATCH $options"
		echo "$*"
	} >"$name.sh"
}

submit() { # NAME [OPTIONS]: gives the job's number
	sbatch --parsable "${@:2}" "$1.sh"
}

state() { # JOB
	squeue -h -j "$1" -o %T 2>/dev/null
}

is_over() { # JOB
	[ -z "$(state "$1")" ] || [ "$(state "$1")" = COMPLETED ]
}

restarts() { # JOB
	scontrol -o show job "$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'
}

was_restarted() { # JOB COUNT
	[ "$(restarts "$1")" -ge "$2" ]
}

said() { # NAME TEXT
	grep -q -- "$2" "$1.log"
}

steps() { # NAME: how often each step was printed, if more than once
	grep '^step' "$1.log" | sort | uniq -d
}

# answers NAME: its one answer is the native one; else shows how it stands
answers() {
	cp "$1.log" out
	squeue >said
	[ "$(grep -c '^answer' "$1.log")" = 1 ] &&
		grep -qx "$(grep '^answer' native)" "$1.log"
}

up_in() { # JOB COUNT: the ranks of its cairnrun run
	ranks_run "$(echo "cairn-heat-$1-"*)" "$2"
}

mpiexec.hydra -n 2 "$heat" 64 1500 >native
rest="64 1500 100000" # two and a half minutes
some="64 1500 10000"  # a quarter of a minute

# --- beyond the walltime: runs beside all that follows ---
script long "-n 2 -t 1 --requeue" "exec cairnrun -n 2 $heat $rest"
long=$(submit long)

# --- a signal, exec ---
script signal "-n 2 -t 10 --requeue" "exec cairnrun -n 2 $heat $some"
job=$(submit signal)
within 60 up_in "$job" 2
ok "a status comes from outside the job" eval \
	'cairn status "$(echo cairn-heat-'"$job"'-*)" | grep -q "2 of 2 ranks"'
scancel -b -s USR1 "$job"
ok "USR1 to the batch script: checkpointed and requeued" within 60 \
	said signal "job $job is requeued"
within 60 was_restarted "$job" 1
ok "the requeued job goes on to the native answer" within 120 answers signal
ok "its log has each line once" eval '[ -z "$(steps signal)" ]'

# --- a shell in between ---
script foreground "-n 1 -t 10 --signal=B:USR1@60" "cairnrun -n 1 $heat 64 10
echo after"
submit foreground >/dev/null
ok "a shell that would die of the signal: the line to change is named" \
	within 60 said foreground 'line 4 of the script to: exec cairnrun'
ok "the job runs all the same" within 60 said foreground after
script truncated "-n 1" "exec cairnrun -n 1 $heat 64 10"
sed -i 's/ --open-mode=append//' truncated.sh
submit truncated >/dev/null
ok "output that a requeue would truncate: said" within 60 \
	said truncated open-mode=append

# --- an array ---
script array "-n 1 -t 10 --requeue --array=0-1" \
	"exec cairnrun -n 1 $heat 64 400 50000"
job=$(submit array -o "$work/array-%a.log")
within 60 up_in "${job}_0" 1
within 60 up_in "${job}_1" 1
scancel -b -s USR1 "${job}_1"
ok "one task of an array is checkpointed and requeued" within 60 \
	said array-1 "job ${job}_1 is requeued"
ok "the other one is left alone" eval '! said array-0 requeued'
within 60 was_restarted "${job}_1" 1
ok "both come to their end" within 60 eval \
	'said array-0 ^answer && said array-1 ^answer'

# --- a job that must not be requeued ---
script again "-n 2 -t 10 --no-requeue" \
	"exec cairnrun --resubmit -n 2 $heat $some"
job=$(submit again)
within 60 up_in "$job" 2
scancel -b -s USR1 "$job"
ok "with --resubmit the script is submitted again" within 60 \
	said again "it goes on as job"
ok "and the new job goes on from the old one's folder" within 120 answers again

script two "-n 2 -t 10 --no-requeue" "cairnrun -n 2 $heat 64 100 1000
exec cairnrun --resubmit -n 2 $heat $some"
job=$(submit two)
within 60 said two ^answer
within 60 up_in "$job" 2
scancel -b -s USR1 "$job"
ok "of two programs in a script the second one is stopped" within 60 \
	said two "it goes on as job"
ok "in the next job the first runs anew, and the second goes on" within 120 \
	eval '[ "$(grep -c ^answer two.log)" = 3 ]'
ok "each line of the second is there once" eval \
	'[ "$(grep -c "^step 1500:" two.log)" = 1 ]'

script stays "-n 2 -t 1 --no-requeue" \
	"exec cairnrun --stop-before 50s -n 2 $heat 64 1500 20000"
submit stays >/dev/null
ok "without it: a checkpoint before the end, and the job runs on" within 60 \
	answers stays
ok "as it says" said stays 'the batch job ends in .* s: checkpointing it$'

# --- a job that gets nowhere ---
script nowhere "-n 1 -t 10 --requeue" \
	"cairnrun -n 1 $heat 64 9000 100000; [ \$? = 1 ] || exit 99"
job=$(submit nowhere)
within 60 up_in "$job" 1
checkpoint "$(echo cairn-heat-"$job"-*)"
for k in 1 2 3 4; do
	within 60 up_in "$job" 1
	kill -KILL "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' \
		cairn-heat-"$job"-*/job.json)"
	within 60 was_restarted "$job" $k
done
ok "started again and again from one epoch: it stops, and says why" within 60 \
	said nowhere 'started 3 times from epoch 1 without'
scancel "$job" 2>/dev/null

# --- srun ---
script srun "-N 2 -n 2 -t 10 --requeue" \
	"exec cairnrun --launcher srun -n 2 $heat 64 1500 8000"
job=$(submit srun)
within 60 up_in "$job" 2
scancel -b -s USR1 "$job"
ok "srun as the launcher: checkpointed and requeued" within 60 \
	said srun "job $job is requeued"
within 60 was_restarted "$job" 1
ok "and on to the native answer" within 120 answers srun

# --- scripts/slurm, but for the program and the time ---
for example in simple array preemptable chained; do
	sed "s|\\./simulation.*|$heat 64 1500 5000|" \
		"$src/scripts/slurm/$example.sh" >$example.sh
	task='' log=$example file=$example
	[ $example != array ] || task=_1 log=example_1 file=example_%a
	job=$(submit $example --time=5 -o "$work/$file.log")
	within 60 up_in "$job$task" "$([ "$task" ] && echo 1 || echo 2)"
	scancel -b -s USR1 "$job$task"
	ok "the example $example.sh goes on in a second run" within 120 \
		eval "said $log 'stopped after epoch' && said $log '^answer'"
done

# --- the long one ---
ok "a job of 150 s goes through its walltime of 60 s to the native answer" \
	within 400 answers long
ok "by being requeued" was_restarted "$long" 2
ok "its log has each line once" eval '[ -z "$(steps long)" ]'
ok "the job that was submitted again ran once only" answers again
ok "nothing is left in the queue" within 60 eval \
	'[ -z "$(squeue -h)" ]'
done_testing
