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
/* greqs.c */
void greqs_make(void);
void greqs_check(void);

#endif
