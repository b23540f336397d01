/* SPDX-License-Identifier: BSD-3-Clause */
/* elf.h - map a program and its dynamic loader into the arena */
#ifndef CAIRN_LOWER_ELF_H
#define CAIRN_LOWER_ELF_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct elf_image {
	uintptr_t base; /* load bias */
	uintptr_t entry;
	uintptr_t phdr; /* address of the program headers */
	uint16_t phnum;
};

/* elf_interp - the dynamic loader that a program names; 0 or -Exxx. */
int elf_interp(const char *path, char *interp, size_t size,
	       struct err *err) must_check;
/* elf_map - 0, or -Exxx with a sentence that names the file */
int elf_map(const char *path, struct elf_image *image,
	    struct err *err) must_check;

#endif
