/* SPDX-License-Identifier: BSD-3-Clause */
/* history.c - the record of a job's life in its checkpoint folder */
#include "launcher/history.h"

#include "storage/commit.h"
#include "storage/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* More than a file of ours ever has: another's is not read whole. */
#define LOAD_MAX (64 << 20)

/* --- the file --- */

static int open_end(struct history *h)
{
	int fd = openat(h->dirfd, HISTORY_FILE,
			O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
			0600);

	return fd < 0 ? -errno : fd;
}

static bool ends_torn(int fd, off_t size)
{
	char last = '\n';

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static char *read_all(int fd, size_t *len)
{
	struct stat st;
	size_t n = 0;
	char *text;

	if (fstat(fd, &st) || st.st_size > LOAD_MAX)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	while (text && n < (size_t)st.st_size) {
		ssize_t got = pread(fd, text + n, (size_t)st.st_size - n,
				    (off_t)n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (text)
		text[n] = '\0';
	*len = n;
	return text;
}

/* --- growing no further --- */

static bool is_of_epochs(const char *line, size_t len)
{
	static const char epoch[] = "\"event\":\"epoch\"";
	static const char flush[] = "\"event\":\"flush\"";
	size_t n = len < 100 ? len : 100; /* it stands near the begin */

	return memmem(line, n, epoch, strlen(epoch)) ||
	       memmem(line, n, flush, strlen(flush));
}

/* The newest lines, and of the older ones those that are not about epochs: text
 * is cut in place, and its new length given. */
static size_t shorten(char *text, size_t len, size_t kept)
{
	size_t left = kept - kept / 4, rare = kept / 4;
	size_t to = len, from = len; /* what is kept gathers at the end */

	while (from) {
		size_t end = from, n;
		bool keep;

		for (from--; from && text[from - 1] != '\n';)
			from--;
		n = end - from;
		keep = n <= left;
		if (keep)
			left -= n;
		else
			left = 0; /* none before it, either */
		if (!keep && n <= rare && !is_of_epochs(text + from, n)) {
			keep = true;
			rare -= n;
		}
		if (!keep)
			continue;
		to -= n;
		memmove(text + to, text + from, n);
	}
	memmove(text, text + to, len - to);
	return len - to;
}

static void compact(struct history *h, int fd)
{
	struct err ignored;
	size_t len = 0;
	char *text = read_all(fd, &len);

	if (text && len && text[len - 1] == '\n') {
		len = shorten(text, len, h->kept);
		if (commit_file(h->dirfd, HISTORY_FILE, text, len, 0, &ignored))
			h->failed = true;
	}
	free(text);
}

/* --- writing --- */

static int append(struct history *h, const char *text, size_t len)
{
	int fd = open_end(h), rc = 0;
	struct stat st;

	if (fd < 0)
		return fd;
	if (!fstat(fd, &st) && (h->torn || ends_torn(fd, st.st_size)) &&
	    write(fd, "\n", 1) != 1)
		rc = errno ? -errno : -EIO;
	/* One write, so that a line is whole or the last. */
	if (!rc && write(fd, text, len) != (ssize_t)len) {
		rc = errno ? -errno : -EIO;
		h->torn = true;
	} else if (!rc) {
		h->torn = false;
	}
	if (!rc && (size_t)st.st_size + len > h->max)
		compact(h, fd);
	close(fd);
	return rc;
}

static void hold_back(struct history *h, const char *line)
{
	size_t len = strlen(line);
	char *more = realloc(h->early, h->early_len + len + 1);

	if (!more)
		return;
	h->early = more;
	memcpy(more + h->early_len, line, len);
	more[h->early_len + len] = '\n';
	h->early_len += len + 1;
}

static char *line_of(const char *kind, json_t *event)
{
	struct timespec now;
	json_t *all;
	char *text;

	clock_gettime(CLOCK_REALTIME, &now);
	all = json_pack("{s:i, s:f, s:s}", "v", HISTORY_VERSION, "t",
			(double)now.tv_sec +
				(double)(now.tv_nsec / 1000000) / 1000,
			"event", kind);
	if (all)
		json_object_update(all, event);
	text = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(13)) :
		     NULL;
	json_decref(all);
	return text;
}

int history_add(struct history *h, const char *kind, bool worth, json_t *event,
		struct err *err)
{
	char *text = event && h->dirfd >= 0 ? line_of(kind, event) : NULL;
	int rc;

	json_decref(event);
	if (!text)
		return 0;
	hold_back(h, text);
	free(text);
	if (!h->early || (h->lazy && !worth))
		return 0;
	h->lazy = false;
	errno = 0;
	rc = append(h, h->early, h->early_len);
	free(h->early);
	h->early = NULL;
	h->early_len = 0;
	if (!rc || h->failed)
		return 0;
	h->failed = true;
	return err_set(err, rc, "cannot write history.jsonl: %s",
		       strerror(-rc));
}

void history_open(struct history *h, int dirfd, bool lazy)
{
	memset(h, 0, sizeof(*h));
	h->dirfd = dirfd;
	h->lazy = lazy && faccessat(dirfd, HISTORY_FILE, F_OK, 0);
	h->max = HISTORY_MAX;
	h->kept = HISTORY_KEPT;
}

void history_fini(struct history *h)
{
	free(h->early);
	memset(h, 0, sizeof(*h));
	h->dirfd = -1;
}

/* --- reading --- */

static void take_line(json_t *events, const char *line, size_t len,
		      size_t *skipped)
{
	json_t *event = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *v = json_object_get(event, "v");

	if (json_integer_value(v) == HISTORY_VERSION &&
	    json_is_string(json_object_get(event, "event")) &&
	    json_is_number(json_object_get(event, "t")))
		json_array_append(events, event);
	else
		(*skipped)++;
	json_decref(event);
}

static int open_record(const char *dir, struct err *err)
{
	int fd, rc, dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return err_set(err, -errno, "cannot open %s: %s", dir,
			       strerror(errno));
	fd = openat(dirfd, HISTORY_FILE,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	rc = fd < 0 ? -errno : 0;
	close(dirfd);
	if (rc)
		return err_set(err, rc, "cannot read %s/" HISTORY_FILE ": %s",
			       dir, strerror(-rc));
	rc = owner_check_file(fd, HISTORY_FILE, err);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int history_load(const char *dir, json_t **events, size_t *skipped,
		 struct err *err)
{
	int fd = open_record(dir, err);
	size_t len = 0, n;
	char *text;

	if (fd < 0)
		return fd;
	text = read_all(fd, &len);
	close(fd);
	if (!text)
		return err_set(err, -EFBIG,
			       "%s/" HISTORY_FILE " cannot be read, or is "
			       "larger than any of Cairn's",
			       dir);
	*events = json_array();
	*skipped = 0;
	for (const char *line = text; line < text + len; line += n + 1) {
		n = (size_t)(strchrnul(line, '\n') - line);
		if (n)
			take_line(*events, line, n, skipped);
	}
	free(text);
	return 0;
}
