# SPDX-License-Identifier: BSD-3-Clause
# slurm-jobs.sh - a Slurm of one's own (tests/lib/slurm), and batch jobs in it
# shellcheck shell=bash
# shellcheck disable=SC2154 # work and others are system.sh's
#
#   . "${top_srcdir:-.}/tests/lib/system.sh"
#   . "$src/tests/lib/slurm-jobs.sh"
#   with_slurm NODES CPUS      it is up until the test ends
slurm=$src/tests/lib/slurm
PATH=$PATH:/usr/sbin:/sbin

with_slurm() { # NODES CPUS
	export SLURM_TEST=$work/slurm SLURM_CONF=$work/slurm/slurm.conf
	chmod 711 "$work" # munge wants its socket to be found by all
	mkdir "$SLURM_TEST"
	trap '"$slurm" down; rm -rf "$work"' EXIT
	# Jobs that end so are requeued; cairnrun's 85 is not among them, so that
	# it has to see to the next run itself.  A requeued job waits until its
	# old credential has expired: whoever hurries it (StartTime=now) sees
	# "Job credential revoked".
	export SLURM_REQUEUE_EXIT=99
	"$slurm" up "$@" || exit 99
}

# within SECONDS COMMAND...: patiently, for longer; who waits in vain says for
# what, and how the jobs stand
within() {
	local seconds=$1 end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" && return 0
		moment
	done
	echo "# not within $seconds s: $*"
	squeue -o "# %i %j %T %r %M %N %V %S" 2>&1
	[ ! -e "${2-}.log" ] || cp "$2.log" out
	return 1
}

# script NAME SBATCH-OPTIONS COMMAND...: a batch script, with one log
script() {
	local name=$1 options=$2
	shift 2
	{
		echo "#!/bin/bash"
		echo "#SBATCH -J $name -o $work/$name.log --open-mode=append"
		[ -z "$options" ] || echo "#SBATCH $options"
		echo "$*"
	} >"$name.sh"
}

submit_wrapped() { # OPTIONS
	sbatch --parsable -t 5 "$@" >/dev/null
}

submit() { # NAME [OPTIONS]: gives the job's number
	sbatch --parsable "${@:2}" "$1.sh"
}

state() { # JOB
	squeue -h -j "$1" -o %T 2>/dev/null
}

is_over() { # JOB
	[ -z "$(state "$1")" ] || [ "$(state "$1")" = COMPLETED ]
}

restarts() { # JOB
	scontrol -o show job "$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'
}

was_restarted() { # JOB COUNT
	[ "$(restarts "$1")" -ge "$2" ]
}

said() { # NAME TEXT
	grep -q -- "$2" "$1.log"
}

steps() { # NAME: how often each step was printed, if more than once
	grep '^step' "$1.log" | sort | uniq -d
}

# answers NAME: its one answer is the native one; else shows how it stands
answers() {
	cp "$1.log" out
	squeue >said
	[ "$(grep -c '^answer' "$1.log")" = 1 ] &&
		grep -qx "$(grep '^answer' native)" "$1.log"
}

up_in() { # JOB COUNT: the ranks of its cairnrun run
	ranks_run "$(echo "cairn-heat-$1-"*)" "$2"
}
