#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0320-seeing.t - what people can see of a job: its record, the report, metrics
# and cairn top
# shellcheck disable=SC2317,SC2016 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
counter=$build/tests/programs/launcher/counter
needs mpiexec.hydra python3
in_a_folder
look=$src/tests/system/seeing

tells() { # DIR EXPRESSION: of the record there
	python3 "$look/history.py" "$1/history.jsonl" "$2"
}

started() { # DIR RANKS COMMAND...: in the background, and its ranks are up
	local dir=$1 ranks=$2
	shift 2
	begin "$@"
	patiently up "$dir" "$ranks"
}

# --- the record of a job's life ---
started ck 3 cairnrun --ckpt-dir ck -n 3 "$counter" 60
checkpoint ck
checkpoint ck
ok "the ranks' and nodes' phases are in the record" tells ck \
	'len(epochs) == 2 and all(whole(e) for e in epochs)'
kill -KILL "$(pgrep -u "$(id -u)" -f "^$counter 60" | head -n 1)"
wait $job
ok "a start, and an end that was none of the program's" tells ck \
	'[e["event"] for e in events if e["event"] != "note"] ==
	["start", "up", "epoch", "epoch", "end"] and
	of("end")[0]["how"] in ("killed", "failed") and of("end")[0]["epoch"] == 2'
printf '{"v":1,"t":17' >>ck/history.jsonl # as a kill amid a write
begin cairnrun --restart ck/1
wait $job
ok "a restart goes on in the record, behind a torn line" tells ck \
	'of("start")[1]["restarted_from"] == 1 and len(of("up")) == 2 and
	of("up")[1]["seconds"] > 0 and
	(of("end")[1]["how"], of("end")[1]["code"]) == ("finished", 0)'
ok "only its owner can read it" [ "$(stat -c %a ck/history.jsonl)" = 600 ]
started gu 2 cairnrun --ckpt-dir gu -genv CAIRN_FAULT write-enospc -n 2 \
	"$counter" 30
checkpoint gu
wait $job
ok "an epoch that was given up is there with its reason" tells gu \
	'not epochs and "no space left" in of("epoch")[0]["reason"] and
	of("end")[0]["code"] == 0'

done_testing
