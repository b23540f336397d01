/* SPDX-License-Identifier: BSD-3-Clause */
/* agree.c - what only some ranks still have, agreed on before a rebuild */
#include "mpi_wrappers/agree.h"

#include <errno.h>
#include <string.h>

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/request.h"
#include "runtime/process/process.h"

/* --- everybody's words ------------------------------------------------------
 */

struct words {
	int *word;
	size_t n, room;
	int ret;
};

static void put(struct words *w, const int *from, size_t n)
{
	if (w->n + n > w->room) {
		size_t room = 2 * (w->n + n) + 64;
		int *more = upper_realloc(w->word, room * sizeof(*more));

		if (!more) {
			w->ret = -ENOMEM;
			return;
		}
		w->word = more;
		w->room = room;
	}
	if (n)
		memcpy(w->word + w->n, from, n * sizeof(*from));
	w->n += n;
}

static void put_one(struct words *w, int value)
{
	put(w, &value, 1);
}

static void put_long(struct words *w, uint64_t value)
{
	put_one(w, (int)(uint32_t)value);
	put_one(w, (int)(uint32_t)(value >> 32));
}

static uint64_t get_long(const int *word)
{
	return (uint32_t)word[0] | (uint64_t)(uint32_t)word[1] << 32;
}

static int gather_counts(int mine, int *counts)
{
	return cross_call_stack(real_fn(FN_MPI_Allgather),
				(const long[]){ (long)&mine, 1, MPI_INT,
						(long)counts, 1, MPI_INT,
						comm_private.id },
				7) ?
		       -EIO :
		       0;
}

static int gather_words(const struct words *mine, const int *counts,
			const int *at, struct words *all)
{
	return cross_call_stack(real_fn(FN_MPI_Allgatherv),
				(const long[]){ (long)mine->word, (long)mine->n,
						MPI_INT, (long)all->word,
						(long)counts, (long)at, MPI_INT,
						comm_private.id },
				8) ?
		       -EIO :
		       0;
}

/* All ranks' words one after another; usually none.  Frees mine. */
static int gather(struct words *mine, struct words *all)
{
	int size = comm_world->size;
	int *counts = upper_alloc(2 * (size_t)size * sizeof(*counts));
	int *at = counts ? counts + size : NULL;
	int ret = counts ? mine->ret : -ENOMEM;

	*all = (struct words){ 0 };
	if (!ret)
		ret = gather_counts((int)mine->n, counts);
	for (int i = 0; i < size && !ret; i++) {
		at[i] = (int)all->n;
		all->n += (size_t)counts[i];
	}
	if (!ret && all->n) {
		all->word = upper_alloc(all->n * sizeof(*all->word));
		ret = all->word ? gather_words(mine, counts, at, all) : -ENOMEM;
	}
	upper_free(counts);
	upper_free(mine->word);
	return ret;
}

/* --- freed communicators ----------------------------------------------------
 */

/* Records made for members that have none.  File-scope: one rebuild at a time.
 */
static struct {
	struct vcomm *comm;
	int n, room;
} ghosts;

/* A freed communicator's words: gid, size, remote size, members. */
#define FREED_HEAD 4

static int put_freed(struct vrequest *rq, void *arg)
{
	const struct vcomm *c = rq->comm;
	struct words *w = arg;

	if (!c || !c->freed || rq->op == OP_OURS || (rq->state != REQ_POSTED && !rq->persistent))
		return 0;
	put_long(w, c->gid);
	put_one(w, c->size);
	put_one(w, c->remote_size);
	put(w, c->world, (size_t)c->size);
	if (c->remote_size)
		put(w, c->peer, (size_t)c->remote_size);
	return w->ret;
}

struct search {
	uint64_t gid;
	struct vcomm *found;
};

static int search_one(void *object, void *arg)
{
	struct vcomm *c = object;
	struct search *s = arg;

	if (c->gid == s->gid)
		s->found = c;
	return 0;
}

static bool has_rank(const int *ranks, int n, int rank)
{
	for (int i = 0; i < n; i++)
		if (ranks[i] == rank)
			return true;
	return false;
}

/* This rank's record, or a ghost: the members seen from our side. */
static struct vcomm *freed_record(const int *words)
{
	struct search s = { .gid = get_long(words) };
	int size = words[2], remote = words[3];
	const int *a = words + FREED_HEAD, *b = a + size;
	struct vcomm *c;

	handle_each(V_COMM, search_one, &s);
	if (s.found)
		return s.found;
	c = &ghosts.comm[ghosts.n++];
	*c = (struct vcomm){ .gid = s.gid, .freed = true };
	if (has_rank(a, size, comm_world->rank)) {
		c->world = a;
		c->size = size;
		c->remote_size = remote;
		c->peer = remote ? b : a;
	} else {
		c->world = b;
		c->size = remote;
		c->remote_size = size;
		c->peer = a;
	}
	c->npeers = remote ? c->remote_size : size;
	return c;
}

/* Several ranks and requests may name the same one. */
static bool named_before(const struct words *all, size_t i)
{
	for (size_t k = 0; k < i;
	     k += FREED_HEAD + (size_t)(all->word[k + 2] + all->word[k + 3]))
		if (get_long(all->word + k) == get_long(all->word + i))
			return true;
	return false;
}

static struct words freed;

int agree_freed(int (*fn)(void *comm, void *arg), void *arg, struct err *err)
{
	struct words mine = { 0 };
	size_t next;
	int ret = request_each(put_freed, &mine);

	mine.ret = mine.ret ? mine.ret : ret;
	ret = gather(&mine, &freed);
	if (!ret && freed.n)
		ghosts.comm = upper_alloc(freed.n / FREED_HEAD *
					  sizeof(*ghosts.comm));
	if (!ret && freed.n && !ghosts.comm)
		ret = -ENOMEM;
	for (size_t i = 0; i < freed.n && !ret; i = next) {
		const int *w = freed.word + i;
		int members = w[2] + w[3];

		next = i + FREED_HEAD + (size_t)members;
		if (has_rank(w + FREED_HEAD, members, comm_world->rank) &&
		    !named_before(&freed, i))
			ret = fn(freed_record(w), arg);
	}
	return ret ? err_set(err, ret,
			     "the ranks cannot agree on which communicators "
			     "are in use") :
		     0;
}

void agree_freed_drop(void)
{
	for (int i = 0; i < ghosts.n; i++)
		if (ghosts.comm[i].obj.real.id)
			(void)REAL(Comm_free, &ghosts.comm[i].obj.real.id);
	upper_free(ghosts.comm);
	upper_free(freed.word);
	ghosts.comm = NULL;
	ghosts.n = 0;
	freed = (struct words){ 0 };
}

/* --- persistent collectives
 * ---------------------------------------------------
 */

/* Words: gid, ordinal. */
#define PERSISTENT_LEN 4
static struct words persistent;

static int put_persistent(struct vrequest *rq, void *arg)
{
	struct words *w = arg;

	if (rq->op != OP_PERSISTENT_COLLECTIVE)
		return 0;
	put_long(w, rq->comm->gid);
	put_long(w, rq->ordinal);
	return w->ret;
}

int agree_persistent(void)
{
	struct words mine = { 0 };
	int ret = request_each(put_persistent, &mine);

	mine.ret = mine.ret ? mine.ret : ret;
	return gather(&mine, &persistent);
}

bool agree_is_shared(const struct vrequest *rq)
{
	int have = 0;

	for (size_t i = 0; i < persistent.n; i += PERSISTENT_LEN)
		have += get_long(persistent.word + i) == rq->comm->gid &&
			get_long(persistent.word + i + 2) == rq->ordinal;
	return have == rq->comm->size + rq->comm->remote_size;
}

void agree_persistent_drop(void)
{
	upper_free(persistent.word);
	persistent = (struct words){ 0 };
}
