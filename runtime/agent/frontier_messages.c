/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier_messages.c - what the coordinator says in FRONTIER */
#include "runtime/agent/frontier_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int target_learn(struct frontier *f, uint64_t gid, json_int_t count)
{
	struct gid_entry *e = count < 0 ? NULL : gids_put(&f->gids, gid);

	if (!e)
		return count < 0 ? -EPROTO : -ENOMEM;
	if (!e->has_target || e->target < (uint64_t)count)
		e->target = (uint64_t)count;
	e->has_target = true;
	return 0;
}

static int targets_came(struct frontier *f, const json_t *message)
{
	json_t *list = json_object_get(message, "targets"), *pair;
	size_t i;
	int ret = json_is_array(list) ? 0 : -EPROTO;

	json_array_foreach(list, i, pair)
	{
		const json_t *count = json_array_get(pair, 1);
		uint64_t gid;

		ret = gid_decode(json_array_get(pair, 0), &gid);
		if (!ret)
			ret = json_is_integer(count) ? 0 : -EPROTO;
		if (!ret)
			ret = target_learn(f, gid, json_integer_value(count));
		if (ret)
			return ret;
	}
	f->targets = ret == 0;
	return ret;
}

static int raise_came(struct frontier *f, const json_t *message)
{
	const json_t *count = json_object_get(message, "count");
	uint64_t gid;

	if (gid_decode(json_object_get(message, "gid"), &gid) ||
	    !json_is_integer(count))
		return -EPROTO;
	return target_learn(f, gid, json_integer_value(count));
}

static int group_came(struct frontier *f, const json_t *message)
{
	const json_t *list = json_object_get(message, "members");
	bool over = json_is_true(json_object_get(message, "over"));
	size_t n = json_array_size(list);
	int32_t *members;
	uint64_t gid;
	int ret;

	if (gid_decode(json_object_get(message, "gid"), &gid) ||
	    !json_is_array(list))
		return -EPROTO;
	members = calloc(n ? n : 1, sizeof(*members));
	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		members[i] = (int32_t)json_integer_value(
			json_array_get(list, i));
	ret = frontier_call(f, gid, members, n, over);
	free(members);
	return ret;
}

static int slice_came(struct frontier *f, const json_t *message)
{
	bool on = json_is_true(json_object_get(message, "on"));

	for (size_t i = 0; i < f->nlocals; i++) {
		struct control_page *page = f->locals[i].page;
		uint32_t slice = atomic_load(&page->agent.slice);

		if (on != (slice & 1)) {
			atomic_store(&page->agent.slice, slice + 1);
			f->ops->changed(f->arg, f->locals[i].rank);
		}
	}
	f->told_held = false;
	frontier_hint(f);
	return 0;
}

static int wave_came(struct frontier *f, const json_t *message)
{
	json_int_t n;

	if (json_unpack((json_t *)message, "{s:I}", "n", &n))
		return -EPROTO;
	/* New slots show up here at the latest. */
	frontier_tick(f);
	frontier_send(f, json_pack("{s:s, s:I, s:I, s:b, s:I, s:I}", "type",
				   "wave", "epoch", (json_int_t)f->epoch, "n",
				   n, "held",
				   (int)(f->counted && frontier_all_hold(f)),
				   "sent", f->sent, "received", f->received));
	return 0;
}

static const struct {
	const char *type;
	int (*came)(struct frontier *f, const json_t *message);
	bool counted; /* by waves */
} messages[] = {
	{ "targets", targets_came, true },
	{ "raise", raise_came, true },
	{ "need", needs_came, true },
	{ "settled", needs_settled_came, true },
	{ "group", group_came, true },
	{ "slice", slice_came, false },
	{ "wave", wave_came, false },
};

int frontier_message(struct frontier *f, const json_t *message, struct err *err)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const json_t *epoch = json_object_get(message, "epoch");
	int ret;

	if (!f->epoch || json_integer_value(epoch) != (json_int_t)f->epoch)
		return 0; /* of an epoch that has ended meanwhile */
	if (type && !strcmp(type, "phase"))
		type = json_string_value(json_object_get(message, "phase"));
	for (size_t i = 0; type && i < sizeof(messages) / sizeof(*messages);
	     i++) {
		if (strcmp(type, messages[i].type))
			continue;
		ret = messages[i].came(f, message);
		if (ret)
			return err_set(err, ret,
				       "the coordinator's \"%s\" message "
				       "cannot be used; this is a bug in Cairn",
				       type);
		f->received += messages[i].counted;
		if (messages[i].counted)
			frontier_pages(f);
		return 0;
	}
	return 0;
}
