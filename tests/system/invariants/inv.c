/* SPDX-License-Identifier: BSD-3-Clause */
/* inv.c - an MPI program that watches what a checkpoint must not change */
#define _GNU_SOURCE
#include <mpi.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * inv run FILE        messages, collectives, clocks, handlers, until FILE is
 * inv open FOLDER     one kind of object after the other, as FOLDER asks
 * inv final FILE      ranks past MPI_Finalize, until FILE is
 * inv left FILE       rank 1 ends at once, with code 6; the others go on
 *                     until FILE is
 * inv gone FILE       the same, but rank 1 tells nobody of its end
 * inv many FILE       2000 files are open, until FILE is
 * inv abort|fatal     text in a buffer, and then the end
 *
 * All waits ask for a file every millisecond: a program that is stopped at any
 * moment must need nobody to wake it.
 */
#define RING   64 /* messages under way to each neighbour */
#define ROUNDS 16 /* between two looks at the file */

static int me, size;

static void wrong(const char *what)
{
	fprintf(stderr, "inv: rank %d: %s\n", me, what);
	_exit(9); /* no MPI_Abort: nothing of ours may hide it */
}

/* A call that may not be seen to be interrupted but by our own alarms. */
static void rest(void)
{
	struct timespec ms = { 0, 1000000 };
	sigset_t alarm, old;
	int ret;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &old);
	ret = nanosleep(&ms, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (ret)
		wrong("nanosleep was interrupted");
}

static void wait_for(const char *file)
{
	while (access(file, F_OK))
		rest();
}

/* --- clocks and signals --- */

static double clock_now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static volatile sig_atomic_t alarms;

static void alarm_came(int sig)
{
	if (sig != SIGALRM)
		wrong("a handler was called for another signal");
	alarms++;
}

static void alarm_start(void)
{
	struct sigaction act = { .sa_handler = alarm_came,
				 .sa_flags = SA_RESTART };
	struct itimerval ms = { { 0, 20000 }, { 0, 20000 } };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &ms, NULL);
}

static void alarm_end(void)
{
	struct itimerval none = { { 0, 0 }, { 0, 0 } };
	struct sigaction act;

	/* captured before the first, restarted when all was to end: it is
	 * still to come, and wakes this up */
	if (!alarms)
		poll(NULL, 0, 10000);
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, NULL, &act);
	if (act.sa_handler != alarm_came || !(act.sa_flags & SA_RESTART))
		wrong("the handler has changed");
	if (!alarms)
		wrong("no alarm ever came");
}

static void clocks_check(void)
{
	static const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME,
					 CLOCK_PROCESS_CPUTIME_ID };
	static double last[4];
	double now;

	for (int i = 0; i < 4; i++) {
		now = i < 3 ? clock_now(ids[i]) : MPI_Wtime();
		if (now < last[i])
			wrong(i < 3 ? "a clock ran back" :
				      "MPI_Wtime ran back");
		last[i] = now;
	}
}

/* --- messages and collectives --- */

struct neighbour {
	uint64_t sent, received; /* each message carries its number */
};

/* Half of the messages stay unreceived over the round's end: at any moment
 * there are some on the wire. */
static void messages(struct neighbour *to, struct neighbour *from)
{
	int next = (me + 1) % size, last = (me + size - 1) % size;
	uint64_t out[RING], in;
	MPI_Request requests[RING];
	MPI_Status status;
	int n = RING / 2;

	for (int i = 0; i < n; i++) {
		out[i] = ++to->sent;
		MPI_Isend(&out[i], 1, MPI_UINT64_T, next, 7, MPI_COMM_WORLD,
			  &requests[i]);
	}
	for (int i = 0; i < n && from->received + (uint64_t)n < to->sent; i++) {
		MPI_Recv(&in, 1, MPI_UINT64_T, i % 2 ? last : MPI_ANY_SOURCE, 7,
			 MPI_COMM_WORLD, &status);
		if (in != ++from->received)
			wrong("a message was lost, doubled or overtaken");
	}
	MPI_Waitall(n, requests, MPI_STATUSES_IGNORE);
}

static void take_rest(struct neighbour *to, struct neighbour *from)
{
	int last = (me + size - 1) % size, flag;
	uint64_t in;

	while (from->received < to->sent) {
		MPI_Recv(&in, 1, MPI_UINT64_T, last, 7, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
		if (in != ++from->received)
			wrong("a message was lost, doubled or overtaken");
	}
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &flag,
		   MPI_STATUS_IGNORE);
	if (flag)
		wrong("a message came twice");
}

/* Everybody's number of collectives is part of each result: one that was cut,
 * left out or done twice shows. */
static void collective(MPI_Comm comm, uint64_t count)
{
	uint64_t mine = count * (uint64_t)(me + 1), sum;

	MPI_Allreduce(&mine, &sum, 1, MPI_UINT64_T, MPI_SUM, comm);
	if (sum != count * (uint64_t)(size * (size + 1) / 2))
		wrong("a collective was cut");
}

static void run(const char *file)
{
	struct neighbour to = { 0 }, from = { 0 };
	uint64_t count = 0;
	MPI_Comm other;
	int end = 0;

	MPI_Comm_dup(MPI_COMM_WORLD, &other);
	alarm_start();
	if (!me) {
		puts("begun");
		fflush(stdout);
	}
	while (!end) {
		for (int i = 0; i < ROUNDS; i++) {
			messages(&to, &from);
			count++;
			collective(count % 3 ? MPI_COMM_WORLD : other, count);
			clocks_check();
		}
		rest();
		end = !me && !access(file, F_OK);
		MPI_Bcast(&end, 1, MPI_INT, 0, other);
	}
	alarm_end();
	take_rest(&to, &from);
	MPI_Comm_free(&other);
	if (!me)
		puts("right");
}

/* --- objects that cannot be restored yet --- */

static MPI_File file;
static MPI_Comm outside;
static int sockets[2], child;

/* To somebody outside; tests/lib/joins.c. */
static void open_joined(void)
{
	MPI_Comm_join(0, &outside);
}

static void close_joined(void)
{
	MPI_Comm_disconnect(&outside);
}

/* The same, and rank 1 is inside a collective which rank 0 is late for: nobody
 * comes to hold. */
static void open_fence(void)
{
	MPI_Request request;
	int sum, same;

	open_joined();
	if (!me) {
		MPI_Recv(NULL, 0, MPI_INT, 1, 4, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
		puts("fence.inside");
		fflush(stdout);
		wait_for("steps/fence.go");
	}
	MPI_Iallreduce(&me, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD,
		       &request);
	if (me == 1)
		MPI_Send(NULL, 0, MPI_INT, 0, 4, MPI_COMM_WORLD);
	MPI_Allreduce(&me, &same, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	MPI_Wait(&request, MPI_STATUS_IGNORE);
	if (sum != 1 || same != 1)
		wrong("the sum of two ranks is not 1");
}

/* Restorable, as long as it is there. */
static void open_file(void)
{
	MPI_File_open(MPI_COMM_WORLD, "data", MPI_MODE_CREATE | MPI_MODE_RDWR,
		      MPI_INFO_NULL, &file);
	MPI_Barrier(MPI_COMM_WORLD);
	if (!me)
		MPI_File_delete("data", MPI_INFO_NULL);
}

static void close_file(void)
{
	MPI_File_close(&file);
}

static void open_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sockets[0] = fd;
}

static void close_socket(void)
{
	close(sockets[0]);
}

static void open_child(void)
{
	child = me ? 0 : fork();
	if (!me && !child) {
		execlp("sleep", "sleep", "60", (char *)NULL);
		_exit(1);
	}
}

static void close_child(void)
{
	if (me)
		return;
	kill(child, SIGKILL);
	if (waitpid(child, NULL, 0) != child)
		wrong("waitpid did not find the child");
}

static const struct {
	const char *name;
	void (*open)(void), (*close)(void);
} objects[] = {
	{ "fence", open_fence, close_joined },
	{ "file", open_file, close_file },
	{ "joined", open_joined, close_joined },
	{ "socket", open_socket, close_socket },
	{ "child", open_child, close_child },
};

/* One step for each file that appears: NAME.open, NAME.close. */
static void step(const char *folder, const char *name, const char *what,
		 void (*act)(void))
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s.%s", folder, name, what);
	if (!me)
		wait_for(path);
	MPI_Barrier(MPI_COMM_WORLD);
	act();
	MPI_Barrier(MPI_COMM_WORLD);
	if (!me) {
		printf("%s.%s\n", name, what);
		fflush(stdout);
	}
}

static void open_all(const char *folder)
{
	char path[600];

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		step(folder, objects[i].name, "open", objects[i].open);
		step(folder, objects[i].name, "close", objects[i].close);
	}
	if (!me) {
		snprintf(path, sizeof(path), "%s/end", folder);
		wait_for(path);
		puts("right");
	}
}

/* --- the end --- */

static void say(const char *text)
{
	if (!me) {
		puts(text);
		fflush(stdout);
	}
}

/* More than half of the numbers are where Cairn has its own. */
static void many(const char *path, const char *file)
{
	static int fds[2000];
	struct rlimit limit = { 3000, 3000 };
	char byte = 0;
	int ends[2];

	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < 2000; i++) {
		fds[i] = open(path, O_RDONLY);
		if (fds[i] < 0 || lseek(fds[i], i, SEEK_SET) != i)
			wrong("so many files cannot be opened");
	}
	/* what a library of the lower half has open, too */
	if (pipe(ends) || write(ends[1], "x", 1) != 1)
		wrong("a pipe above Cairn's mark cannot be made");
	say("begun");
	wait_for(file);
	if (read(ends[0], &byte, 1) != 1 || byte != 'x' || close(ends[0]) ||
	    close(ends[1]))
		wrong("a pipe above Cairn's mark is not what it was");
	for (int i = 0; i < 2000; i++) {
		if (lseek(fds[i], 0, SEEK_CUR) != i)
			wrong("one of very many files is not what it was");
		if (close(fds[i]))
			wrong("one of very many files cannot be closed");
	}
	if (open(path, O_RDONLY) != fds[0])
		wrong("a number was not given back");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	const char *where = argc > 2 ? argv[2] : "";

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &me);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (!strcmp(mode, "run")) {
		run(where);
	} else if (!strcmp(mode, "open")) {
		open_all(where);
	} else if (!strcmp(mode, "many")) {
		many(argv[0], where);
	} else if (!strcmp(mode, "abort") && !me) {
		printf("in the buffer");
		MPI_Abort(MPI_COMM_WORLD, 3);
	} else if (!strcmp(mode, "fatal") && !me) {
		printf("in the buffer");
		MPI_Send(NULL, 1, MPI_INT, 99, 0, MPI_COMM_WORLD);
	}
	MPI_Finalize();
	if (!strcmp(mode, "final") || !strcmp(mode, "left") ||
	    !strcmp(mode, "gone")) {
		say("begun");
		if (me == 1 && mode[0] == 'l')
			_exit(6);
		if (me == 1 && mode[0] == 'g')
			syscall(SYS_exit_group, 0);
		wait_for(where);
		say("right");
	}
	if (!strcmp(mode, "many"))
		say("right");
	return 0;
}
