/* SPDX-License-Identifier: BSD-3-Clause */
/* rank.h - what cairn-rank finds out before it becomes the program */
#ifndef CAIRN_RESTORE_RANK_H
#define CAIRN_RESTORE_RANK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* This process's place among the ranks, from the process manager. */
struct rank_place {
	uint32_t rank, size;
	uint32_t local_rank, local_size;
};

/* rank_place_get - read PMI_RANK & co.; without them rank 0 of 1. */
void rank_place_get(struct rank_place *place);

/* rank_fd_min - the lowest number of the descriptors that are not the
 * program's (CONTROL_FD_MIN, lower where the soft limit is low). */
int rank_fd_min(void);

/* rank_fd_up - move a descriptor of Cairn's out of the way of the program's
 * numbers; it is kept over an exec. */
int rank_fd_up(int *fd, struct err *err) must_check;

/*
 * rank_fds - leave the program its own descriptors only
 *
 * The process manager leaks its pipes and sockets into every rank, in the range
 * where the program's own files come to lie (TRAPS, Process 17).  PMI_FD moves
 * above rank_fd_min() and the variable follows; other pipes and sockets above 2
 * are closed, unless one of argv names them ("/dev/fd/63").
 */
int rank_fds(char **argv, struct err *err) must_check;

/* The program that is to be run. */
struct rank_program {
	char path[PATH_MAX];	/* as execv takes it */
	char mpi_lib[PATH_MAX]; /* the MPI library that its loader would take;
				   empty: none, or not linked to it */
	char tools[PATH_MAX];	/* libraries that come before it and define
				   MPI functions: by colons, in their order */
};

/* rank_is_tool - does the library at path define functions of MPI's names? */
bool rank_is_tool(const char *path);

/*
 * rank_program - find the program as execvp does, and look whether Cairn can
 * run it
 *
 * -ENOENT: no such program; -EACCES: it cannot be executed (setuid included);
 * -ENOEXEC: 32-bit, static, musl, for Open MPI.  A script is judged by its
 * interpreter.
 */
int rank_program(const char *name, struct rank_program *program,
		 struct err *err) must_check;

/*
 * rank_join - connect to this node's agent, starting it if there is none
 *
 * Sends CONTROL_HELLO and waits for the answer.  Gives the connected socket and
 * the control page's memfd, both at or above rank_fd_min(), not close-on-exec.
 */
int rank_join(const struct rank_place *place, int *agent_fd, int *control_fd,
	      struct err *err) must_check;

/* rank_restore - ask the agent for this rank's sheet and become the restorer,
 * or end as the rank had ended before the epoch; comes back only with an error.
 */
int rank_restore(int agent_fd, int control_fd, struct err *err) must_check;

/*
 * rank_leave - tell mpiexec to end the job, once it has read our sentence
 *
 * The other ranks would wait in MPI_Init for ever: mpiexec notices no rank that
 * ends before.
 */
void rank_leave(int code);

/* message_receive - one control message and up to one descriptor (-1: none).
 * CONTROL_DENIED becomes -EACCES with its text. */
struct control_msg;
int message_receive(int sock, struct control_msg *msg, int *fd,
		    struct err *err) must_check;

#endif
