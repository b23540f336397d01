/* SPDX-License-Identifier: BSD-3-Clause */
/* file.h - open files: what must be known to open them again (file.md) */
#ifndef CAIRN_MPI_FILE_H
#define CAIRN_MPI_FILE_H

#include <mpi.h>

#include "mpi_wrappers/frontier.h"
#include "mpi_wrappers/objects.h"

/* A file handle of the real library: a pointer into the lower half. */
struct real_file {
	MPI_File ptr;
};

/* A datatype of the program, kept alive. */
struct held_type {
	MPI_Datatype handle;
	struct vobject *ref; /* NULL: a predefined one */
};

struct vfile {
	struct vobject obj; /* its real handle is not used: */
	struct real_file real;
	struct real_file refuses; /* the same file in MPI_MODE_SEQUENTIAL, if
				     the program wants that (file.md) */
	struct vcomm *comm; /* a duplicate of ours: counts the file's
			       collectives, opens it again */
	struct verrhandler *errhandler; /* NULL: MPI_ERRORS_RETURN */
	char *name; /* as the library is to see it: absolute, with prefix */
	const char *path; /* the part of it that the kernel knows */
	int amode;	  /* the program's */
	struct info_copy *open_hints, *hints; /* the program's: of the open, and
						 of set_view and set_info */
	/* the view; not set: bytes from the start */
	bool has_view;
	MPI_Offset disp;
	struct held_type etype, filetype;
	char datarep[MPI_MAX_DATAREP_STRING + 1];

	bool uses_shared; /* this rank has used the shared pointer */
	bool split;	  /* a split collective waits for its end */
	MPI_Status split_status;

	/* rank 0 of comm: which file it is, since the open */
	uint64_t dev, ino;
	/* as of the last capture (file_settle) */
	int atomicity;
	MPI_Offset position, shared, size; /* size: rank 0 of comm only */
};

/* file_get - the record; NULL for a null, closed or foreign handle.  The
 * program's MPI_File is no pointer to anything: it is the virtual handle. */
static inline struct vfile *file_get(MPI_File fh)
{
	uintptr_t word = (uintptr_t)fh;

	return word >> 32 ? NULL : handle_get(V_FILE, (int)(uint32_t)word);
}

static inline MPI_File file_handle(const struct vfile *f)
{
	return (MPI_File)(uintptr_t)(uint32_t)f->obj.handle;
}

/* What the real library must see: MPI_FILE_NULL for whatever is not open, which
 * it refuses as it would refuse the program's. */
static inline MPI_File real_file(MPI_File fh)
{
	const struct vfile *f = file_get(fh);

	return f ? f->real.ptr : MPI_FILE_NULL;
}

/* The same for functions that MPI_MODE_SEQUENTIAL forbids. */
static inline MPI_File real_placed(MPI_File fh)
{
	const struct vfile *f = file_get(fh);

	return f && f->refuses.ptr ? f->refuses.ptr : real_file(fh);
}

/* file_open_real - f->real (and refuses) by this name, on this real
 * communicator; `amode` says how, and whether there are two.  On failure none
 * is open. */
int file_open_real(struct vfile *f, int comm, const char *name, int amode,
		   int info);

/*
 * Split collectives, for generated wrappers.  The real library does all the
 * work in the beginning; its end is called right after it, and what it says is
 * kept for the program's.  So nothing of one is ever in the lower half.
 *
 * file_split_begin - counts the collective; MPI_ERR_IO while another is active.
 * file_split_begun - after the real beginning, failed or not; `end` is the
 * function that ends it.
 * file_split_end - what the program's end gives.
 */
int file_split_begin(struct thread_ctx *ctx, struct vfile *f, int function);
void file_split_begun(struct vfile *f, const void *buf, int end);
int file_split_end(struct vfile *f, const void *buf, MPI_Status *status,
		   int function);

/* error_file - as error_comm (error.h), for files: the handler of the file, of
 * MPI_FILE_NULL if it is none. */
int error_file(MPI_File fh, int code, int function);
/* of one that was open when the function was called */
int error_of_file(const struct vfile *f, int code);
/* That of MPI_FILE_NULL, which new files begin with; NULL:
 * MPI_ERRORS_RETURN. */
extern struct verrhandler *file_errhandler;

/* file_path_in - the part of a name that the kernel is to see. */
const char *file_path_in(const char *name);

/*
 * Removed files (file_remove.c), on rank 0 of a file's communicator.
 * file_remove - the name is gone, and an epoch that needs the file has it under
 * another. file_bring_back - at a restart: under its own name.
 * file_settle_begin, file_settled - this epoch has these files open;
 * file_settle_end - it is over for this process.  file_finalize - no epoch comes any more.
 */
void file_remove(const char *path);
void file_bring_back(const struct vfile *f);
void file_settle_begin(void);
void file_settled(const struct vfile *f);
void file_settle_end(bool aborted);
void file_finalize(void);

/* file_settle - in DRAIN, when all ranks hold and nothing is under way: what was
 * written reaches the file, pointers and sizes are read.  0, or -Exxx with a
 * sentence that names the file and what to do. */
int file_settle(struct err *err);
/* file_restarting - this launch's environment. */
void file_restarting(char **envp);
/* file_rebuild - after a restart: all files, by their communicators' gids.
 * datarep_rebuild - before that: the program's data representations. */
int file_rebuild(struct err *err);
int datarep_rebuild(struct err *err);

#endif
