#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0300-launcher.t - cairnrun and cairn as people use them, on programs without
# MPI: the same output and exit codes as mpiexec's, checkpoints, kills, restarts
# shellcheck disable=SC2317,SC2016 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
counter=$build/tests/programs/launcher/counter
needs mpiexec.hydra
in_a_folder

# run CODE COMMAND...: its output in out and err
run() {
	local wanted=$1 code
	shift
	fresh
	timeout 60 "$@" >out 2>err </dev/null
	code=$?
	[ $code = "$wanted" ] || echo "# exit code $code, not $wanted: $*"
	[ $code = "$wanted" ]
}

# both COMMAND...: mpiexec's and cairnrun's output and exit code are the same
both() {
	timeout 60 mpiexec.hydra "$@" >native 2>/dev/null </dev/null
	run $? cairnrun "$@" && diff <(sort native) <(sort out)
}

# started DIR COMMAND...: in the background, and its ranks are up
started() {
	local dir=$1
	shift
	begin "$@"
	patiently some_ranks_run "$dir"
}

some_ranks_run() {
	cairn status --json "$1" 2>/dev/null |
		grep -q '"ranks_running": [1-9]'
}

pid_of_rank() {
	pgrep -u "$(id -u)" -f "^$counter $1" | head -n 1
}

says() { # FILE WORDS: one line that begins as ours do
	grep -q "^cairn: .*$2" "$1"
}

# --- the same as mpiexec ---
ok "two ranks print what they print under mpiexec" both -n 2 hostname
ok "the exit code is the program's" run 7 cairnrun -n 1 sh -c 'exit 7'
ok "ranks are numbered, sections too" \
	both -l -n 1 printenv PMI_RANK : -n 2 printenv PMI_RANK
ok "variables are passed, and only they" \
	both -genvnone -env MARK 42 -n 1 sh -c 'echo $MARK $HOME'
ok "an option that mpiexec does not know is mpiexec's to refuse" \
	run 255 cairnrun -nonsense hostname
echo "some text" >input
ok "standard input reaches the first rank" \
	[ "$(timeout 20 cairnrun -n 1 cat <input 2>err)" = "some text" ]
ok "the secret is not in the program's environment" \
	[ "$(cairnrun -n 1 sh -c 'env | grep -c CAIRN_SECRET')" = 0 ]
run 0 cairnrun -n 2 hostname
ok "nothing is left behind" [ -z "$(ls "$TMPDIR"; ls -d cairn-* 2>/dev/null)" ]

# --- errors: one sentence ---
ok "no program" run 2 cairnrun -n 2
ok "no program is said" says err "no program"
run 2 cairnrun --interval 5x hostname
ok "a bad time is said" says err "5x"
run 127 cairnrun -n 1 ./missing
ok "a missing program is said" says err "no such program"
touch plain
run 1 cairnrun --ckpt-dir plain -n 1 hostname
ok "a folder that is a file is said" says err "checkpoint folder"
mkdir -m 777 open
run 1 cairnrun --ckpt-dir open -n 1 hostname
ok "a folder that others may write to is refused" says err "open"
mkdir -m 700 empty
run 127 cairnrun --restart empty
ok "a folder without checkpoints cannot be restarted" \
	says err "no committed checkpoint"
ok "a running job is asked for" run 1 cairn checkpoint empty
ok "that none runs is said" says err "no job is running"

# --- checkpoint, kill, restart ---
"$counter" 30 >whole
started ck cairnrun --ckpt-dir ck -n 1 "$counter" 30
said=$(cairn checkpoint ck 2>&1)
ok "a checkpoint is committed" grep -q "epoch 1 is committed" <<<"$said"
said=$(cairnrun --ckpt-dir ck -n 1 hostname 2>&1)
ok "a folder belongs to one job" grep -q "another cairnrun" <<<"$said"
kill -KILL "$(pid_of_rank 30)"
wait $job
ok "a crash is the starter's exit code" [ $? != 0 ]
ok "a crash says how to restart" says err "cairnrun --restart ck"
cp out first
ok "the folder lists one epoch" \
	[ "$(cairn ls --json ck | grep -c '"epoch"')" = 1 ]
ok "it verifies" run 0 cairn verify ck
ok "it can be inspected" run 0 cairn inspect ck
ok "the wrong number of ranks is refused" run 2 cairnrun -n 3 --restart ck
ok "that is said" says err "has 1 ranks"
ok "a lesser CPU is refused" \
	run 1 env CAIRN_CPU_LACKS=sse4_2,popcnt cairnrun --restart ck
ok "what it lacks is named" \
	says err "rank 0 was saved on another kind of CPU: .* lacks sse4_2 popcnt;"
ok "it restarts" run 0 cairnrun --restart ck
ok "first and second run make the whole" \
	diff whole <(head -n "$(($(wc -l <whole) - $(wc -l <out)))" first
		cat out)
ok "it restarts again, under another mpiexec" run 0 cairnrun -l --restart ck/1
ok "and with its short name" run 0 cairn restart ck -n 1

# --- a script around the program ---
heat=$build/tests/programs/heat
cat >script <<WORDS
#!/bin/sh
"$heat" 64 300 20000
echo after
WORDS
chmod +x script
started scripted cairnrun --ckpt-dir scripted -n 2 ./script
patiently grep -q ^step out
cairn checkpoint --exit scripted >tool 2>&1
ok "a rank under a script is checkpointed" grep -q committed tool
wait $job
ok "what a restart will leave out is said" says err \
	'rank 0 (and 1 more on this node) was started by "script"'
ok "by one name only" eval '! grep -q "cairn: .*cairn: " err'
run 0 cairnrun --restart scripted
ok "the program comes back" grep -q ^answer out
ok "and the script does not, as was said" eval '! grep -q after out'
started bare cairnrun --ckpt-dir bare -n 2 sh -c "exec $heat 64 300 20000"
patiently grep -q ^step out
cairn checkpoint --exit bare >tool 2>&1
wait $job
ok "a script that execs the program is not named" eval \
	'! says err "was started by"'

# --- checkpoint and stop ---
started ex cairnrun --ckpt-dir ex -n 2 "$counter" 30
cairn checkpoint --exit ex >tool 2>&1
ok "a checkpoint that stops the job is committed" grep -q committed tool
wait $job
ok "the exit code is 85" [ $? = 85 ]
ok "no rank is left" [ -z "$(pid_of_rank 30)" ]
cp out first
ok "it is resumed" run 0 cairnrun --ckpt-dir ex --resume -n 2 "$counter" 30
ok "each line was printed once by each rank" \
	diff <(sort whole whole) <(sort first out)
ok "without a checkpoint --resume starts anew" \
	run 3 cairnrun --ckpt-dir new --resume -n 1 "$counter" 2 3

# --- a rank has ended, the others run on ---
started le cairnrun --ckpt-dir le -n 1 sh -c 'exit 5' : -n 1 "$counter" 30
patiently a_rank_ended le
cairn checkpoint --exit le >said 2>&1
ok "a job one of whose ranks has ended is checkpointed" grep -q committed said
wait $job
ok "and stopped" [ $? = 85 ]
cp out first
ok "it ends with that rank's code after a restart" run 5 cairnrun --restart le
ok "what the others print is whole" diff whole <(cat first out)

started us cairnrun --ckpt-dir us -n 1 "$counter" 30
kill -USR1 "$(pgrep -P $job -x cairnrun)"
wait $job
ok "SIGUSR1 checkpoints and stops" [ $? = 85 ]

# --- one file for all ranks ---
started sh cairnrun --ckpt-dir sh -n 2 "${counter%counter}append" lines 2000
cairn checkpoint --exit sh >tool 2>&1
wait $job
ok "ranks that append to one file are checkpointed" grep -q committed tool
ok "and restarted" run 0 cairnrun --restart sh
ok "each line is there once" \
	diff <(sort lines) <(for r in 0 1; do seq -f "$r %g" 0 1999; done | sort)

# --- everything is killed at once ---
everything() ( # every process that was given our TMPDIR, but not this one's
	unset TMPDIR
	grep -lzs "^TMPDIR=$work/tmp\$" /proc/[0-9]*/environ | cut -d/ -f3
)
all_dead() {
	[ -z "$(everything)" ]
}
nothing_is_left() {
	[ -z "$(ls "$TMPDIR")" ]
}
a_socket_is_left() {
	compgen -G "$TMPDIR/*/agent-*" >/dev/null
}
started kl cairnrun --ckpt-dir kl -n 1 "$counter" 30
mapfile -t all < <(everything)
kill -STOP "${all[@]}" # or the agent tidies up when it sees the others die
kill -KILL "${all[@]}"
wait $job
patiently all_dead
ok "a killed job leaves its sockets behind" a_socket_is_left
run 0 cairnrun -n 1 true
ok "the next cairnrun takes them away" nothing_is_left

# --- intervals, keep, automatic restarts ---
ok "a timer makes epochs" run 0 cairnrun --ckpt-dir iv --interval 300ms \
	--keep 2 -n 1 "$counter" 20
ok "two of them are kept" \
	[ "$(cairn ls --json iv | grep -c '"epoch"')" = 2 ]
ok "prune leaves the newest" run 0 cairn prune iv
ok "one is left" [ "$(cairn ls --json iv | grep -c '"epoch"')" = 1 ]
started au cairnrun --ckpt-dir au --restarts 1 -n 1 "$counter" 30
cairn checkpoint au >tool 2>&1
kill -KILL "$(pid_of_rank 30)"
wait $job
ok "a crashed job restarts by itself" [ $? = 0 ]
ok "and comes to its end" [ "$(tail -n 1 out)" = "done" ]

# --- damage ---
# Older images are there, too, as far as it needs them.
image=$(printf "%s\n" iv/epoch-*/node-*.img | tail -n 1)
printf x | dd of="$image" bs=1 seek=5000 conv=notrunc 2>/dev/null
ok "a flipped byte is found" run 1 cairn verify iv
echo '{}' >"$(dirname "$image")/manifest.json"
ok "a damaged manifest is no checkpoint" run 127 cairnrun --restart iv

done_testing
