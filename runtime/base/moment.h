/* SPDX-License-Identifier: BSD-3-Clause */
/* moment.h - places where a test may do harm while a process stands still */
#ifndef CAIRN_BASE_MOMENT_H
#define CAIRN_BASE_MOMENT_H

/*
 * moment - say that this process has come to that place, and wait
 *
 * Only with CAIRN_MOMENTS=/a/unix/socket in the environment, which tests set
 * (tests/soak); else it costs one getenv.  Whoever listens there is told
 * "PLACE PID NODE OBJECT" (object: a file, say, or "-") and may kill, cut or
 * freeze what it likes; the process goes on when the connection is closed, at
 * the latest after 20 s.
 */
void moment(const char *place, const char *object);

#endif
