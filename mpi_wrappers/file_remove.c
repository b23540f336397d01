/* SPDX-License-Identifier: BSD-3-Clause */
/* file_remove.c - files that the program removes, and an epoch still needs */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/file.h"
#include "mpi_wrappers/lock.h"
#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"

/*
 * DESIGN (file.md)
 *
 * A file that was open at the last epoch and is then closed and removed would
 * make that epoch useless.  So it is put aside, under a name that a restart can
 * find (`.NAME.cairn-removed` beside it), and removed when a newer epoch was
 * taken and the next one begins, or in MPI_Finalize.  `taken` counts epochs
 * that this process was released from; one cannot know here that an epoch was
 * committed, but it was if the next one begins, unless it failed.
 */

/* Rank 0 of a file does all this for it.  File-scope: belongs to the process. */
struct kept {
	struct kept *next;
	uint64_t dev, ino;
	uint32_t taken; /* when it was put aside */
	char path[];	/* of settled: the file's; of aside: the new name */
};
static struct kept *settled; /* what the last epoch has open */
static struct kept *before;  /* and the one before it, while it may fail */
static bool settling;	     /* it may */
static struct kept *aside;
static uint32_t taken;
static struct lock lock = LOCK_INIT;

static bool is_there(const char *path, struct stat *st)
{
	return !sys_call(SYS_newfstatat, AT_FDCWD, path, st,
			 AT_SYMLINK_NOFOLLOW);
}

static bool name_aside(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash + 1 - path) : 0;
	int n = fmt_print(name, size, "%.*s.%s.cairn-removed", folder, path,
			  path + folder);

	return n > 0 && (size_t)n < size;
}

static struct kept *push(struct kept **list, const char *path, uint64_t dev,
			 uint64_t ino)
{
	struct kept *k = upper_alloc(sizeof(*k) + strlen(path) + 1);

	if (!k)
		return NULL;
	k->dev = dev;
	k->ino = ino;
	strcpy(k->path, path);
	k->next = *list;
	*list = k;
	return k;
}

/* --- epochs
 * --------------------------------------------------------------------- */

static void remove_older(uint32_t than)
{
	for (struct kept **p = &aside; *p;) {
		struct kept *k = *p;
		struct stat st;

		if (k->taken >= than) {
			p = &k->next;
			continue;
		}
		if (is_there(k->path, &st) && st.st_ino == k->ino &&
		    st.st_dev == k->dev)
			sys_call(SYS_unlinkat, AT_FDCWD, k->path, 0);
		*p = k->next;
		upper_free(k);
	}
}

static void forget(struct kept **list)
{
	while (*list) {
		struct kept *k = *list;

		*list = k->next;
		upper_free(k);
	}
}

void file_settle_begin(void)
{
	file_settle_end(false);
	remove_older(taken);
	before = settled;
	settled = NULL;
	settling = true;
	taken++;
}

void file_settle_end(bool aborted)
{
	if (settling && aborted) {
		forget(&settled);
		settled = before;
		before = NULL;
		taken--;
	}
	forget(&before);
	settling = false;
}

void file_settled(const struct vfile *f)
{
	if (f->ino)
		push(&settled, f->path, f->dev, f->ino);
}

void file_finalize(void)
{
	remove_older(UINT32_MAX);
}

void file_bring_back(const struct vfile *f)
{
	char name[PATH_MAX];
	struct stat st;

	if (name_aside(f->path, name, sizeof(name)) && is_there(name, &st) &&
	    st.st_ino == f->ino && st.st_dev == f->dev)
		sys_call(SYS_renameat, AT_FDCWD, name, AT_FDCWD, f->path);
}

/* --- removing
 * -------------------------------------------------------------------- */

static bool is_settled(const struct stat *st)
{
	const struct kept *k;

	for (k = settled; k; k = k->next)
		if (k->ino == st->st_ino && k->dev == st->st_dev)
			return true;
	return false;
}

/* false: the last epoch does not need it, or it cannot be put aside. */
static bool put_aside(const char *path)
{
	char name[PATH_MAX];
	struct kept *k;
	struct stat st;
	bool done = false;

	lock_take(&lock);
	if (settled && is_there(path, &st) && is_settled(&st) &&
	    name_aside(path, name, sizeof(name)) &&
	    !sys_call(SYS_renameat, AT_FDCWD, path, AT_FDCWD, name)) {
		k = push(&aside, name, st.st_dev, st.st_ino);
		if (k)
			k->taken = taken;
		done = true;
	}
	lock_give(&lock);
	return done;
}

void file_remove(const char *path)
{
	if (!put_aside(path))
		sys_call(SYS_unlinkat, AT_FDCWD, path, 0);
}

int PMPI_File_delete(const char *filename, MPI_Info info)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (!filename || !put_aside(file_path_in(filename)))
		ret = REAL(File_delete, filename, real_info(info));
	ret = error_file(MPI_FILE_NULL, ret, FN_MPI_File_delete);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_delete);
