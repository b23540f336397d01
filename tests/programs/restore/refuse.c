/* SPDX-License-Identifier: BSD-3-Clause */
/* refuse.c - hold something that cannot be restored, by its name */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/programs/restore/ckpt.h"

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char name[] = "/tmp/cairn-refuse-XXXXXX";
	static pthread_mutex_t robust;
	pthread_mutexattr_t attr;
	pid_t child = 0;
	int ends[2] = { -1, -1 };

	if (!strcmp(what, "socket")) {
		CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	} else if (!strcmp(what, "child")) {
		child = fork();
		while (!child)
			pause();
	} else if (!strcmp(what, "pipe")) {
		CHECK(!pipe(ends));
		child = fork();
		if (!child)
			_exit(read(ends[0], name, 1) != 1);
		close(ends[0]);
	} else if (!strcmp(what, "pty")) {
		CHECK(posix_openpt(O_RDWR | O_NOCTTY) >= 0);
	} else if (!strcmp(what, "inotify")) {
		CHECK(inotify_init1(0) >= 0);
	} else if (!strcmp(what, "sysv")) {
		int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

		CHECK(shmat(id, NULL, 0) != (void *)-1);
		shmctl(id, IPC_RMID, NULL);
	} else if (!strcmp(what, "robust")) {
		pthread_mutexattr_init(&attr);
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
		pthread_mutex_init(&robust, &attr);
		CHECK(!pthread_mutex_lock(&robust));
	} else if (!strcmp(what, "cwd")) {
		CHECK(mkdtemp(name) && !chdir(name) && !rmdir(name));
	}
	test_ckpt();
	if (ends[1] >= 0)
		CHECK(write(ends[1], "", 1) == 1);
	else if (child > 0)
		CHECK(!kill(child, SIGTERM));
	if (child > 0)
		CHECK(waitpid(child, NULL, 0) == child);
	return test_end();
}
