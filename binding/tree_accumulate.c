/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: arithmetic on the numbers of a packed tree. The core does it
 * (mtree_accumulate()); this file checks and converts the arguments. Many ranges are done on a fork, while
 * other threads run: the core relies on what it has read of them, so they are copied. Owns nothing beyond
 * a call. Only for the type's method table.
 */
#include "tree_accumulate.h"
#include "errors.h"
#include "ranges.h"

#include <errno.h>

static const char *const operations[] = {
	[mt_op_add] = "add", [mt_op_min] = "min", [mt_op_max] = "max",
	[mt_op_or] = "or",   [mt_op_and] = "and",
};

enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

/* NULL: add. */
static int operation_parse(PyObject *object, enum mt_operation *operation)
{
	*operation = mt_op_add;
	if (!object)
		return 0;
	for (int i = 0; i < OPERATIONS && PyUnicode_Check(object); i++) {
		if (PyUnicode_CompareWithASCIIString(object, operations[i]) == 0) {
			*operation = (enum mt_operation)i;
			return 0;
		}
	}
	PyErr_Format(PyExc_ValueError, "op must be 'add', 'min', 'max', 'or' or 'and', not %R",
		     object);
	return -1;
}

/* Check that a tree of that dtype can do the operation. */
static int check_dtype(enum dtype dtype, enum mt_operation operation, const char *function)
{
	if (dtype == DTYPE_OBJECT) {
		PyErr_Format(PyExc_TypeError,
			     "%s() requires a tree with a dtype: use map_range() for objects",
			     function);
		return -1;
	}
	if (dtype != DTYPE_F8 || operation < mt_op_or)
		return 0;
	PyErr_Format(PyExc_TypeError, "op must be 'add', 'min' or 'max' for dtype 'f8', not '%s'",
		     operations[operation]);
	return -1;
}

static enum mt_number number_of(enum dtype dtype)
{
	return dtype == DTYPE_U8   ? mt_number_unsigned
	       : dtype == DTYPE_I8 ? mt_number_signed
				   : mt_number_double;
}

/* None; or NULL with the exception of a status, unless it was raised already. */
static PyObject *finish(const struct tree_object *self, const struct mt_accumulation *what,
			const struct mt_entry *bad, int status)
{
	PyObject *first, *last;

	if (status == 0)
		Py_RETURN_NONE;
	if (status != -ERANGE)
		return raise_status(status);
	first = code_shown(self->kind, bad->first);
	last = first ? code_shown(self->kind, bad->last) : NULL;
	if (last)
		PyErr_Format(PyExc_OverflowError, "the sum over [%U, %U] is outside %s", first,
			     last,
			     what->number == mt_number_unsigned
				     ? "0 ... 18446744073709551615"
				     : "-9223372036854775808 ... 9223372036854775807");
	Py_XDECREF(first);
	Py_XDECREF(last);
	return NULL;
}

PyObject *tree_accumulate(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames)
{
	static const char *const names[] = {"first", "last", "value", "op"};
	static const struct signature signature = {"accumulate", names, 4, 3, 4};
	mt_key first, last;
	uint64_t word;
	struct mt_accumulation what = {.first = &first, .last = &last, .words = &word, .count = 1};
	struct mt_entry bad;
	PyObject *given[4];
	enum dtype dtype;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    window_require(self->kind, given[0], given[1], &first, &last) < 0 ||
	    operation_parse(given[3], &what.operation) < 0)
		return NULL;
	do {
		dtype = self->dtype;
		if (check_dtype(dtype, what.operation, "accumulate") < 0 ||
		    number_to_word(dtype, given[2], &word) < 0 || tree_enter(self) < 0)
			return NULL;
	} while (self->dtype != dtype);
	what.number = number_of(dtype);
	return finish(self, &what, &bad, mtree_accumulate(&self->mt, &what, &bad));
}

/* What is done with a fork of the tree while other threads run. */
struct call {
	const struct mt_accumulation *what;
	struct mt_entry *bad;
};

static int accumulate_all(struct maple_tree *work, const void *context)
{
	const struct call *call = context;

	return mtree_accumulate(work, call->what, call->bad);
}

/* Of ranges that were read for that dtype, in an entered tree: 0, a status; or 1: the tree has another
 * dtype now. */
static int accumulate_ranges(struct tree_object *self, const struct ranges *ranges,
			     enum dtype dtype, struct mt_accumulation *what, struct mt_entry *bad)
{
	const struct call call = {what, bad};
	int status = 1;

	what->number = number_of(dtype);
	what->first = ranges->firsts;
	what->last = ranges->lasts;
	what->words = ranges->words;
	what->count = ranges->count;
	what->same = ranges->number != NULL;
	if (what->count >= FEW && tree_stores_plainly(self))
		status = tree_write_beside(self, accumulate_all, &call);
	if (status > 0 && self->dtype == dtype)
		status = mtree_accumulate(&self->mt, what, bad);
	return status;
}

PyObject *tree_accumulate_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			       PyObject *kwnames)
{
	static const char *const names[] = {"first", "last", "values", "op"};
	static const struct signature signature = {"accumulate_many", names, 4, 3, 4};
	struct mt_accumulation what = {0};
	PyObject *given[4];
	PyObject *result;
	struct ranges ranges = {0};
	struct mt_entry bad;
	enum dtype dtype;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    operation_parse(given[3], &what.operation) < 0)
		return NULL;
	do {
		dtype = self->dtype;
		if (check_dtype(dtype, what.operation, "accumulate_many") < 0 ||
		    ranges_read(&ranges, self->kind, given, dtype, true) < 0 ||
		    (others_run(ranges.count) && ranges_keep(&ranges) < 0) ||
		    tree_enter(self) < 0 || tree_require_idle(self) < 0)
			status = -ECANCELED;
		else
			status = self->dtype == dtype
					 ? accumulate_ranges(self, &ranges, dtype, &what, &bad)
					 : 1;
	} while (status > 0);
	result = finish(self, &what, &bad, status);
	ranges_close(&ranges);
	return result;
}
