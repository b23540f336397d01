#!/bin/sh
# 0160-objects.t - our libmpi preloaded under plain mpiexec: objects made anew
set -u
here=${top_builddir:-.}
program=$here/tests/programs/objects
n=0
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
preload="$here/runtime/libcairn.so $here/mpi_wrappers/libmpi.so.12"
preload="$preload $here/mpi_wrappers/libmpich.so.12"

# run NAME WORDS RANKS COMMAND...
run()
{
	name=$1
	words=$2
	ranks=$3
	shift 3
	n=$((n + 1))
	if timeout 120 "${MPIEXEC:-mpiexec.mpich}" -n "$ranks" "$@" \
		>"$out" 2>&1 && grep -qx "$words" "$out"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
	fi
	sed 's/^/# /' "$out"
}

run "the program is right without us" right 2 "$program"
for ranks in 2 3 4; do
	run "all objects work again, made anew, on $ranks ranks" \
		"right, made anew" "$ranks" \
		env CAIRN_LIBEXEC="$here/runtime" LD_PRELOAD="$preload" \
		"$program"
done
echo "1..$n"
