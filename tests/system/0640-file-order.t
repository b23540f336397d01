#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0640-file-order.t - collectives on files complete, however they are waited for;
# a checkpoint meanwhile completes them, and a restart from it goes on
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
program=$build/tests/programs/file_order
needs mpiexec.hydra
in_a_folder

three_wait() { # at the gate, each says so by a file
	[ "$(compgen -G 'gate.*' | wc -l)" -ge 3 ]
}

right() {
	wait "$job" && [ "$(cat out)" = right ]
}

again() {
	timeout 60 cairnrun --restart ck/1 -n 4 >out 2>err </dev/null &&
		[ "$(cat out)" = right ]
}

gone() {
	! timeout 60 cairnrun --restart ck/1 -n 4 >out 2>err </dev/null &&
		said "file_order.1 again (MPI_File_open): .*; put it back"
}

begin cairnrun --ckpt-dir ck -n 4 "$program" "$work/gate"
ok "three ranks wait for collectives on files" patiently three_wait
ok "a checkpoint is taken meanwhile" checkpoint ck
touch gate
ok "each rank completes them in its own way" right
ok "and so after a restart, the files being there" again
rm -f file_order.1
ok "a file that is gone is named" gone
done_testing
