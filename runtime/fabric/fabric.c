/* SPDX-License-Identifier: BSD-3-Clause */
/* fabric.c - one libfabric endpoint: windows, messages, completions */
#include "runtime/fabric/fabric.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define API FI_VERSION(1, 14)

struct fabric {
	struct fi_info *info;
	struct fid_fabric *fabric;
	struct fid_domain *domain;
	struct fid_av *av;
	struct fid_cq *cq;
	struct fid_ep *ep;
	unsigned char name[FABRIC_ADDRESS_MAX];
	size_t name_len;
};

static int failed(struct err *err, int rc, const char *what)
{
	/* Their codes are errno's, and some of their own above 256. */
	return err_set(err, rc > -FI_ERRNO_OFFSET ? rc : -EIO,
		       "libfabric cannot %s: %s", what, fi_strerror(-rc));
}

/* --- opening
 * ------------------------------------------------------------------ */

static struct fi_info *make_hints(const struct fabric_options *o, bool rma)
{
	struct fi_info *hints = fi_allocinfo();

	if (!hints)
		return NULL;
	hints->ep_attr->type = FI_EP_RDM;
	hints->caps = FI_MSG | (rma ? FI_RMA | FI_WRITE | FI_REMOTE_WRITE : 0);
	hints->mode = FI_CONTEXT | FI_CONTEXT2;
	hints->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR |
				      FI_MR_ALLOCATED | FI_MR_PROV_KEY;
	hints->domain_attr->threading = FI_THREAD_DOMAIN;
	hints->domain_attr->cq_data_size = 4;
	hints->fabric_attr->prov_name = strdup(o->provider ? o->provider :
							     FABRIC_PROVIDER);
	return hints;
}

/* What the endpoint is bound to; false: not an IP address. */
static bool set_source(struct fi_info *hints, const char *source)
{
	struct sockaddr_in *v4 = calloc(1, sizeof(*v4));
	struct sockaddr_in6 *v6 = calloc(1, sizeof(*v6));

	if (v4 && inet_pton(AF_INET, source, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		hints->addr_format = FI_SOCKADDR_IN;
		hints->src_addr = v4;
		hints->src_addrlen = sizeof(*v4);
		free(v6);
		return true;
	}
	free(v4);
	if (v6 && inet_pton(AF_INET6, source, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		hints->addr_format = FI_SOCKADDR_IN6;
		hints->src_addr = v6;
		hints->src_addrlen = sizeof(*v6);
		return true;
	}
	free(v6);
	return false;
}

static int get_info(struct fabric *f, const struct fabric_options *o, bool rma)
{
	struct fi_info *hints = make_hints(o, rma);
	int rc;

	if (!hints)
		return -FI_ENOMEM;
	if (o->source && !set_source(hints, o->source)) {
		fi_freeinfo(hints);
		return -FI_EINVAL;
	}
	rc = fi_getinfo(API, NULL, NULL, 0, hints, &f->info);
	fi_freeinfo(hints);
	return rc;
}

static int find_provider(struct fabric *f, const struct fabric_options *o,
			 struct err *err)
{
	struct fabric_options bare = *o;
	int rc = o->messages ? -FI_ENODATA : get_info(f, o, true);

	if (rc)
		rc = get_info(f, o, false);
	/* Some providers have other addresses than IP's. */
	bare.source = NULL;
	if (rc && o->source && o->provider)
		rc = get_info(f, &bare, !o->messages);
	if (!rc)
		return 0;
	return err_set(err, -ENODEV,
		       "libfabric has no provider \"%s\"%s%s here: %s",
		       o->provider ? o->provider : FABRIC_PROVIDER,
		       o->source ? " at " : "", o->source ? o->source : "",
		       fi_strerror(-rc));
}

static int open_endpoint(struct fabric *f, const char **what)
{
	struct fi_cq_attr cq = { .format = FI_CQ_FORMAT_DATA,
				 .wait_obj = FI_WAIT_UNSPEC };
	struct fi_av_attr av = { .type = FI_AV_UNSPEC };
	int rc;

	*what = "open its fabric";
	rc = fi_fabric(f->info->fabric_attr, &f->fabric, NULL);
	if (rc)
		return rc;
	*what = "open a domain";
	rc = fi_domain(f->fabric, f->info, &f->domain, NULL);
	if (!rc)
		rc = fi_av_open(f->domain, &av, &f->av, NULL);
	if (!rc)
		rc = fi_cq_open(f->domain, &cq, &f->cq, NULL);
	if (rc)
		return rc;
	*what = "open an endpoint";
	rc = fi_endpoint(f->domain, f->info, &f->ep, NULL);
	if (!rc)
		rc = fi_ep_bind(f->ep, &f->av->fid, 0);
	if (!rc)
		rc = fi_ep_bind(f->ep, &f->cq->fid, FI_TRANSMIT | FI_RECV);
	if (!rc)
		rc = fi_enable(f->ep);
	if (rc)
		return rc;
	*what = "name its endpoint";
	f->name_len = sizeof(f->name);
	return fi_getname(&f->ep->fid, f->name, &f->name_len);
}

int fabric_open(const struct fabric_options *options, struct fabric **fabric,
		struct err *err)
{
	struct fabric *f = calloc(1, sizeof(*f));
	const char *what;
	int rc;

	if (!f)
		return err_set(err, -ENOMEM, "no memory for an endpoint");
	rc = find_provider(f, options, err);
	if (!rc) {
		rc = open_endpoint(f, &what);
		if (rc)
			rc = failed(err, rc, what);
	}
	if (rc) {
		fabric_close(f);
		return rc;
	}
	*fabric = f;
	return 0;
}

void fabric_close(struct fabric *f)
{
	if (!f)
		return;
	if (f->ep)
		fi_close(&f->ep->fid);
	if (f->cq)
		fi_close(&f->cq->fid);
	if (f->av)
		fi_close(&f->av->fid);
	if (f->domain)
		fi_close(&f->domain->fid);
	if (f->fabric)
		fi_close(&f->fabric->fid);
	if (f->info)
		fi_freeinfo(f->info);
	free(f);
}

size_t fabric_name(const struct fabric *f,
		   unsigned char name[FABRIC_ADDRESS_MAX])
{
	memcpy(name, f->name, f->name_len);
	return f->name_len;
}

int fabric_peer(struct fabric *f, const unsigned char *name, size_t len,
		uint64_t *peer, struct err *err)
{
	/* libfabric believes that it has the length of its own kind. */
	if (len != f->name_len)
		return err_set(err, -EPROTO,
			       "the other side's address is of another kind; "
			       "give all nodes the same --fabric");
	if (fi_av_insert(f->av, name, 1, peer, 0, NULL) != 1)
		return err_set(err, -EINVAL,
			       "libfabric does not take the other side's "
			       "address");
	return 0;
}

bool fabric_has_rma(const struct fabric *f)
{
	return f->info->caps & FI_RMA;
}

/* --- memory
 * ------------------------------------------------------------------- */

static uint64_t make_key(const struct fabric *f)
{
	size_t size = f->info->domain_attr->mr_key_size;
	uint64_t key;

	randombytes_buf(&key, sizeof(key));
	return size < sizeof(key) ? key & ((1ULL << size * 8) - 1) : key;
}

int fabric_register(struct fabric *f, void *memory, size_t len, bool remote,
		    struct fabric_window *w, struct err *err)
{
	int mode = f->info->domain_attr->mr_mode;
	uint64_t access = FI_SEND | FI_RECV;
	struct fid_mr *mr;
	int rc;

	memset(w, 0, sizeof(*w));
	remote = remote && fabric_has_rma(f);
	if (fabric_has_rma(f))
		access |= remote ? FI_REMOTE_WRITE : FI_WRITE;
	if (!remote && !(mode & FI_MR_LOCAL))
		return 0;
	rc = fi_mr_reg(f->domain, memory, len, access, 0, make_key(f), 0, &mr,
		       NULL);
	if (rc)
		return failed(err, rc, "register memory");
	w->mr = mr;
	w->desc = fi_mr_desc(mr);
	w->key = fi_mr_key(mr);
	w->address = mode & FI_MR_VIRT_ADDR ? (uintptr_t)memory : 0;
	return 0;
}

void fabric_unregister(struct fabric_window *w)
{
	struct fid_mr *mr = w->mr;

	if (mr)
		fi_close(&mr->fid);
	w->mr = NULL;
}

/* --- operations
 * --------------------------------------------------------------- */

static int begun(struct fabric_op *op, ssize_t rc)
{
	op->busy = !rc;
	return rc == -FI_EAGAIN		    ? -EAGAIN :
	       rc && rc <= -FI_ERRNO_OFFSET ? -EIO :
					      (int)rc;
}

int fabric_receive(struct fabric *f, struct fabric_op *op, void *memory,
		   size_t len, const struct fabric_window *w)
{
	return begun(op, fi_recv(f->ep, memory, len, w->desc, FI_ADDR_UNSPEC,
				 &op->context));
}

int fabric_send(struct fabric *f, struct fabric_op *op, uint64_t peer,
		const void *memory, size_t len, const struct fabric_window *w,
		bool has_data, uint64_t data)
{
	return begun(op, has_data ? fi_senddata(f->ep, memory, len, w->desc,
						data, peer, &op->context) :
				    fi_send(f->ep, memory, len, w->desc, peer,
					    &op->context));
}

int fabric_write(struct fabric *f, struct fabric_op *op, uint64_t peer,
		 const void *memory, size_t len, const struct fabric_window *w,
		 uint64_t address, uint64_t key, uint64_t data)
{
	return begun(op, fi_writedata(f->ep, memory, len, w->desc, data, peer,
				      address, key, &op->context));
}

static void take_error(struct fabric *f, struct fabric_event *event)
{
	struct fi_cq_err_entry e = { 0 };

	event->kind = FABRIC_FAILED;
	event->code = -EIO;
	if (fi_cq_readerr(f->cq, &e, 0) != 1)
		return;
	event->op = e.op_context;
	if (e.err > 0 && e.err < FI_ERRNO_OFFSET)
		event->code = -e.err;
}

int fabric_next(struct fabric *f, int timeout_ms, struct fabric_event *event)
{
	struct fi_cq_data_entry e = { 0 };
	ssize_t n = fi_cq_sread(f->cq, &e, 1, NULL, timeout_ms);

	memset(event, 0, sizeof(*event));
	if (n == -FI_EAVAIL) {
		take_error(f, event);
	} else if (n == -FI_EAGAIN || n == -FI_EINTR || !n) {
		return -EAGAIN;
	} else if (n < 0) {
		event->kind = FABRIC_FAILED;
		event->code = -EIO;
	} else {
		event->has_data = e.flags & FI_REMOTE_CQ_DATA;
		event->data = event->has_data ? e.data : 0;
		event->len = e.len;
		if (e.flags & FI_RECV) {
			event->kind = FABRIC_RECEIVED;
			event->op = e.op_context;
		} else if (e.flags & FI_REMOTE_WRITE || event->has_data) {
			event->kind = FABRIC_WRITTEN;
		} else {
			event->kind = FABRIC_DONE;
			event->op = e.op_context;
		}
	}
	if (event->op)
		event->op->busy = false;
	return 0;
}
