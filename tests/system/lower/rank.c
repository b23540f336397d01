/* SPDX-License-Identifier: BSD-3-Clause */
/* rank.c - an MPI program that reaches the library through liblower only */
#include <mpi.h>

#include <asm/prctl.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/ctx.h"
#include "runtime/base/procmaps.h"
#include "runtime/base/sys.h"
#include "runtime/base/where.h"
#include "runtime/lower/lower.h"

/*
 * Run under mpiexec with two ranks: rank TEST ...  Each test prints "ok NAME"
 * on rank 0 or says what is wrong and fails.  The program is not linked to MPI;
 * what it calls is real[] in the lower half.
 */
#define FD_MIN	400
#define THREADS 4
#define ROUNDS	2000

#define NAMES(X)                                                            \
	X(Init_thread)                                                      \
	X(Finalize) X(Comm_rank) X(Comm_size) X(Send) X(Recv) X(Isend)      \
		X(Irecv) X(Issend) X(Allreduce) X(Op_create) X(Op_free)     \
			X(Reduce) X(Sendrecv) X(Wtime) X(Abort) X(Comm_dup) \
				X(Get_count) X(Barrier) X(Comm_set_errhandler)
#define ENUM_(name)   N_##name,
#define STRING_(name) "PMPI_" #name,
enum { NAMES(ENUM_) N_COUNT };
static const char *const names[] = { NAMES(STRING_) NULL };
static void *real[N_COUNT];
#define MPI(name, ...) ((int)CROSS(real[N_##name], ##__VA_ARGS__))

static struct thread_ctx contexts[THREADS + 1];
static int rank, size;

/* --- contexts ------------------------------------------------------------- */

static void adopt(struct thread_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->self = ctx;
	sys_call(SYS_arch_prctl, ARCH_GET_FS, &ctx->upper_fs);
	ctx->tid = ctx->app_tid = (int)sys_call(SYS_gettid);
	sys_call(SYS_arch_prctl, ARCH_SET_GS, ctx);
}

static void fail(const char *what)
{
	fprintf(stderr, "rank %d: failed: %s\n", rank, what);
	exit(1);
}

#define CHECK(cond)                  \
	do {                         \
		if (!(cond))         \
			fail(#cond); \
	} while (0)

static void passed(const char *what)
{
	CHECK(!MPI(Barrier, MPI_COMM_WORLD));
	if (!rank)
		printf("ok %s\n", what);
}

static void start(int yield)
{
	extern char **environ;
	struct lower_options options = {
		.mpi_lib = getenv("TEST_MPI_LIB"),
		.envp = environ,
		.symbols = names,
		.table = real,
		.fd_min = FD_MIN,
		.yield = yield,
	};
	char guest[4096];
	struct err err;

	if (where_find("cairn-lower", guest, sizeof(guest), &err))
		fail(err.text);
	options.guest = guest;
	if (lower_start(&options, &err)) {
		fprintf(stderr, "start: %s\n", err.text);
		exit(3);
	}
	for (int i = 0; i < N_COUNT; i++)
		CHECK(real[i]);
}

static void init(int level)
{
	int provided;

	CHECK(!MPI(Init_thread, NULL, NULL, level, &provided));
	CHECK(provided == level);
	CHECK(!MPI(Comm_rank, MPI_COMM_WORLD, &rank));
	CHECK(!MPI(Comm_size, MPI_COMM_WORLD, &size));
	CHECK(size == 2);
}

static void finalize(void)
{
	CHECK(!MPI(Finalize));
}

/* --- the lower half stays inside ------------------------------------------ */

static struct {
	uint64_t handler, flags, restorer, mask;
} actions[2][65];

static void read_actions(int when)
{
	for (long sig = 1; sig <= 64; sig++)
		sys_call(SYS_rt_sigaction, sig, 0, &actions[when][sig], 8);
}

/* Files that only the lower half maps lie in the arena, and all that lies
 * there is kept out of forked children. */
static void check_maps(void)
{
	static struct procmaps maps;
	static struct procmap map;
	int libraries = 0;

	CHECK(!procmaps_open(&maps, "/proc/self/smaps"));
	while (procmaps_next(&maps, &map) > 0) {
		int guests = strstr(map.name, "libmpi") ||
			     strstr(map.name, "libuc") ||
			     strstr(map.name, "libfabric") ||
			     strstr(map.name, "cairn-lower") ||
			     strstr(map.name, "SYSV") ||
			     strstr(map.name, "/dev/shm");

		if (guests != lower_owns(map.start) && guests) {
			fprintf(stderr, "%s outside\n", map.name);
			fail("a mapping of the lower half lies outside");
		}
		libraries += guests;
		if (lower_owns(map.start) && !(map.flags & PROCMAP_DONTFORK))
			fail("a mapping of the lower half would be forked");
	}
	procmaps_close(&maps);
	CHECK(libraries > 4);
}

static void check_descriptors(const char *known)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int fd;

	CHECK(dir);
	while ((e = readdir(dir))) {
		fd = atoi(e->d_name);
		if (e->d_name[0] == '.' || fd == dirfd(dir) || fd >= FD_MIN)
			continue;
		if (!known[fd]) {
			fprintf(stderr, "descriptor %d\n", fd);
			fail("the lower half took a number of the program");
		}
	}
	closedir(dir);
}

static void note_descriptors(char *known)
{
	for (int fd = 0; fd < FD_MIN; fd++)
		known[fd] = sys_call(SYS_fcntl, fd, 1 /* F_GETFD */) >= 0;
}

static void test_inside(void)
{
	static char known[FD_MIN];
	pid_t pid;
	int status;

	note_descriptors(known);
	read_actions(0);
	start(0);
	init(MPI_THREAD_SINGLE);
	CHECK(!MPI(Barrier, MPI_COMM_WORLD));
	read_actions(1);
	CHECK(!memcmp(actions[0], actions[1], sizeof(actions[0])));
	check_maps();
	check_descriptors(known);
	/* a child of the program has no lower half, and lives */
	pid = fork();
	if (!pid)
		_exit(7);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	passed("inside");
	finalize();
}

/* --- calls ---------------------------------------------------------------- */

static int receive(void *buf, int source, int tag, MPI_Status *status)
{
	long args[] = { (long)buf,	1,	     MPI_INT, source, tag,
			MPI_COMM_WORLD, (long)status };

	return (int)cross_call_stack(real[N_Recv], args, 7);
}

static void ping_pong(int tag)
{
	int value = tag, peer = 1 - rank;
	MPI_Status status;

	if (!rank)
		CHECK(!MPI(Send, &value, 1, MPI_INT, peer, tag,
			   MPI_COMM_WORLD));
	value = -1;
	CHECK(!receive(&value, peer, tag, &status));
	CHECK(value == tag + (rank ? 0 : 1000000));
	CHECK(status.MPI_SOURCE == peer && status.MPI_TAG == tag);
	value += 1000000;
	if (rank)
		CHECK(!MPI(Send, &value, 1, MPI_INT, peer, tag,
			   MPI_COMM_WORLD));
}

static void test_calls(void)
{
	double sum = 0, mine, t0;

	start(0);
	init(MPI_THREAD_SINGLE);
	for (int i = 0; i < ROUNDS; i++)
		ping_pong(i);
	mine = rank + 0.5;
	CHECK(!MPI(Allreduce, &mine, &sum, 1, MPI_DOUBLE, MPI_SUM,
		   MPI_COMM_WORLD));
	CHECK(sum == 2.0);
	t0 = cross_call_double(real[N_Wtime]);
	CHECK(t0 > 0 && cross_call_double(real[N_Wtime]) >= t0);
	passed("calls");
	finalize();
}

int main(int argc, char **argv)
{
	adopt(&contexts[THREADS]);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "inside"))
			test_inside();
		else if (!strcmp(argv[i], "calls"))
			test_calls();
	}
	return 0;
}
