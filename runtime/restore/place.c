/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c - which rank this is, and which descriptors are its program's */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/control.h"
#include "runtime/base/fmt.h"
#include "runtime/restore/rank.h"

static uint32_t number_of(const char *const names[], uint32_t otherwise)
{
	for (size_t i = 0; names[i]; i++) {
		const char *text = getenv(names[i]);
		char *end;
		unsigned long n;

		if (!text || !*text)
			continue;
		n = strtoul(text, &end, 10);
		if (!*end && n < UINT32_MAX)
			return (uint32_t)n;
	}
	return otherwise;
}

void rank_place_get(struct rank_place *place)
{
	static const char *const rank[] = { "PMI_RANK", "PMI_ID", NULL };
	static const char *const size[] = { "PMI_SIZE", NULL };
	static const char *const local_rank[] = { "MPI_LOCALRANKID",
						  "SLURM_LOCALID", NULL };
	static const char *const local_size[] = { "MPI_LOCALNRANKS", NULL };

	place->rank = number_of(rank, 0);
	place->size = number_of(size, 1);
	/* Slurm's local number is the proxy's where hydra starts the ranks;
	 * it counts only where PMI says nothing of locality. */
	place->local_rank = number_of(local_rank, 0);
	place->local_size = number_of(local_size, 0);
}

int rank_fd_min(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) ||
	    limit.rlim_cur >= CONTROL_FD_MIN + 64)
		return CONTROL_FD_MIN;
	return limit.rlim_cur > 128 ? (int)limit.rlim_cur - 64 :
				      (int)limit.rlim_cur / 2;
}

int rank_fd_up(int *fd, struct err *err)
{
	int high = fcntl(*fd, F_DUPFD, rank_fd_min());

	if (high < 0)
		return err_set(err, -errno,
			       "no room for Cairn's descriptors: %s; raise the "
			       "limit of open files (ulimit -n)",
			       fmt_error(errno));
	close(*fd);
	*fd = high;
	return 0;
}

/* Does an argument name this descriptor, as a shell's <(...) does? */
static bool is_named(char **argv, int fd)
{
	char dev[32], proc[32];

	fmt_print(dev, sizeof(dev), "/dev/fd/%d", fd);
	fmt_print(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	for (; *argv; argv++) {
		const char *hit = strstr(*argv, dev);
		size_t len = strlen(dev);

		if (!hit) {
			hit = strstr(*argv, proc);
			len = strlen(proc);
		}
		if (hit && (hit[len] < '0' || hit[len] > '9'))
			return true;
	}
	return false;
}

static int move_pmi(int *pmi_fd, struct err *err)
{
	const char *text = getenv("PMI_FD");
	char number[16];
	int rc;

	*pmi_fd = text && *text ? atoi(text) : -1;
	if (*pmi_fd < 0 || *pmi_fd >= rank_fd_min())
		return 0;
	rc = rank_fd_up(pmi_fd, err);
	if (rc)
		return rc;
	fmt_print(number, sizeof(number), "%d", *pmi_fd);
	setenv("PMI_FD", number, 1);
	return 0;
}

static bool is_leak(int fd, char **argv)
{
	struct stat st;

	return !fstat(fd, &st) &&
	       (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) &&
	       !is_named(argv, fd);
}

int rank_fds(char **argv, struct err *err)
{
	struct dirent *entry;
	int pmi_fd;
	DIR *dir;
	int rc = move_pmi(&pmi_fd, err);

	if (rc)
		return rc;
	dir = opendir("/proc/self/fd");
	if (!dir)
		return err_set(err, -errno,
			       "cannot list open files in /proc/self/fd: %s",
			       fmt_error(errno));
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > 2 && fd != pmi_fd && fd != dirfd(dir) &&
		    is_leak(fd, argv))
			close(fd);
	}
	closedir(dir);
	return 0;
}
