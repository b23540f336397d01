/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - what the guest's system calls may do to the process */
#include "runtime/lower/place.h"

#include <asm/prctl.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define LOG_PREFIX "lower half: "
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/lower/crossing.h"
#include "runtime/lower/lower.h"
#include "runtime/lower/place_private.h"

/*
 * Everything that belongs to the process and not to the caller's memory:
 * address space, descriptors, signal actions, limits, folder.  A call that
 * cannot be confined is refused, so that the library takes its other way or
 * says what it misses; it is never let through in silence.
 */
#define LIST_ESSENTIAL(X)                    \
	X(mmap, place_mmap)                  \
	X(munmap, place_munmap)              \
	X(mremap, place_mremap)              \
	X(brk, place_brk)                    \
	X(rt_sigaction, place_sigaction)     \
	X(rt_sigprocmask, place_sigprocmask) \
	X(openat, place_fd)                  \
	X(socket, place_fd)
#define LIST_OTHER(X)                       \
	X(shmat, place_shmat)               \
	X(shmdt, place_shmdt)               \
	X(open, place_fd)                   \
	X(creat, place_fd)                  \
	X(openat2, place_fd)                \
	X(accept, place_fd)                 \
	X(accept4, place_fd)                \
	X(epoll_create, place_fd)           \
	X(epoll_create1, place_fd)          \
	X(eventfd, place_fd)                \
	X(eventfd2, place_fd)               \
	X(signalfd, place_signalfd)         \
	X(signalfd4, place_signalfd)        \
	X(timerfd_create, place_fd)         \
	X(memfd_create, place_fd)           \
	X(memfd_secret, place_fd)           \
	X(inotify_init, place_fd)           \
	X(inotify_init1, place_fd)          \
	X(fanotify_init, place_fd)          \
	X(perf_event_open, place_fd)        \
	X(userfaultfd, place_fd)            \
	X(pidfd_open, place_fd)             \
	X(pidfd_getfd, place_fd)            \
	X(io_uring_setup, place_fd)         \
	X(close, place_close)               \
	X(close_range, place_close_range)   \
	X(dup, place_fd)                    \
	X(dup2, place_dup2)                 \
	X(dup3, place_dup2)                 \
	X(fcntl, place_fcntl)               \
	X(pipe, place_pipe)                 \
	X(pipe2, place_pipe)                \
	X(socketpair, place_socketpair)     \
	X(recvmsg, place_recvmsg)           \
	X(sigaltstack, place_sigaltstack)   \
	X(mprotect, place_mprotect)         \
	X(pkey_mprotect, place_mprotect)    \
	X(arch_prctl, place_arch_prctl)     \
	X(clone, place_clone)               \
	X(clone3, place_clone3)             \
	X(fork, place_fork)                 \
	X(prctl, place_prctl)               \
	X(setrlimit, place_refuse)          \
	X(prlimit64, place_prlimit)         \
	X(umask, place_umask)               \
	X(chdir, place_refuse)              \
	X(fchdir, place_refuse)             \
	X(chroot, place_refuse)             \
	X(setitimer, place_refuse)          \
	X(alarm, place_refuse)              \
	X(timer_create, place_timer_create) \
	X(mlockall, place_refuse)           \
	X(setsid, place_refuse)             \
	X(setpgid, place_refuse)            \
	X(personality, place_personality)   \
	X(unshare, place_refuse)            \
	X(setns, place_refuse)              \
	X(setuid, place_refuse)             \
	X(setgid, place_refuse)             \
	X(setreuid, place_refuse)           \
	X(setregid, place_refuse)           \
	X(setresuid, place_refuse)          \
	X(setresgid, place_refuse)          \
	X(setgroups, place_refuse)

#define FD_ROOM 64

struct entry {
	place_handler *handler;
	const char *name;
};

#define ENTRY_(call, fn)  [SYS_##call] = { fn, #call },
#define NUMBER_(call, fn) SYS_##call,
static const struct entry entries[PLACE_CALLS] = { LIST_ESSENTIAL(ENTRY_)
							   LIST_OTHER(ENTRY_) };
static const long essential[] = { LIST_ESSENTIAL(NUMBER_) };

struct place_state place; /* one guest a process */
struct thread_ctx place_guest_ctx;

/* The guest needs some numbers below the limit. */
static int reachable(int fd_min)
{
	uint64_t limit[2];

	if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, limit) ||
	    limit[0] >= (uint64_t)fd_min + FD_ROOM)
		return fd_min;
	return limit[0] > 2 * FD_ROOM ? (int)limit[0] - FD_ROOM : FD_ROOM;
}

int lower_fd_min(void)
{
	return place.fd_min;
}

void place_init(int fd_min)
{
	struct place_state *s = &place;

	/* no memset: this file must not call libc, whose memset uses vector
	 * registers */
	for (size_t i = 0; i < sizeof(*s); i++)
		((volatile char *)s)[i] = 0;
	s->fd_min = reachable(fd_min);
	s->pid = (int)sys_call(SYS_getpid);
	s->umask = 022;
	place_guest_ctx.gs.self = &place_guest_ctx;
	place_guest_ctx.lower_fs = 0;
	place_guest_ctx.tid = -1; /* never the number of a thread */
}

bool place_wants(long nr)
{
	return nr >= 0 && nr < PLACE_CALLS && entries[nr].handler;
}

const char *place_name(long nr)
{
	return place_wants(nr) ? entries[nr].name : "?";
}

long place_essential(unsigned int i)
{
	return i < sizeof(essential) / sizeof(*essential) ? essential[i] : -1;
}

struct thread_ctx *lower_context(uint64_t gs_base)
{
	return place_in_child() ? NULL : thread_gs(gs_base)->self;
}

int place_call(struct place_call *call)
{
	long nr = call->nr;

	if (!place_wants(nr)) /* through libc's syscall() */
		return PLACE_NATIVE;
	return entries[nr].handler(call);
}

long place_raw(const struct place_call *c)
{
	return sys_call6(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
			 c->arg[4], c->arg[5]);
}

/* A child that shares our memory (posix_spawn) does what it likes to itself. */
bool place_in_child(void)
{
	return sys_call(SYS_getpid) != place.pid;
}

int place_refuse(struct place_call *c)
{
	if (place_in_child())
		return PLACE_NATIVE;
	log_debug("%s by the MPI library refused", place_name(c->nr));
	/* alarm cannot fail; 0 is "none was set" */
	return place_done(c, c->nr == SYS_alarm ? 0 : -EPERM);
}

/* --- processes and threads ------------------------------------------------ */

static int no_fork(struct place_call *c)
{
	static _Atomic uint32_t said;

	if (!atomic_exchange(&said, 1))
		log_warn("the MPI library tried to fork; refused, since a "
			 "child would lack the library's memory");
	return place_done(c, -EAGAIN);
}

int place_fork(struct place_call *c)
{
	return place_in_child() ? PLACE_NATIVE : no_fork(c);
}

/* A new thread has its maker's GS; its first instruction may reach TLS. */
static int native_clone(uint64_t flags)
{
	return flags & CLONE_SETTLS && crossing_rewrites() ? PLACE_NATIVE_TLS :
							     PLACE_NATIVE;
}

int place_clone(struct place_call *c)
{
	if (c->arg[0] & CLONE_VM || place_in_child())
		return native_clone((uint64_t)c->arg[0]);
	return no_fork(c);
}

int place_clone3(struct place_call *c)
{
	const uint64_t *flags = (const uint64_t *)c->arg[0];

	if (!flags)
		return PLACE_NATIVE;
	if (*flags & CLONE_VM || place_in_child())
		return native_clone(*flags);
	return no_fork(c);
}

/* A thread's thread pointer is its FS and, where TLS is reached by GS, its GS
 * too.  A thread of the program keeps its own. */
int place_arch_prctl(struct place_call *c)
{
	uint64_t gs;

	if (!crossing_rewrites())
		return PLACE_NATIVE;
	if (c->arg[0] == ARCH_SET_GS || place_is_program()) {
		if (c->arg[0] == ARCH_SET_GS || c->arg[0] == ARCH_SET_FS)
			return place_refuse(c);
		if (c->arg[0] != ARCH_GET_FS)
			return PLACE_NATIVE;
		__asm__ volatile("rdgsbase %0" : "=r"(gs));
		*(uint64_t *)c->arg[1] = gs;
		return place_done(c, 0);
	}
	if (c->arg[0] == ARCH_SET_FS)
		__asm__ volatile("wrgsbase %0" : : "r"(c->arg[1]) : "memory");
	return PLACE_NATIVE;
}

/* --- limits, modes, names ------------------------------------------------- */

int place_prlimit(struct place_call *c)
{
	return c->arg[2] ? place_refuse(c) : PLACE_NATIVE;
}

int place_personality(struct place_call *c)
{
	return (uint32_t)c->arg[0] == ~0U ? PLACE_NATIVE : place_refuse(c);
}

int place_umask(struct place_call *c)
{
	uint32_t mask = (uint32_t)c->arg[0] & 0777;

	if (place_in_child())
		return PLACE_NATIVE;
	return place_done(c, atomic_exchange(&place.umask, mask));
}

/* Only what reads, or names a thread of our own, or allows reading. */
int place_prctl(struct place_call *c)
{
	enum {
		SET_NAME = 15,
		GET_NAME = 16,
		SET_TIMERSLACK = 29,
		GET_DUMPABLE = 3,
		GET_SECCOMP = 21,
		CAPBSET_READ = 23,
		GET_TIMERSLACK = 30,
		GET_TID_ADDRESS = 40,
		GET_THP_DISABLE = 42,
		SET_PTRACER = 0x59616d61,
		SET_VMA = 0x53564d41,
	};

	switch (c->arg[0]) {
	case SET_NAME:
	case SET_TIMERSLACK:
		if (!place_is_program() || place_in_child())
			return PLACE_NATIVE;
		return place_done(c,
				  0); /* the program's thread keeps its own */
	case GET_NAME:
	case GET_DUMPABLE:
	case GET_SECCOMP:
	case CAPBSET_READ:
	case GET_TIMERSLACK:
	case GET_TID_ADDRESS:
	case GET_THP_DISABLE:
	case SET_PTRACER:
	case SET_VMA:
		return PLACE_NATIVE;
	}
	return place_refuse(c);
}
