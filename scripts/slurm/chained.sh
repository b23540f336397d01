#!/bin/bash
# For sites that do not allow requeueing: when the job was stopped in time before
# its end, this script is submitted once more, and goes on from the same folder.
#SBATCH --job-name=chained
#SBATCH --ntasks=2
#SBATCH --time=1:00:00
#SBATCH --no-requeue
#SBATCH --open-mode=append
#SBATCH --output=%x.log

exec cairnrun -n "$SLURM_NTASKS" --resubmit --interval 15m ./simulation input.dat
