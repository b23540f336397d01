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

run() { # CODE COMMAND...: its output in out and err
	local wanted=$1
	shift
	timeout 60 "$@" >out 2>err </dev/null
	[ $? = "$wanted" ]
}

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

# --- cairn report ---
ok "cairn report writes a page" run 0 cairn report -o page.html ck
ok "which is whole, and needs nothing else" \
	python3 "$look/report.py" page.html 2 3 "$counter 60" epochs
ok "it can be printed" eval 'cairn report ck | cmp -s - page.html'
ok "why an epoch was given up is in it" eval 'cairn report -o gu.html gu &&
	python3 "$look/report.py" gu.html 1 0 "no space left on device"'
python3 "$look/report.py" bad -
ok "what others wrote is text in it" eval 'cairn report -o bad.html bad &&
	python3 "$look/report.py" bad.html 2 0 "<script>alert(1)</script>"'
ok "without a record it says so" run 1 cairn report .
ok "and names it" said history.jsonl

# The page as it looks, without a network (that it has no scripts was seen).
browser() { # PAGE PICTURE
	timeout 120 chromium --headless --no-sandbox --disable-gpu \
		--blink-settings=preferredColorScheme=1 \
		--host-resolver-rules="MAP * ~NOTFOUND" \
		--user-data-dir="$work/browser" --hide-scrollbars \
		--window-size=1000,900 --screenshot="$PWD/$2" \
		"file://$PWD/$1" >said 2>&1
}
if command -v chromium >/dev/null; then
	ok "Chromium shows it" browser page.html page.png
	ok "with its colours" python3 "$look/report.py" --picture page.png
else
	skip "Chromium shows it" "chromium is not installed"
	skip "with its colours" "chromium is not installed"
fi

# --- --metrics ---
figures() { # EXPRESSION
	python3 "$look/metrics.py" m.prom "$1" >said 2>&1
}
name='a"b\c' # a folder's name may hold such
started "$name" 2 cairnrun --ckpt-dir "$name" --metrics m.prom --restarts 1 \
	-n 2 "$counter" 60
ok "figures are there before the first epoch" figures \
	'v("cairn_up") == 1 and v("cairn_ranks") == 2 and v("cairn_nodes") == 1 and
	v("cairn_epochs_committed_total") == 0 and "cairn_last_epoch" not in m'
checkpoint "$name"
ok "and follow it" figures \
	'v("cairn_epochs_committed_total") == 1 and v("cairn_last_epoch") == 1 and
	0 < v("cairn_last_pause_seconds") <= v("cairn_last_duration_seconds") and
	0 < v("cairn_written_bytes_total") < v("cairn_covered_bytes_total") and
	v("cairn_last_commit_timestamp_seconds") > 1.7e9 and
	sum(x for _, x in m["cairn_phase"]) == 1'
kill -KILL "$(pgrep -u "$(id -u)" -f "^$counter 60" | head -n 1)"
wait $job
ok "over a restart, up to the end" figures \
	'v("cairn_up") == 0 and v("cairn_restarts_total") == 1 and
	v("cairn_epochs_committed_total") == 1 and
	m["cairn_up"][0][0]["job_name"] == r"""a"b\c"""'
ok "all may read them, and nothing else is left" \
	[ "$(stat -c %a m.prom*)" = 644 ]
ok "a folder that is not there is said, and harms nobody" eval '
	run 0 cairnrun --metrics none/m.prom -n 1 true &&
	[ "$(grep -c "cannot write --metrics none/m.prom" err)" = 1 ]'

# --- --interval auto ---
begin env CAIRN_MTBF=1h/node cairnrun --ckpt-dir au --interval auto --mtbf 4s \
	--metrics au.prom -n 2 "$counter" 900
PATIENCE=60 patiently committed au 2
timeout 30 cairn checkpoint --exit au >said 2>&1
wait $job
ok "its reasoning is said before the first epoch" said \
	'^cairn: --interval auto: a checkpoint every .* perhaps 1.0 s .* 4.0 s (--mtbf)'
ok "and again when one has shown its cost" said \
	'^cairn: --interval auto: a checkpoint every .* about [0-9.]* m\?s '
ok "and it is used" tells au 'len(epochs) >= 3'
cp au.prom m.prom
# (twice what an epoch takes, where the machine is slow)
ok "and shown" figures '1 <= v("cairn_interval_seconds") <= 60'
begin env CAIRN_MTBF=1h/node cairnrun --ckpt-dir no --interval auto -n 1 "$counter" 3
wait $job
ok "a site says how often a node fails" said 'every 60 min 0 s (--mtbf)'
ok "what is no time is refused" run 2 cairnrun --mtbf 4s/rank -n 1 true
ok "and so is a site's" eval '
	run 2 env CAIRN_MTBF=often cairnrun -n 1 true && said "CAIRN_MTBF.*often"'

# --- what is kept ---
begin cairnrun --ckpt-dir ke --keep 9 -n 1 "$counter" 900
patiently up ke 1
for _ in 1 2 3; do checkpoint ke; done
timeout 30 cairn checkpoint --exit ke >said 2>&1
wait $job
# shellcheck disable=SC2034 # for ok
bytes=$(($(cairn ls --json ke | sed -n 's/.*"bytes": *\([0-9]*\).*/\1/p' |
	tail -n 2 | paste -sd+)))
ok "cairn prune keeps what fits" eval '
	run 0 cairn prune --keep-bytes "$bytes" ke && [ "$(epochs ke)" = "3 4" ]'
too_old() { # times are of whole seconds
	run 0 cairn prune --keep-age 1ms ke && [ "$(epochs ke)" = 4 ]
}
ok "by age" patiently too_old
ok "and never removes the newest" eval '
	run 0 cairn prune --keep-bytes 1 ke && [ "$(epochs ke)" = 4 ] &&
	run 0 cairn verify ke'
begin cairnrun --ckpt-dir kb --keep-bytes 1 -n 1 "$counter" 900
patiently up kb 1
for _ in 1 2; do checkpoint kb; done
ok "cairnrun keeps by space" [ "$(epochs kb)" = 2 ]
timeout 30 cairn checkpoint --exit kb >said 2>&1
wait $job

# In a namespace of its own, which takes its mount away.
full() {
	mount -t tmpfs -o size=7m,mode=700 cairn "$1" || exit 99
	begin cairnrun --ckpt-dir "$1/ck" --keep 99 -n 2 "$counter" 900
	patiently up "$1/ck" 2
	for _ in $(seq 99); do
		checkpoint "$1/ck" || break
	done
	grep "no space left" said && cairn verify "$1/ck" &&
		[ "$(epochs "$1/ck")" = "$(seq -s " " "$(epochs "$1/ck" | wc -w)")" ]
	echo "code $?"
	kill -TERM "$(pgrep -P "$job" -x cairnrun)"
	wait "$job"
}
mkdir full
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	export -f full begin patiently up ranks_run ended checkpoint moment epochs
	export counter
	ok "a full disk costs the new epoch, and none of the older ones" eval '
		unshare -m bash -c "full full" >kept 2>&1; grep -qx "code 0" kept'
else
	skip "a full disk" "mounting takes root"
fi

done_testing
