/* SPDX-License-Identifier: BSD-3-Clause */
/* patch_entry.S - from a patched system call to place_call and back */

/*
 * A system call keeps every register but RAX, RCX and R11, so this does too;
 * SSE registers are saved since the error paths of place_call may use them.
 * The frame, seen from RBP: 16 return address, 8 flags, 0 RBP, -56 ... -8
 * struct place_call.  The return address is moved over one or two two-byte
 * jumps of the stub when that is to perform the call itself.
 */
	.text
	.globl	patch_entry
	.hidden	patch_entry
	.type	patch_entry, @function
	.p2align 4
patch_entry:
	.cfi_startproc
	pushfq
	.cfi_adjust_cfa_offset 8
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	sub	$64 + 512, %rsp
	and	$-16, %rsp
	fxsave64 (%rsp)
	mov	%rax, -56(%rbp)
	mov	%rdi, -48(%rbp)
	mov	%rsi, -40(%rbp)
	mov	%rdx, -32(%rbp)
	mov	%r10, -24(%rbp)
	mov	%r8, -16(%rbp)
	mov	%r9, -8(%rbp)
	cld
	lea	-56(%rbp), %rdi
	call	place_call
	add	%eax, %eax
	cltq
	add	%rax, 16(%rbp)
	fxrstor64 (%rsp)
	mov	-56(%rbp), %rax
	mov	-48(%rbp), %rdi
	mov	-40(%rbp), %rsi
	mov	-32(%rbp), %rdx
	mov	-24(%rbp), %r10
	mov	-16(%rbp), %r8
	mov	-8(%rbp), %r9
	leave
	.cfi_def_cfa %rsp, 16
	.cfi_restore %rbp
	popfq
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	patch_entry, . - patch_entry

	.section .note.GNU-stack, "", @progbits
