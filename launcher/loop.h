/* SPDX-License-Identifier: BSD-3-Clause */
/* loop.h - wait for descriptors and times, one event after another */
#ifndef CAIRN_LAUNCHER_LOOP_H
#define CAIRN_LAUNCHER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* Embedded in its owner; zero it before its first use. */
struct watch {
	int fd;
	uint32_t events; /* EPOLLIN ... */
	void (*cb)(struct watch *w, uint32_t events);
	void *arg;
};

struct timer {
	struct timer *next; /* in the loop's list while armed */
	int64_t due_ms;
	bool armed;
	void (*cb)(struct timer *t);
	void *arg;
};

struct loop {
	int epfd;
	struct timer *timers; /* by due_ms */
	bool stopped;
};

int loop_init(struct loop *loop, struct err *err) must_check;
void loop_fini(struct loop *loop);
int loop_watch(struct loop *loop, struct watch *w, int fd, uint32_t events,
	       struct err *err) must_check;
void loop_change(struct loop *loop, struct watch *w, uint32_t events);
/* loop_unwatch - before the descriptor is closed.  Also for a zeroed watch. */
void loop_unwatch(struct loop *loop, struct watch *w);
/* loop_timer - call t->cb once, ms from now (>= 0); replaces an earlier time.
 */
void loop_timer(struct loop *loop, struct timer *t, int64_t ms);
void loop_untimer(struct loop *loop, struct timer *t);
/* loop_run - until loop_stop. */
int loop_run(struct loop *loop, struct err *err) must_check;
void loop_stop(struct loop *loop);

#endif
