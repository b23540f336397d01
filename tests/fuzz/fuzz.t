#!/bin/sh
# fuzz.t - a few seconds of libFuzzer for each parser of foreign bytes
#
# Needs clang with libFuzzer.  FUZZ_SECONDS=600 tests/fuzz/fuzz.t digs deeper;
# a finding is left in $FUZZ_DIR (default: a temporary folder that goes away
# unless something was found).
set -u
src=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
seconds=${FUZZ_SECONDS:-3}
dir=${FUZZ_DIR:-$(mktemp -d)}
kinds="sheet index manifest"
flags="-std=gnu11 -g -O1 -I$src"
libs="-ljansson -lzstd -lxxhash -lpthread"
sources="$(ls "$src"/storage/*.c) $src/runtime/base/err.c
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
# The code under test is compiled once, with the fuzzer's counters.
# shellcheck disable=SC2086 # the lists are lists
(cd "$dir/obj" && clang $flags $san -fsanitize=fuzzer-no-link -c $sources) ||
	{ echo "Bail out! the code does not compile with clang"; exit 1; }
# shellcheck disable=SC2086
clang $flags $san -fsanitize=fuzzer-no-link "$src/tests/fuzz/seeds.c" \
	"$src/tests/lib/make_sheet.c" "$dir"/obj/*.o $libs -o "$dir/seeds" ||
	{ echo "Bail out! the seeds do not compile"; exit 1; }

echo 1..3
n=0
bad=0
for kind in $kinds; do
	n=$((n + 1))
	mkdir -p "$dir/$kind"
	# shellcheck disable=SC2086
	if "$dir/seeds" "$kind" "$dir/$kind/seed" &&
		clang $flags $san -fsanitize=fuzzer \
			"$src/tests/fuzz/fuzz_$kind.c" "$dir"/obj/*.o $libs \
			-o "$dir/fuzz_$kind" &&
		timeout $((seconds + 60)) "$dir/fuzz_$kind" \
			-max_total_time="$seconds" -max_len=8192 -verbosity=0 \
			-print_final_stats=1 -artifact_prefix="$dir/found-$kind-" \
			"$dir/$kind" >"$dir/$kind.log" 2>&1; then
		echo "ok $n - fuzz: nothing upsets the reader of a $kind"
	else
		echo "not ok $n - fuzz: nothing upsets the reader of a $kind"
		bad=1
	fi
	grep -E 'number_of_executed|SUMMARY|ERROR' "$dir/$kind.log" |
		sed 's/^/# /'
done
if [ $bad = 0 ]; then rm -r "$dir"; else echo "# see $dir"; fi
exit $bad
