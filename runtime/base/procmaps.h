/* SPDX-License-Identifier: BSD-3-Clause */
/* procmaps.h - read a process's memory map where malloc must not be called */
#ifndef CAIRN_BASE_PROCMAPS_H
#define CAIRN_BASE_PROCMAPS_H

#include <limits.h>
#include <linux/limits.h> /* PATH_MAX, also where limits.h is the compiler's */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* VmFlags of smaps that Cairn cares about. */
enum procmap_flags {
	PROCMAP_GROWSDOWN = 1 << 0,  /* gd */
	PROCMAP_NORESERVE = 1 << 1,  /* nr */
	PROCMAP_LOCKED = 1 << 2,     /* lo */
	PROCMAP_HUGEPAGE = 1 << 3,   /* hg */
	PROCMAP_NOHUGEPAGE = 1 << 4, /* nh */
	PROCMAP_DONTDUMP = 1 << 5,   /* dd */
	PROCMAP_DONTFORK = 1 << 6,   /* dc */
	PROCMAP_WIPEONFORK = 1 << 7, /* wf */
	PROCMAP_DEVICE = 1 << 8,     /* io or pf: no ordinary memory */
	PROCMAP_MAY_WRITE = 1 << 9,  /* mw */
};

struct procmap {
	uint64_t start, end;
	uint64_t offset, dev, ino;
	uint32_t prot; /* PROT_READ | ... */
	bool shared;
	bool deleted; /* the name ended in " (deleted)", which is taken off */
	/* of smaps only */
	uint32_t flags;	    /* enum procmap_flags */
	uint64_t rss, swap; /* bytes */
	char name[PATH_MAX];
};

/* About 24 KiB: make it static, or stand on a roomy stack. */
struct procmaps {
	int fd;
	bool at_end;
	size_t pos, len;
	char buf[16384];
};

/*
 * procmaps_open - begin with path ("/proc/self/maps" or ".../smaps")
 * procmaps_begin - the same with a descriptor of such a file, at its beginning;
 * procmaps_close() closes it
 * procmaps_next - 1 and the next mapping, 0 at the end, or -Exxx
 *
 * Async-signal-safe; raw system calls only, no TLS.  A map that changes
 * meanwhile is seen as the kernel tells it: each mapping whole, ascending.
 */
int procmaps_open(struct procmaps *maps, const char *path);
void procmaps_begin(struct procmaps *maps, int fd);
int procmaps_next(struct procmaps *maps, struct procmap *map);
void procmaps_close(struct procmaps *maps);

/* procmap_parse - one line of /proc/PID/maps (no newline); 0 or -EINVAL. */
int procmap_parse(const char *line, struct procmap *map);

#endif
