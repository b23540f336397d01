/* SPDX-License-Identifier: BSD-3-Clause */
/* restored.h - what a restart puts back beside memory, files and threads */
#ifndef CAIRN_PROCESS_RESTORED_H
#define CAIRN_PROCESS_RESTORED_H

/*
 * The order in a restored process, on the kernel's first thread, with every
 * signal blocked and FS and GS those of the sheet:
 *   link_set(agent_fd, control_fd, &err)	(private.h)
 *   restored_begin(restarts, envp)
 *   ... descriptors, timers ...
 *   resume_threads()				(thread.h; never returns)
 */

/* The new launch's environment, for the lower half. */
extern char **restored_environ;

/* restored_record - before CAPTURE: note signal actions and clocks. */
void restored_record(void);
/* restored_begin - put them back; restarts is what process_restarts() says
 * from now on (it must differ from what it said before). */
void restored_begin(unsigned int restarts, char **envp);

/* the parts: signals.c, clock.c, pid.c */
void signals_record(void);
void signals_restore(void);
void clock_record(void);
void clock_restore(void);
void pid_record(void);
void pid_restore(void);

#endif
