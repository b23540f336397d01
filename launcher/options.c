/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c - cairnrun's own options, apart from the starter's */
#include "launcher/options.h"

#include "launcher/units.h"
#include "runtime/base/where.h"
#include "storage/codec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

const char options_usage[] =
	"usage: cairnrun [mpiexec's options] [options] PROGRAM [ARGUMENTS]\n"
	"       cairnrun [mpiexec's options] [options] --restart DIR[/EPOCH]\n"
	"\n"
	"Runs an MPI program (or any other) as mpiexec does, and can checkpoint\n"
	"and restart it.  All of mpiexec's arguments are taken unchanged.\n"
	"\n"
	"  --ckpt-dir DIR         where checkpoints go (default: cairn-<job>)\n"
	"  --burst-buffer DIR     write checkpoints to this folder of each node first,\n"
	"                         and from there to --ckpt-dir; auto: find it\n"
	"  --redundancy none|partner  keep a copy of each node's checkpoint in the\n"
	"                         burst buffer of another node (default: none)\n"
	"  --fabric PROVIDER      libfabric's provider that moves such copies\n"
	"                         (default: tcp;ofi_rxm)\n"
	"  --fabric-interface NAME|ADDRESS  the network interface that they take\n"
	"                         (default: the one that leads to cairnrun)\n"
	"  --flush-every N        flush every Nth checkpoint (default 1), and always\n"
	"                         the last before the job's end\n"
	"  --flush-rate BYTES     no faster than this a second and node: 200M, 1G ...\n"
	"  --interval TIME|auto   checkpoint every 300ms, 30s, 10m, 1h ...; auto: as\n"
	"                         often as pays, by what one costs and --mtbf\n"
	"  --mtbf TIME[/node]     how often the job, or one of its nodes, fails\n"
	"                         (default: a year/node, or what CAIRN_MTBF says)\n"
	"  --keep N               keep the newest N checkpoints (default 2)\n"
	"  --keep-age TIME        keep none that is older, but the newest\n"
	"  --keep-bytes SIZE      keep no more than were written in so many bytes\n"
	"  --signal SIG=ACTION    what a signal to cairnrun does: checkpoint, or\n"
	"                         checkpoint-exit, which ends the job with exit\n"
	"                         code 85 (default: USR1=checkpoint-exit,\n"
	"                         USR2=checkpoint)\n"
	"  --resume               restart from the newest checkpoint if there is\n"
	"                         one, else start the program\n"
	"  --restart DIR[/EPOCH]  restart from a checkpoint\n"
	"  --restarts N           after a crash restart by itself, up to N times\n"
	"  --stop-before TIME     under Slurm: checkpoint and stop this long before\n"
	"                         the job's end (default: by an epoch's cost)\n"
	"  --no-requeue           under Slurm: do not requeue a stopped job\n"
	"  --resubmit             under Slurm: submit the script again if the job\n"
	"                         must not be requeued\n"
	"  --capture cow|stop     copy memory on write while the program runs on,\n"
	"                         or stop it until it is written (default: cow)\n"
	"  --compress auto|none|fast|small|LEVEL  how to store memory: what takes the\n"
	"                         least time, as it is, fast, small, or at zstd's\n"
	"                         level 1 to 19 (default: auto)\n"
	"  --incremental HOW      write only what has changed: auto, scan (say where\n"
	"                         pages cannot be tracked), hash (compare only), or\n"
	"                         off (default: auto)\n"
	"  --quiesce-timeout TIME give a checkpoint up when the ranks did not\n"
	"                         come to rest in time (default 5m)\n"
	"  --metrics FILE         keep the job's figures there for Prometheus\n"
	"  --iface NAME|ADDRESS   the network interface over which the nodes reach\n"
	"                         cairnrun (default: any that leads here)\n"
	"  --auth secret|munge    how Cairn's parts prove who they are: by the\n"
	"                         job's secret, or by MUNGE too (default: secret,\n"
	"                         or what CAIRN_AUTH says)\n"
	"  --mpi-lib PATH         the MPI library to use, instead of the\n"
	"                         program's own\n"
	"  --launcher mpiexec|srun  what starts the ranks (default: mpiexec)\n"
	"  --verbose              say what is being done, on standard error\n"
	"  --help, --version\n"
	"\n"
	"Examples:\n"
	"  cairnrun -n 4 --interval 10m ./simulation input.dat\n"
	"  cairnrun -n 4 --restart cairn-simulation-3f2a\n"
	"  cairn checkpoint cairn-simulation-3f2a     (from another shell)\n";

#define KEEP_MAX 1000000

enum option_id {
	CKPT_DIR,
	BURST_BUFFER,
	REDUNDANCY,
	FABRIC,
	FABRIC_INTERFACE,
	FLUSH_EVERY,
	FLUSH_RATE,
	INTERVAL,
	MTBF,
	KEEP,
	KEEP_AGE,
	KEEP_BYTES,
	SIGNAL,
	RESUME,
	RESTART,
	RESTARTS,
	CAPTURE,
	COMPRESS,
	INCREMENTAL,
	QUIESCE,
	MPI_LIB,
	IFACE,
	METRICS,
	AUTH,
	STOP_BEFORE,
	REQUEUE,
	NO_REQUEUE,
	RESUBMIT,
	LAUNCHER,
	VERBOSE,
	HELP,
	VERSION,
};

static const struct own_option {
	const char *name;
	enum option_id id;
	bool takes_value;
} own_options[] = {
	{ "ckpt-dir", CKPT_DIR, true },
	{ "burst-buffer", BURST_BUFFER, true },
	{ "redundancy", REDUNDANCY, true },
	{ "fabric", FABRIC, true },
	{ "fabric-interface", FABRIC_INTERFACE, true },
	{ "flush-every", FLUSH_EVERY, true },
	{ "flush-rate", FLUSH_RATE, true },
	{ "interval", INTERVAL, true },
	{ "mtbf", MTBF, true },
	{ "keep", KEEP, true },
	{ "keep-age", KEEP_AGE, true },
	{ "keep-bytes", KEEP_BYTES, true },
	{ "signal", SIGNAL, true },
	{ "resume", RESUME, false },
	{ "restart", RESTART, true },
	{ "restarts", RESTARTS, true },
	{ "capture", CAPTURE, true },
	{ "compress", COMPRESS, true },
	{ "incremental", INCREMENTAL, true },
	{ "quiesce-timeout", QUIESCE, true },
	{ "mpi-lib", MPI_LIB, true },
	{ "iface", IFACE, true },
	{ "metrics", METRICS, true },
	{ "auth", AUTH, true },
	{ "stop-before", STOP_BEFORE, true },
	{ "requeue", REQUEUE, false },
	{ "no-requeue", NO_REQUEUE, false },
	{ "resubmit", RESUBMIT, false },

	{ "launcher", LAUNCHER, true },
	{ "verbose", VERBOSE, false },
	{ "help", HELP, false },
	{ "version", VERSION, false },
};

/* The option of ours at argv[0]; *value after "=" or in the next word, *words
 * how many belong to it. */
static const struct own_option *own_option(char *const *argv,
					   const char **value, int *words)
{
	const char *name = argv[0] + 2;
	size_t len = strcspn(argv[0], "=") - 2;

	if (strncmp(argv[0], "--", 2))
		return NULL;
	for (size_t i = 0; i < sizeof(own_options) / sizeof(*own_options);
	     i++) {
		const struct own_option *o = &own_options[i];

		if (strncmp(o->name, name, len) || o->name[len])
			continue;
		*words = 1;
		*value = NULL;
		if (name[len] == '=')
			*value = name + len + 1;
		else if (o->takes_value && (*value = argv[1]))
			*words = 2;
		/* hydra has --launcher ssh; ours names a starter */
		if (o->id == LAUNCHER && *value && strcmp(*value, "mpiexec") &&
		    strcmp(*value, "srun"))
			return NULL;
		return o;
	}
	return NULL;
}

static void set_text(char **where, const char *value)
{
	free(*where);
	*where = xstrdup(value);
}

static int set_signal(struct options *o, const char *value, struct err *err)
{
	const char *equals = strchr(value, '=');
	char name[32];
	int number, rc;

	if (!equals || (size_t)(equals - value) >= sizeof(name))
		return err_set(err, -EINVAL,
			       "--signal takes SIG=checkpoint or "
			       "SIG=checkpoint-exit, not \"%s\"",
			       value);
	memcpy(name, value, (size_t)(equals - value));
	name[equals - value] = '\0';
	rc = units_signal(name, &number, err);
	if (rc)
		return rc;
	if (!strcmp(equals + 1, "checkpoint"))
		o->signals[number] = SIGNAL_CHECKPOINT;
	else if (!strcmp(equals + 1, "checkpoint-exit"))
		o->signals[number] = SIGNAL_CHECKPOINT_EXIT;
	else
		return err_set(err, -EINVAL,
			       "--signal: \"%s\" is not an action; take "
			       "checkpoint or checkpoint-exit",
			       equals + 1);
	return 0;
}

static int set_keep(struct options *o, const char *value, struct err *err)
{
	long keep = 0;
	int rc = units_count(value, 1, KEEP_MAX, "--keep", &keep, err);

	if (!rc)
		o->kept.keep = (unsigned int)keep;
	return rc;
}

/* "12h", or "200d/node" */
static int set_mtbf(struct options *o, const char *value, struct err *err)
{
	static const char suffix[] = "/node";
	size_t len = strlen(value), n = strlen(suffix);
	bool of_node = len > n && !strcmp(value + len - n, suffix);
	char *time = xstrdup(value);
	int rc;

	if (of_node)
		time[len - n] = '\0';
	rc = units_time(time, &o->mtbf_ms, err);
	if (!rc)
		o->mtbf_of_node = of_node;
	free(time);
	return rc;
}

/* "DIR", "DIR/3" or "DIR/epoch-000003" */
static int set_restart(struct options *o, const char *value, struct err *err)
{
	const char *slash, *last;
	char *dir = xstrdup(value);

	while (strlen(dir) > 1 && dir[strlen(dir) - 1] == '/')
		dir[strlen(dir) - 1] = '\0';
	o->restart_epoch = 0;
	slash = strrchr(dir, '/');
	last = slash ? slash + 1 : dir;
	if (!strncmp(last, "epoch-", 6))
		last += 6;
	if (*last && strspn(last, "0123456789") == strlen(last) &&
	    (slash || last > dir)) {
		if (units_count(last, 1, UINT32_MAX, "the epoch",
				&o->restart_epoch, err)) {
			free(dir);
			return -EINVAL;
		}
		if (slash == dir)
			dir[1] = '\0';
		else if (slash)
			dir[slash - dir] = '\0';
		else
			strcpy(dir, ".");
	}
	free(o->restart);
	o->restart = dir;
	if (!*dir)
		return err_set(err, -EINVAL,
			       "--restart needs a checkpoint folder");
	return 0;
}

static int set_incremental(struct options *o, const char *value,
			   struct err *err)
{
	static const char *const ways[] = { "auto", "scan", "hash", "off" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(value, ways[i])) {
			o->incremental = ways[i];
			return 0;
		}
	return err_set(err, -EINVAL,
		       "--incremental takes auto, scan, hash or off, not "
		       "\"%s\"",
		       value);
}

static int set_one(struct options *o, enum option_id id, const char *value,
		   struct err *err)
{
	struct codec_wish wish;

	switch (id) {
	case CKPT_DIR:
		if (!*value)
			return err_set(err, -EINVAL,
				       "--ckpt-dir needs a folder's name");
		set_text(&o->ckpt_dir, value);
		return 0;
	case BURST_BUFFER:
		/* Not one that begins here: it is a folder of each node. */
		if (*value != '/' && strcmp(value, "auto"))
			return err_set(err, -EINVAL,
				       "--burst-buffer takes a folder's path "
				       "from the root, or auto, not \"%s\"",
				       value);
		set_text(&o->burst_buffer, value);
		return 0;
	case REDUNDANCY:
		if (strcmp(value, "none") && strcmp(value, "partner"))
			return err_set(err, -EINVAL,
				       "--redundancy takes none or partner, "
				       "not \"%s\"",
				       value);
		o->partner = !strcmp(value, "partner");
		return 0;
	case FABRIC:
		set_text(&o->fabric, value);
		return 0;
	case FABRIC_INTERFACE:
		set_text(&o->fabric_interface, value);
		return 0;
	case FLUSH_EVERY:
		return units_count(value, 1, 1000000, "--flush-every",
				   &o->flush_every, err);
	case FLUSH_RATE:
		return units_size(value, "--flush-rate", &o->flush_rate, err);
	case INTERVAL:
		o->interval_auto = !strcmp(value, "auto");
		o->interval_ms = 0;
		return o->interval_auto ?
			       0 :
			       units_time(value, &o->interval_ms, err);
	case MTBF:
		return set_mtbf(o, value, err);
	case KEEP:
		return set_keep(o, value, err);
	case KEEP_AGE:
		return units_time(value, &o->kept.age_ms, err);
	case KEEP_BYTES:
		return units_size(value, "--keep-bytes", &o->kept.bytes, err);
	case SIGNAL:
		return set_signal(o, value, err);
	case RESUME:
		o->resume = true;
		return 0;
	case RESTART:
		return set_restart(o, value, err);
	case RESTARTS:
		return units_count(value, 0, 1000000, "--restarts",
				   &o->restarts, err);
	case CAPTURE:
		if (strcmp(value, "cow") && strcmp(value, "stop"))
			return err_set(err, -EINVAL,
				       "--capture takes cow or stop, not "
				       "\"%s\"",
				       value);
		o->capture_stop = !strcmp(value, "stop");
		return 0;
	case COMPRESS:
		if (!*value || codec_wish_parse(value, &wish))
			return err_set(err, -EINVAL,
				       "--compress takes auto, none, fast, "
				       "small, or zstd's level from 1 to 19, "
				       "not \"%s\"",
				       value);
		set_text(&o->compress, value);
		return 0;
	case INCREMENTAL:
		return set_incremental(o, value, err);
	case QUIESCE:
		return units_time(value, &o->quiesce_ms, err);
	case MPI_LIB:
		set_text(&o->mpi_lib, value);
		return 0;
	case STOP_BEFORE:
		return units_time(value, &o->stop_before_ms, err);
	case REQUEUE:
		o->next_run = NEXT_REQUEUE;
		return 0;
	case NO_REQUEUE:
		o->next_run = NEXT_NEVER;
		return 0;
	case RESUBMIT:
		o->next_run = NEXT_RESUBMIT;
		return 0;
	case METRICS:
		if (!*value)
			return err_set(err, -EINVAL,
				       "--metrics needs a file's name");
		set_text(&o->metrics, value);
		return 0;
	case IFACE:
		set_text(&o->iface, value);
		return 0;
	case AUTH:
		if (channel_auth_from_name(value, &o->auth))
			return err_set(err, -EINVAL,
				       "--auth takes secret or munge, not "
				       "\"%s\"",
				       value);
		return 0;
	case LAUNCHER:
		o->starter = strcmp(value, "srun") ? &starter_mpiexec :
						     &starter_srun;
		return 0;
	case VERBOSE:
		o->verbose = true;
		return 0;
	case HELP:
		o->help = true;
		return 0;
	case VERSION:
		o->version = true;
		return 0;
	}
	return -EINVAL;
}

/* --launcher decides how all other words are read, so it is looked for first,
 * in front of the first word that cannot be an option's value. */
static void find_starter(char *const *argv, struct options *o)
{
	const char *value;
	int words;

	for (; *argv && strcmp(*argv, ":"); argv++) {
		const struct own_option *own = own_option(argv, &value, &words);

		if (own && own->id == LAUNCHER && value)
			o->starter = strcmp(value, "srun") ? &starter_mpiexec :
							     &starter_srun;
		if (argv[0][0] != '-' && argv[1] && argv[1][0] != '-' &&
		    argv[1][0] != ':')
			break;
	}
}

/* Hydra has the same option, for its own connections, by name only. */
static void pass_iface(const struct options *o, const char *value,
		       struct words *rest)
{
	unsigned char address[16];

	if (o->starter != &starter_mpiexec ||
	    inet_pton(AF_INET, value, address) == 1 ||
	    inet_pton(AF_INET6, value, address) == 1)
		return;
	words_add(rest, "-iface");
	words_add(rest, value);
}

static int check_redundancy(const struct options *o, struct err *err)
{
	char path[PATH_MAX];

	if (!o->partner)
		return 0;
	if (!o->burst_buffer)
		return err_set(err, -EINVAL,
			       "--redundancy keeps copies in burst buffers; "
			       "give --burst-buffer, too");
	if (where_find("cairn-fabric", path, sizeof(path), NULL))
		return err_set(err, -ENOPKG,
			       "this Cairn was built without libfabric, which "
			       "--redundancy needs; build it where that is");
	return 0;
}

int options_parse(char *const *argv, struct options *o, struct words *rest,
		  struct err *err)
{
	const struct own_option *own;
	const char *value;
	int words, rc;

	memset(o, 0, sizeof(*o));
	o->flush_every = 1;
	o->quiesce_ms = 5 * 60000;
	o->starter = &starter_mpiexec;
	o->signals[SIGUSR1] = SIGNAL_CHECKPOINT_EXIT;
	o->signals[SIGUSR2] = SIGNAL_CHECKPOINT;
	if (channel_auth_from_name(getenv("CAIRN_AUTH"), &o->auth))
		return err_set(err, -EINVAL,
			       "CAIRN_AUTH is \"%s\"; it takes secret or munge",
			       getenv("CAIRN_AUTH"));
	if (getenv("CAIRN_MTBF") && set_mtbf(o, getenv("CAIRN_MTBF"), err))
		return err_prefix(err, -EINVAL, "CAIRN_MTBF");
	if (getenv("CAIRN_FABRIC"))
		set_text(&o->fabric, getenv("CAIRN_FABRIC"));
	if (getenv("CAIRN_FABRIC_INTERFACE"))
		set_text(&o->fabric_interface,
			 getenv("CAIRN_FABRIC_INTERFACE"));
	find_starter(argv, o);
	while (*argv) {
		own = own_option(argv, &value, &words);
		if (own) {
			if (own->takes_value && !value)
				return err_set(err, -EINVAL,
					       "--%s needs a value; see "
					       "cairnrun --help",
					       own->name);
			if (!own->takes_value && value)
				return err_set(err, -EINVAL,
					       "--%s takes no value",
					       own->name);
			rc = set_one(o, own->id, value, err);
			if (rc)
				return rc;
			if (own->id == IFACE)
				pass_iface(o, value, rest);
		} else {
			words = o->starter->option(argv, &value);
			if (words <= 0)
				break;
			for (int i = 0; i < words; i++)
				words_add(rest, argv[i]);
		}
		argv += words;
	}
	for (; *argv; argv++)
		words_add(rest, *argv);
	/* Other bounds stand for themselves. */
	if (!o->kept.keep)
		o->kept.keep = o->kept.age_ms || o->kept.bytes ? KEEP_MAX : 2;
	if (o->restart && o->resume)
		return err_set(err, -EINVAL,
			       "--restart and --resume exclude each other; "
			       "--resume takes the folder from --ckpt-dir");
	return check_redundancy(o, err);
}

void options_fini(struct options *o)
{
	free(o->ckpt_dir);
	free(o->burst_buffer);
	free(o->fabric);
	free(o->fabric_interface);
	free(o->restart);
	free(o->compress);
	free(o->mpi_lib);
	free(o->iface);
	free(o->metrics);
}
