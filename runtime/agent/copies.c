/* SPDX-License-Identifier: BSD-3-Clause */
/* copies.c - images come from and go to the buffers of other nodes */
#include "runtime/agent/copies.h"

#include "runtime/agent/agent.h"
#include "runtime/agent/buffer.h"
#include "runtime/agent/fault.h"
#include "runtime/agent/mover.h"
#include "runtime/agent/task.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "storage/catalog.h"
#include "storage/commit.h"
#include "storage/owner.h"
#include "storage/tier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * TAKE  a temporary file in the buffer -> cairn-fabric fills and fsyncs it ->
 *       a thread renames it and looks at the image that came (its own digests,
 *       against the manifest's entry) -> `moved`
 * GIVE  the image is looked at -> cairn-fabric sends it -> `moved`
 */
struct moving {
	struct moving *next;
	struct copies *copies;
	uint64_t id;
	uint32_t epoch;
	bool takes;
	struct mover *mover;
	json_t *image; /* as it is called here */
	int fd;	       /* a giver's file */

	/* a taker's */
	char folder[PATH_MAX]; /* the job's in the buffer */
	int dirfd;	       /* the epoch's in it */
	struct commit commit;
	struct task task;
	int code;
	struct err err;
};

/* A copy that is here, of an epoch that may not come about. */
struct taken {
	struct taken *next;
	uint32_t epoch;
	char folder[PATH_MAX];
	char name[256];
};

struct copies {
	struct agent *agent;
	struct moving *list;
	struct taken *taken;
	char *provider, *interface; /* NULL: by default */
};

static const char *text_of(const json_t *message, const char *member)
{
	return json_string_value(json_object_get(message, member));
}

/* --- the end of one
 * ------------------------------------------------------------ */

static void moving_free(struct moving *m)
{
	struct moving **at = &m->copies->list;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	mover_stop(m->mover);
	task_wait(&m->task);
	if (m->takes) {
		commit_abort(&m->commit);
		if (m->dirfd >= 0)
			close(m->dirfd);
	}
	if (m->fd >= 0)
		close(m->fd);
	json_decref(m->image);
	free(m);
}

static void tell(struct moving *m, int code, const char *text)
{
	link_send(m->copies->agent,
		  json_pack("{s:s, s:I, s:b, s:s, s:s}", "type", "moved", "id",
			    (json_int_t)m->id, "ok", !code, "text",
			    code ? text : "", "fast", m->folder));
}

static void finish(struct moving *m, int code, const char *text)
{
	tell(m, code, text);
	moving_free(m);
}

static void remember(struct moving *m)
{
	struct taken *t = calloc(1, sizeof(*t));

	if (!t)
		return; /* a later sweep removes it */
	t->epoch = m->epoch;
	strcpy(t->folder, m->folder);
	fmt_print(t->name, sizeof(t->name), "%s", text_of(m->image, "file"));
	t->next = m->copies->taken;
	m->copies->taken = t;
}

/* --- taking
 * -------------------------------------------------------------------- */

/* In a thread: the folder's fsync may take its time. */
static void take_commit(void *arg)
{
	struct moving *m = arg;
	struct image *im;

	m->code = commit_end(&m->commit, &m->err);
	if (m->code)
		return;
	m->code = tier_image_at(m->dirfd, m->image, &im, &m->err);
	if (!m->code)
		image_close(im);
	else
		unlinkat(m->dirfd, text_of(m->image, "file"), 0);
}

static void take_committed(void *arg)
{
	struct moving *m = arg;

	if (!m->code)
		remember(m);
	fault_point(FAULT_TAKEN);
	finish(m, m->code, m->err.text);
}

static void address_came(void *arg, const char *address)
{
	struct moving *m = arg;

	link_send(m->copies->agent,
		  json_pack("{s:s, s:I, s:s}", "type", "taking", "id",
			    (json_int_t)m->id, "address", address));
}

static void ended(void *arg, int code, const char *text)
{
	struct moving *m = arg;
	struct err err;
	int rc;

	if (code || !m->takes) {
		finish(m, code, text);
		return;
	}
	rc = task_start(&m->task, &m->copies->agent->loop, take_commit,
			take_committed, m, &err);
	if (rc)
		finish(m, rc, err.text);
}

static const struct mover_ops mover_ops = { address_came, ended };

static int move(struct moving *m, const json_t *message, int fd,
		struct err *err)
{
	struct copies *c = m->copies;
	char source[CHANNEL_IP_MAX];
	struct mover_order order = {
		.fd = fd,
		.bytes = (uint64_t)json_integer_value(
			json_object_get(m->image, "bytes")),
		.limit_ms = (int)json_integer_value(
			json_object_get(message, "limit_ms")),
		.key = text_of(message, "key"),
		.peer = text_of(message, "address"),
		.provider = c->provider,
		.source = source,
	};
	int rc;

	if (!order.key || (!m->takes && !order.peer))
		return err_set(err, -EPROTO, "the coordinator's words are odd");
	rc = channel_local(c->agent->coordinator, c->interface, source, err);
	return rc ? rc :
		    mover_start(&c->agent->loop, &order, &mover_ops, m,
				&m->mover, err);
}

static int take(struct moving *m, const json_t *message, struct err *err)
{
	const json_t *image = json_object_get(message, "image");
	uint64_t bytes = (uint64_t)json_integer_value(
		json_object_get(image, "bytes"));
	int rc = buffer_take(m->copies->agent->buffer, m->epoch, bytes,
			     tier_fast(image), m->folder, &m->dirfd, err);

	if (rc)
		return rc;
	m->image = tier_copy_as(image, m->folder);
	if (!m->image)
		return err_set(err, -ENOMEM, "the agent has no memory left");
	rc = commit_begin(&m->commit, m->dirfd, text_of(m->image, "file"), 0,
			  err);
	fault_point(FAULT_TAKE);
	return rc ? rc : move(m, message, m->commit.fd, err);
}

/* --- giving
 * -------------------------------------------------------------------- */

static int open_given(struct moving *m, struct err *err)
{
	const char *file = text_of(m->image, "file");
	struct image *im;
	int dirfd, fd, rc;

	/* Is it (still) the image that was committed? */
	rc = tier_open_in(tier_fast(m->image), m->epoch, m->image, &im, err);
	if (rc)
		return rc;
	image_close(im);
	rc = tier_open(tier_fast(m->image), &dirfd, err);
	if (rc)
		return rc;
	rc = catalog_open_epoch(dirfd, m->epoch, &fd, err);
	close(dirfd);
	if (rc)
		return rc;
	m->fd = openat(fd, file,
		       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (m->fd < 0)
		rc = err_set(err, -errno, "cannot open %s: %s", file,
			     fmt_error(errno));
	close(fd);
	return rc ? rc : owner_check_file(m->fd, file, err);
}

static int give(struct moving *m, const json_t *message, struct err *err)
{
	int rc;

	m->image = json_incref(json_object_get(message, "image"));
	rc = open_given(m, err);
	fault_point(FAULT_GIVE);
	return rc ? rc : move(m, message, m->fd, err);
}

/* --- what the coordinator says
 * ---------------------------------------------- */

static void begin(struct copies *c, const json_t *message, bool takes)
{
	struct moving *m = calloc(1, sizeof(*m));
	struct err err = { "the agent has no memory left" };
	int rc;

	if (!m)
		return; /* the coordinator's time limit will tell */
	m->copies = c;
	m->id = (uint64_t)json_integer_value(json_object_get(message, "id"));
	m->epoch = (uint32_t)json_integer_value(
		json_object_get(message, "epoch"));
	m->takes = takes;
	m->fd = m->dirfd = m->commit.fd = -1;
	m->next = c->list;
	c->list = m;
	rc = takes ? take(m, message, &err) : give(m, message, &err);
	if (rc)
		finish(m, rc, err.text);
}

static void drop(struct copies *c, uint64_t id)
{
	for (struct moving *m = c->list, *next; m; m = next) {
		next = m->next;
		if (m->id == id)
			moving_free(m);
	}
}

void copies_message(struct copies *c, const json_t *message)
{
	const char *type = text_of(message, "type");

	if (!strcmp(type, "drop"))
		drop(c, (uint64_t)json_integer_value(
				json_object_get(message, "id")));
	else
		begin(c, message, !strcmp(type, "take"));
}

static void remove_taken(const struct taken *t)
{
	struct err ignored;
	char epoch[24];
	int dirfd, fd;

	if (tier_open(t->folder, &dirfd, &ignored))
		return;
	if (!catalog_open_epoch(dirfd, t->epoch, &fd, &ignored)) {
		unlinkat(fd, t->name, 0);
		close(fd);
		catalog_name(t->epoch, epoch);
		unlinkat(dirfd, epoch, AT_REMOVEDIR); /* if it is empty */
	}
	close(dirfd);
}

void copies_ended(struct copies *c, uint32_t epoch, int committed)
{
	for (struct taken **at = &c->taken; *at;) {
		struct taken *t = *at;

		if (t->epoch != epoch) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		if (!committed)
			remove_taken(t);
		free(t);
	}
}

/* --- life
 * ---------------------------------------------------------------------- */

int copies_create(struct agent *agent, const json_t *welcome,
		  struct copies **copies, struct err *err)
{
	struct copies *c = calloc(1, sizeof(*c));
	const char *provider = text_of(welcome, "fabric");
	const char *interface = text_of(welcome, "fabric_interface");

	if (!c || (provider && !(c->provider = strdup(provider))) ||
	    (interface && !(c->interface = strdup(interface)))) {
		copies_destroy(c);
		return err_set(err, -ENOMEM, "the agent has no memory left");
	}
	c->agent = agent;
	*copies = c;
	return 0;
}

void copies_destroy(struct copies *c)
{
	if (!c)
		return;
	while (c->list)
		moving_free(c->list);
	/* What was not committed is swept by the next run. */
	while (c->taken) {
		struct taken *t = c->taken;

		c->taken = t->next;
		free(t);
	}
	free(c->provider);
	free(c->interface);
	free(c);
}
