#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0655-compress.t - each way to store memory brings the same program back
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
heat=$build/tests/programs/heat
needs mpiexec.hydra
in_a_folder
plate=(-n 2 "$heat" 800 1000 2000)

bytes() { # DIR: of its image
	cairn ls --json "$1" | sed -n 's/.*"bytes": *\([0-9]*\).*/\1/p' | tail -n 1
}

stopped() { # DIR: checkpointed, and ended with 85
	timeout 60 cairn checkpoint --exit "$1" >said 2>&1 && ends 85
}

verified() { # DIR
	cairn verify "$1" >said 2>&1
}

smaller() { # DIR THAN
	[ "$(bytes "$1")" -lt "$(bytes "$2")" ]
}

timeout 60 mpiexec.hydra "${plate[@]}" >native 2>err </dev/null
for way in none fast small auto; do
	begin cairnrun --ckpt-dir "$way" --compress "$way" "${plate[@]}"
	patiently up "$way" 2
	ok "$way: a checkpoint" stopped "$way"
	ok "$way: every byte is right" verified "$way"
	timeout 60 cairnrun -n 2 --restart "$way" >out 2>err </dev/null
	ok "$way: restarted, the same answer" same_answer
done
ok "fast is smaller than none" smaller fast none
ok "small is smaller than fast" smaller small fast
timeout 10 cairnrun --compress tight -n 1 true >out 2>err </dev/null
ok "another way is refused with a sentence" said "1 to 19"
done_testing
