/* SPDX-License-Identifier: BSD-3-Clause */
/* keyval.h - keyvals */
#ifndef CAIRN_MPI_KEYVAL_H
#define CAIRN_MPI_KEYVAL_H

#include "mpi_wrappers/attr.h"

/* keyval_get - the program's keyval for this kind of object; NULL, and an error
 * class in *code, for a predefined or foreign one. */
struct vkeyval *keyval_get(enum vkind on, int keyval, int *code);

#endif
