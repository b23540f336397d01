/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.c - the agent's part in FRONTIER: what ranks say, what pages tell */
#include "runtime/agent/frontier_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- small things -----------------------------------------------------------
 */

void gid_encode(uint64_t gid, char text[17])
{
	snprintf(text, 17, "%016llx", (unsigned long long)gid);
}

int gid_decode(const json_t *json, uint64_t *gid)
{
	const char *text = json_string_value(json);

	if (!text || strlen(text) != 16 ||
	    strspn(text, "0123456789abcdef") != 16)
		return -EPROTO;
	*gid = strtoull(text, NULL, 16);
	return *gid ? 0 : -EPROTO;
}

/* Room for one more element of `size` bytes; a power of two at a time. */
int frontier_reserve(void *array, size_t n, size_t size)
{
	void **p = array;
	void *bigger;

	if (n && (n & (n - 1)))
		return 0;
	bigger = realloc(*p, (n ? 2 * n : 1) * size);
	if (!bigger)
		return -ENOMEM;
	*p = bigger;
	return 0;
}

struct local *frontier_local(const struct frontier *f, uint32_t rank)
{
	for (size_t i = 0; i < f->nlocals; i++)
		if (f->locals[i].rank == rank)
			return &f->locals[i];
	return NULL;
}

static uint32_t slots_used(const struct control_page *page)
{
	uint32_t n = atomic_load(&page->rank.nslots);

	return n < CONTROL_SLOTS ? n : CONTROL_SLOTS;
}

struct control_slot *frontier_slot_of(struct control_page *page, uint64_t gid)
{
	for (uint32_t i = 0, n = slots_used(page); i < n; i++)
		if (atomic_load(&page->slots[i].gid) == gid)
			return &page->slots[i];
	return NULL;
}

void frontier_send(struct frontier *f, json_t *message)
{
	if (message)
		f->ops->send(f->arg, message);
}

void frontier_send_counted(struct frontier *f, json_t *message)
{
	f->sent++;
	frontier_send(f, message);
}

/* --- held -------------------------------------------------------------------
 */

static bool local_holds(const struct local *l)
{
	return l->held && l->held_seq == atomic_load(&l->page->agent.seq);
}

bool frontier_all_hold(const struct frontier *f)
{
	for (size_t i = 0; i < f->nlocals; i++)
		if (!local_holds(&f->locals[i]))
			return false;
	return true;
}

void frontier_hint(struct frontier *f)
{
	bool held = f->counted && frontier_all_hold(f);

	if (!f->epoch || held == f->told_held)
		return;
	f->told_held = held;
	frontier_send(f, json_pack("{s:s, s:I, s:b}", "type", "held", "epoch",
				   (json_int_t)f->epoch, "held", (int)held));
}

/* --- what the pages should say -----------------------------------------------
 */

static bool has_entered(const struct local *l, uint64_t gid)
{
	for (size_t i = 0; i < l->nentered; i++)
		if (l->entered[i] == gid)
			return true;
	return false;
}

static bool call_has(const struct call *call, uint32_t rank)
{
	for (size_t i = 0; i < call->n; i++)
		if (call->members[i] == (int32_t)rank)
			return true;
	return false;
}

static uint32_t missed_by(const struct frontier *f, const struct local *l)
{
	uint32_t n = 0;

	for (size_t i = 0; i < f->ncalls; i++)
		if (!f->calls[i].over && call_has(&f->calls[i], l->rank) &&
		    !has_entered(l, f->calls[i].gid))
			n++;
	return n;
}

/* The first targets of an epoch replace what an older one left; afterwards
 * targets only rise, and the rank raises its own at the same time. */
static bool target_write(struct control_slot *slot, uint64_t target, bool first)
{
	uint64_t old = atomic_load(&slot->target);

	if (first) {
		atomic_store(&slot->target, target);
		return true;
	}
	while (old < target)
		if (atomic_compare_exchange_weak(&slot->target, &old, target))
			return true;
	return false;
}

static bool targets_write(const struct frontier *f, struct local *l)
{
	struct control_page *page = l->page;
	bool first = atomic_load(&page->agent.targets_epoch) != f->epoch;
	bool changed = first;

	for (uint32_t i = 0, n = slots_used(page); i < n; i++) {
		struct control_slot *slot = &page->slots[i];
		const struct gid_entry *e = gids_get(&f->gids,
						     atomic_load(&slot->gid));

		if (e && e->has_target)
			changed |= target_write(slot, e->target, first);
	}
	if (first)
		atomic_store(&page->agent.targets_epoch, f->epoch);
	return changed;
}

/* Derived anew from all that is known, never incremented: so nothing is
 * counted twice, and a rank that came late or made a slot gets its share. */
void frontier_pages(struct frontier *f)
{
	needs_evaluate(f);
	for (size_t i = 0; i < f->nlocals; i++) {
		struct local *l = &f->locals[i];
		uint32_t owed = needs_owed(f, l), missing = missed_by(f, l);
		bool changed = false;

		changed |= atomic_exchange(&l->page->agent.owed, owed) != owed;
		changed |= atomic_exchange(&l->page->agent.missing, missing) !=
			   missing;
		if (f->targets && l->published)
			changed |= targets_write(f, l);
		if (changed)
			f->ops->changed(f->arg, l->rank);
	}
	frontier_hint(f);
}

/* --- counts -----------------------------------------------------------------
 */

static void call_send(struct frontier *f, uint32_t from, uint64_t gid,
		      const int32_t *members, size_t n, bool over)
{
	json_t *list = json_array();
	char text[17];

	gid_encode(gid, text);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer(members[i]));
	frontier_send_counted(f, json_pack("{s:s, s:I, s:s, s:I, s:o, s:b}",
					   "type", "group", "epoch",
					   (json_int_t)f->epoch, "gid", text,
					   "from", (json_int_t)from, "members",
					   list, "over", (int)over));
}

static struct call *call_get(const struct frontier *f, uint64_t gid)
{
	for (size_t i = 0; i < f->ncalls; i++)
		if (f->calls[i].gid == gid)
			return &f->calls[i];
	return NULL;
}

int frontier_call(struct frontier *f, uint64_t gid, const int32_t *members,
		  size_t n, bool over)
{
	struct call *call = call_get(f, gid);

	if (call) {
		call->over |= over;
		return 0;
	}
	if (frontier_reserve(&f->calls, f->ncalls, sizeof(*f->calls)))
		return -ENOMEM;
	call = &f->calls[f->ncalls];
	*call = (struct call){ .gid = gid, .over = over, .n = n };
	call->members = calloc(n ? n : 1, sizeof(*members));
	if (!call->members)
		return -ENOMEM;
	if (n)
		memcpy(call->members, members, n * sizeof(*members));
	f->ncalls++;
	return 0;
}

/* Rank l is inside a group call, by this slot. */
static void call_entered(struct frontier *f, struct local *l,
			 const struct control_slot *slot)
{
	uint64_t gid = atomic_load(&slot->gid);
	uint32_t n = slot->members, at = slot->pool;

	/* The slot may be gone by now, or (from a broken rank) lie. */
	if (!gid || n > CONTROL_POOL || at > CONTROL_POOL - n ||
	    has_entered(l, gid))
		return;
	if (frontier_reserve(&l->entered, l->nentered, sizeof(*l->entered)))
		return;
	l->entered[l->nentered++] = gid;
	call_send(f, l->rank, gid, l->page->pool + at, n, false);
}

static void local_count(struct frontier *f, struct local *l)
{
	for (uint32_t i = 0, n = slots_used(l->page); i < n; i++) {
		const struct control_slot *slot = &l->page->slots[i];
		uint64_t gid = atomic_load(&slot->gid);

		if (!gid)
			continue;
		if (slot->flags & SLOT_GROUP_CALL)
			call_entered(f, l, slot);
		else
			gids_count(&f->gids, gid, atomic_load(&slot->word),
				   slot->members, slot->flags);
	}
}

static json_t *entry_encode(const struct gid_entry *e)
{
	char gid[17];

	gid_encode(e->gid, gid);
	return json_pack("[s, I, I, I, I, I, I]", gid, (json_int_t)e->max,
			 (json_int_t)e->entries, (json_int_t)e->floor,
			 (json_int_t)e->min, (json_int_t)e->members,
			 (json_int_t)e->flags);
}

static void counts_send(struct frontier *f)
{
	json_t *ranks = json_array(), *counts = json_array();

	for (size_t i = 0; i < f->nlocals; i++)
		json_array_append_new(ranks, json_integer(f->locals[i].rank));
	for (size_t i = 0; i < f->gids.cap; i++)
		if (f->gids.v[i].entries)
			json_array_append_new(counts,
					      entry_encode(&f->gids.v[i]));
	frontier_send(f, json_pack("{s:s, s:I, s:o, s:o}", "type", "counts",
				   "epoch", (json_int_t)f->epoch, "ranks",
				   ranks, "counts", counts));
}

static void counts_when_all(struct frontier *f)
{
	if (f->counted)
		return;
	for (size_t i = 0; i < f->nlocals; i++)
		if (!f->locals[i].published)
			return;
	f->counted = true;
	counts_send(f);
}

/* --- ranks ------------------------------------------------------------------
 */

int frontier_join(struct frontier *f, uint32_t rank, struct control_page *page)
{
	if (frontier_reserve(&f->locals, f->nlocals, sizeof(*f->locals)))
		return -ENOMEM;
	f->locals[f->nlocals++] = (struct local){ .rank = rank, .page = page };
	f->counted = false;
	frontier_pages(f);
	return 0;
}

void frontier_leave(struct frontier *f, uint32_t rank)
{
	struct local *l = frontier_local(f, rank);

	if (!l)
		return;
	needs_forget(f, l);
	free(l->entered);
	*l = f->locals[--f->nlocals];
	if (f->epoch) {
		counts_when_all(f);
		frontier_hint(f);
	}
}

void frontier_published(struct frontier *f, uint32_t rank)
{
	struct local *l = frontier_local(f, rank);

	if (!f->epoch || !l || l->published)
		return;
	l->published = true;
	local_count(f, l);
	counts_when_all(f);
	frontier_pages(f);
}

void frontier_held(struct frontier *f, uint32_t rank, bool held, uint32_t seq)
{
	struct local *l = frontier_local(f, rank);

	if (!f->epoch || !l)
		return;
	l->held = held;
	l->held_seq = seq;
	if (held)
		needs_forget(f, l);
	frontier_hint(f);
}

void frontier_raised(struct frontier *f, uint32_t rank, uint64_t gid,
		     uint64_t count)
{
	char text[17];

	(void)rank;
	if (!f->epoch || !gid)
		return;
	gid_encode(gid, text);
	frontier_send_counted(f,
			      json_pack("{s:s, s:I, s:s, s:I}", "type", "raise",
					"epoch", (json_int_t)f->epoch, "gid",
					text, "count", (json_int_t)count));
}

void frontier_slot(struct frontier *f, uint32_t rank, uint64_t gid,
		   uint64_t number)
{
	struct local *l = frontier_local(f, rank);

	if (!f->epoch || !l)
		return;
	if (number == SLOT_OVER)
		call_send(f, rank, gid, NULL, 0, true);
	else if (number < CONTROL_SLOTS &&
		 (l->page->slots[number].flags & SLOT_GROUP_CALL))
		call_entered(f, l, &l->page->slots[number]);
	frontier_pages(f);
}

void frontier_tick(struct frontier *f)
{
	if (!f->epoch)
		return;
	needs_tick(f);
	frontier_pages(f);
}

/* --- life -------------------------------------------------------------------
 */

struct frontier *frontier_create(const struct frontier_ops *ops, void *arg)
{
	struct frontier *f = calloc(1, sizeof(*f));

	if (f) {
		f->ops = ops;
		f->arg = arg;
	}
	return f;
}

static void forget(struct frontier *f)
{
	while (f->ncalls)
		free(f->calls[--f->ncalls].members);
	f->nneeds = f->nspoken = f->nsettled = 0;
	gids_fini(&f->gids);
	f->sent = f->received = 0;
	f->counted = f->targets = f->told_held = false;
	for (size_t i = 0; i < f->nlocals; i++) {
		struct local *l = &f->locals[i];
		uint32_t slice = atomic_load(&l->page->agent.slice);

		l->published = l->held = l->below = l->rooted = false;
		l->serial = 0;
		l->nentered = 0;
		atomic_store(&l->page->agent.owed, 0);
		atomic_store(&l->page->agent.missing, 0);
		atomic_store(&l->page->agent.slice, slice + (slice & 1));
	}
}

void frontier_begin(struct frontier *f, uint32_t epoch)
{
	forget(f);
	f->epoch = epoch;
	/* A node whose ranks have all ended has nothing to wait for. */
	counts_when_all(f);
	frontier_hint(f);
}

void frontier_end(struct frontier *f)
{
	forget(f);
	f->epoch = 0;
}

void frontier_destroy(struct frontier *f)
{
	if (!f)
		return;
	forget(f);
	for (size_t i = 0; i < f->nlocals; i++)
		free(f->locals[i].entered);
	free(f->locals);
	free(f->needs);
	free(f->spoken);
	free(f->settled);
	free(f->calls);
	free(f);
}

bool frontier_has_published(const struct frontier *f, uint32_t rank)
{
	const struct local *l = frontier_local(f, rank);

	return l && l->published;
}

bool frontier_holds(const struct frontier *f, uint32_t rank)
{
	const struct local *l = frontier_local(f, rank);

	return l && local_holds(l);
}
