#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0680-windows.t - one-sided communication of every kind goes on after kills at
# random moments, with the answer of a run that nothing disturbed
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra
in_a_folder
windows=$build/tests/programs/windows
RANDOM=${SEED:-$(date +%s)}
echo "# SEED=${SEED:-$(date +%s)}"

job_pid() { # DIR: of cairnrun
	sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$1/job.json"
}

stepped() { # COUNT: so many steps were printed, or the job has ended
	[ "$(grep -c ^step out)" -ge "$1" ] || ended
}

# so many steps more than are there now
steps_more() { # COUNT
	patiently stepped $(($(grep -c ^step out) + $1))
}

killed() { # DIR
	kill -KILL "$(job_pid "$1")"
	wait "$job" 2>/dev/null
}

goes_on() { # DIR: to its end, once more interrupted on the way
	begin cairnrun --restart "$1"
	steps_more $((RANDOM % 5 + 1))
	checkpoint "$1" || ended || return 1
	steps_more $((RANDOM % 3))
	ended || killed "$1"
	fresh
	timeout 90 cairnrun --restart "$1" >out 2>err && same_answer
}

steps=25
timeout 90 mpiexec.hydra -n 3 "$windows" $steps 200 >native 2>err
ok "it runs natively" answer native
timeout 60 cairnrun -n 3 "$windows" $steps 200 >out 2>err
ok "and under cairnrun, with the same answer" same_answer
for how in cow stop; do
	begin cairnrun -n 3 --ckpt-dir $how --capture=$how "$windows" $steps 3000
	steps_more $((RANDOM % 5 + 1))
	ok "an epoch in the middle of theirs ($how)" checkpoint $how
	steps_more $((RANDOM % 4))
	ok "and another one ($how)" checkpoint $how
	steps_more $((RANDOM % 3))
	ended || killed $how
	ok "killed and restarted, twice, the answer is the same ($how)" \
		goes_on $how
done
done_testing
