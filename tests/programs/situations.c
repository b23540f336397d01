/* SPDX-License-Identifier: BSD-3-Clause */
/* situations.c - one awkward moment for a checkpoint after another, by name */

/*
 * situations [-g GATE] [-r ROUNDS] [-p PAUSE_US] NAME
 *
 * One rank is late for what the others wait for, in each round a random time of
 * up to PAUSE_US.  With a GATE it waits in the first round until this file
 * exists, so that a checkpoint can be taken for certain while the others wait;
 * every rank makes GATE.RANK when it has come so far.  The digest that rank 0
 * prints depends on NAME, ROUNDS and the number of ranks only.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LARGE (1 << 17) /* 8-byte words: rendezvous by any transport */

static int rank, size, pause_us = 2000, current;
static const char *gate;
static uint64_t digest, large[LARGE];

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, 2014) of three small numbers */
static uint64_t value(int a, int b, int c)
{
	uint64_t z = (uint64_t)a * 1000003 + (uint64_t)b * 10007 + (uint64_t)c;

	z = (z + 1) * 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void expect(uint64_t got, uint64_t wanted, const char *what)
{
	if (got != wanted) {
		fprintf(stderr, "situations: rank %d round %d: %s is wrong\n",
			rank, current, what);
		MPI_Abort(MPI_COMM_WORLD, 3);
	}
	digest += got * (uint64_t)(current + 1);
}

/* --- being late -------------------------------------------------------------
 */

static void here(int who)
{
	char path[4096];
	FILE *f;

	if (!gate || current)
		return;
	snprintf(path, sizeof(path), "%s.%d", gate, who);
	f = fopen(path, "w");
	if (f)
		fclose(f);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void compute_for(double seconds)
{
	volatile double x = 1;

	for (double end = now() + seconds; now() < end;)
		for (int i = 0; i < 10000; i++)
			x = x * 1.0000001 + 1e-9;
}

static double some_time(void)
{
	return (double)(value(current, rank, 99) % (uint64_t)(pause_us + 1)) *
	       1e-6;
}

/* Until the gate, or another one whose name ends so, is open. */
static void late_at(const char *end)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", gate ? gate : "", end);
	if (gate && current == 0)
		while (access(path, F_OK))
			compute_for(0.01);
	else
		compute_for(some_time());
}

static void late(void)
{
	here(rank);
	late_at("");
}

static void late_asleep(void)
{
	here(rank);
	if (gate && current == 0)
		while (access(gate, F_OK))
			sleep(1);
	else
		usleep((useconds_t)(some_time() * 1e6));
}

static int last(void)
{
	return rank == size - 1;
}

/* --- situations ------------------------------------------------------------
 */

static uint64_t receive(int from, int tag)
{
	uint64_t v = 0;

	MPI_Recv(&v, 1, MPI_UINT64_T, from, tag, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	return v;
}

static void give(int to, int tag, uint64_t v)
{
	MPI_Send(&v, 1, MPI_UINT64_T, to, tag, MPI_COMM_WORLD);
}

/* All but one wait for a message that comes after the epoch. */
static void recv_late(void (*wait)(void))
{
	if (last()) {
		wait();
		for (int i = 0; i < size - 1; i++)
			give(i, 1, value(current, i, 1));
	} else {
		here(rank);
		expect(receive(rank % 2 ? MPI_ANY_SOURCE : size - 1, 1),
		       value(current, rank, 1), "a late message");
	}
}

static void computes(void)
{
	recv_late(late);
}

static void sleeps(void)
{
	recv_late(late_asleep);
}

static void barrier(void)
{
	if (last())
		late();
	here(rank);
	MPI_Barrier(MPI_COMM_WORLD);
	/* Who is through must find nobody still before it. */
	MPI_Barrier(MPI_COMM_WORLD);
	expect(value(current, 0, 2), value(current, 0, 2), "");
}

/* All but the last have entered two barriers, and talk to each other. */
static void ibarrier(void)
{
	MPI_Request request[2];

	if (last())
		late();
	MPI_Ibarrier(MPI_COMM_WORLD, &request[0]);
	MPI_Ibarrier(MPI_COMM_WORLD, &request[1]);
	here(rank);
	if (rank == 0 && size > 2) {
		give(1, 7, value(current, 0, 7));
		expect(receive(1, 7), value(current, 1, 7), "the answer");
	} else if (rank == 1 && size > 2) {
		expect(receive(0, 7), value(current, 0, 7), "the question");
		give(0, 7, value(current, 1, 7));
	}
	for (int flag = 0; !flag;)
		MPI_Testall(2, request, &flag, MPI_STATUSES_IGNORE);
}

/* All but the last have entered a reduction, and do something else. */
static void iallreduce(void)
{
	uint64_t v = value(current, rank, 18), sum = 0, got = 0;
	MPI_Request request;

	if (last())
		late();
	MPI_Iallreduce(&v, &got, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD,
		       &request);
	here(rank);
	for (int flag = 0; !flag;)
		MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
	for (int i = 0; i < size; i++)
		sum += value(current, i, 18);
	expect(got, sum, "a sum");
}

/* Sends to oneself, which MPICH can cancel; whether they were is not known
 * before the checkpoint. */
static void cancels(void)
{
	MPI_Request request[2];
	MPI_Status status;
	int gone;

	MPI_Isend(NULL, 0, MPI_INT, 0, 1, MPI_COMM_SELF, &request[0]);
	MPI_Issend(NULL, 0, MPI_INT, 0, 1, MPI_COMM_SELF, &request[1]);
	for (int i = 0; i < 2; i++)
		MPI_Cancel(&request[i]);
	if (last())
		late();
	here(rank);
	MPI_Barrier(MPI_COMM_WORLD);
	for (int i = 0; i < 2; i++) {
		MPI_Wait(&request[i], &status);
		MPI_Test_cancelled(&status, &gone);
		expect((uint64_t)gone, 1, "a cancelled send");
	}
}

/* The root alone has entered, and hears from the others before they do. */
static void ibcast(void)
{
	uint64_t v = rank ? 0 : value(current, 0, 3), got;
	MPI_Request request;

	if (rank == 0) {
		MPI_Ibcast(&v, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request);
		here(rank);
		for (int i = 1; i < size; i++)
			expect(receive(i, 3), value(current, i, 4),
			       "an answer");
		for (int i = 1; i < size; i++)
			give(i, 3, value(current, i, 5));
	} else {
		if (last())
			late();
		here(rank);
		give(0, 3, value(current, rank, 4));
		got = receive(0, 3);
		expect(got, value(current, rank, 5), "the root's word");
		MPI_Ibcast(&v, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request);
	}
	for (int flag = 0; !flag;)
		MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
	expect(v, value(current, 0, 3), "a broadcast");
}

/* Non-blocking consensus: nobody knows who sends to it (Hoefler, Siebert,
 * Lumsdaine: Scalable communication protocols for dynamic sparse data exchange,
 * 2010). */
static int nbx_sends(int from, int to)
{
	return (int)(value(current * 64 + from, to, 6) % 3 == 0);
}

static int nbx_take(uint64_t *sum)
{
	MPI_Status status;
	uint64_t v;
	int flag;

	MPI_Iprobe(MPI_ANY_SOURCE, 6, MPI_COMM_WORLD, &flag, &status);
	if (!flag)
		return 0;
	MPI_Recv(&v, 1, MPI_UINT64_T, status.MPI_SOURCE, 6, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	if (v != value(current, status.MPI_SOURCE, rank))
		expect(v, value(current, status.MPI_SOURCE, rank), "a message");
	*sum += v;
	return 1;
}

static void nbx(void)
{
	MPI_Request sends[64], closing = MPI_REQUEST_NULL;
	uint64_t out[64], sum = 0, wanted = 0;
	int n = 0, flag, done = 0;

	if (last())
		late();
	here(rank);
	for (int i = 0; i < size; i++) {
		if (nbx_sends(i, rank))
			wanted += value(current, i, rank);
		if (!nbx_sends(rank, i))
			continue;
		out[n] = value(current, rank, i);
		MPI_Issend(&out[n], 1, MPI_UINT64_T, i, 6, MPI_COMM_WORLD,
			   &sends[n]);
		n++;
	}
	while (!done) {
		nbx_take(&sum);
		if (closing != MPI_REQUEST_NULL) {
			MPI_Test(&closing, &done, MPI_STATUS_IGNORE);
			continue;
		}
		MPI_Testall(n, sends, &flag, MPI_STATUSES_IGNORE);
		if (flag)
			MPI_Ibarrier(MPI_COMM_WORLD, &closing);
	}
	expect(sum, wanted, "what an exchange brought");
	/* The next exchange must not be overtaken by this one's Iprobe. */
	MPI_Barrier(MPI_COMM_WORLD);
}

/*
 * Rank 1 has entered a collective with rank 0, which is still in a large send
 * to the last rank, which holds: it must be received there.
 */
static MPI_Comm pair = MPI_COMM_NULL;

static void pair_make(void)
{
	if (current == 0)
		MPI_Comm_split(MPI_COMM_WORLD, rank < 2 ? 0 : MPI_UNDEFINED,
			       rank, &pair);
}

static void large_send(int how)
{
	uint64_t sum = value(current, rank, 7), got = 0;

	pair_make();
	if (rank == 0) {
		for (int i = 0; i < LARGE; i++)
			large[i] = (uint64_t)(current + i);
		here(rank);
		if (how)
			MPI_Ssend(large, LARGE, MPI_UINT64_T, size - 1, 7,
				  MPI_COMM_WORLD);
		else
			MPI_Send(large, LARGE, MPI_UINT64_T, size - 1, 7,
				 MPI_COMM_WORLD);
	} else if (last()) {
		late();
		MPI_Recv(large, LARGE, MPI_UINT64_T, 0, 7, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
		for (int i = 0; i < LARGE; i++)
			if (large[i] != (uint64_t)(current + i))
				expect(large[i], (uint64_t)(current + i),
				       "a large message");
	}
	here(rank);
	if (rank > 1)
		return;
	MPI_Allreduce(&sum, &got, 1, MPI_UINT64_T, MPI_SUM, pair);
	expect(got, value(current, 0, 7) + value(current, 1, 7), "a sum");
}

static void sends_large(void)
{
	large_send(0);
}

static void sends_synchronously(void)
{
	large_send(1);
}

/*
 * The same with 200 MiB, of which the last rank is not to keep much while it
 * holds.
 */
#define MUCH   200 /* messages of 1 MiB */
#define FEW    8   /* as many as can be kept at least */
#define FEW_IN 64  /* the gate's number for: so many are gone */
#define ALL_IN 65  /* and for: all are; then the GATE.end is waited for */

static void much_send(void)
{
	for (int i = 0; i < MUCH; i++) {
		large[0] = value(current, i, 13);
		MPI_Send(large, LARGE, MPI_UINT64_T, size - 1, 13,
			 MPI_COMM_WORLD);
		if (i == FEW)
			here(FEW_IN);
	}
}

static long most_memory_mib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss >> 10;
}

static void much_receive(void)
{
	long before = most_memory_mib();

	late();
	expect(most_memory_mib() - before > MUCH / 2, 0,
	       "the memory that was taken meanwhile");
	for (int i = 0; i < MUCH; i++) {
		MPI_Recv(large, LARGE, MPI_UINT64_T, 0, 13, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
		expect(large[0], value(current, i, 13), "one of many messages");
	}
	here(ALL_IN);
	late_at(".end");
}

/* Rank 1 has entered its collective before it says that it is here. */
static void sends_much(void)
{
	uint64_t sum = value(current, rank, 14), got = 0;
	MPI_Request request;

	pair_make();
	if (rank == 0)
		much_send();
	else if (last())
		much_receive();
	if (rank > 1)
		return;
	MPI_Iallreduce(&sum, &got, 1, MPI_UINT64_T, MPI_SUM, pair, &request);
	here(rank);
	MPI_Wait(&request, MPI_STATUS_IGNORE);
	expect(got, value(current, 0, 14) + value(current, 1, 14), "a sum");
}

/*
 * Rank 0's large send is taken by the last rank while that holds; what it then
 * sends synchronously with the same tag is not, and so not complete.
 */
#define BEHIND_IN 66 /* the gate's number for: it was seen to be so */

static void behind_send(void)
{
	uint64_t v = value(current, 0, 15);
	MPI_Request request;
	int flag = 0;

	large[0] = value(current, 0, 16);
	MPI_Send(large, LARGE, MPI_UINT64_T, size - 1, 15, MPI_COMM_WORLD);
	MPI_Issend(&v, 1, MPI_UINT64_T, size - 1, 15, MPI_COMM_WORLD, &request);
	if (gate && current == 0) {
		usleep(200000); /* it could be taken now */
		for (int i = 0; i < 1000 && !flag; i++)
			MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
		expect((uint64_t)flag, 0, "that it is complete");
		here(BEHIND_IN);
	}
	if (!flag)
		MPI_Wait(&request, MPI_STATUS_IGNORE);
}

static void sends_behind(void)
{
	uint64_t sum = value(current, rank, 17), got = 0;
	MPI_Request request;

	pair_make();
	if (rank == 0) {
		behind_send();
	} else if (last()) {
		late();
		MPI_Recv(large, LARGE, MPI_UINT64_T, 0, 15, MPI_COMM_WORLD,
			 MPI_STATUS_IGNORE);
		expect(large[0], value(current, 0, 16), "a large message");
		expect(receive(0, 15), value(current, 0, 15), "what follows");
		late_at(".end");
	}
	if (rank > 1)
		return;
	MPI_Iallreduce(&sum, &got, 1, MPI_UINT64_T, MPI_SUM, pair, &request);
	here(rank);
	MPI_Wait(&request, MPI_STATUS_IGNORE);
	expect(got, value(current, 0, 17) + value(current, 1, 17), "a sum");
}

/* The collective is on the wire of some while others have freed. */
static void frees_early(void)
{
	MPI_Comm c;
	uint64_t v = value(current, 0, 8), sum = 0;

	MPI_Comm_dup(MPI_COMM_WORLD, &c);
	MPI_Allreduce(&v, &sum, 1, MPI_UINT64_T, MPI_SUM, c);
	if (last())
		late();
	here(rank);
	MPI_Comm_free(&c);
	expect(sum, v * (uint64_t)size, "a sum");
	if (rank == 0)
		expect(receive(size - 1, 8), v, "what came after a free");
	if (last())
		give(0, 8, v);
}

/* A constructor that only a part of the parent's group takes part in. */
static void create_group(void)
{
	MPI_Group all, part;
	MPI_Comm c;
	uint64_t v = value(current, rank, 9), got = 0, sum = 0;
	int range[1][3] = { { size > 2, size - 1, 1 } };

	if (rank >= range[0][0]) {
		MPI_Comm_group(MPI_COMM_WORLD, &all);
		MPI_Group_range_incl(all, 1, range, &part);
		if (last())
			late();
		here(rank);
		MPI_Comm_create_group(MPI_COMM_WORLD, part, current % 7, &c);
		MPI_Allreduce(&v, &got, 1, MPI_UINT64_T, MPI_SUM, c);
		for (int i = range[0][0]; i < size; i++)
			sum += value(current, i, 9);
		expect(got, sum, "a sum over a group");
		MPI_Comm_free(&c);
		MPI_Group_free(&all);
		MPI_Group_free(&part);
	}
	here(rank);
	if (rank == 0)
		expect(receive(size - 1, 9), v + 1, "what came after");
	if (last())
		give(0, 9, value(current, 0, 9) + 1);
}

static void intercomm(void)
{
	MPI_Comm half, inter;
	uint64_t v = value(current, rank, 10), got = 0, sum = 0;
	int upper = rank >= size / 2;

	MPI_Comm_split(MPI_COMM_WORLD, upper, rank, &half);
	if (last())
		late();
	here(rank);
	MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, upper ? 0 : size / 2, 10,
			     &inter);
	MPI_Allreduce(&v, &got, 1, MPI_UINT64_T, MPI_SUM, inter);
	for (int i = 0; i < size; i++)
		if ((i >= size / 2) != upper)
			sum += value(current, i, 10);
	expect(got, sum, "the other side's sum");
	MPI_Comm_free(&inter);
	MPI_Comm_free(&half);
}

/* A rank that polls for a message, and one that polls for any. */
static void polls(void)
{
	MPI_Status status;
	uint64_t v = 0;
	int flag = 0;

	if (last()) {
		late();
		for (int i = 0; i < size - 1; i++)
			give(i, 11, value(current, i, 11));
		return;
	}
	here(rank);
	while (!flag)
		MPI_Iprobe(rank % 2 ? MPI_ANY_SOURCE : size - 1, 11,
			   MPI_COMM_WORLD, &flag, &status);
	MPI_Recv(&v, 1, MPI_UINT64_T, status.MPI_SOURCE, 11, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	expect(v, value(current, rank, 11), "a polled message");
}

/* The others are connected to processes outside (tests/lib/joins.c), so that a
 * checkpoint is refused, while rank 0 is in a collective that waits for them.
 * They disconnect, and go on (at the gate's ".next") through collectives of their own before they come.  All end
 * at the gate's ".end". */
static void refused(void)
{
	static MPI_Comm rest = MPI_COMM_NULL; /* freed by MPI_Finalize */
	uint64_t mine = value(current, rank, 13), sum = 0, all = 0;
	MPI_Comm outside;

	for (int i = 0; i < size; i++)
		all += value(current, i, 13);
	if (rest == MPI_COMM_NULL)
		MPI_Comm_split(MPI_COMM_WORLD, rank == 0, rank, &rest);
	if (rank) {
		MPI_Comm_join(0, &outside);
		here(rank);
		late_at("");
		MPI_Comm_disconnect(&outside);
		here(size + rank);
		late_at(".next");
		for (int i = 0; i < 3; i++)
			MPI_Allreduce(&mine, &sum, 1, MPI_UINT64_T, MPI_SUM,
				      rest);
		expect(sum, all - value(current, 0, 13), "a sum of the rest");
	} else {
		here(rank);
	}
	MPI_Allreduce(&mine, &sum, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
	expect(sum, all, "a sum of all");
	late_at(".end"); /* so that the job does not end before the epoch */
}

/* Two exchange many messages, whoever they come from, before they enter what
 * the others are inside of. */
static void exchanges(void)
{
	uint64_t sum = 0, all = 0;
	int n = current ? 10 : 1500;

	if (rank < 2)
		late();
	else
		here(rank);
	for (int i = 0; i < n && rank < 2; i++) {
		if (rank == 0)
			give(1, 11, value(current, i, 0));
		sum += receive(MPI_ANY_SOURCE, 11);
		if (rank == 1)
			give(0, 11, value(current, i, 1));
	}
	MPI_Allreduce(&sum, &all, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
	digest = digest * 31 + all;
}

static void nothing(void)
{
	MPI_Barrier(MPI_COMM_WORLD);
	expect(value(current, 0, 12), value(current, 0, 12), "");
}

static const struct {
	const char *name;
	void (*round)(void);
} situations[] = {
	{ "computes", computes },
	{ "sleeps", sleeps },
	{ "barrier", barrier },
	{ "ibarrier", ibarrier },
	{ "cancels", cancels },
	{ "iallreduce", iallreduce },
	{ "ibcast", ibcast },
	{ "nbx", nbx },
	{ "sends-large", sends_large },
	{ "sends-synchronously", sends_synchronously },
	{ "sends-much", sends_much },
	{ "sends-behind", sends_behind },
	{ "frees-early", frees_early },
	{ "create-group", create_group },
	{ "intercomm", intercomm },
	{ "polls", polls },
	{ "exchanges", exchanges },
	{ "refused", refused },
	{ "infos-outside", nothing },
	{ "init-late", nothing },
	{ "finalize-early", nothing },
};

static void (*find(const char *name))(void)
{
	for (size_t i = 0; i < sizeof(situations) / sizeof(*situations); i++)
		if (name && !strcmp(name, situations[i].name))
			return situations[i].round;
	fprintf(stderr, "situations: no such situation\n");
	exit(2);
}

/* Before MPI_Init nobody knows its rank but by the starter's variable. */
static void init_late(const char *name)
{
	const char *text = getenv("PMI_RANK");

	rank = text ? atoi(text) : 0;
	if (!strcmp(name, "init-late") && rank == 0)
		late();
	here(rank);
}

/* An info object may be used before MPI_Init and after MPI_Finalize. */
static MPI_Info outside = MPI_INFO_NULL;

static void infos_make(const char *name)
{
	if (strcmp(name, "infos-outside"))
		return;
	MPI_Info_create(&outside);
	MPI_Info_set(outside, "key", "value");
	here(getenv("PMI_RANK") ? atoi(getenv("PMI_RANK")) : 0);
	late_at("");
}

static void infos_check(void)
{
	char text[16] = "";
	int flag = 0;
	MPI_Info again;

	if (outside == MPI_INFO_NULL)
		return;
	MPI_Info_dup(outside, &again);
	MPI_Info_get(again, "key", sizeof(text) - 1, text, &flag);
	MPI_Info_free(&again);
	if (flag && !strcmp(text, "value"))
		return;
	fprintf(stderr, "situations: an info object is not what it was\n");
	exit(1);
}

static void finalize_early(const char *name)
{
	current = 0;
	if (!strcmp(name, "finalize-early") && last())
		late();
	here(rank);
}

int main(int argc, char **argv)
{
	int rounds = 100, opt;
	uint64_t all = 0;
	void (*round)(void);
	const char *name;

	while ((opt = getopt(argc, argv, "g:r:p:")) != -1) {
		if (opt == 'g')
			gate = optarg;
		else if (opt == 'r')
			rounds = atoi(optarg);
		else if (opt == 'p')
			pause_us = atoi(optarg);
		else
			return 2;
	}
	name = argv[optind];
	round = find(name);
	if (!strcmp(name, "init-late"))
		init_late(name);
	infos_make(name);
	MPI_Init(&argc, &argv);
	infos_check();
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (size < 2 || size > 64)
		MPI_Abort(MPI_COMM_WORLD, 2);
	for (current = 0; current < rounds; current++)
		round();
	if (pair != MPI_COMM_NULL)
		MPI_Comm_free(&pair);
	MPI_Reduce(&digest, &all, 1, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("situations: %s, digest %016llx\n", name,
		       (unsigned long long)all);
	fflush(stdout);
	if (!strcmp(name, "finalize-early"))
		finalize_early(name);
	MPI_Finalize();
	infos_check();
	return 0;
}
