/* SPDX-License-Identifier: MIT */
/* Set operations: update(), |, & and -, and many stores that are one write. */
#ifndef SAMARA_TREE_SETS_H
#define SAMARA_TREE_SETS_H

#include "tree_object.h"

PyObject *tree_update(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
/* The type's number slots. Either operand can be the tree. */
PyObject *tree_or(PyObject *left, PyObject *right);
PyObject *tree_and(PyObject *left, PyObject *right);
PyObject *tree_subtract(PyObject *left, PyObject *right);
PyObject *tree_or_in_place(PyObject *self, PyObject *right);
PyObject *tree_and_in_place(PyObject *self, PyObject *right);
PyObject *tree_subtract_in_place(PyObject *self, PyObject *right);

/* Store all ranges in order, or none. The tree has been entered and is idle, and the caller holds
 * the values. 0 or a status of the core. */
int tree_store_all(struct tree_object *self, const uint64_t *first, const uint64_t *last,
		   const uint64_t *words, size_t count);

#endif /* SAMARA_TREE_SETS_H */
