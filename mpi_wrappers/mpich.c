/* SPDX-License-Identifier: BSD-3-Clause */
/* mpich.c - libmpich.so.12: another name of libmpi.so.12, which it needs */

/* Programs that were linked to either name find all symbols in libmpi.so.12,
 * since both are preloaded; this one only bears the name. */
extern const char cairn_mpich_name[];
const char cairn_mpich_name[] = "libmpich.so.12";
