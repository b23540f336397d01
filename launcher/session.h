/* SPDX-License-Identifier: BSD-3-Clause */
/* session.h - one running job: its child, its peers, its epochs */
#ifndef CAIRN_LAUNCHER_SESSION_H
#define CAIRN_LAUNCHER_SESSION_H

#include <signal.h>

#include "launcher/coordinator.h"
#include "launcher/copies.h"
#include "launcher/ending.h"
#include "launcher/flush.h"
#include "launcher/history.h"
#include "launcher/interval.h"
#include "launcher/job.h"
#include "launcher/loop.h"
#include "launcher/metrics.h"
#include "launcher/nodes.h"
#include "launcher/options.h"
#include "launcher/private.h"
#include "launcher/progress.h"
#include "launcher/restart.h"
#include "launcher/server.h"
#include "launcher/walltime.h"

#define EXIT_CHECKPOINTED 85 /* stopped after a committed checkpoint */

struct session {
	/* by the caller */
	const struct options *options;
	struct job *job;
	const struct restart *restart;
	json_t *program;
	const char *starter_path;
	const struct words *arguments; /* the starter's, wrapped */
	struct history *history;       /* NULL: none is kept */
	struct metrics *metrics;       /* NULL: none are wanted */
	struct interval *interval;     /* of --interval auto */
	long restarts_left;
	bool routable; /* agents or tools may come from other machines */

	/* the session's own */
	struct loop loop;
	struct server server;
	struct coordinator *coordinator;
	struct timer timers[COORDINATOR_TIMERS];
	struct timer kill_timer;
	struct timer come_timer; /* a restart: the next rank is to come */
	struct watch signal_watch;
	struct nodes nodes;
	struct walltime walltime;
	struct ending ending;
	struct flush flush;
	struct copies copies;
	struct progress progress;
	char private_dir[PRIVATE_PATH];
	int private_lock; /* held while the folder is in use */
	sigset_t signals, old_mask;
	pid_t child;
	struct watch
		child_watch; /* one that is apart: where its status comes */
	int status;	     /* the child's */
	int epoch_dirfd;
	uint32_t first_epoch;  /* the first that this session may make */
	uint32_t committed;    /* the newest of this session; 0: none */
	json_t *manifest;      /* its */
	bool exit_again;       /* a last one failed, and was asked for again */
	bool stopping;	       /* after a committed checkpoint-exit */
	bool requeue;	       /* and then in another run of the batch job */
	int64_t started_ms;    /* when the session began */
	int64_t back_ms;       /* when the ranks were up, or back; 0: not yet */
	int64_t exit_asked_ms; /* when the last checkpoint was asked for */
	bool interrupted;      /* the user ended it */
	bool ended;	       /* the child has */
	bool came_back;	       /* a restart: all ranks were restored */
	bool unrestored;       /* a restart: a rank could not be */
	long restorers;	       /* a restart: how many ranks have come */
	bool incomplete;       /* the rest did not, in time */
	bool node_lost;	       /* the job was ended because of that */
	int64_t lost_ms;       /* when an agent went, with ranks; 0: none did */
	bool refused;	       /* because of what is in the epoch */
	json_t *shares;	       /* which ranks shared memory (shares.h) */
	size_t waiters;	       /* tools that wait for an epoch's end */
	size_t mute, most_mute; /* nodes now, and at most since all answered */
	int64_t shown_ms;	/* when progress was last shown */
	uint64_t reasons[32];	/* hashes of those that were said (I7) */
};

/*
 * session_run - start the child, serve until it ends
 *
 * 0: s->status holds the child's status, s->stopping says whether it ended
 * after a checkpoint-exit.
 */
int session_run(struct session *s, struct err *err) must_check;
/* session_fini - take all away that the session made, but the epochs. */
void session_fini(struct session *s);

/* --- epochs.c: the coordinator's operations --- */
extern const struct coordinator_ops session_epoch_ops;
/* --- peers.c: the server's operations --- */
extern const struct server_ops session_peer_ops;
/* peers_answer - tell the tools that wait how an attempt ended. */
void peers_answer(struct session *s, const struct epoch_result *result);
void peers_progress(struct session *s, const json_t *status);
/* --- record.c: what history.jsonl and --metrics are told --- */
/* record_changed - the epoch under way came further. */
void record_changed(struct session *s);
void record_start(struct session *s);
void record_up(struct session *s); /* all ranks are there, or back */
void record_epoch(struct session *s, const struct epoch_result *result);
/* record_flush - why: it failed; NULL: it did not. */
void record_flush(struct session *s, uint32_t epoch, int64_t ms,
		  const char *why);
/* record_note - a sentence that people were told. */
void record_note(struct session *s, const char *text);
/* record_end - the session is over; rc: what session_run gave. */
void record_end(struct session *s, int rc);
/* --- losses.c: a node does not answer, or its agent is gone --- */
extern const struct nodes_ops session_node_ops;
/* losses_watch_start - bound the time that a restart waits for its ranks;
 * losses_restorer - another one has come. */
void losses_watch_start(struct session *s);
void losses_restorer(struct session *s);
/* losses_agent_gone - its connection ended; rc: how. */
void losses_agent_gone(struct session *s, struct peer *p, int rc,
		       const char *why);

/* session_say - a line for the log, and, if loud or --verbose, for stderr. */
void session_say(struct session *s, bool loud, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* session_exit - ask for the last checkpoint; requeue: then go on in another
 * run of the batch job. */
void session_exit(struct session *s, bool requeue);
/* session_continues - can the batch job go on in another run? */
bool session_continues(const struct session *s);
/* session_interrupt - end the child, without any checkpoint. */
void session_interrupt(struct session *s);
/* session_look - something changed: is all over? */
void session_look(struct session *s);
/* session_unrestored - a restart came to nothing: end it. */
void session_unrestored(struct session *s);
/* session_lose_node - a node is lost, and with it the job: end the rest. */
void session_lose_node(struct session *s);
/* session_stop - the epoch is committed: end the job with 85. */
void session_stop(struct session *s);

#endif
