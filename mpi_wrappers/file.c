/* SPDX-License-Identifier: BSD-3-Clause */
/* file.c - MPI-IO: files are opened and closed, views and hints are kept */
#include "mpi_wrappers/file.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/gid.h"
#include "runtime/base/sys.h"

/* --- records
 * -------------------------------------------------------------------- */

static void type_release(struct held_type *held)
{
	object_put(held->ref);
	*held = (struct held_type){ .handle = MPI_BYTE };
}

static void type_hold(struct held_type *held, MPI_Datatype type)
{
	struct vobject *ref = (uint32_t)type >> 30 == 3 ?
				      handle_get(V_TYPE, type) :
				      NULL;

	if (ref)
		object_ref(ref);
	type_release(held);
	*held = (struct held_type){ type, ref };
}

void file_destroy(void *object)
{
	struct vfile *f = object;

	object_put(f->errhandler);
	type_release(&f->etype);
	type_release(&f->filetype);
	upper_free(f->open_hints);
	upper_free(f->hints);
	upper_free(f->name);
}

/* The real library takes what is before a colon for a kind of file system. */
const char *file_path_in(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon > name + 1 ? colon + 1 : name;
}

/* A program may go to another folder before it is checkpointed. */
static int name_keep(struct vfile *f, const char *name)
{
	const char *path = file_path_in(name);
	size_t prefix = (size_t)(path - name), folder = 0;
	char *text = upper_alloc(strlen(name) + PATH_MAX + 2);
	long n;

	if (!text)
		return MPI_ERR_NO_MEM;
	memcpy(text, name, prefix);
	if (path[0] != '/') {
		n = sys_call(SYS_getcwd, text + prefix, PATH_MAX);
		if (n > 0) {
			folder = (size_t)n; /* with its null */
			text[prefix + folder - 1] = '/';
		}
	}
	strcpy(text + prefix + folder, path);
	f->name = text;
	f->path = text + prefix;
	return MPI_SUCCESS;
}

/* Which file it is that the name leads to now. */
static void identity_keep(struct vfile *f)
{
	struct stat st;

	if (f->comm->rank ||
	    sys_call(SYS_newfstatat, AT_FDCWD, f->path, &st, 0))
		return;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
}

/* --- opening and closing
 * -------------------------------------------------------- */

/* A communicator of the file's own, with the parent's members: made by the
 * parent's collective number `count`, which is the open. */
static int comm_of_file(struct vcomm *parent, uint64_t count, struct vcomm **out)
{
	int real = MPI_COMM_NULL, ret;
	struct vcomm *c;

	ret = REAL(Comm_dup, parent->obj.real.id, &real);
	if (ret)
		return ret;
	c = comm_new(real, FN_MPI_File_open, NULL, parent, &ret);
	if (!c)
		return ret;
	comm_topology_free(c);
	c->topology = TOPO_NONE;
	*out = c;
	if (!parent->opaque)
		return comm_publish(c, gid_collective(parent->gid, count,
						      parent->world[0]));
	/* It reaches beyond the world: no epoch while it is open. */
	c->opaque = true;
	opaque_opened(FN_MPI_File_open);
	c->gid = gid_call(FN_MPI_File_open, (uint64_t)c->obj.serial, 0, 0, 0);
	return MPI_SUCCESS;
}

int file_open_real(struct vfile *f, int comm, const char *name, int amode,
		   int info)
{
	int ret = REAL(File_open, comm, name, amode, info, &f->real.ptr);

	f->refuses.ptr = MPI_FILE_NULL;
	if (ret || !(amode & MPI_MODE_SEQUENTIAL))
		return ret;
	f->refuses = f->real;
	ret = REAL(File_open, comm, name,
		   amode & ~(MPI_MODE_CREATE | MPI_MODE_EXCL |
			     MPI_MODE_SEQUENTIAL),
		   info, &f->real.ptr);
	if (ret)
		REAL(File_close, &f->refuses.ptr);
	return ret;
}

static int close_real(struct vfile *f)
{
	if (f->refuses.ptr)
		REAL(File_close, &f->refuses.ptr);
	return REAL(File_close, &f->real.ptr);
}

/* What is to be known of one that has been opened. */
static int file_keep(struct vfile *f, struct vcomm *c, uint64_t count,
		     const char *name, int amode, int info)
{
	int ret;

	f->amode = amode;
	f->etype.handle = f->filetype.handle = MPI_BYTE;
	/* it was set by the open, to the end of the file */
	f->uses_shared = amode & MPI_MODE_APPEND;
	ret = comm_of_file(c, count, &f->comm);
	if (!ret)
		ret = name_keep(f, name);
	if (!ret && info != MPI_INFO_NULL)
		ret = info_copy_merge(info, &f->open_hints);
	if (ret) {
		if (f->comm)
			comm_bury(f->comm);
		return ret;
	}
	if (file_errhandler) {
		object_ref(file_errhandler);
		f->errhandler = file_errhandler;
	}
	identity_keep(f);
	return MPI_SUCCESS;
}

static int file_open(struct thread_ctx *ctx, MPI_Comm comm, const char *name,
		     int amode, MPI_Info info, MPI_File *fh)
{
	struct vfile *f = handle_new(V_FILE, sizeof(*f));
	struct vcomm *c = comm_get(comm);
	uint64_t count = 0;
	int ret;

	if (!f)
		return MPI_ERR_NO_MEM;
	if (c)
		count = coll_enter_count(ctx, c, FN_MPI_File_open);
	/* What is to be removed the close removes (file_remove.c). */
	ret = file_open_real(f, real_comm(comm), name,
			     amode & ~MPI_MODE_DELETE_ON_CLOSE,
			     real_info(info));
	if (!ret) {
		ret = file_keep(f, c, count, name, amode, real_info(info));
		if (ret)
			close_real(f);
	}
	if (ret)
		object_put(f);
	else
		*fh = file_handle(f);
	return ret;
}

int PMPI_File_open(MPI_Comm comm, const char *filename, int amode,
		   MPI_Info info, MPI_File *fh)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_ERR_ARG;

	if (fh)
		*fh = MPI_FILE_NULL;
	if (fh && filename)
		ret = file_open(ctx, comm, filename, amode, info, fh);
	ret = error_file(MPI_FILE_NULL, ret, FN_MPI_File_open);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_open);

/* The communicator is freed as one of the program's: it counts until all
 * members have entered the close. */
static int file_close(struct thread_ctx *ctx, struct vfile *f)
{
	int ret;

	coll_enter(ctx, f->comm, FN_MPI_File_close);
	/* Before the barrier of the real close: then it is gone for all. */
	if (f->amode & MPI_MODE_DELETE_ON_CLOSE && !f->comm->rank)
		file_remove(f->path);
	ret = close_real(f);
	comm_bury(f->comm);
	handle_hide(f);
	f->comm = NULL;
	return ret;
}

int PMPI_File_close(MPI_File *fh)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vfile *f = fh ? file_get(*fh) : NULL;
	MPI_File none = MPI_FILE_NULL;
	int ret = MPI_ERR_ARG;

	if (f) {
		ret = file_close(ctx, f);
		ret = error_of_file(f, ret);
		object_put(f);
		*fh = MPI_FILE_NULL;
	} else {
		if (fh)
			ret = REAL(File_close, &none);
		ret = error_file(MPI_FILE_NULL, ret, FN_MPI_File_close);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_close);

/* --- views and hints
 * ------------------------------------------------------------ */

/* MPI_MODE_SEQUENTIAL has MPI_DISPLACEMENT_CURRENT only, and the real file, which
 * is not in that mode, all others: it refuses that one. */
static int displacement(const struct vfile *f, MPI_Offset *disp)
{
	MPI_Offset at = 0;
	int real = f->comm->obj.real.id, ret;

	if (*disp != MPI_DISPLACEMENT_CURRENT) {
		*disp = *disp < 0 ? *disp : MPI_DISPLACEMENT_CURRENT;
		return MPI_SUCCESS;
	}
	REAL(Barrier, real);
	ret = REAL(File_get_position_shared, f->real.ptr, &at);
	REAL(Barrier, real); /* set_view sets it to 0 */
	return ret ? ret : REAL(File_get_byte_offset, f->real.ptr, at, disp);
}

static int view_keep(struct vfile *f, MPI_Offset disp, MPI_Datatype etype,
		     MPI_Datatype filetype, const char *datarep, int info)
{
	f->has_view = true;
	f->disp = disp;
	type_hold(&f->etype, etype);
	type_hold(&f->filetype, filetype);
	strncpy(f->datarep, datarep, sizeof(f->datarep) - 1);
	if (info != MPI_INFO_NULL && info_copy_merge(info, &f->hints))
		return MPI_ERR_NO_MEM;
	return MPI_SUCCESS;
}

int PMPI_File_set_view(MPI_File fh, MPI_Offset disp, MPI_Datatype etype,
		       MPI_Datatype filetype, const char *datarep,
		       MPI_Info info)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vfile *f = file_get(fh);
	int ret = MPI_SUCCESS;

	if (f)
		coll_enter(ctx, f->comm, FN_MPI_File_set_view);
	if (f && f->refuses.ptr)
		ret = displacement(f, &disp);
	if (!ret)
		ret = REAL(File_set_view, real_file(fh), disp, real_type(etype),
			   real_type(filetype), datarep, real_info(info));
	if (!ret && f)
		ret = view_keep(f, disp, etype, filetype, datarep,
				real_info(info));
	ret = error_file(fh, ret, FN_MPI_File_set_view);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_set_view);

/* The library's own answer for a type that is not predefined: a new one, of one
 * element; here with its recipe. */
static int type_copy(const struct held_type *held, MPI_Datatype *out)
{
	struct vtype *t;
	int real = 0, ret;

	*out = held->handle;
	if (!held->ref)
		return MPI_SUCCESS;
	ret = REAL(Type_contiguous, 1, held->ref->real.id, &real);
	if (!ret)
		ret = REAL(Type_commit, &real);
	if (!ret)
		ret = type_made(real, FN_MPI_Type_contiguous,
				(const long[]){ 1, held->handle, (long)out },
				out);
	t = ret ? NULL : handle_get(V_TYPE, *out);
	if (t)
		t->committed = true;
	return ret;
}

int PMPI_File_get_view(MPI_File fh, MPI_Offset *disp, MPI_Datatype *etype,
		       MPI_Datatype *filetype, char *datarep)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vfile *f = file_get(fh);
	int ret;

	if (!f) {
		ret = REAL(File_get_view, MPI_FILE_NULL, disp, etype, filetype,
			   datarep);
	} else if (!disp || !etype || !filetype || !datarep) {
		ret = MPI_ERR_ARG;
	} else {
		*disp = f->disp;
		/* MPICH tells the two that it knows, whatever was given */
		strcpy(datarep, strcmp(f->datarep, "external32") &&
						strcmp(f->datarep,
						       "EXTERNAL32") ?
					"native" :
					"external32");
		ret = type_copy(&f->etype, etype);
		if (!ret)
			ret = type_copy(&f->filetype, filetype);
	}
	ret = error_file(fh, ret, FN_MPI_File_get_view);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_get_view);

int PMPI_File_set_info(MPI_File fh, MPI_Info info)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vfile *f = file_get(fh);
	int ret;

	if (f)
		coll_enter(ctx, f->comm, FN_MPI_File_set_info);
	ret = REAL(File_set_info, real_file(fh), real_info(info));
	if (!ret && f)
		ret = info_copy_merge(real_info(info), &f->hints);
	ret = error_file(fh, ret, FN_MPI_File_set_info);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_set_info);

/* After a restart the real one was opened in another mode. */
int PMPI_File_get_amode(MPI_File fh, int *amode)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vfile *f = file_get(fh);
	int ret = MPI_SUCCESS;

	if (f && amode)
		*amode = f->amode;
	else
		ret = f ? MPI_ERR_ARG :
			  REAL(File_get_amode, MPI_FILE_NULL, amode);
	ret = error_file(fh, ret, FN_MPI_File_get_amode);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_get_amode);

/* --- Fortran: the handle's number is the handle
 * ------------------------------------- */

MPI_File PMPI_File_f2c(MPI_Fint file)
{
	const struct vfile *f = handle_get(V_FILE, file);

	return f ? file_handle(f) : MPI_FILE_NULL;
}
API_ALIAS(MPI_File_f2c);

MPI_Fint PMPI_File_c2f(MPI_File file)
{
	const struct vfile *f = file_get(file);

	return f ? f->obj.handle : 0;
}
API_ALIAS(MPI_File_c2f);

/* --- split collectives
 * ------------------------------------------------------------ */

int file_split_begin(struct thread_ctx *ctx, struct vfile *f, int function)
{
	if (!f)
		return MPI_SUCCESS;
	if (f->split)
		return MPI_ERR_IO;
	coll_enter(ctx, f->comm, function);
	return MPI_SUCCESS;
}

/* The real end, which is local, refuses if the beginning did not begin. */
void file_split_begun(struct vfile *f, const void *buf, int end)
{
	MPI_Status status = { .MPI_ERROR = MPI_SUCCESS };

	if (!f || CROSS(real_fn(end), f->real.ptr, buf, &status))
		return;
	f->split_status = status;
	f->split = true;
}

int file_split_end(struct vfile *f, const void *buf, MPI_Status *status,
		   int function)
{
	if (!f || !f->split)
		return (int)CROSS(real_fn(function),
				  f ? f->real.ptr : MPI_FILE_NULL, buf, status);
	if (status != MPI_STATUS_IGNORE)
		*status = f->split_status;
	f->split = false;
	return MPI_SUCCESS;
}
