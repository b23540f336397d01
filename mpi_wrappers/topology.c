/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.c - process topologies: kept to be made again */
#include "mpi_wrappers/api.h"

#include <string.h>

#include "mpi_wrappers/comm_private.h"

/*
 * The real library answers every question about a topology; the record is read
 * from it when the communicator is made (which also covers MPI_Cart_sub and
 * duplicates), and handed back to it after a restart, with reorder = 0 over
 * members in their final order.
 */

/* A struct and n ints behind it, in one block. */
static void *topo_alloc(size_t size, long n)
{
	return upper_alloc(size + sizeof(int) * (size_t)(n + 1));
}

static int read_cart(struct vcomm *c)
{
	struct topology_cart *t;
	int real = c->obj.real.id;
	int n = 0;
	int ret = REAL(Cartdim_get, real, &n);
	int *ints;

	if (ret)
		return ret;
	t = topo_alloc(sizeof(*t), 3L * n);
	if (!t)
		return MPI_ERR_NO_MEM;
	ints = (int *)(t + 1);
	c->topo = t;
	t->ndims = n;
	t->dims = ints;
	t->periods = ints + n;
	return REAL(Cart_get, real, n, t->dims, t->periods, ints + 2 * n);
}

static int read_graph(struct vcomm *c)
{
	struct topology_graph *t;
	int real = c->obj.real.id;
	int nodes = 0, edges = 0;
	int ret = REAL(Graphdims_get, real, &nodes, &edges);

	if (ret)
		return ret;
	t = topo_alloc(sizeof(*t), (long)nodes + edges);
	if (!t)
		return MPI_ERR_NO_MEM;
	c->topo = t;
	t->nnodes = nodes;
	t->nedges = edges;
	t->index = (int *)(t + 1);
	t->edges = t->index + nodes;
	return REAL(Graph_get, real, nodes, edges, t->index, t->edges);
}

static int read_dist(struct vcomm *c)
{
	struct topology_dist *t;
	int real = c->obj.real.id;
	int in = 0, out = 0, weighted = 0;
	int ret = REAL(Dist_graph_neighbors_count, real, &in, &out, &weighted);

	if (ret)
		return ret;
	t = topo_alloc(sizeof(*t), 2L * in + 2L * out);
	if (!t)
		return MPI_ERR_NO_MEM;
	c->topo = t;
	t->in = in;
	t->out = out;
	t->weighted = weighted;
	t->sources = (int *)(t + 1);
	t->source_weights = t->sources + in;
	t->dests = t->source_weights + in;
	t->dest_weights = t->dests + out;
	return (int)cross_call_stack(real_fn(FN_MPI_Dist_graph_neighbors),
				     (const long[]){ real, in, (long)t->sources,
						     (long)t->source_weights,
						     out, (long)t->dests,
						     (long)t->dest_weights },
				     7);
}

int comm_topology_read(struct vcomm *c)
{
	int kind = MPI_UNDEFINED;
	int ret;

	if (c->remote_size)
		return MPI_SUCCESS;
	ret = REAL(Topo_test, c->obj.real.id, &kind);
	if (ret)
		return ret;
	switch (kind) {
	case MPI_CART:
		c->topology = TOPO_CART;
		return read_cart(c);
	case MPI_GRAPH:
		c->topology = TOPO_GRAPH;
		return read_graph(c);
	case MPI_DIST_GRAPH:
		c->topology = TOPO_DIST_GRAPH;
		return read_dist(c);
	}
	return MPI_SUCCESS;
}

int comm_topology_copy(struct vcomm *c, const struct vcomm *of)
{
	const struct topology_cart *cart = of->topo;
	const struct topology_graph *graph = of->topo;
	const struct topology_dist *dist = of->topo;

	c->topology = of->topology;
	switch (of->topology) {
	case TOPO_CART: {
		struct topology_cart *t = topo_alloc(sizeof(*t),
						     3L * cart->ndims);

		if (!t)
			return MPI_ERR_NO_MEM;
		c->topo = t;
		t->ndims = cart->ndims;
		t->dims = (int *)(t + 1);
		t->periods = t->dims + t->ndims;
		memcpy(t->dims, cart->dims, 2 * sizeof(int) * (size_t)t->ndims);
		break;
	}
	case TOPO_GRAPH: {
		long n = (long)graph->nnodes + graph->nedges;
		struct topology_graph *t = topo_alloc(sizeof(*t), n);

		if (!t)
			return MPI_ERR_NO_MEM;
		c->topo = t;
		t->nnodes = graph->nnodes;
		t->nedges = graph->nedges;
		t->index = (int *)(t + 1);
		t->edges = t->index + t->nnodes;
		memcpy(t->index, graph->index, sizeof(int) * (size_t)n);
		break;
	}
	case TOPO_DIST_GRAPH: {
		long n = 2L * dist->in + 2L * dist->out;
		struct topology_dist *t = topo_alloc(sizeof(*t), n);

		if (!t)
			return MPI_ERR_NO_MEM;
		c->topo = t;
		t->in = dist->in;
		t->out = dist->out;
		t->weighted = dist->weighted;
		t->sources = (int *)(t + 1);
		t->source_weights = t->sources + t->in;
		t->dests = t->source_weights + t->in;
		t->dest_weights = t->dests + t->out;
		memcpy(t->sources, dist->sources, sizeof(int) * (size_t)n);
		break;
	}
	case TOPO_NONE:
		break;
	}
	return MPI_SUCCESS;
}

void comm_topology_free(struct vcomm *c)
{
	upper_free(c->topo);
	c->topo = NULL;
}

static int make_dist(const struct topology_dist *t, int real, int *made)
{
	const int *unweighted = real_weights(MPI_UNWEIGHTED);

	/* An empty list of weights must not be a null pointer: ours is not. */
	return (int)cross_call_stack(real_fn(FN_MPI_Dist_graph_create_adjacent),
				     (const long[]){
					     real, t->in, (long)t->sources,
					     (long)(t->weighted ?
							    t->source_weights :
							    unweighted),
					     t->out, (long)t->dests,
					     (long)(t->weighted ?
							    t->dest_weights :
							    unweighted),
					     MPI_INFO_NULL, 0, (long)made },
				     10);
}

int comm_topology_rebuild(const struct vcomm *c, int *real)
{
	const struct topology_cart *cart = c->topo;
	const struct topology_graph *graph = c->topo;
	int made = MPI_COMM_NULL;
	int ret = MPI_SUCCESS;

	switch (c->topology) {
	case TOPO_NONE:
		return MPI_SUCCESS;
	case TOPO_CART:
		ret = REAL(Cart_create, *real, cart->ndims, cart->dims,
			   cart->periods, 0, &made);
		break;
	case TOPO_GRAPH:
		ret = REAL(Graph_create, *real, graph->nnodes, graph->index,
			   graph->edges, 0, &made);
		break;
	case TOPO_DIST_GRAPH:
		ret = make_dist(c->topo, *real, &made);
		break;
	}
	if (ret)
		return ret;
	REAL(Comm_free, real);
	*real = made;
	return made == MPI_COMM_NULL ? MPI_ERR_TOPOLOGY : MPI_SUCCESS;
}

/* --- sizes of the w collectives' arrays
 * ----------------------------------------- */

long comm_array_length(MPI_Comm comm, enum comm_length what)
{
	const struct vcomm *c = handle_kept(V_COMM, comm); /* see recipe.c */
	int n = 0;

	if (!c)
		return 0;
	if (what == COMM_LENGTH_PEERS)
		return c->npeers;
	switch (c->topology) {
	case TOPO_NONE:
		return 0;
	case TOPO_CART:
		return 2L * ((const struct topology_cart *)c->topo)->ndims;
	case TOPO_GRAPH:
		if (REAL(Graph_neighbors_count, c->obj.real.id, c->rank, &n))
			n = 0;
		return n;
	case TOPO_DIST_GRAPH:
		return what == COMM_LENGTH_IN ?
			       ((const struct topology_dist *)c->topo)->in :
			       ((const struct topology_dist *)c->topo)->out;
	}
	return 0;
}

const int *real_weights(const int *weights)
{
	int **special;

	real_fn(REAL_MPI_UNWEIGHTED);
	if (weights == MPI_UNWEIGHTED)
		special = real_table[REAL_MPI_UNWEIGHTED];
	else if (weights == MPI_WEIGHTS_EMPTY)
		special = real_table[REAL_MPI_WEIGHTS_EMPTY];
	else
		return weights;
	return special ? *special : NULL;
}

MPI_T_pvar_handle real_pvar(MPI_T_pvar_handle handle)
{
	MPI_T_pvar_handle *all;

	if (handle != MPI_T_PVAR_ALL_HANDLES)
		return handle;
	real_fn(REAL_MPI_T_PVAR_ALL_HANDLES);
	all = real_table[REAL_MPI_T_PVAR_ALL_HANDLES];
	return all ? *all : NULL;
}
