/* SPDX-License-Identifier: BSD-3-Clause */
/* rank.c - an MPI program that reaches the library through liblower only */
#include <mpi.h>

#include <asm/prctl.h>
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
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
#define HWCAP2_FSGSBASE 2
#define FD_MIN		400
#define THREADS		4
#define ROUNDS		2000

/* clang-format off */
#define NAMES(X) \
	X(Initialized) X(Init_thread) X(Finalize) X(Comm_rank) X(Comm_size) \
	X(Send) X(Recv) X(Isend) X(Irecv) X(Barrier) X(Allreduce) \
	X(Op_create) X(Op_free) X(Wtime) X(Abort)
#define LIBC(X) X(dlopen) X(dlsym) X(read) X(qsort)
/* clang-format on */
#define ENUM_(name)   N_##name,
#define STRING_(name) "PMPI_" #name,
#define PLAIN_(name)  #name,
enum { NAMES(ENUM_) LIBC(ENUM_) N_COUNT };
static const char *const names[] = { NAMES(STRING_) LIBC(PLAIN_) NULL };
static void *real[N_COUNT];
#define MPI(name, ...) ((int)CROSS(real[N_##name], ##__VA_ARGS__))

static struct thread_ctx contexts[THREADS + 1];
static int rank, size;

/* --- contexts ------------------------------------------------------------- */

static void adopt(struct thread_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->gs.self = ctx;
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
static struct lower_range forgotten[8];
static size_t nforgotten;

static int is_forgotten(uintptr_t start)
{
	for (size_t i = 0; i < nforgotten; i++)
		if (start >= forgotten[i].start && start < forgotten[i].end)
			return 1;
	return 0;
}

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

		if (is_forgotten(map.start))
			continue;
		if (guests && !lower_owns(map.start)) {
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
		if (e->d_name[0] == '.' || fd == dirfd(dir) ||
		    fd >= lower_fd_min())
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

/* --- threads -------------------------------------------------------------- */

static void *exchange(void *arg)
{
	struct thread_ctx *ctx = arg;
	int id = (int)(ctx - contexts);

	adopt(ctx);
	for (int i = 0; i < ROUNDS / 2; i++)
		ping_pong(id * ROUNDS + i);
	lower_donor_return(ctx);
	CHECK(!ctx->lower_fs);
	return NULL;
}

/* Threads of the library block every signal; the program's do not. */
static void check_masks(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], line[200];
	struct dirent *e;
	unsigned long mask;
	int lower = 0;
	FILE *f;

	CHECK(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 e->d_name);
		f = fopen(path, "r");
		CHECK(f);
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "SigBlk: %lx", &mask) == 1)
				CHECK((mask | 1UL << 8 | 1UL << 18) == ~0UL);
		fclose(f);
		lower++;
	}
	closedir(dir);
	CHECK(lower >= 2); /* the service and a donor at the least */
}

static void test_threads(void)
{
	pthread_t threads[THREADS];

	start(0);
	init(MPI_THREAD_MULTIPLE);
	check_masks();
	/* twice: the second lot borrows the donors of the first */
	for (int lot = 0; lot < 2; lot++) {
		for (int i = 0; i < THREADS; i++)
			CHECK(!pthread_create(&threads[i], NULL, exchange,
					      &contexts[i]));
		for (int i = 0; i < THREADS; i++)
			CHECK(!pthread_join(threads[i], NULL));
	}
	check_masks();
	passed("threads");
	finalize();
}

/* --- yielding ------------------------------------------------------------- */

/* Prints how long this many ranks take for some reductions; see 0100-lower.t.
 */
static void reductions(int yield)
{
	struct timespec a, b;
	int mine = 1, all;

	start(yield);
	CHECK(!MPI(Init_thread, NULL, NULL, MPI_THREAD_SINGLE, &all));
	CHECK(!MPI(Comm_rank, MPI_COMM_WORLD, &rank));
	CHECK(!MPI(Barrier, MPI_COMM_WORLD));
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 200; i++)
		CHECK(!MPI(Allreduce, &mine, &all, 1, MPI_INT, MPI_SUM,
			   MPI_COMM_WORLD));
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (!rank)
		printf("ok %ld us\n", (b.tv_sec - a.tv_sec) * 1000000 +
					      (b.tv_nsec - a.tv_nsec) / 1000);
	finalize();
}

static void test_yield(void)
{
	reductions(1);
}

static void test_no_yield(void)
{
	reductions(0);
}

/* --- callbacks ------------------------------------------------------------ */

static __thread int upper_tls = 1234;
static int op_calls, op_closure;

/* Runs on the program's TLS, may call down again. */
static void largest(void *in, void *inout, int *len, MPI_Datatype *type)
{
	int me;

	op_closure = *(int *)lower_closure();
	CHECK(upper_tls == 1234);
	CHECK(!MPI(Comm_rank, MPI_COMM_WORLD, &me) && me == rank);
	CHECK(*type == MPI_INT);
	op_calls++;
	for (int i = 0; i < *len; i++)
		if (((int *)in)[i] > ((int *)inout)[i])
			((int *)inout)[i] = ((int *)in)[i];
}

static int compare(const int *a, const int *b)
{
	CHECK(upper_tls == 1234);
	return *a - *b;
}

/* Up and down again many times within one call. */
static void call_often(void)
{
	int values[] = { 5, 3, 9, 1, 7, 2 };
	void *thunk = lower_callback((void *)compare, NULL);

	CROSS(real[N_qsort], values, 6, sizeof(*values), thunk);
	for (int i = 1; i < 6; i++)
		CHECK(values[i - 1] < values[i]);
	lower_callback_free(thunk);
}

static void test_callbacks(void)
{
	static int closure = 42;
	int mine[3], all[3];
	void *thunk, *other;
	MPI_Op op;

	thunk = lower_callback((void *)largest, &closure);
	other = lower_callback((void *)largest, NULL);
	CHECK(thunk && other && thunk != other && !lower_owns((long)thunk));
	lower_callback_free(other);
	CHECK(lower_callback((void *)largest, NULL) == other);
	start(0);
	call_often();
	init(MPI_THREAD_SINGLE);
	for (int i = 0; i < 3; i++)
		mine[i] = (rank + 1) * (i + 1);
	CHECK(!MPI(Op_create, thunk, 1, &op));
	for (int i = 0; i < 100; i++)
		CHECK(!MPI(Allreduce, mine, all, 3, MPI_INT, op,
			   MPI_COMM_WORLD));
	for (int i = 0; i < 3; i++)
		CHECK(all[i] == 2 * (i + 1));
	CHECK(op_calls >= 100 && op_closure == 42);
	CHECK(!MPI(Op_free, &op));
	passed("callbacks");
	finalize();
}

static void *call_thunk(void *thunk)
{
	void (*fn)(void);

	*(void **)&fn = thunk;
	fn();
	return NULL;
}

/* A thread that nobody lent a donor has no way up: it has its maker's GS, but
 * another FS. */
static void test_stranger(void)
{
	void *thunk = lower_callback((void *)largest, NULL);
	pthread_t thread;

	start(0);
	CHECK(!lower_donor(&contexts[THREADS]));
	CHECK(!pthread_create(&thread, NULL, call_thunk, thunk));
	pthread_join(thread, NULL);
	fail("the callback came back");
}

/* --- loops ---------------------------------------------------------------- */

/* One int to or from the other rank; gives the real library's error. */
static long send_recv(int *value, int tag, struct lower_call *call)
{
	return cross_call7(lower_loops()->send_recv, (long)value, 1, MPI_INT,
			   1 - rank, tag, MPI_COMM_WORLD, (long)call);
}

static MPI_Request post_receive(int *value, int tag)
{
	long args[] = { (long)value,	1, MPI_INT, 1 - rank, tag,
			MPI_COMM_WORLD, 0 };
	MPI_Request req = MPI_REQUEST_NULL;

	args[6] = (long)&req;
	CHECK(!cross_call_stack(real[N_Irecv], args, 7));
	return req;
}

static void send_value(int value, int tag)
{
	volatile uint32_t stop = 0;
	struct lower_call call = { .post = real[N_Isend],
				   .status = MPI_STATUS_IGNORE,
				   .stop = &stop };

	CHECK(!send_recv(&value, tag, &call));
	CHECK(call.done && call.req == MPI_REQUEST_NULL);
}

/* With the flag set each loop gives up after one test, and the request is still
 * there to be waited for. */
static void stopped_loops(void)
{
	const struct lower_loops *l = lower_loops();
	volatile uint32_t stop = 1, go = 0;
	struct lower_flags flags = { .stop = &stop };
	int done = 1, index, n, indices[2], value = 0, second = 0;
	MPI_Request req, reqs[2];
	MPI_Status status, statuses[2];
	MPI_Message message;
	struct lower_call call = { .post = real[N_Irecv],
				   .status = &status,
				   .stop = &stop };

	CHECK(!send_recv(&value, 7, &call));
	req = call.req;
	CHECK(!call.done && req != MPI_REQUEST_NULL);
	done = 1;
	CHECK(!CROSS(l->wait, &req, &status, &stop, &done) && !done);
	reqs[0] = req;
	reqs[1] = post_receive(&second, 8);
	done = 1;
	CHECK(!CROSS(l->waitall, 2, reqs, statuses, &stop, &done) && !done);
	done = 1;
	CHECK(!CROSS(l->waitany, 2, reqs, &index, &status, &stop, &done));
	CHECK(!done);
	n = 1;
	CHECK(!CROSS(l->waitsome, 2, reqs, &n, indices, statuses, &stop));
	CHECK(!n);
	done = 1;
	CHECK(!CROSS(l->probe, 1 - rank, 9, MPI_COMM_WORLD, &status, &stop,
		     &done));
	CHECK(!done);
	flags.done = 1;
	CHECK(!CROSS(l->mprobe, 1 - rank, 9, MPI_COMM_WORLD, &message, &status,
		     &flags));
	CHECK(!flags.done);
	CHECK(!MPI(Barrier, MPI_COMM_WORLD));
	send_value(70 + rank, 7);
	send_value(80 + rank, 8);
	done = 0;
	CHECK(!CROSS(l->waitall, 2, reqs, statuses, &go, &done) && done);
	CHECK(value == 71 - rank && second == 81 - rank);
	CHECK(statuses[1].MPI_TAG == 8);
	/* what is complete is reported although the flag is set */
	send_value(5, 9);
	done = 0;
	CHECK(!CROSS(l->probe, 1 - rank, 9, MPI_COMM_WORLD, &status, &go,
		     &done));
	CHECK(done && status.MPI_TAG == 9);
	done = 0;
	CHECK(!CROSS(l->probe, 1 - rank, 9, MPI_COMM_WORLD, &status, &stop,
		     &done));
	CHECK(done);
	CHECK(!receive(&value, 1 - rank, 9, &status) && value == 5);
}

static void stopped_barrier(void)
{
	volatile uint32_t stop = 1, go = 0;
	MPI_Request req;
	int done, value, tag = 11;
	MPI_Status status;

	if (!rank) { /* rank 1 enters only after this one has stepped out */
		done = 1;
		CHECK(!CROSS(lower_loops()->barrier, MPI_COMM_WORLD, &stop,
			     &done, &req));
		CHECK(!done && req != MPI_REQUEST_NULL);
		send_value(1, tag);
		CHECK(!CROSS(lower_loops()->wait, &req, MPI_STATUS_IGNORE, &go,
			     &done));
		CHECK(done);
	} else {
		CHECK(!receive(&value, 0, tag, &status));
		done = 0;
		CHECK(!CROSS(lower_loops()->barrier, MPI_COMM_WORLD, &go, &done,
			     &req));
		CHECK(done);
	}
}

static void test_loops(void)
{
	start(1); /* with yielding, for its sake */
	init(MPI_THREAD_SINGLE);
	for (int i = 0; i < 100; i++) {
		stopped_loops();
		stopped_barrier();
	}
	passed("loops");
	finalize();
}

/* --- again, abort, time --------------------------------------------------- */

/* As after a restart, but for the old guest, which is still there. */
static void test_again(void)
{
	struct lower_range now[8];
	int flag = 1;

	start(0);
	CHECK(!MPI(Initialized, &flag) && !flag);
	nforgotten = lower_ranges(forgotten, 8);
	CHECK(nforgotten >= 1);
	lower_forget();
	adopt(&contexts[THREADS]); /* no donor, and GS is the context */
	CHECK(!lower_ranges(now, 8) && !lower_owns(forgotten[0].start));
	start(0);
	CHECK(lower_ranges(now, 8) >= 1);
	CHECK(forgotten[0].start != now[0].start);
	for (int i = 0; i < N_COUNT; i++)
		CHECK(lower_owns((uintptr_t)real[i]));
	init(MPI_THREAD_SINGLE);
	check_maps();
	for (int i = 0; i < 10; i++)
		ping_pong(i);
	passed("again");
	finalize();
}

/* A singleton, for limits that mpiexec could not bear. */
static void test_alone(void)
{
	int provided;

	start(0);
	CHECK(!MPI(Init_thread, NULL, NULL, MPI_THREAD_MULTIPLE, &provided));
	finalize();
	printf("ok alone\n");
}

/* MPI_Abort ends the program as exit() would.  As a singleton: under mpiexec
 * the process manager is quicker and kills. */
static void say_goodbye(void)
{
	printf("ok goodbye\n"); /* in a buffer that exit() writes */
}

static void test_abort(void)
{
	int provided;

	atexit(say_goodbye);
	start(0);
	CHECK(!MPI(Init_thread, NULL, NULL, MPI_THREAD_SINGLE, &provided));
	(void)MPI(Abort, MPI_COMM_WORLD, 9);
	fail("MPI_Abort came back");
}

/* --- code that is not known to leave FS alone ----------------------------- */

static int late_pipe[2];

static long thread_pointer(void)
{
	long fs;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(fs));
	return fs;
}

/* Waits inside the lower half. */
static void *stay_inside(void *arg)
{
	struct thread_ctx *ctx = arg;
	char byte;

	adopt(ctx);
	CHECK(CROSS(real[N_read], late_pipe[0], &byte, 1) == 1);
	CHECK(upper_tls == 1234);
	lower_donor_return(ctx);
	return NULL;
}

/* When such a library comes, FS becomes the donor's within that very call.
 * While another thread is inside with the program's FS, it does not come in. */
static void open_late(bool crowd)
{
	struct thread_ctx *ctx = &contexts[THREADS];
	const char *foreign = getenv("TEST_FOREIGN");
	pthread_t thread;
	bool by_gs;
	long handle, *at_start;
	void *fn;

	start(0);
	by_gs = CROSS(thread_pointer) == (long)ctx->upper_fs;
	CHECK(by_gs || CROSS(thread_pointer) == (long)ctx->lower_fs);
	CHECK(by_gs == (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE &&
			!getenv("CAIRN_CROSSING")));
	if (crowd && by_gs) {
		CHECK(!pipe(late_pipe));
		CHECK(!pthread_create(&thread, NULL, stay_inside, contexts));
		while (!*(volatile uint64_t *)&contexts[0].lower_fs ||
		       !thread_gs(contexts[0].lower_fs)->inside)
			sched_yield();
		CHECK(!CROSS(real[N_dlopen], foreign, RTLD_NOW));
		CHECK(write(late_pipe[1], "x", 1) == 1);
		CHECK(!pthread_join(thread, NULL));
	}
	handle = CROSS(real[N_dlopen], foreign, RTLD_NOW);
	CHECK(handle);
	fn = (void *)CROSS(real[N_dlsym], handle, "foreign_thread_pointer");
	CHECK(fn && CROSS(fn) == (long)ctx->lower_fs);
	at_start = (long *)CROSS(real[N_dlsym], handle, "foreign_at_start");
	CHECK(at_start && *at_start == (long)ctx->lower_fs);
	CHECK(thread_pointer() == (long)ctx->upper_fs && upper_tls == 1234);
	printf("ok late\n");
}

static void test_late(void)
{
	open_late(false);
}

static void test_late_crowd(void)
{
	open_late(true);
}

static double clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static double cpu_now(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int leaf(void)
{
	return 1;
}

/* What a crossing cannot do without. */
static void write_fs_twice(void)
{
	__asm__ volatile("wrfsbase %0\n\twrfsbase %0"
			 :
			 : "r"(contexts[THREADS].upper_fs)
			 : "memory");
}

static void test_time(void)
{
	const int n = 10000; /* short: some run undisturbed */
	double best = 1e9, floor = 1e9, t0, began = now();
	double cpu = cpu_now();

	start(0);
	printf("# lower_start: %.1f ms, %.1f ms of CPU\n",
	       (now() - began) / 1e6, (cpu_now() - cpu) / 1e6);
	for (int i = 0; i < 1000; i++) {
		t0 = now();
		for (int k = 0; k < n; k++)
			CROSS(leaf);
		t0 = (now() - t0) / n;
		best = t0 < best ? t0 : best;
		t0 = now();
		for (int k = 0; k < n; k++)
			write_fs_twice();
		t0 = (now() - t0) / n;
		floor = t0 < floor ? t0 : floor;
	}
	printf("# empty crossing: %.1f ns; FS written twice: %.1f ns\n", best,
	       floor);
	/* by FS, on a slow or busy machine, what counts is what we add */
	CHECK(best <= 15 || (getenv("CAIRN_CROSSING") && best <= floor + 8));
	printf("ok time\n");
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "alone", test_alone },       { "yield", test_yield },
	{ "no-yield", test_no_yield }, { "stranger", test_stranger },
	{ "inside", test_inside },     { "calls", test_calls },
	{ "threads", test_threads },   { "callbacks", test_callbacks },
	{ "loops", test_loops },       { "again", test_again },
	{ "abort", test_abort },       { "time", test_time },
	{ "late", test_late },	       { "late-crowd", test_late_crowd },
};

int main(int argc, char **argv)
{
	adopt(&contexts[THREADS]);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		if (argc == 2 && !strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	fprintf(stderr, "usage: rank TEST\n");
	return 2;
}
