/* SPDX-License-Identifier: BSD-3-Clause */
/* restore.c - fill the memory of ranks that are restarted */
#include "runtime/agent/restore.h"

#include "runtime/agent/buffer.h"
#include "runtime/agent/cpu.h"
#include "runtime/agent/fault.h"
#include "runtime/agent/fill.h"
#include "runtime/agent/shared.h"
#include "runtime/base/fmt.h"
#include "storage/image.h"
#include "storage/manifest.h"
#include "storage/tier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * RESTORE -> find the image that holds the rank (on whatever node it was
 * written), check it against the manifest and this CPU, send the sheet.  An
 *            image that lies in another node's buffer is asked for (`fetch`).
 * OBJECT -> memory without a name, which several ranks may have shared.
 * MAPPED -> threads read, check and write the rank's chunks; then GO.
 *            A rank that had ended by then is told its exit code instead.
 * Whatever fails is a DENIED with a sentence, which the rank prints and ends,
 * and a `refuse` to the coordinator, which ends the job and tries an older
 * epoch; but a rank that ended meanwhile says nothing against this one: its end
 * is told as that of any rank.
 */

/* An image that was opened. */
struct opened {
	struct opened *next;
	char *file;
	struct image *im;
};

/* A rank whose image is being fetched from another node. */
struct waiting {
	struct waiting *next;
	char *file;
	uint32_t rank;
	struct err err; /* why it must be */
};

/* A rank that is being filled. */
struct filling {
	struct filling *next;
	struct agent *agent;
	uint32_t rank;
	struct fill *fill;
};

struct restore {
	json_t *manifest;
	struct cpu cpu; /* this node's */
	int dirfd;
	struct opened *images;
	struct filling *fillings;
	struct waiting *waiting;
	struct shared_object *shared; /* until all ranks are back */
};

/* --- images
 * --------------------------------------------------------------------- */

static bool lists_rank(const json_t *entry, uint32_t rank)
{
	const json_t *ranks = json_object_get(entry, "ranks"), *one;
	size_t i;

	json_array_foreach(ranks, i, one) if (json_integer_value(one) ==
					      (json_int_t)rank) return true;
	return false;
}

static const json_t *entry_of(const struct restore *rs, uint32_t rank)
{
	const json_t *list = json_object_get(rs->manifest, "images"), *entry;
	size_t i;

	json_array_foreach(list, i,
			   entry) if (lists_rank(entry, rank)) return entry;
	return NULL;
}

/* A copy of the image, in a buffer of this node: as a partner, or fetched. */
static int open_copy(const struct agent *agent, const json_t *entry,
		     const char *fast, struct image **im)
{
	json_t *copy = fast ? tier_copy_as(entry, fast) : NULL;
	struct err ignored;
	int ret = copy ? tier_open_in(fast, agent->restore_epoch, copy, im,
				      &ignored) :
			 -ENOENT;

	json_decref(copy);
	return ret;
}

static bool find_copy(const struct agent *agent, const json_t *entry,
		      struct image **im)
{
	const json_t *copies = json_object_get(entry, "copies"), *one;
	char name[PATH_MAX];
	struct err ignored;
	size_t i;

	json_array_foreach(copies, i, one)
	{
		if (!open_copy(agent, entry, tier_fast(one), im))
			return true;
	}
	/* Where one that is fetched goes. */
	return !buffer_name(agent->buffer, tier_fast(entry), name, &ignored) &&
	       !open_copy(agent, entry, name, im);
}

/* -EREMOTE: it may be on another node. */
static int open_anywhere(const struct agent *agent, const json_t *entry,
			 struct image **im, struct err *err)
{
	const struct restore *rs = agent->restore;
	int ret = tier_image_open(rs->dirfd, rs->manifest, entry, true, im,
				  err);

	if (!ret || !tier_fast(entry))
		return ret;
	if (find_copy(agent, entry, im))
		return 0;
	/* What is damaged here may be whole there. */
	if (json_object_get(entry, "copies") &&
	    (ret == -EBADMSG || ret == -EIO || ret == -ENOENT))
		return -EREMOTE;
	return ret;
}

static int image_get(const struct agent *agent, uint32_t rank,
		     struct image **im, struct err *err)
{
	struct restore *rs = agent->restore;
	const json_t *entry = entry_of(rs, rank);
	const char *file = json_string_value(json_object_get(entry, "file"));
	struct opened *o;
	int ret;

	if (!file || strchr(file, '/'))
		return err_set(err, -ENOENT,
			       "rank %u is in no image of this epoch; restart "
			       "with as many ranks as were saved",
			       rank);
	for (o = rs->images; o; o = o->next) {
		if (!strcmp(o->file, file)) {
			*im = o->im;
			return 0;
		}
	}
	o = calloc(1, sizeof(*o));
	if (!o || !(o->file = strdup(file))) {
		free(o);
		return err_set(err, -ENOMEM, "the agent has no memory left");
	}
	ret = open_anywhere(agent, entry, &o->im, err);
	if (ret) {
		free(o->file);
		free(o);
		return ret;
	}
	o->next = rs->images;
	rs->images = o;
	*im = o->im;
	return 0;
}

/* --- a rank's sheet
 * --------------------------------------------------------------- */

static int sheet_memfd(const struct sheet *sheet, size_t len)
{
	int fd = memfd_create("cairn-sheet", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t at = 0;

	if (fd < 0)
		return -errno;
	while (at < len) {
		ssize_t n = write(fd, (const char *)sheet + at, len - at);

		if (n < 0) {
			int ret = -errno;

			close(fd);
			return ret;
		}
		at += (size_t)n;
	}
	fcntl(fd, F_ADD_SEALS,
	      F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	return fd;
}

/* cairnrun knows where the others are. */
static void tell_shares(struct agent *agent, const struct image *im,
			uint32_t rank)
{
	const json_t *entry = entry_of(agent->restore, rank);
	json_t *with = shared_with(im, json_object_get(entry, "ranks"), rank);

	if (with)
		link_send(agent,
			  json_pack("{s:s, s:I, s:o}", "type", "shares", "rank",
				    (json_int_t)rank, "ranks", with));
}

static int sheet_send(struct agent *agent, struct rank *r, struct err *err)
{
	struct restore *rs = agent->restore;
	struct control_msg msg = { .type = CONTROL_SHEET };
	json_int_t nranks = json_integer_value(
		json_object_get(rs->manifest, "ranks"));
	const struct sheet *sheet;
	struct image *im;
	size_t len;
	int fd, ret;

	if (nranks != (json_int_t)r->world_size)
		return err_set(err, -EINVAL,
			       "epoch %u has %d ranks, not %u; restart with "
			       "-n %d",
			       agent->restore_epoch, (int)nranks, r->world_size,
			       (int)nranks);
	ret = image_get(agent, r->world_rank, &im, err);
	if (!ret)
		ret = image_sheet(im, r->world_rank, &sheet, &len, err);
	if (!ret)
		ret = cpu_check(sheet, &rs->cpu, r->world_rank, agent->node,
				err);
	if (ret)
		return ret;
	fd = sheet_memfd(sheet, len);
	if (fd < 0)
		return err_set(err, fd,
			       "rank %u: its sheet cannot be passed: "
			       "%s",
			       r->world_rank, fmt_error(fd));
	msg.epoch = agent->restore_epoch;
	msg.value = 1 + (uint64_t)json_integer_value(
				json_object_get(rs->manifest, "restarts"));
	ret = rank_send(r, &msg, fd);
	close(fd);
	tell_shares(agent, im, r->world_rank);
	fault_point(FAULT_SHEET);
	return ret ? err_set(err, ret == -EAGAIN ? ret : -ESRCH,
			     "rank %u ended before it was restored",
			     r->world_rank) :
		     0;
}

static void end_send(struct agent *agent, struct rank *r, int code)
{
	struct control_msg msg = { .type = CONTROL_ENDED,
				   .epoch = agent->restore_epoch,
				   .value = (uint64_t)code };

	/* It will not say so itself: it is no program. */
	r->exit_code = code;
	rank_send(r, &msg, -1);
}

/* The rank prints the sentence and ends; the coordinator ends the others, which
 * may be waiting for it in MPI_Init. */
static void deny(struct agent *agent, struct rank *r, int code,
		 const char *text)
{
	if (code != -ESRCH)
		link_refuse(agent, agent->restore_epoch, (int)r->world_rank,
			    code, text);
	/* cairnrun says for all ranks where the epoch lies. */
	rank_deny(r, code == -EREMOTE ? "" : text);
}

/* --- from other nodes ------------------------------------------------------
 */

static void waiting_free(struct waiting **at)
{
	struct waiting *w = *at;

	*at = w->next;
	free(w->file);
	free(w);
}

/* Asks for the rank's image; its other ranks here wait for the same one. */
static int fetch(struct agent *agent, uint32_t rank, const struct err *why)
{
	struct restore *rs = agent->restore;
	const char *file = json_string_value(
		json_object_get(entry_of(rs, rank), "file"));
	struct waiting *w = calloc(1, sizeof(*w));
	bool asked = false;

	if (!w || !(w->file = strdup(file))) {
		free(w);
		return -ENOMEM;
	}
	for (const struct waiting *o = rs->waiting; o; o = o->next)
		asked = asked || !strcmp(o->file, file);
	w->rank = rank;
	w->err = *why;
	w->next = rs->waiting;
	rs->waiting = w;
	if (!asked)
		link_send(agent,
			  json_pack("{s:s, s:I, s:s}", "type", "fetch", "epoch",
				    (json_int_t)agent->restore_epoch, "file",
				    file));
	return 0;
}

static void fetched(struct agent *agent, const struct waiting *w,
		    const char *text)
{
	struct rank *r = rank_find(agent, w->rank);
	struct err err = w->err;
	int ret = -EREMOTE;

	if (!r || !rank_lives(r))
		return;
	if (!text)
		ret = sheet_send(agent, r, &err);
	else if (*text)
		fmt_print(err.text, sizeof(err.text), "%s; %s", w->err.text,
			  text);
	if (ret)
		deny(agent, r, ret, err.text);
}

void restore_fetched(struct agent *agent, const json_t *message)
{
	const char *file = json_string_value(json_object_get(message, "file"));
	const char *text = json_string_value(json_object_get(message, "text"));
	struct restore *rs = agent->restore;

	if (!rs || !file)
		return;
	if (json_is_true(json_object_get(message, "ok")))
		text = NULL;
	else if (!text)
		text = "";
	for (struct waiting **at = &rs->waiting; *at;) {
		if (strcmp((*at)->file, file)) {
			at = &(*at)->next;
			continue;
		}
		fetched(agent, *at, text);
		waiting_free(at);
	}
}

void restore_rank(struct agent *agent, struct rank *r)
{
	struct err err;
	int code = agent->restore ? manifest_exited(agent->restore->manifest,
						    r->world_rank) :
				    -1;
	int ret;

	fault_point(FAULT_RESTORER);
	link_send(agent, json_pack("{s:s, s:I}", "type", "restorer", "rank",
				   (json_int_t)r->world_rank));
	if (code >= 0) {
		end_send(agent, r, code);
		return;
	}
	if (!agent->restore) {
		rank_deny(r, "this job was not started with --restart; there "
			     "is nothing to restore");
		return;
	}
	ret = sheet_send(agent, r, &err);
	if (ret == -EREMOTE && !fetch(agent, r->world_rank, &err))
		return;
	if (ret)
		deny(agent, r, ret, err.text);
}

/* --- shared memory
 * ------------------------------------------------------------------ */

void restore_object(struct agent *agent, struct rank *r,
		    const struct control_msg *asked)
{
	struct restore *rs = agent->restore;
	struct control_msg msg = { .type = CONTROL_OBJECT,
				   .epoch = agent->restore_epoch };
	struct image *im;
	struct err err;
	int fd, ret;

	if (!rs)
		return; /* nothing that it could have asked for */
	ret = image_get(agent, r->world_rank, &im, &err);
	if (!ret)
		ret = shared_open(&rs->shared, im,
				  json_object_get(entry_of(rs, r->world_rank),
						  "ranks"),
				  asked->gid, asked->value, &fd, &err);
	if (ret) {
		deny(agent, r, ret, err.text);
		return;
	}
	rank_send(r, &msg, fd);
	close(fd);
}

void restore_back(struct agent *agent)
{
	if (agent->restore)
		shared_forget(&agent->restore->shared);
}

/* --- filling
 * ------------------------------------------------------------------------ */

static void filling_free(struct restore *rs, struct filling *g)
{
	struct filling **at = &rs->fillings;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	fill_destroy(g->fill);
	free(g);
}

static void filled(void *arg, uint32_t rank, int code, const struct err *err)
{
	struct filling *g = arg;
	struct agent *agent = g->agent;
	struct rank *r = rank_find(agent, rank);
	struct control_msg msg = { .type = CONTROL_GO,
				   .epoch = agent->restore_epoch };

	fault_point(FAULT_FILLED);
	if (r && rank_lives(r)) { /* else its end was told already */
		if (code)
			deny(agent, r, code, err->text);
		else
			rank_send(r, &msg, -1);
	}
	filling_free(agent->restore, g); /* err lies in it: last */
}

/* All cores, shared by the ranks of this node. */
static unsigned int threads_for(const struct rank *r)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t locals = r->page->local_size ? r->page->local_size : 1;
	long n = cpus / (long)locals;

	return n > 1 ? (unsigned int)n : 1;
}

void restore_fill(struct agent *agent, struct rank *r, int mem_fd)
{
	struct filling *g = NULL;
	struct image *im;
	struct err err;

	int ret = -EINVAL;

	if (agent->restore)
		ret = image_get(agent, r->world_rank, &im, &err);
	if (ret) {
		close(mem_fd);
		deny(agent, r, ret,
		     agent->restore ? err.text : "nothing to restore");
		return;
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		close(mem_fd);
		deny(agent, r, -ENOMEM, "the agent has no memory left");
		return;
	}
	g->agent = agent;
	g->rank = r->world_rank;
	g->next = agent->restore->fillings;
	agent->restore->fillings = g;
	ret = fill_start(&agent->loop, im, r->world_rank, mem_fd,
			 threads_for(r), filled, g, &g->fill, &err);
	if (ret) {
		filling_free(agent->restore, g);
		deny(agent, r, ret, err.text);
	}
}

/* --- life
 * -----------------------------------------------------------------------------
 */

int restore_open(struct agent *agent, struct restore **restore, struct err *err)
{
	struct restore *rs = calloc(1, sizeof(*rs));
	int ret, fd;

	if (!rs)
		return err_set(err, -ENOMEM, "the agent has no memory left");
	rs->dirfd = -1;
	cpu_here(&rs->cpu);
	/* Checks also whose the folders are. */
	ret = epoch_folder(agent->dir, agent->restore_epoch, 0, &rs->dirfd,
			   err);
	if (!ret) {
		fd = openat(rs->dirfd, "..",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ret = manifest_load(fd, agent->restore_epoch, &rs->manifest,
				    err);
		close(fd);
	}
	if (ret) {
		restore_close(rs);
		return ret;
	}
	*restore = rs;
	return 0;
}

void restore_close(struct restore *rs)
{
	if (!rs)
		return;
	while (rs->fillings)
		filling_free(rs, rs->fillings);
	while (rs->waiting)
		waiting_free(&rs->waiting);
	shared_forget(&rs->shared);
	while (rs->images) {
		struct opened *o = rs->images;

		rs->images = o->next;
		image_close(o->im);
		free(o->file);
		free(o);
	}
	json_decref(rs->manifest);
	if (rs->dirfd >= 0)
		close(rs->dirfd);
	free(rs);
}
