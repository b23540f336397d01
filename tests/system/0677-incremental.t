#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0677-incremental.t - only what has changed is written, and nothing of it is
# lost: kills, restarts from several epochs, epochs that others need, one that
# failed in between; by tracked pages and by hashes
# shellcheck disable=SC2317,SC2016 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
needs mpiexec.hydra
# A small file system of one's own can be full.
if [ -z "${APART:-}" ] && unshare --mount true 2>/dev/null; then
	APART=1 exec unshare --mount --propagation private "$BASH" "$0" "$@"
fi
in_a_folder
mutate=$build/tests/programs/mutate
steps=120
rest=30000 # microseconds a step: the job lasts for its checkpoints

start_job() { # DIR STEPS OPTIONS...
	local dir=$1 n=$2
	shift 2
	begin cairnrun --ckpt-dir "$dir" "$@" -n 2 "$mutate" "$n" $rest 8
	PATIENCE=60 patiently is_ready
}

is_ready() { # its memory is there, or the job has ended
	said ready out || ended
}

no_rank_runs() {
	! pgrep -u "$(id -u)" -f "^$mutate" >/dev/null
}

die() { # DIR: the launcher is killed, and all that it started ends
	kill -KILL "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$1/job.json")"
	wait "$job" 2>/dev/null
	patiently no_rank_runs
}

take() { # DIR COUNT: checkpoints, with some steps in between
	local i
	for ((i = 0; i < $2; i++)); do
		checkpoint "$1" || return 1
		MOMENT=0.2 moment
	done
	return 0
}

newest() { # DIR
	epochs "$1" | awk '{print $NF}'
}

bytes() { # DIR EPOCH: of its images
	cat "$1/epoch-$(printf %06d "$2")"/node-*.img | wc -c
}

needs_older() { # DIR EPOCH
	grep -q '"sources"' "$1/epoch-$(printf %06d "$2")/manifest.json"
}

comes_back() { # DIR EPOCH: a copy of the folder restarts from it, to the answer
	rm -rf copy
	cp -a "$1" copy
	fresh
	timeout 120 cairnrun -n 2 --restart "copy/$2" >out 2>err </dev/null &&
		same_answer
}

timeout 120 mpiexec.hydra -n 2 "$mutate" $steps 0 8 >native 2>/dev/null </dev/null

# --- tracked pages ---
start_job d $steps --keep 2
ok "five checkpoints are taken" take d 5
last=$(newest d)
ok "two of them are kept" [ "$(epochs d | wc -w)" = 2 ]
ok "the newest needs older images" needs_older d "$last"
ok "and is much smaller than the first" \
	[ $((3 * $(bytes d "$last"))) -lt "$(bytes d 1)" ]
ok "the first is no epoch any more, but its image is there" \
	[ ! -e d/epoch-000001/manifest.json -a "$(bytes d 1)" -gt 0 ]
ok "the job is killed" die d
ok "both epochs verify" timeout 60 cairn verify d
for epoch in $(epochs d); do
	ok "a restart from epoch $epoch ends with the native answer" \
		comes_back d "$epoch"
done
# Not all of it is needed any more, so much is overwritten.
half=$(($(bytes d 1) / 8192))
dd if=/dev/zero of="$(echo d/epoch-000001/node-*.img)" bs=4k seek=$((half / 2)) \
	count="$half" conv=notrunc status=none
damage_is_named() {
	! timeout 60 cairn verify d >said 2>&1 &&
		grep -q 'epoch-000001/node-.*is damaged' said
}
ok "damage in an older image is found, and named" damage_is_named

# --- a restarted job is incremental, too ---
start_job e $steps --keep 1
ok "two checkpoints, and the job is killed" eval 'take e 2 && die e'
begin cairnrun --restart e -n 2
patiently up e 2
ok "it restarts, two more checkpoints, and is killed again" \
	eval 'take e 2 && needs_older e "$(newest e)" && die e'
ok "and ends with the native answer" comes_back e "$(newest e)"

# --- hashes alone, and not at all ---
start_job h $steps --incremental hash --keep 1
ok "by hashes: three checkpoints" take h 3
ok "by hashes: the newest needs older images" needs_older h "$(newest h)"
ok "by hashes: the job is killed" die h
ok "by hashes: a restart ends with the native answer" \
	comes_back h "$(newest h)"
start_job f $steps --incremental off
ok "off: two checkpoints" take f 2
ok "off: the newest needs nobody" \
	eval '! needs_older f "$(newest f)" && die f'
ok "another word is refused" eval \
	'! cairnrun --incremental yes true 2>err && said "auto, scan, hash or off"'

# --- an epoch that fails in between ---
if [ "${APART:-}" ]; then
	mkdir s
	mount -t tmpfs -o size=64m,mode=700 tmpfs s || exit 99
	trap 'umount s; rm -rf "$work"' EXIT
	start_job s/d $steps --keep 3
	ok "no space: two checkpoints before" take s/d 2
	dd if=/dev/zero of=s/full bs=64k status=none 2>/dev/null
	ok "no space: the next one is given up" eval '! checkpoint s/d'
	rm s/full
	ok "no space: two more when there is some" take s/d 2
	ok "no space: the job is killed" die s/d
	ok "no space: a restart from the first after it ends well" \
		comes_back s/d "$(epochs s/d | awk '{print $(NF - 1)}')"
else
	skip "an epoch that fails in between" "no mounts without root"
fi
done_testing
