# SPDX-License-Identifier: BSD-3-Clause
# requeues.sh - stopped in time, and going on in another run (0910-slurm.t)
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # what others set, what others call

examples="simple array preemptable chained burst-buffer"

start_requeues() {
	script signal "-n 2 -t 10 --requeue" "exec cairnrun -n 2 $heat $some"
	script foreground "-n 1 -t 10 --signal=B:USR1@60" \
		"cairnrun -n 1 $heat 64 10
echo after"
	script truncated "-n 1" "exec cairnrun -n 1 $heat 64 10"
	sed -i 's/ --open-mode=append//' truncated.sh
	script array "-n 1 -t 10 --requeue --array=0-1" \
		"exec cairnrun -n 1 $heat 64 400 50000"
	script again "-n 2 -t 10 --no-requeue" \
		"exec cairnrun --resubmit -n 2 $heat $some"
	script two "-n 2 -t 10 --no-requeue" \
		"cairnrun -n 2 $heat 64 100 1000
exec cairnrun --resubmit -n 2 $heat $some"
	script stays "-n 2 -t 1 --no-requeue" \
		"exec cairnrun --stop-before 50s -n 2 $heat 64 1500 20000"
	script srun "-N 2 -n 2 -t 10 --requeue" \
		"exec cairnrun --launcher srun -n 2 $heat $some"
	signal=$(submit signal)
	submit foreground >/dev/null
	submit truncated >/dev/null
	array=$(submit array -o "$work/array-%a.log")
	again=$(submit again)
	two=$(submit two)
	submit stays >/dev/null
	srun=$(submit srun)
}

# Two components, each with a cairnrun of its own for the same program; and
# both for the ranks of one.
start_het() {
	cat >het.sh <<-SCRIPT
		#!/bin/bash
		#SBATCH -J het -o $work/het.log --open-mode=append
		#SBATCH --requeue -t 10
		for k in 0 1; do
			cairnrun --launcher srun --het-group=\$k -n 1 \
				$heat $some >>$work/het-\$k.log 2>&1 &
		done
		trap 'kill -USR1 \$(jobs -p)' USR1
		while [ "\$(jobs -p)" ]; do
			wait
			jobs >/dev/null
		done
	SCRIPT
	het=$(sbatch --parsable -n 1 : -n 1 het.sh)
	script het-world "-t 10 --requeue" "exec cairnrun --launcher srun \
		--het-group=0,1 -n 1 $heat $some"
	het_world=$(sbatch --parsable -n 1 : -n 1 het-world.sh)
}

check_het() {
	local k
	for k in 0 1; do
		ok "component $k of a heterogeneous job: stopped" within 120 \
			said het-$k "stopped after epoch 1; job $het is requ"
		ok "and on to its answer" within 300 said het-$k ^answer
		ok "each line once" eval '[ -z "$(steps het-$k)" ]'
	done
	ok "a program across both components: stopped" within 120 \
		said het-world "stopped after epoch 1; job $het_world is requ"
	ok "and on to the native answer" within 300 answers het-world
}

# scripts/slurm, but for the program and the time
start_examples() {
	local one file
	for one in $examples; do
		sed "s|\\./simulation.*|$heat 64 1500 5000|" \
			"$src/scripts/slurm/$one.sh" >"$one-example.sh"
		file=$one-example
		[ "$one" != array ] || file=array-example-%a
		eval "example_${one//-/_}=\$(submit $one-example --time=5 \
			-o '$work/$file.log')"
	done
}

stop() { # JOB RANKS: as soon as it has them
	within 120 up_in "$1" "$2"
	scancel -b -s USR1 "${1%+*}"
}

# As users of srun do; Cairn is not to be seen.
look_at_step() {
	within 120 up_in "$srun" 2
	squeue -h -s -o "%i %j" >said
	ok "squeue -s names srun's step as without Cairn" \
		grep -qx "$srun.0 heat" said
	timeout 60 sattach "$srun.0" >out 2>&1 &
	job=$!
	ok "sattach shows its output" within 60 grep -q "^step" out
	kill "$job" 2>/dev/null
	wait "$job"
}

stop_requeues() {
	within 120 up_in "$signal" 2
	ok "a status comes from outside the job" eval \
		'cairn status "$(echo cairn-heat-$signal-*)" |
			grep -q "2 of 2 ranks"'
	stop "$signal" 2
	within 120 up_in "${array}_0" 1
	stop "${array}_1" 1
	stop "$again" 2
	look_at_step
	stop "$srun" 2
	within 120 said two ^answer
	stop "$two" 2
}

stop_examples() {
	stop "$example_simple" 2
	stop "${example_array}_1" 1
	stop "$example_preemptable" 2
	stop "$example_chained" 2
	stop "$example_burst_buffer" 2
	within 120 up_in "$het+0" 1
	stop "$het+1" 1
	stop "$het_world+0,1" 2
}

check_requeues() {
	ok "USR1 to the batch script: checkpointed and requeued" within 120 \
		said signal "job $signal is requeued"
	ok "the requeued job goes on to the native answer" within 300 \
		answers signal
	ok "its log has each line once" eval '[ -z "$(steps signal)" ]'

	ok "a shell that would die of the signal: the line to change is named" \
		within 120 said foreground \
		'line 4 of the script to: exec cairnrun'
	ok "the job runs all the same" within 120 said foreground after
	ok "output that a requeue would truncate: said" within 120 \
		said truncated open-mode=append

	ok "one task of an array is checkpointed and requeued" within 120 \
		said array-1 "job ${array}_1 is requeued"
	ok "both come to their end" within 300 eval \
		'said array-0 ^answer && said array-1 ^answer'
	ok "the other one was left alone" eval '! said array-0 requeued'

	ok "with --resubmit the script is submitted again" within 120 \
		said again "it goes on as job"
	ok "and the new job goes on from the old one's folder" within 300 \
		answers again
	ok "of two programs in a script the second one is stopped" within 120 \
		said two "it goes on as job"
	ok "in the next job the first runs anew, and the second goes on" \
		within 300 eval '[ "$(grep -c ^answer two.log)" = 3 ]'
	ok "each line of the second is there once" eval \
		'[ "$(grep -c "^step 1500:" two.log)" = 1 ]'

	ok "without it: a checkpoint before the end, and the job runs on" \
		within 300 answers stays
	ok "as it says" said stays \
		'the batch job ends in .* s: checkpointing it$'
	ok "srun as the launcher: checkpointed and requeued" within 120 \
		said srun "job $srun is requeued"
	ok "and on to the native answer" within 300 answers srun
}

check_examples() {
	local one log
	for one in $examples; do
		log=$one-example
		[ "$one" != array ] || log=array-example-1
		ok "the example $one.sh goes on in a second run" within 300 \
			eval "said $log 'stopped after epoch' &&
				said $log '^answer'"
	done
	cat "cairn-heat-$example_burst_buffer-"*/cairn.log >out
	ok "burst-buffer.sh was flushed before it was requeued" \
		grep -q "epoch 1 flushed from the burst buffers" \
		<(sed '/stopped after epoch 1/q' out)
}

# --- a job that gets nowhere ---
start_nowhere() {
	script nowhere "-n 1 -t 10 --requeue" \
		"cairnrun -n 1 $heat 64 9000 100000; [ \$? = 1 ] || exit 99"
	nowhere=$(submit nowhere)
}

check_nowhere() {
	local dir
	within 120 up_in "$nowhere" 1
	dir=$(echo cairn-heat-"$nowhere"-*)
	checkpoint "$dir"
	for k in 1 2 3 4; do
		within 120 up_in "$nowhere" 1
		kill -KILL "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' \
			"$dir/job.json")"
		within 120 was_restarted "$nowhere" $k
	done
	ok "started again and again from one epoch: it stops, and says why" \
		within 120 said nowhere 'started 3 times from epoch 1 without'
	scancel "$nowhere" 2>/dev/null
}
