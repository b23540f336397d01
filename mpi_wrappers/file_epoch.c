/* SPDX-License-Identifier: BSD-3-Clause */
/* file_epoch.c - all open files: before a capture and after a restart */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/file.h"
#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"

/* --- all of them, in the same order on all ranks: by gid
 * ---------------------------- */

struct file_list {
	struct vfile **files;
	size_t n, room;
};

static int list_add(void *object, void *arg)
{
	struct file_list *list = arg;
	struct vfile *f = object;
	size_t i;

	if (!f->comm) /* closed; a request still refers to it */
		return 0;
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		struct vfile **files = upper_realloc(list->files,
						     room * sizeof(*files));

		if (!files)
			return -ENOMEM;
		list->files = files;
		list->room = room;
	}
	for (i = list->n++; i && list->files[i - 1]->comm->gid > f->comm->gid;
	     i--)
		list->files[i] = list->files[i - 1];
	list->files[i] = f;
	return 0;
}

static int each_file(int (*fn)(struct vfile *f, struct err *err),
		     struct err *err)
{
	struct file_list list = { 0 };
	int ret = handle_each(V_FILE, list_add, &list);

	if (ret)
		ret = err_set(err, -ENOMEM, "no memory for a list of files");
	for (size_t i = 0; i < list.n && !ret; i++)
		ret = fn(list.files[i], err);
	upper_free(list.files);
	return ret;
}

static bool is_written(const struct vfile *f)
{
	return f->amode & (MPI_MODE_WRONLY | MPI_MODE_RDWR);
}

static int failed(const struct vfile *f, struct err *err, const char *what,
		  int code)
{
	char text[MPI_MAX_ERROR_STRING] = "";
	int len = 0;

	REAL(Error_string, code, text, &len);
	return err_set(err, -EIO, "%s, which rank %d has open, cannot %s: %s",
		       f->path, comm_world->rank, what, text);
}

/* --- before a capture
 * --------------------------------------------------------------- */

static int same_file(const struct vfile *f, struct err *err)
{
	struct stat st;
	long rc = sys_call(SYS_newfstatat, AT_FDCWD, f->path, &st, 0);

	if (!rc && (!f->ino || (st.st_dev == f->dev && st.st_ino == f->ino)))
		return 0;
	return err_set(err, -EBUSY,
		       "%s, which rank %d has open (MPI_File_open), was %s "
		       "meanwhile and could not be opened again; checkpoints "
		       "work again after MPI_File_close",
		       f->path, comm_world->rank,
		       rc ? "removed" : "replaced by another file");
}

/* A type without bytes has no positions, and the library divides by its size.
 */
static bool has_positions(const struct vfile *f)
{
	MPI_Count etype = 1, filetype = 1;

	REAL(Type_size_x, f->etype.ref ? f->etype.ref->real.id :
					 f->etype.handle,
	     &etype);
	REAL(Type_size_x, f->filetype.ref ? f->filetype.ref->real.id :
					    f->filetype.handle,
	     &filetype);
	return etype > 0 && filetype > 0;
}

static int read_pointers(struct vfile *f)
{
	int ret = MPI_SUCCESS;

	f->position = f->shared = 0;
	if (!has_positions(f))
		return ret;
	ret = REAL(File_get_position, f->real.ptr, &f->position);
	/* Only where it is used: being asked for it, the library makes the
	 * hidden file that holds it. */
	if (!ret && f->uses_shared)
		ret = REAL(File_get_position_shared, f->real.ptr, &f->shared);
	return ret;
}

static int settle(struct vfile *f, struct err *err)
{
	int ret;

	if (!f->comm->rank) {
		ret = same_file(f, err);
		if (ret)
			return ret;
		ret = REAL(File_get_size, f->real.ptr, &f->size);
		if (ret)
			return failed(f, err, "be asked for its size", ret);
		file_settled(f);
	}
	/* Only what this process has written: else it does nothing. */
	ret = is_written(f) ? REAL(File_sync, f->real.ptr) : MPI_SUCCESS;
	if (ret)
		return failed(f, err, "be written to its end", ret);
	ret = read_pointers(f);
	if (!ret)
		ret = REAL(File_get_atomicity, f->real.ptr, &f->atomicity);
	return ret ? failed(f, err, "be asked for its pointers", ret) : 0;
}

int file_settle(struct err *err)
{
	file_settle_begin();
	return each_file(settle, err);
}

/* --- after a restart
 * ------------------------------------------------------------------- */

/* CAIRN_TRUNCATE=0: leave files as they are.  File-scope: this launch's. */
static bool cuts_back = true;

void file_restarting(char **envp)
{
	file_settle_end(false);
	cuts_back = true;
	for (char **e = envp; e && *e; e++)
		if (!strcmp(*e, "CAIRN_TRUNCATE=0"))
			cuts_back = false;
}

static int missing(const struct vfile *f, struct err *err, int why)
{
	long fd;

	/* An empty one that is gone is as good as ever. */
	if (why == -ENOENT && !f->size && is_written(f)) {
		fd = sys_call(SYS_openat, AT_FDCWD, f->path,
			      O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (fd >= 0) {
			sys_call(SYS_close, fd);
			return 0;
		}
	}
	return err_set(err, why,
		       "cannot open %s again (MPI_File_open): %s; put it back "
		       "as it was at the checkpoint",
		       f->path, fmt_error(why));
}

/* What was written after the epoch is written again.  By one rank, before any
 * of them opens it. */
static int cut_back(const struct vfile *f, struct err *err)
{
	struct stat st;
	long rc;

	file_bring_back(f);
	rc = sys_call(SYS_newfstatat, AT_FDCWD, f->path, &st, 0);
	if (rc)
		return missing(f, err, (int)rc);
	if (st.st_size < f->size)
		return err_set(err, -ESTALE,
			       "%s (MPI_File_open) has %ld bytes and had %ld "
			       "at the checkpoint; put it back as it was",
			       f->path, (long)st.st_size, (long)f->size);
	if (!is_written(f) || st.st_size == f->size || !cuts_back)
		return 0;
	rc = sys_call(SYS_truncate, f->path, f->size);
	return rc ? err_set(err, (int)rc, "cannot cut %s back to %ld bytes: %s",
			    f->path, (long)f->size, fmt_error((int)rc)) :
		    0;
}

/* It exists, its pointers are set below, and our close removes it. */
#define AGAIN                                                   \
	(~(MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_APPEND | \
	   MPI_MODE_DELETE_ON_CLOSE))

static int open_again(struct vfile *f)
{
	int info = MPI_INFO_NULL, ret = MPI_SUCCESS;

	if (f->open_hints)
		ret = info_copy_write(f->open_hints, &info);
	if (!ret)
		ret = file_open_real(f, f->comm->obj.real.id, f->name,
				     f->amode & AGAIN, info);
	if (info != MPI_INFO_NULL)
		REAL(Info_free, &info);
	return ret;
}

static int real_of_type(const struct held_type *held)
{
	return held->ref ? held->ref->real.id : held->handle;
}

static int view_again(const struct vfile *f)
{
	int info = MPI_INFO_NULL, ret = MPI_SUCCESS;

	if (f->hints)
		ret = info_copy_write(f->hints, &info);
	if (!ret && f->has_view)
		ret = REAL(File_set_view, f->real.ptr, f->disp,
			   real_of_type(&f->etype), real_of_type(&f->filetype),
			   f->datarep, info);
	else if (!ret && f->hints)
		ret = REAL(File_set_info, f->real.ptr, info);
	if (info != MPI_INFO_NULL)
		REAL(Info_free, &info);
	return ret;
}

/* One value for all members, which those know that have used it. */
static int shared_again(const struct vfile *f)
{
	MPI_Offset mine = f->uses_shared ? f->shared : 0, all = 0;
	int ret = REAL(Allreduce, &mine, &all, 1, MPI_OFFSET, MPI_MAX,
		       f->comm->obj.real.id);

	if (ret || !all)
		return ret;
	return REAL(File_seek_shared, f->real.ptr, all, MPI_SEEK_SET);
}

static int rebuild_one(struct vfile *f, struct err *err)
{
	int ret = f->comm->rank ? 0 : cut_back(f, err);

	f->real.ptr = MPI_FILE_NULL;
	if (ret)
		return ret;
	ret = open_again(f);
	if (ret)
		return failed(f, err, "be opened again", ret);
	ret = view_again(f);
	if (!ret && f->atomicity)
		ret = REAL(File_set_atomicity, f->real.ptr, 1);
	if (!ret)
		ret = shared_again(f);
	if (!ret && f->position)
		ret = REAL(File_seek, f->real.ptr, f->position, MPI_SEEK_SET);
	return ret ? failed(f, err, "get its view and pointers again", ret) : 0;
}

int file_rebuild(struct err *err)
{
	return each_file(rebuild_one, err);
}
