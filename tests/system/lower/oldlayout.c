/* SPDX-License-Identifier: BSD-3-Clause */
/* oldlayout.c - MPI by way of a library whose first segment is code and whose
 * zeroed data reaches far behind the end of the file, as old linkers made it */

__attribute__((visibility("default"))) char far_behind[8 << 20];
