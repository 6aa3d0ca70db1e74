/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree.alloc_many(): alloc_range() for each of many sizes, all or nothing.
 *
 * Everything is converted first. A fork of the tree then gets all the values, and replaces the tree's
 * contents once the list of keys has been made. Compiled once for each width of codes. Owns its columns
 * and the results until it returns. Only for the type's method table.
 */
#include "alloc_many.h"
#include "area.h"
#include "attempt.h"
#include "key_column.h"
#include "errors.h"

struct request {
	struct area area;
	struct key_column sizes;
	struct column values;
	const mt_key *spans; /* the sizes, each less 1 */
	const uint64_t *words;
	mt_key *starts; /* owned: the results */
};

static void request_close(struct request *request)
{
	key_column_close(&request->sizes);
	column_close(&request->values);
	PyMem_Free(request->starts);
}

/* Open the values as the tree's dtype needs them. */
static int open_values(struct request *request, PyObject *given, enum dtype dtype)
{
	column_close(&request->values);
	if (column_open(&request->values, given, "values", dtype == DTYPE_OBJECT) < 0)
		return -1;
	if (request->values.count == request->sizes.column.count)
		return 0;
	PyErr_Format(PyExc_ValueError, "sizes and values must have the same length, not %zu, %zu",
		     request->sizes.column.count, request->values.count);
	return -1;
}

/* Set the area's size to that of an item. */
static void use_size(struct request *request, size_t at)
{
	request->area.size = request->spans[at] + 1;
	request->area.size_above = request->sizes.outside && request->sizes.outside[at];
	request->area.size_whole = request->area.size == 0 && !request->area.size_above;
}

/* Set NoSpaceError for an item. */
static void raise_no_space(struct request *request, size_t at)
{
	PyObject *type, *error, *traceback;
	PyObject *size = request->area.size_above
				 ? key_column_key(&request->sizes, at)
				 : size_object(request->area.kind, request->area.size,
					       request->area.size_whole);

	if (!size)
		return;
	request->area.size_object = size;
	area_raise(&request->area);
	Py_DECREF(size);
	if (!PyErr_ExceptionMatches(request->area.kind->state->space_error))
		return;
	PyErr_Fetch(&type, &error, &traceback);
	PyErr_Format(request->area.kind->state->space_error, "position %zu: %S", at, error);
	Py_XDECREF(type);
	Py_XDECREF(error);
	Py_XDECREF(traceback);
}

/* Narrow the window: a search for an earlier, no larger size has found no room before its result.
 * Returns false if nothing is left. */
static bool skip_searched(struct area *area, mt_key start, mt_key last)
{
	if (area->reverse ? start <= area->first : last >= area->last)
		return false;
	if (area->reverse)
		area->last = start - 1;
	else
		area->first = last + 1;
	return true;
}

/* Find room for one item, and take it: 1; 0 if there is none, below 0 with an exception. `mas` is on
 * the result of the one before. */
static int alloc_one(struct ma_state *mas, struct request *request, size_t at)
{
	struct area area;
	mt_key *start = &request->starts[at];
	int status;

	use_size(request, at);
	area = request->area;
	if (at && request->spans[at] >= request->spans[at - 1] &&
	    !skip_searched(&area, start[-1], start[-1] + request->spans[at - 1]))
		return 0;
	status = area_find(mas->tree, &area, start);
	if (status <= 0)
		return status;
	mas_set_range(mas, *start, *start + request->spans[at]);
	status = mas_store_word(mas, request->words[at]);
	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 1;
}

/* Take all of them in a fork. 0 or -1. */
static int alloc_all(struct maple_tree *work, struct request *request)
{
	struct ma_state mas;
	size_t at = 0;
	int status = 1;

	mas_init(&mas, work, 0);
	while (status == 1 && at < request->sizes.column.count)
		status = alloc_one(&mas, request, at++);
	if (status == 0)
		raise_no_space(request, at - 1);
	return status == 1 ? 0 : -1;
}

static PyObject *list_of_starts(const struct request *request)
{
	size_t count = request->sizes.column.count;
	PyObject *list = PyList_New((Py_ssize_t)count);

	for (size_t i = 0; list && i < count; i++) {
		PyObject *key = key_object(request->area.kind, request->starts[i]);

		if (!key)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, key);
	}
	return list;
}

/* One attempt, in a tree that has been entered and is idle: 1 with the list of keys; 0 to begin again;
 * -1. */
static int try_all(struct tree_object *self, struct request *request, struct attempt *attempt,
		   PyObject **keys)
{
	struct maple_tree work;
	int status;

	tree_begin_work(self, &work);
	status = alloc_all(&work, request);
	self->mt.ma_busy = false; /* only policies must not write the tree */
	*keys = NULL;
	if (status == 0) {
		attempt_begin(attempt, self);
		*keys = list_of_starts(request);
		status = attempt_end(attempt, self, keys);
	}
	/* Another thread may have begun a write meanwhile, and be asking the policy. */
	if (status == 1 && tree_require_idle(self) < 0) {
		Py_CLEAR(*keys);
		status = -1;
	}
	if (status == 1)
		tree_end_work(self, &work, 0);
	else
		mt_fini(&work);
	return status;
}

/* Convert the values, and enter the tree. 0 or -1. */
static int enter_with_values(struct tree_object *self, struct request *request, PyObject *given)
{
	enum dtype dtype;

	do {
		dtype = self->dtype;
		if (open_values(request, given, dtype) < 0)
			return -1;
		request->words = column_values(&request->values, dtype);
		if (!request->words || tree_enter(self) < 0)
			return -1;
	} while (self->dtype != dtype);
	return tree_require_idle(self);
}

PyObject *tree_alloc_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames)
{
	static const char *const names[] = {"sizes", "values", "first", "last", "align", "reverse"};
	static const struct signature signature = {"alloc_many", names, 6, 2, 2};
	struct request request = {.area = {.kind = self->kind}};
	struct attempt attempt = {0};
	PyObject *given[6];
	PyObject *keys = NULL;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	status = size_column_open(&request.sizes, self->kind, given[0], "sizes");
	if (status == 0)
		request.spans = size_column_counts(&request.sizes);
	if (status < 0 || !request.spans ||
	    window_within(self->kind, given[2], given[3], &request.area.first, &request.area.last) <
		    0 ||
	    area_options(&request.area, given[4], given[5]) < 0)
		goto out;
	request.starts = PyMem_New(mt_key, request.sizes.column.count);
	if (!request.starts) {
		PyErr_NoMemory();
		goto out;
	}
	do {
		status = enter_with_values(self, &request, given[1]);
		if (status == 0)
			status = try_all(self, &request, &attempt, &keys);
	} while (status == 0);
out:
	request_close(&request);
	return keys;
}
