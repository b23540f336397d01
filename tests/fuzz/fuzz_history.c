/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_history.c - no record of a job upsets the report that is made of it */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/history.h"
#include "launcher/report/life.h"
#include "launcher/report/page.h"
#include "tests/fuzz/fuzz.h"

static char folder[200];
static char path[sizeof(folder) + sizeof(HISTORY_FILE)];

static void clean(void)
{
	unlink(path);
	rmdir(folder);
}

/* The reader takes a folder, as users give it.  fuzz.t's own is in TMPDIR: a
 * crash leaves nothing outside of it. */
static void make_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/history-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/%s", folder, HISTORY_FILE);
	atexit(clean);
}

static void put_record(const uint8_t *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct life life;
	struct err err;
	char *page = NULL;
	size_t size = 0;
	FILE *out;

	if (!*path)
		make_folder();
	put_record(data, len);
	if (life_load(&life, folder, len & 1, &err))
		return 0;
	out = open_memstream(&page, &size);
	if (!out)
		abort();
	page_write(out, &life, folder);
	fclose(out);
	/* Nothing of the record may become an element of the page. */
	if (strstr(page, "<script"))
		abort();
	fuzz_sink = size;
	free(page);
	life_fini(&life);
	return 0;
}
