# SPDX-License-Identifier: BSD-3-Clause
# system.sh - what the system tests share: TAP, a folder of one's own, patience
# shellcheck shell=bash disable=SC2034 # variables are for who sources it
#
#   . "${top_srcdir:-.}/tests/lib/system.sh"
#   needs mpiexec.hydra        a program that must be there, or all is skipped
#   in_a_folder                which vanishes; TMPDIR and the fifo "never" in it
#   ok "a sentence" COMMAND    one check
#   done_testing               the plan, and the exit code
build=$(cd "${top_builddir:-.}" && pwd)
src=$(cd "${top_srcdir:-.}" && pwd)
PATH=$build/launcher:$PATH
unset CAIRN_LOG CAIRN_FAULT CAIRN_MOMENTS
n=0
failed=0
job=

skip_all() { # WHY
	echo "1..0 # SKIP $*"
	exit 0
}

needs() { # PROGRAM...
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null ||
			skip_all "$program is not installed"
	done
}

in_a_folder() {
	work=$(mktemp -d) || exit 99
	trap 'rm -rf "$work"' EXIT
	cd "$work" || exit 99
	export work TMPDIR=$work/tmp
	mkdir "$TMPDIR" && mkfifo never || exit 99
}

# ok NAME COMMAND...: a check; what the files of the last commands hold is shown
# if it fails
ok() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name: $*"
		tail -n 20 out err said 2>/dev/null | sed 's/^/# /'
	fi
}

skip() { # NAME WHY
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

done_testing() {
	echo "1..$n"
	exit $failed
}

# There is no event to wait for across jobs from a shell: look again in a moment.
moment() { # of MOMENT seconds
	read -r -t "${MOMENT:-0.05}" _ <>"$work/never"
}

# patiently COMMAND...: until it succeeds, 30 s at most, or so many as PATIENCE
patiently() {
	local end=$((SECONDS + ${PATIENCE:-30}))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		moment || true # a loop ends with its last command's code
	done
}

# New files for what is started next: the mpiexec of a cairnrun that was killed
# may still write to the old ones, wherever it was in them.
fresh() {
	rm -f out err
}

# begin COMMAND...: in the background as $job, its output in out and err
begin() {
	fresh
	timeout -k 5 90 "$@" >out 2>err </dev/null &
	job=$!
}

ended() { # the job has
	! kill -0 "$job" 2>/dev/null
}

ranks_run() { # DIR COUNT
	[ "$(cairn status --json "$1" 2>/dev/null |
		sed -n 's/.*"ranks_running": *\([0-9]*\).*/\1/p')" = "$2" ]
}

up() { # DIR COUNT: that many ranks of the job run, or it has ended
	ranks_run "$@" || ended
}

a_rank_ended() { # DIR: one has, or all of the job
	cairn status --json "$1" 2>/dev/null | grep -q '"exited": 1' || ended
}

checkpoint() { # DIR
	timeout 30 cairn checkpoint "$1" >said 2>&1
}

epochs() { # DIR: the numbers of the committed ones
	cairn ls --json "$1" 2>/dev/null |
		sed -n 's/.*"epoch": *\([0-9]*\).*/\1/p' | xargs
}

committed() { # DIR [COUNT]: that many are, or one
	[ "$(epochs "$1" | wc -w)" -ge "${2:-1}" ]
}

answer() { # FILE
	grep '^answer' "$1"
}

same_answer() { # in the files out and native
	[ "$(answer native)" ] && [ "$(answer native)" = "$(answer out)" ]
}

ends() { # CODE: the job does
	wait "$job"
	[ $? = "$1" ]
}

said() { # TEXT [FILE]: in err, or there
	grep -q -e "$1" "${2-err}"
}
