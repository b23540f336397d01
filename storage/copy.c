/* SPDX-License-Identifier: BSD-3-Clause */
/* copy.c - copy an image into another tier */
#define _GNU_SOURCE
#include "storage/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fmt.h"
#include "storage/catalog.h"
#include "storage/commit.h"
#include "storage/owner.h"
#include "storage/tier.h"

#define PIECE (4U << 20)
#define ALIGN 4096 /* as direct I/O wants it */

void copy_control_init(struct copy_control *c, uint64_t rate)
{
	pthread_condattr_t attr;

	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
	c->rate = rate;
}

void copy_control_fini(struct copy_control *c)
{
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
}

void copy_rate(struct copy_control *c, uint64_t rate)
{
	pthread_mutex_lock(&c->lock);
	c->rate = rate;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

void copy_cancel(struct copy_control *c)
{
	pthread_mutex_lock(&c->lock);
	c->canceled = true;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

/* --- the throttle ----------------------------------------------------------
 */

/* What a piece may take at this rate; counted from its begin, so that time the
 * disk took is not waited for again. */
static void add_share(struct timespec *t, uint64_t bytes, uint64_t rate)
{
	double s = (double)bytes / (double)rate;
	time_t whole = s < 1e6 ? (time_t)s : 1000000;

	t->tv_sec += whole;
	t->tv_nsec += s < 1e6 ? (long)((s - (double)whole) * 1e9) : 0;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

/* Until this piece's time is over, or the rate changes, or all is off. */
static bool may_go_on(struct copy_control *c, const struct timespec *begun,
		      uint64_t bytes)
{
	struct timespec until = *begun;
	uint64_t rate;
	bool canceled;

	pthread_mutex_lock(&c->lock);
	rate = c->rate;
	if (rate)
		add_share(&until, bytes, rate);
	while (!c->canceled && rate && c->rate == rate)
		if (pthread_cond_timedwait(&c->cond, &c->lock, &until) ==
		    ETIMEDOUT)
			break;
	canceled = c->canceled;
	pthread_mutex_unlock(&c->lock);
	return !canceled;
}

/* --- the bytes -------------------------------------------------------------
 */

static int read_piece(int fd, char *buf, size_t len, uint64_t at,
		      const char *file, struct err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, buf + got, len - got, (off_t)(at + got));
		int error = n < 0 ? errno : EIO;

		if (n > 0)
			got += (size_t)n;
		else if (!n || error != EINTR)
			return err_set(err, -error, "cannot read %s: %s", file,
				       fmt_error(error));
	}
	/* The program may need that memory. */
	posix_fadvise(fd, (off_t)at, (off_t)len, POSIX_FADV_DONTNEED);
	return 0;
}

static int copy_bytes(int from, int to, uint64_t len, const char *file,
		      struct copy_control *control, struct err *err)
{
	struct timespec begun;
	void *buf = NULL;
	int rc = 0;

	if (posix_memalign(&buf, ALIGN, PIECE))
		return err_set(err, -ENOMEM, "no memory to copy %s", file);
	/* No space shows before a gigabyte was written for nothing. */
	if (len && fallocate(to, 0, 0, (off_t)len) &&
	    (errno == ENOSPC || errno == EDQUOT))
		rc = err_set(err, -errno, "no space for %s: %s", file,
			     fmt_error(errno));
	fcntl(to, F_SETFL, fcntl(to, F_GETFL) | O_DIRECT); /* a wish */
	for (uint64_t at = 0; at < len && !rc;) {
		size_t n = len - at < PIECE ? (size_t)(len - at) : PIECE;

		clock_gettime(CLOCK_MONOTONIC, &begun);
		rc = read_piece(from, buf, n, at, file, err);
		if (!rc)
			rc = commit_pwrite(to, buf, n, at, file, err);
		at += n;
		if (!rc && !may_go_on(control, &begun, n))
			rc = err_set(err, -ECANCELED, "copying %s was stopped",
				     file);
	}
	free(buf);
	return rc;
}

static int copy_file(int from_dirfd, int to_dirfd, const char *file,
		     struct copy_control *control, struct err *err)
{
	struct commit c = { .fd = -1 };
	struct stat st;
	int rc, fd = openat(from_dirfd, file,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %s", file,
			       fmt_error(errno));
	rc = owner_check_file(fd, file, err);
	if (!rc && fstat(fd, &st))
		rc = err_set(err, -errno, "cannot look at %s: %s", file,
			     fmt_error(errno));
	if (!rc)
		rc = commit_begin(&c, to_dirfd, file, 0, err);
	if (!rc) {
		rc = copy_bytes(fd, c.fd, (uint64_t)st.st_size, file, control,
				err);
		if (rc)
			commit_abort(&c);
		else
			rc = commit_end(&c, err);
	}
	close(fd);
	return rc;
}

/* Is it (still) the image that was committed? */
static int look(int dirfd, const json_t *image, struct err *err)
{
	struct image *im;
	int rc = tier_image_at(dirfd, image, &im, err);

	if (!rc)
		image_close(im);
	return rc;
}

/* --- what an image needs ---------------------------------------------------
 */

static int copy_source(int from, int to, const struct image_source *s,
		       struct copy_control *control, struct err *err)
{
	int from_fd = -1, to_fd = -1;
	struct err ignored;
	int rc = catalog_share_epoch(to, s->epoch, &to_fd, err);

	/* It came with another epoch already. */
	if (!rc && !image_probe(to_fd, s, &ignored))
		goto out;
	if (!rc)
		rc = catalog_open_epoch(from, s->epoch, &from_fd, err);
	if (!rc)
		rc = image_probe(from_fd, s, err);
	if (!rc)
		rc = copy_file(from_fd, to_fd, s->file, control, err);
	if (!rc)
		rc = image_probe(to_fd, s, err);
out:
	if (from_fd >= 0)
		close(from_fd);
	if (to_fd >= 0)
		close(to_fd);
	return rc;
}

/* Before the image itself, which is nothing without them. */
static int copy_sources(int from, const json_t *image, int to_dirfd,
			struct copy_control *control, struct err *err)
{
	const json_t *list = json_object_get(image, "sources"), *one;
	int rc = 0, to;
	size_t i;

	if (!list)
		return 0;
	to = openat(to_dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_set(err, -errno,
			       "cannot open the folder of the epochs: %s",
			       fmt_error(errno));
	json_array_foreach(list, i, one)
	{
		struct image_source s = manifest_source(one);

		rc = copy_source(from, to, &s, control, err);
		if (rc)
			break;
	}
	close(to);
	return rc;
}

int copy_image(const char *from, uint32_t epoch, const json_t *image,
	       int to_dirfd, struct copy_control *control, struct err *err)
{
	const char *file = json_string_value(json_object_get(image, "file"));
	int dirfd, fd = -1, rc;

	if (!file || !*file || *file == '.' || strchr(file, '/'))
		return err_set(err, -EINVAL, "no image's name was given");
	rc = tier_open(from, &dirfd, err);
	if (rc)
		return rc;
	rc = catalog_open_epoch(dirfd, epoch, &fd, err);
	if (rc) {
		close(dirfd);
		return rc;
	}
	rc = look(fd, image, err);
	if (!rc)
		rc = copy_sources(dirfd, image, to_dirfd, control, err);
	close(dirfd);
	if (!rc)
		rc = copy_file(fd, to_dirfd, file, control, err);
	if (!rc)
		rc = look(to_dirfd, image, err);
	close(fd);
	return rc;
}
