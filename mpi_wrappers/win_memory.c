/* SPDX-License-Identifier: BSD-3-Clause */
/* win_memory.c - memory of MPI_Win_allocate and MPI_Win_allocate_shared */
#include "mpi_wrappers/win.h"

#include <linux/mman.h>
#include <string.h>
#include <sys/mman.h>

#include "mpi_wrappers/api.h"
#include "runtime/base/sys.h"

/*
 * The real library has such memory in a segment that the ranks of a node share,
 * and goes straight to it.  The program must not know that address: it ends with
 * the lower half.  So the segment's pages are mapped a second time, in the upper
 * half (mremap of no length makes a second mapping of shared pages), and after a
 * restart the new segment's pages take their place, with what they held.
 *
 * Where a rank has no segment (it is alone on its node) the window is a real
 * MPI_Win_create on memory of ours, for all ranks of it.
 */

#define PAGE	    ((size_t)4096)
#define PAGES(size) (((size_t)(size) + PAGE - 1) & ~(PAGE - 1))

static int memory_place(struct win_memory *m, size_t len)
{
	long at;

	if (!len || m->at)
		return MPI_SUCCESS;
	at = sys_call(SYS_mmap, 0, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys_is_error(at))
		return MPI_ERR_NO_MEM;
	m->at = (void *)at;
	m->len = len;
	return MPI_SUCCESS;
}

void win_memory_free(struct vwin *w)
{
	struct win_memory *m = &w->memory;

	if (m->at) {
		process_private_memory(m->at, 0);
		sys_call(SYS_munmap, m->at, m->len);
	}
	m->at = NULL;
	upper_free(m->part);
	m->part = NULL;
}

/* A second mapping of the pages behind `real`, at a place of its own; NULL: they
 * are not shared, or there is no memory. */
static void *second_mapping(void *real, size_t len)
{
	long at = sys_call(SYS_mmap, 0, len, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long made;

	if (sys_is_error(at))
		return NULL;
	made = sys_call(SYS_mremap, real, 0, len,
			MREMAP_MAYMOVE | MREMAP_FIXED, at);
	if (!sys_is_error(made))
		return (void *)made;
	sys_call(SYS_munmap, at, len);
	return NULL;
}

/* From now on the program's addresses mean these pages.  They were the lower
 * half's, which a child of the program does not get. */
static int link_pages(struct win_memory *m, void *pages)
{
	long at = sys_call(SYS_mremap, pages, m->len, m->len,
			   MREMAP_MAYMOVE | MREMAP_FIXED, m->at);

	if (sys_is_error(at))
		return MPI_ERR_NO_MEM;
	sys_call(SYS_madvise, m->at, m->len, MADV_DOFORK);
	m->linked = true;
	return MPI_SUCCESS;
}

/* --- allocate ----------------------------------------------------------------
 */

/*
 * Each rank's part begins on a page of its own, so that it comes back at the
 * same place in its page whoever shares the node then: all sizes are whole pages.
 * But not that of the last rank: if all are, MPICH first looks for an address
 * that is the same on all ranks, which takes it a tenth of a second and cannot
 * be had here.
 */
static MPI_Aint real_size(const struct vwin *w)
{
	return (MPI_Aint)PAGES(w->size) +
	       (w->comm->rank == w->comm->size - 1 ? 64 : 0);
}

static int all_agree(const struct vwin *w, bool mine, bool *all)
{
	int in = mine, out = 0;
	int ret = REAL(Allreduce, &in, &out, 1, MPI_INT, MPI_MIN,
		       w->comm->obj.real.id);

	*all = out;
	return ret;
}

/* MPI_Win_create on what memory there is. */
static int create(const struct vwin *w, int info, int *real)
{
	return REAL(Win_create, w->memory.at, w->size, w->disp_unit, info,
		    w->comm->obj.real.id, real);
}

static int adopt(struct vwin *w, void *base, void *pages)
{
	struct win_memory *m = &w->memory;

	if (!m->len)
		return MPI_SUCCESS;
	if (w->base) /* a restart */
		memcpy(base, m->at, m->len);
	/* To an image it is as private as it is to the program. */
	if (process_private_memory(m->at, m->len))
		return MPI_ERR_NO_MEM;
	return link_pages(m, pages);
}

static int allocate(struct vwin *w, int info, int *real)
{
	struct win_memory *m = &w->memory;
	void *base = NULL, *pages = NULL;
	bool mine, all = false;
	int ret = memory_place(m, PAGES(w->size));

	if (!ret)
		ret = REAL(Win_allocate, real_size(w), w->disp_unit, info,
			   w->comm->obj.real.id, &base, real);
	if (ret)
		return ret;
	if (m->len && !((uintptr_t)base & (PAGE - 1)))
		pages = second_mapping(base, m->len);
	mine = !m->len || pages;
	ret = all_agree(w, mine, &all);
	if (!ret && all)
		ret = adopt(w, base, pages);
	if (ret || all)
		return ret;
	if (pages)
		sys_call(SYS_munmap, pages, m->len);
	process_private_memory(m->at, 0);
	REAL(Win_free, real);
	return create(w, info, real);
}

/* --- allocate_shared ---------------------------------------------------------
 */

/* Where the segment begins and ends, and each part in it. */
static int parts_read(const struct vwin *w, int real, struct win_part *part,
		      char **begin, size_t *len)
{
	uintptr_t low = UINTPTR_MAX, high = 0;
	int ret = MPI_SUCCESS;

	for (int i = 0; i < w->comm->size && !ret; i++) {
		void *at = NULL;

		ret = REAL(Win_shared_query, real, i, &part[i].size,
			   &part[i].disp_unit, &at);
		part[i].offset = (uintptr_t)at;
		if (ret || !part[i].size)
			continue;
		if ((uintptr_t)at < low)
			low = (uintptr_t)at;
		if ((uintptr_t)at + (uintptr_t)part[i].size > high)
			high = (uintptr_t)at + (uintptr_t)part[i].size;
	}
	low = low < high ? low & ~(PAGE - 1) : high;
	for (int i = 0; i < w->comm->size; i++)
		part[i].offset -= part[i].size ? low : part[i].offset;
	*begin = (char *)low;
	*len = PAGES(high - low);
	return ret;
}

/* Each rank copies its own part; nobody looks before all have. */
static int shared_link(struct vwin *w, char *begin)
{
	struct win_memory *m = &w->memory;
	const struct win_part *mine = &m->part[w->comm->rank];
	void *pages;
	int ret;

	if (w->base) /* a restart */
		memcpy(begin + mine->offset, (char *)m->at + mine->offset,
		       (size_t)mine->size);
	pages = second_mapping(begin, m->len);
	ret = pages ? link_pages(m, pages) : MPI_ERR_NO_MEM;
	return ret ? ret : REAL(Barrier, w->comm->obj.real.id);
}

static int shared_parts(struct vwin *w, int real)
{
	struct win_memory *m = &w->memory;
	size_t len = 0;
	char *begin;
	int ret;

	if (!m->part)
		m->part = upper_alloc(sizeof(*m->part) *
				      (size_t)w->comm->size);
	if (!m->part)
		return MPI_ERR_NO_MEM;
	ret = parts_read(w, real, m->part, &begin, &len);
	if (!ret && m->at && m->len != len)
		ret = MPI_ERR_INTERN; /* another library lays it out anew */
	if (!ret)
		ret = memory_place(m, len);
	if (ret || !len)
		return ret;
	m->offset = m->part[w->comm->rank].offset;
	return shared_link(w, begin);
}

/* Alone, there is no segment. */
static int shared_alone(struct vwin *w, int info, int *real)
{
	struct win_memory *m = &w->memory;
	int ret = memory_place(m, PAGES(w->size));

	if (!m->part)
		m->part = upper_alloc(sizeof(*m->part));
	if (ret || !m->part)
		return MPI_ERR_NO_MEM;
	m->part[0] = (struct win_part){ 0, w->size, w->disp_unit };
	return create(w, info, real);
}

static int allocate_shared(struct vwin *w, int info, int *real)
{
	void *base = NULL;
	int ret;

	if (w->comm->size == 1)
		return shared_alone(w, info, real);
	ret = REAL(Win_allocate_shared, w->size, w->disp_unit, info,
		   w->comm->obj.real.id, &base, real);
	return ret ? ret : shared_parts(w, *real);
}

int win_memory_make(struct vwin *w, int info, int *real)
{
	int ret = w->flavor == MPI_WIN_FLAVOR_SHARED ?
			  allocate_shared(w, info, real) :
			  allocate(w, info, real);

	w->base = w->size ? (char *)w->memory.at + w->memory.offset : NULL;
	return ret;
}
