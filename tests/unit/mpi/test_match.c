/* SPDX-License-Identifier: BSD-3-Clause */
/* test_match.c - the drain queue follows MPI's matching rules */
#include <stdlib.h>

#include "mpi_wrappers/match.h"
#include "mpi_wrappers/request.h"
#include "runtime/process/process.h"
#include "tests/lib/unit.h"

/* libcairn's allocator, which the queue uses, without libcairn. */
void *upper_alloc(size_t size)
{
	return calloc(1, size);
}

void *upper_realloc(void *p, size_t size)
{
	return realloc(p, size);
}

void upper_free(void *p)
{
	free(p);
}

static struct vcomm one = { .obj = { .handle = MPI_COMM_WORLD, .refs = 1 } };
static struct vcomm two = { .obj = { .handle = MPI_COMM_SELF, .refs = 1 } };

static struct drained *add(struct vcomm *comm, int source, int tag)
{
	struct drained *d = upper_alloc(sizeof(*d));

	d->comm = comm;
	d->source = source;
	d->tag = tag;
	d->real = MPI_REQUEST_NULL;
	match_append(d);
	return d;
}

/* Takes what a receive with these arguments gets. */
static int gets(struct vcomm *comm, int source, int tag, struct drained *want)
{
	struct drained *d = match_take(comm, source, tag);
	int ok = d == want;

	drained_free(d);
	return ok;
}

/* What a message takes is known until it is freed: also one without bytes. */
static void charged(void)
{
	struct drained *a = add(&one, 3, 7), *b = add(&one, 3, 7);

	match_charge(a, 1000);
	CU_ASSERT_EQUAL(a->len, 1000);
	CU_ASSERT(match_bytes > 1000);
	match_charge(b, 0);
	CU_ASSERT(match_bytes > 1000 + sizeof(*b));
	CU_ASSERT(gets(&one, 3, 7, a));
	CU_ASSERT(match_bytes > 0 && match_bytes < 1000);
	CU_ASSERT(gets(&one, 3, 7, b));
	CU_ASSERT_EQUAL(match_bytes, 0);
}

static void in_order(void)
{
	struct drained *a = add(&one, 3, 7), *b = add(&one, 3, 7);

	CU_ASSERT(match_any());
	CU_ASSERT(match_peek(&one, 3, 7) == a);
	CU_ASSERT(gets(&one, 3, 7, a));
	CU_ASSERT(gets(&one, 3, 7, b));
	CU_ASSERT(gets(&one, 3, 7, NULL));
	CU_ASSERT(!match_any());
}

static void wildcards(void)
{
	struct drained *a = add(&one, 1, 5), *b = add(&one, 2, 5);
	struct drained *c = add(&one, 1, 6), *d = add(&one, 2, 6);

	CU_ASSERT(gets(&one, MPI_ANY_SOURCE, 6, c));
	CU_ASSERT(gets(&one, 2, MPI_ANY_TAG, b));
	CU_ASSERT(gets(&one, 3, MPI_ANY_TAG, NULL));
	CU_ASSERT(gets(&one, MPI_ANY_SOURCE, MPI_ANY_TAG, a));
	CU_ASSERT(gets(&one, MPI_ANY_SOURCE, MPI_ANY_TAG, d));
}

static void communicators(void)
{
	struct drained *a = add(&one, 0, 1), *b = add(&two, 0, 1);

	CU_ASSERT(match_peek(&two, MPI_ANY_SOURCE, MPI_ANY_TAG) == b);
	CU_ASSERT(gets(&two, 0, 1, b));
	CU_ASSERT(gets(&two, 0, 1, NULL));
	CU_ASSERT(gets(&one, 0, 1, a));
}

static void nobody(void)
{
	struct drained *a = add(&one, 0, 1);

	CU_ASSERT(gets(&one, MPI_PROC_NULL, MPI_ANY_TAG, NULL));
	CU_ASSERT(gets(&one, MPI_ANY_SOURCE, MPI_ANY_TAG, a));
}

static void returned(void)
{
	struct drained *a = add(&one, 0, 1), *b = add(&one, 0, 1);

	CU_ASSERT(match_take(&one, 0, 1) == a);
	match_return(a);
	CU_ASSERT(gets(&one, 0, 1, a));
	CU_ASSERT(gets(&one, 0, 1, b));
}

static void from_the_end(void)
{
	struct drained *a = add(&one, 0, 1), *b = add(&one, 0, 1);

	add(&one, 0, 2);
	add(&two, 0, 1);
	CU_ASSERT(match_from_end(&one, 0, 1, 0) == b);
	CU_ASSERT(match_from_end(&one, 0, 1, 1) == a);
	CU_ASSERT(match_from_end(&one, 0, 1, 2) == NULL);
	CU_ASSERT(match_from_end(&one, 1, 1, 0) == NULL);
	while (match_any()) {
		drained_free(match_take(&one, MPI_ANY_SOURCE, MPI_ANY_TAG));
		drained_free(match_take(&two, MPI_ANY_SOURCE, MPI_ANY_TAG));
	}
}

static void threaded(void)
{
	request_init(true);
	in_order();
	wildcards();
	returned();
	from_the_end();
	request_init(false);
}

static const struct unit_test tests[] = {
	{ "what a message takes is charged until it is freed", charged },
	{ "messages of one source and tag leave in the order they came",
	  in_order },
	{ "a wildcard takes the oldest message that fits", wildcards },
	{ "messages of another communicator do not match", communicators },
	{ "MPI_PROC_NULL matches nothing", nobody },
	{ "a message that was put back is the next one again", returned },
	{ "a message is found by how many lie behind it", from_the_end },
	{ "all of it holds under locks", threaded },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "match", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
