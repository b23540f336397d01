/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu.h - what a CPU can do, and how it lays registers out in memory */
#ifndef CAIRN_CPU_H
#define CAIRN_CPU_H

#include <stdint.h>

/* Words of CPUID that hold the features of cpu_each_feature(). */
#define CPU_WORDS 8

/* All of these work without libc and TLS. */

/* cpu_features - the calling thread's CPU, as CPUID tells it. */
void cpu_features(uint32_t words[CPU_WORDS]);

/* cpu_missing - the names, as /proc/cpuinfo spells them, of the features in
 * wanted that have lacks, separated by spaces; *text is empty if there are
 * none.  Features that no program chooses its code by are not looked at. */
void cpu_missing(const uint32_t wanted[CPU_WORDS],
		 const uint32_t have[CPU_WORDS], char *text, int room);

/* cpu_forget - takes the features named in list, separated by spaces or commas,
 * out of words: a lesser CPU, for tests. */
void cpu_forget(uint32_t words[CPU_WORDS], const char *list);

/* cpu_xcr0 - the register state that is enabled; 0 without XSAVE. */
uint64_t cpu_xcr0(void);

/* cpu_layout - a digest of where this CPU puts the components of xcr0 in a
 * signal frame: makers of CPUs differ. */
uint64_t cpu_layout(uint64_t xcr0);

#endif
