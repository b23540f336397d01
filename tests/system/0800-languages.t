#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0800-languages.t - C++, Fortran 77, 90 and 2008, handles that cross between them
# and C, and MPI tools, in three beats:
# plain; with checkpoints; killed and restarted.  The answers are the native ones.
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
lang=$build/tests/programs/lang
mpiexec=$(command -v mpiexec.mpich || command -v mpiexec.hydra)
steps=400
options=() # mpiexec's and cairnrun's
sign= # what a program says when it is well under way
[ -n "$mpiexec" ] || skip_all "mpiexec.mpich is not installed"
in_a_folder

same() { # FILE...: the lines of all of them are native's
	diff <(sort native) <(sort "$@")
}

plain() { # COMMAND...
	timeout 120 cairnrun "${options[@]}" -n 2 "$@" >out 2>err </dev/null && same out
}

checkpoints() { # COMMAND...
	timeout 120 cairnrun --ckpt-dir many --interval 200ms --keep 2 \
		"${options[@]}" -n 2 "$@" >out 2>err </dev/null && same out && committed many
}

# Kill one rank soon after a commit: a job that has ended before is no test, nor is
# one that could begin anew, since these programs speak at their end only.
# What its first life printed before the checkpoint is in its output; what it
# printed after it is printed again, so only the last life's end counts.
killed() { # COMMAND...
	local rank
	timeout 120 cairnrun --ckpt-dir kill --interval 200ms \
		"${options[@]}" -n 2 "$@" \
		>first 2>err </dev/null &
	job=$!
	patiently committed_or_ended
	[ -z "$sign" ] || { patiently under_way && checkpoint kill; }
	# the oldest: a younger one may be the twin that a checkpoint reads
	rank=$(pgrep -o -f "^$1( |\$)" -u "$(id -u)")
	[ -n "$rank" ] && kill -KILL "$rank"
	wait "$job" && return 1
	timeout 120 cairnrun --interval 1s --restart kill "${options[@]}" -n 2 \
		>out 2>err </dev/null && answers
}

committed_or_ended() {
	committed kill || ended
}

under_way() {
	said "$sign" first || ended
}

# Lines that end a program, however many lives it had.
answers() {
	diff <(tail -n 2 native | sort) <(tail -n 2 out | sort)
}

three_beats() { # WHAT PROGRAM ARGUMENT...
	local what=$1 program=$2
	shift
	if [ ! -x "$program" ]; then
		skip "$what" "its compiler is not installed"
		return
	fi
	rm -rf many kill
	timeout 120 "$mpiexec" "${options[@]}" -n 2 "$@" >native 2>err </dev/null
	ok "$what: native" [ $? = 0 ]
	ok "$what: plain" plain "$@"
	ok "$what: with checkpoints" checkpoints "$@"
	ok "$what: killed and restarted" killed "$@"
}

three_beats "C++" "$lang/bindings" $steps
three_beats "Fortran 77" "$lang/attributes" $steps
three_beats "Fortran 90" "$lang/particles" $steps
three_beats "Fortran 2008" "$lang/modern" $steps
sign="under way"
three_beats "windows and files of both Fortrans" "$lang/lasting" 100
sign=
three_beats "both Fortrans and C" "$lang/mixed" 300
three_beats "a tool, linked" "$lang/heat_tool" 700 3000
options=(-env LD_PRELOAD "$lang/libtool.so")
three_beats "a tool, preloaded" "$build/tests/programs/heat" 700 3000

done_testing
