#!/bin/sh
# 0100-lower.t - the lower half with a real MPI library, under plain mpiexec
set -u
here=${top_builddir:-.}
CAIRN_LIBEXEC=$here/runtime
export CAIRN_LIBEXEC
rank=$here/tests/system/lower/rank
n=0
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT

# run NAME COMMAND...: rank 0 must say that each test has passed.
run()
{
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$out" 2>&1 && grep -q '^ok' "$out"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
	fi
	sed 's/^/# /' "$out"
}

# ends NAME CODE COMMAND...: as run, with this exit code.
ends()
{
	name=$1
	code=$2
	shift 2
	n=$((n + 1))
	"$@" >"$out" 2>&1
	if [ $? -eq "$code" ] && grep -q '^ok' "$out"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
	fi
	sed 's/^/# /' "$out"
}

# refused NAME WORDS COMMAND...: must fail with a sentence that has these words.
refused()
{
	name=$1
	words=$2
	shift 2
	n=$((n + 1))
	if ! "$@" >"$out" 2>&1 && grep -q "$words" "$out"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
	fi
	sed 's/^/# /' "$out"
}

# ranks TESTS [VARIABLE=VALUE]: two ranks
ranks()
{
	timeout 60 env ${2:+"$2"} "${MPIEXEC:-mpiexec.mpich}" -n 2 "$rank" "$1"
}

# More ranks than cores: those that wait must let the others run.
more_ranks_than_cores()
{
	n=$((n + 1))
	many=$(($(nproc) * 3))
	plain=$(timeout 100 "${MPIEXEC:-mpiexec.mpich}" -n $many "$rank" \
		no-yield | sed -n 's/^ok \([0-9]*\) us/\1/p')
	yields=$(timeout 100 "${MPIEXEC:-mpiexec.mpich}" -n $many "$rank" \
		yield | sed -n 's/^ok \([0-9]*\) us/\1/p')
	what="waiting ranks give up their cores"
	echo "# $many ranks: ${plain:-?} us, with yielding ${yields:-?} us"
	if [ $many -gt 16 ]; then
		echo "ok $n - $what # SKIP too many cores"
	elif [ "${yields:-1}" -lt "${plain:-0}" ]; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
	fi
}

run "a program that is not linked to MPI sends and receives" ranks calls
run "nothing of the lower half leaks into the program" ranks inside
run "four threads a rank call at MPI_THREAD_MULTIPLE" ranks threads
run "the library calls the program back, which calls down again" ranks callbacks
run "blocking loops end when they are told to" ranks loops
run "a second guest starts after the first is forgotten" ranks again
run "the library works over tcp" ranks calls UCX_TLS=tcp
run "a library that maps code beyond its file's end is loaded" \
	ranks calls TEST_MPI_LIB="$here/tests/system/lower/oldlayout.so"
run "threads cross without FSGSBASE" ranks threads CAIRN_NO_FSGSBASE=1
run "callbacks cross without FSGSBASE" ranks callbacks CAIRN_NO_FSGSBASE=1
TEST_FOREIGN=$here/tests/system/lower/foreign.so
export TEST_FOREIGN
run "code that may use FS comes in, and FS is right" \
	timeout 60 env -u CAIRN_CROSSING "$rank" late
run "it waits until nobody else is inside" \
	timeout 60 env -u CAIRN_CROSSING "$rank" late-crowd
# The two other ways to cross: the guest's code left as it is, or distrusted.
for way in fs both; do
	for what in calls inside threads callbacks loops again; do
		run "$what, crossing by $way" ranks $what CAIRN_CROSSING=$way
	done
	run "code that uses FS comes in, crossing by $way" \
		timeout 60 env CAIRN_CROSSING=$way "$rank" late
done
run "an empty crossing takes no longer than 15 ns" timeout 60 "$rank" time
# shellcheck disable=SC2016 # $1 is the inner shell's
run "1 GiB of address space is enough" \
	sh -c 'ulimit -v 1048576; exec timeout 60 "$1" alone' sh "$rank"
# shellcheck disable=SC2016 # $1 is the inner shell's
run "its descriptors stay apart under a low limit" \
	sh -c 'ulimit -n 256; exec timeout 60 "$1" -n 2 "$2" inside' sh \
	"${MPIEXEC:-mpiexec.mpich}" "$rank"
more_ranks_than_cores
ends "MPI_Abort writes the program's buffers and gives its code" 9 \
	timeout 60 "$rank" abort
refused "a library that is not MPI is refused" "not an MPI-3 library" \
	env TEST_MPI_LIB=libm.so.6 "$rank" calls
refused "Open MPI is refused by name" "is Open MPI" \
	env TEST_MPI_LIB="$here/tests/system/lower/openmpi.so" "$rank" calls
refused "a callback on a thread of the library's own ends with a sentence" \
	"asynchronous progress" timeout 60 "$rank" stranger
refused "a missing library is named" "cannot open the MPI library" \
	env TEST_MPI_LIB=/nonexistent/libmpi.so.12 "$rank" calls
echo "1..$n"
