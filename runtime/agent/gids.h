/* SPDX-License-Identifier: BSD-3-Clause */
/* gids.h - what the agent knows of each counted group in an epoch */
#ifndef CAIRN_AGENT_GIDS_H
#define CAIRN_AGENT_GIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One group (communicator), reduced over this node's ranks. */
struct gid_entry {
	uint64_t gid; /* 0: free */
	uint64_t max, min;
	uint32_t entries; /* local members that listed it */
	uint32_t members, flags;
	uint64_t floor; /* the last entry of anybody that is no barrier to be
			   stepped out of */
	bool has_target;
	uint64_t target;
};

/* A hash table by gid; zeroed memory is an empty one. */
struct gids {
	struct gid_entry *v;
	size_t cap, n; /* cap is a power of two */
};

/* gids_get - the entry, or NULL; gids_put makes one if there is none (NULL:
 * without memory).  Entries move when one is made. */
struct gid_entry *gids_get(const struct gids *g, uint64_t gid);
struct gid_entry *gids_put(struct gids *g, uint64_t gid);
void gids_fini(struct gids *g);

/* gids_count - one rank lists this group with this word (slot_word).
 * 0, -ENOMEM, or -EPROTO for a word that cannot be. */
int gids_count(struct gids *g, uint64_t gid, uint64_t word, uint32_t members,
	       uint32_t flags);

#endif
