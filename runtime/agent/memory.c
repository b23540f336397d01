/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.c - is there memory for the ranks' copy-on-write twins? */
#include "runtime/agent/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * DESIGN
 *
 * While a twin lives, each page that its rank writes to is there twice.  How
 * many these will be nobody knows, and a rank that is killed for memory is
 * worse than one that waits, so a twin is taken to cost all of the rank's
 * anonymous memory, and once more the tables of its pages.
 *
 * That must fit into what the node has (MemAvailable) and what each control
 * group above the rank still may take: its limit less its usage, but pages of
 * files that are not in use go first and do not count.  Several ranks of a
 * group share its room, so each room is kept once, by its path, and what one
 * rank may cost is taken off for the next.  Control groups: version 2 below
 * /sys/fs/cgroup or /sys/fs/cgroup/unified, version 1 below
 * /sys/fs/cgroup/memory.
 *
 * The agent's own buffers, and what it has not thought of, are the margin.
 */
#define MARGIN (64ULL << 20)

struct level {
	struct level *next;
	uint64_t left;
	char path[]; /* "": the node */
};

struct memory_room {
	struct level *levels;
	char root[];
};

/* What a version of control groups calls its files. */
static const struct files {
	const char *limit, *soft, *usage, *cache;
} v1 = { "memory.limit_in_bytes", NULL, "memory.usage_in_bytes",
	 "total_inactive_file" },
  v2 = { "memory.max", "memory.high", "memory.current", "inactive_file" };

#define PATH_ROOM 4600

static FILE *open_file(const char *dir, const char *name)
{
	char path[PATH_ROOM];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof(path) ? fopen(path, "re") : NULL;
}

/* The number behind `key` at a line's beginning. */
static bool number_of(const char *dir, const char *name, const char *key,
		      uint64_t *value)
{
	FILE *f = open_file(dir, name);
	size_t len = strlen(key);
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *end, *text = line + len;

		if (strncmp(line, key, len))
			continue;
		*value = strtoull(text, &end, 10);
		found = end > text; /* not "max" */
	}
	if (f)
		fclose(f);
	return found;
}

static struct level *level_add(struct memory_room *room, const char *path,
			       uint64_t left)
{
	struct level *l = malloc(sizeof(*l) + strlen(path) + 1);

	if (!l)
		return NULL;
	strcpy(l->path, path);
	l->left = left > MARGIN ? left - MARGIN : 0;
	l->next = room->levels;
	room->levels = l;
	return l;
}

/* --- control groups
 * -------------------------------------------------------------------- */

static uint64_t group_left(const char *dir, const struct files *f)
{
	uint64_t limit = UINT64_MAX, soft = UINT64_MAX, usage, cache = 0;

	number_of(dir, f->limit, "", &limit);
	if (f->soft)
		number_of(dir, f->soft, "", &soft);
	if (soft < limit)
		limit = soft;
	if (limit == UINT64_MAX || !number_of(dir, f->usage, "", &usage))
		return UINT64_MAX;
	number_of(dir, "memory.stat", f->cache, &cache);
	usage -= cache < usage ? cache : usage;
	return usage < limit ? limit - usage : 0;
}

static struct level *group_level(struct memory_room *room, const char *dir,
				 const struct files *f)
{
	for (struct level *l = room->levels; l; l = l->next)
		if (!strcmp(l->path, dir))
			return l;
	return level_add(room, dir, group_left(dir, f));
}

typedef bool level_cb(struct level *l, uint64_t cost);

/* All groups from that at the end of dir up to, not including, dir[base]. */
static bool each_group(struct memory_room *room, char *dir, size_t base,
		       const struct files *f, level_cb *cb, uint64_t cost)
{
	while (strlen(dir) > base) {
		struct level *l = group_level(room, dir, f);

		if (l && !cb(l, cost))
			return false;
		*strrchr(dir, '/') = '\0';
	}
	return true;
}

/* One line of /proc/PID/cgroup: NUMBER:CONTROLLERS:PATH. */
static bool each_of_line(struct memory_room *room, char *line, level_cb *cb,
			 uint64_t cost)
{
	static const struct {
		const char *controllers, *mount;
		const struct files *files;
	} kinds[] = {
		{ "memory", "/sys/fs/cgroup/memory", &v1 },
		{ "", "/sys/fs/cgroup", &v2 },
		{ "", "/sys/fs/cgroup/unified", &v2 },
	};
	char *controllers = strchr(line, ':'), *path, dir[PATH_ROOM];

	path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path)
		return true;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int base, n;

		/* A group outside of this namespace is not to be seen. */
		if (strcmp(controllers + 1, kinds[i].controllers) ||
		    strstr(path, "/.."))
			continue;
		base = snprintf(dir, sizeof(dir), "%s%s", room->root,
				kinds[i].mount);
		n = snprintf(dir, sizeof(dir), "%s%s%s", room->root,
			     kinds[i].mount, strcmp(path, "/") ? path : "");
		if (n > 0 && (size_t)n < sizeof(dir) &&
		    !each_group(room, dir, (size_t)base, kinds[i].files, cb,
				cost))
			return false;
	}
	return true;
}

/* cb for every level that holds this process; false as soon as it is. */
static bool each_level(struct memory_room *room, const char *proc, level_cb *cb,
		       uint64_t cost)
{
	FILE *f = open_file(proc, "cgroup");
	char line[PATH_ROOM];
	bool good = true;

	while (f && good && fgets(line, sizeof(line), f))
		good = each_of_line(room, line, cb, cost);
	if (f)
		fclose(f);
	for (struct level *l = room->levels; l && good; l = l->next)
		if (!l->path[0])
			good = cb(l, cost);
	return good;
}

static bool has_room(struct level *l, uint64_t cost)
{
	return l->left >= cost;
}

static bool take(struct level *l, uint64_t cost)
{
	l->left -= cost;
	return true;
}

/* --- what the agent calls
 * -------------------------------------------------------------- */

struct memory_room *memory_open(const char *root)
{
	struct memory_room *room = malloc(sizeof(*room) + strlen(root) + 1);
	char proc[PATH_ROOM];
	uint64_t kib = UINT64_MAX / 1024;

	if (!room)
		return NULL;
	strcpy(room->root, root);
	room->levels = NULL;
	snprintf(proc, sizeof(proc), "%s/proc", root);
	number_of(proc, "meminfo", "MemAvailable:", &kib);
	if (level_add(room, "", kib * 1024))
		return room;
	memory_close(room);
	return NULL;
}

void memory_close(struct memory_room *room)
{
	while (room && room->levels) {
		struct level *l = room->levels;

		room->levels = l->next;
		free(l);
	}
	free(room);
}

bool memory_fits(struct memory_room *room, pid_t pid)
{
	uint64_t anon = 0, tables = 0, cost;
	char proc[PATH_ROOM];

	snprintf(proc, sizeof(proc), "%s/proc/%d", room->root, (int)pid);
	number_of(proc, "status", "RssAnon:", &anon);
	number_of(proc, "status", "VmPTE:", &tables);
	cost = (anon + tables) * 1024;
	return each_level(room, proc, has_room, cost) &&
	       each_level(room, proc, take, cost);
}
