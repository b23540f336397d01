#!/bin/bash
# A queue whose jobs make room for others.  When a job is preempted Slurm sends
# TERM, which the ranks outlive, and cairnrun has the partition's GraceTime for a
# last checkpoint; then it requeues the job.  Nothing more is needed for that.
# With preempt_send_user_signal in its SlurmctldParameters a site sends the signal
# of --signal instead of TERM: "--signal=B:USR1@60" is as good.
#SBATCH --job-name=preemptable
#SBATCH --ntasks=2
#SBATCH --time=1:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log

# A node that fails gives no grace: then the interval is what can be lost.
exec cairnrun -n "$SLURM_NTASKS" --interval 5m ./simulation input.dat
