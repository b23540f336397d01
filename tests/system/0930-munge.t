#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0930-munge.t - cairnrun --auth munge: jobs run, checkpoint and restart, and
# another user who even has the job's secret gets nothing
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2016,SC2317 # what is evaluated later is in single quotes
. "${top_srcdir:-.}/tests/lib/system.sh"
PATH=$PATH:/usr/sbin:/sbin
needs mpiexec.hydra munged flock
[ -x "$build/runtime/cairn-munge" ] ||
	skip_all "this Cairn was built without libmunge"
in_a_folder
munge=$src/tests/lib/munge
cluster=$src/tests/lib/cluster
heat=$build/tests/programs/heat
export CLUSTER=$work/cluster NODE_INIT=$build/tests/programs/cluster/node_init
mkdir "$CLUSTER"
down() {
	"$munge" down "$work/munge"
	[ ! -s "$CLUSTER/fe.pid" ] || "$munge" down "$CLUSTER/fe/munge"
	"$cluster" down
}
trap 'down; rm -rf "$work"' EXIT
chmod 711 "$work" # munged wants its clients to reach it
"$munge" up "$work/munge" || exit 99
export CAIRN_MUNGE_SOCKET=$work/munge/munge.sock
munged=$(cat munge/munged.pid)
steps=1500
long=12000 # steps of a millisecond last while munged is stopped

mpiexec.hydra -n 2 "$heat" 64 $long >native 2>&1

# --- a job, and what belongs to it ---
begin cairnrun --auth munge --ckpt-dir ck -n 2 "$heat" 64 $long 1000
patiently up ck 2
ok "its own user's tool gets in" ranks_run ck 2
ok "a checkpoint is committed" checkpoint ck
ok "job.json says how to come in" said '"auth": "munge"' ck/job.json

# Another user has read job.json somehow: the secret too.  To the tool a folder
# with that file and a lock on it is a running job's.
stranger() { # DIR AUTH
	rm -rf theirs && mkdir -m 711 theirs theirs/bin &&
		mkdir -m 700 theirs/job &&
		cp "$build/launcher/cairn" "$build/runtime/cairn-munge" \
			theirs/bin &&
		sed "s/\"auth\": \"[a-z]*\"/\"auth\": \"$2\"/" "$1/job.json" \
			>theirs/job/job.json &&
		chmod 600 theirs/job/job.json &&
		chown -R 65534:65534 theirs/job || return 99
	(cd theirs && env -u CAIRN_LIBEXEC timeout 30 setpriv --reuid 65534 \
		--regid 65534 --clear-groups flock job \
		bin/cairn status job) >said 2>&1
}

if [ "$(id -u)" = 0 ]; then
	ok "another user with the secret does not" eval \
		'! stranger ck munge && said "MUNGE" said && ! said running said'
	ok "and cairnrun says why" \
		patiently said 'credential is meant for another user'
	ok "nor does he by the secret alone" eval \
		'! stranger ck secret && said "use the same --auth" said'
else
	skip "another user with the secret does not" "only root can try that"
fi
ok "and the job takes its next checkpoint" checkpoint ck
kill -STOP "$munged"
kill -USR2 "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' ck/job.json)"
ok "munged is stopped, and checkpoints go on" \
	patiently eval '[ "$(epochs ck)" = "2 3" ]'
SECONDS=0
ok "but no tool gets in, and says why" eval \
	'! checkpoint ck && said "munged on this node does not answer" said'
ok "within ten seconds" [ $SECONDS -le 10 ]
kill -CONT "$munged"
ok "to the native answer" eval 'ends 0 && same_answer'
CAIRN_AUTH=munge timeout 120 cairnrun --restart ck >out 2>err </dev/null
ok "a restart gives it, too (CAIRN_AUTH)" same_answer

if [ "$(id -u)" = 0 ]; then
	begin cairnrun --auth secret --ckpt-dir open -n 2 "$heat" 64 $steps \
		10000
	patiently up open 2
	ok "by the secret alone he would come in" eval \
		'stranger open secret && said running said'
	kill "$job"
	wait "$job"
fi

# --- what is said where it cannot work ---
refused() { # CODE WORDS COMMAND...
	local code=$1 words=$2 got
	shift 2
	timeout 20 "$@" >out 2>err </dev/null
	got=$?
	[ "$got" = "$code" ] && [ "$(wc -l <err)" = 1 ] && said "$words"
}
ok "another word than secret or munge is refused" \
	refused 2 '--auth takes secret or munge' cairnrun --auth none true
ok "in CAIRN_AUTH as well" \
	refused 2 'CAIRN_AUTH is "none"' env CAIRN_AUTH=none cairnrun true
ok "no munged here: said before anything is started" \
	refused 1 'munged cannot be reached on this node; start it' \
	env CAIRN_MUNGE_SOCKET=/nowhere cairnrun --auth munge true
mkdir bare
cp "$build/launcher/cairnrun" bare
ln -s "$build/runtime/cairn-rank" bare
ok "a Cairn without cairn-munge says that" \
	refused 1 'built without MUNGE' env -u CAIRN_LIBEXEC bare/cairnrun \
	--auth munge true

# --- two nodes, each with a munged of its own ---
mpiexec.hydra -n 2 "$heat" 64 $steps >native 2>&1
if ! unshare --net true 2>/dev/null || ! command -v ip >/dev/null; then
	skip "two nodes" "no network namespaces without root"
	done_testing
fi
"$cluster" up 2 || exit 99
export TMPDIR=$CLUSTER/local/tmp
"$cluster" on fe mkdir "$TMPDIR"
# One path on all nodes, another file on each.
export CAIRN_MUNGE_SOCKET=$CLUSTER/local/munge/munge.sock
printf 'n0:1\nn1:1\n' >hosts
node_up() { # NODE
	"$cluster" on "$1" "$munge" up "$CLUSTER/local/munge" "$work/munge"
}
on_both() { # ARGUMENTS...
	begin "$cluster" on fe cairnrun --auth munge -f hosts -launcher ssh \
		-launcher-exec "$src/tests/lib/cluster-rsh" "$@"
}
node_up fe
node_up n0
on_both --ckpt-dir nodes -n 2 "$heat" 64 $steps
ok "a node without munged ends the job's start" ends 1
ok "it is named" said 'agent on n1: .*munged cannot be reached on this node'
node_up n1
on_both --ckpt-dir nodes -n 2 "$heat" 64 $steps 5000
status() {
	"$cluster" on fe env PATH="$PATH" cairn "$@"
}
ok "with one on each node it runs" patiently eval \
	'status status nodes 2>&1 | grep -q running || ended'
ok "an epoch spans both" status checkpoint nodes
ok "to the native answer" eval 'ends 0 && same_answer'
done_testing
