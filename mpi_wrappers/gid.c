/* SPDX-License-Identifier: BSD-3-Clause */
/* gid.c - ids of communicators that all members derive without communication */
#include "mpi_wrappers/gid.h"

#include <stddef.h>

#include "mpi_wrappers/lock.h"
#include "runtime/process/process.h"

/* Two ids collide by chance once in 2^64: with a million communicators in a
 * job's life, once in 10^7 jobs. */
static uint64_t mix(uint64_t state, uint64_t value)
{
	uint64_t z = (state ^ value) + 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return z > GID_PARTS ? z : z + 4; /* 0 is "none"; three are taken */
}

enum { SEED_SELF = 2, SEED_COLLECTIVE, SEED_GROUP, SEED_CALL };

uint64_t gid_self(int world_rank)
{
	return mix(mix(0, SEED_SELF), (uint64_t)world_rank);
}

uint64_t gid_collective(uint64_t parent, uint64_t count, int leader)
{
	uint64_t id = mix(mix(0, SEED_COLLECTIVE), parent);

	return mix(mix(id, count), (uint64_t)leader);
}

uint64_t gid_group(const int *world, int n)
{
	uint64_t id = mix(mix(0, SEED_GROUP), (uint64_t)n);

	for (int i = 0; i < n; i++)
		id = mix(id, (uint64_t)world[i]);
	return id;
}

uint64_t gid_call(int kind, uint64_t a, uint64_t b, int tag, uint64_t ordinal)
{
	uint64_t id = mix(mix(0, SEED_CALL), (uint64_t)kind);

	return mix(mix(mix(mix(id, a), b), (uint64_t)tag), ordinal);
}

/* A hash table of counters that only grows.  File-scope: it belongs to the
 * process, as the calls that it counts. */
static struct {
	struct lock lock;
	struct ordinal {
		uint64_t key, count;
	} * slot;
	uint32_t used, room; /* room: a power of two */
} ordinals;

static struct ordinal *ordinal_find(struct ordinal *slot, uint32_t room,
				    uint64_t key)
{
	uint32_t i = (uint32_t)key & (room - 1);

	while (slot[i].key && slot[i].key != key)
		i = (i + 1) & (room - 1);
	return &slot[i];
}

static int ordinals_grow(void)
{
	uint32_t room = ordinals.room ? ordinals.room * 2 : 64;
	struct ordinal *slot = upper_alloc(room * sizeof(*slot));

	if (!slot)
		return -1;
	for (uint32_t i = 0; i < ordinals.room; i++)
		if (ordinals.slot[i].key)
			*ordinal_find(slot, room,
				      ordinals.slot[i].key) = ordinals.slot[i];
	upper_free(ordinals.slot);
	ordinals.slot = slot;
	ordinals.room = room;
	return 0;
}

uint64_t gid_ordinal(uint64_t key)
{
	struct ordinal *o;
	uint64_t count = 0;

	lock_take(&ordinals.lock);
	if (ordinals.used * 2 < ordinals.room || !ordinals_grow()) {
		o = ordinal_find(ordinals.slot, ordinals.room, key);
		if (!o->key) {
			o->key = key;
			ordinals.used++;
		}
		count = o->count++;
	}
	lock_give(&ordinals.lock);
	return count;
}
