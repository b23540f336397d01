/* SPDX-License-Identifier: BSD-3-Clause */
/* loop.c - the agent's event loop: descriptors and timers, one thread */
#include "runtime/agent/loop.h"

#include "runtime/base/fmt.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int loop_init(struct loop *loop, struct err *err)
{
	loop->done = false;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0)
		return err_set(err, -errno, "epoll_create: %s",
			       fmt_error(errno));
	return 0;
}

void loop_fini(struct loop *loop)
{
	if (loop->epfd >= 0)
		close(loop->epfd);
	loop->epfd = -1;
}

int loop_run(struct loop *loop, struct err *err)
{
	while (!loop->done) {
		struct epoll_event event;
		/* One event at a time: a callback may free any source, so no
		 * second one may be in our hands.  The kernel takes turns. */
		int n = epoll_wait(loop->epfd, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "epoll_wait: %s",
				       fmt_error(errno));
		if (n == 1) {
			struct source *source = event.data.ptr;

			source->cb(source, event.events);
		}
	}
	return 0;
}

int source_open(struct loop *loop, struct source *source, int fd,
		uint32_t events, void (*cb)(struct source *, uint32_t),
		void *arg)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	source->fd = -1;
	source->cb = cb;
	source->arg = arg;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	source->fd = fd;
	return 0;
}

int source_events(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(loop->epfd, EPOLL_CTL_MOD, source->fd, &event))
		return -errno;
	return 0;
}

void source_close(struct loop *loop, struct source *source)
{
	if (source->fd >= 0)
		epoll_ctl(loop->epfd, EPOLL_CTL_DEL, source->fd, NULL);
	source->fd = -1;
}

static void timer_source_cb(struct source *source, uint32_t events)
{
	struct timer *timer = source->arg;
	uint64_t expirations;

	(void)events;
	/* Disarmed after it fired, before we came here: nothing to read. */
	if (read(source->fd, &expirations, sizeof(expirations)) ==
	    sizeof(expirations))
		timer->cb(timer);
}

int timer_open(struct loop *loop, struct timer *timer,
	       void (*cb)(struct timer *), void *arg)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int ret;

	timer->source.fd = -1;
	timer->cb = cb;
	timer->arg = arg;
	if (fd < 0)
		return -errno;
	ret = source_open(loop, &timer->source, fd, EPOLLIN, timer_source_cb,
			  timer);
	if (ret)
		close(fd);
	return ret;
}

void timer_set(struct timer *timer, unsigned int ms)
{
	struct itimerspec spec = {
		.it_value = { .tv_sec = ms / 1000,
			      .tv_nsec = (long)(ms % 1000) * 1000000 },
	};

	timerfd_settime(timer->source.fd, 0, &spec, NULL);
}

void timer_close(struct loop *loop, struct timer *timer)
{
	int fd = timer->source.fd;

	if (fd < 0)
		return;
	source_close(loop, &timer->source);
	close(fd);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
