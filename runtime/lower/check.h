/* SPDX-License-Identifier: BSD-3-Clause */
/* check.h - did the guest stay inside? */
#ifndef CAIRN_LOWER_CHECK_H
#define CAIRN_LOWER_CHECK_H

#include "runtime/base/err.h"

/*
 * check_before notes the process's mappings and signal actions, check_after
 * compares: 0, or -ENOTSUP with a sentence that names what leaked.  Mappings
 * are compared only while the process has no other threads that might map
 * something themselves.
 */
int check_before(struct err *err) must_check;
int check_after(struct err *err) must_check;

#endif
