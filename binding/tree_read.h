/* SPDX-License-Identifier: MIT */
/* Methods of a tree that read it. */
#ifndef SAMARA_TREE_READ_H
#define SAMARA_TREE_READ_H

#include "tree_object.h"

PyObject *tree_get(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		   PyObject *kwnames);
PyObject *tree_entry(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		     PyObject *kwnames);
PyObject *tree_find(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames);
PyObject *tree_find_rev(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames);
PyObject *tree_next(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames);
PyObject *tree_prev(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames);
PyObject *tree_first_entry(struct tree_object *self, PyObject *unused);
PyObject *tree_last_entry(struct tree_object *self, PyObject *unused);
PyObject *tree_covers(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		      PyObject *kwnames);
PyObject *tree_overlaps(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			PyObject *kwnames);
PyObject *tree_is_free(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		       PyObject *kwnames);
PyObject *tree_empty_area(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			  PyObject *kwnames);
PyObject *tree_dump(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
		    PyObject *kwnames);
PyObject *tree_check(struct tree_object *self, PyObject *unused);

#endif /* SAMARA_TREE_READ_H */
