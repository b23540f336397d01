/* SPDX-License-Identifier: BSD-3-Clause */
/* waits.c - calls that wait neither fail with EINTR nor take a wrong time */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Each wait lasts WAIT_MS when nothing disturbs it.  Run it alone or under
 * epochs: it cannot tell.  "ok NAME" or "not ok NAME" a line; 1 if one failed.
 */
#define WAIT_MS 400
#define LATE_MS 250 /* a busy machine */

static int failures;
static int pipe_fds[2];
static volatile sig_atomic_t alarms;

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec ts = { 0 };

	if (clock >= 0)
		clock_gettime(clock, &ts);
	ts.tv_nsec += ms % 1000 * 1000000;
	ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void alarmed(int sig)
{
	(void)sig;
	alarms = alarms + 1;
}

static void alarm_in(long ms, int flags)
{
	struct itimerval it = { .it_value.tv_usec = ms * 1000 };
	struct sigaction act = { .sa_handler = alarmed, .sa_flags = flags };

	alarms = 0;
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

static int wait_nanosleep(void)
{
	struct timespec ts = in_ms(-1, WAIT_MS);

	return nanosleep(&ts, NULL);
}

static int wait_nanosleep_rest(void)
{
	struct timespec ts = in_ms(-1, WAIT_MS);

	return nanosleep(&ts, &ts);
}

static int wait_clock_nanosleep(void)
{
	struct timespec ts = in_ms(-1, WAIT_MS);

	return -clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static int wait_clock_nanosleep_until(void)
{
	struct timespec ts = in_ms(CLOCK_MONOTONIC, WAIT_MS);

	return -clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static int wait_usleep(void)
{
	return usleep(WAIT_MS * 1000);
}

static int wait_poll(void)
{
	struct pollfd p = { .fd = pipe_fds[0], .events = POLLIN };

	return poll(&p, 1, WAIT_MS);
}

static int wait_ppoll(void)
{
	struct pollfd p = { .fd = pipe_fds[0], .events = POLLIN };
	struct timespec ts = in_ms(-1, WAIT_MS);
	sigset_t set;

	sigfillset(&set);
	return ppoll(&p, 1, &ts, &set);
}

static int wait_select(void)
{
	struct timeval tv = { .tv_usec = WAIT_MS * 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	return select(pipe_fds[0] + 1, &set, NULL, NULL, &tv);
}

static int wait_pselect(void)
{
	struct timespec ts = in_ms(-1, WAIT_MS);
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	return pselect(pipe_fds[0] + 1, &set, NULL, NULL, &ts, NULL);
}

static int wait_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(0);
	int result;

	epoll_ctl(fd, EPOLL_CTL_ADD, pipe_fds[0], &event);
	result = epoll_wait(fd, &event, 1, WAIT_MS);
	close(fd);
	return result;
}

static int wait_epoll_pwait(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(0);
	sigset_t set;
	int result;

	sigfillset(&set);
	epoll_ctl(fd, EPOLL_CTL_ADD, pipe_fds[0], &event);
	result = epoll_pwait(fd, &event, 1, WAIT_MS, &set);
	close(fd);
	return result;
}

static int expect_timeout(int result, int error)
{
	return result == -1 && errno == error ? 0 : -1;
}

static int wait_sem(void)
{
	struct timespec ts = in_ms(CLOCK_REALTIME, WAIT_MS);
	sem_t sem;

	sem_init(&sem, 0, 0);
	return expect_timeout(sem_timedwait(&sem, &ts), ETIMEDOUT);
}

static int wait_cond(void)
{
	struct timespec ts = in_ms(CLOCK_REALTIME, WAIT_MS);
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	int result;

	pthread_mutex_lock(&mutex);
	result = pthread_cond_timedwait(&cond, &mutex, &ts);
	pthread_mutex_unlock(&mutex);
	return result == ETIMEDOUT ? 0 : -1;
}

static int wait_futex(void)
{
	struct timespec ts = in_ms(-1, WAIT_MS);
	int word = 0;

	return expect_timeout((int)syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts,
					   NULL, 0),
			      ETIMEDOUT);
}

static int wait_sigtimedwait(void)
{
	struct timespec ts = in_ms(-1, WAIT_MS);
	sigset_t set, old;
	int result;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	result = expect_timeout(sigtimedwait(&set, NULL, &ts), EAGAIN);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return result;
}

static int wait_semop(void)
{
	struct timespec ts = in_ms(-1, WAIT_MS);
	struct sembuf op = { .sem_op = -1 };
	int id = semget(IPC_PRIVATE, 1, 0600);
	int result = expect_timeout(semtimedop(id, &op, 1, &ts), EAGAIN);

	semctl(id, 0, IPC_RMID);
	return result;
}

static int wait_recv(void)
{
	struct timeval tv = { .tv_usec = WAIT_MS * 1000 };
	int pair[2], result;
	char c;

	/* Its limit is the socket's and begins anew each time: late under
	 * epochs, but not EINTR unless it was the alarm. */
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	alarm_in(900, 0);
	result = (int)recv(pair[0], &c, 1, 0);
	alarm(0);
	close(pair[0]);
	close(pair[1]);
	return result == -1 && (errno == EAGAIN || alarms) ? 0 : -1;
}

static int wait_child(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct timespec ts = in_ms(-1, WAIT_MS);

		_exit(nanosleep(&ts, NULL) ? 1 : 5);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 5 ? 0 : -1;
}

static void *write_later(void *arg)
{
	struct timespec ts = in_ms(-1, WAIT_MS);

	(void)arg;
	nanosleep(&ts, NULL);
	return write(pipe_fds[1], "x", 1) == 1 ? NULL : arg;
}

static int wait_read(void)
{
	pthread_t thread;
	char c;
	int result;

	pthread_create(&thread, NULL, write_later, NULL);
	result = read(pipe_fds[0], &c, 1) == 1 ? 0 : -1;
	pthread_join(thread, NULL);
	return result;
}

static int wait_join(void)
{
	pthread_t thread;
	char c;

	pthread_create(&thread, NULL, write_later, NULL);
	pthread_join(thread, NULL);
	return read(pipe_fds[0], &c, 1) == 1 ? 0 : -1;
}

static int expect_alarm(int result)
{
	return result == -1 && errno == EINTR && alarms == 1 ? 0 : -1;
}

/* The program's own signal interrupts, always. */
static int wait_pause(void)
{
	alarm_in(WAIT_MS, SA_RESTART);
	return expect_alarm(pause());
}

static int wait_sigsuspend(void)
{
	sigset_t none;

	sigemptyset(&none);
	alarm_in(WAIT_MS, 0);
	return expect_alarm(sigsuspend(&none));
}

static int wait_interrupted_sleep(void)
{
	struct timespec ts = { .tv_sec = 10 }, rest;

	alarm_in(WAIT_MS, SA_RESTART);
	if (expect_alarm(nanosleep(&ts, &rest)))
		return -1;
	return rest.tv_sec == 9 ? 0 : -1;
}

static int wait_interrupted_read(void)
{
	char c;

	alarm_in(WAIT_MS, 0);
	return expect_alarm((int)read(pipe_fds[0], &c, 1));
}

static int wait_interrupted_poll(void)
{
	alarm_in(WAIT_MS, SA_RESTART);
	return expect_alarm(poll(NULL, 0, 10000));
}

/* clang-format off */
static const struct {
	const char *name;
	int (*run)(void);
	bool any_time;
} waits[] = {
	{ "nanosleep", wait_nanosleep, false },
	{ "nanosleep with rest", wait_nanosleep_rest, false },
	{ "clock_nanosleep", wait_clock_nanosleep, false },
	{ "clock_nanosleep until", wait_clock_nanosleep_until, false },
	{ "usleep", wait_usleep, false },
	{ "poll", wait_poll, false },
	{ "ppoll", wait_ppoll, false },
	{ "select", wait_select, false },
	{ "pselect", wait_pselect, false },
	{ "epoll_wait", wait_epoll, false },
	{ "epoll_pwait", wait_epoll_pwait, false },
	{ "sem_timedwait", wait_sem, false },
	{ "pthread_cond_timedwait", wait_cond, false },
	{ "futex", wait_futex, false },
	{ "sigtimedwait", wait_sigtimedwait, false },
	{ "semtimedop", wait_semop, false },
	{ "recv with SO_RCVTIMEO", wait_recv, true },
	{ "waitpid", wait_child, false },
	{ "read of a pipe", wait_read, false },
	{ "pthread_join", wait_join, false },
	{ "pause and SIGALRM", wait_pause, false },
	{ "sigsuspend and SIGALRM", wait_sigsuspend, false },
	{ "nanosleep and SIGALRM", wait_interrupted_sleep, false },
	{ "read and SIGALRM", wait_interrupted_read, false },
	{ "poll and SIGALRM", wait_interrupted_poll, false },
};
/* clang-format on */

int main(int argc, char **argv)
{
	if (pipe(pipe_fds))
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		double begin, took;
		int result;
		bool ok;

		if (argc > 1 && !strstr(waits[i].name, argv[1]))
			continue;
		begin = now_ms();
		errno = 0;
		result = waits[i].run();
		took = now_ms() - begin;
		ok = result == 0 &&
		     (waits[i].any_time ||
		      (took > WAIT_MS - 2 && took < WAIT_MS + LATE_MS));
		printf("%s %s: result %d, %s, %.0f ms\n", ok ? "ok" : "not ok",
		       waits[i].name, result, errno ? strerror(errno) : "-",
		       took);
		failures += !ok;
	}
	return failures != 0;
}
