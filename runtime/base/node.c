/* SPDX-License-Identifier: BSD-3-Clause */
/* node.c - which node is this? */
#include "runtime/base/node.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include "runtime/base/fmt.h"

/* FNV-1a, 64 bits; the end of each part counts too. */
static uint64_t hash_part(uint64_t h, const char *part, size_t len)
{
	for (size_t i = 0; i <= len; i++)
		h = (h ^ (i < len ? (unsigned char)part[i] : 0U)) *
		    1099511628211ULL;
	return h;
}

static size_t read_boot_id(char *text, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size);

	if (fd >= 0)
		close(fd);
	return n > 0 ? (size_t)n : 0;
}

void node_id(char id[NODE_ID])
{
	uint64_t h = 14695981039346656037ULL;
	char host[HOST_NAME_MAX + 1] = "", text[64] = "";
	size_t len = 0;
	ssize_t n;

	if (!gethostname(host, sizeof(host) - 1))
		while (host[len])
			len++;
	h = hash_part(h, host, len);
	h = hash_part(h, text, read_boot_id(text, sizeof(text)));
	n = readlink("/proc/self/ns/pid", text, sizeof(text));
	h = hash_part(h, text, n > 0 ? (size_t)n : 0);
	fmt_print(id, NODE_ID, "%016lx", h);
}
