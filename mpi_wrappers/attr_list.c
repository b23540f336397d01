/* SPDX-License-Identifier: BSD-3-Clause */
/* attr_list.c - an object's attributes, and the program's functions for them */
#include "mpi_wrappers/attr.h"

#include <stdint.h>

#include "mpi_wrappers/keyval.h"
#include "runtime/process/process.h"

static struct attr **find(struct attr **list, const struct vkeyval *key)
{
	while (*list && (*list)->key != key)
		list = &(*list)->next;
	return list;
}

static int call_delete(const struct attr *a, int handle)
{
	const struct vkeyval *key = a->key;

	if (!key->del)
		return MPI_SUCCESS;
	if (key->delete_proxy)
		return key->delete_proxy(key->del, handle, key->obj.handle,
					 a->type, (void *)a->value,
					 key->extra_state);
	return key->del(handle, key->obj.handle, (void *)a->value,
			key->extra_state);
}

static int call_copy(const struct attr *a, int handle, intptr_t *value,
		     int *flag)
{
	const struct vkeyval *key = a->key;

	*flag = 0;
	if (!key->copy)
		return MPI_SUCCESS;
	if (key->copy_proxy)
		return key->copy_proxy(key->copy, handle, key->obj.handle,
				       key->extra_state, a->type,
				       (void *)a->value, (void **)value, flag);
	return key->copy(handle, key->obj.handle, key->extra_state,
			 (void *)a->value, value, flag);
}

static struct attr *attr_new(struct vkeyval *key, intptr_t value,
			     enum attr_type type)
{
	struct attr *a = upper_alloc(sizeof(*a));

	if (!a)
		return NULL;
	object_ref(key);
	a->key = key;
	a->value = value;
	a->type = type;
	return a;
}

static void attr_unlink(struct attr **place)
{
	struct attr *a = *place;

	*place = a->next;
	object_put(a->key);
	upper_free(a);
}

int attr_set(struct attr **list, enum vkind on, int handle, int keyval,
	     intptr_t value, enum attr_type type)
{
	int code;
	struct vkeyval *key = keyval_get(on, keyval, &code);
	struct attr *a;

	if (!key)
		return code;
	a = *find(list, key);
	if (a) {
		code = call_delete(a, handle);
		if (code)
			return code;
		a->value = value;
		a->type = type;
		return MPI_SUCCESS;
	}
	a = attr_new(key, value, type);
	if (!a)
		return MPI_ERR_NO_MEM;
	/* At the head: MPI deletes in the reverse order of setting. */
	a->next = *list;
	*list = a;
	return MPI_SUCCESS;
}

int attr_get(struct attr *list, enum vkind on, int keyval, void *value,
	     int *flag, enum attr_type type)
{
	int code;
	struct vkeyval *key = keyval_get(on, keyval, &code);
	struct attr *a;

	*flag = 0;
	if (!key)
		return code;
	a = *find(&list, key);
	if (!a)
		return MPI_SUCCESS;
	*flag = 1;
	/* C sees an integer set by Fortran through a pointer to it; Fortran
	 * sees C's pointer as an integer. */
	if (type == ATTR_PTR && a->type != ATTR_PTR)
		*(intptr_t **)value = &a->value;
	else
		*(intptr_t *)value = a->value;
	return MPI_SUCCESS;
}

int attr_delete(struct attr **list, enum vkind on, int handle, int keyval)
{
	int code;
	struct vkeyval *key = keyval_get(on, keyval, &code);
	struct attr **place;

	if (!key)
		return code;
	place = find(list, key);
	if (!*place)
		return MPI_SUCCESS;
	code = call_delete(*place, handle);
	if (code)
		return code;
	/* The function may have changed the list. */
	place = find(list, key);
	if (*place)
		attr_unlink(place);
	return MPI_SUCCESS;
}

int attr_copy_all(struct attr *list, int handle, struct attr **copy)
{
	struct attr **end = copy;

	*copy = NULL;
	for (struct attr *a = list; a; a = a->next) {
		intptr_t value = 0;
		int flag = 0;
		int code = call_copy(a, handle, &value, &flag);

		if (!code && flag) {
			*end = attr_new(a->key, value, a->type);
			code = *end ? MPI_SUCCESS : MPI_ERR_NO_MEM;
		}
		if (code) {
			while (*copy)
				attr_unlink(copy);
			return code;
		}
		if (flag)
			end = &(*end)->next;
	}
	return MPI_SUCCESS;
}

int attr_delete_all(struct attr **list, int handle)
{
	while (*list) {
		struct vkeyval *key = (*list)->key;
		struct attr **place;
		int code = call_delete(*list, handle);

		if (code)
			return code;
		place = find(list, key);
		if (*place)
			attr_unlink(place);
	}
	return MPI_SUCCESS;
}
