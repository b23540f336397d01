/* SPDX-License-Identifier: BSD-3-Clause */
/* handlers.c - signals, masks, cancellation, setuid: as without Cairn */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Run it alone or under epochs; one line a check, 1 if one failed. */
#define ROUNDS 200

static void *volatile stack_seen;
static volatile sig_atomic_t count, code;
static volatile int value;
static __thread int tls_word;
static sigjmp_buf back;

static void note(int sig, siginfo_t *info, void *context)
{
	int here;

	(void)sig;
	(void)context;
	/* cppcheck-suppress danglingLifetime ; only its place is looked at */
	stack_seen = &here;
	code = info ? info->si_code : 0;
	value = info && info->si_code == SI_QUEUE ? info->si_value.sival_int :
						    -1;
	count = count + 1;
	tls_word++;
}

static bool install(int sig, int flags)
{
	struct sigaction act = { .sa_sigaction = note, .sa_flags = flags };

	count = 0;
	return !sigaction(sig, &act, NULL);
}

static bool on_alternate_stack(void)
{
	static char area[65536];
	stack_t stack = { .ss_sp = area, .ss_size = sizeof(area) };

	sigaltstack(&stack, NULL);
	install(SIGUSR1, SA_SIGINFO | SA_ONSTACK);
	for (int i = 0; i < ROUNDS; i++) {
		raise(SIGUSR1);
		if ((char *)stack_seen < area ||
		    (char *)stack_seen >= area + sizeof(area))
			return false;
	}
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	return count == ROUNDS;
}

static bool once_only(void)
{
	struct sigaction now;

	install(SIGUSR1, (int)(SA_SIGINFO | SA_RESETHAND));
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &now);
	return count == 1 && now.sa_handler == SIG_DFL;
}

static bool reports_itself(void)
{
	struct sigaction now, act = { .sa_sigaction = note,
				      .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigfillset(&act.sa_mask);
	sigaction(SIGUSR2, &act, NULL);
	sigaction(SIGUSR2, NULL, &now);
	return now.sa_sigaction == note &&
	       (now.sa_flags & 0xffffff) == (act.sa_flags & 0xffffff) &&
	       sigismember(&now.sa_mask, 58) == 1 &&
	       signal(SIGUSR2, SIG_IGN) == (sighandler_t)(void *)note &&
	       signal(SIGUSR2, SIG_DFL) == SIG_IGN;
}

static bool queued_value(void)
{
	union sigval v = { .sival_int = 4711 };

	install(SIGRTMIN + 3, SA_SIGINFO);
	sigqueue(getpid(), SIGRTMIN + 3, v);
	return count == 1 && value == 4711 && code == SI_QUEUE;
}

static void jump(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static bool leaves_by_jump(void)
{
	struct sigaction act = { .sa_handler = jump };
	volatile int jumps = 0;

	sigaction(SIGUSR1, &act, NULL);
	while (jumps < ROUNDS) {
		if (sigsetjmp(back, 1))
			jumps++;
		else
			raise(SIGUSR1);
	}
	return true;
}

static volatile int *volatile nowhere;

static bool segv_is_caught(void)
{
	struct sigaction act = { .sa_handler = jump };

	sigaction(SIGSEGV, &act, NULL);
	if (!sigsetjmp(back, 1)) {
		*nowhere = 1;
		return false;
	}
	signal(SIGSEGV, SIG_DFL);
	return true;
}

static bool masks_are_kept(void)
{
	sigset_t all, old, now, want;

	for (int i = 0; i < ROUNDS; i++) {
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, &old);
		sigprocmask(SIG_BLOCK, NULL, &now);
		for (int sig = 34; sig <= 64; sig++) {
			if (sigismember(&now, sig) != 1)
				return false;
		}
		sigemptyset(&want);
		sigaddset(&want, SIGUSR1);
		pthread_sigmask(SIG_SETMASK, &want, NULL);
		pthread_sigmask(SIG_SETMASK, &old, &now);
		if (sigismember(&now, SIGUSR1) != 1 ||
		    sigismember(&now, SIGUSR2) || sigismember(&now, 58))
			return false;
	}
	return true;
}

static bool blocked_signal_waits(void)
{
	sigset_t set, old;
	bool early;
	int sig = 0;

	install(SIGUSR1, SA_SIGINFO);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	usleep(100000);
	early = count != 0;
	sigwait(&set, &sig);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return !early && count == 0 && sig == SIGUSR1;
}

static bool signalfd_reads(void)
{
	struct signalfd_siginfo info;
	sigset_t set, old;
	int fd;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	raise(SIGTERM);
	usleep(50000);
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	close(fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return info.ssi_signo == SIGTERM;
}

static bool timer_storm(void)
{
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };
	struct timespec ts = { .tv_nsec = 500000000 };
	int eintr = 0;

	install(SIGALRM, SA_SIGINFO | SA_RESTART);
	setitimer(ITIMER_REAL, &it, NULL);
	while (nanosleep(&ts, &ts)) {
		if (errno != EINTR)
			return false;
		eintr++;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	return count > 50 && eintr > 50;
}

static volatile unsigned long spins;
static _Atomic int cleaned;

static void cleanup(void *arg)
{
	(void)arg;
	cleaned++;
}

static void *spin(void *arg)
{
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	pthread_cleanup_push(cleanup, NULL);
	sem_post(arg);
	for (;;)
		spins++;
	pthread_cleanup_pop(0);
	return NULL;
}

static void *block(void *arg)
{
	pthread_cleanup_push(cleanup, NULL);
	sem_post(arg);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static bool cancelled(void *(*fn)(void *))
{
	cleaned = 0;
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		sem_t ready;
		void *result;

		sem_init(&ready, 0, 0);
		pthread_create(&thread, NULL, fn, &ready);
		while (sem_wait(&ready))
			;
		usleep(2000);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		if (result != PTHREAD_CANCELED)
			return false;
	}
	return cleaned == 20;
}

static bool cancels_busy_threads(void)
{
	return cancelled(spin);
}

static bool cancels_waiting_threads(void)
{
	return cancelled(block);
}

static volatile bool stop;

static void *work(void *arg)
{
	unsigned long n = 0;

	while (!stop) {
		n += tls_word + 1;
		if (n % 100000 == 0)
			sched_yield();
	}
	return arg;
}

static bool setuid_reaches_all_threads(void)
{
	pthread_t threads[4];

	stop = false;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < 50; i++) {
		if (setresuid(getuid(), getuid(), -1) ||
		    setresgid(getgid(), getgid(), -1))
			return false;
	}
	stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return true;
}

static bool threads_come_and_go(void)
{
	for (int i = 0; i < 300; i++) {
		pthread_t threads[3];

		stop = true;
		for (int k = 0; k < 3; k++)
			pthread_create(&threads[k], NULL, work, threads);
		for (int k = 0; k < 3; k++) {
			void *result;

			pthread_join(threads[k], &result);
			if (result != threads)
				return false;
		}
	}
	return true;
}

static bool children_are_themselves(void)
{
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			install(SIGUSR1, SA_SIGINFO);
			raise(SIGUSR1);
			_exit(count == 1 ? 3 : 4);
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != 3)
			return false;
	}
	return system("exit 9") >> 8 == 9;
}

/* clang-format off */
static const struct {
	const char *name;
	bool (*run)(void);
} checks[] = {
	{ "a handler with SA_ONSTACK runs on the alternate stack", on_alternate_stack },
	{ "SA_RESETHAND resets", once_only },
	{ "sigaction reports what was installed", reports_itself },
	{ "a queued signal carries its value", queued_value },
	{ "a handler may leave by siglongjmp", leaves_by_jump },
	{ "a segmentation fault is caught", segv_is_caught },
	{ "masks are what the program made them", masks_are_kept },
	{ "a blocked signal waits for sigwait", blocked_signal_waits },
	{ "signalfd reads a blocked signal", signalfd_reads },
	{ "a storm of SIGALRM interrupts nanosleep", timer_storm },
	{ "a busy thread is cancelled asynchronously", cancels_busy_threads },
	{ "a waiting thread is cancelled", cancels_waiting_threads },
	{ "setresuid reaches all threads", setuid_reaches_all_threads },
	{ "threads come and go", threads_come_and_go },
	{ "children are ordinary processes", children_are_themselves },
};
/* clang-format on */

int main(int argc, char **argv)
{
	int failures = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		bool ok;

		if (argc > 1 && !strstr(checks[i].name, argv[1]))
			continue;
		ok = checks[i].run();
		printf("%s %s\n", ok ? "ok" : "not ok", checks[i].name);
		failures += !ok;
	}
	return failures != 0;
}
