/* SPDX-License-Identifier: BSD-3-Clause */
/* bad_input.c - wrong calls of MPI, and the error class that each gives */
#include <stdlib.h>

#include "tries.h"

/*
 * Prints one line a call: its text, the class of what it returned, and which
 * error handler was called how often with which class.  The same lines must
 * come natively and under Cairn.  Calls on which MPICH 4.0.2 itself crashes or
 * reads freed memory are not here.
 *
 * bad_input N runs only the Nth call (0, 1, ...): to find such calls.
 * bad_input freed runs those with freed handles.
 */
static void on_world(MPI_Comm *comm, int *code, ...)
{
	(void)comm;
	hear(0, *code);
}

static void on_dup(MPI_Comm *comm, int *code, ...)
{
	(void)comm;
	hear(1, *code);
}

/* What the calls work on.  The real library knows a freed communicator; of
 * other kinds it reads what it freed, so these are handles that it never gave.
 */
static MPI_Comm dup_comm, gone_comm, no_comm = MPI_COMM_NULL;
static MPI_Datatype pair, uncommitted, wild_type, no_type = MPI_DATATYPE_NULL;
static MPI_Group group, wild_group, no_group = MPI_GROUP_NULL;
static MPI_Op op, wild_op, no_op = MPI_OP_NULL;
static MPI_Info info, wild_info, no_info = MPI_INFO_NULL;
static MPI_Errhandler wild_handler, no_handler = MPI_ERRHANDLER_NULL;
static int keyval, wild_keyval, no_keyval = MPI_KEYVAL_INVALID;
static MPI_Request none = MPI_REQUEST_NULL, active, persistent;
static MPI_Message no_message = MPI_MESSAGE_NULL;
static MPI_Request nones[2] = { MPI_REQUEST_NULL, MPI_REQUEST_NULL };
static MPI_Status statuses[2];
static MPI_Comm made;
static MPI_Datatype made_type;
static int buf[8], out[8], flag, n, many[4] = { 1, 1, 1, 1 };
static MPI_Aint aints[4];
static MPI_Aint aint;
static void *pointer;
static char name[MPI_MAX_OBJECT_NAME];

static void add(void *in, void *inout, int *len, MPI_Datatype *type)
{
	(void)in, (void)inout, (void)len, (void)type;
}

static void set_up(void)
{
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_dup(MPI_COMM_SELF, &dup_comm);
	MPI_Comm_set_errhandler(dup_comm, MPI_ERRORS_RETURN);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
	MPI_Type_contiguous(2, MPI_INT, &pair);
	MPI_Type_commit(&pair);
	MPI_Type_contiguous(3, MPI_INT, &uncommitted);
	MPI_Comm_group(MPI_COMM_WORLD, &group);
	MPI_Op_create(add, 1, &op);
	MPI_Info_create(&info);
	MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN,
			       &keyval, NULL);
	MPI_Recv_init(buf, 1, MPI_INT, 0, 77, dup_comm, &persistent);
}

/* A handle of the kind of `like` that no object ever had. */
static int wild(int like)
{
	return (int)(((unsigned int)like & 0x3c000000) | 0xc3fff000);
}

static void make_bad(void)
{
	wild_type = wild(pair);
	wild_group = wild(group);
	wild_op = wild(op);
	wild_info = wild(info);
	wild_handler = wild(MPI_ERRORS_RETURN);
	wild_keyval = wild(keyval);
}

/* --- requests ----------------------------------------------------------------
 */

/* Before any communicator is made: it could get this handle. */
static void freed_communicator(void)
{
	MPI_Comm comm;

	MPI_Comm_dup(MPI_COMM_SELF, &comm);
	gone_comm = comm;
	MPI_Comm_free(&comm);
	TRY(MPI_Send(buf, 1, MPI_INT, 0, 0, gone_comm));
	TRY(MPI_Recv(buf, 1, MPI_INT, 0, 0, gone_comm, &status));
	TRY(MPI_Iprobe(0, 0, gone_comm, &flag, &status));
	TRY(MPI_Bcast(buf, 1, MPI_INT, 0, gone_comm));
	TRY(MPI_Barrier(gone_comm));
	TRY(MPI_Comm_dup(gone_comm, &made));
	TRY(MPI_Comm_rank(gone_comm, &n));
	TRY(MPI_Comm_compare(dup_comm, gone_comm, &n));
	TRY(MPI_Topo_test(gone_comm, &n));
	TRY(MPI_Comm_call_errhandler(gone_comm, MPI_ERR_ARG));
	TRY(MPI_Comm_delete_attr(gone_comm, keyval));
}

static void requests_of_nothing(void)
{
	TRY(MPI_Wait(NULL, &status));
	TRY(MPI_Test(NULL, &flag, &status));
	TRY(MPI_Test(&none, NULL, &status));
	TRY(MPI_Waitall(1, NULL, statuses));
	TRY(MPI_Waitall(-1, nones, statuses));
	TRY(MPI_Waitall(2, nones, NULL));
	TRY(MPI_Testall(1, NULL, &flag, statuses));
	TRY(MPI_Testall(-1, nones, &flag, statuses));
	TRY(MPI_Testall(2, nones, NULL, statuses));
	TRY(MPI_Testall(2, nones, &flag, NULL));
	TRY(MPI_Waitany(2, NULL, &n, &status));
	TRY(MPI_Waitany(-1, nones, &n, &status));
	TRY(MPI_Waitany(2, nones, NULL, &status));
	TRY(MPI_Waitany(2, nones, &n, NULL));
	TRY(MPI_Testany(2, NULL, &n, &flag, &status));
	TRY(MPI_Testany(-1, nones, &n, &flag, &status));
	TRY(MPI_Testany(2, nones, NULL, &flag, &status));
	TRY(MPI_Testany(2, nones, &n, NULL, &status));
	TRY(MPI_Testany(2, nones, &n, &flag, NULL));
	TRY(MPI_Waitsome(2, NULL, &n, out, statuses));
	TRY(MPI_Waitsome(-1, nones, &n, out, statuses));
	TRY(MPI_Waitsome(2, nones, NULL, out, statuses));
	TRY(MPI_Waitsome(2, nones, &n, NULL, statuses));
	TRY(MPI_Waitsome(2, nones, &n, out, NULL));
	TRY(MPI_Testsome(2, NULL, &n, out, statuses));
	TRY(MPI_Testsome(-1, nones, &n, out, statuses));
	TRY(MPI_Testsome(2, nones, NULL, out, statuses));
	TRY(MPI_Testsome(2, nones, &n, NULL, statuses));
	TRY(MPI_Testsome(2, nones, &n, out, NULL));
	TRY(MPI_Waitall(0, NULL, NULL));
	TRY(MPI_Testall(0, NULL, &flag, NULL));
	TRY(MPI_Waitany(0, NULL, &n, &status));
	TRY(MPI_Cancel(NULL));
	TRY(MPI_Cancel(&none));
	TRY(MPI_Request_free(NULL));
	TRY(MPI_Request_free(&none));
	TRY(MPI_Request_get_status(none, NULL, &status));
	TRY(MPI_Request_get_status(none, &flag, &status));
	TRY(MPI_Start(NULL));
	TRY(MPI_Start(&none));
	TRY(MPI_Startall(-1, nones));
	TRY(MPI_Startall(1, NULL));
	TRY(MPI_Startall(1, nones));
	TRY(MPI_Get_count(NULL, MPI_INT, &n));
	TRY(MPI_Get_count(&status, no_type, &n));
	TRY(MPI_Get_count(&status, MPI_INT, NULL));
	TRY(MPI_Get_elements(NULL, MPI_INT, &n));
	TRY(MPI_Get_elements(&status, MPI_INT, NULL));
	TRY(MPI_Test_cancelled(NULL, &flag));
	TRY(MPI_Test_cancelled(&status, NULL));
	TRY(MPI_Status_set_cancelled(NULL, 1));
	TRY(MPI_Status_set_elements(NULL, MPI_INT, 1));
	TRY(MPI_Status_set_elements(&status, MPI_INT, -1));
}

static void requests_under_way(void)
{
	MPI_Irecv(buf, 1, MPI_INT, 0, 1, dup_comm, &active);
	nones[1] = active;
	TRY(MPI_Wait(&active, NULL));
	TRY(MPI_Test(&active, NULL, &status));
	TRY(MPI_Test(&active, &flag, NULL));
	TRY(MPI_Testall(2, nones, NULL, statuses));
	TRY(MPI_Testany(2, nones, NULL, &flag, &status));
	TRY(MPI_Testany(2, nones, &n, NULL, &status));
	TRY(MPI_Testsome(2, nones, NULL, out, statuses));
	TRY(MPI_Testsome(2, nones, &n, NULL, statuses));
	TRY(MPI_Waitany(2, nones, NULL, &status));
	TRY(MPI_Waitsome(2, nones, NULL, out, statuses));
	TRY(MPI_Waitall(2, nones, NULL));
	TRY(MPI_Request_get_status(active, NULL, &status));
	TRY(MPI_Request_get_status(active, &flag, NULL));
	TRY(MPI_Start(&active));
	nones[1] = MPI_REQUEST_NULL;
	/* All that left the receive where it was. */
	TRY(MPI_Send(out, 1, MPI_INT, 0, 1, dup_comm));
	TRY(MPI_Wait(&active, &status));
	TRY(MPI_Wait(&persistent, &status));
	TRY(MPI_Start(&persistent));
	TRY(MPI_Start(&persistent));
	TRY(MPI_Send(out, 1, MPI_INT, 0, 77, dup_comm));
	TRY(MPI_Wait(&persistent, &status));
	/* Too long for its receiver. */
	MPI_Irecv(buf, 1, MPI_INT, 0, 2, dup_comm, &active);
	TRY(MPI_Send(out, 4, MPI_INT, 0, 2, dup_comm));
	TRY(MPI_Wait(&active, &status));
	MPI_Irecv(buf, 1, MPI_INT, 0, 2, dup_comm, &nones[0]);
	MPI_Irecv(buf, 4, MPI_INT, 0, 3, dup_comm, &nones[1]);
	TRY(MPI_Send(out, 4, MPI_INT, 0, 2, dup_comm));
	TRY(MPI_Send(out, 4, MPI_INT, 0, 3, dup_comm));
	TRY(MPI_Waitall(2, nones, statuses));
	MPI_Irecv(buf, 1, MPI_INT, 0, 2, dup_comm, &nones[0]);
	TRY(MPI_Send(out, 4, MPI_INT, 0, 2, dup_comm));
	TRY(MPI_Waitany(1, nones, &n, &status));
	MPI_Irecv(buf, 1, MPI_INT, 0, 2, dup_comm, &nones[0]);
	TRY(MPI_Send(out, 4, MPI_INT, 0, 2, dup_comm));
	TRY(MPI_Testany(1, nones, &n, &flag, &status));
	MPI_Irecv(buf, 1, MPI_INT, 0, 2, dup_comm, &nones[0]);
	TRY(MPI_Send(out, 4, MPI_INT, 0, 2, dup_comm));
	TRY(MPI_Testsome(1, nones, &n, out, statuses));
	TRY(MPI_Waitall(1, nones, statuses));
	nones[0] = nones[1] = MPI_REQUEST_NULL;
}

/* --- messages ----------------------------------------------------------------
 */

static void sends(void)
{
	TRY(MPI_Send(buf, 1, MPI_INT, 99, 0, dup_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, -7, 0, dup_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, MPI_ANY_SOURCE, 0, dup_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, 0, -5, dup_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, 0, MPI_ANY_TAG, dup_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, 0, 0x7fffffff, dup_comm));
	TRY(MPI_Send(buf, -1, MPI_INT, 0, 0, dup_comm));
	TRY(MPI_Send(NULL, 1, MPI_INT, 0, 0, dup_comm));
	TRY(MPI_Send(buf, 1, no_type, 0, 0, dup_comm));
	TRY(MPI_Send(buf, 1, uncommitted, 0, 0, dup_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, 0, 0, no_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, 0, 0, (MPI_Comm)12345));
	TRY(MPI_Send(buf, 1, (MPI_Datatype)dup_comm, 0, 0, dup_comm));
	TRY(MPI_Send(buf, 1, MPI_INT, 0, 0, (MPI_Comm)pair));
	TRY(MPI_Ssend(buf, 1, MPI_INT, 99, 0, dup_comm));
	TRY(MPI_Bsend(buf, 1, MPI_INT, 0, 0, dup_comm)); /* no buffer */
	TRY(MPI_Bsend(buf, 1, no_type, 0, 0, dup_comm));
	TRY(MPI_Rsend(buf, 1, MPI_INT, 0, -5, dup_comm));
	TRY(MPI_Isend(buf, 1, MPI_INT, 99, 0, dup_comm, &active));
	TRY(MPI_Isend(buf, 1, MPI_INT, 0, 0, dup_comm, NULL));
	TRY(MPI_Isend(buf, -1, MPI_INT, 0, 0, dup_comm, &active));
	TRY(MPI_Issend(buf, 1, MPI_INT, 0, 0, dup_comm, NULL));
	TRY(MPI_Ibsend(buf, 1, MPI_INT, 0, 0, dup_comm, NULL));
	TRY(MPI_Ibsend(buf, 1, MPI_INT, 0, 0, dup_comm, &active));
	TRY(MPI_Send_init(buf, 1, MPI_INT, 99, 0, dup_comm, &active));
	TRY(MPI_Send_init(buf, 1, MPI_INT, 0, 0, dup_comm, NULL));
	TRY(MPI_Bsend_init(buf, 1, MPI_INT, 0, -5, dup_comm, &active));
	TRY(MPI_Buffer_attach(NULL, -1));
	TRY(MPI_Buffer_detach(NULL, &n));
}

static void receives(void)
{
	TRY(MPI_Recv(buf, 1, MPI_INT, 99, 0, dup_comm, &status));
	TRY(MPI_Recv(buf, 1, MPI_INT, 0, -5, dup_comm, &status));
	TRY(MPI_Recv(buf, -1, MPI_INT, 0, 0, dup_comm, &status));
	TRY(MPI_Recv(NULL, 1, MPI_INT, 0, 0, dup_comm, &status));
	TRY(MPI_Recv(buf, 1, no_type, 0, 0, dup_comm, &status));
	TRY(MPI_Recv(buf, 1, MPI_INT, 0, 0, no_comm, &status));
	TRY(MPI_Recv(buf, 1, MPI_INT, 0, 0, dup_comm, NULL));
	TRY(MPI_Irecv(buf, 1, MPI_INT, 99, 0, dup_comm, &active));
	TRY(MPI_Irecv(buf, 1, MPI_INT, 0, 0, dup_comm, NULL));
	TRY(MPI_Irecv(buf, 1, uncommitted, 0, 0, dup_comm, &active));
	TRY(MPI_Sendrecv(buf, 1, MPI_INT, 99, 0, out, 1, MPI_INT, 0, 0,
			 dup_comm, &status));
	TRY(MPI_Sendrecv(buf, 1, MPI_INT, 0, 0, out, 1, MPI_INT, 99, 0,
			 dup_comm, &status));
	TRY(MPI_Sendrecv(buf, 4, MPI_INT, 0, 0, out, 1, MPI_INT, 0, 0, dup_comm,
			 &status));
	TRY(MPI_Sendrecv(buf, 1, MPI_INT, 0, 0, out, 1, MPI_INT, 0, 0, dup_comm,
			 NULL));
	TRY(MPI_Sendrecv_replace(buf, 1, MPI_INT, 0, 0, 0, 0, dup_comm, NULL));
	TRY(MPI_Sendrecv_replace(buf, -1, MPI_INT, 0, 0, 0, 0, dup_comm,
				 &status));
	TRY(MPI_Sendrecv_replace(buf, 1, no_type, 0, 0, 0, 0, dup_comm,
				 &status));
	TRY(MPI_Probe(99, 0, dup_comm, &status));
	TRY(MPI_Probe(0, 0, dup_comm, NULL));
	TRY(MPI_Probe(0, -5, dup_comm, &status));
	TRY(MPI_Probe(0, 0, no_comm, &status));
	TRY(MPI_Iprobe(99, 0, dup_comm, &flag, &status));
	TRY(MPI_Iprobe(0, 0, dup_comm, NULL, &status));
	TRY(MPI_Mprobe(99, 0, dup_comm, &no_message, &status));
	TRY(MPI_Mprobe(0, 0, dup_comm, NULL, &status));
	TRY(MPI_Improbe(99, 0, dup_comm, &flag, &no_message, &status));
	TRY(MPI_Improbe(0, 0, dup_comm, NULL, &no_message, &status));
	TRY(MPI_Improbe(0, 0, dup_comm, &flag, NULL, &status));
	TRY(MPI_Mrecv(buf, 1, MPI_INT, &no_message, &status));
	TRY(MPI_Mrecv(buf, 1, MPI_INT, NULL, &status));
	TRY(MPI_Imrecv(buf, 1, MPI_INT, &no_message, &active));
	TRY(MPI_Imrecv(buf, 1, MPI_INT, NULL, &active));
	/* a blocking receive that is too short */
	MPI_Isend(buf, 4, MPI_INT, 0, 9, dup_comm, &active);
	TRY(MPI_Recv(out, 1, MPI_INT, 0, 9, dup_comm, &status));
	TRY(MPI_Wait(&active, &status));
	MPI_Isend(buf, 4, MPI_INT, 0, 9, dup_comm, &active);
	if (only < 0)
		MPI_Mprobe(0, 9, dup_comm, &no_message, &status);
	TRY(MPI_Mrecv(out, 1, MPI_INT, &no_message, &status));
	TRY(MPI_Wait(&active, &status));
	no_message = MPI_MESSAGE_NULL;
}

/* --- collectives -------------------------------------------------------------
 */

static void collectives(void)
{
	TRY(MPI_Bcast(buf, 1, MPI_INT, 99, dup_comm));
	TRY(MPI_Bcast(buf, -1, MPI_INT, 0, dup_comm));
	TRY(MPI_Bcast(buf, 1, MPI_INT, 0, no_comm));
	TRY(MPI_Barrier(no_comm));
	TRY(MPI_Ibarrier(dup_comm, NULL));
	TRY(MPI_Reduce(buf, out, 1, MPI_INT, no_op, 0, dup_comm));
	TRY(MPI_Reduce(buf, out, 1, MPI_INT, wild_op, 0, dup_comm));
	TRY(MPI_Reduce(buf, out, 1, pair, MPI_SUM, 0, dup_comm));
	TRY(MPI_Reduce(buf, buf, 1, MPI_INT, MPI_SUM, 0, dup_comm));
	TRY(MPI_Reduce(buf, out, 1, MPI_INT, MPI_SUM, 5, dup_comm));
	TRY(MPI_Allreduce(NULL, out, 1, MPI_INT, MPI_SUM, dup_comm));
	TRY(MPI_Allreduce(buf, out, 1, MPI_DOUBLE, MPI_BAND, dup_comm));
	TRY(MPI_Allreduce(buf, out, 1, no_type, MPI_SUM, dup_comm));
	TRY(MPI_Allreduce(buf, out, 1, MPI_INT, (MPI_Op)dup_comm, dup_comm));
	TRY(MPI_Iallreduce(buf, out, 1, MPI_INT, MPI_SUM, dup_comm, NULL));
	TRY(MPI_Iallreduce(buf, out, 1, MPI_INT, wild_op, dup_comm, &active));
	TRY(MPI_Gather(buf, 1, MPI_INT, out, 1, MPI_INT, 4, dup_comm));
	TRY(MPI_Gather(buf, 2, MPI_INT, out, 1, MPI_INT, 0, dup_comm));
	TRY(MPI_Scatter(buf, -1, MPI_INT, out, 1, MPI_INT, 0, dup_comm));
	TRY(MPI_Allgather(buf, 1, MPI_INT, NULL, 1, MPI_INT, dup_comm));
	TRY(MPI_Alltoall(buf, 1, no_type, out, 1, MPI_INT, dup_comm));
	TRY(MPI_Scan(buf, out, 1, MPI_INT, no_op, dup_comm));
	TRY(MPI_Reduce_local(buf, out, 1, MPI_INT, wild_op));
	TRY(MPI_Neighbor_allgather(buf, 1, MPI_INT, out, 1, MPI_INT, dup_comm));
	TRY(MPI_Ibcast(buf, 1, MPI_INT, 0, dup_comm, NULL));
	TRY(MPI_Bcast_init(buf, 1, MPI_INT, 99, dup_comm, no_info, &active));
	TRY(MPI_Barrier_init(dup_comm, no_info, NULL));
}

/* --- objects -----------------------------------------------------------------
 */

static void communicators(void)
{
	TRY(MPI_Comm_dup(dup_comm, NULL));
	TRY(MPI_Comm_dup(no_comm, &made));
	TRY(MPI_Comm_dup_with_info(dup_comm, wild_info, &made));
	TRY(MPI_Comm_dup_with_info(dup_comm, no_info, NULL));
	TRY(MPI_Comm_idup(dup_comm, NULL, &active));
	TRY(MPI_Comm_idup(dup_comm, &made, NULL));
	TRY(MPI_Comm_create(dup_comm, no_group, &made));
	TRY(MPI_Comm_create(dup_comm, wild_group, &made));
	TRY(MPI_Comm_create(dup_comm, MPI_GROUP_EMPTY, NULL));
	TRY(MPI_Comm_create_group(dup_comm, no_group, 0, &made));
	TRY(MPI_Comm_create_group(dup_comm, MPI_GROUP_EMPTY, 0, NULL));
	TRY(MPI_Comm_create_group(dup_comm, wild_group, 0, &made));
	TRY(MPI_Comm_split(dup_comm, -3, 0, &made));
	TRY(MPI_Comm_split(dup_comm, 0, 0, NULL));
	TRY(MPI_Comm_split_type(dup_comm, 999, 0, no_info, &made));
	TRY(MPI_Comm_split_type(dup_comm, MPI_COMM_TYPE_SHARED, 0, no_info,
				NULL));
	TRY(MPI_Comm_free(NULL));
	TRY(MPI_Comm_free(&no_comm));
	TRY(MPI_Comm_disconnect(NULL));
	TRY(MPI_Comm_disconnect(&no_comm));
	TRY(MPI_Comm_rank(dup_comm, NULL));
	TRY(MPI_Comm_rank(no_comm, &n));
	TRY(MPI_Comm_size(dup_comm, NULL));
	TRY(MPI_Comm_remote_size(dup_comm, &n));
	TRY(MPI_Comm_test_inter(dup_comm, NULL));
	TRY(MPI_Comm_compare(dup_comm, dup_comm, NULL));
	TRY(MPI_Comm_group(dup_comm, NULL));
	TRY(MPI_Comm_remote_group(dup_comm, &group));
	TRY(MPI_Comm_set_name(dup_comm, NULL));
	TRY(MPI_Comm_get_name(dup_comm, NULL, &n));
	TRY(MPI_Comm_get_name(dup_comm, name, NULL));
	TRY(MPI_Comm_get_name(no_comm, name, &n));
	TRY(MPI_Intercomm_create(dup_comm, 5, dup_comm, 0, 0, &made));
	TRY(MPI_Intercomm_create(dup_comm, 0, dup_comm, 0, 0, &made));
	TRY(MPI_Intercomm_create(dup_comm, 0, no_comm, 0, 0, NULL));
	TRY(MPI_Cart_create(dup_comm, -1, many, many, 0, &made));
	TRY(MPI_Cart_create(dup_comm, 2, (int[]){ 7, 7 }, many, 0, &made));
	TRY(MPI_Cart_create(dup_comm, 1, NULL, many, 0, &made));
	TRY(MPI_Cart_create(dup_comm, 1, many, many, 0, NULL));
	TRY(MPI_Cart_coords(dup_comm, 0, 1, out));
	TRY(MPI_Cart_sub(dup_comm, many, &made));
	TRY(MPI_Graph_create(dup_comm, 5, many, many, 0, &made));
	TRY(MPI_Graph_neighbors_count(dup_comm, 0, &n));
	TRY(MPI_Dist_graph_create_adjacent(dup_comm, -1, many, MPI_UNWEIGHTED,
					   1, many, MPI_UNWEIGHTED, no_info, 0,
					   &made));
	TRY(MPI_Dist_graph_neighbors_count(dup_comm, &n, &n, &flag));
	TRY(MPI_Dims_create(6, 2, (int[]){ 4, 0 }));
	TRY(MPI_Dims_create(6, 2, NULL));
	TRY(MPI_Topo_test(dup_comm, NULL));
}

static void groups(void)
{
	MPI_Group some;

	TRY(MPI_Group_free(NULL));
	TRY(MPI_Group_free(&no_group));
	TRY(MPI_Group_size(no_group, &n));
	TRY(MPI_Group_size(wild_group, &n));
	TRY(MPI_Group_size(group, NULL));
	TRY(MPI_Group_rank(group, NULL));
	TRY(MPI_Group_incl(group, 1, (int[]){ 99 }, &some));
	TRY(MPI_Group_incl(group, -1, many, &some));
	TRY(MPI_Group_incl(group, 1, (int[]){ 0 }, NULL));
	TRY(MPI_Group_excl(group, 2, (int[]){ 0, 0 }, &some));
	TRY(MPI_Group_union(group, no_group, &some));
	TRY(MPI_Group_union(group, group, NULL));
	TRY(MPI_Group_compare(group, wild_group, &n));
	TRY(MPI_Group_translate_ranks(group, 1, (int[]){ 99 }, group, out));
	TRY(MPI_Group_range_incl(group, 1, (int[][3]){ { 0, 5, 1 } }, &some));
	TRY(MPI_Group_range_incl(group, 1, (int[][3]){ { 0, 1, 0 } }, &some));
}

static void datatypes(void)
{
	TRY(MPI_Type_contiguous(2, MPI_INT, NULL));
	TRY(MPI_Type_contiguous(-2, MPI_INT, &made_type));
	TRY(MPI_Type_contiguous(2, no_type, &made_type));
	TRY(MPI_Type_vector(2, -1, 1, MPI_INT, &made_type));
	TRY(MPI_Type_vector(2, 1, 1, MPI_INT, NULL));
	TRY(MPI_Type_indexed(2, NULL, many, MPI_INT, &made_type));
	TRY(MPI_Type_create_struct(2, many, aints, NULL, &made_type));
	TRY(MPI_Type_create_struct(2, many, aints,
				   (MPI_Datatype[]){ MPI_INT, no_type },
				   &made_type));
	TRY(MPI_Type_create_struct(2, many, aints,
				   (MPI_Datatype[]){ MPI_INT, wild_type },
				   &made_type));
	TRY(MPI_Type_create_struct(-1, many, aints, &pair, &made_type));
	TRY(MPI_Type_create_subarray(1, many, (int[]){ 5 }, many, MPI_ORDER_C,
				     MPI_INT, &made_type));
	TRY(MPI_Type_create_f90_real(500, 500, &made_type));
	TRY(MPI_Type_match_size(MPI_TYPECLASS_REAL, 3, &made_type));
	TRY(MPI_Type_commit(&no_type));
	TRY(MPI_Type_commit(&wild_type));
	TRY(MPI_Type_free(&no_type));
	TRY(MPI_Type_free(&wild_type));
	made_type = MPI_INT;
	TRY(MPI_Type_free(&made_type));
	TRY(MPI_Type_dup(no_type, &made_type));
	TRY(MPI_Type_dup(pair, NULL));
	TRY(MPI_Type_size(pair, NULL));
	TRY(MPI_Type_size(no_type, &n));
	TRY(MPI_Type_get_extent(pair, NULL, &aint));
	TRY(MPI_Type_get_envelope(pair, NULL, out, out, out));
	TRY(MPI_Type_get_contents(MPI_INT, 1, 1, 1, out, aints, &made_type));
	TRY(MPI_Type_get_contents(pair, 0, 0, 0, out, aints, &made_type));
	TRY(MPI_Type_set_name(pair, NULL));
	TRY(MPI_Type_get_name(pair, NULL, &n));
	TRY(MPI_Pack(buf, 1, MPI_INT, out, 32, NULL, dup_comm));
	n = 0;
	TRY(MPI_Pack(buf, 4, MPI_INT, out, 1, &n, dup_comm));
	TRY(MPI_Pack_size(1, no_type, dup_comm, &n));
	TRY(MPI_Pack_size(1, MPI_INT, dup_comm, NULL));
	TRY(MPI_Unpack(buf, -1, &n, out, 1, MPI_INT, dup_comm));
	TRY(MPI_Get_address(buf, NULL));
}

static void small_objects(void)
{
	MPI_Errhandler handler = MPI_ERRORS_RETURN;

	TRY(MPI_Op_create(NULL, 1, &op));
	TRY(MPI_Op_create(add, 1, NULL));
	TRY(MPI_Op_free(NULL));
	TRY(MPI_Op_free(&no_op));
	TRY(MPI_Op_free(&wild_op));
	TRY(MPI_Op_commutative(no_op, &n));
	TRY(MPI_Op_commutative(op, NULL));
	TRY(MPI_Info_create(NULL));
	TRY(MPI_Info_set(no_info, "a", "b"));
	TRY(MPI_Info_set(wild_info, "a", "b"));
	TRY(MPI_Info_set(info, NULL, "b"));
	TRY(MPI_Info_set(info, "a", NULL));
	TRY(MPI_Info_set(info, "", "b"));
	TRY(MPI_Info_get(info, "a", -1, name, &flag));
	TRY(MPI_Info_get(info, "a", 5, NULL, &flag));
	TRY(MPI_Info_get(info, "a", 5, name, NULL));
	TRY(MPI_Info_delete(info, "absent"));
	TRY(MPI_Info_get_nkeys(info, NULL));
	TRY(MPI_Info_get_nthkey(info, 7, name));
	TRY(MPI_Info_dup(info, NULL));
	TRY(MPI_Info_dup(no_info, &made));
	TRY(MPI_Info_free(NULL));
	TRY(MPI_Info_free(&no_info));
	TRY(MPI_Info_free(&wild_info));
	TRY(MPI_Comm_create_errhandler(NULL, &handler));
	TRY(MPI_Comm_create_errhandler(on_dup, NULL));
	TRY(MPI_Comm_set_errhandler(dup_comm, no_handler));
	TRY(MPI_Comm_set_errhandler(dup_comm, wild_handler));
	TRY(MPI_Comm_set_errhandler(no_comm, MPI_ERRORS_RETURN));
	TRY(MPI_Comm_get_errhandler(dup_comm, NULL));
	TRY(MPI_Comm_call_errhandler(dup_comm, MPI_ERR_RANK));
	TRY(MPI_Errhandler_free(NULL));
	TRY(MPI_Errhandler_free(&no_handler));
	TRY(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN,
				   MPI_COMM_NULL_DELETE_FN, NULL, NULL));
	TRY(MPI_Comm_free_keyval(NULL));
	TRY(MPI_Comm_free_keyval(&no_keyval));
	TRY(MPI_Comm_set_attr(dup_comm, no_keyval, buf));
	TRY(MPI_Comm_set_attr(no_comm, keyval, buf));
	TRY(MPI_Comm_set_attr(dup_comm, wild_keyval, buf));
	TRY(MPI_Comm_set_attr(dup_comm, MPI_TAG_UB, buf));
	TRY(MPI_Comm_get_attr(dup_comm, no_keyval, &pointer, &flag));
	TRY(MPI_Comm_get_attr(dup_comm, keyval, NULL, &flag));
	TRY(MPI_Comm_get_attr(dup_comm, keyval, &pointer, NULL));
	TRY(MPI_Comm_delete_attr(dup_comm, no_keyval));
	TRY(MPI_Type_set_attr(no_type, keyval, buf));
	TRY(MPI_Type_get_attr(pair, keyval, &pointer, &flag));
	TRY(MPI_Error_class(-1, &n));
	TRY(MPI_Error_class(MPI_ERR_ARG, NULL));
	TRY(MPI_Error_string(MPI_ERR_ARG, NULL, &n));
	TRY(MPI_Add_error_class(NULL));
	TRY(MPI_Add_error_code(MPI_ERR_ARG, NULL));
	TRY(MPI_Add_error_string(MPI_ERR_ARG, "a text"));
	TRY(MPI_Add_error_string(-1, NULL));
	TRY(MPI_Get_processor_name(NULL, &n));
	TRY(MPI_Get_version(NULL, &n));
	TRY(MPI_Initialized(NULL));
	TRY(MPI_Finalized(NULL));
	TRY(MPI_Query_thread(NULL));
	TRY(MPI_Is_thread_main(NULL));
	TRY(MPI_Alloc_mem(-1, no_info, &pointer));
	TRY(MPI_Alloc_mem(8, no_info, NULL));
	TRY(MPI_Grequest_start(NULL, NULL, NULL, NULL, NULL));
	TRY(MPI_Grequest_complete(MPI_REQUEST_NULL));
	TRY(MPI_Init(NULL, NULL));
}

/* Errors of these would stay in MPICH's table and come out elsewhere. */
static int work_query(void *state, MPI_Status *s)
{
	(void)state;
	(void)s;
	return MPI_SUCCESS;
}

static int work_free(void *state)
{
	(void)state;
	return MPI_SUCCESS;
}

static int work_cancel(void *state, int complete)
{
	(void)state;
	(void)complete;
	return MPI_SUCCESS;
}

static void generalized_requests(void)
{
	MPI_Request work;

	TRY(MPI_Grequest_start(work_query, work_free, NULL, NULL, &work));
	TRY(MPI_Grequest_start(work_query, work_free, work_cancel, NULL, NULL));
	TRY(MPIX_Grequest_start(work_query, work_free, work_cancel, NULL, NULL,
				NULL, &work));
	TRY(MPI_Grequest_complete(persistent));
	MPI_Grequest_start(work_query, work_free, work_cancel, NULL, &work);
	TRY(MPI_Start(&work));
	TRY(MPI_Cancel(&work));
	TRY(MPI_Pready(0, work));
	MPI_Grequest_complete(work);
	TRY(MPI_Request_get_status(work, &flag, &status));
	TRY(MPI_Wait(&work, &status));
	MPI_Grequest_start(work_query, work_free, work_cancel, NULL, &work);
	MPI_Grequest_complete(work);
	TRY(MPI_Waitall(1, &work, &status));
	TRY(status.MPI_ERROR);
}

#define PSEND(buf, parts, count, type, to, tag, comm, info, out) \
	TRY(MPI_Psend_init(buf, parts, count, type, to, tag, comm, info, out))

/* dup_comm has this rank only: it is 0 there. */
static void partitioned(void)
{
	MPI_Request send = MPI_REQUEST_NULL, recv = MPI_REQUEST_NULL;
	int bad[] = { 0, 2 };

	PSEND(NULL, 2, 1, MPI_INT, 0, 0, dup_comm, no_info, &send);
	PSEND(buf, 0, 1, MPI_INT, 0, 0, dup_comm, no_info, &send);
	PSEND(buf, 2, -1, MPI_INT, 0, 0, dup_comm, no_info, &send);
	PSEND(buf, 2, 1, no_type, 0, 0, dup_comm, no_info, &send);
	PSEND(buf, 2, 1, uncommitted, 0, 0, dup_comm, no_info, &send);
	PSEND(buf, 2, 1, MPI_INT, 99, 0, dup_comm, no_info, &send);
	PSEND(buf, 2, 1, MPI_INT, 0, -5, dup_comm, no_info, &send);
	PSEND(buf, 2, 1, MPI_INT, 0, 0, no_comm, no_info, &send);
	PSEND(buf, 2, 1, MPI_INT, 0, 0, dup_comm, wild_info, &send);
	PSEND(buf, 2, 1, MPI_INT, 0, 0, dup_comm, no_info, NULL);
	TRY(MPI_Precv_init(buf, 2, 1, MPI_INT, MPI_ANY_SOURCE, 0, dup_comm,
			   no_info, &recv));
	TRY(MPI_Precv_init(buf, 2, 1, MPI_INT, 0, MPI_ANY_TAG, dup_comm,
			   no_info, &recv));
	MPI_Psend_init(buf, 2, 1, MPI_INT, 0, 9, dup_comm, no_info, &send);
	MPI_Precv_init(out, 2, 1, MPI_INT, 0, 9, dup_comm, no_info, &recv);
	TRY(MPI_Pready(0, none));
	TRY(MPI_Pready(0, send));
	TRY(MPI_Pready(0, persistent));
	TRY(MPI_Parrived(recv, 0, &flag));
	TRY(MPI_Parrived(persistent, 0, &flag));
	MPI_Start(&send);
	MPI_Start(&recv);
	TRY(MPI_Start(&send));
	TRY(MPI_Pready(2, send));
	TRY(MPI_Pready(-1, send));
	TRY(MPI_Pready(0, recv));
	TRY(MPI_Pready_range(1, 0, send));
	TRY(MPI_Pready_range(0, 2, send));
	TRY(MPI_Pready_list(-1, bad, send));
	TRY(MPI_Pready_list(1, NULL, send));
	TRY(MPI_Pready_list(2, bad, send));
	TRY(MPI_Parrived(recv, 2, &flag));
	TRY(MPI_Parrived(recv, 0, NULL));
	TRY(MPI_Parrived(send, 0, &flag));
	TRY(MPI_Pready_range(0, 1, send));
	TRY(MPI_Wait(&recv, &status));
	TRY(MPI_Wait(&send, &status));
	MPI_Request_free(&send);
	MPI_Request_free(&recv);
}

/* --- two ranks that do not agree ---------------------------------------------
 */

static void disagreements(void)
{
	int big[64] = { 0 };

	MPI_Barrier(MPI_COMM_WORLD);
	TRY(rank ? MPI_Recv(big, 2, MPI_INT, 0, 5, MPI_COMM_WORLD, &status) :
		   MPI_Send(big, 64, MPI_INT, 1, 5, MPI_COMM_WORLD));
	TRY(rank ? MPI_Recv(big, 2, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG,
			    MPI_COMM_WORLD, &status) :
		   MPI_Ssend(big, 64, MPI_INT, 1, 5, MPI_COMM_WORLD));
	TRY(MPI_Bcast(big, rank ? 2 : 64, MPI_INT, 0, MPI_COMM_WORLD));
	MPI_Barrier(MPI_COMM_WORLD);
}

/* --- freed handles, which crash or fool MPICH: an error is expected of us
 * ------
 */

static void freed_handles(void)
{
	MPI_Datatype type, gone_type;
	MPI_Comm comm;
	MPI_Group some, gone_group;
	MPI_Op other, gone_op;
	MPI_Info hints, gone_info;
	MPI_Errhandler handler, gone_handler;
	MPI_Request gone_request;
	int key, gone_key;

	MPI_Type_contiguous(5, MPI_INT, &type);
	gone_type = type;
	MPI_Type_free(&type);
	MPI_Group_incl(group, 1, (int[]){ 0 }, &some);
	gone_group = some;
	MPI_Group_free(&some);
	MPI_Op_create(add, 0, &other);
	gone_op = other;
	MPI_Op_free(&other);
	MPI_Info_create(&hints);
	gone_info = hints;
	MPI_Info_free(&hints);
	MPI_Comm_create_errhandler(on_dup, &handler);
	gone_handler = handler;
	MPI_Errhandler_free(&handler);
	MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN,
			       &key, NULL);
	gone_key = key;
	MPI_Comm_free_keyval(&key);
	MPI_Comm_dup(MPI_COMM_SELF, &comm);
	gone_comm = comm;
	MPI_Comm_free(&comm);
	gone_request = persistent;
	MPI_Request_free(&persistent);

	TRY(MPI_Get_count(&status, gone_type, &n));
	TRY(MPI_Send(buf, 1, gone_type, 0, 0, dup_comm));
	TRY(MPI_Isend(buf, 1, gone_type, 0, 0, dup_comm, &active));
	TRY(MPI_Recv_init(buf, 1, gone_type, 0, 0, dup_comm, &active));
	TRY(MPI_Recv(buf, 1, gone_type, 0, 0, dup_comm, &status));
	TRY(MPI_Sendrecv(buf, 1, gone_type, 0, 0, out, 1, MPI_INT, 0, 0,
			 dup_comm, &status));
	TRY(MPI_Bcast(buf, 1, gone_type, 0, dup_comm));
	TRY(MPI_Gather(buf, 1, MPI_INT, out, 1, gone_type, 0, dup_comm));
	TRY(MPI_Type_contiguous(2, gone_type, &made_type));
	TRY(MPI_Type_indexed(2, many, many, gone_type, &made_type));
	TRY(MPI_Type_create_struct(2, many, aints,
				   (MPI_Datatype[]){ MPI_INT, gone_type },
				   &made_type));
	TRY(MPI_Type_create_resized(gone_type, 0, 4, &made_type));
	TRY(MPI_Type_dup(gone_type, &made_type));
	TRY(MPI_Type_size(gone_type, &n));
	TRY(MPI_Type_commit(&gone_type));
	TRY(MPI_Type_free(&gone_type));
	TRY(MPI_Pack(buf, 1, gone_type, out, 32, &n, dup_comm));
	TRY(MPI_Reduce(buf, out, 1, MPI_INT, gone_op, 0, dup_comm));
	TRY(MPI_Reduce_local(buf, out, 1, MPI_INT, gone_op));
	TRY(MPI_Op_free(&gone_op));
	TRY(MPI_Group_size(gone_group, &n));
	TRY(MPI_Comm_create(dup_comm, gone_group, &made));
	TRY(MPI_Group_free(&gone_group));
	TRY(MPI_Comm_dup_with_info(dup_comm, gone_info, &made));
	TRY(MPI_Info_set(gone_info, "a", "b"));
	TRY(MPI_Info_free(&gone_info));
	TRY(MPI_Comm_set_errhandler(dup_comm, gone_handler));
	TRY(MPI_Errhandler_free(&gone_handler));
	TRY(MPI_Comm_set_attr(dup_comm, gone_key, buf));
	TRY(MPI_Comm_free_keyval(&gone_key));
	TRY(MPI_Wait(&gone_request, &status));
	TRY(MPI_Test(&gone_request, &flag, &status));
	TRY(MPI_Waitall(1, &gone_request, statuses));
	TRY(MPI_Waitany(1, &gone_request, &n, &status));
	TRY(MPI_Testsome(1, &gone_request, &n, out, statuses));
	TRY(MPI_Start(&gone_request));
	TRY(MPI_Cancel(&gone_request));
	TRY(MPI_Request_get_status(gone_request, &flag, &status));
	TRY(MPI_Request_free(&gone_request));
	TRY(MPI_Comm_free(&gone_comm));
}

static void run_all(void)
{
	freed_communicator();
	requests_of_nothing();
	requests_under_way();
	sends();
	receives();
	collectives();
	communicators();
	groups();
	datatypes();
	generalized_requests();
	partitioned();
	small_objects();
}

int main(int argc, char **argv)
{
	MPI_Errhandler handlers[2];

	if (argc > 1 && strcmp(argv[1], "freed"))
		only = atoi(argv[1]);
	listeners[0] = "the world";
	listeners[1] = "the duplicate";
	MPI_Init(&argc, &argv);
	set_up();
	make_bad();
	if (argc > 1 && only < 0) {
		freed_handles();
		MPI_Finalize();
		return 0;
	}
	run_all();
	/* The same with functions of the program as handlers. */
	MPI_Comm_create_errhandler(on_world, &handlers[0]);
	MPI_Comm_create_errhandler(on_dup, &handlers[1]);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, handlers[0]);
	MPI_Comm_set_errhandler(dup_comm, handlers[1]);
	run_all();
	disagreements();
	show_others();
	MPI_Finalize();
	return 0;
}
