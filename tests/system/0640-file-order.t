#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0640-file-order.t - collectives on files complete, however they are waited for,
# and a checkpoint is refused at once meanwhile
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
program=$build/tests/programs/file_order
needs mpiexec.hydra
in_a_folder

three_wait() { # at the gate, each says so by a file
	[ "$(compgen -G 'gate.*' | wc -l)" -ge 3 ]
}

refused() {
	! checkpoint ck &&
		grep -q 'rank [0-9]* has a file open (MPI_File_open)' said
}

right() {
	wait "$job" && [ "$(cat out)" = right ]
}

begin cairnrun --ckpt-dir ck -n 4 "$program" "$work/gate"
ok "three ranks wait for collectives on files" patiently three_wait
ok "a checkpoint is refused meanwhile, with rank and object" refused
touch gate
ok "each rank completes them in its own way" right
done_testing
