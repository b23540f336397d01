#!/bin/bash
# A job that goes on until it has finished, however short its walltime.
#SBATCH --job-name=simple
#SBATCH --ntasks=2
#SBATCH --time=1:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log

# In time before the end cairnrun takes a checkpoint, stops the job and has it
# requeued; the next run finds the checkpoint by itself.  --interval protects
# against what comes without a warning.
exec cairnrun -n "$SLURM_NTASKS" --interval 15m ./simulation input.dat
