/* SPDX-License-Identifier: BSD-3-Clause */
/* bad_objects.c - wrong calls on files and windows, and what each gives */
#include <stdlib.h>
#include <unistd.h>

#include "tries.h"

/*
 * As bad_input.c, for MPI-IO and one-sided communication.  The files are the
 * rank's own and made in the current folder.
 *
 * Not here are the few calls of ROMIO that call a file's handler and return
 * MPI_SUCCESS nevertheless (MPI_File_get_position, get_byte_offset,
 * get_atomicity and get_view of what is no file, a wrong write_ordered_end): a
 * handler that is ours never hears of them.
 *
 * bad_objects N makes only the Nth call (0, 1, ...).
 * bad_objects freed runs those with handles of what is closed or freed.
 */
static void on_file(MPI_File *file, int *code, ...)
{
	(void)file;
	heard[0] = 0; /* MPICH tells some errors twice */
	hear(0, *code);
}

static void on_win(MPI_Win *win, int *code, ...)
{
	(void)win;
	hear(1, *code);
}

static MPI_File file, reader, writer, sequence, made_file,
	no_file = MPI_FILE_NULL;
static MPI_Win win, dynamic, made_win, no_win = MPI_WIN_NULL;
static MPI_Datatype pair, uncommitted, no_type = MPI_DATATYPE_NULL;
static MPI_Group group, no_group = MPI_GROUP_NULL;
static MPI_Info info, no_info = MPI_INFO_NULL;
static MPI_Errhandler handler, no_handler = MPI_ERRHANDLER_NULL;
static MPI_Request request;
static MPI_Offset offset;
static MPI_Aint aint;
static int buf[8], out[8], flag, n, size, keyval, no_keyval;
static void *pointer;
static char path[4][32], text[MPI_MAX_OBJECT_NAME + MPI_MAX_DATAREP_STRING];

static MPI_File opened(int which, int amode)
{
	MPI_File f = MPI_FILE_NULL;

	snprintf(path[which], sizeof(path[which]), "bad.%d.%d", rank, which);
	MPI_File_open(MPI_COMM_SELF, path[which], amode, MPI_INFO_NULL, &f);
	return f;
}

static void set_up(void)
{
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
	MPI_Type_contiguous(2, MPI_INT, &pair);
	MPI_Type_commit(&pair);
	MPI_Type_contiguous(3, MPI_INT, &uncommitted);
	MPI_Comm_group(MPI_COMM_WORLD, &group);
	MPI_Info_create(&info);
	no_keyval = MPI_KEYVAL_INVALID;
	MPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, MPI_WIN_NULL_DELETE_FN,
			      &keyval, NULL);
	file = opened(0, MPI_MODE_CREATE | MPI_MODE_RDWR);
	MPI_File_write(file, buf, 8, MPI_INT, &status);
	writer = opened(1, MPI_MODE_CREATE | MPI_MODE_WRONLY);
	sequence = opened(2, MPI_MODE_CREATE | MPI_MODE_WRONLY |
				     MPI_MODE_SEQUENTIAL);
	reader = opened(0, MPI_MODE_RDONLY);
	MPI_Win_create(buf, sizeof(buf), sizeof(*buf), MPI_INFO_NULL,
		       MPI_COMM_WORLD, &win);
	MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &dynamic);
	MPI_Win_set_errhandler(win, MPI_ERRORS_RETURN);
	MPI_Win_set_errhandler(dynamic, MPI_ERRORS_RETURN);
}

/* --- files -------------------------------------------------------------------
 */

#define OPEN(comm, name, amode, info) \
	TRY(MPI_File_open(comm, name, amode, info, &made_file))

static void opens(void)
{
	OPEN(MPI_COMM_NULL, "bad.new", MPI_MODE_CREATE | MPI_MODE_RDWR,
	     no_info);
	OPEN(MPI_COMM_SELF, "bad.absent", MPI_MODE_RDONLY, no_info);
	OPEN(MPI_COMM_SELF, "bad.absent/file", MPI_MODE_CREATE | MPI_MODE_RDWR,
	     no_info);
	OPEN(MPI_COMM_SELF, ".", MPI_MODE_RDWR, no_info);
	OPEN(MPI_COMM_SELF, "", MPI_MODE_RDWR, no_info);
	OPEN(MPI_COMM_SELF, path[0], 0, no_info);
	OPEN(MPI_COMM_SELF, path[0], -1, no_info);
	OPEN(MPI_COMM_SELF, path[0], MPI_MODE_RDONLY | MPI_MODE_RDWR, no_info);
	OPEN(MPI_COMM_SELF, path[0], MPI_MODE_RDONLY | MPI_MODE_CREATE,
	     no_info);
	OPEN(MPI_COMM_SELF, path[0], MPI_MODE_RDONLY | MPI_MODE_EXCL, no_info);
	OPEN(MPI_COMM_SELF, path[0],
	     MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_RDWR, no_info);
	OPEN(MPI_COMM_SELF, path[0], MPI_MODE_RDWR | MPI_MODE_SEQUENTIAL,
	     no_info);
	TRY(MPI_File_delete("bad.absent", no_info));
	TRY(MPI_File_delete("", no_info));
	TRY(MPI_File_close(&no_file));
	TRY(MPI_File_get_amode(no_file, &n));
	TRY(MPI_File_get_group(no_file, &group));
	TRY(MPI_File_get_info(no_file, &info));
	TRY(MPI_File_set_info(no_file, no_info));
	TRY(MPI_File_get_size(no_file, &offset));
	TRY(MPI_File_set_size(no_file, 0));
	TRY(MPI_File_set_size(file, -1));
	TRY(MPI_File_set_size(reader, 1));
	TRY(MPI_File_preallocate(no_file, 1));
	TRY(MPI_File_preallocate(file, -1));
	TRY(MPI_File_preallocate(reader, 1));
	TRY(MPI_File_sync(no_file));
	TRY(MPI_File_sync(reader));
	TRY(MPI_File_set_atomicity(no_file, 1));
	TRY(MPI_File_get_type_extent(no_file, MPI_INT, &aint));
	TRY(MPI_File_get_type_extent(file, no_type, &aint));
	TRY(MPI_File_set_errhandler(file, no_handler));
	TRY(MPI_File_call_errhandler(file, MPI_ERR_AMODE));
}

#define VIEW(fh, disp, etype, filetype, datarep) \
	TRY(MPI_File_set_view(fh, disp, etype, filetype, datarep, no_info))

static void views(void)
{
	VIEW(no_file, 0, MPI_INT, MPI_INT, "native");
	VIEW(file, -1, MPI_INT, MPI_INT, "native");
	VIEW(file, MPI_DISPLACEMENT_CURRENT, MPI_INT, MPI_INT, "native");
	VIEW(file, 0, no_type, MPI_INT, "native");
	VIEW(file, 0, MPI_INT, no_type, "native");
	VIEW(file, 0, uncommitted, uncommitted, "native");
	VIEW(file, 0, MPI_INT, uncommitted, "native");
	VIEW(file, 0, MPI_DOUBLE, MPI_INT, "native");
	VIEW(file, 0, pair, MPI_INT, "native");
	VIEW(file, 0, MPI_INT, MPI_INT, "no such");
	VIEW(file, 0, MPI_INT, MPI_INT, "");
	VIEW(file, 0, MPI_INT, MPI_INT, NULL);
	VIEW(sequence, 0, MPI_INT, MPI_INT, "native");
	VIEW(sequence, -1, MPI_INT, MPI_INT, "native");
	VIEW(sequence, MPI_DISPLACEMENT_CURRENT, no_type, MPI_INT, "native");
	VIEW(sequence, MPI_DISPLACEMENT_CURRENT, MPI_INT, MPI_INT, "no such");
	TRY(MPI_Register_datarep(NULL, NULL, NULL, NULL, NULL));
	TRY(MPI_Register_datarep("mine", NULL, NULL, NULL, NULL));
}

static void pointers(void)
{
	TRY(MPI_File_seek(no_file, 0, MPI_SEEK_SET));
	TRY(MPI_File_seek(file, -1, MPI_SEEK_SET));
	TRY(MPI_File_seek(file, -99999, MPI_SEEK_CUR));
	TRY(MPI_File_seek(file, -99999, MPI_SEEK_END));
	TRY(MPI_File_seek(file, 0, 12345));
	TRY(MPI_File_seek(sequence, 0, MPI_SEEK_SET));
	TRY(MPI_File_seek_shared(no_file, 0, MPI_SEEK_SET));
	TRY(MPI_File_seek_shared(file, -1, MPI_SEEK_SET));
	TRY(MPI_File_seek_shared(file, -99999, MPI_SEEK_CUR));
	TRY(MPI_File_seek_shared(file, 0, 12345));
	TRY(MPI_File_seek_shared(sequence, 0, MPI_SEEK_SET));
	TRY(MPI_File_get_position_shared(no_file, &offset));
	TRY(MPI_File_get_position_shared(sequence, &offset));
	TRY(MPI_File_set_size(sequence, 1));
}

static void accesses(void)
{
	TRY(MPI_File_read(no_file, out, 1, MPI_INT, &status));
	TRY(MPI_File_read(file, out, -1, MPI_INT, &status));
	TRY(MPI_File_read(file, out, 1, no_type, &status));
	TRY(MPI_File_read(file, out, 1, uncommitted, &status));
	TRY(MPI_File_read(writer, out, 1, MPI_INT, &status));
	TRY(MPI_File_read(sequence, out, 1, MPI_INT, &status));
	TRY(MPI_File_read(file, NULL, 0, MPI_INT, &status));
	TRY(MPI_File_write(reader, out, 1, MPI_INT, &status));
	TRY(MPI_File_write(sequence, out, 1, MPI_INT, &status));
	TRY(MPI_File_write(sequence, out, 0, MPI_INT, &status));
	TRY(MPI_File_write(file, out, -1, MPI_INT, &status));
	TRY(MPI_File_read_at(no_file, 0, out, 1, MPI_INT, &status));
	TRY(MPI_File_read_at(file, -1, out, 1, MPI_INT, &status));
	TRY(MPI_File_read_at_c(file, 0, out, -1, MPI_INT, &status));
	TRY(MPI_File_write_at(reader, 0, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_at(sequence, 0, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_at(file, 0, out, 1, no_type, &status));
	TRY(MPI_File_read_all(no_file, out, 1, MPI_INT, &status));
	TRY(MPI_File_read_all(writer, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_all(file, out, -1, MPI_INT, &status));
	TRY(MPI_File_write_all(sequence, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_at_all(file, -1, out, 1, MPI_INT, &status));
	TRY(MPI_File_read_shared(no_file, out, 1, MPI_INT, &status));
	TRY(MPI_File_read_shared(sequence, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_shared(reader, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_shared(file, out, -1, MPI_INT, &status));
	TRY(MPI_File_read_ordered(no_file, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_ordered(file, out, 1, no_type, &status));
	TRY(MPI_File_iread(no_file, out, 1, MPI_INT, &request));
	TRY(MPI_File_iread(writer, out, 1, MPI_INT, &request));
	TRY(MPI_File_iwrite(file, out, -1, MPI_INT, &request));
	TRY(MPI_File_iwrite_at(sequence, 0, out, 1, MPI_INT, &request));
	TRY(MPI_File_iread_at_all(file, -1, out, 1, MPI_INT, &request));
	TRY(MPI_File_iwrite_shared(reader, out, 1, MPI_INT, &request));
	TRY(MPI_File_read_all_end(no_file, out, &status));
	TRY(MPI_File_read_all_end(file, out, &status));
	TRY(MPI_File_read_all_begin(writer, out, 1, MPI_INT));
	TRY(MPI_File_read_all_begin(sequence, out, 1, MPI_INT));
	TRY(MPI_File_write_at_all_begin(file, -1, out, 1, MPI_INT));
	if (only < 0)
		MPI_File_write_all_begin(file, buf, 1, MPI_INT);
	TRY(MPI_File_read_all_begin(file, out, 1, MPI_INT));
	TRY(MPI_File_write_ordered_begin(file, out, 1, MPI_INT));
	if (only < 0)
		MPI_File_write_all_end(file, buf, &status);
	TRY(MPI_File_write_all_end(file, buf, &status));
	VIEW(file, 0, pair, pair, "native");
	TRY(MPI_File_read(file, out, 1, MPI_INT, &status));
	TRY(MPI_File_read_at(file, 0, out, 3, MPI_INT, &status));
	TRY(MPI_File_write_shared(file, out, 1, MPI_INT, &status));
	VIEW(file, 0, MPI_BYTE, MPI_BYTE, "native");
}

/* --- windows -----------------------------------------------------------------
 */

#define SELF MPI_COMM_SELF

static void windows_made(void)
{
	TRY(MPI_Win_create(buf, 4, 1, no_info, MPI_COMM_NULL, &made_win));
	TRY(MPI_Win_create(buf, -4, 1, no_info, SELF, &made_win));
	TRY(MPI_Win_create(buf, 4, 0, no_info, SELF, &made_win));
	TRY(MPI_Win_create(NULL, 4, 1, no_info, SELF, &made_win));
	TRY(MPI_Win_create(buf, 4, 1, no_info, SELF, NULL));
	TRY(MPI_Win_allocate(-4, 1, no_info, SELF, &pointer, &made_win));
	TRY(MPI_Win_allocate(4, -1, no_info, SELF, &pointer, &made_win));
	TRY(MPI_Win_allocate(4, 1, no_info, SELF, &pointer, NULL));
	TRY(MPI_Win_allocate(4, 1, no_info, MPI_COMM_NULL, &pointer,
			     &made_win));
	TRY(MPI_Win_allocate_shared(-4, 1, no_info, SELF, &pointer, &made_win));
	TRY(MPI_Win_create_dynamic(no_info, MPI_COMM_NULL, &made_win));
	TRY(MPI_Win_create_dynamic(no_info, SELF, NULL));
	TRY(MPI_Win_free(NULL));
	TRY(MPI_Win_free(&no_win));
	TRY(MPI_Win_attach(no_win, buf, 4));
	TRY(MPI_Win_attach(win, buf, 4));
	TRY(MPI_Win_attach(dynamic, NULL, 4));
	TRY(MPI_Win_attach(dynamic, buf, -4));
	TRY(MPI_Win_detach(no_win, buf));
	TRY(MPI_Win_detach(dynamic, NULL));
	TRY(MPI_Win_shared_query(no_win, 0, &aint, &n, &pointer));
	TRY(MPI_Win_shared_query(dynamic, 0, &aint, &n, &pointer));
	TRY(MPI_Win_get_group(no_win, &group));
	TRY(MPI_Win_get_group(win, NULL));
	TRY(MPI_Win_get_info(no_win, &info));
	TRY(MPI_Win_get_info(win, NULL));
	TRY(MPI_Win_set_info(no_win, no_info));
	TRY(MPI_Win_set_info(win, no_info));
	TRY(MPI_Win_set_name(no_win, "a"));
	TRY(MPI_Win_set_name(win, NULL));
	TRY(MPI_Win_get_name(no_win, text, &n));
	TRY(MPI_Win_get_name(win, NULL, &n));
	TRY(MPI_Win_get_name(win, text, NULL));
	TRY(MPI_Win_set_errhandler(no_win, MPI_ERRORS_RETURN));
	TRY(MPI_Win_set_errhandler(win, no_handler));
	TRY(MPI_Win_get_errhandler(no_win, &handler));
	TRY(MPI_Win_get_errhandler(win, NULL));
	TRY(MPI_Win_call_errhandler(no_win, MPI_ERR_ARG));
	TRY(MPI_Win_call_errhandler(win, MPI_ERR_RANK));
	TRY(MPI_Win_get_attr(no_win, MPI_WIN_BASE, &pointer, &flag));
	TRY(MPI_Win_get_attr(win, no_keyval, &pointer, &flag));
	TRY(MPI_Win_get_attr(win, MPI_WIN_BASE, NULL, &flag));
	TRY(MPI_Win_get_attr(win, MPI_WIN_BASE, &pointer, NULL));
	TRY(MPI_Win_set_attr(no_win, keyval, buf));
	TRY(MPI_Win_set_attr(win, no_keyval, buf));
	TRY(MPI_Win_set_attr(win, MPI_WIN_BASE, buf));
	TRY(MPI_Win_delete_attr(win, no_keyval));
	TRY(MPI_Win_delete_attr(no_win, keyval));
	TRY(MPI_Win_free_keyval(NULL));
	TRY(MPI_Win_free_keyval(&no_keyval));
}

static void synchronization(void)
{
	TRY(MPI_Win_fence(0, no_win));
	TRY(MPI_Win_start(group, 0, no_win));
	TRY(MPI_Win_start(no_group, 0, win));
	TRY(MPI_Win_post(group, 0, no_win));
	TRY(MPI_Win_post(no_group, 0, win));
	TRY(MPI_Win_complete(no_win));
	TRY(MPI_Win_complete(win));
	TRY(MPI_Win_wait(no_win));
	TRY(MPI_Win_wait(win));
	TRY(MPI_Win_test(no_win, &flag));
	TRY(MPI_Win_test(win, &flag));
	TRY(MPI_Win_test(win, NULL));
	TRY(MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, no_win));
	TRY(MPI_Win_lock(12345, 0, 0, win));
	TRY(MPI_Win_lock(MPI_LOCK_SHARED, 99, 0, win));
	TRY(MPI_Win_lock(MPI_LOCK_SHARED, -9, 0, win));
	TRY(MPI_Win_lock(MPI_LOCK_SHARED, 0, MPI_MODE_NOPUT, win));
	TRY(MPI_Win_unlock(0, no_win));
	TRY(MPI_Win_unlock(0, win));
	TRY(MPI_Win_unlock(99, win));
	TRY(MPI_Win_lock_all(0, no_win));
	TRY(MPI_Win_lock_all(12345, win));
	TRY(MPI_Win_unlock_all(no_win));
	TRY(MPI_Win_unlock_all(win));
	TRY(MPI_Win_flush(0, no_win));
	TRY(MPI_Win_flush(0, win));
	TRY(MPI_Win_flush(99, win));
	TRY(MPI_Win_flush_all(no_win));
	TRY(MPI_Win_flush_all(win));
	TRY(MPI_Win_flush_local(0, win));
	TRY(MPI_Win_flush_local_all(win));
	TRY(MPI_Win_sync(no_win));
	TRY(MPI_Win_sync(win));
	MPI_Win_lock(MPI_LOCK_SHARED, rank, 0, win);
	TRY(MPI_Win_lock(MPI_LOCK_SHARED, rank, 0, win));
	TRY(MPI_Win_lock_all(0, win));
	TRY(MPI_Win_unlock_all(win));
	TRY(MPI_Win_start(group, 0, win));
	TRY(MPI_Win_complete(win));
	TRY(MPI_Win_flush(rank ? 0 : size - 1, win));
	TRY(MPI_Put(out, 1, MPI_INT, 99, 0, 1, MPI_INT, win));
	MPI_Win_unlock(rank, win);
	MPI_Win_lock_all(0, win);
	TRY(MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, win));
	TRY(MPI_Win_lock_all(0, win));
	TRY(MPI_Win_unlock(0, win));
	TRY(MPI_Win_start(group, 0, win));
	MPI_Win_unlock_all(win);
}

#define ONE MPI_INT, 0, 0, 1, MPI_INT

static void operations(void)
{
	TRY(MPI_Put(buf, 1, ONE, no_win));
	TRY(MPI_Put(buf, 1, ONE, win)); /* no epoch */
	TRY(MPI_Get(out, 1, ONE, win));
	TRY(MPI_Accumulate(buf, 1, ONE, MPI_SUM, win));
	TRY(MPI_Rput(buf, 1, ONE, win, &request));
	TRY(MPI_Fetch_and_op(buf, out, MPI_INT, 0, 0, MPI_SUM, win));
	MPI_Win_lock_all(0, win);
	TRY(MPI_Put(buf, -1, ONE, win));
	TRY(MPI_Put(NULL, 1, ONE, win));
	TRY(MPI_Put(buf, 1, no_type, 0, 0, 1, MPI_INT, win));
	TRY(MPI_Put(buf, 1, uncommitted, 0, 0, 1, MPI_INT, win));
	TRY(MPI_Put(buf, 1, MPI_INT, 99, 0, 1, MPI_INT, win));
	TRY(MPI_Put(buf, 1, MPI_INT, -9, 0, 1, MPI_INT, win));
	TRY(MPI_Put(buf, 1, MPI_INT, MPI_PROC_NULL, 0, 1, MPI_INT, win));
	TRY(MPI_Put(buf, 1, MPI_INT, 0, 0, -1, MPI_INT, win));
	TRY(MPI_Put(buf, 1, MPI_INT, 0, 0, 1, no_type, win));
	TRY(MPI_Put(buf, 1, MPI_INT, 0, -4, 1, MPI_INT, win));
	TRY(MPI_Get(out, -1, ONE, win));
	TRY(MPI_Get(out, 1, MPI_INT, 99, 0, 1, MPI_INT, win));
	TRY(MPI_Get(out, 1, no_type, 0, 0, 1, MPI_INT, win));
	TRY(MPI_Accumulate(buf, 1, ONE, MPI_OP_NULL, win));
	TRY(MPI_Accumulate(buf, -1, ONE, MPI_SUM, win));
	TRY(MPI_Accumulate(buf, 1, MPI_INT, 99, 0, 1, MPI_INT, MPI_SUM, win));
	TRY(MPI_Get_accumulate(buf, 1, MPI_INT, out, -1, ONE, MPI_SUM, win));
	TRY(MPI_Get_accumulate(buf, 1, MPI_INT, out, 1, ONE, MPI_OP_NULL, win));
	TRY(MPI_Get_accumulate(buf, 1, no_type, out, 1, ONE, MPI_SUM, win));
	TRY(MPI_Fetch_and_op(buf, out, no_type, 0, 0, MPI_SUM, win));
	TRY(MPI_Fetch_and_op(buf, out, pair, 0, 0, MPI_SUM, win));
	TRY(MPI_Fetch_and_op(buf, out, MPI_INT, 99, 0, MPI_SUM, win));
	TRY(MPI_Fetch_and_op(buf, out, MPI_INT, 0, 0, MPI_OP_NULL, win));
	TRY(MPI_Compare_and_swap(buf, buf, out, no_type, 0, 0, win));
	TRY(MPI_Compare_and_swap(buf, buf, out, MPI_DOUBLE, 0, 0, win));
	TRY(MPI_Compare_and_swap(buf, buf, out, MPI_INT, 99, 0, win));
	TRY(MPI_Rput(buf, 1, MPI_INT, 99, 0, 1, MPI_INT, win, &request));
	TRY(MPI_Rput(buf, 1, ONE, win, NULL));
	TRY(MPI_Rget(out, -1, ONE, win, &request));
	TRY(MPI_Raccumulate(buf, 1, ONE, MPI_OP_NULL, win, &request));
	TRY(MPI_Rget_accumulate(buf, 1, MPI_INT, out, 1, MPI_INT, 99, 0, 1,
				MPI_INT, MPI_SUM, win, &request));
	MPI_Win_unlock_all(win);
}

/* --- handles of what is gone: an error is expected of us, MPICH crashes ------
 */

static void gone(void)
{
	MPI_File gone_file = writer;
	MPI_Win gone_win = win;

	MPI_File_close(&writer);
	MPI_Win_free(&win);
	TRY(MPI_File_close(&gone_file));
	TRY(MPI_File_read(gone_file, out, 1, MPI_INT, &status));
	TRY(MPI_File_write_at_all(gone_file, 0, out, 1, MPI_INT, &status));
	TRY(MPI_File_iread(gone_file, out, 1, MPI_INT, &request));
	TRY(MPI_File_write_all_begin(gone_file, out, 1, MPI_INT));
	TRY(MPI_File_write_all_end(gone_file, out, &status));
	TRY(MPI_File_write_shared(gone_file, out, 1, MPI_INT, &status));
	TRY(MPI_File_seek(gone_file, 0, MPI_SEEK_SET));
	TRY(MPI_File_get_size(gone_file, &offset));
	TRY(MPI_File_get_amode(gone_file, &n));
	TRY(MPI_File_sync(gone_file));
	VIEW(gone_file, 0, MPI_INT, MPI_INT, "native");
	TRY(MPI_File_set_info(gone_file, no_info));
	TRY(MPI_File_set_errhandler(gone_file, MPI_ERRORS_RETURN));
	TRY(MPI_File_call_errhandler(gone_file, MPI_ERR_AMODE));
	TRY(MPI_File_read((MPI_File)buf, out, 1, MPI_INT, &status));
	TRY(MPI_File_close((MPI_File[]){ (MPI_File)buf }));
	TRY(MPI_Win_free(&gone_win));
	TRY(MPI_Win_fence(0, gone_win));
	TRY(MPI_Win_lock_all(0, gone_win));
	TRY(MPI_Win_flush(0, gone_win));
	TRY(MPI_Win_sync(gone_win));
	TRY(MPI_Put(buf, 1, ONE, gone_win));
	TRY(MPI_Fetch_and_op(buf, out, MPI_INT, 0, 0, MPI_SUM, gone_win));
	TRY(MPI_Rget(out, 1, ONE, gone_win, &request));
	TRY(MPI_Win_get_group(gone_win, &group));
	TRY(MPI_Win_set_name(gone_win, "a"));
	TRY(MPI_Win_get_attr(gone_win, MPI_WIN_BASE, &pointer, &flag));
	TRY(MPI_Win_call_errhandler(gone_win, MPI_ERR_ARG));
}

/* --- all of it ---------------------------------------------------------------
 */

static void run_all(void)
{
	opens();
	views();
	pointers();
	accesses();
	windows_made();
	synchronization();
	operations();
}

static void listen(void)
{
	MPI_Errhandler to_file, to_win;

	MPI_File_create_errhandler(on_file, &to_file);
	MPI_Win_create_errhandler(on_win, &to_win);
	MPI_File_set_errhandler(MPI_FILE_NULL, to_file);
	MPI_File_set_errhandler(file, to_file);
	MPI_File_set_errhandler(reader, to_file);
	MPI_File_set_errhandler(writer, to_file);
	MPI_File_set_errhandler(sequence, to_file);
	MPI_Win_set_errhandler(win, to_win);
	MPI_Win_set_errhandler(dynamic, to_win);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "freed"))
		only = atoi(argv[1]);
	listeners[0] = "the file";
	listeners[1] = "the window";
	MPI_Init(&argc, &argv);
	set_up();
	if (argc > 1 && only < 0) {
		gone();
		MPI_Finalize();
		return 0;
	}
	run_all();
	/* The same with functions of the program as handlers. */
	listen();
	run_all();
	show_others();
	MPI_File_close(&file);
	MPI_File_close(&reader);
	MPI_File_close(&writer);
	MPI_File_close(&sequence);
	MPI_Win_free(&win);
	MPI_Win_free(&dynamic);
	for (int i = 0; i < 3; i++)
		unlink(path[i]);
	MPI_Finalize();
	return 0;
}
