/* SPDX-License-Identifier: MIT */
/* Set operations: update(), |, & and -, and many stores that are one write. */
#ifndef SAMARA_TREE_SETS_H
#define SAMARA_TREE_SETS_H

#include "policy_builtin.h"
#include "tree_object.h"

PyObject *tree_update(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
/* The type's number slots. Either operand can be the tree. */
PyObject *tree_or(struct tree_object *self, PyObject *right);
PyObject *tree_and(struct tree_object *self, PyObject *right);
PyObject *tree_subtract(struct tree_object *self, PyObject *right);
PyObject *tree_or_in_place(struct tree_object *self, PyObject *right);
PyObject *tree_and_in_place(struct tree_object *self, PyObject *right);
PyObject *tree_subtract_in_place(struct tree_object *self, PyObject *right);

/* Store all ranges in order, or none. The tree has been entered and is idle, and the caller holds
 * the values. `erase`: first erase all from the first range to the last one. 0 or a status of the
 * core. */
int tree_store_all(struct tree_object *self, const struct columns *columns, bool erase);

#endif /* SAMARA_TREE_SETS_H */
