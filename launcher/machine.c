/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.c - what a manifest says of the machine, and what a restart needs */
#include "launcher/machine.h"

#include "runtime/base/fmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/*
 * Features that change what runs: a program's libc and libraries chose their
 * routines by them when it started, and those choices are in its memory.
 */
static const char *const features[] = {
	"sse3",	       "pni",		"ssse3",
	"fma",	       "cx16",		"sse4_1",
	"sse4_2",      "movbe",		"popcnt",
	"aes",	       "xsave",		"avx",
	"f16c",	       "rdrand",	"abm",
	"fsgsbase",    "bmi1",		"avx2",
	"bmi2",	       "erms",		"rtm",
	"avx512f",     "avx512dq",	"rdseed",
	"adx",	       "avx512ifma",	"avx512cd",
	"sha_ni",      "avx512bw",	"avx512vl",
	"xsaveopt",    "xsavec",	"avx512vbmi",
	"pku",	       "ospke",		"avx512_vbmi2",
	"gfni",	       "vaes",		"vpclmulqdq",
	"avx512_vnni", "avx512_bitalg", "avx512_vpopcntdq",
	"fsrm",	       "amx_bf16",	"avx512_fp16",
	"amx_tile",    "amx_int8",	"avx_vnni",
	"avx512_bf16", "movdiri",	"movdir64b",
};

/* The value of the first line "NAME : VALUE" of /proc/cpuinfo. */
static char *cpuinfo(const char *name)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *line = NULL, *value = NULL;
	size_t room = 0;

	while (f && !value && getline(&line, &room, f) > 0) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, name, strlen(name)))
			continue;
		line[strcspn(line, "\n")] = '\0';
		value = strdup(colon + 1 + strspn(colon + 1, " "));
	}
	free(line);
	if (f)
		fclose(f);
	return value;
}

/* Is word among the space-separated words of text? */
static int has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = text; p && (p = strstr(p, word)); p += len)
		if ((p == text || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return 1;
	return 0;
}

json_t *machine_cpu(void)
{
	char *flags = cpuinfo("flags"), *model = cpuinfo("model name");
	json_t *list = json_array(), *cpu;

	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (flags && has_word(flags, features[i]))
			json_array_append_new(list, json_string(features[i]));
	cpu = json_pack("{s:s, s:o}", "model", model ? model : "unknown",
			"features", list);
	free(flags);
	free(model);
	return cpu;
}

json_t *machine_kernel(void)
{
	struct utsname name;

	if (uname(&name))
		return json_string("unknown");
	return json_string(name.release);
}

int machine_check_cpu(const json_t *cpu, struct err *err)
{
	char *flags = cpuinfo("flags");
	const char *model = json_string_value(json_object_get(cpu, "model"));
	char missing[200] = "";
	size_t i, n = 0;
	json_t *name;
	json_t *list = json_object_get(cpu, "features");

	json_array_foreach(list, i, name)
	{
		const char *feature = json_string_value(name);

		if (!feature || has_word(flags, feature))
			continue;
		if (n < sizeof(missing))
			n += (size_t)fmt_print(missing + n, sizeof(missing) - n,
					       "%s%s", n ? " " : "", feature);
	}
	free(flags);
	if (!missing[0])
		return 0;
	return err_set(err, -ENOTSUP,
		       "the checkpoint was taken on another kind of CPU (%s); "
		       "this one lacks %s; restart it on a CPU that has them",
		       model ? model : "unknown", missing);
}
