# SPDX-License-Identifier: BSD-3-Clause
# endings.sh - each of Slurm's ways to end a job (0910-slurm.t)
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # what others set, what others call

start_endings() {
	script cancel "-n 2 -t 10 --requeue" "exec cairnrun -n 2 $heat $some"
	script cancel-srun "-N 2 -n 2 -t 10 --requeue" \
		"exec cairnrun --launcher srun -n 2 $heat $some"
	# Its epoch can never be whole: its agent is stopped.
	script late "-n 2 -t 10" "exec cairnrun -n 2 $heat $some"
	# Slurm looks for jobs whose time is over each half minute only.
	script limit "-n 2 -t 10 --requeue" \
		"exec cairnrun -n 2 $heat 64 1500 40000"
	# TERM is its own affair: it must get it.
	script handler "-n 1 -t 10" "exec cairnrun --launcher srun -n 1 \
		python3 $src/tests/system/slurm/handler.py"
	script scav "-p scav -n 2 -t 10 --requeue" \
		"exec cairnrun -n 2 $heat $some"
	script scav-signal "-p scav -n 2 -t 10 --requeue --signal=B:USR1@60" \
		"exec cairnrun -n 2 $heat $some"
	# Its next run stands still while it comes back.
	script back "-p scav -n 2 -t 10 --requeue" \
		"CAIRN_MOMENTS=$work/moments exec cairnrun -n 2 $heat $some"
	python3 "$src/tests/system/slurm/hold.py" "$work/moments" \
		agent-restorer >back-held.log &
	holder=$!
	local one
	for one in cancel cancel-srun late limit handler scav scav-signal \
		back; do
		eval "${one//-/_}=\$(submit $one)"
	done
}

end_jobs() {
	within 120 up_in "$cancel" 2
	within 120 up_in "$cancel_srun" 2
	within 120 up_in "$limit" 2
	within 120 up_in "$scav" 2
	within 120 up_in "$scav_signal" 2
	within 120 up_in "$back" 2
	within 120 said handler ready
	within 120 up_in "$late" 2 &&
		checkpoint "$(echo cairn-heat-"$late"-*)"
	stopped=$(agent_of "$late")
	kill -STOP "$stopped"
	scontrol update JobId="$limit" EndTime=now
	scancel "$cancel" "$cancel_srun" "$late"
	scancel -s TERM "$handler"
	submit_wrapped -p high -n 2 --exclusive --wrap true
}

# Once more, while it is on its way back; all that is in the way goes, too.
end_restart() {
	within 120 said back "stopped after epoch 1; job $back is requeued"
	within 120 said back-held agent-restorer
	submit_wrapped -p high -n 2 --exclusive --wrap true
	ok "preempted while it comes back: the epoch stays, and it is requeued" \
		within 120 said back \
		"Slurm's TERM; epoch 1 stays; job $back is requeued"
	kill "$holder"
	wait "$holder"
	holder=
}

agent_of() { # JOB: the number of its agent; others have such jobs, too
	local pid
	for pid in $(pgrep -x cairnd); do
		[ "$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" |
			grep -cx -e "SLURM_JOB_ID=$1" \
				-e "SLURM_CONF=$SLURM_CONF")" != 2 ] ||
			echo "$pid"
	done
}

# goes_on NAME JOB: by hand, to the native answer
goes_on() {
	timeout 300 cairnrun --restart "$(echo cairn-heat-"$2"-*)" \
		>>"$1.log" 2>&1
	answers "$1"
}

check_endings() {
	ok "scancel: checkpointed in the time before KILL" within 120 \
		said cancel 'stopped after epoch 1; go on with: cairnrun --rest'
	ok "it says why" said cancel "job $cancel was cancelled"
	ok "by srun, on two nodes: the same" within 120 \
		said cancel-srun 'stopped after epoch 1; go on with: cairnrun'
	ok "who cancels a job does not want it back" within 120 eval \
		'is_over "$cancel" && is_over "$cancel_srun"'
	ok "and goes on with it by that line" goes_on cancel "$cancel"
	ok "no time for another epoch: the one that stays is named" within 120 \
		said late 'the time is over: epoch 1 stays; go on with: cairnr'
	kill -KILL "$stopped" 2>/dev/null
	stopped=
	ok "and how long it had" said late '^cairn: 10 s are left'
	ok "preempted: checkpointed in the time of grace, and requeued" within \
		120 said scav "stopped after epoch 1; job $scav is requeued"
	ok "it says so" said scav "job $scav makes room for another"
	ok "preempted by the user's signal: the same" within 120 said \
		scav-signal "stopped after epoch 1; job $scav_signal is requeued"
	ok "without TERM" eval '! said scav-signal TERM'
	ok "a program with a handler of its own gets TERM" within 120 \
		said handler "its own TERM"
	ok "the end of its time: checkpointed before KILL, and requeued" within \
		120 said limit "stopped after epoch 1; job $limit is requeued"
	ok "it says so" said limit "job $limit is at its time limit"
	scontrol update JobId="$limit" TimeLimit=10 2>/dev/null
	for one in scav scav-signal back limit; do
		ok "$one: and on to the native answer" within 300 answers $one
		ok "$one: each line once" eval '[ -z "$(steps $one)" ]'
	done
}
