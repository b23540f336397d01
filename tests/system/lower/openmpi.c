/* SPDX-License-Identifier: BSD-3-Clause */
/* openmpi.c - a library with the mark of Open MPI */

extern char ompi_mpi_comm_world[64];
__attribute__((visibility("default"))) char ompi_mpi_comm_world[64];
