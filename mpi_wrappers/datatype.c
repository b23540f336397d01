/* SPDX-License-Identifier: BSD-3-Clause */
/* datatype.c - derived datatypes: their records, and making them again */
#include "mpi_wrappers/api.h"

#include <errno.h>
#include <string.h>

/*
 * A record keeps the call that made the type (recipe.c), with references to the
 * types that it was made of: these stay, record and real one, when the program
 * frees its handles.  The real type goes with the last reference.
 */

/* --- real <-> virtual
 * ------------------------------------------------------------ */

int *real_types(const MPI_Datatype types[], long n)
{
	long i = 0;
	int *real;

	while (types && i < n && (uint32_t)types[i] >> 30 != 3)
		i++;
	if (!types || i >= n)
		return (int *)types;
	real = upper_alloc(sizeof(*real) * (size_t)n);
	for (i = 0; real && i < n; i++)
		real[i] = real_type(types[i]);
	return real;
}

void real_types_done(int *real, const MPI_Datatype types[])
{
	if (real != (const int *)types)
		upper_free(real);
}

struct type_search {
	int real;
	struct vtype *found;
};

static int type_matches(void *object, void *arg)
{
	struct vtype *t = object;
	struct type_search *search = arg;

	if (t->obj.real.id != search->real)
		return 0;
	search->found = t;
	return 1;
}

static struct vtype *type_of_real(int real)
{
	struct type_search search = { .real = real };

	handle_each(V_TYPE, type_matches, &search);
	return search.found;
}

/* Predefined handles, also those of pairs (bits 10), are the same on both
 * sides; a derived real one has bits 10 or 11, and is in a record. */
MPI_Datatype type_virtual(int real)
{
	struct vtype *t;

	if ((uint32_t)real >> 30 < 2)
		return real;
	t = type_of_real(real);
	return t ? t->obj.handle : real;
}

/* --- records
 * ----------------------------------------------------------------------- */

void type_destroy(void *object)
{
	struct vtype *t = object;
	int real = t->obj.real.id;

	attr_delete_all(&t->attrs, t->obj.handle);
	if (real && !t->permanent)
		REAL(Type_free, &real);
	recipe_free(t->recipe);
	upper_free(t->name);
}

static struct vtype *type_new(int real, int function, const long args[])
{
	struct vtype *t = handle_new(V_TYPE, sizeof(*t));

	if (!t)
		return NULL;
	t->obj.real.id = real;
	if (args)
		t->recipe = recipe_make(function, args);
	if (args && !t->recipe) {
		object_put(t);
		return NULL;
	}
	return t;
}

int type_made(int real, int function, const long args[], MPI_Datatype *out)
{
	struct vtype *t;

	*out = real;
	if ((uint32_t)real >> 30 < 2)
		return MPI_SUCCESS;
	t = type_new(real, function, args);
	*out = t ? t->obj.handle : MPI_DATATYPE_NULL;
	return t ? MPI_SUCCESS : MPI_ERR_NO_MEM;
}

int type_adopted(int real, MPI_Datatype *out)
{
	return type_made(real, 0, NULL, out);
}

/* --- the program's calls
 * ------------------------------------------------------------- */

int PMPI_Type_commit(MPI_Datatype *datatype)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vtype *t = datatype ? handle_get(V_TYPE, *datatype) : NULL;
	int real = datatype ? real_type(*datatype) : 0;
	int ret = REAL(Type_commit, datatype ? &real : NULL);

	if (t && !ret)
		t->committed = true;
	ret = error_world(ret, FN_MPI_Type_commit);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_commit);

static bool is_derived(const struct vtype *t)
{
	return t && (uint32_t)t->obj.handle >> 30 == 3;
}

int PMPI_Type_free(MPI_Datatype *datatype)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vtype *t = datatype ? handle_get(V_TYPE, *datatype) : NULL;
	int real, ret = MPI_SUCCESS;

	if (is_derived(t) && !t->permanent) {
		/* Here, not in the destructor, a delete function can object. */
		if (atomic_load(&t->obj.refs) == 1)
			ret = attr_delete_all(&t->attrs, t->obj.handle);
		if (!ret) {
			object_put(t);
			*datatype = MPI_DATATYPE_NULL;
		}
	} else {
		real = datatype ? real_type(*datatype) : 0;
		ret = REAL(Type_free, datatype ? &real : NULL);
	}
	ret = error_world(ret, FN_MPI_Type_free);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_free);

int PMPI_Type_dup(MPI_Datatype oldtype, MPI_Datatype *newtype)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vtype *old = handle_get(V_TYPE, oldtype);
	struct vtype *t = NULL;
	struct attr *attrs = NULL;
	int made = MPI_DATATYPE_NULL;
	int ret = REAL(Type_dup, real_type(oldtype), newtype ? &made : NULL);

	if (!ret) {
		t = type_new(made, FN_MPI_Type_dup,
			     (const long[]){ oldtype, 0 });
		ret = t ? MPI_SUCCESS : MPI_ERR_NO_MEM;
	}
	if (!ret && old)
		ret = attr_copy_all(old->attrs, oldtype, &attrs);
	if (ret) {
		object_put(t);
		if (newtype)
			*newtype = MPI_DATATYPE_NULL;
	} else {
		t->attrs = attrs;
		t->committed = !is_derived(old) || old->committed;
		*newtype = t->obj.handle;
	}
	ret = error_world(ret, FN_MPI_Type_dup);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_dup);

/* The library makes these once for each set of arguments and keeps them: the
 * program gets the same handle each time, and may not free it. */
static int create_f90(int function, const long args[], int ret, int made,
		      MPI_Datatype *newtype)
{
	struct vtype *t;

	if (ret)
		return error_world(ret, function);
	t = type_of_real(made);
	if (t || (uint32_t)made >> 30 < 2) {
		*newtype = t ? t->obj.handle : made;
		return MPI_SUCCESS;
	}
	t = type_new(made, function, args);
	if (!t)
		return error_world(MPI_ERR_NO_MEM, function);
	t->permanent = true;
	t->committed = true;
	*newtype = t->obj.handle;
	return MPI_SUCCESS;
}

int PMPI_Type_create_f90_integer(int r, MPI_Datatype *newtype)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_DATATYPE_NULL;
	int ret = REAL(Type_create_f90_integer, r, newtype ? &made : NULL);

	ret = create_f90(FN_MPI_Type_create_f90_integer, (const long[]){ r, 0 },
			 ret, made, newtype);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_create_f90_integer);

int PMPI_Type_create_f90_real(int p, int r, MPI_Datatype *newtype)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_DATATYPE_NULL;
	int ret = REAL(Type_create_f90_real, p, r, newtype ? &made : NULL);

	ret = create_f90(FN_MPI_Type_create_f90_real, (const long[]){ p, r, 0 },
			 ret, made, newtype);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_create_f90_real);

int PMPI_Type_create_f90_complex(int p, int r, MPI_Datatype *newtype)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_DATATYPE_NULL;
	int ret = REAL(Type_create_f90_complex, p, r, newtype ? &made : NULL);

	ret = create_f90(FN_MPI_Type_create_f90_complex,
			 (const long[]){ p, r, 0 }, ret, made, newtype);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_create_f90_complex);

/* --- names
 * ---------------------------------------------------------------------------
 */

int PMPI_Type_set_name(MPI_Datatype datatype, const char *type_name)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vtype *t = handle_get(V_TYPE, datatype);
	int ret = REAL(Type_set_name, real_type(datatype), type_name);

	if (!ret && !t && (uint32_t)datatype >> 30 == 1)
		t = handle_builtin(V_TYPE, datatype, sizeof(*t));
	if (!ret && t && !t->name)
		t->name = upper_alloc(MPI_MAX_OBJECT_NAME);
	if (!ret && t && t->name)
		strncpy(t->name, type_name, MPI_MAX_OBJECT_NAME - 1);
	ret = error_world(ret, FN_MPI_Type_set_name);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_set_name);

int PMPI_Type_get_name(MPI_Datatype datatype, char *type_name, int *resultlen)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(Type_get_name, real_type(datatype), type_name,
		       resultlen);

	ret = error_world(ret, FN_MPI_Type_get_name);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_get_name);

/* --- contents: numbers from the real library, types from the recipe
 * --------------------- */

static void contents_types(const struct vtype *t, int real[],
			   MPI_Datatype types[], long n)
{
	MPI_Datatype *own = upper_alloc(sizeof(*own) * (size_t)(n + 1));
	int found = t && t->recipe && own ?
			    recipe_types(t->recipe, own, (int)n) :
			    0;

	for (long i = 0; i < n; i++) {
		struct vtype *part = i < found ? handle_get(V_TYPE, own[i]) :
						 NULL;

		if (i < found) {
			/* The program frees what it gets. */
			if (is_derived(part)) {
				object_ref(part);
				REAL(Type_free, &real[i]);
			}
			types[i] = own[i];
		} else if (type_adopted(real[i], &types[i])) {
			types[i] = MPI_DATATYPE_NULL;
		}
	}
	upper_free(own);
}

/* How many types the real library fills in, at most max. */
static long contents_count(const struct vtype *t, long max)
{
	MPI_Count ni, na, nc, nt = 0;
	int combiner;
	int real = t->obj.real.id;

	if (REAL(Type_get_envelope_c, real, &ni, &na, &nc, &nt, &combiner))
		return 0;
	return nt < max ? (long)nt : max;
}

int PMPI_Type_get_contents(MPI_Datatype datatype, int max_integers,
			   int max_addresses, int max_datatypes,
			   int array_of_integers[],
			   MPI_Aint array_of_addresses[],
			   MPI_Datatype array_of_datatypes[])
{
	struct thread_ctx *ctx = ctx_enter();
	struct vtype *t = handle_get(V_TYPE, datatype);
	int *real = upper_alloc(
		sizeof(*real) *
		((size_t)(max_datatypes > 0 ? max_datatypes : 0) + 1));
	int ret = (int)
		cross_call_stack(real_fn(FN_MPI_Type_get_contents),
				 (const long[]){
					 real_type(datatype), max_integers,
					 max_addresses, max_datatypes,
					 (long)array_of_integers,
					 (long)array_of_addresses,
					 (long)(array_of_datatypes ? real :
								     NULL) },
				 7);

	if (!ret && t)
		contents_types(t, real, array_of_datatypes,
			       contents_count(t, max_datatypes));
	upper_free(real);
	ret = error_world(ret, FN_MPI_Type_get_contents);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_get_contents);

int PMPI_Type_get_contents_c(MPI_Datatype datatype, MPI_Count max_integers,
			     MPI_Count max_addresses,
			     MPI_Count max_large_counts,
			     MPI_Count max_datatypes, int array_of_integers[],
			     MPI_Aint array_of_addresses[],
			     MPI_Count array_of_large_counts[],
			     MPI_Datatype array_of_datatypes[])
{
	struct thread_ctx *ctx = ctx_enter();
	struct vtype *t = handle_get(V_TYPE, datatype);
	int *real = upper_alloc(
		sizeof(*real) *
		((size_t)(max_datatypes > 0 ? max_datatypes : 0) + 1));
	int ret = (int)
		cross_call_stack(real_fn(FN_MPI_Type_get_contents_c),
				 (const long[]){
					 real_type(datatype), max_integers,
					 max_addresses, max_large_counts,
					 max_datatypes, (long)array_of_integers,
					 (long)array_of_addresses,
					 (long)array_of_large_counts,
					 (long)(array_of_datatypes ? real :
								     NULL) },
				 9);

	if (!ret && t)
		contents_types(t, real, array_of_datatypes,
			       contents_count(t, (long)max_datatypes));
	upper_free(real);
	ret = error_world(ret, FN_MPI_Type_get_contents_c);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Type_get_contents_c);

/* --- capture and restart
 * ------------------------------------------------------------------ */

static int describe_one(void *object, void *arg)
{
	const struct vtype *t = object;

	if (t->recipe)
		return 0;
	return err_set(arg, -EBUSY,
		       "rank %d has a datatype that it got from "
		       "MPI_File_get_view, which cannot be restored; "
		       "checkpoints work again after MPI_Type_free",
		       comm_world->rank);
}

int type_describe(struct err *err)
{
	return handle_each(V_TYPE, describe_one, err);
}

static int rebuild_one(void *object, void *arg)
{
	struct vtype *t = object;
	int ret = recipe_call(t->recipe, &t->obj.real.id);

	if (!ret && t->committed)
		ret = REAL(Type_commit, &t->obj.real.id);
	if (!ret && t->name)
		ret = REAL(Type_set_name, t->obj.real.id, t->name);
	if (!ret)
		return 0;
	return err_set(arg, -EIO,
		       "a datatype of %s cannot be made again: MPI error %d",
		       api_names[t->recipe->function], ret);
}

int type_rebuild(struct err *err)
{
	return handle_each(V_TYPE, rebuild_one, err);
}
