/* SPDX-License-Identifier: BSD-3-Clause */
/* comm_private.h - between the files that make up communicators */
#ifndef CAIRN_MPI_COMM_PRIVATE_H
#define CAIRN_MPI_COMM_PRIVATE_H

#include "mpi_wrappers/comm.h"

/*
 * comm_new - a record for a real communicator
 *
 * parent gives the error handler; a twin (the parent of a duplicate) also the
 * members and the topology, without asking the real library.  NULL, and an
 * error class in *code.
 */
struct vcomm *comm_new(int real, int function, const struct vcomm *parent,
		       const struct vcomm *twin, int *code);
/* comm_publish - give it its id and a slot: its collectives count from now. */
int comm_publish(struct vcomm *c, uint64_t gid);

/* comm_init - records of MPI_COMM_WORLD and MPI_COMM_SELF, private ones; at
 * MPI_Init.  comm_fini - the way back, at MPI_Finalize. */
int comm_init(struct err *err);
void comm_fini(void);
/* comm_make.c, for calls of a group: comm_call_id - of such a call, which two
 * keys name.  comm_made_id, comm_intercomm_id - of what it has made. */
uint64_t comm_call_id(int kind, uint64_t a, uint64_t b, int tag);
uint64_t comm_made_id(int function, uint64_t parent, const struct vcomm *made,
		      int tag);
uint64_t comm_intercomm_id(const struct vcomm *c, int tag);

/* comm_rebuild - after a restart: all real communicators, by gid. */
int comm_rebuild(struct err *err);
/* comm_describe - before a capture: hints. */
int comm_describe(struct err *err);
int comm_private_make(struct err *err);
int comm_world_group(void);
struct real_handle comm_real_world_group(void);
/* comm_group_ranks - world ranks of a real group: MPI_SUCCESS or an error. */
int comm_group_ranks(int group, int **world, int *size);

/* comm_bury.c: comm_bury - the program has freed c (its reference is taken): keep
 * slot and real handle until all members have entered the free.  comm_bury_sweep
 * - let go of those where all have; gives how many are left.  comm_bury_finish -
 * in DRAIN, where all have entered: wait; -ECANCELED when the epoch is over. */
void comm_bury(struct vcomm *c);
size_t comm_bury_sweep(void);
int comm_bury_finish(struct control_page *page, struct err *err) must_check;

/* topology.c */
struct topology_cart {
	int ndims;
	int *dims, *periods; /* behind this struct, one block */
};
struct topology_graph {
	int nnodes, nedges;
	int *index, *edges;
};
struct topology_dist {
	int in, out, weighted;
	int *sources, *source_weights, *dests, *dest_weights;
};
int comm_topology_read(struct vcomm *c);
int comm_topology_copy(struct vcomm *c, const struct vcomm *of);
void comm_topology_free(struct vcomm *c);
/* comm_topology_rebuild - put c's topology on the real communicator *real (a
 * new one replaces it): MPI_SUCCESS or an error code. */
int comm_topology_rebuild(const struct vcomm *c, int *real);

/* info.c: hints of a communicator, kept as text */
int comm_hints_read(struct vcomm *c);
int comm_hints_rebuild(const struct vcomm *c);
void comm_hints_free(struct vcomm *c);

#endif
