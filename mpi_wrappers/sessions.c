/* SPDX-License-Identifier: BSD-3-Clause */
/* sessions.c - sessions, their process sets, and communicators made of groups */
#include "mpi_wrappers/api.h"

#include <string.h>
#include <strings.h>

#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/gid.h"
#include "mpi_wrappers/init.h"
#include "runtime/base/fmt.h"

/*
 * There are no sessions below.  With the first one the real library is
 * initialized as by MPI_Init (init.c), and a session is a record with an error
 * handler: MPICH 4.0.2 has only two process sets, both of which are the world's,
 * and nothing of a group or communicator depends on its session.  So all that
 * comes of one is counted, drained and made again as any other.
 *
 * What a program sees of it: where not all ranks of the job open a session or
 * call MPI_Init, the first one waits for ever (MPICH waits when the first
 * communicator of several ranks is made).
 */
struct vsession {
	struct vobject obj;
	struct verrhandler *errhandler; /* NULL: errors are fatal */
};

static const char *const psets[] = { "mpi://WORLD", "mpi://SELF" };
#define NPSETS ((int)(sizeof(psets) / sizeof(psets[0])))

/* File-scope: belongs to the process. */
static _Atomic int open_sessions;

bool sessions_open(void)
{
	return atomic_load(&open_sessions) > 0;
}

/* --- errors
 * -------------------------------------------------------------------- */

/* MPICH raises what goes wrong with a session as what concerns no communicator
 * (error_world); a session's handler is for MPI_Session_call_errhandler only. */
static void call_handler(struct vsession *s, int code)
{
	struct verrhandler *handler = s->errhandler;
	int id = handler ? handler->obj.handle : MPI_ERRORS_ARE_FATAL;
	MPI_Session session = s->obj.handle;
	int told = code;

	if ((id == MPI_ERRORS_ARE_FATAL || id == MPI_ERRORS_ABORT) &&
	    comm_world) {
		error_flush();
		REAL(Comm_set_errhandler, MPI_COMM_WORLD, id);
		REAL(Comm_call_errhandler, MPI_COMM_WORLD, code);
	}
	if (!handler || !handler->fn)
		return;
	object_ref(handler);
	process_callback((void *)handler->fn, (long)&session, (long)&told, 0, 0,
			 0);
	object_put(handler);
}

/* NULL, and the error in *ret. */
static struct vsession *session_get(MPI_Session session, int *ret)
{
	struct vsession *s = handle_get(V_SESSION, session);

	*ret = s ? MPI_SUCCESS : MPI_ERR_SESSION;
	return s;
}

int PMPI_Session_set_errhandler(MPI_Session session, MPI_Errhandler errhandler)
{
	struct thread_ctx *ctx = ctx_enter();
	struct verrhandler *handler = errhandler_get(errhandler);
	int ret;
	struct vsession *s = session_get(session, &ret);

	if (s && (!handler || (handler->fn && handler->on != V_SESSION)))
		ret = MPI_ERR_ARG;
	if (!ret) {
		object_ref(handler);
		object_put(s->errhandler);
		s->errhandler = handler;
	}
	ret = error_world(ret, FN_MPI_Session_set_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_set_errhandler);

int PMPI_Session_get_errhandler(MPI_Session session, MPI_Errhandler *errhandler)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vsession *s = session_get(session, &ret);

	if (s && !errhandler)
		ret = MPI_ERR_ARG;
	if (!ret && s->errhandler)
		object_ref(s->errhandler);
	if (!ret)
		*errhandler = s->errhandler ? s->errhandler->obj.handle :
					      MPI_ERRORS_ARE_FATAL;
	ret = error_world(ret, FN_MPI_Session_get_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_get_errhandler);

int PMPI_Session_call_errhandler(MPI_Session session, int errorcode)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vsession *s = session_get(session, &ret);

	if (s)
		call_handler(s, errorcode);
	else
		ret = error_world(ret, FN_MPI_Session_call_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_call_errhandler);

/* --- their life
 * ---------------------------------------------------------------- */

static int make(struct thread_ctx *ctx, MPI_Info info,
		struct verrhandler *handler, MPI_Session *session)
{
	struct vsession *s;
	int ret;

	if (!handler || (handler->fn && handler->on != V_SESSION) || !session)
		return MPI_ERR_ARG;
	if (info != MPI_INFO_NULL && !real_info(info))
		return MPI_ERR_INFO;
	ret = init_for_session(ctx);
	s = ret ? NULL : handle_new(V_SESSION, sizeof(*s));
	if (!s)
		return ret ? ret : MPI_ERR_NO_MEM;
	/* MPICH 4.0.2 forgets the handler. */
	atomic_fetch_add(&open_sessions, 1);
	*session = s->obj.handle;
	return MPI_SUCCESS;
}

int PMPI_Session_init(MPI_Info info, MPI_Errhandler errhandler,
		      MPI_Session *session)
{
	struct thread_ctx *ctx = ctx_enter();
	struct verrhandler *handler = errhandler_get(errhandler);
	int ret = make(ctx, info, handler, session);

	ret = error_world(ret, FN_MPI_Session_init);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_init);

int PMPI_Session_finalize(MPI_Session *session)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_ERR_ARG;
	struct vsession *s = session ? session_get(*session, &ret) : NULL;

	if (s) {
		object_put(s->errhandler);
		object_put(s);
		*session = MPI_SESSION_NULL;
		if (atomic_fetch_sub(&open_sessions, 1) == 1)
			ret = init_no_session(ctx);
	} else {
		ret = error_world(ret, FN_MPI_Session_finalize);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_finalize);

/* An info with one entry. */
static int info_with(const char *key, const char *value, MPI_Info *info)
{
	int ret = PMPI_Info_create(info);

	return ret ? ret : PMPI_Info_set(*info, key, value);
}

int PMPI_Session_get_info(MPI_Session session, MPI_Info *info_used)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vsession *s = session_get(session, &ret);

	if (s && !info_used)
		ret = MPI_ERR_ARG;
	if (!ret)
		ret = info_with("thread_level", "MPI_THREAD_MULTIPLE",
				info_used);
	ret = error_world(ret, FN_MPI_Session_get_info);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_get_info);

/* --- process sets
 * --------------------------------------------------------------
 */

static int check_info(MPI_Info info)
{
	return info == MPI_INFO_NULL || real_info(info) ? MPI_SUCCESS :
							  MPI_ERR_INFO;
}

int PMPI_Session_get_num_psets(MPI_Session session, MPI_Info info,
			       int *npset_names)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vsession *s = session_get(session, &ret);

	if (s)
		ret = check_info(info);
	if (!ret && !npset_names)
		ret = MPI_ERR_ARG;
	if (!ret)
		*npset_names = NPSETS;
	ret = error_world(ret, FN_MPI_Session_get_num_psets);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_get_num_psets);

/* As much of the name as there is room for; without room, how much it needs. */
static int nth_pset(int n, int *pset_len, char *pset_name)
{
	if (!pset_len || n < 0 || n >= NPSETS || (*pset_len && !pset_name))
		return MPI_ERR_ARG;
	if (*pset_len == 0) {
		*pset_len = (int)strlen(psets[n]) + 1;
		return MPI_SUCCESS;
	}
	strncpy(pset_name, psets[n], (size_t)*pset_len - 1);
	pset_name[*pset_len - 1] = '\0';
	return MPI_SUCCESS;
}

int PMPI_Session_get_nth_pset(MPI_Session session, MPI_Info info, int n,
			      int *pset_len, char *pset_name)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vsession *s = session_get(session, &ret);

	if (s)
		ret = check_info(info);
	if (!ret)
		ret = nth_pset(n, pset_len, pset_name);
	ret = error_world(ret, FN_MPI_Session_get_nth_pset);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_get_nth_pset);

int PMPI_Session_get_pset_info(MPI_Session session, const char *pset_name,
			       MPI_Info *info)
{
	struct thread_ctx *ctx = ctx_enter();
	char text[16] = "1";
	int ret;
	struct vsession *s = session_get(session, &ret);

	/* MPICH compares them exactly here, and without case for groups. */
	if (s && (!pset_name || !info ||
		  (strcmp(pset_name, psets[0]) && strcmp(pset_name, psets[1]))))
		ret = MPI_ERR_ARG;
	if (!ret && !strcmp(pset_name, psets[0]))
		fmt_print(text, sizeof(text), "%d", comm_world->size);
	if (!ret)
		ret = info_with("mpi_size", text, info);
	ret = error_world(ret, FN_MPI_Session_get_pset_info);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_get_pset_info);

int PMPI_Group_from_session_pset(MPI_Session session, const char *pset_name,
				 MPI_Group *newgroup)
{
	struct thread_ctx *ctx = ctx_enter();
	int of = MPI_COMM_NULL, made = MPI_GROUP_NULL, ret;
	struct vsession *s = session_get(session, &ret);

	if (s && (!pset_name || !newgroup))
		ret = MPI_ERR_ARG;
	if (!ret && !strcasecmp(pset_name, psets[0]))
		of = MPI_COMM_WORLD;
	else if (!ret && !strcasecmp(pset_name, psets[1]))
		of = MPI_COMM_SELF;
	else if (!ret)
		ret = MPI_ERR_ARG;
	if (!ret)
		ret = REAL(Comm_group, of, &made);
	if (!ret)
		ret = group_made(made, newgroup);
	ret = error_world(ret, FN_MPI_Group_from_session_pset);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Group_from_session_pset);

/* --- communicators of groups
 * -----------------------------------------------------
 */

/* What the members of one call have: groups whose ranks are the world's, and a
 * number for the text.  (FNV-1a, Fowler, Noll, Vo) */
struct call {
	int function;
	uint64_t id;
	int *local, *remote;
	int nlocal, nremote;
	uint32_t hash;
	bool begun;
};

#define TAGS 32767

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261U;

	while (*text)
		hash = (hash ^ (uint8_t)*text++) * 16777619U;
	return hash & 0x7fffffff;
}

static int tag_of(const struct call *c)
{
	return (int)(c->hash % TAGS);
}

static bool is_member(const int *ranks, int n)
{
	for (int i = 0; i < n; i++)
		if (ranks[i] == comm_world->rank)
			return true;
	return false;
}

/* remote: MPI_GROUP_NULL for an intracommunicator. */
static int call_begin(struct thread_ctx *ctx, struct call *c, MPI_Group local,
		      MPI_Group remote, const char *text)
{
	uint64_t a, b = 0;
	int *all;
	int ret;

	if (!text)
		return MPI_ERR_ARG;
	c->hash = hash_of(text);
	ret = comm_group_ranks(real_group(local), &c->local, &c->nlocal);
	if (!ret && remote != MPI_GROUP_NULL)
		ret = comm_group_ranks(real_group(remote), &c->remote,
				       &c->nremote);
	if (ret || !is_member(c->local, c->nlocal))
		return ret;
	a = gid_group(c->local, c->nlocal);
	if (c->nremote)
		b = gid_group(c->remote, c->nremote);
	c->id = comm_call_id(c->function, a < b ? a : b, a < b ? b : a,
			     (int)c->hash);
	all = upper_alloc((size_t)(c->nlocal + c->nremote) * sizeof(*all));
	if (!all)
		return MPI_ERR_NO_MEM;
	memcpy(all, c->local, (size_t)c->nlocal * sizeof(*all));
	if (c->nremote)
		memcpy(all + c->nlocal, c->remote,
		       (size_t)c->nremote * sizeof(*all));
	c->begun = !group_call_begin(ctx, c->id, all,
				     (unsigned int)(c->nlocal + c->nremote),
				     c->function);
	upper_free(all);
	return MPI_SUCCESS;
}

static void call_end(struct call *c)
{
	if (c->begun)
		group_call_end(c->id);
	upper_free(c->local);
	upper_free(c->remote);
}

/* The real communicator has its record, hints and error handler. */
static int hand_out(const struct call *c, int real, MPI_Info info,
		    MPI_Errhandler errhandler, MPI_Comm *newcomm)
{
	struct vcomm *made;
	int ret;

	REAL(Comm_set_errhandler, real, MPI_ERRORS_RETURN);
	if (info != MPI_INFO_NULL)
		(void)REAL(Comm_set_info, real, real_info(info));
	made = comm_new(real, c->function, NULL, NULL, &ret);
	if (!made)
		return ret;
	ret = comm_publish(made, c->nremote ?
					 comm_intercomm_id(made, (int)c->hash) :
					 comm_made_id(c->function, GID_WORLD,
						      made, (int)c->hash));
	if (ret)
		return ret;
	*newcomm = made->obj.handle;
	return PMPI_Comm_set_errhandler(*newcomm, errhandler);
}

static int check_arguments(MPI_Group group, MPI_Info info,
			   MPI_Errhandler errhandler, const MPI_Comm *newcomm)
{
	if (!comm_world)
		return MPI_ERR_OTHER;
	if (!handle_get(V_GROUP, group) && group != MPI_GROUP_EMPTY)
		return MPI_ERR_GROUP;
	if (check_info(info))
		return MPI_ERR_INFO;
	return errhandler_get(errhandler) && newcomm ? MPI_SUCCESS :
						       MPI_ERR_ARG;
}

int PMPI_Comm_create_from_group(MPI_Group group, const char *stringtag,
				MPI_Info info, MPI_Errhandler errhandler,
				MPI_Comm *newcomm)
{
	struct thread_ctx *ctx = ctx_enter();
	struct call c = { .function = FN_MPI_Comm_create_from_group };
	int made = MPI_COMM_NULL;
	int ret = check_arguments(group, info, errhandler, newcomm);

	if (!ret)
		ret = call_begin(ctx, &c, group, MPI_GROUP_NULL, stringtag);
	if (!ret)
		*newcomm = MPI_COMM_NULL;
	if (!ret && c.begun)
		ret = REAL(Comm_create_group, MPI_COMM_WORLD, real_group(group),
			   tag_of(&c), &made);
	if (!ret && made != MPI_COMM_NULL)
		ret = hand_out(&c, made, info, errhandler, newcomm);
	call_end(&c);
	ret = error_world(ret, FN_MPI_Comm_create_from_group);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_create_from_group);

static int make_inter(const struct call *c, MPI_Group group, int leader,
		      int remote_leader, int *made)
{
	int local = MPI_COMM_NULL;
	int ret = REAL(Comm_create_group, MPI_COMM_WORLD, real_group(group),
		       tag_of(c), &local);

	if (!ret) {
		REAL(Comm_set_errhandler, local, MPI_ERRORS_RETURN);
		ret = REAL(Intercomm_create, local, leader, MPI_COMM_WORLD,
			   c->remote[remote_leader], tag_of(c), made);
		REAL(Comm_free, &local);
	}
	return ret;
}

int PMPI_Intercomm_create_from_groups(MPI_Group local_group, int local_leader,
				      MPI_Group remote_group, int remote_leader,
				      const char *stringtag, MPI_Info info,
				      MPI_Errhandler errhandler,
				      MPI_Comm *newintercomm)
{
	struct thread_ctx *ctx = ctx_enter();
	struct call c = { .function = FN_MPI_Intercomm_create_from_groups };
	int made = MPI_COMM_NULL;
	int ret = check_arguments(local_group, info, errhandler, newintercomm);

	if (!ret && !handle_get(V_GROUP, remote_group))
		ret = MPI_ERR_GROUP;
	if (!ret)
		ret = call_begin(ctx, &c, local_group, remote_group, stringtag);
	if (!ret)
		*newintercomm = MPI_COMM_NULL;
	if (!ret && (local_leader < 0 || local_leader >= c.nlocal ||
		     remote_leader < 0 || remote_leader >= c.nremote))
		ret = MPI_ERR_RANK;
	if (!ret && c.begun)
		ret = make_inter(&c, local_group, local_leader, remote_leader,
				 &made);
	if (!ret && made != MPI_COMM_NULL)
		ret = hand_out(&c, made, info, errhandler, newintercomm);
	call_end(&c);
	ret = error_world(ret, FN_MPI_Intercomm_create_from_groups);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Intercomm_create_from_groups);
