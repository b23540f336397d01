/* SPDX-License-Identifier: BSD-3-Clause */
/* address.h - "host:port" to sockets */
#ifndef CAIRN_NET_ADDRESS_H
#define CAIRN_NET_ADDRESS_H

#include <stdint.h>

#include "runtime/base/err.h"

/*
 * address_connect - a connected, non-blocking, close-on-exec TCP socket, within
 * the time that is left until deadline (CLOCK_MONOTONIC, ms)
 *
 * addresses is "host:port" or "[v6]:port", or several with commas between: all
 * are tried at once, and of those that answer together the first wins.  tried,
 * if not NULL, has a bit for each that is left out (the first 64); the winner's
 * is set.
 */
int address_connect(const char *addresses, int64_t deadline_ms, uint64_t *tried,
		    int *fd, struct err *err) must_check;
/* How long sent bytes may stay unacknowledged before the connection is lost
 * (-ETIMEDOUT): a link was cut, or a machine is gone.  A process that is merely
 * stopped keeps its connections. */
#define NET_UNACKNOWLEDGED_MS 15000

/* address_tune - the options of every connection of ours. */
void address_tune(int fd);
int64_t clock_ms(void); /* CLOCK_MONOTONIC */

#endif
