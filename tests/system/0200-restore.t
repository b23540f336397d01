#!/bin/sh
# 0200-restore.t - one process is captured, and comes back twice from its image
set -u
here=${top_builddir:-.}
src=${top_srcdir:-.}
programs=$here/tests/programs/restore
n=0
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir" /tmp/cairn-files-?????? /tmp/cairn-maps-?????? /tmp/cairn-advice-??????' EXIT
# These programs know nothing of MPI: what is preloaded beside libcairn is empty.
CAIRN_LIBEXEC=$dir/libexec
export CAIRN_LIBEXEC
mkdir "$CAIRN_LIBEXEC" &&
	cp "$here/tests/system/restore/libempty.so" "$CAIRN_LIBEXEC/libmpi.so.12" &&
	cp "$here/tests/system/restore/libempty.so" "$CAIRN_LIBEXEC/libmpich.so.12" &&
	ln -s "$(realpath "$here/runtime")"/cairn-rank \
		"$(realpath "$here/runtime")"/cairn-restore \
		"$(realpath "$here/runtime")"/libcairn.so "$CAIRN_LIBEXEC" ||
	exit 99
# The jobserver of make is no business of the programs.
unset MAKEFLAGS MFLAGS

# agent NAME [OPTIONS] PROGRAM...: all that mini_agent checks must hold.
agent()
{
	name=$1
	shift
	options=
	while :; do
		case $1 in
		--stop | --killed | --term | --quick) options="$options $1" ;;
		*) break ;;
		esac
		shift
	done
	n=$((n + 1))
	# shellcheck disable=SC2086
	timeout 60 "$here/tests/system/restore/mini_agent" $options \
		"$CAIRN_LIBEXEC/cairn-rank" "$dir" "$@" >"$dir/out" 2>&1
	verdict $? "$name"
}

refused()
{
	n=$((n + 1))
	timeout 60 "$here/tests/system/restore/mini_agent" --refused "$2" \
		"$CAIRN_LIBEXEC/cairn-rank" "$dir" "$programs/refuse" "$1" \
		>"$dir/out" 2>&1
	verdict $? "$1: refused with a sentence, and it runs on"
}

# verdict CODE NAME: it came to its end, and all that it said was well
verdict()
{
	if [ "$1" = 0 ] && grep -q '^ok' "$dir/out" && ! grep -qE '^(not ok|Bail)' "$dir/out"; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2 (exit code $1)"
		sed 's/^/# /' "$dir/out"
	fi
}

agent "memory, heap and brk" "$programs/counter"
agent "the same without a twin" --stop "$programs/counter"
agent "eight threads, TLS, vector registers" "$programs/threads"
agent "the same, killed after the capture" --killed "$programs/threads"
agent "a team of OpenMP threads" "$programs/openmp"
agent "descriptors of all kinds" "$programs/files"
agent "socket pairs and what waits in them" "$programs/pairs"
agent "mappings of all kinds, growing stacks" "$programs/maps"
agent "the same without a twin" --stop "$programs/maps"
# Told from outside, when the program is on its way again; by the process itself.
agent "advice on mappings" --quick "$programs/advice"
agent "a mapping that the twin has not" "$programs/advice" dc
agent "contents that the twin has not" "$programs/advice" wf
agent "both" "$programs/advice" all
agent "the same without a twin" --stop "$programs/advice" all
agent "timers" "$programs/timers"
agent "signals that wait" "$programs/pending"
agent "the same, killed after the capture" --killed "$programs/pending"
agent "TERM while it is held: it ends this life, none of the next" \
	--term "$programs/counter"
agent "numbers of processes and threads" "$programs/pids"
agent "a program that a shell's exec redirects" \
	sh -c "exec '$programs/counter' 2>>'$dir/errors'"
if command -v perl >/dev/null; then
	agent "perl" perl "$src/tests/programs/restore/loop.pl"
fi
if command -v python3 >/dev/null; then
	agent "python" python3 "$src/tests/programs/restore/loop.py"
fi
refused socket "is a socket"
refused child "child process"
refused pipe "another process holds"
refused pty "terminal or device"
refused inotify "kernel object"
refused sysv "System V"
refused cwd "working directory"
refused robust "robust mutex"
echo "1..$n"
