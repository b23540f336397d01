/* SPDX-License-Identifier: BSD-3-Clause */
/* objects.c - every kind of MPI object still works when it was made anew */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int rank, size, errors;

#define CHECK(what)                                                      \
	do {                                                             \
		if (!(what)) {                                           \
			errors++;                                        \
			printf("rank %d: line %d: %s\n", rank, __LINE__, \
			       #what);                                   \
		}                                                        \
	} while (0)

static MPI_Comm twin, half, cart, row, graph, dist, group_comm, inter, merged;
static MPI_Datatype vector, structure, named, resized, of_freed;
static MPI_Op op;
static MPI_Info info;
static MPI_Group evens;
static MPI_Errhandler handler;
static int keyval, handled, deleted;
static MPI_Request persistent;
static int sum_in, sum_out;

static void add_pairs(void *in, void *inout, int *len, MPI_Datatype *type)
{
	int *a = in, *b = inout;

	CHECK(*type == vector || *type == MPI_INT);
	if (*type == MPI_INT)
		for (int i = 0; i < *len; i++)
			b[i] += a[i];
	else
		for (int i = 0; i < 6; i += 2)
			b[i] += a[i];
}

static void on_error(MPI_Comm *comm, int *code, ...)
{
	CHECK(*comm == twin && *code != MPI_SUCCESS);
	handled++;
}

static int on_delete(MPI_Comm comm, int key, void *value, void *extra)
{
	CHECK(key == keyval && value == (void *)&keyval && extra == &size);
	(void)comm;
	deleted++;
	return MPI_SUCCESS;
}

static void make_comms(void)
{
	int dims[2] = { 0, 0 }, periods[2] = { 1, 0 }, remain[2] = { 0, 1 };
	int left = (rank + size - 1) % size, right = (rank + 1) % size;
	int index[64], edges[64], n = 0, other;
	MPI_Group world;

	MPI_Comm_dup(MPI_COMM_WORLD, &twin);
	MPI_Comm_set_name(twin, "a duplicate");
	MPI_Comm_split(twin, rank % 2, -rank, &half);
	MPI_Dims_create(size, 2, dims);
	MPI_Cart_create(twin, 2, dims, periods, 1, &cart);
	MPI_Cart_sub(cart, remain, &row);
	for (int i = 0; i < size; i++) {
		edges[n++] = (i + 1) % size;
		index[i] = n;
	}
	MPI_Graph_create(twin, size, index, edges, 0, &graph);
	MPI_Dist_graph_create_adjacent(twin, 1, &left, MPI_UNWEIGHTED, 1, &right,
				       MPI_UNWEIGHTED, MPI_INFO_NULL, 0, &dist);
	MPI_Comm_group(twin, &world);
	MPI_Group_range_incl(world, 1, (int[][3]){ { 0, size - 1, 2 } },
			     &evens);
	if (rank % 2 == 0)
		MPI_Comm_create_group(twin, evens, 5, &group_comm);
	MPI_Group_free(&world);
	/* half is in reverse order: its leader is its largest rank. */
	other = rank % 2 == (size - 1) % 2 ? size - 2 : size - 1;
	MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, other, 7, &inter);
	MPI_Intercomm_merge(inter, rank % 2, &merged);
}

static void make_types(void)
{
	int lengths[2] = { 1, 2 };
	MPI_Aint where[2] = { 0, 8 };
	MPI_Datatype types[2] = { MPI_INT, MPI_DOUBLE }, inner;

	MPI_Type_vector(3, 1, 2, MPI_INT, &vector);
	MPI_Type_commit(&vector);
	types[0] = MPI_INT;
	MPI_Type_create_struct(2, lengths, where, types, &structure);
	MPI_Type_commit(&structure);
	MPI_Type_dup(structure, &named);
	MPI_Type_set_name(named, "a name");
	MPI_Type_create_resized(vector, 0, 64, &resized);
	MPI_Type_commit(&resized);
	MPI_Type_contiguous(2, MPI_INT, &inner);
	MPI_Type_contiguous(3, inner, &of_freed);
	MPI_Type_free(&inner);
	MPI_Type_commit(&of_freed);
}

static void make_rest(void)
{
	MPI_Op_create(add_pairs, 1, &op);
	MPI_Info_create(&info);
	MPI_Info_set(info, "key", "value");
	MPI_Comm_create_errhandler(on_error, &handler);
	MPI_Comm_set_errhandler(twin, handler);
	MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, on_delete, &keyval,
			       &size);
	MPI_Comm_set_attr(twin, keyval, &keyval);
	MPI_Allreduce_init(&sum_in, &sum_out, 1, MPI_INT, op, twin,
			   MPI_INFO_NULL, &persistent);
}

static void check_comms(void)
{
	int n, r, a, b, out, coords[2], result;
	char name[MPI_MAX_OBJECT_NAME];

	MPI_Comm_get_name(twin, name, &n);
	CHECK(!strcmp(name, "a duplicate"));
	MPI_Comm_size(half, &n);
	MPI_Comm_rank(half, &r);
	CHECK(n == (size + 1 - rank % 2) / 2);
	MPI_Allreduce(&rank, &out, 1, MPI_INT, MPI_MIN, half);
	CHECK(out == rank % 2);
	MPI_Cart_coords(cart, rank, 2, coords);
	MPI_Cart_rank(cart, coords, &r);
	CHECK(r == rank);
	MPI_Allreduce(&coords[0], &out, 1, MPI_INT, MPI_MAX, row);
	CHECK(out == coords[0]);
	MPI_Graph_neighbors_count(graph, rank, &n);
	CHECK(n == 1);
	MPI_Neighbor_allgather(&rank, 1, MPI_INT, &out, 1, MPI_INT, dist);
	CHECK(out == (rank + size - 1) % size);
	MPI_Dist_graph_neighbors_count(dist, &a, &b, &n);
	CHECK(a == 1 && b == 1 && n == 0);
	if (rank % 2 == 0) {
		MPI_Comm_rank(group_comm, &r);
		CHECK(r == rank / 2);
		MPI_Bcast(&r, 1, MPI_INT, 0, group_comm);
		CHECK(r == 0);
	}
	MPI_Comm_remote_size(inter, &n);
	CHECK(n == (size + rank % 2) / 2);
	MPI_Allreduce(&rank, &out, 1, MPI_INT, MPI_MAX, inter);
	CHECK(out % 2 != rank % 2);
	MPI_Comm_size(merged, &n);
	CHECK(n == size);
	MPI_Allreduce(&rank, &out, 1, MPI_INT, MPI_SUM, merged);
	CHECK(out == size * (size - 1) / 2);
	MPI_Comm_compare(twin, MPI_COMM_WORLD, &result);
	CHECK(result == MPI_CONGRUENT);
}

static void check_types(void)
{
	int in[6] = { 1, 2, 3, 4, 5, 6 }, out[6] = { 0 }, n, combiner, ni, na;
	char name[MPI_MAX_OBJECT_NAME], from[32], to[32] = { 0 };
	MPI_Aint lb, extent;
	MPI_Datatype inner;
	int next = (rank + 1) % size, last = (rank + size - 1) % size;

	MPI_Sendrecv(in, 1, vector, next, 0, out, 1, vector, last, 0, twin,
		     MPI_STATUS_IGNORE);
	CHECK(out[0] == 1 && out[1] == 0 && out[2] == 3 && out[4] == 5);
	memset(from, 'x', sizeof(from));
	MPI_Sendrecv(from, 1, structure, next, 0, to, 1, named, last, 0, twin,
		     MPI_STATUS_IGNORE);
	CHECK(to[0] == 'x' && to[5] == 0 && to[8] == 'x' && to[23] == 'x');
	MPI_Type_get_name(named, name, &n);
	CHECK(!strcmp(name, "a name"));
	MPI_Type_get_extent(resized, &lb, &extent);
	CHECK(extent == 64);
	MPI_Type_size(of_freed, &n);
	CHECK(n == 24);
	MPI_Type_get_envelope(of_freed, &ni, &na, &n, &combiner);
	CHECK(combiner == MPI_COMBINER_CONTIGUOUS && ni == 1 && n == 1);
	MPI_Type_get_contents(of_freed, 1, 0, 1, &ni, &lb, &inner);
	MPI_Type_size(inner, &n);
	CHECK(ni == 3 && n == 8);
	MPI_Type_free(&inner);
}

static void check_rest(void)
{
	int n, out, flag, r;
	int in[5] = { rank, 9, rank, 9, rank }, sum[5] = { 0 };
	char value[32];
	void *attr = NULL;

	MPI_Allreduce(&rank, &out, 1, MPI_INT, op, twin);
	CHECK(out == size * (size - 1) / 2);
	MPI_Allreduce(in, sum, 1, vector, op, twin);
	CHECK(sum[0] == out && sum[2] == out && sum[4] == out && !sum[1]);
	MPI_Info_get(info, "key", 31, value, &flag);
	CHECK(flag && !strcmp(value, "value"));
	MPI_Group_size(evens, &n);
	MPI_Group_rank(evens, &r);
	CHECK(n == (size + 1) / 2);
	CHECK(r == (rank % 2 ? MPI_UNDEFINED : rank / 2));
	handled = 0;
	MPI_Send(&rank, 1, MPI_INT, size + 5, 0, twin);
	CHECK(handled == 1);
	MPI_Comm_get_attr(twin, keyval, &attr, &flag);
	CHECK(flag && attr == &keyval);
	MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &attr, &flag);
	CHECK(flag && *(int *)attr >= 32767);
	sum_in = rank + 1;
	sum_out = 0;
	MPI_Start(&persistent);
	MPI_Wait(&persistent, MPI_STATUS_IGNORE);
	CHECK(sum_out == size * (size + 1) / 2);
}

static void check_all(void)
{
	check_comms();
	check_types();
	check_rest();
}

/* --- held: everything is made, and nobody calls MPI --- */

static const char *gate;
static pthread_barrier_t met;
static MPI_Request pending;
static int awaited;

static void wait_at_gate(void)
{
	while (access(gate, F_OK))
		usleep(1000);
}

/* Far below all frames of who waits: what it leaves on the stack is dead. */
static void __attribute__((noinline)) deep(void (*act)(void))
{
	volatile char room[65536];

	room[0] = 0;
	act();
	room[1] = room[0];
}

static void probe(void)
{
	int flag;

	MPI_Iprobe(MPI_ANY_SOURCE, 50, MPI_COMM_WORLD, &flag,
		   MPI_STATUS_IGNORE);
	CHECK(!flag);
}

static void *second(void *arg)
{
	deep(probe);
	pthread_barrier_wait(&met);
	wait_at_gate();
	deep(probe);
	return arg;
}

/* One receive is pending, and one message was sent that nobody receives. */
static void make_all(void)
{
	int out[5], level;

	MPI_Init_thread(NULL, NULL,
			gate ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &level);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	memset(out, 0, sizeof(out));
	out[0] = rank;
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	make_comms();
	make_types();
	make_rest();
	check_all();
	if (!gate)
		return;
	MPI_Irecv(&awaited, 1, MPI_INT, MPI_ANY_SOURCE, 60, twin, &pending);
	MPI_Send(out, 1, vector, (rank + 1) % size, 61, twin);
	MPI_Barrier(MPI_COMM_WORLD);
}

static void come_back(void)
{
	int left = (rank + size - 1) % size, right = (rank + 1) % size;
	int in[5] = { -1, -1, -1, -1, -1 };

	check_all();
	MPI_Send(&rank, 1, MPI_INT, right, 60, twin);
	MPI_Wait(&pending, MPI_STATUS_IGNORE);
	CHECK(awaited == left);
	MPI_Recv(in, 1, vector, left, 61, twin, MPI_STATUS_IGNORE);
	CHECK(in[0] == left && in[1] == -1 && !in[2]);
}

static void hold(void)
{
	pthread_t other;

	pthread_barrier_init(&met, NULL, 2);
	pthread_create(&other, NULL, second, NULL);
	pthread_barrier_wait(&met);
	puts("begun");
	fflush(stdout);
	wait_at_gate();
	deep(come_back);
	pthread_join(other, NULL);
}

/* objects [FILE]: with one, all is made, and checked once that file is there */
int main(int argc, char **argv)
{
	int (*rebuild)(void);
	int total;

	gate = argc > 1 ? argv[1] : NULL;
	deep(make_all);
	if (gate)
		hold();
	/* Only there under Cairn; the rest must be right with or without. */
	*(void **)&rebuild = dlsym(RTLD_DEFAULT, "cairn_test_rebuild");
	MPI_Barrier(MPI_COMM_WORLD);
	if (rebuild) {
		CHECK(rebuild() == 0);
		check_all();
		CHECK(rebuild() == 0);
		check_all();
	}
	MPI_Request_free(&persistent);
	MPI_Comm_free(&twin);
	CHECK(deleted == 1);
	MPI_Allreduce(&errors, &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (rank == 0)
		printf("%s%s\n", total ? "wrong" : "right",
		       rebuild ? ", made anew" : "");
	MPI_Finalize();
	return total != 0;
}
