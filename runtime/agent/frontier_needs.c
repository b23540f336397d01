/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier_needs.c - NEED: who waits for whom, on whose account, and how long
 */
#include "runtime/agent/frontier_private.h"

#include <errno.h>

/*
 * DESIGN (frontier.md, NEED)
 *
 * A need has a root: the rank below a target for whose sake it was said.  That
 * is the rank itself, or, if it goes on for others only, one that it owes. When
 * the root settles (reaches its targets) all needs with this root are void on
 * all nodes at once: else ranks that wait for each other would keep each other
 * going for good.  A rank can be a root several times in an epoch: the serial
 * tells which time it was.
 *
 * What a rank withdraws lingers for a tick or two, and if it says NEED once
 * more nobody else hears anything: were it passed on, the peer would hold again
 * before the next of many messages, and each would take a journey through the
 * coordinator.
 */

/* --- roots -----------------------------------------------------------------
 */

static struct settled *settled_of(const struct frontier *f, int32_t rank)
{
	for (size_t i = 0; i < f->nsettled; i++)
		if (f->settled[i].rank == rank)
			return &f->settled[i];
	return NULL;
}

static bool is_void(const struct frontier *f, struct root root)
{
	const struct settled *s = settled_of(f, root.rank);

	return s && root.serial <= s->serial;
}

static int settled_learn(struct frontier *f, int32_t rank, json_int_t serial)
{
	struct settled *s = settled_of(f, rank);

	if (!s) {
		if (frontier_reserve(&f->settled, f->nsettled,
				     sizeof(*f->settled)))
			return -ENOMEM;
		s = &f->settled[f->nsettled++];
		*s = (struct settled){ rank, serial };
	}
	if (s->serial < serial)
		s->serial = serial;
	for (size_t i = f->nneeds; i-- > 0;)
		if (is_void(f, f->needs[i].root))
			f->needs[i] = f->needs[--f->nneeds];
	return 0;
}

static bool owes(const struct local *l, const struct need *need)
{
	if (need->to >= 0)
		return need->to == (int32_t)l->rank;
	return need->from != (int32_t)l->rank &&
	       frontier_slot_of(l->page, need->gid);
}

uint32_t needs_owed(const struct frontier *f, const struct local *l)
{
	uint32_t n = 0;

	for (size_t i = 0; i < f->nneeds; i++)
		n += owes(l, &f->needs[i]);
	return n;
}

static bool same_root(struct root a, struct root b)
{
	return a.rank == b.rank && a.serial == b.serial;
}

/* On whose account must l go on?  As before, if that is still so. */
static struct root root_of(const struct frontier *f, const struct local *l,
			   struct root before)
{
	struct root found = NO_ROOT;

	if (l->below)
		return (struct root){ (int32_t)l->rank, l->serial };
	for (size_t i = 0; i < f->nneeds; i++) {
		struct root root = f->needs[i].root;

		if (!owes(l, &f->needs[i]) || root.rank == (int32_t)l->rank)
			continue;
		found = root;
		if (same_root(root, before))
			break;
	}
	return found;
}

/* --- what others say -------------------------------------------------------
 */

static int need_put(struct frontier *f, struct need need, bool on)
{
	size_t i;

	for (i = 0; i < f->nneeds; i++)
		if (f->needs[i].from == need.from &&
		    f->needs[i].to == need.to && f->needs[i].gid == need.gid)
			break;
	if (!on) {
		if (i < f->nneeds)
			f->needs[i] = f->needs[--f->nneeds];
		return 0;
	}
	if (i == f->nneeds) {
		if (frontier_reserve(&f->needs, f->nneeds, sizeof(*f->needs)))
			return -ENOMEM;
		f->nneeds++;
	}
	f->needs[i] = need;
	return 0;
}

int needs_came(struct frontier *f, const json_t *message)
{
	json_int_t from, to, root, serial;
	const char *text;
	uint64_t gid = 0;
	struct need need;
	int on;

	if (json_unpack((json_t *)message, "{s:I, s:I, s:s, s:b, s:I, s:I}",
			"from", &from, "to", &to, "gid", &text, "on", &on,
			"root", &root, "serial", &serial))
		return -EPROTO;
	/* gid may be 0 where the peer is named. */
	if (gid_decode(json_object_get(message, "gid"), &gid) && to < 0)
		return -EPROTO;
	need = (struct need){
		(int32_t)from, (int32_t)to, gid, { (int32_t)root, serial }
	};
	if (on && is_void(f, need.root))
		return 0;
	return need_put(f, need, on);
}

int needs_settled_came(struct frontier *f, const json_t *message)
{
	json_int_t rank, serial;

	if (json_unpack((json_t *)message, "{s:I, s:I}", "rank", &rank,
			"serial", &serial))
		return -EPROTO;
	return settled_learn(f, (int32_t)rank, serial);
}

/* --- what this node's ranks say --------------------------------------------
 */

static void say(struct frontier *f, const struct spoken *s, bool on)
{
	char text[17];

	gid_encode(s->gid, text);
	frontier_send_counted(
		f,
		json_pack("{s:s, s:I, s:I, s:I, s:s, s:b, s:I, s:I}", "type",
			  "need", "epoch", (json_int_t)f->epoch, "from",
			  (json_int_t)s->from, "to", (json_int_t)s->to, "gid",
			  text, "on", (int)on, "root", (json_int_t)s->root.rank,
			  "serial", s->root.serial));
}

static struct spoken *spoken_get(const struct frontier *f, uint32_t from,
				 int32_t to, uint64_t gid)
{
	for (size_t i = 0; i < f->nspoken; i++) {
		struct spoken *s = &f->spoken[i];

		if (s->from == from && s->to == to && s->gid == gid)
			return s;
	}
	return NULL;
}

static void spoken_remove(struct frontier *f, size_t i)
{
	struct spoken was = f->spoken[i];

	f->spoken[i] = f->spoken[--f->nspoken];
	if (was.root.rank >= 0 && !is_void(f, was.root))
		say(f, &was, false);
}

/* Make what others know what it must be. */
void needs_evaluate(struct frontier *f)
{
	for (size_t i = 0; i < f->nspoken; i++) {
		struct spoken *s = &f->spoken[i];
		struct local *l = frontier_local(f, s->from);
		struct root root = l ? root_of(f, l, s->root) : NO_ROOT;

		if (same_root(root, s->root))
			continue;
		if (root.rank < 0) {
			if (!is_void(f, s->root))
				say(f, s, false);
			s->root = NO_ROOT;
			continue;
		}
		s->root = root;
		if (l->below)
			l->rooted = true;
		say(f, s, true);
	}
}

/* It is no root any more, if it was one. */
static void settle(struct frontier *f, struct local *l)
{
	bool rooted = l->rooted;

	l->below = false;
	l->rooted = false;
	if (!rooted)
		return;
	frontier_send_counted(f, json_pack("{s:s, s:I, s:I, s:I}", "type",
					   "settled", "epoch",
					   (json_int_t)f->epoch, "rank",
					   (json_int_t)l->rank, "serial",
					   l->serial));
	/* Without memory for this it is learned when the message comes back. */
	(void)settled_learn(f, (int32_t)l->rank, l->serial);
	l->serial++;
}

void frontier_need(struct frontier *f, uint32_t rank, int32_t to, uint64_t gid,
		   bool on, bool below)
{
	struct local *l = frontier_local(f, rank);
	struct spoken *s = spoken_get(f, rank, to, gid);

	if (!f->epoch || !l)
		return;
	if (below)
		l->below = true;
	else
		settle(f, l);
	if (!s && on) {
		if (frontier_reserve(&f->spoken, f->nspoken,
				     sizeof(*f->spoken)))
			return; /* the epoch may stall, and is given up then */
		s = &f->spoken[f->nspoken++];
		*s = (struct spoken){
			.from = rank, .to = to, .gid = gid, .root = NO_ROOT
		};
	}
	if (s) {
		s->withdrawn = !on;
		s->old = false;
	}
	frontier_pages(f);
}

void needs_forget(struct frontier *f, struct local *l)
{
	settle(f, l);
	for (size_t i = f->nspoken; i-- > 0;)
		if (f->spoken[i].from == l->rank)
			spoken_remove(f, i);
}

void frontier_settled(struct frontier *f, uint32_t rank)
{
	struct local *l = frontier_local(f, rank);

	if (!f->epoch || !l)
		return;
	needs_forget(f, l);
	frontier_pages(f);
}

void needs_tick(struct frontier *f)
{
	for (size_t i = f->nspoken; i-- > 0;) {
		struct spoken *s = &f->spoken[i];

		if (s->withdrawn && s->old)
			spoken_remove(f, i);
		else
			s->old = s->withdrawn;
	}
}
