#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0630-bad-input.t - wrong calls of MPI give what they give natively
# shellcheck disable=SC2317 # check calls them by name
build=$(cd "${top_builddir:-.}" && pwd)
program=$build/tests/programs/bad_input
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CAIRN_LOG
failed=0
n=0

check() { # NAME COMMAND...
	local name=$1
	n=$((n + 1))
	shift
	if "$@" >"$work/out" 2>&1; then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name"
		sed 's/^/# /' "$work/out"
	fi
}

native() { # RANKS
	timeout 60 "${MPIEXEC:-mpiexec.mpich}" -n "$1" "$program"
}

ours() { # RANKS WORDS...
	local ranks=$1
	shift
	timeout 60 "$build/launcher/cairnrun" --ckpt-dir "$work/ckpt" \
		-n "$ranks" "$program" "$@"
}

same() { # RANKS
	native "$1" 2>"$work/native.err" | sort >"$work/native"
	ours "$1" 2>"$work/ours.err" | sort >"$work/ours"
	[ "$(wc -l <"$work/native")" -gt 600 ] || {
		echo "only $(wc -l <"$work/native") lines natively"
		cat "$work/native.err"
		return 1
	}
	diff "$work/native" "$work/ours" || {
		cat "$work/ours.err"
		return 1
	}
}

# MPICH itself crashes on some of these, or takes another object for the freed one.
all_fail() {
	ours 1 freed >"$work/freed" || return
	[ "$(wc -l <"$work/freed")" -gt 30 ] || return
	! grep ': 0$' "$work/freed"
}

echo 1..3
check "one rank hears of the same errors as natively" same 1
check "so do two that disagree" same 2
check "every call with a freed handle fails" all_fail
exit $failed
