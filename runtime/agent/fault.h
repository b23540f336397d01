/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.h - places where a test may make the agent die */
#ifndef CAIRN_AGENT_FAULT_H
#define CAIRN_AGENT_FAULT_H

/* Armed by CAIRN_FAULT=name: the agent kills itself (SIGKILL) there (I1, I7).
 * Each is a moment, too (runtime/base/moment.h). */
#define FAULT_MAP(X)                                                        \
	X(FAULT_FRONTIER, "agent-frontier")   /* asked to begin */          \
	X(FAULT_COUNTS, "agent-counts")	      /* counts are sent */         \
	X(FAULT_DRAIN, "agent-drain")	      /* asked to drain */          \
	X(FAULT_CAPTURE, "agent-capture")     /* asked to capture */        \
	X(FAULT_CAPTURED, "agent-captured")   /* all twins are made */      \
	X(FAULT_RELEASE, "agent-release")     /* asked to release */        \
	X(FAULT_READ, "agent-read")	      /* in a rank's memory */      \
	X(FAULT_FINISH, "agent-finish")	      /* all read, not yet named */ \
	X(FAULT_DURABLE, "agent-durable")     /* named, nobody knows */     \
	X(FAULT_COMMITTED, "agent-committed") /* told of the commit */      \
	X(FAULT_FLUSH, "agent-flush")	      /* asked to flush */          \
	X(FAULT_FLUSHED, "agent-flushed")     /* copied, nobody knows */    \
	X(FAULT_TAKE, "agent-take")	      /* asked to take a copy */    \
	X(FAULT_TAKEN, "agent-taken")	      /* it is, nobody knows */     \
	X(FAULT_GIVE, "agent-give")	      /* asked to give one */       \
	X(FAULT_RESTORER, "agent-restorer")   /* restart: one has come */   \
	X(FAULT_SHEET, "agent-sheet")	      /* restart: sheet is sent */  \
	X(FAULT_FILL, "agent-fill")	      /* restart: writing memory */ \
	X(FAULT_FILLED, "agent-filled")	      /* restart: it is written */  \
	X(FAULT_REBUILT, "agent-rebuilt")     /* restart: a rank is back */ \
	X(FAULT_BACK, "agent-back")	      /* restart: all ranks are */

enum fault {
#define X(id, name) id,
	FAULT_MAP(X)
#undef X
		FAULTS
};

void fault_init(const char *name); /* NULL: none */
void fault_point(enum fault fault);

#endif
