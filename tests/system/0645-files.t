#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0645-files.t - open files of MPI-IO: every kind of access, killed at random
# moments and resumed, ends with the native files; what is gone or cut is named
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
program=$build/tests/programs/file_kinds
needs mpiexec.hydra
in_a_folder
mkdir native.d
rounds=16
pause=60 # ms, of each round
# Two ranks write into one of the shared files as they come: it is looked at by
# the program itself.
results='array explicit ordered pieces shared.1 wire'
seed=${SEED:-$RANDOM}
RANDOM=$seed
echo "# seed $seed"

natively() {
	# shellcheck disable=SC2086 # a list
	(cd native.d && timeout 100 mpiexec.hydra -n 3 "$program" "$rounds" 0 \
		>../native 2>../err </dev/null && sha256sum $results >../sums)
}

# What runs until it is killed, or ends; its epochs follow one another.
life() { # [--resume]
	begin cairnrun --ckpt-dir ck --interval 150ms "$@" -n 3 "$program" \
		"$rounds" "$pause" "$work"
}

# The folder's name makes the pattern this run's own.
ranks() {
	pgrep -u "$(id -u)" -f "^$program $rounds [0-9]* $work"
}

first_epoch() { # of this life, or it has ended
	ended || { committed ck && [ "$(epochs ck | tail -c 20)" != "$before" ]; }
}

killed_and_resumed() { # KILLS: so many surely
	local code lives=0
	rm -rf ck && before=''
	kills=0
	life
	while [ "$lives" -lt 40 ]; do
		lives=$((lives + 1))
		patiently first_epoch
		MOMENT=0.$((RANDOM % 5))$((RANDOM % 10)) moment
		if [ "$kills" -lt "$1" ] && ! ended; then # then it may end
			# shellcheck disable=SC2046 # one word a rank
			kill -KILL $(ranks | shuf -n $((1 + RANDOM % 3)) \
				--random-source=<(yes "$RANDOM")) 2>/dev/null &&
				kills=$((kills + 1))
		fi
		wait "$job"
		code=$?
		[ "$code" = 0 ] && return 0
		said "${program##*/}: rank" && return 1
		before=$(epochs ck | tail -c 20)
		life --resume
	done
	return 1
}

ends_as_natively() {
	answer native >a && answer out >b && cmp a b &&
		sha256sum --quiet -c sums >said 2>&1
}

ok "natively" natively
ok "killed and resumed until it ends" killed_and_resumed 5
echo "# killed $kills times"
ok "with the native answer and files" ends_as_natively
ok "and was killed meanwhile" [ "$kills" -ge 1 ]

# --- in MPI_MODE_SEQUENTIAL ---
program=$build/tests/programs/file_sequential
results=written
rounds=20 pause=20
ok "sequential: natively" natively
ok "sequential: killed and resumed until it ends" killed_and_resumed 2
ok "sequential: with the native answer and file" ends_as_natively
ok "sequential: and was killed meanwhile" [ "$kills" -ge 1 ]

# --- removed after the epoch ---
removed=$build/tests/programs/file_removed
ranks_of_removed() {
	pgrep -u "$(id -u)" -f "^$removed $work"
}
removed_is_killed() {
	touch gate.close
	patiently [ -e gate.removed ] || return
	# shellcheck disable=SC2046 # one word a rank
	kill -KILL $(ranks_of_removed) && ! wait "$job"
}
restart_refused() {
	! timeout 60 cairnrun --restart rm/1 -n 2 >out 2>err </dev/null &&
		said "$1"
}
cut_is_named() {
	truncate -s 2 .other.cairn-removed &&
		restart_refused "other (MPI_File_open) has 2 bytes and had 6" &&
		printf stones >other
}
comes_back() {
	touch gate.end
	timeout 60 cairnrun --restart rm/1 -n 2 >out 2>err </dev/null &&
		[ "$(cat out)" = right ]
}
no_traces() {
	! compgen -G '.*.cairn-removed' && [ ! -e doomed ] && [ ! -e other ]
}
begin cairnrun --ckpt-dir rm -n 2 "$removed" "$work/gate"
patiently [ -e gate.open ]
ok "a checkpoint with files open that are about to be removed" checkpoint rm
ok "they are removed, and the job is killed" removed_is_killed
ok "one that was cut meanwhile is named at the restart" cut_is_named
ok "a restart has them again" comes_back
ok "and leaves none of them" no_traces
done_testing
