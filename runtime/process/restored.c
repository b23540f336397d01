/* SPDX-License-Identifier: BSD-3-Clause */
/* restored.c - what a restart puts back beside memory, files and threads */
#include "runtime/process/restored.h"

#include "runtime/process/private.h"

#include <linux/membarrier.h>

char **restored_environ;
static unsigned int restarts;

unsigned int process_restarts(void)
{
	return restarts;
}

void restored_record(void)
{
	signals_record();
	clock_record();
	pid_record();
}

void restored_begin(unsigned int now, char **envp)
{
	restored_environ = envp;
	restarts = now != restarts ? now : restarts + 1;
	sys_call(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
		 0);
	clock_restore();
	signals_restore();
	pid_restore();
}
