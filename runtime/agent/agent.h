/* SPDX-License-Identifier: BSD-3-Clause */
/* agent.h - one node's agent: what its parts share */
#ifndef CAIRN_AGENT_AGENT_H
#define CAIRN_AGENT_AGENT_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/agent/frontier.h"
#include "runtime/agent/loop.h"
#include "runtime/base/control.h"
#include "runtime/base/err.h"
#include "runtime/net/channel.h"
#include "storage/codec.h"

struct buffer;
struct capture;
struct copies;
struct epoch;
struct flush;
struct lineage;
struct restore;

/*
 * The life of a rank, as the agent sees it:
 *   GREETED   cairn-rank has shown the secret; the program is not up yet
 *   RUNNING   libcairn is ready (or was restored): can be captured
 *   FINALIZED past MPI_Finalize; still a process that can be captured
 *   EXITED    gone; kept until its connection ends, too
 */
enum rank_life { RANK_GREETED, RANK_RUNNING, RANK_FINALIZED, RANK_EXITED };

/* A process that is watched by pidfd. */
struct watched {
	struct source source; /* fd -1: none */
	pid_t pid;
};

struct rank {
	struct rank *next;
	struct agent *agent;
	struct source source; /* the connection; fd -1 when it has ended */
	int fd;
	struct watched base;	/* the process that greeted (mpiexec's child) */
	struct watched process; /* the one that is the rank, if another */
	enum rank_life life;
	uint32_t world_rank, world_size;
	struct control_page *page;
	int page_fd;
	int exit_code; /* by CONTROL_EXITING; -1: unknown */

	/* the pending epoch */
	bool quiet, captured, resumed;
	bool waits; /* no room for a twin */
	/* when; CLOCK_MONOTONIC; 0: not yet */
	uint64_t hold_ns, quiet_ns, captured_ns, resumed_ns;
};

struct agent {
	struct loop loop;
	char node[65];
	char secret[2 * CHANNEL_SECRET_BYTES + 1];
	enum channel_auth auth;

	char socket_path[108]; /* $CAIRN_AGENT */
	int folder;	       /* its folder, with a shared lock */
	struct source listener;
	struct greeting *greetings; /* connections that have not greeted yet */
	unsigned int ngreetings;
	struct timer greeting_timer;
	struct rank *ranks;

	struct channel *coordinator; /* NULL: lost */
	struct source coordinator_source;
	struct timer orphan_timer;
	struct timer beat_timer;
	uint64_t beat_ns;	  /* when it last came */
	bool beat_was_late;	  /* by so much that this node stood still */
	struct source log_source; /* what log_line writes, to be sent on */

	char dir[PATH_MAX]; /* the checkpoint folder */
	uint32_t restore_epoch;
	struct restore *restore; /* NULL: a first start */
	struct buffer *buffer;	 /* where images go */
	struct codec_wish compress;
	struct flush *flush;
	struct copies *copies;	 /* from and to other nodes */
	bool partner;		 /* an image counts with its copy only */
	struct lineage *lineage; /* what images can be based on */

	struct frontier *frontier;
	struct epoch *epoch;
	bool wrappers_named; /* wrapper.c has said it */
};

/* --- ranks.c, greeting.c, message.c: local ranks, from greeting to end -------
 */

/* ranks_listen - open the socket at agent->socket_path. */
int ranks_listen(struct agent *agent, struct err *err) must_check;
/* ranks_watch - accept connections from now on. */
int ranks_watch(struct agent *agent, struct err *err) must_check;
void ranks_fini(struct agent *agent);
/* ranks_drain_messages - handle all that ranks have sent so far. */
void ranks_drain_messages(struct agent *agent);
/* ranks_kill - to every local rank that lives; gives how many there were. */
unsigned int ranks_kill(struct agent *agent, int signal);

struct rank *rank_find(struct agent *agent, uint32_t world_rank);
static inline bool rank_lives(const struct rank *r)
{
	return r->life != RANK_EXITED;
}
pid_t rank_pid(const struct rank *r);
/* rank_send - one message, with a descriptor or -1. */
int rank_send(struct rank *r, const struct control_msg *msg, int fd);
/* rank_deny - a sentence for the rank to print ("": silently) and end with. */
void rank_deny(struct rank *r, const char *text);
/* rank_changed - its page was changed: bump seq, wake. */
void rank_changed(struct rank *r);
/* rank_prod - signal its leader thread. */
void rank_prod(struct rank *r);

/* wrappers_name - wrapper.c: warn, once in the agent's life, of ranks whose
 * parent is a script that is not in the epoch that was just committed. */
void wrappers_name(struct agent *agent);

/* --- link.c: the channel to the coordinator
 * ----------------------------------- */

/* link_open - connect, greet, and take the welcome. */
int link_open(struct agent *agent, const char *address,
	      struct err *err) must_check;
int link_watch(struct agent *agent, struct err *err) must_check;
void link_close(struct agent *agent);
/* link_send - queue a message; takes the reference; NULL is ignored. */
void link_send(struct agent *agent, json_t *message);
/* link_refuse - code is the reason's -Exxx: -ENOTSUP is said of this machine,
 * -EREMOTE of where the epoch lies, anything else of the epoch. */
void link_refuse(struct agent *agent, uint32_t epoch, int rank, int code,
		 const char *text);
/* link_rank - tell this rank's state. */
void link_rank(struct agent *agent, const struct rank *r);
/* link_left - a rank is gone or the coordinator is: time to end? */
void link_left(struct agent *agent);

#endif
