/* SPDX-License-Identifier: BSD-3-Clause */
/* errcode.c - the program's own error classes, codes and their texts */
#include "mpi_wrappers/api.h"

#include <errno.h>
#include <string.h>

#include "mpi_wrappers/lock.h"

/*
 * The real library numbers them in the order of the calls, and reuses what was
 * deleted.  So the calls are kept and made again after a restart; each must
 * give what it gave the program.  A program has a handful of them; one that
 * adds and deletes again and again comes back to where it was, and that is
 * forgotten (calls_fold).
 */
struct errcode_call {
	int function;
	int in, out;
	char *text;
};

static struct lock lock = LOCK_INIT; /* file scope: one MPI a process */
static struct errcode_call *calls;
static size_t ncalls, room;

static int make(const struct errcode_call *call, int *out)
{
	void *fn = real_fn(call->function);

	switch (call->function) {
	case FN_MPI_Add_error_class:
		return (int)CROSS(fn, out);
	case FN_MPI_Add_error_code:
		return (int)CROSS(fn, call->in, out);
	case FN_MPI_Add_error_string:
		return (int)CROSS(fn, call->in, call->text);
	default:
		return (int)CROSS(fn, call->in);
	}
}

static char *text_copy(const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = upper_alloc(len);

	return copy ? memcpy(copy, text, len) : NULL;
}

static bool calls_room(void)
{
	struct errcode_call *more;

	if (ncalls < room)
		return true;
	more = upper_realloc(calls, (2 * room + 16) * sizeof(*more));
	if (!more)
		return false;
	calls = more;
	room = 2 * room + 16;
	return true;
}

/* A new text for a code replaces the old one. */
static bool text_replaced(const struct errcode_call *call)
{
	for (size_t i = ncalls; i > 0; i--) {
		struct errcode_call *old = &calls[i - 1];

		if (old->function != call->function && old->in == call->in)
			return false; /* deleted since */
		if (old->function != call->function || old->in != call->in)
			continue;
		upper_free(old->text);
		old->text = call->text;
		return true;
	}
	return false;
}

static bool is_text(const struct errcode_call *call)
{
	return call->function == FN_MPI_Add_error_string ||
	       call->function == FN_MPIX_Delete_error_string;
}

static bool is_add(const struct errcode_call *call)
{
	return call->function == FN_MPI_Add_error_class ||
	       call->function == FN_MPI_Add_error_code;
}

/* The class or code `gone` is deleted: its texts need not come back. */
static void texts_drop(int gone)
{
	size_t left = 0;

	for (size_t i = 0; i < ncalls; i++) {
		if (is_text(&calls[i]) && calls[i].in == gone)
			upper_free(calls[i].text);
		else
			calls[left++] = calls[i];
	}
	ncalls = left;
}

/* The last n calls are those before them again, and add as many as they delete.
 */
static bool repeats(size_t n)
{
	const struct errcode_call *last = &calls[ncalls - n],
				  *before = last - n;
	long added = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_text(&last[i]) ||
		    last[i].function != before[i].function ||
		    last[i].in != before[i].in || last[i].out != before[i].out)
			return false;
		added += is_add(&last[i]) ? 1 : -1;
	}
	return !added;
}

/* After a delete.  If the same calls gave the same numbers twice, the second
 * time has changed nothing: what they added was free before, and is free again,
 * in the same order. */
static void calls_fold(void)
{
	for (size_t n = 2; 2 * n <= ncalls; n += 2) {
		if (!repeats(n))
			continue;
		ncalls -= n;
		return;
	}
}

static bool is_delete(int function)
{
	return function == FN_MPIX_Delete_error_class ||
	       function == FN_MPIX_Delete_error_code;
}

/* out: NULL for calls that give nothing. */
static int call_now(int function, int in, const char *text, int *out)
{
	struct thread_ctx *ctx = ctx_enter();
	struct errcode_call call = { .function = function, .in = in };
	int ret = MPI_SUCCESS;

	real_start();
	lock_take(&lock);
	if (text)
		call.text = text_copy(text);
	if (!calls_room() || (text && !call.text))
		ret = MPI_ERR_NO_MEM;
	if (!ret)
		ret = make(&call, out);
	if (ret) {
		upper_free(call.text);
	} else if (!text || !text_replaced(&call)) {
		call.out = out ? *out : 0;
		if (is_delete(function))
			texts_drop(in);
		calls[ncalls++] = call;
		if (is_delete(function))
			calls_fold();
	}
	lock_give(&lock);
	if (ret)
		ret = error_world(ret, function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Add_error_class(int *errorclass)
{
	return call_now(FN_MPI_Add_error_class, 0, NULL, errorclass);
}
API_ALIAS(MPI_Add_error_class);

int PMPI_Add_error_code(int errorclass, int *errorcode)
{
	return call_now(FN_MPI_Add_error_code, errorclass, NULL, errorcode);
}
API_ALIAS(MPI_Add_error_code);

int PMPI_Add_error_string(int errorcode, const char *string)
{
	return call_now(FN_MPI_Add_error_string, errorcode, string, NULL);
}
API_ALIAS(MPI_Add_error_string);

int PMPIX_Delete_error_class(int errorclass)
{
	return call_now(FN_MPIX_Delete_error_class, errorclass, NULL, NULL);
}
API_ALIAS(MPIX_Delete_error_class);

int PMPIX_Delete_error_code(int errorcode)
{
	return call_now(FN_MPIX_Delete_error_code, errorcode, NULL, NULL);
}
API_ALIAS(MPIX_Delete_error_code);

int PMPIX_Delete_error_string(int errorcode)
{
	return call_now(FN_MPIX_Delete_error_string, errorcode, NULL, NULL);
}
API_ALIAS(MPIX_Delete_error_string);

int errcode_rebuild(struct err *err)
{
	for (size_t i = 0; i < ncalls; i++) {
		int out = 0, *where = calls[i].out ? &out : NULL;

		if (make(&calls[i], where) || out != calls[i].out)
			return err_set(err, -EIO,
				       "%s gave the program %d, and does not "
				       "give it again",
				       api_names[calls[i].function],
				       calls[i].out);
	}
	return 0;
}
