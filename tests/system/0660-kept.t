#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0660-kept.t - objects in the middle of their life outlive a kill
# (tests/programs/kept says which)
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
program=$build/tests/programs/kept/kept
needs mpiexec.hydra
in_a_folder

at_the_gate() { # COUNT
	[ "$(find . -name 'gate.*' | wc -l)" -ge "$1" ] || ended
}

# die: SIGKILL to all the ranks, and the job has ended
die() {
	# The folder's name makes the pattern this run's own.
	# shellcheck disable=SC2046 # one word a rank
	kill -KILL $(pgrep -u "$(id -u)" -f "^$program -g $work/gate") || return
	! wait "$job"
}

right() {
	[ "$(answer out)" = "answer right" ]
}

# beats TITLE TOPIC...: all of them at once
beats() {
	local title=$1
	shift
	timeout 60 mpiexec.hydra -n 3 "$program" "$@" >out 2>err </dev/null
	ok "$title: right natively" right
	rm -rf gate gate.* ck
	begin cairnrun --ckpt-dir ck -n 3 "$program" -g "$work/gate" "$@"
	patiently at_the_gate 3
	ok "$title: a checkpoint" checkpoint ck
	ok "$title: killed afterwards" die
	touch gate
	timeout 60 cairnrun --restart ck/1 -n 3 >out 2>err </dev/null
	ok "$title: restarted, right" right
	rm -rf ck
	timeout 60 cairnrun --ckpt-dir ck --interval 40ms --keep 2 -n 3 \
		"$program" -r 60 "$@" >out 2>err </dev/null
	ok "$title: right with epochs every 40 ms" right
	ok "$title: some were taken" committed ck
}

beats "requests" parts greqs
beats "the rest" sessions tools messages types errors colls
beats "without MPI_Init" -s sessions
done_testing
