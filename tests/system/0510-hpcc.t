#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0510-hpcc.t - HPC Challenge in three beats: its own verdicts, and the native
# run's answers
# shellcheck disable=SC2317 # functions are called through ok
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
hpcc=${CAIRN_CACHE:-}/hpcc-src/hpcc
if [ -z "${CAIRN_CACHE:-}" ] || [ ! -x "$hpcc" ]; then
	skip_all "HPC Challenge is not built in CAIRN_CACHE" \
		"(scripts/third-party CACHE hpcc)"
fi
in_a_folder
RANDOM=${CAIRN_SEED:=$((SECONDS + $$))}
echo "# CAIRN_SEED=$CAIRN_SEED"

# prepare DIR P Q: an empty folder with HPL of order 400 on a P x Q grid
prepare() {
	mkdir "$1" && cd "$1" || exit 1
	sed -e '6s/^[0-9]*/400/' -e "11s/^[0-9]*/$2/" -e "12s/^[0-9]*/$3/" \
		"${hpcc%/*}/_hpccinf.txt" >hpccinf.txt
}

# What does not depend on time: verdicts, residuals, error counts, parameters.
# Lines after the epoch come twice in a file that is closed between writes.
answers() { # DIR
	sed -n '/Begin of Summary/,/End of Summary/p' "$1/hpccoutf.txt" |
		grep -Ev 'ime[0-9]*=|flops=|GBs=|GUPs=|STREAM_|Latency|Bandwidth|Updates|TimeBound'
	grep -E 'Found [0-9]* errors|Node.*with error|\.\.\.\.\.\. (PASSED|FAILED)|tests completed and|Solution Validates' \
		"$1/hpccoutf.txt"
}

passed() { # DIR
	grep -q '^Success=1$' "$1/hpccoutf.txt" &&
		! grep -q 'FAILED' "$1/hpccoutf.txt"
}

same() { # DIR DIR
	diff <(answers "$1" | sort -u) <(answers "$2" | sort -u) >out
}

plain() { # DIR P Q COMMAND...
	local dir=$1 p=$2 q=$3
	shift 3
	(prepare "$dir" "$p" "$q" && timeout 60 "$@" -n $((p * q)) "$hpcc" \
		>../out 2>&1 </dev/null) && passed "$dir"
}

# All that carries our mark in its environment.
marked() {
	grep -lzs "^CAIRN_TEST_RUN=$work\$" /proc/[0-9]*/environ |
		cut -d/ -f3 | grep -vx $$
}

nobody_is_left() {
	[ -z "$(marked)" ]
}

an_epoch() { # or the end
	compgen -G 'ck/*/manifest.json' >/dev/null || ended
}

# kill_one: of $job the launcher, one other process, or all of them; then
# everything must go by itself
kill_one() {
	local victims=() all i
	mapfile -t all < <(marked)
	case $((RANDOM % 3)) in
	0)
		for i in "${all[@]}"; do
			[ "$(cat "/proc/$i/comm" 2>/dev/null)" = cairnrun ] &&
				victims+=("$i")
		done
		;;
	1) victims=("${all[RANDOM % ${#all[@]}]}") ;;
	2) victims=("${all[@]}") ;;
	esac
	kill -KILL "${victims[@]}" 2>/dev/null
	# A copy of a rank, or the agent, is no loss to the job: end it then.
	PATIENCE=5 patiently ended || kill -TERM "$job" 2>/dev/null
	patiently nobody_is_left && return
	echo "# left behind: $(marked | tr '\n' ' ')"
	return 1
}

# killed DIR P Q: three kills at random moments, then on to the end
killed() {
	local kills=0 code
	prepare "$1" "$2" "$3"
	while :; do
		CAIRN_TEST_RUN=$work timeout -k 1 60 cairnrun --ckpt-dir ck \
			--interval 150ms --keep 2 --resume -n $(($2 * $3)) \
			"$hpcc" >>../out 2>&1 </dev/null &
		job=$!
		if [ "$kills" -lt 3 ]; then
			patiently an_epoch
			# A random moment: nothing is waited for.
			MOMENT=0.$((RANDOM % 8 + 1)) moment
			if ! ended; then
				kill_one || break
				kills=$((kills + 1))
				wait "$job" 2>/dev/null
				continue
			fi
		fi
		wait "$job"
		code=$?
		break
	done
	cd .. || exit 1
	echo "# $1: $kills kills"
	[ "${code:-1}" = 0 ] && passed "$1"
}

checkpointed() { # DIR P Q
	plain "$1" "$2" "$3" cairnrun --ckpt-dir ck --interval 150ms &&
		[ -n "$(compgen -G "$1/ck/*/manifest.json")" ]
}

ok "2 ranks pass natively" plain native 1 2 mpiexec.hydra
ok "2 ranks pass under cairnrun" plain plain 1 2 cairnrun
ok "2 ranks give the native answers" same native plain
ok "2 ranks pass with checkpoints" checkpointed epochs 1 2
ok "2 ranks give the native answers with checkpoints" same native epochs
ok "2 ranks pass with kills" killed kills 1 2
ok "2 ranks give the native answers with kills" same native kills
ok "4 ranks pass under cairnrun" plain plain4 2 2 cairnrun
ok "4 ranks pass with kills" killed kills4 2 2
ok "4 ranks give the same answers with kills" same plain4 kills4
done_testing
