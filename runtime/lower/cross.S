/* SPDX-License-Identifier: BSD-3-Clause */
/* cross.S - call into the lower half and come back */
#include <asm/prctl.h>
#include <asm/unistd.h>

#include "runtime/base/ctx.h"

/*
 * lower.md, Crossing, tells the two ways.  A signal may come at any
 * instruction: its handler looks at FS and at INSIDE.  Where FS is written,
 * nothing here reads TLS between the two writes.  RAX is zeroed before the
 * call, as the ABI wants it for a callee with variable arguments
 * (MPI_Pcontrol) that gets none in vector registers.
 */

.macro FUNCTION name
	.text
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 5
\name:
	.cfi_startproc
.endm

.macro END name
	.cfi_endproc
	.size	\name, . - \name
.endm

/* Calls R11 in the lower half; keeps RAX, RDX and XMM0, the results.  INSIDE is
 * set before READY is read: see crossing_doubt(). */
.macro CROSS
	movb	$1, %gs:CTX_INSIDE
	cmpb	$0, %gs:CTX_READY
	je	2f
1:	xor	%eax, %eax
	call	*%r11
	movb	$0, %gs:CTX_INSIDE
	cmpb	$0, %gs:CTX_READY
	je	4f
3:
.endm

/* What CROSS jumps to. */
.macro CROSS_SLOWLY
2:	call	cross_prepare
	jmp	1b
4:	call	fs_upper
	jmp	3b
.endm

/* long cross_call(void *fn, a1, a2, a3, a4, a5, a6) */
FUNCTION cross_call
	mov	%rdi, %r11
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %rcx
	mov	%r9, %r8
	mov	8(%rsp), %r9
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	CROSS
	add	$8, %rsp
	.cfi_remember_state
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_restore_state
	CROSS_SLOWLY
END cross_call

/* double cross_call_double(void *fn): as cross_call; XMM0 passes through. */
	.globl	cross_call_double
	.hidden	cross_call_double
	.type	cross_call_double, @function
	.set	cross_call_double, cross_call

/* long cross_call7(void *fn, a1, ... a7): posting a message has seven. */
FUNCTION cross_call7
	mov	%rdi, %r11
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %rcx
	mov	%r9, %r8
	mov	8(%rsp), %r9
	pushq	16(%rsp)	/* the seventh; and the stack is aligned */
	.cfi_adjust_cfa_offset 8
	CROSS
	add	$8, %rsp
	.cfi_remember_state
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_restore_state
	CROSS_SLOWLY
END cross_call7

/* long cross_call_stack(void *fn, const long args[], size_t nargs) */
FUNCTION cross_call_stack
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	mov	%rdi, %r11
	mov	%rsi, %rax	/* args */
	mov	%rdx, %rcx	/* nargs */
	sub	$6, %rcx
	jbe	2f
	/* an odd number of words on the stack wants one of padding */
	test	$1, %cl
	jz	1f
	sub	$8, %rsp
1:	push	40(%rax, %rcx, 8) /* args[5 + rcx] down to args[6] */
	dec	%rcx
	jnz	1b
2:	/* fewer than six: the words behind args are not ours to read, so copy
	   what there is to a place with six words */
	cmp	$6, %rdx
	jae	3f
	sub	$48, %rsp
	xor	%ecx, %ecx
4:	cmp	%rdx, %rcx
	jae	5f
	mov	(%rax, %rcx, 8), %r10
	mov	%r10, (%rsp, %rcx, 8)
	inc	%rcx
	jmp	4b
5:	mov	%rsp, %rax
3:	mov	0(%rax), %rdi
	mov	8(%rax), %rsi
	mov	16(%rax), %rdx
	mov	24(%rax), %rcx
	mov	32(%rax), %r8
	mov	40(%rax), %r9
	CROSS
	leave
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_restore_state
	CROSS_SLOWLY
END cross_call_stack

/*
 * Helpers with a calling convention of their own.
 *
 * cross_prepare: this thread cannot cross without a write of FS, or has no
 * donor yet.  Afterwards it is inside either way.  Keeps the arguments and R11,
 * the function; any alignment.
 */
FUNCTION cross_prepare
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movb	$0, %gs:CTX_INSIDE
	mov	%gs:CTX_SELF, %r10
	cmpq	$0, CTX_LOWER_FS(%r10)
	jne	1f
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%r8
	push	%r9
	push	%r11
	and	$-16, %rsp
	mov	%r10, %rdi
	call	donor_must_lend
	mov	-8(%rbp), %rdi
	mov	-16(%rbp), %rsi
	mov	-24(%rbp), %rdx
	mov	-32(%rbp), %rcx
	mov	-40(%rbp), %r8
	mov	-48(%rbp), %r9
	mov	-56(%rbp), %r11
1:	/* GS is another if a donor was lent just now, here or in a handler */
	movb	$1, %gs:CTX_INSIDE
	cmpb	$0, %gs:CTX_READY
	jne	2f
	movb	$0, %gs:CTX_INSIDE
	mov	%gs:CTX_SELF, %r10
	mov	CTX_LOWER_FS(%r10), %r10
	call	fs_write
2:	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
END cross_prepare

/* fs_upper: FS = the program's.  fs_write: FS = R10.  Keep everything else but
 * R10. */
FUNCTION fs_upper
	mov	%gs:CTX_SELF, %r10
	mov	CTX_UPPER_FS(%r10), %r10
	jmp	fs_write
END fs_upper

FUNCTION fs_write
	cmpb	$0, cross_fsgsbase(%rip)
	je	fs_write_slow
	wrfsbase %r10
	ret
END fs_write

/* fs_write_slow: FS = R10 where FSGSBASE is missing.  Keeps everything. */
FUNCTION fs_write_slow
	push	%rax
	.cfi_adjust_cfa_offset 8
	push	%rdi
	.cfi_adjust_cfa_offset 8
	push	%rsi
	.cfi_adjust_cfa_offset 8
	push	%rcx
	.cfi_adjust_cfa_offset 8
	push	%r11
	.cfi_adjust_cfa_offset 8
	mov	$__NR_arch_prctl, %eax
	mov	$ARCH_SET_FS, %edi
	mov	%r10, %rsi
	syscall
	pop	%r11
	.cfi_adjust_cfa_offset -8
	pop	%rcx
	.cfi_adjust_cfa_offset -8
	pop	%rsi
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	pop	%rax
	.cfi_adjust_cfa_offset -8
	ret
END fs_write_slow

/*
 * The other way: a thunk of lower_callback comes here from the lower half with
 * RAX = the program's function and R10 = its closure.  Only threads of the
 * program can go up.  One that the library made has a GS that leads to no
 * context, or its maker's (that of the lower half's first thread, too); then
 * its FS is neither the context's own nor that of the donor.
 */
FUNCTION callback_entry
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	push	%rbx
	.cfi_offset %rbx, -24
	mov	%gs:CTX_SELF, %rbx
	test	%rbx, %rbx
	jz	6f
	mov	%fs:0, %r11
	cmpb	$0, %gs:CTX_INSIDE
	je	1f
	cmp	%r11, CTX_UPPER_FS(%rbx)
	je	2f
1:	cmp	%r11, CTX_LOWER_FS(%rbx)
	jne	6f
2:	push	CTX_CLOSURE(%rbx)
	mov	%r10, CTX_CLOSURE(%rbx)
	movb	$0, %gs:CTX_INSIDE
	cmpb	$0, %gs:CTX_READY
	jne	3f
	call	fs_upper
3:	mov	%rax, %r11
	xor	%eax, %eax
	call	*%r11
	pop	CTX_CLOSURE(%rbx)
	movb	$1, %gs:CTX_INSIDE
	cmpb	$0, %gs:CTX_READY
	je	5f
4:	mov	-8(%rbp), %rbx
	leave
	.cfi_remember_state
	.cfi_restore %rbx
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_restore_state
5:	movb	$0, %gs:CTX_INSIDE
	mov	CTX_LOWER_FS(%rbx), %r10
	call	fs_write
	jmp	4b
6:	and	$-16, %rsp
	call	callback_on_stranger
	hlt
END callback_entry

/*
 * guest_clone(flags, stack, entry, gs): a kernel thread for the guest, which
 * starts at `entry` as if exec had started it.  Gives the thread's number or
 * -Exxx.  The new thread's FS is cleared, so that code that should not use TLS
 * yet fails instead of writing into the program's.
 */
FUNCTION guest_clone
	mov	%rdx, %r8
	mov	%rcx, %r9
	mov	$__NR_clone, %eax
	xor	%edx, %edx
	xor	%r10d, %r10d
	syscall
	test	%eax, %eax
	jz	1f
	ret
1:	.cfi_undefined rip
	mov	$__NR_arch_prctl, %eax
	mov	$ARCH_SET_GS, %edi
	mov	%r9, %rsi
	syscall
	mov	$__NR_arch_prctl, %eax
	mov	$ARCH_SET_FS, %edi
	xor	%esi, %esi
	syscall
	xor	%ebp, %ebp
	xor	%edx, %edx	/* no function for atexit */
	jmp	*%r8
END guest_clone

	.section .note.GNU-stack, "", @progbits
