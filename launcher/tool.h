/* SPDX-License-Identifier: BSD-3-Clause */
/* tool.h - what the subcommands of cairn share */
#ifndef CAIRN_LAUNCHER_TOOL_H
#define CAIRN_LAUNCHER_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct tool {
	const char *name;
	const char *summary;
	const char *usage; /* of --help, with examples */
	/* argv[0] is the subcommand's name; gives the exit code, or -Exxx with
	 * a sentence in err. */
	int (*run)(int argc, char **argv, struct err *err);
};

extern const struct tool tool_checkpoint, tool_status, tool_ls, tool_inspect,
	tool_verify, tool_restart, tool_prune, tool_report;

/* Exit codes: 0 done, 1 it failed, 2 wrong usage. */
#define TOOL_USAGE (-EINVAL)

/* Options that most subcommands have, and their one or two words. */
struct tool_args {
	bool json;
	bool stop;			 /* checkpoint --exit */
	bool deep;			 /* verify reads all, ls --check ... */
	long keep;			 /* prune --keep */
	int64_t keep_age_ms, keep_bytes; /* of prune; 0: no such bound */
	int64_t wait_ms;    /* checkpoint --timeout; 0: as long as it takes */
	bool abort;	    /* checkpoint --abort */
	const char *output; /* report --output; NULL: standard output */
	char *dir;	    /* found folder */
	long epoch;	    /* of DIR/EPOCH; 0: not said */
};

/*
 * tool_parse - getopt_long over these (letters: which of "jekta" are allowed)
 *
 * The one word left is a folder, DIR/EPOCH or a job's name.  1: --help was
 * printed.
 */
int tool_parse(const struct tool *tool, int argc, char **argv,
	       const char *letters, struct tool_args *args,
	       struct err *err) must_check;
void tool_args_fini(struct tool_args *args);
/* tool_print - JSON to standard output, with a newline. */
void tool_print(const json_t *value);
/* tool_split - "DIR/3" or "DIR/epoch-000003" into folder and epoch (else 0). */
int tool_split(const char *word, char **dir, long *epoch,
	       struct err *err) must_check;
/* tool_ask - send a command to the running job, wait for its answer;
 * on_progress may be NULL. */
int tool_ask(const char *dir, json_t *command, int64_t wait_ms,
	     void (*on_progress)(const json_t *message), json_t **answer,
	     struct err *err) must_check;

#endif
