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

run "a program that is not linked to MPI sends and receives" ranks calls
run "nothing of the lower half leaks into the program" ranks inside
run "four threads a rank call at MPI_THREAD_MULTIPLE" ranks threads
run "the library calls the program back, which calls down again" ranks callbacks
run "blocking loops end when they are told to" ranks loops
run "a second guest starts after the first is forgotten" ranks again
run "the library works over tcp" ranks calls UCX_TLS=tcp
run "threads cross without FSGSBASE" ranks threads CAIRN_NO_FSGSBASE=1
run "callbacks cross without FSGSBASE" ranks callbacks CAIRN_NO_FSGSBASE=1
run "an empty crossing takes no longer than 15 ns" timeout 60 "$rank" time
# shellcheck disable=SC2016 # $1 is the inner shell's
run "1 GiB of address space is enough" \
	sh -c 'ulimit -v 1048576; exec timeout 60 "$1" alone' sh "$rank"
ends "MPI_Abort writes the program's buffers and gives its code" 9 \
	timeout 60 "$rank" abort
refused "a library that is not MPI is refused" "not an MPI-3 library" \
	env TEST_MPI_LIB=libm.so.6 "$rank" calls
refused "a missing library is named" "cannot open the MPI library" \
	env TEST_MPI_LIB=/nonexistent/libmpi.so.12 "$rank" calls
echo "1..$n"
