/* SPDX-License-Identifier: BSD-3-Clause */
/* datarep.c - data representations: functions of the program, called with
 * datatypes */
#include <errno.h>
#include <string.h>

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/lock.h"

struct datarep { /* lives as long as the process */
	void *read, *write, *extent;
	void *extra_state;
	char *name;
	int function; /* that registered it */
	struct datarep *next;
};

/* Newest last.  File-scope: they belong to the process. */
static struct lock lock = LOCK_INIT;
static struct datarep *registered, **registered_end = &registered;

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

static void *thunk(void *fn, void *called, struct datarep *rep)
{
	/* MPI_CONVERSION_FN_NULL is a null pointer. */
	return fn ? lower_callback(called, rep) : NULL;
}

static int tell(struct datarep *rep)
{
	return (int)CROSS(real_fn(rep->function), rep->name,
			  thunk(rep->read, (void *)read_called, rep),
			  thunk(rep->write, (void *)write_called, rep),
			  thunk(rep->extent, (void *)extent_called, rep),
			  rep->extra_state);
}

static int register_datarep(const char *name, struct datarep given,
			    int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct datarep *rep = upper_alloc(sizeof(*rep));
	char *copy = upper_alloc(name ? strlen(name) + 1 : 1);
	int ret = MPI_ERR_NO_MEM;

	if (rep && copy) {
		*rep = given;
		rep->function = function;
		rep->name = name ? strcpy(copy, name) : NULL;
		ret = tell(rep);
	}
	if (!ret) {
		lock_take(&lock);
		*registered_end = rep;
		registered_end = &rep->next;
		lock_give(&lock);
	} else {
		upper_free(copy);
		upper_free(rep);
	}
	ret = error_file(MPI_FILE_NULL, ret, function);
	ctx_leave(ctx);
	return ret;
}

int datarep_rebuild(struct err *err)
{
	for (struct datarep *rep = registered; rep; rep = rep->next) {
		int ret = tell(rep);

		if (ret)
			return err_set(err, -EIO,
				       "the data representation %s cannot be "
				       "registered again: MPI error %d",
				       rep->name, ret);
	}
	return 0;
}

int PMPI_Register_datarep(const char *datarep,
			  MPI_Datarep_conversion_function *read_fn,
			  MPI_Datarep_conversion_function *write_fn,
			  MPI_Datarep_extent_function *extent_fn,
			  void *extra_state)
{
	return register_datarep(datarep,
				(struct datarep){ .read = (void *)read_fn,
						  .write = (void *)write_fn,
						  .extent = (void *)extent_fn,
						  .extra_state = extra_state },
				FN_MPI_Register_datarep);
}
API_ALIAS(MPI_Register_datarep);

int PMPI_Register_datarep_c(const char *datarep,
			    MPI_Datarep_conversion_function_c *read_fn,
			    MPI_Datarep_conversion_function_c *write_fn,
			    MPI_Datarep_extent_function *extent_fn,
			    void *extra_state)
{
	return register_datarep(datarep,
				(struct datarep){ .read = (void *)read_fn,
						  .write = (void *)write_fn,
						  .extent = (void *)extent_fn,
						  .extra_state = extra_state },
				FN_MPI_Register_datarep_c);
}
API_ALIAS(MPI_Register_datarep_c);
