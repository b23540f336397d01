/* SPDX-License-Identifier: BSD-3-Clause */
/* recipe.c - a call kept with its arguments, to be made again */
#include "mpi_wrappers/recipe.h"

#include <string.h>

#include "mpi_wrappers/api.h"

static enum vkind kind_of(char letter)
{
	switch (letter) {
	case 'C':
		return V_COMM;
	case 'O':
		return V_OP;
	default:
		return V_TYPE;
	}
}

static bool is_handle(char letter)
{
	return letter == 'C' || letter == 'T' || letter == 'O';
}

static bool is_array(char letter)
{
	return letter == 'i' || letter == 'a' || letter == 't';
}

static size_t element_size(char letter)
{
	return letter == 'a' ? sizeof(MPI_Aint) : sizeof(int);
}

/* How many elements the array of parameter p has; -1 if we cannot know. */
static long array_length(int function, const long args[], int p)
{
	const struct api_recipe *r = &api_recipes[function];
	const char *c = strchr(r->kinds, 'C');
	MPI_Comm comm = c ? (MPI_Comm)args[c - r->kinds] : MPI_COMM_NULL;

	/* With MPI_IN_PLACE the sender's types (the first array) are not looked
	 * at, and may be anything. */
	if (!args[p] || (c && args[0] == (long)MPI_IN_PLACE &&
			 p == strchr(r->kinds, 't') - r->kinds))
		return -1;
	switch (r->lengths[p]) {
	case '.':
		return -1;
	case 'P':
		return comm_array_length(comm, COMM_LENGTH_PEERS);
	case '<':
		return comm_array_length(comm, COMM_LENGTH_IN);
	case '>':
		return comm_array_length(comm, COMM_LENGTH_OUT);
	default:
		return args[r->lengths[p] - 'a'];
	}
}

/* Bytes of an array's copy; a persistent collective's datatypes need room for
 * the real ones too, which the real library goes on reading. */
static size_t array_bytes(char letter, long n)
{
	size_t bytes = element_size(letter) * (size_t)n;

	if (letter == 't')
		bytes *= 2;
	return (bytes + 15) & ~(size_t)15;
}

static void ref_handle(enum vkind kind, int handle)
{
	void *object = handle_get(kind, handle);

	if (object)
		object_ref(object);
}

static void put_handle(enum vkind kind, int handle)
{
	object_put(handle_kept(kind, handle));
}

static size_t copies_size(int function, const long args[])
{
	const char *kinds = api_recipes[function].kinds;
	size_t size = 0;

	for (int p = 0; kinds[p]; p++) {
		long n = is_array(kinds[p]) ? array_length(function, args, p) :
					      -1;

		if (n >= 0)
			size += array_bytes(kinds[p], n);
	}
	return size;
}

struct recipe *recipe_make(int function, const long args[])
{
	const char *kinds = api_recipes[function].kinds;
	struct recipe *r;
	char *copy;

	if (!kinds)
		return NULL;
	r = upper_alloc(sizeof(*r));
	copy = upper_alloc(copies_size(function, args) + 1);
	if (!r || !copy) {
		upper_free(r);
		upper_free(copy);
		return NULL;
	}
	r->function = function;
	r->nargs = (int)strlen(kinds);
	r->copies = copy;
	for (int p = 0; p < r->nargs; p++) {
		long n = is_array(kinds[p]) ? array_length(function, args, p) :
					      -1;

		r->arg[p] = args[p];
		if (is_handle(kinds[p]))
			ref_handle(kind_of(kinds[p]), (int)args[p]);
		if (n < 0)
			continue;
		memcpy(copy, (void *)args[p],
		       element_size(kinds[p]) * (size_t)n);
		r->arg[p] = (long)copy;
		for (long i = 0; kinds[p] == 't' && i < n; i++)
			ref_handle(V_TYPE, ((int *)copy)[i]);
		copy += array_bytes(kinds[p], n);
	}
	return r;
}

/* Lengths are asked of the recipe's own arguments from here on. */
static long own_length(const struct recipe *r, int p)
{
	return array_length(r->function, r->arg, p);
}

void recipe_free(struct recipe *r)
{
	const char *kinds;
	int comm = MPI_COMM_NULL;

	if (!r)
		return;
	kinds = api_recipes[r->function].kinds;
	for (int p = 0; p < r->nargs; p++) {
		long n = kinds[p] == 't' ? own_length(r, p) : 0;

		for (long i = 0; i < n; i++)
			put_handle(V_TYPE, ((int *)r->arg[p])[i]);
		if (kinds[p] == 'C')
			comm = (int)r->arg[p]; /* lengths need it: last */
		else if (is_handle(kinds[p]))
			put_handle(kind_of(kinds[p]), (int)r->arg[p]);
	}
	put_handle(V_COMM, comm);
	upper_free(r->copies);
	upper_free(r);
}

static long real_argument(struct recipe *r, int p, int *made)
{
	char letter = api_recipes[r->function].kinds[p];
	const struct vobject *o;
	long n;
	int *real;

	switch (letter) {
	case 'C':
	case 'T':
	case 'O':
		/* The program may have freed the communicator since. */
		o = handle_kept(kind_of(letter), (int)r->arg[p]);
		return o ? o->real.id :
			   real_of(kind_of(letter), (int)r->arg[p]);
	case 'I': /* hints do not change what a call means */
		return MPI_INFO_NULL;
	case 'N':
		return (long)made;
	case 't':
		n = own_length(r, p);
		if (n < 0)
			return r->arg[p];
		real = (int *)r->arg[p] + n;
		for (long i = 0; i < n; i++)
			real[i] = real_type(((int *)r->arg[p])[i]);
		return (long)real;
	default:
		return r->arg[p];
	}
}

int recipe_call(struct recipe *r, int *made)
{
	long args[RECIPE_ARGS];

	for (int p = 0; p < r->nargs; p++)
		args[p] = real_argument(r, p, made);
	return (int)cross_call_stack(real_fn(r->function), args,
				     (size_t)r->nargs);
}

int recipe_types(const struct recipe *r, MPI_Datatype types[], int max)
{
	const char *kinds = api_recipes[r->function].kinds;
	int found = 0;

	for (int p = 0; p < r->nargs; p++) {
		long n = kinds[p] == 't' ? own_length(r, p) : 0;

		if (kinds[p] == 'T' && found < max)
			types[found++] = (MPI_Datatype)r->arg[p];
		for (long i = 0; i < n && found < max; i++)
			types[found++] = ((int *)r->arg[p])[i];
	}
	return found;
}
