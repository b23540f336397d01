#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0657-memory.t - ranks for whose twins there is no memory wait instead
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
heat=$build/tests/programs/heat
needs mpiexec.hydra
[ "$(id -u)" = 0 ] || skip_all "only root can make a control group"
path=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
group=/sys/fs/cgroup/memory$path/cairn-$$
limit=memory.limit_in_bytes
if [ ! "$path" ]; then
	path=$(sed -n 's/^0:://p' /proc/self/cgroup)
	group=/sys/fs/cgroup$path/cairn-$$
	limit=memory.max
fi
mkdir "$group" 2>/dev/null ||
	skip_all "no control group can be made here"
if [ ! -w "$group/$limit" ]; then
	rmdir "$group"
	skip_all "control groups do not limit memory here"
fi
in_a_folder
trap 'patiently rmdir "$group" 2>err; rm -rf "$work"' EXIT

# Two ranks of about 130 MiB each, and what they may have besides.
plate=(-n 2 "$heat" 4000 40 50000)

nobody_waited() {
	! said "ranks waited"
}

computes() {
	grep -q ^step out || ended
}

job_in() { # DIR MIB: with a limit for all of it
	echo $(($2 << 20)) >"$group/$limit" || return
	# shellcheck disable=SC2016 # the inner shell's
	begin sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		cairnrun --verbose --ckpt-dir "$1" "${plate[@]}"
	patiently computes # so its memory is in use
	timeout 60 cairn checkpoint --exit "$1" >said 2>&1 && ends 85
}

timeout 60 mpiexec.hydra "${plate[@]}" >native 2>err </dev/null
ok "little memory: a checkpoint" job_in little 450
ok "both ranks waited, or one" said "[12] ranks waited: no memory"
timeout 90 cairnrun -n 2 --restart little >out 2>err </dev/null
ok "restarted, the same answer" same_answer
ok "memory enough: a checkpoint" job_in enough 2000
ok "nobody waited" nobody_waited
done_testing
