#!/bin/bash
# Nodes with fast storage of their own, and a slower file system for all: each
# checkpoint goes to the nodes' own first, which is when the program has paid for
# it, and from there to the checkpoint folder in the background.
#SBATCH --job-name=burst-buffer
#SBATCH --nodes=2
#SBATCH --ntasks=2
#SBATCH --time=1:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log

# A folder that each node has: here what the site sets up for a job, or /tmp (an
# SSD or memory).  "auto" takes the first of the usual variables that is set.
fast=${TMPDIR:-/tmp}

# What lies there is gone when the job ends, so the last checkpoint is always
# copied to the checkpoint folder (--ckpt-dir, or where the job was submitted)
# before the job is requeued: leave time for that, which cairnrun measures by
# itself.  A node that fails takes its part with it: of every second checkpoint
# the folder has a copy, and that is what can be lost then.
exec cairnrun -n "$SLURM_NTASKS" --interval 5m --burst-buffer "$fast" \
	--flush-every 2 ./simulation input.dat
