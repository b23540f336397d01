/* SPDX-License-Identifier: BSD-3-Clause */
/* stack.h - the guest's first stack: arguments, environment, auxiliary vector
 */
#ifndef CAIRN_LOWER_STACK_H
#define CAIRN_LOWER_STACK_H

#include <stdint.h>

#include "runtime/lower/elf.h"

/*
 * stack_build - map a stack in the arena and fill it as exec would
 *
 * envp may be NULL.  Gives the initial stack pointer, or 0 without memory.
 */
uintptr_t stack_build(char *const argv[], char **envp,
		      const struct elf_image *program,
		      const struct elf_image *loader);

#endif
