/* SPDX-License-Identifier: BSD-3-Clause */
/* switch.S - save and load a thread's registers, change stacks */

	.text

/* int context_save(struct thread_regs *regs): see thread.h for the layout */
	.globl	context_save
	.hidden	context_save
	.type	context_save, @function
context_save:
	.cfi_startproc
	endbr64
	movq	%rbx, 0(%rdi)
	movq	%rbp, 8(%rdi)
	movq	%r12, 16(%rdi)
	movq	%r13, 24(%rdi)
	movq	%r14, 32(%rdi)
	movq	%r15, 40(%rdi)
	leaq	8(%rsp), %rax		/* as it is after our return */
	movq	%rax, 48(%rdi)
	movq	(%rsp), %rax
	movq	%rax, 56(%rdi)
	stmxcsr	64(%rdi)
	fnstcw	68(%rdi)
	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	context_save, .-context_save

/* void context_jump(const struct thread_regs *regs) */
	.globl	context_jump
	.hidden	context_jump
	.type	context_jump, @function
context_jump:
	.cfi_startproc
	endbr64
	ldmxcsr	64(%rdi)
	fldcw	68(%rdi)
	movq	0(%rdi), %rbx
	movq	8(%rdi), %rbp
	movq	16(%rdi), %r12
	movq	24(%rdi), %r13
	movq	32(%rdi), %r14
	movq	40(%rdi), %r15
	movq	48(%rdi), %rsp
	movq	56(%rdi), %rdx
	movl	$1, %eax
	jmp	*%rdx
	.cfi_endproc
	.size	context_jump, .-context_jump

/* void stack_call(void (*fn)(void *), void *arg, void *top) */
	.globl	stack_call
	.hidden	stack_call
	.type	stack_call, @function
stack_call:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	andq	$-16, %rdx
	movq	%rdx, %rsp
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	stack_call, .-stack_call

/* int thread_clone(unsigned long flags, void *stack, void *tid_address,
 *		    uint64_t tls, void (*fn)(void *), void *arg)
 * A kernel thread that calls fn(arg) on the stack; fn never returns. */
	.globl	thread_clone
	.hidden	thread_clone
	.type	thread_clone, @function
thread_clone:
	.cfi_startproc
	endbr64
	andq	$-16, %rsi
	movq	%r8, -16(%rsi)
	movq	%r9, -8(%rsi)
	subq	$16, %rsi
	movq	%rcx, %r8		/* tls */
	movq	%rdx, %r10		/* child_tid */
	xorl	%edx, %edx
	movl	$56, %eax		/* clone */
	syscall
	testq	%rax, %rax
	jz	1f
	ret
1:	.cfi_undefined %rip
	xorl	%ebp, %ebp
	popq	%rax
	popq	%rdi
	call	*%rax
	hlt
	.cfi_endproc
	.size	thread_clone, .-thread_clone

/* The address the kernel returns to after a handler.  Debuggers and unwinders
 * know it by these very bytes. */
	.globl	signal_return
	.hidden	signal_return
	.type	signal_return, @function
	.balign	16
	nop
signal_return:
	movq	$15, %rax
	syscall
	.size	signal_return, .-signal_return

	.section .note.GNU-stack, "", @progbits
