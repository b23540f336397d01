/* SPDX-License-Identifier: BSD-3-Clause */
/* rank.c - cairn-rank: what mpiexec starts; becomes the program or the restorer
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/where.h"
#include "runtime/restore/rank.h"

/* As a shell says it, and as mpiexec passes it on. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

static int exit_code(int rc)
{
	return rc == -ENOENT		       ? EXIT_NOT_FOUND :
	       rc == -EACCES || rc == -ENOEXEC ? EXIT_NOT_EXECUTABLE :
						 EXIT_FAILURE;
}

static void set_number(const char *name, int value)
{
	char text[16];

	fmt_print(text, sizeof(text), "%d", value);
	setenv(name, text, 1);
}

struct preload {
	char list[8 * PATH_MAX];
	size_t len;
};

static void preload_add(struct preload *p, const char *paths)
{
	int n = paths && *paths ?
			snprintf(p->list + p->len, sizeof(p->list) - p->len,
				 "%s%s", p->len ? ":" : "", paths) :
			0;

	p->len += (size_t)n;
	if (p->len >= sizeof(p->list))
		p->len = sizeof(p->list) - 1;
}

static int preload_part(struct preload *p, const char *part, struct err *err)
{
	char path[PATH_MAX];
	int rc = where_find(part, path, sizeof(path), err);

	if (rc)
		return rc;
	if (strpbrk(path, " :"))
		return err_set(err, -EINVAL,
			       "%s: the loader cannot preload from a path with "
			       "a space or colon; install Cairn elsewhere",
			       path);
	preload_add(p, path);
	return 0;
}

/* What must lie beside the program: libcairn, and both names of the MPI
 * library, so that whichever the program needs is there already.  MPI tools
 * stand before the MPI library, so that the program calls them first. */
static int set_preload(const struct rank_program *program, struct err *err)
{
	struct preload p = { .len = 0 };
	int rc = preload_part(&p, "libcairn.so", err);

	preload_add(&p, getenv("LD_PRELOAD"));
	preload_add(&p, program->tools);
	if (!rc)
		rc = preload_part(&p, "libmpi.so.12", err);
	if (!rc)
		rc = preload_part(&p, "libmpich.so.12", err);
	if (!rc)
		setenv("LD_PRELOAD", p.list, 1);
	return rc;
}

/* What 0, 1 and 2 are now, before the program or a wrapper redirects them:
 * these are what a restart connects to the new launch's. */
static void set_stdio(void)
{
	char text[160];
	int n = 0;

	for (int i = 0; i < 3; i++) {
		struct stat st = { .st_ino = 0 };

		fstat(i, &st);
		n += fmt_print(text + n, sizeof(text) - (size_t)n, "%lu:%lu,",
			       (unsigned long)st.st_dev,
			       (unsigned long)st.st_ino);
	}
	setenv("CAIRN_STDIO", text, 1);
}

/* The runtime looks for cairn-lower and others where we lie: its own
 * executable is the user's program. */
static void set_libexec(void)
{
	char path[PATH_MAX];

	if (getenv("CAIRN_LIBEXEC") ||
	    where_find("cairn-rank", path, sizeof(path), NULL))
		return;
	*strrchr(path, '/') = '\0';
	setenv("CAIRN_LIBEXEC", path, 1);
}

static int become_program(char **argv, const struct rank_program *program,
			  int agent_fd, int control_fd, struct err *err)
{
	int rc = set_preload(program, err);

	if (rc)
		return rc;
	set_libexec();
	set_stdio();
	if (agent_fd >= 0) {
		set_number("CAIRN_AGENT_FD", agent_fd);
		set_number("CAIRN_CONTROL_FD", control_fd);
	}
	if (program->mpi_lib[0] && !getenv("CAIRN_MPI_LIB"))
		setenv("CAIRN_MPI_LIB", program->mpi_lib, 1);
	/* The program may print its environment, or hand it to others. */
	unsetenv("CAIRN_SECRET");
	unsetenv("CAIRN_COORDINATOR");
	execv(program->path, argv);
	return err_set(err, -errno, "cannot run %s: %s", argv[0],
		       fmt_error(errno));
}

/* joined: the agent knows this rank, and tells others of its end. */
static int run(char **argv, bool restart, bool *joined, struct err *err)
{
	struct rank_program program = { 0 };
	struct rank_place place;
	int agent_fd = -1, control_fd = -1;
	int rc;

	rc = rank_fds(argv, err);
	if (!rc && !restart)
		rc = rank_program(argv[0], &program, err);
	if (rc)
		return rc;
	rank_place_get(&place);
	if (getenv("CAIRN_AGENT"))
		rc = rank_join(&place, &agent_fd, &control_fd, err);
	else if (restart)
		rc = err_set(err, -EINVAL,
			     "a restart needs the job's agent: use cairnrun "
			     "--restart");
	if (rc)
		return rc;
	*joined = true;
	return restart ? rank_restore(agent_fd, control_fd, err) :
			 become_program(argv, &program, agent_fd, control_fd,
					err);
}

static const char usage[] =
	"usage: cairn-rank PROGRAM [ARGUMENTS]\n"
	"       cairn-rank --restart\n"
	"Started by cairnrun through mpiexec, once a rank: runs PROGRAM under "
	"Cairn's\nruntime, or brings this rank back from a checkpoint.\n";

int main(int argc, char **argv)
{
	struct rank_place place;
	struct err err = { "" };
	bool restart = argc > 1 && !strcmp(argv[1], "--restart");
	bool joined = false;
	char who[32];
	int first = 1;
	int rc;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 1 && (restart || !strcmp(argv[1], "--")))
		first++;
	if (!restart && !argv[first]) {
		fputs(usage, stderr);
		return 2;
	}
	rank_place_get(&place);
	fmt_print(who, sizeof(who), "rank %u", place.rank);
	log_init(who, getenv("CAIRN_LOG"));
	rc = run(argv + first, restart, &joined, &err);
	log_err("%s", err.text);
	/* A restart may be tried from another epoch: cairnrun sees to it. */
	if (!restart || !joined)
		rank_leave(exit_code(rc));
	return exit_code(rc);
}
