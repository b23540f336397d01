/* SPDX-License-Identifier: BSD-3-Clause */
/* counts.c - how far each communicator's members have come, reduced over nodes
 */
#include "launcher/counts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What all agents together know of one group. */
struct group {
	char gid[17]; /* as agents write it */
	json_int_t max, min, entries, members;
	json_int_t floor; /* the last one that is no barrier to step out of */
};

/* The groups that an agent listed: listed[first .. first + n). */
struct share {
	size_t first, n;
};

struct counts {
	struct group *groups;
	size_t ngroups, groups_room;
	uint32_t *table;  /* a group's number + 1, by its gid; 0: free */
	size_t table_len; /* a power of two, at least twice ngroups */
	uint32_t *listed; /* numbers of groups */
	size_t nlisted, listed_room;
	uint32_t *partial; /* those that not all members have listed */
	size_t npartial;
	size_t nagents, nadded;
	struct share shares[];
};

struct counts *counts_create(size_t nagents)
{
	struct counts *c = calloc(1,
				  sizeof(*c) + nagents * sizeof(c->shares[0]));

	if (c)
		c->nagents = nagents;
	return c;
}

void counts_destroy(struct counts *c)
{
	if (!c)
		return;
	free(c->groups);
	free(c->table);
	free(c->listed);
	free(c->partial);
	free(c);
}

/* --- groups by gid --- */

static size_t home(const struct counts *c, const char *gid)
{
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a */

	for (; *gid; gid++)
		hash = (hash ^ (unsigned char)*gid) * 1099511628211ULL;
	return (size_t)(hash ^ hash >> 32) & (c->table_len - 1);
}

/* Where the group's number is, or would be. */
static uint32_t *place(const struct counts *c, const char *gid)
{
	size_t i = home(c, gid);

	while (c->table[i] && strcmp(c->groups[c->table[i] - 1].gid, gid) != 0)
		i = (i + 1) & (c->table_len - 1);
	return &c->table[i];
}

/* Room for one more of `size` bytes in *array, which has n. */
static int reserve(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void **p = array;
	void *bigger;

	if (n < *room)
		return 0;
	bigger = realloc(*p, more * size);
	if (!bigger)
		return -ENOMEM;
	*p = bigger;
	*room = more;
	return 0;
}

static int table_reserve(struct counts *c)
{
	size_t len = c->table_len ? 2 * c->table_len : 128;
	uint32_t *table;

	if (2 * (c->ngroups + 1) <= c->table_len)
		return 0;
	table = calloc(len, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(c->table);
	c->table = table;
	c->table_len = len;
	for (size_t i = 0; i < c->ngroups; i++)
		*place(c, c->groups[i].gid) = (uint32_t)i + 1;
	return 0;
}

static void reduce(struct group *all, const struct group *one)
{
	if (one->max > all->max)
		all->max = one->max;
	if (one->floor > all->floor)
		all->floor = one->floor;
	if (one->min < all->min)
		all->min = one->min;
	all->entries += one->entries;
}

/* --- an agent's list --- */

static int group_read(const json_t *entry, struct group *g)
{
	const char *gid;

	if (json_unpack((json_t *)entry, "[s, I, I, I, I, I]", &gid, &g->max,
			&g->entries, &g->floor, &g->min, &g->members) ||
	    strlen(gid) >= sizeof(g->gid))
		return -EPROTO;
	strcpy(g->gid, gid);
	return 0;
}

static int group_add(struct counts *c, const struct group *one)
{
	uint32_t *number;

	if (table_reserve(c) ||
	    reserve(&c->groups, c->ngroups, &c->groups_room,
		    sizeof(*c->groups)) ||
	    reserve(&c->listed, c->nlisted, &c->listed_room,
		    sizeof(*c->listed)))
		return -ENOMEM;
	number = place(c, one->gid);
	if (*number) {
		reduce(&c->groups[*number - 1], one);
	} else {
		c->groups[c->ngroups++] = *one;
		*number = (uint32_t)c->ngroups;
	}
	c->listed[c->nlisted++] = *number - 1;
	return 0;
}

static bool is_complete(const struct group *g)
{
	return g->entries >= g->members;
}

static int partial_find(struct counts *c)
{
	c->partial = calloc(c->ngroups + 1, sizeof(*c->partial));
	if (!c->partial)
		return -ENOMEM;
	for (size_t i = 0; i < c->ngroups; i++)
		if (!is_complete(&c->groups[i]))
			c->partial[c->npartial++] = (uint32_t)i;
	return 0;
}

int counts_add(struct counts *c, size_t agent, const json_t *list)
{
	struct share *share = &c->shares[agent];
	const json_t *entry;
	size_t i;

	share->first = c->nlisted;
	json_array_foreach(list, i, entry)
	{
		struct group one;
		int ret = group_read(entry, &one);

		if (!ret)
			ret = group_add(c, &one);
		if (ret)
			return ret;
		share->n++;
	}
	return ++c->nadded == c->nagents ? partial_find(c) : 0;
}

bool counts_all(const struct counts *c)
{
	return c->nadded == c->nagents;
}

/* --- targets --- */

/*
 * The greatest count is the target, less the barriers at its end that somebody
 * has not entered: nobody can have left those, so who is inside may stand where
 * it is and enter them anew after a restart.
 */
static json_int_t target_of(const struct group *g)
{
	json_int_t all_entered = is_complete(g) ? g->min : 0;

	return all_entered > g->floor ? all_entered : g->floor;
}

static int append(json_t *targets, const struct group *g)
{
	return json_array_append_new(targets,
				     json_pack("[s, I]", g->gid, target_of(g)));
}

json_t *counts_targets(const struct counts *c, size_t agent)
{
	const struct share *share = &c->shares[agent];
	json_t *targets = json_array();
	int ret = targets ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < share->n; i++) {
		const struct group *g = &c->groups[c->listed[share->first + i]];

		if (is_complete(g))
			ret = append(targets, g);
	}
	for (size_t i = 0; !ret && i < c->npartial; i++)
		ret = append(targets, &c->groups[c->partial[i]]);
	if (!ret)
		return targets;
	json_decref(targets);
	return NULL;
}
