#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0710-stale.t - no address of the lower half survives a restart (I5): the new
# one lies elsewhere, and no word in a rank points to where the old one was
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
program=$build/tests/programs/objects
look=$src/tests/system/invariants/look.py
needs mpiexec.hydra python3
in_a_folder

ranks() {
	pgrep -u "$(id -u)" -f "^$program "
}

both_begun() {
	[ "$(grep -c begun out)" = 2 ] || ended
}

look_at() { # WORD FILE: at the ranks, which stand still meanwhile
	local code
	# shellcheck disable=SC2046 # one word each
	kill -STOP $(ranks) && python3 "$look" "$@" $(ranks)
	code=$?
	# shellcheck disable=SC2046
	kill -CONT $(ranks)
	return "$code"
}

remember() {
	look_at remember >known 2>err
}

stale() {
	look_at stale known
}

ends_right() {
	touch go
	wait "$job" && grep -q "^right" out
}

# Ranks with all kinds of objects, a pending receive, a message that nobody has
# received, and a second thread that has called MPI.
begin cairnrun --ckpt-dir ck -n 2 "$program" go
patiently both_begun
ok "an epoch is committed" checkpoint ck
for what in "a restart" "a restart of the restarted"; do
	ok "the ranks point into the lower half" remember
	kill -KILL "$(ranks | head -n 1)"
	wait "$job"
	begin cairnrun --restart ck
	patiently up ck 2
	ok "after $what it lies elsewhere, and no word points to it" stale
	ok "and an epoch is committed" checkpoint ck
done
ok "the program comes out right" ends_right
done_testing
