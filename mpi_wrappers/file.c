/* SPDX-License-Identifier: BSD-3-Clause */
/* file.c - MPI-IO: it works, and refuses checkpoints while a file is open */
#include "mpi_wrappers/api.h"

/* A file handle is a pointer of the real library's, and the program holds it as
 * it is: a file that is open is not restored. */

int PMPI_File_open(MPI_Comm comm, const char *filename, int amode,
		   MPI_Info info, MPI_File *fh)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	int ret;

	if (c)
		coll_enter(ctx, c, FN_MPI_File_open);
	ret = REAL(File_open, real_comm(comm), filename, amode, real_info(info),
		   fh);
	if (!ret)
		opaque_opened(FN_MPI_File_open);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_open);

int PMPI_File_close(MPI_File *fh)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(File_close, fh);

	if (!ret)
		opaque_closed(FN_MPI_File_open);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_close);

int PMPI_File_get_view(MPI_File fh, MPI_Offset *disp, MPI_Datatype *etype,
		       MPI_Datatype *filetype, char *datarep)
{
	struct thread_ctx *ctx = ctx_enter();
	int real_etype = 0, real_filetype = 0;
	int ret = REAL(File_get_view, fh, disp, etype ? &real_etype : NULL,
		       filetype ? &real_filetype : NULL, datarep);

	/* Copies that the library made: nobody knows their constructor. */
	if (!ret)
		ret = type_adopted(real_etype, etype);
	if (!ret)
		ret = type_adopted(real_filetype, filetype);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_get_view);

MPI_File PMPI_File_f2c(MPI_Fint file)
{
	struct thread_ctx *ctx = ctx_enter();
	long fh = CROSS(real_fn(FN_MPI_File_f2c), file);

	ctx_leave(ctx);
	return (MPI_File)fh;
}
API_ALIAS(MPI_File_f2c);

MPI_Fint PMPI_File_c2f(MPI_File file)
{
	struct thread_ctx *ctx = ctx_enter();
	long fh = CROSS(real_fn(FN_MPI_File_c2f), file);

	ctx_leave(ctx);
	return (MPI_Fint)fh;
}
API_ALIAS(MPI_File_c2f);

/* --- data representations: functions of the program, called with datatypes
 * ----------- */

struct datarep { /* lives as long as the process */
	void *read, *write, *extent;
};

/* Both forms have six arguments, the second a datatype; count is wide enough
 * for either. */
typedef int conversion(void *userbuf, MPI_Datatype type, long count,
		       void *filebuf, MPI_Offset position, void *extra_state);

static int read_called(void *userbuf, int type, long count, void *filebuf,
		       MPI_Offset position, void *extra_state)
{
	struct datarep *rep = lower_closure();

	return ((conversion *)rep->read)(userbuf, type_virtual(type), count,
					 filebuf, position, extra_state);
}

static int write_called(void *userbuf, int type, long count, void *filebuf,
			MPI_Offset position, void *extra_state)
{
	struct datarep *rep = lower_closure();

	return ((conversion *)rep->write)(userbuf, type_virtual(type), count,
					  filebuf, position, extra_state);
}

static int extent_called(int type, MPI_Aint *extent, void *extra_state)
{
	struct datarep *rep = lower_closure();

	return ((MPI_Datarep_extent_function *)rep->extent)(type_virtual(type),
							    extent,
							    extra_state);
}

static int register_datarep(const char *name, struct datarep given,
			    void *extra_state, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct datarep *rep = upper_alloc(sizeof(*rep));
	int ret = MPI_ERR_NO_MEM;

	if (rep) {
		*rep = given;
		/* MPI_CONVERSION_FN_NULL is a null pointer. */
		ret = (int)CROSS(real_fn(function), name,
				 rep->read ? lower_callback((void *)read_called,
							    rep) :
					     NULL,
				 rep->write ?
					 lower_callback((void *)write_called,
							rep) :
					 NULL,
				 rep->extent ?
					 lower_callback((void *)extent_called,
							rep) :
					 NULL,
				 extra_state);
	}
	if (!ret)
		opaque_opened(FN_MPI_Register_datarep);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Register_datarep(const char *datarep,
			  MPI_Datarep_conversion_function *read_fn,
			  MPI_Datarep_conversion_function *write_fn,
			  MPI_Datarep_extent_function *extent_fn,
			  void *extra_state)
{
	return register_datarep(datarep,
				(struct datarep){ (void *)read_fn,
						  (void *)write_fn,
						  (void *)extent_fn },
				extra_state, FN_MPI_Register_datarep);
}
API_ALIAS(MPI_Register_datarep);

int PMPI_Register_datarep_c(const char *datarep,
			    MPI_Datarep_conversion_function_c *read_fn,
			    MPI_Datarep_conversion_function_c *write_fn,
			    MPI_Datarep_extent_function *extent_fn,
			    void *extra_state)
{
	return register_datarep(datarep,
				(struct datarep){ (void *)read_fn,
						  (void *)write_fn,
						  (void *)extent_fn },
				extra_state, FN_MPI_Register_datarep_c);
}
API_ALIAS(MPI_Register_datarep_c);
