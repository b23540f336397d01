/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.c - places where a test may make the agent die */
#include "runtime/agent/fault.h"

#include "runtime/base/moment.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static const char *const names[FAULTS] = {
#define X(id, name) [id] = name,
	FAULT_MAP(X)
#undef X
};

/* File-scope: armed once, before there are threads. */
static int armed = -1;

void fault_init(const char *name)
{
	armed = -1;
	for (int i = 0; name && i < FAULTS; i++)
		if (!strcmp(name, names[i]))
			armed = i;
}

void fault_point(enum fault fault)
{
	moment(names[fault], NULL);
	if ((int)fault == armed)
		raise(SIGKILL);
}
