/* SPDX-License-Identifier: BSD-3-Clause */
/* place_private.h - shared by place*.c */
#ifndef CAIRN_LOWER_PLACE_PRIVATE_H
#define CAIRN_LOWER_PLACE_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/lower/place.h"

#define PLACE_CALLS	 512 /* numbers below this are looked at */
#define PLACE_NATIVE	 1   /* the stub performs the call */
#define PLACE_NATIVE_TLS 2   /* and gives the new thread its GS */
#define PLACE_ATTACH	 128 /* System V segments attached at a time */
#define PLACE_SIGNALS	 64

/* struct sigaction as the kernel has it. */
struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};

struct place_attach {
	uintptr_t start; /* 0: free */
	size_t size;
};

#define PLACE_FDS 65536

struct place_state {
	int fd_min;
	_Atomic uint64_t fds[PLACE_FDS / 64]; /* the guest's descriptors */
	int pid; /* of the process; a posix_spawn child has another */
	_Atomic uint32_t umask;
	_Atomic uint32_t lock; /* for the tables below */
	struct place_attach attach[PLACE_ATTACH];
	/* what the guest believes to have installed; never applied */
	struct kernel_sigaction action[PLACE_SIGNALS + 1];
};
extern struct place_state place;

typedef int place_handler(struct place_call *call);

long place_raw(const struct place_call *call);
bool place_in_child(void);

static inline int place_done(struct place_call *call, long result)
{
	call->nr = result;
	return 0;
}

/* place.c */
place_handler place_refuse, place_fork, place_clone, place_clone3;
place_handler place_arch_prctl;
place_handler place_prlimit, place_personality, place_umask, place_prctl;
/* place_memory.c */
place_handler place_mmap, place_munmap, place_mremap, place_brk;
place_handler place_shmat, place_shmdt, place_mprotect;
/* place_fd.c */
place_handler place_fd, place_dup2, place_fcntl, place_pipe, place_socketpair;
place_handler place_recvmsg, place_signalfd, place_close, place_close_range;
/* place_signal.c */
place_handler place_sigaction, place_sigprocmask, place_sigaltstack;
place_handler place_timer_create;

#endif
