/* SPDX-License-Identifier: BSD-3-Clause */
/* loop.c - wait for descriptors and times, one event after another */
#include "launcher/loop.h"

#include "runtime/net/address.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

int loop_init(struct loop *loop, struct err *err)
{
	memset(loop, 0, sizeof(*loop));
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0)
		return err_set(err, -errno, "cannot make an epoll: %s",
			       strerror(errno));
	return 0;
}

void loop_fini(struct loop *loop)
{
	if (loop->epfd >= 0)
		close(loop->epfd);
	loop->epfd = -1;
}

int loop_watch(struct loop *loop, struct watch *w, int fd, uint32_t events,
	       struct err *err)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev))
		return err_set(err, -errno, "cannot watch a descriptor: %s",
			       strerror(errno));
	w->fd = fd;
	w->events = events;
	return 0;
}

void loop_change(struct loop *loop, struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (w->events == events)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_MOD, w->fd, &ev);
	w->events = events;
}

void loop_unwatch(struct loop *loop, struct watch *w)
{
	if (w->events)
		epoll_ctl(loop->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	w->events = 0;
}

void loop_untimer(struct loop *loop, struct timer *t)
{
	struct timer **p;

	if (!t->armed)
		return;
	for (p = &loop->timers; *p != t; p = &(*p)->next)
		;
	*p = t->next;
	t->armed = false;
}

void loop_timer(struct loop *loop, struct timer *t, int64_t ms)
{
	struct timer **p;

	loop_untimer(loop, t);
	t->due_ms = clock_ms() + ms;
	for (p = &loop->timers; *p && (*p)->due_ms <= t->due_ms;
	     p = &(*p)->next)
		;
	t->next = *p;
	*p = t;
	t->armed = true;
}

static void run_timers(struct loop *loop)
{
	while (loop->timers && !loop->stopped &&
	       loop->timers->due_ms <= clock_ms()) {
		struct timer *t = loop->timers;

		loop_untimer(loop, t);
		t->cb(t);
	}
}

static int next_ms(const struct loop *loop)
{
	int64_t ms;

	if (!loop->timers)
		return -1;
	ms = loop->timers->due_ms - clock_ms();
	return ms < 0 ? 0 : ms > 3600000 ? 3600000 : (int)ms;
}

int loop_run(struct loop *loop, struct err *err)
{
	loop->stopped = false;
	while (!loop->stopped) {
		struct epoll_event ev;
		/* One event a round: what a callback frees cannot be in a
		 * batch that was fetched before. */
		int n = epoll_wait(loop->epfd, &ev, 1, next_ms(loop));

		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "epoll_wait: %s",
				       strerror(errno));
		if (n == 1) {
			struct watch *w = ev.data.ptr;

			w->cb(w, ev.events);
		}
		run_timers(loop);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
