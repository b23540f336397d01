#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0630-bad-input.t - wrong calls of MPI give what they give natively
# shellcheck disable=SC2317 # check calls them by name
build=$(cd "${top_builddir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
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

native() { # PROGRAM RANKS
	timeout 60 "${MPIEXEC:-mpiexec.mpich}" -n "$2" \
		"$build/tests/programs/$1"
}

ours() { # PROGRAM RANKS WORDS...
	local program=$1 ranks=$2
	shift 2
	timeout 60 "$build/launcher/cairnrun" --ckpt-dir "$work/ckpt" \
		-n "$ranks" "$build/tests/programs/$program" "$@"
}

same() { # PROGRAM RANKS LINES: so many at least
	native "$1" "$2" 2>"$work/native.err" | sort >"$work/native"
	ours "$1" "$2" 2>"$work/ours.err" | sort >"$work/ours"
	[ "$(wc -l <"$work/native")" -gt "$3" ] || {
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
all_fail() { # PROGRAM LINES
	ours "$1" 1 freed >"$work/freed" || return
	[ "$(wc -l <"$work/freed")" -gt "$2" ] || return
	! grep ': 0$' "$work/freed"
}

echo 1..6
check "one rank hears of the same errors as natively" same bad_input 1 600
check "so do two that disagree" same bad_input 2 1200
check "every call with a freed handle fails" all_fail bad_input 30
check "files and windows: the same errors as natively" same bad_objects 1 400
check "so on two ranks" same bad_objects 2 800
check "every call with a closed file or freed window fails" \
	all_fail bad_objects 25
exit $failed
