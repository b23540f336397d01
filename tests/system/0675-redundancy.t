#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0675-redundancy.t - copies of images in other nodes' burst buffers, on four
# nodes (namespaces, tests/lib/cluster): any one is lost, ranks move
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck disable=SC2015,SC2016,SC2317 # what is evaluated later is in single quotes
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra unshare nsenter ip
unshare --net true 2>/dev/null || skip_all "no network namespaces without root"
[ -x "$build/runtime/cairn-fabric" ] || skip_all "this build has no libfabric"
# Mounts of this test are seen by its nodes only, and end with them.
[ -n "${APART:-}" ] ||
	APART=1 exec unshare --mount --propagation private "$BASH" "$0" "$@"
in_a_folder
export CLUSTER=$work/cluster NODE_INIT=$build/tests/programs/cluster/node_init
cluster=$src/tests/lib/cluster
heat=$build/tests/programs/heat
bb=$CLUSTER/local/bb
mkdir "$CLUSTER"
trap '"$cluster" down; rm -rf "$work"' EXIT
"$cluster" up 4 || exit 99
export TMPDIR=$CLUSTER/local/tmp
"$cluster" on fe mkdir "$TMPDIR"
# cairn runs where it can reach the job, and no burst buffer is.
mkdir bin
printf '#!/bin/sh\nexec %q on fe %q "$@"\n' "$cluster" \
	"$(command -v cairn)" >bin/cairn
chmod +x bin/cairn
PATH=$work/bin:$PATH
printf 'n%d:1\n' 0 1 2 3 >hosts
steps=1200
rest=3000 # microseconds a step: a job lasts while it is looked at

# buffers: new and empty ones
buffers() {
	rm -rf "$CLUSTER"/n[0-3]/bb
	mkdir "$CLUSTER"/n{0,1,2,3}/bb
}

begin_job() { # DIR HOSTS OPTIONS...: four ranks, with the burst buffer
	fresh
	timeout -k 5 90 "$cluster" on fe cairnrun -f "$2" -launcher ssh \
		-launcher-exec "$src/tests/lib/cluster-rsh" --ckpt-dir "$1" \
		--burst-buffer "$bb" --redundancy partner --flush-every 99 \
		"${@:3}" -n 4 "$heat" 64 $steps $rest >out 2>err </dev/null &
	job=$!
	patiently up "$1" 4
}

pid() { # DIR: cairnrun's
	sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$1/job.json"
}

nothing_runs() {
	local node
	for node in n0 n1 n2 n3; do
		[ -e "$CLUSTER/$node.pid" ] || continue
		! "$cluster" on "$node" pgrep -x 'heat|cairn.*' \
			>/dev/null || return 1
	done
}

die() { # DIR: the launcher is killed, and all that it started ends
	kill -KILL "$(pid "$1")"
	wait "$job" 2>/dev/null
	patiently nothing_runs
}

images() { # PATTERN: how many all buffers hold
	find "$CLUSTER"/n[0-3]/bb -name "$1" | wc -l
}

two_images() {
	local k
	for k in 0 1 2 3; do
		[ "$(find "$CLUSTER/n$k/bb" -name 'node-*.img' | wc -l)" = 2 ] &&
			[ "$(images "node-n$k.img")" = 2 ] || return 1
	done
}

equal_copies() {
	local k
	for k in 0 1 2 3; do
		# shellcheck disable=SC2046 # two paths
		cmp $(find "$CLUSTER"/n[0-3]/bb -name "node-n$k.img") || return 1
	done
}

in_tier() { # DIR EPOCH TIER
	cairn ls --json "$1" | tr -d '\n ' | tr '}' '\n' |
		grep -q "\"epoch\":$2,.*\"tier\":\"$3\""
}

mpiexec.hydra -n 4 "$heat" 64 $steps >native 2>&1

# --- copies ---
buffers
begin_job ck hosts
ok "an epoch is committed with its copies" checkpoint ck
ok "each node has its own image and one of another" two_images
ok "a copy is the image, byte for byte" equal_copies
ok "the manifest says where" eval \
	'[ "$(grep -c "\"copies\"" ck/epoch-000001/manifest.json)" = 4 ]'
die ck
mkdir kept && cp -a ck kept/ck && for k in 0 1 2 3; do
	cp -a "$CLUSTER/n$k/bb" "kept/bb$k"
done

as_it_was() { # the folder and all buffers, after the crash
	rm -rf ck
	cp -a kept/ck ck
	for k in 0 1 2 3; do
		rm -rf "$CLUSTER/n$k/bb"
		cp -a "kept/bb$k" "$CLUSTER/n$k/bb"
	done
}

# --- any one node is lost ---
for lost in 0 1 2 3; do
	as_it_was
	"$cluster" kill n$lost
	rm -rf "$CLUSTER/n$lost/bb"
	grep -v "^n$lost:" hosts | sed '1s/:1/:2/' >rest
	begin_job ck rest --resume
	ok "without node n$lost and its buffer the epoch comes back" eval \
		'ranks_run ck 4 && ! said "cannot be restored"'
	ok "to the same answer, and into the folder" eval \
		'ends 0 && same_answer && in_tier ck 1 ckpt-dir &&
		timeout 60 cairn verify ck >said 2>&1'
	patiently nothing_runs
	"$cluster" revive n$lost
	"$cluster" on n$lost mkdir -p "$TMPDIR" "$bb"
done

# --- ranks move, and no node is lost ---
as_it_was
for k in 0 1 2 3; do
	find "$CLUSTER/n$k/bb" -name 'node-*' ! -name "node-n$k.img" -delete
done
printf 'n%d:1\n' 2 3 0 1 >moved
begin_job ck moved --resume
ok "ranks on other nodes get their images from where they lie" eval \
	'ranks_run ck 4 && ! said "cannot be restored"'
ok "and come to the same answer" eval 'ends 0 && same_answer'

# --- two neighbours are lost: more than a partner can mend ---
as_it_was
rm -rf "$CLUSTER"/n{0,1,2}/bb/*
begin_job ck hosts --resume
ok "without image and copy: refused, by node" eval \
	'! ends 0 && said "burst buffer of node n[012] only"'

# --- no copy comes about ---
buffers
begin_job none hosts --fabric no-such
ok "without a way to the partner the epoch is given up" eval \
	'! checkpoint none'
ok "by node and reason" eval \
	'grep -q "no copy of node n[0-3].s image on node n[0-3]:.*\"no-such\"" said'
ok "nothing of it stays, and the next one goes to the folder" eval \
	'checkpoint none && in_tier none 2 ckpt-dir &&
	[ "$(images "node-*")" = 0 ]'
kill -TERM "$(pid none)"
wait "$job"
done_testing
