/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c - find the program, and say at once if Cairn cannot run it */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/base/fmt.h"
#include "runtime/restore/rank.h"

#define HEAD_MAX 4096

static int find(const char *name, char *path, struct err *err)
{
	const char *dirs = getenv("PATH");
	int found = -ENOENT;

	if (strchr(name, '/')) {
		if (strlen(name) >= PATH_MAX)
			return err_set(err, -ENOENT, "%s: name too long", name);
		strcpy(path, name);
		if (!access(path, X_OK))
			return 0;
		found = errno == ENOENT || errno == ENOTDIR ? -ENOENT : -EACCES;
		goto out;
	}
	for (dirs = dirs ? dirs : "/bin:/usr/bin"; dirs;
	     dirs = *dirs ? dirs + 1 : NULL) {
		size_t len = strcspn(dirs, ":");
		struct stat st;

		if (len + strlen(name) + 3 < PATH_MAX) {
			snprintf(path, PATH_MAX, "%.*s%s%s", (int)len, dirs,
				 len ? "/" : "./", name);
			if (!stat(path, &st) && S_ISREG(st.st_mode)) {
				if (!access(path, X_OK))
					return 0;
				found = -EACCES;
			}
		}
		dirs += len;
	}
out:
	return found == -ENOENT ?
		       err_set(err, -ENOENT,
			       "cannot run %s: no such program; check the name "
			       "or PATH",
			       name) :
		       err_set(err, -EACCES,
			       "cannot run %s: permission denied; is it "
			       "executable (chmod +x)?",
			       name);
}

static int check_privilege(const char *path, struct err *err)
{
	char caps[64];
	struct stat st;

	if (stat(path, &st))
		return err_set(err, -errno, "cannot look at %s: %s", path,
			       fmt_error(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EACCES, "cannot run %s: not a file", path);
	if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
	    (st.st_mode & S_ISGID && st.st_mode & S_IXGRP &&
	     st.st_gid != getegid()) ||
	    getxattr(path, "security.capability", caps, sizeof(caps)) > 0)
		return err_set(err, -EACCES,
			       "%s is setuid, setgid or has capabilities: the "
			       "loader preloads nothing into it, so it cannot "
			       "be checkpointed; run it with mpiexec",
			       path);
	return 0;
}

/* The interpreter of a "#!" line, in place; NULL if there is none. */
static char *script_interpreter(char *head)
{
	char *start = head + 2;

	if (strncmp(head, "#!", 2))
		return NULL;
	start += strspn(start, " \t");
	start[strcspn(start, " \t\r\n")] = '\0';
	return *start ? start : NULL;
}

static int static_program(const char *path, struct err *err)
{
	return err_set(err, -ENOEXEC,
		       "%s is linked statically, and Cairn works by preloading "
		       "libraries; link it dynamically",
		       path);
}

/* Reads the PT_INTERP of an ELF file; -ENOEXEC if there is none. */
static int read_interp(int fd, const Elf64_Ehdr *eh, char *interp,
		       const char *path, struct err *err)
{
	for (unsigned int i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph;
		off_t at = (off_t)(eh->e_phoff + i * eh->e_phentsize);

		if (pread(fd, &ph, sizeof(ph), at) != (ssize_t)sizeof(ph))
			break;
		if (ph.p_type != PT_INTERP || ph.p_filesz >= PATH_MAX)
			continue;
		if (pread(fd, interp, ph.p_filesz, (off_t)ph.p_offset) !=
		    (ssize_t)ph.p_filesz)
			break;
		interp[ph.p_filesz] = '\0';
		return 0;
	}
	return static_program(path, err);
}

static int check_elf(int fd, const char *head, size_t len, const char *path,
		     struct err *err)
{
	char interp[PATH_MAX];
	Elf64_Ehdr eh;
	int rc;

	if (len < sizeof(eh) || memcmp(head, ELFMAG, SELFMAG))
		return err_set(err, -ENOEXEC,
			       "%s is neither an ELF program nor a script that "
			       "begins with #!",
			       path);
	memcpy(&eh, head, sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		return err_set(err, -ENOEXEC,
			       "%s is a 32-bit program; Cairn runs 64-bit ones "
			       "only: compile it for x86-64",
			       path);
	if (eh.e_machine != EM_X86_64)
		return err_set(err, -ENOEXEC,
			       "%s is not a program for x86-64; compile it for "
			       "this machine",
			       path);
	rc = read_interp(fd, &eh, interp, path, err);
	if (rc)
		return rc;
	if (strstr(interp, "ld-musl"))
		return err_set(err, -ENOEXEC,
			       "%s is linked to musl (%s); Cairn needs the GNU "
			       "C library: link it to glibc",
			       path, interp);
	return 0;
}

/* depth bounds scripts whose interpreter is a script. */
static int check_file(const char *path, char *elf, int depth, struct err *err)
{
	char head[HEAD_MAX + 1];
	char *interpreter;
	ssize_t len;
	int rc = check_privilege(path, err);
	int fd;

	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -EACCES,
			       "cannot read %s: %s; Cairn has to look at a "
			       "program before it runs it",
			       path, fmt_error(errno));
	len = read(fd, head, HEAD_MAX);
	head[len > 0 ? len : 0] = '\0';
	interpreter = script_interpreter(head);
	if (interpreter && depth < 4) {
		rc = access(interpreter, X_OK) ?
			     err_set(err, -ENOENT,
				     "cannot run %s: its interpreter %s is "
				     "missing",
				     path, interpreter) :
			     check_file(interpreter, elf, depth + 1, err);
	} else {
		rc = check_elf(fd, head, len > 0 ? (size_t)len : 0, path, err);
		snprintf(elf, PATH_MAX, "%s", path);
	}
	close(fd);
	return rc;
}

/* Runs the program's own loader, which prints the libraries that it would take
 * ("ldd"), without running the program. */
static FILE *loader_open(const char *elf, pid_t *pid)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (*pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return NULL;
	}
	if (!*pid) {
		dup2(ends[1], 1);
		setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
		unsetenv("LD_PRELOAD");
		execl(elf, elf, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The loader looks libraries up in the order in which it prints them: an MPI
 * tool that comes before the MPI library must also come before ours. */
static void keep_tool(const char *path, struct rank_program *program)
{
	size_t n = strlen(program->tools);

	if (program->mpi_lib[0] || strpbrk(path, " :") || !rank_is_tool(path))
		return;
	if (n + strlen(path) + 2 > sizeof(program->tools))
		return;
	if (n)
		program->tools[n++] = ':';
	strcpy(program->tools + n, path);
}

static int library_line(const char *line, const char *elf,
			struct rank_program *program, struct err *err)
{
	char name[256], path[PATH_MAX];

	if (sscanf(line, " %255s => %4095[^\n]", name, path) != 2)
		return 0;
	if (!strncmp(name, "libmpi.so.40", 12) ||
	    !strncmp(name, "libmpi.so.20", 12))
		return err_set(err, -ENOEXEC,
			       "%s is linked to Open MPI (%s); Cairn runs "
			       "programs of the MPICH ABI: compile it with "
			       "mpicc of MPICH",
			       elf, name);
	if (strcmp(name, "libmpi.so.12") && strcmp(name, "libmpich.so.12")) {
		path[strcspn(path, " ")] = '\0';
		keep_tool(path, program);
		return 0;
	}
	if (!strncmp(path, "not found", 9))
		return getenv("CAIRN_MPI_LIB") ?
			       0 :
			       err_set(err, -ENOENT,
				       "%s needs %s, which its loader does not "
				       "find; set LD_LIBRARY_PATH or use "
				       "--mpi-lib",
				       elf, name);
	path[strcspn(path, " ")] = '\0'; /* " (0x...)" */
	if (!program->mpi_lib[0])
		strcpy(program->mpi_lib, path);
	return 0;
}

static int find_mpi(const char *elf, struct rank_program *program,
		    struct err *err)
{
	char *line = NULL;
	size_t size = 0;
	pid_t pid;
	FILE *out = loader_open(elf, &pid);
	int rc = 0;

	if (!out)
		return err_set(err, -EAGAIN, "cannot run the loader of %s: %s",
			       elf, fmt_error(errno));
	while (!rc && getline(&line, &size, out) > 0)
		rc = library_line(line, elf, program, err);
	free(line);
	fclose(out);
	reap(pid);
	return rc;
}

int rank_program(const char *name, struct rank_program *program,
		 struct err *err)
{
	char elf[PATH_MAX];
	int rc;

	*program = (struct rank_program){ .path = "" };
	rc = find(name, program->path, err);
	if (!rc)
		rc = check_file(program->path, elf, 0, err);
	if (!rc)
		rc = find_mpi(elf, program, err);
	return rc;
}
