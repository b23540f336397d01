/* SPDX-License-Identifier: BSD-3-Clause */
/* changes.c - what a rank says has changed since an epoch, as the agent has it
 */
#include "runtime/agent/changes.h"

#include "runtime/base/fmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096ull

static int by_start(const void *a, const void *b)
{
	const struct delta_record *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Those that touch or overlap become one: a page may be told of twice. */
static size_t melt(struct delta_record *r, size_t n)
{
	size_t kept = 0;

	if (!n)
		return 0;
	qsort(r, n, sizeof(*r), by_start);
	for (size_t i = 1; i < n; i++) {
		if (r[i].start > r[kept].end)
			r[++kept] = r[i];
		else if (r[i].end > r[kept].end)
			r[kept].end = r[i].end;
	}
	return kept + 1;
}

static int strange(struct err *err)
{
	return err_set(err, -EPROTO,
		       "its list of changed pages is malformed; this is a bug "
		       "in Cairn");
}

static int load(struct changes *c, int fd, uint64_t at, uint64_t count,
		struct err *err)
{
	size_t len = count * sizeof(*c->dirty);
	struct delta_record *r = malloc(len + 1);

	c->dirty = r;
	c->tracked = malloc(len + 1);
	if (!r || !c->tracked)
		return err_set(err, -ENOMEM,
			       "no memory for its list of changed pages");
	if (pread(fd, r, len, (off_t)at) != (ssize_t)len)
		return strange(err);
	for (size_t i = 0; i < count; i++) {
		struct delta_record one = r[i];
		bool tracked = one.start & DELTA_TRACKED;

		one.start &= ~DELTA_TRACKED;
		if (one.start % PAGE || one.end % PAGE || one.end <= one.start)
			return strange(err);
		if (tracked)
			c->tracked[c->ntracked++] = one;
		else
			c->dirty[c->ndirty++] = one;
	}
	/* Parts of one mapping are tracked or not as a whole: no gaps matter.
	 */
	c->ntracked = melt(c->tracked, c->ntracked);
	c->ndirty = melt(c->dirty, c->ndirty);
	return 0;
}

int changes_read(struct changes *c, int fd, uint64_t at, uint64_t file_len,
		 struct err *err)
{
	struct delta head;
	int rc;

	memset(c, 0, sizeof(*c));
	if (!at)
		return 0;
	if (at % PAGE || at > file_len || file_len - at < sizeof(head) ||
	    pread(fd, &head, sizeof(head), (off_t)at) !=
		    (ssize_t)sizeof(head) ||
	    head.magic != DELTA_MAGIC || head.reserved ||
	    head.count > (file_len - at - sizeof(head)) /
				 sizeof(struct delta_record))
		return strange(err);
	memcpy(c->why, head.why, sizeof(c->why));
	c->why[sizeof(c->why) - 1] = '\0';
	if (!head.since)
		return 0;
	rc = load(c, fd, at + sizeof(head), head.count, err);
	if (rc)
		changes_fini(c);
	else
		c->since = head.since;
	return rc;
}

void changes_fini(struct changes *c)
{
	free(c->tracked);
	free(c->dirty);
	memset(c, 0, sizeof(*c));
}

/* The first that ends behind addr; n: none does. */
static size_t first(const struct delta_record *r, size_t n, uint64_t addr)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Is addr in one of them?  Until *end at most the answer holds. */
static bool is_in(const struct delta_record *r, size_t n, uint64_t addr,
		  uint64_t *end)
{
	size_t i = first(r, n, addr);
	bool in = i < n && r[i].start <= addr;
	uint64_t stop = i == n ? *end : in ? r[i].end : r[i].start;

	if (stop < *end)
		*end = stop;
	return in;
}

bool changes_clean(const struct changes *c, uint64_t addr, uint64_t *end)
{
	return is_in(c->tracked, c->ntracked, addr, end) &&
	       !is_in(c->dirty, c->ndirty, addr, end);
}
