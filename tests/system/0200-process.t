#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# 0200-process.t - programs under many epochs of one process: they cannot tell
#
# storm plays the agent; nothing is captured.  Each program gives the result
# that it gives alone.
build=${top_builddir:-.}
lib=$build/runtime/libcairn.so
storm=$build/tests/system/process/storm
programs=$build/tests/programs/process
n=0
failed=0

# check NAME WANTED-CODE COMMAND...
check() {
	name=$1
	wanted=$2
	shift 2
	n=$((n + 1))
	output=$(timeout 120 "$@" 2>&1)
	code=$?
	if [ "$code" = "$wanted" ]; then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name: exit code $code, not $wanted"
		echo "$output" | sed 's/^/# /'
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

check "waits end in time and without EINTR" 0 \
	"$storm" -i 5 -n 20 "$lib" "$programs/waits"
check "handlers, masks, cancellation and setuid work" 0 \
	"$storm" -i 5 -n 20 "$lib" "$programs/handlers"
check "the same without FSGSBASE" 0 env CAIRN_NO_FSGSBASE=1 \
	"$storm" -i 5 -n 20 "$lib" "$programs/handlers"
check "OpenMP computes what it should" 5 \
	"$storm" -i 2 -n 3 "$lib" "$programs/busy"
check "a shell that execs the program hands its place over" 5 \
	"$storm" -i 5 -n 3 "$lib" /bin/sh -c \
	"/bin/true; sleep 0.2; exec $programs/busy"
check "threads of threads.h are met" 0 \
	"$storm" -i 20 -n 2 "$lib" "$programs/strangers" c11
check "kernel threads without libc are met" 0 \
	"$storm" -i 20 -n 2 "$lib" "$programs/strangers" raw
check "the first thread may end before the others" 6 \
	"$storm" -i 20 -n 2 "$lib" "$programs/strangers" gone
check "timers with SIGEV_THREAD go on" 0 \
	"$storm" -i 20 -n 2 "$lib" "$programs/strangers" timer
check "a helper thread of libc is refused by name" 97 \
	"$storm" -i 20 "$lib" "$programs/strangers" aio
check "a thread that blocks every signal is refused by name" 97 \
	"$storm" -i 20 "$lib" "$programs/strangers" blocked
if command -v python3 >/dev/null; then
	check "python3 runs, with threads and children" 3 \
		"$storm" -i 20 -n 2 "$lib" python3 -c '
import hashlib, subprocess, sys, threading, time
def work(i):
	h = hashlib.sha256()
	for k in range(2000):
		h.update(bytes([k % 256]) * 1000)
	found[i] = h.hexdigest()
found = {}
threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(set(found.values())) == 1
assert subprocess.check_output(["/bin/echo", "x"]) == b"x\n"
begin = time.monotonic()
time.sleep(0.5)
assert 0.5 <= time.monotonic() - begin < 1
sys.exit(3)'
else
	skip "python3 runs" "no python3"
fi
if command -v perl >/dev/null; then
	# shellcheck disable=SC2016
	check "perl runs, with children" 4 \
		"$storm" -i 20 -n 2 "$lib" perl -e '
		for $i (1 .. 4000000) { $s += $i }
		die unless $s == 8000002000000;
		die unless `echo hi` eq "hi\n";
		select(undef, undef, undef, 0.3);
		exit 4'
else
	skip "perl runs" "no perl"
fi
echo "1..$n"
exit $failed
