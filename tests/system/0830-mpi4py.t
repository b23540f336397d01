#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0830-mpi4py.t - a program in Python by mpi4py, built against MPICH: plain, with
# checkpoints, killed and restarted it tells what the native run does.
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
python=/usr/bin/python3
objects=$(cd "$src" && pwd)/tests/programs/mpi4py/objects.py
mpiexec=$(command -v mpiexec.mpich || command -v mpiexec.hydra)
steps=40
rest=100000 # microseconds a step, so that there is time for epochs
[ -n "$mpiexec" ] || skip_all "mpiexec.mpich is not installed"
[ -e "${CAIRN_CACHE:-}/mpi4py/built" ] ||
	skip_all "mpi4py is not built in CAIRN_CACHE" \
		"(scripts/third-party CACHE mpi4py)"
export PYTHONPATH=$CAIRN_CACHE/mpi4py PYTHONDONTWRITEBYTECODE=1
in_a_folder

native() {
	timeout 120 "$mpiexec" -n 2 "$python" "$objects" native.data "$steps" \
		>native 2>err </dev/null && grep -q right native
}

same() { # the answer, and the file's bytes
	cmp out native && cmp file.data native.data
}

plain() {
	timeout 120 cairnrun -n 2 "$python" "$objects" file.data "$steps" >out \
		2>err </dev/null && same
}

third_epoch() { # DIR
	[ "$(epochs "$1" | sed 's/.* //')" -ge 3 ] 2>/dev/null
}

checkpoints() {
	timeout 120 cairnrun --ckpt-dir many --interval 200ms --keep 2 -n 2 \
		"$python" "$objects" file.data "$steps" "$rest" >out 2>err \
		</dev/null && same && third_epoch many && ! said 'given up'
}

third_or_ended() {
	third_epoch kill || ended
}

# One rank, soon after a commit; a job that has ended is no test.
killed() {
	timeout 120 cairnrun --ckpt-dir kill --interval 200ms -n 2 "$python" \
		"$objects" file.data "$steps" "$rest" >before 2>err </dev/null &
	job=$!
	patiently third_or_ended
	rank=$(pgrep -o -f "^$python $objects file.data" -u "$(id -u)")
	[ -n "$rank" ] && kill -KILL "$rank"
	wait "$job" && return 1
	timeout 120 cairnrun --interval 1s --restart kill -n 2 >out 2>err \
		</dev/null && same
}

ok "native" native
ok "plain" plain
rm -f file.data
ok "with checkpoints" checkpoints
rm -f file.data
ok "killed and restarted" killed
done_testing
