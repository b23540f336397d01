/* SPDX-License-Identifier: BSD-3-Clause */
/* kept.h - what the topics of this program share */
#ifndef KEPT_H
#define KEPT_H

#include <mpi.h>
#include <stdio.h>

extern int rank, size, errors;
extern int left, right; /* neighbours in a ring */

#define CHECK(what)                                                       \
	do {                                                              \
		if (!(what)) {                                            \
			errors++;                                         \
			fprintf(stderr, "rank %d: %s:%d: %s\n", rank,     \
				__FILE__, __LINE__, #what);               \
		}                                                         \
	} while (0)

/* One kind of object: made and left in an interesting state; used to its end
 * when a checkpoint, or a restart, may have come between.  Both are called once
 * a round. */
struct topic {
	const char *name;
	void (*make)(void);
	void (*check)(void);
};

/* parts.c */
void parts_make(void);
void parts_check(void);
/* sessions.c */
void sessions_make(void);
void sessions_check(void);
/* in place of MPI_Init and MPI_Finalize */
MPI_Comm sessions_begin(void);
void sessions_end(void);
/* tools.c */
void tools_make(void);
void tools_check(void);
/* others.c */
void messages_make(void);
void messages_check(void);
void types_make(void);
void types_check(void);
void errors_make(void);
void errors_check(void);
void colls_make(void);
void colls_check(void);
/* greqs.c */
void greqs_make(void);
void greqs_check(void);

#endif
