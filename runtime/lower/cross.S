/* SPDX-License-Identifier: BSD-3-Clause */
/* cross.S - call into the lower half and come back */
#include <asm/prctl.h>
#include <asm/unistd.h>

#include "runtime/base/ctx.h"

/*
 * Between the two writes of the FS base nothing here reads TLS.  A signal may
 * come at any instruction: its handler looks at FS, which always tells the
 * truth.  RAX is zeroed before the call, as the ABI wants it for a callee with
 * variable arguments (MPI_Pcontrol) that gets none in vector registers.
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

/* Puts the program's FS back; keeps RAX, RDX and XMM0 (the results). */
.macro FS_UPPER slow
	cmpb	$0, cross_fsgsbase(%rip)
	je	\slow
	mov	%gs:CTX_UPPER_FS, %r11
	wrfsbase %r11
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
	mov	%gs:CTX_LOWER_FS, %r10
	test	%r10, %r10
	jz	3f
5:	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	cmpb	$0, cross_fsgsbase(%rip)
	je	2f
	wrfsbase %r10
1:	xor	%eax, %eax
	call	*%r11
	FS_UPPER 4f
	add	$8, %rsp
	.cfi_remember_state
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_restore_state

2:	call	fs_write_slow
	jmp	1b
4:	call	fs_upper_slow
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret

3:	call	cross_borrow
	jmp	5b
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
	mov	%gs:CTX_LOWER_FS, %r10
	test	%r10, %r10
	jz	3f
5:	pushq	16(%rsp)	/* the seventh; and the stack is aligned */
	.cfi_adjust_cfa_offset 8
	cmpb	$0, cross_fsgsbase(%rip)
	je	2f
	wrfsbase %r10
1:	xor	%eax, %eax
	call	*%r11
	FS_UPPER 4f
	add	$8, %rsp
	.cfi_remember_state
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_restore_state

2:	call	fs_write_slow
	jmp	1b
4:	call	fs_upper_slow
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret

3:	call	cross_borrow
	jmp	5b
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
	mov	%gs:CTX_LOWER_FS, %r10
	test	%r10, %r10
	jnz	6f
	call	cross_borrow
6:	cmpb	$0, cross_fsgsbase(%rip)
	je	8f
	wrfsbase %r10
7:	xor	%eax, %eax
	call	*%r11
	FS_UPPER 9f
	leave
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_restore_state
8:	call	fs_write_slow
	jmp	7b
9:	call	fs_upper_slow
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
END cross_call_stack

/*
 * Helpers with a calling convention of their own.
 *
 * cross_borrow: this thread has no donor yet; get one in the upper half, and
 * its FS in R10.  Keeps the arguments and R11, the function.  Any alignment.
 */
FUNCTION cross_borrow
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%r8
	push	%r9
	push	%r11
	and	$-16, %rsp
	mov	%gs:CTX_SELF, %rdi
	call	donor_must_lend
	mov	%rax, %r10
	mov	-8(%rbp), %rdi
	mov	-16(%rbp), %rsi
	mov	-24(%rbp), %rdx
	mov	-32(%rbp), %rcx
	mov	-40(%rbp), %r8
	mov	-48(%rbp), %r9
	mov	-56(%rbp), %r11
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
END cross_borrow

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

/* fs_upper_slow: FS = the program's. */
FUNCTION fs_upper_slow
	mov	%gs:CTX_UPPER_FS, %r10
	jmp	fs_write_slow
END fs_upper_slow

/*
 * The other way: a thunk of lower_callback comes here from the lower half with
 * RAX = the program's function and R10 = its closure.  Only threads of the
 * program can go up: one whose FS is not its context's donor's was made by the
 * library, and its GS is inherited (or marks the lower half's own).
 */
FUNCTION callback_entry
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	mov	%fs:0, %r11
	cmp	%r11, %gs:CTX_LOWER_FS
	jne	3f
	push	%gs:CTX_CLOSURE
	sub	$8, %rsp
	mov	%r10, %gs:CTX_CLOSURE
	cmpb	$0, cross_fsgsbase(%rip)
	je	1f
	mov	%gs:CTX_UPPER_FS, %r11
	wrfsbase %r11
	jmp	2f
1:	call	fs_upper_slow
2:	mov	%rax, %r11
	xor	%eax, %eax
	call	*%r11
	add	$8, %rsp
	pop	%gs:CTX_CLOSURE
	/* the donor may be another by now */
	mov	%gs:CTX_LOWER_FS, %r10
	cmpb	$0, cross_fsgsbase(%rip)
	je	4f
	wrfsbase %r10
	leave
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_restore_state
4:	call	fs_write_slow
	leave
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_restore_state
3:	and	$-16, %rsp
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
