/* SPDX-License-Identifier: BSD-3-Clause */
/* buffer.c - this node's burst buffer: which it is, and whether it is used */
#include "runtime/agent/buffer.h"

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "storage/catalog.h"
#include "storage/tier.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPACE_LEAST (1u << 20) /* when the last image's size is not known */

struct buffer {
	char *root;  /* NULL: no burst buffer */
	bool looked; /* for what others have left */
	char node[65];
	char ckpt_dir[PATH_MAX];
	char path[PATH_MAX]; /* the job's folder; "": not made yet */
	bool used;	     /* by the epoch under way */
	uint64_t last_bytes;
	unsigned int failures, skip;
	char said[480]; /* the last sentence */
};

const char *buffer_find(char *const *environment)
{
	/* Names that end in '_' are beginnings. */
	static const char *const names[] = { "DW_PERSISTENT_STRIPED_",
					     "DW_JOB_STRIPED",
					     "DW_JOB_PRIVATE",
					     "BBPATH",
					     "SLURM_TMPDIR",
					     "LOCALWORKDIR",
					     "TMPDIR" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t len = strlen(names[i]);

		for (char *const *e = environment; *e; e++) {
			const char *value = strchr(*e, '=');

			if (!value || strncmp(*e, names[i], len) ||
			    (names[i][len - 1] != '_' && value != *e + len) ||
			    value[1] != '/')
				continue;
			return value + 1;
		}
	}
	return NULL;
}

/* I7: each reason once. */
static void say(struct buffer *b, const char *text)
{
	if (!strcmp(b->said, text))
		return;
	fmt_print(b->said, sizeof(b->said), "%s", text);
	log_warn("node %s: %s; checkpoints of this node go to %s", b->node,
		 text, b->ckpt_dir);
}

int buffer_create(const char *option, const char *node, const char *ckpt_dir,
		  struct buffer **buffer, struct err *err)
{
	struct buffer *b = calloc(1, sizeof(*b));
	const char *root = option;

	if (!b || strlen(ckpt_dir) >= sizeof(b->ckpt_dir))
		goto no_memory;
	fmt_print(b->node, sizeof(b->node), "%s", node);
	strcpy(b->ckpt_dir, ckpt_dir);
	if (option && !strcmp(option, "auto"))
		root = buffer_find(environ);
	if (root && !(b->root = strdup(root)))
		goto no_memory;
	for (size_t n = root ? strlen(root) : 0; n > 1 && b->root[n - 1] == '/';
	     n--)
		b->root[n - 1] = '\0';
	if (option && !root)
		say(b, "--burst-buffer auto found none, since neither "
		       "DW_PERSISTENT_STRIPED_*, DW_JOB_STRIPED, "
		       "DW_JOB_PRIVATE, BBPATH, SLURM_TMPDIR, LOCALWORKDIR "
		       "nor TMPDIR is set");
	*buffer = b;
	return 0;
no_memory:
	buffer_destroy(b);
	return err_set(err, -ENOMEM, "the agent has no memory left");
}

void buffer_destroy(struct buffer *b)
{
	if (!b)
		return;
	free(b->root);
	free(b);
}

static void orphan_named(void *arg, const char *path, const char *origin)
{
	const struct buffer *b = arg;

	log_warn("node %s: %s was left by a job whose checkpoint folder %s is "
		 "gone; remove it if nobody needs it",
		 b->node, path, origin);
}

static int check_space(const char *path, uint64_t need, struct err *err)
{
	struct statvfs st;
	uint64_t have;

	if (statvfs(path, &st))
		return err_set(err, -errno, "cannot look at %s: %s", path,
			       fmt_error(errno));
	have = (uint64_t)st.f_bavail * st.f_frsize;
	/* Some file systems do not know. */
	if (have >= need || !st.f_blocks)
		return 0;
	return err_set(err, -ENOSPC,
		       "burst buffer %s has %lu MiB left, and an image needs "
		       "%lu MiB",
		       path, (unsigned long)(have >> 20),
		       (unsigned long)(need >> 20));
}

/* The job's folder, in which that of the epoch can be made. */
static int try_buffer(struct buffer *b, uint32_t epoch, int *dirfd,
		      struct err *err)
{
	char name[24];
	int fd, made, rc = tier_folder(b->root, b->ckpt_dir, b->path, &fd, err);

	if (rc) {
		b->path[0] = '\0';
		return err_prefix(err, rc, "burst buffer %s", b->root);
	}
	rc = check_space(b->path, b->last_bytes ? b->last_bytes : SPACE_LEAST,
			 err);
	if (!rc) {
		rc = catalog_make_epoch(fd, epoch, &made, err);
		if (!rc)
			close(made);
		else
			err_prefix(err, rc, "burst buffer %s", b->path);
	}
	if (!rc && faccessat(fd, ".", W_OK, AT_EACCESS))
		rc = err_set(err, -errno,
			     "burst buffer %s cannot be written: %s", b->path,
			     fmt_error(errno));
	if (rc) {
		catalog_name(epoch, name);
		unlinkat(fd, name, AT_REMOVEDIR);
		close(fd);
		return rc;
	}
	*dirfd = fd;
	return 0;
}

int buffer_begin(struct buffer *b, uint32_t epoch, int *dirfd, struct err *err)
{
	b->used = false;
	if (b->root && !b->looked) {
		b->looked = true;
		tier_orphans(b->root, orphan_named, b);
	}
	if (b->root && b->skip) {
		b->skip--;
	} else if (b->root) {
		if (!try_buffer(b, epoch, dirfd, err)) {
			b->used = true;
			return 0;
		}
		say(b, err->text);
	}
	return catalog_open(b->ckpt_dir, dirfd, err);
}

/* The folder that a job's folder lies in. */
static int root_of(const char *hint, char root[PATH_MAX], struct err *err)
{
	const char *slash = hint ? strrchr(hint, '/') : NULL;

	if (!tier_path_ok(hint) || slash == hint)
		return err_set(err, -ENOENT, "there is no burst buffer here");
	fmt_print(root, PATH_MAX, "%.*s", (int)(slash - hint), hint);
	return 0;
}

static int take_root(const struct buffer *b, const char *hint,
		     char root[PATH_MAX], struct err *err)
{
	if (!b->root)
		return root_of(hint, root, err);
	fmt_print(root, PATH_MAX, "%s", b->root);
	return 0;
}

int buffer_name(const struct buffer *b, const char *hint, char path[PATH_MAX],
		struct err *err)
{
	char root[PATH_MAX];
	int rc = take_root(b, hint, root, err);

	return rc ? rc : tier_folder_name(root, b->ckpt_dir, path, err);
}

int buffer_take(struct buffer *b, uint32_t epoch, uint64_t bytes,
		const char *hint, char path[PATH_MAX], int *epoch_dirfd,
		struct err *err)
{
	char root[PATH_MAX];
	int fd, rc = take_root(b, hint, root, err);

	if (!rc)
		rc = tier_folder(root, b->ckpt_dir, path, &fd, err);
	if (rc)
		return rc;
	if (b->root)
		strcpy(b->path, path);
	rc = check_space(path, bytes, err);
	if (!rc)
		rc = catalog_make_epoch(fd, epoch, epoch_dirfd, err);
	close(fd);
	return rc;
}

const char *buffer_path(const struct buffer *b)
{
	return b->used ? b->path : NULL;
}

const char *buffer_folder(const struct buffer *b)
{
	return b->path[0] ? b->path : NULL;
}

void buffer_done(struct buffer *b, uint64_t bytes)
{
	b->last_bytes = bytes;
	if (!b->used)
		return;
	b->failures = 0;
	b->said[0] = '\0';
}

static bool is_storage(int code)
{
	static const int codes[] = { ENOSPC, EDQUOT, EIO,    EROFS,
				     ENOENT, ESTALE, EACCES, ENODEV,
				     EPERM,  EFBIG,  ENXIO,  ENOTDIR };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (code == -codes[i])
			return true;
	return false;
}

void buffer_unsafe(struct buffer *b)
{
	b->skip = b->failures < 4 ? 1u << b->failures : BUFFER_SKIP_MAX;
	b->failures++;
}

void buffer_failed(struct buffer *b, int code, struct err *why)
{
	if (!b->used || !is_storage(code))
		return;
	buffer_unsafe(b);
	err_prefix(why, code, "node %s, burst buffer %s", b->node, b->path);
}
