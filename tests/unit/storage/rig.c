/* SPDX-License-Identifier: BSD-3-Clause */
/* rig.c - folders, memory and images for the tests of storage */
#define _GNU_SOURCE
#include "tests/unit/storage/rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/make_sheet.h"

const char *rig_path(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", unit_tmpdir(), name);
	return path;
}

int rig_dir(const char *name)
{
	const char *path = rig_path(name);
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		abort();
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void fill_window(enum rig_fill fill, char *p, size_t len, uint64_t *x)
{
	static const char text[] = "a pile of stones marks the way back; ";

	switch (fill) {
	case RIG_RANDOM:
		for (size_t i = 0; i + 8 <= len; i += 8) {
			uint64_t v = next_random(x);

			memcpy(p + i, &v, 8);
		}
		break;
	case RIG_FLOATS:
		for (size_t i = 0; i + 8 <= len; i += 8) {
			double v = 1.0 + (double)i * 1e-6 +
				   (double)(next_random(x) % 1000) * 1e-9;

			memcpy(p + i, &v, 8);
		}
		break;
	case RIG_TEXT:
		for (size_t i = 0; i < len; i++)
			p[i] = text[(i * 7 / 8) % (sizeof(text) - 1)];
		break;
	case RIG_SPARSE:
		for (size_t i = 0; i < len; i += 4096)
			if (next_random(x) % 5 == 0)
				fill_window(RIG_RANDOM, p + i, 64, x);
		break;
	case RIG_ZERO:
	default:
		break;
	}
}

char *rig_memory(enum rig_fill fill, size_t len, unsigned int seed)
{
	uint64_t x = seed * 2654435761U + 88172645463325252ULL;
	char *p = aligned_alloc(4096, len ? len : 4096);

	if (!p)
		abort();
	memset(p, 0, len);
	for (size_t at = 0; at < len; at += 65536) {
		size_t n = len - at < 65536 ? len - at : 65536;
		enum rig_fill now = fill;

		if (fill == RIG_MIXED)
			now = (enum rig_fill)(next_random(&x) % RIG_MIXED);
		fill_window(now, p + at, n, &x);
	}
	return p;
}

int rig_begin(struct image_writer *w, uint32_t rank, size_t len,
	      struct err *err)
{
	struct region r = { .start = RIG_ADDR,
			    .len = len,
			    .flags = REGION_SAVE };
	size_t sheet_len;
	struct sheet *s = make_sheet(&r, 1, &sheet_len);
	int rc = image_rank_begin(w, rank, s, sheet_len, err);

	free(s);
	return rc;
}

int rig_image(int dirfd, const char *name, uint32_t nranks, const char *memory,
	      size_t len, const struct image_options *options,
	      struct image_totals *totals, struct err *err)
{
	struct image_writer *w;
	int rc = image_writer_create(dirfd, name, options, &w, err);

	if (rc)
		return rc;
	for (uint32_t r = 0; r < nranks && !rc; r++) {
		rc = rig_begin(w, r, len, err);
		if (!rc)
			rc = image_pages(w, r, RIG_ADDR, memory, len, err);
		if (!rc)
			rc = image_rank_end(w, r, err);
	}
	if (!rc)
		return image_writer_finish(w, totals, err);
	image_writer_abort(w);
	return rc;
}

int rig_compare(const struct image *im, uint32_t rank, const char *memory,
		size_t len, struct err *err)
{
	const struct image_chunk *c;
	uint64_t at = RIG_ADDR;
	size_t n;
	int rc = image_chunks(im, rank, &c, &n, err);

	for (size_t i = 0; i < n && !rc; i++) {
		char *buf = malloc(c[i].len);

		/* All was given, so chunks follow each other. */
		if (c[i].addr != at || at + c[i].len > RIG_ADDR + len) {
			free(buf);
			return err_set(err, -ERANGE, "not this memory");
		}
		memset(buf, 0x5a, c[i].len);
		rc = image_read(im, &c[i], buf, err);
		if (!rc && memcmp(buf, memory + (at - RIG_ADDR), c[i].len))
			rc = err_set(err, -EILSEQ, "other bytes at %lx",
				     (unsigned long)at);
		at += c[i].len;
		free(buf);
	}
	if (!rc && at != RIG_ADDR + len)
		rc = err_set(err, -ERANGE, "memory is missing at the end");
	return rc;
}

json_t *rig_manifest(uint32_t epoch, const struct image_totals *totals)
{
	char digest[17];

	manifest_digest(totals->index_digest, digest);
	return json_pack("{si si sI sI sf sf s[ss] sn s{ss} ss "
			 "s[{ss ss sI ss s[ii]}]}",
			 "epoch", (int)epoch, "ranks", 2, "bytes",
			 (json_int_t)totals->bytes, "memory_bytes",
			 (json_int_t)totals->memory_bytes, "pause_ms", 12.5,
			 "seconds", 0.25, "program", "./heat", "100", "mpi",
			 "cpu", "model", "x", "kernel", "6.1", "images", "file",
			 "node-a.img", "node", "a", "bytes",
			 (json_int_t)totals->bytes, "index_digest", digest,
			 "ranks", 0, 1);
}

int rig_epoch(const char *dir, uint32_t epoch, unsigned int seed,
	      struct err *err)
{
	struct image_options options = { .threads = 1 };
	struct image_totals totals;
	size_t len = 24 * 4096;
	char *memory = rig_memory(RIG_MIXED, len, seed);
	json_t *m;
	int fd, rc = epoch_folder(dir, epoch, 1, &fd, err);

	if (rc) {
		free(memory);
		return rc;
	}
	rc = rig_image(fd, "node-a.img", 2, memory, len, &options, &totals,
		       err);
	if (!rc) {
		m = rig_manifest(epoch, &totals);
		rc = manifest_commit(fd, m, err);
		json_decref(m);
	}
	close(fd);
	free(memory);
	return rc;
}

int rig_child(int (*run)(void *), void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (!pid)
		_exit(run(arg));
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

char *rig_slurp(int dirfd, const char *name, size_t *len)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0 || fstat(fd, &st))
		abort();
	data = malloc((size_t)st.st_size + 1);
	if (!data || read(fd, data, (size_t)st.st_size) != st.st_size)
		abort();
	close(fd);
	*len = (size_t)st.st_size;
	return data;
}

void rig_spill(int dirfd, const char *name, const char *data, size_t len)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

int rig_names(int dirfd, int *temporary)
{
	DIR *d = fdopendir(openat(dirfd, ".", O_RDONLY | O_CLOEXEC));
	struct dirent *e;
	int n = 0;

	*temporary = 0;
	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		n++;
		*temporary += e->d_name[0] == '.';
	}
	closedir(d);
	return n;
}
