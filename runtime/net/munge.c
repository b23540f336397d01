/* SPDX-License-Identifier: BSD-3-Clause */
/* munge.c - cairn-munge: one credential made or looked at, in a process */
#include <errno.h>
#include <munge.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 *	cairn-munge make	payload on standard input, credential on output
 *	cairn-munge check	payload, then a credential: nothing on output
 *
 * Exit code 0; 1: the credential is refused; 2: this node's munged does not do
 * its part.  Then standard output has one sentence.  Nothing is on the command
 * line but the verb.  credential.c runs this, and says why it is a program.
 */
enum { REFUSED = 1, NO_MUNGED = 2 };

#define TIME_S	  4 /* libmunge itself tries for longer */
#define INPUT_MAX 8192

static const char *const
	late = "munged on this node does not answer; restart it, or use --auth "
	       "secret";

static void too_late(int sig)
{
	(void)sig;
	/* Nobody to tell if even this fails. */
	if (write(STDOUT_FILENO, late, strlen(late)) < 0)
		_exit(NO_MUNGED);
	_exit(NO_MUNGED);
}

static int say(int code, const char *sentence)
{
	fputs(sentence, stdout);
	return code;
}

/* What a person can do about it. */
static const char *remedy(munge_err_t error)
{
	switch (error) {
	case EMUNGE_SOCKET:
		return "munged cannot be reached on this node; start it, or "
		       "use --auth secret";
	case EMUNGE_CRED_EXPIRED:
	case EMUNGE_CRED_REWOUND:
		return "a MUNGE credential is too old or from the future; "
		       "set the clocks of the job's nodes";
	case EMUNGE_CRED_REPLAYED:
		return "a MUNGE credential was used before; the connection "
		       "was dropped";
	case EMUNGE_CRED_UNAUTHORIZED:
		return "a MUNGE credential is meant for another user; the "
		       "connection was dropped";
	case EMUNGE_CRED_INVALID:
		return "a MUNGE credential was made with another key; give "
		       "munged the same key on all nodes";
	default:
		return NULL;
	}
}

static int failed(munge_ctx_t ctx, munge_err_t error)
{
	const char *text = remedy(error), *why = munge_ctx_strerror(ctx);

	if (text)
		return say(error == EMUNGE_SOCKET ? NO_MUNGED : REFUSED, text);
	printf("a MUNGE credential cannot be used: %s",
	       why ? why : munge_strerror(error));
	return error < EMUNGE_BAD_CRED ? NO_MUNGED : REFUSED;
}

static int make(munge_ctx_t ctx, const char *payload)
{
	char *credential = NULL;
	munge_err_t error = munge_ctx_set(ctx, MUNGE_OPT_UID_RESTRICTION,
					  geteuid());

	if (error == EMUNGE_SUCCESS)
		error = munge_encode(&credential, ctx, payload,
				     (int)strlen(payload));
	if (error != EMUNGE_SUCCESS)
		return failed(ctx, error);
	fputs(credential, stdout);
	free(credential);
	return 0;
}

static int check(munge_ctx_t ctx, const char *payload, const char *credential)
{
	munge_err_t error;
	void *got = NULL;
	uid_t uid = (uid_t)-1;
	gid_t gid;
	int len = 0, code = 0;

	/* Whatever is wrong with it is an error: also a credential that is
	 * good but for its age, whose payload we would get. */
	error = munge_decode(credential, ctx, &got, &len, &uid, &gid);
	if (error != EMUNGE_SUCCESS) {
		code = failed(ctx, error);
	} else if (uid != geteuid()) {
		printf("a MUNGE credential is of user %u, not of user %u; "
		       "the connection was dropped",
		       (unsigned int)uid, (unsigned int)geteuid());
		code = REFUSED;
	} else if ((size_t)len != strlen(payload) ||
		   memcmp(got, payload, (size_t)len) != 0) {
		code = say(REFUSED, "a MUNGE credential was made for another "
				    "connection; this one was dropped");
	}
	free(got);
	return code;
}

/* All of standard input, its lines apart; the second may be missing. */
static bool read_lines(char *text, char **first, char **second)
{
	size_t n = fread(text, 1, INPUT_MAX - 1, stdin);

	text[n] = '\0';
	*second = text;
	*first = strsep(second, "\n");
	return **first && feof(stdin);
}

int main(int argc, char **argv)
{
	const char *socket = getenv("CAIRN_MUNGE_SOCKET");
	char text[INPUT_MAX], *payload, *credential;
	munge_ctx_t ctx = munge_ctx_create();
	int code = NO_MUNGED;

	signal(SIGALRM, too_late);
	alarm(TIME_S);
	if (argc != 2 || !read_lines(text, &payload, &credential))
		say(code, "cairn-munge is run by Cairn itself");
	else if (!ctx)
		say(code, "no memory for a MUNGE credential");
	else if (socket &&
		 munge_ctx_set(ctx, MUNGE_OPT_SOCKET, socket) != EMUNGE_SUCCESS)
		say(code, "CAIRN_MUNGE_SOCKET is not a socket's path");
	else if (!strcmp(argv[1], "make"))
		code = make(ctx, payload);
	else if (!strcmp(argv[1], "check") && credential)
		code = check(ctx, payload, credential);
	else
		say(code, "cairn-munge is run by Cairn itself");
	munge_ctx_destroy(ctx);
	return fflush(stdout) ? NO_MUNGED : code;
}
