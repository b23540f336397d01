/* SPDX-License-Identifier: BSD-3-Clause */
/* test_handles.c - virtual handles, references, and ids of communicators */
#include <stdlib.h>

#include "mpi_wrappers/gid.h"
#include "mpi_wrappers/handles.h"
#include "runtime/process/process.h"
#include "tests/lib/unit.h"

/* libcairn's allocator, which the tables use, without libcairn. */
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

static int destroyed;

static void count_destroyed(void *object)
{
	(void)object;
	destroyed++;
}

static void test_layout(void)
{
	struct vobject *o = handle_new(V_TYPE, sizeof(*o));

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL((uint32_t)o->handle >> 30, 3);
	CU_ASSERT_EQUAL((uint32_t)o->handle >> 26 & 15, V_TYPE);
	CU_ASSERT_PTR_EQUAL(handle_get(V_TYPE, o->handle), o);
	CU_ASSERT_PTR_NULL(handle_get(V_COMM, o->handle));
	CU_ASSERT_PTR_NULL(handle_get(V_TYPE, o->handle + 1));
	CU_ASSERT_PTR_NULL(handle_get(V_TYPE, MPI_DATATYPE_NULL));
	CU_ASSERT_PTR_NULL(handle_get(V_TYPE, MPI_FLOAT_INT));
	object_put(o);
}

static void test_references(void)
{
	struct vobject *o = handle_new(V_INFO, sizeof(*o));
	int handle = o->handle;

	handle_set_destroy(V_INFO, count_destroyed);
	destroyed = 0;
	object_ref(o);
	object_put(o);
	CU_ASSERT_EQUAL(destroyed, 0);
	CU_ASSERT_PTR_EQUAL(handle_get(V_INFO, handle), o);
	object_put(o);
	CU_ASSERT_EQUAL(destroyed, 1);
	CU_ASSERT_PTR_NULL(handle_get(V_INFO, handle));
	object_put(NULL);
}

static void test_builtin(void)
{
	struct vobject *o = handle_builtin(V_COMM, MPI_COMM_WORLD, sizeof(*o));

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL(o->real.id, MPI_COMM_WORLD);
	CU_ASSERT_PTR_EQUAL(handle_get(V_COMM, MPI_COMM_WORLD), o);
	CU_ASSERT_PTR_NULL(handle_get(V_COMM, MPI_COMM_SELF));
	CU_ASSERT_PTR_EQUAL(handle_builtin(V_COMM, MPI_COMM_WORLD, sizeof(*o)),
			    o);
	object_put(o);
	CU_ASSERT_PTR_EQUAL(handle_get(V_COMM, MPI_COMM_WORLD), o);
}

#define MANY 3000 /* more than a leaf holds */

static int in_order(void *object, void *arg)
{
	const struct vobject *o = object;
	uint64_t *last = arg;

	if (o->serial <= *last)
		return -1;
	*last = o->serial;
	return 0;
}

static int stop_at_once(void *object, void *arg)
{
	(void)object;
	++*(int *)arg;
	return 7;
}

static void test_many(void)
{
	static struct vobject *o[MANY];
	uint64_t last = 0;
	int calls = 0;

	for (int i = 0; i < MANY; i++) {
		o[i] = handle_new(V_GROUP, sizeof(*o[i]));
		CU_ASSERT_PTR_NOT_NULL_FATAL(o[i]);
	}
	/* Indices come back in another order than they went. */
	for (int i = 0; i < MANY; i += 3)
		object_put(o[i]);
	for (int i = 0; i < MANY; i += 3)
		o[i] = handle_new(V_GROUP, sizeof(*o[i]));
	for (int i = 0; i < MANY; i++)
		CU_ASSERT_PTR_EQUAL(handle_get(V_GROUP, o[i]->handle), o[i]);
	CU_ASSERT_EQUAL(handle_each(V_GROUP, in_order, &last), 0);
	CU_ASSERT_EQUAL(handle_each(V_GROUP, stop_at_once, &calls), 7);
	CU_ASSERT_EQUAL(calls, 1);
	for (int i = 0; i < MANY; i++)
		object_put(o[i]);
	calls = 0;
	CU_ASSERT_EQUAL(handle_each(V_GROUP, stop_at_once, &calls), 0);
}

static void test_gids(void)
{
	const int ranks[] = { 3, 1, 2 }, others[] = { 1, 2, 3 };

	CU_ASSERT_EQUAL(gid_collective(GID_WORLD, 4, 0),
			gid_collective(GID_WORLD, 4, 0));
	CU_ASSERT_NOT_EQUAL(gid_collective(GID_WORLD, 4, 0),
			    gid_collective(GID_WORLD, 4, 1));
	CU_ASSERT_NOT_EQUAL(gid_collective(GID_WORLD, 4, 0),
			    gid_collective(GID_WORLD, 5, 0));
	CU_ASSERT_NOT_EQUAL(gid_self(0), gid_self(1));
	CU_ASSERT_NOT_EQUAL(gid_group(ranks, 3), gid_group(others, 3));
	CU_ASSERT_NOT_EQUAL(gid_group(ranks, 3), gid_group(ranks, 2));
}

static void test_ordinals(void)
{
	for (uint64_t key = 1; key < 500; key++)
		CU_ASSERT_EQUAL(gid_ordinal(key << 20), 0);
	for (uint64_t key = 1; key < 500; key++)
		CU_ASSERT_EQUAL(gid_ordinal(key << 20), 1);
}

static const struct unit_test handle_tests[] = {
	{ "a handle has MPICH's layout and leads to its record", test_layout },
	{ "a record goes with its last reference", test_references },
	{ "predefined handles have one record, for good", test_builtin },
	{ "records are found again and visited in order of making", test_many },
	{ 0 },
};

static const struct unit_test gid_tests[] = {
	{ "ids differ where communicators do", test_gids },
	{ "calls are counted by their key", test_ordinals },
	{ 0 },
};

static const struct unit_suite suites[] = {
	{ "handles", handle_tests },
	{ "gid", gid_tests },
	{ 0 },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
