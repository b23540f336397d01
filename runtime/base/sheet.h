/* SPDX-License-Identifier: BSD-3-Clause */
/* sheet.h - the capture sheet: one process's memory map and way back */
#ifndef CAIRN_BASE_SHEET_H
#define CAIRN_BASE_SHEET_H

#include <stdint.h>

#include "runtime/base/cpu.h"

/*
 * DESIGN
 *
 * A rank that is captured writes a sheet into a memfd and passes it to its
 * agent.  The agent reads the memory that the sheet lists and stores sheet and
 * pages in the image.  At a restart the agent hands the same sheet to the
 * restorer, which maps the regions again; the agent fills them and the
 * restorer jumps to the entry.  So there is one description of a process,
 * written once, and the storage below treats it as bytes it can list.
 *
 * Layout: struct sheet, then nregions of struct region, then the strings
 * (NUL-terminated, offset 0 is the empty string), then the blob.  All offsets
 * count from the start of the sheet; all integers are little-endian.
 */
#define SHEET_MAGIC   0x54454548534e5243ULL /* "CRNSHEET" */
#define SHEET_VERSION 1

enum region_kind {
	REGION_ANON = 1,    /* private anonymous; heap, stacks, bss */
	REGION_FILE_PRIVATE, /* private mapping of a file: saved whole, mapped
			       anonymous at a restart */
	REGION_FILE_SHARED, /* shared mapping of a file that has a path: opened
			       again; contents saved if it was writable */
	REGION_SHM,	    /* shared memory without a path (anonymous shared,
			       memfd, unlinked): made anew, contents saved;
			       regions of one object have one (dev, ino) */
	REGION_VDSO,	    /* vdso, vvar, vvar_vclock: moved, not saved */
	REGION_HOLE,	    /* PROT_NONE reservation: mapped, not saved */
};

enum region_flags {
	REGION_GROWSDOWN = 1 << 0, /* the main stack */
	REGION_HEAP = 1 << 1,	   /* brk */
	REGION_STACK = 1 << 2,
	REGION_NORESERVE = 1 << 3,
	REGION_LOCKED = 1 << 4,
	REGION_HUGEPAGE = 1 << 5,   /* MADV_HUGEPAGE */
	REGION_NOHUGEPAGE = 1 << 6, /* MADV_NOHUGEPAGE */
	REGION_DONTDUMP = 1 << 7,
	REGION_DONTFORK = 1 << 8,   /* not in the twin: read from the rank */
	REGION_WIPEONFORK = 1 << 9, /* zero in the twin: read from the rank */
	REGION_FROM_RANK = 1 << 10, /* read from the stopped rank, before its
				       release, not from the twin */
	REGION_SAVE = 1 << 11,	    /* its pages belong in the image */
};

struct region {
	uint64_t start;
	uint64_t len; /* bytes, whole pages */
	uint32_t prot; /* PROT_READ | ... */
	uint32_t flags; /* enum region_flags */
	uint32_t kind; /* enum region_kind */
	uint32_t name; /* offset of a string: path, "[heap]", ... */
	uint64_t file_offset;
	uint64_t dev, ino; /* of the mapped object; 0 for anonymous */
	uint64_t object_len; /* REGION_SHM, FILE_SHARED: the object's size */
};

struct sheet {
	uint64_t magic;
	uint32_t version;
	uint32_t size;	   /* of the whole sheet */
	uint32_t nregions;
	uint32_t regions;  /* offset */
	uint32_t strings;  /* offset */
	uint32_t strings_len;
	uint32_t explain;  /* offset of a JSON text for people and checks:
			      exe, argv, cwd, cpu features, ... */
	uint32_t explain_len;

	/* the way back: the restorer loads these and jumps */
	uint64_t entry;	   /* address of libcairn's resume routine */
	uint64_t entry_sp; /* stack to run it on */
	uint64_t entry_arg; /* its first argument (RDI) */
	uint64_t fs_base, gs_base;

	/* prctl(PR_SET_MM_MAP) */
	uint64_t start_code, end_code, start_data, end_data;
	uint64_t start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint32_t auxv; /* offset of the saved auxiliary vector */
	uint32_t auxv_len;

	uint64_t cpu_xcr0;   /* state components that were enabled */
	uint32_t cpu_xsave_size; /* bytes of a signal frame's xsave area */
	uint32_t app_pid;    /* pid when first started, for messages */
	uint64_t stack_limit; /* RLIMIT_STACK: room to keep below the main
				 stack */
	uint64_t vdso_digest; /* sheet_vdso_digest() of the kernel's vdso */
	uint64_t cpu_layout; /* cpu_layout() of cpu_xcr0 */
	uint32_t cpu_features[CPU_WORDS]; /* all 0 in older images */
	uint64_t reserved[1];
};

/* The C library has cached addresses inside the vdso, so the same one must be
 * there at a restart: a digest (FNV-1a) of its beginning, which holds the
 * headers and the symbols' names and addresses, but no code that the kernel
 * patches for each machine. */
static inline uint64_t sheet_vdso_digest(uint64_t vdso)
{
	const unsigned char *p = (const unsigned char *)(uintptr_t)vdso;
	uint64_t h = 0xcbf29ce484222325ULL;

	for (int i = 0; i < 1024; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

/* A shared object (REGION_SHM) that the restorer made anew: an open descriptor
 * of it, so that the program's own descriptors can come back to it. */
struct resume_object {
	uint64_t dev, ino; /* as in the regions */
	uint64_t fd;
};

/*
 * What the restorer tells the resumed process: RSI is the address of one of
 * these, in the restorer's own memory, which the process unmaps when it has
 * read it.
 */
struct resume_info {
	uint64_t magic; /* SHEET_MAGIC */
	int32_t agent_fd; /* connected socket to this node's agent */
	int32_t control_fd; /* the new control page's memfd */
	uint32_t epoch; /* restarted from */
	uint32_t restarts; /* how often this job was restarted so far */
	uint64_t environ_fd; /* memfd: NUL-separated new environment (PMI_*, ...)
				for the lower half */
	uint64_t restorer, restorer_len; /* mapping to be unmapped */
	uint64_t objects; /* address of struct resume_object[nobjects] */
	uint64_t nobjects;
};

#endif
