/* SPDX-License-Identifier: BSD-3-Clause */
/* capture_private.h - what the files of capture and resume share */
#ifndef CAIRN_PROCESS_CAPTURE_PRIVATE_H
#define CAIRN_PROCESS_CAPTURE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/sheet.h"
#include "runtime/process/capture.h"

struct thread;

/* --- the sheet (capture_sheet.c, capture_explain.c, capture_probe.c) -------
 */

/* A sheet that is being written: a memory file, mapped while we write. */
struct sheet_writer {
	int fd;
	char *base;    /* NULL: not mapped */
	size_t size;   /* of the mapping */
	size_t len;    /* used; from the strings on it grows */
	bool full;     /* something did not fit */
	uint64_t delta; /* where its file has a struct delta; 0: nowhere */
	bool doubtful; /* a name that ordinary memory has not: before anything
			  is sent, sheet_flags() must have a look at it */
};

/* sheet_write - describe this process: regions without their flags, way back,
 * explanation.  On success the sheet is mapped, and w->fd its memory file, for
 * sheet_close(). */
int sheet_write(struct sheet_writer *w, const struct control_page *page,
		struct err *err) must_check;
/* sheet_flags - add what this process's smaps tells (base/sheet_flags.h); walks
 * all page tables. */
int sheet_flags(struct sheet_writer *w, struct err *err) must_check;
/* sheet_probe - can the agent take the flags from the twin's smaps?  If so, all
 * that only the rank can tell is in the sheet.  Otherwise: sheet_flags(). */
struct twin;
bool sheet_probe(struct sheet_writer *w, struct twin *twin,
		 const struct twin *rank) must_check;
/* sheet_is_from_rank - must some region be read from the rank itself? */
bool sheet_is_from_rank(const struct sheet_writer *w);
/* sheet_seal - unmap it, and cut its file; sheet_close - unmap and close. */
int sheet_seal(struct sheet_writer *w, struct err *err) must_check;
void sheet_close(struct sheet_writer *w);
/* sheet_explain - append the JSON text for people and checks. */
void sheet_explain(struct sheet_writer *w);
/* private_memory_has - is this mapping within memory that is private in spite of
 * being shared (process.h)? */
bool private_memory_has(uint64_t start, uint64_t end);
/* sheet_append - bytes at the end (NULL: zeroes); gives their offset. */
size_t sheet_append(struct sheet_writer *w, const void *data, size_t len);

/* --- changed pages (track.c) ------------------------------------------------
 */

/* track_begin - before the twin is made (or this process is read), with the
 * sheet mapped; track_end - afterwards, before sheet_seal(): puts a struct delta
 * (base/delta.h) into the sheet's file, at w->delta.  wanted: does the agent ask
 * for it?  Neither fails: what is not known counts as changed. */
void track_begin(struct sheet_writer *w, uint32_t epoch, bool wanted);
void track_end(struct sheet_writer *w);
/* track_forget - in a restarted process: the descriptor is not there;
 * track_close - in a child: it is the parent's. */
void track_forget(void);
void track_close(void);

/* --- the twin (twin.c) ------------------------------------------------------
 */

/* Descriptors through which the agent reads a process. */
struct twin {
	int pid;
	int mem, pagemap;
	int maps, smaps; /* of a twin */
	int lifeline;	 /* of a twin: its other end; it exits at EOF */
};
#define TWIN_NONE                      \
	((struct twin){ .mem = -1,     \
			.pagemap = -1, \
			.maps = -1,    \
			.smaps = -1,   \
			.lifeline = -1 })

/* twin_make - a copy-on-write copy of this process, in which nothing runs;
 * -ENOMEM if there is no room for one. */
int twin_make(struct twin *twin, struct err *err) must_check;
/* twin_self - the same descriptors for this process itself. */
int twin_self(struct twin *twin, struct err *err) must_check;
/* twin_close - our copies of the descriptors. */
void twin_close(struct twin *twin);
/* twin_reap - collect twins that have ended. */
void twin_reap(void);
bool twin_is(int pid); /* is this child one of them? */

/* --- what the kernel keeps for a process ------------------------------------
 */

/*
 * Each part has a record function, called at QUIET, which puts what it finds
 * into upper memory, where the image takes it along, and a resume function,
 * called in the restarted process in the order of resume.c.
 */
int files_record(struct err *err) must_check;
int files_resume(struct err *err) must_check;
int attributes_record(struct err *err) must_check; /* cwd, umask, limits ... */
int attributes_resume(struct err *err) must_check;
int timers_record(struct err *err) must_check;
int timers_resume(struct err *err) must_check; /* threads are there again */

/* mutexes_check - does a thread hold a lock that cannot be restored? */
int mutexes_check(struct err *err) must_check;

/* What the launcher's standard streams are; before an epoch can begin, and
 * asked anew after a restart. */
void files_start(void);
void files_std_here(void);
/* file_is_recorded - will the program have this number?  files_floor - all its
 * numbers, and where Cairn's begin, lie below this. */
bool file_is_recorded(int fd);
int files_floor(void);

/* The restorer keeps the memory files of shared objects open for a while, so
 * that descriptors of the program can come back to the same objects. */
int shared_object_fd(uint64_t dev, uint64_t ino); /* -1: not one of them */

/* --- resume.c ----------------------------------------------------------------
 */

/* Where the restorer jumps to. */
void resume_entry(void *arg, const struct resume_info *info)
	__attribute__((noreturn));
/* The upper end of the stack that it must be entered on. */
void *resume_stack_top(void);

#endif
