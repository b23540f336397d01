#!/bin/bash
# An array: every task is checkpointed, requeued and resumed for itself.
#SBATCH --job-name=array
#SBATCH --array=0-1
#SBATCH --ntasks=1
#SBATCH --time=1:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A_%a.log

# The folder's name contains the task's number: cairn-simulation-123_4-...
exec cairnrun -n "$SLURM_NTASKS" --interval 15m ./simulation "case$SLURM_ARRAY_TASK_ID.dat"
