/* SPDX-License-Identifier: BSD-3-Clause */
/* leftover.c - what MPICH leaves in /dev/shm when it is killed */
#include "runtime/agent/leftover.h"

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER	  "/dev/shm"
#define FILES_MAX 16

struct leftover {
	char name[64];
	struct stat st;
	bool held;
};

struct sweep {
	struct leftover files[FILES_MAX];
	size_t n;
};

/* mpich_shar_tmpXXXXXX, mpich_s_shar_tmpXXXXXX: in MPI_Init. */
static bool is_of_mpich(const char *name)
{
	return !strncmp(name, "mpich_", 6) && strstr(name, "shar_tmp");
}

/* ucx_shm_posix_XXXX: whenever UCX needs more memory, it has a name for some
 * microseconds.  Where UCX is told not to link to descriptors in /proc the name
 * stays, and who holds it may be in a container: so only those count that were
 * made since this agent began. */
static bool is_of_ucx(const char *name, const struct stat *st, time_t began)
{
	return !strncmp(name, "ucx_shm_posix_", 14) && st->st_ctime >= began;
}

static void find(struct sweep *s, DIR *shm, time_t began)
{
	struct dirent *entry;

	while (s->n < FILES_MAX && (entry = readdir(shm))) {
		struct leftover *f = &s->files[s->n];

		if (strlen(entry->d_name) >= sizeof(f->name) ||
		    fstatat(dirfd(shm), entry->d_name, &f->st,
			    AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(f->st.st_mode) || f->st.st_uid != geteuid() ||
		    (!is_of_mpich(entry->d_name) &&
		     !is_of_ucx(entry->d_name, &f->st, began)))
			continue;
		strcpy(f->name, entry->d_name);
		f->held = false;
		s->n++;
	}
}

static void held_open(struct sweep *s, const char *process)
{
	char path[300];
	struct dirent *entry;
	struct stat st;
	DIR *fds;

	fmt_print(path, sizeof(path), "/proc/%s/fd", process);
	fds = opendir(path);
	while (fds && (entry = readdir(fds))) {
		if (fstatat(dirfd(fds), entry->d_name, &st, 0))
			continue;
		for (size_t i = 0; i < s->n; i++)
			if (st.st_ino == s->files[i].st.st_ino &&
			    st.st_dev == s->files[i].st.st_dev)
				s->files[i].held = true;
	}
	if (fds)
		closedir(fds);
}

static void held_mapped(struct sweep *s, const char *process)
{
	char path[300], *line = NULL;
	size_t size = 0;
	FILE *maps;

	fmt_print(path, sizeof(path), "/proc/%s/maps", process);
	maps = fopen(path, "re");
	while (maps && getline(&line, &size, maps) > 0)
		for (size_t i = 0; i < s->n; i++)
			if (strstr(line, s->files[i].name))
				s->files[i].held = true;
	free(line);
	if (maps)
		fclose(maps);
}

void leftover_sweep(void)
{
	static time_t began; /* of the first sweep, when the agent starts */
	struct sweep s = { .n = 0 };
	struct dirent *entry;
	DIR *shm = opendir(FOLDER), *proc = NULL;

	if (!began)
		began = time(NULL);
	if (shm)
		find(&s, shm, began);
	/* Almost never is there one. */
	if (s.n)
		proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		held_open(&s, entry->d_name);
		held_mapped(&s, entry->d_name);
	}
	for (size_t i = 0; proc && i < s.n; i++)
		if (!s.files[i].held &&
		    unlinkat(dirfd(shm), s.files[i].name, 0))
			log_debug("cannot remove " FOLDER "/%s: %s",
				  s.files[i].name, fmt_error(errno));
	if (proc)
		closedir(proc);
	if (shm)
		closedir(shm);
}
