/* SPDX-License-Identifier: BSD-3-Clause */
/* handles.c - tables of virtual handles */
#include "mpi_wrappers/handles.h"

#include "mpi_wrappers/lock.h"
#include "runtime/process/process.h"

#define LEAVES (1U << 16)

/* File-scope: one MPI library a process, and wrappers must find them fast. */
struct handle_table handle_tables[V_KINDS];
struct handle_leaf *handle_builtins[V_KINDS];

static struct {
	struct lock lock;
	uint32_t next;	  /* indices from here on were never used */
	uint32_t *vacant; /* a stack of indices given back */
	uint32_t nvacant, room;
	uint32_t live;
	void (*destroy)(void *object);
} kinds[V_KINDS];

static _Atomic uint64_t next_serial = 1;

void handle_set_destroy(enum vkind kind, void (*destroy)(void *object))
{
	kinds[kind].destroy = destroy;
}

static struct handle_leaf *leaf_get(struct handle_leaf **place)
{
	if (!*place)
		*place = upper_alloc(sizeof(struct handle_leaf));
	return *place;
}

/* Under the kind's lock. */
static bool index_take(enum vkind kind, uint32_t *index)
{
	if (kinds[kind].nvacant) {
		*index = kinds[kind].vacant[--kinds[kind].nvacant];
		return true;
	}
	if (kinds[kind].next / HANDLE_LEAF >= LEAVES)
		return false;
	*index = kinds[kind].next;
	if (!leaf_get(&handle_tables[kind].leaf[*index / HANDLE_LEAF]))
		return false;
	/* Room to give it back, so that freeing never fails. */
	if (kinds[kind].next >= kinds[kind].room) {
		uint32_t room = kinds[kind].room ? kinds[kind].room * 2 : 64;
		uint32_t *vacant = upper_realloc(kinds[kind].vacant,
						 room * sizeof(*vacant));

		if (!vacant)
			return false;
		kinds[kind].vacant = vacant;
		kinds[kind].room = room;
	}
	kinds[kind].next++;
	return true;
}

static void object_init(struct vobject *object, enum vkind kind, int handle)
{
	object->handle = handle;
	object->kind = (uint16_t)kind;
	atomic_store_explicit(&object->refs, 1, memory_order_relaxed);
	object->serial = atomic_fetch_add_explicit(&next_serial, 1,
						   memory_order_relaxed);
}

void *handle_new(enum vkind kind, size_t size)
{
	struct vobject *object = upper_alloc(size);
	uint32_t index;
	bool ok;

	if (!object)
		return NULL;
	lock_take(&kinds[kind].lock);
	ok = index_take(kind, &index);
	if (ok) {
		object_init(object, kind,
			    (int)(3U << 30 | (uint32_t)kind << 26 | index));
		handle_tables[kind]
			.leaf[index / HANDLE_LEAF]
			->slot[index % HANDLE_LEAF] = object;
		kinds[kind].live++;
	}
	lock_give(&kinds[kind].lock);
	if (!ok) {
		upper_free(object);
		return NULL;
	}
	return object;
}

void *handle_builtin(enum vkind kind, int handle, size_t size)
{
	struct vobject *object = handle_get(kind, handle);

	if (object)
		return object;
	lock_take(&kinds[kind].lock);
	object = handle_get(kind, handle);
	if (!object && leaf_get(&handle_builtins[kind])) {
		object = upper_alloc(size);
		if (object) {
			object_init(object, kind, handle);
			object->real.id = handle;
			handle_builtins[kind]
				->slot[handle & (HANDLE_LEAF - 1)] = object;
		}
	}
	lock_give(&kinds[kind].lock);
	return object;
}

void object_ref(void *object)
{
	struct vobject *o = object;

	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
}

static bool object_is_builtin(const struct vobject *object)
{
	return (uint32_t)object->handle >> 30 != 3;
}

void handle_hide(void *object)
{
	const struct vobject *o = object;
	uint32_t index = (uint32_t)o->handle & 0x3ffffff;
	struct handle_leaf *leaf;

	lock_take(&kinds[o->kind].lock);
	leaf = handle_tables[o->kind].leaf[index / HANDLE_LEAF];
	leaf->hidden[index % HANDLE_LEAF] = object;
	leaf->slot[index % HANDLE_LEAF] = NULL;
	lock_give(&kinds[o->kind].lock);
}

void *handle_kept(enum vkind kind, int handle)
{
	uint32_t index = (uint32_t)handle & 0x3ffffff;
	void *object = handle_get(kind, handle);
	const struct handle_leaf *leaf;

	if (object || (uint32_t)handle >> 30 != 3 ||
	    ((uint32_t)handle >> 26 & 15) != (uint32_t)kind)
		return object;
	leaf = handle_tables[kind].leaf[index / HANDLE_LEAF];
	return leaf ? leaf->hidden[index % HANDLE_LEAF] : NULL;
}

static void index_give(struct vobject *object)
{
	enum vkind kind = object->kind;
	uint32_t index = (uint32_t)object->handle & 0x3ffffff;
	struct handle_leaf *leaf;

	lock_take(&kinds[kind].lock);
	leaf = handle_tables[kind].leaf[index / HANDLE_LEAF];
	leaf->slot[index % HANDLE_LEAF] = NULL;
	leaf->hidden[index % HANDLE_LEAF] = NULL;
	kinds[kind].vacant[kinds[kind].nvacant++] = index;
	kinds[kind].live--;
	lock_give(&kinds[kind].lock);
}

void object_put(void *object)
{
	struct vobject *o = object;

	if (!o || object_is_builtin(o) ||
	    atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (kinds[o->kind].destroy)
		kinds[o->kind].destroy(o);
	index_give(o);
	upper_free(o);
}

/* Shell sort: no malloc, no recursion; tables are nearly sorted already. */
static void sort_by_serial(struct vobject **objects, uint32_t n)
{
	for (uint32_t gap = n / 2; gap; gap /= 2) {
		for (uint32_t i = gap; i < n; i++) {
			struct vobject *o = objects[i];
			uint32_t j = i;

			for (; j >= gap && objects[j - gap]->serial > o->serial;
			     j -= gap)
				objects[j] = objects[j - gap];
			objects[j] = o;
		}
	}
}

int handle_each(enum vkind kind, int (*fn)(void *object, void *arg), void *arg)
{
	struct vobject **objects;
	uint32_t n = 0;
	int ret = 0;

	lock_take(&kinds[kind].lock);
	objects = upper_alloc((kinds[kind].live + 1) * sizeof(*objects));
	for (uint32_t i = 0; objects && i < kinds[kind].next; i++) {
		const struct handle_leaf *leaf = handle_tables[kind]
							 .leaf[i / HANDLE_LEAF];
		struct vobject *o = leaf->slot[i % HANDLE_LEAF];

		if (!o)
			o = leaf->hidden[i % HANDLE_LEAF];
		if (o)
			objects[n++] = o;
	}
	lock_give(&kinds[kind].lock);
	if (!objects)
		return -1;
	sort_by_serial(objects, n);
	for (uint32_t i = 0; i < n && !ret; i++)
		ret = fn(objects[i], arg);
	upper_free(objects);
	return ret;
}
