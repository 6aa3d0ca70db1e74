/* SPDX-License-Identifier: MIT */
/* Ranges in columns, and the methods of a tree that take or return arrays. */
#ifndef SAMARA_ARRAYS_H
#define SAMARA_ARRAYS_H

#include "column.h"
#include "tree_object.h"

/* Ranges from columns. firsts, lasts and words are valid after ranges_convert(). */
struct ranges {
	struct column first;
	struct column last;
	struct column values;
	PyObject *number; /* borrowed: one value for all of them, instead of the column */
	const uint64_t *firsts;
	const uint64_t *lasts;
	const uint64_t *words; /* if `number`, only one */
	uint64_t word;
	size_t count;
};

/* From first, last and values: 0 or -1; call ranges_close() in both cases. `objects`: take the
 * values as objects, not as numbers. _with_number(): the third may be a number. */
int ranges_open(struct ranges *ranges, PyObject *const *given, bool objects);
int ranges_open_with_number(struct ranges *ranges, PyObject *const *given);
void ranges_close(struct ranges *ranges);
int ranges_convert(struct ranges *ranges, enum dtype dtype);
/* Check that no range ends before it begins, and if `rising` that they are in order. */
int ranges_check_order(const struct ranges *ranges, bool rising);

PyObject *tree_from_arrays(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames);
PyObject *tree_to_arrays(struct tree_object *self, PyObject *unused);
PyObject *tree_load_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames);
PyObject *tree_store_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);

#endif /* SAMARA_ARRAYS_H */
