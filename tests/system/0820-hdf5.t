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

# Until files can be restored: the epochs while it is open are refused by name,
# those before and after are not, and nothing is lost of what is written.
refused() { # HOW
	rm -rf many file.h5
	timeout 120 cairnrun --ckpt-dir many --interval 100ms -n 2 "$records" \
		file.h5 "$steps" "$1" >out 2>err </dev/null &&
		same && said "has a file open (MPI_File_open)"
}

for how in collective independent; do
	ok "$how: native" native $how
	ok "$how: plain" plain $how
	ok "$how: checkpoints are refused, the file is right" refused $how
done
done_testing
