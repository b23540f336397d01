#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0820-hdf5.t - one HDF5 file that all ranks write (libhdf5-mpich, over MPI-IO):
# whatever happens to the job, its bytes are those of the native run.
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
records=$build/tests/programs/hdf5/records
mpiexec=$(command -v mpiexec.mpich || command -v mpiexec.hydra)
steps=40
rest=100000 # microseconds a step, so that there is time for epochs
[ -n "$mpiexec" ] || skip_all "mpiexec.mpich is not installed"
[ -x "$records" ] || skip_all "libhdf5-mpich-dev is not installed"
in_a_folder

native() { # HOW
	timeout 120 "$mpiexec" -n 2 "$records" native.h5 "$steps" "$1" >native \
		2>err </dev/null && grep -q right native
}

same() { # the file's bytes, and the answer
	same_answer && cmp native.h5 file.h5
}

plain() { # HOW
	timeout 120 cairnrun -n 2 "$records" file.h5 "$steps" "$1" >out 2>err \
		</dev/null && same
}

# Early epochs may come before the file is open.
third_epoch() { # DIR
	[ "$(epochs "$1" | sed 's/.* //')" -ge 3 ] 2>/dev/null
}

checkpoints() { # HOW
	timeout 120 cairnrun --ckpt-dir many --interval 200ms --keep 2 -n 2 \
		"$records" file.h5 "$steps" "$1" "$rest" >out 2>err </dev/null &&
		same && third_epoch many && ! said 'given up'
}

third_or_ended() {
	third_epoch kill || ended
}

# One rank, soon after a commit, amid its writes; a job that has ended is no test.
killed() { # HOW
	timeout 120 cairnrun --ckpt-dir kill --interval 200ms -n 2 "$records" \
		file.h5 "$steps" "$1" "$rest" >out 2>err </dev/null &
	job=$!
	patiently third_or_ended
	rank=$(pgrep -o -f "^$records( |\$)" -u "$(id -u)")
	[ -n "$rank" ] && kill -KILL "$rank"
	wait "$job" && return 1
	timeout 120 cairnrun --interval 1s --restart kill -n 2 >out 2>err \
		</dev/null && same
}

for how in collective independent; do
	rm -rf many kill file.h5
	ok "$how: native" native $how
	ok "$how: plain" plain $how
	ok "$how: with checkpoints" checkpoints $how
	rm -f file.h5
	ok "$how: killed and restarted" killed $how
done
done_testing
