/* SPDX-License-Identifier: BSD-3-Clause */
/* empty.c - stands where the MPI libraries are preloaded, for programs without
 * MPI */
extern int cairn_test_empty;
int cairn_test_empty;
