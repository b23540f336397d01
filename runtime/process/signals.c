/* SPDX-License-Identifier: BSD-3-Clause */
/* signals.c - every handler of the process enters through ours */
#define _GNU_SOURCE
#define LOG_PREFIX "signals: "
#include "runtime/process/signals.h"

#include "runtime/base/log.h"
#include "runtime/process/epoch.h"
#include "runtime/process/pid.h"
#include "runtime/process/restored.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>

/*
 * DESIGN
 *
 * A handler may interrupt the lower half, when FS is a donor's, or "inside" is
 * set beside GS.  So the kernel knows one handler only, enter_handler(), which
 * takes both back, calls the program's handler, and puts both as they were
 * afterwards.  (A handler that leaves by siglongjmp() is in the upper half, as
 * it should be.)
 * Flags, mask and the one-shot kind are the kernel's business, as always.
 *
 * libc installs two handlers of its own by raw system calls: for cancellation
 * at the first pthread_cancel(), for setuid() and its kin at the first
 * pthread_create().  We let it, at a time when nobody else can signal, and
 * wrap them (signals_wrap; threads.c and cancel below).
 *
 * For handlers: one table for the process, as in the kernel.
 */
struct kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};
#define KERNEL_SA_RESTORER 0x04000000UL

static struct {
	void (*_Atomic handler)(int, siginfo_t *, void *);
	_Atomic int flags;
	_Atomic bool masks_control; /* as the program gave it */
} program[SIGNALS + 1];
static struct kernel_action recorded[SIGNALS + 1];
/* TERM, while it is the program's to die of: what the program set, or found. */
static struct kernel_action term_default;
static _Atomic uint32_t table_lock;

static int kernel_sigaction(int sig, const struct kernel_action *new,
			    struct kernel_action *old)
{
	return (int)sys_call(SYS_rt_sigaction, sig, new, old, 8);
}

/* --- handlers ---------------------------------------------------------------
 */

/* How a thread is in the lower half: by FS, or by a mark beside GS. */
struct half {
	uint64_t fs;
	uint8_t inside;
};

static struct half go_up(const struct thread *t)
{
	struct thread_gs *gs = thread_gs(gs_get());
	struct half half = { fs_get(), atomic_load(&gs->inside) };

	if (half.fs != t->ctx.upper_fs)
		fs_set(t->ctx.upper_fs);
	atomic_store(&gs->inside, 0);
	return half;
}

static void go_down(const struct half *half)
{
	atomic_store(&thread_gs(gs_get())->inside, half->inside);
	if (half->fs != fs_get())
		fs_set(half->fs);
}

static void enter_handler(int sig, siginfo_t *info, void *context)
{
	struct thread *t = thread_here();
	const ucontext_t *uc = context;
	uint32_t before = 0;
	bool below = false;
	struct half half;

	if (t) {
		before = boundary_begin(t,
					(uintptr_t)__builtin_frame_address(0),
					(uintptr_t)
						uc->uc_mcontext.gregs[REG_RSP]);
		below = thread_is_below(t);
		if (below)
			half = go_up(t);
		else
			rewind_genuine(t, context,
				       atomic_load(&program[sig].flags));
	}
	if (sig != SIGNAL_CANCEL && sig != SIGNAL_SETXID &&
	    atomic_load(&program[sig].flags) & SA_SIGINFO)
		pid_info(info);
	program[sig].handler(sig, info, context);
	if (t)
		boundary_end(t, before);
	if (below)
		go_down(&half);
}

static void take_part(void *arg)
{
	epoch_take_part(arg);
}

static uint64_t mask_of(const ucontext_t *uc)
{
	uint64_t mask;

	memcpy(&mask, &uc->uc_sigmask, sizeof(mask));
	return mask;
}

/* CONTROL_SIGNAL: the agent, or another thread of ours, wants us to look at the
 * control page.  No TLS here; every signal is blocked. */
static void enter_control(int sig, siginfo_t *info, void *context)
{
	struct thread *t;
	uint64_t entered;
	void *top;

	(void)sig;
	(void)info;
	if (!process_page() || process_link.pid != (int)sys_call(SYS_getpid))
		return;
	t = thread_here();
	if (!t)
		t = thread_adopt_raw();
	if (!t || t->state == THREAD_LEAVING)
		return;
	entered = now_ns();
	if (epoch_pending()) {
		top = thread_stack_top(t);
		if (t->ctx.depth || t->on_stack || !top || thread_is_below(t)) {
			epoch_notice(t);
		} else {
			t->program_mask = mask_of(context);
			thread_run_apart(t, take_part, t, top);
		}
	}
	rewind_after(t, context, entered);
}

/* --- the table --------------------------------------------------------------
 */

static uint64_t table_begin(void)
{
	uint64_t mask = mask_all();
	uint32_t c = 0;

	if (atomic_compare_exchange_strong(&table_lock, &c, 1))
		return mask;
	while (atomic_exchange(&table_lock, 2))
		sys_call(SYS_futex, &table_lock, FUTEX_WAIT_PRIVATE, 2, 0);
	return mask;
}

static void table_end(uint64_t mask)
{
	if (atomic_exchange(&table_lock, 0) == 2)
		sys_call(SYS_futex, &table_lock, FUTEX_WAKE_PRIVATE, 1);
	mask_restore(mask);
}

static bool is_handler(const struct kernel_action *action)
{
	return action->handler != (void *)SIG_DFL &&
	       action->handler != (void *)SIG_IGN;
}

/* What the program's action is, from what the kernel's is. */
static void unwrap(int sig, struct kernel_action *action)
{
	if (action->handler == terminate_enter) {
		*action = term_default;
	} else if (action->handler == enter_handler) {
		action->handler = atomic_load(&program[sig].handler);
		if (program[sig].masks_control)
			action->mask |= CONTROL_BIT;
	}
}

/* terminate.c: TERM that nobody handles. */
static void wrap_term(struct kernel_action *action)
{
	term_default = *action;
	action->handler = terminate_enter;
	action->flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK |
			KERNEL_SA_RESTORER;
	action->restorer = signal_return;
	action->mask = ~0ULL;
}

/* A handler is in the table before the kernel can call it.  A signal that comes
 * between finds the new handler: as if it had come a moment later. */
static void wrap(int sig, struct kernel_action *action)
{
	if (sig == SIGTERM && action->handler == (void *)SIG_DFL)
		wrap_term(action);
	if (!is_handler(action) || action->handler == terminate_enter)
		return;
	atomic_store(&program[sig].handler, action->handler);
	atomic_store(&program[sig].flags, (int)action->flags);
	atomic_store(&program[sig].masks_control,
		     (action->mask & CONTROL_BIT) != 0);
	action->handler = enter_handler;
	action->flags |= KERNEL_SA_RESTORER;
	action->restorer = signal_return;
	action->mask &= ~CONTROL_BIT;
}

static int action_change(int sig, const struct kernel_action *new,
			 struct kernel_action *old)
{
	struct kernel_action now, wrapped;
	uint64_t mask = table_begin();
	int result = kernel_sigaction(sig, NULL, &now);

	if (!result) {
		unwrap(sig, &now);
		if (new) {
			wrapped = *new;
			wrap(sig, &wrapped);
			result = kernel_sigaction(sig, &wrapped, NULL);
		}
	}
	table_end(mask);
	if (!result && old)
		*old = now;
	return result;
}

void signals_wrap(int sig)
{
	struct kernel_action action;
	uint64_t mask = table_begin();

	if (!kernel_sigaction(sig, NULL, &action) &&
	    (is_handler(&action) || sig == SIGTERM) &&
	    action.handler != enter_handler &&
	    action.handler != terminate_enter) {
		wrap(sig, &action);
		kernel_sigaction(sig, &action, NULL);
	}
	table_end(mask);
}

void signals_init(void)
{
	struct kernel_action control = {
		.handler = enter_control,
		/* SA_ONSTACK: a fibre's stack may be too small for the frame */
		.flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK |
			 KERNEL_SA_RESTORER,
		.restorer = signal_return,
		.mask = ~0ULL,
	};
	uint64_t bit = CONTROL_BIT;

	for (int sig = 1; sig <= SIGNALS; sig++)
		signals_wrap(sig);
	kernel_sigaction(CONTROL_SIGNAL, &control, NULL);
	/* Blocked by a process that exec'd us (exec.c), until now. */
	sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
}

void signals_default(int sig)
{
	struct kernel_action none = { .handler = (void *)SIG_DFL };

	kernel_sigaction(sig, &none, NULL);
}

void signals_record(void)
{
	for (int sig = 1; sig <= SIGNALS; sig++)
		kernel_sigaction(sig, NULL, &recorded[sig]);
}

void signals_restore(void)
{
	for (int sig = 1; sig <= SIGNALS; sig++) {
		if (sig != SIGKILL && sig != SIGSTOP)
			kernel_sigaction(sig, &recorded[sig], NULL);
	}
}

/* --- what the program calls -------------------------------------------------
 */

static int reserved_signal(int sig)
{
	return sig < 1 || sig > SIGNALS || sig == SIGNAL_CANCEL ||
	       sig == SIGNAL_SETXID || sig == CONTROL_SIGNAL;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

EXPORT int sigaction(int sig, const struct sigaction *act,
		     struct sigaction *oact)
{
	struct kernel_action new, old;
	int result;

	if (reserved_signal(sig))
		return fail(EINVAL);
	if (act) {
		new.handler = act->sa_sigaction;
		new.flags = (unsigned int)act->sa_flags;
		new.restorer = act->sa_restorer;
		memcpy(&new.mask, &act->sa_mask, sizeof(new.mask));
	}
	result = action_change(sig, act ? &new : NULL, &old);
	if (result)
		return fail(-result);
	if (oact) {
		memset(oact, 0, sizeof(*oact));
		oact->sa_sigaction = old.handler;
		oact->sa_flags = (int)old.flags;
		oact->sa_restorer = old.restorer;
		memcpy(&oact->sa_mask, &old.mask, sizeof(old.mask));
	}
	return 0;
}

/* Signals that siginterrupt() was called for. */
static _Atomic uint64_t interrupting;

static sighandler_t set_handler(int sig, sighandler_t handler, int flags,
				bool masked)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };
	struct sigaction old;

	sigemptyset(&act.sa_mask);
	if (masked && sig >= 1 && sig <= SIGNALS)
		sigaddset(&act.sa_mask, sig);
	if (handler == SIG_ERR)
		return errno = EINVAL, SIG_ERR;
	return sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	bool interrupts = sig >= 1 && sig <= SIGNALS &&
			  (interrupting >> (sig - 1) & 1);

	return set_handler(sig, handler, interrupts ? 0 : SA_RESTART, true);
}

EXPORT sighandler_t sysv_signal(int sig, sighandler_t handler)
{
	return set_handler(sig, handler,
			   (int)(SA_RESETHAND | SA_NODEFER | SA_INTERRUPT),
			   false);
}

/* The other names of the same three. */
sighandler_t bsd_signal(int sig, sighandler_t handler);
EXPORT sighandler_t bsd_signal(int sig, sighandler_t handler)
{
	return signal(sig, handler);
}

EXPORT sighandler_t ssignal(int sig, sighandler_t handler)
{
	return signal(sig, handler);
}

sighandler_t __sysv_signal(int sig, sighandler_t handler);
EXPORT sighandler_t __sysv_signal(int sig, sighandler_t handler)
{
	return sysv_signal(sig, handler);
}

int __sigaction(int sig, const struct sigaction *act, struct sigaction *oact);
EXPORT int __sigaction(int sig, const struct sigaction *act,
		       struct sigaction *oact)
{
	return sigaction(sig, act, oact);
}

EXPORT int siginterrupt(int sig, int flag)
{
	struct sigaction act;

	if (sigaction(sig, NULL, &act))
		return -1;
	if (flag) {
		atomic_fetch_or(&interrupting, 1ULL << (sig - 1));
		act.sa_flags &= ~SA_RESTART;
	} else {
		atomic_fetch_and(&interrupting, ~(1ULL << (sig - 1)));
		act.sa_flags |= SA_RESTART;
	}
	return sigaction(sig, &act, NULL);
}

EXPORT int sigignore(int sig)
{
	return set_handler(sig, SIG_IGN, 0, false) == SIG_ERR ? -1 : 0;
}

EXPORT sighandler_t sigset(int sig, sighandler_t disp)
{
	sighandler_t old;
	struct sigaction act;
	sigset_t set, blocked;

	if (reserved_signal(sig))
		return errno = EINVAL, SIG_ERR;
	sigemptyset(&set);
	sigaddset(&set, sig);
	if (disp == SIG_HOLD) {
		if (sigprocmask(SIG_BLOCK, &set, &blocked) ||
		    sigaction(sig, NULL, &act))
			return SIG_ERR;
		return sigismember(&blocked, sig) ? SIG_HOLD : act.sa_handler;
	}
	old = set_handler(sig, disp, 0, false);
	if (old == SIG_ERR || sigprocmask(SIG_UNBLOCK, &set, &blocked))
		return SIG_ERR;
	return sigismember(&blocked, sig) ? SIG_HOLD : old;
}

/* --- cancellation -----------------------------------------------------------
 */

static pthread_once_t cancel_once = PTHREAD_ONCE_INIT;
REAL_SLOT(pthread_cancel);

struct decoy {
	pthread_barrier_t ready, done;
};

static void *decoy_run(void *arg)
{
	struct decoy *decoy = arg;
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_barrier_wait(&decoy->ready);
	pthread_barrier_wait(&decoy->done);
	return NULL;
}

/* libc installs its handler when a thread is cancelled for the first time, and
 * signals at once.  So the first one is a thread of our own that does not mind;
 * then the handler is there to be wrapped. */
static void cancel_prepare(void)
{
	struct decoy decoy;
	pthread_t thread;

	pthread_barrier_init(&decoy.ready, NULL, 2);
	pthread_barrier_init(&decoy.done, NULL, 2);
	if (!pthread_create(&thread, NULL, decoy_run, &decoy)) {
		pthread_barrier_wait(&decoy.ready);
		REAL(pthread_cancel)(thread);
		signals_wrap(SIGNAL_CANCEL);
		pthread_barrier_wait(&decoy.done);
		pthread_join(thread, NULL);
	}
	pthread_barrier_destroy(&decoy.ready);
	pthread_barrier_destroy(&decoy.done);
}

EXPORT int pthread_cancel(pthread_t thread)
{
	int result;

	pthread_once(&cancel_once, cancel_prepare);
	result = REAL(pthread_cancel)(thread);
	return tid_cancel(thread) ? 0 : result;
}
