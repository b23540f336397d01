/* SPDX-License-Identifier: BSD-3-Clause */
/* timing.c - when this node's ranks came to each phase of an epoch */
#include "runtime/agent/timing.h"

#include <sched.h>
#include <sys/resource.h>

void timing_begin(struct agent *agent)
{
	for (struct rank *r = agent->ranks; r; r = r->next) {
		r->quiet = r->captured = r->resumed = false;
		r->hold_ns = r->quiet_ns = r->captured_ns = 0;
		r->resumed_ns = 0;
	}
}

double timing_pause_ms(const struct agent *agent)
{
	uint64_t longest = 0, now = now_ns();

	for (const struct rank *r = agent->ranks; r; r = r->next) {
		uint64_t end = r->resumed_ns ? r->resumed_ns : now;

		if (rank_lives(r) && r->hold_ns && end > r->hold_ns &&
		    end - r->hold_ns > longest)
			longest = end - r->hold_ns;
	}
	return (double)longest / 1e6;
}

/* Tenths of milliseconds are enough, and short as text. */
static json_t *since(uint64_t begin_ns, uint64_t when_ns)
{
	if (!when_ns)
		return json_integer(-1);
	if (when_ns < begin_ns) /* it held before it was told */
		return json_integer(0);
	return json_real((double)((when_ns - begin_ns) / 100000) / 10);
}

json_t *timing_list(const struct agent *agent, uint64_t begin_ns)
{
	json_t *list = json_array();

	for (const struct rank *r = agent->ranks; r; r = r->next) {
		if (!rank_lives(r))
			continue;
		json_array_append_new(list,
				      json_pack("[I, o, o, o, o]",
						(json_int_t)r->world_rank,
						since(begin_ns, r->hold_ns),
						since(begin_ns, r->quiet_ns),
						since(begin_ns, r->captured_ns),
						since(begin_ns,
						      r->resumed_ns)));
	}
	return list;
}

double timing_cpu_ms(void)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used))
		return 0;
	return 1e3 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

int timing_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
