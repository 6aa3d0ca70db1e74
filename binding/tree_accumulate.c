/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree: arithmetic on the numbers of a packed tree. The core does it
 * (mtree_accumulate()); this file checks and converts the arguments. The GIL is held throughout.
 * Owns nothing beyond a call. Only for the type's method table.
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

/* Call the core in a tree that has been entered. None, or NULL with an exception. */
static PyObject *accumulate(struct tree_object *self, const struct mt_accumulation *what)
{
	PyObject *first, *last;
	struct mt_entry bad;
	int status = mtree_accumulate(&self->mt, what, &bad);

	if (status == 0)
		Py_RETURN_NONE;
	if (status != -ERANGE)
		return raise_status(status);
	first = code_shown(self->kind, bad.first);
	last = first ? code_shown(self->kind, bad.last) : NULL;
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
	return accumulate(self, &what);
}

PyObject *tree_accumulate_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			       PyObject *kwnames)
{
	static const char *const names[] = {"first", "last", "values", "op"};
	static const struct signature signature = {"accumulate_many", names, 4, 3, 4};
	struct mt_accumulation what = {0};
	PyObject *given[4];
	PyObject *result = NULL;
	struct ranges ranges = {0};
	enum dtype dtype;
	int status;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 ||
	    operation_parse(given[3], &what.operation) < 0)
		return NULL;
	do {
		dtype = self->dtype;
		status = check_dtype(dtype, what.operation, "accumulate_many");
		if (status == 0)
			status = ranges_read(&ranges, self->kind, given, dtype, true);
		if (status == 0)
			status = tree_enter(self);
	} while (status == 0 && self->dtype != dtype);
	if (status == 0) {
		what.number = number_of(dtype);
		what.first = ranges.firsts;
		what.last = ranges.lasts;
		what.words = ranges.words;
		what.count = ranges.count;
		what.same = ranges.number != NULL;
		result = accumulate(self, &what);
	}
	ranges_close(&ranges);
	return result;
}
