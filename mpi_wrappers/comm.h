/* SPDX-License-Identifier: BSD-3-Clause */
/* comm.h - communicators: their records, members, collective counts */
#ifndef CAIRN_MPI_COMM_H
#define CAIRN_MPI_COMM_H

#include "mpi_wrappers/handles.h"
#include "runtime/base/control.h"
#include "runtime/base/err.h"

enum vcomm_topology { TOPO_NONE, TOPO_CART, TOPO_GRAPH, TOPO_DIST_GRAPH };

struct vcomm {
	struct vobject obj;
	uint64_t gid;	  /* same on all members (DESIGN 3) */
	int rank, size;	  /* in the (local) group */
	int remote_size;  /* 0: an intracommunicator */
	const int *world; /* local group: comm rank -> world rank */
	const int *peer;  /* whom p2p ranks mean: == world, or the remote
			     group of an intercommunicator */
	int npeers;	  /* entries of peer[] */
	struct control_slot *slot; /* published form of `entered` */
	_Atomic uint64_t entered;  /* how many collectives: see frontier.h */
	_Atomic uint64_t barriers; /* the last barriers in a row: number of the
				      last << 16 | how many */
	_Atomic uint64_t barriers_over; /* number of the last that is over */
	enum vcomm_topology topology;
	void *topo; /* constructor's arguments, by kind */
	struct attr *attrs;
	struct verrhandler *errhandler;
	struct info_copy *info; /* hints, as described before a capture */
	int function;		/* api.tbl number of what made it */
	bool opaque;	   /* reaches beyond MPI_COMM_WORLD: cannot be restored;
			      world[] and peer[] may hold MPI_UNDEFINED */
	uint32_t children; /* local, non-counted constructors so far */
	bool freed;	   /* the program freed it; kept for pending ops, or as
			      a zombie to probe (TRAPS, MPI 7) */
	char name[MPI_MAX_OBJECT_NAME];
};

static inline struct vcomm *comm_get(MPI_Comm comm)
{
	return handle_get(V_COMM, comm);
}

/* The world rank (MPI_COMM_WORLD of the job) behind a p2p rank of comm; the
 * rank must be within 0..npeers-1. */
static inline int comm_peer_world(const struct vcomm *c, int rank)
{
	return c->peer[rank];
}

extern struct vcomm *comm_world, *comm_self;
/* Cairn's own duplicate of the world, real only: markers, acknowledgements and
 * re-injection; made at MPI_Init and after each restart.  comm_private_self is
 * one of MPI_COMM_SELF. */
extern struct real_handle comm_private, comm_private_self;

#endif
