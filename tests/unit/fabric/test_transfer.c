/* SPDX-License-Identifier: BSD-3-Clause */
/* test_transfer.c - files between two processes, and what goes wrong */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/fabric/transfer.h"
#include "tests/lib/unit.h"

#define PATIENT_MS 60000 /* a loaded machine is no failure */
#define SHORT_MS   1500	 /* where the end of the time is what is tested */

/* How the taker's process behaves, and what came of it. */
struct taker {
	struct transfer t;
	int pipe[2];
	int dies_by;	  /* a signal, after some pieces; 0: none */
	uint64_t dies_at; /* bytes */
	uint64_t moved;
	pid_t pid;
};

struct outcome {
	int rc;
	struct err err;
};

static int file_with(const char *name, uint64_t bytes)
{
	char path[300];
	unsigned char block[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", unit_tmpdir(), name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (uint64_t at = 0; at < bytes; at += sizeof(block)) {
		size_t n = bytes - at < sizeof(block) ? (size_t)(bytes - at) :
							sizeof(block);

		randombytes_buf(block, 64);
		memset(block + 64, (int)(at >> 12), sizeof(block) - 64);
		if (write(fd, block, n) != (ssize_t)n)
			abort();
	}
	return fd;
}

static bool same(int a, int b, uint64_t bytes)
{
	struct stat st;
	void *x, *y;
	bool equal;

	if (fstat(b, &st) || (uint64_t)st.st_size != bytes)
		return false;
	x = mmap(NULL, bytes, PROT_READ, MAP_SHARED, a, 0);
	y = mmap(NULL, bytes, PROT_READ, MAP_SHARED, b, 0);
	equal = x != MAP_FAILED && y != MAP_FAILED && !memcmp(x, y, bytes);
	munmap(x, bytes);
	munmap(y, bytes);
	return equal;
}

static void told(void *arg, const unsigned char *name, size_t len)
{
	struct taker *k = arg;
	unsigned char text[1 + FABRIC_ADDRESS_MAX] = { (unsigned char)len };

	memcpy(text + 1, name, len);
	if (write(k->pipe[1], text, sizeof(text)) < 0)
		_exit(1);
}

static void counts(void *arg, uint64_t bytes)
{
	struct taker *k = arg;

	k->moved += bytes;
	if (k->dies_by && k->moved >= k->dies_at)
		raise(k->dies_by);
}

static const struct transfer_ops ops = { told, counts };

static void prepare(struct taker *k, uint64_t bytes, int limit_ms)
{
	memset(k, 0, sizeof(*k));
	k->t.fabric.source = "127.0.0.1";
	k->t.bytes = bytes;
	k->t.limit_ms = limit_ms;
	memset(k->t.key, 7, sizeof(k->t.key));
	k->t.ops = &ops;
	k->t.arg = k;
	k->t.fd = file_with("taken", 0);
}

/* Starts it; gives its address. */
static size_t start(struct taker *k, unsigned char *name)
{
	unsigned char text[1 + FABRIC_ADDRESS_MAX] = { 0 };
	struct outcome out;

	if (pipe2(k->pipe, O_CLOEXEC))
		abort();
	k->pid = fork();
	if (!k->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		memset(&out, 0, sizeof(out));
		out.rc = transfer_take(&k->t, &out.err);
		if (write(k->pipe[1], &out, sizeof(out)) < 0)
			_exit(1);
		_exit(0);
	}
	close(k->pipe[1]);
	if (read(k->pipe[0], text, sizeof(text)) != (ssize_t)sizeof(text))
		return 0;
	memcpy(name, text + 1, FABRIC_ADDRESS_MAX);
	return text[0];
}

/* Its end; -EINTR: it said nothing more. */
static int end(struct taker *k, struct err *err)
{
	struct outcome out = { .rc = -EINTR };

	if (read(k->pipe[0], &out, sizeof(out)) != (ssize_t)sizeof(out))
		out.rc = -EINTR;
	close(k->pipe[0]);
	waitpid(k->pid, NULL, 0);
	*err = out.err;
	return out.rc;
}

static int give(const struct taker *k, int fd, const unsigned char *name,
		size_t len, struct err *err)
{
	struct transfer t = k->t;

	t.fd = fd;
	t.ops = NULL;
	return transfer_give(&t, name, len, err);
}

static void comes_whole(uint64_t bytes, bool messages)
{
	struct err err = { "" };
	unsigned char name[FABRIC_ADDRESS_MAX];
	int fd = file_with("given", bytes);
	struct taker k;
	size_t len;

	prepare(&k, bytes, PATIENT_MS);
	k.t.fabric.messages = messages;
	len = start(&k, name);
	CU_ASSERT_FATAL(len > 0);
	UNIT_OK(give(&k, fd, name, len, &err), &err);
	UNIT_OK(end(&k, &err), &err);
	CU_ASSERT(same(fd, k.t.fd, bytes));
	close(k.t.fd);
	close(fd);
}

static void test_rma(void)
{
	comes_whole(19 * (uint64_t)WIRE_PIECE + 64, false);
}

static void test_messages(void)
{
	comes_whole(11 * (uint64_t)WIRE_PIECE + 4096, true);
}

static void test_lengths(void)
{
	static const uint64_t lengths[] = { 1,
					    4096,
					    WIRE_PIECE - 1,
					    WIRE_PIECE,
					    WIRE_PIECE + 1,
					    WIRE_PIECE * WIRE_SLOTS,
					    WIRE_PIECE * WIRE_SLOTS + 1 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		comes_whole(lengths[i], i % 2);
}

/* --- strangers -------------------------------------------------------------
 */

static void test_wrong_key(void)
{
	uint64_t bytes = 3 * WIRE_PIECE;
	int fd = file_with("given", bytes);
	struct err err = { "" };
	unsigned char name[FABRIC_ADDRESS_MAX];
	struct taker k, stranger;
	struct stat st;
	size_t len;

	prepare(&k, bytes, SHORT_MS);
	len = start(&k, name);
	stranger = k;
	stranger.t.key[31] ^= 1;
	UNIT_FAILS(give(&stranger, fd, name, len, &err), -ETIMEDOUT, &err,
		   "did not answer");
	UNIT_FAILS(end(&k, &err), -ETIMEDOUT, &err, "nobody who knows the key");
	/* There is room for it, and nothing in it. */
	CU_ASSERT(!fstat(k.t.fd, &st));
	for (uint64_t at = 0; at < bytes; at += 65536) {
		char c = 0;

		CU_ASSERT(pread(k.t.fd, &c, 1, (off_t)at) <= 1 && !c);
	}
	close(k.t.fd);
	close(fd);
}

/* The stranger comes first, and stays; then the one who knows the key. */
static void test_stranger_beside(void)
{
	uint64_t bytes = 9 * WIRE_PIECE;
	int fd = file_with("given", bytes);
	struct err err = { "" };
	unsigned char name[FABRIC_ADDRESS_MAX];
	struct taker k, stranger;
	pid_t pid;
	size_t len;

	prepare(&k, bytes, PATIENT_MS);
	len = start(&k, name);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stranger = k;
		stranger.t.key[0] ^= 1;
		for (;;)
			if (give(&stranger, fd, name, len, &err) != -ETIMEDOUT)
				_exit(0);
	}
	UNIT_OK(give(&k, fd, name, len, &err), &err);
	UNIT_OK(end(&k, &err), &err);
	CU_ASSERT(same(fd, k.t.fd, bytes));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(k.t.fd);
	close(fd);
}

static void test_tags(void)
{
	unsigned char key[WIRE_KEY_BYTES] = { 1 }, data[5000] = { 2 };
	unsigned char tag[WIRE_TAG_BYTES];
	struct wire_message m = { .kind = WIRE_CREDIT, .count = 3 }, out;
	unsigned char bytes[WIRE_MESSAGE_MAX];
	size_t len = wire_encode(&m, key, bytes);

	wire_tag(key, 5, data, sizeof(data), tag);
	CU_ASSERT(wire_tag_is_good(key, 5, data, sizeof(data), tag));
	CU_ASSERT(!wire_tag_is_good(key, 6, data, sizeof(data), tag));
	CU_ASSERT(!wire_tag_is_good(key, 5, data, sizeof(data) - 1, tag));
	data[4999] ^= 0x80;
	CU_ASSERT(!wire_tag_is_good(key, 5, data, sizeof(data), tag));
	data[4999] ^= 0x80;
	key[9] = 1;
	CU_ASSERT(!wire_tag_is_good(key, 5, data, sizeof(data), tag));
	CU_ASSERT(wire_decode(bytes, len, key, &out) == -EKEYREJECTED);
	key[9] = 0;
	CU_ASSERT(!wire_decode(bytes, len, key, &out) && out.count == 3);
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 1;
		CU_ASSERT(wire_decode(bytes, len, key, &out) == -EKEYREJECTED);
		bytes[i] ^= 1;
		CU_ASSERT(wire_decode(bytes, i, key, &out) == -EKEYREJECTED);
	}
}

/* --- the other side is ill -------------------------------------------------
 */

static int give_to_one_that(int signal, int limit_ms, struct err *err)
{
	uint64_t bytes = 24 * (uint64_t)WIRE_PIECE;
	int fd = file_with("given", bytes), rc;
	unsigned char name[FABRIC_ADDRESS_MAX];
	struct taker k;
	size_t len;

	prepare(&k, bytes, limit_ms);
	k.dies_by = signal;
	k.dies_at = 3 * WIRE_PIECE;
	len = start(&k, name);
	rc = give(&k, fd, name, len, err);
	kill(k.pid, SIGKILL);
	CU_ASSERT(end(&k, &(struct err){ "" }) != 0);
	close(k.t.fd);
	close(fd);
	return rc;
}

static void test_stall(void)
{
	struct err err = { "" };

	UNIT_FAILS(give_to_one_that(SIGSTOP, SHORT_MS, &err), -ETIMEDOUT, &err,
		   "the other side ");
}

/* Long before the time is over. */
static void test_death(void)
{
	struct err err = { "" };

	UNIT_FAILS(give_to_one_that(SIGKILL, PATIENT_MS, &err), -ECONNRESET,
		   &err, "the other side ");
}

static void test_giver_dies(void)
{
	uint64_t bytes = 24 * (uint64_t)WIRE_PIECE;
	int fd = file_with("given", bytes);
	struct err err = { "" };
	unsigned char name[FABRIC_ADDRESS_MAX];
	struct taker k, giver;
	size_t len;
	pid_t pid;
	int rc;

	prepare(&k, bytes, SHORT_MS);
	len = start(&k, name);
	giver = k;
	giver.t.fd = fd;
	giver.t.arg = &giver;
	giver.dies_by = SIGKILL;
	giver.dies_at = 3 * WIRE_PIECE;
	pid = fork();
	if (!pid)
		_exit(transfer_give(&giver.t, name, len, &err) != 0);
	waitpid(pid, NULL, 0);
	/* A credit that was under way tells it at once. */
	rc = end(&k, &err);
	CU_ASSERT(rc == -ETIMEDOUT || rc == -ECONNRESET);
	close(k.t.fd);
	close(fd);
}

static void test_short_file(void)
{
	struct err err = { "" };
	unsigned char name[FABRIC_ADDRESS_MAX];
	int fd = file_with("given", WIRE_PIECE);
	struct taker k;
	size_t len;

	prepare(&k, 2 * WIRE_PIECE, PATIENT_MS);
	len = start(&k, name);
	UNIT_FAILS(give(&k, fd, name, len, &err), -EIO, &err,
		   "it is cut short");
	kill(k.pid, SIGKILL);
	CU_ASSERT(end(&k, &err) != 0);
	close(k.t.fd);
	close(fd);
}

static void test_provider(void)
{
	struct err err = { "" };
	struct taker k;

	prepare(&k, 1, SHORT_MS);
	k.t.fabric.provider = "no-such";
	UNIT_FAILS(transfer_take(&k.t, &err), -ENODEV, &err,
		   "no provider \"no-such\" at 127.0.0.1 here");
	close(k.t.fd);
}

static const struct unit_test tests[] = {
	{ "a file comes whole by RMA", test_rma },
	{ "a file comes whole by messages", test_messages },
	{ "files of all lengths", test_lengths },
	{ "who has another key neither writes nor is answered",
	  test_wrong_key },
	{ "a stranger does not keep the file from coming",
	  test_stranger_beside },
	{ "tags fit one key, one number and one content", test_tags },
	{ "a taker that stops: a sentence when the time is over", test_stall },
	{ "a taker that dies: a sentence at once", test_death },
	{ "a giver that dies: a sentence, when the time is over at the latest",
	  test_giver_dies },
	{ "a file that is shorter than was said", test_short_file },
	{ "a provider that does not exist", test_provider },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = { { "transfer", tests },
					    { NULL, NULL } };

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 1;
	unsetenv("FI_PROVIDER");
	return unit_main(argc, argv, suites);
}
