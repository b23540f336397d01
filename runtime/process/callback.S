/* SPDX-License-Identifier: BSD-3-Clause */
/* callback.S - call a function of the program from a frame that learns when an
 * exception leaves it */

	.text

/* long callback_call(void *fn, a1, a2, a3, a4, a5) */
	.globl	callback_call
	.hidden	callback_call
	.type	callback_call, @function
callback_call:
	.cfi_startproc
	/* 0x1b: four bytes, relative to their own place */
	.cfi_personality 0x1b, callback_unwound
	endbr64
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	mov	%rdi, %r11
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %rcx
	mov	%r9, %r8
	xor	%eax, %eax	/* as a function with ... wants it */
	call	*%r11
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	callback_call, .-callback_call

	.section .note.GNU-stack, "", @progbits
