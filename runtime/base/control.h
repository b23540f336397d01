/* SPDX-License-Identifier: BSD-3-Clause */
/* control.h - how a rank and its node's agent talk */
#ifndef CAIRN_BASE_CONTROL_H
#define CAIRN_BASE_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * DESIGN
 *
 * Two channels join a rank and its agent.
 *  - The control page: a memfd mapped by both.  The agent writes what the rank
 *    must know (`agent` part), the rank writes what the agent reduces (`rank`
 *    part).  It can be read and written in a signal handler, in either half.
 *  - A SOCK_SEQPACKET socket: messages from rank to agent, one datagram each
 *    (struct control_msg, with descriptors where said).  The agent never
 *    sends on it after the greeting but during a restart.
 *
 * Whenever the agent has changed its part it bumps `agent.seq`, wakes the
 * futex on it, and, if the rank must react though it may be computing, sends
 * CONTROL_SIGNAL to the rank's leader thread (tgkill).  Signals may be lost in
 * one another: the agent repeats them while it waits for an answer.
 *
 * Three rules make what both sides see agree.
 *  - A rank that leaves HELD stores its state first, issues a full fence, and
 *    asks again whether it may hold (targets, owed, slice); the agent changes
 *    its part first, fences, and reads the state afterwards.  So a rank that
 *    the agent counts as held does not run.  (slots[].word is kept current
 *    while an epoch is pending.)
 *  - A rank sends what it has to say (RAISE, NEED, ...) before it stores HELD.
 *  - HELD is a promise about one state of the page: the message carries the
 *    value of agent.seq that the rank had read *before* it asked whether it may
 *    hold.  The agent counts a rank as held only while that value equals
 *    agent.seq; a held rank that sees a new seq asks again and sends HELD or
 *    UNHELD.  So no target, raise or debt slips in between (DESIGN 4.2, END).
 * When the socket ends the agent is gone: a pending epoch counts as aborted,
 * and the twin, whose life line ends too, exits.
 */
#define CONTROL_MAGIC	0x4c54434eU
#define CONTROL_VERSION 2
#define CONTROL_SIGNAL	58 /* a realtime signal; hidden from the program */
#define CONTROL_SLOTS	4096
#define CONTROL_POOL	65536 /* ints for the members of group calls */
#define CONTROL_FD_MIN                                      \
	800 /* Cairn's own descriptors lie at or above this \
	       (or the soft limit less 64, if that is lower) */

/* What the agent asks of a rank.  Ordered: a rank that sees a later command
 * of the same epoch has missed nothing that matters. */
enum control_cmd {
	CMD_RUN = 0,  /* no epoch pending */
	CMD_FRONTIER, /* publish counts; hold when you may (DESIGN 4.2) */
	CMD_DRAIN,    /* all hold: exchange markers, receive all (4.3) */
	CMD_CAPTURE,  /* all are quiet: make the twin (4.5) */
	CMD_RELEASE,  /* captured: run on */
	CMD_ABORT,    /* forget this epoch, run on */
};

/* After a restart: every rank of the job has its files back and may go on. */
#define AGENT_ALL_BACK 1U

/* Where a rank is in the epoch `state_epoch`. */
enum control_state {
	STATE_STARTING = 0, /* libcairn not yet ready */
	STATE_RUNNING,
	STATE_PUBLISHED, /* counts are in slots[]; not holding */
	STATE_HELD,	 /* all threads parked or stopped, nothing owed */
	STATE_QUIET,	 /* drained (I3 holds for this rank) */
	STATE_CAPTURED,	 /* sheet sent, twin made */
	STATE_REFUSED,	 /* cannot be captured now: why[] says it */
	STATE_FINALIZED, /* past MPI_Finalize (TRAPS, MPI 11) */
	STATE_EXITED,
};

/* A count that is compared over the members of a group: a communicator, or a
 * group call (create_group, intercomm_create; TRAPS, MPI 4). */
struct control_slot {
	_Atomic uint64_t gid;	 /* 0: free.  Same on all members */
	_Atomic uint64_t word;	 /* published: slot_word() */
	_Atomic uint64_t target; /* by the agent, valid when
				    agent.targets_epoch is this epoch */
	uint32_t members;	 /* how many ranks the group has */
	uint32_t flags;		 /* SLOT_* */
	uint32_t pool;		 /* SLOT_GROUP_CALL: world ranks of the members
				    at pool[this] of the page */
	uint32_t reserved;
};
/*
 * steps: how many of the last entries are barriers that may be stepped out of,
 * since they were not over when this rank looked last.  What is more than fits
 * counts as the other kind.
 */
#define SLOT_STEPS 255U

static inline uint64_t slot_word(uint64_t count, uint64_t steps)
{
	return count << 8 | (steps < SLOT_STEPS ? steps : SLOT_STEPS);
}

static inline uint64_t slot_count(uint64_t word)
{
	return word >> 8;
}

static inline uint64_t slot_steps(uint64_t word)
{
	return word & SLOT_STEPS;
}

/* Exists only while it is entered.  A member without the entry is below target:
 * its agent counts it in agent.missing, unless the rank has reported the same
 * gid in this epoch by CONTROL_SLOT (or published it), until it does so, or any
 * member says that the call is over. */
#define SLOT_GROUP_CALL 1U
#define SLOT_OVER	(~0ULL) /* in CONTROL_SLOT */
#define SLOT_WORLD	2U	/* may lack entries of ranks that exited */

struct control_page {
	uint32_t magic, version;
	uint32_t world_rank, world_size; /* set by the agent before start */
	uint32_t local_rank, local_size; /* among the ranks of this node */

	struct {
		_Atomic uint32_t seq; /* bumped at every change; futex */
		_Atomic uint32_t cmd; /* enum control_cmd */
		_Atomic uint32_t epoch;
		_Atomic uint32_t targets_epoch; /* targets[] valid for it */
		_Atomic uint32_t owed;	/* ranks that need us to go on */
		_Atomic uint32_t slice; /* >0: all holds released for a slice
					   (STALL); odd while released */
		_Atomic uint32_t capture_stop; /* 1: --capture=stop */
		_Atomic uint32_t missing; /* group calls that others are inside
					     of and this rank has not entered */
		_Atomic uint32_t flags;	  /* AGENT_* */
		_Atomic uint32_t track;	  /* 1: tell which pages changed */
	} agent __attribute__((aligned(64)));

	struct {
		_Atomic uint32_t state; /* enum control_state */
		_Atomic uint32_t state_epoch;
		_Atomic uint32_t leader_tid; /* whom to signal */
		_Atomic uint32_t nslots; /* slots[0..nslots) were ever used */
		_Atomic uint64_t drain_sent, drain_received;
		_Atomic uint64_t hold_ns, quiet_ns, capture_ns; /* stamps,
				CLOCK_MONOTONIC, for pause_ms */
		_Atomic uint32_t function; /* api.tbl number a must-go rank is
					      in; for STALL messages */
		_Atomic uint32_t pid; /* the process that is the rank; set by
					 libcairn, 0 before */
		_Atomic uint32_t uses_mpi; /* it has called MPI_Init */
		/* STATE_REFUSED: one sentence.  While an epoch is pending: the
		 * name of `function`, "MPI", or "" where the rank was not in
		 * MPI when that began. */
		char why[256];
	} rank __attribute__((aligned(64)));

	struct control_slot slots[CONTROL_SLOTS];
	int32_t pool[CONTROL_POOL];
};

/* Messages from rank to agent. */
enum control_type {
	CONTROL_HELLO = 1, /* cairn-rank's first; text: the job's secret (64 hex
			      digits), value = pid, peer = world rank, gid =
			      world size, epoch = HELLO_LOCAL(rank, size) among
			      the ranks of this node */
	CONTROL_READY,	   /* libcairn is up: value = pid, peer = rank; again
			      when another process becomes the rank */
	CONTROL_PUBLISHED, /* slots[] are filled for this epoch */
	CONTROL_HELD,	   /* value = agent.seq (see above) */
	CONTROL_UNHELD,
	CONTROL_RAISE,	/* gid, value = new count */
	CONTROL_SLOT,	/* gid: a slot that was made after PUBLISHED (a new
			   communicator: write its target if one is known; or
			   a group call that was entered now: its members lack
			   it); value = the slot's number, or SLOT_OVER: a
			   group call is complete, so nobody lacks it */
	CONTROL_NEED,	/* peer (world rank), or -1 with gid: every member
			   of that communicator (wildcard); value: 1 if the rank
			   is below a target or misses a group call, 0 if it
			   must go on for others only */
	CONTROL_CANCEL, /* withdraws the NEED with the same peer and gid; value
			   likewise */
	CONTROL_SETTLED, /* the rank has come to its targets, or may hold: all
			    its NEEDs are void */
	CONTROL_QUIET,
	CONTROL_CAPTURED, /* descriptors: sheet, mem, pagemap, life line of the
			     twin (EOF = may exit), in this order; value =
			     pid of the twin.  Its smaps follows (an odd
			     number of descriptors) if the sheet's flags are
			     still to be read there (base/sheet_flags.h),
			     after RELEASE.  If a region says
			     REGION_FROM_RANK the rank's own mem and pagemap
			     follow (six or seven in all): read these
			     regions there before RELEASE.
			     With --capture=stop, or without memory for a
			     twin: value = pid of the rank, and three
			     descriptors, sheet and the rank's own mem and
			     pagemap: read all before RELEASE.
			     gid: where the sheet's file has a struct delta
			     (base/delta.h), or 0. */
	CONTROL_REFUSED,  /* text: the sentence */
	CONTROL_RESUMED,  /* after RELEASE or ABORT, or after a restart */
	CONTROL_REQUEST,  /* the program asks for a checkpoint (cairn.h) */
	CONTROL_FINALIZED,
	CONTROL_EXITING, /* value = exit code */
	/* during a restart */
	CONTROL_RESTORE, /* cairn-rank, after WELCOME: I am to be restored;
			    value = pid */
	CONTROL_MAPPED,	 /* restorer: all is mapped; fd: my /proc/self/mem */
	/* from agent to rank */
	CONTROL_WELCOME, /* fd: the control page's memfd */
	CONTROL_SHEET,	 /* fd: the sheet to map; epoch = the epoch, value =
			    how often the job was restarted, this time
			    included: for struct resume_info */
	CONTROL_GO,	 /* memory is complete: jump */
	CONTROL_DENIED,	 /* text: why; the rank prints it and exits */
	CONTROL_ENDED,	 /* in the place of SHEET: the rank had ended before
			    the epoch; exit with value */
	/* both */
	CONTROL_OBJECT, /* restorer: gid = dev, value = ino of a REGION_SHM;
			   the agent's answer has its descriptor */
	/* from rank to agent */
	CONTROL_TERM, /* Slurm has sent TERM, which this rank outlives */
};

#define HELLO_LOCAL(rank, size) ((uint32_t)(rank) << 16 | (uint32_t)(size))

struct control_msg {
	uint32_t type; /* enum control_type */
	uint32_t epoch;
	int32_t peer;
	uint32_t text_len;
	uint64_t gid;
	uint64_t value;
	char text[480];
};

#endif
