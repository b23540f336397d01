/* SPDX-License-Identifier: BSD-3-Clause */
/* bindings.cc - the C++ bindings of MPI-2: classes, ops, handlers, keyvals */
#include <mpi.h>

#include <cstdio>
#include <cstdlib>

/*
 * bindings [STEPS]: each step passes numbers around a ring and reduces them by
 * an operation of the program's own; rank 0 prints a digest of all of it.
 */
static int handled, copied, deleted;

/* Not commutative: the order of the ranks shows. */
static void fold(const void *in, void *inout, int n, const MPI::Datatype &)
{
	const unsigned *a = static_cast<const unsigned *>(in);
	unsigned *b = static_cast<unsigned *>(inout);

	for (int i = 0; i < n; i++)
		b[i] = a[i] * 31 + b[i];
}

static void on_error(MPI::Comm &, int *code, ...)
{
	handled += MPI::Get_error_class(*code) == MPI::ERR_RANK;
}

static int on_copy(const MPI::Comm &, int, void *extra, void *in, void *out,
		   bool &keep)
{
	copied += *static_cast<int *>(extra);
	*static_cast<void **>(out) = in;
	keep = true;
	return MPI::SUCCESS;
}

static int on_delete(MPI::Comm &, int, void *, void *extra)
{
	deleted += *static_cast<int *>(extra);
	return MPI::SUCCESS;
}

static unsigned mix(unsigned digest, unsigned word)
{
	return (digest ^ word) * 16777619u;
}

/* Work that no compiler removes. */
static unsigned busy(unsigned seed)
{
	for (int i = 0; i < 2000000; i++)
		seed = seed * 1664525u + 1013904223u;
	return seed;
}

static unsigned around_the_ring(MPI::Cartcomm &ring, unsigned value)
{
	unsigned in[4], out[4] = { value, value + 1, value + 2, value + 3 };
	MPI::Datatype pairs = MPI::UNSIGNED.Create_vector(2, 1, 2);
	MPI::Status status;
	MPI::Request r[2];
	int from, to;

	pairs.Commit();
	for (int i = 0; i < 4; i++)
		in[i] = value ^ 7;
	ring.Shift(0, 1, from, to);
	r[0] = ring.Irecv(in, 1, pairs, from, 3);
	r[1] = ring.Isend(out, 1, pairs, to, 3);
	MPI::Request::Waitall(2, r);
	ring.Sendrecv_replace(out, 4, MPI::UNSIGNED, to, 4, from, 4, status);
	pairs.Free();
	return mix(mix(in[0], in[1]), mix(in[2], out[3])) +
	       static_cast<unsigned>(status.Get_source());
}

/* A handler of C's interface that throws: through the library's frames. */
static void on_error_throw(MPI_Comm *, int *code, ...)
{
	throw *code;
}

static unsigned thrown_through(MPI_Comm comm)
{
	unsigned dummy = 0;
	int error_class = MPI_SUCCESS;

	try {
		MPI_Send(&dummy, 1, MPI_INT, 1000, 0, comm);
	} catch (int code) {
		MPI_Error_class(code, &error_class);
	}
	return error_class == MPI_ERR_RANK;
}

/* Errors: as an exception, and by a handler. */
static unsigned errors(MPI::Intracomm &throwing, MPI::Intracomm &telling)
{
	unsigned caught = 0;

	try {
		throwing.Send(&caught, 1, MPI::INT, 1000, 0);
	} catch (MPI::Exception &e) {
		caught = e.Get_error_class() == MPI::ERR_RANK;
	}
	telling.Send(&caught, 1, MPI::INT, 1000, 0);
	return caught;
}

int main(int argc, char **argv)
{
	MPI::Init(argc, argv);

	int steps = argc > 1 ? atoi(argv[1]) : 300, one = 1;
	int dims = MPI::COMM_WORLD.Get_size(), rank;
	const bool periods = true;
	MPI::Cartcomm ring = MPI::COMM_WORLD.Create_cart(1, &dims, &periods,
							 false);
	MPI::Intracomm throwing = MPI::COMM_WORLD.Dup();
	MPI::Intracomm telling = MPI::COMM_WORLD.Dup();
	MPI::Errhandler handler = MPI::Comm::Create_errhandler(on_error);
	MPI_Errhandler thrower;
	MPI_Comm through;
	int key = MPI::Comm::Create_keyval(on_copy, on_delete, &one);
	unsigned digest = 2166136261u;
	MPI::Op op;

	rank = ring.Get_rank();
	op.Init(fold, false);
	throwing.Set_errhandler(MPI::ERRORS_THROW_EXCEPTIONS);
	telling.Set_errhandler(handler);
	MPI_Comm_create_errhandler(on_error_throw, &thrower);
	MPI_Comm_dup(MPI_COMM_WORLD, &through);
	MPI_Comm_set_errhandler(through, thrower);
	telling.Set_attr(key, &digest);
	for (int step = 0; step < steps; step++) {
		unsigned mine = mix(static_cast<unsigned>(rank + 1), digest);
		unsigned folded[2] = { busy(mine), 5 }, all[2];
		void *kept = NULL;

		all[0] = around_the_ring(ring, mine);
		digest = mix(digest, all[0]);
		ring.Allreduce(folded, all, 2, MPI::UNSIGNED, op);
		digest = mix(mix(digest, all[0]), all[1]);
		digest += errors(throwing, telling) + thrown_through(through);

		MPI::Intracomm copy = telling.Dup();
		if (!copy.Get_attr(key, &kept) || kept != &digest)
			digest = 0;
		copy.Free();
		ring.Bcast(&digest, 1, MPI::UNSIGNED, step % dims);
	}
	op.Free();
	MPI_Comm_free(&through);
	MPI_Errhandler_free(&thrower);
	telling.Free();
	throwing.Free();
	ring.Free();
	handler.Free();
	MPI::Comm::Free_keyval(key);
	printf("rank %d: %08x, %d handled, %d copied, %d deleted\n", rank,
	       digest, handled, copied, deleted);
	MPI::Finalize();
	return 0;
}
