/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.c - what a manifest says of the machine */
#include "launcher/machine.h"

#include "runtime/base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

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

json_t *machine_cpu(void)
{
	static const uint32_t none[CPU_WORDS];
	uint32_t words[CPU_WORDS];
	char *model = cpuinfo("model name");
	char text[1000], *rest = text, *name;
	json_t *list = json_array(), *cpu;

	cpu_features(words);
	cpu_missing(words, none, text, sizeof(text));
	while ((name = strsep(&rest, " ")))
		if (*name)
			json_array_append_new(list, json_string(name));
	cpu = json_pack("{s:s, s:o}", "model", model ? model : "unknown",
			"features", list);
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
