/* SPDX-License-Identifier: MIT */
/* Methods of a tree that take or return arrays. */
#ifndef SAMARA_ARRAYS_H
#define SAMARA_ARRAYS_H

#include "tree_object.h"

PyObject *tree_from_arrays(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames);
PyObject *tree_to_arrays(struct tree_object *self, PyObject *unused);
PyObject *tree_load_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames);
PyObject *tree_store_many(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);

#endif /* SAMARA_ARRAYS_H */
