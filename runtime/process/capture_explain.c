/* SPDX-License-Identifier: BSD-3-Clause */
/* capture_explain.c - the sheet's JSON text: what was captured, and where */
#define _GNU_SOURCE
#include "runtime/process/capture_private.h"

#include <cpuid.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"

/*
 * An object with "exe", "cwd" (texts), "argv" (array of texts), "pid",
 * "kernel", "node" (texts), "cpu" (array of feature names as /proc/cpuinfo
 * calls them). Names that are not UTF-8 have their bytes from 0x80 on replaced
 * by '?': the text is for people and checks, no program is started from it.
 */

static void put(struct sheet_writer *w, const char *s)
{
	sheet_append(w, s, strlen(s));
}

static void put_string(struct sheet_writer *w, const char *s, size_t len)
{
	char piece[8];

	put(w, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			fmt_print(piece, sizeof(piece), "\\%c", c);
		else if (c < 0x20)
			fmt_print(piece, sizeof(piece), "\\u%04x", c);
		else
			fmt_print(piece, sizeof(piece), "%c",
				  c < 0x7f ? c : '?');
		put(w, piece);
	}
	put(w, "\"");
}

static void put_key(struct sheet_writer *w, const char *key)
{
	put(w, ", \"");
	put(w, key);
	put(w, "\": ");
}

static void put_link(struct sheet_writer *w, const char *key, const char *path)
{
	char target[PATH_MAX];
	long n = sys_call(SYS_readlinkat, AT_FDCWD, path, target,
			  sizeof(target));

	put_key(w, key);
	put_string(w, target, n > 0 ? (size_t)n : 0);
}

static void put_argv(struct sheet_writer *w)
{
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/cmdline",
			   O_RDONLY | O_CLOEXEC);
	static char args[16384]; /* longer command lines are cut */
	size_t len = 0, at = 0;
	long n;

	while (fd >= 0 && len < sizeof(args) &&
	       (n = sys_call(SYS_read, fd, args + len, sizeof(args) - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		sys_call(SYS_close, fd);
	put_key(w, "argv");
	put(w, "[");
	while (at < len) {
		size_t end = strnlen(args + at, len - at);

		put(w, at ? ", " : "");
		put_string(w, args + at, end);
		at += end + 1;
	}
	put(w, "]");
}

static void put_cpu(struct sheet_writer *w)
{
	/* clang-format off */
	static const struct {
		uint32_t leaf, reg, bit;
		const char *name;
	} features[] = {
		{ 1, 2, 0, "sse3" },	{ 1, 2, 9, "ssse3" },
		{ 1, 2, 12, "fma" },	{ 1, 2, 13, "cx16" },
		{ 1, 2, 19, "sse4_1" }, { 1, 2, 20, "sse4_2" },
		{ 1, 2, 22, "movbe" },	{ 1, 2, 23, "popcnt" },
		{ 1, 2, 25, "aes" },	{ 1, 2, 28, "avx" },
		{ 1, 2, 29, "f16c" },	{ 1, 2, 30, "rdrand" },
		{ 7, 1, 0, "fsgsbase" }, { 7, 1, 3, "bmi1" },
		{ 7, 1, 5, "avx2" },	{ 7, 1, 8, "bmi2" },
		{ 7, 1, 9, "erms" },	{ 7, 1, 11, "rtm" },
		{ 7, 1, 16, "avx512f" }, { 7, 1, 17, "avx512dq" },
		{ 7, 1, 18, "rdseed" }, { 7, 1, 19, "adx" },
		{ 7, 1, 28, "avx512cd" }, { 7, 1, 29, "sha_ni" },
		{ 7, 1, 30, "avx512bw" }, { 7, 1, 31, "avx512vl" },
		{ 7, 2, 1, "avx512vbmi" }, { 7, 2, 6, "avx512_vbmi2" },
		{ 7, 2, 8, "gfni" },	{ 7, 2, 9, "vaes" },
		{ 7, 2, 10, "vpclmulqdq" }, { 7, 2, 11, "avx512_vnni" },
		{ 7, 2, 12, "avx512_bitalg" },
		{ 7, 2, 14, "avx512_vpopcntdq" },
		{ 7, 3, 23, "avx512_fp16" }, { 7, 3, 24, "amx_tile" },
	};
	/* clang-format on */
	const char *comma = "";

	put_key(w, "cpu");
	put(w, "[");
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
		uint32_t r[4];

		if (!__get_cpuid_count(features[i].leaf, 0, &r[0], &r[1], &r[2],
				       &r[3]) ||
		    !(r[features[i].reg] >> features[i].bit & 1))
			continue;
		put(w, comma);
		put_string(w, features[i].name, strlen(features[i].name));
		comma = ", ";
	}
	put(w, "]");
}

void sheet_explain(struct sheet_writer *w)
{
	struct sheet *sheet = (struct sheet *)w->base;
	struct utsname uts;
	char pid[16];

	sheet->explain = (uint32_t)w->len;
	fmt_print(pid, sizeof(pid), "%d", (int)sys_call(SYS_getpid));
	put(w, "{\"pid\": ");
	put(w, pid);
	put_link(w, "exe", "/proc/self/exe");
	put_link(w, "cwd", "/proc/self/cwd");
	put_argv(w);
	if (!sys_call(SYS_uname, &uts)) {
		put_key(w, "kernel");
		put_string(w, uts.release, strlen(uts.release));
		put_key(w, "node");
		put_string(w, uts.nodename, strlen(uts.nodename));
	}
	put_cpu(w);
	put(w, "}");
	sheet->explain_len = (uint32_t)(w->len - sheet->explain);
	sheet_append(w, "", 1);
}
