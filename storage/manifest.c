/* SPDX-License-Identifier: BSD-3-Clause */
/* manifest.c - the commit record of an epoch */
#define _GNU_SOURCE
#include "storage/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/base/fmt.h"
#include "storage/catalog.h"
#include "storage/commit.h"
#include "storage/format.h"
#include "storage/owner.h"
#include "storage/tier.h"

/*
 * DESIGN
 *
 * The text is JSON whose last member is the checksum of all bytes before its
 * own sixteen digits; the four bytes behind them are fixed.  So the check
 * needs no parser and no canonical form, and covers every byte:
 *
 *	{ ... ,\n "checksum": "0123456789abcdef"\n}\n
 *	|<---- checksummed --->|<-- digits --->|<-4->|
 */
static const char seal_open[] = ",\n \"checksum\": \"";
static const char seal_close[] = "\"\n}\n";
#define DIGITS	     16
#define SEAL_LEN     (sizeof(seal_open) - 1 + DIGITS + sizeof(seal_close) - 1)
#define MANIFEST_MAX (256U << 20)

void manifest_digest(uint64_t digest, char text[17])
{
	snprintf(text, 17, "%016lx", (unsigned long)digest);
}

/* --- what must be in it --------------------------------------------------- */

static int missing(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "manifest: \"%s\" is missing or strange",
		       what);
}

static int is_count(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static int check_members(const json_t *m, struct err *err)
{
	static const char *const counts[] = { "epoch", "ranks", "bytes",
					      "memory_bytes" };
	static const char *const numbers[] = { "pause_ms", "seconds" };
	static const char *const present[] = { "mpi", "cpu", "kernel" };
	json_int_t format;

	if (!json_is_object(m))
		return missing(err, "{}");
	if (!json_is_integer(json_object_get(m, "format")))
		return missing(err, "format");
	format = json_integer_value(json_object_get(m, "format"));
	if (format < MANIFEST_FORMAT || format > MANIFEST_FORMAT_LAST)
		return err_set(err, -EPROTONOSUPPORT,
			       "manifest: format %ld, but this Cairn knows %d "
			       "to %d; use the Cairn that wrote it",
			       (long)format, MANIFEST_FORMAT,
			       MANIFEST_FORMAT_LAST);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		if (!is_count(json_object_get(m, counts[i])))
			return missing(err, counts[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!json_is_number(json_object_get(m, numbers[i])))
			return missing(err, numbers[i]);
	for (size_t i = 0; i < sizeof(present) / sizeof(*present); i++)
		if (!json_object_get(m, present[i]))
			return missing(err, present[i]);
	if (!json_is_string(json_object_get(m, "time")))
		return missing(err, "time");
	return 0;
}

static int check_program(const json_t *m, struct err *err)
{
	const json_t *program = json_object_get(m, "program");

	if (!json_array_size(program))
		return missing(err, "program");
	for (size_t i = 0; i < json_array_size(program); i++)
		if (!json_is_string(json_array_get(program, i)))
			return missing(err, "program");
	return 0;
}

static int is_plain_name(const char *name)
{
	return name && name[0] && name[0] != '.' && !strchr(name, '/') &&
	       strlen(name) < 200;
}

static int is_digest(const char *text)
{
	return text && strlen(text) == DIGITS &&
	       strspn(text, "0123456789abcdef") == DIGITS;
}

static int check_sources(const json_t *image, bool allowed, struct err *err)
{
	const json_t *list = json_object_get(image, "sources"), *s;
	size_t i;

	if (!list)
		return 0;
	if (!allowed || !json_array_size(list))
		return missing(err, "images.sources");
	json_array_foreach(list, i, s)
	{
		const json_t *epoch = json_object_get(s, "epoch");
		const char *file = json_string_value(
			json_object_get(s, "file"));
		const char *digest = json_string_value(
			json_object_get(s, "index_digest"));

		if (!is_count(epoch) ||
		    json_integer_value(epoch) > (json_int_t)UINT32_MAX ||
		    !is_plain_name(file) || !is_digest(digest) ||
		    !is_count(json_object_get(s, "bytes")))
			return missing(err, "images.sources");
	}
	return 0;
}

/* seen has a byte for each rank: no rank is in two images. */
static int check_image(const json_t *image, bool sources, char *seen,
		       size_t nranks, struct err *err)
{
	const json_t *ranks = json_object_get(image, "ranks");
	int rc = check_sources(image, sources, err);

	if (rc)
		return rc;
	if (!is_plain_name(json_string_value(json_object_get(image, "file"))))
		return missing(err, "images.file");
	if (!json_is_string(json_object_get(image, "node")))
		return missing(err, "images.node");
	if (!is_count(json_object_get(image, "bytes")))
		return missing(err, "images.bytes");
	if (!is_digest(
		    json_string_value(json_object_get(image, "index_digest"))))
		return missing(err, "images.index_digest");
	if (json_object_get(image, "fast") && !tier_path_ok(tier_fast(image)))
		return missing(err, "images.fast");
	if (!tier_copies_ok(json_object_get(image, "copies")))
		return missing(err, "images.copies");
	if (!json_array_size(ranks))
		return missing(err, "images.ranks");
	for (size_t i = 0; i < json_array_size(ranks); i++) {
		const json_t *r = json_array_get(ranks, i);
		json_int_t rank = json_integer_value(r);

		if (!is_count(r) || (size_t)rank >= nranks)
			return missing(err, "images.ranks");
		if (seen[rank]++)
			return err_set(err, -EBADMSG,
				       "manifest: rank %ld is in two images",
				       (long)rank);
	}
	return 0;
}

/* Ranks that had ended are in no image. */
static int check_exited(const json_t *list, char *seen, size_t nranks,
			struct err *err)
{
	if (list && !json_is_array(list))
		return missing(err, "exited");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const json_t *r = json_object_get(one, "rank");
		const json_t *code = json_object_get(one, "code");
		json_int_t rank = json_integer_value(r);

		if (!is_count(r) || (size_t)rank >= nranks)
			return missing(err, "exited.rank");
		if (!is_count(code) || json_integer_value(code) > 255)
			return missing(err, "exited.code");
		if (seen[rank]++)
			return err_set(err, -EBADMSG,
				       "manifest: rank %ld has ended, and is "
				       "in an image or named twice",
				       (long)rank);
	}
	return 0;
}

static int check_images(const json_t *m, struct err *err)
{
	const json_t *images = json_object_get(m, "images");
	json_int_t nranks = json_integer_value(json_object_get(m, "ranks"));
	bool sources = (json_integer_value(json_object_get(m, "format")) - 1) &
		       MANIFEST_BIT_SOURCES;
	char *seen;
	int rc = 0;

	if (nranks < 1 || nranks > FORMAT_RANKS_MAX)
		return missing(err, "ranks");
	if (!json_array_size(images))
		return missing(err, "images");
	seen = calloc(1, (size_t)nranks);
	if (!seen)
		return err_set(err, -ENOMEM, "no memory for a manifest");
	for (size_t i = 0; i < json_array_size(images) && !rc; i++)
		rc = check_image(json_array_get(images, i), sources, seen,
				 (size_t)nranks, err);
	if (!rc)
		rc = check_exited(json_object_get(m, "exited"), seen,
				  (size_t)nranks, err);
	free(seen);
	return rc;
}

int manifest_format(const json_t *m, bool fast)
{
	const json_t *image;
	bool sources = false;
	size_t i;

	json_array_foreach(json_object_get(m, "images"), i, image)
		sources = sources || json_object_get(image, "sources");
	return MANIFEST_FORMAT + (fast ? MANIFEST_BIT_FAST : 0) +
	       (sources ? MANIFEST_BIT_SOURCES : 0);
}

struct image_source manifest_source(const json_t *source)
{
	const char *digest = json_string_value(
		json_object_get(source, "index_digest"));
	struct image_source s = {
		.epoch = (uint32_t)json_integer_value(
			json_object_get(source, "epoch")),
		.bytes = (uint64_t)json_integer_value(
			json_object_get(source, "bytes")),
		.digest = digest ? strtoull(digest, NULL, 16) : 0,
	};

	fmt_print(s.file, sizeof(s.file), "%s",
		  json_string_value(json_object_get(source, "file")));
	return s;
}

json_t *manifest_sources(const struct image_source *sources, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		char digest[17];

		manifest_digest(sources[i].digest, digest);
		if (json_array_append_new(list,
					  json_pack("{s:I, s:s, s:I, s:s}",
						    "epoch",
						    (json_int_t)sources[i]
							    .epoch,
						    "file", sources[i].file,
						    "bytes",
						    (json_int_t)sources[i]
							    .bytes,
						    "index_digest", digest))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int manifest_exited(const json_t *m, uint32_t rank)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(m, "exited"), i, one)
	{
		if (json_integer_value(json_object_get(one, "rank")) ==
		    (json_int_t)rank)
			return (int)json_integer_value(
				json_object_get(one, "code"));
	}
	return -1;
}

int manifest_check(const json_t *m, struct err *err)
{
	int rc = check_members(m, err);

	if (!rc)
		rc = check_program(m, err);
	if (!rc)
		rc = check_images(m, err);
	return rc;
}

/* --- commit --------------------------------------------------------------- */

static int check_file(int dirfd, const json_t *image, struct err *err)
{
	const char *file = json_string_value(json_object_get(image, "file"));
	json_int_t bytes = json_integer_value(json_object_get(image, "bytes"));
	struct stat st;

	if (fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW))
		return err_set(err, -errno,
			       "image %s is not in the epoch's folder: %s",
			       file, fmt_error(errno));
	if (!S_ISREG(st.st_mode) || st.st_size != bytes)
		return err_set(err, -EBADMSG,
			       "image %s has %ld bytes, not the %ld that its "
			       "agent reported",
			       file, (long)st.st_size, (long)bytes);
	return 0;
}

static int check_files(int dirfd, const json_t *m, struct err *err)
{
	const json_t *images = json_object_get(m, "images");

	for (size_t i = 0; i < json_array_size(images); i++) {
		const json_t *image = json_array_get(images, i);
		int rc = tier_is_fast(m) && tier_fast(image) ?
				 0 : /* its agent has seen to it */
				 check_file(dirfd, image, err);

		if (rc)
			return rc;
	}
	return 0;
}

/* In the member of this name, if it is not there. */
static void set_time(json_t *m, const char *name)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	if (json_object_get(m, name) || !gmtime_r(&now, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(m, name, json_string(text));
}

static int seal(const json_t *m, char **text, size_t *len)
{
	char *body = json_dumps(m, JSON_INDENT(1));
	size_t n = body ? strlen(body) : 0;
	char *out = n > 2 ? malloc(n + SEAL_LEN + 1) : NULL;
	uint64_t digest;

	if (!out) {
		free(body);
		return -ENOMEM;
	}
	n -= 2; /* "\n}" */
	memcpy(out, body, n);
	n += (size_t)sprintf(out + n, "%s", seal_open);
	digest = XXH3_64bits(out, n);
	n += (size_t)sprintf(out + n, "%016lx%s", (unsigned long)digest,
			     seal_close);
	free(body);
	*text = out;
	*len = n;
	return 0;
}

/* m is consumed. */
static int put(int epoch_dirfd, json_t *m, int only_new, struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = owner_check_dir(epoch_dirfd, "the epoch's folder", err);

	if (!rc)
		rc = manifest_check(m, err);
	if (!rc)
		rc = check_files(epoch_dirfd, m, err);
	if (!rc && seal(m, &text, &len))
		rc = err_set(err, -ENOMEM, "no memory for a manifest");
	if (!rc)
		rc = commit_file(epoch_dirfd, MANIFEST_NAME, text, len,
				 only_new, err);
	free(text);
	json_decref(m);
	return rc;
}

static json_t *copy_for(const json_t *manifest, bool fast)
{
	json_t *m = json_copy((json_t *)manifest);

	json_object_del(m, "checksum");
	json_object_set_new(m, "format",
			    json_integer(manifest_format(manifest, fast)));
	return m;
}

int manifest_commit(int epoch_dirfd, json_t *manifest, struct err *err)
{
	json_t *m = copy_for(manifest, tier_has_fast(manifest));

	if (!m)
		return err_set(err, -ENOMEM, "no memory for a manifest");
	set_time(m, "time");
	return put(epoch_dirfd, m, 1, err);
}

int manifest_flushed(int epoch_dirfd, json_t *manifest, struct err *err)
{
	json_t *m = copy_for(manifest, false);

	if (!m)
		return err_set(err, -ENOMEM, "no memory for a manifest");
	set_time(m, "flushed");
	/* A prune from outside may have taken the epoch away. */
	if (faccessat(epoch_dirfd, MANIFEST_NAME, F_OK, AT_SYMLINK_NOFOLLOW)) {
		json_decref(m);
		return err_set(err, -ENOENT, "it was removed meanwhile");
	}
	return put(epoch_dirfd, m, 0, err);
}

/* --- load ----------------------------------------------------------------- */

static int damaged(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "the manifest is damaged: %s", what);
}

/* For the fuzzer as well: text need not end with a NUL. */
int manifest_parse(const char *text, size_t len, json_t **manifest,
		   struct err *err)
{
	size_t at;
	char digits[DIGITS + 1];
	json_error_t why;
	json_t *m;
	int rc;

	if (len <= SEAL_LEN)
		return damaged(err, "it is cut short");
	at = len - SEAL_LEN;
	if (memcmp(text + at, seal_open, sizeof(seal_open) - 1) ||
	    memcmp(text + len - 4, seal_close, 4))
		return damaged(err, "it is cut short or has no checksum");
	at += sizeof(seal_open) - 1;
	manifest_digest(XXH3_64bits(text, at), digits);
	if (memcmp(text + at, digits, DIGITS))
		return damaged(err, "its checksum differs");
	m = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!m)
		return damaged(err, why.text);
	rc = manifest_check(m, err);
	if (rc) {
		json_decref(m);
		return rc;
	}
	*manifest = m;
	return 0;
}

static int read_all(int fd, char **text, size_t *len, struct err *err)
{
	struct stat st;
	char *buf;
	size_t n = 0;

	if (fstat(fd, &st))
		return err_set(err, -errno, "cannot look at the manifest: %s",
			       fmt_error(errno));
	if (st.st_size > (off_t)MANIFEST_MAX)
		return damaged(err, "it is far too long");
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return err_set(err, -ENOMEM, "no memory for a manifest");
	while (n < (size_t)st.st_size) {
		ssize_t got = pread(fd, buf + n, (size_t)st.st_size - n,
				    (off_t)n);
		int error = got < 0 ? errno : EIO;

		if (got > 0) {
			n += (size_t)got;
		} else if (got == 0 || error != EINTR) {
			free(buf);
			return err_set(err, -error,
				       "cannot read the manifest: %s",
				       fmt_error(error));
		}
	}
	*text = buf;
	*len = n;
	return 0;
}

static int load(int epoch_dirfd, uint32_t epoch, json_t **manifest,
		struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	json_t *m = NULL;
	int fd, rc;

	fd = openat(epoch_dirfd, MANIFEST_NAME,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		rc = -errno;
		if (rc == -ENOENT)
			return err_set(err, rc, "not committed");
		return err_set(err, rc, "cannot open the manifest: %s",
			       fmt_error(rc));
	}
	rc = owner_check_file(fd, MANIFEST_NAME, err);
	if (!rc)
		rc = read_all(fd, &text, &len, err);
	if (!rc)
		rc = manifest_parse(text, len, &m, err);
	if (!rc && json_integer_value(json_object_get(m, "epoch")) != epoch)
		rc = damaged(err, "it is another epoch's");
	close(fd);
	free(text);
	if (rc)
		json_decref(m);
	else
		*manifest = m;
	return rc;
}

int manifest_load(int dirfd, uint32_t epoch, json_t **manifest, struct err *err)
{
	int epoch_dirfd, rc;

	rc = catalog_open_epoch(dirfd, epoch, &epoch_dirfd, err);
	if (rc)
		return rc;
	rc = load(epoch_dirfd, epoch, manifest, err);
	close(epoch_dirfd);
	return rc ? err_prefix(err, rc, "epoch %u", epoch) : 0;
}
