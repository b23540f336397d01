/* SPDX-License-Identifier: BSD-3-Clause */
/* node.h - which node is this? */
#ifndef CAIRN_BASE_NODE_H
#define CAIRN_BASE_NODE_H

#define NODE_ID 17 /* sixteen hex digits and the end */

/*
 * node_id - the same for all processes that one agent can serve, another for
 * all others
 *
 * Ranks are one agent's if they share kernel, pid namespace and host name: it
 * reads their memory by pid.  A host name alone does not tell containers apart,
 * a folder alone not nodes that share $TMPDIR.  Never fails: what cannot be
 * read counts as empty.
 */
void node_id(char id[NODE_ID]);

#endif
