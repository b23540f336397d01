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
run "the library works over tcp" ranks calls UCX_TLS=tcp
run "crossing works without FSGSBASE" ranks calls CAIRN_NO_FSGSBASE=1
refused "a library that is not MPI is refused" "not an MPI-3 library" \
	env TEST_MPI_LIB=libm.so.6 "$rank" calls
refused "a missing library is named" "cannot open the MPI library" \
	env TEST_MPI_LIB=/nonexistent/libmpi.so.12 "$rank" calls
echo "1..$n"
