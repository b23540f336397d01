/* SPDX-License-Identifier: BSD-3-Clause */
/* churn.c - a seeded coming and going of MPI objects, with messages between */

/*
 * churn [-o] [-s SEED] [-r ROUNDS] [-p PAUSE_US]
 *
 * All ranks draw the same schedule from the seed.  In each round a
 * communicator, a datatype, an operation or an attribute is made anew from the
 * others and an old one freed, or a collective runs.  Messages ("letters") are
 * sent in one round, received in another and waited for in a third, so that
 * objects are freed while requests still use them.  Nothing is compared here:
 * the digest over all that was received, and all that was asked about the
 * objects, depends on seed and number of ranks only, and must be the native
 * one.  Ranks on several nodes are told apart by MPI_Comm_split_type; with -o
 * nobody asks, and the digest does not depend on where they are.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "random.h"

#define SLOTS	  8    /* communicators that live at a time */
#define TYPES	  6    /* datatypes, the first is the base of all */
#define PENDING	  64   /* letters under way */
#define SPAN	  1024 /* words that a type may span */
#define WORDS	  (4 * SPAN)
#define LONG	  (64 * 1024) /* words of a letter that goes by rendezvous */
#define RANKS_MAX 16

struct slot {
	MPI_Comm comm; /* MPI_COMM_NULL: not mine, or none */
	int inter;     /* it has two sides */
	int side;      /* mine, of two */
};

enum progress { DRAWN, POSTED, DONE };

struct letter {
	enum progress progress;
	int slot, receives, peer, tag, mode, count;
	int post, wait; /* rounds */
	int wildcard, probes, persistent, large;
	MPI_Datatype type; /* a duplicate of its own until it is posted */
	MPI_Request request;
	uint64_t *words;
	size_t nwords;
};

static int world_rank, world_size, round_now;
static uint64_t seed = 1, digest, events;
static int pause_us;
static int as_one_node;		 /* -o */
static struct rng shared, local; /* the same on all ranks; my own */
static struct slot slots[SLOTS];
static MPI_Datatype types[TYPES], pair;
static MPI_Op compose;
static int keyval, copies, settings, deletions, calls;
static struct letter letters[PENDING];

static uint64_t word(uint64_t key, uint64_t i)
{
	struct rng r = { key + i * 0x2545f4914f6cdd1dULL };

	return draw(&r);
}

/* Adds up: what comes in another order among ranks gives the same. */
static void note(uint64_t what, uint64_t value)
{
	digest += word(value, what * 131 + (uint64_t)round_now);
	events++;
}

static void note_words(uint64_t what, const uint64_t *w, size_t n)
{
	uint64_t sum = n;

	for (size_t i = 0; i < n; i++)
		sum = sum * 0x100000001b3ULL + w[i];
	note(what, sum);
}

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "churn: seed %llu rank %d round %d: %s\n",
		(unsigned long long)seed, world_rank, round_now, what);
	MPI_Abort(MPI_COMM_WORLD, 3);
	abort();
}

static void *need(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		fail("out of memory");
	return p;
}

/* --- datatypes --------------------------------------------------------------
 */

static MPI_Datatype draw_type(const MPI_Datatype *from, MPI_Aint ub)
{
	MPI_Datatype made, two[2], old = from[0];
	int n = 1 + below(&shared, 4), b = 1 + below(&shared, 3);
	int gap = b + below(&shared, 3), at[4], len[4];
	MPI_Aint far[4];

	for (int i = 0, next = 0; i < 4; i++) {
		at[i] = next + below(&shared, 2);
		len[i] = 1 + below(&shared, 2);
		next = at[i] + 2;
		far[i] = at[i] * ub;
	}
	two[0] = old;
	two[1] = from[1];
	switch (below(&shared, 10)) {
	case 0:
		MPI_Type_contiguous(n, old, &made);
		break;
	case 1:
		MPI_Type_vector(n, b, gap, old, &made);
		break;
	case 2:
		MPI_Type_create_hvector(n, b, gap * ub, old, &made);
		break;
	case 3:
		MPI_Type_indexed(n, len, at, old, &made);
		break;
	case 4:
		MPI_Type_create_indexed_block(n, 2, at, old, &made);
		break;
	case 5:
		MPI_Type_create_hindexed(n, len, far, old, &made);
		break;
	case 6: {
		int one[2] = { n, 1 };
		MPI_Aint place[2] = { 0, n * ub };

		MPI_Type_create_struct(2, one, place, two, &made);
		break;
	}
	case 7:
		MPI_Type_create_resized(old, 0, ub + 8 * b, &made);
		break;
	case 8: {
		int sizes[2] = { 3, n + 1 }, sub[2] = { 2, n };
		int start[2] = { below(&shared, 2), below(&shared, 2) };

		MPI_Type_create_subarray(2, sizes, sub, start,
					 below(&shared, 2) ? MPI_ORDER_C :
							     MPI_ORDER_FORTRAN,
					 old, &made);
		break;
	}
	default:
		MPI_Type_dup(old, &made);
	}
	MPI_Type_commit(&made);
	return made;
}

static MPI_Aint span(MPI_Datatype type)
{
	MPI_Aint lb, extent, true_lb, true_extent;

	MPI_Type_get_extent(type, &lb, &extent);
	MPI_Type_get_true_extent(type, &true_lb, &true_extent);
	if (lb < 0 || true_lb < 0)
		fail("a type reaches below its buffer");
	return lb + extent > true_lb + true_extent ? lb + extent :
						     true_lb + true_extent;
}

static void change_type(void)
{
	int k = 1 + below(&shared, TYPES - 1), size;
	MPI_Datatype from[2] = { types[below(&shared, TYPES)],
				 types[below(&shared, TYPES)] };
	MPI_Datatype made = draw_type(from, span(from[0]));
	int ni, na, nd, combiner;

	MPI_Type_size(made, &size);
	MPI_Type_get_envelope(made, &ni, &na, &nd, &combiner);
	note(1, (uint64_t)size * 1000 + (uint64_t)span(made) +
			(uint64_t)(ni + na + nd) * 1000000);
	if (span(made) > SPAN * 8L) {
		MPI_Type_free(&made);
		MPI_Type_dup(MPI_UINT64_T, &made);
	}
	MPI_Type_free(&types[k]);
	types[k] = made;
}

/* --- letters ----------------------------------------------------------------
 */

static void fill(struct letter *l, uint64_t key)
{
	for (size_t i = 0; i < l->nwords; i++)
		l->words[i] = l->receives ? 0 : word(key, i);
}

static void send_letter(struct letter *l, MPI_Comm comm)
{
	switch (l->mode) {
	case 0:
		MPI_Issend(l->words, l->count, l->type, l->peer, l->tag, comm,
			   &l->request);
		break;
	case 1:
		if (!l->large) {
			MPI_Ibsend(l->words, l->count, l->type, l->peer, l->tag,
				   comm, &l->request);
			break;
		} /* fall through */
	case 2:
		l->persistent = 1;
		MPI_Send_init(l->words, l->count, l->type, l->peer, l->tag,
			      comm, &l->request);
		MPI_Start(&l->request);
		break;
	default:
		MPI_Isend(l->words, l->count, l->type, l->peer, l->tag, comm,
			  &l->request);
	}
}

static void receive_letter(struct letter *l, MPI_Comm comm)
{
	int from = l->wildcard ? MPI_ANY_SOURCE : l->peer, flag = 0;
	MPI_Message message;

	if (l->probes) {
		while (!flag)
			MPI_Improbe(from, l->tag, comm, &flag, &message,
				    MPI_STATUS_IGNORE);
		MPI_Imrecv(l->words, l->count, l->type, &message, &l->request);
	} else if (l->mode == 0) {
		l->persistent = 1;
		MPI_Recv_init(l->words, l->count, l->type, from, l->tag, comm,
			      &l->request);
		MPI_Start(&l->request);
	} else {
		MPI_Irecv(l->words, l->count, l->type, from, l->tag, comm,
			  &l->request);
	}
}

static void post(struct letter *l)
{
	MPI_Comm comm = slots[l->slot].comm;

	if (l->receives)
		receive_letter(l, comm);
	else
		send_letter(l, comm);
	MPI_Type_free(&l->type); /* the request keeps it */
	l->progress = POSTED;
}

static void finish(struct letter *l)
{
	MPI_Status status;
	int count, flag = 0;

	if (below(&local, 2)) {
		while (!flag)
			MPI_Test(&l->request, &flag, &status);
	} else {
		MPI_Wait(&l->request, &status);
	}
	if (l->receives) {
		MPI_Get_elements(&status, MPI_UINT64_T, &count);
		note(2, (uint64_t)count * 1000 + (uint64_t)status.MPI_SOURCE);
		note_words(3, l->words, l->nwords);
	}
	if (l->persistent)
		MPI_Request_free(&l->request);
	free(l->words);
	l->progress = DONE;
}

/* All that is to be sent or received through a slot, before it is freed.
 * Sends first: a receive may wait in its probe. */
static void post_all(int slot)
{
	for (int receives = 0; receives < 2; receives++)
		for (int i = 0; i < PENDING; i++)
			if (letters[i].progress == DRAWN &&
			    letters[i].slot == slot &&
			    letters[i].receives == receives)
				post(&letters[i]);
}

static void due_letters(void)
{
	for (int receives = 0; receives < 2; receives++)
		for (int i = 0; i < PENDING; i++)
			if (letters[i].progress == DRAWN &&
			    letters[i].post <= round_now &&
			    letters[i].receives == receives)
				post(&letters[i]);
	for (int i = 0; i < PENDING; i++)
		if (letters[i].progress == POSTED &&
		    letters[i].wait <= round_now)
			finish(&letters[i]);
}

static struct letter *free_letter(void)
{
	for (int i = 0; i < PENDING; i++)
		if (letters[i].progress == DONE)
			return &letters[i];
	return NULL;
}

/* Both halves are drawn on all members; each keeps its own. */
static void draw_letter(int slot, int nth)
{
	struct slot *s = &slots[slot];
	int me, mine, theirs, from, to, type = below(&shared, TYPES);
	struct letter draft = { .slot = slot }, *l;
	int delay[3], towards = below(&shared, 2);
	uint64_t key = draw(&shared), a = draw(&shared), b = draw(&shared);

	MPI_Comm_rank(s->comm, &me);
	MPI_Comm_size(s->comm, &mine);
	theirs = mine;
	if (s->inter)
		MPI_Comm_remote_size(s->comm, &theirs);
	for (int i = 0; i < 3; i++)
		delay[i] = below(&shared, 6);
	draft.mode = below(&shared, 4);
	draft.wildcard = below(&shared, 2);
	draft.large = below(&shared, 12) == 0;
	draft.count = 1 + below(&shared, 3);
	draft.tag = round_now * 8 + nth;
	/* Who sends is in the first group if the intercommunicator says so. */
	if (s->inter) {
		int sends = s->side == towards;

		from = (int)(a % (uint64_t)(sends ? mine : theirs));
		to = (int)(b % (uint64_t)(sends ? theirs : mine));
		draft.receives = !sends;
		if (me != (sends ? from : to))
			return;
	} else {
		from = (int)(a % (uint64_t)mine);
		to = (int)(b % (uint64_t)mine);
	}
	for (int half = 0; half < 2; half++) {
		int receives = half;

		if (s->inter ? receives != draft.receives :
			       me != (receives ? to : from))
			continue;
		l = free_letter();
		if (!l) /* the other half may have a place: both must */
			fail("too many letters");
		*l = draft;
		l->receives = receives;
		l->peer = receives ? from : to;
		/* A probe would wait for what is sent later. */
		l->probes = receives && draft.mode == 3;
		l->post = round_now + (receives ? delay[0] : delay[1]);
		if (l->probes && delay[0] < delay[1])
			l->post = round_now + delay[1];
		l->wait = round_now +
			  (delay[0] > delay[1] ? delay[0] : delay[1]) + 1 +
			  delay[2];
		MPI_Type_dup(draft.large ? MPI_UINT64_T : types[type],
			     &l->type);
		if (draft.large)
			l->count = LONG;
		l->nwords = draft.large ? LONG : WORDS;
		l->words = need(l->nwords * 8);
		fill(l, key);
	}
}

/* --- communicators ----------------------------------------------------------
 */

static int copy_value(MPI_Comm comm, int key, void *extra, void *in, void *out,
		      int *flag)
{
	(void)comm, (void)key, (void)extra;
	*(void **)out = (char *)in + 1;
	*flag = 1;
	copies++;
	return MPI_SUCCESS;
}

static int delete_value(MPI_Comm comm, int key, void *value, void *extra)
{
	(void)comm, (void)key, (void)value, (void)extra;
	if (++deletions > copies + settings)
		fail("an attribute is deleted that nobody set");
	return MPI_SUCCESS;
}

static void called(MPI_Comm *comm, int *code, ...)
{
	(void)comm;
	if (*code != MPI_ERR_OTHER)
		fail("a call failed");
	calls++;
}

static MPI_Comm make_two_sides(MPI_Comm parent, int me, int size)
{
	int low = me < size / 2;
	MPI_Comm half, made;

	MPI_Comm_split(parent, low, me, &half);
	MPI_Intercomm_create(half, 0, parent, low ? size / 2 : 0, 3, &made);
	MPI_Comm_free(&half);
	return made;
}

static MPI_Comm make_group(MPI_Comm parent, int me, int size, int create)
{
	int list[RANKS_MAX], n = 0;
	MPI_Group all, some;
	MPI_Comm made = MPI_COMM_NULL;

	for (int i = size - 1; i >= 0; i--)
		if (i == 0 || (draw(&shared) & 1))
			list[n++] = i;
	MPI_Comm_group(parent, &all);
	MPI_Group_incl(all, n, list, &some);
	for (int i = 0; i < n; i++)
		if (create || list[i] == me) {
			if (create)
				MPI_Comm_create(parent, some, &made);
			else
				MPI_Comm_create_group(parent, some, 5, &made);
			break;
		}
	MPI_Group_free(&all);
	MPI_Group_free(&some);
	return made;
}

static MPI_Comm make_topology(MPI_Comm parent, int me, int size)
{
	int dims[2] = { 0, 0 }, periods[2] = { 1, 0 }, keep[2] = { 1, 0 };
	int index[RANKS_MAX], edges[2 * RANKS_MAX], around[2];
	MPI_Comm made, grid;

	around[0] = (me + 1) % size;
	around[1] = (me + size - 1) % size;
	switch (below(&shared, 4)) {
	case 0:
		MPI_Dims_create(size, 2, dims);
		MPI_Cart_create(parent, 2, dims, periods, 0, &made);
		return made;
	case 1:
		MPI_Dims_create(size, 2, dims);
		MPI_Cart_create(parent, 2, dims, periods, 0, &grid);
		MPI_Cart_sub(grid, keep, &made);
		MPI_Comm_free(&grid);
		return made;
	case 2:
		for (int i = 0; i < size; i++) {
			index[i] = 2 * (i + 1);
			edges[2 * i] = (i + 1) % size;
			edges[2 * i + 1] = (i + size - 1) % size;
		}
		MPI_Graph_create(parent, size, index, edges, 0, &made);
		return made;
	default:
		MPI_Dist_graph_create_adjacent(parent, 1, &around[1],
					       MPI_UNWEIGHTED, 1, &around[0],
					       MPI_UNWEIGHTED, MPI_INFO_NULL, 0,
					       &made);
		return made;
	}
}

static MPI_Comm make_within(MPI_Comm parent)
{
	int me, size, what = below(&shared, 10), color, wish;
	MPI_Comm made = MPI_COMM_NULL;
	MPI_Request request;
	uint64_t key = draw(&shared);

	MPI_Comm_rank(parent, &me);
	MPI_Comm_size(parent, &size);
	switch (what) {
	case 0:
		MPI_Comm_dup(parent, &made);
		break;
	case 1:
		MPI_Comm_idup(parent, &made, &request);
		if (pause_us)
			usleep((useconds_t)below(&local, pause_us + 1));
		MPI_Wait(&request, MPI_STATUS_IGNORE);
		break;
	case 2:
		wish = (int)(word(key, (uint64_t)me) % 4);
		color = wish == 3 ? MPI_UNDEFINED : wish % 2;
		MPI_Comm_split(parent, color,
			       (int)(word(key, 99) % 3) * me - me, &made);
		break;
	case 3:
		if (as_one_node)
			MPI_Comm_split(parent, 0, -me, &made);
		else
			MPI_Comm_split_type(parent, MPI_COMM_TYPE_SHARED, -me,
					    MPI_INFO_NULL, &made);
		break;
	case 4:
	case 5:
		made = make_group(parent, me, size, what == 4);
		break;
	case 6:
		if (size > 1) {
			made = make_two_sides(parent, me, size);
			break;
		} /* fall through */
	case 7:
		MPI_Comm_split(parent, 0, size - me, &made);
		break;
	default:
		made = make_topology(parent, me, size);
	}
	return made;
}

static MPI_Comm make_between(const struct slot *parent)
{
	MPI_Comm made;

	if (below(&shared, 2))
		MPI_Comm_dup(parent->comm, &made);
	else
		MPI_Intercomm_merge(parent->comm, parent->side, &made);
	return made;
}

/* What a program can ask about a communicator. */
static void look_at(const struct slot *s)
{
	int world[RANKS_MAX], ranks[RANKS_MAX], size, me, kind, flag;
	char name[MPI_MAX_OBJECT_NAME];
	MPI_Group all, group;
	void *value;

	MPI_Comm_rank(s->comm, &me);
	MPI_Comm_size(s->comm, &size);
	MPI_Comm_group(s->comm, &group);
	MPI_Comm_group(MPI_COMM_WORLD, &all);
	for (int i = 0; i < size; i++)
		ranks[i] = i;
	MPI_Group_translate_ranks(group, size, ranks, all, world);
	for (int i = 0; i < size; i++)
		note(4, (uint64_t)(me * 100 + i * 10 + world[i]));
	MPI_Group_free(&group);
	MPI_Group_free(&all);
	MPI_Topo_test(s->comm, &kind);
	if (kind == MPI_CART) {
		int n, dims[2], periods[2], coords[2];

		MPI_Cartdim_get(s->comm, &n);
		MPI_Cart_get(s->comm, n, dims, periods, coords);
		for (int i = 0; i < n; i++)
			note(5, (uint64_t)(dims[i] * 100 + periods[i] * 10 +
					   coords[i]));
	}
	MPI_Comm_get_attr(s->comm, keyval, &value, &flag);
	note(6, flag ? (uint64_t)(uintptr_t)value : 77);
	MPI_Comm_get_name(s->comm, name, &size);
	for (int i = 0; i < size; i++)
		note(7, (uint64_t)name[i]);
	if (me == 0)
		MPI_Comm_call_errhandler(s->comm, MPI_ERR_OTHER);
}

static void free_slot(int k)
{
	post_all(k);
	if (slots[k].comm != MPI_COMM_NULL)
		MPI_Comm_free(&slots[k].comm);
}

static void dress(struct slot *s, uint64_t key)
{
	char name[32];
	MPI_Errhandler handler;

	MPI_Comm_test_inter(s->comm, &s->inter);
	MPI_Comm_create_errhandler(called, &handler);
	MPI_Comm_set_errhandler(s->comm, handler);
	MPI_Errhandler_free(&handler);
	if (key % 2) {
		settings++;
		MPI_Comm_set_attr(s->comm, keyval,
				  (void *)(uintptr_t)(key % 1000));
	}
	if (key % 3 == 0) {
		snprintf(name, sizeof(name), "churn %d", (int)(key % 100));
		MPI_Comm_set_name(s->comm, name);
	}
}

/* Both sides know which they are: by their smallest rank in the world. */
static int my_side(MPI_Comm comm)
{
	int mine[2] = { world_rank, 0 }, theirs[2] = { 0 };
	MPI_Group group, all;
	int n, in[RANKS_MAX], out[RANKS_MAX];

	MPI_Comm_group(comm, &group);
	MPI_Comm_group(MPI_COMM_WORLD, &all);
	for (int remote = 0; remote < 2; remote++) {
		int *least = remote ? theirs : mine;

		if (remote) {
			MPI_Group_free(&group);
			MPI_Comm_remote_group(comm, &group);
		}
		MPI_Group_size(group, &n);
		for (int i = 0; i < n; i++)
			in[i] = i;
		MPI_Group_translate_ranks(group, n, in, all, out);
		least[0] = out[0];
		for (int i = 1; i < n; i++)
			if (out[i] < least[0])
				least[0] = out[i];
	}
	MPI_Group_free(&group);
	MPI_Group_free(&all);
	return mine[0] > theirs[0];
}

static void change_comm(void)
{
	int k = 1 + below(&shared, SLOTS - 1), p = below(&shared, SLOTS);
	uint64_t key = draw(&shared);
	MPI_Comm made = MPI_COMM_NULL;

	if (p == k || below(&shared, 3) == 0)
		p = 0;
	free_slot(k);
	if (slots[p].comm != MPI_COMM_NULL)
		made = slots[p].inter ? make_between(&slots[p]) :
					make_within(slots[p].comm);
	slots[k].comm = made;
	if (made == MPI_COMM_NULL)
		return;
	dress(&slots[k], key);
	slots[k].side = slots[k].inter ? my_side(made) : 0;
	look_at(&slots[k]);
}

/* --- collectives ------------------------------------------------------------
 */

/* Maps x -> a x + b, one after the other: associative, not commutative. */
static void compose_maps(void *in, void *inout, int *n, MPI_Datatype *type)
{
	uint64_t *f = in, *g = inout;

	(void)type;
	for (int i = 0; i < *n; i++, f += 2, g += 2) {
		g[1] += g[0] * f[1];
		g[0] *= f[0];
	}
}

static void change_op(void)
{
	MPI_Op_free(&compose);
	MPI_Op_create(compose_maps, 0, &compose);
	if (below(&shared, 2)) {
		MPI_Type_free(&pair);
		MPI_Type_contiguous(2, MPI_UINT64_T, &pair);
		MPI_Type_commit(&pair);
	}
}

static void within(MPI_Comm comm)
{
	uint64_t key = draw(&shared), mine[2 * RANKS_MAX], got[WORDS] = { 0 };
	int counts[RANKS_MAX], at[RANKS_MAX], me, size, root, flag = 0;
	MPI_Request request;

	MPI_Comm_rank(comm, &me);
	MPI_Comm_size(comm, &size);
	root = below(&shared, 64) % size;
	for (int i = 0; i < 2 * RANKS_MAX; i++)
		mine[i] = word(key, (uint64_t)(me * 64 + i));
	for (int i = 0, next = 0; i < size; i++) {
		counts[i] = 1 + (int)(word(key, (uint64_t)i) % 2);
		at[i] = next;
		next += counts[i];
	}
	switch (below(&shared, 14)) {
	case 0:
		MPI_Allreduce(mine, got, 1, pair, compose, comm);
		break;
	case 1:
		MPI_Reduce(mine, got, 1, pair, compose, root, comm);
		break;
	case 2:
		MPI_Scan(mine, got, 1, pair, compose, comm);
		break;
	case 3:
		MPI_Exscan(mine, got, 1, pair, compose, comm);
		if (me == 0)
			got[0] = got[1] = 0; /* not defined there */
		break;
	case 4:
		MPI_Iallreduce(mine, got, 1, pair, compose, comm, &request);
		while (!flag)
			MPI_Test(&request, &flag, MPI_STATUS_IGNORE);
		break;
	case 5:
		MPI_Allgatherv(mine, counts[me], MPI_UINT64_T, got, counts, at,
			       MPI_UINT64_T, comm);
		break;
	case 6:
		MPI_Gatherv(mine, counts[me], MPI_UINT64_T, got, counts, at,
			    MPI_UINT64_T, root, comm);
		break;
	case 7:
		MPI_Scatterv(mine, counts, at, MPI_UINT64_T, got, counts[me],
			     MPI_UINT64_T, root, comm);
		break;
	case 8:
		MPI_Ialltoall(mine, 2, MPI_UINT64_T, got, 1, pair, comm,
			      &request);
		MPI_Wait(&request, MPI_STATUS_IGNORE);
		break;
	case 9:
		MPI_Reduce_scatter_block(mine, got, 1, MPI_UINT64_T, MPI_SUM,
					 comm);
		break;
	case 10:
		MPI_Ibarrier(comm, &request);
		if (pause_us)
			usleep((useconds_t)below(&local, pause_us + 1));
		MPI_Wait(&request, MPI_STATUS_IGNORE);
		break;
	case 11: {
		MPI_Datatype type = types[below(&shared, TYPES)];

		for (int i = 0; me == root && i < SPAN; i++)
			got[i] = word(key, (uint64_t)i);
		MPI_Bcast(got, 1, type, root, comm);
		break;
	}
	case 12:
		MPI_Allreduce_init(mine, got, 4, MPI_UINT64_T, MPI_MAX, comm,
				   MPI_INFO_NULL, &request);
		for (int i = 0; i < 2; i++) {
			MPI_Start(&request);
			MPI_Wait(&request, MPI_STATUS_IGNORE);
		}
		MPI_Request_free(&request);
		break;
	default:
		MPI_Barrier(comm);
	}
	note_words(8, got, WORDS);
}

static void among_neighbours(MPI_Comm comm)
{
	uint64_t mine[2 * RANKS_MAX], got[2 * RANKS_MAX] = { 0 };
	uint64_t key = draw(&shared);
	MPI_Request request;

	for (int i = 0; i < 2 * RANKS_MAX; i++)
		mine[i] = word(key, (uint64_t)(world_rank * 64 + i));
	switch (below(&shared, 3)) {
	case 0:
		MPI_Neighbor_allgather(mine, 1, MPI_UINT64_T, got, 1,
				       MPI_UINT64_T, comm);
		break;
	case 1:
		MPI_Neighbor_alltoall(mine, 1, MPI_UINT64_T, got, 1,
				      MPI_UINT64_T, comm);
		break;
	default:
		MPI_Ineighbor_allgather(mine, 1, pair, got, 2, MPI_UINT64_T,
					comm, &request);
		MPI_Wait(&request, MPI_STATUS_IGNORE);
	}
	note_words(9, got, 2 * RANKS_MAX);
}

static void between(const struct slot *s)
{
	uint64_t key = draw(&shared), mine[2 * RANKS_MAX];
	uint64_t got[2 * RANKS_MAX] = { 0 };
	int me, root;

	MPI_Comm_rank(s->comm, &me);
	for (int i = 0; i < 2 * RANKS_MAX; i++)
		mine[i] = word(key, (uint64_t)(world_rank * 64 + i));
	switch (below(&shared, 4)) {
	case 0:
		MPI_Allreduce(mine, got, 2, MPI_UINT64_T, MPI_SUM, s->comm);
		break;
	case 1:
		MPI_Allgather(mine, 2, MPI_UINT64_T, got, 1, pair, s->comm);
		break;
	case 2:
		root = s->side == 0 ? (me == 0 ? MPI_ROOT : MPI_PROC_NULL) : 0;
		MPI_Bcast(s->side == 0 ? mine : got, 2, MPI_UINT64_T, root,
			  s->comm);
		break;
	default:
		MPI_Barrier(s->comm);
	}
	note_words(10, got, 2 * RANKS_MAX);
}

/* Not on a communicator with attributes: MPICH copies them for itself then. */
static void open_window(MPI_Comm comm)
{
	uint64_t memory = 0, value = word(draw(&shared), (uint64_t)world_rank);
	MPI_Comm plain;
	int me, size;
	MPI_Win win;

	MPI_Comm_rank(comm, &me);
	MPI_Comm_size(comm, &size);
	MPI_Comm_split(comm, 0, me, &plain);
	MPI_Win_create(&memory, 8, 8, MPI_INFO_NULL, plain, &win);
	MPI_Comm_free(&plain);
	MPI_Win_fence(0, win);
	MPI_Put(&value, 1, MPI_UINT64_T, (me + 1) % size, 0, 1, MPI_UINT64_T,
		win);
	MPI_Win_fence(0, win);
	note(11, memory);
	MPI_Win_free(&win);
}

static void collective(int slot)
{
	struct slot *s = &slots[slot];
	int kind;

	MPI_Topo_test(s->comm, &kind);
	if (s->inter)
		between(s);
	else if (below(&shared, 25) == 0)
		open_window(s->comm);
	else if (kind != MPI_UNDEFINED && below(&shared, 2))
		among_neighbours(s->comm);
	else
		within(s->comm);
}

/* --- the storm --------------------------------------------------------------
 */

static void one_round(void)
{
	int what, slot, left = 0;

	shared.s = word(seed, (uint64_t)round_now);
	what = below(&shared, 10);
	slot = below(&shared, SLOTS);
	due_letters();
	if (what == 0)
		change_type();
	else if (what == 1)
		change_op();
	else if (what < 5)
		change_comm();
	else if (slots[slot].comm == MPI_COMM_NULL)
		return;
	else if (what < 7)
		collective(slot);
	else
		for (int n = 1 + below(&shared, 3); n > 0; n--)
			draw_letter(slot, n);
	for (int i = 0; i < PENDING; i++)
		left += letters[i].progress != DONE;
	if (left > PENDING / 2)
		fail("letters pile up");
	if (pause_us && below(&local, 4) == 0)
		usleep((useconds_t)below(&local, pause_us + 1));
}

static void begin(void)
{
	MPI_Comm_create_keyval(copy_value, delete_value, &keyval, NULL);
	MPI_Op_create(compose_maps, 0, &compose);
	MPI_Type_contiguous(2, MPI_UINT64_T, &pair);
	MPI_Type_commit(&pair);
	for (int i = 0; i < TYPES; i++)
		MPI_Type_dup(MPI_UINT64_T, &types[i]);
	for (int i = 0; i < SLOTS; i++)
		slots[i].comm = MPI_COMM_NULL;
	for (int i = 0; i < PENDING; i++)
		letters[i].progress = DONE;
	MPI_Comm_dup(MPI_COMM_WORLD, &slots[0].comm);
	dress(&slots[0], 1);
}

static void end(void)
{
	uint64_t mine[2], all[2];

	for (int i = 0; i < SLOTS; i++)
		post_all(i);
	for (int i = 0; i < PENDING; i++)
		if (letters[i].progress == POSTED)
			finish(&letters[i]);
	for (int i = SLOTS - 1; i >= 0; i--)
		free_slot(i);
	note(12, (uint64_t)copies);
	/* Deletions are not told: MPICH's own are late, or do not come at all,
	 * when a request outlives its communicator. */
	note(14, (uint64_t)calls);
	mine[0] = digest;
	mine[1] = events;
	MPI_Reduce(mine, all, 2, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
	if (world_rank == 0)
		printf("churn: seed %llu, %llu answers, digest %016llx\n",
		       (unsigned long long)seed, (unsigned long long)all[1],
		       (unsigned long long)all[0]);
	for (int i = 0; i < TYPES; i++)
		MPI_Type_free(&types[i]);
	MPI_Type_free(&pair);
	MPI_Op_free(&compose);
	MPI_Comm_free_keyval(&keyval);
}

int main(int argc, char **argv)
{
	static char attached[4 << 20];
	int rounds = 300, opt, size;
	void *detached;

	while ((opt = getopt(argc, argv, "os:r:p:")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'r')
			rounds = atoi(optarg);
		else if (opt == 'p')
			pause_us = atoi(optarg);
		else if (opt == 'o')
			as_one_node = 1;
		else
			return 2;
	}
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
	MPI_Comm_size(MPI_COMM_WORLD, &world_size);
	if (world_size > RANKS_MAX)
		MPI_Abort(MPI_COMM_WORLD, 2);
	MPI_Buffer_attach(attached, sizeof(attached));
	local.s = seed + (uint64_t)world_rank;
	begin();
	for (round_now = 0; round_now < rounds; round_now++)
		one_round();
	end();
	MPI_Buffer_detach(&detached, &size);
	MPI_Finalize();
	return 0;
}
