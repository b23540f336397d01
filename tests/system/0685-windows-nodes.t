#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0685-windows-nodes.t - windows on two nodes (namespaces, tests/lib/cluster):
# each restart places the ranks differently; those that share memory stay together
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2016,SC2317 # what is evaluated later is in single quotes
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra unshare nsenter ip
unshare --net true 2>/dev/null || skip_all "no network namespaces without root"
in_a_folder
export CLUSTER=$work/cluster NODE_INIT=$build/tests/programs/cluster/node_init
cluster=$src/tests/lib/cluster
windows=$build/tests/programs/windows
mkdir "$CLUSTER"
trap '"$cluster" down; rm -rf "$work"' EXIT
"$cluster" up 2 || exit 99
export TMPDIR=$CLUSTER/local/tmp
"$cluster" on fe mkdir "$TMPDIR"
# cairn runs where it can reach the job.
mkdir bin
printf '#!/bin/sh\nexec %q on fe %q "$@"\n' "$cluster" \
	"$(command -v cairn)" >bin/cairn
chmod +x bin/cairn
PATH=$work/bin:$PATH
# Where ranks 0 to 3 are.  With one of them alone on its node MPI_Win_allocate
# has no segment, on any.
printf 'n0:2\nn1:2\n' >pairs
printf 'n1:3\nn0:1\n' >lone
printf 'n1:2\nn0:2\n' >swapped
printf 'n0:4\n' >one
printf 'n1:4\n' >other

begin_job() { # HOSTS OPTIONS...: on fe
	: >out # what is counted there is this job's
	timeout -k 5 120 "$cluster" on fe cairnrun -f "$1" -launcher ssh \
		-launcher-exec "$src/tests/lib/cluster-rsh" "${@:2}" \
		>out 2>err </dev/null &
	job=$!
}

ranks() { # how many are on n0 and on n1
	local node
	for node in n0 n1; do
		"$cluster" on "$node" pgrep -c -x windows
	done | xargs
}

nothing_runs() {
	local node
	for node in n0 n1; do
		! "$cluster" on "$node" pgrep -x 'windows|cairn.*' >/dev/null ||
			return 1
	done
}

stepped() { # COUNT: so many steps were printed, or the job has ended
	[ "$(grep -c ^step out)" -ge "$1" ] || ended
}

# so many steps more than are there now
steps_more() { # COUNT
	patiently stepped $(($(grep -c ^step out) + $1)) && ! ended
}

killed() { # DIR: after some steps that are lost
	steps_more 2 || return 1
	kill -KILL "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$1/job.json")"
	wait "$job" 2>/dev/null
	patiently nothing_runs
}

# Over TCP MPICH may hang in MPI_Finalize; all has been said then.
answered() {
	PATIENCE=80 patiently eval 'said ^answer out || ended' && same_answer
}

# --- windows by create, allocate and create_dynamic: ranks may go anywhere ---
steps=32 # each over TCP, among ranks that poll
timeout 60 mpiexec.hydra -n 4 "$windows" $steps 0 apart >native 2>err </dev/null
begin_job pairs --ckpt-dir ck -n 4 "$windows" $steps 5000 apart
ok "windows span two nodes" steps_more 3
ok "two ranks are on each" [ "$(ranks)" = "2 2" ]
ok "an epoch in the middle of theirs" checkpoint ck
ok "it is killed" killed ck
begin_job lone --restart ck
ok "it goes on with three ranks on one node and one on the other" steps_more 3
ok "there they are" [ "$(ranks)" = "1 3" ]
ok "an epoch there" checkpoint ck
ok "it is killed again" killed ck
begin_job swapped --restart ck/2
ok "and goes on with two ranks on each again, to the native answer" eval \
	'steps_more 1 && [ "$(ranks)" = "2 2" ] && answered'
ok "with nothing to say" [ ! -s err ]
kill -TERM "$job" 2>/dev/null
wait "$job"
patiently nothing_runs

# --- and one by allocate_shared: they stay together ---
steps=30
timeout 60 mpiexec.hydra -n 4 "$windows" $steps 0 >native 2>err </dev/null
begin_job one --ckpt-dir shared -n 4 "$windows" $steps 3000
ok "a window by allocate_shared on one node" steps_more 3
ok "an epoch of it" checkpoint shared
ok "it is killed" killed shared
begin_job pairs --restart shared
ok "it is not restarted on two nodes" eval '! ends 0 && ! said ^step out'
patiently nothing_runs
begin_job other --restart shared
ok "it is restarted on one node, another one, to the native answer" eval \
	'ends 0 && same_answer'
done_testing
