/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.h - places where a test may make Cairn die or fail */
#ifndef CAIRN_STORAGE_FAULT_H
#define CAIRN_STORAGE_FAULT_H

/*
 * CAIRN_FAULT=name in the environment arms one place.  Unarmed, and outside of
 * tests always, a place costs a getenv or two on a path that does an fsync
 * anyway.  Those where it may die are moments, too (runtime/base/moment.h).
 */
enum fault {
	/* die by SIGKILL here */
	FAULT_COMMIT_CREATED, /* the temporary file exists, empty */
	FAULT_COMMIT_WRITTEN, /* its bytes are in the page cache */
	FAULT_COMMIT_SYNCED,  /* its bytes are on the disk */
	FAULT_COMMIT_RENAMED, /* it has its final name, perhaps not durably */
	FAULT_COMMIT_DONE,    /* the folder is synced: committed */
	FAULT_PRUNE_MANIFEST, /* an old epoch's manifest is gone */
	FAULT_PRUNE_FILES,    /* and its images */
	/* a system call gives this error, or writes half */
	FAULT_WRITE_SHORT,
	FAULT_WRITE_EIO,
	FAULT_WRITE_ENOSPC,
	FAULT_FSYNC_EIO,
	FAULT_DIR_FSYNC_EIO,
	FAULT_COUNT,
};

/* fault_die - kill this process if the place is armed for file `name`:
 * CAIRN_FAULT=commit-renamed, or CAIRN_FAULT=commit-renamed:manifest.json. */
void fault_die(enum fault fault, const char *name);
/* fault_is_armed - shall this call fail? */
int fault_is_armed(enum fault fault);
const char *fault_name(enum fault fault);

#endif
