/* SPDX-License-Identifier: BSD-3-Clause */
/* regs.c - the FS and GS base registers */
#include "runtime/process/thread.h"

#include <asm/prctl.h>

/* Set once by the constructor: may user code use RDFSBASE and its kin? */
bool has_fsgsbase;

uint64_t fs_get(void)
{
	uint64_t base;

	if (has_fsgsbase)
		__asm__ volatile("rdfsbase %0" : "=r"(base));
	else
		sys_call(SYS_arch_prctl, ARCH_GET_FS, &base);
	return base;
}

void fs_set(uint64_t base)
{
	if (has_fsgsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
	else
		sys_call(SYS_arch_prctl, ARCH_SET_FS, base);
}

uint64_t gs_get(void)
{
	uint64_t base;

	if (has_fsgsbase)
		__asm__ volatile("rdgsbase %0" : "=r"(base));
	else
		sys_call(SYS_arch_prctl, ARCH_GET_GS, &base);
	return base;
}

void gs_set(uint64_t base)
{
	if (has_fsgsbase)
		__asm__ volatile("wrgsbase %0" : : "r"(base) : "memory");
	else
		sys_call(SYS_arch_prctl, ARCH_SET_GS, base);
}
