/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.c - places where a test may make Cairn die or fail */
#define _GNU_SOURCE
#include "storage/fault.h"

#include "runtime/base/moment.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[FAULT_COUNT] = {
	[FAULT_COMMIT_CREATED] = "commit-created",
	[FAULT_COMMIT_WRITTEN] = "commit-written",
	[FAULT_COMMIT_SYNCED] = "commit-synced",
	[FAULT_COMMIT_RENAMED] = "commit-renamed",
	[FAULT_COMMIT_DONE] = "commit-done",
	[FAULT_PRUNE_MANIFEST] = "prune-manifest",
	[FAULT_PRUNE_FILES] = "prune-files",
	[FAULT_WRITE_SHORT] = "write-short",
	[FAULT_WRITE_EIO] = "write-eio",
	[FAULT_WRITE_ENOSPC] = "write-enospc",
	[FAULT_FSYNC_EIO] = "fsync-eio",
	[FAULT_DIR_FSYNC_EIO] = "dir-fsync-eio",
};

const char *fault_name(enum fault fault)
{
	return names[fault];
}

static int armed_for(enum fault fault, const char *file)
{
	const char *armed = getenv("CAIRN_FAULT");
	size_t len = strlen(names[fault]);

	if (!armed || strncmp(armed, names[fault], len))
		return 0;
	if (armed[len] == '\0')
		return 1;
	return armed[len] == ':' && file && !strcmp(armed + len + 1, file);
}

int fault_is_armed(enum fault fault)
{
	return armed_for(fault, NULL);
}

void fault_die(enum fault fault, const char *name)
{
	moment(names[fault], name);
	if (armed_for(fault, name))
		kill(getpid(), SIGKILL);
}
