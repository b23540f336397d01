#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0640-file-order.t - collectives on files complete, however they are waited for,
# and a checkpoint is refused at once meanwhile
# shellcheck disable=SC2317 # functions are called through ok
build=$(cd "${top_builddir:-.}" && pwd)
program=$build/tests/programs/file_order
PATH=$build/launcher:$PATH
n=0
failed=0
unset CAIRN_LOG

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
mkfifo never

ok() { # NAME CONDITION...
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name: $*"
		tail -n 20 out err tool 2>/dev/null | sed 's/^/# /'
	fi
}

moment() { # wait a tenth of a second for nothing
	read -r -t 0.1 _ <>never
}

begin() {
	local i
	timeout 60 cairnrun --ckpt-dir ck -n 4 "$program" "$work/gate" \
		>out 2>err </dev/null &
	job=$!
	for ((i = 0; i < 300; i++)); do
		[ "$(find . -name 'gate.*' | wc -l)" -ge 3 ] && return
		moment
	done
	return 1
}

refused() {
	! timeout 20 cairn checkpoint ck >tool 2>&1 &&
		grep -q 'rank [0-9]* has a file open (MPI_File_open)' tool
}

right() {
	wait "$job" && [ "$(cat out)" = right ]
}

echo 1..3
ok "three ranks wait for collectives on files" begin
ok "a checkpoint is refused meanwhile, with rank and object" refused
touch gate
ok "each rank completes them in its own way" right
exit $failed
