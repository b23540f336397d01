/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.c - counting collectives, and not cutting them: one rank's side */
#include "mpi_wrappers/frontier.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <time.h>

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/frontier_need.h"
#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"

/*
 * DESIGN (frontier.md has the whole protocol)
 *
 * slots[i] of the control page is the published form of comms[i]; group calls
 * have slots without a communicator.  A thread meets the protocol in three
 * places: where it is about to enter a collective (frontier_enter), where it
 * waits for a message (frontier_blocked), and in the signal handler (publish,
 * may_hold).  What is shared by threads is changed under `lock`, which no
 * handler takes.
 */

#define WAIT_MS 5 /* between looks at the page, should a wake-up be lost */

/* Debts that are about to end do so sooner than this. */
#define PATIENCE_US 20000

_Atomic uint32_t frontier_pending;
static _Atomic uint32_t counted; /* the last one whose counts are all written */

/* File-scope: the handler must find them, and there is one rank a process. */
static struct vcomm *_Atomic comms[CONTROL_SLOTS];
static uint32_t next_slot;
static atomic_flag lock = ATOMIC_FLAG_INIT;

static void lock_take(void)
{
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		sys_call(SYS_sched_yield);
}

static void lock_give(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

static uint64_t entered(const struct vcomm *comm)
{
	return atomic_load(&comm->entered);
}

/* Also in the handler, between any two instructions of coll_enter and
 * frontier_barrier_begin: then the barrier counts as any collective. */
static uint64_t word_of(const struct vcomm *comm)
{
	uint64_t count = entered(comm), run = atomic_load(&comm->barriers);
	uint64_t under_way = count - atomic_load(&comm->barriers_over);
	uint64_t steps = run >> 16 == count ? run & 0xffff : 0;

	return slot_word(count, steps < under_way ? steps : under_way);
}

static uint32_t pending_epoch(void)
{
	return atomic_load(&frontier_pending);
}

static bool targets_known(struct control_page *page)
{
	return atomic_load(&page->agent.targets_epoch) == pending_epoch();
}

/* --- slots ---------------------------------------------------------------- */

static void slot_fill(struct control_slot *slot, const struct vcomm *comm)
{
	slot->members = (uint32_t)(comm->size + comm->remote_size);
	slot->flags = comm == comm_world ? SLOT_WORLD : 0;
	atomic_store(&slot->word, word_of(comm));
	atomic_store(&slot->target, 0);
	atomic_store(&slot->gid, comm->gid); /* last: now it counts */
}

/* A free slot's number, or -ENOSPC.  Under lock. */
static int slot_find(struct control_page *page)
{
	for (uint32_t i = 0; i < CONTROL_SLOTS; i++) {
		uint32_t n = (next_slot + i) % CONTROL_SLOTS;

		if (atomic_load(&comms[n]) || atomic_load(&page->slots[n].gid))
			continue;
		next_slot = n + 1;
		if (n >= atomic_load(&page->rank.nslots))
			atomic_store(&page->rank.nslots, n + 1);
		return (int)n;
	}
	return -ENOSPC;
}

/* A slot that is made while an epoch is pending was not published. */
static void slot_report(uint64_t gid, uint64_t number)
{
	uint32_t epoch = pending_epoch();

	if (epoch)
		process_send(&(struct control_msg){ .type = CONTROL_SLOT,
						    .epoch = epoch,
						    .gid = gid,
						    .value = number });
}

int frontier_register(struct vcomm *comm)
{
	struct control_page *page = process_page();
	int n;

	if (!page)
		return 0;
	lock_take();
	n = slot_find(page);
	if (n >= 0) {
		comm->slot = &page->slots[n];
		slot_fill(comm->slot, comm);
		atomic_store(&comms[n], comm);
	}
	lock_give();
	if (n < 0)
		return n;
	slot_report(comm->gid, (uint64_t)n);
	return 0;
}

void frontier_unregister(struct vcomm *comm)
{
	struct control_page *page = process_page();

	if (!page || !comm->slot)
		return;
	lock_take();
	atomic_store(&comms[comm->slot - page->slots], NULL);
	atomic_store(&comm->slot->gid, 0);
	comm->slot = NULL;
	lock_give();
}

void frontier_restarted(struct control_page *page)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < CONTROL_SLOTS; i++) {
		struct vcomm *comm = atomic_load(&comms[i]);

		if (!comm)
			continue;
		comm->slot = &page->slots[i];
		slot_fill(comm->slot, comm);
		used = i + 1;
	}
	atomic_store(&page->rank.nslots, used);
	atomic_store(&frontier_pending, 0);
}

/* --- the signal handler's part ---------------------------------------------
 */

/* For people.  Where in the real library it is nobody can tell. */
static void where_begin(struct control_page *page)
{
	const struct thread_ctx *ctx = ctx_here();

	atomic_store(&page->rank.function, FN_COUNT);
	fmt_print(page->rank.why, sizeof(page->rank.why), "%s",
		  ctx && ctx->depth ? "MPI" : "");
}

void frontier_publish(struct control_page *page, uint32_t epoch)
{
	uint32_t n = atomic_load(&page->rank.nslots);

	where_begin(page);
	/* pending first, counts second: a thread that has counted and does not
	 * see pending yet is seen by the loop below (the caller has issued
	 * membarrier() between its own look at the threads and this). */
	atomic_store(&frontier_pending, epoch);
	need_begin();
	sys_call(SYS_membarrier, 8 /* PRIVATE_EXPEDITED */, 0, 0);
	for (uint32_t i = 0; i < n; i++) {
		const struct vcomm *comm = atomic_load(&comms[i]);

		if (comm)
			atomic_store(&page->slots[i].word, word_of(comm));
	}
	atomic_store(&counted, epoch);
}

bool frontier_below(const struct control_page *page)
{
	uint32_t n = atomic_load(&page->rank.nslots);

	if (atomic_load(&page->agent.missing))
		return true;
	for (uint32_t i = 0; i < n; i++) {
		const struct vcomm *comm = atomic_load(&comms[i]);

		if (comm && entered(comm) < atomic_load(&page->slots[i].target))
			return true;
	}
	return false;
}

bool frontier_may_hold(struct control_page *page)
{
	if (!pending_epoch())
		return true;
	if (!targets_known(page) || atomic_load(&page->agent.owed) ||
	    (atomic_load(&page->agent.slice) & 1) || frontier_below(page))
		return false;
	need_settle();
	return true;
}

void frontier_end(bool aborted)
{
	(void)aborted;
	atomic_store(&frontier_pending, 0);
}

/* --- entering a collective --------------------------------------------------
 */

/* Sleep until the agent has changed its part of the page since `seq`. */
static void page_wait(struct control_page *page, uint32_t seq)
{
	struct timespec limit = { .tv_nsec = WAIT_MS * 1000000L };

	sys_call(SYS_futex, &page->agent.seq, FUTEX_WAIT, seq, &limit, 0, 0);
}

/* Wait for the targets of the pending epoch; false if it ended meanwhile. */
static bool targets_wait(struct control_page *page)
{
	for (;;) {
		uint32_t seq = atomic_load(&page->agent.seq);

		if (!pending_epoch())
			return false;
		if (targets_known(page))
			return true;
		if (atomic_load(&page->agent.cmd) == CMD_ABORT ||
		    atomic_load(&page->agent.cmd) == CMD_RUN ||
		    process_agent_lost())
			return false;
		page_wait(page, seq);
	}
}

/* The agent has ended the epoch; the leader thread is about to clear pending
 * (it may be this one, at its safe point). */
static void epoch_ends(struct thread_ctx *ctx)
{
	if (pending_epoch() && !safepoint(ctx))
		sys_call(SYS_sched_yield);
}

/* For people, should the epoch wait for this rank. */
static void say_where(struct control_page *page, int function)
{
	if (atomic_exchange(&page->rank.function, (uint32_t)function) !=
	    (uint32_t)function)
		fmt_print(page->rank.why, sizeof(page->rank.why), "%s",
			  api_names[function]);
}

/*
 * A rank that must go on for others only, and would raise a target for that,
 * makes them all go on once more: so it waits first whether its debts end,
 * which may have been on their way.  False once they have stood for a while.
 */
static bool debts_may_end(struct control_page *page, uint32_t began_us)
{
	static _Atomic uint32_t seen_seq, since_us;
	uint32_t seq = atomic_load(&page->agent.seq), now = frontier_now_us();

	if ((atomic_load(&page->agent.slice) & 1) || frontier_below(page))
		return false;
	if (atomic_exchange(&seen_seq, seq) != seq)
		atomic_store(&since_us, now);
	if (now - atomic_load(&since_us) > PATIENCE_US ||
	    now - began_us > 4 * PATIENCE_US)
		return false;
	page_wait(page, seq);
	return true;
}

static void raise_target(struct control_page *page, struct control_slot *slot,
			 uint64_t count, int function)
{
	say_where(page, function);
	atomic_store(&slot->target, count);
	process_send(&(struct control_msg){
		.type = CONTROL_RAISE,
		.epoch = pending_epoch(),
		.gid = atomic_load(&slot->gid),
		.value = count,
	});
}

/* The pending epoch, once all its counts are on the page; 0: none. */
static uint32_t counted_epoch(void)
{
	uint32_t epoch;

	while ((epoch = pending_epoch()) && atomic_load(&counted) != epoch)
		sys_call(SYS_sched_yield); /* another thread is publishing */
	return epoch;
}

/* Waits until the entry that makes `count` of comm's may be made; gives the
 * epoch that this is true of, or 0. */
static uint32_t admission(struct thread_ctx *ctx, struct vcomm *comm,
			  uint64_t count, int function)
{
	uint32_t began_us = pending_epoch() ? frontier_now_us() : 0;

	for (;;) {
		struct control_page *page = process_page();
		uint32_t epoch = counted_epoch();

		if (!epoch ||
		    count <= slot_count(atomic_load(&comm->slot->word)))
			return epoch;
		if (!targets_wait(page)) {
			epoch_ends(ctx);
		} else if (count <= atomic_load(&comm->slot->target)) {
			return epoch;
		} else if (frontier_may_hold(page)) {
			safepoint(ctx);
		} else if (!debts_may_end(page, began_us)) {
			raise_target(page, comm->slot, count, function);
			return epoch;
		}
	}
}

/*
 * coll_enter has added this entry to the count and then saw an epoch pending.
 * If the entry is in what was published, everybody else reckons with it: go in.
 * Else enter only as the targets allow.  The entry is taken back first and the
 * counts are read second, so that no later publication has it; a handler may go
 * over to another epoch at any moment, and then it is to be asked once more.
 */
void frontier_enter(struct thread_ctx *ctx, struct vcomm *comm, int function)
{
	uint64_t count = entered(comm);
	uint32_t epoch;

	if (!comm->slot)
		return;
	do {
		atomic_fetch_sub(&comm->entered, 1);
		epoch = admission(ctx, comm, count, function);
		atomic_fetch_add(&comm->entered, 1);
	} while (pending_epoch() != epoch);
	if (epoch && !frontier_below(process_page()))
		need_settle();
}

/* Of an intercommunicator not: members of one group may leave it as soon as all
 * of the other have entered it, whatever their own group does. */
uint64_t frontier_barrier_begin(struct vcomm *comm)
{
	uint64_t number = atomic_load_explicit(&comm->entered,
					       memory_order_relaxed);
	uint64_t run = atomic_load_explicit(&comm->barriers,
					    memory_order_relaxed);
	uint64_t length = run >> 16 == number - 1 ? run & 0xffff : 0;

	if (!comm->remote_size)
		atomic_store_explicit(&comm->barriers,
				      number << 16 |
					      (length + (length < 0xffff)),
				      memory_order_relaxed);
	return number;
}

void frontier_barrier_end(struct vcomm *comm, uint64_t number)
{
	uint64_t over = atomic_load(&comm->barriers_over);

	while (over < number &&
	       !atomic_compare_exchange_weak(&comm->barriers_over, &over,
					     number))
		;
}

/* --- waiting for a message ---------------------------------------------------
 */

void frontier_blocked(struct thread_ctx *ctx, struct frontier_need *need,
		      const struct vcomm *comm, int peer, int function)
{
	struct control_page *page = process_page();
	uint32_t epoch = pending_epoch();

	if (!epoch || !page) {
		safepoint(ctx);
		return;
	}
	if (!targets_known(page) || process_agent_lost()) {
		sys_call(SYS_sched_yield);
		if (atomic_load(&page->agent.cmd) <= CMD_RUN ||
		    atomic_load(&page->agent.cmd) == CMD_ABORT)
			safepoint(ctx);
		return;
	}
	if (frontier_may_hold(page)) {
		frontier_unblocked(need);
		safepoint(ctx);
		return;
	}
	say_where(page, function);
	if (comm && peer != MPI_PROC_NULL)
		need_watch(page, epoch, need, comm, peer);
	sys_call(SYS_sched_yield); /* the peer may need this core */
}

void frontier_barrier_blocked(struct thread_ctx *ctx, struct vcomm *comm,
			      uint64_t number, int function)
{
	struct frontier_need none = { 0 };
	struct control_page *page = process_page();

	if (page && comm->slot && pending_epoch() && targets_known(page) &&
	    !frontier_may_hold(page) &&
	    atomic_load(&comm->slot->target) < number)
		raise_target(page, comm->slot, number, function);
	frontier_blocked(ctx, &none, comm, MPI_PROC_NULL, function);
}

/* --- group calls ------------------------------------------------------------
 */

/* Room for n ranks in the page's pool: the first gap between the group calls
 * under way.  Under lock. */
static int pool_find(const struct control_page *page, unsigned int n)
{
	uint32_t at = 0;
	bool moved = true;

	while (moved && at + n <= CONTROL_POOL) {
		moved = false;
		for (uint32_t i = 0; i < page->rank.nslots; i++) {
			const struct control_slot *s = &page->slots[i];

			if (!s->gid || !(s->flags & SLOT_GROUP_CALL) ||
			    at + n <= s->pool || s->pool + s->members <= at)
				continue;
			at = s->pool + s->members;
			moved = true;
		}
	}
	return at + n <= CONTROL_POOL ? (int)at : -ENOSPC;
}

static int group_slot_make(struct control_page *page, uint64_t gid,
			   const int *world, unsigned int n)
{
	int number, at;

	lock_take();
	number = slot_find(page);
	at = pool_find(page, n);
	if (number >= 0 && at >= 0) {
		struct control_slot *slot = &page->slots[number];

		memcpy(page->pool + at, world, n * sizeof(*world));
		slot->pool = (uint32_t)at;
		slot->members = n;
		slot->flags = SLOT_GROUP_CALL;
		atomic_store(&slot->word, slot_word(1, 0));
		atomic_store(&slot->target, 0);
		atomic_store(&slot->gid, gid);
	}
	lock_give();
	return number < 0 ? number : at < 0 ? at : number;
}

/* Somebody in the group is inside this call already, or we must go on for
 * another reason: then enter.  Else hold before it. */
static void group_call_wait(struct thread_ctx *ctx)
{
	while (pending_epoch()) {
		struct control_page *page = process_page();

		if (!targets_wait(page))
			epoch_ends(ctx);
		else if (frontier_may_hold(page))
			safepoint(ctx);
		else
			return;
	}
}

int group_call_begin(struct thread_ctx *ctx, uint64_t gid, const int *world,
		     unsigned int n, int function)
{
	struct control_page *page = process_page();
	int number;

	if (!page)
		return 0;
	group_call_wait(ctx);
	page = process_page();
	say_where(page, function);
	number = group_slot_make(page, gid, world, n);
	if (number < 0)
		return number;
	/* Publication has seen the slot, or we see that it is over. */
	slot_report(gid, (uint64_t)number);
	return 0;
}

void group_call_end(uint64_t gid)
{
	struct control_page *page = process_page();

	if (!page)
		return;
	lock_take();
	for (uint32_t i = 0; i < atomic_load(&page->rank.nslots); i++) {
		struct control_slot *slot = &page->slots[i];

		if (!(slot->flags & SLOT_GROUP_CALL) ||
		    atomic_load(&slot->gid) != gid)
			continue;
		atomic_store(&slot->gid, 0);
		slot->flags = 0;
	}
	lock_give();
	/* It is complete, so all have entered it: nobody is missing. */
	slot_report(gid, SLOT_OVER);
}
