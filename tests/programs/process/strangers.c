/* SPDX-License-Identifier: BSD-3-Clause */
/* strangers.c - threads that Cairn did not see being made */
#define _GNU_SOURCE
#include <aio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static _Atomic unsigned long turns;

static void sleep_ms(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
			       .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts))
		;
}

/* timer: a thread starts whenever it runs out. */
static void timer_fires(union sigval value)
{
	(void)value;
	turns++;
}

static int with_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD,
				  .sigev_notify_function = timer_fires };
	struct itimerspec every = { { 0, 50000000 }, { 0, 50000000 } };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &every, NULL))
		return 2;
	sleep_ms(1500);
	return turns > 5 ? 0 : 1;
}

/* raw: a kernel thread without libc. */
static int raw_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 400000000; i++)
		turns++;
	syscall(SYS_exit, 0);
	return 0;
}

static int with_raw(void)
{
	size_t size = 1 << 16;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (clone(raw_thread, stack + size,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			  CLONE_THREAD | CLONE_SYSVSEM,
		  NULL) < 0)
		return 2;
	sleep_ms(1000);
	return turns ? 0 : 1;
}

/* blocked: a thread of the program that blocks our signal by a raw call. */
static void *blocks_all(void *arg)
{
	unsigned char all[8];

	register long size __asm__("r10") = 8;
	long ret = SYS_rt_sigprocmask;

	memset(all, 0xff, sizeof(all));
	__asm__ volatile("syscall" /* not through libc */
			 : "+a"(ret)
			 : "D"((long)SIG_BLOCK), "S"(all), "d"(0L), "r"(size)
			 : "rcx", "r11", "memory");
	sleep_ms(4000);
	return arg;
}

static int with_blocked(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, blocks_all, NULL);
	pthread_join(thread, NULL);
	return 0;
}

/* c11: threads of <threads.h>. */
static int c11_thread(void *arg)
{
	sleep_ms(300);
	return *(int *)arg * 2;
}

static int with_c11(void)
{
	int value = 21, result = 0;
	thrd_t thread;

	if (thrd_create(&thread, c11_thread, &value) != thrd_success ||
	    thrd_join(thread, &result) != thrd_success)
		return 2;
	return result == 42 ? 0 : 1;
}

/* gone: the first thread has ended. */
static void *last_thread(void *arg)
{
	(void)arg;
	sleep_ms(1000);
	_exit(6);
}

static int with_gone(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, last_thread, NULL);
	pthread_exit(NULL);
}

/* aio: another of libc's helpers, in a read that does not end. */
static int with_aio(void)
{
	static char byte;
	static struct aiocb block = { .aio_buf = &byte, .aio_nbytes = 1 };
	int ends[2];

	if (pipe(ends))
		return 2;
	block.aio_fildes = ends[0];
	if (aio_read(&block))
		return 2;
	sleep_ms(1500);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "timer"))
		return with_timer();
	if (!strcmp(what, "aio"))
		return with_aio();
	if (!strcmp(what, "raw"))
		return with_raw();
	if (!strcmp(what, "blocked"))
		return with_blocked();
	if (!strcmp(what, "c11"))
		return with_c11();
	if (!strcmp(what, "gone"))
		return with_gone();
	return 2;
}
