/* SPDX-License-Identifier: BSD-3-Clause */
/* child.c - the real mpiexec or srun */
#include "launcher/child.h"

#include "launcher/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* MPICH's own names first: "mpiexec" may be another MPI's. */
static const char *const mpiexecs[] = { "mpiexec.hydra", "mpiexec.mpich",
					"mpiexec", "mpirun", NULL };
static const char *const sruns[] = { "srun", NULL };

static char *in_path(const char *name)
{
	const char *dirs = getenv("PATH");

	if (!dirs)
		dirs = "/usr/local/bin:/usr/bin:/bin";
	while (*dirs) {
		size_t len = strcspn(dirs, ":");
		char *path = xprintf("%.*s/%s", (int)len, dirs, name);

		if (len && !access(path, X_OK))
			return path;
		free(path);
		dirs += len + (dirs[len] == ':');
	}
	return NULL;
}

int child_find(const struct starter *starter, char **path, struct err *err)
{
	const char *const *names = starter == &starter_srun ? sruns : mpiexecs;

	for (; *names; names++) {
		*path = in_path(*names);
		if (*path)
			return 0;
	}
	return err_set(err, -ENOENT,
		       starter == &starter_srun ?
			       "srun was not found in $PATH; use --launcher "
			       "mpiexec, or run inside a Slurm cluster" :
			       "mpiexec was not found in $PATH; install MPICH "
			       "(on Debian: apt install mpich)");
}

static char **make_argv(const char *path, const struct words *arguments)
{
	char **argv = calloc(arguments->n + 2, sizeof(*argv));

	if (!argv)
		abort();
	argv[0] = (char *)path;
	for (size_t i = 0; i < arguments->n; i++)
		argv[i + 1] = arguments->v[i];
	return argv;
}

int child_exec(const char *path, const struct words *arguments, struct err *err)
{
	char **argv = make_argv(path, arguments);

	execv(path, argv);
	free(argv);
	return err_set(err, -errno, "cannot run %s: %s", path, strerror(errno));
}

/* The limit that cairnrun was started with; all zero: it is unchanged. */
static struct rlimit descriptors;

void child_raise_descriptors(void)
{
	struct rlimit all;

	if (getrlimit(RLIMIT_NOFILE, &descriptors))
		return;
	all = descriptors;
	all.rlim_cur = all.rlim_max;
	setrlimit(RLIMIT_NOFILE, &all);
}

/* In the child: nothing of ours but the standard streams and the mask. */
static void become(const char *path, char **argv, const sigset_t *mask,
		   pid_t parent, int report)
{
	int error;

	/* A cairnrun that is killed takes mpiexec along, as a killed mpiexec
	 * takes its proxies. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (parent && getppid() != parent)
		_exit(1);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (descriptors.rlim_max)
		setrlimit(RLIMIT_NOFILE, &descriptors);
	execv(path, argv);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

int child_start(const char *path, const struct words *arguments,
		const sigset_t *mask, pid_t *out, int *status_fd,
		struct err *err)
{
	char **argv = make_argv(path, arguments);
	pid_t parent = status_fd ? 0 : getpid(), pid;
	int fds[2], error = 0;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC)) {
		free(argv);
		return err_set(err, -errno, "cannot make a pipe: %s",
			       strerror(errno));
	}
	pid = status_fd ? keeper_fork(status_fd) : fork();
	if (pid == 0)
		become(path, argv, mask, parent, fds[1]);
	if (pid < 0 && !status_fd)
		pid = -errno;
	close(fds[1]);
	free(argv);
	if (pid < 0) {
		close(fds[0]);
		return err_set(err, pid, "cannot fork: %s", strerror(-pid));
	}
	/* The pipe closes when exec succeeds. */
	do
		n = read(fds[0], &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(fds[0]);
	if (n > 0) {
		if (status_fd)
			close(*status_fd);
		else
			waitpid(pid, NULL, 0);
		return err_set(err, -error, "cannot run %s: %s", path,
			       strerror(error));
	}
	*out = pid;
	return 0;
}

void child_die_like(int status)
{
	struct rlimit none = { 0, 0 };
	sigset_t all;

	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	/* mpiexec has left the core, if any; ours would say nothing. */
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	raise(WTERMSIG(status));
	exit(128 + WTERMSIG(status));
}
