#!/bin/sh
# fuzz.t - some time of libFuzzer for each parser of foreign bytes
#
# Begins with what was found worth keeping (corpus/KIND).  Needs clang with
# libFuzzer.  FUZZ_SECONDS=600 tests/fuzz/fuzz.t digs deeper (default: a minute
# each in CI, else some seconds); a finding is left in $FUZZ_DIR (default: a
# temporary folder that goes away unless something was found).
# FUZZ_KEEP=DIR writes a smallest corpus with the same coverage to DIR/KIND.
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$src}
seconds=${FUZZ_SECONDS:-${CI:+60}}
seconds=${seconds:-3}
dir=${FUZZ_DIR:-$(mktemp -d)}
kinds="sheet index manifest history"
flags="-std=gnu11 -D_GNU_SOURCE= -g -O1 -I$src -I$build -include $dir/version.h"
libs="-ljansson -lzstd -lxxhash -lpthread -lm"
sources="$(ls "$src"/storage/*.c) $(ls "$src"/launcher/report/*.c)
	$src/launcher/history.c $src/launcher/timeline.c
	$src/launcher/units.c $src/launcher/words.c $src/runtime/base/err.c
	$src/runtime/base/fmt.c $src/runtime/base/log.c
	$src/runtime/base/moment.c"

command -v clang >/dev/null || { echo "1..0 # SKIP no clang"; exit 0; }
echo 'int LLVMFuzzerTestOneInput(const char *d, long n);
int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' \
	>"$dir/probe.c"
clang -fsanitize=fuzzer,address "$dir/probe.c" -o "$dir/probe" 2>/dev/null ||
	{ echo "1..0 # SKIP this clang has no libFuzzer"; rm -r "$dir"; exit 0; }

san="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
mkdir -p "$dir/obj"
echo '#define CAIRN_VERSION "0"' >"$dir/version.h"
# The code under test is compiled once, with the fuzzer's counters.
# shellcheck disable=SC2086 # the lists are lists
(cd "$dir/obj" && clang $flags $san -fsanitize=fuzzer-no-link -c $sources) ||
	{ echo "Bail out! the code does not compile with clang"; exit 1; }
# shellcheck disable=SC2086
clang $flags $san -fsanitize=fuzzer-no-link "$src/tests/fuzz/seeds.c" \
	"$src/tests/lib/make_sheet.c" "$dir"/obj/*.o $libs -o "$dir/seeds" ||
	{ echo "Bail out! the seeds do not compile"; exit 1; }

# Two at a time.
fuzz() { # KIND
	mkdir -p "$dir/$1"
	# shellcheck disable=SC2086
	"$dir/seeds" "$1" "$dir/$1/seed" &&
		clang $flags $san -fsanitize=fuzzer \
			"$src/tests/fuzz/fuzz_$1.c" "$dir"/obj/*.o $libs \
			-o "$dir/fuzz_$1" &&
		TMPDIR=$dir timeout $((seconds + 60)) "$dir/fuzz_$1" \
			-max_total_time="$seconds" -max_len=8192 -verbosity=0 \
			-print_final_stats=1 -artifact_prefix="$dir/found-$1-" \
			"$dir/$1" "$src/tests/fuzz/corpus/$1" \
			>"$dir/$1.log" 2>&1
}

keep() { # KIND
	mkdir -p "$FUZZ_KEEP/$1" &&
		TMPDIR=$dir "$dir/fuzz_$1" -merge=1 -max_len=8192 "$FUZZ_KEEP/$1" "$dir/$1" \
			"$src/tests/fuzz/corpus/$1" >"$dir/$1.merge" 2>&1
}

verdict() { # KIND CODE
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - fuzz: nothing upsets the reader of a $1"
	else
		echo "not ok $n - fuzz: nothing upsets the reader of a $1"
		bad=1
	fi
	grep -E 'number_of_executed|SUMMARY|ERROR' "$dir/$1.log" |
		sed 's/^/# /'
	[ -z "${FUZZ_KEEP-}" ] || keep "$1"
}

echo 1..4
n=0
bad=0
# shellcheck disable=SC2086
set -- $kinds
while [ $# -ge 2 ]; do
	fuzz "$1" &
	first=$!
	fuzz "$2"
	second=$?
	wait $first
	verdict "$1" $?
	verdict "$2" $second
	shift 2
done
if [ $bad = 0 ]; then rm -r "$dir"; else echo "# see $dir"; fi
exit $bad
