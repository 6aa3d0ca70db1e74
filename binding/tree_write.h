/* SPDX-License-Identifier: MIT */
/* Methods of a tree that write it. */
#ifndef SAMARA_TREE_WRITE_H
#define SAMARA_TREE_WRITE_H

#include "tree_object.h"

PyObject *tree_store_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames);
PyObject *tree_insert_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames);
PyObject *tree_erase(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames);
PyObject *tree_pop_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			 PyObject *kwnames);
PyObject *tree_alloc_cyclic(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames);
PyObject *tree_alloc_range(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			   PyObject *kwnames);
PyObject *tree_clear_all(struct tree_object *self, PyObject *unused);

#endif /* SAMARA_TREE_WRITE_H */
