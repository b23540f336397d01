/* SPDX-License-Identifier: BSD-3-Clause */
/* loop.h - the agent's event loop: descriptors and timers, one thread */
#ifndef CAIRN_AGENT_LOOP_H
#define CAIRN_AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct loop {
	int epfd;
	bool done; /* set by a callback: loop_run returns */
};

/* One descriptor that is watched.  The owner keeps it in its own struct; it may
 * be removed and freed in any callback, its own included. */
struct source {
	int fd; /* -1: not watched */
	void (*cb)(struct source *source, uint32_t events);
	void *arg;
};

/* A one-shot timer on CLOCK_MONOTONIC. */
struct timer {
	struct source source;
	void (*cb)(struct timer *timer);
	void *arg;
};

int loop_init(struct loop *loop, struct err *err) must_check;
void loop_fini(struct loop *loop);
/* loop_run - handle events until a callback sets loop->done. */
int loop_run(struct loop *loop, struct err *err) must_check;

/* source_open - watch fd (EPOLLIN, ...); the descriptor stays the caller's. */
int source_open(struct loop *loop, struct source *source, int fd,
		uint32_t events, void (*cb)(struct source *, uint32_t),
		void *arg) must_check;
int source_events(struct loop *loop, struct source *source,
		  uint32_t events) must_check;
void source_close(struct loop *loop, struct source *source);

int timer_open(struct loop *loop, struct timer *timer,
	       void (*cb)(struct timer *), void *arg) must_check;
/* timer_set - fire once in ms milliseconds; 0: not at all. */
void timer_set(struct timer *timer, unsigned int ms);
void timer_close(struct loop *loop, struct timer *timer);

uint64_t now_ns(void); /* CLOCK_MONOTONIC */

#endif
