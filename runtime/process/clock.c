/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.c - clocks that never run back, also over a restart elsewhere */
#define _GNU_SOURCE
#include "runtime/process/pid.h"
#include "runtime/process/private.h"
#include "runtime/process/restored.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

/*
 * DESIGN (TRAPS, Process 6)
 *
 * The clocks that count from the kernel's start may be behind on another node,
 * and CPU clocks begin at zero in a new process.  At a restart each gets an
 * offset so that it goes on from its value at the capture: the former only if
 * they are behind (time has passed on the same machine, and deadlines stay
 * what they were), the latter always.
 */
typedef int (*gettime)(clockid_t, struct timespec *);

static gettime real_gettime; /* libc's: the vDSO, no TLS */

static struct {
	bool active;		      /* this process was restarted */
	uint64_t monotonic, boottime; /* offsets, ns */
	uint64_t cpu, user, system;
} offset;
static struct {
	uint64_t monotonic, boottime, cpu, user, system;
} saved;

static uint64_t kernel_ns(clockid_t clock)
{
	struct timespec ts;

	if (real_gettime)
		real_gettime(clock, &ts);
	else
		sys_call(SYS_clock_gettime, clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t now_ns(void)
{
	return kernel_ns(CLOCK_MONOTONIC);
}

uint64_t program_now_ns(void)
{
	return now_ns() + offset.monotonic;
}

void clock_init(void)
{
	if (!real_gettime)
		real_gettime = (gettime)dlsym(RTLD_NEXT, "clock_gettime");
}

static uint64_t tv_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000000 + (uint64_t)tv->tv_usec * 1000;
}

static void cpu_times(uint64_t *user, uint64_t *system)
{
	struct rusage usage = { 0 };

	sys_call(SYS_getrusage, RUSAGE_SELF, &usage);
	*user = tv_ns(&usage.ru_utime);
	*system = tv_ns(&usage.ru_stime);
}

void clock_record(void)
{
	cpu_times(&saved.user, &saved.system);
	saved.user += offset.user;
	saved.system += offset.system;
	saved.cpu = kernel_ns(CLOCK_PROCESS_CPUTIME_ID) + offset.cpu;
	saved.monotonic = program_now_ns();
	saved.boottime = kernel_ns(CLOCK_BOOTTIME) + offset.boottime;
}

static uint64_t behind(uint64_t then, uint64_t now)
{
	return then > now ? then - now : 0;
}

void clock_restore(void)
{
	offset.active = true;
	offset.monotonic = behind(saved.monotonic, now_ns());
	offset.boottime = behind(saved.boottime, kernel_ns(CLOCK_BOOTTIME));
	offset.cpu = saved.cpu;
	offset.user = saved.user;
	offset.system = saved.system;
}

static uint64_t clock_offset(clockid_t clock)
{
	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		return offset.monotonic;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return offset.boottime;
	case CLOCK_PROCESS_CPUTIME_ID:
		return offset.cpu;
	case CLOCK_THREAD_CPUTIME_ID:
		return thread_of(ctx_here())->cpu_before;
	default:
		return 0;
	}
}

static void ts_add(struct timespec *ts, uint64_t ns)
{
	ns += (uint64_t)ts->tv_nsec;
	ts->tv_sec += (time_t)(ns / 1000000000);
	ts->tv_nsec = (long)(ns % 1000000000);
}

struct timespec clock_to_kernel(clockid_t clock, const struct timespec *t)
{
	struct timespec ts = *t;
	uint64_t ns;

	if (!offset.active)
		return ts;
	ns = clock_offset(clock);
	ts.tv_sec -= (time_t)(ns / 1000000000);
	ts.tv_nsec -= (long)(ns % 1000000000);
	if (ts.tv_nsec < 0) {
		ts.tv_nsec += 1000000000;
		ts.tv_sec--;
	}
	if (ts.tv_sec < 0)
		ts = (struct timespec){ 0 };
	return ts;
}

/* CPU clock of one thread or process: its number, inverted, then four (a
 * thread) and two (the scheduler's time). */
static int cpu_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int number = ~(clock >> 3), kernel = tid_to_kernel(number);
	uint64_t before = clock & 4 ? thread_cpu_before(number) : offset.cpu;
	int result = real_gettime((int)(~(unsigned int)kernel << 3) |
					  (clock & 7),
				  ts);

	if (!result && kernel != number)
		ts_add(ts, before);
	return result;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int result;

	if (__builtin_expect(!real_gettime, 0))
		clock_init();
	if (__builtin_expect(clock < 0, 0) && offset.active && (clock & 3) == 2)
		return cpu_clock_gettime(clock, ts);
	result = real_gettime(clock, ts);
	if (__builtin_expect(offset.active, 0) && !result)
		ts_add(ts, clock_offset(clock));
	return result;
}

EXPORT clock_t clock(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts))
		return -1;
	return ts.tv_sec * CLOCKS_PER_SEC +
	       ts.tv_nsec / (1000000000 / CLOCKS_PER_SEC);
}

EXPORT clock_t times(struct tms *buf)
{
	uint64_t tick = 1000000000UL / (uint64_t)sysconf(_SC_CLK_TCK);
	long result = sys_call(SYS_times, buf);

	if (result < 0 && result > -4096) {
		errno = (int)-result;
		return -1;
	}
	if (buf) {
		buf->tms_utime += (clock_t)(offset.user / tick);
		buf->tms_stime += (clock_t)(offset.system / tick);
	}
	return result + (clock_t)(offset.monotonic / tick);
}

static void tv_add(struct timeval *tv, uint64_t ns)
{
	uint64_t us = (uint64_t)tv->tv_usec + ns / 1000;

	tv->tv_sec += (time_t)(us / 1000000);
	tv->tv_usec = (suseconds_t)(us % 1000000);
}

EXPORT int getrusage(__rusage_who_t who, struct rusage *usage)
{
	long result = sys_call(SYS_getrusage, who, usage);

	if (result) {
		errno = (int)-result;
		return -1;
	}
	if (who == RUSAGE_SELF) {
		tv_add(&usage->ru_utime, offset.user);
		tv_add(&usage->ru_stime, offset.system);
	}
	return 0;
}
