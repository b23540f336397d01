/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - objects in the middle of their life, over a checkpoint */

/*
 * kept [-s] [-g GATE] [-r ROUNDS] [NAME...]
 *
 * Makes the objects of the topics that are named (of all), waits in the first
 * round until the file GATE exists, and uses them to their end.  Every rank
 * makes GATE.RANK when it has come so far.  Prints "answer right", or what is
 * wrong on stderr.  With -s there is no MPI_Init, but a session.
 */
#include "kept.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int rank, size, errors, left, right;
static const char *gate;

static const struct topic topics[] = {
	{ "parts", parts_make, parts_check },
	{ "greqs", greqs_make, greqs_check },
	{ "sessions", sessions_make, sessions_check },
	{ "tools", tools_make, tools_check },
	{ "messages", messages_make, messages_check },
	{ "types", types_make, types_check },
	{ "errors", errors_make, errors_check },
	{ "colls", colls_make, colls_check },
};
#define NTOPICS (sizeof(topics) / sizeof(topics[0]))

static int wanted(const char *name, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return 1;
	return 0;
}

static void wait_at_gate(void)
{
	char path[4096];
	FILE *f;

	if (!gate)
		return;
	snprintf(path, sizeof(path), "%s.%d", gate, rank);
	f = fopen(path, "w");
	if (f)
		fclose(f);
	while (access(gate, F_OK))
		usleep(1000);
}

static void round_of(char **names, int first)
{
	for (size_t i = 0; i < NTOPICS; i++)
		if (wanted(topics[i].name, names))
			topics[i].make();
	if (first)
		wait_at_gate();
	for (size_t i = 0; i < NTOPICS; i++)
		if (wanted(topics[i].name, names))
			topics[i].check();
}

int main(int argc, char **argv)
{
	int rounds = 1, opt, all = 0, by_session = 0, flag = 0;
	MPI_Comm world = MPI_COMM_WORLD;

	while ((opt = getopt(argc, argv, "g:r:s")) != -1) {
		if (opt == 's')
			by_session = 1;
		else if (opt == 'g')
			gate = optarg;
		else if (opt == 'r')
			rounds = atoi(optarg);
		else
			return 2;
	}
	if (by_session)
		world = sessions_begin();
	else
		MPI_Init(&argc, &argv);
	MPI_Comm_rank(world, &rank);
	MPI_Comm_size(world, &size);
	left = (rank + size - 1) % size;
	right = (rank + 1) % size;
	for (int i = 0; i < rounds; i++)
		round_of(argv + optind, i == 0);
	MPI_Initialized(&flag);
	CHECK(flag == !by_session);
	MPI_Allreduce(&errors, &all, 1, MPI_INT, MPI_SUM, world);
	if (rank == 0)
		printf("answer %s\n", all ? "wrong" : "right");
	if (by_session)
		sessions_end();
	else
		MPI_Finalize();
	MPI_Finalized(&flag);
	if (flag != !by_session)
		return 1;
	return all != 0;
}
