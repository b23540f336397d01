#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0600-situations.t - awkward moments, in three beats each: natively; with a
# checkpoint taken for certain while the others wait, and then killed and
# restarted; with a storm of epochs (situations.c says what each one is)
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
program=$build/tests/programs/situations
needs mpiexec.hydra
in_a_folder
options=() # of cairnrun or mpiexec

# waits NAME COUNT [ROUNDS]: started, and COUNT of its 3 ranks have come to the
# gate
waits() {
	rm -rf gate gate.* ck before
	begin cairnrun --ckpt-dir ck "${options[@]}" -n 3 "$program" \
		-g "$work/gate" \
		-r "${3-3}" "$1"
	patiently at_the_gate "$2"
}

at_the_gate() { # COUNT
	[ "$(find . -name 'gate.*' | wc -l)" -ge "$1" ]
}

waits_for() { # WHOM
	cairn status ck 2>/dev/null | grep -q "now [a-z]*, waits for $1"
}

# same FILE...: the last digest in them is the native one
same() {
	[ -s native ] && [ "$(cat "$@" | grep digest | tail -n 1)" = \
		"$(cat native)" ]
}

native() { # ARGS...
	timeout 60 mpiexec.hydra "${options[@]}" -n 3 "$program" "$@" >native 2>err </dev/null
}

# die: SIGKILL to all the ranks, and the job has ended
die() {
	# The folder's name makes the pattern this run's own.
	# shellcheck disable=SC2046 # one word a rank
	kill -KILL $(pgrep -u "$(id -u)" -f "^$program -g $work/gate") || return
	! wait "$job"
}

again() { # EPOCH: restarted with the gate open
	touch gate
	cat out >>before
	timeout 60 cairnrun --restart ck/"$1" "${options[@]}" -n 3 >out 2>err </dev/null &&
		same before out
}

# Where all may hold: an epoch is committed while the gate is shut.
for name in computes sleeps barrier ibarrier cancels polls sends-large \
	finalize-early infos-outside; do
	native -r 3 $name
	waits $name 3
	ok "$name: a checkpoint while the others wait" checkpoint ck
	ok "$name: and another one" checkpoint ck
	ok "$name: killed meanwhile" die
	ok "$name: restarted to the native answer" again 2
	ok "$name: and so from the epoch before" again 1
done

# Where someone is inside what all must enter, or has said that it needs one
# who is late: an epoch is committed as soon as that one has come.
for name in iallreduce ibcast nbx sends-synchronously frees-early create-group \
	intercomm init-late; do
	native -r 3 $name
	waits $name 1
	timeout 60 cairn checkpoint ck >said 2>&1 </dev/null &
	tool=$!
	if [ $name = iallreduce ]; then
		ok "$name: it is said whom the epoch waits for" \
			patiently waits_for "rank 2 (.*), which computes"
	else
		moment
	fi
	touch gate
	wait $tool
	code=$?
	wait $job
	ok "$name: a native answer" same out
	# The job may have been faster than the request.
	if [ $code = 0 ]; then
		ok "$name: restarted to the native answer" again 1
	else
		ok "$name: or that it has ended is said" \
			grep -q "ended\|no job" said
	fi
done

# A rank that is inside a collective when an epoch is given up takes part in the
# next one, though it comes to no safe point between the two.
in_phase() { # PHASE
	cairn status --json ck 2>/dev/null | grep -q "\"phase\": \"$1\""
}
joins=$build/tests/lib/joins.so
options=(-genv LD_PRELOAD "$joins")
native -r 3 refused
options=(--mpi-lib "$joins")
waits refused 3
ok "refused: a checkpoint while ranks are connected to others" \
	eval "! checkpoint ck"
ok "refused: by its name" grep -q "beyond .* open (MPI_Comm_join)" said
touch gate
patiently test -e gate.4 -a -e gate.5
timeout 60 cairn checkpoint ck >said 2>&1 </dev/null &
tool=$!
patiently in_phase frontier
touch gate.next
ok "refused: it is taken when they are disconnected" wait $tool
touch gate.end
ok "refused: and the job ends well" wait "$job"
ok "refused: with a native answer" same out
ok "refused: restarted to the native answer" again "$(epochs ck)"
options=()

# Ranks that must go on and hear from each other all the time do not tell the
# coordinator of each message that they wait for.
native -r 30 exchanges
CAIRN_LOG=debug waits exchanges 3 30
timeout 60 cairn checkpoint ck >said 2>&1 </dev/null &
tool=$!
patiently in_phase frontier
touch gate
ok "exchanges: an epoch waits for 3000 messages" wait $tool
ok "exchanges: with a word on few of them" \
	[ "$(grep -c 'is told.*"need"' err)" -lt 600 ]
ok "exchanges: and the job ends well" wait "$job"
ok "exchanges: with a native answer" same out
ok "exchanges: restarted to the native answer" again 1

# A rank that holds keeps no more than its budget of what is sent to it; then it
# has to go on, though it is late.
export CAIRN_DRAIN_BUDGET=16M
native -r 2 sends-much
waits sends-much 2 2
timeout 60 cairn checkpoint ck >said 2>&1 </dev/null &
tool=$!
ok "sends-much: a rank that holds takes what there is room for" \
	patiently test -e gate.64
for _ in 1 2 3 4 5 6 7 8 9 10; do moment; done # and no more
ok "sends-much: and then has to go on" kill -0 $tool
touch gate
ok "sends-much: until it receives" patiently test -e gate.65
ok "sends-much: and holds" wait $tool
touch gate.end
ok "sends-much: and the job ends well" wait "$job"
ok "sends-much: with a native answer" same out
ok "sends-much: restarted to the native answer" again 1
unset CAIRN_DRAIN_BUDGET

# What is sent synchronously behind a message that a holding rank has taken is
# not taken with it: it would be complete before its receive.
native -r 2 sends-behind
waits sends-behind 2 2
timeout 60 cairn checkpoint ck >said 2>&1 </dev/null &
tool=$!
ok "sends-behind: a synchronous send is not complete before its receive" \
	patiently test -e gate.66
touch gate
ok "sends-behind: with it all can hold" wait $tool
touch gate.end
ok "sends-behind: and the job ends well" wait "$job"
ok "sends-behind: with a native answer" same out
ok "sends-behind: restarted to the native answer" again 1

# A storm of epochs over each.
for name in computes sleeps barrier ibarrier polls sends-large iallreduce \
	ibcast nbx sends-synchronously frees-early create-group intercomm \
	exchanges; do
	native -r 30 -p 20000 $name
	rm -rf ck before
	timeout 60 cairnrun --ckpt-dir ck --interval 50ms --keep 2 -n 3 \
		"$program" -r 30 -p 20000 $name >out 2>err </dev/null
	ok "$name: epochs every 50 ms" [ $? = 0 ]
	ok "$name: change nothing" same out
	newest=$(epochs ck | tr ' ' '\n' | tail -n 1)
	ok "$name: the newest one restarts" again "$newest"
done

done_testing
