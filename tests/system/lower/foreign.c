/* SPDX-License-Identifier: BSD-3-Clause */
/* foreign.c - a library that reaches TLS by FS where no table says so */

/* Without call frame information: nobody knows where its code begins. */
__asm__("	.text\n"
	"	.globl	foreign_thread_pointer\n"
	"	.type	foreign_thread_pointer, @function\n"
	"foreign_thread_pointer:\n"
	"	mov	%fs:0, %rax\n"
	"	ret\n"
	"	.size	foreign_thread_pointer, . - foreign_thread_pointer\n");
