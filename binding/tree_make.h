/* SPDX-License-Identifier: MIT */
/* Making trees, and settling their kind of keys. */
#ifndef SAMARA_TREE_MAKE_H
#define SAMARA_TREE_MAKE_H

#include "tree_object.h"

/* For the type's tables. */
PyObject *tree_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
int tree_init(struct tree_object *self, PyObject *args, PyObject *kwargs);
PyObject *tree_restore_state(struct tree_object *self, PyObject *state);
PyObject *tree_from_arrays(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames);
PyObject *tree_from_arrow(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);
PyObject *tree_load(PyTypeObject *type, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

#endif /* SAMARA_TREE_MAKE_H */
