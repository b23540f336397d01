/* SPDX-License-Identifier: BSD-3-Clause */
/* place_memory.c - the guest's mappings go to the arena */
#include <errno.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#define LOG_PREFIX "lower half: "
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/lower/arena.h"
#include "runtime/lower/crossing.h"
#include "runtime/lower/futex.h"
#include "runtime/lower/patch.h"
#include "runtime/lower/place_private.h"
#include "runtime/lower/tls.h"

#define HUGE_PAGE     (2UL << 20)
#define NOT_FOR_FIXED (MAP_32BIT | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE)
#define HUGE_SHIFT    26 /* MAP_HUGE_SHIFT */

static size_t alignment(size_t size, int flags)
{
	int shift = flags >> HUGE_SHIFT & 63;

	if (flags & MAP_HUGETLB)
		return shift ? 1UL << shift : HUGE_PAGE;
	/* as the kernel does for memory that huge pages may back */
	return size >= HUGE_PAGE ? HUGE_PAGE : ARENA_PAGE;
}

/*
 * How many bytes of a file's mapping can be read: pages behind the end of the
 * file raise SIGBUS.  ld.so maps so much of a library whose first segment is
 * its code (old linkers made such, with segments 2 MiB apart) before it puts
 * the data's zeroed pages over it.
 */
static size_t readable(int fd, long offset, size_t size)
{
	struct stat st;

	if (sys_is_error(sys_call(SYS_fstat, fd, &st)) || st.st_size <= offset)
		return 0;
	return arena_round((size_t)(st.st_size - offset)) < size ?
		       arena_round((size_t)(st.st_size - offset)) :
		       size;
}

static int map_code(const struct place_call *c, uintptr_t start, size_t size,
		    int prot)
{
	int flags = (int)c->arg[3], rc;
	bool known = false;

	if (!(flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) == MAP_PRIVATE) {
		size = readable((int)c->arg[4], (long)c->arg[5], size);
		rc = patch_text(start, size, prot);
		if (rc)
			return rc;
		known = !crossing_rewrites() ||
			tls_text(start, size, prot, (int)c->arg[4],
				 (uint64_t)c->arg[5]);
	}
	return known || crossing_doubt("code that cannot be looked through") ?
		       0 :
		       -EACCES;
}

/* Maps over a range of the arena and sees to what a fresh mapping needs. */
static long map_over(struct place_call *c, uintptr_t start)
{
	size_t size = arena_round(c->arg[1]);
	int prot = (int)c->arg[2], flags = (int)c->arg[3];
	long got;
	int rc;

	flags = (flags & ~NOT_FOR_FIXED) | MAP_FIXED;
	got = sys_call(SYS_mmap, start, c->arg[1], prot, flags, c->arg[4],
		       c->arg[5]);
	if (sys_is_error(got))
		return got;
	arena_seal(start, size);
	if (prot & PROT_EXEC) {
		rc = map_code(c, start, size, prot);
		if (rc)
			return rc;
	}
	return got;
}

/* Code may be written there, which nobody looks through. */
int place_mprotect(struct place_call *c)
{
	if (!(c->arg[2] & PROT_EXEC) || place_in_child() ||
	    crossing_doubt("memory becomes executable"))
		return PLACE_NATIVE;
	return place_done(c, -EACCES);
}

int place_mmap(struct place_call *c)
{
	uintptr_t start = c->arg[0];
	size_t size = c->arg[1];
	int flags = (int)c->arg[3];
	long got;

	if (!size || size > 1UL << 46)
		return place_done(c, size ? -ENOMEM : -EINVAL);
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!arena_holds(start, arena_round(size))) {
			log_warn("the MPI library wants memory at %p, outside "
				 "its own; refused",
				 (void *)start);
			return place_done(c, -ENOMEM);
		}
		arena_claim(start, size);
		return place_done(c, map_over(c, start));
	}
	start = arena_alloc(size, alignment(size, flags), 0);
	if (!start)
		return place_done(c, -ENOMEM);
	got = map_over(c, start);
	if (sys_is_error(got))
		arena_free(start, size);
	return place_done(c, got);
}

int place_munmap(struct place_call *c)
{
	uintptr_t start = c->arg[0];
	size_t size = arena_round(c->arg[1]);

	if (!size || start % ARENA_PAGE || !arena_holds(start, size))
		return place_done(c, -EINVAL);
	arena_free(start, size);
	return place_done(c, 0);
}

static long move_to(struct place_call *c, uintptr_t to)
{
	uintptr_t from = c->arg[0];
	size_t old_size = arena_round(c->arg[1]);
	long got;

	got = sys_call(SYS_mremap, from, old_size, c->arg[2],
		       MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (sys_is_error(got))
		return got;
	arena_seal(to, c->arg[2]);
	if (old_size)
		arena_vacate(from, old_size);
	return got;
}

/*
 * The pages behind a mapping are reserved by the arena, so it never grows where
 * it is: it shrinks there, or moves.
 */
int place_mremap(struct place_call *c)
{
	uintptr_t from = c->arg[0], to;
	size_t old_size = arena_round(c->arg[1]);
	size_t size = arena_round(c->arg[2]);
	int flags = (int)c->arg[3];
	long got;

	if (!size || from % ARENA_PAGE || !arena_holds(from, old_size))
		return place_done(c, -EINVAL);
	if (flags & MREMAP_FIXED) {
		to = c->arg[4];
		if (!arena_holds(to, size))
			return place_done(c, -ENOMEM);
		arena_claim(to, size);
		return place_done(c, move_to(c, to));
	}
	if (size <= old_size && old_size) {
		if (size < old_size)
			arena_free(from + size, old_size - size);
		return place_done(c, (long)from);
	}
	if (!(flags & MREMAP_MAYMOVE))
		return place_done(c, -ENOMEM);
	to = arena_alloc(size, alignment(size, 0), 0);
	if (!to)
		return place_done(c, -ENOMEM);
	got = move_to(c, to);
	if (sys_is_error(got))
		arena_free(to, size);
	return place_done(c, got);
}

/* There is one break, and it is the program's; malloc falls back to mmap. */
int place_brk(struct place_call *c)
{
	return place_done(c, 0);
}

/* --- System V segments ---------------------------------------------------- */

static struct place_attach *attach_find(uintptr_t start)
{
	for (size_t i = 0; i < PLACE_ATTACH; i++)
		if (place.attach[i].start == start)
			return &place.attach[i];
	return NULL;
}

static long attach_note(uintptr_t start, size_t size)
{
	struct place_attach *a;

	futex_lock(&place.lock);
	a = attach_find(0);
	if (a) {
		a->start = start;
		a->size = size;
	}
	futex_unlock(&place.lock);
	return a ? 0 : -ENOMEM;
}

int place_shmat(struct place_call *c)
{
	struct shmid_ds info;
	uintptr_t start;
	long got;

	if (c->arg[1])
		return place_done(c, -EINVAL);
	got = sys_call(SYS_shmctl, c->arg[0], IPC_STAT, &info);
	if (sys_is_error(got))
		return place_done(c, got);
	start = arena_alloc(info.shm_segsz, alignment(info.shm_segsz, 0), 0);
	if (!start)
		return place_done(c, -ENOMEM);
	if (c->arg[2] & SHM_EXEC && !crossing_doubt("a segment with code"))
		return place_done(c, -EACCES);
	got = attach_note(start, arena_round(info.shm_segsz));
	if (!got)
		got = sys_call(SYS_shmat, c->arg[0], start,
			       c->arg[2] | SHM_REMAP);
	if (sys_is_error(got))
		arena_free(start, info.shm_segsz);
	else
		arena_seal(start, info.shm_segsz);
	return place_done(c, got);
}

/* Mapping over a segment detaches it, and nobody can take its place. */
int place_shmdt(struct place_call *c)
{
	struct place_attach *a;
	uintptr_t start = 0;
	size_t size = 0;

	futex_lock(&place.lock);
	a = c->arg[0] ? attach_find(c->arg[0]) : NULL;
	if (a) {
		start = a->start;
		size = a->size;
		a->start = 0;
	}
	futex_unlock(&place.lock);
	if (!start)
		return place_done(c, -EINVAL);
	arena_free(start, size);
	return place_done(c, 0);
}
