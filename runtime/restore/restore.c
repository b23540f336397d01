/* SPDX-License-Identifier: BSD-3-Clause */
/* restore.c - cairn-restore: become a process that a sheet describes */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/restore/pie.h"

/*
 * DESIGN
 *
 * cairn-rank --restart has met the agent and got the sheet; it execs this
 * program so that nothing of libc's (TLS, rseq, malloc) is in the way.
 *
 * - Startup: the arguments are descriptors (agent, control page, sheet,
 *   environment), the epoch, how often the job was restarted, and the rank.
 * - Move: find a range that is clear of every region of the sheet, copy this
 *   program, the sheet and a stack there, put the vdso aside, go on there
 *   (area.c).
 * - Layout: unmap everything else; map the regions, writable for now; move the
 *   vdso's pieces to their old addresses (layout.c).  Shared memory without a
 *   path is the agent's to give, since other ranks may have it, too.
 * - Fill: send CONTROL_MAPPED with our own /proc/self/mem; the agent writes the
 *   memory and answers CONTROL_GO (talk.c).
 * - Jump: protections, advice, brk and the like; FS and GS; then libcairn's
 *   resume_entry(), which unmaps the safe area.
 *
 * Any failure is one sentence and the end of this rank.
 */
#define ARGUMENTS 7

void restore_main(const long *sp) __attribute__((noreturn));
void jump_on(const void *a1, const void *a2, uint64_t sp, uint64_t to)
	__attribute__((noreturn));

static long number_of(const char *s)
{
	long n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (*s - '0');
	return n;
}

static void map_sheet(struct work *w)
{
	struct stat st = { .st_size = 0 };
	const struct sheet *sheet;
	long p;

	sys_call(SYS_fstat, w->sheet_fd, &st);
	w->sheet_len = (size_t)st.st_size;
	p = w->sheet_len < sizeof(*sheet) ?
		    -1 :
		    sys_call(SYS_mmap, 0, w->sheet_len, PROT_READ, MAP_PRIVATE,
			     w->sheet_fd, 0);
	if (sys_is_error(p))
		die("rank %u: cannot read the sheet from this node's agent",
		    w->rank);
	sheet = (const struct sheet *)p;
	w->sheet = sheet;
	if (sheet->magic != SHEET_MAGIC || sheet->version != SHEET_VERSION ||
	    sheet->size > w->sheet_len)
		die("rank %u: the checkpoint was written by another version of "
		    "Cairn (sheet version %u, this one knows %d); restart with "
		    "that version",
		    w->rank, sheet->version, SHEET_VERSION);
}

/* Goes on here in the safe area, on its stack. */
static void second_half(struct work *w)
{
	layout_clear(w);
	layout_map(w);
	talk_mapped(w);
	talk_wait_go(w);
	layout_finish(w);
	sys_call(SYS_close, w->sheet_fd);
	w->info = (struct resume_info){
		.magic = SHEET_MAGIC,
		.agent_fd = w->agent_fd,
		.control_fd = w->control_fd,
		.epoch = w->epoch,
		.restarts = w->restarts,
		.environ_fd = (uint64_t)w->environ_fd,
		.restorer = w->area,
		.restorer_len = w->area_len,
		.objects = (uintptr_t)w->objects,
		.nobjects = w->nobjects,
	};
	sys_call(SYS_arch_prctl, ARCH_SET_FS, w->sheet->fs_base);
	sys_call(SYS_arch_prctl, ARCH_SET_GS, w->sheet->gs_base);
	jump_on((const void *)(uintptr_t)w->sheet->entry_arg, &w->info,
		w->sheet->entry_sp, w->sheet->entry);
}

void restore_main(const long *sp)
{
	char *const *argv = (char *const *)(sp + 1);
	struct work *w, first;
	uint64_t all = ~0ULL;
	long n[ARGUMENTS];

	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all));
	if (sp[0] != ARGUMENTS + 1)
		die("cairn-restore is started by cairn-rank --restart only");
	for (int i = 0; i < ARGUMENTS; i++)
		n[i] = number_of(argv[i + 1]);
	memset(&first, 0, sizeof(first));
	first.agent_fd = (int)n[0];
	first.control_fd = (int)n[1];
	first.sheet_fd = (int)n[2];
	first.environ_fd = (int)n[3];
	first.epoch = (uint32_t)n[4];
	first.restarts = (uint32_t)n[5];
	first.rank = (uint32_t)n[6];
	map_sheet(&first);
	w = area_make(&first);
	jump_on(w, NULL, w->stack_top,
		w->image + (uintptr_t)second_half - area_image());
}
