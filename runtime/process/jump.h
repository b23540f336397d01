/* SPDX-License-Identifier: BSD-3-Clause */
/* jump.h - jumps out of wrappers must not leave them open (private) */
#ifndef CAIRN_PROCESS_JUMP_H
#define CAIRN_PROCESS_JUMP_H

#include <stdint.h>

struct thread;

/* A function of the program that runs below a wrapper: a handler that
 * interrupted it, or a callback. */
#define BOUNDARIES 8
struct boundary {
	uintptr_t top;	  /* its frames lie at or below this, */
	uintptr_t resume; /* and the wrapper's at or above this */
	uint32_t depth;	  /* the thread's when it began */
};

/* boundary_begin - such a function is about to be called; gives what
 * boundary_end() wants when it has returned. */
uint32_t boundary_begin(struct thread *t, uintptr_t top, uintptr_t resume);
void boundary_end(struct thread *t, uint32_t before);

#endif
