/* SPDX-License-Identifier: MIT */
/* Methods of a tree that do arithmetic on ranges. */
#ifndef SAMARA_TREE_ACCUMULATE_H
#define SAMARA_TREE_ACCUMULATE_H

#include "tree_object.h"

PyObject *tree_accumulate(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);
PyObject *tree_accumulate_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			       PyObject *kwnames);

#endif /* SAMARA_TREE_ACCUMULATE_H */
