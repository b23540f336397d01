/* SPDX-License-Identifier: BSD-3-Clause */
/* storm.c - a seeded storm of messages and collectives, every delivery checked
 */

/*
 * storm [-s SEED] [-r ROUNDS] [-t THREADS] [-p PAUSE_US]
 *
 * All ranks draw the same schedule from the seed, so each knows what everybody
 * sends to it.  A round is either a batch of messages (all modes, wildcards,
 * probes, all forms of wait and test, several sizes around the eager limit) or
 * a collective (blocking or not) on one of several overlapping communicators.
 * Each thread has communicators and a schedule of its own.  Every byte received
 * is checked; the digest over all of it, printed by rank 0, depends on the seed
 * and the number of ranks and threads only: not on timing, transport, or how
 * often the job was checkpointed and restarted.
 */
#include <mpi.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "random.h"

#define NCOMMS	  6
#define BATCH_MAX 24
#define LEN_MAX	  (96 * 1024) /* 8-byte words: crosses into rendezvous */

struct message {
	int src, dst, tag, mode, words;
	uint64_t key;
};

struct storm { /* one thread's */
	int id;
	int rounds, pause_us;
	struct rng shared; /* same on all ranks */
	struct rng local;
	MPI_Comm comm[NCOMMS];
	uint64_t digest;
	long received;
	uint64_t *in[BATCH_MAX], *out[BATCH_MAX];
};

static int world_rank, world_size;
static uint64_t seed = 1;

static void fail(const struct storm *s, int round, const char *what)
{
	fprintf(stderr, "storm: seed %llu thread %d rank %d round %d: %s\n",
		(unsigned long long)seed, s->id, world_rank, round, what);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

static uint64_t word(uint64_t key, int i)
{
	struct rng r = { key + (uint64_t)i * 0x2545f4914f6cdd1dULL };

	return draw(&r);
}

static void fill(uint64_t *buf, const struct message *m)
{
	buf[0] = m->key;
	for (int i = 1; i < m->words; i++)
		buf[i] = word(m->key, i);
}

/* Checks one delivered message and adds it to the digest. */
static void check(struct storm *s, int round, const struct message *m,
		  const uint64_t *buf, const MPI_Status *status)
{
	int count;

	MPI_Get_count(status, MPI_UINT64_T, &count);
	if (count != m->words || status->MPI_SOURCE != m->src ||
	    status->MPI_TAG != m->tag)
		fail(s, round, "a status is not its message's");
	for (int i = 0; i < m->words; i++) {
		if (buf[i] != (i ? word(m->key, i) : m->key))
			fail(s, round, "a message has other contents");
		s->digest += buf[i] * (uint64_t)(i + 1);
	}
	s->received++;
}

/* --- point to point ---------------------------------------------------------
 */

enum { STANDARD, SYNCHRONOUS, BUFFERED, PERSISTENT, MODES };

static const int sizes[] = { 1, 2, 16, 100, 1000, 8000, LEN_MAX };

static int draw_batch(struct storm *s, int size, struct message *m)
{
	int n = 1 + below(&s->shared, BATCH_MAX);

	for (int i = 0; i < n; i++) {
		/* Large ones seldom: they are for the rendezvous path. */
		int k = below(&s->shared, 40);

		m[i].src = below(&s->shared, size);
		m[i].dst = below(&s->shared, size);
		m[i].tag = below(&s->shared, 3);
		m[i].mode = below(&s->shared, MODES);
		m[i].words = sizes[k == 0 ? 6 : k < 4 ? 5 : k % 5];
		m[i].key = draw(&s->shared);
	}
	return n;
}

static MPI_Request post_send(struct storm *s, MPI_Comm comm,
			     const struct message *m, uint64_t *buf)
{
	MPI_Request request;

	fill(buf, m);
	switch (m->mode) {
	case SYNCHRONOUS:
		MPI_Issend(buf, m->words, MPI_UINT64_T, m->dst, m->tag, comm,
			   &request);
		break;
	case PERSISTENT:
		MPI_Send_init(buf, m->words, MPI_UINT64_T, m->dst, m->tag, comm,
			      &request);
		MPI_Start(&request);
		break;
	case BUFFERED: /* with an attached buffer only where it surely fits */
		if (m->words <= 16 && s->id == 0) {
			MPI_Ibsend(buf, m->words, MPI_UINT64_T, m->dst, m->tag,
				   comm, &request);
			break;
		}
		/* fall through */
	default:
		MPI_Isend(buf, m->words, MPI_UINT64_T, m->dst, m->tag, comm,
			  &request);
	}
	return request;
}

/* Which of the batch's messages to me is this?  The first undelivered one of
 * its source and tag: MPI keeps their order. */
static int match(const struct message *m, const int *delivered, int n, int me,
		 int src, int tag)
{
	for (int i = 0; i < n; i++)
		if (!delivered[i] && m[i].dst == me && m[i].src == src &&
		    m[i].tag == tag)
			return i;
	return -1;
}

static void receive_one(struct storm *s, int round, MPI_Comm comm, int me,
			const struct message *m, int *delivered, int n)
{
	static const MPI_Status nothing;
	MPI_Status status = nothing;
	MPI_Message handle;
	int how = below(&s->local, 4), flag = 0, i;
	uint64_t *buf = s->in[0];

	if (how == 0) {
		MPI_Recv(buf, LEN_MAX, MPI_UINT64_T, MPI_ANY_SOURCE,
			 MPI_ANY_TAG, comm, &status);
	} else if (how == 1) {
		MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &status);
		MPI_Recv(buf, LEN_MAX, MPI_UINT64_T, status.MPI_SOURCE,
			 status.MPI_TAG, comm, &status);
	} else if (how == 2) {
		while (!flag)
			MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &flag,
				    &handle, &status);
		MPI_Mrecv(buf, LEN_MAX, MPI_UINT64_T, &handle, &status);
	} else {
		while (!flag)
			MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &flag,
				   &status);
		MPI_Recv(buf, LEN_MAX, MPI_UINT64_T, status.MPI_SOURCE,
			 status.MPI_TAG, comm, &status);
	}
	i = match(m, delivered, n, me, status.MPI_SOURCE, status.MPI_TAG);
	if (i < 0)
		fail(s, round, "a message came that nobody sent, or too early");
	delivered[i] = 1;
	check(s, round, &m[i], buf, &status);
}

static void wait_all(struct storm *s, MPI_Request *r, MPI_Status *st, int n)
{
	int how = below(&s->local, 5), left = n, index, some[BATCH_MAX * 2];
	MPI_Status status, several[BATCH_MAX * 2];
	int flag = 0, count;

	switch (how) {
	case 0:
		MPI_Waitall(n, r, st);
		break;
	case 1:
		while (!flag)
			MPI_Testall(n, r, &flag, st);
		break;
	case 2:
		for (int i = 0; i < n; i++)
			MPI_Wait(&r[i], &st[i]);
		break;
	case 3:
		/* Persistent requests stay, inactive: count, not null, ends */
		while (left-- > 0) {
			MPI_Waitany(n, r, &index, &status);
			if (index != MPI_UNDEFINED)
				st[index] = status;
		}
		break;
	default:
		while (left > 0) {
			MPI_Waitsome(n, r, &count, some, several);
			if (count == MPI_UNDEFINED)
				break;
			for (int i = 0; i < count; i++)
				st[some[i]] = several[i];
			left -= count;
		}
	}
}

static void batch(struct storm *s, int round, MPI_Comm comm)
{
	struct message m[BATCH_MAX];
	MPI_Request requests[2 * BATCH_MAX];
	MPI_Status statuses[2 * BATCH_MAX];
	int delivered[BATCH_MAX] = { 0 };
	int me, size, n, nr = 0, first_recv, wild;

	MPI_Comm_rank(comm, &me);
	MPI_Comm_size(comm, &size);
	n = draw_batch(s, size, m);
	wild = below(&s->shared, 2);
	for (int i = 0; i < n; i++)
		if (m[i].src == me)
			requests[nr++] = post_send(s, comm, &m[i], s->out[i]);
	first_recv = nr;
	if (wild) {
		int mine = 0;

		for (int i = 0; i < n; i++)
			mine += m[i].dst == me;
		while (mine-- > 0)
			receive_one(s, round, comm, me, m, delivered, n);
		wait_all(s, requests, statuses, nr);
	} else {
		for (int i = 0; i < n; i++)
			if (m[i].dst == me)
				MPI_Irecv(s->in[i], m[i].words, MPI_UINT64_T,
					  m[i].src, m[i].tag, comm,
					  &requests[nr++]);
		wait_all(s, requests, statuses, nr);
		for (int i = 0, k = first_recv; i < n; i++)
			if (m[i].dst == me)
				check(s, round, &m[i], s->in[i],
				      &statuses[k++]);
	}
	for (int i = 0; i < first_recv; i++)
		if (requests[i] != MPI_REQUEST_NULL)
			MPI_Request_free(&requests[i]);
	/* The next batch must not overtake this one in wildcards. */
	if (wild)
		MPI_Barrier(comm);
}

/* --- collectives
 * -------------------------------------------------------------- */

static void expect(struct storm *s, int round, uint64_t got, uint64_t wanted)
{
	if (got != wanted)
		fail(s, round, "a collective gave a wrong result");
	s->digest += got;
	s->received++;
}

static void collective(struct storm *s, int round, MPI_Comm comm)
{
	uint64_t key = draw(&s->shared), sum = 0, mine, got = 0;
	uint64_t all[64], to[64];
	int what = below(&s->shared, 9), me, size, root;
	MPI_Request request;

	MPI_Comm_rank(comm, &me);
	MPI_Comm_size(comm, &size);
	root = below(&s->shared, size);
	mine = word(key, me);
	for (int i = 0; i < size; i++)
		sum += word(key, i);
	switch (what) {
	case 0:
		MPI_Allreduce(&mine, &got, 1, MPI_UINT64_T, MPI_SUM, comm);
		expect(s, round, got, sum);
		break;
	case 1:
		got = me == root ? key : 0;
		MPI_Bcast(&got, 1, MPI_UINT64_T, root, comm);
		expect(s, round, got, key);
		break;
	case 2:
		MPI_Reduce(&mine, &got, 1, MPI_UINT64_T, MPI_SUM, root, comm);
		expect(s, round, me == root ? got : sum, sum);
		break;
	case 3:
		for (int i = 0; i < size; i++)
			to[i] = word(key, me * 64 + i);
		MPI_Alltoall(to, 1, MPI_UINT64_T, all, 1, MPI_UINT64_T, comm);
		for (int i = 0; i < size; i++)
			expect(s, round, all[i], word(key, i * 64 + me));
		break;
	case 4:
		MPI_Allgather(&mine, 1, MPI_UINT64_T, all, 1, MPI_UINT64_T,
			      comm);
		for (int i = 0; i < size; i++)
			expect(s, round, all[i], word(key, i));
		break;
	case 5:
		MPI_Barrier(comm);
		break;
	case 6:
		MPI_Iallreduce(&mine, &got, 1, MPI_UINT64_T, MPI_SUM, comm,
			       &request);
		if (s->pause_us)
			usleep((useconds_t)below(&s->local, s->pause_us + 1));
		MPI_Wait(&request, MPI_STATUS_IGNORE);
		expect(s, round, got, sum);
		break;
	case 7:
		got = me == root ? key : 0;
		MPI_Ibcast(&got, 1, MPI_UINT64_T, root, comm, &request);
		for (int flag = 0; !flag;)
			MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
		expect(s, round, got, key);
		break;
	default: /* a communicator that lives for one call */
	{
		MPI_Comm part;
		int n;

		MPI_Comm_split(comm, (int)(word(key, me) & 1), -me, &part);
		MPI_Comm_size(part, &n);
		MPI_Allreduce(&mine, &got, 1, MPI_UINT64_T, MPI_SUM, part);
		sum = 0;
		for (int i = 0; i < size; i++)
			if ((word(key, i) & 1) == (mine & 1))
				sum += word(key, i);
		expect(s, round, got, sum);
		MPI_Comm_free(&part);
	}
	}
}

/* --- a thread's storm
 * ----------------------------------------------------------- */

static void make_comms(struct storm *s)
{
	MPI_Comm w;

	MPI_Comm_dup(MPI_COMM_WORLD, &w);
	s->comm[0] = w;
	MPI_Comm_dup(w, &s->comm[1]);
	MPI_Comm_split(w, world_rank % 2, world_rank, &s->comm[2]);
	MPI_Comm_split(w, world_rank / 2, -world_rank, &s->comm[3]);
	MPI_Comm_split(w, 0, world_size - world_rank, &s->comm[4]);
	MPI_Comm_split(w, world_rank == 0, world_rank, &s->comm[5]);
}

/* Members of one communicator must draw the same: each has its own stream,
 * made of the round and what all members know. */
static void round_of(struct storm *s, int round)
{
	struct rng pick = { seed * 77 + (uint64_t)s->id * 1000003 +
			    (uint64_t)round };
	int c = below(&pick, NCOMMS);
	int kind = below(&pick, 3);

	s->shared.s = draw(&pick);
	if (kind == 0)
		collective(s, round, s->comm[c]);
	else
		batch(s, round, s->comm[c]);
	if (s->pause_us && below(&s->local, 4) == 0)
		usleep((useconds_t)below(&s->local, s->pause_us + 1));
}

static void *run(void *arg)
{
	struct storm *s = arg;

	for (int i = 0; i < BATCH_MAX; i++) {
		s->in[i] = malloc(LEN_MAX * sizeof(uint64_t));
		s->out[i] = malloc(LEN_MAX * sizeof(uint64_t));
		if (!s->in[i] || !s->out[i])
			fail(s, -1, "out of memory");
	}
	for (int round = 0; round < s->rounds; round++)
		round_of(s, round);
	for (int i = 0; i < BATCH_MAX; i++) {
		free(s->in[i]);
		free(s->out[i]);
	}
	return NULL;
}

static void report(const struct storm *storms, int threads)
{
	uint64_t mine[2] = { 0 }, all[2];

	for (int i = 0; i < threads; i++) {
		mine[0] += storms[i].digest;
		mine[1] += (uint64_t)storms[i].received;
	}
	MPI_Reduce(mine, all, 2, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
	if (world_rank == 0)
		printf("storm: seed %llu, %llu deliveries, digest %016llx\n",
		       (unsigned long long)seed, (unsigned long long)all[1],
		       (unsigned long long)all[0]);
}

int main(int argc, char **argv)
{
	int rounds = 200, threads = 1, pause_us = 0, provided, opt;
	static char attached[1 << 20];
	struct storm *storms;
	pthread_t *ids;
	void *detached;

	while ((opt = getopt(argc, argv, "s:r:t:p:")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			rounds = atoi(optarg);
			break;
		case 't':
			threads = atoi(optarg);
			break;
		case 'p':
			pause_us = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	MPI_Init_thread(&argc, &argv,
			threads > 1 ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE,
			&provided);
	MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
	MPI_Comm_size(MPI_COMM_WORLD, &world_size);
	if (world_size > 64 || threads < 1 ||
	    (threads > 1 && provided < MPI_THREAD_MULTIPLE))
		MPI_Abort(MPI_COMM_WORLD, 2);
	MPI_Buffer_attach(attached, sizeof(attached));
	storms = calloc((size_t)threads, sizeof(*storms));
	ids = calloc((size_t)threads, sizeof(*ids));
	if (!storms || !ids)
		MPI_Abort(MPI_COMM_WORLD, 2);
	for (int i = 0; i < threads; i++) {
		storms[i] = (struct storm){ .id = i,
					    .rounds = rounds,
					    .pause_us = pause_us };
		storms[i].local.s = seed + (uint64_t)(world_rank * 64 + i);
		make_comms(&storms[i]);
	}
	for (int i = 1; i < threads; i++)
		pthread_create(&ids[i], NULL, run, &storms[i]);
	run(&storms[0]);
	for (int i = 1; i < threads; i++)
		pthread_join(ids[i], NULL);
	report(storms, threads);
	for (int i = 0; i < threads; i++)
		for (int c = NCOMMS - 1; c >= 0; c--)
			MPI_Comm_free(&storms[i].comm[c]);
	MPI_Buffer_detach(&detached, &provided);
	MPI_Finalize();
	free(storms);
	free(ids);
	return 0;
}
