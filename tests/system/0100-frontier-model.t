#!/bin/bash
# 0100-frontier-model.t - Spin checks the protocol of mpi_wrappers/frontier.md,
# and must find a fault as soon as any one of its rules is left out
set -u
model=${top_srcdir:-.}/mpi_wrappers/frontier.pml
variants="NONEED NOWITHDRAW NODRAIN NOFULL NOTAKEBACK NORAISE NORERAISE BADSTEP BEHIND"

if ! command -v spin >/dev/null; then
	echo "1..0 # SKIP spin is not installed"
	exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cp "$model" "$dir/frontier.pml"
cd "$dir" || exit 1

# check [-DRULE]: the number of errors Spin finds, or "none given"
check() {
	rm -f pan pan.c
	spin -a -DEVENTS=2 "$@" frontier.pml >spin.log 2>&1
	if ! gcc -w -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=4000 -DVECTORSZ=2048 \
		-o pan pan.c >>spin.log 2>&1; then
		echo "not built"
		return
	fi
	timeout 300 ./pan -m200000 -n >pan.log 2>&1
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

n=0
report() { # OK TEXT
	n=$((n + 1))
	if [ "$1" = 1 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# shellcheck disable=SC2086 # a list of words
set -- $variants
echo "1..$(($# + 1))"
found=$(check)
# A search that was cut short (memory, depth) proves nothing.
if [ "$found" = 0 ] && ! grep -q 'max search depth too small\|aborted' pan.log
then ok=1; else ok=0; fi
report $ok "with all rules: no deadlock, no cut, no message lost"
for rule; do
	found=$(check "-D$rule")
	if [ "$found" = 1 ]; then ok=1; else ok=0; fi
	report $ok "the check fails with $rule (errors: $found)"
done
