#!/bin/sh
# 0150-symbols.t - our libmpi.so.12 against the real library's symbols
set -u
ours=${top_builddir:-.}/mpi_wrappers/libmpi.so.12
other=${top_builddir:-.}/mpi_wrappers/libmpich.so.12
n=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# The library that mpicc links to.
find_real()
{
	for dir in $("${MPICC:-mpicc.mpich}" -show | tr ' ' '\n' |
		sed -n 's/^-L//p') /usr/lib/x86_64-linux-gnu; do
		for name in libmpich.so.12 libmpi.so.12; do
			[ -e "$dir/$name" ] && echo "$dir/$name" && return
		done
	done
}

# symbols LIBRARY CLASS: what it defines, by the letter that nm gives
symbols()
{
	nm -D --defined-only "$1" | awk -v class="$2" \
		'$2 ~ class { sub(/@.*/, "", $3); print $3 }' | sort -u
}

# none NAME FILE: ok if the file is empty
none()
{
	n=$((n + 1))
	if [ -s "$2" ]; then
		echo "not ok $n - $1"
		sed 's/^/# /' "$2"
	else
		echo "ok $n - $1"
	fi
}

real=$(find_real)
if [ -z "$real" ]; then
	echo "1..0 # SKIP no MPICH library found"
	exit 0
fi
symbols "$real" '^[TW]$' >"$tmp/real"
symbols "$ours" '^[TW]$' >"$tmp/ours"
comm -23 "$tmp/real" "$tmp/ours" >"$tmp/missing"

grep -E '^[PQ]?MPIX?_' "$tmp/missing" >"$tmp/a"
none "every MPI_, PMPI_, QMPI_ and MPIX_ function of $real is there" "$tmp/a"

# What its Fortran and C++ libraries call beside MPI_, and whatever else it has
# but for what makes its own errors.
grep -vE '^[PQ]?MPIX?_|^MPIR_Err_' "$tmp/missing" >"$tmp/b"
none "every other function is there" "$tmp/b"

symbols "$real" '^[BDRV]$' | grep -E '^MPI' >"$tmp/rdata"
symbols "$ours" '^[BDRV]$' >"$tmp/odata"
comm -23 "$tmp/rdata" "$tmp/odata" >"$tmp/c"
none "every variable of it is there" "$tmp/c"

# Inner names would meet the program's own.
grep -vE '^[PQ]?MPIX?_|^MPI[IR]_|^cairn_' "$tmp/ours" >"$tmp/d"
none "nothing else is exported" "$tmp/d"

# A tool's MPI_Send must come before ours.
nm -D --defined-only "$ours" | awk '$2 == "T" && $3 ~ /^MPIX?_/' >"$tmp/e"
none "each MPI_ function is a weak name of its PMPI_ function" "$tmp/e"

readelf -d "$other" | grep -q 'NEEDED.*libmpi\.so\.12' ||
	echo "$other does not need libmpi.so.12" >"$tmp/f"
readelf -d "$other" | grep -q 'SONAME.*libmpich\.so\.12' ||
	echo "$other is not called libmpich.so.12" >>"$tmp/f"
[ -e "$tmp/f" ] || : >"$tmp/f"
none "the library has both of its names" "$tmp/f"
echo "1..$n"
