/* SPDX-License-Identifier: BSD-3-Clause */
/* shares.c - ranks that must be on one node, since they share memory */
#include "launcher/shares.h"

#include <errno.h>

void shares_note(json_t **list, const json_t *message)
{
	if (!*list)
		*list = json_array();
	json_array_append(*list, (json_t *)message);
}

/* One rank and those that it shared memory with. */
static int check_one(const json_t *message, const struct coordinator *c,
		     struct err *err)
{
	int rank = (int)json_integer_value(json_object_get(message, "rank"));
	const json_t *other;
	size_t i;

	json_array_foreach(json_object_get(message, "ranks"), i, other)
	{
		int number = (int)json_integer_value(other);
		int node = coordinator_node_of(c, number);

		/* One that has ended already needs no memory. */
		if (node < 0 || node == coordinator_node_of(c, rank))
			continue;
		return err_set(err, -EXDEV,
			       "ranks %d and %d shared memory of their node at "
			       "the checkpoint, and are on different nodes "
			       "now; place them on one node (as many ranks a "
			       "node as at the first start)",
			       rank, number);
	}
	return 0;
}

int shares_check(const json_t *list, const struct coordinator *c,
		 struct err *err)
{
	const json_t *message;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, message)
	{
		rc = check_one(message, c, err);
		if (rc)
			break;
	}
	return rc;
}
