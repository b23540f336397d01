/* SPDX-License-Identifier: BSD-3-Clause */
/* private.c - Cairn's own messages between ranks, on comm_private */
#include "mpi_wrappers/private.h"

#include <errno.h>
#include <string.h>

#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/process/process.h"

/* One message under way, in either direction. */
struct letter {
	struct letter *next;
	int real;
	int peer, tag;
	uint32_t len;
	char data[];
};

static struct letter *outbox, *inbox;
static bool used; /* has this rank ever sent one? */
static atomic_flag lock = ATOMIC_FLAG_INIT;

/* Nobody waits for it: whoever holds it does the work for all. */
static bool lock_try(void)
{
	return !atomic_flag_test_and_set_explicit(&lock, memory_order_acquire);
}

static void lock_take_(void)
{
	while (!lock_try())
		sys_call(SYS_sched_yield);
}

static void lock_give_(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

static struct letter *letter_new(int peer, int tag, uint32_t len)
{
	struct letter *l = upper_alloc(sizeof(*l) + len);

	if (!l)
		return NULL;
	l->real = MPI_REQUEST_NULL;
	l->peer = peer;
	l->tag = tag;
	l->len = len;
	return l;
}

/* Is it all here, or all gone? */
static bool letter_done(struct letter *l)
{
	int done = 0;
	int ret = REAL(Test, &l->real, &done, MPI_STATUS_IGNORE);

	return done || ret != MPI_SUCCESS;
}

/* --- out ---------------------------------------------------------------------
 */

/* Under lock. */
static uint32_t outbox_test(void)
{
	struct letter **p = &outbox;
	uint32_t n = 0;

	while (*p) {
		struct letter *l = *p;

		if (letter_done(l)) {
			*p = l->next;
			upper_free(l);
		} else {
			p = &l->next;
			n++;
		}
	}
	return n;
}

uint32_t private_sending(void)
{
	uint32_t n;

	lock_take_();
	n = outbox_test();
	lock_give_();
	return n;
}

int private_send(int to, enum private_tag tag, const void *data, uint32_t len)
{
	struct letter *l = letter_new(to, (int)tag, len);
	int ret;

	if (!l)
		return -ENOMEM;
	memcpy(l->data, data, len);
	ret = (int)cross_call_stack(real_fn(FN_MPI_Issend),
				    (const long[]){ (long)l->data, len,
						    MPI_BYTE, to, tag,
						    comm_private.id,
						    (long)&l->real },
				    7);
	if (ret) {
		upper_free(l);
		return -EIO;
	}
	lock_take_();
	l->next = outbox;
	outbox = l;
	used = true;
	outbox_test();
	lock_give_();
	return 0;
}

/* --- in ----------------------------------------------------------------------
 */

static void act(const struct letter *l)
{
	switch (l->tag) {
	case PRIVATE_ACK:
		peer_count(&peers[l->peer].acks_received);
		sync_acknowledged(*(const uint64_t *)l->data);
		break;
	case PRIVATE_ASK:
		drain_asked(l->peer, (const struct private_ask *)l->data);
		break;
	case PRIVATE_FULL:
		drain_full(l->peer, *(const uint32_t *)l->data);
		break;
	case PRIVATE_TAKE_BACK:
		drain_take_back(l->peer, (const struct private_ask *)l->data);
		break;
	case PRIVATE_TAKEN_BACK:
		drain_taken_back(l->peer, (const struct private_ask *)l->data);
		break;
	case PRIVATE_MARKER:
		drain_marked(l->peer, l->data, l->len);
		break;
	}
}

/* Begin to receive one message; NULL if none has come, or there is no memory
 * for it yet.  Under lock: nobody else takes what was seen. */
static struct letter *letter_begin(void)
{
	MPI_Status status;
	MPI_Count len = 0;
	struct letter *l;
	int flag = 0;

	if (REAL(Iprobe, MPI_ANY_SOURCE, MPI_ANY_TAG, comm_private.id, &flag,
		 &status) ||
	    !flag)
		return NULL;
	(void)REAL(Get_elements_x, &status, MPI_BYTE, &len);
	l = letter_new(status.MPI_SOURCE, status.MPI_TAG, (uint32_t)len);
	if (!l)
		return NULL;
	if (cross_call_stack(real_fn(FN_MPI_Irecv),
			     (const long[]){ (long)l->data, l->len, MPI_BYTE,
					     l->peer, l->tag, comm_private.id,
					     (long)&l->real },
			     7)) {
		upper_free(l);
		return NULL;
	}
	return l;
}

/* Under lock: those whose bytes are here, out of the inbox. */
static struct letter *inbox_arrived(void)
{
	struct letter **p = &inbox, *arrived = NULL, **end = &arrived;

	while (*p) {
		struct letter *l = *p;

		if (!letter_done(l)) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		l->next = NULL;
		*end = l;
		end = &l->next;
	}
	return arrived;
}

static void inbox_append(struct letter *l)
{
	struct letter **p = &inbox;

	while (*p)
		p = &(*p)->next;
	*p = l;
}

int private_service(struct thread_ctx *ctx)
{
	struct letter *l, *arrived;
	int n = 0;

	(void)ctx;
	if (!lock_try())
		return 0;
	while ((l = letter_begin()))
		inbox_append(l);
	arrived = inbox_arrived();
	outbox_test();
	lock_give_();
	while ((l = arrived)) {
		arrived = l->next;
		act(l);
		upper_free(l);
		n++;
	}
	return n;
}

bool private_idle(void)
{
	return !inbox;
}

bool private_used(void)
{
	return used;
}

static void letters_free(struct letter **list)
{
	struct letter *l;

	while ((l = *list)) {
		*list = l->next;
		upper_free(l);
	}
}

void private_forget(void)
{
	letters_free(&outbox);
	letters_free(&inbox);
}
