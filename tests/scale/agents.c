/* SPDX-License-Identifier: BSD-3-Clause */
/* agents.c - stands where mpiexec would, and is the agents of many nodes */
#include "config.h"

#include "runtime/agent/frontier.h"
#include "runtime/net/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/*
 * DESIGN
 *
 * `cairnrun` starts this as its mpiexec.  It opens one connection a node and
 * speaks the protocol there as cairnd does, with the agent's own FRONTIER
 * (runtime/agent/frontier.c) and channel; only what is below is invented: ranks
 * are control pages without a process, and images are words.  So all that
 * cairnrun does for an epoch of ten thousand nodes is done by cairnrun itself.
 *
 * Ranks form a grid of rows of ROW: each is in the world, a row and a column,
 * and some are a collective behind others, so targets are not what they
 * published.
 *
 * SIM_NODES, SIM_RANKS (a node) say how many.  At the end (TERM, or `stop`) one
 * JSON object is printed: messages and bytes of all connections, by epochs how
 * long each phase took from here.
 */
#define IMAGE	   ".image" /* all nodes' images */
#define ROW	   64
#define BEAT_MS	   2000
#define CONNECT_MS 30000
#define KNOCKING   100 /* connections that are made at a time */
#define MINE_MAX   4096
#define PATIENCE   8 /* seconds without any word from cairnrun: it is gone */

struct rank {
	uint32_t number;
	struct control_page *page;
};

struct node {
	struct channel *channel;
	struct frontier *frontier;
	struct rank *ranks;
	uint32_t number, epoch;
	bool writing; /* EPOLLOUT is watched */
};

static struct {
	struct node *nodes;
	uint32_t n, ranks; /* a node */
	int epfd;
	int dirfd; /* the checkpoint folder */
	bool stopped;
	unsigned char secret[CHANNEL_SECRET_BYTES];
	_Atomic uint32_t next;	     /* node to be opened */
	atomic_ulong sent, received; /* messages */
	struct timespec frontier;    /* when this epoch's first word came */
	json_t *epochs;
} sim;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "agents: %s: %s\n", what, why);
	exit(1);
}

static double seconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) +
	       (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

/* --- a node's words --- */

static void watch(struct node *node, int op)
{
	struct epoll_event ev = { .data.ptr = node,
				  .events = EPOLLIN |
					    (node->writing ? EPOLLOUT : 0) };

	if (epoll_ctl(sim.epfd, op, channel_fd(node->channel), &ev))
		die("epoll_ctl", strerror(errno));
}

static void say(struct node *node, json_t *message)
{
	struct err err;

	if (!message)
		die("a message", "no memory");
	if (channel_send(node->channel, message, &err))
		die("cairnrun", err.text);
	json_decref(message);
	sim.sent++;
	if (node->writing != (bool)channel_wants_write(node->channel)) {
		node->writing = !node->writing;
		watch(node, EPOLL_CTL_MOD);
	}
}

/* Not counted: time's, not an epoch's. */
static void beat(struct node *node)
{
	say(node, json_pack("{s:s}", "type", "beat"));
	atomic_fetch_sub(&sim.sent, 1);
}

static void say_rank(struct node *node, uint32_t i, const char *state)
{
	say(node, json_pack("{s:s, s:I, s:I, s:I, s:s, s:i}", "type", "rank",
			    "rank", (json_int_t)node->ranks[i].number, "nranks",
			    (json_int_t)sim.n * sim.ranks, "pid", (json_int_t)1,
			    "state", state, "code", 0));
}

static void say_done(struct node *node, const char *phase, json_t *members)
{
	json_t *message = json_pack("{s:s, s:I, s:s}", "type", "done", "epoch",
				    (json_int_t)node->epoch, "phase", phase);

	json_object_update(message, members);
	json_decref(members);
	say(node, message);
}

/* An image that is there and as long as was said: a further name of one file.
 */
static void image_make(uint32_t epoch, const char *file)
{
	char path[80];

	snprintf(path, sizeof(path), "epoch-%06u/%s", epoch, file);
	if (linkat(sim.dirfd, IMAGE, sim.dirfd, path, 0))
		die(path, strerror(errno));
}

static void images_open(const json_t *welcome)
{
	const char *dir = json_string_value(json_object_get(welcome, "dir"));
	int fd;

	sim.dirfd = open(dir, O_DIRECTORY | O_CLOEXEC);
	fd = openat(sim.dirfd, IMAGE, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 4096))
		die(dir, strerror(errno));
	close(fd);
}

static void say_captured(struct node *node)
{
	json_t *ranks = json_array();
	char file[48], name[24];

	snprintf(name, sizeof(name), "sim%u", node->number);
	snprintf(file, sizeof(file), "node-%s.img", name);
	image_make(node->epoch, file);
	for (uint32_t i = 0; i < sim.ranks; i++)
		json_array_append_new(ranks,
				      json_integer(node->ranks[i].number));
	say_done(node, "capture", json_pack("{s:f}", "pause_ms", 1.0));
	say_done(node, "durable",
		 json_pack("{s:s, s:s, s:i, s:i, s:s, s:o, s:{}, s:f}", "node",
			   name, "file", file, "bytes", 4096, "memory_bytes",
			   8192, "index_digest", "0123456789abcdef", "ranks",
			   ranks, "explain", "pause_ms", 1.0));
}

/* --- a rank without a process --- */

static void rank_make(struct rank *r, uint32_t number)
{
	const uint32_t all = sim.n * sim.ranks;
	const uint32_t row = number / ROW, column = number % ROW;
	const uint32_t in_row = row < all / ROW ? ROW : all % ROW;
	const uint32_t in_column = all / ROW + (column < all % ROW);
	const struct {
		uint64_t gid;
		uint32_t members, flags;
	} groups[] = { { 1, all, SLOT_WORLD },
		       { 1ULL << 40 | row, in_row, 0 },
		       { 2ULL << 40 | column, in_column, 0 } };

	r->number = number;
	/* Most of a page is never touched. */
	r->page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->page == MAP_FAILED)
		die("a control page", strerror(errno));
	for (uint32_t i = 0; i < 3; i++) {
		struct control_slot *slot = &r->page->slots[i];

		slot->gid = groups[i].gid;
		slot->word = slot_word(1000, 0);
		slot->members = groups[i].members;
		slot->flags = groups[i].flags;
	}
	r->page->rank.nslots = 3;
}

/* Between two epochs everybody was in some collectives, and some are ahead. */
static void rank_runs(struct rank *r)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct control_slot *slot = &r->page->slots[i];
		uint64_t count = slot_count(slot->word) + 10;

		slot->word = slot_word(count + (r->number % 7 == i), 0);
	}
}

/* It goes to its targets, and holds. */
static void rank_looks(struct node *node, struct rank *r)
{
	if (r->page->agent.targets_epoch != node->epoch ||
	    r->page->agent.slice & 1)
		return;
	for (uint32_t i = 0; i < 3; i++) {
		struct control_slot *slot = &r->page->slots[i];

		if (slot_count(slot->word) < slot->target)
			slot->word = slot_word(slot->target, 0);
	}
	frontier_held(node->frontier, r->number, true, r->page->agent.seq);
}

/* Called in the middle of the frontier's work: the rank looks afterwards. */
static void page_changed(void *arg, uint32_t rank)
{
	struct node *node = arg;

	node->ranks[rank % sim.ranks].page->agent.seq++;
}

static void frontier_says(void *arg, json_t *message)
{
	say(arg, message);
}

static const struct frontier_ops frontier_ops = { frontier_says, page_changed };

/* --- what cairnrun says --- */

static void frontier_came(struct node *node, const json_t *message)
{
	node->epoch = (uint32_t)json_integer_value(
		json_object_get(message, "epoch"));
	if (node == sim.nodes)
		clock_gettime(CLOCK_MONOTONIC, &sim.frontier);
	frontier_begin(node->frontier, node->epoch);
	for (uint32_t i = 0; i < sim.ranks; i++) {
		rank_runs(&node->ranks[i]);
		frontier_published(node->frontier, node->ranks[i].number);
	}
}

static void frontier_hears(struct node *node, const json_t *message)
{
	struct err err;

	if (frontier_message(node->frontier, message, &err))
		die("FRONTIER", err.text);
	for (uint32_t i = 0; i < sim.ranks; i++)
		rank_looks(node, &node->ranks[i]);
}

/* As the first node hears of it. */
static void note(const struct node *node, const char *phase)
{
	json_t *epoch;

	if (node != sim.nodes)
		return;
	if (!strcmp(phase, "drain"))
		json_array_append_new(sim.epochs,
				      json_pack("{s:I}", "epoch",
						(json_int_t)node->epoch));
	epoch = json_array_get(sim.epochs, json_array_size(sim.epochs) - 1);
	json_object_set_new(epoch, phase,
			    json_real(seconds_since(&sim.frontier)));
}

static void phase_came(struct node *node, const json_t *message)
{
	const char *phase = json_string_value(
		json_object_get(message, "phase"));

	if (strcmp(phase, "slice") != 0)
		note(node, phase);
	if (!strcmp(phase, "drain"))
		say_done(node, phase, json_object());
	else if (!strcmp(phase, "capture"))
		say_captured(node);
	else if (!strcmp(phase, "slice"))
		frontier_hears(node, message);
	else
		frontier_end(node->frontier);
}

static void message_came(struct node *node, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));

	if (!strcmp(type, "beat"))
		return;
	sim.received++;
	if (!strcmp(type, "frontier"))
		frontier_came(node, message);
	else if (!strcmp(type, "phase"))
		phase_came(node, message);
	else if (!strcmp(type, "committed"))
		note(node, type);
	else if (!strcmp(type, "stop"))
		sim.stopped = true;
	else if (!strcmp(type, "ask"))
		say(node, json_pack("{s:s}", "type", "here"));
	else
		frontier_hears(node, message);
}

static void node_ready(struct node *node, uint32_t events)
{
	json_t *message;
	struct err err;
	int ret = 0;

	if (events & EPOLLOUT)
		ret = channel_flush(node->channel);
	if (ret && ret != -EAGAIN)
		die("cairnrun", "the connection ended");
	while (!(ret = channel_receive(node->channel, &message, &err))) {
		message_came(node, message);
		json_decref(message);
	}
	if (ret != -EAGAIN && !sim.stopped)
		die("cairnrun", err.text);
	if (node->writing && !channel_wants_write(node->channel)) {
		node->writing = false;
		watch(node, EPOLL_CTL_MOD);
	}
}

/* --- life --- */

static void node_open(struct node *node, uint32_t number)
{
	json_t *hello, *welcome;
	struct err err;
	char name[24];

	node->number = number;
	node->frontier = frontier_create(&frontier_ops, node);
	node->ranks = calloc(sim.ranks, sizeof(*node->ranks));
	if (!node->frontier || !node->ranks)
		die("a node", "no memory");
	if (channel_connect(getenv("CAIRN_COORDINATOR"), CHANNEL_SECRET,
			    sim.secret, CONNECT_MS, &node->channel, &err))
		die("cannot connect", err.text);
	snprintf(name, sizeof(name), "sim%u", number);
	hello = json_pack("{s:s, s:s, s:i, s:s}", "type", "hello", "node", name,
			  "pid", 1, "version", PACKAGE_VERSION);
	say(node, hello);
	if (channel_wait(node->channel, CONNECT_MS, &welcome, &err))
		die("no welcome", err.text);
	if (!number)
		images_open(welcome);
	json_decref(welcome);
	watch(node, EPOLL_CTL_ADD);
	for (uint32_t i = 0; i < sim.ranks; i++) {
		rank_make(&node->ranks[i], number * sim.ranks + i);
		if (frontier_join(node->frontier, node->ranks[i].number,
				  node->ranks[i].page))
			die("a node", "no memory");
	}
}

static void all_ranks(const char *state)
{
	for (uint32_t i = 0; i < sim.n; i++)
		for (uint32_t k = 0; k < sim.ranks; k++)
			say_rank(&sim.nodes[i], k, state);
}

static void all_beat(void)
{
	for (uint32_t i = 0; i < sim.n; i++)
		beat(&sim.nodes[i]);
}

/* Many nodes knock at once, as they do when a job starts; each beats until all
 * are there. */
static void *some_open(void *arg)
{
	struct timespec last;
	const uint32_t *first = arg; /* NULL, or one that is open already */
	uint32_t mine[MINE_MAX], n = 0, i;

	if (first)
		mine[n++] = *first;
	clock_gettime(CLOCK_MONOTONIC, &last);
	while ((i = atomic_fetch_add(&sim.next, 1)) < sim.n) {
		node_open(&sim.nodes[i], i);
		if (n < MINE_MAX)
			mine[n++] = i;
		if (seconds_since(&last) * 1000 < BEAT_MS)
			continue;
		clock_gettime(CLOCK_MONOTONIC, &last);
		for (uint32_t k = 0; k < n; k++)
			beat(&sim.nodes[mine[k]]);
	}
	return NULL;
}

static void all_open(void)
{
	pthread_t threads[KNOCKING];
	uint32_t n = sim.n < KNOCKING ? 1 : KNOCKING, first = 0;

	/* The first one finds the folder. */
	node_open(&sim.nodes[first], atomic_fetch_add(&sim.next, 1));
	for (uint32_t i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, some_open,
				   i ? NULL : &first))
			die("a thread", "cannot be made");
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static int watch_special(int fd, void *which)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = which };

	if (fd < 0 || epoll_ctl(sim.epfd, EPOLL_CTL_ADD, fd, &ev))
		die("epoll", strerror(errno));
	return fd;
}

static void run(void)
{
	const struct itimerspec every = { { BEAT_MS / 1000, 0 },
					  { BEAT_MS / 1000, 0 } };
	static int timer, signals; /* their addresses tell them apart */
	struct epoll_event ev;
	uint64_t due;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = watch_special(signalfd(-1, &set, SFD_CLOEXEC), &signals);
	timer = watch_special(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
			      &timer);
	timerfd_settime(timer, 0, &every, NULL);
	all_ranks("running");
	while (!sim.stopped) {
		int n = epoll_wait(sim.epfd, &ev, 1, PATIENCE * 1000);

		if (n < 0 && errno != EINTR)
			die("epoll_wait", strerror(errno));
		if (!n)
			die("cairnrun", "says nothing any more");
		if (n < 0)
			continue;
		if (ev.data.ptr == &signals)
			sim.stopped = true;
		else if (ev.data.ptr != &timer)
			node_ready(ev.data.ptr, ev.events);
		else if (read(timer, &due, sizeof(due)) > 0)
			all_beat();
	}
}

/* What went through all connections, as the kernel counted it. */
static void traffic(json_int_t *in, json_int_t *out)
{
	*in = *out = 0;
	for (uint32_t i = 0; i < sim.n; i++) {
		struct tcp_info info = { 0 };
		socklen_t len = sizeof(info);

		getsockopt(channel_fd(sim.nodes[i].channel), IPPROTO_TCP,
			   TCP_INFO, &info, &len);
		*in += (json_int_t)info.tcpi_bytes_received;
		*out += (json_int_t)info.tcpi_bytes_acked;
	}
}

static void report(void)
{
	const char *path = getenv("SIM_REPORT");
	json_int_t in, out;
	json_t *all;

	traffic(&in, &out);
	all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "nodes",
			(json_int_t)sim.n, "ranks",
			(json_int_t)sim.n * sim.ranks, "messages_to_cairnrun",
			(json_int_t)atomic_load(&sim.sent),
			"messages_from_cairnrun",
			(json_int_t)atomic_load(&sim.received),
			"bytes_to_cairnrun", out, "bytes_from_cairnrun", in,
			"epochs", sim.epochs);
	if (!path || json_dump_file(all, path, JSON_INDENT(1)))
		die("the report", "set SIM_REPORT to a file");
	json_decref(all);
}

static uint32_t number_of(const char *name, uint32_t least, uint32_t most)
{
	const char *text = getenv(name);
	unsigned long n = text ? strtoul(text, NULL, 10) : least;

	if (n < least || n > most)
		die(name, "is out of range");
	return (uint32_t)n;
}

int main(void)
{
	const char *hex = getenv("CAIRN_SECRET");
	struct rlimit limit;

	if (sodium_init() < 0 || !hex || !getenv("CAIRN_COORDINATOR") ||
	    secret_from_hex(hex, sim.secret))
		die("usage", "cairnrun starts this as its mpiexec");
	sim.n = number_of("SIM_NODES", 1, 100000);
	sim.ranks = number_of("SIM_RANKS", 1, 64);
	sim.epochs = json_array();
	sim.nodes = calloc(sim.n, sizeof(*sim.nodes));
	sim.epfd = epoll_create1(EPOLL_CLOEXEC);
	if (!sim.nodes || sim.epfd < 0)
		die("start", "no memory");
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	all_open();
	run();
	report();
	return 0;
}
