/* SPDX-License-Identifier: BSD-3-Clause */
/* guest.h - what the guest program and its loader share */
#ifndef CAIRN_LOWER_GUEST_H
#define CAIRN_LOWER_GUEST_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/lower/lower.h"

/*
 * The loader puts the address of a struct guest_boot, in hexadecimal, into
 * argv[1] of the guest: both live in one address space.  The guest opens the
 * library, fills the table, sets `state` and wakes its futex; from then on its
 * first thread is a service that makes a donor each time `asked` is raised.
 */
/* In the guest's environment only: who starts it by hand is told so. */
#define GUEST_MARK "_CAIRN_GUEST"

enum guest_state { GUEST_STARTING, GUEST_READY, GUEST_FAILED };

/* A parked thread whose TLS a thread of the program borrows.  In memory of the
 * guest; the upper half keeps the list of free ones. */
struct donor {
	uint64_t fs;
	_Atomic uint32_t parked; /* a futex; fs is valid */
	struct donor *next;
	struct donor *older; /* all that were ever made */
};

struct guest_boot {
	/* to the guest */
	const char *mpi_lib; /* NULL: search */
	const char *const *symbols;
	void **table;
	int yield;
	void (*exit_program)(int code); /* a callback: the program's exit() */

	/* from the guest */
	_Atomic uint32_t state; /* enum guest_state; a futex */
	int code;		/* GUEST_FAILED: -Exxx */
	struct err err;
	struct lower_loops loops;
	struct lower_loops early; /* before MPI_Init (early.c) */

	/* the service */
	_Atomic uint32_t asked;	   /* a futex; raised under donor.c's lock */
	_Atomic uint32_t answered; /* a futex; equals asked when done */
	struct donor *donor;	   /* NULL: could not be made */
};

/* open.c: open the library and fill the table: 0 or -Exxx. */
int guest_open(struct guest_boot *boot, void **library);
/* loops.c: look up what the loops need and fill boot->loops. */
int guest_loops(struct guest_boot *boot, void *library);
/* early.c: the same for boot->early, after boot->loops; gives the name of what
 * the library lacks, or NULL. */
const char *guest_loops_early(struct guest_boot *boot, void *library);
/* interpose.c: functions of ours that the library's calls find first. */
void guest_interpose(struct guest_boot *boot, void *library);
/* service.c: make donors for ever. */
void guest_serve(struct guest_boot *boot) __attribute__((noreturn));

#endif
