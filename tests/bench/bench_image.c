/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_image.c - how fast memory becomes an image, against dd conv=fsync */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/storage/rig.h"

#define USAGE                                                            \
	"usage: bench_image [-d DIR] [-m MIB] [-n ROUNDS] [-t THREADS] " \
	"[-c auto|none|fast|small|LEVEL] [-j]\n"

#define ROUNDS_MAX 99

struct bench {
	int dirfd;
	size_t len;
	int rounds;
	struct image_options options;
	const char *memory; /* at RIG_ADDR */
	int memfd;	    /* /proc/self/mem */
	struct image_totals totals;
};

struct row {
	double dd, image, read, cpu; /* medians, seconds */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_image: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What dd bs=1M conv=fsync does with these bytes. */
static double run_dd(const struct bench *b)
{
	int fd = openat(b->dirfd, "dd.tmp", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	double start = now();

	if (fd < 0)
		die("dd.tmp");
	for (size_t at = 0; at < b->len; at += 1 << 20)
		if (write(fd, b->memory + at, 1 << 20) != 1 << 20)
			die("write");
	if (fsync(fd))
		die("fsync");
	close(fd);
	start = now() - start;
	unlinkat(b->dirfd, "dd.tmp", 0);
	return start;
}

static double run_image(struct bench *b, double *cpu)
{
	struct err err = { "" };
	struct image_writer *w;
	double start = now();
	int rc;

	*cpu = cpu_seconds();
	rc = image_writer_create(b->dirfd, "n.img", &b->options, &w, &err);
	if (!rc)
		rc = rig_begin(w, 0, b->len, &err);
	if (!rc)
		rc = image_pages_from(w, 0, RIG_ADDR, b->memfd, b->len, &err);
	if (!rc)
		rc = image_rank_end(w, 0, &err);
	if (!rc)
		rc = image_writer_finish(w, &b->totals, &err);
	if (rc) {
		fprintf(stderr, "bench_image: %s\n", err.text);
		exit(1);
	}
	*cpu = cpu_seconds() - *cpu;
	return now() - start;
}

/* From the disk, by one thread, into memory. */
static double run_read(const struct bench *b)
{
	const struct image_chunk *c;
	struct err err = { "" };
	struct image *im;
	size_t n;
	char *buf = malloc(b->len);
	int fd = openat(b->dirfd, "n.img", O_RDONLY);
	double start;
	int rc;

	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	start = now();
	rc = image_open(b->dirfd, "n.img", &im, &err);
	if (!rc)
		rc = image_chunks(im, 0, &c, &n, &err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = image_read(im, &c[i], buf + (c[i].addr - RIG_ADDR), &err);
	if (rc) {
		fprintf(stderr, "bench_image: %s\n", err.text);
		exit(1);
	}
	start = now() - start;
	if (memcmp(buf, b->memory, b->len)) {
		fprintf(stderr, "bench_image: other bytes came back\n");
		exit(1);
	}
	image_close(im);
	free(buf);
	unlinkat(b->dirfd, "n.img", 0);
	return start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	/* cppcheck-suppress uninitvar ; the caller has filled it */
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 2];
}

static struct row measure(struct bench *b)
{
	double dd[ROUNDS_MAX], image[ROUNDS_MAX], rd[ROUNDS_MAX],
		cpu[ROUNDS_MAX];
	int n = b->rounds;

	for (int i = 0; i < n; i++) {
		dd[i] = run_dd(b);
		image[i] = run_image(b, &cpu[i]);
		rd[i] = run_read(b);
	}
	return (struct row){ median(dd, n), median(image, n), median(rd, n),
			     median(cpu, n) };
}

static void print_row(const struct bench *b, const char *kind, struct row r,
		      int json)
{
	double mib = (double)b->len / (1 << 20);

	if (json)
		printf("{\"memory\":\"%s\",\"mib\":%.0f,\"dd_mib_s\":%.1f,"
		       "\"image_mib_s\":%.1f,\"read_mib_s\":%.1f,"
		       "\"ratio\":%.3f,\"stored\":%.3f,\"cpu_s_per_gib\":%.3f}"
		       "\n",
		       kind, mib, mib / r.dd, mib / r.image, mib / r.read,
		       r.dd / r.image, (double)b->totals.bytes / b->len,
		       r.cpu * 1024 / mib);
	else
		printf("%-8s %8.0f %8.0f %8.2f %8.0f %8.2f %12.2f\n", kind,
		       mib / r.dd, mib / r.image, r.dd / r.image, mib / r.read,
		       (double)b->totals.bytes / b->len, r.cpu * 1024 / mib);
	fflush(stdout);
}

static void map_memory(struct bench *b)
{
	void *p = mmap((void *)RIG_ADDR, b->len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	if (p == MAP_FAILED)
		die("mmap");
	b->memory = p;
	b->memfd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (b->memfd < 0)
		die("/proc/self/mem");
}

static const char *const kinds[RIG_FILLS] = { "random", "zero",	  "floats",
					      "text",	"sparse", "mixed" };

int main(int argc, char **argv)
{
	struct bench b = { .len = 512UL << 20, .rounds = 3 };
	const char *dir = NULL;
	int c, json = 0;

	while ((c = getopt(argc, argv, "d:m:n:t:c:j")) != -1)
		switch (c) {
		case 'd':
			dir = optarg;
			break;
		case 'm':
			b.len = strtoul(optarg, NULL, 10) << 20;
			break;
		case 'n':
			b.rounds = atoi(optarg);
			break;
		case 't':
			b.options.threads = atoi(optarg);
			break;
		case 'c':
			if (codec_wish_parse(optarg, &b.options.compress)) {
				fputs(USAGE, stderr);
				return 2;
			}
			break;
		case 'j':
			json = 1;
			break;
		default:
			fputs(USAGE, stderr);
			return 2;
		}
	if (!b.len || b.rounds < 1 || b.rounds > ROUNDS_MAX) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (dir)
		setenv("TMPDIR", dir, 1);
	b.dirfd = rig_dir("bench");
	map_memory(&b);
	if (!json)
		printf("%-8s %8s %8s %8s %8s %8s %12s\n", "memory", "dd MiB/s",
		       "MiB/s", "x dd", "read", "stored", "CPU s/GiB");
	for (int k = 0; k < RIG_FILLS; k++) {
		char *m = rig_memory((enum rig_fill)k, b.len, 1);

		memcpy((void *)RIG_ADDR, m, b.len);
		free(m);
		print_row(&b, kinds[k], measure(&b), json);
	}
	return 0;
}
