/* SPDX-License-Identifier: BSD-3-Clause */
/* flush.c - epochs go from the burst buffers to the checkpoint folder */
#include "launcher/flush.h"

#include "launcher/session.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/moment.h"
#include "runtime/net/address.h"
#include "storage/catalog.h"
#include "storage/manifest.h"
#include "storage/retention.h"
#include "storage/tier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_MS 30000 /* how long the end waits for buffers to be emptied */

static void flush_next(struct flush *f);

static uint32_t epoch_of(const json_t *manifest)
{
	return (uint32_t)json_integer_value(json_object_get(manifest, "epoch"));
}

uint32_t flush_busy_epoch(const struct flush *f)
{
	return f->epoch;
}

/* --- what the buffers need not hold -----------------------------------------
 */

static void add_path(json_t *paths, const char *path)
{
	const json_t *one;
	size_t i;

	json_array_foreach(paths, i, one)
	{
		if (!strcmp(json_string_value(one), path))
			return;
	}
	json_array_append_new(paths, json_string(path));
}

static void add_paths(json_t *paths, const json_t *manifest)
{
	const json_t *image;
	size_t i;

	json_array_foreach(json_object_get(manifest, "images"), i, image)
	{
		const json_t *copy;
		size_t k;

		if (tier_fast(image))
			add_path(paths, tier_fast(image));
		json_array_foreach(json_object_get(image, "copies"), k, copy)
			add_path(paths, tier_fast(copy));
	}
}

/* Images in a buffer lie beside those that they refer to. */
static void add_sources(json_t *list, const json_t *manifest)
{
	const json_t *image, *source;
	size_t i, k;

	json_array_foreach(json_object_get(manifest, "images"), i, image)
		json_array_foreach(json_object_get(image, "sources"), k, source)
			json_array_append(list,
					  json_object_get(source, "epoch"));
}

/* Kept are the newest --keep epochs, those that lie nowhere else, and what
 * these need. */
static json_t *sweep_message(const struct flush *f, bool all)
{
	size_t keep = f->session->options->kept.keep;
	json_t *list = json_array(), *paths = json_array();
	struct catalog catalog;
	struct err err;

	if (catalog_load(f->session->job->dir, &catalog, &err))
		memset(&catalog, 0, sizeof(catalog));
	for (size_t i = 0; i < catalog.n; i++) {
		const struct epoch_entry *e = &catalog.epochs[i];

		add_paths(paths, e->manifest);
		if (!all && (i + keep >= catalog.n || e->epoch == f->epoch ||
			     tier_is_fast(e->manifest))) {
			json_array_append_new(list, json_integer(e->epoch));
			add_sources(list, e->manifest);
		}
	}
	catalog_fini(&catalog);
	return json_pack("{s:s, s:o, s:o, s:I}", "type", "sweep", "keep", list,
			 "paths", paths, "before",
			 (json_int_t)(all ? UINT32_MAX :
					    f->session->committed));
}

/* Has this job anything to do with burst buffers? */
static bool has_buffers(const struct flush *f, const json_t *sweep)
{
	return f->session->options->burst_buffer ||
	       json_array_size(json_object_get(sweep, "paths"));
}

void flush_sweep(struct flush *f)
{
	json_t *message = sweep_message(f, false);

	if (has_buffers(f, message) && f->session->committed)
		nodes_say(&f->session->nodes, json_incref(message));
	json_decref(message);
}

/* --- one flush ---------------------------------------------------------------
 */

static const char *node_of(const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "node"));

	return name ? name : "";
}

static bool is_there(const struct flush *f, const char *node)
{
	const struct nodes *nodes = &f->session->nodes;

	for (size_t i = 0; i < nodes->n; i++)
		if (nodes->v[i].peer && !strcmp(nodes->v[i].name, node))
			return true;
	return false;
}

/* The copy of this image that the node has; NULL: none, or none is needed, as
 * its own node is there. */
static const json_t *copy_needed(const struct flush *f, const json_t *image,
				 const char *node)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(image, "copies"), i, one)
	{
		if (!strcmp(node_of(one), node))
			return is_there(f, node_of(image)) ? NULL : one;
	}
	return NULL;
}

/* This node's part of the images. */
static json_t *images_of(const struct flush *f, const char *node)
{
	json_t *list = json_array(), *image;
	size_t i;

	json_array_foreach(json_object_get(f->manifest, "images"), i, image)
	{
		const json_t *copy = copy_needed(f, image, node);

		if (!tier_fast(image))
			continue;
		if (!strcmp(node_of(image), node))
			json_array_append(list, image);
		else if (copy)
			json_array_append_new(list,
					      tier_copy_as(image,
							   tier_fast(copy)));
	}
	return list;
}

static void ask_agent(struct flush *f, size_t agent, const json_t *images)
{
	struct session *s = f->session;

	nodes_send(&s->nodes, agent,
		   json_pack("{s:s, s:I, s:I, s:O}", "type", "flush", "epoch",
			     (json_int_t)f->epoch, "rate",
			     (json_int_t)(f->urgent ? 0 :
						      s->options->flush_rate),
			     "images", images));
}

/* A node that is not there cannot copy its image. */
static void miss_images(struct flush *f, size_t found)
{
	const json_t *image;
	size_t i, all = 0;

	json_array_foreach(json_object_get(f->manifest, "images"), i, image)
		all += tier_fast(image) != NULL;
	if (found == all)
		return;
	f->failed = true;
	err_set(&f->why, -EREMOTE,
		"%zu of its images lie on nodes that are not in the job",
		all - found);
}

static void ask_agents(struct flush *f)
{
	struct session *s = f->session;
	size_t found = 0;

	free(f->awaited);
	f->awaited = calloc(s->nodes.n + 1, sizeof(*f->awaited));
	if (!f->awaited)
		abort(); /* a few bytes */
	f->nawaited = 0;
	for (size_t i = 0; i < s->nodes.n; i++) {
		json_t *images = images_of(f, s->nodes.v[i].name);

		if (s->nodes.v[i].peer && json_array_size(images)) {
			found += json_array_size(images);
			f->awaited[i] = true;
			f->nawaited++;
			ask_agent(f, i, images);
		}
		json_decref(images);
	}
	miss_images(f, found);
}

/* What was copied of an epoch that does not get there takes space. */
static void remove_copies(const struct flush *f)
{
	const json_t *image;
	json_t *manifest = NULL;
	struct err ignored;
	bool needed;
	size_t i;
	int fd;

	/* Its rename may have come about, and only the folder's fsync not. */
	needed = !manifest_load(f->session->job->dirfd, f->epoch, &manifest,
				&ignored) &&
		 !tier_is_fast(manifest);
	json_decref(manifest);
	if (needed ||
	    epoch_folder(f->session->job->dir, f->epoch, 0, &fd, &ignored))
		return;
	json_array_foreach(json_object_get(f->manifest, "images"), i, image)
	{
		if (tier_fast(image))
			unlinkat(fd,
				 json_string_value(
					 json_object_get(image, "file")),
				 0);
	}
	close(fd);
}

static int commit(struct flush *f, struct err *err)
{
	int fd, rc = epoch_folder(f->session->job->dir, f->epoch, 0, &fd, err);

	if (rc)
		return rc;
	moment("launcher-flushed", NULL);
	rc = manifest_flushed(fd, f->manifest, err);
	close(fd);
	return rc;
}

static void forget(struct flush *f)
{
	json_decref(f->manifest);
	f->manifest = NULL;
	f->epoch = 0;
	f->nawaited = 0;
}

static void say_flushed(struct flush *f)
{
	int64_t ms = clock_ms() - f->began_ms;

	record_flush(f->session, f->epoch, ms, NULL);
	session_say(f->session, false,
		    "epoch %u flushed from the burst buffers to %s in %lu ms",
		    f->epoch, f->session->job->dir, (unsigned long)ms);
	walltime_flush(&f->session->walltime, (double)ms / 1000);
}

static void say_failed(struct flush *f)
{
	bool last = f->then || f->end == FLUSH_LAST;
	bool news = strcmp(f->said, f->why.text) != 0;

	fmt_print(f->said, sizeof(f->said), "%s", f->why.text);
	record_flush(f->session, f->epoch, clock_ms() - f->began_ms,
		     f->why.text);
	session_say(f->session, last || news,
		    "epoch %u stays in the burst buffers%s: it cannot be "
		    "flushed to %s: %s%s",
		    f->epoch, last ? " only" : "", f->session->job->dir,
		    f->why.text,
		    last ? "; restart it on the same nodes" :
			   "; tried again with the next epoch");
}

static void over(struct flush *f)
{
	struct session *s = f->session;
	struct err err;

	if (!f->failed && commit(f, &f->why))
		f->failed = true;
	if (f->failed) {
		say_failed(f);
		remove_copies(f);
		f->failed_epoch = f->epoch;
		f->since = s->options->flush_every;
		forget(f);
		flush_next(f);
		return;
	}
	say_flushed(f);
	f->said[0] = '\0';
	f->flushed = f->epoch;
	if (f->newest && epoch_of(f->newest) == f->epoch) {
		json_decref(f->newest);
		f->newest = NULL;
	}
	forget(f);
	/* Older epochs of the folder go only now (I2). */
	if (retention_apply(s->job->dir, &s->options->kept, 0, &err))
		session_say(s, true, "cannot remove old epochs: %s", err.text);
	flush_sweep(f);
	flush_next(f);
}

static void begin(struct flush *f, bool urgent)
{
	f->manifest = json_incref(f->newest);
	f->epoch = epoch_of(f->manifest);
	f->urgent = urgent;
	f->failed = false;
	f->since = 0;
	f->began_ms = clock_ms();
	ask_agents(f);
	if (!f->nawaited)
		over(f);
}

static bool is_last(const struct flush *f)
{
	return f->then || f->end == FLUSH_LAST;
}

static void end_reached(struct flush *f);

/* One flush is over, or there is something new. */
static void flush_next(struct flush *f)
{
	bool hopeless = f->newest && epoch_of(f->newest) == f->failed_epoch;

	if (f->epoch)
		return;
	if (is_last(f)) {
		if (f->newest && !hopeless)
			begin(f, true);
		else
			end_reached(f);
	} else if (f->newest && !hopeless &&
		   f->since >= f->session->options->flush_every) {
		begin(f, false);
	}
}

/* --- what comes from outside
 * -------------------------------------------------- */

void flush_init(struct flush *f, struct session *s)
{
	memset(f, 0, sizeof(*f));
	f->session = s;
}

void flush_fini(struct flush *f)
{
	json_decref(f->newest);
	json_decref(f->manifest);
	free(f->awaited);
	f->newest = f->manifest = NULL;
	f->awaited = NULL;
}

static void set_newest(struct flush *f, json_t *manifest)
{
	json_decref(f->newest);
	f->newest = tier_has_fast(manifest) ? json_incref(manifest) : NULL;
	if (!f->newest)
		f->flushed = epoch_of(manifest);
}

void flush_committed(struct flush *f, json_t *manifest)
{
	set_newest(f, manifest);
	f->since++;
	flush_sweep(f);
	/* An announced end begins its own. */
	if (!f->session->stopping)
		flush_next(f);
}

void flush_back(struct flush *f)
{
	uint32_t epoch = f->session->restart->epoch;
	json_t *manifest = NULL;
	struct err err;

	if (f->newest || f->epoch || f->flushed)
		return; /* a newer one is there already */
	if (manifest_load(f->session->job->dirfd, epoch, &manifest, &err))
		return;
	if (tier_is_fast(manifest)) {
		set_newest(f, manifest);
		f->since = f->session->options->flush_every;
		flush_next(f);
	} else {
		f->flushed = epoch;
	}
	json_decref(manifest);
}

static void swept(struct flush *f)
{
	if (f->end != FLUSH_SWEEPING || !f->sweeping || --f->sweeping)
		return;
	f->end = FLUSH_OVER;
	session_look(f->session);
}

/* One agent less to wait for; why: it failed. */
static void heard(struct flush *f, size_t agent, const char *why)
{
	if (!f->nawaited || agent >= f->session->nodes.n || !f->awaited[agent])
		return;
	f->awaited[agent] = false;
	if (why && !f->failed) {
		f->failed = true;
		err_set(&f->why, -EIO, "node %s: %s",
			f->session->nodes.v[agent].name, why);
	}
	if (!--f->nawaited)
		over(f);
}

void flush_message(struct flush *f, size_t agent, const char *type,
		   const json_t *message)
{
	const char *text = json_string_value(json_object_get(message, "text"));
	bool ok = json_is_true(json_object_get(message, "ok"));

	if (!strcmp(type, "swept"))
		swept(f);
	else if (f->epoch && epoch_of(message) == f->epoch)
		heard(f, agent,
		      ok   ? NULL :
		      text ? text :
			     "it does not say why");
}

void flush_lost(struct flush *f, size_t agent)
{
	heard(f, agent, "its agent is gone");
	swept(f);
}

/* --- the end
 * -------------------------------------------------------------------- */

/* Whatever goes on is the last one, at full speed; or it is an older one. */
static void hurry(struct flush *f)
{
	if (!f->epoch || f->urgent)
		return;
	if (f->newest && epoch_of(f->newest) != f->epoch) {
		remove_copies(f);
		forget(f);
		return;
	}
	f->urgent = true;
	for (size_t i = 0; i < f->session->nodes.n; i++) {
		json_t *images;

		if (!f->awaited[i])
			continue;
		images = images_of(f, f->session->nodes.v[i].name);
		ask_agent(f, i, images);
		json_decref(images);
	}
}

static void end_reached(struct flush *f)
{
	void (*then)(struct session * s) = f->then;

	if (then) {
		f->then = NULL;
		then(f->session);
		return;
	}
	/* What lies nowhere else stays. */
	if (f->newest) {
		f->end = FLUSH_OVER;
	} else {
		json_t *message = sweep_message(f, true);

		f->end = FLUSH_SWEEPING;
		f->sweeping = 0;
		for (size_t i = 0; i < f->session->nodes.n; i++)
			f->sweeping += f->session->nodes.v[i].peer != NULL;
		if (has_buffers(f, message) && f->sweeping)
			nodes_say(&f->session->nodes, json_incref(message));
		else
			f->end = FLUSH_OVER;
		json_decref(message);
		loop_timer(&f->session->loop, &f->sweep_timer, SWEEP_MS);
	}
	if (f->end == FLUSH_OVER)
		session_look(f->session);
}

void flush_then(struct flush *f, void (*then)(struct session *s))
{
	f->then = then;
	f->failed_epoch = 0;
	hurry(f);
	flush_next(f);
}

/* The job is started again at once, from what is in the buffers. */
static bool goes_on(const struct session *s)
{
	bool failed = !s->stopping &&
		      (s->unrestored || s->node_lost ||
		       WIFSIGNALED(s->status) || WEXITSTATUS(s->status));

	if (s->restart->epoch && !s->came_back)
		return true; /* or came to nothing: all stays as it was */
	return failed && !s->interrupted && s->restarts_left > 0 &&
	       (s->committed || s->restart->epoch);
}

static void sweep_late(struct timer *t)
{
	flush_give_up(t->arg);
}

bool flush_settled(struct flush *f)
{
	if (f->end == FLUSH_RUNNING) {
		f->sweep_timer.cb = sweep_late;
		f->sweep_timer.arg = f;
		if (goes_on(f->session)) {
			f->end = FLUSH_OVER;
			return true;
		}
		if (f->newest && !f->session->stopping)
			session_say(f->session, false,
				    "flushing epoch %u before the end",
				    epoch_of(f->newest));
		/* A last try was made already if the job was stopped. */
		if (!f->session->stopping)
			f->failed_epoch = 0;
		f->end = FLUSH_LAST;
		hurry(f);
		flush_next(f);
	}
	return f->end == FLUSH_OVER;
}

bool flush_is_busy(const struct flush *f)
{
	return f->then || f->end == FLUSH_LAST || f->end == FLUSH_SWEEPING;
}

void flush_give_up(struct flush *f)
{
	if (f->end == FLUSH_LAST && f->newest)
		session_say(f->session, true,
			    "epoch %u stays in the burst buffers only: its "
			    "flush was interrupted; restart it on the same "
			    "nodes",
			    epoch_of(f->newest));
	f->end = FLUSH_OVER;
	session_look(f->session);
}
