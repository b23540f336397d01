/* SPDX-License-Identifier: BSD-3-Clause */
/* tool.c - what the subcommands of cairn share */
#include "launcher/tool.h"

#include "launcher/job.h"
#include "launcher/units.h"
#include "launcher/words.h"
#include "runtime/net/address.h"
#include "runtime/net/channel.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "exit", no_argument, NULL, 'e' },
	{ "keep", required_argument, NULL, 'k' },
	{ "keep-age", required_argument, NULL, 'A' },
	{ "keep-bytes", required_argument, NULL, 'B' },
	{ "timeout", required_argument, NULL, 't' },
	{ "abort", no_argument, NULL, 'a' },
	{ "quick", no_argument, NULL, 'q' },
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int tool_split(const char *word, char **out, long *epoch, struct err *err)
{
	char *dir = xstrdup(word), *slash;
	const char *last;
	int rc;

	*epoch = 0;
	while (strlen(dir) > 1 && dir[strlen(dir) - 1] == '/')
		dir[strlen(dir) - 1] = '\0';
	slash = strrchr(dir, '/');
	last = slash ? slash + 1 : "";
	if (!strncmp(last, "epoch-", 6))
		last += 6;
	if (*last && strspn(last, "0123456789") == strlen(last)) {
		rc = units_count(last, 1, UINT32_MAX, "the epoch", epoch, err);
		if (rc) {
			free(dir);
			return rc;
		}
		if (slash == dir)
			slash++;
		*slash = '\0';
	}
	rc = job_find(dir, out, err);
	free(dir);
	return rc;
}

static int one_option(const struct tool *tool, int c, struct tool_args *a,
		      struct err *err)
{
	switch (c) {
	case 'j':
		a->json = true;
		return 0;
	case 'e':
		a->stop = true;
		return 0;
	case 'k':
		return units_count(optarg, 1, 1000000, "--keep", &a->keep, err);
	case 'A':
		return units_time(optarg, &a->keep_age_ms, err);
	case 'B':
		return units_size(optarg, "--keep-bytes", &a->keep_bytes, err);
	case 't':
		return units_time(optarg, &a->wait_ms, err);
	case 'a':
		a->abort = true;
		return 0;
	case 'q':
		a->deep = false;
		return 0;
	case 'o':
		a->output = optarg;
		return 0;
	case 'h':
		fputs(tool->usage, stdout);
		return 1;
	default:
		return TOOL_USAGE;
	}
}

int tool_parse(const struct tool *tool, int argc, char **argv,
	       const char *letters, struct tool_args *a, struct err *err)
{
	int c, rc;

	memset(a, 0, sizeof(*a));
	a->deep = true;
	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "ho:", long_options, NULL)) != -1) {
		if (c == '?' || (c != 'h' && !strchr(letters, c)))
			return err_set(err, TOOL_USAGE,
				       "cairn %s does not know %s, or it lacks "
				       "its value; see cairn %s --help",
				       tool->name, argv[optind - 1],
				       tool->name);
		rc = one_option(tool, c, a, err);
		if (rc)
			return rc;
	}
	if (optind + 1 != argc)
		return err_set(err, TOOL_USAGE,
			       "cairn %s takes one checkpoint folder or job "
			       "name; see cairn %s --help",
			       tool->name, tool->name);
	return tool_split(argv[optind], &a->dir, &a->epoch, err);
}

void tool_args_fini(struct tool_args *a)
{
	free(a->dir);
	a->dir = NULL;
}

void tool_print(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(1));
	putchar('\n');
}

static int connect_job(const char *dir, struct channel **ch, struct err *err)
{
	unsigned char secret[CHANNEL_SECRET_BYTES];
	const char *address = NULL, *hex = NULL, *name = NULL;
	enum channel_auth auth;
	json_t *info = NULL;
	int rc = job_contact(dir, &info, err);

	if (rc)
		return rc;
	if (json_unpack(info, "{s:s, s:s, s?s}", "address", &address, "secret",
			&hex, "auth", &name) ||
	    secret_from_hex(hex, secret) || channel_auth_from_name(name, &auth))
		rc = err_set(err, -EINVAL, "%s/job.json is damaged", dir);
	else
		rc = channel_connect(address, auth, secret, CONNECT_MS, ch,
				     err);
	json_decref(info);
	return rc;
}

int tool_ask(const char *dir, json_t *command, int64_t wait_ms,
	     void (*on_progress)(const json_t *message), json_t **answer,
	     struct err *err)
{
	int64_t deadline_ms = clock_ms() + wait_ms;
	struct channel *ch = NULL;
	json_t *message = NULL;
	const char *type;
	int rc = connect_job(dir, &ch, err);

	if (!rc)
		rc = channel_send(ch, command, err);
	json_decref(command);
	while (!rc) {
		int64_t left = deadline_ms - clock_ms();

		if (wait_ms && left <= 0)
			rc = err_set(err, -ETIMEDOUT,
				     "the job did not answer in time; what was "
				     "asked goes on");
		else
			rc = channel_wait(ch,
					  !wait_ms	 ? -1 :
					  left < INT_MAX ? (int)left :
							   INT_MAX,
					  &message, err);
		if (rc)
			break;
		type = json_string_value(json_object_get(message, "type"));
		if (type && !strcmp(type, "answer"))
			break;
		if (on_progress)
			on_progress(message);
		json_decref(message);
		message = NULL;
	}
	/* It has ended after it was found, whichever way that shows. */
	if (rc == -ECONNRESET || rc == -EPIPE || rc == -ECONNREFUSED)
		rc = err_set(err, rc, "the job ended before it answered");
	channel_close(ch);
	if (!rc)
		*answer = message;
	return rc;
}
