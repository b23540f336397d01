#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0650-shared-memory.t - ranks that share memory share it after a restart, also
# memory whose name is gone
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra
in_a_folder
shared=$build/tests/programs/shared
name=/cairn-test-$$
trap 'rm -rf "$work" "/dev/shm$name"*' EXIT

stepped() { # COUNT: so many steps were printed, or the job has ended
	[ "$(grep -c ^step out)" -ge "$1" ] || ended
}

# restarts WAY NAME: the answer is as without a break
restarts() {
	fresh
	timeout 60 cairnrun --restart "$1" >out 2>err &&
		grep -qx "answer $((steps * 3))" out
}

steps=300
for how in cow stop; do
	begin cairnrun -n 3 --ckpt-dir $how --capture=$how "$shared" $steps \
		5000 "$name"
	patiently stepped 1
	ok "three ranks that share memory are checkpointed ($how)" \
		checkpoint $how
	patiently stepped 3
	kill -KILL "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' $how/job.json)"
	wait "$job" 2>/dev/null
	rm -f "/dev/shm$name"*
	ok "killed and restarted, they share it ($how)" restarts $how
	rm -f "/dev/shm$name"*
	ok "once more from the same epoch ($how)" restarts $how/1
done
done_testing
