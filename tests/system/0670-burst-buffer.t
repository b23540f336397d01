#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0670-burst-buffer.t - two tiers on two nodes (namespaces, tests/lib/cluster),
# each with a burst buffer of its own: commit, flush, restart, loss, no space
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2016,SC2317 # what is evaluated later is in single quotes
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra unshare nsenter ip
unshare --net true 2>/dev/null || skip_all "no network namespaces without root"
# Mounts of this test are seen by its nodes only, and end with them.
[ -n "${APART:-}" ] ||
	APART=1 exec unshare --mount --propagation private "$BASH" "$0" "$@"
in_a_folder
export CLUSTER=$work/cluster NODE_INIT=$build/tests/programs/cluster/node_init
cluster=$src/tests/lib/cluster
heat=$build/tests/programs/heat
bb=$CLUSTER/local/bb
mkdir "$CLUSTER" small
mount -t tmpfs -o size=3m,mode=700 tmpfs small || exit 99
trap '"$cluster" down; umount small; rm -rf "$work"' EXIT
"$cluster" up 2 || exit 99
export TMPDIR=$CLUSTER/local/tmp
"$cluster" on fe mkdir "$TMPDIR"
# cairn runs where it can reach the job, and no burst buffer is.
mkdir bin
printf '#!/bin/sh\nexec %q on fe %q "$@"\n' "$cluster" \
	"$(command -v cairn)" >bin/cairn
chmod +x bin/cairn
PATH=$work/bin:$PATH
printf 'n0:1\nn1:1\n' >hosts
steps=2500
rest=4000 # microseconds a step: a job lasts while it is looked at

# buffers: new and empty ones
buffers() {
	"$cluster" on n1 umount "$bb" 2>/dev/null
	rm -rf "$CLUSTER"/n[01]/bb
	mkdir "$CLUSTER"/n{0,1}/bb
}

# Images are counted here, so each is whole; that a copy brings along what it
# needs is for test_base.
begin_job() { # DIR OPTIONS...: two ranks, with the burst buffer
	fresh
	timeout -k 5 60 "$cluster" on fe cairnrun -f hosts -launcher ssh \
		-launcher-exec "$src/tests/lib/cluster-rsh" --ckpt-dir "$1" \
		--burst-buffer "$bb" --incremental off "${@:2}" -n 2 "$heat" 64 $steps \
		$rest >out 2>err </dev/null &
	job=$!
	patiently up "$1" 2
}

pid() { # DIR: cairnrun's
	sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$1/job.json"
}

die() { # DIR: the launcher is killed, and all that it started ends
	kill -KILL "$(pid "$1")"
	wait "$job" 2>/dev/null
	patiently nothing_runs
}

nothing_runs() {
	local node
	for node in n0 n1; do
		! "$cluster" on "$node" pgrep -x 'heat|cairnd' >/dev/null ||
			return 1
	done
}

in_tier() { # DIR EPOCH TIER
	cairn ls --json "$1" | tr -d '\n ' | tr '}' '\n' |
		grep -q "\"epoch\":$2,.*\"tier\":\"$3\""
}

images() { # NODE: how many its buffer holds
	find "$CLUSTER/$1/bb" -name 'node-*.img' | wc -l
}

good() { # DIR [EPOCH]: every byte, seen from where no buffer is
	timeout 60 cairn verify "$1${2:+/$2}" >said 2>&1
}

mpiexec.hydra -n 2 "$heat" 64 $steps >native 2>&1

# --- the fast tier alone ---
buffers
begin_job fast --flush-every 9
ok "an epoch is committed in the burst buffers" checkpoint fast
ok "its tier is said" in_tier fast 1 burst-buffer
ok "each node's image is in its own buffer, and not in the folder" eval \
	'[ "$(images n0) $(images n1)" = "1 1" ] &&
	[ "$(ls fast/epoch-000001)" = manifest.json ]'
ok "the job's folder there is its own" eval \
	'[ "$(stat -c %a "$CLUSTER"/n0/bb/cairn-fast-*)" = 700 ]'
ok "status says where it is" eval \
	'cairn status fast >said && grep -q "epoch 1 (in burst buffers)" said'
ok "verify says what it cannot see" eval \
	'! good fast && grep -q "not checked: .*node n[01] only" said'
die fast
begin_job fast --resume --flush-every 9
ok "after a crash the buffers' images are enough" eval \
	'ends 0 && same_answer && ! said "cannot be restored"'
ok "at its end the newest epoch is in the folder" eval \
	'in_tier fast 1 ckpt-dir && good fast'
ok "and nothing is left in the buffers" eval \
	'[ -z "$(ls "$CLUSTER"/n0/bb "$CLUSTER"/n1/bb -A | grep -v :)" ]'

# --- flushing ---
buffers
begin_job flush --keep 1
checkpoint flush
ok "an epoch is flushed in the background" patiently in_tier flush 1 ckpt-dir
ok "and is whole there" good flush 1
ok "the buffers keep their copies" eval \
	'[ "$(images n0) $(images n1)" = "1 1" ]'
checkpoint flush
ok "the next one, too" patiently in_tier flush 2 ckpt-dir
ok "then the older one goes from both" patiently eval \
	'[ "$(epochs flush)" = 2 ] && [ "$(images n0) $(images n1)" = "1 1" ]'
die flush
rm -rf "$CLUSTER"/n1/bb/*
begin_job flush --resume --flush-rate 300K
ok "copies that are lost are not missed" patiently eval \
	'ranks_run flush 2 && ! said "cannot be restored"'
checkpoint flush
ok "a throttled flush takes its time" in_tier flush 3 burst-buffer
kill -USR1 "$(pid flush)"
ok "checkpoint-exit ends the job with 85" ends 85
ok "not before its epoch is flushed" eval \
	'in_tier flush 4 ckpt-dir && good flush 4'
begin_job flush --resume
ok "from there to the same answer" eval 'ends 0 && same_answer'

# --- a node's buffer is lost ---
buffers
begin_job lost --flush-every 2
checkpoint lost && checkpoint lost
patiently in_tier lost 2 ckpt-dir
checkpoint lost
die lost
rm -rf "$CLUSTER"/n1/bb/*
begin_job lost --resume
ok "a node's buffer is lost: restarted from the flushed epoch" eval \
	'ends 0 && same_answer'
ok "which is said, with the node and the folder" eval \
	'said "epoch 3 cannot be restored; restarting from epoch 2" &&
	said "burst buffer of node n1 only ($bb/cairn-lost-"'

# --- no space, no buffer ---
buffers
"$cluster" on n1 mount -t tmpfs -o size=2m tmpfs "$bb"
begin_job full --flush-every 9
ok "a full buffer: the epoch is given up" eval '! checkpoint full'
ok "by node and path" eval \
	'grep -q "node n1, burst buffer $bb/cairn-full-.*no space" said'
ok "the next one goes past that buffer" checkpoint full
ok "past that one only" eval \
	'[ "$(ls full/epoch-000002)" = "manifest.json
node-n1.img" ] && [ "$(images n0)" = 1 ]'
"$cluster" on n1 umount "$bb"
rm -rf "$CLUSTER"/n1/bb
ok "a buffer that vanishes: the epoch goes to the folder" eval \
	'checkpoint full && [ -e full/epoch-000003/node-n1.img ]'
ok "and that is said" said "node n1: burst buffer $bb: cannot open"
ok "the job comes to the native answer" eval 'ends 0 && same_answer'

buffers
"$cluster" on n1 mount -t tmpfs -o size=2m tmpfs "$bb"
begin_job last
kill -USR1 "$(pid last)"
ok "a last checkpoint that a full buffer fails is made again" eval \
	'ends 85 && said "epoch 1 was given up" && in_tier last 2 ckpt-dir &&
	good last'

# --- the folder has no space for the last epoch ---
buffers
begin_job small/ck
kill -USR1 "$(pid small/ck)"
ok "a last flush that fails does not keep the job" ends 85
ok "is said loudly" said 'stays in the burst buffers only.*no space'
ok "and leaves the epoch where it is" in_tier small/ck 1 burst-buffer
ok "without half a copy" eval '[ "$(ls -A small/ck/epoch-000001)" = manifest.json ]'
begin_job small/ck --resume --flush-every 9
ok "it goes on from there" eval 'ends 0 && same_answer'
done_testing
