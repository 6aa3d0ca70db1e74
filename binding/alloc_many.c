/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree.alloc_many(): alloc_range() for each of many sizes, all or nothing.
 *
 * Everything is converted first, and the list of results is there before the tree is entered: then
 * only a policy can run between the first search and the last store. Owns its columns and the list
 * until it returns. Only for the type's method table.
 */
#include "alloc_many.h"
#include "area.h"
#include "column.h"
#include "errors.h"

struct request {
	struct area area;
	struct column sizes;
	struct column values;
	const mt_key *spans; /* the sizes, each less 1 */
	const uint64_t *words;
	mt_key start;   /* the last result */
	PyObject *starts; /* the list of results; nobody can see it before it is full */
};

static void request_close(struct request *request)
{
	column_close(&request->sizes);
	column_close(&request->values);
	Py_CLEAR(request->starts);
}

/* Open the values as the tree's dtype needs them. */
static int open_values(struct request *request, PyObject *given, enum dtype dtype)
{
	column_close(&request->values);
	if (column_open(&request->values, given, "values", dtype == DTYPE_OBJECT) < 0)
		return -1;
	if (request->values.count == request->sizes.count)
		return 0;
	PyErr_Format(PyExc_ValueError, "sizes and values must have the same length, not %zu, %zu",
		     request->sizes.count, request->values.count);
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
static void raise_no_space(const struct core_state *state, struct request *request, size_t at)
{
	PyObject *type, *error, *traceback;
	PyObject *size = request->area.size_above
				 ? Py_NewRef(PyTuple_GET_ITEM(request->sizes.items, (Py_ssize_t)at))
			 : request->area.size_whole
				 ? Py_NewRef(state->two_to_64)
				 : PyLong_FromUnsignedLongLong(request->area.size);

	if (!size)
		return;
	request->area.size_object = size;
	area_raise(&request->area);
	Py_DECREF(size);
	if (!PyErr_ExceptionMatches(state->space_error))
		return;
	PyErr_Fetch(&type, &error, &traceback);
	PyErr_Format(state->space_error, "position %zu: %S", at, error);
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
	PyObject *result;
	mt_key start;
	int status;

	use_size(request, at);
	area = request->area;
	if (at && request->spans[at] >= request->spans[at - 1] &&
	    !skip_searched(&area, request->start, request->start + request->spans[at - 1]))
		return 0;
	status = area_find(mas->tree, &area, &start);
	if (status <= 0)
		return status;
	/* An int is no container: making one starts no garbage collection. */
	result = PyLong_FromUnsignedLongLong(start);
	if (!result)
		return -1;
	PyList_SET_ITEM(request->starts, (Py_ssize_t)at, result);
	mas_set_range(mas, start, start + request->spans[at]);
	status = mas_store_word(mas, request->words[at]);
	request->start = start;
	if (status < 0)
		raise_status(status);
	return status < 0 ? -1 : 1;
}

static int alloc_all(struct tree_object *self, struct request *request)
{
	struct maple_tree work;
	struct ma_state mas;
	size_t at = 0;
	int status = 1;

	tree_begin_work(self, &work);
	mas_init(&mas, &work, 0);
	while (status == 1 && at < request->sizes.count)
		status = alloc_one(&mas, request, at++);
	tree_end_work(self, &work, status == 1 ? 0 : -1);
	if (status == 0)
		raise_no_space(self->state, request, at - 1);
	return status == 1 ? 0 : -1;
}

/* A list that only we know. */
static PyObject *hidden_list(size_t count)
{
	PyObject *list = PyList_New((Py_ssize_t)count);

	if (list)
		PyObject_GC_UnTrack(list);
	return list;
}

PyObject *tree_alloc_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames)
{
	static const char *const names[] = {"sizes", "values", "first", "last", "align", "reverse"};
	static const struct signature signature = {"alloc_many", names, 6, 2, 2};
	struct request request = {.sizes = {.kind = COLUMN_OBJECTS},
				  .values = {.kind = COLUMN_OBJECTS}};
	PyObject *given[6];
	PyObject *starts = NULL;
	enum dtype dtype;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0)
		return NULL;
	status = column_open(&request.sizes, given[0], "sizes", false);
	if (status == 0)
		request.spans = column_sizes(&request.sizes);
	if (status < 0 || !request.spans ||
	    window_require(given[2], given[3], &request.area.first, &request.area.last) < 0 ||
	    area_options(&request.area, given[4], given[5]) < 0)
		goto out;
	request.starts = hidden_list(request.sizes.count);
	if (!request.starts)
		goto out;
	do {
		dtype = self->dtype;
		status = open_values(&request, given[1], dtype);
		request.words = status == 0 ? column_values(&request.values, dtype) : NULL;
		if (!request.words || tree_enter(self) < 0)
			goto out;
	} while (self->dtype != dtype);
	if (tree_require_idle(self) == 0 && alloc_all(self, &request) == 0) {
		starts = Py_NewRef(request.starts);
		PyObject_GC_Track(starts);
	}
out:
	request_close(&request);
	return starts;
}
