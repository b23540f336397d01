/* SPDX-License-Identifier: BSD-3-Clause */
/* mixed.c - the half of mixed.f90 that is C: handles that cross both ways */
#include <mpi.h>
#include <stddef.h>

/* What Fortran has made, as C and as Fortran call it.  File-scope: a program's
 * other half, which keeps them from step to step. */
static struct {
	MPI_Comm comm;
	MPI_Datatype type;
	MPI_Op op;
	MPI_Group group;
	MPI_Info info;
	MPI_Errhandler handler;
	MPI_Request request;
} kept;
static MPI_Fint number[7];
static int hits, keyval;

static void c_fold(void *in, void *inout, int *len, MPI_Datatype *type)
{
	int *a = in, *b = inout;

	(void)type;
	for (int i = 0; i < *len; i++)
		b[i] = (a[i] * 29 + b[i]) & 0xfffff;
}

static void c_on_error(MPI_Comm *comm, int *code, ...)
{
	(void)comm;
	(void)code;
	hits++;
}

/* Handles of Fortran's, in the order of number[]. */
void c_keep(const MPI_Fint *handles)
{
	for (int i = 0; i < 7; i++)
		number[i] = handles[i];
	kept.comm = MPI_Comm_f2c(number[0]);
	kept.type = MPI_Type_f2c(number[1]);
	kept.op = MPI_Op_f2c(number[2]);
	kept.group = MPI_Group_f2c(number[3]);
	kept.info = MPI_Info_f2c(number[4]);
	kept.handler = MPI_Errhandler_f2c(number[5]);
	kept.request = MPI_Request_f2c(number[6]);
}

/* Objects of C's for Fortran: a communicator, a type, an op, an error handler;
 * and an attribute of it under a key of C's. */
void c_make(MPI_Fint *handles, MPI_Fint *key)
{
	static int value = 4711;
	MPI_Comm comm;
	MPI_Datatype type;
	MPI_Op op;
	MPI_Errhandler handler;

	MPI_Comm_dup(kept.comm, &comm);
	MPI_Type_vector(3, 1, 2, MPI_INT, &type);
	MPI_Type_commit(&type);
	MPI_Op_create(c_fold, 0, &op);
	MPI_Comm_create_errhandler(c_on_error, &handler);
	MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN,
			       &keyval, NULL);
	MPI_Comm_set_attr(comm, keyval, &value);
	handles[0] = MPI_Comm_c2f(comm);
	handles[1] = MPI_Type_c2f(type);
	handles[2] = MPI_Op_c2f(op);
	handles[3] = MPI_Errhandler_c2f(handler);
	*key = keyval;
}

/* What C has kept still has Fortran's numbers, whatever happened since. */
static int numbers_differ(void)
{
	return (MPI_Comm_c2f(kept.comm) != number[0]) +
	       (MPI_Type_c2f(kept.type) != number[1]) +
	       (MPI_Op_c2f(kept.op) != number[2]) +
	       (MPI_Group_c2f(kept.group) != number[3]) +
	       (MPI_Info_c2f(kept.info) != number[4]) +
	       (MPI_Errhandler_c2f(kept.handler) != number[5]) +
	       (MPI_Request_c2f(kept.request) != number[6]);
}

/* One step with Fortran's objects in C: a reduction with its op, which Fortran
 * folds; its info and group; its persistent receive, which Fortran waits for.
 * Returns a number that depends on all of them, or -1. */
int c_step(int word)
{
	int in = word, out = 0, size = 0, found = 0;
	char value[16];

	if (numbers_differ())
		return -1;
	MPI_Allreduce(&in, &out, 1, MPI_INT, kept.op, kept.comm);
	MPI_Group_size(kept.group, &size);
	MPI_Info_get(kept.info, "step", (int)sizeof(value) - 1, value, &found);
	if (!found || value[0] != 'f')
		return -1;
	MPI_Start(&kept.request);
	if (MPI_Request_c2f(kept.request) != number[6])
		return -1;
	return out * 4 + size;
}

/* Fortran's error handler is called for C's mistake; it counts in Fortran. */
void c_mistake(void)
{
	MPI_Comm copy;

	MPI_Comm_dup(kept.comm, &copy);
	MPI_Comm_set_errhandler(copy, kept.handler);
	MPI_Send(NULL, 0, MPI_INT, 1000, 0, copy);
	MPI_Comm_free(&copy);
}

/* What Fortran has set is seen through a pointer in C. */
int c_attribute(MPI_Fint comm, MPI_Fint key)
{
	MPI_Aint *value;
	int there = 0;

	MPI_Comm_get_attr(MPI_Comm_f2c(comm), (int)key, &value, &there);
	return there ? (int)*value : -1;
}

/* A receive of C's, completed by Fortran. */
MPI_Fint c_receive(int *buffer, int source)
{
	MPI_Request request;

	MPI_Irecv(buffer, 3, MPI_INT, source, 9, kept.comm, &request);
	return MPI_Request_c2f(request);
}

/* A status of Fortran's, by way of C's: count, source, tag, and back. */
int c_receipt(const MPI_Fint *status, MPI_Fint *back)
{
	MPI_Status s;
	int count;

	MPI_Status_f2c(status, &s);
	MPI_Get_count(&s, MPI_INT, &count);
	MPI_Status_c2f(&s, back);
	return count * 10000 + s.MPI_TAG * 100 + s.MPI_SOURCE;
}

int c_hits(void)
{
	return hits;
}
