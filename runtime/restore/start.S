/* SPDX-License-Identifier: BSD-3-Clause */
/* start.S - where the kernel enters the restorer, and how it leaves itself */

	.text
	.globl	_start
	.hidden	_start
	.type	_start, @function
_start:
	xorl	%ebp, %ebp
	movq	%rsp, %rdi
	andq	$-16, %rsp
	call	restore_main
	hlt
	.size	_start, . - _start

/* void jump_on(a1, a2, sp, to): call to(a1, a2) on another stack, for good. */
	.globl	jump_on
	.hidden	jump_on
	.type	jump_on, @function
jump_on:
	movq	%rdx, %rsp
	xorl	%ebp, %ebp
	pushq	$0
	jmpq	*%rcx
	.size	jump_on, . - jump_on

	.section .note.GNU-stack, "", @progbits
