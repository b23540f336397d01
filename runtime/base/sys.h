/* SPDX-License-Identifier: BSD-3-Clause */
/* sys.h - raw system calls that touch no errno and no TLS */
#ifndef CAIRN_BASE_SYS_H
#define CAIRN_BASE_SYS_H

#include <stdint.h>
#include <sys/syscall.h>

/*
 * sys_call - one system call with up to six arguments
 *
 * Gives what the kernel gives: a result or -Exxx.  Safe anywhere: in signal
 * handlers, before TLS exists, with the FS register of the other half.
 */
static inline long sys_call6(long nr, long a, long b, long c, long d, long e,
			     long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* clang-format off */
#define SYS_PICK_(_0, _1, _2, _3, _4, _5, _6, name, ...) name
#define sys_call(...) \
	SYS_PICK_(__VA_ARGS__, sys_6_, sys_5_, sys_4_, sys_3_, sys_2_, \
		  sys_1_, sys_0_, 0)(__VA_ARGS__)
#define sys_0_(nr)			sys_call6(nr, 0, 0, 0, 0, 0, 0)
#define sys_1_(nr, a)			sys_call6(nr, (long)(a), 0, 0, 0, 0, 0)
#define sys_2_(nr, a, b)		sys_call6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys_3_(nr, a, b, c)		sys_call6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys_4_(nr, a, b, c, d)		sys_call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys_5_(nr, a, b, c, d, e)	sys_call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys_6_(nr, a, b, c, d, e, f)	sys_call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* clang-format on */

/* sys_is_error - is this result of sys_call one of -1 ... -4095? */
static inline int sys_is_error(long result)
{
	return (unsigned long)result > -4096UL;
}

#endif
