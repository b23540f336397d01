/* SPDX-License-Identifier: BSD-3-Clause */
/* hosts.h - start the job again on the nodes that are left */
#ifndef CAIRN_LAUNCHER_HOSTS_H
#define CAIRN_LAUNCHER_HOSTS_H

#include <stdbool.h>

#include "launcher/starter.h"

/*
 * hosts_answers - can the starter start a process on this node?
 *
 * Runs `true` there with the user's own options of the starter, for at most
 * HOSTS_PROBE_MS: an agent that was killed leaves a good node behind, a cut
 * link does not.
 */
#define HOSTS_PROBE_MS 15000
bool hosts_answers(const char *starter_path, const struct starter *starter,
		   const struct words *arguments, const char *host);

/* hosts_named - adds all nodes that mpiexec's words name, or Slurm gave to it.
 * srun knows itself which of its nodes are down: none. */
void hosts_named(const struct starter *starter, const struct words *arguments,
		 struct words *out);
/*
 * hosts_without - the starter's arguments, so that it leaves these nodes out
 *
 * mpiexec: its host options are replaced by what is left of them, or of the
 * allocation under Slurm; srun: --exclude.  Gives -ENODATA with a sentence if
 * no node is left, or if nobody said which there are.  out is the caller's.
 */
int hosts_without(const struct starter *starter, const struct words *arguments,
		  const struct words *bad, struct words *out,
		  struct err *err) must_check;

#endif
