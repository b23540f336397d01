/* SPDX-License-Identifier: BSD-3-Clause */
/* flush.c - this node's images go from the burst buffer to the folder */
#include "runtime/agent/flush.h"

#include "runtime/agent/agent.h"
#include "runtime/agent/buffer.h"
#include "runtime/agent/fault.h"
#include "runtime/agent/task.h"
#include "runtime/base/log.h"
#include "storage/copy.h"
#include "storage/manifest.h"
#include "storage/tier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * DESIGN
 *
 * Two threads, each when there is something to do: one copies, one removes, as
 * a throttled copy must not keep the buffer full.  Each has one order at a time
 * and the next one waiting; a newer order replaces the one that waits: of
 * flushes only the newest epoch matters, and of sweeps the last is the
 * strictest.  Results are told by the loop's thread.
 */
struct order {
	struct task task;
	json_t *now, *next; /* messages */
	int code;
	struct err err;
};

struct flush {
	struct agent *agent;
	struct order copy, sweep;
	struct copy_control control; /* of copy.now */
};

static uint32_t epoch_of(const json_t *message)
{
	return (uint32_t)json_integer_value(json_object_get(message, "epoch"));
}

static uint64_t rate_of(const json_t *message)
{
	json_int_t rate = json_integer_value(json_object_get(message, "rate"));

	return rate > 0 ? (uint64_t)rate : 0;
}

/* --- copying ----------------------------------------------------------------
 */

static void copy_run(void *arg)
{
	struct flush *f = arg;
	struct order *o = &f->copy;
	uint32_t epoch = epoch_of(o->now);
	const json_t *image;
	int dirfd;
	size_t i;

	fault_point(FAULT_FLUSH);
	o->code = epoch_folder(f->agent->dir, epoch, 0, &dirfd, &o->err);
	if (o->code)
		return;
	json_array_foreach(json_object_get(o->now, "images"), i, image)
	{
		o->code = copy_image(tier_fast(image), epoch, image, dirfd,
				     &f->control, &o->err);
		if (o->code)
			break;
	}
	close(dirfd);
	if (!o->code)
		fault_point(FAULT_FLUSHED);
}

static void copy_start(struct flush *f, json_t *message);

static void copy_done(void *arg)
{
	struct flush *f = arg;
	struct order *o = &f->copy;
	json_t *next = o->next;

	link_send(f->agent,
		  json_pack("{s:s, s:I, s:b, s:s}", "type", "flushed", "epoch",
			    (json_int_t)epoch_of(o->now), "ok", !o->code,
			    "text", o->code ? o->err.text : ""));
	copy_control_fini(&f->control);
	json_decref(o->now);
	o->now = o->next = NULL;
	if (next)
		copy_start(f, next);
}

/* Takes the reference. */
static void copy_start(struct flush *f, json_t *message)
{
	struct order *o = &f->copy;
	struct err err;
	int ret;

	o->now = message;
	copy_control_init(&f->control, rate_of(message));
	/* Once it runs, code and err are the thread's. */
	ret = task_start(&o->task, &f->agent->loop, copy_run, copy_done, f,
			 &err);
	if (!ret)
		return;
	o->code = ret;
	o->err = err;
	copy_done(f);
}

static void copy_came(struct flush *f, json_t *message)
{
	struct order *o = &f->copy;

	if (!o->task.running) {
		copy_start(f, json_incref(message));
	} else if (epoch_of(o->now) == epoch_of(message)) {
		copy_rate(&f->control, rate_of(message));
	} else {
		copy_cancel(&f->control);
		json_decref(o->next);
		o->next = json_incref(message);
	}
}

/* --- removing ---------------------------------------------------------------
 */

static void sweep_run(void *arg)
{
	struct flush *f = arg;
	struct order *o = &f->sweep;
	const json_t *keep = json_object_get(o->now, "keep"), *one;
	uint32_t before = (uint32_t)json_integer_value(
		json_object_get(o->now, "before"));
	size_t n = json_array_size(keep), i;
	uint32_t *list = calloc(n + 1, sizeof(*list));

	o->code = 0;
	if (!list) {
		o->code = err_set(&o->err, -ENOMEM, "no memory");
		return;
	}
	json_array_foreach(keep, i, one)
		list[i] = (uint32_t)json_integer_value(one);
	json_array_foreach(json_object_get(o->now, "paths"), i, one)
	{
		int ret = tier_sweep(json_string_value(one), list, n, before,
				     &o->err);

		if (ret)
			o->code = ret;
	}
	free(list);
}

static void sweep_start(struct flush *f, json_t *message);

static void sweep_done(void *arg)
{
	struct flush *f = arg;
	struct order *o = &f->sweep;
	json_t *next = o->next;

	if (o->code)
		log_warn("node %s: cannot remove old epochs from the burst "
			 "buffer: %s",
			 f->agent->node, o->err.text);
	link_send(f->agent, json_pack("{s:s}", "type", "swept"));
	json_decref(o->now);
	o->now = o->next = NULL;
	if (next)
		sweep_start(f, next);
}

/* Takes the reference. */
static void sweep_start(struct flush *f, json_t *message)
{
	const char *own = buffer_folder(f->agent->buffer);
	struct order *o = &f->sweep;
	struct err err;
	int ret;

	o->now = message;
	if (own)
		json_array_append_new(json_object_get(message, "paths"),
				      json_string(own));
	ret = task_start(&o->task, &f->agent->loop, sweep_run, sweep_done, f,
			 &err);
	if (!ret)
		return;
	o->code = ret;
	o->err = err;
	sweep_done(f);
}

static void sweep_came(struct flush *f, const json_t *message)
{
	struct order *o = &f->sweep;
	json_t *copy = json_deep_copy(message);

	if (!copy)
		return;
	if (!o->task.running) {
		sweep_start(f, copy);
		return;
	}
	json_decref(o->next);
	o->next = copy;
}

/* --- life
 * ---------------------------------------------------------------------
 */

void flush_message(struct flush *f, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));

	if (!strcmp(type, "flush"))
		copy_came(f, (json_t *)message);
	else
		sweep_came(f, message);
}

int flush_create(struct agent *agent, struct flush **flush, struct err *err)
{
	struct flush *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(err, -ENOMEM, "the agent has no memory left");
	f->agent = agent;
	*flush = f;
	return 0;
}

static void order_end(struct order *o)
{
	task_wait(&o->task);
	json_decref(o->now);
	json_decref(o->next);
}

void flush_destroy(struct flush *f)
{
	if (!f)
		return;
	if (f->copy.task.running) {
		copy_cancel(&f->control);
		task_wait(&f->copy.task);
		copy_control_fini(&f->control);
	}
	order_end(&f->copy);
	order_end(&f->sweep);
	free(f);
}
