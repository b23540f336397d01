/* SPDX-License-Identifier: BSD-3-Clause */
/* options.h - cairnrun's own options, apart from the starter's */
#ifndef CAIRN_LAUNCHER_OPTIONS_H
#define CAIRN_LAUNCHER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/starter.h"
#include "launcher/words.h"
#include "runtime/base/err.h"
#include "runtime/net/channel.h"
#include "storage/retention.h"

enum signal_action { SIGNAL_PASS, SIGNAL_CHECKPOINT, SIGNAL_CHECKPOINT_EXIT };

/* How a batch job that was stopped goes on. */
enum next_run {
	NEXT_REQUEUE, /* if Slurm may requeue it */
	NEXT_NEVER,
	NEXT_RESUBMIT, /* its script, if it must not be requeued */
};

struct options {
	char *ckpt_dir;	    /* NULL: by default_dir() */
	char *burst_buffer; /* a folder on each node, "auto", or NULL */
	bool partner;	    /* --redundancy: copies in another node's buffer */
	char *fabric;	    /* libfabric's provider; NULL: by default */
	char *fabric_interface; /* a name or address; NULL: by default */
	int64_t flush_rate;	/* bytes a second a node; 0: any */
	long flush_every;	/* epochs */
	int64_t interval_ms;	/* 0: no timer */
	bool interval_auto;	/* by what one costs, and mtbf_ms */
	int64_t mtbf_ms;	/* 0: nobody knows */
	bool mtbf_of_node;	/* not of the job */
	struct retention kept;
	enum signal_action signals[65]; /* by signal number */
	bool resume;
	char *restart;	    /* folder, or NULL */
	long restart_epoch; /* 0: the newest that verifies */
	bool capture_stop;
	char *compress;		 /* how agents store memory; NULL: auto */
	const char *incremental; /* auto, scan, hash, off */
	char *mpi_lib;
	char *metrics; /* a file for Prometheus, or NULL */
	char *iface;   /* where agents reach us; NULL: any way */
	enum channel_auth auth;
	const struct starter *starter;
	bool verbose;
	int64_t quiesce_ms;
	long restarts;
	enum next_run next_run;
	int64_t stop_before_ms; /* before the batch job's end; 0: by itself */
	bool help, version;
};

/*
 * options_parse - take our options out of argv (argv[0] is the first argument)
 *
 * Ours have two dashes and stand before the first program, mixed with the
 * starter's in any order; all other words end in rest, in their order.
 */
int options_parse(char *const *argv, struct options *o, struct words *rest,
		  struct err *err) must_check;
void options_fini(struct options *o);
/* options_usage - the text of --help. */
extern const char options_usage[];

#endif
