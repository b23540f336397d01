/* SPDX-License-Identifier: BSD-3-Clause */
/* handles.h - virtual MPI handles: what the program holds, and what is behind
 */
#ifndef CAIRN_MPI_HANDLES_H
#define CAIRN_MPI_HANDLES_H

#include <mpi.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * DESIGN
 *
 * Every handle the program holds is virtual, but for MPICH's predefined
 * constants (kind bits 31-30 = 00 null, 01 builtin), which stay as they are and
 * have records too where we need any (MPI_COMM_WORLD, MPI_COMM_SELF).  A
 * virtual handle is an int in MPICH's own layout with bits 31-30 = 11
 * ("indirect") and MPICH's kind in bits 29-26, so a program that prints or
 * compares handles sees nothing new; the low 26 bits are an index into that
 * kind's two-level table. Tables only grow; a look-up takes no lock: two loads.
 *
 * Real handles have C types of their own, so that mixing them does not compile.
 * Every record starts with struct vobject.  Records are reference-counted:
 * one for the handle the program holds, one for each pending operation or
 * derived object that needs it.
 */
struct real_handle {
	int id;
};

enum vkind { /* MPICH's own numbers (bits 29-26 of a handle) */
	     V_COMM = 1,
	     V_GROUP = 2,
	     V_TYPE = 3,
	     V_FILE = 4, /* MPI_File is a pointer in MPICH: see file.c */
	     V_ERRHANDLER = 5,
	     V_OP = 6,
	     V_INFO = 7,
	     V_WIN = 8,
	     V_KEYVAL = 9,
	     V_ATTR = 10,
	     V_REQUEST = 11,
	     V_SESSION = 14,
	     V_MESSAGE = 12, /* ours: MPICH uses request handles for messages */
	     V_KINDS = 16,
};

struct vobject {
	int handle; /* what the program holds */
	_Atomic int refs;
	struct real_handle real; /* {0} while there is none */
	uint16_t kind;
	uint16_t flags;	 /* the kind's own */
	uint64_t serial; /* order of creation in this process, all kinds:
			    a rebuild goes by it (communicators by gid) */
};

/* handle_new - a zeroed record of `size` bytes (struct vobject first) with a
 * fresh handle and one reference; NULL without memory. */
void *handle_new(enum vkind kind, size_t size);
/* handle_builtin - a record for a predefined constant. */
void *handle_builtin(enum vkind kind, int handle, size_t size);
/* handle_get - the record, or NULL for a null, freed or foreign handle or one
 * of another kind.  Inline two-level look-up. */
static inline void *handle_get(enum vkind kind, int handle);
void object_ref(void *object);
/* object_put - drop a reference; the last one calls the kind's destructor and
 * gives the index back. */
void object_put(void *object);
/* handle_set_destroy - what object_put calls for the last reference to an
 * object of this kind, before its memory and index go. */
void handle_set_destroy(enum vkind kind, void (*destroy)(void *object));
/* handle_each - call fn for every live record of a kind (not the builtins) in
 * order of serial; stops at the first result that is not 0 and gives it; -1
 * without memory. */
int handle_each(enum vkind kind, int (*fn)(void *object, void *arg), void *arg);

/* handle_hide - the program may not use this handle any more, but the record
 * lives on: handle_get does not give it, handle_kept (which gives any record)
 * and handle_each do. */
void handle_hide(void *object);
void *handle_kept(enum vkind kind, int handle);

#define HANDLE_LEAF 1024
struct handle_leaf {
	struct vobject *slot[HANDLE_LEAF];
	struct vobject *hidden[HANDLE_LEAF];
};
struct handle_table {
	struct handle_leaf *leaf[1 << 16]; /* 26-bit index */
};
extern struct handle_table handle_tables[V_KINDS];
/* by the low bits of the constant */
extern struct handle_leaf *handle_builtins[V_KINDS];

static inline void *handle_get(enum vkind kind, int handle)
{
	uint32_t h = (uint32_t)handle;
	uint32_t index = h & 0x3ffffff;
	const struct handle_leaf *leaf;

	if ((h >> 26) == (3U << 4 | (uint32_t)kind))
		leaf = handle_tables[kind].leaf[index / HANDLE_LEAF];
	else if ((h >> 26) == (1U << 4 | (uint32_t)kind))
		leaf = handle_builtins[kind];
	else
		return NULL;
	return leaf ? leaf->slot[index % HANDLE_LEAF] : NULL;
}

#endif
