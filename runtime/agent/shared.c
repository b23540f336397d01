/* SPDX-License-Identifier: BSD-3-Clause */
/* shared.c - memory that ranks of one node had in common, at a restart */
#include "runtime/agent/shared.h"

#include "runtime/base/fmt.h"
#include "runtime/base/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Shared memory that has lost its name (shm_open and shm_unlink, a memfd that
 * was passed on) is made anew.  Each rank's image holds its contents, but there
 * must be one object for all that shared it: so the restorers ask the agent.
 * All were still when it was saved (TRAPS, Process 2), and nobody's program
 * runs before all are filled, so it does not matter who fills it.
 */

struct shared_object {
	struct shared_object *next;
	const struct image *im; /* (dev, ino) is unique on the node it was of */
	uint64_t dev, ino;
	int fd;
};

static const struct region *regions_of(const struct sheet *sheet)
{
	return (const void *)((const char *)sheet + sheet->regions);
}

/* Memory that only processes of one node can have in common. */
static bool is_of_node(const struct sheet *sheet, const struct region *r)
{
	const char *name = (const char *)sheet + sheet->strings + r->name;

	return r->kind == REGION_SHM ||
	       (r->kind == REGION_FILE_SHARED &&
		!strncmp(name, "/dev/shm/", strlen("/dev/shm/")));
}

/* How much of the object this rank maps, from its beginning; 0: nothing. */
static uint64_t mapped_len(const struct sheet *sheet, uint64_t dev,
			   uint64_t ino)
{
	const struct region *r = regions_of(sheet);

	for (uint32_t i = 0; i < sheet->nregions; i++, r++)
		if (r->dev == dev && r->ino == ino && is_of_node(sheet, r))
			return r->object_len;
	return 0;
}

static const struct sheet *sheet_of(const struct image *im, const json_t *rank)
{
	const struct sheet *sheet;
	size_t len;

	return image_sheet(im, (uint32_t)json_integer_value(rank), &sheet, &len,
			   NULL) ?
		       NULL :
		       sheet;
}

/* --- one object
 * ------------------------------------------------------------------ */

/* How many ranks map it, and the most that any of them does. */
static size_t measure(const struct image *im, const json_t *ranks, uint64_t dev,
		      uint64_t ino, uint64_t *len)
{
	const json_t *rank;
	size_t i, n = 0;

	*len = 0;
	json_array_foreach(ranks, i, rank)
	{
		const struct sheet *sheet = sheet_of(im, rank);
		uint64_t has = sheet ? mapped_len(sheet, dev, ino) : 0;

		n += has > 0;
		*len = has > *len ? has : *len;
	}
	return n;
}

static int make(uint64_t len, int *fd, struct err *err)
{
	int made = memfd_create("cairn-shared", MFD_CLOEXEC);

	if (made < 0 || ftruncate(made, (off_t)len)) {
		int rc = -errno;

		if (made >= 0)
			close(made);
		return err_set(err, rc,
			       "cannot make shared memory of %llu bytes again: "
			       "%s",
			       (unsigned long long)len, fmt_error(rc));
	}
	*fd = made;
	return 0;
}

static struct shared_object *find(struct shared_object *o,
				  const struct image *im, uint64_t dev,
				  uint64_t ino)
{
	while (o && (o->im != im || o->dev != dev || o->ino != ino))
		o = o->next;
	return o;
}

/* Keeps a descriptor of its own for the ranks that are still to ask. */
static int keep(struct shared_object **list, const struct image *im,
		uint64_t dev, uint64_t ino, int fd, struct err *err)
{
	struct shared_object *o = malloc(sizeof(*o));
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (!o || own < 0) {
		int rc = o ? -errno : -ENOMEM;

		if (own >= 0)
			close(own);
		free(o);
		return err_set(err, rc,
			       "the agent cannot keep shared memory "
			       "for other ranks: %s",
			       fmt_error(rc));
	}
	*o = (struct shared_object){ *list, im, dev, ino, own };
	*list = o;
	return 0;
}

int shared_open(struct shared_object **list, const struct image *im,
		const json_t *ranks, uint64_t dev, uint64_t ino, int *fd,
		struct err *err)
{
	struct shared_object *o = find(*list, im, dev, ino);
	uint64_t len;
	size_t n;
	int rc, made = -1;

	if (o) {
		made = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
		if (made < 0)
			return err_set(err, -errno,
				       "the agent has no descriptor left for "
				       "shared memory");
		*fd = made;
		return 0;
	}
	n = measure(im, ranks, dev, ino, &len);
	rc = make(len, &made, err);
	if (!rc && n > 1) {
		rc = keep(list, im, dev, ino, made, err);
		if (rc)
			close(made);
	}
	if (!rc)
		*fd = made;
	return rc;
}

void shared_forget(struct shared_object **list)
{
	while (*list) {
		struct shared_object *o = *list;

		*list = o->next;
		close(o->fd);
		free(o);
	}
}

/* --- who must be on one node
 * ----------------------------------------------------- */

static bool have_common(const struct sheet *a, const struct sheet *b)
{
	const struct region *r = regions_of(a);

	for (uint32_t i = 0; i < a->nregions; i++, r++)
		if (is_of_node(a, r) && mapped_len(b, r->dev, r->ino))
			return true;
	return false;
}

json_t *shared_with(const struct image *im, const json_t *ranks, uint32_t rank)
{
	json_t *number = json_integer(rank), *with = json_array(), *other;
	const struct sheet *own = sheet_of(im, number);
	size_t i;

	json_array_foreach(ranks, i, other)
	{
		const struct sheet *its = sheet_of(im, other);

		if (own && its && have_common(own, its))
			json_array_append(with, other);
	}
	json_decref(number);
	/* With itself only: or not even that. */
	if (json_array_size(with) > 1)
		return with;
	json_decref(with);
	return NULL;
}
