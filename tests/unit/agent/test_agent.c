/* SPDX-License-Identifier: BSD-3-Clause */
/* test_agent.c - cairnd between an invented coordinator and fake ranks */
#include "runtime/net/channel.h"
#include "storage/image.h"
#include "storage/manifest.h"
#include "tests/lib/unit.h"
#include "tests/unit/agent/fake_rank.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 10000
#define SEED	11

/* What every test has: an agent and our end of its channel. */
static char dir[200], socket_dir[200], socket_path[220], secret_hex[65];
static struct channel *channel;
static pid_t ranks[4];
static int agent_pidfd;

/* --- agent
 * ----------------------------------------------------------------------- */

static const char *cairnd_path(void)
{
	static char path[4096];
	const char *build = getenv("top_builddir");

	snprintf(path, sizeof(path), "%s/runtime/cairnd", build ? build : ".");
	return path;
}

static pid_t cairnd_exec(const char *address, const char *fault)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setenv("CAIRN_AGENT", socket_path, 1);
	setenv("CAIRN_COORDINATOR", address, 1);
	setenv("CAIRN_SECRET", secret_hex, 1);
	if (fault)
		setenv("CAIRN_FAULT", fault, 1);
	execl(cairnd_path(), "cairnd", NULL);
	_exit(127);
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static json_t *expect(const char *type);

/* restore: an epoch, or 0. */
static void agent_start(uint32_t restore, const char *fault)
{
	unsigned char secret[CHANNEL_SECRET_BYTES];
	char address[64];
	struct err err;
	json_t *welcome, *hello;
	struct pollfd p = { .events = POLLIN };
	pid_t pid;

	secret_make(secret);
	secret_to_hex(secret, secret_hex);
	UNIT_OK(channel_listen(NULL, 0, &p.fd, address, sizeof(address), &err),
		&err);
	pid = cairnd_exec(address, fault);
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, WAIT_MS), 1);
	UNIT_OK(channel_accept(p.fd, CHANNEL_SECRET, secret, &channel, &err),
		&err);
	hello = expect("hello");
	agent_pidfd = (int)syscall(SYS_pidfd_open,
				   json_integer_value(
					   json_object_get(hello, "pid")),
				   0);
	json_decref(hello);
	welcome = json_pack("{s:s, s:s}", "type", "welcome", "dir", dir);
	json_object_set_new(welcome, "restore",
			    restore ? json_integer(restore) : json_null());
	UNIT_OK(channel_send(channel, welcome, &err), &err);
	json_decref(welcome);
	CU_ASSERT_EQUAL_FATAL(status_of(pid), 0);
	close(p.fd);
}

static void set_up(void)
{
	static int n;

	snprintf(dir, sizeof(dir), "%s/ckpt%d", unit_tmpdir(), ++n);
	snprintf(socket_dir, sizeof(socket_dir), "%s/s%d", unit_tmpdir(), n);
	snprintf(socket_path, sizeof(socket_path), "%s/agent", socket_dir);
	mkdir(dir, 0700);
}

/* For a failure: which of the ranks have ended, and how. */
static void ranks_note(void)
{
	int status;

	for (int i = 0; i < 3; i++)
		if (ranks[i] && waitpid(ranks[i], &status, WNOHANG) > 0)
			unit_note("rank %d has ended with status 0x%x", i,
				  (unsigned int)status);
}

/* The next message of this type; all others are passed over. */
static json_t *expect(const char *type)
{
	json_t *message;
	struct err err = { "" };
	int ret;

	for (;;) {
		const char *its;

		ret = channel_wait(channel, WAIT_MS, &message, &err);
		if (ret) {
			unit_note("waiting for \"%s\": %d %s", type, ret,
				  err.text);
			ranks_note();
			CU_FAIL_FATAL("no such message came");
			return NULL;
		}
		its = json_string_value(json_object_get(message, "type"));
		if (!strcmp(its, type))
			return message;
		json_decref(message);
	}
}

static void expect_done(const char *phase)
{
	json_t *message = expect("done");

	CU_ASSERT_STRING_EQUAL(json_string_value(
				       json_object_get(message, "phase")),
			       phase);
	json_decref(message);
}

static void tell(json_t *message)
{
	struct err err;

	UNIT_OK(channel_send(channel, message, &err), &err);
	json_decref(message);
}

static void tell_phase(int epoch, const char *phase)
{
	tell(json_pack("{s:s, s:i, s:s}", "type", "phase", "epoch", epoch,
		       "phase", phase));
}

/* The agent must be gone. */
static bool agent_is_gone(void)
{
	struct pollfd p = { .fd = agent_pidfd, .events = POLLIN };
	bool gone = poll(&p, 1, WAIT_MS) == 1;

	close(agent_pidfd);
	return gone;
}

/* And its socket with it. */
static bool agent_ends(void)
{
	return agent_is_gone() && access(socket_dir, F_OK);
}

static void tear_down(void)
{
	channel_close(channel);
	channel = NULL;
	CU_ASSERT_TRUE(agent_ends());
}

/* --- ranks
 * ------------------------------------------------------------------------- */

static void rank_start(int i, struct fake_rank how)
{
	how.socket = socket_path;
	if (!how.secret)
		how.secret = secret_hex;
	how.rank = (uint32_t)i;
	if (!how.size)
		how.size = 2;
	how.seed = how.seed ? how.seed : SEED + 100 * (unsigned int)i;
	ranks[i] = fake_rank_start(&how);
}

static void expect_rank(const char *state)
{
	json_t *message = expect("rank");

	CU_ASSERT_STRING_EQUAL(json_string_value(
				       json_object_get(message, "state")),
			       state);
	json_decref(message);
}

static void ranks_start(struct fake_rank first)
{
	rank_start(0, first);
	rank_start(1, (struct fake_rank){ 0 });
	expect_rank("running");
	expect_rank("running");
}

static void ranks_end(void)
{
	for (int i = 0; i < 2; i++) {
		kill(ranks[i], SIGTERM);
		CU_ASSERT_EQUAL(status_of(ranks[i]), FAKE_FINE);
		expect_rank("exited");
	}
}

/* --- epochs
 * -------------------------------------------------------------------------- */

static void to_held(int epoch, const char *capture)
{
	json_t *m;

	tell(json_pack("{s:s, s:i, s:s}", "type", "frontier", "epoch", epoch,
		       "capture", capture));
	m = expect("counts");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(m, "ranks")), 2);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(m, "counts")), 1);
	json_decref(m);
	tell(json_pack("{s:s, s:i, s:[[s, i]]}", "type", "targets", "epoch",
		       epoch, "targets", "0000000000000abc", 5));
	m = expect("held");
	CU_ASSERT_TRUE(json_is_true(json_object_get(m, "held")));
	json_decref(m);
	tell(json_pack("{s:s, s:i, s:i}", "type", "wave", "epoch", epoch, "n",
		       1));
	m = expect("wave");
	CU_ASSERT_TRUE(json_is_true(json_object_get(m, "held")));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "received")), 1);
	json_decref(m);
}

static void to_taken(int epoch, const char *capture)
{
	to_held(epoch, capture);
	tell_phase(epoch, "drain");
	expect_done("drain");
	tell_phase(epoch, "capture");
	expect_done("capture");
}

static void commit(int epoch, json_t *durable)
{
	json_t *manifest = json_pack(
		"{s:i, s:i, s:i, s:s, s:O, s:O, s:O, s:f, s:[s], s:s, s:s, "
		"s:s, s:[{s:O, s:O, s:O, s:O, s:O}]}",
		"format", 1, "epoch", epoch, "ranks", 2, "time",
		"2026-01-01T00:00:00Z", "bytes",
		json_object_get(durable, "bytes"), "memory_bytes",
		json_object_get(durable, "memory_bytes"), "pause_ms",
		json_object_get(durable, "pause_ms"), "seconds", 1.0, "program",
		"x", "mpi", "none", "cpu", "any", "kernel", "any", "images",
		"file", json_object_get(durable, "file"), "node",
		json_object_get(durable, "node"), "bytes",
		json_object_get(durable, "bytes"), "index_digest",
		json_object_get(durable, "index_digest"), "ranks",
		json_object_get(durable, "ranks"));
	struct err err;
	int fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(manifest);
	UNIT_OK(epoch_folder(dir, (uint32_t)epoch, 0, &fd, &err), &err);
	UNIT_OK(manifest_commit(fd, manifest, &err), &err);
	json_decref(manifest);
	close(fd);
}

static void whole_epoch(int epoch, const char *capture)
{
	json_t *durable;
	struct err err;

	to_taken(epoch, capture);
	tell_phase(epoch, "release");
	durable = expect("done");
	CU_ASSERT_STRING_EQUAL(json_string_value(
				       json_object_get(durable, "phase")),
			       "durable");
	CU_ASSERT_TRUE(json_number_value(json_object_get(durable, "pause_ms")) >
		       0);
	commit(epoch, durable);
	json_decref(durable);
	tell(json_pack("{s:s, s:i}", "type", "committed", "epoch", epoch));
	UNIT_OK(epoch_verify(dir, (uint32_t)epoch, &err), &err);
}

static int epoch_names(int epoch)
{
	char command[300];
	FILE *p;
	int n = -1;

	snprintf(command, sizeof(command),
		 "ls -A %s/epoch-%06d 2>/dev/null | wc -l", dir, epoch);
	p = popen(command, "r");
	if (fscanf(p, "%d", &n) != 1)
		n = -1;
	pclose(p);
	return n;
}

static void compare_restored(int epoch, unsigned int changed)
{
	agent_start((uint32_t)epoch, NULL);
	for (int i = 0; i < 2; i++)
		rank_start(i, (struct fake_rank){
				      .restore = true,
				      .seed = SEED + 100 * (unsigned int)i +
					      changed });
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(status_of(ranks[i]), FAKE_FINE);
	tear_down();
}

/* --- tests
 * ----------------------------------------------------------------------------
 */

static void ranks_come_and_go(void)
{
	json_t *m;

	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	kill(ranks[0], SIGTERM);
	status_of(ranks[0]);
	m = expect("rank");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(m, "state")),
			       "exited");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "code")), 0);
	json_decref(m);
	kill(ranks[1], SIGKILL);
	status_of(ranks[1]);
	m = expect("rank");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "code")), -1);
	json_decref(m);
	tear_down();
}

static void strangers_are_dropped(void)
{
	char wrong[65];

	set_up();
	agent_start(0, NULL);
	memset(wrong, '0', 64);
	wrong[64] = '\0';
	rank_start(0, (struct fake_rank){ .secret = wrong });
	CU_ASSERT_EQUAL(status_of(ranks[0]), FAKE_DROPPED << 8);
	rank_start(0, (struct fake_rank){ .secret = "" });
	CU_ASSERT_EQUAL(status_of(ranks[0]), FAKE_DROPPED << 8);
	rank_start(0, (struct fake_rank){ .half_hello = true });
	CU_ASSERT_EQUAL(status_of(ranks[0]), FAKE_DROPPED << 8);
	ranks_start((struct fake_rank){ 0 });
	rank_start(2, (struct fake_rank){ 0 }); /* of 2 */
	CU_ASSERT_EQUAL(status_of(ranks[2]), FAKE_DENIED << 8);
	ranks_end();
	tear_down();
}

static void epoch_holds_what_was_at_capture(void)
{
	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	whole_epoch(1, "cow");
	whole_epoch(2, "stop");
	ranks_end();
	tear_down();
	compare_restored(1, 0);
	compare_restored(2, 1); /* epoch 1 wrote seed + 1 at its release */
	compare_restored(1, 0);
}

static void aborts_leave_nothing(void)
{
	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	to_held(1, "cow");
	tell_phase(1, "abort");
	to_held(2, "cow");
	tell_phase(2, "drain");
	expect_done("drain");
	tell_phase(2, "abort");
	to_taken(3, "cow");
	tell_phase(3, "abort");
	to_taken(4, "stop");
	tell_phase(4, "release");
	expect_done("durable");
	tell_phase(4, "abort");
	whole_epoch(5, "cow");
	for (int epoch = 1; epoch < 5; epoch++)
		CU_ASSERT_EQUAL(epoch_names(epoch), 0);
	CU_ASSERT_EQUAL(epoch_names(5), 2);
	ranks_end();
	tear_down();
}

static void refusals_reach_the_coordinator(void)
{
	json_t *m;

	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ .refuse = true });
	tell(json_pack("{s:s, s:i, s:s}", "type", "frontier", "epoch", 1,
		       "capture", "cow"));
	m = expect("refuse");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "rank")), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(m, "text")),
			       "rank 0 has a window open");
	json_decref(m);
	tell_phase(1, "abort");
	ranks_end();
	tear_down();
}

static void unwritable_folder_is_refused_first(void)
{
	json_t *m;

	set_up();
	rmdir(dir);
	close(open(dir, O_CREAT | O_WRONLY, 0600)); /* no folder at all */
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	tell(json_pack("{s:s, s:i, s:s}", "type", "frontier", "epoch", 1,
		       "capture", "cow"));
	m = expect("refuse");
	unit_note("%s", json_string_value(json_object_get(m, "text")));
	json_decref(m);
	tell_phase(1, "abort");
	ranks_end();
	tear_down();
}

static void dead_rank_refuses_the_epoch(void)
{
	json_t *m;

	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ .die_quiet = true });
	to_held(1, "cow");
	tell_phase(1, "drain");
	m = expect("refuse");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "rank")), 0);
	json_decref(m);
	tell_phase(1, "abort");
	CU_ASSERT_EQUAL(status_of(ranks[0]), FAKE_BROKEN << 8);
	kill(ranks[1], SIGTERM);
	CU_ASSERT_EQUAL(status_of(ranks[1]), 0);
	tear_down();
}

static void orphans_are_killed(void)
{
	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	to_held(1, "cow");
	channel_close(channel);
	channel = NULL;
	CU_ASSERT_EQUAL(status_of(ranks[0]), SIGKILL);
	CU_ASSERT_EQUAL(status_of(ranks[1]), SIGKILL);
	CU_ASSERT_TRUE(agent_ends());
	CU_ASSERT_EQUAL(epoch_names(1), 0);
}

/* The coordinator dies between its commit and its word of it. */
static void orphans_keep_what_is_durable(void)
{
	json_t *durable;
	struct err err;

	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	to_taken(1, "cow");
	tell_phase(1, "release");
	durable = expect("done");
	commit(1, durable);
	json_decref(durable);
	channel_close(channel);
	channel = NULL;
	CU_ASSERT_EQUAL(status_of(ranks[0]), SIGKILL);
	CU_ASSERT_EQUAL(status_of(ranks[1]), SIGKILL);
	CU_ASSERT_TRUE(agent_ends());
	UNIT_OK(epoch_verify(dir, 1, &err), &err);
}

static void stop_ends_ranks(void)
{
	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	tell(json_pack("{s:s, s:i}", "type", "stop", "signal", SIGTERM));
	CU_ASSERT_EQUAL(status_of(ranks[0]), 0);
	CU_ASSERT_EQUAL(status_of(ranks[1]), 0);
	tear_down();
}

static void damage_is_denied(void)
{
	char path[300];
	struct stat st;
	char node[65] = "", byte;
	int fd;

	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	whole_epoch(1, "cow");
	ranks_end();
	tear_down();
	gethostname(node, sizeof(node) - 1);
	snprintf(path, sizeof(path), "%s/epoch-000001/node-%s.img", dir, node);
	fd = open(path, O_RDWR);
	CU_ASSERT_FATAL(fd >= 0 && !fstat(fd, &st));
	CU_ASSERT_EQUAL(pread(fd, &byte, 1, st.st_size / 3), 1);
	byte ^= 4;
	CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, st.st_size / 3), 1);
	close(fd);
	agent_start(1, NULL);
	for (int i = 0; i < 2; i++)
		rank_start(i, (struct fake_rank){
				      .restore = true,
				      .seed = SEED + 100 * (unsigned int)i });
	/* One rank's chunk is damaged; the other's are not. */
	CU_ASSERT_EQUAL(status_of(ranks[0]) + status_of(ranks[1]),
			FAKE_DENIED << 8);
	tear_down();
}

static void wrong_size_is_denied(void)
{
	set_up();
	agent_start(0, NULL);
	ranks_start((struct fake_rank){ 0 });
	whole_epoch(1, "cow");
	ranks_end();
	tear_down();
	agent_start(1, NULL);
	rank_start(0, (struct fake_rank){ .restore = true, .size = 3 });
	CU_ASSERT_EQUAL(status_of(ranks[0]), FAKE_DENIED << 8);
	tear_down();
}

static void rank_ends(int i)
{
	kill(ranks[i], SIGKILL);
	status_of(ranks[i]);
}

/* Killed anywhere, the agent leaves no epoch that looks committed, and the
 * next agent makes one. */
static void agent_may_die_anywhere(void)
{
	static const char *const faults[] = {
		"agent-frontier", "agent-counts",   "agent-drain",
		"agent-capture",  "agent-captured", "agent-read",
		"agent-finish",	  "agent-durable",  "agent-release",
	};
	json_t *m;
	struct err err;

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct catalog catalog;

		set_up();
		agent_start(0, faults[i]);
		ranks_start((struct fake_rank){ 0 });
		tell(json_pack("{s:s, s:i, s:s}", "type", "frontier", "epoch",
			       1, "capture", "cow"));
		/* Whatever it says, push it on until it is dead. */
		while (!channel_wait(channel, WAIT_MS, &m, &err)) {
			const char *type = json_string_value(
				json_object_get(m, "type"));
			const char *phase = json_string_value(
				json_object_get(m, "phase"));

			if (!strcmp(type, "counts"))
				tell(json_pack("{s:s, s:i, s:[]}", "type",
					       "targets", "epoch", 1,
					       "targets"));
			else if (!strcmp(type, "held"))
				tell_phase(1, "drain");
			else if (phase && !strcmp(phase, "drain"))
				tell_phase(1, "capture");
			else if (phase && !strcmp(phase, "capture"))
				tell_phase(1, "release");
			json_decref(m);
		}
		rank_ends(0);
		rank_ends(1);
		CU_ASSERT_TRUE(agent_is_gone());
		channel_close(channel);
		channel = NULL;
		UNIT_OK(catalog_load(dir, &catalog, &err), &err);
		CU_ASSERT_EQUAL(catalog.n, 0);
		catalog_fini(&catalog);
		/* Its socket is left: the next one takes its place. */
		agent_start(0, NULL);
		ranks_start((struct fake_rank){ 0 });
		whole_epoch(2, "cow");
		ranks_end();
		tear_down();
	}
}

static const struct unit_test tests[] = {
	{ "ranks come and go", ranks_come_and_go },
	{ "strangers are dropped without effect", strangers_are_dropped },
	{ "an epoch holds what was there at the capture",
	  epoch_holds_what_was_at_capture },
	{ "aborts leave nothing", aborts_leave_nothing },
	{ "refusals reach the coordinator", refusals_reach_the_coordinator },
	{ "a folder that is none is refused before anybody stops",
	  unwritable_folder_is_refused_first },
	{ "a rank that dies refuses the epoch", dead_rank_refuses_the_epoch },
	{ "ranks without a coordinator are killed", orphans_are_killed },
	{ "images that may have been committed are kept",
	  orphans_keep_what_is_durable },
	{ "stop ends the ranks", stop_ends_ranks },
	{ "a damaged image is denied", damage_is_denied },
	{ "another number of ranks is denied", wrong_size_is_denied },
	{ "the agent may die anywhere", agent_may_die_anywhere },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = { { "agent", tests },
					    { NULL, NULL } };

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	return unit_main(argc, argv, suites);
}
