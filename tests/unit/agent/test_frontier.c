/* SPDX-License-Identifier: BSD-3-Clause */
/* test_frontier.c - the agent's part in FRONTIER, without processes */
#include "runtime/agent/frontier.h"
#include "runtime/agent/gids.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH 7
#define RANKS 3

/* Three local ranks, numbers 4, 5, 6, and a coordinator that writes down. */
static struct control_page *pages[RANKS];
static json_t *sent;
static unsigned int changes[RANKS];
static struct frontier *f;

static void send_cb(void *arg, json_t *message)
{
	(void)arg;
	json_array_append_new(sent, message);
}

static void changed_cb(void *arg, uint32_t rank)
{
	(void)arg;
	changes[rank - 4]++;
	pages[rank - 4]->agent.seq++;
}

static const struct frontier_ops ops = { send_cb, changed_cb };

static void set_up(void)
{
	f = frontier_create(&ops, NULL);
	sent = json_array();
	for (uint32_t i = 0; i < RANKS; i++) {
		changes[i] = 0;
		pages[i] = calloc(1, sizeof(*pages[i]));
		CU_ASSERT_EQUAL(frontier_join(f, i + 4, pages[i]), 0);
	}
	frontier_begin(f, EPOCH);
}

static void tear_down(void)
{
	frontier_destroy(f);
	json_decref(sent);
	for (int i = 0; i < RANKS; i++)
		free(pages[i]);
}

static void slot(int rank, uint64_t gid, uint64_t count, int steps)
{
	struct control_page *page = pages[rank - 4];
	struct control_slot *s = &page->slots[page->rank.nslots++];

	s->gid = gid;
	s->word = slot_word(count, (uint64_t)steps);
	s->members = 9;
}

static struct control_slot *slot_get(int rank, uint64_t gid)
{
	for (uint32_t i = 0; i < pages[rank - 4]->rank.nslots; i++)
		if (pages[rank - 4]->slots[i].gid == gid)
			return &pages[rank - 4]->slots[i];
	return NULL;
}

static void publish_all(void)
{
	for (uint32_t r = 4; r < 7; r++)
		frontier_published(f, r);
}

static void hold(uint32_t rank)
{
	frontier_held(f, rank, true, pages[rank - 4]->agent.seq);
}

static int come(const char *text)
{
	json_t *message = json_loads(text, 0, NULL);
	struct err err = { "" };
	int ret;

	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	json_object_set_new(message, "epoch", json_integer(EPOCH));
	ret = frontier_message(f, message, &err);
	json_decref(message);
	return ret;
}

/* The last message of this type, or NULL. */
static json_t *said(const char *type)
{
	json_t *m;

	for (size_t i = json_array_size(sent); i-- > 0;) {
		m = json_array_get(sent, i);
		if (!strcmp(json_string_value(json_object_get(m, "type")),
			    type))
			return m;
	}
	return NULL;
}

static json_int_t number(const json_t *m, const char *key)
{
	return json_integer_value(json_object_get(m, key));
}

static json_t *count_of(const char *gid)
{
	json_t *list = json_object_get(said("counts"), "counts"), *entry;
	size_t i;

	json_array_foreach(list, i, entry) if (
		!strcmp(json_string_value(json_array_get(entry, 0)),
			gid)) return entry;
	return NULL;
}

static void counts_wait_for_all(void)
{
	set_up();
	frontier_published(f, 4);
	frontier_published(f, 5);
	frontier_published(f, 5);
	CU_ASSERT_PTR_NULL(said("counts"));
	frontier_published(f, 6);
	CU_ASSERT_PTR_NOT_NULL_FATAL(said("counts"));
	CU_ASSERT_EQUAL(json_array_size(
				json_object_get(said("counts"), "ranks")),
			3);
	tear_down();
}

static void counts_do_without_who_left(void)
{
	set_up();
	frontier_published(f, 4);
	frontier_published(f, 5);
	frontier_leave(f, 6);
	CU_ASSERT_EQUAL(json_array_size(
				json_object_get(said("counts"), "ranks")),
			2);
	tear_down();
}

static void counts_reduce(void)
{
	json_t *entry;
	const char *gid;
	json_int_t max, entries, floor, min, members, flags;

	set_up();
	slot(4, 0xaa, 10, 2);
	slot(5, 0xaa, 8, 0);
	slot(6, 0xaa, 9, 1);
	slot(4, 0xbb, 3, 1);
	slot(5, 0xbb, 3, 0);
	publish_all();
	entry = count_of("00000000000000aa");
	CU_ASSERT_EQUAL_FATAL(json_unpack(entry, "[s,I,I,I,I,I,I]", &gid, &max,
					  &entries, &floor, &min, &members,
					  &flags),
			      0);
	CU_ASSERT_EQUAL(max, 10);
	CU_ASSERT_EQUAL(entries, 3);
	CU_ASSERT_EQUAL(floor, 8);
	CU_ASSERT_EQUAL(min, 8);
	CU_ASSERT_EQUAL(members, 9);
	entry = count_of("00000000000000bb");
	CU_ASSERT_EQUAL_FATAL(json_unpack(entry, "[s,I,I,I,I,I,I]", &gid, &max,
					  &entries, &floor, &min, &members,
					  &flags),
			      0);
	CU_ASSERT_EQUAL(max, 3);
	CU_ASSERT_EQUAL(entries, 2);
	CU_ASSERT_EQUAL(floor, 3);
	tear_down();
}

static void targets_replace_then_rise(void)
{
	set_up();
	slot(4, 0xaa, 10, 0);
	slot(5, 0xaa, 12, 0);
	slot_get(4, 0xaa)->target = 99; /* of an older epoch */
	publish_all();
	CU_ASSERT_EQUAL(come("{\"type\":\"targets\",\"targets\":"
			     "[[\"00000000000000aa\",12]]}"),
			0);
	CU_ASSERT_EQUAL(slot_get(4, 0xaa)->target, 12);
	CU_ASSERT_EQUAL(pages[0]->agent.targets_epoch, EPOCH);
	CU_ASSERT_EQUAL(pages[2]->agent.targets_epoch, EPOCH);
	CU_ASSERT_EQUAL(come("{\"type\":\"raise\",\"gid\":"
			     "\"00000000000000aa\",\"count\":14}"),
			0);
	CU_ASSERT_EQUAL(slot_get(5, 0xaa)->target, 14);
	CU_ASSERT_EQUAL(come("{\"type\":\"raise\",\"gid\":"
			     "\"00000000000000aa\",\"count\":13}"),
			0);
	CU_ASSERT_EQUAL(slot_get(5, 0xaa)->target, 14);
	/* Rank 6 is no member: told once, that targets are known. */
	CU_ASSERT_EQUAL(changes[2], 1);
	tear_down();
}

static void late_slot_gets_its_target(void)
{
	set_up();
	publish_all();
	CU_ASSERT_EQUAL(come("{\"type\":\"targets\",\"targets\":[]}"), 0);
	CU_ASSERT_EQUAL(come("{\"type\":\"raise\",\"gid\":"
			     "\"00000000000000cc\",\"count\":2}"),
			0);
	slot(5, 0xcc, 0, 0);
	frontier_slot(f, 5, 0xcc, 0);
	CU_ASSERT_EQUAL(slot_get(5, 0xcc)->target, 2);
	tear_down();
}

static void held_is_a_promise_about_one_page(void)
{
	set_up();
	publish_all();
	come("{\"type\":\"targets\",\"targets\":[]}");
	hold(4);
	hold(5);
	CU_ASSERT_PTR_NULL(said("held"));
	hold(6);
	CU_ASSERT_TRUE(json_is_true(json_object_get(said("held"), "held")));
	/* A raise comes: whoever it concerns has to promise again. */
	slot(6, 0xaa, 1, 0);
	come("{\"type\":\"raise\",\"gid\":\"00000000000000aa\",\"count\":2}");
	CU_ASSERT_TRUE(json_is_false(json_object_get(said("held"), "held")));
	come("{\"type\":\"wave\",\"n\":1}");
	CU_ASSERT_TRUE(json_is_false(json_object_get(said("wave"), "held")));
	hold(6);
	come("{\"type\":\"wave\",\"n\":2}");
	CU_ASSERT_TRUE(json_is_true(json_object_get(said("wave"), "held")));
	tear_down();
}

static void need_is_owed_once_and_withdrawn(void)
{
	static const char on[] = "{\"type\":\"need\",\"from\":1,\"to\":5,"
				 "\"gid\":\"00000000000000aa\",\"on\":true,"
				 "\"root\":1,\"serial\":0}";
	static const char off[] = "{\"type\":\"need\",\"from\":1,\"to\":5,"
				  "\"gid\":\"00000000000000aa\",\"on\":false,"
				  "\"root\":1,\"serial\":0}";

	set_up();
	publish_all();
	come(on);
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 1);
	come(on); /* on another's account, say */
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 1);
	come(off);
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 0);
	come(off);
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 0);
	CU_ASSERT_EQUAL(pages[0]->agent.owed, 0);
	CU_ASSERT_EQUAL(changes[1], 2);
	tear_down();
}

static void wildcard_is_owed_by_members_only(void)
{
	static const char on[] = "{\"type\":\"need\",\"from\":4,\"to\":-1,"
				 "\"gid\":\"00000000000000aa\",\"on\":true,"
				 "\"root\":1,\"serial\":0}";

	set_up();
	slot(4, 0xaa, 1, 0);
	slot(5, 0xaa, 1, 0);
	publish_all();
	come(on);
	CU_ASSERT_EQUAL(pages[0]->agent.owed, 0); /* not by itself */
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 1);
	CU_ASSERT_EQUAL(pages[2]->agent.owed, 0);
	frontier_end(f);
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 0);
	tear_down();
}

/* How many `need` messages were said so far, and whether the last was on. */
static size_t needs_said(void)
{
	const json_t *m;
	size_t i, n = 0;

	json_array_foreach(sent, i, m)
		n += !strcmp(json_string_value(json_object_get(m, "type")),
			     "need");
	return n;
}

static bool last_need_is_on(void)
{
	return json_is_true(json_object_get(said("need"), "on"));
}

/* Rank 5 waits for rank 1, or does not any more. */
static void rank_says(bool on, bool below)
{
	frontier_need(f, 5, 1, 0, on, below);
}

static void needs_linger(void)
{
	set_up();
	publish_all();
	for (int i = 0; i < 3; i++) {
		rank_says(true, true);
		rank_says(false, true);
	}
	CU_ASSERT_EQUAL(needs_said(), 1);
	CU_ASSERT_EQUAL(number(said("need"), "root"), 5);
	frontier_tick(f);
	CU_ASSERT_EQUAL(needs_said(), 1);
	frontier_tick(f);
	CU_ASSERT_EQUAL(needs_said(), 2);
	CU_ASSERT_FALSE(last_need_is_on());
	tear_down();
}

static void needs_end_when_their_root_settles(void)
{
	set_up();
	publish_all();
	rank_says(true, true);
	CU_ASSERT_PTR_NULL(said("settled"));
	hold(5);
	CU_ASSERT_EQUAL(number(said("settled"), "rank"), 5);
	CU_ASSERT_EQUAL(number(said("settled"), "serial"), 0);
	frontier_settled(f, 5); /* no word twice */
	CU_ASSERT_EQUAL(number(said("settled"), "serial"), 0);
	rank_says(true, true);
	CU_ASSERT_EQUAL(number(said("need"), "serial"), 1);
	frontier_settled(f, 5);
	CU_ASSERT_EQUAL(number(said("settled"), "serial"), 1);
	CU_ASSERT_EQUAL(needs_said(), 2); /* it says that they are off */
	tear_down();
}

#define NEED_OF(from, to, root, serial)                     \
	"{\"type\":\"need\",\"from\":" #from ",\"to\":" #to \
	",\"gid\":\"\",\"on\":true,\"root\":" #root ",\"serial\":" #serial "}"

/* Ranks 5 and 1 wait for each other, both for the sake of rank 2. */
static void needs_of_others_have_their_root(void)
{
	set_up();
	publish_all();
	rank_says(true, false); /* nobody needs rank 5: then it needs nobody */
	CU_ASSERT_EQUAL(needs_said(), 0);
	come(NEED_OF(2, 5, 2, 0));
	CU_ASSERT_EQUAL(needs_said(), 1);
	CU_ASSERT_EQUAL(number(said("need"), "root"), 2);
	come(NEED_OF(1, 5, 2, 0));
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 2);
	come("{\"type\":\"settled\",\"rank\":2,\"serial\":0}");
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 0);
	come(NEED_OF(1, 5, 2, 0)); /* was under way */
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 0);
	CU_ASSERT_EQUAL(needs_said(), 1);
	come(NEED_OF(1, 5, 2, 1));
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 1);
	CU_ASSERT_EQUAL(number(said("need"), "serial"), 1);
	tear_down();
}

static void a_need_finds_another_root(void)
{
	set_up();
	publish_all();
	come(NEED_OF(2, 5, 2, 0));
	come(NEED_OF(3, 5, 3, 0));
	rank_says(true, false);
	CU_ASSERT_EQUAL(needs_said(), 1);
	come("{\"type\":\"settled\",\"rank\":3,\"serial\":0}");
	come("{\"type\":\"settled\",\"rank\":2,\"serial\":0}");
	CU_ASSERT_EQUAL(pages[1]->agent.owed, 0);
	come(NEED_OF(4, 5, 4, 0));
	CU_ASSERT_EQUAL(number(said("need"), "root"), 4);
	CU_ASSERT_TRUE(last_need_is_on());
	/* Its own need is not its root. */
	come("{\"type\":\"settled\",\"rank\":4,\"serial\":0}");
	come(NEED_OF(1, 5, 5, 0));
	CU_ASSERT_EQUAL(number(said("need"), "root"), 4);
	tear_down();
}

static void group_calls_are_missed_until_entered(void)
{
	static const char in[] = "{\"type\":\"group\",\"from\":9,\"gid\":"
				 "\"00000000000000dd\",\"members\":[4,5,9],"
				 "\"over\":false}";
	static const char over[] = "{\"type\":\"group\",\"from\":9,\"gid\":"
				   "\"00000000000000dd\",\"members\":[],"
				   "\"over\":true}";
	struct control_slot *s;

	set_up();
	publish_all();
	come(in);
	CU_ASSERT_EQUAL(pages[0]->agent.missing, 1);
	CU_ASSERT_EQUAL(pages[1]->agent.missing, 1);
	CU_ASSERT_EQUAL(pages[2]->agent.missing, 0);
	slot(4, 0xdd, 1, 0);
	s = slot_get(4, 0xdd);
	s->flags = SLOT_GROUP_CALL;
	s->members = 3;
	pages[0]->pool[0] = 4;
	pages[0]->pool[1] = 5;
	pages[0]->pool[2] = 9;
	frontier_slot(f, 4, 0xdd, 0);
	CU_ASSERT_EQUAL(pages[0]->agent.missing, 0);
	CU_ASSERT_EQUAL(pages[1]->agent.missing, 1);
	CU_ASSERT_EQUAL(number(said("group"), "from"), 4);
	CU_ASSERT_EQUAL(json_array_size(
				json_object_get(said("group"), "members")),
			3);
	come(over);
	CU_ASSERT_EQUAL(pages[1]->agent.missing, 0);
	come(in); /* overtaken by the end */
	CU_ASSERT_EQUAL(pages[1]->agent.missing, 0);
	frontier_slot(f, 4, 0xdd, SLOT_OVER);
	CU_ASSERT_TRUE(json_is_true(json_object_get(said("group"), "over")));
	tear_down();
}

static void waves_count_control_messages(void)
{
	set_up();
	publish_all();
	come("{\"type\":\"targets\",\"targets\":[]}");
	frontier_raised(f, 4, 0xaa, 3);
	frontier_need(f, 5, 1, 0, true, true);
	come("{\"type\":\"raise\",\"gid\":\"00000000000000aa\",\"count\":3}");
	come("{\"type\":\"wave\",\"n\":5}");
	CU_ASSERT_EQUAL(number(said("wave"), "n"), 5);
	CU_ASSERT_EQUAL(number(said("wave"), "sent"), 2);
	CU_ASSERT_EQUAL(number(said("wave"), "received"), 2);
	frontier_begin(f, EPOCH + 1);
	frontier_raised(f, 4, 0xaa, 4);
	CU_ASSERT_EQUAL(number(said("raise"), "epoch"), EPOCH + 1);
	tear_down();
}

static void slices_release_and_end(void)
{
	set_up();
	publish_all();
	come("{\"type\":\"phase\",\"phase\":\"slice\",\"on\":true}");
	CU_ASSERT_EQUAL(pages[0]->agent.slice & 1, 1);
	come("{\"type\":\"phase\",\"phase\":\"slice\",\"on\":true}");
	CU_ASSERT_EQUAL(pages[0]->agent.slice, 1);
	come("{\"type\":\"phase\",\"phase\":\"slice\",\"on\":false}");
	CU_ASSERT_EQUAL(pages[0]->agent.slice, 2);
	tear_down();
}

static void malformed_messages_are_refused(void)
{
	static const char *const bad[] = {
		"{\"type\":\"targets\"}",
		"{\"type\":\"targets\",\"targets\":[[1,2]]}",
		"{\"type\":\"targets\",\"targets\":[[\"00000000000000aa\"]]}",
		"{\"type\":\"targets\",\"targets\":"
		"[[\"00000000000000aa\",-1]]}",
		"{\"type\":\"raise\",\"gid\":\"xx\",\"count\":1}",
		"{\"type\":\"raise\",\"gid\":\"0000000000000000\","
		"\"count\":1}",
		"{\"type\":\"need\",\"from\":1}",
		"{\"type\":\"need\",\"from\":1,\"to\":-1,\"gid\":\"\","
		"\"on\":true,\"root\":1,\"serial\":0}",
		"{\"type\":\"need\",\"from\":1,\"to\":5,\"gid\":\"\","
		"\"on\":true}",
		"{\"type\":\"group\",\"gid\":\"00000000000000aa\"}",
		"{\"type\":\"wave\"}",
	};

	set_up();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(come(bad[i]), -EPROTO);
	tear_down();
}

static void old_epochs_are_ignored(void)
{
	json_t *m = json_pack("{s:s, s:i, s:i}", "type", "wave", "epoch",
			      EPOCH - 1, "n", 1);
	struct err err;

	set_up();
	CU_ASSERT_EQUAL(frontier_message(f, m, &err), 0);
	CU_ASSERT_PTR_NULL(said("wave"));
	json_decref(m);
	tear_down();
}

static void many_gids_are_kept_apart(void)
{
	struct gids g = { 0 };

	for (uint64_t gid = 1; gid <= 5000; gid++)
		CU_ASSERT_EQUAL(gids_count(&g, gid << 40, slot_word(gid, 0), 2,
					   0),
				0);
	for (uint64_t gid = 1; gid <= 5000; gid++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(gids_get(&g, gid << 40));
		CU_ASSERT_EQUAL(gids_get(&g, gid << 40)->max, gid);
	}
	CU_ASSERT_PTR_NULL(gids_get(&g, 3));
	gids_fini(&g);
}

static const struct unit_test tests[] = {
	{ "counts wait for all local ranks", counts_wait_for_all },
	{ "counts do without a rank that left", counts_do_without_who_left },
	{ "counts are reduced over local ranks", counts_reduce },
	{ "targets replace old ones, then only rise",
	  targets_replace_then_rise },
	{ "a slot made late gets its target", late_slot_gets_its_target },
	{ "HELD is a promise about one state of the page",
	  held_is_a_promise_about_one_page },
	{ "NEED is owed once and withdrawn", need_is_owed_once_and_withdrawn },
	{ "a wildcard NEED is owed by members only",
	  wildcard_is_owed_by_members_only },
	{ "NEED lingers", needs_linger },
	{ "NEED ends when its root settles",
	  needs_end_when_their_root_settles },
	{ "NEED for another's sake has its root",
	  needs_of_others_have_their_root },
	{ "NEED finds another root", a_need_finds_another_root },
	{ "group calls are missed until entered or over",
	  group_calls_are_missed_until_entered },
	{ "waves count control messages", waves_count_control_messages },
	{ "slices release all holds and end", slices_release_and_end },
	{ "malformed messages are refused", malformed_messages_are_refused },
	{ "messages of old epochs are ignored", old_epochs_are_ignored },
	{ "many gids are kept apart", many_gids_are_kept_apart },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = { { "agent/frontier", tests },
					    { NULL, NULL } };

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
