/* SPDX-License-Identifier: BSD-3-Clause */
/* comm.c - a process's short name, as the kernel keeps it */
#include "runtime/base/comm.h"

#include <fcntl.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"

void comm_read(int pid, char name[COMM_SIZE])
{
	char path[40];
	long fd, n;

	name[0] = '\0';
	if (pid <= 0)
		return;
	fmt_print(path, sizeof(path), "/proc/%d/comm", pid);
	fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (sys_is_error(fd))
		return;
	n = sys_call(SYS_read, fd, name, COMM_SIZE);
	sys_call(SYS_close, fd);
	/* The kernel ends it with a newline; a name may hold others. */
	name[n > 0 ? n - 1 : 0] = '\0';
}

bool comm_is(int pid, const char *name)
{
	char comm[COMM_SIZE];
	int i = 0;

	comm_read(pid, comm);
	while (comm[i] && comm[i] == name[i])
		i++;
	return comm[0] && comm[i] == name[i];
}
