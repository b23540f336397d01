/* SPDX-License-Identifier: BSD-3-Clause */
/* foreign.c - a library that reaches TLS by FS where no table says so */

/* What FS was when the library was opened. */
extern long foreign_at_start __attribute__((visibility("default")));
long foreign_at_start;

/* Without call frame information: nobody knows where its code begins. */
__asm__("	.text\n"
	"	.globl	foreign_thread_pointer\n"
	"	.type	foreign_thread_pointer, @function\n"
	"foreign_thread_pointer:\n"
	"	mov	%fs:0, %rax\n"
	"	ret\n"
	"	.size	foreign_thread_pointer, . - foreign_thread_pointer\n"
	"1:	mov	%fs:0, %rax\n"
	"	mov	foreign_at_start@GOTPCREL(%rip), %rcx\n"
	"	mov	%rax, (%rcx)\n"
	"	ret\n"
	"	.section .init_array, \"aw\"\n"
	"	.quad	1b\n"
	"	.text\n");
