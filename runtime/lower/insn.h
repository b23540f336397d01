/* SPDX-License-Identifier: BSD-3-Clause */
/* insn.h - how long is an x86-64 instruction, and does it use FS? */
#ifndef CAIRN_LOWER_INSN_H
#define CAIRN_LOWER_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX 15

struct insn_info {
	unsigned int len;    /* 0: not one that we know */
	int fs_at;	     /* offset of its last FS prefix, or -1 */
	unsigned int prefix; /* bytes of legacy prefixes */
	bool memory;	     /* reaches memory, so that FS matters */
	/* the address is this 32-bit number alone */
	bool absolute;
	int32_t address;
};

/* insn_look - one instruction, of at most max bytes.  Whether it is valid is not
 * looked at any further than its length needs. */
struct insn_info insn_look(const uint8_t *p, size_t max);
/* insn_len - its length alone, faster. */
unsigned int insn_len(const uint8_t *p, size_t max);

#endif
