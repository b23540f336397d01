/* SPDX-License-Identifier: BSD-3-Clause */
/* tls.h - lead the guest's TLS accesses from FS to GS */
#ifndef CAIRN_LOWER_TLS_H
#define CAIRN_LOWER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * tls_text - rewrite code that has just been mapped and that nobody runs yet
 *
 * start is where `offset` of fd is mapped, executable, with prot, which it gets
 * again.  true: no instruction of it reaches TLS by FS any more, but for the
 * stack protector's.  false: this could not be shown, and some still may; the
 * others are rewritten.  No TLS, no libc.
 */
bool tls_text(uintptr_t start, size_t size, int prot, int fd, uint64_t offset);

/* tls_next - the next byte at or behind i that may be, or belong to, an
 * instruction that uses FS other than for the stack protector; or size.  For
 * tests, too. */
size_t tls_next(const uint8_t *code, size_t size, size_t i);

#endif
