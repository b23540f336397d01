#!/bin/bash
# A queue whose jobs make room for others.  When a job is preempted Slurm sends
# TERM to the ranks at once, which leaves no time for a checkpoint; with
# preempt_send_user_signal in SlurmctldParameters it sends the signal below
# first, and cairnrun has the partition's GraceTime.
#SBATCH --job-name=preemptable
#SBATCH --ntasks=2
#SBATCH --time=1:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#SBATCH --signal=B:USR1@120

# Where the site does not send it, the interval is what can be lost.
exec cairnrun -n "$SLURM_NTASKS" --interval 5m ./simulation input.dat
