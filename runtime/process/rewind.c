/* SPDX-License-Identifier: BSD-3-Clause */
/* rewind.c - system calls do not fail with EINTR because of a checkpoint */
#define _GNU_SOURCE
#include "runtime/process/private.h"
#include "runtime/process/signals.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/time.h>

/*
 * DESIGN
 *
 * Our handler has SA_RESTART, so the kernel itself begins many calls again. The
 * others come back with -EINTR: nanosleep, poll, epoll_wait, semtimedop, a
 *futex with a time limit, ...  Then the interrupted registers show a `syscall`
 * instruction just before RIP and -EINTR in RAX.  We set RIP back onto it, load
 * the call's number again and shorten its time limit by what has passed.
 *
 * The number is not saved anywhere: it is found in the instruction that loaded
 * it (libc: `mov $nr, %eax` at most 33 bytes before), or noted by our
 *syscall().
 *
 * An EINTR that the program's own signal caused must stay.  RCX tells: the
 * SYSCALL instruction itself destroys it (it then holds RIP), so no code
 *expects anything there, and we may write a mark into the frame: RCX == RIP,
 *RAX == -EINTR	the kernel has just interrupted the call; RCX == 0
 *a handler of the program did (rewind_genuine); RCX == MARK_*, RIP on the
 *instruction: the call waits to begin again after a checkpoint.  A program's
 *signal that comes now would have interrupted it: -EINTR after all (pause()
 *would never return else).
 */
#define MARK_OURS   0xca1fca1f00000001LL /* the kernel would have said EINTR */
#define MARK_KERNEL 0xca1fca1f00000002LL /* so would it without SA_RESTART */

enum limit {
	LIMIT_NONE,    /* waits for ever, or until an absolute time */
	LIMIT_MS,      /* milliseconds in a register */
	LIMIT_CONST,   /* struct timespec that the kernel only reads */
	LIMIT_LEFT,    /* struct timespec that the kernel has made less */
	LIMIT_LEFT_TV, /* struct timeval of the same kind */
};

/* clang-format off */
/* Calls that fail with EINTR although the handler has SA_RESTART; the kinds of
 * their time limits and the registers that hold them. */
static const struct call {
	short nr;
	unsigned char limit; /* enum limit */
	short reg;
} calls[] = {
	{ SYS_nanosleep,	LIMIT_CONST,	REG_RDI },
	{ SYS_clock_nanosleep,	LIMIT_CONST,	REG_RDX },
	{ SYS_poll,		LIMIT_MS,	REG_RDX },
	{ SYS_ppoll,		LIMIT_LEFT,	REG_RDX },
	{ SYS_select,		LIMIT_LEFT_TV,	REG_R8 },
	{ SYS_pselect6,		LIMIT_LEFT,	REG_R8 },
	{ SYS_epoll_wait,	LIMIT_MS,	REG_R10 },
	{ SYS_epoll_pwait,	LIMIT_MS,	REG_R10 },
	{ 441 /* epoll_pwait2 */, LIMIT_CONST,	REG_R10 },
	{ SYS_futex,		LIMIT_CONST,	REG_R10 },
	{ 449 /* futex_waitv */, LIMIT_NONE,	0 },
	{ SYS_rt_sigtimedwait,	LIMIT_CONST,	REG_RDX },
	{ SYS_rt_sigsuspend,	LIMIT_NONE,	0 },
	{ SYS_pause,		LIMIT_NONE,	0 },
	{ SYS_semop,		LIMIT_NONE,	0 },
	{ SYS_semtimedop,	LIMIT_CONST,	REG_R10 },
	{ SYS_msgsnd,		LIMIT_NONE,	0 },
	{ SYS_msgrcv,		LIMIT_NONE,	0 },
	{ SYS_mq_timedsend,	LIMIT_NONE,	0 },
	{ SYS_mq_timedreceive,	LIMIT_NONE,	0 },
	{ SYS_io_getevents,	LIMIT_CONST,	REG_R8 },
	/* sockets with SO_RCVTIMEO or SO_SNDTIMEO */
	{ SYS_read,		LIMIT_NONE,	0 },
	{ SYS_write,		LIMIT_NONE,	0 },
	{ SYS_readv,		LIMIT_NONE,	0 },
	{ SYS_writev,		LIMIT_NONE,	0 },
	{ SYS_recvfrom,		LIMIT_NONE,	0 },
	{ SYS_recvmsg,		LIMIT_NONE,	0 },
	{ SYS_sendto,		LIMIT_NONE,	0 },
	{ SYS_sendmsg,		LIMIT_NONE,	0 },
	{ SYS_accept,		LIMIT_NONE,	0 },
	{ SYS_accept4,		LIMIT_NONE,	0 },
};

/* Calls that the kernel restarts for us, and that a handler without SA_RESTART
 * makes fail.  (Others, such as fork, are restarted whatever the flags.) */
static const short restarted[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64,
	SYS_preadv, SYS_pwritev, SYS_recvfrom, SYS_recvmsg, SYS_sendto,
	SYS_sendmsg, SYS_accept, SYS_accept4, SYS_wait4, SYS_waitid, SYS_open,
	SYS_openat, SYS_fcntl, SYS_flock, SYS_futex, SYS_msgrcv, SYS_msgsnd,
};
/* clang-format on */

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

static const struct call *call_find(long nr)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (calls[i].nr == nr)
			return &calls[i];
	}
	return NULL;
}

static bool is_restarted(long nr)
{
	for (size_t i = 0; i < ARRAY_LEN(restarted); i++) {
		if (restarted[i] == nr)
			return true;
	}
	return false;
}

static bool is_syscall(const uint8_t *ip)
{
	return ip[0] == 0x0f && ip[1] == 0x05;
}

/* The call whose instruction is at ip: look back for its number's load. */
static const struct call *call_at(const struct thread *t, const uint8_t *ip)
{
	if (t->call_nr >= 0)
		return call_find(t->call_nr);
	for (int back = 5; back <= 40; back++) {
		const uint8_t *load = ip - back;
		const struct call *call;

		/* the page before may not be mapped */
		if (((uintptr_t)load ^ (uintptr_t)ip) >> 12 && back > 5)
			return NULL;
		if (load[0] != 0xb8 || load[3] || load[4])
			continue;
		call = call_find(load[1] | load[2] << 8);
		if (call)
			return call;
	}
	return NULL;
}

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec > 9000000000 ? INT64_MAX / 2 :
					 ts->tv_sec * 1000000000 + ts->tv_nsec;
}

static struct timespec ts_of(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / 1000000000,
				  .tv_nsec = ns % 1000000000 };
}

/*
 * What is left of a limit of `limit` ns: until the deadline that a wrapper
 * noted, so that nothing adds up; else only the time in our handler can be
 * taken off.
 */
static int64_t left(const struct thread *t, int64_t limit, uint64_t entered)
{
	uint64_t now = program_now_ns();
	int64_t rest = t->call_deadline ? (int64_t)(t->call_deadline - now) :
					  limit - (int64_t)(now - entered);

	return rest > 0 ? rest : 0;
}

/* Is the time limit of this call relative to its beginning? */
static bool is_relative(const struct call *call, const greg_t *r)
{
	if (call->nr == SYS_clock_nanosleep)
		return !(r[REG_RSI] & TIMER_ABSTIME);
	if (call->nr == SYS_futex)
		return (r[REG_RSI] & FUTEX_CMD_MASK) == FUTEX_WAIT;
	return true;
}

static void limit_shorten(struct thread *t, const struct call *call, greg_t *r,
			  uint64_t entered)
{
	uint64_t spent = program_now_ns() - entered;
	struct timespec *ts = (struct timespec *)r[call->reg];
	struct timeval *tv = (struct timeval *)r[call->reg];
	struct timespec *rem = NULL;
	int64_t ns;

	switch ((enum limit)call->limit) {
	case LIMIT_NONE:
		break;
	case LIMIT_MS:
		if ((int)r[call->reg] <= 0)
			break;
		ns = left(t, (int)r[call->reg] * 1000000LL, entered);
		r[call->reg] = (ns + 999999) / 1000000;
		break;
	case LIMIT_CONST:
		if (!ts || !is_relative(call, r))
			break;
		/* A sleep has said how much is left, if it was asked to. */
		if (call->nr == SYS_nanosleep)
			rem = (struct timespec *)r[REG_RSI];
		else if (call->nr == SYS_clock_nanosleep)
			rem = (struct timespec *)r[REG_R10];
		if (rem && !t->call_deadline)
			ts = rem;
		t->rewind_time = ts_of(left(t, ns_of(ts), entered));
		r[call->reg] = (greg_t)&t->rewind_time;
		break;
	case LIMIT_LEFT:
		if (!ts)
			break;
		ns = ns_of(ts) - (int64_t)spent;
		*ts = ts_of(ns > 0 ? ns : 0);
		break;
	case LIMIT_LEFT_TV:
		if (!tv)
			break;
		ns = tv->tv_sec * 1000000LL + tv->tv_usec -
		     (int64_t)(spent / 1000);
		ns = ns > 0 ? ns : 0;
		tv->tv_sec = ns / 1000000;
		tv->tv_usec = ns % 1000000;
		break;
	}
}

void rewind_after(struct thread *t, ucontext_t *uc, uint64_t entered)
{
	greg_t *r = uc->uc_mcontext.gregs;
	const uint8_t *ip = (const uint8_t *)r[REG_RIP];
	const struct call *call;

	if (r[REG_RAX] == -EINTR && r[REG_RCX] == r[REG_RIP] &&
	    is_syscall(ip - 2)) {
		call = call_at(t, ip - 2);
		if (!call)
			return;
		limit_shorten(t, call, r, entered);
		r[REG_RAX] = call->nr;
		r[REG_RIP] -= 2;
		r[REG_RCX] = (greg_t)MARK_OURS;
	} else if (r[REG_RCX] == r[REG_RIP] + 2 && is_syscall(ip) &&
		   is_restarted(r[REG_RAX])) {
		r[REG_RCX] = (greg_t)MARK_KERNEL;
	}
}

void rewind_genuine(struct thread *t, ucontext_t *uc, int flags)
{
	greg_t *r = uc->uc_mcontext.gregs;
	const uint8_t *ip = (const uint8_t *)r[REG_RIP];

	(void)t;
	if (r[REG_RAX] == -EINTR && r[REG_RCX] == r[REG_RIP] &&
	    is_syscall(ip - 2)) {
		r[REG_RCX] = 0;
	} else if ((r[REG_RCX] == (greg_t)MARK_OURS ||
		    (r[REG_RCX] == (greg_t)MARK_KERNEL &&
		     !(flags & SA_RESTART))) &&
		   is_syscall(ip)) {
		r[REG_RAX] = -EINTR;
		r[REG_RIP] += 2;
		r[REG_RCX] = 0;
	}
}
